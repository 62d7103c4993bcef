//! The bodies of requests and answers. What a client sends has no unknown fields; what it receives may grow new ones.
//!
//! All times are milliseconds since 1970. Absent fields have no value (yet).

mod commands;
mod configuration;
mod events;
mod leases;
mod resources;

pub use super::queries::{Cursor, EventsQuery, LeasesQuery, ResourcesQuery};
pub use commands::*;
pub use configuration::*;
pub use events::*;
pub use leases::*;
pub use resources::*;
