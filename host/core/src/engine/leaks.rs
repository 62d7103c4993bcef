//! What operators do about resources that can't be closed, and about what such have left outside.

use super::api::AskError;
use super::node::Node;
use crate::model::proposal::{Change, Forget, Lost, Outcome};
use crate::model::rows::{Leak, Resource};

impl Node {
    /// Gives up on a resource whose closing has failed, or that is held as it broke: it counts as closed, and what it may
    /// have left outside is on the leak list.
    pub async fn forget(&self, resource: &str, reason: &str) -> Result<Resource, AskError> {
        let id = self.find(resource).await?;
        let subject = self.read("resource", self.store.resource(&id)).await?;
        let leftovers = subject.leftovers.into_iter().filter(|left| left.resource == id);
        let change = Change::Forget(Forget {
            resource: id.clone(),
            leak: self.new_id("k"),
            leftovers: leftovers.map(|left| left.place).collect(),
            reason: reason.to_owned(),
        });
        match self.commit(change).await {
            Outcome::Done(_) | Outcome::Known => {}
            Outcome::Lost(Lost::Missing(_)) => return Err(AskError::NoSuchLease(id)),
            Outcome::Lost(lost) => return Err((&lost).into()),
            Outcome::Unknown(why) => return Err(AskError::Store(why)),
        }
        let subject = self.read("resource", self.store.resource(&id)).await?;
        subject.resource.ok_or(AskError::NoSuchLease(id))
    }

    /// What nobody will clean up by itself, newest first.
    pub async fn leaks(&self) -> Result<Vec<Leak>, AskError> {
        Ok(self.read("leaks", self.store.leaks(None)).await?)
    }

    /// Takes something off the list, since somebody has cleaned it up; answers what was on it.
    pub async fn clear_leak(&self, id: &str, reason: &str) -> Result<Leak, AskError> {
        let listed = self.read("leaks", self.store.leaks(Some(id))).await?;
        let leak = listed.into_iter().next().ok_or_else(|| AskError::NoSuchLeak(id.to_owned()))?;
        match self.commit(Change::ClearLeak { leak: leak.id.clone(), reason: reason.to_owned() }).await {
            // Somebody else may have been faster.
            Outcome::Done(_) | Outcome::Known | Outcome::Lost(Lost::Missing(_)) => Ok(leak),
            Outcome::Lost(lost) => Err((&lost).into()),
            Outcome::Unknown(why) => Err(AskError::Store(why)),
        }
    }
}
