//! A node: it asks, looks, plans, commits and acts.

pub mod api;
mod client;
mod committer;
mod farm;
mod health;
mod heart;
mod history;
mod holds;
mod hub;
mod inventory;
mod leaks;
mod matcher;
mod nesting;
mod news;
mod node;
mod preview;
mod questions;
mod revision;
mod scope;
pub mod sets;
mod steps;
mod sweep;
mod waiters;
mod why;

pub use client::class_of;
pub use farm::{Configured, Farm, InForce, PluginSource};
pub use heart::DEAD_AFTER;
pub use holds::{HOLD_GRACE, Hold};
pub use node::{Left, Node, Start};
