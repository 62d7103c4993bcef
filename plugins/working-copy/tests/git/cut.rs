//! A step that is cut off anywhere, and made again.

use crate::machine::Machine;
use crate::remote::{Remote, git};
use crate::world::{World, config};
use drydock_sdk::serde_json::{Value, json};
use drydock_sdk::{Failure, Handout, Place, Plugin, Progress, Resource, fake};
use std::cell::RefCell;
use working_copy::WorkingCopy;

/// What the store has of a copy and a stay: it outlives the cuts of a step, as far as the step has saved it.
struct Store {
    slow: bool,
    /// How often each job is looked at before it has ended.
    looks: usize,
    on: RefCell<Resource<WorkingCopy>>,
    place: RefCell<Place<WorkingCopy>>,
}

impl Store {
    /// Filled from a world that is as far as the step begins with.
    fn fill(&self, world: World, place: Place<WorkingCopy>) -> Machine {
        self.on.replace(world.on);
        self.place.replace(place);
        let mut machine = world.machine.unwrap();
        (machine.slow, machine.looks) = (self.slow, self.looks);
        machine
    }

    fn keep(&self, step: &str, progress: &Progress) {
        if let Some(saved) = progress.saved() {
            let state = Some(saved.to_string());
            match step {
                "open" => self.on.borrow_mut().state = state,
                _ => self.place.borrow_mut().state = state,
            }
        }
    }

    /// One step to its end, from what was saved.
    fn run(&self, step: &str, config: &Value) -> Result<Option<Handout>, Failure> {
        let b = fake::blueprint::<WorkingCopy>(config.clone());
        let c = fake::context(step);
        for _ in 0..100 {
            let progress = {
                let (on, place) = (self.on.borrow(), self.place.borrow());
                match step {
                    "open" => WorkingCopy::open(&c, &b, &on),
                    "activate" => WorkingCopy::activate(&c, &b, &on, &place),
                    _ => WorkingCopy::release(&c, &b, &on, &place),
                }?
            };
            if progress.is_done() {
                return Ok(progress.handout().cloned());
            }
            self.keep(step, &progress);
        }
        panic!("{step} has no end")
    }
}

/// Two commits of which one is merged into the other.
fn remote() -> (Remote, Value) {
    let remote = Remote::new();
    remote.git(&["checkout", "--quiet", "-b", "side"]);
    remote.commit("side", "x\n");
    remote.git(&["checkout", "--quiet", "main"]);
    remote.commit("second", "two\n");
    (remote, json!({ "branch": "main", "merges": [{ "branch": "side" }] }))
}

/// One where nothing takes long, one whose jobs end while they are first waited for, and one whose steps yield.
fn stores() -> [Store; 3] {
    [(false, 0), (true, 0), (true, 2)].map(|(slow, looks)| Store {
        slow,
        looks,
        on: RefCell::new(fake::resource("none", Default::default())),
        place: RefCell::new(fake::place("place-0", json!({}))),
    })
}

#[test]
fn open_makes_the_same_copy_wherever_it_is_cut() {
    let (remote, request) = remote();
    let config = config(&[("app", &remote)]);
    for store in stores() {
        let begin = || store.fill(World::new(config.clone(), request.clone()), fake::place("place-1", request.clone()));
        let calls = fake::cut_at_every_call(
            begin,
            || store.run("open", &config),
            |machine, answer, when, at| {
                assert!(answer.is_ok(), "cut {when:?} call {at}: {answer:?}");
                let copy = machine.ground().join("app");
                assert_eq!(git(&copy, &["rev-parse", "HEAD"]), remote.head(), "cut {when:?} call {at}");
                assert_eq!(git(&copy, &["status", "--porcelain", "--ignored"]), "");
                assert_eq!(machine.records(), 0);
                assert_eq!(std::fs::read_dir(machine.ground()).unwrap().count(), 1);
            },
        );
        assert!(calls > 4, "{calls}");
    }
}

#[test]
fn activate_makes_the_same_checkout_wherever_it_is_cut() {
    let (remote, request) = remote();
    let config = config(&[("app", &remote)]);
    for store in stores() {
        let begin =
            || store.fill(World::opened(config.clone(), request.clone()), fake::place("place-1", request.clone()));
        let heads = RefCell::new(Vec::new());
        let calls = fake::cut_at_every_call(
            begin,
            || store.run("activate", &config),
            |machine, answer, when, at| {
                let handout =
                    answer.unwrap_or_else(|failure| panic!("cut {when:?} call {at}: {}", failure.reason)).unwrap();
                let copy = machine.ground().join("app");
                assert_eq!(handout.directory.as_deref(), copy.to_str());
                assert!(copy.join("side").exists() && copy.join("second").exists(), "cut {when:?} call {at}");
                assert_eq!(git(&copy, &["status", "--porcelain", "--ignored"]), "");
                heads.borrow_mut().push(git(&copy, &["rev-parse", "HEAD"]));
                assert_eq!(machine.records(), 0);
            },
        );
        assert!(calls >= if store.slow { 6 } else { 2 }, "{calls}");
        let heads = heads.into_inner();
        assert!(heads.iter().all(|head| *head == heads[0]), "{heads:?}");
    }
}

#[test]
fn release_leaves_a_clean_copy_wherever_it_is_cut() {
    let (remote, request) = remote();
    let config = config(&[("app", &remote)]);
    for store in stores() {
        // Of a stay that was set up, and of one that was given up in the middle of it.
        for active in [true, false] {
            let begin = || {
                let mut world = World::opened(config.clone(), request.clone());
                let (mut place, _) = world.lease(request.clone());
                if !active {
                    place.state = None;
                }
                let copy = world.copy("app");
                std::fs::write(copy.join("first"), "changed\n").unwrap();
                std::fs::write(copy.join("untracked"), "x").unwrap();
                std::fs::write(copy.join("../stray"), "x").unwrap();
                store.fill(world, place)
            };
            let calls = fake::cut_at_every_call(
                begin,
                || store.run("release", &config),
                |machine, answer, when, at| {
                    assert!(answer.is_ok(), "cut {when:?} call {at}: {answer:?}");
                    let copy = machine.ground().join("app");
                    assert_eq!(git(&copy, &["status", "--porcelain", "--ignored"]), "", "cut {when:?} call {at}");
                    assert_eq!(git(&copy, &["for-each-ref", "refs/heads/"]), "");
                    assert_eq!(std::fs::read_dir(machine.ground()).unwrap().count(), 1);
                    assert_eq!(machine.records(), 0);
                },
            );
            assert!(calls >= if store.slow { 3 } else { 1 }, "{calls}");
        }
    }
}
