//! The floor: the rows that leases leave in the store, written by hand. It decides nothing and reads nothing. What is
//! written was copied from one lease's life in the real store, commit by commit, so that tables, columns, indexes,
//! events and the sizes of rows are the same. Every batch of leases takes the same three commits, each one transaction
//! with one statement for each kind of change.

use super::store::{FIRST_VERSION, Ids, Yard, blueprint, class, ids, kind, life, resource};
use anyhow::{Context, bail};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, Connection, Row};
use std::collections::BTreeMap;
use std::path::Path;

/// What one lease's life changes, by commit.
pub struct Specimen {
    commits: Vec<Vec<Kind>>,
}

/// One statement, and the rows of one lease that it is for.
struct Kind {
    sql: String,
    rows: Vec<Template>,
}

/// A row as a JSON array, with gaps for what differs from lease to lease.
type Template = Vec<Piece>;

enum Piece {
    Text(String),
    /// One of a [`Filling`].
    Gap(usize),
}

/// What identifies a lease and everything it uses; all of one length for all leases.
type Filling = [String; 7];

fn filling(caller: usize, ids: &Ids, commit: String) -> Filling {
    let (lease, place) = (ids.lease.clone(), ids.place.clone());
    [lease, place, resource(caller), kind(caller), class(caller), blueprint(caller), commit]
}

/// Which lease the specimen is.
const SPECIMEN: u64 = 1_000_000_007;

impl Specimen {
    /// Lives one lease in a store of its own and writes down what each commit changes.
    pub async fn take(path: &Path) -> anyhow::Result<Specimen> {
        let yard = Yard::make(path, 1).await?;
        let mut reader = connect(path).await?;
        let mut commits = Vec::new();
        let mut before = dump(&mut reader).await?;
        for change in life(0, &ids(SPECIMEN), FIRST_VERSION) {
            yard.commit(change).await?;
            let after = dump(&mut reader).await?;
            commits.push(kinds(&before, &after)?);
            before = after;
        }
        reader.close().await?;
        Ok(Specimen { commits })
    }
}

/// One table's rows, as they were made.
struct Table {
    columns: Vec<String>,
    /// Where the key's columns are.
    key: Vec<usize>,
    /// Cells as JSON.
    rows: Vec<Vec<String>>,
}

impl Table {
    fn key_of<'a>(&self, row: &'a [String]) -> Vec<&'a str> {
        self.key.iter().map(|at| row[*at].as_str()).collect()
    }
}

async fn dump(connection: &mut SqliteConnection) -> anyhow::Result<BTreeMap<String, Table>> {
    // What counts up by itself is not written, and nodes count up beside everything.
    let names = "select name from sqlite_master where type = 'table' and name not in ('sqlite_sequence', 'node')";
    let names: Vec<String> = sqlx::query_scalar(names).fetch_all(&mut *connection).await?;
    let mut tables = BTreeMap::new();
    for name in names {
        let info = sqlx::query("select name, pk from pragma_table_info($1) order by cid").bind(&name);
        let info = info.fetch_all(&mut *connection).await?;
        let columns: Vec<String> = info.iter().map(|row| row.get(0)).collect();
        let key = (0..info.len()).filter(|at| info[*at].get::<i64, _>(1) > 0).collect();
        let quoted: Vec<String> = columns.iter().map(|column| format!("json_quote({column})")).collect();
        let sql = format!("select {} from {name} order by rowid", quoted.join(", "));
        let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut *connection).await?;
        let rows = rows.iter().map(|row| (0..columns.len()).map(|at| row.get(at)).collect()).collect();
        tables.insert(name, Table { columns, key, rows });
    }
    Ok(tables)
}

