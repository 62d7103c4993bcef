//! Lists for people: of leases, of resources, of what happened. A filter's conditions are written into the statement,
//! and only those that are given, so that each list is read by the index that serves it.

use super::backend::Statement;
use super::dialect::Dialect;
use super::load::{parse, parse_cells};
use super::{Store, StoreError};
use crate::engine::api::{Filter, LoggedEvent};
use crate::model::rows::*;
use serde_json::{Value, json};

/// How much the clocks of nodes may differ: the log is in the order of commits, each with the time of its node.
const SKEW: i64 = 60_000;

/// The conditions of one list.
struct Conditions {
    dialect: Dialect,
    all: Vec<String>,
}

impl Conditions {
    fn add(&mut self, given: bool, condition: impl FnOnce(&Conditions) -> String) {
        if given {
            self.all.push(condition(self));
        }
    }

    /// A text of the argument.
    fn text(&self, field: &str) -> String {
        format!("{} ->> '{field}'", self.dialect.doc())
    }

    /// A number of the argument.
    fn number(&self, field: &str) -> String {
        format!("cast({} as bigint)", self.text(field))
    }

    fn equal(&mut self, field: &str, given: bool, column: &str) {
        self.add(given, |all| format!("{column} = {}", all.text(field)));
    }

    /// Each label and attribute of the filter is in these documents.
    fn carries(&mut self, filter: &Filter, labels: &str, attributes: &str) {
        let dialect = self.dialect;
        let (name, value) = ("j.value ->> 0", "j.value ->> 1");
        self.add(!filter.labels.is_empty(), |_| {
            let each = dialect.each(Some("labels"));
            let entry = dialect.entry(labels, name);
            format!("not exists (select 1 from {each} where {entry} is distinct from {value})")
        });
        self.add(!filter.attributes.is_empty(), |_| {
            let each = dialect.each(Some("attributes"));
            let same = dialect.same_entry(attributes, name, value);
            format!("not exists (select 1 from {each} where not ({same}))")
        });
    }

    fn of_lease(&mut self, filter: &Filter) {
        let labels = self.dialect.part("t.request", "labels");
        let dialect = self.dialect;
        let attributes = self.dialect.field("t.request", "attributes");
        let own = self.dialect.part("t.request", "blueprints");
        self.equal("owner", filter.owner.is_some(), "t.owner");
        self.carries(filter, &labels, &attributes);
        self.add(filter.blueprint.is_some(), |all| {
            let name = all.text("blueprint");
            format!(
                "({} or exists (
                   select 1 from resource r where r.id = t.resource and r.blueprint = {name}))",
                dialect.has_text(&own, &name)
            )
        });
    }

    /// What lists of rows have in common; `made` is the column of the time by which they are ordered.
    fn of_rows(&mut self, filter: &Filter, made: &str) {
        self.equal("kind", filter.kind.is_some(), "t.kind");
        self.equal("status", filter.status.is_some(), "t.status");
        let over = filter.finished || filter.status.as_deref() == Some("destroyed");
        self.add(over, |_| "t.status = 'destroyed'".to_owned());
        self.add(!over && !filter.all, |_| "t.status <> 'destroyed'".to_owned());
        self.add(filter.since.is_some(), |all| format!("{made} >= {}", all.number("since")));
        self.add(filter.until.is_some(), |all| format!("{made} < {}", all.number("until")));
        self.add(filter.after.is_some(), |all| {
            format!("({made}, t.id) < ({}, {})", all.number("after_at"), all.text("after_id"))
        });
    }

    fn list<R: Row>(self, made: &str, filter: &Filter) -> Statement {
        let sql = format!(
            "select 'row', {} from {} t where {} is not null{} order by {made} desc, t.id desc limit {}",
            self.dialect.row::<R>("t"),
            R::TABLE,
            self.dialect.doc(),
            self.joined(),
            self.number("limit"),
        );
        Statement { sql: sql.into(), doc: doc(filter).to_string() }
    }

    fn joined(&self) -> String {
        self.all.iter().map(|condition| format!(" and {condition}")).collect()
    }
}

fn doc(filter: &Filter) -> Value {
    let limit = if filter.limit == 0 { 1_000 } else { filter.limit };
    let number = |number: Option<i64>| number.map(|number| number.to_string());
    let (after_at, after_id) = filter.after.clone().unzip();
    json!({
        "kind": filter.kind, "owner": filter.owner, "blueprint": filter.blueprint, "status": filter.status,
        "resource": filter.resource, "since": number(filter.since), "until": number(filter.until),
        "labels": filter.labels.iter().collect::<Vec<_>>(), "attributes": filter.attributes.iter().collect::<Vec<_>>(),
        "after_at": number(after_at), "after_id": after_id, "limit": limit.to_string(),
    })
}

impl Store {
    fn conditions(&self) -> Conditions {
        Conditions { dialect: self.backend.dialect(), all: Vec::new() }
    }

