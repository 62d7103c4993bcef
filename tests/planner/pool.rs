//! A pool as a look and the answers so far show it, and what a plan makes of it.

pub use drydock_core::config::{EDIT_GRACE, Growth, Life};
pub use drydock_core::contract::*;
pub use drydock_core::model::proposal::{Build, Item, Placement, RESOURCES};
pub use drydock_core::model::protection::Protections;
pub use drydock_core::model::rows::*;
pub use drydock_core::model::status::ResourceStatus;
pub use drydock_core::planner::answers::{Acquired, Allocated, Answers, Offer, Question};
pub use drydock_core::planner::look::{ClassLook, HEADS, Held, Look, Storey, Tower, Waiting, WaitingSet};
pub use drydock_core::planner::record::{LARGEST, Record, Recorded};
pub use drydock_core::planner::terms::Terms;
pub use drydock_core::planner::{Planned, Planner, plan};
pub use std::collections::{BTreeMap, BTreeSet};

pub const NOW: i64 = 10_000;

/// A pool with its blueprints and everything that was answered; each test says what differs.
pub struct Pool_ {
    pub look: Look,
    pub answers: Answers,
    pub terms: BTreeMap<String, Terms>,
    pub at: i64,
}

impl Pool_ {
    /// One blueprint, `bp`, and nobody who waits.
    pub fn new() -> Pool_ {
        let look = Look {
            others: BTreeMap::new(),
            pool: Pool { kind: "host".to_owned(), version: 4, news: 9, freed: 2, revision: 1 },
            classes: Vec::new(),
            blueprints: BTreeMap::new(),
            asides: BTreeMap::new(),
            offered: BTreeSet::new(),
            taken: BTreeSet::new(),
            full: BTreeSet::new(),
            standing: BTreeMap::new(),
            towers: Vec::new(),
            contested: BTreeSet::new(),
            owners: BTreeMap::new(),
        };
        Pool_ { look, answers: Answers::default(), terms: BTreeMap::new(), at: NOW }.blueprint("bp", |_| {})
    }

    pub fn blueprint(mut self, name: &str, change: impl FnOnce(&mut Terms)) -> Pool_ {
        let mut terms = Terms {
            name: name.to_owned(),
            space: name.to_owned(),
            revision: 1,
            digest: "digest".to_owned(),
            steps: Steps::ALL,
            max_resources: None,
            warm: None,
            leases_per_resource: 1,
            overflow: 0,
            max_building: None,
            life: Life::default(),
            reclaim_after: 1_000,
            growth: Growth::Pack,
            priority: 0,
            open_timeout: 600_000,
            disabled: false,
        };
        change(&mut terms);
        self.terms.insert(name.to_owned(), terms);
        let kind = "host".to_owned();
        let row = Blueprint {
            name: name.to_owned(),
            kind,
            space: name.to_owned(),
            used: 0,
            building: 0,
            kept: 0,
            failures: 0,
            not_before: 0,
            reason: None,
            retired: 0,
            drained: None,
        };
        self.look.blueprints.insert(name.to_owned(), row);
        self
    }

    /// A class that every blueprint so far can serve, with its first leases: (order, id).
    pub fn waits(mut self, class: &str, leases: &[(i64, &str)]) -> Pool_ {
        let serves = |name: &String| (name.clone(), Considered::Serves(Needs { share: 1, ..Needs::default() }));
        self.look.classes.push(ClassLook {
            class: Class {
                id: class.to_owned(),
                kind: "host".to_owned(),
                request: Doc(Request::default()),
                answers: Doc(self.terms.keys().map(serves).collect()),
                revision: 1,
                considered_at: 0,
                never_since: None,
                otherwise: Doc(Vec::new()),
                waiting: leases.len() as i64,
                used_at: 0,
            },
            heads: leases
                .iter()
                .map(|(ord, id)| Waiting { ord: *ord, lease: (*id).to_owned(), quota: None, set: None })
                .collect(),
            candidates: BTreeMap::new(),
            crowded: BTreeMap::new(),
        });
        self.look.classes.sort_by(|a, b| a.heads[0].cmp(&b.heads[0]));
        self
    }

    /// A resource of `bp` that every class sees.
    pub fn resource(self, id: &str, status: ResourceStatus, used: i64, shares: i64) -> Pool_ {
        self.resource_of("bp", id, status, used, shares)
    }

    pub fn resource_of(mut self, blueprint: &str, id: &str, status: ResourceStatus, used: i64, shares: i64) -> Pool_ {
        for class in &mut self.look.classes {
            let resource = resource(blueprint, id, status, used, shares);
            class.candidates.entry(blueprint.to_owned()).or_default().push(resource);
        }
        self.look.blueprints.get_mut(blueprint).unwrap().used += 1;
        self
    }

    /// The class was told how it would use the resource.
    pub fn acquires(mut self, class: &str, resource: &str, result: Result<Acquisition, Refusal>) -> Pool_ {
        let seen = &self.look.classes.iter().find(|look| look.class.id == class).unwrap().candidates;
        let row = seen.values().flatten().find(|row| row.id == resource).unwrap();
        let answer = Acquired { result, status: row.status, news: None, until: None, used: row.used };
        self.answers.acquired.insert((class.to_owned(), resource.to_owned()), answer);
        self
    }

    /// The blueprint offers resources to the class: (id, named slot).
    pub fn offers(mut self, class: &str, blueprint: &str, offers: &[(&str, &str)]) -> Pool_ {
        let space = self.terms[blueprint].space.clone();
        let offers = offers.iter().map(|(resource, slot)| {
            self.look.offered.insert((space.clone(), (*slot).to_owned()));
            let allocation = Allocation { slots: vec![Slot::Named((*slot).to_owned())], ..Allocation::default() };
            Offer { resource: (*resource).to_owned(), allocation, acquisition: acquisition() }
        });
        let offers = offers.collect();
        self.answers.allocated.insert((class.to_owned(), blueprint.to_owned()), Allocated::Offers(offers));
        self
    }

