//! A component as a [`Plugin`]: a fresh store for every call, cut off when it takes too much.

use crate::bindings::with_health::{PluginWithHealth, PluginWithHealthPre};
use crate::bindings::with_inventory::{PluginWithInventory, PluginWithInventoryPre};
use crate::bindings::{self, PluginPre, types};
use crate::call::{Call, Function, Rights};
use crate::http::Denials;
use crate::sandbox::{Frame, Guest, Sandbox};
use crate::schemas::Schemas;
use crate::translate as t;
use async_trait::async_trait;
use drydock_core::contract::{
    Acquisition, Allocation, BlueprintArg, Descriptor, Failure, Needs, Observation, Progress, Refusal, Request,
    ResourceArg, StepOutcome, Thing, Verdict,
};
use drydock_core::plugin::{Fault, HealthCall, ObserveCall, Plugin, Step, StepCall, View};
use std::sync::Arc;
use std::time::Duration;
use wasmtime::Store;

/// A loaded component.
pub(crate) struct Component {
    sandbox: Arc<Sandbox>,
    instance: PluginPre<Call>,
    /// Where it exports `health`.
    health: Option<PluginWithHealthPre<Call>>,
    /// Where it exports `inventory`.
    inventory: Option<PluginWithInventoryPre<Call>>,
    digest: String,
    descriptor: Descriptor,
    schemas: Schemas,
    rights: Rights,
}

/// One acting call, with what it is about.
enum Act {
    Open,
    Activate(types::Place),
    Release(types::Place),
    Close,
}

impl Component {
    /// Asks the component to describe itself.
    pub(crate) async fn describe(
        sandbox: Arc<Sandbox>,
        instance: PluginPre<Call>,
        digest: String,
    ) -> Result<Component, Fault> {
        // What it exports under that name and not as the contract has it counts as not there: nobody calls it.
        let health = PluginWithHealthPre::new(instance.instance_pre().clone()).ok();
        let inventory = PluginWithInventoryPre::new(instance.instance_pre().clone()).ok();
        let frame = Frame {
            function: Function::Describe,
            blueprint: None,
            grants: &[],
            time: sandbox.limits().deciding_time,
            view: None,
            leases: None,
            denials: Denials::default(),
        };
        let call = |guest: bindings::Plugin, mut store: Store<Call>| -> Guest<_> {
            Box::pin(async move { guest.drydock_blueprint_planning().call_describe(&mut store).await })
        };
        let answer = sandbox.run(&instance, &Rights::default(), frame, call).await?;
        let descriptor = t::descriptor(answer).map_err(|broken| broken.in_answer_of("describe"))?;
        let descriptor = Descriptor { health: health.is_some(), inventory: inventory.is_some(), ..descriptor };
        let schemas = Schemas::new(&descriptor)
            .map_err(|error| Fault::BrokeContract(format!("`describe` answered what it may not: {error}")))?;
        let rights =
            Rights { plugin: descriptor.name.clone(), asks: descriptor.asks.clone().into(), grants: Vec::new() };
        Ok(Component { sandbox, instance, health, inventory, digest, descriptor, schemas, rights })
    }

    async fn run<T: Send + 'static>(
        &self,
        frame: Frame<'_>,
        call: impl FnOnce(bindings::Plugin, Store<Call>) -> Guest<T> + Send,
    ) -> Result<T, Fault> {
        self.sandbox.run(&self.instance, &self.rights, frame, call).await
    }

    fn inventory(&self, call: &ObserveCall) -> Result<&PluginWithInventoryPre<Call>, Fault> {
        let why = || Fault::Host(format!("the plugin of {} has no `inventory`", call.blueprint.name));
        self.inventory.as_ref().ok_or_else(why)
    }

    fn deciding<'a>(&self, function: Function, b: &'a BlueprintArg, view: Option<&'a dyn View>) -> Frame<'a> {
        Frame {
            function,
            blueprint: Some(b),
            grants: &[],
            time: self.sandbox.limits().deciding_time,
            view,
            leases: None,
            denials: Denials::default(),
        }
    }
}

