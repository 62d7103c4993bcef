//! A node whose one blueprint lends out what is ready to be used: nothing is opened, set up or closed, so that what is
//! measured is Drydock and not a host.

use async_trait::async_trait;
use drydock_core::config::{BlueprintConfig, ConfigRevision};
use drydock_core::contract::{
    Access, Acquisition, Allocation, BlueprintArg, Descriptor, Failure, Handout, Labels, Needs, Progress, Refusal,
    Request, ResourceArg, Slot, StepOutcome, Steps,
};
use drydock_core::engine::{Farm, HOLD_GRACE, Node, Start};
use drydock_core::env::{Env, Real};
use drydock_core::model::protection::Protections;
use drydock_core::plugin::{Fault, Plugin, StepCall, View};
use drydock_core::store::Store;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

const KIND: &str = "ready-host";
const BLUEPRINT: &str = "shelf";

/// A node that ends with this.
pub struct Shelf {
    pub node: Arc<Node>,
    pub env: Arc<Real>,
}

impl Drop for Shelf {
    fn drop(&mut self) {
        self.env.end();
    }
}

/// A node over a new store, with room for so many resources.
pub async fn open(path: &Path, resources: u32) -> anyhow::Result<Shelf> {
    let config: BlueprintConfig = serde_json::from_value(serde_json::json!({
        "name": BLUEPRINT, "plugin": BLUEPRINT, "max_resources": resources,
    }))?;
    let plugin = Ready {
        descriptor: Descriptor {
            name: BLUEPRINT.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            kind: KIND.to_owned(),
            steps: Steps::NONE,
            ..Descriptor::default()
        },
        digest: "0".repeat(64),
        resources,
    };
    let farm = Farm {
        config: ConfigRevision { revision: 0, blueprints: BTreeMap::from([(BLUEPRINT.to_owned(), config)]) },
        plugins: BTreeMap::from([(BLUEPRINT.to_owned(), Arc::new(plugin) as Arc<dyn Plugin>)]),
        ..Farm::default()
    };
    let env = Real::new();
    let start = Start {
        env: Arc::clone(&env) as Arc<dyn Env>,
        store: Arc::new(Store::open_sqlite(path).await?),
        farm,
        name: "bench".to_owned(),
        protections: Protections::ALL,
        alone: true,
        sweeps: false,
        hold_grace: HOLD_GRACE,
    };
    Ok(Shelf { node: Node::start(start).await?, env })
}

pub fn request() -> Request {
    Request { kind: KIND.to_owned(), attributes: "{}".to_owned(), labels: Labels::new(), blueprint: None }
}

struct Ready {
    descriptor: Descriptor,
    digest: String,
    resources: u32,
}

#[async_trait]
impl Plugin for Ready {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    fn digest(&self) -> &str {
        &self.digest
    }

    async fn consider(&self, _: &BlueprintArg, _: &Request) -> Result<Result<Needs, Refusal>, Fault> {
        Ok(Ok(Needs { labels: Labels::new(), share: 1 }))
    }

    async fn allocate(
        &self,
        _: &BlueprintArg,
        _: &Request,
        view: &dyn View,
    ) -> Result<Result<Vec<Allocation>, Refusal>, Fault> {
        let keys: Vec<String> = (0..self.resources).map(|n| format!("host/{n}")).collect();
        let taken = view.taken(keys.clone()).await;
        let free = keys.iter().filter(|key| !taken.contains(key)).take(16);
        let offers: Vec<Allocation> = free
            .map(|key| Allocation {
                name: key.clone(),
                attributes: "{}".to_owned(),
                slots: vec![Slot::Named(key.clone())],
                ..Allocation::default()
            })
            .collect();
        if offers.is_empty() {
            let reason = "every host is taken".to_owned();
            return Ok(Err(Refusal::Full { slots: taken, resources: Vec::new(), reason }));
        }
        Ok(Ok(offers))
    }

    async fn acquire(
        &self,
        _: &BlueprintArg,
        _: &ResourceArg,
        _: &Request,
        _: &dyn View,
    ) -> Result<Result<Acquisition, Refusal>, Fault> {
        let handout = Handout { access: Access::Local, ..Handout::default() };
        Ok(Ok(Acquisition { slots: Vec::new(), share: 1, ready: Some(handout) }))
    }

    async fn act(&self, _: StepCall) -> Result<Result<Progress, Failure>, Fault> {
        Ok(Ok(Progress::Done(StepOutcome::default())))
    }
}
