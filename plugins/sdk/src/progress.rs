//! What a step came to.

use crate::bindings::types;
use crate::failure::millis;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// What a step came to: done, or to be called again. Made with [`Progress::done`] or [`Progress::again`].
#[derive(Clone, Debug)]
pub struct Progress(pub(crate) Kind);

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Done { state: Option<Value>, attributes: Option<Value>, handout: Option<Handout> },
    Again { state: Value, wake: Wake, note: String, percent: Option<u8> },
}

/// When a step is called again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wake {
    After(Duration),
    /// That nested lease is active, or has ended. Only in `open`.
    Lease(String),
    /// The job under that key has ended.
    Job(String),
}

/// What the holder of an active lease gets.
#[derive(Clone, Debug)]
pub struct Handout {
    pub access: types::Access,
    pub directory: Option<String>,
    pub environment: BTreeMap<String, String>,
    pub url: Option<String>,
}

impl Handout {
    pub fn new(access: types::Access) -> Handout {
        Handout { access, directory: None, environment: BTreeMap::new(), url: None }
    }

    pub fn directory(mut self, directory: impl Into<String>) -> Handout {
        self.directory = Some(directory.into());
        self
    }

    pub fn variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Handout {
        self.environment.insert(name.into(), value.into());
        self
    }

    pub fn url(mut self, url: impl Into<String>) -> Handout {
        self.url = Some(url.into());
        self
    }
}

/// A state of a plugin's own as JSON. A type whose serialisation fails, a map with keys that are no text say, is a
/// mistake in the plugin: it ends the call.
fn value<T: Serialize>(of: &T) -> Value {
    serde_json::to_value(of).unwrap_or_else(|error| panic!("what a step saves can't be written as JSON: {error}"))
}

impl Progress {
    /// The step is finished.
    pub fn done() -> Progress {
        Progress(Kind::Done { state: None, attributes: None, handout: None })
    }

    /// The stay is set up, and its holder gets this.
    pub fn handed(handout: Handout) -> Progress {
        Progress(Kind::Done { state: None, attributes: None, handout: Some(handout) })
    }

    /// The step is not finished: what is saved, what is waited for (for people), and when it is called again.
    pub fn again<T: Serialize>(state: &T, note: impl Into<String>, wake: Wake) -> Progress {
        Progress(Kind::Again { state: value(state), wake, note: note.into(), percent: None })
    }

    /// Saved for later steps; without it, what was saved before stays. What `again` was given is replaced.
    pub fn state<T: Serialize>(mut self, saved: &T) -> Progress {
        match &mut self.0 {
            Kind::Done { state, .. } => *state = Some(value(saved)),
            Kind::Again { state, .. } => *state = value(saved),
        }
        self
    }

    /// Attributes that `open` adds: an object. What was promised can't be changed. Without meaning for `again`.
    pub fn attributes<T: Serialize>(mut self, added: &T) -> Progress {
        if let Kind::Done { attributes, .. } = &mut self.0 {
            *attributes = Some(value(added));
        }
        self
    }

    /// How far it is, 0 to 100. Without meaning for what is done.
    pub fn percent(mut self, done: u8) -> Progress {
        if let Kind::Again { percent, .. } = &mut self.0 {
            *percent = Some(done.min(100));
        }
        self
    }

    pub fn is_done(&self) -> bool {
        matches!(self.0, Kind::Done { .. })
    }

    /// What is saved; for a plugin's own tests.
    pub fn saved(&self) -> Option<&Value> {
        match &self.0 {
            Kind::Done { state, .. } => state.as_ref(),
            Kind::Again { state, .. } => Some(state),
        }
    }

    /// What it waits for; for a plugin's own tests.
    pub fn wake(&self) -> Option<&Wake> {
        match &self.0 {
            Kind::Done { .. } => None,
            Kind::Again { wake, .. } => Some(wake),
        }
    }

    /// What is waited for, for people; for a plugin's own tests.
    pub fn note(&self) -> Option<&str> {
        match &self.0 {
            Kind::Done { .. } => None,
            Kind::Again { note, .. } => Some(note),
        }
    }

    /// What the holder gets; for a plugin's own tests.
    pub fn handout(&self) -> Option<&Handout> {
        match &self.0 {
            Kind::Done { handout, .. } => handout.as_ref(),
            Kind::Again { .. } => None,
        }
    }

    /// Attributes that are added; for a plugin's own tests.
    pub fn added(&self) -> Option<&Value> {
        match &self.0 {
            Kind::Done { attributes, .. } => attributes.as_ref(),
            Kind::Again { .. } => None,
        }
    }
}

impl From<Progress> for types::Progress {
    fn from(progress: Progress) -> types::Progress {
        match progress.0 {
            Kind::Done { state, attributes, handout } => types::Progress::Done(types::Outcome {
                state: state.map(|state| state.to_string()),
                attributes: attributes.map(|added| added.to_string()),
                handout: handout.map(Into::into),
            }),
            Kind::Again { state, wake, note, percent } => types::Progress::Again(types::Continuation {
                state: state.to_string(),
                wake: match wake {
                    Wake::After(after) => types::Wake::After(millis(after)),
                    Wake::Lease(lease) => types::Wake::Lease(lease),
                    Wake::Job(key) => types::Wake::Job(key),
                },
                note,
                percent,
            }),
        }
    }
}

impl From<Handout> for types::Handout {
    fn from(handout: Handout) -> types::Handout {
        types::Handout {
            access: handout.access,
            directory: handout.directory,
            environment: entries(handout.environment),
            url: handout.url,
        }
    }
}

impl From<types::Handout> for Handout {
    fn from(handout: types::Handout) -> Handout {
        Handout {
            access: handout.access,
            directory: handout.directory,
            environment: handout.environment.into_iter().map(|entry| (entry.name, entry.value)).collect(),
            url: handout.url,
        }
    }
}

pub(crate) fn entries(map: BTreeMap<String, String>) -> Vec<types::Entry> {
    map.into_iter().map(|(name, value)| types::Entry { name, value }).collect()
}
