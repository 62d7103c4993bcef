//! PostgreSQL: many nodes over one store. Rows are locked in one order by everybody, and read in a later statement, since
//! what a waiting statement reads may be older than the lock it waited for.

use super::StoreError;
use super::backend::{Backend, Decide, Load, SAVE_PLUGIN, Statement, Tagged};
use super::dialect::Dialect;
use super::load::LOCK_ORDER;
use crate::model::rows::{Pool, RequestKey, Row as _, SlotRow};
use async_trait::async_trait;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, Connection, Executor, Row};
use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::{Arc, LazyLock};
use tokio::sync::Mutex;

pub struct Postgres {
    options: PgConnectOptions,
    plans: Plans,
    /// Made when needed; dropped after an error, since its transaction may still be open.
    writer: Mutex<Option<PgConnection>>,
    reader: Mutex<Option<PgConnection>>,
}

/// A frozen node loses its transaction, and not the others their pool. Compiling a statement takes longer than any of
/// ours runs.
const SESSION: &str = "set lock_timeout = '5s'; set idle_in_transaction_session_timeout = '10s'; set jit = off; \
     set client_min_messages = warning";

/// Whether a statement's plan is kept once it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plans {
    /// Made anew each time: plans for empty tables must not stick.
    Fresh,
    /// Kept, for databases that stay as small as they are when they are opened.
    Kept,
}

impl Postgres {
    pub async fn open(url: &str, plans: Plans) -> Result<Postgres, StoreError> {
        let options = PgConnectOptions::from_str(url)
            .map_err(|error| StoreError::open("PostgreSQL", &error))?
            .application_name("drydock");
        let store = Postgres { options, plans, writer: Mutex::default(), reader: Mutex::default() };
        let first = store.connect().await?;
        *store.writer.lock().await = Some(first);
        Ok(store)
    }

    async fn connect(&self) -> Result<PgConnection, StoreError> {
        let name = format!(
            "PostgreSQL database {:?} at {}:{}",
            self.options.get_database().unwrap_or("(default)"),
            self.options.get_host(),
            self.options.get_port()
        );
        let mut connection =
            PgConnection::connect_with(&self.options).await.map_err(|error| StoreError::open(&name, &error))?;
        connection.execute(SESSION).await.map_err(|error| StoreError::statement(SESSION, &error))?;
        if self.plans == Plans::Fresh {
            let sql = "set plan_cache_mode = force_custom_plan";
            connection.execute(sql).await.map_err(|error| StoreError::statement(sql, &error))?;
        }
        Ok(connection)
    }

    /// Lends the connection of a place; it is put back only after success.
    async fn take(&self, slot: &mut Option<PgConnection>) -> Result<PgConnection, StoreError> {
        match slot.take() {
            Some(connection) => Ok(connection),
            None => self.connect().await,
        }
    }
}

async fn query(connection: &mut PgConnection, statement: &Statement) -> Result<Vec<Tagged>, StoreError> {
    let rows = sqlx::query(AssertSqlSafe(Arc::clone(&statement.sql)))
        .bind(&statement.doc)
        .fetch_all(connection)
        .await
        .map_err(|error| StoreError::statement(&statement.sql, &error))?;
    rows.iter()
        .map(|row| Ok((row.try_get(0)?, row.try_get(1)?)))
        .collect::<Result<_, sqlx::Error>>()
        .map_err(|error| StoreError::statement(&statement.sql, &error))
}

async fn execute(connection: &mut PgConnection, sql: &Arc<str>, doc: &str) -> Result<(), StoreError> {
    let done = sqlx::query(AssertSqlSafe(Arc::clone(sql))).bind(doc).execute(connection).await;
    done.map(|_| ()).map_err(|error| StoreError::statement(sql, &error))
}

/// Rows that do not exist can't be locked; these may be made by commits of several pools, which share no other lock.
const UNSHARED: &[&str] = &[SlotRow::TABLE, RequestKey::TABLE];

/// Locks keys, whether they have rows or not; everybody in the same order.
static LOCK_KEYS: LazyLock<Arc<str>> = LazyLock::new(|| {
    format!(
        "select pg_advisory_xact_lock(k.hash) from (
           select distinct hashtextextended(j.value::text, 0) as hash from {} order by 1) k",
        Dialect::Postgres.each(None)
    )
    .into()
});

/// By table: the keys of what is to be locked, each as a JSON array.
type Named = BTreeMap<String, Vec<String>>;

