//! Lends out hosts that its configuration lists. One resource per host; where the host has a `path`, each lease gets a
//! directory of its own below it, made by `activate` and removed by `release`.

mod config;
mod directory;
mod health;
mod hosts;
mod lifecycle;
mod planning;

/// The contract, generated from `wit/`.
mod contract {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "plugin-with-health",
        pub_export_macro: true,
    });
    pub use drydock::blueprint::{commands, types, view};
}

/// All that the contract calls.
struct Preallocated;

contract::export!(Preallocated with_types_in contract);
