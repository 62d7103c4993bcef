//! Reads: rows for steps. Each answers from committed state; none locks.

use super::backend::{Statement, Tagged};
use super::check::{self, Span};
use super::dialect::Dialect;
use super::load::{parse, parse_cells};
use super::look::Parts;
use super::outside::OutsideReads;
use super::{Store, StoreError, locked};
use crate::engine::api::SlotState;
use crate::model::rows::*;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

/// The texts of all reads, for one engine.
pub struct Reads {
    tables: Arc<str>,
    setting: Arc<str>,
    put_setting: Arc<str>,
    beat: Arc<str>,
    nodes: Arc<str>,
    dialect: Dialect,
    /// Texts of looks, each made when it is first wanted.
    looks: Mutex<HashMap<Parts, Arc<str>>>,
    taken: Arc<str>,
    used: Arc<str>,
    lease: Arc<str>,
    place: Arc<str>,
    resource: Arc<str>,
    orphans: Arc<str>,
    claimed: Arc<str>,
    overdue: Arc<str>,
    looked_after: Arc<str>,
    pools: Arc<str>,
    blueprints: Arc<str>,
    waiting: Arc<str>,
    made_with: Arc<str>,
    slots: Arc<str>,
    by_prefix: Arc<str>,
    on_resource: Arc<str>,
    leaks: Arc<str>,
    ahead: Arc<str>,
    holders: Arc<str>,
    nested: Arc<str>,
    closing: Arc<str>,
    save_config: Arc<str>,
    config: Arc<str>,
    key: Arc<str>,
    pub(super) outside: OutsideReads,
    pub(super) check: Arc<str>,
    pub(super) check_since: Arc<str>,
}

