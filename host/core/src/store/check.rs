//! The checker: what must always hold, as far as a store can show it, from one consistent snapshot. Each rule is a
//! query for what breaks it.

use super::dialect::Dialect;
use super::{Statement, Store, StoreError};
use crate::engine::api::Violation;
use crate::model::status::TRANSITIONS;
use std::sync::Arc;

/// (rule, subject and detail of every row that breaks it). `{events}` bounds the events that are read.
const RULES: &[(&str, &str)] = &[
    (
        "a named slot that a resource lists is its own",
        "select t.id, 'does not own a slot of name space ' || t.space from resource t
         where t.status <> 'destroyed'
           and (select count(*) from slot s where s.owner = t.id) <> {named}",
    ),
    (
        "a named slot that a place lists is its own",
        "select t.id, 'does not own a slot of name space ' || t.space from place t
         where t.status <> 'gone'
           and (select count(*) from slot s where s.owner = t.id) <> {named}",
    ),
    (
        "what owns a slot is alive",
        "select t.slot, 'is owned by ' || t.owner || ', which is not alive' from slot t
         where not exists (select 1 from resource r where r.id = t.owner and r.status <> 'destroyed')
           and not exists (select 1 from place p where p.id = t.owner and p.status <> 'gone')",
    ),
    (
        "what holds a part of a counted slot is alive",
        "select t.slot, 'is held by ' || t.owner || ', which is not alive' from counter_share t
         where not exists (select 1 from resource r where r.id = t.owner and r.status <> 'destroyed')
           and not exists (select 1 from place p where p.id = t.owner and p.status <> 'gone')",
    ),
    (
        "a counted slot's use is the sum over its owners",
        "select t.slot, 'counts ' || t.used from counter t
         where t.used <> (select coalesce(sum(s.amount), 0) from counter_share s
                          where s.space = t.space and s.slot = t.slot)",
    ),
    (
        "a resource that is set aside is there",
        "select t.slot, 'is set aside until ' || t.until || ', and is no more' from aside t
         where t.space = 'resource'
           and not exists (select 1 from resource r where r.id = t.slot and r.status <> 'destroyed')",
    ),
    (
        "a resource's use is the sum over its places",
        "select t.id, 'counts ' || t.used from resource t
         where t.status <> 'destroyed'
           and t.used <> (select coalesce(sum(p.share), 0) from place p
                          where p.resource = t.id and p.status <> 'gone')",
    ),
    (
        "a resource is not used beyond its shares",
        "select t.id, t.used || ' of ' || t.shares || ' and ' || t.overflow || ' more' from resource t
         where t.used > t.shares + t.overflow and t.status <> 'destroyed'",
    ),
    (
        "a blueprint's count is the number of its resources",
        "select t.name, 'counts ' || t.used from blueprint t
         where t.used <> (select count(*) from resource r where r.blueprint = t.name and r.status <> 'destroyed')",
    ),
    (
        "a blueprint's count of what is being opened is the number of its pending resources",
        "select t.name, 'counts ' || t.building from blueprint t
         where t.building <> (select count(*) from resource r where r.blueprint = t.name and r.status = 'pending')",
    ),
    (
        "a blueprint's count of what it keeps is the number of its resources that nobody wants away",
        "select t.name, 'counts ' || t.kept from blueprint t
         where t.kept <> (select count(*) from resource r
                          where r.blueprint = t.name and r.status in ('pending', 'active') and r.wanted = 'keep'
                            and r.drained is null and r.orphaned = 0)",
    ),
    (
        "no commit raises a count above the limit in force",
        "select t.id, t.subject || ' counts beyond its limit: ' || t.detail from event t
         where t.was = '' and t.detail is not null and {events}
           and (cast({detail} ->> 'count' as bigint) > cast({detail} ->> 'limit' as bigint)
             or cast({detail} -> 'quota' ->> 'count' as bigint) > cast({detail} -> 'quota' ->> 'limit' as bigint))",
    ),
    (
        "a class counts those who wait",
        "select t.id, 'counts ' || t.waiting from class t
         where t.waiting <> (select count(*) from lease l where l.class = t.id and l.status = 'pending')",
    ),
    (
        "an active lease has one held place on an active resource",
        "select t.id, 'has none' from lease t
         where t.status = 'active'
           and not exists (select 1 from place p join resource r on r.id = p.resource
                           where p.id = t.place and p.lease = t.id and p.status = 'held' and r.status = 'active')",
    ),
    (
        "an acquired lease has one held place on a resource that is alive",
        "select t.id, 'has none' from lease t
         where t.status = 'acquired'
           and not exists (select 1 from place p join resource r on r.id = p.resource
                           where p.id = t.place and p.lease = t.id and p.status = 'held'
                             and r.status in ('pending', 'active'))",
    ),
    (
        "a held place is of a lease that has it",
        "select t.id, 'is not the place of ' || t.lease from place t
         where t.status = 'held'
           and not exists (select 1 from lease l where l.id = t.lease and l.place = t.id
                             and l.status in ('acquired', 'active'))",
    ),
    (
        "no place is on a resource that is not alive",
        "select t.id, 'is on ' || t.resource from place t join resource r on r.id = t.resource
         where t.status <> 'gone' and r.status not in ('pending', 'active')",
    ),
    (
        "a pending lease has no place",
        "select t.id, 'has ' || t.place from lease t where t.status = 'pending' and t.place is not null",
    ),
    (
        "a nested lease that is wanted is held by a resource that is there",
        "select t.id, 'is held by ' || t.holder from lease t
         where t.holder is not null and t.wanted = 'keep'
           and not exists (select 1 from resource r where r.id = t.holder and r.status <> 'destroyed')",
    ),
    (
        "only the transitions of the table happen",
        "select t.id, t.subject || ': ' || t.was || ' to ' || t.now from event t
         where t.was <> t.now and t.subject in ('lease', 'place', 'resource') and {events}
           and not exists (select 1 from ({transitions}) a
                           where a.subject = t.subject and a.was = t.was and a.now = t.now)",
    ),
    (
        "each transition starts where the last one ended, and epochs never fall",
        "select e.id, e.subject || ': ' || e.was || ' to ' || e.now || ' after ' || e.before
         from (select t.id, t.subject, t.was, t.now, t.epoch,
                 lag(t.now) over (partition by t.subject, t.id order by t.seq) as before,
                 lag(t.epoch) over (partition by t.subject, t.id order by t.seq) as epoch_before
               from event t where t.subject in ('lease', 'place', 'resource') and {events}) e
         where e.before is not null and (e.before <> e.was or e.epoch < e.epoch_before)",
    ),
    (
        "a row's status is that of its last event",
        "select e.id, e.subject || ' is not ' || e.now
         from (select t.id, t.subject, t.now,
                 row_number() over (partition by t.subject, t.id order by t.seq desc) as back
               from event t where t.subject in ('lease', 'place', 'resource') and {events}) e
         where e.back = 1
           and not exists (select 1 from lease l where e.subject = 'lease' and l.id = e.id and l.status = e.now)
           and not exists (select 1 from place p where e.subject = 'place' and p.id = e.id and p.status = e.now)
           and not exists (select 1 from resource r
                           where e.subject = 'resource' and r.id = e.id and r.status = e.now)",
    ),
];