    pub fn refuses(mut self, class: &str, blueprint: &str, refusal: Refusal, until: Option<i64>) -> Pool_ {
        let refused = Allocated::Refused { refusal, freed: self.look.pool.freed, until };
        self.answers.allocated.insert((class.to_owned(), blueprint.to_owned()), refused);
        self
    }

    pub fn open(mut self, question: Question, asked_at: i64) -> Pool_ {
        self.answers.open.insert(question, asked_at);
        self
    }

    pub fn with(mut self, change: impl FnOnce(&mut Pool_)) -> Pool_ {
        change(&mut self);
        self
    }

    pub fn aside(mut self, space: &str, slot: &str, until: i64) -> Pool_ {
        let aside = Aside {
            space: space.to_owned(),
            slot: slot.to_owned(),
            kind: "host".to_owned(),
            failures: 2,
            until,
            reason: "no power".to_owned(),
        };
        self.look.asides.insert((space.to_owned(), slot.to_owned()), aside);
        self
    }

    pub fn plan(&self) -> Planned {
        let mut places = 0;
        let planner = Planner {
            answers: &self.answers,
            terms: &self.terms,
            revision: 1,
            at: self.at,
            protections: Protections::ALL,
            new_place: &mut || {
                places += 1;
                format!("p-{places}")
            },
        };
        let planned = plan(&self.look, planner);
        assert_eq!((planned.plan.version, planned.plan.news), (4, 9), "the commit is guarded by what was seen");
        // Whatever is decided here is decided again from what the log would have of it.
        let record = self.record(&planned);
        let text = serde_json::to_string(&record).unwrap();
        let read: Record = serde_json::from_str(&text).unwrap();
        assert_eq!(read, record);
        assert_eq!(read.again(), read.decided);
        planned
    }

    pub fn record(&self, planned: &Planned) -> Record {
        Record::of(&self.look, &self.answers, &self.terms, 1, self.at, &planned.plan.items)
    }
}

pub fn resource(blueprint: &str, id: &str, status: ResourceStatus, used: i64, shares: i64) -> Resource {
    Resource {
        id: id.to_owned(),
        kind: "host".to_owned(),
        blueprint: blueprint.to_owned(),
        space: blueprint.to_owned(),
        revision: 1,
        digest: "digest".to_owned(),
        name: id.to_owned(),
        status,
        wanted: Wanted::Keep,
        reason: None,
        drained: None,
        sick: None,
        attributes: "{}".to_owned(),
        labels: Doc(Labels::new()),
        slots: Doc(Vec::new()),
        used,
        shares,
        overflow: 0,
        life: Doc(Life::default()),
        uses: 0,
        room: shares - used,
        spare: 0,
        state: None,
        note: None,
        attempt: 0,
        failures: 0,
        due_at: None,
        open_by: 0,
        waits_since: None,
        orphaned: 0,
        created_at: 0,
        idle_since: None,
        spared_at: None,
        ended_at: None,
        claim: "n-1".to_owned(),
        epoch: 1,
    }
}

pub fn acquisition() -> Acquisition {
    Acquisition { share: 1, ..Acquisition::default() }
}

pub fn full(reason: &str) -> Refusal {
    Refusal::Full { slots: vec!["port".to_owned()], resources: vec![], reason: reason.to_owned() }
}

pub fn allocate(class: &str) -> Question {
    Question::Allocate { class: class.to_owned(), blueprint: "bp".to_owned() }
}

pub fn acquire(class: &str, resource: &str) -> Question {
    Question::Acquire { class: class.to_owned(), resource: resource.to_owned() }
}

/// Who gets what: `lease on resource`, `resource for lease+lease`.
pub fn items(planned: &Planned) -> Vec<String> {
    fn said(item: &Item) -> String {
        match item {
            Item::Place(Placement { lease, resource, .. }) => format!("{lease} on {resource}"),
            Item::Build(build) => {
                let Build { resource, takers, .. } = &**build;
                let takers: Vec<&str> = takers.iter().map(|taker| taker.lease.as_str()).collect();
                format!("{resource} for {}", takers.join("+"))
            }
            Item::Reclaim(reclaim) => format!("{} away", reclaim.resource),
            Item::GiveUp(given_up) => format!("{} given up", given_up.leases.join("+")),
            Item::Together(items) => format!("({})", items.iter().map(said).collect::<Vec<_>>().join(", ")),
        }
    }
    planned.plan.items.iter().map(said).collect()
}

pub fn reasons(planned: &Planned, class: &str) -> Vec<String> {
    planned.waits[class].iter().map(|obstacle| format!("{}: {}", obstacle.blueprint, obstacle.reason)).collect()
}

pub use ResourceStatus::{Active, Pending, Released};

/// A blueprint at its maximum with idle resources that no class sees, since they are of another kind of label.
pub fn in_the_way(leases: &[(i64, &str)], standing: &[(&str, ResourceStatus, i64)]) -> Pool_ {
    let change = |terms: &mut Terms| terms.max_resources = Some(standing.len() as i64);
    let mut pool = Pool_::new().blueprint("bp", change).waits("c", leases);
    pool.look.blueprints.get_mut("bp").unwrap().used = standing.len() as i64;
    pool.look.full.insert("bp".to_owned());
    for (id, status, since) in standing {
        let row = Resource { idle_since: Some(*since), ..resource("bp", id, *status, 0, 1) };
        pool.look.standing.entry("bp".to_owned()).or_default().push(row);
    }
    pool
}
