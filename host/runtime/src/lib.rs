//! Runs plugins: WebAssembly components that export the contract in `wit/`.
//!
//! [`Loader`] turns bytes into plugins; what it gives is called through [`drydock_core::plugin::Plugin`]. A plugin gets
//! a fresh store for every call, two cut-offs, and nothing of the outside but what it asks for and an operator grants.

#![forbid(unsafe_code)]

mod bindings;
mod call;
pub mod commands;
mod component;
mod console;
mod engine;
mod imports;
mod inspect;
mod limits;
mod loader;
mod meter;
mod pinned;
mod sandbox;
mod schemas;
mod translate;
mod trap;
mod view;

pub use inspect::CONTRACT;
pub use limits::{Limits, MEMORY_MAX};
pub use loader::{LoadError, Loader, LoaderError};
