//! The first trip of a commit: from the keys that a group names to the rows it may rely on.

use super::backend::{Load, Statement, Tagged};
use super::dialect::Dialect;
use super::reach::{Parts, resolve_sql, rows_sql};
use super::{StoreError, locked};
use crate::model::proposal::Keys;
use crate::model::rows::*;
use crate::model::table::Rows;
use crate::model::table::with_tables;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

/// The order in which everybody locks, with the statement for each table. Its argument is an array of keys, each an
/// array of texts.
pub static LOCK_ORDER: LazyLock<Vec<(&'static str, Arc<str>)>> = LazyLock::new(|| {
    fn lock<R: Row>() -> (&'static str, Arc<str>) {
        let key: Vec<&str> = R::COLUMNS[..R::KEY].iter().map(|(name, _)| *name).collect();
        let cells: Vec<String> = (0..R::KEY).map(|i| Dialect::Postgres.cell(i, Column::Text)).collect();
        let key = key.join(", ");
        let sql = format!(
            "select 1 from {} where ({key}) in (select {} from {}) order by {key} for update",
            R::TABLE,
            cells.join(", "),
            Dialect::Postgres.each(None)
        );
        (R::TABLE, sql.into())
    }
    vec![
        lock::<Pool>(),
        lock::<Resource>(),
        lock::<Place>(),
        lock::<Lease>(),
        lock::<Class>(),
        lock::<Blueprint>(),
        lock::<SlotRow>(),
        lock::<Counter>(),
        lock::<RequestKey>(),
        lock::<Aside>(),
        lock::<Leak>(),
        lock::<Observed>(),
        lock::<NodeRow>(),
    ]
});

/// Both statements of the first trip, for one engine: each made when keys of its parts are first named.
pub struct Loader {
    dialect: Dialect,
    statements: Mutex<HashMap<Parts, Texts>>,
}

#[derive(Clone)]
struct Texts {
    resolve: Arc<str>,
    rows: Arc<str>,
}

impl Loader {
    pub fn new(dialect: Dialect) -> Loader {
        Loader { dialect, statements: Mutex::default() }
    }

    pub fn load(&self, keys: &Keys) -> Load {
        let doc = document(keys);
        let parts = Parts::of(keys);
        let texts = locked(&self.statements)
            .entry(parts)
            .or_insert_with(|| Texts {
                resolve: resolve_sql(self.dialect, parts).into(),
                rows: rows_sql(self.dialect, parts).into(),
            })
            .clone();
        Load { resolve: Statement { sql: texts.resolve, doc: doc.clone() }, rows: Statement { sql: texts.rows, doc } }
    }
}

/// The argument: an array of [what, key, second part of the key].
fn document(keys: &Keys) -> String {
    let single = [
        ("pool", &keys.pools),
        ("class", &keys.classes),
        ("blueprint", &keys.blueprints),
        ("resource", &keys.resources),
        ("whole", &keys.whole),
        ("place", &keys.places),
        ("lease", &keys.leases),
        ("leftover", &keys.leftovers),
        ("leak", &keys.leaks),
        ("observed", &keys.observed),
        ("node", &keys.nodes),
        ("commit", &keys.commits),
    ];
    let double =
        [("slot", &keys.slots), ("request_key", &keys.request_keys), ("aside", &keys.asides), ("turn", &keys.turns)];
    let mut out = vec![b'['];
    for (what, set) in single {
        set.iter().for_each(|key| element(&mut out, &(what, key)));
    }
    for (what, set) in double {
        set.iter().for_each(|(a, b)| element(&mut out, &(what, a, b)));
    }
    out.push(b']');
    // It is JSON, which is UTF-8.
    String::from_utf8_lossy(&out).into_owned()
}

fn element(out: &mut Vec<u8>, texts: &impl Serialize) {
    if out.len() > 1 {
        out.push(b',');
    }
    // Writing JSON of texts to memory has no way to fail.
    let _ = serde_json::to_writer(out, texts);
}

/// Reads the answer of the rows' statement.
pub fn rows(answer: Vec<Tagged>) -> Result<Rows, StoreError> {
    let mut rows = Rows::default();
    for (table, text) in answer {
        macro_rules! each {
($($field:ident : $row:ident,)*) => {$(
                if table == $row::TABLE {
                    rows.$field.load(parse(&table, &text)?);
                    continue;
                })*};
}
        with_tables!(each);
        match table.as_str() {
            "commit" => drop(rows.known_commits.insert(text)),
            "turn" => {
                let (kind, owner, turns) = parse_cells(&table, &text)?;
                rows.turns.insert((kind, owner), turns);
            }
            _ => {}
        }
    }
    Ok(rows)
}

/// One row from its JSON array.
pub fn parse<R: Row>(table: &str, text: &str) -> Result<R, StoreError> {
    parse_cells(table, text)
}

/// What is no row of a table, from its JSON array.
pub fn parse_cells<T: DeserializeOwned>(table: &str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Row { table: table.to_owned(), why: error.to_string() })
}
