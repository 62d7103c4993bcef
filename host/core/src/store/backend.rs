//! What an engine has to offer below the shared SQL: statements with one JSON document as their argument, whose answers
//! are rows of two texts, a tag and a JSON array.

use super::StoreError;
use super::dialect::Dialect;
use async_trait::async_trait;
use std::sync::Arc;

/// One statement and its argument.
#[derive(Clone, Debug)]
pub struct Statement {
    pub sql: Arc<str>,
    pub doc: String,
}

/// A row of an answer.
pub type Tagged = (String, String);

#[async_trait]
pub trait Backend: Send + Sync + 'static {
    fn dialect(&self) -> Dialect;

    /// Answers from the last committed state, beside a transaction that may be under way.
    async fn read(&self, statement: Statement) -> Result<Vec<Tagged>, StoreError>;

    /// One statement that writes, committed on its own; with what it returns.
    async fn execute(&self, statement: Statement) -> Result<Vec<Tagged>, StoreError>;

    /// One transaction: locks what `load` names where the engine has row locks, reads it in a later statement, lets
    /// `decide` say what to write, writes and commits. An empty answer writes nothing. After an error, whether it was
    /// written is unknown only if the error says so.
    async fn transact(&self, load: Load, decide: Decide<'_>) -> Result<(), StoreError>;

    /// Statements without arguments or answers, in one transaction; for the schema.
    async fn run(&self, statements: &[String]) -> Result<(), StoreError>;

    /// Keeps and returns a plugin's bytes, which are no JSON. `at` is when it was last in use.
    async fn save_plugin(&self, digest: &str, component: &[u8], at: i64) -> Result<(), StoreError>;
    async fn load_plugin(&self, digest: &str) -> Result<Option<Vec<u8>>, StoreError>;
}

/// The same on both engines.
pub const SAVE_PLUGIN: &str = "insert into plugin (digest, component, used_at) values ($1, $2, $3) \
     on conflict (digest) do update set used_at = excluded.used_at";

/// How a group's rows are loaded: all with the same argument.
pub struct Load {
    /// Names what is to be locked: (table, key as a JSON array).
    pub resolve: Statement,
    /// Reads the rows: (table, row).
    pub rows: Statement,
}

/// From the rows that were loaded to the statements that write what was decided.
pub type Decide<'a> = Box<dyn FnOnce(Vec<Tagged>) -> Result<Vec<Statement>, StoreError> + Send + 'a>;