impl Reads {
    pub fn new(dialect: Dialect) -> Reads {
        let doc = dialect.doc();
        let text = dialect.text();
        let lease = dialect.row::<Lease>("t");
        let resource = dialect.row::<Resource>("t");
        let place = dialect.row::<Place>("t");
        let leftover = dialect.row::<Leftover>("t");
        let claimed = |whose: &str| -> Arc<str> {
            format!(
                "select 'lease', {lease} from lease t where t.status <> 'destroyed' and {whose}
                 union all select 'place', {place} from place t where t.status <> 'gone' and {whose}
                 union all select 'resource', {resource} from resource t where t.status <> 'destroyed' and {whose}"
            )
            .into()
        };
        Reads {
            tables: match dialect {
                Dialect::Sqlite => "select 'table', name from sqlite_master where name = 'setting' and $1 <> ''",
                Dialect::Postgres => {
                    "select 'table', tablename::text from pg_tables
                     where tablename = 'setting' and schemaname = current_schema() and $1 <> ''"
                }
            }
            .into(),
            setting: format!("select name, value from setting where name = {doc} ->> 'name'").into(),
            put_setting: format!(
                "insert into setting (name, value) select {doc} ->> 'name', {doc} ->> 'value' where true
                 on conflict (name) do nothing"
            )
            .into(),
            beat: format!(
                "update node set beat = beat + 1 where id = {doc} ->> 'id' and alive = 1
                 returning 'beat', cast(beat as text)"
            )
            .into(),
            nodes: format!(
                "select 'revision', cast(coalesce(max(revision), 0) as text) from config_revision
                 union all select 'node', {} from node t where t.alive = 1 and {doc} is not null",
                dialect.row::<NodeRow>("t")
            )
            .into(),
            dialect,
            looks: Mutex::default(),
            taken: format!(
                "select 'taken', t.slot from slot t
                 where t.space = {doc} ->> 'space' and t.slot in (select {text} from {})",
                dialect.each(Some("keys"))
            )
            .into(),
            used: format!(
                "select 'used', cast(t.used as text) from counter t
                 where t.space = {doc} ->> 'space' and t.slot = {doc} ->> 'key'"
            )
            .into(),
            lease: format!(
                "select 'lease', {lease} from lease t where t.id = {doc} ->> 'id'
                 union all select 'place', {place} from lease l cross join place t
                   where l.id = {doc} ->> 'id' and t.id = l.place
                 union all select 'resource', {resource} from lease l cross join place p cross join resource t
                   where l.id = {doc} ->> 'id' and p.id = l.place and t.id = p.resource
                 union all select 'leftover', {leftover} from lease l cross join place p cross join leftover t
                   where l.id = {doc} ->> 'id' and p.id = l.place and t.resource = p.resource
                 union all select 'leftover', {leftover} from lease l cross join place p cross join slot s
                     cross join leftover t
                   where l.id = {doc} ->> 'id' and p.id = l.place and s.owner = p.resource
                     and t.space = s.space and t.slot = s.slot"
            )
            .into(),
            place: format!(
                "select 'place', {place} from place t where t.id = {doc} ->> 'id'
                 union all select 'lease', {lease} from place p cross join lease t
                   where p.id = {doc} ->> 'id' and t.id = p.lease
                 union all select 'resource', {resource} from place p cross join resource t
                   where p.id = {doc} ->> 'id' and t.id = p.resource"
            )
            .into(),
            resource: format!(
                "select 'resource', {resource} from resource t where t.id = {doc} ->> 'id'
                 union all select 'leftover', {leftover} from leftover t where t.resource = {doc} ->> 'id'
                 union all select 'leftover', {leftover} from slot s cross join leftover t
                   where s.owner = {doc} ->> 'id' and t.space = s.space and t.slot = s.slot"
            )
            .into(),
            orphans: claimed(&format!("t.claim not in (select id from node where alive = 1) and {doc} is not null")),
            claimed: claimed(&format!("t.claim = {doc} ->> 'node'")),
            overdue: claimed(&format!("t.claim = {doc} ->> 'node' and t.due_at < cast({doc} ->> 'before' as bigint)")),
            looked_after: format!(
                "select 'resource', {} from resource t
                 where t.claim = {doc} ->> 'node' and t.status = 'active' and t.wanted = 'keep' and t.orphaned = 0
                 order by t.id",
                dialect.row::<Resource>("t")
            )
            .into(),
            pools: format!("select 'pool', {} from pool t where {doc} is not null", dialect.row::<Pool>("t")).into(),
            blueprints: format!(
                "select 'blueprint', {} from blueprint t where {doc} is not null order by t.name",
                dialect.row::<Blueprint>("t")
            )
            .into(),
            waiting: format!(
                "select 'class', {} from class t where t.waiting > 0 and {doc} is not null order by t.id limit 1000",
                dialect.row::<Class>("t")
            )
            .into(),
            made_with: format!(
                "select 'plugin', {} from (
                   select digest, blueprint, count(*) as n from resource
                   where status <> 'destroyed' and {doc} is not null group by digest, blueprint) m
                 order by 2",
                dialect.array("m.digest, m.blueprint, m.n")
            )
            .into(),
            slots: slots(dialect).into(),
            by_prefix: format!(
                "select 'lease', t.id from lease t where t.id >= {doc} ->> 'from' and t.id < {doc} ->> 'to'
                 union all select 'resource', t.id from resource t
                   where t.id >= {doc} ->> 'from' and t.id < {doc} ->> 'to' limit 3"
            )
            .into(),
            on_resource: format!(
                "select 'place', {place} from place t where t.resource = {doc} ->> 'resource' and t.status <> 'gone'"
            )
            .into(),
            outside: OutsideReads::new(dialect),
            leaks: format!(
                "select 'leak', {} from leak t
                 where {doc} ->> 'id' is null or t.id = {doc} ->> 'id' order by t.at desc, t.id",
                dialect.row::<Leak>("t")
            )
            .into(),
            ahead: format!(
                "select 'ahead', cast(count(*) as text) from lease t
                 where t.class = {doc} ->> 'class' and t.status = 'pending' and t.wanted = 'keep'
                   and (t.ord, t.id) < (cast({doc} ->> 'ord' as bigint), {doc} ->> 'id')"
            )
            .into(),
            holders: format!(
                "select distinct 'lease', t.lease from place t
                 where t.status <> 'gone' and t.resource in (
                   select s.owner from slot s
                   where s.space = {doc} ->> 'space' and s.slot in (select {text} from {})
                   union select r.id from resource r
                   where r.blueprint = {doc} ->> 'blueprint' and r.status <> 'destroyed'
                     and {doc} ->> 'whole' = 'yes')
                 order by 2 limit 16",
                dialect.each(Some("keys"))
            )
            .into(),
            nested: format!(
                "select 'lease', {lease} from lease t
                 where t.holder = {doc} ->> 'holder' and t.status <> 'destroyed' order by t.id"
            )
            .into(),
            closing: format!(
                "select 'resource', {resource} from resource t
                 where t.blueprint = {doc} ->> 'blueprint' and t.status in ('released', 'broken')
                 order by t.id limit 100"
            )
            .into(),
            save_config: format!(
                "insert into config_revision (revision, at, config)
                 select cast({doc} ->> 'revision' as bigint), cast({doc} ->> 'at' as bigint), {doc} ->> 'config'
                 where true on conflict (revision) do nothing returning 'saved', cast(revision as text)"
            )
            .into(),
            config: format!(
                "select cast(t.revision as text), t.config from config_revision t
                 where {doc} ->> 'revision' is null or t.revision = cast({doc} ->> 'revision' as bigint)
                 order by t.revision desc limit 1"
            )
            .into(),
            key: format!(
                "select 'key', t.lease from request_key t
                 where t.owner = {doc} ->> 'owner' and t.name = {doc} ->> 'name'"
            )
            .into(),
            check: check::sql(dialect, Span::Last).into(),
            check_since: check::sql(dialect, Span::Since).into(),
        }
    }

    pub fn tables(&self) -> Statement {
        Statement { sql: Arc::clone(&self.tables), doc: "{}".to_owned() }
    }

    pub fn look(&self, parts: Parts) -> Arc<str> {
        let mut looks = locked(&self.looks);
        Arc::clone(looks.entry(parts).or_insert_with(|| super::look::sql(self.dialect, parts).into()))
    }

    pub fn setting(&self, name: &str) -> Statement {
        statement(&self.setting, json!({ "name": name }))
    }
}

