//! Resources that stand on leased ones.

use super::{ONE_BINDING, TWO_BINDINGS, base};
use crate::model::protection::Protection::*;
use crate::sim::scenario::{Client, Faults, Scenario};
use crate::sim::yard::Yard;

/// Copies, each on a host of its own.
const COPIES: Yard = Yard { name: "copies", kind: "copy", stands_on: &["host"], ..Yard::HOSTS };

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
            yards: vec![
                Yard { name: "lab", bindings: TWO_BINDINGS, shares: 2, labels: LAB, open_again: 0, ..Yard::HOSTS },
                Yard {
                    name: "cloud",
                    max_resources: Some(2),
                    labels: CLOUD,
                    open_again: 3,
                    open_pause: 5_000,
                    idle_timeout: Some(600),
                    ..Yard::HOSTS
                },
                Yard { activate_again: 1, max_resources: Some(3), ..COPIES },
                Yard {
                    name: "sets",
                    kind: "set",
                    stands_on: &["copy"],
                    max_resources: Some(2),
                    max_uses: Some(2),
                    ..COPIES
                },
            ],
            clients: [0, 40_000, 300_000]
                .into_iter()
                .flat_map(|wave| {
                    [
                        Client::at(wave).of("copy").hold(20_000),
                        Client::at(wave + 10).labelled(CLOUD).hold(15_000),
                        Client::at(wave + 20).of("set").hold(10_000),
                        Client::at(wave + 30).labelled(LAB).hold(5_000),
                        Client::at(wave + 40).of("copy").cancels(3_000),
                    ]
                })
                .collect(),
            faults: Faults::ALL,
            naive: &[&[Towers]],
            reached: &["served", "cancelled", "reclaimed"],
            early_timer: 400,
            ..base()
        },
    ]
}

const LAB: &[(&str, &str)] = &[("where", "lab")];
const CLOUD: &[(&str, &str)] = &[("where", "cloud")];
