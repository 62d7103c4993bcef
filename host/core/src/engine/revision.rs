//! Revisions of the configuration: how one is made, how a node learns of one, and how it takes effect.
//!
//! The last revision in the store is the one in force. Every node that learns of it announces it to the pools, which
//! happens once, and from then on plans that were made under another are refused.

use super::api::AskError;
use super::farm::{Configured, Farm, InForce};
use super::node::Node;
use crate::config::ConfigRevision;
use crate::model::proposal::{Change, Listed, Outcome};
use crate::store::{Store, StoreError};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The pause before a revision that could not be loaded is tried again, in milliseconds: doubled up to the second figure.
const RETRY: (i64, i64) = (1_000, 60_000);

/// Makes a farm's configuration the last revision of the store, unless it is that already. `base`: only if this is the
/// last one until then.
pub async fn make(
    store: &Store,
    mut farm: Farm,
    installation: String,
    now: i64,
    base: Option<u64>,
) -> Result<InForce, AskError> {
    farm.note_digests();
    for (digest, component) in &farm.components {
        store.save_plugin(digest, component, now).await?;
    }
    loop {
        let last = store.config(None).await?;
        let mut config = farm.config.clone();
        config.follow(read_last(&last)?.as_ref());
        let mut text = |revision: u64| {
            config.revision = revision;
            serde_json::to_string(&config).map_err(|error| AskError::Store(error.to_string()))
        };
        if let (Some(base), Some((revision, _))) = (base, &last)
            && base != *revision
        {
            return Err(AskError::Reconfigured { revision: *revision });
        }
        let revision = match &last {
            Some((number, last)) if text(*number)? == *last => *number,
            last => {
                let next = last.as_ref().map_or(0, |(number, _)| *number) + 1;
                if !store.save_config(next, now, &text(next)?).await? {
                    // Somebody else has made one meanwhile.
                    continue;
                }
                next
            }
        };
        return Ok(InForce::new(Farm { config, ..farm }, revision, installation));
    }
}

/// The store's last revision, from its text.
pub(super) fn read_last(last: &Option<(u64, String)>) -> Result<Option<ConfigRevision>, AskError> {
    let read = |(number, text): &(u64, String)| {
        let why = |error| AskError::Store(format!("revision {number} of the configuration can't be read: {error}"));
        serde_json::from_str(text).map_err(why)
    };
    last.as_ref().map(read).transpose()
}

/// What a node starts with that does not have the store alone: the store's last revision, or the first.
pub async fn first(store: &Store, mut farm: Farm, installation: String, now: i64) -> Result<InForce, AskError> {
    let Some((revision, text)) = store.config(None).await? else {
        return make(store, farm, installation, now, None).await;
    };
    farm.note_digests();
    farm.config.follow(read_last(&Some((revision, text.clone())))?.as_ref());
    farm.config.revision = revision;
    if serde_json::to_string(&farm.config).ok().as_ref() != Some(&text) {
        tracing::warn!(
            revision,
            "the configuration in force is another than that of the file; `drydock apply` brings the file in force"
        );
    }
    let own = InForce::new(farm, 0, installation);
    let known = InForce::of_store(store, &text, &own).await;
    known.map_err(|why| AskError::Store(format!("revision {revision} of the configuration can't be used: {why}")))
}

/// Learns of new revisions.
pub async fn run(node: Arc<Node>) {
    let mut pause = RETRY.0;
    loop {
        node.newer.notified().await;
        while let Err(error) = node.catch_up().await {
            if node.is_stopping() {
                return;
            }
            tracing::warn!(%error, "the configuration in force can't be loaded, so nothing new is decided here");
            node.env.sleep_until(node.env.now() + pause).await;
            pause = (pause * 2).min(RETRY.1);
        }
        pause = RETRY.0;
    }
}

impl Node {
    /// Makes a configuration the one in force, for every node over this store. `base`: only if this revision is in force
    /// until then. Returns the number of its revision, which is the one in force if nothing is changed.
    pub async fn apply(self: &Arc<Self>, farm: Farm, base: Option<u64>) -> Result<u64, AskError> {
        if self.is_stopping() {
            return Err(AskError::Stopping);
        }
        self.catch_up().await?;
        let _one = self.configuring.lock().await;
        let current = self.farm();
        let made = make(&self.store, farm, current.installation.clone(), self.env.now(), base);
        let farm = self.read("make a revision", async { Ok(made.await) }).await??;
        let revision = farm.revision;
        self.bring_in_force(farm).await?;
        Ok(revision)
    }

    /// Brings the store's last revision in force here, if it is not.
    pub(super) async fn catch_up(self: &Arc<Self>) -> Result<(), AskError> {
        let _one = self.configuring.lock().await;
        let current = self.farm();
        let last = self.read("the last revision", self.store.config(None)).await?;
        let Some((revision, text)) = last.filter(|(revision, _)| *revision > current.revision) else { return Ok(()) };
        let io = self.env.io().await;
        let farm = InForce::of_store(&self.store, &text, &current).await;
        drop(io);
        let farm = farm.map_err(|why| AskError::Store(format!("revision {revision} can't be used here: {why}")))?;
        self.bring_in_force(farm).await
    }

    async fn bring_in_force(self: &Arc<Self>, farm: InForce) -> Result<(), AskError> {
        if farm.revision <= self.farm().revision {
            return Ok(());
        }
        let kinds = self.announce(&farm).await?;
        tracing::info!(revision = farm.revision, "another revision of the configuration is in force");
        self.set_farm(farm);
        self.match_kinds(kinds);
        self.look_at_all();
        Ok(())
    }

    /// Tells every pool of a revision, unless somebody has; with the types of all pools that there are then.
    pub(super) async fn announce(&self, farm: &InForce) -> Result<BTreeSet<String>, AskError> {
        let revision = farm.revision as i64;
        let listed = |(name, blueprint): (&String, &Configured)| Listed {
            name: name.clone(),
            was: farm.was(name).map(str::to_owned),
            kind: blueprint.plugin.descriptor().kind.clone(),
            space: blueprint.config.slot_space().to_owned(),
            limit: blueprint.config.max_resources.map(i64::from),
        };
        loop {
            let pools = self.read("pools", self.store.pools()).await?;
            let known: BTreeSet<String> = pools.iter().map(|pool| pool.kind.clone()).collect();
            let told = pools.iter().all(|pool| pool.revision >= revision);
            if told && farm.kinds().iter().all(|kind| known.contains(kind)) {
                return Ok(known);
            }
            let before = self.read("blueprints", self.store.blueprints()).await?;
            let change = Change::Configure {
                revision,
                blueprints: farm.blueprints.iter().map(listed).collect(),
                before: before.into_iter().map(|row| row.name).collect(),
                pools: known.into_iter().collect(),
            };
            match self.commit(change).await {
                Outcome::Done(_) | Outcome::Known => {}
                Outcome::Lost(lost) => return Err((&lost).into()),
                Outcome::Unknown(why) => return Err(StoreError::Unknown(why).into()),
            }
        }
    }
}