/// The kinds of change between two states: for each table what is new, and what has other values in the same columns.
fn kinds(before: &BTreeMap<String, Table>, after: &BTreeMap<String, Table>) -> anyhow::Result<Vec<Kind>> {
    let mut kinds: BTreeMap<String, Vec<Template>> = BTreeMap::new();
    let mut add = |sql: String, cells: Vec<&String>| -> anyhow::Result<()> {
        kinds.entry(sql).or_default().push(template(&cells)?);
        Ok(())
    };
    for (name, table) in after {
        let known: BTreeMap<_, _> = before[name].rows.iter().map(|row| (table.key_of(row), row)).collect();
        if table.rows.len() < known.len() {
            bail!("a lease's life removes rows of table {name}, which the floor does not know how to write");
        }
        for row in &table.rows {
            match known.get(&table.key_of(row)) {
                None => {
                    // The log numbers its events itself.
                    let at: Vec<usize> =
                        (0..row.len()).filter(|at| name != "event" || !table.key.contains(at)).collect();
                    add(insert(name, table, &at), at.iter().map(|at| &row[*at]).collect())?;
                }
                Some(old) if *old != row => {
                    let changed: Vec<usize> = (0..row.len()).filter(|at| row[*at] != old[*at]).collect();
                    let cells = table.key.iter().chain(&changed).map(|at| &row[*at]).collect();
                    add(update(name, table, &changed), cells)?;
                }
                Some(_) => {}
            }
        }
    }
    Ok(kinds.into_iter().map(|(sql, rows)| Kind { sql, rows }).collect())
}

fn insert(name: &str, table: &Table, at: &[usize]) -> String {
    let columns: Vec<&str> = at.iter().map(|at| table.columns[*at].as_str()).collect();
    let cells: Vec<String> = (0..at.len()).map(|i| format!("j.value ->> {i}")).collect();
    format!("insert into {name} ({}) select {} from jsonb_each($) as j", columns.join(", "), cells.join(", "))
}

fn update(name: &str, table: &Table, changed: &[usize]) -> String {
    let keys = table.key.iter().enumerate().map(|(i, at)| format!("{name}.{} = j.value ->> {i}", table.columns[*at]));
    let set = changed.iter().enumerate();
    let set = set.map(|(i, at)| format!("{} = j.value ->> {}", table.columns[*at], table.key.len() + i));
    let (keys, set) = (keys.collect::<Vec<_>>().join(" and "), set.collect::<Vec<_>>().join(", "));
    format!("update {name} set {set} from jsonb_each($) as j where {keys}")
}

/// Cuts a row of the specimen at what identifies it.
fn template(cells: &[&String]) -> anyhow::Result<Template> {
    let cells: Vec<&str> = cells.iter().map(|cell| cell.as_str()).collect();
    let mut rest = format!("[{}]", cells.join(","));
    // The id of the commit is the first cell of an event, and a node's id and a number.
    let commit = rest.strip_prefix("[\"n-").and_then(|_| rest.split('"').nth(1)).unwrap_or("\0").to_owned();
    let own = filling(0, &ids(SPECIMEN), commit);
    let mut pieces = Vec::new();
    loop {
        let next = own.iter().enumerate().filter_map(|(gap, text)| Some((rest.find(text.as_str())?, gap))).min();
        let Some((at, gap)) = next else { break };
        pieces.push(Piece::Text(rest[..at].to_owned()));
        pieces.push(Piece::Gap(gap));
        rest = rest[at + own[gap].len()..].to_owned();
    }
    pieces.push(Piece::Text(rest));
    Ok(pieces)
}

async fn connect(path: &Path) -> anyhow::Result<SqliteConnection> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(false)
        .statement_cache_capacity(256);
    SqliteConnection::connect_with(&options).await.with_context(|| format!("{} can't be opened", path.display()))
}

/// Writes leases into a store that the real one has made and left.
pub struct Floor<'a> {
    specimen: &'a Specimen,
    /// Of each commit: all its statements as one script, since what a statement costs is the trip.
    scripts: Vec<String>,
    connection: SqliteConnection,
    written: u64,
}

