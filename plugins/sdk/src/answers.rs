//! What the decisions answer.

use crate::bindings::types;
use crate::failure::millis;
use crate::{Handout, Labels, Plugin};
use std::collections::BTreeMap;
use std::time::Duration;

/// What a request needs of a resource, by the configuration alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needs {
    /// Labels a resource must carry beside those of the request.
    pub labels: Labels,
    /// Shares of a resource it takes; at least 1.
    pub share: u32,
}

impl Default for Needs {
    fn default() -> Needs {
        Needs { labels: Labels::new(), share: 1 }
    }
}

impl Needs {
    pub fn labels(labels: Labels) -> Needs {
        Needs { labels, share: 1 }
    }
}

/// A key that its owner holds for as long as it lives.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Slot {
    /// At most one owner.
    Named(String),
    /// The sum over all owners stays at or below `limit`.
    Counted { key: String, amount: u32, limit: u32 },
}

impl Slot {
    pub fn named(key: impl Into<String>) -> Slot {
        Slot::Named(key.into())
    }

    pub fn key(&self) -> &str {
        match self {
            Slot::Named(key) | Slot::Counted { key, .. } => key,
        }
    }
}

/// A resource that could be made for a request.
pub struct Allocation<P: Plugin> {
    /// For people.
    pub name: String,
    pub attributes: P::Attributes,
    pub labels: Labels,
    /// Held by the resource until it is destroyed.
    pub slots: Vec<Slot>,
    /// Shares it will have; none: the blueprint's `leases_per_resource`.
    pub limit: Option<u32>,
    /// How long `open` is expected to take.
    pub expected: Option<Duration>,
}

impl<P: Plugin> Allocation<P> {
    pub fn new(name: impl Into<String>, attributes: P::Attributes) -> Allocation<P> {
        Allocation {
            name: name.into(),
            attributes,
            labels: Labels::new(),
            slots: Vec::new(),
            limit: None,
            expected: None,
        }
    }

    pub fn labels(mut self, labels: Labels) -> Self {
        self.labels = labels;
        self
    }

    pub fn slot(mut self, slot: Slot) -> Self {
        self.slots.push(slot);
        self
    }

    pub fn limit(mut self, limit: Option<u32>) -> Self {
        self.limit = limit;
        self
    }

    pub fn expected(mut self, expected: Duration) -> Self {
        self.expected = Some(expected);
        self
    }

    pub(crate) fn into_wit(self) -> Result<types::Allocation, Refusal> {
        let attributes = serde_json::to_string(&self.attributes)
            .map_err(|error| Refusal::never(format!("the attributes of {}: {error}", self.name)))?;
        Ok(types::Allocation {
            name: self.name,
            attributes,
            labels: labels_of(self.labels),
            slots: self.slots.into_iter().map(Into::into).collect(),
            limit: self.limit,
            expected: self.expected.map(millis),
        })
    }
}

/// How one request would use one resource.
#[derive(Clone, Debug)]
pub struct Acquisition {
    /// Held by the place until it is gone.
    pub slots: Vec<Slot>,
    /// Shares it takes; at least 1.
    pub share: u32,
    /// Set up with no call at all: the lease is active at once with this, and nothing is called when it ends.
    pub ready: Option<Handout>,
}

impl Default for Acquisition {
    fn default() -> Acquisition {
        Acquisition { slots: Vec::new(), share: 1, ready: None }
    }
}

impl Acquisition {
    pub fn ready(handout: Handout) -> Acquisition {
        Acquisition { ready: Some(handout), ..Acquisition::default() }
    }
}

/// Why a question is answered with no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// This blueprint, as configured, can never serve this request.
    Never(String),
    /// It could, if these slots and resources were not in the way.
    Full {
        slots: Vec<String>,
        resources: Vec<String>,
        reason: String,
    },
    NotNow {
        after: Duration,
        reason: String,
    },
}

impl Refusal {
    pub fn never(reason: impl Into<String>) -> Refusal {
        Refusal::Never(reason.into())
    }

    /// What holds these slots is in the way.
    pub fn full(slots: Vec<String>, reason: impl Into<String>) -> Refusal {
        Refusal::Full { slots, resources: Vec::new(), reason: reason.into() }
    }

    pub fn not_now(after: Duration, reason: impl Into<String>) -> Refusal {
        Refusal::NotNow { after, reason: reason.into() }
    }
}

impl From<Refusal> for types::Refusal {
    fn from(refusal: Refusal) -> types::Refusal {
        match refusal {
            Refusal::Never(reason) => types::Refusal::Never(reason),
            Refusal::Full { slots, resources, reason } => {
                types::Refusal::Full(types::Obstacles { slots, resources, reason })
            }
            Refusal::NotNow { after, reason } => types::Refusal::NotNow(types::Pause { after: millis(after), reason }),
        }
    }
}

impl From<Slot> for types::Slot {
    fn from(slot: Slot) -> types::Slot {
        match slot {
            Slot::Named(key) => types::Slot::Named(key),
            Slot::Counted { key, amount, limit } => types::Slot::Counted(types::CountedSlot { key, amount, limit }),
        }
    }
}

impl From<types::Slot> for Slot {
    fn from(slot: types::Slot) -> Slot {
        match slot {
            types::Slot::Named(key) => Slot::Named(key),
            types::Slot::Counted(types::CountedSlot { key, amount, limit }) => Slot::Counted { key, amount, limit },
        }
    }
}

pub(crate) fn labels_of(labels: BTreeMap<String, String>) -> Vec<types::Label> {
    labels.into_iter().map(|(key, value)| types::Label { key, value }).collect()
}

pub(crate) fn labels_from(labels: Vec<types::Label>) -> BTreeMap<String, String> {
    labels.into_iter().map(|label| (label.key, label.value)).collect()
}
