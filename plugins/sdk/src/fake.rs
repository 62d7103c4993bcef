//! The outside, as a plugin's own tests make it up: what a plugin calls goes there, and the plugin runs as any Rust code.
//!
//! ```
//! use drydock_sdk::{Access, commands::*, fake};
//!
//! struct Host(Vec<String>);
//!
//! impl fake::Outside for Host {
//!     fn run(&mut self, _: &Access, command: &Command) -> Result<Output, Error> {
//!         self.0.push(command.argv.join(" "));
//!         Ok(Output { exit: Exit::Code(0), stdout: vec![], stderr: vec![], truncated: false })
//!     }
//! }
//!
//! let (host, answer) = fake::with(Host(vec![]), || Command::new(["true"]).run(&Access::Local));
//! assert!(answer.is_ok());
//! assert_eq!(host.0, ["true"]);
//! ```

use crate::bindings::types;
use crate::commands::{Command, Error, Output};
use crate::view::Sight;
use crate::{Access, Blueprint, Context, Labels, Place, Plugin, Request, Resource, Slot, Status};
use crate::{http, jobs, leases};
use std::any::Any;
use std::cell::RefCell;
use std::time::Duration;

/// What a plugin may call. What a test does not expect ends it.
#[allow(unused_variables)]
pub trait Outside: Any {
    fn run(&mut self, on: &Access, command: &Command) -> Result<Output, Error> {
        panic!("a command was run that the test does not expect: {:?}", command.argv)
    }

    fn start(&mut self, on: &Access, key: &str, command: &Command) -> Result<(), Error> {
        panic!("a job was started that the test does not expect: {key}")
    }

    fn poll(&mut self, on: &Access, key: &str) -> Result<jobs::State, Error> {
        panic!("a job was polled that the test does not expect: {key}")
    }

    fn cancel(&mut self, on: &Access, key: &str) -> Result<(), Error> {
        panic!("a job was cancelled that the test does not expect: {key}")
    }

    fn put(&mut self, on: &Access, path: &str, content: &[u8], mode: u32) -> Result<(), Error> {
        panic!("a file was written that the test does not expect: {path}")
    }

    fn get(&mut self, on: &Access, path: &str, limit: u32) -> Result<Vec<u8>, Error> {
        panic!("a file was read that the test does not expect: {path}")
    }

    fn send(&mut self, request: &http::Request) -> Result<http::Response, http::Error> {
        panic!("a request was sent that the test does not expect: {} {}", request.method, request.url)
    }

    fn ask(&mut self, wishes: &[leases::Wish]) -> Result<Vec<String>, String> {
        panic!("leases were asked for that the test does not expect: {wishes:?}")
    }

    fn look(&mut self, lease: &str) -> Result<leases::State, String> {
        panic!("a lease was looked at that the test does not expect: {lease}")
    }

    fn public_key(&mut self, name: &str) -> Result<String, String> {
        panic!("a public key was asked for that the test does not expect: {name}")
    }

    /// Nothing is taken, where a test says nothing else.
    fn taken(&mut self, keys: &[String]) -> Vec<String> {
        Vec::new()
    }

    /// Nothing is used, where a test says nothing else.
    fn used(&mut self, key: &str) -> u32 {
        0
    }

    /// Nothing was observed, where a test says nothing else.
    fn observed(&mut self) -> Option<Sight> {
        None
    }

    /// Printed, where a test says nothing else.
    fn log(&mut self, level: &str, message: &str) {
        println!("{level}: {message}");
    }
}

thread_local! {
    static OUTSIDE: RefCell<Option<Box<dyn Outside>>> = const { RefCell::new(None) };
}

/// Runs `test` with that outside, on this thread; gives the outside back, and what `test` answered.
pub fn with<O: Outside, R>(outside: O, test: impl FnOnce() -> R) -> (O, R) {
    OUTSIDE.with_borrow_mut(|slot| *slot = Some(Box::new(outside)));
    let answer = test();
    let outside = OUTSIDE.with_borrow_mut(Option::take).map(|outside| outside as Box<dyn Any>);
    let Some(Ok(outside)) = outside.map(|outside| outside.downcast::<O>()) else {
        panic!("`fake::with` was called within itself")
    };
    (*outside, answer)
}

/// Outside a host there is nothing else to call.
pub(crate) fn is_on() -> bool {
    cfg!(not(target_arch = "wasm32"))
}

pub(crate) fn outside<R>(call: impl FnOnce(&mut dyn Outside) -> R) -> R {
    OUTSIDE.with_borrow_mut(|outside| match outside {
        Some(outside) => call(outside.as_mut()),
        None => panic!("the outside was called without one: use `fake::with`"),
    })
}

/// A blueprint with this configuration, which must be one that its plugin takes. Its name is `test`.
pub fn blueprint<P: Plugin>(config: serde_json::Value) -> Blueprint<P> {
    let wit = types::Blueprint {
        name: "test".to_owned(),
        config: config.to_string(),
        revision: 1,
        installation: "test-installation".to_owned(),
        now: 1_800_000_000_000,
        seed: 1,
        extra: Vec::new(),
    };
    Blueprint::from_wit(wit).unwrap_or_else(|why| panic!("{why}"))
}

/// A request with these attributes.
pub fn request<P: Plugin>(attributes: serde_json::Value, labels: Labels) -> Request<P> {
    let attributes = serde_json::from_value(attributes).unwrap_or_else(|error| panic!("the attributes: {error}"));
    Request { attributes, labels }
}

/// A resource with these attributes, active, with one share.
pub fn resource<P: Plugin>(id: &str, attributes: P::Attributes) -> Resource<P> {
    Resource {
        id: id.to_owned(),
        name: id.to_owned(),
        status: Status::Active,
        attributes,
        labels: Labels::new(),
        slots: Vec::<Slot>::new(),
        used: 0,
        limit: 1,
        state: None,
    }
}

/// A stay for a request with these attributes.
pub fn place<P: Plugin>(id: &str, attributes: serde_json::Value) -> Place<P> {
    let attributes = serde_json::from_value(attributes).unwrap_or_else(|error| panic!("the attributes: {error}"));
    Place {
        id: id.to_owned(),
        lease: format!("lease-of-{id}"),
        owner: "somebody".to_owned(),
        attributes,
        slots: Vec::new(),
        state: None,
    }
}

/// The context of a first try.
pub fn context(key: &str) -> Context {
    Context {
        key: key.to_owned(),
        epoch: 1,
        attempt: 0,
        deadline: Duration::from_secs(30),
        ending: None,
        leftovers: Vec::new(),
    }
}
