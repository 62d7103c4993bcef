//! A matcher's look at its pool: one statement, so that all of it is of one moment.

use super::backend::Statement;
use super::dialect::Dialect;
use super::load::{parse, parse_cells};
use super::{Store, StoreError};
use crate::config::{Growth, Order};
use crate::model::proposal::QUOTAS;
use crate::model::rows::{Aside, Blueprint, Class, Doc, Pool, Resource};
use crate::planner::look::{
    CANDIDATES, ClassLook, HEADS, Held, IDLE, Look, Storey, Tower, Waiting, WaitingSet, by_first,
};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// What a look is made of. What nothing is asked about is left out: it would cost as much as what is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Parts {
    /// Only some classes are looked at.
    some: bool,
    quotas: bool,
    pack: bool,
    spread: bool,
    overflow: bool,
    standing: bool,
    slots: bool,
    resources: bool,
    towers: bool,
    warm: bool,
    offered: bool,
}

/// The text of a look, for one engine.
pub fn sql(dialect: Dialect, parts: Parts) -> String {
    let kind = format!("{} ->> 'kind'", dialect.doc());
    let some = match parts.some {
        true => format!(" and t.id in (select {} from {})", dialect.text(), dialect.each(Some("classes"))),
        false => String::new(),
    };
    let mut with = vec![format!(
        "sought (id) as materialized (
           select t.id from class t where t.kind = {kind} and t.waiting > 0{some}
           union select o.value from class t cross join {otherwise}
             where t.kind = {kind} and t.waiting > 0 and t.otherwise <> '[]'{some})",
        otherwise = dialect.texts("t.otherwise", "o"),
    )];
    let row = |table: &str, row: String| format!("select '{table}', {row} from {table} t where t.kind = {kind}");
    let mut all = vec![
        row("pool", dialect.row::<Pool>("t")),
        format!("select 'class', {} from sought s cross join class t where t.id = s.id", dialect.row::<Class>("t")),
        format!(
            "select 'heads', {} from class t where t.kind = {kind} and t.waiting > 0{some}",
            heads(dialect, parts.quotas)
        ),
        row("blueprint", dialect.row::<Blueprint>("t")),
        row("aside", dialect.row::<Aside>("t")),
    ];
    if parts.quotas {
        with.push(quotas(dialect));
        all.push(format!("select 'held', {} from held", dialect.array("held.owner, held.used")));
    }
    for (wanted, room) in [(parts.pack, Room::Pack), (parts.spread, Room::Spread), (parts.overflow, Room::Spare)] {
        all.extend(wanted.then(|| candidates(dialect, room)));
    }
    all.extend(parts.standing.then(|| standing(dialect)));
    all.extend(parts.slots.then(|| slot_owners(dialect)));
    all.extend(parts.resources.then(|| named_resources(dialect)));
    all.extend(parts.towers.then(|| towers(dialect)));
    if parts.warm {
        all.push(format!(
            "select 'contested', t.space from blueprint t
             where t.space in (select {} from {}) and t.kind <> {kind}
               and exists (select 1 from class c where c.kind = t.kind and c.waiting > 0)",
            dialect.text(),
            dialect.each(Some("warm"))
        ));
    }
    if parts.offered {
        all.push(format!(
            "select 'taken', {} from slot t
             where (t.space, t.slot) in (select j.value ->> 0, j.value ->> 1 from {})",
            dialect.array("t.space, t.slot"),
            dialect.each(Some("offered"))
        ));
    }
    format!("with {} {}", with.join(", "), all.join(" union all "))
}

/// What owners with a quota have, and which of them have all that they may.
fn quotas(dialect: Dialect) -> String {
    format!(
        "held (owner, used, most) as materialized (
           select q.slot, q.used, coalesce(
             (select cast(j.value ->> 1 as bigint) from {each} where j.value ->> 0 = q.slot), {every})
           from counter q where q.space = '{QUOTAS}'),
         spent (owner) as materialized (select owner from held where used >= most)",
        each = dialect.each(Some("quotas")),
        every = format_args!("cast({} ->> 'quota' as bigint)", dialect.doc()),
    )
}

/// A class and the first of its leases that wait.
fn heads(dialect: Dialect, quotas: bool) -> String {
    // Those of an owner with all that it may have don't hold up the others, nor take their place in the look.
    let (owner, within) = match quotas {
        true => (
            "case when l.holder is null then l.owner end",
            "and ((select count(*) from spent) = 0 or l.holder is not null
               or l.owner not in (select owner from spent))",
        ),
        false => ("null", ""),
    };
    let first = format!(
        "select l.id, l.ord, l.set_id, l.set_kinds,
           case when l.set_id is not null
             then (select count(*) from lease m where m.set_id = l.set_id and m.status = 'pending') end as mates,
           {owner} as owner
         from lease l
         where l.class = t.id and l.status = 'pending' and l.wanted = 'keep' {within}
         order by l.ord, l.id limit {HEADS}"
    );
    let lease = dialect.json(&dialect.array("h.ord, h.id, h.set_id, h.set_kinds, h.mates, h.owner"));
    dialect.array(&format!("t.id, (select {} from ({first}) h)", dialect.gather(&lease)))
}

