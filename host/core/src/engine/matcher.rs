//! One pool's matcher: look, plan, commit, ask; until the news it has looked at is the pool's.

use super::api::Obstacle;
use super::farm::InForce;
use super::news::News;
use super::node::{Node, lock};
use super::questions;
use super::scope::{Scope, Sight};
use crate::model::proposal::{Change, Item, Lost, Outcome, Plan};
use crate::model::protection::Protection;
use crate::planner::answers::Answers;
use crate::planner::look::Look;
use crate::planner::record::Record;
use crate::planner::warm::warm_class;
use crate::planner::{Planned, Planner, plan};
use crate::store::{Sought, StoreError};
use futures::future::{Either, select};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use tokio::sync::{Notify, watch};

/// After this many plans in a row of which nothing could be committed, the matcher waits before the next.
const FRUITLESS: u32 = 4;

/// So many of the slots, and of the resources, that a blueprint's refusals name are looked at.
const IN_THE_WAY: usize = 1_024;

pub struct Matcher {
    pub node: Arc<Node>,
    pub kind: String,
    pub answers: Mutex<Answers>,
    /// The classes for which answers have come.
    pub answered: Mutex<BTreeSet<String>>,
    /// An answer has come.
    pub answer: Notify,
}

pub async fn run(node: Arc<Node>, kind: String, mut news: watch::Receiver<News>) {
    let (answers, answered) = (Mutex::default(), Mutex::default());
    let matcher = Arc::new(Matcher { node, kind, answers, answered, answer: Notify::new() });
    let mut fruitless = 0;
    let mut sight = Sight::default();
    loop {
        let told = news.borrow_and_update().clone();
        let scope = matcher.scope(&mut sight, &told);
        let round = matcher.round(&mut sight, &scope, &told).await;
        if matcher.node.is_stopping() {
            return;
        }
        let pause = match round {
            Round::Again => {
                fruitless = 0;
                sight.again(scope);
                continue;
            }
            Round::Fruitless => {
                sight.lost();
                fruitless += 1;
                if fruitless < FRUITLESS {
                    continue;
                }
                Some(matcher.node.env.now() + (100 << fruitless.min(8)))
            }
            Round::Unreadable => {
                sight.lost();
                Some(matcher.node.env.now() + 1_000)
            }
            Round::Outdated => {
                sight.lost();
                None
            }
            Round::Settled { seen, next } => {
                fruitless = 0;
                sight.settled(&scope, seen, next);
                if !sight.has_seen(&news.borrow_and_update()) {
                    continue;
                }
                sight.next()
            }
        };
        matcher.wait(&mut news, pause).await;
    }
}

/// What one round of looking and planning came to.
enum Round {
    /// Something was committed, and there may be more.
    Again,
    /// Nothing of the plan could be committed.
    Fruitless,
    /// All that was looked at is planned for, up to this news.
    Settled {
        seen: i64,
        next: Option<i64>,
    },
    Unreadable,
    /// Another revision of the configuration is in force than this node knows; once it does, it looks at everything.
    Outdated,
}

impl Matcher {
    async fn wait(&self, news: &mut watch::Receiver<News>, until: Option<i64>) {
        let woken = select(Box::pin(news.changed()), Box::pin(self.answer.notified()));
        match until {
            Some(at) => {
                select(woken, self.node.env.sleep_until(at)).await;
            }
            None => {
                if let Either::Left((Err(_), _)) = woken.await {
                    std::future::pending().await
                }
            }
        }
    }

    /// How much of the pool the next round looks at.
    fn scope(&self, sight: &mut Sight, told: &News) -> Scope {
        let answered = std::mem::take(&mut *lock(&self.answered));
        sight.scope(told, &answered, &lock(&self.answers), self.node.env.now(), self.node.protections)
    }

    async fn round(self: &Arc<Self>, sight: &mut Sight, scope: &Scope, told: &News) -> Round {
        if matches!(scope, Scope::Classes(classes) if classes.is_empty()) {
            return Round::Settled { seen: told.news, next: None };
        }
        let node = &self.node;
        let farm = node.farm();
        lock(&self.answers).under(farm.revision);
        let mut look = match self.look(&farm, &self.kind, scope).await {
            Ok(Some(look)) => look,
            Ok(None) => return Round::Settled { seen: 0, next: None },
            Err(error) => {
                tracing::warn!(pool = self.kind, %error, "the pool can't be looked at");
                return Round::Unreadable;
            }
        };
        if look.pool.revision > farm.revision as i64 && node.protections.has(Protection::Revision) {
            node.outdated();
            return Round::Outdated;
        }
        if let Err(error) = self.look_further(&farm, &mut look).await {
            tracing::warn!(pool = self.kind, %error, "the pools of a set can't be looked at");
            return Round::Unreadable;
        }
        sight.looked(scope, &look, &farm, &self.kind);
        // What came while a part was looked at may be about another part.
        let seen = match scope {
            Scope::Everything => look.pool.news,
            Scope::Classes(_) => look.pool.news.min(told.news),
        };
        let planned = self.plan(&farm, &look, scope);
        questions::ask(self, &farm, &look, &planned.questions);
        // Those who wait have been planned for with all that is there; only an answer brings them more.
        let asking = !planned.questions.is_empty();
        self.publish(&look, scope, planned.waits);
        if self.set_aside(planned.useless, look.pool.freed).await {
            return Round::Again;
        }
        if planned.plan.items.is_empty() {
            if planned.more {
                return Round::Again;
            }
            return Round::Settled { seen, next: planned.next };
        }
        self.commit(planned.plan, &look, seen, asking || planned.more, planned.next).await
    }

