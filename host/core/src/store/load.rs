//! The first trip of a commit: from the keys that a group names to the rows it may rely on.

use super::StoreError;
use super::backend::{Load, Statement, Tagged};
use super::dialect::Dialect;
use crate::model::proposal::{Keys, QUOTAS, RESOURCES};
use crate::model::rows::*;
use crate::model::table::Rows;
use crate::model::table::with_tables;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::{Arc, LazyLock};

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
        lock::<NodeRow>(),
    ]
});

/// So many of the last turns of an owner are loaded: some of them may be over by the time the next one is given.
const TURNS: usize = 64;

/// Both statements of the first trip, for one engine.
pub struct Loader {
    resolve: Arc<str>,
    rows: Arc<str>,
}

impl Loader {
    pub fn new(dialect: Dialect) -> Loader {
        Loader { resolve: resolve_sql(dialect).into(), rows: rows_sql(dialect).into() }
    }

    pub fn load(&self, keys: &Keys) -> Load {
        let doc = document(keys);
        Load {
            resolve: Statement { sql: Arc::clone(&self.resolve), doc: doc.clone() },
            rows: Statement { sql: Arc::clone(&self.rows), doc },
        }
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

/// What the named keys lead to: a lease to its place, a place to its resource and its lease, a whole resource to every
/// place on it, and each of them to its pool, class, blueprint and slots; a place also to the node that may be acting
/// for it. A resource also leads to the leases that it has for itself, and those to what they are on, and so on down; a
/// nested lease leads to the resource that has it. A resource that is set aside leads to how that came.
///
/// Joins, and not subqueries: SQLite would copy each of those into a table of its own first. `cross join` tells it which
/// side comes first.
fn named(dialect: Dialect) -> String {
    let each = dialect.each(None);
    format!(
        "with recursive named (what, a, b) as materialized (
           select j.value ->> 0, j.value ->> 1, j.value ->> 2 from {each}),
         stay (id) as materialized (
           select a from named where what = 'place'
           union select t.place from named n cross join lease t
             where n.what = 'lease' and t.id = n.a and t.place is not null
           union select t.id from named n cross join place t
             where n.what = 'whole' and t.resource = n.a and t.status <> 'gone'),
         tower (id) as (
           select a from named where what in ('resource', 'whole')
           union select t.resource from stay cross join place t where t.id = stay.id
           union select t.resource from tower cross join lease t
             where t.holder = tower.id and t.status <> 'destroyed' and t.resource is not null),
         nested (id, place) as materialized (
           select t.id, t.place from tower cross join lease t where t.holder = tower.id and t.status <> 'destroyed'),
         p (id) as materialized (
           select id from stay union select place from nested where place is not null),
         l (id) as materialized (
           select a from named where what = 'lease'
           union select t.lease from stay cross join place t where t.id = stay.id
           union select id from nested
           union select mate.id from named n cross join lease t cross join lease mate
             where n.what = 'lease' and t.id = n.a and mate.set_id = t.set_id and mate.status = 'pending'),
         r (id) as materialized (
           select id from tower
           union select t.holder from l cross join lease t where t.id = l.id and t.holder is not null),
         z (space) as materialized (
           select t.space from r cross join resource t where t.id = r.id
           union select t.space from p cross join place t where t.id = p.id),
         k (kind) as materialized (
           select a from named where what = 'pool'
           union select t.kind from l cross join lease t where t.id = l.id
           union select t.kind from r cross join resource t where t.id = r.id
           union select t.kind from pool t where exists (
             select 1 from p cross join counter_share s where s.owner = p.id and s.space = '{QUOTAS}')
           union select t.kind from named n cross join class t where n.what = 'class' and t.id = n.a
           union select t.kind from named n cross join blueprint t where n.what = 'blueprint' and t.name = n.a
           union select t.kind from z cross join blueprint t where t.space = z.space),
         c (id) as materialized (
           select a from named where what = 'class'
           union select t.class from l cross join lease t where t.id = l.id),
         b (name) as materialized (
           select a from named where what = 'blueprint'
           union select t.blueprint from r cross join resource t where t.id = r.id
           union select t.name from z cross join blueprint t where t.space = z.space),
         n (id) as materialized (
           select a from named where what = 'node'
           union select t.claim from p cross join place t where t.id = p.id),
         o (id) as materialized (select id from p union select id from r),
         s (space, slot) as materialized (
           select a, b from named where what = 'slot'
           union select t.space, t.slot from o cross join slot t where t.owner = o.id
           union select t.space, t.slot from o cross join counter_share t where t.owner = o.id)"
    )
}

/// (table, key) of everything that is locked.
fn resolve_sql(dialect: Dialect) -> String {
    let key = |columns: &str| match dialect {
        Dialect::Sqlite => format!("json_array({columns})"),
        Dialect::Postgres => format!("json_build_array({columns})::text"),
    };
    format!(
        "{} select 'pool', {} from k
         union all select 'resource', {id} from r
         union all select 'place', {id} from p
         union all select 'lease', {id} from l
         union all select 'class', {id} from c
         union all select 'blueprint', {} from b
         union all select 'slot', {slot} from s
         union all select 'counter', {slot} from s
         union all select what, {ab} from named where what in ('request_key', 'aside')
         union all select 'aside', {aside} from r
         union all select what, {a} from named where what = 'leak'
         union all select 'node', {id} from n",
        named(dialect),
        key("kind"),
        key("name"),
        id = key("id"),
        slot = key("space, slot"),
        ab = key("a, b"),
        aside = key(&format!("'{RESOURCES}', id")),
        a = key("a"),
    )
}

/// (table, row) of everything that may be relied on.
fn rows_sql(dialect: Dialect) -> String {
    /// The rows of one table that `from` leads to.
    fn part<R: Row>(dialect: Dialect, from: &str, condition: &str) -> String {
        let row = dialect.row::<R>("t");
        format!("select '{0}', {row} from {from} x cross join {0} t where {condition}", R::TABLE)
    }
    let parts = [
        part::<Pool>(dialect, "k", "t.kind = x.kind"),
        part::<Class>(dialect, "c", "t.id = x.id"),
        part::<Blueprint>(dialect, "b", "t.name = x.name"),
        part::<Resource>(dialect, "r", "t.id = x.id"),
        part::<Place>(dialect, "p", "t.id = x.id"),
        part::<Lease>(dialect, "l", "t.id = x.id"),
        part::<SlotRow>(dialect, "s", "t.space = x.space and t.slot = x.slot"),
        part::<Counter>(dialect, "s", "t.space = x.space and t.slot = x.slot"),
        part::<CounterShare>(dialect, "o", "t.owner = x.id"),
        part::<RequestKey>(dialect, "named", "x.what = 'request_key' and t.owner = x.a and t.name = x.b"),
        part::<Aside>(dialect, "named", "x.what = 'aside' and t.space = x.a and t.slot = x.b"),
        part::<Aside>(dialect, "r", &format!("t.space = '{RESOURCES}' and t.slot = x.id")),
        part::<Leftover>(dialect, "named", "x.what = 'leftover' and t.place = x.a"),
        part::<Leak>(dialect, "named", "x.what = 'leak' and t.id = x.a"),
        part::<NodeRow>(dialect, "n", "t.id = x.id"),
        {
            let last = format!(
                "select t.id, t.turn from lease t
                 where t.kind = x.a and t.owner = x.b and t.turn is not null and t.status = 'pending'
                 order by t.turn desc limit {TURNS}"
            );
            let each = dialect.gather(&dialect.json(&dialect.array("h.id, h.turn")));
            let row = dialect.array(&format!("x.a, x.b, (select {each} from ({last}) h)"));
            format!("select 'turn', {row} from named x where x.what = 'turn'")
        },
        "select 'commit', t.commit_id from named x cross join event t
           where x.what = 'commit' and t.commit_id = x.a and t.n = 0"
            .to_owned(),
    ];
    format!("{} {}", named(dialect), parts.join(" union all "))
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