/// What room candidates have, and so which come first.
#[derive(Clone, Copy, PartialEq)]
enum Room {
    /// Within their shares, the fullest first.
    Pack,
    /// Within their shares, the emptiest first.
    Spread,
    /// Beyond their shares, the least loaded first.
    Spare,
}

/// For each class that waits and each blueprint that can serve it and whose resources have such room: those that carry
/// the labels of the request and those that the blueprint needs; where both name one, the blueprint's counts.
fn candidates(dialect: Dialect, room: Room) -> String {
    // Active before pending, which is their order as texts; each is the order of an index.
    let (name, found, condition, order) = match room {
        Room::Pack => ("pack", "candidates", "t.room > 0", "t.status, t.used desc, t.id"),
        Room::Spread => ("spread", "candidates", "t.room > 0", "t.status, t.used, t.id"),
        Room::Spare => ("overflow", "crowded", "t.spare > 0", "t.used, t.id"),
    };
    let needs = dialect.fields("a.value", &["serves", "labels"], "n");
    let asked = dialect.fields("c.request", &["labels"], "n");
    let lacked = "not exists (
                    select 1 from label l where l.resource = t.id and l.name = n.key and l.value = n.value)";
    let resources = format!(
        "select {row} as cells from resource t
         where t.blueprint = a.key and {condition}
           and not exists (select 1 from {needs} where {lacked})
           and not exists (
             select 1 from {asked} where n.key not in (select n.key from {needs}) and {lacked})
         order by {order} limit {CANDIDATES}",
        row = dialect.row::<Resource>("t"),
    );
    format!(
        "select '{found}', {row} from sought s cross join class c, {answers}
         where c.id = s.id and a.value -> 'serves' is not null
           and a.key in (select {text} from {each})",
        row = dialect
            .array(&format!("c.id, a.key, (select {} from ({resources}) r)", dialect.gather(&dialect.json("r.cells")))),
        answers = dialect.fields("c.answers", &[], "a"),
        text = dialect.text(),
        each = dialect.each(Some(name)),
    )
}

/// Of each blueprint that is full: what nobody is on, and what is being closed.
fn standing(dialect: Dialect) -> String {
    let row = dialect.row::<Resource>("t");
    let of = format!("select {row} as cells from resource t where t.blueprint = {}", dialect.text());
    let idle = format!(
        "{of} and t.used = 0 and t.wanted = 'keep' and t.status in ('pending', 'active')
         order by t.idle_since, t.id limit {IDLE}"
    );
    let closing = format!("{of} and t.status in ('released', 'broken') limit {IDLE}");
    let each = dialect.each(Some("full"));
    let gathered = |resources: &str| {
        let all = dialect.gather(&dialect.json("r.cells"));
        dialect.array(&format!("{}, (select {all} from ({resources}) r)", dialect.text()))
    };
    format!(
        "select 'standing', {} from {each} union all select 'standing', {} from {each}",
        gathered(&closing),
        gathered(&idle)
    )
}

/// Of what refusals named: what nobody is on, and what is being closed.
const IN_THE_WAY: &str = "(t.used = 0 and t.wanted = 'keep' and t.status in ('pending', 'active')
                           or t.status in ('released', 'broken'))";

/// The owners of the slots that refusals named.
fn slot_owners(dialect: Dialect) -> String {
    format!(
        "select 'owner', {} from slot s join resource t on t.id = s.owner
         where (s.space, s.slot) in (select j.value ->> 0, j.value ->> 1 from {}) and {IN_THE_WAY}",
        dialect.array(&format!("s.space, s.slot, {}", dialect.json(&dialect.row::<Resource>("t")))),
        dialect.each(Some("slots")),
    )
}

/// The resources that refusals named.
fn named_resources(dialect: Dialect) -> String {
    format!(
        "select 'owner', {} from resource t where t.id in (select {} from {}) and {IN_THE_WAY}",
        dialect.array(&format!("'', t.id, {}", dialect.json(&dialect.row::<Resource>("t")))),
        dialect.text(),
        dialect.each(Some("resources")),
    )
}

