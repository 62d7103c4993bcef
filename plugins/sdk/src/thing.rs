//! What exists outside, as `observe` tells it and as `view` gives it back.

use crate::Labels;
use crate::answers::{labels_from, labels_of};
use crate::bindings::types::{Thing, ThingState};
use serde::Serialize;
use serde::de::DeserializeOwned;

impl Thing {
    /// A thing that is present, under the provider's own id.
    pub fn new(id: impl Into<String>) -> Thing {
        Thing {
            id: id.into(),
            resource: None,
            slot: None,
            attributes: "{}".to_owned(),
            labels: Vec::new(),
            state: ThingState::Present,
        }
    }

    /// It was made under that resource's id.
    pub fn made_under(mut self, resource: impl Into<String>) -> Thing {
        self.resource = Some(resource.into());
        self
    }

    /// The named slot that a resource which is this thing holds, where it is not made under a resource's id.
    pub fn slot(mut self, key: impl Into<String>) -> Thing {
        self.slot = Some(key.into());
        self
    }

    /// What is known of it: an object. A type whose serialisation fails is a mistake in the plugin: it ends the call.
    pub fn attributes<T: Serialize>(mut self, attributes: &T) -> Thing {
        let text = serde_json::to_string(attributes);
        self.attributes = text.unwrap_or_else(|error| panic!("the attributes of {}: {error}", self.id));
        self
    }

    pub fn labels(mut self, labels: Labels) -> Thing {
        self.labels = labels_of(labels);
        self
    }

    pub fn state(mut self, state: ThingState) -> Thing {
        self.state = state;
        self
    }

    /// What is known of it, read back.
    pub fn known<T: DeserializeOwned>(&self) -> Result<T, String> {
        serde_json::from_str(&self.attributes).map_err(|error| format!("the attributes of {}: {error}", self.id))
    }

    /// Its labels by key.
    pub fn labelled(&self) -> Labels {
        labels_from(self.labels.clone())
    }
}
