//! Who comes first, and how much an owner may have.

use super::{ONE_BINDING, base};
use crate::model::protection::Protection::*;
use crate::sim::scenario::{Client, Faults, Scenario};
use crate::sim::yard::Yard;

pub fn all() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "quota-elsewhere",
            about: "an owner waits in one pool for a quota that is freed in another, and holds up nobody there",
            yards: [("hosts", "host"), ("vms", "vm")]
                .map(|(name, kind)| Yard { name, kind, max_resources: Some(1), open_again: 0, ..Yard::HOSTS })
                .to_vec(),
            clients: vec![
                Client::at(0).owned_by("ci").hold(60_000),
                Client::at(5_000).of("vm").owned_by("ci").hold(100).within(200_000),
                Client::at(5_010).of("vm").hold(100).within(50_000),
                Client::at(5_020).of("vm").owned_by("ci").hold(100).within(400_000),
            ],
            quotas: &[("ci", 1)],
            // A node that starts anew looks at everything, whoever told it.
            faults: Faults { kills: 0, ..Faults::NO_FREEZE },
            early_timer: 0,
            naive: &[&[QuotaNews]],
            ..base()
        },
        Scenario {
            name: "quota-overshoot",
            about: "two pools give an owner a lease each at the same moment, where it may have one more",
            nodes: 3,
            yards: [("hosts", "host"), ("vms", "vm")]
                .map(|(name, kind)| Yard { name, kind, open_again: 0, ..Yard::HOSTS })
                .to_vec(),
            clients: vec![
                Client::at(1_000).owned_by("ci").hold(100),
                Client::at(1_000).of("vm").owned_by("ci").hold(100),
                Client::at(1_001).owned_by("ci").hold(100),
                Client::at(1_001).of("vm").owned_by("ci").hold(100),
            ],
            quotas: &[("ci", 1)],
            naive: &[&[Quota]],
            ..base()
        },
        Scenario {
            name: "head-start",
            about: "a request of a higher priority comes before older ones, by its head start and no more",
            yards: vec![Yard { bindings: ONE_BINDING, open_again: 0, ..Yard::HOSTS }],
            clients: vec![
                Client::at(0).hold(130_000),
                // More than a minute before the urgent one, and less.
                Client::at(10_000).hold(100),
                Client::at(100_000).hold(100),
                Client::at(120_000).urgent(1).hold(100),
            ],
            faults: Faults { kills: 0, ..Faults::NO_FREEZE },
            early_timer: 0,
            watch: |watch| watch.first_places_in_turn(&["client-0", "client-1", "client-3", "client-2"]),
            naive: &[&[Order]],
            ..base()
        },
    ]
}
