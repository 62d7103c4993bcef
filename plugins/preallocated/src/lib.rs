//! Lends out hosts that its configuration lists. One resource per host; where the host has a `path`, each lease gets a
//! directory of its own below it, made by `activate` and removed by `release`.

mod attributes;
mod config;
mod demand;
mod plugin;
mod rules;

/// All that the contract calls.
struct Preallocated;

drydock_sdk::export!(Preallocated, health);

#[cfg(test)]
mod tests;
