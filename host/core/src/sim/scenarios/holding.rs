//! What lets a lease last, and what ends it: beats, and keys.

use super::{ONE_BINDING, TWO_BINDINGS, base};
use crate::model::protection::Protection::*;
use crate::sim::scenario::{Client, Faults, Scenario};
use crate::sim::yard::Yard;

/// Milliseconds. More than a dead node can cost a client that goes to the next one.
const HEARTBEAT: i64 = 30_000;

pub fn all() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "holder-dies",
            about: "the holder's job is gone: its lease is freed after its time, not before, and nobody else's is",
            nodes: 3,
            yards: vec![Yard { bindings: TWO_BINDINGS, open_again: 0, ..Yard::HOSTS }],
            clients: vec![
                Client::at(0).beats(4_000, HEARTBEAT).dies(9_000),
                Client { moves: Some(3_000), ..Client::at(0).beats(3_000, HEARTBEAT).hold(120_000) },
                Client::at(10).within(150_000),
                Client::at(20).within(150_000),
            ],
            faults: Faults::ALL,
            // A clock that jumps while others could go on makes holders too late that are not.
            early_timer: 0,
            naive: &[&[Heartbeat]],
            reached: &["served", "died", "killed", "frozen"],
            ..base()
        },
        Scenario {
            name: "probe-extends",
            about: "somebody looks at a lease all the time; only its holder's beats renew it",
            yards: vec![Yard { bindings: ONE_BINDING, open_again: 0, ..Yard::HOSTS }],
            clients: vec![
                Client::at(0).beats(2_000, HEARTBEAT).dies(0),
                Client::at(10).within(100_000),
                Client::at(0).probes(1_000, 120_000),
            ],
            early_timer: 0,
            naive: &[&[Heartbeat]],
            reached: &["served", "died", "probed"],
            ..base()
        },
        Scenario {
            name: "key-returns",
            about: "the client repeats its request after its lease was served and is gone: the same lease, not a second",
            yards: vec![Yard { bindings: TWO_BINDINGS, open_again: 0, ..Yard::HOSTS }],
            clients: vec![Client::at(0).hold(100).returns(), Client::at(10).hold(100).returns(), Client::at(20)],
            naive: &[&[Keys]],
            reached: &["served", "came back", "killed", "commit answer lost"],
            ..base()
        },
    ]
}
