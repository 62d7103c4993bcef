//! The second trip of a commit: what was decided, one statement for each kind of change.

use super::backend::Statement;
use super::dialect::Dialect;
use crate::model::protection::{Protection, Protections};
use crate::model::rows::*;
use crate::model::status::ResourceStatus;
use crate::model::table::Rows;
use crate::model::table::with_tables;
use std::collections::HashMap;
use std::sync::Arc;

/// The statements, prepared once for one engine.
pub struct Saver {
    insert: HashMap<&'static str, Arc<str>>,
    upsert: HashMap<&'static str, Arc<str>>,
    update: HashMap<&'static str, Arc<str>>,
    delete: HashMap<&'static str, Arc<str>>,
    events: Arc<str>,
    label: Arc<str>,
    unlabel: Arc<str>,
    rename: Vec<Arc<str>>,
}

impl Saver {
    pub fn new(dialect: Dialect) -> Saver {
        let mut insert = HashMap::new();
        let mut upsert = HashMap::new();
        let mut update = HashMap::new();
        let mut delete = HashMap::new();
        macro_rules! each {
($($field:ident : $row:ident,)*) => {$(
                insert.insert($row::TABLE, insert_sql::<$row>(dialect).into());
                upsert.insert($row::TABLE, upsert_sql::<$row>(dialect).into());
                update.insert($row::TABLE, update_sql::<$row>(dialect).into());
                delete.insert($row::TABLE, delete_sql::<$row>(dialect).into());)*};
}
        with_tables!(each);
        let each = dialect.each(None);
        Saver {
            insert,
            upsert,
            update,
            delete,
            events: insert_sql::<Event>(dialect).into(),
            label: format!(
                "insert into label (resource, name, value)
                 select j.value ->> 0, j.value ->> 1, j.value ->> 2 from {each} where true
                 on conflict (resource, name) do nothing"
            )
            .into(),
            unlabel: format!("delete from label where resource in (select {} from {each})", dialect.text()).into(),
            rename: [Resource::TABLE, Place::TABLE, Leak::TABLE]
                .map(|table| rename_sql(dialect, table).into())
                .to_vec(),
        }
    }

    /// Takes what is freed back before anything is taken, and writes keys in their order.
    pub fn statements(&self, rows: &Rows, protections: Protections) -> Vec<Statement> {
        let mut removals = Vec::new();
        let mut writes = Vec::new();
        macro_rules! each {
($($field:ident : $row:ident,)*) => {$(
                // Keys come first among the cells, so a row to delete is written like any other.
                if let Some(doc) = array(rows.$field.removed(), $row::cells) {
                    removals.push(Statement { sql: Arc::clone(&self.delete[$row::TABLE]), doc });
                }
                let whole = if NEVER_BEFORE.contains(&$row::TABLE) { &self.insert } else { &self.upsert };
                let is_new = |(stored, _): &(Option<&$row>, &$row)| stored.is_none();
                let made = rows.$field.changes().filter(is_new).map(|(_, now)| now);
                if let Some(doc) = array(made, $row::cells) {
                    writes.push(Statement { sql: Arc::clone(&whole[$row::TABLE]), doc });
                }
                let other = rows.$field.changes().filter(|change| !is_new(change) && is_whole(change));
                if let Some(doc) = array(other.map(|(_, now)| now), $row::cells) {
                    writes.push(Statement { sql: Arc::clone(&self.upsert[$row::TABLE]), doc });
                }
                let moved = rows.$field.changes().filter(|change| !is_whole(change)).map(|(_, now)| now);
                if let Some(doc) = array(moved, $row::moving_cells) {
                    writes.push(Statement { sql: Arc::clone(&self.update[$row::TABLE]), doc });
                })*};
}
        with_tables!(each);
        self.label(rows, protections, &mut removals, &mut writes);
        if let Some(doc) = array(rows.events.iter(), Event::cells) {
            writes.push(Statement { sql: Arc::clone(&self.events), doc });
        }
        let mut all = Vec::new();
        for renamed in &rows.renamed {
            let doc = serde_json::json!([renamed]).to_string();
            all.extend(self.rename.iter().map(|sql| Statement { sql: Arc::clone(sql), doc: doc.clone() }));
        }
        all.extend(removals);
        all.extend(writes);
        all
    }

