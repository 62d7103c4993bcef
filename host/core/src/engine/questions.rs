//! Deciding calls: asked beside the commit, answered into the matcher's memory.

use super::client::Answers;
use super::farm::{Configured, InForce};
use super::matcher::Matcher;
use super::node::{Node, lock};
use super::steps::resource_arg;
use crate::contract::{Acquisition, Refusal, Request, ResourceArg, ResourceStatusArg, Sight};
use crate::env::{Point, Verdict, What};
use crate::model::proposal::Change;
use crate::model::protection::Protection;
use crate::model::rows::{Considered, Resource};
use crate::planner::answers::{Acquired, Allocated, Answers as Memory, Offer, Question};
use crate::planner::look::{ClassLook, Look};
use crate::planner::shut::CONSIDER_AGAIN;
use crate::planner::warm::keeper;
use crate::plugin::{Fault, View};
use crate::store::Store;
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// At most this many offers of one answer are used.
const OFFERS: usize = 16;

/// Starts a task for each question. Each is open until its answer is in the matcher's memory.
pub fn ask(matcher: &Arc<Matcher>, farm: &Arc<InForce>, look: &Look, questions: &[Question]) {
    let now = matcher.node.env.now();
    for question in questions {
        let context = {
            let mut answers = lock(&matcher.answers);
            answers.open.insert(question.clone(), now);
            Context::of(farm, look, question, &answers)
        };
        let (matcher, question) = (Arc::clone(matcher), question.clone());
        let node = Arc::clone(&matcher.node);
        node.spawn("question", async move {
            if let Some(context) = context {
                context.answer(&matcher, &question).await;
            }
            lock(&matcher.answers).open.remove(&question);
            lock(&matcher.answered).insert(question.class().clone());
            matcher.answer.notify_one();
        });
    }
}

/// What a question is about, as the look saw it.
struct Context {
    /// What was in force then.
    farm: Arc<InForce>,
    class: String,
    request: Request,
    resource: Option<Resource>,
    waiting: usize,
    news: i64,
    freed: i64,
    /// What was offered before and is still to be had, where a set waits.
    beside: Vec<Offer>,
}

/// What a blueprint has offered a class in which a set waits, as far as the look shows it free.
fn beside(farm: &InForce, look: &Look, class: &ClassLook, question: &Question, answers: &Memory) -> Vec<Offer> {
    let Question::Allocate { class: id, blueprint } = question else { return Vec::new() };
    let Some(Allocated::Offers(offers)) = answers.allocated.get(&(id.clone(), blueprint.clone())) else {
        return Vec::new();
    };
    let Some(configured) = farm.blueprints.get(blueprint) else { return Vec::new() };
    if !class.heads.iter().any(|head| head.set.is_some()) {
        return Vec::new();
    }
    let space = configured.config.slot_space();
    let free = |offer: &&Offer| offer.allocation.slots.iter().all(|slot| look.is_free(space, slot));
    offers.iter().filter(free).cloned().collect()
}

/// How many a class is wanted for, also by those who only take it otherwise.
fn waiting(look: &Look, class: &ClassLook) -> usize {
    let mains = look.classes.iter().filter(|main| main.class.otherwise.0.contains(&class.class.id));
    let all = class.class.waiting + mains.map(|main| main.class.waiting).sum::<i64>();
    all.max(1) as usize
}

impl Context {
    fn of(farm: &Arc<InForce>, look: &Look, question: &Question, answers: &Memory) -> Option<Context> {
        let class = question.class();
        if let Some(keeper) = keeper(class) {
            return Context::for_nobody(farm, look, class, keeper);
        }
        let class = look.classes.iter().find(|look| look.class.id == *class)?;
        let resource = match question {
            Question::Acquire { resource, .. } => {
                let mut seen = class.candidates.values().chain(class.crowded.values()).flatten();
                Some(seen.find(|candidate| candidate.id == *resource)?.clone())
            }
            _ => None,
        };
        Some(Context {
            farm: Arc::clone(farm),
            class: class.class.id.clone(),
            request: class.class.request.0.clone(),
            resource,
            waiting: waiting(look, class),
            news: look.pool_of(&class.class.kind).news,
            freed: look.pool_of(&class.class.kind).freed,
            beside: beside(farm, look, class, question, answers),
        })
    }

