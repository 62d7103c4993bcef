//! Who comes first, and how much an owner may have.

use super::{ONE_BINDING, TWO_BINDINGS, base};
use crate::model::protection::Protection::*;
use crate::sim::scenario::{Client, Faults, Scenario};
use crate::sim::yard::Yard;

const RED: &[(&str, &str)] = &[("flavour", "red")];
const BLUE: &[(&str, &str)] = &[("flavour", "blue")];

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
        Scenario {
            name: "fair-share",
            about: "one owner asks for a crowd at once, another for one now and then, and is behind few of that crowd",
            yards: vec![Yard { bindings: TWO_BINDINGS, open_again: 0, ..Yard::HOSTS }],
            clients: (0..14)
                .map(|_| Client::at(0).owned_by("crowd").hold(9_000))
                .chain([15_000, 40_000, 41_000].map(|at| Client::at(at).owned_by("visitor").hold(100)))
                .collect(),
            fair_share: 10,
            faults: Faults { calls: 0, ..Faults::NO_FREEZE },
            early_timer: 0,
            watch: |watch| watch.fairly_shared(10_000),
            naive: &[&[FairShare]],
            ..base()
        },
        Scenario {
            name: "a-else-b",
            about: "somebody wants red, else blue: red where it is to be had, blue at once where it is not, and never both",
            yards: vec![
                Yard { name: "reds", bindings: ONE_BINDING, labels: RED, open_again: 0, ..Yard::HOSTS },
                Yard {
                    name: "blues",
                    bindings: &[&["binding/3"], &["binding/4"]],
                    labels: BLUE,
                    open_again: 0,
                    ..Yard::HOSTS
                },
            ],
            clients: vec![
                Client::at(0).labelled(RED).or_else(&[BLUE]).owned_by("first").hold(60_000),
                Client::at(5_000).labelled(RED).or_else(&[BLUE]).owned_by("second").hold(60_000).within(50_000),
                Client::at(6_000).labelled(BLUE).owned_by("blue").hold(20_000),
                Client::at(7_000).labelled(RED).or_else(&[BLUE]).owned_by("last").hold(100).within(200_000),
                Client::at(120_000).labelled(RED).or_else(&[BLUE]).owned_by("third").hold(100),
            ],
            faults: Faults { calls: 0, ..Faults::NO_FREEZE },
            // A clock that runs ahead would make what is idle look as if it were still in use.
            early_timer: 0,
            watch: |watch| watch.on_the_best(&[("first", "reds"), ("second", "blues"), ("third", "reds")]),
            naive: &[&[BestFirst]],
            ..base()
        },
    ]
}
