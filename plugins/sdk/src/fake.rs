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

mod directories;

pub use directories::Lender;

use crate::bindings::types;
use crate::commands::{Command, Error, Exit, Output};
use crate::view::Sight;
use crate::{Access, Blueprint, Context, Labels, Place, Plugin, Request, Resource, Slot, Status};
use crate::{http, jobs, leases};
use std::any::Any;
use std::cell::RefCell;
use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

/// What a plugin may call. What a test does not expect ends it.
#[allow(unused_variables)]
pub trait Outside: Any {
    fn run(&mut self, on: &Access, command: &Command) -> Result<Output, Error> {
        panic!("a command was run that the test does not expect: {:?}", command.argv)
    }

    fn start(&mut self, on: &Access, key: &str, command: &Command, wait: Duration) -> Result<jobs::State, Error> {
        panic!("a job was started that the test does not expect: {key}")
    }

    fn poll(&mut self, on: &Access, key: &str, wait: Duration) -> Result<jobs::State, Error> {
        panic!("a job was polled that the test does not expect: {key}")
    }

    fn cancel(&mut self, on: &Access, keys: &[String]) -> Result<(), Error> {
        panic!("jobs were cancelled that the test does not expect: {keys:?}")
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

/// Runs a command as a process of this machine, to its end and whatever its timeout: for an [`Outside`] whose things are
/// real. Secrets are none that it could know, so a command with one is `Invalid`.
pub fn process(command: &Command) -> Result<Output, Error> {
    let (Some((program, args)), true) = (command.argv.split_first(), command.secrets.is_empty()) else {
        return Err(Error::Invalid("it has no program, or it has secrets".to_owned()));
    };
    let mut process = std::process::Command::new(program);
    process.args(args).envs(&command.environment).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    if let Some(directory) = &command.directory {
        process.current_dir(directory);
    }
    let mut run = || {
        let mut child = process.spawn()?;
        // Who does not read its input, or not all of it, has ended well all the same.
        let _ = child.stdin.take().map(|mut stdin| stdin.write_all(&command.stdin));
        child.wait_with_output()
    };
    let ended = run().map_err(|error| Error::Other(format!("{program} can't be run: {error}")))?;
    let kept = |mut output: Vec<u8>| {
        output.truncate(command.output_limit as usize);
        output
    };
    let limit = command.output_limit as usize;
    Ok(Output {
        truncated: ended.stdout.len() > limit || ended.stderr.len() > limit,
        exit: ended.status.code().map_or_else(|| Exit::Signal(ended.status.to_string()), Exit::Code),
        stdout: kept(ended.stdout),
        stderr: kept(ended.stderr),
    })
}

/// When a call is cut off: before it reaches the outside, or after, so that its answer is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    Before,
    After,
}

/// Cuts a step off at each of its calls in turn, before and after, and repeats it until it has an answer, as a host does
/// after a crash. `begin` makes a new outside for every turn; `step` is the step, which must not keep anything in memory;
/// `check` looks at what the outside has become and at what the repeated step answered. Answers how many calls there are.
///
/// Only what acts is cut: `view` and the log are not.
pub fn cut_at_every_call<O: Outside, R>(
    begin: impl Fn() -> O,
    step: impl Fn() -> R,
    check: impl Fn(O, R, Cut, usize),
) -> usize {
    for at in 0.. {
        for when in [Cut::Before, Cut::After] {
            let cutter = Cutter { inside: begin(), left: Some(at), when };
            let caught = || std::panic::catch_unwind(std::panic::AssertUnwindSafe(&step));
            let (cutter, first) = with(cutter, caught);
            let answer = match first {
                Ok(answer) => answer,
                Err(payload) if payload.is::<CutOff>() => {
                    let (inside, answer) = with(cutter.inside, &step);
                    check(inside, answer, when, at);
                    continue;
                }
                Err(payload) => std::panic::resume_unwind(payload),
            };
            check(cutter.inside, answer, when, at);
            if when == Cut::Before {
                return at;
            }
        }
    }
    unreachable!("a step ends before it has made so many calls")
}

/// What a step that was cut off ends with.
struct CutOff;

struct Cutter<O> {
    inside: O,
    /// Calls until it strikes.
    left: Option<usize>,
    when: Cut,
}

impl<O: Outside> Cutter<O> {
    fn call<R>(&mut self, call: impl FnOnce(&mut O) -> R) -> R {
        let strikes = self.left == Some(0);
        self.left = self.left.and_then(|left| left.checked_sub(1));
        if strikes && self.when == Cut::Before {
            std::panic::resume_unwind(Box::new(CutOff));
        }
        let answer = call(&mut self.inside);
        if strikes {
            std::panic::resume_unwind(Box::new(CutOff));
        }
        answer
    }
}

impl<O: Outside> Outside for Cutter<O> {
    fn run(&mut self, on: &Access, command: &Command) -> Result<Output, Error> {
        self.call(|outside| outside.run(on, command))
    }

