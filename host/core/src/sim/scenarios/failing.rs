//! What fails, and how it is kept from holding up what works.

use super::{ONE_BINDING, TWO_BINDINGS, base};
use crate::model::protection::Protection::*;
use crate::sim::scenario::{Client, Faults, Scenario};
use crate::sim::yard::Yard;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

/// Blueprints whose things are made far away, and need nothing of each other.
const FAR: Yard = Yard { open_again: 0, reclaim_after: 3_600, ..Yard::HOSTS };

/// One host for four, which dies for two minutes, and keeps what was made on it.
const DYING: Yard =
    Yard { bindings: ONE_BINDING, shares: 4, dead: Some(("binding/1", 15_000, 135_000)), lasting: true, ..FAR };

/// When the outage of an hour begins and ends.
const BEGINS: i64 = MINUTE;
const ENDS: i64 = BEGINS + HOUR;

/// Machines of a provider that can't be had for an hour, for one lease each.
const MACHINES: Yard = Yard {
    max_resources: Some(6),
    max_uses: Some(1),
    open_again: 1,
    open_pause: 20_000,
    activate_again: 1,
    activate_pause: 10_000,
    outage: Some((BEGINS, ENDS)),
    ..FAR
};

/// One who is served, whenever it asks, three quarters of an hour after the outage at the latest: half an hour is the
/// longest pause between two tries, and ten minutes pass until others take over from a node that has died.
const fn in_time(at: i64) -> Client {
    Client::at(at).within(ENDS + 45 * MINUTE - at)
}