    /// Whoever keeps offering what is not to be had is set aside like what fails otherwise: the planner and the commit
    /// would never agree.
    async fn set_aside(&self, useless: impl IntoIterator<Item = (String, String)>, freed: i64) -> bool {
        let mut blueprints = BTreeSet::new();
        for (class, blueprint) in useless {
            if lock(&self.answers).was_useless(&class, &blueprint, freed) {
                blueprints.insert(blueprint);
            }
        }
        let any = !blueprints.is_empty();
        for blueprint in blueprints {
            let reason = "it keeps offering what is taken; see the slots of its offers".to_owned();
            self.node.commit(Change::BlueprintFailed { blueprint, reason }).await;
        }
        any
    }

    async fn look(&self, farm: &InForce, kind: &str, scope: &Scope) -> Result<Option<Look>, StoreError> {
        let sought = self.sought(farm, kind, scope);
        self.node.read(&format!("look at {kind}"), self.node.store.look(kind, &sought)).await
    }

    /// Looks at the other pools of those sets that are planned from here: the ones whose first type this is. Until they
    /// are served, the news of those pools is news here.
    async fn look_further(&self, farm: &InForce, look: &mut Look) -> Result<(), StoreError> {
        let heads = look.classes.iter().flat_map(|class| &class.heads);
        let sets = heads.filter_map(|head| head.set.as_ref()).filter(|set| set.kinds.first() == Some(&self.kind));
        let kinds: BTreeSet<String> = sets.flat_map(|set| set.kinds.iter().skip(1).cloned()).collect();
        self.node.follow(&self.kind, &kinds);
        for kind in kinds {
            if let Some(other) = self.look(farm, &kind, &Scope::Everything).await? {
                look.join(other);
            }
        }
        Ok(())
    }

    /// What the look has to bring beside the pool: what the answers so far are about.
    fn sought(&self, farm: &InForce, kind: &str, scope: &Scope) -> Sought {
        let blueprints = &farm.blueprints;
        let space = |blueprint: &String| blueprints.get(blueprint).map(|found| found.config.slot_space().to_owned());
        let (growth, above) = (farm.growth(kind), farm.above(kind));
        let warm = farm.of_kind(kind).filter(|(_, of)| of.config.min_resources > 0);
        let warm = warm.map(|(_, of)| of.config.slot_space().to_owned()).collect();
        let mut sought = Sought { growth, above, warm, order: farm.order.clone(), ..Sought::default() };
        if let Scope::Classes(classes) = scope {
            sought.classes = Some(classes.clone());
        }
        let answers = lock(&self.answers);
        sought.full = answers.full.clone();
        for (blueprint, slots) in answers.offered_slots(|class| scope.has(class)) {
            let Some(space) = space(&blueprint) else { continue };
            sought.offered.extend(slots.into_iter().map(|slot| (space.clone(), slot)));
        }
        for (blueprint, (slots, resources)) in answers.in_the_way(|class| scope.has(class)) {
            let Some(space) = space(&blueprint) else { continue };
            sought.slots.extend(slots.into_iter().take(IN_THE_WAY).map(|slot| (space.clone(), slot)));
            sought.resources.extend(resources.into_iter().take(IN_THE_WAY));
        }
        sought
    }

    /// Says what the classes of this pool wait for. No commit goes with it, so whoever waits for news is told here. Nobody
    /// waits in a class that was looked for and not seen.
    fn publish(&self, look: &Look, scope: &Scope, mut waits: BTreeMap<String, Vec<Obstacle>>) {
        let classes = look.classes.iter().map(|look| &look.class).filter(|class| class.kind == self.kind);
        let kept = look.blueprints.values().filter(|row| row.kind == self.kind).map(|row| warm_class(&row.name));
        let seen: BTreeSet<String> = classes.map(|class| class.id.clone()).chain(kept).collect();
        waits.retain(|class, _| seen.contains(class));
        let mut changed = false;
        let mut all = lock(&self.node.waits);
        let pool = all.entry(self.kind.clone()).or_default();
        match scope {
            Scope::Everything => {
                changed = *pool != waits;
                *pool = waits;
            }
            Scope::Classes(sought) => {
                for class in seen.union(sought) {
                    let before = pool.remove(class);
                    let now = waits.remove(class);
                    changed |= before != now;
                    pool.extend(now.map(|now| (class.clone(), now)));
                }
            }
        }
        drop(all);
        if changed {
            self.node.changed();
        }
    }