/// What of the rules that read a whole history is asked after each commit of a run that is watched: how its events go on
/// from those before them, and what lives. It finds its way by the indexes on events, where a history would be sorted.
const SINCE: &[(&str, &str)] = &[
    (
        "each transition starts where the last one ended, and epochs never fall",
        "select e.id, e.subject || ': ' || e.was || ' to ' || e.now || ' after ' || b.now
         from (select t.id, t.subject, t.was, t.now, t.epoch,
                 case when t.subject = 'resource'
                   then (select max(o.seq) from event o
                         where o.resource = t.resource and o.seq < t.seq and o.subject = t.subject and o.id = t.id)
                   else (select max(o.seq) from event o
                         where o.lease = t.lease and o.seq < t.seq and o.subject = t.subject and o.id = t.id)
                 end as last
               from event t where t.subject in ('lease', 'place', 'resource') and {events}) e
         join event b on b.seq = e.last
         where b.now <> e.was or e.epoch < b.epoch",
    ),
    (
        "a row's status is that of its last event",
        "select r.id, e.subject || ' is not ' || e.now
         from (select t.id, t.status,
                 (select max(o.seq) from event o where o.lease = t.id and o.subject = 'lease') as last
               from lease t where t.status <> 'destroyed'
               union all
               select t.id, t.status, (select max(o.seq) from event o
                                       where o.lease = t.lease and o.subject = 'place' and o.id = t.id)
               from place t where t.status <> 'gone'
               union all
               select t.id, t.status, (select max(o.seq) from event o where o.resource = t.id and o.subject = 'resource')
               from resource t where t.status <> 'destroyed') r
         join event e on e.seq = r.last
         where e.now <> r.status
         union
         select t.id, t.subject || ' is not ' || t.now
         from event t where t.subject in ('lease', 'place', 'resource') and {events}
           and not exists (select 1 from event o where o.seq > t.seq and o.subject = t.subject and o.id = t.id)
           and not exists (select 1 from lease l where t.subject = 'lease' and l.id = t.id and l.status = t.now)
           and not exists (select 1 from place p where t.subject = 'place' and p.id = t.id and p.status = t.now)
           and not exists (select 1 from resource r
                           where t.subject = 'resource' and r.id = t.id and r.status = t.now)",
    ),
];

