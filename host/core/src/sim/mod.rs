//! The simulator: the real planner, engine and SQL under a seeded scheduler and a virtual clock. At every commit, read,
//! plugin call and timer it chooses who goes on, which commits form a group, and what goes wrong. The same seed gives
//! the same trace, on both engines.

mod campaign;
mod client;
mod executor;
mod fairness;
mod operator;
mod outage;
mod outside;
mod processor;
mod rules;
mod run;
pub mod scenario;
pub mod scenarios;
mod schedule;
mod shrink;
mod watch;
mod world;
mod yard;

pub use campaign::{Campaign, Summary};
pub use run::{Bench, RunReport};
pub use scenario::{Scenario, find};
pub use schedule::Policy;
pub use shrink::shrink;
