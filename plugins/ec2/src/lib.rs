//! Lends out hosts that it makes on Amazon EC2, on demand or spot, or on whatever speaks the same Query API.
//!
//! A resource is one instance, with an elastic IP where one is configured. All that is made for it bears the resource's id
//! as a tag from the moment it exists, so that it is found again by whoever lost the answer, and by the sweep.

mod addresses;
mod api;
mod attributes;
mod closing;
mod config;
mod errors;
mod health;
mod instances;
mod inventory;
mod keys;
mod labels;
mod launch;
mod opening;
mod plugin;
mod saved;
mod spot;
mod tags;

/// All that the contract calls.
struct Ec2;

drydock_sdk::export!(Ec2, health, inventory);

#[cfg(test)]
mod tests;