/// A call about what is outside.
fn outside<'a>(function: Function, call: &'a ObserveCall, denials: &Denials) -> Frame<'a> {
    Frame {
        function,
        blueprint: Some(&call.blueprint),
        grants: &call.grants,
        time: Duration::from_millis(call.context.deadline),
        view: None,
        leases: None,
        denials: denials.clone(),
    }
}

/// What the plugin says of its failure, and what the host denied it: the guest saw a broken connection only.
fn explained(failure: Failure, denials: &Denials) -> Failure {
    Failure { reason: denials.explain(failure.reason), ..failure }
}

#[async_trait]
impl Plugin for Component {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    fn digest(&self) -> &str {
        &self.digest
    }

    async fn consider(&self, b: &BlueprintArg, r: &Request) -> Result<Result<Needs, Refusal>, Fault> {
        let (blueprint, request) = (t::blueprint(b), t::request(r));
        let answer = self
            .run(self.deciding(Function::Consider, b, None), |guest, mut store| {
                Box::pin(async move {
                    guest.drydock_blueprint_planning().call_consider(&mut store, &blueprint, &request).await
                })
            })
            .await?;
        match answer {
            Ok(needs) => Ok(Ok(t::needs(needs).map_err(|broken| broken.in_answer_of("consider"))?)),
            Err(refusal) => Ok(Err(t::refusal(refusal))),
        }
    }

    async fn allocate(
        &self,
        b: &BlueprintArg,
        r: &Request,
        view: &dyn View,
    ) -> Result<Result<Vec<Allocation>, Refusal>, Fault> {
        let (blueprint, request) = (t::blueprint(b), t::request(r));
        let answer = self
            .run(self.deciding(Function::Allocate, b, Some(view)), |guest, mut store| {
                Box::pin(async move {
                    guest.drydock_blueprint_planning().call_allocate(&mut store, &blueprint, &request).await
                })
            })
            .await?;
        match answer {
            Ok(list) => Ok(Ok(t::allocations(list, &self.schemas).map_err(|broken| broken.in_answer_of("allocate"))?)),
            Err(refusal) => Ok(Err(t::refusal(refusal))),
        }
    }

    async fn acquire(
        &self,
        b: &BlueprintArg,
        on: &ResourceArg,
        r: &Request,
        view: &dyn View,
    ) -> Result<Result<Acquisition, Refusal>, Fault> {
        let (blueprint, resource, request) = (t::blueprint(b), t::resource(on), t::request(r));
        let answer = self
            .run(self.deciding(Function::Acquire, b, Some(view)), |guest, mut store| {
                Box::pin(async move {
                    let planning = guest.drydock_blueprint_planning();
                    planning.call_acquire(&mut store, &blueprint, &resource, &request).await
                })
            })
            .await?;
        match answer {
            Ok(acquisition) => Ok(Ok(t::acquisition(acquisition).map_err(|broken| broken.in_answer_of("acquire"))?)),
            Err(refusal) => Ok(Err(t::refusal(refusal))),
        }
    }

    async fn check(&self, call: HealthCall) -> Result<Verdict, Fault> {
        let Some(instance) = &self.health else {
            return Err(Fault::Host("`check` was to be called, and the plugin does not have it".to_owned()));
        };
        let (context, blueprint, resource) =
            (t::context(&call.context), t::blueprint(&call.blueprint), t::resource(&call.resource));
        let denials = Denials::default();
        let frame = Frame {
            function: Function::Check,
            blueprint: Some(&call.blueprint),
            grants: &call.grants,
            time: Duration::from_millis(call.context.deadline),
            view: None,
            leases: None,
            denials: denials.clone(),
        };
        let check = |guest: PluginWithHealth, mut store: Store<Call>| -> Guest<_> {
            Box::pin(async move {
                let health = guest.drydock_blueprint_health();
                health.call_check(&mut store, &context, &blueprint, &resource).await
            })
        };
        Ok(match t::verdict(self.sandbox.run(instance, &self.rights, frame, check).await?) {
            Verdict::Sick(why) => Verdict::Sick(denials.explain(why)),
            verdict => verdict,
        })
    }

