//! Limits, what goes beyond them, and what is closed for others.

use super::{ONE_BINDING, TWO_BINDINGS, base};
use crate::model::protection::Protection::*;
use crate::sim::scenario::{Client, Faults, Scenario};
use crate::sim::yard::Yard;

const RED: &[(&str, &str)] = &[("flavour", "red")];
const BLUE: &[(&str, &str)] = &[("flavour", "blue")];

pub fn all() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "overflow-lost",
            about: "every resource is still being built, at the maximum: a request shares one instead of failing",
            yards: vec![Yard { max_resources: Some(1), overflow: 2, open_again: 3, open_pause: 60_000, ..Yard::HOSTS }],
            clients: vec![
                Client::at(0).hold(1_000_000),
                Client::at(100).within(1_000_000).hold(1_000_000),
                Client::at(200).within(1_000_000).hold(1_000_000),
            ],
            faults: Faults { calls: 0, ..Faults::NO_FREEZE },
            watch: |watch| watch.nobody_waits_for_it_to_open(),
            naive: &[&[OverflowPending]],
            reached: &["served", "beyond its shares"],
            ..base()
        },
        Scenario {
            name: "limits-in-order",
            about: "resources fill to their shares, grow to the maximum, and only then beyond their shares, evenly",
            yards: vec![Yard { max_resources: Some(2), overflow: 2, open_again: 0, ..Yard::HOSTS }],
            clients: (0..6).map(|n| Client::at(n * 10).hold(600_000)).collect(),
            faults: Faults { calls: 0, ..Faults::NO_FREEZE },
            watch: |watch| watch.evenly_loaded(),
            naive: &[&[Load]],
            reached: &["served", "beyond its shares"],
            ..base()
        },
        Scenario {
            name: "wrong-flavour",
            about: "the pool is full of idle resources of the wrong flavour",
            yards: vec![Yard { bindings: TWO_BINDINGS, max_resources: Some(2), flavoured: true, ..Yard::HOSTS }],
            clients: vec![
                Client::at(0).labelled(RED).hold(100),
                Client::at(0).labelled(RED).hold(100),
                Client::at(60_000).labelled(BLUE).within(1_200_000),
                Client::at(60_000).labelled(BLUE).within(1_200_000),
            ],
            naive: &[&[Reclaim]],
            reached: &["served", "reclaimed"],
            ..base()
        },
        Scenario {
            name: "in-the-way",
            about: "who waits for what another flavour is using gets it once that is idle, though its labels never fit",
            yards: vec![Yard { bindings: ONE_BINDING, flavoured: true, open_again: 0, ..Yard::HOSTS }],
            clients: vec![
                Client::at(0).labelled(RED).hold(60_000),
                Client::at(10_000).labelled(BLUE).hold(60_000).within(1_200_000),
                Client::at(100_000).labelled(RED).hold(100).within(1_200_000),
            ],
            // A death, or what looks like one, would wake everybody and hide what was lost.
            faults: Faults { kills: 0, freezes: 0, ..Faults::ALL },
            naive: &[&[Blocked]],
            reached: &["served", "reclaimed"],
            ..base()
        },
        Scenario {
            name: "reclaim-fight",
            about: "two leases of different flavours want the one place, and each closes what is built for the other",
            nodes: 3,
            yards: vec![Yard { bindings: ONE_BINDING, flavoured: true, open_again: 2, ..Yard::HOSTS }],
            clients: vec![
                Client::at(0).labelled(RED).hold(100),
                Client::at(30_000).labelled(BLUE).hold(100),
                Client::at(30_001).labelled(RED).hold(100),
                Client::at(30_002).labelled(BLUE).hold(100),
                Client::at(30_003).labelled(RED).hold(100),
                Client::at(30_004).labelled(BLUE).hold(100),
            ],
            naive: &[&[Grace, PlaceInCommit, CloseGuard, SameHands]],
            reached: &["served", "reclaimed"],
            ..base()
        },
        Scenario {
            name: "mutual-steal",
            about: "two leases each take what was built for the other",
            yards: vec![Yard { bindings: TWO_BINDINGS, flavoured: true, open_again: 2, ..Yard::HOSTS }],
            clients: vec![
                Client::at(0).labelled(RED).hold(100),
                Client::at(0).labelled(BLUE).hold(100),
                Client::at(20_000).labelled(RED).hold(30_000),
                Client::at(20_000).labelled(RED).hold(30_000),
                Client::at(20_001).labelled(BLUE).hold(100),
            ],
            naive: &[],
            reached: &["served", "reclaimed"],
            ..base()
        },
        Scenario {
            name: "cap-100",
            about: "a crowd of jobs of several classes gives as many machines as the cap, and never more",
            nodes: 3,
            yards: vec![Yard { max_resources: Some(3), slow: Some(("1", 300)), ..Yard::HOSTS }],
            clients: vec![
                Client::at(1_000).wants(r#"{"who":1}"#),
                Client::at(1_000).wants(r#"{"who":2}"#),
                Client::at(1_000).wants(r#"{"who":3}"#),
                Client::at(1_001).wants(r#"{"who":4}"#),
                Client::at(1_001).wants(r#"{"who":5}"#),
                Client::at(1_002).wants(r#"{"who":6}"#),
            ],
            watch: |watch| watch.at_most_alive(3),
            naive: &[&[Counter, Version]],
            ..base()
        },
        Scenario {
            name: "cap-1",
            about: "two requests a second apart exceed a cap of one",
            nodes: 3,
            yards: vec![Yard { max_resources: Some(1), slow: Some(("1", 900)), ..Yard::HOSTS }],
            clients: vec![
                Client::at(1_000).wants(r#"{"who":1}"#),
                Client::at(2_000).wants(r#"{"who":2}"#),
                Client::at(2_001).wants(r#"{"who":3}"#),
            ],
            early_timer: 6,
            naive: &[&[Counter, Version]],
            ..base()
        },
        Scenario {
            name: "burst-500",
            about: "a burst of requests builds exactly as many as there are requests",
            yards: vec![Yard { open_again: 3, open_pause: 400, ..Yard::HOSTS }],
            clients: (0..8).map(|n| Client::at(n % 2).hold(60_000)).collect(),
            faults: Faults { calls: 0, ..Faults::NO_FREEZE },
            watch: |watch| watch.built_at_most(8),
            // A clock that runs ahead often would reach the time limit of a build, which is then built again.
            early_timer: 400,
            naive: &[&[Coming, PlaceInCommit]],
            ..base()
        },
        Scenario {
            name: "shared-host",
            about: "two blueprints of different types list the same host in one name space of slots",
            yards: [("hosts", "host"), ("vms", "vm")]
                .map(|(name, kind)| Yard {
                    name,
                    kind,
                    bindings: ONE_BINDING,
                    slots: Some("shared"),
                    idle_timeout: Some(2),
                    reclaim_after: 3_600,
                    ..Yard::HOSTS
                })
                .to_vec(),
            clients: vec![Client::at(0).hold(100).within(600_000), Client::at(0).of("vm").hold(100).within(600_000)],
            // A node that starts anew looks at everything, whoever told it.
            faults: Faults { kills: 0, ..Faults::NO_FREEZE },
            // And a clock that runs ahead makes nodes look dead.
            early_timer: 40,
            naive: &[&[Slots], &[SpaceNews]],
            reached: &["served", "retired"],
            ..base()
        },
        Scenario {
            name: "acquire-versus-close",
            about: "a lease is placed on a resource while another node closes it for somebody else",
            nodes: 3,
            yards: vec![Yard {
                bindings: ONE_BINDING,
                flavoured: true,
                open_again: 0,
                reclaim_after: 0,
                ..Yard::HOSTS
            }],
            clients: vec![
                Client::at(0).labelled(RED).hold(100),
                Client::at(5_000).labelled(BLUE).hold(100),
                Client::at(5_000).labelled(RED).hold(100),
                Client::at(9_000).labelled(RED).hold(100),
                Client::at(9_000).labelled(BLUE).hold(100),
            ],
            naive: &[&[CloseGuard, Version]],
            reached: &["served", "reclaimed"],
            ..base()
        },
    ]
}
