//! The planner: from a look and the answers so far to a plan and further questions. Pure: it reads no clock, and its
//! chance comes in with the ids.

pub mod answers;
mod build;
mod candidates;
pub mod look;
pub mod plan;
mod reclaim;
pub mod record;
mod share;
pub mod shut;
pub mod terms;
pub mod together;
pub mod warm;

pub use plan::{Planned, Planner, plan};
