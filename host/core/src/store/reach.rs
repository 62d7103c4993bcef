//! What the keys that a group names lead to, as SQL: the rows that it locks, and the rows that it may rely on.

use super::dialect::Dialect;
use crate::model::proposal::{Keys, QUOTAS, RESOURCES};
use crate::model::rows::*;

/// So many of the last turns of an owner are loaded: some of them may be over by the time the next one is given.
const TURNS: usize = 64;

/// What kinds of keys a group names. What it does not name is left out of its statements: it would cost as much as what
/// is there. Nodes and commits are always named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Parts {
    pools: bool,
    classes: bool,
    blueprints: bool,
    resources: bool,
    whole: bool,
    places: bool,
    leases: bool,
    slots: bool,
    request_keys: bool,
    asides: bool,
    leftovers: bool,
    leaks: bool,
    observed: bool,
    turns: bool,
}

impl Parts {
    pub fn of(keys: &Keys) -> Parts {
        Parts {
            pools: !keys.pools.is_empty(),
            classes: !keys.classes.is_empty(),
            blueprints: !keys.blueprints.is_empty(),
            resources: !keys.resources.is_empty(),
            whole: !keys.whole.is_empty(),
            places: !keys.places.is_empty(),
            leases: !keys.leases.is_empty(),
            slots: !keys.slots.is_empty(),
            request_keys: !keys.request_keys.is_empty(),
            asides: !keys.asides.is_empty(),
            leftovers: !keys.leftovers.is_empty(),
            leaks: !keys.leaks.is_empty(),
            observed: !keys.observed.is_empty(),
            turns: !keys.turns.is_empty(),
        }
    }

    /// Whether places are led to.
    fn stays(self) -> bool {
        self.places || self.leases || self.whole
    }

    /// Whether resources are led to, and with them everything else.
    fn towers(self) -> bool {
        self.stays() || self.resources || self.whole
    }

    /// Which of the tables of what is led to there are.
    fn has(self, table: &str) -> bool {
        match table {
            "k" => self.towers() || self.pools || self.classes || self.blueprints,
            "c" => self.towers() || self.classes,
            "b" => self.towers() || self.blueprints,
            "s" => self.towers() || self.slots,
            "r" | "p" | "l" | "o" => self.towers(),
            _ => true,
        }
    }
}

