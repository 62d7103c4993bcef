//! History is let go of in small commits: first what may go is found, beside everybody else; then it is locked, looked
//! at again, and deleted. What is alive, and what that refers to, is never found.

use super::backend::{Load, Statement, Tagged};
use super::dialect::Dialect;
use super::load::parse_cells;
use super::{Store, StoreError};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// At most so many leases, resources, keys and events go in one commit; with a lease go its places and its events.
const BATCH: u32 = 200;

/// How old is old enough. Milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Horizon {
    /// What ended before this goes.
    pub ended: i64,
    /// The request keys of leases that ended before this go.
    pub keys: i64,
}

/// The statements of pruning, for one engine.
pub struct Pruner {
    /// Find what has ended; and what nothing uses any more. Both bring (what, [key]).
    finished: Arc<str>,
    unused: Arc<str>,
    /// Notes that plugins are in use.
    used: Arc<str>,
    resolve: Arc<str>,
    /// Of what was found, what may still go.
    still: Arc<str>,
    /// In the order in which they run: of what, and the statement whose argument is an array of its keys.
    deletes: Vec<(&'static str, Arc<str>)>,
}

/// Whether a class may go: nobody waits in it, no lease that is alive can come back to it, and it is no alternative of
/// another. Ids have no characters that mean anything to `like`.
const CLASS: &str = "t.waiting = 0 and t.id not in (select l.class from lease l where l.status <> 'destroyed')
  and not exists (select 1 from class a where a.otherwise like '%\"' || t.id || '\"%')";

impl Pruner {
    pub fn new(dialect: Dialect) -> Pruner {
        let doc = dialect.doc();
        let each = dialect.each(None);
        let (text, key) = ("j.value ->> 1", |columns: &str| dialect.array(columns));
        let before = |field: &str| format!("cast({doc} ->> '{field}' as bigint)");
        // The first of a table, by an index that is in this order.
        let first = |what: &str, columns: &str, from: &str, order: &str| {
            let limit = format!("limit cast({doc} ->> 'limit' as bigint)");
            format!("select * from (select '{what}', {} from {from} order by {order} {limit}) {what}", key(columns))
        };
        let finished = [
            first(
                "lease",
                "t.id",
                &format!(
                    "lease t where t.status = 'destroyed' and t.key is null and t.ended_at < {}
                       and t.id not in (select f.lease from leftover f)
                       and not exists (select 1 from event e join place p on p.id = e.id
                                       where e.lease = t.id and e.subject = 'place' and p.status <> 'gone')",
                    before("ended")
                ),
                "t.ended_at, t.id",
            ),
            first(
                "resource",
                "t.id",
                &format!(
                    "resource t where t.status = 'destroyed' and t.ended_at < {}
                       and t.id not in (select f.resource from leftover f)
                       and t.id not in (select f.resource from leak f)",
                    before("ended")
                ),
                "t.ended_at, t.id",
            ),
            first(
                "request_key",
                // Whatever a resource has leased for itself has its keys.
                "coalesce(t.holder, t.owner), t.key, t.id",
                &format!(
                    "lease t where t.status = 'destroyed' and t.key is not null and t.ended_at < {}
                       and not exists (select 1 from resource r where r.id = t.holder and r.status <> 'destroyed')",
                    before("keys")
                ),
                "t.ended_at, t.id",
            ),
            first(
                "event",
                "t.seq",
                &format!("event t where t.lease is null and t.resource is null and t.at < {}", before("ended")),
                "t.at",
            ),
        ];
        let unused = [
            first("class", "t.id", &format!("class t where t.used_at < {} and {CLASS}", before("ended")), "t.id"),
            first(
                "config_revision",
                "t.revision",
                // A revision is out of force since the next one was made.
                &format!(
                    "config_revision t
                     where t.revision < (select max(n.revision) from config_revision n where n.at < {})
                       and t.revision not in (select r.revision from resource r where r.status <> 'destroyed')",
                    before("ended")
                ),
                "t.revision",
            ),
            first(
                "plugin",
                "t.digest",
                &format!(
                    "plugin t where t.used_at < {}
                       and t.digest not in (select r.digest from resource r where r.status <> 'destroyed')
                       and t.digest not in (select d.value from config_revision c, {})",
                    before("ended"),
                    dialect.fields("c.config", &["digests"], "d")
                ),
                "t.digest",
            ),
        ];
        let all = format!("select {text} from {each}");
        let numbers = format!("select cast({text} as bigint) from {each}");
        let whole = "j.value ->> 1, j.value ->> 2, j.value ->> 3";
        let places = format!("select e.id from event e where e.subject = 'place' and e.lease in ({all})");
        let deletes = [
            ("lease", format!("delete from place where status = 'gone' and id in ({places})")),
            ("lease", format!("delete from event where lease in ({all})")),
            ("lease", format!("delete from lease where id in ({all})")),
            // What is of a lease, too, goes with that one.
            ("resource", format!("delete from event where lease is null and resource in ({all})")),
            ("resource", format!("delete from resource where id in ({all})")),
            (
                "request_key",
                format!("delete from request_key where (owner, name, lease) in (select {whole} from {each})"),
            ),
            ("request_key", format!("update lease set key = null where id in (select j.value ->> 3 from {each})")),
            ("event", format!("delete from event where seq in ({numbers})")),
            ("class", format!("delete from class where id in ({all})")),
            ("config_revision", format!("delete from config_revision where revision in ({numbers})")),
            ("plugin", format!("delete from plugin where digest in ({all})")),
        ];
        Pruner {
            finished: finished.join(" union all ").into(),
            unused: unused.join(" union all ").into(),
            used: format!(
                "update plugin set used_at = {} where digest in (select {} from {}) returning 'plugin', digest",
                before("at"),
                dialect.text(),
                dialect.each(Some("digests"))
            )
            .into(),
            // Only what has a lock of its own; the rest is nobody else's.
            resolve: format!(
                "select j.value ->> 0, {} from {each} where j.value ->> 0 in ('lease', 'resource', 'class')
                 union all select 'request_key', {} from {each} where j.value ->> 0 = 'request_key'
                 union all select 'lease', {} from {each} where j.value ->> 0 = 'request_key'",
                key(text),
                key("j.value ->> 1, j.value ->> 2"),
                key("j.value ->> 3"),
            )
            .into(),
            // What has ended stays as it ended; but a class may be asked for again.
            still: format!(
                "select 'class', {} from class t where t.id in ({all} where j.value ->> 0 = 'class') and {CLASS}",
                key("t.id")
            )
            .into(),
            deletes: deletes.into_iter().map(|(what, sql)| (what, sql.into())).collect(),
        }
    }