pub fn all() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "failing-builder",
            about: "a blueprint that always fails to build stands before one that works",
            yards: vec![
                Yard { name: "bad", priority: 1, outage: Some((0, i64::MAX)), ..FAR },
                Yard { name: "good", max_resources: Some(2), ..FAR },
            ],
            clients: (0..6).map(|n| Client::at(n * 10).hold(5_000).within(600_000)).collect(),
            faults: Faults { kills: 1, calls: 0, ..Faults::NO_FREEZE },
            watch: |watch| watch.tried_at_most("bad", 40),
            early_timer: 0,
            naive: &[&[SettingAside]],
            ..base()
        },
        Scenario {
            name: "stale-candidate-first",
            about: "a resource on which nothing can be set up is first among those with room, and blocks all",
            yards: vec![Yard { bindings: TWO_BINDINGS, bad: Some("binding/1"), ..FAR }],
            clients: (0..4).map(|n| Client::at(n * 10).hold(100).within(600_000)).collect(),
            early_timer: 0,
            naive: &[&[SettingAside]],
            ..base()
        },
        Scenario {
            name: "quota-pause",
            about: "one provider is at its quota, and everything that waits behind pauses with it",
            yards: vec![
                Yard { name: "tight", labels: &[("zone", "a")], quota: Some(90_000), ..FAR },
                Yard { name: "wide", labels: &[("zone", "b")], ..FAR },
            ],
            clients: vec![
                Client::at(0).labelled(&[("zone", "a")]),
                Client::at(1_000).labelled(&[("zone", "b")]).within(30_000),
                Client::at(1_010).labelled(&[("zone", "b")]).within(30_000),
                Client::at(2_000).labelled(&[("zone", "a")]),
            ],
            faults: Faults { kills: 0, ..Faults::NO_FREEZE },
            early_timer: 0,
            naive: &[&[Skipping]],
            ..base()
        },
        Scenario {
            name: "replan-forever",
            about: "a blueprint keeps offering what others have, so its plans and the commit never agree",
            yards: vec![
                Yard {
                    name: "vms",
                    kind: "vm",
                    bindings: ONE_BINDING,
                    slots: Some("shared"),
                    idle_timeout: Some(1),
                    reclaim_after: 1,
                    ..FAR
                },
                Yard {
                    name: "stubborn",
                    bindings: ONE_BINDING,
                    slots: Some("shared"),
                    stubborn: true,
                    reclaim_after: 1,
                    ..FAR
                },
                Yard { name: "greedy", kind: "heavy", counted: Some((2, 1)), ..FAR },
            ],
            clients: vec![
                Client::at(0).of("vm").hold(60_000),
                Client::at(5_000),
                Client::at(5_000).of("heavy").cancels(120_000),
            ],
            faults: Faults { calls: 0, ..Faults::NO_FREEZE },
            watch: |watch| watch.disagree_at_most(40, 150),
            naive: &[&[SettingAside]],
            ..base()
        },
        Scenario {
            name: "outage-72h",
            about: "the provider fails for three days, then works",
            yards: vec![Yard { outage: Some((0, 72 * HOUR)), ..FAR }],
            clients: vec![
                Client::at(0),
                Client::at(HOUR),
                Client::at(2 * HOUR).cancels(10 * HOUR),
                Client::at(40 * HOUR),
            ],
            faults: Faults { kills: 1, commits: 2, ..Faults::NONE },
            watch: |watch| watch.tried_at_most("yard", 200),
            naive: &[&[SettingAside]],
            reached: &["served", "cancelled"],
            early_timer: 0,
            patience: 74 * HOUR,
            // Only what the provider does is of interest: counting up every two hours is enough.
            dead_after: 10 * HOUR,
            ..base()
        },
        Scenario {
            name: "outage-1h",
            about: "a provider fails for an hour, under whoever waits for, gets, has and gives back something of it",
            yards: vec![
                MACHINES,
                // These are kept for the next one, and are of two.
                Yard {
                    name: "kept",
                    kind: "vm",
                    shares: 2,
                    max_resources: Some(2),
                    max_uses: None,
                    idle_timeout: Some(600),
                    ..MACHINES
                },
            ],
            clients: vec![
                in_time(0).hold(10_000),
                in_time(10).hold(30 * MINUTE),
                in_time(20).hold(HOUR + 20 * MINUTE),
                // The provider is gone when what this one got is set up, and when it is opened for this one.
                in_time(35_000),
                in_time(50_000),
                in_time(5 * MINUTE),
                in_time(6 * MINUTE).hold(10 * MINUTE),
                in_time(7 * MINUTE),
                Client::at(10 * MINUTE).cancels(20 * MINUTE),
                in_time(40 * MINUTE),
                in_time(ENDS - 1),
                in_time(ENDS + MINUTE),
                in_time(0).of("vm").hold(20 * MINUTE),
                in_time(10).of("vm").hold(40 * MINUTE),
                in_time(20).of("vm").hold(10_000),
                in_time(30 * MINUTE).of("vm"),
                in_time(50 * MINUTE).of("vm"),
                in_time(ENDS + 2 * MINUTE).of("vm"),
                // By then nothing is used any more, and what there still is goes.
                Client::at(ENDS + 2 * HOUR).drains(),
            ],
            faults: Faults { kills: 1, calls: 2, commits: 2, ..Faults::NONE },
            watch: |watch| {
                watch.one_probe_at_a_time()?;
                watch.nobody_loses_a_lease()?;
                watch.refused_at_most(16, 150)
            },
            naive: &[&[SettingAside]],
            reached: &["served", "cancelled", "open refused", "activate refused", "release refused", "close refused"],
            early_timer: 0,
            patience: ENDS + HOUR,
            // That nodes count up is of no interest.
            dead_after: 10 * MINUTE,
            ..base()
        },
        Scenario {
            name: "dead-host",
            about: "a host dies under three leases, and comes back with what they have left on it",
            yards: vec![DYING],
            clients: vec![
                Client::at(0).hold(60_000),
                Client::at(10).hold(60_000),
                Client::at(20).hold(60_000),
                Client::at(20_000).hold(100),
                Client::at(30_000).hold(100),
            ],
            faults: Faults { calls: 1, ..Faults::NO_FREEZE },
            naive: &[&[Leftovers]],
            reached: &["served", "lost"],
            ..base()
        },
        Scenario {
            name: "dead-host-given-up",
            about: "a host dies under three leases, an operator gives up on it, and it comes back all the same",
            yards: vec![DYING],
            clients: vec![
                Client::at(0).hold(60_000),
                Client::at(10).hold(60_000),
                Client::at(20).hold(60_000),
                Client::at(20_000).hold(100),
                Client::at(60_000).forgets(),
                Client::at(90_000).hold(100),
            ],
            faults: Faults { calls: 1, ..Faults::NO_FREEZE },
            naive: &[&[Leftovers]],
            reached: &["served", "lost", "forgotten"],
            ..base()
        },
        Scenario {
            name: "late-landing",
            about: "a node stands still before a call, and makes it when what it is for is gone",
            nodes: 3,
            yards: vec![Yard { open_again: 0, max_uses: Some(1), ..FAR }],
            // The last one is there when whoever stood still goes on.
            clients: (0..5).map(|n| Client::at(n * n * 2_000).hold(100)).collect(),
            faults: Faults { freezes: 3, ..Faults::NONE },
            reached: &["served", "frozen"],
            dead_after: 3_000,
            ..base()
        },
        Scenario {
            name: "reply-lost",
            about: "a machine is made, and the answer is lost: it runs, and costs, for ever",
            yards: vec![FAR],
            clients: vec![Client::at(0), Client::at(10), Client::at(20)],
            faults: Faults { kills: 0, calls: 3, commits: 1, ..Faults::NONE },
            naive: &[&[SameKey]],
            reached: &["served", "call answer lost"],
            early_timer: 0,
            ..base()
        },
        Scenario {
            name: "sick-host",
            about: "a host does not answer for a while: it is out of use, and back by itself once what was left is cleared",
            nodes: 3,
            yards: vec![Yard {
                bindings: TWO_BINDINGS,
                shares: 3,
                open_again: 0,
                check_every: 5,
                dead: Some(("binding/1", 20_000, 200_000)),
                lasting: true,
                release_again: 3,
                release_pause: 4_000,
                ..Yard::HOSTS
            }],
            clients: vec![
                Client::at(0).hold(198_000),
                Client::at(10).hold(199_000),
                Client::at(20).hold(100),
                Client::at(60_000).hold(100).within(400_000),
                Client::at(61_000).hold(100).within(400_000),
                Client::at(201_000).hold(100).within(400_000),
                Client::at(230_000).hold(100).within(400_000),
            ],
            naive: &[&[SickOut], &[ClearedFirst]],
            watch: |watch| watch.what_is_back_is_clear(),
            reached: &["served", "out of use", "answers again"],
            ..base()
        },
    ]
}
