//! What the core leaves to the outside: plugins as WebAssembly components, which export the contract in `wit/`, and
//! commands on the things that are leased.
//!
//! [`Loader`] turns bytes into plugins; what it gives is called through [`drydock_core::plugin::Plugin`]. A plugin gets
//! a fresh store for every call, two cut-offs, and nothing of the outside but what it asks for and an operator grants.

mod bindings;
mod cache;
mod call;
pub mod commands;
mod component;
mod console;
pub mod credentials;
mod engine;
mod files;
mod http;
mod imports;
mod inspect;
mod jobs;
mod limits;
mod loader;
mod meter;
mod nesting;
mod origin;
mod permission;
mod pinned;
mod sandbox;
mod schemas;
mod translate;
mod trap;
mod view;

pub use cache::Cache;
pub use http::{BadAuthority, HttpClient, HttpGrant, Reach, Resolver, SystemResolver};
pub use inspect::CONTRACT;
pub use limits::{Limits, MEMORY_MAX};
pub use loader::{LoadError, Loader, LoaderError};
pub use origin::{Host, HostPattern, Origin, Origins, Scheme};
pub use permission::covers;
pub use schemas::{Problem, Schemas};
