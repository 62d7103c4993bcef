//! Reads about what was seen outside.

use super::backend::Statement;
use super::dialect::Dialect;
use super::load::parse_cells;
use super::read::all;
use super::{Store, StoreError};
use crate::model::rows::{Observed, Resource};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The texts of these reads, for one engine.
pub struct OutsideReads {
    observed: Arc<str>,
    active: Arc<str>,
    ended: Arc<str>,
}

impl OutsideReads {
    pub fn new(dialect: Dialect) -> OutsideReads {
        let doc = dialect.doc();
        OutsideReads {
            observed: format!(
                "select 'observed', {} from observed t where {doc} ->> 'blueprint' is null
                   or t.blueprint = {doc} ->> 'blueprint' order by t.blueprint",
                dialect.row::<Observed>("t")
            )
            .into(),
            active: format!(
                "select 'resource', {} from resource t
                 where t.blueprint = {doc} ->> 'blueprint' and t.status = 'active' and t.orphaned = 0 order by t.id",
                dialect.row::<Resource>("t")
            )
            .into(),
            ended: format!(
                "select 'ended', {} from resource t where t.id in (select {} from {})",
                dialect.array("t.id, case when t.status = 'destroyed' then t.ended_at end"),
                dialect.text(),
                dialect.each(Some("ids"))
            )
            .into(),
        }
    }
}

impl Store {
    /// What the plugin of a blueprint last saw outside; without a name, of every blueprint.
    pub async fn observed(&self, blueprint: Option<&str>) -> Result<Vec<Observed>, StoreError> {
        let doc = json!({ "blueprint": blueprint }).to_string();
        all(self.read(Statement { sql: Arc::clone(&self.reads.outside.observed), doc }).await?)
    }

    /// The active resources of a blueprint.
    pub async fn active(&self, blueprint: &str) -> Result<Vec<Resource>, StoreError> {
        let doc = json!({ "blueprint": blueprint }).to_string();
        all(self.read(Statement { sql: Arc::clone(&self.reads.outside.active), doc }).await?)
    }

    /// When each of these resources was destroyed; none for one that is not. What the store knows nothing of is left out.
    pub async fn ended(&self, resources: &[&str]) -> Result<BTreeMap<String, Option<i64>>, StoreError> {
        let doc = json!({ "ids": resources }).to_string();
        let rows = self.read(Statement { sql: Arc::clone(&self.reads.outside.ended), doc }).await?;
        rows.iter().map(|(table, text)| parse_cells(table, text)).collect()
    }
}