    /// What is asked for a blueprint that keeps something though nobody has asked for it.
    fn for_nobody(farm: &Arc<InForce>, look: &Look, class: &str, blueprint: &str) -> Option<Context> {
        let found = farm.blueprints.get(blueprint)?;
        let kept = look.blueprints.get(blueprint).map_or(0, |row| row.kept.max(0) as usize);
        Some(Context {
            farm: Arc::clone(farm),
            class: class.to_owned(),
            request: found.config.warm_request(&found.plugin.descriptor().kind),
            resource: None,
            waiting: (found.config.min_resources as usize).saturating_sub(kept).max(1),
            news: look.pool.news,
            freed: look.pool.freed,
            beside: Vec::new(),
        })
    }

    async fn answer(self, matcher: &Matcher, question: &Question) {
        let node = &matcher.node;
        let blueprint = match (question, &self.resource) {
            (Question::Allocate { blueprint, .. }, _) => blueprint.clone(),
            (_, Some(resource)) => resource.blueprint.clone(),
            (_, None) => return self.consider(node).await,
        };
        let configured = match &self.resource {
            Some(resource) => {
                let io = node.env.io().await;
                let pinned = self.farm.pinned(resource, &node.store).await;
                drop(io);
                pinned
            }
            None => self
                .farm
                .blueprints
                .get(&blueprint)
                .cloned()
                .ok_or_else(|| Fault::Host(format!("blueprint {blueprint:?} is not configured any more"))),
        };
        let result = match configured {
            Ok(configured) => self.decide(matcher, &blueprint, &configured).await,
            Err(fault) => Err(fault),
        };
        if let Err(fault) = result {
            // Until the blueprint is tried again it counts as not to be had.
            let reason = fault.to_string();
            let change = Change::BlueprintFailed { blueprint: blueprint.clone(), reason: reason.clone() };
            node.commit(change).await;
            let refusal = Refusal::NotNow { after: 1_000, reason };
            let until = Some(node.env.now() + 1_000);
            self.keep(matcher, &blueprint, Err(refusal), until);
        }
    }

    async fn decide(&self, matcher: &Matcher, blueprint: &str, configured: &Configured) -> Result<(), Fault> {
        match &self.resource {
            Some(resource) => {
                let view = StoreView::new(&matcher.node, &resource.space, &resource.blueprint);
                let result = self.acquire(matcher, blueprint, configured, &resource_arg(resource), &view).await?;
                if let Ok(acquisition) = &result
                    && acquisition.share == 0
                {
                    return Err(Fault::BrokeContract("acquire answered a share of 0".to_owned()));
                }
                let until = until(matcher, &result);
                let answer = Acquired {
                    result,
                    status: resource.status,
                    news: view.used.load(Ordering::Relaxed).then_some(self.news),
                    until,
                    used: resource.used,
                };
                let key = (self.class.clone(), resource.id.clone());
                lock(&matcher.answers).acquired.insert(key, answer);
                Ok(())
            }
            None => {
                let allocated = self.allocate(matcher, blueprint, configured).await?;
                self.keep_allocated(matcher, blueprint, allocated);
                Ok(())
            }
        }
    }

    /// An answer counts under the revision of the config that the blueprint was asked under.
    fn keep_allocated(&self, matcher: &Matcher, blueprint: &str, answer: Allocated) {
        let mut answers = lock(&matcher.answers);
        if answers.revision == self.farm.revision {
            answers.answered(&self.class, blueprint, answer, self.beside.clone(), self.freed);
        }
    }

    fn keep(&self, matcher: &Matcher, blueprint: &str, result: Result<Acquisition, Refusal>, until: Option<i64>) {
        match (&self.resource, result) {
            (Some(resource), result) => {
                let answer = Acquired { result, status: resource.status, news: None, until, used: resource.used };
                lock(&matcher.answers).acquired.insert((self.class.clone(), resource.id.clone()), answer);
            }
            (None, Err(refusal)) => {
                self.keep_allocated(matcher, blueprint, Allocated::Refused { refusal, freed: self.freed, until });
            }
            (None, Ok(_)) => {}
        }
    }

