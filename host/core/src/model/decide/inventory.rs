//! What was seen outside: kept for decisions, and put on the leak list where a resource has left it behind.

use super::Deciding;
use super::transition::Said;
use crate::model::proposal::{Done, Lost, Observing, Stray};
use crate::model::rows::{Doc, Event, Leak, Observed};
use crate::model::status::{ResourceStatus, Subject};

impl Deciding<'_> {
    /// Keeps what was seen, unless something later was. What could not be seen leaves what was seen before.
    pub fn observed(&mut self, observing: &Observing) -> Result<Done, Lost> {
        let before = self.rows.observed.get(&observing.blueprint).cloned();
        let row = before.clone().unwrap_or_else(|| Observed {
            blueprint: observing.blueprint.clone(),
            kind: observing.kind.clone(),
            node: String::new(),
            began: 0,
            tried_at: 0,
            complete: 0,
            things: Doc::default(),
            failure: None,
        });
        let mut row = Observed { node: self.node.to_owned(), tried_at: self.at, ..row };
        match &observing.seen {
            Ok(seen) if seen.began < row.began => return Ok(Done::default()),
            Ok(seen) => {
                row.began = seen.began;
                row.complete = i64::from(seen.complete);
                row.things = Doc(seen.things.clone());
                row.failure = None;
            }
            Err(why) => row.failure = Some(why.clone()),
        }
        let said = match (&row.failure, before.as_ref().and_then(|before| before.failure.as_ref())) {
            (Some(why), None) => Some(format!("what is outside can't be seen: {why}")),
            (None, Some(_)) => Some("what is outside can be seen again".to_owned()),
            _ => None,
        };
        if let Some(said) = said {
            let event = Event {
                subject: Subject::Blueprint,
                id: observing.blueprint.clone(),
                pool: observing.kind.clone(),
                ..self.blank(Said::from(said.as_str()))
            };
            self.event(event);
        }
        let same = before.is_some_and(|before| before.began > 0 && before.things == row.things);
        let news = row.began > 0 && !same;
        self.rows.observed.put(row);
        if news {
            // Blueprints may offer other things than before.
            self.allocatable(&observing.kind);
        }
        Ok(Done::default())
    }

    /// Puts a thing that a resource has left behind on the leak list, once. What is still alive, or on its way out, has
    /// left nothing behind.
    pub fn stray(&mut self, stray: &Stray) -> Result<Done, Lost> {
        let status = self.rows.resources.get(&stray.resource).map(|resource| resource.status);
        let there = status.is_some_and(|status| status != ResourceStatus::Destroyed);
        let listed = self.rows.leaks.get(&stray.leak).is_some();
        if listed || there {
            return Ok(Done::default());
        }
        self.rows.leaks.put(Leak {
            id: stray.leak.clone(),
            blueprint: stray.blueprint.clone(),
            resource: stray.resource.clone(),
            name: stray.thing.clone(),
            state: Some(stray.attributes.clone()),
            reason: stray.reason.clone(),
            at: self.at,
        });
        let event = Event {
            subject: Subject::Blueprint,
            id: stray.blueprint.clone(),
            pool: stray.kind.clone(),
            resource: Some(stray.resource.clone()),
            ..self.blank(Said {
                reason: &format!("{} was left behind: {}", stray.thing, stray.reason),
                detail: Some(serde_json::json!({ "leak": stray.leak }).to_string()),
            })
        };
        self.event(event);
        Ok(Done::default())
    }
}
