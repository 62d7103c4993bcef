//! A blueprint, a host, and a copy on it, driven as Drydock drives them.

use crate::machine::Machine;
use crate::remote::{Remote, git};
use drydock_sdk::serde_json::{Map, Value, json};
use drydock_sdk::{Access, Blueprint, Failure, Handout, Labels, Place, Plugin, Progress, Resource, fake};
use std::path::PathBuf;
use working_copy::WorkingCopy;

pub struct World {
    pub b: Blueprint<WorkingCopy>,
    pub machine: Option<Machine>,
    pub on: Resource<WorkingCopy>,
    /// What was last saved of a stay.
    pub saved: Option<Value>,
    stays: usize,
}

/// A configuration of these repositories on this machine.
pub fn config(repositories: &[(&str, &Remote)]) -> Value {
    let one = |&(name, remote): &(&str, &Remote)| (name.to_owned(), json!({ "url": remote.url() }));
    let repositories: Map<String, Value> = repositories.iter().map(one).collect();
    json!({ "repositories": repositories, "allow_local": true })
}

/// A step, called again until it has an answer. What it saves is put into `save`.
pub fn drive(
    mut step: impl FnMut() -> Result<Progress, Failure>,
    mut save: impl FnMut(&Value),
) -> Result<Progress, Failure> {
    for _ in 0..100 {
        let progress = step()?;
        if let Some(saved) = progress.saved() {
            save(saved);
        }
        if progress.is_done() {
            return Ok(progress);
        }
    }
    panic!("a step has no end")
}

impl World {
    /// A copy for this request, not opened yet.
    pub fn new(config: Value, request: Value) -> World {
        let b = fake::blueprint::<WorkingCopy>(config);
        let on = allocated(&b, request);
        World { b, machine: Some(Machine::new()), on, saved: None, stays: 0 }
    }

    /// A copy that is open.
    pub fn opened(config: Value, request: Value) -> World {
        let mut world = World::new(config, request);
        world.open().unwrap();
        world
    }

    pub fn machine(&mut self) -> &mut Machine {
        self.machine.as_mut().unwrap()
    }

    fn with<R>(&mut self, test: impl FnOnce(&mut World) -> R) -> R {
        let machine = self.machine.take().unwrap();
        let (machine, answer) = fake::with(machine, || test(self));
        self.machine = Some(machine);
        answer
    }

    pub fn open(&mut self) -> Result<(), Failure> {
        self.with(|world| world.opening())
    }

    fn opening(&mut self) -> Result<(), Failure> {
        for _ in 0..100 {
            let progress = WorkingCopy::open(&fake::context("open"), &self.b, &self.on)?;
            self.on.state = progress.saved().map(Value::to_string).or(self.on.state.take());
            if let Some(added) = progress.added() {
                self.on.attributes.lease = added["lease"].as_str().map(str::to_owned);
                self.on.attributes.directory = added["directory"].as_str().map(str::to_owned);
                return Ok(());
            }
        }
        panic!("open has no end")
    }

    /// A new stay.
    pub fn place(&mut self, request: Value) -> Place<WorkingCopy> {
        self.stays += 1;
        self.saved = None;
        fake::place(&format!("place-{}", self.stays), request)
    }

    pub fn activate(&mut self, place: &mut Place<WorkingCopy>) -> Result<Handout, Failure> {
        self.with(|world| {
            let mut saved = None;
            let answer = drive(
                || {
                    let progress = WorkingCopy::activate(&fake::context("activate"), &world.b, &world.on, place)?;
                    place.state = progress.saved().map(Value::to_string).or(place.state.take());
                    Ok(progress)
                },
                |state| saved = Some(state.clone()),
            );
            world.saved = saved;
            Ok(answer?.handout().unwrap().clone())
        })
    }

    /// The first calls of `activate`, none of which is the last.
    pub fn begin(&mut self, place: &mut Place<WorkingCopy>, calls: usize) {
        self.with(|world| {
            for _ in 0..calls {
                let progress = WorkingCopy::activate(&fake::context("activate"), &world.b, &world.on, place).unwrap();
                assert!(!progress.is_done());
                place.state = progress.saved().map(Value::to_string);
            }
        });
    }

    /// One call of `release`, which is not the last.
    pub fn begin_release(&mut self, place: &mut Place<WorkingCopy>) {
        self.with(|world| {
            let progress = WorkingCopy::release(&fake::context("release"), &world.b, &world.on, place).unwrap();
            assert!(!progress.is_done());
            place.state = progress.saved().map(Value::to_string).or(place.state.take());
        });
    }

    pub fn release(&mut self, place: &mut Place<WorkingCopy>) -> Result<(), Failure> {
        self.with(|world| {
            let step = || {
                let progress = WorkingCopy::release(&fake::context("release"), &world.b, &world.on, place)?;
                place.state = progress.saved().map(Value::to_string).or(place.state.take());
                Ok(progress)
            };
            drive(step, |_| {}).map(|_| ())
        })
    }

    pub fn close(&mut self) {
        self.with(|world| assert!(WorkingCopy::close(&fake::context("close"), &world.b, &world.on).unwrap().is_done()));
    }

    /// A stay that is set up.
    pub fn lease(&mut self, request: Value) -> (Place<WorkingCopy>, Handout) {
        let mut place = self.place(request);
        let handout = self.activate(&mut place).unwrap_or_else(|failure| panic!("{}", failure.reason));
        assert!(matches!(handout.access, Access::Via(_)));
        (place, handout)
    }

    /// A stay that can't be set up, and why.
    pub fn refused(&mut self, request: Value) -> Failure {
        let mut place = self.place(request);
        let failure = self.activate(&mut place).expect_err("it can't be set up");
        let saved = self.saved.take();
        self.release(&mut place).unwrap_or_else(|failure| panic!("{}", failure.reason));
        self.saved = saved;
        failure
    }

    /// Where a repository's copy is.
    pub fn copy(&mut self, name: &str) -> PathBuf {
        self.machine().ground().join(name)
    }

    /// What git says in a copy.
    pub fn git(&mut self, name: &str, args: &[&str]) -> String {
        git(&self.copy(name), args)
    }

    pub fn head(&mut self, name: &str) -> String {
        self.git(name, &["rev-parse", "HEAD"])
    }

    /// That a copy is as a fresh one.
    pub fn assert_clean(&mut self, name: &str) {
        assert_eq!(self.git(name, &["status", "--porcelain", "--ignored"]), "");
        assert_eq!(self.git(name, &["for-each-ref", "refs/heads/"]), "");
        let ground = self.machine().ground();
        let mut entries: Vec<_> = std::fs::read_dir(ground).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        entries.sort();
        let names: Vec<_> = self.on.attributes.repositories.keys().map(std::ffi::OsString::from).collect();
        assert_eq!(entries, names);
    }
}

/// The resource that is proposed for a request, as Drydock would make it.
pub fn allocated(b: &Blueprint<WorkingCopy>, request: Value) -> Resource<WorkingCopy> {
    let asked = fake::request(request, Labels::new());
    let proposed = WorkingCopy::allocate(b, &asked).unwrap_or_else(|refusal| panic!("{refusal:?}"));
    let one = proposed.into_iter().next().unwrap();
    let mut on = fake::resource("copy-1", one.attributes);
    on.labels = one.labels;
    on.name = one.name;
    assert_eq!(one.limit, Some(1));
    assert!(WorkingCopy::acquire(b, &on, &asked).is_ok());
    on
}
