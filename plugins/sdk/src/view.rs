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

/// So many slots are asked about at once.
const QUESTION: usize = 64;

/// Those of the candidates whose slots nobody has, in their order, at most `most`; or, if there is none, the slots that are
/// in the way.
pub fn first_free<T>(candidates: Vec<T>, slot: impl Fn(&T) -> String, most: usize) -> Result<Vec<T>, Vec<String>> {
    let mut free = Vec::new();
    let mut in_the_way = Vec::new();
    let mut candidates = candidates.into_iter().peekable();
    while candidates.peek().is_some() && free.len() < most {
        let some: Vec<(String, T)> = candidates.by_ref().take(QUESTION).map(|one| (slot(&one), one)).collect();
        let taken = taken(&some.iter().map(|(key, _)| key.clone()).collect::<Vec<_>>());
        free.extend(some.into_iter().filter(|(key, _)| !taken.contains(key)).map(|(_, one)| one));
        in_the_way.extend(taken);
    }
    free.truncate(most);
    if free.is_empty() { Err(in_the_way) } else { Ok(free) }
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
