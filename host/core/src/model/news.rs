//! What a pool's news is about, as far as the commits that raise it can say. A matcher that knows looks at no more of its
//! pool than that.

use super::rows::{Pool, Resource};
use super::table::Rows;
use std::collections::BTreeSet;

/// Why a commit has raised a pool's news by one. What is not said may be about anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Somebody has left this resource, and no slot has become free with that.
    Left(String),
    /// This class has another line of those who wait.
    Line(String),
    /// Nothing that anybody could wait for.
    Nothing,
}

/// News of a pool that one group of commits has raised.
#[derive(Clone, Debug, PartialEq)]
pub struct Piece {
    pub kind: String,
    /// The pool's news before the group, and after it.
    pub before: i64,
    pub after: i64,
    /// Absent: it may be about anything.
    pub about: Option<About>,
}

/// What news is about.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct About {
    /// Resources that somebody has left, as the group left them.
    pub left: Vec<Resource>,
    /// Classes with another line of those who wait.
    pub lines: BTreeSet<String>,
}

impl About {
    /// Takes in what later news is about.
    pub fn extend(&mut self, later: &About) {
        self.left.extend(later.left.iter().cloned());
        self.lines.extend(later.lines.iter().cloned());
    }
}

/// The news that a group has raised.
pub fn pieces(rows: &Rows) -> Vec<Piece> {
    let raised = rows.pools.changes().filter_map(|(stored, now)| {
        let before = stored.map_or(0, |stored| stored.news);
        (now.news > before).then(|| piece(rows, now, before))
    });
    raised.collect()
}

fn piece(rows: &Rows, pool: &Pool, before: i64) -> Piece {
    let causes = || rows.causes.iter().filter(|(kind, _)| *kind == pool.kind);
    let mut about = About::default();
    for (_, cause) in causes() {
        match cause {
            Cause::Left(resource) => about.left.extend(rows.resources.get(resource).cloned()),
            Cause::Line(class) => drop(about.lines.insert(class.clone())),
            Cause::Nothing => {}
        }
    }
    let all_said = causes().count() as i64 == pool.news - before;
    Piece { kind: pool.kind.clone(), before, after: pool.news, about: all_said.then_some(about) }
}
