//! Nodes, and failures that belong to a blueprint.

use super::Deciding;
use super::transition::Said;
use crate::contract::{Blame, Failure, Next};
use crate::model::proposal::{Done, Lost};
use crate::model::rows::{Event, NodeRow};
use crate::model::status::Subject;

impl Deciding<'_> {
    pub fn is_alive(&self, node: &str) -> bool {
        // A node whose row was not loaded is taken to be alive: that only makes this commit leave more to it.
        self.rows.nodes.get(&node.to_owned()).is_none_or(|row| row.alive == 1)
    }

    pub fn join(&mut self, name: &str) -> Result<Done, Lost> {
        let id = self.node.to_owned();
        self.rows.nodes.put(NodeRow { id, name: name.to_owned(), beat: 0, alive: 1, joined_at: self.at });
        self.pool_event("", &format!("node {name} joined"));
        Ok(Done::default())
    }

    pub fn node_dead(&mut self, dead: &str, beat: i64) -> Result<Done, Lost> {
        let mut row = self.rows.nodes.get(&dead.to_owned()).cloned().ok_or_else(|| Lost::Missing(dead.to_owned()))?;
        if row.alive == 0 {
            return Ok(Done::default());
        }
        if row.beat != beat {
            return Err(Lost::Alive(dead.to_owned()));
        }
        row.alive = 0;
        let name = row.name.clone();
        self.rows.nodes.put(row);
        self.pool_event("", &format!("node {name} is gone"));
        Ok(Done::default())
    }

    pub fn take_over(
        &mut self,
        dead: &str,
        leases: &[String],
        places: &[String],
        resources: &[String],
    ) -> Result<Done, Lost> {
        if self.is_alive(dead) {
            return Err(Lost::Alive(dead.to_owned()));
        }
        for id in leases {
            if let Some(mut lease) = self.rows.leases.get(id).cloned()
                && lease.claim == dead
            {
                lease.claim = self.node.to_owned();
                lease.epoch += 1;
                self.rows.leases.put(lease);
            }
        }
        for id in places {
            if let Some(mut place) = self.rows.places.get(id).cloned()
                && place.claim == dead
            {
                place.claim = self.node.to_owned();
                place.epoch += 1;
                self.rows.places.put(place);
            }
        }
        for id in resources {
            if let Some(mut resource) = self.rows.resources.get(id).cloned()
                && resource.claim == dead
            {
                resource.claim = self.node.to_owned();
                resource.epoch += 1;
                self.put_resource(resource);
            }
        }
        self.pool_event("", &format!("took over what {dead} had claimed"));
        Ok(Done::default())
    }

    pub fn blueprint_failed(&mut self, name: &str, reason: &str) -> Result<Done, Lost> {
        let kind = self.rows.blueprints.get(&name.to_owned()).map(|row| row.kind.clone());
        let kind = kind.ok_or_else(|| Lost::Missing(name.to_owned()))?;
        let failure = Failure { blame: Blame::Plugin, next: Next::BackOff, reason: reason.to_owned(), after: None };
        self.strike(&[], name, &kind, &failure);
        let event = Event {
            subject: Subject::Blueprint,
            id: name.to_owned(),
            pool: kind.clone(),
            ..self.blank(Said::from(reason))
        };
        self.event(event);
        Ok(Done { news: self.news(&kind), ..Done::default() })
    }

    pub(super) fn pool_event(&mut self, pool: &str, reason: &str) {
        let event = Event { id: self.node.to_owned(), pool: pool.to_owned(), ..self.blank(Said::from(reason)) };
        self.event(event);
    }
}
