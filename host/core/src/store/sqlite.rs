//! The default engine: one SQLite file, one process.

use super::StoreError;
use super::backend::{Backend, Decide, Load, SAVE_PLUGIN, Statement, Tagged};
use super::dialect::Dialect;
use async_trait::async_trait;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, Connection, Row};
use std::collections::HashMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex as SyncMutex};
use tokio::sync::{Mutex, MutexGuard};

/// How many rows of an answer may wait to be taken before the thread that reads them has to. More than the rows of most
/// groups, since each pause is two changes between threads.
const ROWS: usize = 4_096;

/// How a transaction starts and ends: together with its first statement, and with its last, since each is a trip.
const BEGIN: &str = "begin immediate";
const COMMIT: &str = "commit";

/// A commit returns once it is on the disk; readers see the last committed state while a commit is under way.
pub struct Sqlite {
    writer: Mutex<Writer>,
    /// None for a store in memory, which only one connection can see. Two, so that a look does not wait for a list.
    readers: Option<[Mutex<SqliteConnection>; 2]>,
    /// Scripts by the statements they are made of, so that each combination is prepared once.
    scripts: SyncMutex<HashMap<Vec<usize>, Arc<str>>>,
    /// Held for as long as the store is open; the system lets go of it when the process ends, however it ends.
    _lock: Option<File>,
}

struct Writer {
    connection: SqliteConnection,
    /// A transaction has begun, and is not known to have ended.
    open: bool,
}

impl Sqlite {
    /// Opens or makes the file. Another process that has it open is named by its pid.
    pub async fn open(path: &Path) -> Result<Sqlite, StoreError> {
        let lock = lock(path)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(false)
            .statement_cache_capacity(256)
            .row_buffer_size(ROWS);
        let describe = |error: sqlx::Error| StoreError::open(&path.display().to_string(), &error);
        let writer = SqliteConnection::connect_with(&options).await.map_err(describe)?;
        let one = SqliteConnection::connect_with(&options).await.map_err(describe)?;
        let other = SqliteConnection::connect_with(&options).await.map_err(describe)?;
        Ok(Sqlite {
            writer: Mutex::new(Writer { connection: writer, open: false }),
            readers: Some([Mutex::new(one), Mutex::new(other)]),
            scripts: SyncMutex::default(),
            _lock: Some(lock),
        })
    }

    /// A store that is gone with the process, for the simulator and for tests.
    pub async fn in_memory() -> Result<Sqlite, StoreError> {
        let options = SqliteConnectOptions::new()
            .in_memory(true)
            .journal_mode(SqliteJournalMode::Memory)
            .synchronous(SqliteSynchronous::Off)
            .foreign_keys(false)
            .statement_cache_capacity(256)
            .row_buffer_size(ROWS);
        let writer =
            SqliteConnection::connect_with(&options).await.map_err(|error| StoreError::open(":memory:", &error))?;
        Ok(Sqlite {
            writer: Mutex::new(Writer { connection: writer, open: false }),
            readers: None,
            scripts: SyncMutex::default(),
            _lock: None,
        })
    }

    /// Joins statements into one script whose arguments are numbered, because what a statement costs is the trip.
    fn script<'a>(&self, statements: impl Iterator<Item = &'a str> + Clone) -> Arc<str> {
        // The texts live as long as the store does, so their addresses name them.
        let key: Vec<usize> = statements.clone().map(|sql| sql.as_ptr() as usize).collect();
        let mut scripts = self.scripts.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let script = scripts.entry(key).or_insert_with(|| {
            let mut arguments = 0;
            let numbered = statements.map(|sql| {
                arguments += usize::from(sql.contains("$1"));
                sql.replace("$1", &format!("${arguments}"))
            });
            numbered.collect::<Vec<_>>().join(";\n").into()
        });
        Arc::clone(script)
    }

    /// The connection that writes, in no transaction: one that was given up half way is rolled back.
    async fn writer(&self) -> Result<MutexGuard<'_, Writer>, StoreError> {
        let mut writer = self.writer.lock().await;
        writer.roll_back().await?;
        Ok(writer)
    }
}