    /// What is written of what was found and may still go.
    fn statements(&self, found: &[Vec<Value>], still: &[Tagged]) -> Result<Vec<Statement>, StoreError> {
        let mut classes: Vec<Vec<Value>> = Vec::new();
        for (what, key) in still {
            classes.push(parse_cells(what, key)?);
        }
        let mut keys: BTreeMap<&str, Vec<&Vec<Value>>> = BTreeMap::new();
        for element in found {
            let what = element.first().and_then(Value::as_str).unwrap_or_default();
            let goes = what != "class" || classes.iter().any(|class| *class == element[1..]);
            if goes {
                keys.entry(what).or_default().push(element);
            }
        }
        let all = self.deletes.iter().filter_map(|(what, sql)| {
            keys.get(what).map(|keys| Statement { sql: Arc::clone(sql), doc: json!(keys).to_string() })
        });
        Ok(all.collect())
    }
}

impl Store {
    /// Deletes the next of what has ended: leases and resources, each with its places and events; the keys of requests;
    /// and events that are of neither. Says how many, and whether there is more.
    pub async fn prune_finished(&self, horizon: Horizon) -> Result<(usize, bool), StoreError> {
        self.prune(&self.pruner.finished, horizon).await
    }

    /// Deletes the next of what nothing uses any more: classes, revisions of the config that are not in force, and
    /// plugins but for those in use here.
    pub async fn prune_unused(
        &self,
        horizon: Horizon,
        at: i64,
        plugins: &[String],
    ) -> Result<(usize, bool), StoreError> {
        let doc = json!({ "at": at.to_string(), "digests": plugins }).to_string();
        self.counts.read();
        self.backend.execute(Statement { sql: Arc::clone(&self.pruner.used), doc }).await?;
        self.prune(&self.pruner.unused, horizon).await
    }

    async fn prune(&self, find: &Arc<str>, horizon: Horizon) -> Result<(usize, bool), StoreError> {
        let doc = json!({
            "ended": horizon.ended.to_string(), "keys": horizon.keys.to_string(), "limit": BATCH.to_string(),
        });
        let mut found: Vec<Vec<Value>> = Vec::new();
        for (what, key) in self.read(Statement { sql: Arc::clone(find), doc: doc.to_string() }).await? {
            let key: Vec<Value> = parse_cells(&what, &key)?;
            found.push(std::iter::once(what.into()).chain(key).collect());
        }
        if found.is_empty() {
            return Ok((0, false));
        }
        let more = found.chunk_by(|a, b| a[0] == b[0]).any(|some| some.len() >= BATCH as usize);
        let doc = json!(found).to_string();
        let load = Load {
            resolve: Statement { sql: Arc::clone(&self.pruner.resolve), doc: doc.clone() },
            rows: Statement { sql: Arc::clone(&self.pruner.still), doc },
        };
        let found = &found;
        let decide = Box::new(move |still: Vec<Tagged>| {
            let statements = self.pruner.statements(found, &still)?;
            self.counts.group(0, statements.len() + 1);
            Ok(statements)
        });
        self.backend.transact(load, decide).await?;
        Ok((found.len(), more))
    }
}