/// Of each blueprint that may lease something of this pool: what nobody is on, and what is being closed, with all that it
/// stands on.
fn towers(dialect: Dialect) -> String {
    let row = dialect.json(&dialect.row::<Resource>("t"));
    let storey = dialect.json(&dialect.array("s.id, s.blueprint, s.space, s.slots"));
    let beneath = format!(
        "(with recursive beneath (id) as (
            select l.resource from lease l where l.holder = t.id and l.status <> 'destroyed' and l.resource is not null
            union select l.resource from beneath b cross join lease l
              where l.holder = b.id and l.status <> 'destroyed' and l.resource is not null)
          select {} from beneath b cross join resource s where s.id = b.id)",
        dialect.gather(&storey)
    );
    let tower = dialect.array(&format!("{row}, {}", dialect.json(&beneath)));
    let of = format!("select {tower} as cells from resource t where t.blueprint = {}", dialect.text());
    let idle = format!(
        "{of} and t.used = 0 and t.wanted = 'keep' and t.status in ('pending', 'active')
         order by t.idle_since, t.id limit {IDLE}"
    );
    let closing = format!("{of} and t.status in ('released', 'broken') limit {IDLE}");
    let each = dialect.each(Some("above"));
    let gathered = |towers: &str| {
        let all = dialect.gather(&dialect.json("r.cells"));
        dialect.array(&format!("{}, (select {all} from ({towers}) r)", dialect.text()))
    };
    format!(
        "select 'towers', {} from {each} union all select 'towers', {} from {each}",
        gathered(&idle),
        gathered(&closing)
    )
}

/// What a matcher asks about beside its pool.
#[derive(Clone, Debug, Default)]
pub struct Sought {
    /// The only classes that are looked at. None: all that wait.
    pub classes: Option<BTreeSet<String>>,
    /// The blueprints that are configured: how each fills up, and whether it may be given beyond its shares.
    pub growth: BTreeMap<String, (Growth, bool)>,
    /// What owners may have.
    pub order: Order,
    /// The slots that are thought to be free, with their name space.
    pub offered: BTreeSet<(String, String)>,
    /// Blueprints at their maximum for whose room somebody waits.
    pub full: BTreeSet<String>,
    /// What refusals have named: slots with their name space, and resources.
    pub slots: BTreeSet<(String, String)>,
    pub resources: BTreeSet<String>,
    /// The name spaces of slots in which something is kept for nobody.
    pub warm: BTreeSet<String>,
    /// Blueprints that may lease something of this pool for their resources.
    pub above: BTreeSet<String>,
}

impl Sought {
    fn parts(&self) -> Parts {
        let fills = |like| self.growth.values().any(|(growth, _)| *growth == like);
        Parts {
            some: self.classes.is_some(),
            quotas: self.order.has_quotas(),
            pack: fills(Growth::Pack),
            spread: fills(Growth::Spread),
            overflow: self.growth.values().any(|(_, over)| *over),
            standing: !self.full.is_empty(),
            slots: !self.slots.is_empty(),
            resources: !self.resources.is_empty(),
            towers: self.is_crowded() && !self.above.is_empty(),
            warm: !self.warm.is_empty(),
            offered: !self.offered.is_empty(),
        }
    }

    fn doc(&self, kind: &str) -> String {
        let filled = |like| {
            let of = self.growth.iter().filter(move |(_, (growth, _))| *growth == like);
            of.map(|(blueprint, _)| blueprint).collect::<Vec<_>>()
        };
        let overflow: Vec<&String> = self.growth.iter().filter(|(_, (_, over))| *over).map(|(name, _)| name).collect();
        let quotas: Vec<(&String, u32)> =
            self.order.owners.iter().filter_map(|(owner, own)| Some((owner, own.max_leases?))).collect();
        json!({
            "kind": kind, "classes": self.classes, "offered": self.offered, "pack": filled(Growth::Pack),
            "spread": filled(Growth::Spread), "overflow": overflow, "full": self.full, "warm": self.warm,
            "slots": self.slots, "resources": self.resources, "quotas": quotas,
            "quota": self.order.every_owner.max_leases, "above": self.above,
        })
        .to_string()
    }

    /// Whether somebody waits for what others have.
    fn is_crowded(&self) -> bool {
        !(self.full.is_empty() && self.slots.is_empty() && self.resources.is_empty())
    }
}

/// Of a lease that waits: order, id, set, the set's types and how many of it wait, and the owner where there are quotas.
type Head = (i64, String, Option<String>, Doc<Vec<String>>, Option<usize>, Option<String>);

