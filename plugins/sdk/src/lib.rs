//! What a plugin of Drydock is written with in Rust.
//!
//! A plugin implements [`Plugin`], whose functions all have typed arguments: the blueprint's configuration, a request's
//! attributes and a resource's attributes are serde types of the plugin's own, and the JSON Schemas that the host checks
//! them with come from the same types. [`export!`] makes a component of it.
//!
//! - [`Plugin`], and what some plugins have beside it: [`Health`], [`Inventory`]
//! - what its functions are given: [`Blueprint`], [`Request`], [`Resource`], [`Place`], [`Context`]
//! - what they answer: [`Allocation`], [`Acquisition`], [`Refusal`], [`Progress`], [`Failure`]
//! - what they may call: [`commands`], [`jobs`], [`files`], [`http`], [`leases`], [`credentials`], [`view`], and the
//!   macros [`debug!`], [`info!`], [`warn!`] and [`error!`]
//! - [`directory`]: a directory for each stay on a host, which plugins that lend out hosts need
//! - [`fake`]: all of that outside a host, for a plugin's own tests
//!
//! What both sides must do is in `wit/README.md` of Drydock; this crate adds no rule.

mod adapter;
mod answers;
mod arguments;
#[doc(hidden)]
pub mod bindings;
pub mod commands;
pub mod credentials;
pub mod directory;
mod export;
mod failure;
pub mod fake;
pub mod files;
pub mod http;
pub mod jobs;
pub mod leases;
mod log;
mod plugin;
mod progress;
mod seed;
mod thing;
pub mod view;

#[doc(hidden)]
pub use adapter::Adapter;
pub use answers::{Acquisition, Allocation, Needs, Refusal, Slot};
pub use arguments::{Blueprint, Context, Leftover, Place, Request, Resource, Status};
pub use bindings::types::{Access, Platform, SshAccess};
pub use failure::{Blame, Failure, Next};
#[doc(hidden)]
pub use log::write;
pub use plugin::{Absence, Ask, Health, Inventory, Observation, Plugin, Steps, Thing, ThingState, Verdict};
pub use progress::{Handout, Progress, Wake};
pub use seed::Chance;

pub use schemars::{self, JsonSchema};
pub use serde;
pub use serde_json;

/// Labels by key.
pub type Labels = std::collections::BTreeMap<String, String>;