/// Slots with who holds them: (slot, place, resource, its name, amount of a counted one, leases); and what is set aside.
fn slots(dialect: Dialect) -> String {
    let here = |alias: &str| {
        let doc = dialect.doc();
        format!("({doc} ->> 'space' is null or {alias}.space = {doc} ->> 'space')")
    };
    let leases = format!(
        "(select {} from (
            select t.lease from place t
            where t.status <> 'gone' and (t.id = s.owner or t.resource = s.owner) order by t.lease limit 16) l)",
        dialect.gather("l.lease")
    );
    let held = |table: &str, amount: &str| {
        format!(
            "select 'slot', {} from {table} s
             left join place p on p.id = s.owner left join resource r on r.id = coalesce(p.resource, s.owner)
             where {}",
            dialect.array(&format!("s.space, s.slot, p.id, r.id, r.name, {amount}, {leases}")),
            here("s")
        )
    };
    format!(
        "{} union all {} union all select 'aside', {} from aside t where {}",
        held("slot", "0"),
        held("counter_share", "s.amount"),
        dialect.row::<Aside>("t"),
        here("t")
    )
}

fn statement(sql: &Arc<str>, doc: Value) -> Statement {
    Statement { sql: Arc::clone(sql), doc: doc.to_string() }
}

/// A resource or a place as a step needs it, with what belongs to it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Subject {
    pub resource: Option<Resource>,
    pub place: Option<Place>,
    pub lease: Option<Lease>,
    /// Of the resource, and under its slots; not with a place.
    pub leftovers: Vec<Leftover>,
}