    /// The label index follows the resources: made with them, gone with them.
    fn label(&self, rows: &Rows, on: Protections, removals: &mut Vec<Statement>, writes: &mut Vec<Statement>) {
        let in_commit = on.has(Protection::LabelsInCommit);
        let mut labels = Vec::new();
        let mut destroyed = Vec::new();
        for (stored, resource) in rows.resources.changes() {
            let opened = stored.is_some_and(|stored| stored.status == ResourceStatus::Pending)
                && resource.status == ResourceStatus::Active;
            if resource.status == ResourceStatus::Destroyed {
                destroyed.push(&resource.id);
            } else if in_commit && stored.is_none() || !in_commit && opened {
                labels.extend(resource.labels.0.iter().map(|(name, value)| (&resource.id, name, value)));
            }
        }
        if !destroyed.is_empty() {
            removals.push(Statement { sql: Arc::clone(&self.unlabel), doc: serde_json::json!(destroyed).to_string() });
        }
        if !labels.is_empty() {
            writes.push(Statement { sql: Arc::clone(&self.label), doc: serde_json::json!(labels).to_string() });
        }
    }
}

/// Tables whose new rows have keys that nobody has used before.
const NEVER_BEFORE: &[&str] = &[Lease::TABLE, Place::TABLE];

/// Whether a row is written with every cell: it is new, or what usually stays as it is has changed, too. For the others
/// that leaves most of their bytes, and the indexes on them, untouched.
fn is_whole<R: Row>((stored, now): &(Option<&R>, &R)) -> bool {
    stored.is_none_or(|stored| !stored.is_fixed_as(now))
}

fn array<'a, R: Row + 'a>(rows: impl Iterator<Item = &'a R>, cells: fn(&R, &mut Vec<u8>)) -> Option<String> {
    let mut out = Vec::new();
    for row in rows {
        out.push(if out.is_empty() { b'[' } else { b',' });
        cells(row, &mut out);
    }
    if out.is_empty() {
        return None;
    }
    out.push(b']');
    // The cells are JSON, which is UTF-8.
    Some(String::from_utf8_lossy(&out).into_owned())
}

fn cells<R: Row>(dialect: Dialect) -> String {
    let cells: Vec<String> = R::COLUMNS.iter().enumerate().map(|(i, (_, column))| dialect.cell(i, *column)).collect();
    cells.join(", ")
}

fn names(columns: &[(&'static str, Column)]) -> String {
    columns.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

pub(super) fn insert_sql<R: Row>(dialect: Dialect) -> String {
    format!(
        "insert{} into {} ({}) select {} from {} where true",
        dialect.or_roll_back(),
        R::TABLE,
        names(R::COLUMNS),
        cells::<R>(dialect),
        dialect.each(None)
    )
}

fn upsert_sql<R: Row>(dialect: Dialect) -> String {
    let set: Vec<String> = R::COLUMNS[R::KEY..].iter().map(|(name, _)| format!("{name} = excluded.{name}")).collect();
    let insert = insert_sql::<R>(dialect);
    let key = names(&R::COLUMNS[..R::KEY]);
    format!("{insert} on conflict ({key}) do update set {}", set.join(", "))
}

fn update_sql<R: Row>(dialect: Dialect) -> String {
    let moving = R::COLUMNS.iter().zip(R::FIXED).filter(|(_, fixed)| !**fixed);
    let cells: Vec<(&str, String)> =
        moving.enumerate().map(|(i, ((name, column), _))| (*name, dialect.cell(i, *column))).collect();
    let (key, rest) = cells.split_at(R::KEY);
    let key: Vec<String> = key.iter().map(|(name, cell)| format!("{}.{name} = {cell}", R::TABLE)).collect();
    let set: Vec<String> = rest.iter().map(|(name, cell)| format!("{name} = {cell}")).collect();
    let (or_roll_back, each) = (dialect.or_roll_back(), dialect.each(None));
    format!("update{or_roll_back} {} set {} from {each} where {}", R::TABLE, set.join(", "), key.join(" and "))
}

/// Of everything that a blueprint has made.
fn rename_sql(dialect: Dialect, table: &str) -> String {
    let (or_roll_back, each) = (dialect.or_roll_back(), dialect.each(None));
    format!(
        "update{or_roll_back} {table} set blueprint = j.value ->> 1 from {each} where {table}.blueprint = j.value ->> 0"
    )
}

fn delete_sql<R: Row>(dialect: Dialect) -> String {
    let cells: Vec<String> = (0..R::KEY).map(|i| dialect.cell(i, Column::Text)).collect();
    format!(
        "delete from {} where ({}) in (select {} from {})",
        R::TABLE,
        names(&R::COLUMNS[..R::KEY]),
        cells.join(", "),
        dialect.each(None)
    )
}
