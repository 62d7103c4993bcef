//! Hears what is logged on this thread.

use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::DefaultGuard;
use tracing::{Event, Level, Metadata, Subscriber};

/// What was logged, as its level, its message, and its fields as `name=value`.
#[derive(Clone, Default)]
pub struct Heard(Arc<Mutex<Vec<(Level, String, String)>>>);

impl Heard {
    /// Listens until the guard is dropped.
    pub fn listen() -> (Heard, DefaultGuard) {
        let heard = Heard::default();
        let guard = tracing::subscriber::set_default(heard.clone());
        (heard, guard)
    }

    /// All of it, and begins anew.
    pub fn take(&self) -> Vec<(Level, String, String)> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Subscriber for Heard {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "drydock::plugin"
    }

    fn event(&self, event: &Event<'_>) {
        let mut parts = Parts::default();
        event.record(&mut parts);
        self.0.lock().unwrap().push((*event.metadata().level(), parts.message, parts.fields));
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[derive(Default)]
struct Parts {
    message: String,
    fields: String,
}

impl Visit for Parts {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        match field.name() {
            "message" => self.message = format!("{value:?}"),
            name => write!(self.fields, "{name}={value:?} ").unwrap(),
        }
    }
}
