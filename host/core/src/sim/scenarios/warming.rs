//! What is kept though nobody has asked for it.

use super::nesting::COPIES;
use super::{ONE_BINDING, base};
use crate::model::protection::Protection::*;
use crate::sim::scenario::{Client, Edit, Faults, Scenario};
use crate::sim::yard::Yard;

const RED: &[(&str, &str)] = &[("flavour", "red")];
const BLUE: &[(&str, &str)] = &[("flavour", "blue")];

/// It stays for a minute before it is closed for others.
const ONE_HOST: Yard = Yard { bindings: ONE_BINDING, reclaim_after: 60, ..Yard::HOSTS };

pub fn all() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "kept-warm",
            about: "two machines are there before anybody asks, and stay however long nobody uses them; more do not",
            yards: vec![Yard { min_resources: 2, idle_timeout: Some(2), ..Yard::HOSTS }],
            clients: vec![
                Client::at(20_000).hold(100),
                Client::at(20_000).hold(100),
                Client::at(20_000).hold(100),
                Client::at(0).probes(10_000, 90_000),
            ],
            faults: Faults { calls: 0, ..Faults::NO_FREEZE },
            watch: |watch| watch.built_at_most(4),
            // A clock that runs ahead often would reach the time limit of a build, which is then built again.
            early_timer: 400,
            naive: &[&[Spared]],
            reached: &["served", "kept for nobody", "retired"],
            ..base()
        },
        Scenario {
            name: "warm-last",
            about: "the one place is kept for nobody in one flavour, and somebody wants it in another",
            yards: vec![Yard { bindings: ONE_BINDING, flavoured: true, min_resources: 1, warm: RED, ..Yard::HOSTS }],
            clients: vec![
                Client::at(20_000).labelled(BLUE).hold(100).within(600_000),
                Client::at(60_000).labelled(BLUE).hold(100).within(600_000),
            ],
            watch: |watch| watch.nobody_waits_for_what_is_for_nobody(),
            naive: &[&[WarmLast]],
            reached: &["served", "kept for nobody", "reclaimed"],
            ..base()
        },
        Scenario {
            name: "warm-tower",
            about: "a copy is kept for nobody and waits for a host; who is placed on it comes before those who came later",
            yards: vec![ONE_HOST, COPIES],
            edits: vec![Edit {
                at: 3_000,
                yards: vec![ONE_HOST, Yard { min_resources: 1, max_resources: Some(1), ..COPIES }],
            }],
            clients: vec![
                Client::at(0).hold(30_000),
                Client::at(5_000).of("copy").hold(100).owned_by("first").within(600_000),
                Client::at(10_000).hold(1_500_000).owned_by("second"),
            ],
            faults: Faults { kills: 0, calls: 0, ..Faults::NO_FREEZE },
            // Who asks when is what it is about.
            early_timer: 0,
            naive: &[&[Adopted]],
            reached: &["served", "kept for nobody"],
            ..base()
        },
    ]
}
