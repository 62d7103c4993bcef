//! A matcher's look at its pool: one statement, so that all of it is of one moment.

use super::backend::Statement;
use super::dialect::Dialect;
use super::load::{parse, parse_cells};
use super::{Store, StoreError};
use crate::config::Growth;
use crate::model::rows::{Aside, Blueprint, Class, Pool, Resource};
use crate::planner::look::{CANDIDATES, ClassLook, HEADS, Look, Waiting};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// The text of the look, for one engine.
pub fn sql(dialect: Dialect) -> String {
    format!(
        "select 'pool', {pool} from pool t where t.kind = {kind}
         union all select 'class', {class} from class t where t.kind = {kind} and t.waiting > 0
         union all select 'heads', {heads} from class c where c.kind = {kind} and c.waiting > 0
         union all {pack}
         union all {spread}
         union all select 'blueprint', {blueprint} from blueprint t where t.kind = {kind}
         union all select 'aside', {aside} from aside t where t.kind = {kind}
         union all select 'taken', {taken} from slot t
           where (t.space, t.slot) in (select j.value ->> 0, j.value ->> 1 from {offered})",
        kind = format_args!("{} ->> 'kind'", dialect.doc()),
        pool = dialect.row::<Pool>("t"),
        class = dialect.row::<Class>("t"),
        heads = heads(dialect),
        pack = candidates(dialect, Growth::Pack),
        spread = candidates(dialect, Growth::Spread),
        blueprint = dialect.row::<Blueprint>("t"),
        aside = dialect.row::<Aside>("t"),
        taken = dialect.array("t.space, t.slot"),
        offered = dialect.each(Some("offered")),
    )
}

/// A class and the first of its leases that wait.
fn heads(dialect: Dialect) -> String {
    let first = format!(
        "select t.id, t.ord from lease t
         where t.class = c.id and t.status = 'pending' and t.wanted = 'keep' order by t.ord, t.id limit {HEADS}"
    );
    let lease = dialect.json(&dialect.array("h.ord, h.id"));
    dialect.array(&format!("c.id, (select {} from ({first}) h)", dialect.gather(&lease)))
}

/// For each class that waits and each blueprint that can serve it and fills up like this: resources with room that
/// carry the labels of the request and those that the blueprint needs; where both name one, the blueprint's counts.
fn candidates(dialect: Dialect, growth: Growth) -> String {
    // Active before pending, which is their order as texts; each is the order of an index.
    let (name, order) = match growth {
        Growth::Pack => ("pack", "t.status, t.used desc, t.id"),
        Growth::Spread => ("spread", "t.status, t.used, t.id"),
    };
    let needs = dialect.fields("a.value", &["serves", "labels"], "n");
    let asked = dialect.fields("c.request", &["labels"], "n");
    let lacked = "not exists (
                    select 1 from label l where l.resource = t.id and l.name = n.key and l.value = n.value)";
    let resources = format!(
        "select {row} as cells from resource t
         where t.blueprint = a.key and t.room > 0
           and not exists (select 1 from {needs} where {lacked})
           and not exists (
             select 1 from {asked} where n.key not in (select n.key from {needs}) and {lacked})
         order by {order} limit {CANDIDATES}",
        row = dialect.row::<Resource>("t"),
    );
    format!(
        "select 'candidates', {found} from class c, {answers}
         where c.kind = {doc} ->> 'kind' and c.waiting > 0 and a.value -> 'serves' is not null
           and a.key in (select {text} from {each})",
        found = dialect
            .array(&format!("c.id, a.key, (select {} from ({resources}) r)", dialect.gather(&dialect.json("r.cells")))),
        answers = dialect.fields("c.answers", &[], "a"),
        doc = dialect.doc(),
        text = dialect.text(),
        each = dialect.each(Some(name)),
    )
}

impl Store {
    /// A look at a pool. `growth`: the blueprints that are configured, and how each fills up; `offered`: the slots that
    /// are thought to be free, by name space.
    pub async fn look(
        &self,
        kind: &str,
        growth: &BTreeMap<String, Growth>,
        offered: &BTreeMap<String, Vec<String>>,
    ) -> Result<Option<Look>, StoreError> {
        let filled = |like| growth.iter().filter(move |(_, growth)| **growth == like).map(|(blueprint, _)| blueprint);
        let offered: BTreeSet<(String, String)> =
            offered.iter().flat_map(|(space, slots)| slots.iter().map(|slot| (space.clone(), slot.clone()))).collect();
        let doc = json!({
            "kind": kind, "offered": offered,
            "pack": filled(Growth::Pack).collect::<Vec<_>>(), "spread": filled(Growth::Spread).collect::<Vec<_>>(),
        });
        let statement = Statement { sql: self.reads.look(), doc: doc.to_string() };
        let mut pool = None;
        let mut classes = Vec::new();
        let mut heads: BTreeMap<String, Vec<Waiting>> = BTreeMap::new();
        let mut candidates: BTreeMap<String, BTreeMap<String, Vec<Resource>>> = BTreeMap::new();
        let (mut blueprints, mut asides, mut taken) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
        for (table, text) in self.read(statement).await? {
            match table.as_str() {
                "pool" => pool = Some(parse::<Pool>(&table, &text)?),
                "class" => classes.push(parse::<Class>(&table, &text)?),
                "heads" => {
                    let (class, first): (String, Vec<(i64, String)>) = parse_cells(&table, &text)?;
                    heads.insert(class, first.into_iter().map(|(ord, lease)| Waiting { ord, lease }).collect());
                }
                "candidates" => {
                    let (class, blueprint, found): (String, String, Vec<Resource>) = parse_cells(&table, &text)?;
                    candidates.entry(class).or_default().insert(blueprint, found);
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
                class,
            })
            .filter(|class| !class.heads.is_empty())
            .collect();
        classes.iter_mut().for_each(|class| class.heads.sort());
        classes.sort_by(|a, b| a.heads[0].cmp(&b.heads[0]));
        Ok(Some(Look { pool, classes, blueprints, asides, offered, taken }))
    }
}