impl Writer {
    /// Ends the transaction, if there is one, without a trace.
    async fn roll_back(&mut self) -> Result<(), StoreError> {
        if self.open {
            let sql = "rollback";
            match sqlx::query(sql).execute(&mut self.connection).await {
                // Refused: an error has ended it already.
                Ok(_) | Err(sqlx::Error::Database(_)) => self.open = false,
                Err(error) => return Err(StoreError::statement(sql, &error)),
            }
        }
        Ok(())
    }
}

/// Takes the lock beside the file and writes our pid into it.
fn lock(path: &Path) -> Result<File, StoreError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let name = PathBuf::from(name);
    let cannot = |error: std::io::Error| StoreError::Open {
        what: path.display().to_string(),
        why: format!("its lock file {} can't be used: {error}", name.display()),
    };
    let mut file =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&name).map_err(cannot)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut pid = String::new();
            // A pid that can't be read is no reason to keep the refusal back.
            let _ = file.read_to_string(&mut pid);
            return Err(StoreError::InUse { path: path.display().to_string(), pid: pid.trim().to_owned() });
        }
        Err(TryLockError::Error(error)) => return Err(cannot(error)),
    }
    file.set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| write!(file, "{}", std::process::id()))
        .map_err(cannot)?;
    Ok(file)
}

async fn query(connection: &mut SqliteConnection, statement: &Statement) -> Result<Vec<Tagged>, StoreError> {
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

#[async_trait]
impl Backend for Sqlite {
    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    async fn read(&self, statement: Statement) -> Result<Vec<Tagged>, StoreError> {
        let mut connection = match &self.readers {
            None => return query(&mut self.writer().await?.connection, &statement).await,
            Some([one, other]) => match one.try_lock() {
                Ok(connection) => connection,
                Err(_) => other.lock().await,
            },
        };
        query(&mut connection, &statement).await
    }

    async fn execute(&self, statement: Statement) -> Result<Vec<Tagged>, StoreError> {
        query(&mut self.writer().await?.connection, &statement).await
    }

    async fn transact(&self, load: Load, decide: Decide<'_>) -> Result<(), StoreError> {
        let mut writer = self.writer().await?;
        writer.open = true;
        let begun = self.script([BEGIN, &*load.rows.sql].into_iter());
        let rows = query(&mut writer.connection, &Statement { sql: begun, doc: load.rows.doc }).await?;
        let writes = decide(rows)?;
        if writes.is_empty() {
            return writer.roll_back().await;
        }
        let script = self.script(writes.iter().map(|write| &*write.sql).chain([COMMIT]));
        let mut query = sqlx::query(AssertSqlSafe(script));
        for write in writes {
            query = query.bind(write.doc);
        }
        // Which of the statements has failed is not told; if it was the last, it may have been done.
        query.execute(&mut writer.connection).await.map_err(|error| StoreError::Unknown(error.to_string()))?;
        writer.open = false;
        Ok(())
    }

    async fn run(&self, statements: &[String]) -> Result<(), StoreError> {
        let mut writer = self.writer().await?;
        // What stays open after an error is rolled back by whoever writes next.
        writer.open = true;
        for statement in std::iter::once(BEGIN).chain(statements.iter().map(String::as_str)).chain([COMMIT]) {
            sqlx::query(AssertSqlSafe(statement))
                .execute(&mut writer.connection)
                .await
                .map_err(|error| StoreError::statement(statement, &error))?;
        }
        writer.open = false;
        Ok(())
    }

    async fn save_plugin(&self, digest: &str, component: &[u8], at: i64) -> Result<(), StoreError> {
        let sql = SAVE_PLUGIN;
        let mut writer = self.writer().await?;
        let result = sqlx::query(sql).bind(digest).bind(component).bind(at).execute(&mut writer.connection).await;
        result.map(|_| ()).map_err(|error| StoreError::statement(sql, &error))
    }

    async fn load_plugin(&self, digest: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let sql = "select component from plugin where digest = $1";
        let mut writer = self.writer().await?;
        let row = sqlx::query_scalar(sql).bind(digest).fetch_optional(&mut writer.connection).await;
        row.map_err(|error| StoreError::statement(sql, &error))
    }
}
