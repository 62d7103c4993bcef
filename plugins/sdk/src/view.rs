//! The state of the world, for `allocate` and `acquire`.

use crate::bindings::types::Thing;
use crate::{bindings, fake};
use std::time::Duration;

/// What `observe` last told of the outside.
#[derive(Clone, Debug)]
pub struct Sight {
    pub things: Vec<Thing>,
    /// How long ago that observation began.
    pub age: Duration,
    pub complete: bool,
}

/// Which of these named slots have an owner.
pub fn taken(keys: &[String]) -> Vec<String> {
    if fake::is_on() {
        return fake::outside(|outside| outside.taken(keys));
    }
    bindings::view::taken(keys)
}

/// How much of a counted slot is used.
pub fn used(key: &str) -> u32 {
    if fake::is_on() {
        return fake::outside(|outside| outside.used(key));
    }
    bindings::view::used(key)
}

/// None where nothing was observed yet.
pub fn observed() -> Option<Sight> {
    if fake::is_on() {
        return fake::outside(|outside| outside.observed());
    }
    let sight = bindings::view::observed()?;
    Some(Sight { things: sight.things, age: Duration::from_millis(sight.age), complete: sight.complete })
}