impl<'a> Floor<'a> {
    pub async fn open(path: &Path, specimen: &'a Specimen) -> anyhow::Result<Floor<'a>> {
        let script = |kinds: &Vec<Kind>| {
            let numbered = kinds.iter().enumerate().map(|(i, kind)| kind.sql.replace("($)", &format!("(${})", i + 1)));
            numbered.collect::<Vec<_>>().join(";\n")
        };
        let scripts = specimen.commits.iter().map(script).collect();
        Ok(Floor { specimen, scripts, connection: connect(path).await?, written: 0 })
    }

    /// The whole lives of one lease for each of so many callers.
    pub async fn write(&mut self, callers: usize) -> anyhow::Result<()> {
        let mut fillings: Vec<Filling> =
            (0..callers).map(|caller| filling(caller, &ids(self.written + caller as u64), String::new())).collect();
        for (n, (kinds, script)) in self.specimen.commits.iter().zip(&self.scripts).enumerate() {
            for (caller, filling) in fillings.iter_mut().enumerate() {
                filling[6] = format!("n-specimen0000.{}", (self.written + caller as u64) * 3 + n as u64);
            }
            let mut transaction = self.connection.begin_with("begin immediate").await?;
            let mut query = sqlx::query(AssertSqlSafe(script.as_str()));
            for kind in kinds {
                query = query.bind(document(&kind.rows, &fillings));
            }
            query.execute(&mut *transaction).await?;
            transaction.commit().await?;
        }
        self.written += callers as u64;
        Ok(())
    }

    pub async fn close(self) -> anyhow::Result<()> {
        Ok(self.connection.close().await?)
    }
}

fn document(rows: &[Template], fillings: &[Filling]) -> String {
    let mut text = String::from("[");
    for filling in fillings {
        for row in rows {
            if text.len() > 1 {
                text.push(',');
            }
            for piece in row {
                text.push_str(match piece {
                    Piece::Text(text) => text,
                    Piece::Gap(gap) => &filling[*gap],
                });
            }
        }
    }
    text.push(']');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows and characters by table.
    async fn sizes(path: &Path) -> BTreeMap<String, (usize, usize)> {
        let mut connection = connect(path).await.unwrap();
        let tables = dump(&mut connection).await.unwrap();
        let length = |row: &Vec<String>| row.iter().map(String::len).sum::<usize>();
        let size = |table: &Table| (table.rows.len(), table.rows.iter().map(length).sum());
        tables.iter().map(|(name, table)| (name.clone(), size(table))).collect()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_floor_leaves_the_rows_that_the_store_leaves() {
        let folder = tempfile::tempdir().unwrap();
        let (ours, hand) = (folder.path().join("ours.db"), folder.path().join("hand.db"));
        let callers = 3;
        let yard = Yard::make(&ours, callers).await.unwrap();
        for round in 0..4 {
            for caller in 0..callers {
                for change in life(caller, &ids((round * callers + caller) as u64), FIRST_VERSION + round as i64) {
                    yard.commit(change).await.unwrap();
                }
            }
        }
        drop(yard);
        drop(Yard::make(&hand, callers).await.unwrap());
        let specimen = Specimen::take(&folder.path().join("specimen.db")).await.unwrap();
        let mut floor = Floor::open(&hand, &specimen).await.unwrap();
        for _ in 0..4 {
            floor.write(callers).await.unwrap();
        }
        floor.close().await.unwrap();
        let (ours, hand) = (sizes(&ours).await, sizes(&hand).await);
        for (table, (rows, length)) in &ours {
            let (by_hand, its_length) = hand[table];
            assert_eq!(*rows, by_hand, "rows of {table}");
            // Counters have as many digits as they have counted, and a row of a pool is little else.
            let digits = 3 * *rows;
            assert!(
                length.abs_diff(its_length) <= *length / 50 + digits,
                "{table}: {length} and {its_length} characters"
            );
        }
        assert_eq!(ours["lease"].0, 15);
        assert_eq!(ours["event"].0, hand["event"].0);
    }
}