    async fn acquire(
        &self,
        matcher: &Matcher,
        blueprint: &str,
        configured: &Configured,
        on: &ResourceArg,
        view: &StoreView<'_>,
    ) -> Result<Result<Acquisition, Refusal>, Fault> {
        let node = &matcher.node;
        let argument = self.farm.argument(blueprint, configured, node.env.now(), node.env.random());
        call(node, &format!("acquire {}", on.id), configured.plugin.acquire(&argument, on, &self.request, view)).await
    }

    async fn allocate(&self, matcher: &Matcher, blueprint: &str, configured: &Configured) -> Result<Allocated, Fault> {
        let node = &matcher.node;
        let config = &configured.config;
        let view = StoreView::new(node, config.slot_space(), &config.name);
        let argument = self.farm.argument(blueprint, configured, node.env.now(), node.env.random());
        let asked = configured.plugin.allocate(&argument, &self.request, &view);
        let allocations = match call(node, &format!("allocate {blueprint}"), asked).await? {
            Ok(allocations) => allocations,
            Err(refusal) => {
                let until = pause(matcher, &refusal);
                return Ok(Allocated::Refused { refusal, freed: self.freed, until });
            }
        };
        let mut offers = Vec::new();
        for allocation in allocations.into_iter().take(OFFERS.min(self.waiting)) {
            let limit = allocation.limit.unwrap_or(config.leases_per_resource);
            // The host gives the id first, so that the plugin can say how its own proposal would be used.
            let on = ResourceArg {
                id: node.new_id("r"),
                name: allocation.name.clone(),
                status: ResourceStatusArg::Pending,
                attributes: allocation.attributes.clone(),
                labels: allocation.labels.clone(),
                slots: allocation.slots.clone(),
                used: 0,
                limit,
                state: None,
            };
            match self.acquire(matcher, blueprint, configured, &on, &view).await? {
                Ok(acquisition) if acquisition.share >= 1 && acquisition.share <= limit => {
                    offers.push(Offer { resource: on.id, allocation, acquisition });
                }
                Ok(acquisition) => {
                    return Err(Fault::BrokeContract(format!(
                        "acquire answered a share of {} on the proposed {:?}, which has {limit}",
                        acquisition.share, allocation.name
                    )));
                }
                Err(refusal) => {
                    return Err(Fault::BrokeContract(format!(
                        "acquire refused {:?}, which allocate had just proposed: {refusal:?}",
                        allocation.name
                    )));
                }
            }
        }
        if offers.is_empty() {
            return Err(Fault::BrokeContract("allocate answered an empty list; it must refuse instead".to_owned()));
        }
        Ok(Allocated::Offers(offers))
    }

    /// Considers a class again, under the revision in force.
    async fn consider(&self, node: &Node) {
        let answers = match consider(node, &self.farm, &self.request).await {
            Ok(answers) => answers,
            Err(fault) => {
                tracing::warn!(class = self.class, %fault, "a class could not be considered again");
                node.env.sleep_until(node.env.now() + 1_000).await;
                return;
            }
        };
        let revision = self.farm.revision as i64;
        node.commit(Change::Consider { class: self.class.clone(), revision, answers }).await;
    }
}

/// What every configured blueprint of the type says of a request. Failures are counted.
pub async fn consider(node: &Node, farm: &InForce, request: &Request) -> Result<Answers, Fault> {
    let (answers, failed) = answers(node, farm, request).await?;
    for (blueprint, reason) in failed {
        node.commit(Change::BlueprintFailed { blueprint, reason }).await;
    }
    Ok(answers)
}

