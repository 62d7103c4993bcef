//! What the store was asked to do, counted: cost per lease is asserted in counts, not in time.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

#[derive(Debug, Default)]
pub struct Counts {
    proposals: AtomicU64,
    commits: AtomicU64,
    statements: AtomicU64,
    reads: AtomicU64,
    rows: AtomicU64,
    beats: AtomicU64,
}

/// The counts at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    pub proposals: u64,
    /// Groups that were written, each with one commit.
    pub commits: u64,
    /// Statements of commits and reads.
    pub statements: u64,
    /// Statements outside of commits.
    pub reads: u64,
    /// Rows in their answers.
    pub rows: u64,
    /// Of the reads: signs of life of the node, each of which writes one row.
    pub beats: u64,
}

impl Counts {
    pub(super) fn group(&self, proposals: usize, statements: usize) {
        self.proposals.fetch_add(proposals as u64, Relaxed);
        self.commits.fetch_add(1, Relaxed);
        self.statements.fetch_add(statements as u64, Relaxed);
    }

    pub(super) fn read(&self) {
        self.reads.fetch_add(1, Relaxed);
        self.statements.fetch_add(1, Relaxed);
    }

    pub(super) fn rows(&self, rows: usize) {
        self.rows.fetch_add(rows as u64, Relaxed);
    }

    pub(super) fn beat(&self) {
        self.beats.fetch_add(1, Relaxed);
        self.read();
    }

    pub fn now(&self) -> Counted {
        Counted {
            proposals: self.proposals.load(Relaxed),
            commits: self.commits.load(Relaxed),
            statements: self.statements.load(Relaxed),
            reads: self.reads.load(Relaxed),
            rows: self.rows.load(Relaxed),
            beats: self.beats.load(Relaxed),
        }
    }
}

impl std::ops::Sub for Counted {
    type Output = Counted;

    fn sub(self, before: Counted) -> Counted {
        Counted {
            proposals: self.proposals - before.proposals,
            commits: self.commits - before.commits,
            statements: self.statements - before.statements,
            reads: self.reads - before.reads,
            rows: self.rows - before.rows,
            beats: self.beats - before.beats,
        }
    }
}