impl Store {
    /// A look at a pool.
    pub async fn look(&self, kind: &str, sought: &Sought) -> Result<Option<Look>, StoreError> {
        let statement = Statement { sql: self.reads.look(sought.parts()), doc: sought.doc(kind) };
        let mut pool = None;
        let mut classes = Vec::new();
        let mut heads: BTreeMap<String, Vec<Waiting>> = BTreeMap::new();
        type Found = BTreeMap<String, BTreeMap<String, Vec<Resource>>>;
        let (mut candidates, mut crowded) = (Found::new(), Found::new());
        let mut standing: BTreeMap<String, Vec<Resource>> = BTreeMap::new();
        let mut owners = BTreeMap::new();
        let mut held: BTreeMap<String, i64> = BTreeMap::new();
        let mut towers: Vec<Tower> = Vec::new();
        let mut contested = BTreeSet::new();
        let (mut blueprints, mut asides, mut taken) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
        for (table, text) in self.read(statement).await? {
            match table.as_str() {
                "pool" => pool = Some(parse::<Pool>(&table, &text)?),
                "class" => classes.push(parse::<Class>(&table, &text)?),
                "heads" => {
                    let (class, first): (String, Vec<Head>) = parse_cells(&table, &text)?;
                    let waiting = |(ord, lease, set, Doc(kinds), mates, owner): Head| {
                        let set = set.zip(mates).map(|(id, waiting)| WaitingSet { id, kinds, waiting });
                        let limited = owner.and_then(|owner| Some((sought.order.max_leases(&owner)?, owner)));
                        let quota = limited.map(|(limit, owner)| Held { owner, used: 0, limit });
                        Waiting { ord, lease, quota, set }
                    };
                    heads.insert(class, first.into_iter().map(waiting).collect());
                }
                "candidates" => {
                    let (class, blueprint, found): (String, String, Vec<Resource>) = parse_cells(&table, &text)?;
                    candidates.entry(class).or_default().insert(blueprint, found);
                }
                "crowded" => {
                    let (class, blueprint, found): (String, String, Vec<Resource>) = parse_cells(&table, &text)?;
                    crowded.entry(class).or_default().insert(blueprint, found);
                }
                "standing" => {
                    let (blueprint, found): (String, Vec<Resource>) = parse_cells(&table, &text)?;
                    standing.entry(blueprint).or_default().extend(found);
                }
                "towers" => {
                    let (_, found): (String, Vec<(Resource, Vec<Storey>)>) = parse_cells(&table, &text)?;
                    towers.extend(found.into_iter().map(|(top, beneath)| Tower { top, beneath }));
                }
                "held" => {
                    let (owner, used): (String, i64) = parse_cells(&table, &text)?;
                    held.insert(owner, used);
                }
                "contested" => {
                    contested.insert(text);
                }
                "owner" => {
                    let (space, slot, owner): (String, String, Resource) = parse_cells(&table, &text)?;
                    owners.insert((space, slot), owner);
                }
                "blueprint" => {
                    let row: Blueprint = parse(&table, &text)?;
                    blueprints.insert(row.name.clone(), row);
                }
                "aside" => {
                    let row: Aside = parse(&table, &text)?;
                    asides.insert((row.space.clone(), row.slot.clone()), row);
                }
                _ => {
                    taken.insert(parse_cells::<(String, String)>(&table, &text)?);
                }
            }
        }
        let Some(pool) = pool else { return Ok(None) };
        let mut classes: Vec<ClassLook> = classes
            .into_iter()
            .map(|class| ClassLook {
                heads: heads.remove(&class.id).unwrap_or_default(),
                candidates: candidates.remove(&class.id).unwrap_or_default(),
                crowded: crowded.remove(&class.id).unwrap_or_default(),
                class,
            })
            .collect();
        // The others are alternatives to what these want.
        let lacks = |class: &ClassLook, all: &[ClassLook]| {
            class.heads.is_empty()
                && !all.iter().any(|main| !main.heads.is_empty() && main.class.otherwise.0.contains(&class.class.id))
        };
        let idle: BTreeSet<String> =
            classes.iter().filter(|class| lacks(class, &classes)).map(|class| class.class.id.clone()).collect();
        classes.retain(|class| !idle.contains(&class.class.id));
        for quota in classes.iter_mut().flat_map(|class| &mut class.heads).filter_map(|head| head.quota.as_mut()) {
            quota.used = held.get(&quota.owner).copied().unwrap_or(0);
        }
        classes.iter_mut().for_each(|class| class.heads.sort());
        classes.sort_by(by_first);
        for resources in standing.values_mut() {
            resources.sort_by(|a, b| (a.idle_since, &a.id).cmp(&(b.idle_since, &b.id)));
        }
        towers.sort_by(|a, b| (a.top.idle_since, &a.top.id).cmp(&(b.top.idle_since, &b.top.id)));
        Ok(Some(Look {
            pool,
            others: BTreeMap::new(),
            classes,
            blueprints,
            asides,
            offered: sought.offered.clone(),
            taken,
            full: sought.full.clone(),
            standing,
            towers,
            contested,
            owners,
        }))
    }
}