    async fn observe(&self, call: ObserveCall) -> Result<Result<Observation, Failure>, Fault> {
        let instance = self.inventory(&call)?;
        let (context, blueprint) = (t::context(&call.context), t::blueprint(&call.blueprint));
        let observe = |guest: PluginWithInventory, mut store: Store<Call>| -> Guest<_> {
            Box::pin(
                async move { guest.drydock_blueprint_inventory().call_observe(&mut store, &context, &blueprint).await },
            )
        };
        let denials = Denials::default();
        let frame = outside(Function::Observe, &call, &denials);
        match self.sandbox.run(instance, &self.rights, frame, observe).await? {
            Ok(seen) => Ok(Ok(t::observation(seen).map_err(|broken| broken.in_answer_of("observe"))?)),
            Err(failure) => Ok(Err(explained(t::failure(failure), &denials))),
        }
    }

    async fn remove(&self, call: ObserveCall, thing: &Thing) -> Result<Result<Progress, Failure>, Fault> {
        let instance = self.inventory(&call)?;
        let (context, blueprint, thing) = (t::context(&call.context), t::blueprint(&call.blueprint), t::thing(thing));
        let remove = |guest: PluginWithInventory, mut store: Store<Call>| -> Guest<_> {
            Box::pin(async move {
                guest.drydock_blueprint_inventory().call_remove(&mut store, &context, &blueprint, &thing).await
            })
        };
        let denials = Denials::default();
        let frame = outside(Function::Remove, &call, &denials);
        match self.sandbox.run(instance, &self.rights, frame, remove).await? {
            Ok(progress) => Ok(Ok(t::removal(progress).map_err(|broken| broken.in_answer_of("remove"))?)),
            Err(failure) => Ok(Err(explained(t::failure(failure), &denials))),
        }
    }

    async fn act(&self, call: StepCall) -> Result<Result<Progress, Failure>, Fault> {
        let step = call.step;
        let has = self.descriptor.steps;
        let has = match step {
            Step::Open => has.open,
            Step::Activate => has.activate,
            Step::Release => has.release,
            Step::Close => has.close,
        };
        if !has {
            return Ok(Ok(Progress::Done(StepOutcome::default())));
        }
        let act = match (step, &call.place) {
            (Step::Open, _) => Act::Open,
            (Step::Close, _) => Act::Close,
            (Step::Activate, Some(place)) => Act::Activate(t::place(place)),
            (Step::Release, Some(place)) => Act::Release(t::place(place)),
            (Step::Activate | Step::Release, None) => {
                return Err(Fault::Host(format!("`{}` was to be called without a place", step.name())));
            }
        };
        let (context, blueprint, resource) =
            (t::context(&call.context), t::blueprint(&call.blueprint), t::resource(&call.resource));
        let denials = Denials::default();
        let frame = Frame {
            function: Function::Act(step),
            blueprint: Some(&call.blueprint),
            grants: &call.grants,
            time: Duration::from_millis(call.context.deadline),
            view: None,
            leases: call.leases.clone(),
            denials: denials.clone(),
        };
        let answer = self
            .run(frame, move |guest, mut store| {
                Box::pin(async move {
                    let steps = guest.drydock_blueprint_lifecycle();
                    let (c, b, on) = (&context, &blueprint, &resource);
                    match &act {
                        Act::Open => steps.call_open(&mut store, c, b, on).await,
                        Act::Activate(place) => steps.call_activate(&mut store, c, b, on, place).await,
                        Act::Release(place) => steps.call_release(&mut store, c, b, on, place).await,
                        Act::Close => steps.call_close(&mut store, c, b, on).await,
                    }
                })
            })
            .await?;
        match answer {
            Ok(progress) => {
                Ok(Ok(t::progress(progress, &call, &self.schemas).map_err(|b| b.in_answer_of(step.name()))?))
            }
            Err(failure) => Ok(Err(explained(t::failure(failure), &denials))),
        }
    }
}
