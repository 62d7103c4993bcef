//! What a guest may call of `leases`: what its resource leases for itself.

use crate::bindings::leases;
use crate::call::{Call, Function};
use crate::translate::{given, wish};
use drydock_core::contract::{Access, NestedState, Wish};
use drydock_core::plugin::Nested;
use std::sync::Arc;
use tracing::warn;

/// So many leases may lead to one another before commands have a place to run in.
const STOREYS: usize = 8;

impl leases::Host for Call {
    async fn ask(&mut self, wishes: Vec<leases::Wish>) -> wasmtime::Result<Result<Vec<String>, String>> {
        Ok(match self.wishes(wishes) {
            Ok((nested, wishes)) => nested.ask(wishes).await,
            Err(why) => Err(why),
        })
    }

    async fn look(&mut self, lease: String) -> wasmtime::Result<Result<leases::State, String>> {
        let state = match self.nested() {
            Ok(nested) => nested.look(&lease).await,
            Err(why) => Err(why),
        };
        Ok(state.map(|state| match state {
            NestedState::Waiting(note) => leases::State::Waiting(note),
            NestedState::Active(handout) => leases::State::Active(given(&handout)),
            NestedState::Ended(why) => leases::State::Ended(why),
        }))
    }
}

impl Call {
    /// What a guest asks for, and whom, if it may.
    fn wishes(&self, wishes: Vec<leases::Wish>) -> Result<(Arc<dyn Nested>, Vec<Wish>), String> {
        let nested = self.nested()?;
        let mut all = Vec::with_capacity(wishes.len());
        for (n, asked) in wishes.into_iter().enumerate() {
            let asked = wish(asked).map_err(|broken| broken.within(&format!("wishes[{n}]")).to_string())?;
            self.may_lease(&asked.kind).inspect_err(|denial| {
                warn!(target: "drydock::plugin", blueprint = self.blueprint, function = self.function.name(), "denied: {denial}");
            })?;
            all.push(asked);
        }
        Ok((nested, all))
    }

    pub(crate) fn nested(&self) -> Result<Arc<dyn Nested>, String> {
        let function = self.function.name();
        match (&self.leases, self.function) {
            (Some(nested), Function::Act(_)) => Ok(Arc::clone(nested)),
            (_, Function::Check) => {
                Err("`check` only looks; nested leases are for open, activate, release and close".to_owned())
            }
            (_, Function::Act(_)) => Err(format!("there is nobody to lease from in this call of `{function}`")),
            _ => Err(format!("`{function}` only decides; nested leases are for open, activate, release and close")),
        }
    }

    /// Whether this blueprint may lease things of a type for its resources. The error names both sides and says what to
    /// do.
    fn may_lease(&self, kind: &str) -> Result<(), String> {
        let (blueprint, plugin) = (&self.blueprint, &self.rights.plugin);
        let Some(permission) = self.rights.asks.iter().find(|p| p.what == "leases" && p.scope == kind) else {
            return Err(format!(
                "the plugin {plugin} of the blueprint \"{blueprint}\" tried to lease a {kind}, but does not ask for \
                 `leases:{kind}` in what it says of itself; its author has to add that to `asks`"
            ));
        };
        let grant = format!("leases:{kind}");
        if self.rights.grants.contains(&grant) {
            return Ok(());
        }
        Err(format!(
            "the plugin {plugin} asks to lease things of type {kind} (it says: {}), which the operator has not granted \
             to the blueprint \"{blueprint}\"; to grant it, put this line into that [[blueprint]] of the configuration: \
             grants = [{}]",
            permission.reason,
            self.with_grant(&grant)
        ))
    }
}

/// Where commands go that are for what a nested lease gives.
pub(crate) async fn beneath(nested: Result<Arc<dyn Nested>, String>, mut on: Access) -> Result<Access, String> {
    for _ in 0..STOREYS {
        let Access::Via(lease) = &on else { return Ok(on) };
        let lease = lease.clone();
        on = match nested.clone()?.look(&lease).await? {
            NestedState::Active(handout) => handout.access,
            NestedState::Waiting(note) => return Err(format!("no command can go by way of {lease} yet: {note}")),
            NestedState::Ended(why) => return Err(format!("no command can go by way of {lease} any more: {why}")),
        };
    }
    Err("leases that lead to one another lead nowhere".to_owned())
}
