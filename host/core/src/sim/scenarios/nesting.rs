//! Resources that stand on leased ones.

use super::{ONE_BINDING, TWO_BINDINGS, base};
use crate::model::protection::Protection::*;
use crate::sim::scenario::{Client, Faults, Scenario};
use crate::sim::yard::Yard;

/// Copies, each on a host of its own.
pub(super) const COPIES: Yard = Yard { name: "copies", kind: "copy", stands_on: &["host"], ..Yard::HOSTS };

pub fn all() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "idle-tower",
            about: "every host is held by a copy that nobody uses, and somebody wants a host",
            yards: vec![Yard { bindings: TWO_BINDINGS, ..Yard::HOSTS }, COPIES],
            clients: vec![
                Client::at(0).of("copy").hold(100),
                Client::at(0).of("copy").hold(100),
                Client::at(120_000).hold(100).within(1_200_000),
                Client::at(120_100).of("copy").hold(100).within(2_400_000),
            ],
            naive: &[&[Towers]],
            reached: &["served", "reclaimed"],
            ..base()
        },
        Scenario {
            name: "one-claim-two-things",
            about: "a node dies between any two writes of a lease that needs a thing, and of that thing's own lease",
            yards: vec![Yard::HOSTS, COPIES],
            clients: vec![Client::at(0).of("copy"), Client::at(10).of("copy")],
            faults: Faults { calls: 0, ..Faults::NO_FREEZE },
            watch: |watch| watch.built_at_most(4),
            // A clock that runs ahead often would reach the time limit of a build, which is then built again.
            early_timer: 400,
            naive: &[&[NestedKey]],
            reached: &["served"],
            ..base()
        },
        Scenario {
            name: "tower-falls",
            about: "the host of a copy is wanted away by an operator while others wait and work",
            yards: vec![Yard { bindings: ONE_BINDING, ..Yard::HOSTS }, COPIES],
            clients: vec![
                Client::at(0).of("copy").hold(30_000),
                Client::at(10).of("copy").hold(100),
                Client::at(5_000).drains(),
                Client::at(9_000).hold(100),
            ],
            reached: &["served"],
            ..base()
        },
        Scenario {
            name: "mixed-farm",
            about: "four blueprints, two of them on the others, with different build times and attributes, in waves",
            nodes: 3,
            yards: mixed(TWO_BINDINGS, 2, 3, 2),
            clients: [0, 40_000, 300_000].into_iter().flat_map(crowd).collect(),
            faults: Faults::ALL,
            naive: &[&[Towers]],
            reached: &["served", "cancelled", "reclaimed"],
            early_timer: 400,
            ..base()
        },
    ]
}

/// The same farm as large as it was when nobody could say what went wrong: 150 clients in waves of 50.
pub fn large() -> Scenario {
    Scenario {
        name: "mixed-farm-full",
        about: "the same farm with 150 clients in waves of 50, and every fault several times",
        nodes: 4,
        yards: mixed(TEN_BINDINGS, 8, 12, 5),
        clients: [0, 60_000, 400_000]
            .into_iter()
            .flat_map(|wave| (0..10).flat_map(move |group| crowd(wave + group * 97)))
            .collect(),
        faults: Faults { kills: 4, freezes: 3, calls: 12, commits: 12 },
        reached: &["served", "cancelled", "reclaimed", "killed", "frozen", "call answer lost", "commit answer lost"],
        early_timer: 4_000,
        patience: 4 * base().patience,
        ..base()
    }
}

/// Two blueprints of hosts, one of copies on hosts, and one of sets on copies, with so many bindings and at most so many
/// resources.
fn mixed(bindings: &'static [&'static [&'static str]], cloud: u32, copies: u32, sets: u32) -> Vec<Yard> {
    vec![
        Yard { name: "lab", bindings, shares: 2, labels: LAB, open_again: 0, ..Yard::HOSTS },
        Yard {
            name: "cloud",
            max_resources: Some(cloud),
            labels: CLOUD,
            open_again: 3,
            open_pause: 5_000,
            idle_timeout: Some(600),
            ..Yard::HOSTS
        },
        Yard { activate_again: 1, max_resources: Some(copies), ..COPIES },
        Yard {
            name: "sets",
            kind: "set",
            stands_on: &["copy"],
            max_resources: Some(sets),
            max_uses: Some(2),
            ..COPIES
        },
    ]
}

/// Five clients who come one after the other.
fn crowd(at: i64) -> [Client; 5] {
    [
        Client::at(at).of("copy").hold(20_000),
        Client::at(at + 10).labelled(CLOUD).hold(15_000),
        Client::at(at + 20).of("set").hold(10_000),
        Client::at(at + 30).labelled(LAB).hold(5_000),
        Client::at(at + 40).of("copy").cancels(3_000),
    ]
}

const TEN_BINDINGS: &[&[&str]] = &[
    &["binding/1"],
    &["binding/2"],
    &["binding/3"],
    &["binding/4"],
    &["binding/5"],
    &["binding/6"],
    &["binding/7"],
    &["binding/8"],
    &["binding/9"],
    &["binding/10"],
];

const LAB: &[(&str, &str)] = &[("where", "lab")];
const CLOUD: &[(&str, &str)] = &[("where", "cloud")];
