//! The tables, as the rows declare them, and their indexes, each with the query it serves.

use super::dialect::Dialect;
use crate::model::rows::*;
use crate::model::table::with_tables;

/// Raised when the tables change; a store of another number is refused.
pub const SCHEMA: i64 = 9;

/// Indexes are partial, on what lives, so that finished leases cost nothing.
const INDEXES: &[&str] = &[
    // look: who waits, in order, by class
    "create index lease_waiting on lease (class, ord, id) where status = 'pending' and wanted = 'keep'",
    // a commit: when the last of an owner's requests that wait has its turn
    "create index lease_turn on lease (kind, owner, turn) where turn is not null and status = 'pending'",
    // lists of what lives; and what a dead node had claimed
    "create index lease_alive on lease (asked_at, id) where status <> 'destroyed'",
    "create index lease_claim on lease (claim, due_at) where status <> 'destroyed'",
    // lists with what has ended, newest first
    "create index lease_asked on lease (asked_at, id)",
    // a commit: what a resource has leased for itself; look: who is on a resource for the sake of another
    "create index lease_set on lease (set_id) where set_id is not null and status = 'pending'",
    "create index lease_holder on lease (holder) where holder is not null and status <> 'destroyed'",
    "create index lease_nested on lease (resource) where holder is not null and status <> 'destroyed'",
    // pruning: what has ended longest ago; and keys whose leases have
    "create index lease_finished on lease (ended_at, id) where status = 'destroyed' and key is null",
    "create index lease_keyed on lease (ended_at, id) where status = 'destroyed' and key is not null",
    // everything on a resource; what a dead node had claimed; what a node has to do
    "create index place_resource on place (resource) where status <> 'gone'",
    "create index place_claim on place (claim, due_at) where status <> 'gone'",
    // look: resources with room, by how they fill up
    "create index resource_pack on resource (blueprint, status, used desc, id) where room > 0",
    "create index resource_spread on resource (blueprint, status, used, id) where room > 0",
    // look: resources that may be given beyond their shares; what nobody is on; what is being closed
    "create index resource_spare on resource (blueprint, used, id) where spare > 0",
    "create index resource_idle on resource (blueprint, idle_since, id)
       where used = 0 and wanted = 'keep' and status in ('pending', 'active')",
    "create index resource_closing on resource (blueprint) where status in ('released', 'broken')",
    "create index resource_alive on resource (created_at, id) where status <> 'destroyed'",
    "create index resource_claim on resource (claim, due_at) where status <> 'destroyed'",
    "create index resource_finished on resource (ended_at, id) where status = 'destroyed'",
    "create index resource_created on resource (created_at, id)",
    // look: classes that wait
    "create index class_waiting on class (kind) where waiting > 0",
    // look: the blueprints of a pool, and what is set aside in it
    "create index blueprint_kind on blueprint (kind)",
    // a commit: who shares a name space of slots
    "create index blueprint_space on blueprint (space)",
    "create index aside_kind on aside (kind)",
    // a commit: what an owner holds
    "create index slot_owner on slot (owner)",
    "create index counter_share_owner on counter_share (owner)",
    // open and close: what was left behind under these slots, or on this resource
    "create index leftover_slot on leftover (space, slot)",
    "create index leftover_resource on leftover (resource)",
    // log: the events of one lease or resource
    "create index event_lease on event (lease, seq)",
    "create index event_resource on event (resource, seq)",
    // pruning: events of neither
    "create index event_apart on event (at) where lease is null and resource is null",
];

/// The statements that make an empty store.
pub fn statements(dialect: Dialect) -> Vec<String> {
    let mut all = vec!["create table setting (name text primary key not null, value text not null)".to_owned()];
    macro_rules! each {
($($field:ident : $row:ident,)*) => {$(
            all.push(table::<$row>(dialect));)*};
}
    with_tables!(each);
    all.push(format!(
        "create table event (seq {}, {}, unique (commit_id, n))",
        dialect.sequence(),
        columns::<Event>(dialect)
    ));
    all.push(format!(
        "create table label (resource {0} not null, name {0} not null, value {0} not null, \
         primary key (resource, name))",
        dialect.words()
    ));
    all.push(
        "create table config_revision (revision bigint primary key, at bigint not null, config text not null)"
            .to_owned(),
    );
    all.push(format!(
        "create table plugin (digest text primary key not null, component {} not null, used_at bigint not null)",
        dialect.blob()
    ));
    all.extend(INDEXES.iter().map(|index| (*index).to_owned()));
    all.push(format!("insert into setting (name, value) values ('schema', '{SCHEMA}')"));
    all
}

/// Every table that a store has, for emptying it.
pub fn tables() -> Vec<&'static str> {
    let mut all = vec![Event::TABLE, "label", "config_revision", "plugin"];
    macro_rules! each {
($($field:ident : $row:ident,)*) => {$(
            all.push($row::TABLE);)*};
}
    with_tables!(each);
    all
}

fn table<R: Row>(dialect: Dialect) -> String {
    let key: Vec<&str> = R::COLUMNS[..R::KEY].iter().map(|(name, _)| *name).collect();
    format!("create table {} ({}, primary key ({}))", R::TABLE, columns::<R>(dialect), key.join(", "))
}

fn columns<R: Row>(dialect: Dialect) -> String {
    let columns: Vec<String> = R::COLUMNS
        .iter()
        .enumerate()
        .map(|(i, (name, column))| {
            let kind = if *column == Column::Text { dialect.words() } else { "bigint" };
            format!("{name} {kind}{}", if i < R::KEY { " not null" } else { "" })
        })
        .collect();
    columns.join(", ")
}
