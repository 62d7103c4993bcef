//! The operator of a scenario, who brings other configurations in force while it runs.

use super::scenario::Edit;
use super::world::{CLIENTS, START, World};
use super::yard::{Yards, farm};
use std::sync::Arc;

pub struct Operator {
    pub world: Arc<World>,
    pub edits: Vec<Edit>,
    pub yards: Arc<Yards>,
}

impl Operator {
    pub async fn run(self) {
        for edit in &self.edits {
            self.world.sleep_until(CLIENTS, START + edit.at).await;
            self.apply(edit).await;
        }
        self.world.state().clients -= 1;
    }

    /// At some node, and at another one when that has not done it.
    async fn apply(&self, edit: &Edit) {
        for turn in 0.. {
            let living = self.world.living();
            let number = living.get(turn % living.len().max(1)).copied();
            if let Some(node) = number.and_then(|number| self.world.node(number))
                && let Ok(revision) = node.apply(farm(&edit.yards, &self.yards), None).await
            {
                self.world.tell(format!("revision {revision} is in force"));
                self.world.mark("configured");
                return;
            }
            self.world.sleep_until(CLIENTS, self.world.now() + 200).await;
        }
    }
}
