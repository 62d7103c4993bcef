//! Lends out working copies: checkouts of git repositories on hosts that it leases itself.
//!
//! - what is configured, asked for and known: `config`, `request`, `attributes`, with the rules of `names` and `remote`
//! - the decisions: `planning`
//! - the steps: `open`, `activate`, `release`, `close`; what they wait for: `ground` (the host) and `batch` (jobs)
//! - what is run on the host: `fetch` and `copy`, whose scripts are in `scripts/`; what they answer: `answer`; how they
//!   fail: `trouble`

mod activate;
mod answer;
mod attributes;
mod batch;
mod close;
mod config;
mod copy;
mod digest;
mod fetch;
mod ground;
mod names;
mod open;
mod planning;
mod release;
mod remote;
mod request;
mod trouble;

pub use attributes::Attributes;
pub use config::{Config, Repository};
pub use request::{Merge, Request, Revision};
pub use trouble::Trouble;

use drydock_sdk::{
    Acquisition, Allocation, Ask, Blueprint, Context, Failure, Needs, Place, Plugin, Progress, Refusal, Resource,
};

/// The plugin: all that the contract calls.
pub struct WorkingCopy;
drydock_sdk::export!(WorkingCopy);

impl Plugin for WorkingCopy {
    const NAME: &str = "working-copy";
    const VERSION: &str = env!("CARGO_PKG_VERSION");
    const KIND: &str = "working-copy";
    type Config = Config;
    type Request = Request;
    type Attributes = Attributes;

    fn asks() -> Vec<Ask> {
        vec![
            Ask::leases("host", "each working copy stands on a host"),
            Ask::ssh("to run git on hosts that are reached over SSH"),
            Ask::local("to run git on a host that is this machine"),
            Ask::credential("git", "to fetch from remotes that ask who it is"),
        ]
    }

    fn may_lease() -> &'static [&'static str] {
        &["host"]
    }

    fn check_config(config: &Config) -> Result<(), String> {
        config.check()
    }

    fn consider(b: &Blueprint<Self>, r: &drydock_sdk::Request<Self>) -> Result<Needs, Refusal> {
        planning::consider(b, r)
    }

    fn allocate(b: &Blueprint<Self>, r: &drydock_sdk::Request<Self>) -> Result<Vec<Allocation<Self>>, Refusal> {
        planning::allocate(b, r)
    }

    fn acquire(
        b: &Blueprint<Self>,
        on: &Resource<Self>,
        r: &drydock_sdk::Request<Self>,
    ) -> Result<Acquisition, Refusal> {
        planning::acquire(b, on, r)
    }

    fn open(c: &Context, b: &Blueprint<Self>, on: &Resource<Self>) -> Result<Progress, Failure> {
        open::open(c, b, on)
    }

    fn activate(c: &Context, b: &Blueprint<Self>, on: &Resource<Self>, p: &Place<Self>) -> Result<Progress, Failure> {
        activate::activate(c, b, on, p)
    }

    fn release(c: &Context, b: &Blueprint<Self>, on: &Resource<Self>, p: &Place<Self>) -> Result<Progress, Failure> {
        release::release(c, b, on, p)
    }

    fn close(c: &Context, b: &Blueprint<Self>, on: &Resource<Self>) -> Result<Progress, Failure> {
        close::close(c, b, on)
    }
}