    /// Newest first.
    pub async fn leases(&self, filter: &Filter) -> Result<Vec<Lease>, StoreError> {
        let mut conditions = self.conditions();
        conditions.of_rows(filter, "t.asked_at");
        conditions.of_lease(filter);
        conditions.equal("resource", filter.resource.is_some(), "t.resource");
        super::read::all(self.read(conditions.list::<Lease>("t.asked_at", filter)).await?)
    }

    /// Newest first.
    pub async fn resources(&self, filter: &Filter) -> Result<Vec<Resource>, StoreError> {
        let mut conditions = self.conditions();
        conditions.of_rows(filter, "t.created_at");
        conditions.equal("blueprint", filter.blueprint.is_some(), "t.blueprint");
        conditions.carries(filter, "t.labels", "t.attributes");
        super::read::all(self.read(conditions.list::<Resource>("t.created_at", filter)).await?)
    }

    /// Events after a number, oldest first.
    pub async fn events(&self, after: i64, subject: Option<&str>, limit: u32) -> Result<Vec<LoggedEvent>, StoreError> {
        self.log(after, subject, &Filter { limit, ..Filter::default() }).await
    }

    /// The same, of those that the filter names: by their own type, time and status, by their lease's owner, labels and
    /// attributes, and by their resource and its blueprint.
    pub async fn log(
        &self,
        after: i64,
        subject: Option<&str>,
        filter: &Filter,
    ) -> Result<Vec<LoggedEvent>, StoreError> {
        let from = match filter.since {
            Some(since) => self.before(since - SKEW).await?.max(after),
            None => after,
        };
        let mut conditions = self.conditions();
        conditions.add(subject.is_some(), |all| {
            let subject = all.text("subject");
            format!("(t.lease = {subject} or t.resource = {subject})")
        });
        conditions.equal("kind", filter.kind.is_some(), "t.pool");
        conditions.equal("status", filter.status.is_some(), "t.now");
        conditions.equal("resource", filter.resource.is_some(), "t.resource");
        conditions.add(filter.since.is_some(), |all| format!("t.at >= {}", all.number("since")));
        conditions.add(filter.until.is_some(), |all| format!("t.at < {}", all.number("until")));
        conditions.add(filter.blueprint.is_some(), |all| {
            let name = all.text("blueprint");
            format!("exists (select 1 from resource r where r.id = t.resource and r.blueprint = {name})")
        });
        let of_lease = Filter { blueprint: None, ..filter.clone() };
        let mut lease = self.conditions();
        lease.of_lease(&of_lease);
        conditions.add(!lease.all.is_empty(), |_| {
            format!("t.lease in (select t.id from lease t where t.id is not null{})", lease.joined())
        });
        let sql = format!(
            "select {}, {} from event t where t.seq > {}{} order by t.seq limit {}",
            self.backend.dialect().array("t.seq"),
            self.backend.dialect().row::<Event>("t"),
            conditions.number("from"),
            conditions.joined(),
            conditions.number("limit"),
        );
        let mut doc = doc(filter);
        doc["from"] = from.to_string().into();
        doc["subject"] = subject.into();
        let mut events = Vec::new();
        for (seq, text) in self.read(Statement { sql: sql.into(), doc: doc.to_string() }).await? {
            let [seq] = parse_cells::<[i64; 1]>("event", &seq)?;
            events.push(LoggedEvent { seq, event: parse("event", &text)? });
        }
        Ok(events)
    }

    /// The number of the last event; 0 when there is none.
    pub async fn last_event(&self) -> Result<i64, StoreError> {
        Ok(self.event_at(i64::MAX, "<=", "desc").await?.map_or(0, |(seq, _)| seq))
    }

    /// A number before which every event is older. Found by halving, since the log is in the order of time.
    async fn before(&self, at: i64) -> Result<i64, StoreError> {
        let (mut older, mut end) = (0, self.last_event().await? + 1);
        while end - older > 1 {
            let middle = older + (end - older) / 2;
            match self.event_at(middle, ">=", "asc").await? {
                Some((seq, then)) if then < at => older = seq.max(middle),
                _ => end = middle,
            }
        }
        Ok(older)
    }

    /// The number and the time of the first event on this side of a number.
    async fn event_at(&self, seq: i64, side: &str, order: &str) -> Result<Option<(i64, i64)>, StoreError> {
        let dialect = self.backend.dialect();
        let sql = format!(
            "select 'event', {} from event t where t.seq {side} cast({} ->> 'seq' as bigint) order by t.seq {order} limit 1",
            dialect.array("t.seq, t.at"),
            dialect.doc(),
        );
        let doc = json!({ "seq": seq.to_string() }).to_string();
        let rows = self.read(Statement { sql: sql.into(), doc }).await?;
        rows.first().map(|(table, text)| parse_cells(table, text)).transpose()
    }
}