/// The rules, each by the sentence that is true while it holds.
pub fn rules() -> impl Iterator<Item = &'static str> {
    RULES.iter().map(|(rule, _)| *rule)
}

/// Events of the last so many are read: enough for what is alive, and bounded.
const EVENTS: i64 = 200_000;

/// Which events a check reads.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Span {
    /// The last ones, as many as are enough for what is alive.
    Last,
    /// Those after the one that the argument names; the history before them was found to be well.
    Since,
}

/// The whole check as one statement, so that all of it is of one snapshot.
pub fn sql(dialect: Dialect, span: Span) -> String {
    let transitions: Vec<String> = TRANSITIONS
        .iter()
        .map(|t| format!("select '{}' as subject, '{}' as was, '{}' as now", t.subject.name(), t.from, t.to))
        .collect();
    let named = match dialect {
        Dialect::Sqlite => {
            "(select count(*) from json_each(t.slots) as j where json_extract(j.value, '$.named') is not null)"
        }
        Dialect::Postgres => {
            "(select count(*) from jsonb_array_elements(t.slots::jsonb) as j(value)
              where jsonb_exists(j.value, 'named'))"
        }
    };
    let detail = match dialect {
        Dialect::Sqlite => "t.detail",
        Dialect::Postgres => "t.detail::jsonb",
    };
    let (events, other) = match span {
        Span::Last => (format!("t.seq > (select coalesce(max(seq), 0) from event) - {EVENTS}"), &[][..]),
        Span::Since => (format!("t.seq > (select cast({} ->> 'since' as bigint))", dialect.doc()), SINCE),
    };
    let rules: Vec<String> = RULES
        .iter()
        .map(|(rule, query)| {
            let query = other.iter().find(|(name, _)| name == rule).map_or(*query, |(_, query)| *query);
            let query = query
                .replace("{transitions}", &transitions.join(" union all "))
                .replace("{named}", named)
                .replace("{detail}", detail)
                .replace("{events}", &events);
            let pair = match dialect {
                Dialect::Sqlite => "json_array(v.subject, v.detail)",
                Dialect::Postgres => "json_build_array(v.subject, v.detail)::text",
            };
            format!(
                "select '{}', {pair} from (with v (subject, detail) as ({query}) select * from v) v
                 where {} is not null",
                rule.replace('\'', "''"),
                dialect.doc()
            )
        })
        .collect();
    rules.join(" union all ")
}

impl Store {
    /// Everything that does not hold; empty when all is well.
    pub async fn check(&self) -> Result<Vec<Violation>, StoreError> {
        self.violations(&self.reads.check, "{}".to_owned()).await
    }

    /// The same where all was well when `seq` was the last event: what has happened since, and whatever lives. It does not
    /// see a row that has come to its end without an event.
    pub async fn check_since(&self, seq: i64) -> Result<Vec<Violation>, StoreError> {
        self.violations(&self.reads.check_since, format!("{{\"since\":{seq}}}")).await
    }

    async fn violations(&self, sql: &Arc<str>, doc: String) -> Result<Vec<Violation>, StoreError> {
        let statement = Statement { sql: Arc::clone(sql), doc };
        let mut violations = Vec::new();
        for (rule, text) in self.read(statement).await? {
            let (subject, detail) = serde_json::from_str(&text)
                .map_err(|error| StoreError::Row { table: "check".to_owned(), why: error.to_string() })?;
            violations.push(Violation { rule, subject, detail });
        }
        Ok(violations)
    }
}
