//! The store: proposals in, outcomes out, and reads. One behaviour on two engines; no transaction leaves it.

mod backend;
pub mod check;
mod counts;
mod dialect;
mod lists;
mod load;
mod look;
mod outside;
mod postgres;
mod prune;
mod reach;
mod read;
mod save;
mod schema;
mod sqlite;

pub use counts::{Counted, Counts};
pub use look::Sought;
pub use prune::Horizon;
pub use read::{Claimed, Subject};

use crate::model::decide::decide;
use crate::model::news::{Piece, pieces};
use crate::model::proposal::{Keys, Outcome, Proposal};
use crate::model::protection::{Protection, Protections};
use crate::model::rows::{Lease, NodeRow, Place, Pool, Resource};
use crate::model::table::Rows;
use backend::{Backend, Statement};
use dialect::Dialect;
use load::Loader;
use postgres::{Plans, Postgres};
use prune::Pruner;
use read::Reads;
use save::Saver;
use std::path::Path;
use std::sync::{Arc, Mutex};

/// Why the store did not do something.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    #[error(
        "the store {path} is in use by the daemon with pid {pid}; stop that one, or talk to it instead of starting another"
    )]
    InUse { path: String, pid: String },
    #[error("the store {what} can't be opened: {why}")]
    Open { what: String, why: String },
    #[error(
        "the store's tables have version {found}, this program uses {}; use the program that made them, or another file",
        schema::SCHEMA
    )]
    Schema { found: String },
    /// Nothing was written.
    #[error("the store refused a statement: {why} (in: {statement})")]
    Statement { statement: String, why: String },
    /// It may have been written. Only offering the same proposals again can tell.
    #[error("the store did not say whether it wrote: {0}")]
    Unknown(String),
    #[error("a row of table {table} can't be read: {why}")]
    Row { table: String, why: String },
}

impl StoreError {
    fn open(what: &str, error: &sqlx::Error) -> StoreError {
        StoreError::Open { what: what.to_owned(), why: error.to_string() }
    }

    fn statement(sql: &str, error: &sqlx::Error) -> StoreError {
        let start: String = sql.split_whitespace().take(8).collect::<Vec<_>>().join(" ");
        StoreError::Statement { statement: start, why: error.to_string() }
    }
}

/// What one group of commits came to, and every row that it left in another state.
#[derive(Debug, Default)]
pub struct Report {
    /// One for each proposal, in order.
    pub outcomes: Vec<Outcome>,
    pub touched: Arc<Touched>,
}

/// Rows as a group left them, for those who act on them in this process.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Touched {
    pub pools: Vec<Pool>,
    pub leases: Vec<Lease>,
    pub places: Vec<Place>,
    pub resources: Vec<Resource>,
    pub nodes: Vec<NodeRow>,
    /// What the news of the pools is about.
    pub news: Vec<Piece>,
    /// What was touched is not known: a commit whose answer was lost.
    pub anything: bool,
}

pub struct Store {
    backend: Box<dyn Backend>,
    loader: Loader,
    saver: Saver,
    reads: Reads,
    pruner: Pruner,
    protections: Protections,
    counts: Counts,
}

impl Store {
    /// The SQLite file, made if it is missing.
    pub async fn open_sqlite(path: &Path) -> Result<Store, StoreError> {
        Store::with(Box::new(sqlite::Sqlite::open(path).await?), Protections::ALL).await
    }

    /// A PostgreSQL database; its tables are made if they are missing.
    pub async fn open_postgres(url: &str) -> Result<Store, StoreError> {
        Store::with(Box::new(Postgres::open(url, Plans::Fresh).await?), Protections::ALL).await
    }

    /// SQLite without a file.
    pub async fn in_memory(protections: Protections) -> Result<Store, StoreError> {
        Store::with(Box::new(sqlite::Sqlite::in_memory().await?), protections).await
    }

    /// A PostgreSQL database for the simulator, which keeps it small.
    pub async fn postgres_with(url: &str, protections: Protections) -> Result<Store, StoreError> {
        Store::with(Box::new(Postgres::open(url, Plans::Kept).await?), protections).await
    }

    async fn with(backend: Box<dyn Backend>, protections: Protections) -> Result<Store, StoreError> {
        let dialect = backend.dialect();
        let reads = Reads::new(dialect);
        match backend.read(reads.tables()).await?.is_empty() {
            true => backend.run(&schema::statements(dialect)).await?,
            false => {
                let found = backend.read(reads.setting("schema")).await?;
                let found = found.first().map(|(_, value)| value.clone()).unwrap_or_default();
                if found != schema::SCHEMA.to_string() {
                    return Err(StoreError::Schema { found });
                }
            }
        }
        Ok(Store {
            backend,
            loader: Loader::new(dialect),
            saver: Saver::new(dialect),
            reads,
            pruner: Pruner::new(dialect),
            protections,
            counts: Counts::default(),
        })
    }

