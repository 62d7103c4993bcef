//! Configurations that change while somebody waits.

use super::{ONE_BINDING, TWO_BINDINGS, base};
use crate::model::protection::Protection::*;
use crate::sim::scenario::{Client, Edit, Faults, Scenario};
use crate::sim::yard::Yard;

const BOUND: Yard = Yard { bindings: ONE_BINDING, open_again: 0, ..Yard::HOSTS };

pub fn all() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "config-hiccup",
            about: "a blueprint is disabled, broken, removed and back while others wait for it: nobody breaks",
            yards: vec![BOUND],
            clients: vec![
                Client::at(0).hold(30_000),
                Client::at(10),
                Client::at(20).wants(r#"{"who":"other"}"#),
                Client::at(30),
            ],
            edits: vec![
                Edit { at: 5_000, yards: vec![Yard { disabled: true, ..BOUND }] },
                Edit { at: 8_000, yards: vec![Yard { broken: true, variant: " that traps", ..BOUND }] },
                Edit { at: 11_000, yards: vec![] },
                Edit { at: 14_000, yards: vec![BOUND] },
            ],
            naive: &[&[StillCounts]],
            reached: &["served", "configured", "killed"],
            ..base()
        },
        Scenario {
            name: "new-blueprint",
            about: "a blueprint that could serve is added while others wait: they are served",
            yards: vec![BOUND],
            clients: vec![
                Client::at(0).hold(4_000_000),
                // Long before the first lets go, and long after what a clock that runs ahead may take.
                Client::at(10).within(2_000_000),
                Client::at(20).wants(r#"{"who":"other"}"#).within(2_000_000),
            ],
            edits: vec![Edit { at: 20_000, yards: vec![BOUND, Yard { name: "more", ..Yard::HOSTS }] }],
            naive: &[&[ConsideredAgain]],
            reached: &["served", "configured"],
            ..base()
        },
        Scenario {
            name: "limit-lowered",
            about: "a maximum falls below what is in use: nothing is added until there is less, and nothing is ended",
            yards: vec![Yard { max_resources: Some(4), max_uses: Some(1), ..Yard::HOSTS }],
            clients: vec![
                Client::at(0).hold(20_000),
                Client::at(10).hold(30_000),
                Client::at(20).hold(40_000),
                Client::at(5_000),
                Client::at(5_100),
            ],
            edits: vec![Edit {
                at: 5_000,
                yards: vec![Yard { max_resources: Some(2), max_uses: Some(1), ..Yard::HOSTS }],
            }],
            faults: Faults::ALL,
            naive: &[&[Revision]],
            reached: &["served", "configured", "killed", "frozen"],
            ..base()
        },
        Scenario {
            name: "renamed",
            about: "a blueprint has another name while its hosts are lent, waited for and opened",
            nodes: 3,
            yards: vec![Yard { bindings: TWO_BINDINGS, open_again: 2, ..Yard::HOSTS }],
            edits: vec![
                Edit {
                    at: 5_000,
                    yards: vec![Yard { name: "fleet", was: Some("yard"), bindings: TWO_BINDINGS, ..Yard::HOSTS }],
                },
                Edit {
                    at: 20_000,
                    yards: vec![Yard { name: "ships", was: Some("fleet"), bindings: TWO_BINDINGS, ..Yard::HOSTS }],
                },
            ],
            clients: vec![
                Client::at(0).hold(8_000),
                Client::at(4_950).hold(5_000),
                Client::at(5_010).hold(1_000),
                Client::at(19_990).hold(1_000),
                Client::at(30_000).hold(100),
                Client::at(60_000).drains(),
            ],
            faults: Faults { calls: 0, ..Faults::NO_FREEZE },
            watch: |watch| watch.built_at_most(6),
            ..base()
        },
    ]
}
