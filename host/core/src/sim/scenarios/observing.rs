//! What is seen outside, and what follows from it.

use super::base;
use crate::model::protection::Protection::*;
use crate::sim::scenario::{Client, Faults, Scenario};
use crate::sim::yard::Yard;

/// Machines at a provider, which are looked at every five seconds; one each.
const SEEN: Yard = Yard { open_again: 0, max_uses: Some(1), observe_every: 5, observe_pause: 3_000, ..Yard::HOSTS };

/// Things that are there while looks begin and end.
fn all_the_time() -> Vec<Client> {
    (0..6).map(|n| Client::at(n * 4_300).hold(25_000)).collect()
}

pub fn all() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "observe-versus-create",
            about: "an observation began before a machine was started, and takes it for dead",
            yards: vec![SEEN],
            clients: all_the_time(),
            faults: Faults { kills: 1, calls: 1, commits: 1, ..Faults::NONE },
            naive: &[&[SeenBefore, SeenTwice]],
            ..base()
        },
        Scenario {
            name: "slow-to-show",
            about: "a provider shows a machine a while after it has made it",
            yards: vec![Yard { lag: 2_000, ..SEEN }],
            clients: all_the_time(),
            faults: Faults { kills: 1, ..Faults::NONE },
            naive: &[&[SeenTwice]],
            ..base()
        },
        Scenario {
            name: "blind-sweep",
            about: "whoever looks for what is left can't see the provider for a while",
            yards: vec![Yard { blind: Some((10_000, 40_000)), ..SEEN }],
            clients: all_the_time(),
            faults: Faults { kills: 1, calls: 1, commits: 1, ..Faults::NONE },
            naive: &[&[Complete]],
            ..base()
        },
        Scenario {
            name: "two-installations",
            about: "two installations in one account, and each finds machines that are not its own",
            yards: vec![Yard { foreign: Some("other-installation"), ..SEEN }],
            clients: all_the_time(),
            faults: Faults { kills: 1, calls: 1, commits: 1, ..Faults::NONE },
            naive: &[&[OursOnly]],
            ..base()
        },
        Scenario {
            name: "reply-lost-swept",
            about: "a machine is closed before its provider shows it, so that nothing is found to end",
            // Less than there is between two looks, whatever a clock does.
            yards: vec![Yard { lag: 2_900, ..SEEN }],
            clients: (0..4).map(|n| Client::at(n * 3_000).hold(100)).collect(),
            faults: Faults { kills: 1, calls: 2, commits: 1, ..Faults::NONE },
            naive: &[&[Swept]],
            reached: &["served", "swept"],
            ..base()
        },
    ]
}