/// Rows by who has claimed them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Claimed {
    pub leases: Vec<Lease>,
    pub places: Vec<Place>,
    pub resources: Vec<Resource>,
}

impl Store {
    /// A setting that is made once: the first value that anybody offers.
    pub async fn setting(&self, name: &str, first: &str) -> Result<String, StoreError> {
        let sql = &self.reads.put_setting;
        self.execute(statement(sql, json!({ "name": name, "value": first }))).await?;
        let rows = self.read(self.reads.setting(name)).await?;
        Ok(rows.into_iter().next().map(|(_, value)| value).unwrap_or_default())
    }

    /// Counts a node's row up; false when the node was seen dead.
    pub async fn beat(&self, node: &str) -> Result<bool, StoreError> {
        self.counts.beat();
        let beat = statement(&self.reads.beat, json!({ "id": node }));
        Ok(!self.backend.execute(beat).await?.is_empty())
    }

    /// Nodes that are not known to be dead, and the number of the last revision of the config; 0 when there is none.
    pub async fn nodes(&self) -> Result<(Vec<NodeRow>, u64), StoreError> {
        let mut revision = 0;
        let mut nodes = Vec::new();
        for (table, text) in self.read(statement(&self.reads.nodes, json!({}))).await? {
            match table.as_str() {
                "revision" => revision = text.parse().unwrap_or(0),
                _ => nodes.push(parse(&table, &text)?),
            }
        }
        nodes.sort_by(|a: &NodeRow, b| a.id.cmp(&b.id));
        Ok((nodes, revision))
    }

    pub async fn pools(&self) -> Result<Vec<Pool>, StoreError> {
        all(self.read(statement(&self.reads.pools, json!({}))).await?)
    }

    /// Every blueprint that is configured or has resources, by name.
    pub async fn blueprints(&self) -> Result<Vec<Blueprint>, StoreError> {
        all(self.read(statement(&self.reads.blueprints, json!({}))).await?)
    }

    /// Classes that somebody waits in; at most 1,000.
    pub async fn waiting(&self) -> Result<Vec<Class>, StoreError> {
        all(self.read(statement(&self.reads.waiting, json!({}))).await?)
    }

    /// Of the resources that are not destroyed: digest of the plugin, blueprint, and how many, in this order.
    pub async fn made_with(&self) -> Result<Vec<(String, String, i64)>, StoreError> {
        let rows = self.read(statement(&self.reads.made_with, json!({}))).await?;
        let mut made: Vec<(String, String, i64)> =
            rows.iter().map(|(table, text)| parse_cells(table, text)).collect::<Result<_, _>>()?;
        made.sort();
        Ok(made)
    }

    /// Slots that are held or set aside, of one name space or of all, in their order.
    pub async fn slots(&self, space: Option<&str>) -> Result<Vec<SlotState>, StoreError> {
        let mut slots: BTreeMap<(String, String, Option<String>), SlotState> = BTreeMap::new();
        let mut asides: Vec<Aside> = Vec::new();
        for (table, text) in self.read(statement(&self.reads.slots, json!({ "space": space }))).await? {
            if table == "aside" {
                asides.push(parse(&table, &text)?);
                continue;
            }
            type Held = (String, String, Option<String>, Option<String>, Option<String>, i64, Vec<String>);
            let (space, key, place, resource, name, amount, leases): Held = parse_cells(&table, &text)?;
            let at = (space.clone(), key.clone(), place.clone().or_else(|| resource.clone()));
            let amount = Some(amount).filter(|amount| *amount > 0);
            slots.insert(at, SlotState { space, key, place, resource, name, amount, leases, ..SlotState::default() });
        }
        for aside in asides {
            let own = slots.keys().find(|(space, key, _)| *space == aside.space && *key == aside.slot).cloned();
            let own = own.unwrap_or_else(|| (aside.space.clone(), aside.slot.clone(), None));
            let slot = slots.entry(own).or_default();
            (slot.space, slot.key) = (aside.space, aside.slot);
            (slot.until, slot.failures, slot.reason) = (Some(aside.until), Some(aside.failures), Some(aside.reason));
        }
        Ok(slots.into_values().collect())
    }

