//! Every step is cut off at each of its calls, before and after, and repeated.

use super::proxy::{Fault, Proxy};
use super::world::{Existing, Kept, World, blueprint};
use crate::Ec2;
use drydock_sdk::serde_json::json;
use drydock_sdk::{Blueprint, Inventory, Next, ThingState, fake};
use std::cell::RefCell;
use std::sync::Arc;

fn all() -> Existing {
    Existing { instances: 1, addresses: 1, spot_requests: 1 }
}

/// A resource for each turn, all in one account, in which every turn begins with nothing.
struct Turns {
    proxy: Arc<Proxy>,
    b: Blueprint<Ec2>,
    kept: RefCell<(usize, Option<Kept>)>,
}

impl Turns {
    fn new() -> Turns {
        let proxy = Proxy::start();
        let b = blueprint(&proxy, json!({ "spot": true, "elastic_ip": true, "path": "/srv/leases" }));
        Turns { proxy, b, kept: RefCell::default() }
    }

    fn begin(&self, prepare: impl FnOnce(&Blueprint<Ec2>, &Kept)) -> World {
        assert_eq!(Existing::of(&self.proxy), Existing::nothing());
        let number = self.kept.borrow().0 + 1;
        let kept = Kept::new(&self.b, &format!("r-{number}"));
        let (world, ()) = fake::with(World::new(&self.proxy), || prepare(&self.b, &kept));
        *self.kept.borrow_mut() = (number, Some(kept));
        world
    }

    fn now<R>(&self, step: impl FnOnce(&Blueprint<Ec2>, &Kept) -> R) -> R {
        step(&self.b, self.kept.borrow().1.as_ref().expect("it has begun"))
    }
}

#[test]
fn open_that_is_cut_off_anywhere_makes_everything_once_and_close_removes_it() {
    let turns = Turns::new();
    let begin = || turns.begin(|_, _| {});
    let step = || turns.now(|b, kept| kept.open(b));
    let calls = fake::cut_at_every_call(begin, step, |world, answer, when, at| {
        answer.unwrap_or_else(|failure| panic!("cut {when:?} {at}: {}", failure.reason));
        assert_eq!(Existing::of(&world.proxy), all(), "cut {when:?} {at}");
        let proxy = world.proxy.clone();
        fake::with(world, || turns.now(|b, kept| kept.close(b).expect("closed")));
        assert_eq!(Existing::of(&proxy), Existing::nothing(), "cut {when:?} {at}");
    });
    assert!(calls > 10, "{calls}");
}

#[test]
fn open_that_is_cut_off_anywhere_and_never_repeated_leaves_nothing_after_close() {
    let turns = Turns::new();
    let tries = RefCell::new(0);
    let begin = || {
        *tries.borrow_mut() = 0;
        turns.begin(|_, _| {})
    };
    let step = || {
        *tries.borrow_mut() += 1;
        match *tries.borrow() {
            1 => turns.now(|b, kept| kept.open(b)),
            _ => turns.now(|b, kept| kept.close(b)),
        }
    };
    fake::cut_at_every_call(begin, step, |world, answer, when, at| {
        answer.unwrap_or_else(|failure| panic!("cut {when:?} {at}: {}", failure.reason));
        let left = if *tries.borrow() == 1 { all() } else { Existing::nothing() };
        assert_eq!(Existing::of(&world.proxy), left, "cut {when:?} {at}");
    });
}

#[test]
fn close_that_is_cut_off_anywhere_removes_everything() {
    let turns = Turns::new();
    let begin = || turns.begin(|b, kept| kept.open(b).expect("opened"));
    let step = || turns.now(|b, kept| kept.close(b));
    fake::cut_at_every_call(begin, step, |world, answer, when, at| {
        answer.unwrap_or_else(|failure| panic!("cut {when:?} {at}: {}", failure.reason));
        assert_eq!(Existing::of(&world.proxy), Existing::nothing(), "cut {when:?} {at}");
    });
}

#[test]
fn a_sweep_that_is_cut_off_anywhere_removes_everything() {
    let turns = Turns::new();
    let begin = || turns.begin(|b, kept| kept.open(b).expect("opened"));
    let step = || {
        turns.now(|b, _| {
            let seen = Ec2::observe(&fake::context("k"), b)?;
            for thing in seen.things.iter().filter(|thing| !matches!(thing.state, ThingState::Gone(_))) {
                while !Ec2::remove(&fake::context("k"), b, thing)?.is_done() {}
            }
            Ok::<_, drydock_sdk::Failure>(seen.complete)
        })
    };
    fake::cut_at_every_call(begin, step, |world, answer, when, at| {
        assert!(answer.unwrap_or_else(|failure| panic!("cut {when:?} {at}: {}", failure.reason)));
        assert_eq!(Existing::of(&world.proxy), Existing::nothing(), "cut {when:?} {at}");
    });
}

/// The same on the wire: the answer to each action is lost once, or the request is, or something else answers.
#[test]
fn a_connection_that_breaks_is_a_reason_to_try_again() {
    let actions = [
        "DescribeKeyPairs",
        "ImportKeyPair",
        "DescribeInstances",
        "RunInstances",
        "DescribeAddresses",
        "AllocateAddress",
        "AssociateAddress",
        "TerminateInstances",
        "ReleaseAddress",
        "DisassociateAddress",
        "CancelSpotInstanceRequests",
        "DescribeSpotInstanceRequests",
    ];
    for fault in [
        Fault::CutBefore,
        Fault::CutAfter,
        Fault::Other(502, "<html><h1>Bad Gateway</h1></html>"),
        Fault::Other(200, "?"),
    ] {
        let turns = Turns::new();
        let world = turns.begin(|_, _| {});
        let proxy = world.proxy.clone();
        for action in actions {
            proxy.fault(action, fault.clone());
        }
        let patiently = |step: fn(&Kept, &Blueprint<Ec2>) -> Result<(), drydock_sdk::Failure>| {
            turns.now(|b, kept| {
                while let Err(failure) = step(kept, b) {
                    assert_eq!(failure.next, Next::BackOff, "{}", failure.reason);
                }
            });
        };
        fake::with(world, || {
            patiently(Kept::open);
            assert_eq!(Existing::of(&proxy), all());
            patiently(Kept::close);
        });
        assert_eq!(Existing::of(&proxy), Existing::nothing());
        assert!(proxy.state().faults.is_empty(), "each of them has happened");
    }
}
