//! Nested leases: what a resource itself leases. `ask` only in `open`; `look` in all four steps.

use crate::answers::labels_of;
use crate::{Handout, Labels, bindings, fake};
use serde_json::{Map, Value};

/// A lease that a resource wants for itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wish {
    /// With the resource's id it is the key of the lease: asking again finds the first.
    pub name: String,
    /// The resource type.
    pub kind: String,
    pub attributes: Map<String, Value>,
    pub labels: Labels,
    /// Names of blueprints, best first; empty: any.
    pub blueprints: Vec<String>,
}

#[derive(Clone, Debug)]
pub enum State {
    /// With what it waits for.
    Waiting(String),
    Active(Handout),
    /// With the reason.
    Ended(String),
}

/// Asks for all of them or for none; answers their ids in the same order.
pub fn ask(wishes: &[Wish]) -> Result<Vec<String>, String> {
    if fake::is_on() {
        return fake::outside(|outside| outside.ask(wishes));
    }
    let wish = |wish: &Wish| bindings::leases::Wish {
        name: wish.name.clone(),
        kind: wish.kind.clone(),
        attributes: Value::Object(wish.attributes.clone()).to_string(),
        labels: labels_of(wish.labels.clone()),
        blueprints: wish.blueprints.clone(),
    };
    bindings::leases::ask(&wishes.iter().map(wish).collect::<Vec<_>>())
}

pub fn look(lease: &str) -> Result<State, String> {
    if fake::is_on() {
        return fake::outside(|outside| outside.look(lease));
    }
    Ok(match bindings::leases::look(lease)? {
        bindings::leases::State::Waiting(note) => State::Waiting(note),
        bindings::leases::State::Active(handout) => State::Active(handout.into()),
        bindings::leases::State::Ended(why) => State::Ended(why),
    })
}