    fn plan(&self, farm: &InForce, look: &Look, scope: &Scope) -> Planned {
        let node = &self.node;
        let mut answers = lock(&self.answers);
        let mut terms = farm.terms(&self.kind);
        look.others.keys().for_each(|kind| terms.extend(farm.terms(kind)));
        if *scope == Scope::Everything {
            let warm = terms.values().filter(|terms| terms.warm.is_some()).map(|terms| warm_class(&terms.name));
            let classes = look.classes.iter().map(|class| class.class.id.clone());
            answers.keep_only(&classes.chain(warm).collect());
        }
        let (revision, at) = (farm.revision as i64, node.env.now());
        let planner = Planner {
            answers: &answers,
            terms: &terms,
            revision,
            at,
            protections: node.protections,
            new_place: &mut || node.new_id("p"),
        };
        let mut planned = plan(look, planner);
        let items = &planned.plan.items;
        if !items.is_empty() && node.env.records() {
            let record = Record::of(look, &answers, &terms, revision, at, items);
            planned.plan.record = Some(record.text());
        }
        match scope {
            Scope::Everything => answers.full = planned.full.clone(),
            Scope::Classes(_) => answers.full.extend(planned.full.iter().cloned()),
        }
        answers.keeps = match (&planned.keeps, answers.keeps.take()) {
            (Some(set), Some((known, since))) if *set == known => Some((known, since)),
            (Some(set), _) => Some((set.clone(), at)),
            (None, _) => None,
        };
        planned
    }

    async fn commit(&self, plan: Plan, look: &Look, seen: i64, more: bool, next: Option<i64>) -> Round {
        let builds: Vec<Vec<String>> = plan.items.iter().map(built).collect();
        let roomy = plan.items.iter().any(has_room_left);
        let outcome = self.node.commit(Change::Plan(plan)).await;
        let done = match outcome {
            Outcome::Done(done) => done,
            Outcome::Lost(_) => return Round::Again,
            // The offers may be used up; whatever they became, the next look sees it.
            Outcome::Known | Outcome::Unknown(_) => {
                let mut answers = lock(&self.answers);
                builds.iter().flatten().for_each(|resource| answers.drop_offer(resource));
                return Round::Again;
            }
        };
        let any = done.items.iter().any(Option::is_none);
        let useless = self.used_offers(&builds, &done.items, look);
        if self.set_aside(useless, look.pool.freed).await {
            return Round::Again;
        }
        match done.news {
            // Only this commit has touched the pool since the look, and it left nothing to be planned.
            Some((before, after)) if before == seen && !more && !roomy && done.items.iter().all(Option::is_none) => {
                Round::Settled { seen: after, next }
            }
            _ if any => Round::Again,
            _ => Round::Fruitless,
        }
    }

    /// Takes out the offers that a commit has used, or found to be others'; with those, by class and blueprint, of which
    /// it found that their slots are taken.
    fn used_offers(&self, builds: &[Vec<String>], lost: &[Option<Lost>], look: &Look) -> BTreeSet<(String, String)> {
        let mut answers = lock(&self.answers);
        let mut useless = BTreeSet::new();
        for (build, lost) in builds.iter().zip(lost) {
            let taken = matches!(lost, Some(Lost::Slot(_)));
            if taken && build.len() > 1 && answers.were_too_many(build, |class| look.freed(class)) {
                continue;
            }
            for resource in build {
                match answers.offered_to(resource) {
                    Some(key) if lost.is_none() => drop(answers.useless.remove(&key)),
                    Some(key) if taken => drop(useless.insert(key)),
                    _ => {}
                }
                if !matches!(lost, Some(Lost::NoTaker | Lost::Maximum(_) | Lost::Building(_))) {
                    answers.drop_offer(resource);
                }
            }
        }
        useless
    }
}

/// The resources that an item builds.
fn built(item: &Item) -> Vec<String> {
    match item {
        Item::Build(build) => vec![build.resource.clone()],
        Item::Together(items) => items.iter().flat_map(built).collect(),
        Item::Place(_) | Item::Reclaim(_) | Item::GiveUp(_) => Vec::new(),
    }
}

fn has_room_left(item: &Item) -> bool {
    match item {
        Item::Build(build) => {
            let taken: i64 = build.takers.iter().map(|taker| i64::from(taker.acquisition.share)).sum();
            taken < build.shares
        }
        Item::Together(items) => items.iter().any(has_room_left),
        Item::Place(_) | Item::Reclaim(_) | Item::GiveUp(_) => false,
    }
}
