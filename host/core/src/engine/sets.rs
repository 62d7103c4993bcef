//! Leases that are wanted together or not at all.

use super::api::{Ask, AskError};
use super::node::Node;
use crate::model::proposal::{Change, Lost, Outcome, SetOf};
use crate::model::rows::Lease;

/// At most so many leases are asked for as one set.
pub const SET: usize = 64;

impl Node {
    /// Makes all the leases of a set in one commit, or finds those that their keys made. While they wait they end
    /// together; their places are given in one commit. All have one owner and one priority.
    pub async fn ask_set(&self, asks: Vec<Ask>) -> Result<Vec<Lease>, AskError> {
        if asks.is_empty() || asks.len() > SET {
            return Err(AskError::SetSize { size: asks.len(), most: SET });
        }
        let owner = &asks[0].owner;
        if let Some(most) = self.farm().order.max_leases(owner)
            && asks.len() as i64 > most
        {
            return Err(AskError::SetQuota { size: asks.len(), owner: owner.clone(), most });
        }
        let mut kinds: Vec<String> = asks.iter().map(|ask| ask.request.kind.clone()).collect();
        kinds.sort();
        kinds.dedup();
        let set = SetOf { id: self.new_id("s"), kinds };
        let mut leases = Vec::with_capacity(asks.len());
        for ask in &asks {
            leases.push(self.new_lease(ask, Some((&set, asks.len()))).await?);
        }
        // They stand at one place in the order, however long their questions took.
        let asked_at = self.env.now();
        leases.iter_mut().for_each(|lease| lease.asked_at = asked_at);
        // One that can never be served makes all of them useless, and each says so.
        if let Some(reason) = leases.iter().find_map(|lease| lease.never.clone()) {
            leases.iter_mut().for_each(|lease| lease.never = Some(reason.clone()));
        }
        let tied: Vec<bool> = asks.iter().map(|ask| ask.tied).collect();
        let ids: Vec<String> = leases.iter().map(|lease| lease.id.clone()).collect();
        let (outcome, touched) = self.commit_for_rows(Change::AskSet(leases)).await;
        let found = match outcome {
            Outcome::Done(done) => done.leases,
            Outcome::Known => ids,
            Outcome::Lost(Lost::KeyReused(lease)) => {
                let key = asks.into_iter().find_map(|ask| ask.key).unwrap_or_default();
                return Err(AskError::KeyReused { key, lease });
            }
            Outcome::Lost(lost) => return Err((&lost).into()),
            Outcome::Unknown(why) => return Err(AskError::Store(why)),
        };
        let mut rows = Vec::with_capacity(found.len());
        for (id, tied) in found.into_iter().zip(tied) {
            let lease = self.left(id, &touched).await?;
            rows.push(self.relied_on(lease, tied).await?);
        }
        Ok(rows)
    }
}
