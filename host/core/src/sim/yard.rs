//! A blueprint for scenarios: what it makes, and how it misbehaves, is told by its description.

use super::outage::UNAVAILABLE;
use super::outside::Thing;
use super::world::{START, World};
use crate::config::{BlueprintConfig, Sweep, WarmConfig};
use crate::contract::{
    Absence, Acquisition, Allocation, Blame, BlueprintArg, Descriptor, Failure, Handout, Labels, Needs, NestedState,
    Next, Observation, PlaceArg, Progress, Refusal, Request, ResourceArg, Slot, StepOutcome, Steps, Thing as Seen,
    ThingState, Verdict, Wake, Wish,
};
use crate::engine::{Farm, PluginSource};
use crate::plugin::{Fault, HealthCall, ObserveCall, Plugin, Step, StepCall, View};
use async_trait::async_trait;
use std::sync::Arc;

/// How a yard is.
#[derive(Clone, Debug)]
pub struct Yard {
    pub name: &'static str,
    /// The name that it had before.
    pub was: Option<&'static str>,
    /// Plugins of one name that differ have different ones.
    pub variant: &'static str,
    pub kind: &'static str,
    /// What things stand on, each with the slots it takes, in order; empty: things out of thin air.
    pub bindings: &'static [&'static [&'static str]],
    pub labels: &'static [(&'static str, &'static str)],
    pub max_resources: Option<u32>,
    pub disabled: bool,
    /// Its deciding calls trap.
    pub broken: bool,
    pub shares: u32,
    pub overflow: u32,
    pub reclaim_after: u32,
    /// Things carry the labels of the request that they are made for, and serve nobody else.
    pub flavoured: bool,
    pub slots: Option<&'static str>,
    /// The types of what each thing leases for itself.
    pub stands_on: &'static [&'static str],
    pub steps: Steps,
    /// How often `open` answers `again`, and after which time.
    pub open_again: u32,
    pub open_pause: u64,
    /// How often `activate` answers `again`, and after which time.
    pub activate_again: u32,
    pub activate_pause: u64,
    /// How often `release` answers `again`, and after which time.
    pub release_again: u32,
    pub release_pause: u64,
    /// In seconds, as the blueprint is configured.
    pub idle_timeout: Option<u32>,
    pub max_uses: Option<u32>,
    /// So many are there, used or not; and the labels that they are made with.
    pub min_resources: u32,
    pub warm: &'static [(&'static str, &'static str)],
    /// Milliseconds that a decision takes for requests with this attribute text in them.
    pub slow: Option<(&'static str, i64)>,
    /// How many of the first calls of `activate` fail, and what should happen then.
    pub activate_fails: Option<(u32, Next)>,
    pub priority: i32,
    /// From when to when, in milliseconds from the start, its provider can't be had: no step does anything, but what was
    /// never made is closed without it.
    pub outage: Option<(i64, i64)>,
    /// Its things are looked at every so many seconds; 0 for never.
    pub check_every: u32,
    /// A binding that can't be reached from when to when, in milliseconds from the start.
    pub dead: Option<(&'static str, i64, i64)>,
    /// What stays have made on a binding is there until it is cleared, also when the thing on it is closed.
    pub lasting: bool,
    /// A binding on which no stay is ever set up.
    pub bad: Option<&'static str>,
    /// Until when, in milliseconds from the start, its quota is used up by others.
    pub quota: Option<i64>,
    /// It offers its bindings whether they are taken or not.
    pub stubborn: bool,
    /// What exists is looked at every so many seconds; 0 for never. What was left behind is removed.
    pub observe_every: u32,
    /// How long a look takes that tells what there was when it began, and after which time a thing can first be seen.
    /// Milliseconds.
    pub observe_pause: i64,
    pub lag: i64,
    /// From when to when, in milliseconds from the start, looks see nothing, and say so.
    pub blind: Option<(i64, i64)>,
    /// A thing that another installation has made for a resource of its own.
    pub foreign: Option<&'static str>,
    /// Each thing takes so much of a counted slot of its name space, of which there is so much.
    pub counted: Option<(u32, u32)>,
}

impl Yard {
    pub const HOSTS: Yard = Yard {
        name: "yard",
        was: None,
        variant: "",
        kind: "host",
        bindings: &[],
        labels: &[],
        max_resources: None,
        disabled: false,
        broken: false,
        shares: 1,
        overflow: 0,
        reclaim_after: 1,
        flavoured: false,
        slots: None,
        stands_on: &[],
        steps: Steps::ALL,
        open_again: 1,
        open_pause: 50,
        activate_again: 0,
        activate_pause: 50,
        release_again: 0,
        release_pause: 50,
        idle_timeout: None,
        max_uses: None,
        min_resources: 0,
        warm: &[],
        slow: None,
        activate_fails: None,
        priority: 0,
        outage: None,
        check_every: 0,
        dead: None,
        lasting: false,
        bad: None,
        quota: None,
        stubborn: false,
        observe_every: 0,
        observe_pause: 0,
        lag: 0,
        blind: None,
        foreign: None,
        counted: None,
    };

    fn digest(&self) -> String {
        format!("{}{}", self.name, self.variant)
    }
}

/// What a node is configured with for these yards.
pub fn farm(yards: &[Yard], every: &Arc<Yards>) -> Farm {
    let mut farm = Farm { source: Some(every.clone()), ..Farm::default() };
    for yard in yards {
        let plugin: Arc<dyn Plugin> = YardPlugin::new(yard.clone(), Arc::clone(&every.world));
        farm.components.insert(yard.digest(), Arc::new(yard.digest().into_bytes()));
        farm.plugins.insert(yard.name.to_owned(), plugin);
        let config = BlueprintConfig {
            max_resources: yard.max_resources,
            leases_per_resource: yard.shares,
            overflow: yard.overflow,
            reclaim_after: yard.reclaim_after,
            idle_timeout: yard.idle_timeout,
            max_uses: yard.max_uses,
            was: yard.was.map(str::to_owned),
            check_every: yard.check_every,
            observe_every: yard.observe_every,
            sweep: Sweep::Remove,
            min_resources: yard.min_resources,
            warm: WarmConfig {
                labels: yard.warm.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
                ..WarmConfig::default()
            },
            slots: yard.slots.map(str::to_owned),
            disabled: yard.disabled,
            priority: yard.priority,
            ..BlueprintConfig::new(yard.name, yard.name)
        };
        farm.config.blueprints.insert(yard.name.to_owned(), config);
    }
    farm
}

/// Every yard of a scenario, as what makes plugins of components.
pub struct Yards {
    pub world: Arc<World>,
    pub yards: Vec<Yard>,
}

#[async_trait]
impl PluginSource for Yards {
    async fn load(&self, component: &[u8]) -> Result<Arc<dyn Plugin>, String> {
        let yard = self.yards.iter().find(|yard| yard.digest().as_bytes() == component);
        let yard = yard.ok_or_else(|| "is of no yard".to_owned())?;
        Ok(YardPlugin::new(yard.clone(), Arc::clone(&self.world)))
    }
}

/// A yard as a plugin of one run.
pub struct YardPlugin {
    pub yard: Yard,
    pub world: Arc<World>,
    pub descriptor: Descriptor,
    digest: String,
    pub failed: std::sync::atomic::AtomicU32,
}

impl YardPlugin {
    pub fn new(yard: Yard, world: Arc<World>) -> Arc<YardPlugin> {
        let descriptor = Descriptor {
            name: yard.name.to_owned(),
            version: "0".to_owned(),
            kind: yard.kind.to_owned(),
            config_schema: "{}".to_owned(),
            request_schema: "{}".to_owned(),
            resource_schema: "{}".to_owned(),
            steps: yard.steps,
            health: yard.check_every > 0,
            inventory: yard.observe_every > 0,
            may_lease: yard.stands_on.iter().map(|kind| (*kind).to_owned()).collect(),
            ..Descriptor::default()
        };
        if let Some(foreign) = yard.foreign {
            let resource = format!("r-{foreign}");
            let thing = Thing { resource, binding: None, shares: 1, on: Vec::new(), visible_at: 0 };
            world.outside.seen().things.entry(foreign.to_owned()).or_insert(thing);
        }
        Arc::new(YardPlugin { digest: yard.digest(), yard, world, descriptor, failed: Default::default() })
    }

    fn labels(&self) -> Labels {
        self.yard.labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    async fn think(&self, request: &Request) {
        if let Some((text, millis)) = self.yard.slow
            && request.attributes.contains(text)
        {
            let at = self.world.now() + millis;
            self.world.sleep_until(super::world::CLIENTS, at).await;
        }
    }

    fn is_out(&self) -> bool {
        let since = self.world.now() - START;
        self.yard.outage.is_some_and(|(from, to)| (from..to).contains(&since))
    }

    fn is_dead(&self, on: &ResourceArg) -> bool {
        let since = self.world.now() - START;
        self.yard.dead.is_some_and(|(binding, from, to)| on.name == binding && (from..to).contains(&since))
    }

    /// The directories that a thing gets from what it leases for itself, or how its step ends without them.
    async fn ground(&self, call: &StepCall) -> Result<Vec<String>, Result<Progress, Failure>> {
        let Some(leases) = call.leases.as_ref().filter(|_| !self.yard.stands_on.is_empty()) else {
            return Ok(Vec::new());
        };
        let fails = |reason: String| Err(Failure { blame: Blame::Provider, next: Next::BackOff, reason, after: None });
        let wish = |(n, kind): (usize, &&str)| Wish {
            name: format!("{n}"),
            kind: (*kind).to_owned(),
            attributes: "{}".to_owned(),
            ..Wish::default()
        };
        let wishes = self.yard.stands_on.iter().enumerate().map(wish).collect();
        let mut directories = Vec::new();
        for lease in leases.ask(wishes).await.map_err(fails)? {
            match leases.look(&lease).await.map_err(fails)? {
                NestedState::Active(handout) => directories.extend(handout.directory),
                NestedState::Ended(why) => return Err(fails(why)),
                NestedState::Waiting(note) => {
                    let state = call.context.key.clone();
                    return Err(Ok(Progress::Again { state, wake: Wake::Lease(lease), note, percent: None }));
                }
            }
        }
        Ok(directories)
    }

    async fn open(&self, call: &StepCall) -> Result<Progress, Failure> {
        call.context.leftovers.iter().for_each(|left| self.world.outside.clear(&left.place));
        let on = match self.ground(call).await {
            Ok(on) => on,
            Err(ends) => return ends,
        };
        let attributes: serde_json::Value = serde_json::from_str(&call.resource.attributes).unwrap_or_default();
        let binding = attributes.get("binding").and_then(|binding| binding.as_str()).map(str::to_owned);
        let shares = call.resource.limit + self.yard.overflow;
        let visible_at = self.world.now() + self.yard.lag;
        let thing = Thing { resource: call.resource.id.clone(), binding, shares, on, visible_at };
        self.world.outside.open(&call.context.key, thing);
        let state = Some(call.context.key.clone());
        if call.context.attempt < self.yard.open_again {
            return Ok(Progress::Again {
                state: call.context.key.clone(),
                wake: Wake::After(self.yard.open_pause),
                note: "it starts".to_owned(),
                percent: None,
            });
        }
        Ok(Progress::Done(StepOutcome { state, ..StepOutcome::default() }))
    }

    fn activate(&self, attempt: u32, on: &ResourceArg, place: &PlaceArg) -> Result<Progress, Failure> {
        if attempt < self.yard.activate_again {
            return Ok(Progress::Again {
                state: "begun".to_owned(),
                wake: Wake::After(self.yard.activate_pause),
                note: "it is set up".to_owned(),
                percent: None,
            });
        }
        if self.yard.bad.is_some_and(|bad| on.name == bad) {
            let reason = "its disk is full".to_owned();
            return Err(Failure { blame: Blame::Provider, next: Next::Elsewhere, reason, after: None });
        }
        if let Some((times, next)) = self.yard.activate_fails {
            let failed = self.failed.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            if failed < times {
                let reason = "the yard's own failure".to_owned();
                return Err(Failure { blame: Blame::Provider, next, reason, after: None });
            }
        }
        // What can't be released makes nothing.
        if !self.yard.steps.release {
            return Ok(Progress::Done(StepOutcome { handout: Some(Handout::default()), ..StepOutcome::default() }));
        }
        if !self.world.outside.enter(&on.id, &place.id) {
            let reason = format!("{} does not exist", on.id);
            return Err(Failure { blame: Blame::Provider, next: Next::Gone, reason, after: None });
        }
        let handout = Handout { directory: Some(place.id.clone()), ..Handout::default() };
        Ok(Progress::Done(StepOutcome { handout: Some(handout), ..StepOutcome::default() }))
    }
}

#[async_trait]
impl Plugin for YardPlugin {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    fn digest(&self) -> &str {
        &self.digest
    }

    async fn consider(&self, _: &BlueprintArg, request: &Request) -> Result<Result<Needs, Refusal>, Fault> {
        if self.yard.broken {
            return Err(Fault::Trapped("the yard's own fault".to_owned()));
        }
        if self.yard.flavoured {
            return Ok(Ok(Needs { labels: Labels::new(), share: 1 }));
        }
        let labels = self.labels();
        let missing = request.labels.iter().find(|(key, value)| labels.get(*key) != Some(value));
        Ok(match missing {
            Some((key, value)) => Err(Refusal::Never(format!("nothing here is {key}={value}"))),
            None => Ok(Needs { labels: Labels::new(), share: 1 }),
        })
    }

    async fn allocate(
        &self,
        _: &BlueprintArg,
        request: &Request,
        view: &dyn View,
    ) -> Result<Result<Vec<Allocation>, Refusal>, Fault> {
        self.think(request).await;
        if self.yard.quota.is_some_and(|until| self.world.now() - START < until) {
            let reason = "the provider's quota is used up".to_owned();
            return Ok(Err(Refusal::NotNow { after: 10_000, reason }));
        }
        let counted = self.yard.counted.map(|(amount, limit)| Slot::Counted { key: "power".to_owned(), amount, limit });
        let allocation = |name: &str, attributes: String, slots: Vec<Slot>| Allocation {
            name: name.to_owned(),
            attributes,
            labels: if self.yard.flavoured { request.labels.clone() } else { self.labels() },
            slots,
            limit: Some(self.yard.shares),
            expected: None,
        };
        if self.yard.bindings.is_empty() {
            return Ok(Ok(vec![allocation(self.yard.name, "{}".to_owned(), counted.into_iter().collect())]));
        }
        let all: Vec<String> =
            self.yard.bindings.iter().flat_map(|slots| slots.iter()).map(|s| (*s).to_owned()).collect();
        let taken = if self.yard.stubborn { Vec::new() } else { view.taken(all.clone()).await };
        let free: Vec<Allocation> = self
            .yard
            .bindings
            .iter()
            .filter(|slots| slots.iter().all(|slot| !taken.iter().any(|taken| taken == slot)))
            .map(|slots| {
                let named = slots.iter().map(|slot| Slot::Named((*slot).to_owned())).collect();
                allocation(slots[0], serde_json::json!({ "binding": slots[0] }).to_string(), named)
            })
            .collect();
        if free.is_empty() {
            let reason = "every binding is taken".to_owned();
            return Ok(Err(Refusal::Full { slots: all, resources: Vec::new(), reason }));
        }
        Ok(Ok(free))
    }

    async fn acquire(
        &self,
        _: &BlueprintArg,
        _: &ResourceArg,
        request: &Request,
        _: &dyn View,
    ) -> Result<Result<Acquisition, Refusal>, Fault> {
        self.think(request).await;
        let ready = (!self.yard.steps.activate).then(Handout::default);
        Ok(Ok(Acquisition { slots: Vec::new(), share: 1, ready }))
    }

    async fn check(&self, call: HealthCall) -> Result<Verdict, Fault> {
        if self.is_dead(&call.resource) {
            return Ok(Verdict::Sick(format!("{} does not answer", call.resource.name)));
        }
        let seen = self.world.outside.seen();
        Ok(match seen.things.values().any(|thing| thing.resource == call.resource.id) {
            true => Verdict::Healthy,
            false => Verdict::Gone(format!("{} does not exist any more", call.resource.name)),
        })
    }

    async fn observe(&self, _: ObserveCall) -> Result<Result<Observation, Failure>, Fault> {
        let now = self.world.now();
        let blind = self.yard.blind.is_some_and(|(from, to)| (from..to).contains(&(now - START)));
        let thing = |(id, resource): (String, String)| Seen {
            id,
            resource: Some(resource),
            slot: None,
            attributes: "{}".to_owned(),
            labels: Labels::new(),
            state: ThingState::Present,
        };
        let things = if blind { Vec::new() } else { self.world.outside.list(now) };
        let things = things.into_iter().map(thing).collect();
        self.world.sleep_until(super::world::CLIENTS, now + self.yard.observe_pause).await;
        Ok(Ok(Observation { things, complete: !blind, began: now as u64, absence: Absence::Gone }))
    }

    async fn remove(&self, _: ObserveCall, thing: &Seen) -> Result<Result<Progress, Failure>, Fault> {
        self.world.outside.sweep(&thing.id);
        self.world.mark("swept");
        Ok(Ok(Progress::Done(StepOutcome::default())))
    }

    async fn act(&self, call: StepCall) -> Result<Result<Progress, Failure>, Fault> {
        let done = || Ok(Progress::Done(StepOutcome::default()));
        if self.is_dead(&call.resource) {
            // Where it is looked after, that finds out whether it is gone.
            let gone = call.step == Step::Activate && self.yard.check_every == 0;
            let next = if gone { Next::Gone } else { Next::BackOff };
            let reason = format!("{} does not answer", call.resource.name);
            return Ok(Err(Failure { blame: Blame::Provider, next, reason, after: None }));
        }
        let key = call.resource.state.clone().unwrap_or_else(|| format!("{}/open", call.resource.id));
        let asks = call.step != Step::Close || self.world.outside.seen().things.contains_key(&key);
        if self.is_out() && asks {
            let of = call.place.as_ref().map_or(&call.resource.id, |place| &place.id);
            self.world.outside.refuse(call.step, of);
            self.world.mark(match call.step {
                Step::Open => "open refused",
                Step::Activate => "activate refused",
                Step::Release => "release refused",
                Step::Close => "close refused",
            });
            return Ok(Err(unavailable()));
        }
        Ok(match (call.step, &call.place) {
            (Step::Open, _) => self.open(&call).await,
            (Step::Activate, Some(place)) => self.activate(call.context.attempt, &call.resource, place),
            (Step::Release, Some(_)) if call.context.attempt < self.yard.release_again => Ok(Progress::Again {
                state: "cleaning".to_owned(),
                wake: Wake::After(self.yard.release_pause),
                note: "it is cleaned".to_owned(),
                percent: None,
            }),
            (Step::Release, Some(place)) => {
                self.world.outside.leave(&call.resource.id, &place.id);
                done()
            }
            (Step::Close, _) => {
                call.context.leftovers.iter().for_each(|left| self.world.outside.clear(&left.place));
                self.world.outside.close(&call.resource.id, &key, self.yard.lasting, self.world.now());
                done()
            }
            (Step::Activate | Step::Release, None) => {
                return Err(Fault::Host("a step of a place came without one".to_owned()));
            }
        })
    }
}

fn unavailable() -> Failure {
    Failure { blame: Blame::Provider, next: Next::BackOff, reason: UNAVAILABLE.to_owned(), after: None }
}
