//! How resources end: in time, after use, and with everything that was made on them.

use super::{ONE_BINDING, TWO_BINDINGS, base};
use crate::model::protection::Protection::*;
use crate::sim::scenario::{Client, Faults, Scenario};
use crate::sim::yard::Yard;

pub fn all() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "busy-but-idle",
            about: "a machine that was idle when it was looked at, and is in use by now, is closed as idle",
            nodes: 3,
            yards: vec![Yard { bindings: ONE_BINDING, open_again: 0, idle_timeout: Some(1), ..Yard::HOSTS }],
            clients: vec![
                Client::at(0).hold(100),
                Client::at(1_000).hold(3_000),
                Client::at(1_150).hold(3_000),
                Client::at(5_200).hold(3_000),
                Client::at(9_400).hold(3_000),
            ],
            naive: &[&[CloseGuard]],
            reached: &["served", "retired"],
            ..base()
        },
        Scenario {
            name: "one-use",
            about: "a machine for one use is never shared and never used again",
            yards: vec![Yard { shares: 2, max_uses: Some(1), bindings: TWO_BINDINGS, ..Yard::HOSTS }],
            clients: vec![Client::at(0), Client::at(0), Client::at(1), Client::at(2)],
            watch: |watch| watch.placed_at_most_once(),
            naive: &[&[Uses]],
            ..base()
        },
        Scenario {
            name: "slow-clean",
            about: "cleaning takes ten times as long as use: bounded, visible, and nothing is lost",
            yards: vec![Yard {
                bindings: TWO_BINDINGS,
                open_again: 0,
                release_again: 5,
                release_pause: 2_000,
                ..Yard::HOSTS
            }],
            clients: vec![
                Client::at(0),
                Client::at(0),
                Client::at(10).within(1_200_000),
                Client::at(20).within(1_200_000),
                Client::at(30).within(1_200_000),
            ],
            naive: &[&[Cleanup]],
            ..base()
        },
        Scenario {
            name: "no-cleanup",
            about: "what was let go leaves directories, and what was closed leaves instances",
            yards: vec![Yard { bindings: TWO_BINDINGS, idle_timeout: Some(5), ..Yard::HOSTS }],
            clients: vec![Client::at(0), Client::at(0), Client::at(10).cancels(300), Client::at(60_000)],
            naive: &[&[Cleanup]],
            reached: &["served", "retired"],
            ..base()
        },
        Scenario {
            name: "drained-while-building",
            about: "a resource is wanted away while its first lease waits for it to open",
            yards: vec![Yard { bindings: ONE_BINDING, open_again: 3, open_pause: 1_000, ..Yard::HOSTS }],
            clients: vec![Client::at(0), Client::at(1_000).drains(), Client::at(2_000)],
            faults: Faults { calls: 0, ..Faults::NO_FREEZE },
            watch: |watch| watch.opens_for_who_is_on_it(),
            naive: &[&[HeedPlaces]],
            reached: &["served", "drained"],
            ..base()
        },
    ]
}
