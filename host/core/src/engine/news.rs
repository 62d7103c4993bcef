//! What a matcher is told of its pool's news.

use crate::model::news::{About, Piece};
use std::collections::BTreeMap;

/// Of so many groups it is known what their news was about; of those before them it may be anything.
const PIECES: usize = 64;

/// The pool's news, and how often everything is to be looked at whatever the news is.
#[derive(Clone, Debug, Default)]
pub struct News {
    pub news: i64,
    pub looks: u64,
    /// What the latest of it is about: by the pool's news before each piece, its news after it.
    pieces: BTreeMap<i64, (i64, Option<About>)>,
}

impl News {
    /// Takes in a piece, which may come late and in any order.
    pub fn hear(&mut self, piece: &Piece) {
        self.pieces.insert(piece.before, (piece.after, piece.about.clone()));
        while self.pieces.len() > PIECES {
            self.pieces.pop_first();
        }
    }

    /// What all of it after this is about. None if it may be about anything, as what was not heard of may.
    pub fn since(&self, seen: i64) -> Option<About> {
        let mut all = About::default();
        let mut at = seen;
        while at < self.news {
            let (after, about) = self.pieces.get(&at)?;
            all.extend(about.as_ref()?);
            at = *after;
        }
        Some(all)
    }
}