/// The same, with the blueprints that failed, and why.
pub async fn answers(
    node: &Node,
    farm: &InForce,
    request: &Request,
) -> Result<(Answers, BTreeMap<String, String>), Fault> {
    let mut answers = BTreeMap::new();
    let mut failed = BTreeMap::new();
    for (name, configured) in farm.of_kind(&request.kind) {
        if !farm.is_meant(name, &request.blueprints) {
            continue;
        }
        if configured.config.disabled && !node.protections.has(Protection::StillCounts) {
            answers.insert(name.clone(), Considered::Refuses(Refusal::Never("it is disabled".to_owned())));
            continue;
        }
        let argument = farm.argument(name, configured, node.env.now(), 0);
        let asked = configured.plugin.consider(&argument, request);
        let answer = match call(node, &format!("consider {name}"), asked).await {
            Ok(Ok(mut needs)) => {
                needs.share = needs.share.max(1);
                Considered::Serves(needs)
            }
            Ok(Err(refusal)) => Considered::Refuses(refusal),
            Err(fault @ Fault::Host(_)) => return Err(fault),
            // The others can serve it meanwhile.
            Err(fault) => {
                let reason = fault.to_string();
                failed.insert(name.clone(), reason.clone());
                Considered::Refuses(Refusal::NotNow { after: CONSIDER_AGAIN, reason })
            }
        };
        answers.insert(name.clone(), answer);
    }
    Ok((answers, failed))
}

async fn call<T>(node: &Node, note: &str, call: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
    let point = |after| Point { what: What::Decide, note: note.to_owned(), after };
    if node.env.point(point(false)).await == Verdict::Fail {
        return Err(Fault::Host(format!("{note} failed before it was made")));
    }
    node.calls.fetch_add(1, Ordering::Relaxed);
    let result = call.await;
    if node.env.point(point(true)).await == Verdict::Fail {
        return Err(Fault::Host(format!("the answer to {note} was lost")));
    }
    result
}

fn until(matcher: &Matcher, result: &Result<Acquisition, Refusal>) -> Option<i64> {
    result.as_ref().err().and_then(|refusal| pause(matcher, refusal))
}

fn pause(matcher: &Matcher, refusal: &Refusal) -> Option<i64> {
    match refusal {
        Refusal::NotNow { after, .. } => Some(matcher.node.env.now() + (*after).clamp(10, 3_600_000) as i64),
        Refusal::Never(_) | Refusal::Full { .. } => None,
    }
}

/// What deciding calls see of the world: the store, within one name space.
struct StoreView<'a> {
    store: &'a Store,
    node: &'a Node,
    space: String,
    blueprint: String,
    /// Whether anything was looked at, so that the answer may be another with other news.
    used: AtomicBool,
}

impl<'a> StoreView<'a> {
    fn new(node: &'a Node, space: &str, blueprint: &str) -> StoreView<'a> {
        let (space, blueprint) = (space.to_owned(), blueprint.to_owned());
        StoreView { store: &node.store, node, space, blueprint, used: AtomicBool::new(false) }
    }
}

#[async_trait]
impl View for StoreView<'_> {
    async fn taken(&self, keys: Vec<String>) -> Vec<String> {
        self.used.store(true, Ordering::Relaxed);
        let io = self.node.env.io().await;
        let taken = self.store.taken(&self.space, &keys).await;
        drop(io);
        // A store that can't be read makes everything look taken: the plugin offers nothing, and is asked again.
        let taken = taken.unwrap_or_else(|_| keys.clone());
        keys.into_iter().filter(|key| taken.contains(key)).collect()
    }

    async fn observed(&self) -> Option<Sight> {
        self.used.store(true, Ordering::Relaxed);
        let io = self.node.env.io().await;
        let observed = self.store.observed(Some(&self.blueprint)).await;
        drop(io);
        let row = observed.ok()?.into_iter().next().filter(|row| row.began > 0)?;
        Some(Sight {
            things: row.things.0,
            age: self.node.env.now().saturating_sub(row.began).max(0) as u64,
            complete: row.complete == 1,
        })
    }

    async fn used(&self, key: String) -> u32 {
        self.used.store(true, Ordering::Relaxed);
        let io = self.node.env.io().await;
        let used = self.store.used(&self.space, &key).await;
        drop(io);
        used.unwrap_or(u32::MAX)
    }
}