/// What the named keys lead to: a lease to its place, a place to its resource and its lease, a whole resource to every
/// place on it, and each of them to its pool, class, blueprint and slots; a place and a resource also to the node that may
/// be acting for it. A resource also leads to the leases that it has for itself, and those to what they are on, and so on
/// down; a nested lease leads to the resource that has it. A resource that is set aside leads to how that came.
///
/// Joins, and not subqueries: SQLite would copy each of those into a table of its own first. `cross join` tells it which
/// side comes first.
fn named(dialect: Dialect, parts: Parts) -> String {
    let (stays, towers) = (parts.stays(), parts.towers());
    let mut tables = vec![format!(
        "named (what, a, b) as materialized (
           select j.value ->> 0, {}, {} from {})",
        dialect.bytes("(j.value ->> 1)"),
        dialect.bytes("(j.value ->> 2)"),
        dialect.each(None)
    )];
    // Each with what leads to it, as far as that is named.
    let mut table = |head: &str, from: &[(bool, &str)]| {
        let from: Vec<&str> = from.iter().filter(|(named, _)| *named).map(|(_, query)| *query).collect();
        if !from.is_empty() {
            tables.push(format!("{head} ({})", from.join(" union ")));
        }
    };
    table(
        "stay (id) as materialized",
        &[
            (parts.places, "select a from named where what = 'place'"),
            (
                parts.leases,
                "select t.place from named n cross join lease t
                 where n.what = 'lease' and t.id = n.a and t.place is not null",
            ),
            (
                parts.whole,
                "select t.id from named n cross join place t
                 where n.what = 'whole' and t.resource = n.a and t.status <> 'gone'",
            ),
        ],
    );
    table(
        "tower (id) as",
        &[
            (parts.resources || parts.whole, "select a from named where what in ('resource', 'whole')"),
            (stays, "select t.resource from stay cross join place t where t.id = stay.id"),
            (
                towers,
                "select t.resource from tower cross join lease t
                 where t.holder = tower.id and t.status <> 'destroyed' and t.resource is not null",
            ),
        ],
    );
    table(
        "nested (id, place) as materialized",
        &[(
            towers,
            "select t.id, t.place from tower cross join lease t where t.holder = tower.id and t.status <> 'destroyed'",
        )],
    );
    table(
        "p (id) as materialized",
        &[(stays, "select id from stay"), (towers, "select place from nested where place is not null")],
    );
    table(
        "l (id) as materialized",
        &[
            (parts.leases, "select a from named where what = 'lease'"),
            (stays, "select t.lease from stay cross join place t where t.id = stay.id"),
            (towers, "select id from nested"),
            (
                parts.leases,
                "select mate.id from named n cross join lease t cross join lease mate
                 where n.what = 'lease' and t.id = n.a and mate.set_id = t.set_id and mate.status = 'pending'",
            ),
        ],
    );
    table(
        "r (id) as materialized",
        &[
            (towers, "select id from tower"),
            (towers, "select t.holder from l cross join lease t where t.id = l.id and t.holder is not null"),
        ],
    );
    table(
        "z (space) as materialized",
        &[
            (towers, "select t.space from r cross join resource t where t.id = r.id"),
            (towers, "select t.space from p cross join place t where t.id = p.id"),
        ],
    );
    let quotas = format!(
        "select t.kind from pool t where exists (
           select 1 from p cross join counter_share s where s.owner = p.id and s.space = '{QUOTAS}')"
    );
    table(
        "k (kind) as materialized",
        &[
            (parts.pools, "select a from named where what = 'pool'"),
            (towers, "select t.kind from l cross join lease t where t.id = l.id"),
            (towers, "select t.kind from r cross join resource t where t.id = r.id"),
            (towers, &quotas),
            (parts.classes, "select t.kind from named n cross join class t where n.what = 'class' and t.id = n.a"),
            (
                parts.blueprints,
                "select t.kind from named n cross join blueprint t where n.what = 'blueprint' and t.name = n.a",
            ),
            (towers, "select t.kind from z cross join blueprint t where t.space = z.space"),
        ],
    );
    table(
        "c (id) as materialized",
        &[
            (parts.classes, "select a from named where what = 'class'"),
            (towers, "select t.class from l cross join lease t where t.id = l.id"),
        ],
    );
    table(
        "b (name) as materialized",
        &[
            (parts.blueprints, "select a from named where what = 'blueprint'"),
            (towers, "select t.blueprint from r cross join resource t where t.id = r.id"),
            (towers, "select t.name from z cross join blueprint t where t.space = z.space"),
        ],
    );
    table(
        "n (id) as materialized",
        &[
            (true, "select a from named where what = 'node'"),
            (towers, "select t.claim from p cross join place t where t.id = p.id"),
            (towers, "select t.claim from r cross join resource t where t.id = r.id"),
        ],
    );
    table("o (id) as materialized", &[(towers, "select id from p"), (towers, "select id from r")]);
    table(
        "s (space, slot) as materialized",
        &[
            (parts.slots, "select a, b from named where what = 'slot'"),
            (towers, "select t.space, t.slot from o cross join slot t where t.owner = o.id"),
            (towers, "select t.space, t.slot from o cross join counter_share t where t.owner = o.id"),
        ],
    );
    format!("with recursive {}", tables.join(", "))
}

