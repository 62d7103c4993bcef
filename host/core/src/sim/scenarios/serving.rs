//! Asking, placing, building and ending.

use super::{ONE_BINDING, TWO_BINDINGS, base};
use crate::contract::{Next, Steps};
use crate::model::protection::Protection::*;
use crate::sim::scenario::{Client, Faults, Scenario};
use crate::sim::yard::Yard;

pub fn all() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "double-binding",
            about: "two allocators see no resource, and both build on the only binding",
            yards: vec![Yard { bindings: ONE_BINDING, ..Yard::HOSTS }],
            clients: vec![
                Client::at(0).wants(r#"{"who":1}"#),
                Client::at(1).wants(r#"{"who":2}"#),
                Client::at(1).wants(r#"{"who":3}"#),
            ],
            naive: &[&[Slots, Version]],
            reached: &["served", "killed", "commit answer lost", "call answer lost"],
            ..base()
        },
        Scenario {
            name: "pending-invisible",
            about: "only open resources are counted, so the second allocator builds another",
            yards: vec![Yard { shares: 3, open_again: 3, open_pause: 400, ..Yard::HOSTS }],
            clients: vec![Client::at(0).hold(60_000), Client::at(300).hold(60_000), Client::at(600).hold(60_000)],
            faults: Faults { calls: 0, ..Faults::NO_FREEZE },
            naive: &[&[Coming]],
            watch: |watch| watch.at_most_alive(1),
            ..base()
        },
        Scenario {
            name: "creator-starved",
            about: "others take the places on a pending resource before the one it was built for",
            yards: vec![Yard { slow: Some(("older", 400)), open_again: 2, ..Yard::HOSTS }],
            clients: vec![
                Client::at(0).wants(r#"{"who":"older"}"#),
                Client::at(5).wants(r#"{"who":"younger"}"#),
                Client::at(6).wants(r#"{"who":"younger"}"#),
            ],
            naive: &[&[PlaceInCommit]],
            watch: |watch| watch.creators_first(),
            ..base()
        },
        Scenario {
            name: "pending-unmatchable",
            about: "a pending resource has no labels yet, so others don't match it and build more",
            yards: vec![Yard { shares: 3, labels: &[("os", "linux")], open_again: 3, open_pause: 400, ..Yard::HOSTS }],
            clients: vec![
                Client::at(0).labelled(&[("os", "linux")]).hold(60_000),
                Client::at(300).labelled(&[("os", "linux")]).hold(60_000),
                Client::at(600).labelled(&[("os", "linux")]).hold(60_000),
            ],
            faults: Faults { calls: 0, ..Faults::NO_FREEZE },
            naive: &[&[LabelsInCommit]],
            watch: |watch| watch.at_most_alive(1),
            ..base()
        },
        Scenario {
            name: "one-lease-two-builds",
            about: "a lease wakes, still sees nothing free, and builds a second resource",
            yards: vec![Yard { open_again: 3, open_pause: 300, ..Yard::HOSTS }],
            clients: vec![Client::at(0).hold(30_000)],
            faults: Faults { calls: 0, ..Faults::NO_FREEZE },
            naive: &[&[Coming, PlaceInCommit]],
            watch: |watch| watch.at_most_alive(1),
            ..base()
        },
        Scenario {
            name: "limit-overshoot",
            about: "a limit is checked by a count, and then something is created",
            nodes: 3,
            yards: vec![Yard { max_resources: Some(1), shares: 4, slow: Some(("1", 300)), ..Yard::HOSTS }],
            clients: vec![
                Client::at(1_000).wants(r#"{"who":1}"#),
                Client::at(1_000).wants(r#"{"who":2}"#),
                Client::at(1_001).wants(r#"{"who":3}"#),
                Client::at(1_001).wants(r#"{"who":4}"#),
            ],
            early_timer: 6,
            naive: &[&[Counter, Version]],
            ..base()
        },
        Scenario {
            name: "two-owners",
            about: "two nodes with stale looks give the same resource to two leases",
            nodes: 3,
            yards: vec![Yard { bindings: ONE_BINDING, open_again: 0, ..Yard::HOSTS }],
            clients: vec![
                Client::at(0).wants(r#"{"who":1}"#),
                Client::at(1).wants(r#"{"who":2}"#),
                Client::at(1).wants(r#"{"who":3}"#),
                Client::at(2).wants(r#"{"who":4}"#),
                Client::at(2).wants(r#"{"who":5}"#),
                Client::at(3).wants(r#"{"who":6}"#),
            ],
            naive: &[&[Shares, Version]],
            ..base()
        },
        Scenario {
            name: "broken-mid-acquire",
            about: "a lease is released while a step is acquiring it, and the step brings it back",
            nodes: 3,
            clients: vec![
                Client::at(0).cancels(100),
                Client::at(10).cancels(200),
                Client::at(20).cancels(150),
                Client::at(30),
            ],
            naive: &[&[LeaseGuard, CutOff]],
            reached: &["served", "cancelled"],
            ..base()
        },
        Scenario {
            name: "earlier-stay",
            about: "activate answers after its resource was lost and its lease has another place",
            nodes: 3,
            yards: vec![Yard {
                bindings: TWO_BINDINGS,
                shares: 2,
                open_again: 0,
                activate_fails: Some((1, Next::Gone)),
                ..Yard::HOSTS
            }],
            clients: vec![Client::at(0), Client::at(1), Client::at(2)],
            faults: Faults { freezes: 2, calls: 2, ..Faults::ALL },
            naive: &[&[Stay, Epochs, LeaseGuard], &[DeadNodes]],
            reached: &["served", "frozen"],
            ..base()
        },
        Scenario {
            name: "node-dies",
            about: "the node dies after the instance was started and before that was written",
            nodes: 3,
            yards: vec![Yard { open_again: 2, ..Yard::HOSTS }],
            clients: vec![Client::at(0), Client::at(1)],
            faults: Faults { kills: 2, calls: 3, ..Faults::NO_FREEZE },
            naive: &[&[SameKey]],
            reached: &["served", "killed", "call answer lost"],
            ..base()
        },
        Scenario {
            name: "slow-decider",
            about: "one blueprint's decision takes ten seconds; nobody else waits for it",
            yards: vec![Yard { name: "slow", kind: "host", slow: Some(("slow", 10_000)), ..Yard::HOSTS }],
            clients: vec![
                Client::at(0).wants(r#"{"who":"slow"}"#),
                Client::at(2_000).wants(r#"{"who":"quick"}"#).within(2_000),
                Client::at(2_010).wants(r#"{"who":"quick"}"#).within(2_000),
            ],
            faults: Faults::NONE,
            naive: &[&[Beside]],
            early_timer: 0,
            ..base()
        },
        Scenario {
            name: "newcomer-first",
            about: "a newcomer gets what an older request waits for",
            yards: vec![Yard { bindings: ONE_BINDING, open_again: 0, ..Yard::HOSTS }],
            clients: vec![Client::at(0).hold(500), Client::at(10), Client::at(20), Client::at(30), Client::at(520)],
            naive: &[&[Order]],
            ..base()
        },
        Scenario {
            name: "full-pool-stampede",
            about: "everything is full for long: waiting costs no call and no commit",
            quiet: Some((30_000, 390_000)),
            yards: vec![Yard { bindings: ONE_BINDING, open_again: 0, ..Yard::HOSTS }],
            clients: vec![
                Client::at(0).hold(400_000),
                Client::at(1_000),
                Client::at(1_001),
                Client::at(1_002),
                Client::at(1_003),
                Client::at(1_004),
            ],
            faults: Faults::NONE,
            early_timer: 0,
            ..base()
        },
        Scenario {
            name: "deleted-queue-head",
            about: "ending the oldest waiting lease strands those behind it",
            yards: vec![Yard {
                bindings: ONE_BINDING,
                open_again: 0,
                activate_again: 6,
                activate_pause: 1_000,
                // Nothing to release: the end of the first frees its place at once, or nobody hears of it.
                steps: Steps { release: false, ..Steps::ALL },
                ..Yard::HOSTS
            }],
            clients: vec![Client::at(1_000).cancels(3_000), Client::at(1_010), Client::at(1_020)],
            // A death, or what looks like one, would wake everybody and hide what was lost.
            faults: Faults { kills: 0, freezes: 0, calls: 1, commits: 1 },
            early_timer: 0,
            naive: &[&[Withdrawals], &[News]],
            reached: &["served", "cancelled"],
            ..base()
        },
        Scenario {
            name: "client-gone",
            about: "the client disconnects while it acquires, or dies before it has connected, and nothing stays held",
            yards: vec![Yard { bindings: ONE_BINDING, open_again: 4, open_pause: 300, ..Yard::HOSTS }],
            clients: vec![
                Client::at(0).vanishes(700),
                Client::at(10),
                Client::at(20).vanishes(1_500),
                Client::at(30).vanishes(0),
                // Before the time is over that a client has to connect.
                Client::at(40).vanishes(20_000),
            ],
            faults: Faults::ALL,
            naive: &[&[ClientEnd]],
            reached: &["served", "vanished", "gone before it was connected", "killed", "frozen"],
            ..base()
        },
        Scenario {
            name: "client-stays",
            about: "a client that is connected keeps its lease, to whichever node it is, and whatever becomes of that one",
            nodes: 3,
            yards: vec![Yard { bindings: TWO_BINDINGS, open_again: 2, open_pause: 300, ..Yard::HOSTS }],
            clients: vec![
                Client::at(0).moves(3_000).hold(40_000),
                Client::at(10).tied().hold(50_000),
                Client::at(20).keeps().hold(40_000),
                Client::at(30).moves(1_000).hold(5_000),
            ],
            faults: Faults::ALL,
            // A clock that jumps while others could go on makes clients too late that are not.
            early_timer: 0,
            naive: &[&[Watch]],
            reached: &["served", "moved", "kept", "killed", "frozen"],
            ..base()
        },
        Scenario {
            name: "lost-wake-up",
            about: "a place is freed while the last waiter is written down; a node dies between commit and notification",
            yards: vec![Yard { bindings: ONE_BINDING, open_again: 0, ..Yard::HOSTS }],
            clients: vec![Client::at(0).hold(100), Client::at(1).hold(100), Client::at(2).hold(100)],
            faults: Faults { kills: 2, ..Faults::NO_FREEZE },
            naive: &[&[DeathLook]],
            reached: &["served", "killed"],
            ..base()
        },
        Scenario {
            name: "group-clash",
            about: "two commits in one group want {a, b} and {b, a}",
            nodes: 2,
            yards: vec![
                Yard { name: "ab", kind: "host", bindings: &[&["a", "b"]], slots: Some("shared"), ..Yard::HOSTS },
                Yard { name: "ba", kind: "vm", bindings: &[&["b", "a"]], slots: Some("shared"), ..Yard::HOSTS },
            ],
            clients: vec![Client::at(0).cancels(60_000), Client::at(0).of("vm").cancels(60_000)],
            naive: &[&[Settling], &[CommitId]],
            ..base()
        },
        Scenario {
            name: "cancel-storm",
            about: "many wait, and some are cancelled while plans are made; the others are served at full speed",
            yards: vec![Yard {
                bindings: TWO_BINDINGS,
                shares: 2,
                open_again: 0,
                steps: Steps { activate: false, release: false, ..Steps::ALL },
                ..Yard::HOSTS
            }],
            clients: vec![
                Client::at(0).hold(200),
                Client::at(1).cancels(20),
                Client::at(2).hold(200),
                Client::at(3).cancels(40),
                Client::at(4).hold(200),
                Client::at(5).cancels(60),
                Client::at(6).hold(200),
                Client::at(7).cancels(80),
            ],
            naive: &[&[ItemByItem]],
            watch: |watch| match watch.story.contains(": lost, lease") && watch.story.contains("plan of") {
                true => Err("a cancelled lease took the others' plan with it".to_owned()),
                false => Ok(()),
            },
            reached: &["served", "cancelled"],
            ..base()
        },
    ]
}