async fn resolve(connection: &mut PgConnection, load: &Load) -> Result<Named, StoreError> {
    let mut named = Named::new();
    for (table, key) in query(connection, &load.resolve).await? {
        named.entry(table).or_default().push(key);
    }
    Ok(named)
}

async fn lock(connection: &mut PgConnection, named: &Named, order: &[(&str, Arc<str>)]) -> Result<(), StoreError> {
    for (table, sql) in order {
        if let Some(keys) = named.get(*table) {
            execute(connection, sql, &format!("[{}]", keys.join(","))).await?;
        }
    }
    Ok(())
}

async fn transact(connection: &mut PgConnection, load: &Load, decide: Decide<'_>) -> Result<(), StoreError> {
    let mut transaction = connection.begin().await.map_err(|error| StoreError::statement("begin", &error))?;
    // With its pools locked, what a commit names leads to the same rows until it ends; before, it may not.
    let named = resolve(&mut transaction, load).await?;
    let (pools, rest) = LOCK_ORDER.split_at(1);
    lock(&mut transaction, &named, pools).await?;
    let locked = named;
    let named = resolve(&mut transaction, load).await?;
    // Another commit has led it to further pools meanwhile, and those can't be locked in order any more.
    if named
        .get(Pool::TABLE)
        .into_iter()
        .flatten()
        .any(|pool| !locked.get(Pool::TABLE).is_some_and(|l| l.contains(pool)))
    {
        let why = "what the commit names leads to other pools than a moment ago".to_owned();
        return Err(StoreError::Statement { statement: "lock".to_owned(), why });
    }
    let mut keys: Vec<&str> = Vec::new();
    for table in UNSHARED {
        keys.extend(named.get(*table).into_iter().flatten().map(String::as_str));
    }
    if !keys.is_empty() {
        let doc = format!("[{}]", keys.join(","));
        execute(&mut transaction, &LOCK_KEYS, &doc).await?;
    }
    lock(&mut transaction, &named, rest).await?;
    let rows = query(&mut transaction, &load.rows).await?;
    for write in decide(rows)? {
        execute(&mut transaction, &write.sql, &write.doc).await?;
    }
    transaction.commit().await.map_err(|error| StoreError::Unknown(error.to_string()))
}

#[async_trait]
impl Backend for Postgres {
    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    async fn read(&self, statement: Statement) -> Result<Vec<Tagged>, StoreError> {
        let mut slot = self.reader.lock().await;
        let mut connection = self.take(&mut slot).await?;
        let rows = query(&mut connection, &statement).await?;
        *slot = Some(connection);
        Ok(rows)
    }

    async fn execute(&self, statement: Statement) -> Result<Vec<Tagged>, StoreError> {
        let mut slot = self.writer.lock().await;
        let mut connection = self.take(&mut slot).await?;
        let rows = query(&mut connection, &statement).await?;
        *slot = Some(connection);
        Ok(rows)
    }

    async fn transact(&self, load: Load, decide: Decide<'_>) -> Result<(), StoreError> {
        let mut slot = self.writer.lock().await;
        let mut connection = self.take(&mut slot).await?;
        transact(&mut connection, &load, decide).await?;
        *slot = Some(connection);
        Ok(())
    }

    async fn run(&self, statements: &[String]) -> Result<(), StoreError> {
        let mut slot = self.writer.lock().await;
        let mut connection = self.take(&mut slot).await?;
        // After an error the connection is closed, which rolls it back.
        for statement in std::iter::once("begin").chain(statements.iter().map(String::as_str)).chain(["commit"]) {
            let done = connection.execute(AssertSqlSafe(statement)).await;
            done.map_err(|error| StoreError::statement(statement, &error))?;
        }
        *slot = Some(connection);
        Ok(())
    }

    async fn save_plugin(&self, digest: &str, component: &[u8], at: i64) -> Result<(), StoreError> {
        let sql = SAVE_PLUGIN;
        let mut slot = self.writer.lock().await;
        let mut connection = self.take(&mut slot).await?;
        let done = sqlx::query(sql).bind(digest).bind(component).bind(at).execute(&mut connection).await;
        done.map_err(|error| StoreError::statement(sql, &error))?;
        *slot = Some(connection);
        Ok(())
    }

    async fn load_plugin(&self, digest: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let sql = "select component from plugin where digest = $1";
        let mut slot = self.reader.lock().await;
        let mut connection = self.take(&mut slot).await?;
        let row = sqlx::query_scalar(sql).bind(digest).fetch_optional(&mut connection).await;
        let row = row.map_err(|error| StoreError::statement(sql, &error))?;
        *slot = Some(connection);
        Ok(row)
    }
}
