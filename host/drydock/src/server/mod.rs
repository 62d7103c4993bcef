//! The daemon: it reads the configuration, loads plugins, starts a node, and answers on a Unix socket.
//!
//! - `apply`: bringing another configuration in force
//! - `ask`: what a request for a lease must be
//! - `blueprints`: the handlers of blueprints, plugins and slots
//! - `body`: how bodies and queries are read
//! - `bundled`: plugins that the program brings
//! - `catalogue`: the blueprints in force, with what their plugins say of themselves
//! - `commands`: running commands on leased things
//! - `error`: answers that say no
//! - `events`, `leases`, `resources`, `status`: the handlers of what they are named for
//! - `holding`: connections that tied leases last as long as
//! - `logging`: where `tracing` goes
//! - `news`: who waits for what to change
//! - `node`: starting and stopping the core
//! - `permissions`: what a blueprint's plugin may do
//! - `plugins`: finding plugins and checking blueprints against them
//! - `router`: which handler answers what
//! - `serve`: the daemon from start to stop
//! - `socket`: the Unix socket, and who is at its other end
//! - `views`: rows as answers show them

mod apply;
mod ask;
mod blueprints;
mod body;
pub(crate) mod bundled;
mod catalogue;
mod commands;
mod error;
mod events;
mod filters;
mod holding;
mod leaks;
mod leases;
mod logging;
mod nesting;
mod news;
pub(crate) mod node;
mod permissions;
pub(crate) mod plugins;
mod resources;
mod router;
mod serve;
mod sets;
mod socket;
mod status;
#[cfg(test)]
mod tests;
mod views;

pub use logging::LogFormat;
pub use serve::{Options, serve};
