//! Lends out the hosts of an Almanac: services, whose bindings lead to interfaces of devices. They are listed in the
//! configuration, or read from a Phabricator or Phorge server over Conduit. One resource per active binding; where the
//! configuration has a `path`, each lease gets a directory of its own below it.

mod attributes;
mod binding;
mod candidate;
mod conduit;
mod config;
mod demand;
mod inventory;
mod listing;
mod plugin;
mod rules;

/// All that the contract calls.
struct Almanac;

drydock_sdk::export!(Almanac, health, inventory);

#[cfg(test)]
mod tests;
