//! A matcher's commit. Only here are places given.

use super::Deciding;
use super::transition::Said;
use crate::contract::Slot;
use crate::model::news::Cause;
use crate::model::proposal::{Build, Done, Item, Lost, Overflow, Placement, Plan, Reclaim};
use crate::model::protection::Protection;
use crate::model::rows::{Doc, Event, Lease, Place, Resource, Wanted};
use crate::model::status::{LeaseStatus, PlaceStatus, ResourceStatus, Subject};
use std::collections::BTreeSet;

impl Deciding<'_> {
    pub fn plan(&mut self, plan: &Plan) -> Result<Done, Lost> {
        for seen in plan.pools() {
            let pool = self.rows.pools.get(&seen.pool).ok_or_else(|| Lost::Missing(seen.pool.clone()))?;
            if pool.version != seen.version && self.protections.has(Protection::Version) {
                return Err(Lost::Version);
            }
            if pool.revision != plan.revision && self.protections.has(Protection::Revision) {
                return Err(Lost::Revision(pool.revision));
            }
        }
        let first = self.rows.events.len();
        let mut items = Vec::with_capacity(plan.items.len());
        // Classes whose place in this plan was lost: who comes behind waits for the next plan, too.
        let mut behind: BTreeSet<String> = BTreeSet::new();
        for item in &plan.items {
            let classes = self.classes_of(item);
            if !behind.is_disjoint(&classes) && self.protections.has(Protection::Order) {
                items.push(Some(Lost::Behind));
                continue;
            }
            let mark = self.rows.mark();
            let n = self.n();
            let result = self.item(item, plan).and_then(|()| self.whole_sets(item));
            if result.is_err() {
                self.rows.undo_to(mark);
                self.rewind(n);
            }
            let lost = result.err();
            if let Some(Lost::Resource(_) | Lost::Slot(_) | Lost::Maximum(_) | Lost::Building(_)) = &lost {
                behind.extend(classes);
            }
            items.push(lost);
        }
        if !self.protections.has(Protection::ItemByItem)
            && let Some(Some(lost)) = items.iter().find(|lost| lost.is_some())
        {
            return Err(lost.clone());
        }
        if let (Some(record), Some(event)) = (&plan.record, self.rows.events.get_mut(first)) {
            event.detail = Some(with_decision(event.detail.take(), record));
        }
        let mut news = None;
        if items.iter().any(Option::is_none) {
            // Who is given what is there takes nothing that others could wait for.
            news = match plan.items.iter().all(|item| matches!(item, Item::Place(_))) {
                true => self.news_of(&plan.pool, Cause::Nothing),
                false => self.news(&plan.pool),
            };
            for seen in &plan.others {
                self.news(&seen.pool);
            }
            for seen in plan.pools() {
                if let Some(mut pool) = self.rows.pools.get(&seen.pool).cloned() {
                    pool.version += 1;
                    self.rows.pools.put(pool);
                }
            }
        }
        Ok(Done { items, news, ..Done::default() })
    }

    fn item(&mut self, item: &Item, plan: &Plan) -> Result<(), Lost> {
        match item {
            Item::Place(placement) => self.place_lease(placement, plan),
            Item::Build(build) => self.build(build, plan),
            Item::Reclaim(reclaim) => self.reclaim(reclaim),
            Item::GiveUp(given_up) => self.give_up(given_up),
            Item::Together(items) => {
                for item in items {
                    self.item(item, plan)?;
                    if let Item::Build(build) = item
                        && let Some(left_out) = build.takers.iter().find(|taker| !self.has_place(taker))
                    {
                        return Err(Lost::Lease(left_out.lease.clone()));
                    }
                }
                Ok(())
            }
        }
    }

    /// Nobody of a set that has got a place by this item is left waiting.
    fn whole_sets(&self, item: &Item) -> Result<(), Lost> {
        let takers: &[Placement] = match item {
            Item::Together(items) => return items.iter().try_for_each(|item| self.whole_sets(item)),
            Item::Place(placement) => std::slice::from_ref(placement),
            Item::Build(build) => &build.takers,
            Item::Reclaim(_) | Item::GiveUp(_) => &[],
        };
        for taker in takers.iter().filter(|taker| self.has_place(taker)) {
            let set = self.rows.leases.get(&taker.lease).and_then(|lease| lease.set_id.as_ref());
            let Some(set) = set.filter(|_| self.protections.has(Protection::Together)) else { continue };
            let waits = |mate: &&Lease| mate.set_id.as_ref() == Some(set) && mate.status == LeaseStatus::Pending;
            if let Some(mate) = self.rows.leases.iter().find(waits) {
                return Err(Lost::Lease(mate.id.clone()));
            }
        }
        Ok(())
    }

    fn has_place(&self, placement: &Placement) -> bool {
        let lease = self.rows.leases.get(&placement.lease);
        lease.is_some_and(|lease| lease.place.as_deref() == Some(&placement.place))
    }

    fn classes_of(&self, item: &Item) -> BTreeSet<String> {
        let lease = match item {
            Item::Place(placement) => Some(&placement.lease),
            Item::Build(build) => build.takers.first().map(|taker| &taker.lease),
            Item::Together(items) => return items.iter().flat_map(|item| self.classes_of(item)).collect(),
            Item::Reclaim(_) | Item::GiveUp(_) => None,
        };
        let lease = lease.and_then(|lease| self.rows.leases.get(lease));
        lease.map(|lease| lease.class.clone()).into_iter().collect()
    }

    fn build(&mut self, build: &Build, plan: &Plan) -> Result<(), Lost> {
        let kind = match (build.takers.first(), build.least) {
            (Some(taker), _) => self.lease(&taker.lease)?.kind,
            (None, Some(_)) => plan.pool.clone(),
            (None, None) => return Err(Lost::NoTaker),
        };
        if self.rows.resources.get(&build.resource).is_some() {
            return Err(Lost::Resource(build.resource.clone()));
        }
        self.is_shut(&build.blueprint)?;
        let mut blueprint = self.blueprint(&build.blueprint, &kind);
        if let Some(max) = build.max_resources
            && blueprint.used >= max
            && self.protections.has(Protection::Counter)
        {
            return Err(Lost::Maximum(build.blueprint.clone()));
        }
        if let Some(max) = build.max_building
            && blueprint.building >= max
            && self.protections.has(Protection::Counter)
        {
            return Err(Lost::Building(build.blueprint.clone()));
        }
        if build.takers.is_empty() && build.least.is_some_and(|least| blueprint.kept >= least) {
            return Err(Lost::Enough(build.blueprint.clone()));
        }
        // One probe at a time of what has failed, also if the look knew nothing of that.
        if blueprint.failures > 0 && blueprint.building > 0 && self.protections.has(Protection::SettingAside) {
            return Err(Lost::Building(build.blueprint.clone()));
        }
        self.take_slots(&build.space, &build.allocation.slots, &build.resource)?;
        blueprint.used += 1;
        blueprint.building += 1;
        let used = blueprint.used;
        self.rows.blueprints.put(blueprint);
        let resource = Resource {
            id: build.resource.clone(),
            kind: kind.clone(),
            blueprint: build.blueprint.clone(),
            space: build.space.clone(),
            revision: build.revision,
            digest: build.digest.clone(),
            name: build.allocation.name.clone(),
            status: ResourceStatus::Pending,
            wanted: Wanted::Keep,
            reason: None,
            drained: None,
            sick: None,
            attributes: build.allocation.attributes.clone(),
            labels: Doc(build.allocation.labels.clone()),
            slots: Doc(build.allocation.slots.clone()),
            used: 0,
            shares: build.shares,
            overflow: build.overflow,
            life: Doc(build.life),
            uses: 0,
            room: 0,
            spare: 0,
            state: None,
            note: None,
            attempt: 0,
            failures: 0,
            due_at: Some(self.at),
            open_by: self.at + build.open_timeout,
            waits_since: None,
            orphaned: 0,
            created_at: self.at,
            idle_since: Some(self.at),
            spared_at: None,
            ended_at: None,
            claim: self.node.to_owned(),
            epoch: 1,
        };
        let resource = self.put_resource(resource);
        let takers: Vec<&str> = build.takers.iter().map(|taker| taker.lease.as_str()).collect();
        let detail = serde_json::json!({
            "for": takers, "blueprint": build.blueprint, "count": used, "limit": build.max_resources,
            "keeps": build.least, "look": plan.news,
        });
        self.event(Event {
            subject: Subject::Resource,
            id: resource.id.clone(),
            pool: kind,
            resource: Some(resource.id.clone()),
            now: ResourceStatus::Pending.name().to_owned(),
            epoch: 1,
            ..self.blank(Said { reason: "allocated", detail: Some(detail.to_string()) })
        });
        if !build.opens {
            self.move_resource(resource, ResourceStatus::Active, "nothing to open", |resource| resource.due_at = None)?;
        }
        if !self.protections.has(Protection::PlaceInCommit) {
            return Ok(());
        }
        // A taker that has gone is left out alone; a resource that nobody is left for is not built.
        let mut placed = 0;
        for taker in &build.takers {
            let mark = self.rows.mark();
            let n = self.n();
            match self.place_lease(taker, plan) {
                Ok(()) => placed += 1,
                Err(_) => {
                    self.rows.undo_to(mark);
                    self.rewind(n);
                }
            }
        }
        if placed == 0 && !build.takers.is_empty() { Err(Lost::NoTaker) } else { Ok(()) }
    }

    /// Wants a resource away that stands in somebody's way, if still nobody is on it.
    fn reclaim(&mut self, reclaim: &Reclaim) -> Result<(), Lost> {
        let mut resource = self.resource(&reclaim.resource)?;
        let idle = resource.used == 0 && resource.idle_since == reclaim.idle_since;
        let stands = resource.status.alive() && resource.wanted == Wanted::Keep;
        if !stands || !idle && self.protections.has(Protection::CloseGuard) {
            return Err(Lost::Resource(resource.id));
        }
        resource.wanted = Wanted::End;
        resource.reason = Some(reclaim.reason.clone());
        let id = resource.id.clone();
        self.put_resource(resource);
        self.settle_resource(&id, reclaim.closes)
    }

    /// Whether so many shares more are within what a resource may be given in this commit.
    fn has_room(&self, resource: &Resource, share: i64, overflow: Option<Overflow>) -> bool {
        let used = resource.used + share;
        if used <= resource.shares || !self.protections.has(Protection::Shares) {
            return true;
        }
        let Some(overflow) = overflow else { return false };
        let full = self
            .rows
            .blueprints
            .get(&resource.blueprint)
            .is_some_and(|blueprint| blueprint.used >= overflow.max_resources);
        let least_loaded = resource.used == overflow.load || !self.protections.has(Protection::Load);
        full && least_loaded && used <= resource.shares + resource.overflow
    }

    fn place_lease(&mut self, placement: &Placement, plan: &Plan) -> Result<(), Lost> {
        let lease = self.lease(&placement.lease)?;
        let look = plan.pools().find(|seen| seen.pool == lease.kind).map_or(plan.news, |seen| seen.news);
        let waits = lease.status == LeaseStatus::Pending && lease.wanted == Wanted::Keep;
        if !waits && self.protections.has(Protection::LeaseGuard) {
            return Err(Lost::Lease(lease.id));
        }
        let mut resource = self.resource(&placement.resource)?;
        let share = i64::from(placement.acquisition.share);
        let stands = resource.status.alive() && resource.wanted == Wanted::Keep && resource.drained.is_none();
        if !stands && (self.protections.has(Protection::CloseGuard) || !resource.status.alive()) {
            return Err(Lost::Resource(resource.id));
        }
        if resource.sick.is_some() && self.protections.has(Protection::SickOut) {
            return Err(Lost::Resource(resource.id));
        }
        self.is_shut(&resource.blueprint)?;
        if !self.has_room(&resource, share, placement.overflow) {
            return Err(Lost::Resource(resource.id));
        }
        let slots: &Vec<Slot> = &placement.acquisition.slots;
        self.take_slots(&resource.space.clone(), slots, &placement.place)?;
        resource.used += share;
        resource.uses += 1;
        let last = resource.life.0.max_uses.is_some_and(|max| resource.uses >= max);
        if last && resource.wanted == Wanted::Keep && self.protections.has(Protection::Uses) {
            resource.wanted = Wanted::End;
            resource.reason = Some("it has been given to as many leases as it may (max_uses)".to_owned());
        }
        resource.idle_since = None;
        let open = resource.status == ResourceStatus::Active;
        if !open {
            self.adopt(&resource.id, &lease)?;
        }
        let ready = placement.acquisition.ready.clone();
        let nothing_to_do = ready.is_some() || !placement.activates;
        let quota = match &placement.quota {
            Some(quota) => self.take_quota(quota, &placement.place)?,
            None => serde_json::Value::Null,
        };
        let limit = if resource.used > resource.shares { resource.shares + resource.overflow } else { resource.shares };
        let count = resource.used;
        // Each commit that gives places raises the version, and nothing lowers it.
        let fence = self.rows.pools.get(&lease.kind).map_or(0, |pool| pool.version) + 1;
        self.put_resource(resource.clone());
        let place = Place {
            id: placement.place.clone(),
            lease: lease.id.clone(),
            resource: resource.id.clone(),
            kind: lease.kind.clone(),
            blueprint: resource.blueprint.clone(),
            space: resource.space.clone(),
            status: PlaceStatus::Held,
            share,
            slots: Doc(slots.clone()),
            ready: Doc(match nothing_to_do {
                true => Some(ready.unwrap_or_default()),
                false => None,
            }),
            releases: i64::from(placement.releases && !nothing_to_do),
            touched: 0,
            state: None,
            note: None,
            attempt: 0,
            failures: 0,
            due_at: None,
            created_at: self.at,
            claim: self.node.to_owned(),
            epoch: 1,
        };
        self.event(Event {
            subject: Subject::Place,
            id: place.id.clone(),
            pool: place.kind.clone(),
            lease: Some(lease.id.clone()),
            resource: Some(resource.id.clone()),
            now: PlaceStatus::Held.name().to_owned(),
            epoch: 1,
            ..self.blank(Said {
                reason: "placed",
                detail: Some(
                    serde_json::json!({
                        "count": count, "limit": limit, "over": count > resource.shares, "look": look, "fence": fence,
                        "quota": quota,
                    })
                    .to_string(),
                ),
            })
        });
        let claim = self.claim_of(&lease);
        let at = self.at;
        let take = |lease: &mut Lease| {
            lease.place = Some(placement.place.clone());
            lease.resource = Some(resource.id.clone());
            lease.claim = claim;
            lease.epoch += 1;
            lease.acquired_at = Some(at);
            lease.choice = placement.choice as i64;
            lease.fence = fence;
            lease.reason = None;
        };
        if open && nothing_to_do {
            let handout = place.ready.0.clone();
            self.rows.places.put(place);
            self.move_lease(lease, LeaseStatus::Active, "nothing to set up", |lease| {
                take(lease);
                lease.active_at = Some(at);
                lease.handout = Doc(handout);
            })?;
        } else {
            self.rows.places.put(if open { start_activating(place, at) } else { place });
            self.move_lease(lease, LeaseStatus::Acquired, "placed", take)?;
        }
        Ok(())
    }
}

/// A detail, an object of JSON, that says also what the plan was made from.
fn with_decision(detail: Option<String>, record: &str) -> String {
    let detail = detail.unwrap_or_else(|| "{}".to_owned());
    let open = detail.strip_suffix('}').unwrap_or("{");
    let comma = if open == "{" { "" } else { "," };
    format!("{open}{comma}\"decision\":{record}}}")
}

/// From now on `activate` may be called, so from now on there may be something to release.
pub(super) fn start_activating(place: Place, at: i64) -> Place {
    Place { touched: 1, due_at: Some(at), ..place }
}