    fn start(&mut self, on: &Access, key: &str, command: &Command, wait: Duration) -> Result<jobs::State, Error> {
        self.call(|outside| outside.start(on, key, command, wait))
    }

    fn poll(&mut self, on: &Access, key: &str, wait: Duration) -> Result<jobs::State, Error> {
        self.call(|outside| outside.poll(on, key, wait))
    }

    fn cancel(&mut self, on: &Access, keys: &[String]) -> Result<(), Error> {
        self.call(|outside| outside.cancel(on, keys))
    }

    fn put(&mut self, on: &Access, path: &str, content: &[u8], mode: u32) -> Result<(), Error> {
        self.call(|outside| outside.put(on, path, content, mode))
    }

    fn get(&mut self, on: &Access, path: &str, limit: u32) -> Result<Vec<u8>, Error> {
        self.call(|outside| outside.get(on, path, limit))
    }

    fn send(&mut self, request: &http::Request) -> Result<http::Response, http::Error> {
        self.call(|outside| outside.send(request))
    }

    fn ask(&mut self, wishes: &[leases::Wish]) -> Result<Vec<String>, String> {
        self.call(|outside| outside.ask(wishes))
    }

    fn look(&mut self, lease: &str) -> Result<leases::State, String> {
        self.call(|outside| outside.look(lease))
    }

    fn public_key(&mut self, name: &str) -> Result<String, String> {
        self.call(|outside| outside.public_key(name))
    }

    fn taken(&mut self, keys: &[String]) -> Vec<String> {
        self.inside.taken(keys)
    }

    fn used(&mut self, key: &str) -> u32 {
        self.inside.used(key)
    }

    fn observed(&mut self) -> Option<Sight> {
        self.inside.observed()
    }

    fn log(&mut self, level: &str, message: &str) {
        self.inside.log(level, message);
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What was run, in order.
    #[derive(Default)]
    struct Shell(Vec<String>);

    impl Outside for Shell {
        fn run(&mut self, _: &Access, command: &Command) -> Result<Output, Error> {
            self.0.push(command.argv.join(" "));
            Ok(Output { exit: Exit::Code(0), stdout: vec![], stderr: vec![], truncated: false })
        }
    }

    #[test]
    fn every_call_is_cut_before_and_after_and_the_step_repeated() {
        let step = || ["one", "two"].map(|name| Command::new([name]).run(&Access::Local).is_ok());
        let seen = RefCell::new(Vec::new());
        let calls = cut_at_every_call(Shell::default, step, |shell, answer, when, at| {
            assert_eq!(answer, [true, true]);
            seen.borrow_mut().push((at, when, shell.0.join(" ")));
        });
        assert_eq!(calls, 2);
        let expected = [
            (0, Cut::Before, "one two"),
            (0, Cut::After, "one one two"),
            (1, Cut::Before, "one one two"),
            (1, Cut::After, "one two one two"),
            (2, Cut::Before, "one two"),
        ];
        assert_eq!(*seen.borrow(), expected.map(|(at, when, shell)| (at, when, shell.to_owned())));
    }
}
