//! Leases that are wanted together or not at all.

use super::{TWO_BINDINGS, base};
use crate::model::protection::Protection::*;
use crate::sim::scenario::{Client, Faults, Scenario};
use crate::sim::yard::Yard;

const THREE_BINDINGS: &[&[&str]] = &[&["binding/1"], &["binding/2"], &["binding/3"]];
const TWO_VMS: &[&[&str]] = &[&["vm/1"], &["vm/2"]];

/// Hosts, and virtual machines of another type.
fn hosts_and_vms() -> Vec<Yard> {
    vec![
        Yard { bindings: TWO_BINDINGS, open_again: 0, ..Yard::HOSTS },
        Yard { name: "vms", kind: "vm", bindings: TWO_VMS, open_again: 0, ..Yard::HOSTS },
    ]
}

pub fn all() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "set-partial",
            about: "a part of a set could be had, and then something comes between",
            yards: hosts_and_vms(),
            clients: vec![
                Client::at(0).hold(2_000),
                Client::at(10).together_with(&["vm", "host"]).hold(2_000),
                Client::at(20).of("vm").hold(3_000),
                Client::at(20).of("vm").hold(3_000),
                Client::at(30).of("vm").together_with(&["host"]).hold(1_000),
                Client::at(40).together_with(&["vm"]).cancels(2_500),
            ],
            watch: |watch| watch.all_or_none(),
            naive: &[&[Together]],
            reached: &["served", "cancelled"],
            ..base()
        },
        Scenario {
            name: "set-starves",
            about: "others take every freed place while a set of three waits",
            yards: vec![Yard { bindings: THREE_BINDINGS, open_again: 0, ..Yard::HOSTS }],
            clients: (0..16)
                .map(|n| match n {
                    3 => Client::at(5_000).together_with(&["host", "host"]).hold(500).within(240_000),
                    n => Client::at(n * 1_500).hold(55_000),
                })
                .collect(),
            faults: Faults::NONE,
            watch: |watch| watch.all_or_none(),
            naive: &[&[SetKeeps]],
            reached: &["served"],
            early_timer: 0,
            ..base()
        },
        Scenario {
            name: "nested-deadlock",
            about: "each thing needs a host and a machine, and holds one while it waits for the other",
            yards: {
                let mut yards = hosts_and_vms();
                yards.push(Yard {
                    name: "pairs",
                    kind: "pair",
                    stands_on: &["host", "vm"],
                    max_uses: Some(1),
                    ..Yard::HOSTS
                });
                yards.push(Yard {
                    name: "riaps",
                    kind: "riap",
                    stands_on: &["vm", "host"],
                    max_uses: Some(1),
                    ..Yard::HOSTS
                });
                yards
            },
            clients: (0..3)
                .flat_map(|n| [Client::at(n).of("pair").hold(200), Client::at(n).of("riap").hold(200)])
                .collect(),
            watch: |watch| watch.all_or_none(),
            naive: &[&[Together]],
            reached: &["served"],
            ..base()
        },
    ]
}
