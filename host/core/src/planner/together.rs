//! Sets: places for all of them, or for none.

use super::look::{Waiting, WaitingSet};
use super::plan::{Line, Tried, Work};
use crate::engine::api::Obstacle;
use crate::model::proposal::Item;
use crate::model::protection::Protection;
use std::collections::{BTreeMap, BTreeSet};

/// Milliseconds for which the first set in the order has what it needs kept for it, and for as long after that others may
/// pass; and so on in turn.
pub const SET_KEEPS: i64 = 60_000;

/// What a plan has used so far.
struct Used {
    used: BTreeMap<String, i64>,
    built: BTreeMap<String, i64>,
    offers: BTreeSet<String>,
    taken: BTreeSet<(String, String)>,
    given: BTreeMap<String, i64>,
    placed: BTreeSet<String>,
}

impl<'a> Work<'a> {
    /// Takes those of a set out of their lines, and gives all of them places, or none.
    pub(super) fn together(&mut self, set: &WaitingSet, lines: &mut Vec<Line<'a>>) {
        let of_set = |waiting: &Waiting| waiting.set.as_ref().is_some_and(|other| other.id == set.id);
        let mut members: Vec<Line<'a>> = Vec::new();
        for line in lines.iter_mut() {
            let waiting: Vec<&Waiting> = line.waiting.extract_if(.., |waiting| of_set(waiting)).collect();
            if !waiting.is_empty() {
                members.push(Line { class: line.class, waiting });
            }
        }
        // Some stand behind others of their class who can't be served either, or so far behind that the look has not
        // brought them, or in a pool that was not looked at.
        let whole = set.waiting == members.iter().map(|line| line.waiting.len()).sum::<usize>();
        let first = self.planned.plan.items.len();
        let before = self.used_so_far();
        let blocked = self.try_all(&members);
        let apart = !self.has(Protection::Together);
        match blocked {
            None if whole => {
                let items = self.planned.plan.items.split_off(first);
                match apart {
                    true => self.planned.plan.items.extend(items),
                    false => self.planned.plan.items.push(Item::Together(items)),
                }
            }
            _ if apart => {}
            _ => {
                self.planned.plan.items.truncate(first);
                if !self.keep(set) {
                    self.restore(before);
                }
                self.wait_together(&members, blocked);
            }
        }
        (0..lines.len()).rev().for_each(|i| self.close_line(lines, i));
    }

    /// Tries places for each of them; what keeps the first that has none.
    fn try_all(&mut self, members: &[Line<'a>]) -> Option<(usize, Vec<Obstacle>)> {
        for (i, line) in members.iter().enumerate() {
            let mut waiting = line.waiting.clone();
            while let Some(first) = waiting.first() {
                if !self.may_have_more(&first.lease) {
                    let reason = "its owner has all that it may have".to_owned();
                    return Some((i, vec![Obstacle { reason, ..Obstacle::default() }]));
                }
                match self.try_best(line.class, &waiting) {
                    Tried::Placed(count) => self.take_placed(&mut waiting, count),
                    Tried::Blocked(obstacles) => return Some((i, obstacles)),
                }
            }
        }
        None
    }

    /// Says what keeps the first of them that has no place, and has closed what stands in the way.
    fn wait_together(&mut self, members: &[Line<'a>], blocked: Option<(usize, Vec<Obstacle>)>) {
        let (at, obstacles) = blocked.unwrap_or_default();
        for (i, line) in members.iter().enumerate() {
            let reasons = if i == at { obstacles.clone() } else { Vec::new() };
            self.blocked(line.class, line.waiting[0].ord, line.waiting.len(), reasons);
        }
    }

    /// Whether what a set needs stays kept from those behind it.
    fn keep(&mut self, set: &WaitingSet) -> bool {
        if self.keeps.as_ref().is_some_and(|first| *first != set.id) || !self.has(Protection::SetKeeps) {
            return false;
        }
        self.keeps = Some(set.id.clone());
        let at = self.planner.at;
        let since = self.planner.answers.keeps.as_ref().filter(|(id, _)| *id == set.id).map_or(at, |(_, since)| *since);
        let turn = (at - since).max(0) / SET_KEEPS;
        self.wake_at(Some(since + (turn + 1) * SET_KEEPS));
        turn % 2 == 0
    }

    fn used_so_far(&self) -> Used {
        Used {
            used: self.used.clone(),
            built: self.built.clone(),
            offers: self.offers.clone(),
            taken: self.taken.clone(),
            given: self.given.clone(),
            placed: self.placed.clone(),
        }
    }

    fn restore(&mut self, before: Used) {
        let Used { used, built, offers, taken, given, placed } = before;
        (self.used, self.built, self.offers, self.taken) = (used, built, offers, taken);
        (self.given, self.placed) = (given, placed);
    }
}