    /// The same store with other protections; for the simulator.
    pub fn set_protections(&mut self, protections: Protections) {
        self.protections = protections;
    }

    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Decides and writes a group: in order of arrival, each proposal whole or not at all, all with one commit. On an
    /// error nothing is known of any of them, and the same group is to be offered again under the same ids. `at` is the
    /// time of the commit, read when it starts.
    pub async fn commit(&self, at: i64, group: &[Proposal]) -> Result<Report, StoreError> {
        if self.protections.has(Protection::Settling) {
            return self.commit_settled(at, group).await;
        }
        self.commit_apart(at, group).await
    }

    async fn commit_settled(&self, at: i64, group: &[Proposal]) -> Result<Report, StoreError> {
        let mut keys = Keys::default();
        group.iter().for_each(|proposal| keys.add(proposal));
        let report = Arc::new(Mutex::new(Report::default()));
        let kept = Arc::clone(&report);
        let decide = Box::new(move |answer| {
            let mut rows = load::rows(answer)?;
            let outcomes = group.iter().map(|proposal| decide(&mut rows, proposal, at, self.protections)).collect();
            let statements = self.saver.statements(&rows, self.protections);
            self.counts.group(group.len(), statements.len() + 1);
            *locked(&kept) = Report { outcomes, touched: Arc::new(touched(&rows)) };
            Ok(statements)
        });
        self.backend.transact(self.loader.load(&keys), decide).await?;
        Ok(std::mem::take(&mut *locked(&report)))
    }

    /// Without settling, each proposal of a group is decided from what was there before the group.
    async fn commit_apart(&self, at: i64, group: &[Proposal]) -> Result<Report, StoreError> {
        let mut keys = Keys::default();
        group.iter().for_each(|proposal| keys.add(proposal));
        let report = Arc::new(Mutex::new(Report::default()));
        let kept = Arc::clone(&report);
        let decide = Box::new(move |answer: Vec<backend::Tagged>| {
            let mut all = Vec::new();
            let mut outcomes = Vec::new();
            let mut whole = Touched::default();
            for proposal in group {
                let mut rows = load::rows(answer.clone())?;
                outcomes.push(decide(&mut rows, proposal, at, self.protections));
                all.extend(self.saver.statements(&rows, self.protections));
                let part = touched(&rows);
                whole.pools.extend(part.pools);
                whole.leases.extend(part.leases);
                whole.places.extend(part.places);
                whole.resources.extend(part.resources);
            }
            *locked(&kept) = Report { outcomes, touched: Arc::new(whole) };
            Ok(all)
        });
        self.backend.transact(self.loader.load(&keys), decide).await?;
        Ok(std::mem::take(&mut *locked(&report)))
    }

    /// Empties every table; for the simulator, which uses one store for many runs.
    pub async fn clear(&self) -> Result<(), StoreError> {
        let mut statements: Vec<String> = schema::tables().iter().map(|table| format!("delete from {table}")).collect();
        statements.push("delete from setting where name <> 'schema'".to_owned());
        self.backend.run(&[statements.join("; ")]).await
    }

    /// Lets go of what was deleted. PostgreSQL keeps that in its files until it is vacuumed, and every look would wade
    /// through it; making each table's files anew takes longer than what is in a few runs.
    pub async fn compact(&self) -> Result<(), StoreError> {
        match self.backend.dialect() {
            Dialect::Sqlite => Ok(()),
            Dialect::Postgres => self.backend.run(&[format!("truncate {}", schema::tables().join(", "))]).await,
        }
    }

    /// Keeps a plugin's component. `at` is when it was last in use.
    pub async fn save_plugin(&self, digest: &str, component: &[u8], at: i64) -> Result<(), StoreError> {
        self.backend.save_plugin(digest, component, at).await
    }

    pub async fn load_plugin(&self, digest: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.backend.load_plugin(digest).await
    }

    async fn read(&self, statement: Statement) -> Result<Vec<backend::Tagged>, StoreError> {
        self.counts.read();
        let rows = self.backend.read(statement).await?;
        self.counts.rows(rows.len());
        Ok(rows)
    }
}

fn touched(rows: &Rows) -> Touched {
    Touched {
        pools: rows.pools.changed().cloned().collect(),
        leases: rows.leases.changed().cloned().collect(),
        places: rows.places.changed().cloned().collect(),
        resources: rows.resources.changed().cloned().collect(),
        nodes: rows.nodes.changed().cloned().collect(),
        news: pieces(rows),
        anything: false,
    }
}

/// The lock is held for no longer than it takes to move a value, so nothing can panic under it.
fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