    /// Which of these named slots have an owner.
    pub async fn taken(&self, space: &str, keys: &[String]) -> Result<Vec<String>, StoreError> {
        let doc = json!({ "space": space, "keys": keys });
        let mut taken: Vec<String> =
            self.read(statement(&self.reads.taken, doc)).await?.into_iter().map(|(_, slot)| slot).collect();
        taken.sort();
        Ok(taken)
    }

    /// How much of a counted slot is used.
    pub async fn used(&self, space: &str, key: &str) -> Result<u32, StoreError> {
        let rows = self.read(statement(&self.reads.used, json!({ "space": space, "key": key }))).await?;
        Ok(rows.first().and_then(|(_, used)| used.parse().ok()).unwrap_or(0))
    }

    /// A resource with its leftovers.
    pub async fn resource(&self, id: &str) -> Result<Subject, StoreError> {
        self.subject(&self.reads.resource, id).await
    }

    /// A place with its lease and its resource.
    pub async fn place(&self, id: &str) -> Result<Subject, StoreError> {
        self.subject(&self.reads.place, id).await
    }

    /// A lease with its place, its resource and the leftovers of that.
    pub async fn lease(&self, id: &str) -> Result<Subject, StoreError> {
        self.subject(&self.reads.lease, id).await
    }

    async fn subject(&self, sql: &Arc<str>, id: &str) -> Result<Subject, StoreError> {
        let mut subject = Subject::default();
        for (table, text) in self.read(statement(sql, json!({ "id": id }))).await? {
            match table.as_str() {
                "place" => subject.place = Some(parse(&table, &text)?),
                "lease" => subject.lease = Some(parse(&table, &text)?),
                "resource" => subject.resource = Some(parse(&table, &text)?),
                _ => {
                    let leftover: Leftover = parse(&table, &text)?;
                    if subject.leftovers.iter().all(|known| known.place != leftover.place) {
                        subject.leftovers.push(leftover);
                    }
                }
            }
        }
        subject.leftovers.sort_by(|a, b| a.place.cmp(&b.place));
        Ok(subject)
    }

    /// Everything alive whose claim is of a node that is not.
    pub async fn orphans(&self) -> Result<Claimed, StoreError> {
        self.rows_claimed(statement(&self.reads.orphans, json!({}))).await
    }

    /// Everything alive that a node has claimed.
    pub async fn claimed(&self, node: &str) -> Result<Claimed, StoreError> {
        self.rows_claimed(statement(&self.reads.claimed, json!({ "node": node }))).await
    }

    /// Rows of a node that were due before an instant.
    pub async fn overdue(&self, node: &str, before: i64) -> Result<Claimed, StoreError> {
        let doc = json!({ "node": node, "before": before.to_string() });
        self.rows_claimed(statement(&self.reads.overdue, doc)).await
    }

    /// Active resources of a node that nobody wants away.
    pub async fn looked_after(&self, node: &str) -> Result<Vec<Resource>, StoreError> {
        all(self.read(statement(&self.reads.looked_after, json!({ "node": node }))).await?)
    }

    async fn rows_claimed(&self, read: Statement) -> Result<Claimed, StoreError> {
        let mut claimed = Claimed::default();
        for (table, text) in self.read(read).await? {
            match table.as_str() {
                "lease" => claimed.leases.push(parse(&table, &text)?),
                "place" => claimed.places.push(parse(&table, &text)?),
                _ => claimed.resources.push(parse(&table, &text)?),
            }
        }
        claimed.leases.sort_by(|a, b| a.id.cmp(&b.id));
        claimed.places.sort_by(|a, b| a.id.cmp(&b.id));
        claimed.resources.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(claimed)
    }