/// (table, key) of everything that is locked.
pub fn resolve_sql(dialect: Dialect, parts: Parts) -> String {
    let key = |columns: &str| match dialect {
        Dialect::Sqlite => format!("json_array({columns})"),
        Dialect::Postgres => format!("json_build_array({columns})::text"),
    };
    let all = [
        ("k", format!("select 'pool', {} from k", key("kind"))),
        ("r", format!("select 'resource', {} from r", key("id"))),
        ("p", format!("select 'place', {} from p", key("id"))),
        ("l", format!("select 'lease', {} from l", key("id"))),
        ("c", format!("select 'class', {} from c", key("id"))),
        ("b", format!("select 'blueprint', {} from b", key("name"))),
        ("s", format!("select 'slot', {} from s", key("space, slot"))),
        ("s", format!("select 'counter', {} from s", key("space, slot"))),
        ("named", format!("select what, {} from named where what in ('request_key', 'aside')", key("a, b"))),
        ("r", format!("select 'aside', {} from r", key(&format!("'{RESOURCES}', id")))),
        ("named", format!("select what, {} from named where what in ('leak', 'observed')", key("a"))),
        ("n", format!("select 'node', {} from n", key("id"))),
    ];
    let all: Vec<String> = all.into_iter().filter(|(from, _)| parts.has(from)).map(|(_, query)| query).collect();
    format!("{} {}", named(dialect, parts), all.join(" union all "))
}

/// (table, row) of everything that may be relied on.
pub fn rows_sql(dialect: Dialect, parts: Parts) -> String {
    /// The rows of one table that `from` leads to.
    fn part<R: Row>(dialect: Dialect, from: &str, condition: &str) -> String {
        let row = dialect.row::<R>("t");
        format!("select '{0}', {row} from {from} x cross join {0} t where {condition}", R::TABLE)
    }
    let turns = {
        let last = format!(
            "select t.id, t.turn from lease t
             where t.kind = x.a and t.owner = x.b and t.turn is not null and t.status = 'pending'
             order by t.turn desc limit {TURNS}"
        );
        let each = dialect.gather(&dialect.json(&dialect.array("h.id, h.turn")));
        let row = dialect.array(&format!("x.a, x.b, (select {each} from ({last}) h)"));
        format!("select 'turn', {row} from named x where x.what = 'turn'")
    };
    let has = |from: &str| parts.has(from);
    let all = [
        (has("k"), part::<Pool>(dialect, "k", "t.kind = x.kind")),
        (has("c"), part::<Class>(dialect, "c", "t.id = x.id")),
        (has("b"), part::<Blueprint>(dialect, "b", "t.name = x.name")),
        (has("r"), part::<Resource>(dialect, "r", "t.id = x.id")),
        (has("p"), part::<Place>(dialect, "p", "t.id = x.id")),
        (has("l"), part::<Lease>(dialect, "l", "t.id = x.id")),
        (has("s"), part::<SlotRow>(dialect, "s", "t.space = x.space and t.slot = x.slot")),
        (has("s"), part::<Counter>(dialect, "s", "t.space = x.space and t.slot = x.slot")),
        (has("o"), part::<CounterShare>(dialect, "o", "t.owner = x.id")),
        (
            parts.request_keys,
            part::<RequestKey>(dialect, "named", "x.what = 'request_key' and t.owner = x.a and t.name = x.b"),
        ),
        (parts.asides, part::<Aside>(dialect, "named", "x.what = 'aside' and t.space = x.a and t.slot = x.b")),
        (has("r"), part::<Aside>(dialect, "r", &format!("t.space = '{RESOURCES}' and t.slot = x.id"))),
        (parts.leftovers, part::<Leftover>(dialect, "named", "x.what = 'leftover' and t.place = x.a")),
        (parts.leaks, part::<Leak>(dialect, "named", "x.what = 'leak' and t.id = x.a")),
        (parts.observed, part::<Observed>(dialect, "named", "x.what = 'observed' and t.blueprint = x.a")),
        (true, part::<NodeRow>(dialect, "n", "t.id = x.id")),
        (parts.turns, turns),
        (
            true,
            "select 'commit', t.commit_id from named x cross join event t
             where x.what = 'commit' and t.commit_id = x.a and t.n = 0"
                .to_owned(),
        ),
    ];
    let all: Vec<String> = all.into_iter().filter(|(named, _)| *named).map(|(_, query)| query).collect();
    format!("{} {}", named(dialect, parts), all.join(" union all "))
}