    /// Ids of leases and resources that begin so; at most three.
    pub async fn by_prefix(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let doc = json!({ "from": prefix, "to": format!("{prefix}~") });
        let rows = self.read(statement(&self.reads.by_prefix, doc)).await?;
        Ok(rows.into_iter().map(|(_, id)| id).collect())
    }

    /// The places on a resource that are not gone.
    pub async fn on_resource(&self, id: &str) -> Result<Vec<Place>, StoreError> {
        let mut places: Vec<Place> =
            all(self.read(statement(&self.reads.on_resource, json!({ "resource": id }))).await?)?;
        places.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(places)
    }

    /// What nobody will clean up by itself, newest first; or the one of an id.
    pub async fn leaks(&self, id: Option<&str>) -> Result<Vec<Leak>, StoreError> {
        all(self.read(statement(&self.reads.leaks, json!({ "id": id }))).await?)
    }

    /// How many of its class are before a lease in the order.
    pub async fn ahead(&self, lease: &Lease) -> Result<u64, StoreError> {
        let doc = json!({ "class": lease.class, "ord": lease.ord.to_string(), "id": lease.id });
        let rows = self.read(statement(&self.reads.ahead, doc)).await?;
        Ok(rows.first().and_then(|(_, count)| count.parse().ok()).unwrap_or(0))
    }

    /// Leases on the resources that own these slots; or, without slots, on all of a blueprint's; at most 16.
    pub async fn holders(&self, space: &str, slots: &[String], blueprint: &str) -> Result<Vec<String>, StoreError> {
        let whole = if slots.is_empty() { "yes" } else { "no" };
        let doc = json!({ "space": space, "keys": slots, "blueprint": blueprint, "whole": whole });
        Ok(self.read(statement(&self.reads.holders, doc)).await?.into_iter().map(|(_, lease)| lease).collect())
    }

    /// What a resource has leased for itself.
    pub async fn nested(&self, holder: &str) -> Result<Vec<Lease>, StoreError> {
        all(self.read(statement(&self.reads.nested, json!({ "holder": holder }))).await?)
    }

    /// Resources of a blueprint that are being closed; at most 100.
    pub async fn closing(&self, blueprint: &str) -> Result<Vec<Resource>, StoreError> {
        all(self.read(statement(&self.reads.closing, json!({ "blueprint": blueprint }))).await?)
    }

    /// Keeps a revision of the config; false if there is one of that number already, which stays.
    pub async fn save_config(&self, revision: u64, at: i64, config: &str) -> Result<bool, StoreError> {
        let doc = json!({ "revision": revision.to_string(), "at": at.to_string(), "config": config });
        Ok(!self.answer(statement(&self.reads.save_config, doc)).await?.is_empty())
    }

    /// A revision of the config, or the last one.
    pub async fn config(&self, revision: Option<u64>) -> Result<Option<(u64, String)>, StoreError> {
        let doc = json!({ "revision": revision.map(|revision| revision.to_string()) });
        let rows = self.read(statement(&self.reads.config, doc)).await?;
        Ok(rows.into_iter().next().and_then(|(revision, config)| Some((revision.parse().ok()?, config))))
    }

    /// The lease that a key has found before.
    pub async fn by_key(&self, owner: &str, name: &str) -> Result<Option<String>, StoreError> {
        let rows = self.read(statement(&self.reads.key, json!({ "owner": owner, "name": name }))).await?;
        Ok(rows.into_iter().next().map(|(_, lease)| lease))
    }

    async fn execute(&self, write: Statement) -> Result<(), StoreError> {
        self.counts.read();
        self.backend.execute(write).await.map(|_| ())
    }

    async fn answer(&self, write: Statement) -> Result<Vec<Tagged>, StoreError> {
        self.counts.read();
        self.backend.execute(write).await
    }
}

pub(super) fn all<R: Row>(rows: Vec<Tagged>) -> Result<Vec<R>, StoreError> {
    rows.iter().map(|(_, text)| parse(R::TABLE, text)).collect()
}
