//! What keeps the allocator race-free, by name. In production all of it is on; the simulator's naive variants are this
//! same code with named protections switched off, so the catalogue of races and the list of protections are one thing.

use serde::{Deserialize, Serialize};

macro_rules! protections {
    ($($(#[doc = $doc:literal])* $name:ident = $text:literal,)*) => {
        /// One protection.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Protection { $($(#[doc = $doc])* $name,)* }

        impl Protection {
            pub const EVERY: &'static [Protection] = &[$(Protection::$name,)*];

            /// What it does, in a sentence or two.
            pub fn about(self) -> &'static str {
                match self { $(Protection::$name => concat!($($doc),*).trim_ascii(),)* }
            }

            /// Its name in traces, in the docs and on the command line.
            pub fn name(self) -> &'static str {
                match self { $(Protection::$name => $text,)* }
            }
        }
    };
}

protections! {
    /// A plan whose pool has moved on is refused whole.
    Version = "version",
    /// A plan that was made under an older configuration is refused.
    Revision = "revision",
    /// A lease that was accepted outlives an edit of the configuration for a while, and what is disabled still counts.
    StillCounts = "still-counts",
    /// Who waits is considered again under another configuration.
    ConsideredAgain = "considered-again",
    /// A named slot is given to one owner.
    Slots = "slots",
    /// A blueprint's maximum is checked again by the commit.
    Counter = "counter",
    /// A resource's shares are checked again by the commit.
    Shares = "shares",
    /// The planner counts what is being built as capacity.
    Coming = "coming",
    /// The requests that a resource is built for take their places in the commit that creates it.
    PlaceInCommit = "place-in-commit",
    /// A resource carries its labels from the commit that creates it.
    LabelsInCommit = "labels-in-commit",
    /// A commit about a lease checks that the lease is still as it was seen.
    LeaseGuard = "lease-guard",
    /// A call for a lease that is wanted away is cut off.
    CutOff = "cut-off",
    /// A step's answer counts only for the epoch it was started under.
    Epochs = "epochs",
    /// A node that was seen dead changes nothing.
    DeadNodes = "dead-nodes",
    /// What is missing outside counts only against what was there before the look began.
    SeenBefore = "seen-before",
    /// What is missing outside, or left there, counts when it was seen so twice in a row.
    SeenTwice = "seen-twice",
    /// What is missing from a look that saw only a part does not count.
    Complete = "complete",
    /// What a resource has left outside is looked for, and removed.
    Swept = "swept",
    /// Only what a resource of this store has left behind is removed; of what the store knows nothing, it is told.
    OursOnly = "ours-only",
    /// What another node may be opening is closed by that node.
    SameHands = "same-hands",
    /// `activate` commits against its place, not against whatever place its lease has by then.
    Stay = "stay",
    /// An owner's requests come one after the other, so that a crowd of them is not before everybody else.
    FairShare = "fair-share",
    /// Older requests first.
    Order = "order",
    /// Every commit that frees something raises the pool's news.
    News = "news",
    /// Who is blocked by something is looked at when that becomes idle.
    Blocked = "blocked",
    /// Ending a lease that has nothing yet raises the pool's news too.
    Withdrawals = "withdrawals",
    /// When a node is seen dead, the others look at everything once and take over what it had claimed.
    DeathLook = "death-look",
    /// Every try of a step is made under the same key.
    SameKey = "same-key",
    /// A client that is gone has its lease ended.
    ClientEnd = "client-end",
    /// A client that is gone is judged by the node that has claimed its lease, and by no other.
    Watch = "watch",
    /// A lease ends when its holder has not beaten in time.
    Heartbeat = "heartbeat",
    /// An owner's quota is checked again by the commit.
    Quota = "quota",
    /// A quota that is freed is news to every pool.
    QuotaNews = "quota-news",
    /// The key of a request outlives its lease.
    Keys = "keys",
    /// What is decided is committed while questions are still open.
    Beside = "beside",
    /// Clashes in a group of commits are settled before it is written.
    Settling = "settling",
    /// A commit that is repeated under its id is found, and not done twice.
    CommitId = "commit-id",
    /// What failed is set aside for a while.
    SettingAside = "setting-aside",
    /// What stands in the way and is idle is closed for those who wait.
    Reclaim = "reclaim",
    /// What was in use a moment ago is not closed for others.
    Grace = "grace",
    /// Beyond its shares, the least loaded resource is used, and the commit checks that it still is.
    Load = "load",
    /// What is still being built is shared beyond its shares, too.
    OverflowPending = "overflow-pending",
    /// Nobody is placed on what is being closed, and nothing is closed that somebody is on.
    CloseGuard = "close-guard",
    /// What may have been made is released and closed before it counts as gone.
    Cleanup = "cleanup",
    /// The places of a set are given in one item, which is done whole or not at all.
    Together = "together",
    /// What the first set in the order needs is kept for it, for a while.
    SetKeeps = "set-keeps",
    /// What only stands on something and is idle is closed, too, for those who wait for what it stands on.
    Towers = "towers",
    /// A resource that asks for its nested leases again finds those that it has.
    NestedKey = "nested-key",
    /// A resource that is wanted away goes only when nobody is on it.
    HeedPlaces = "heed-places",
    /// A resource is given to as many leases as it may, and to no more.
    Uses = "uses",
    /// A slot that is freed is news to every pool with a blueprint in its name space.
    SpaceNews = "space-news",
    /// A lease that is cancelled only takes its own item out of a plan.
    ItemByItem = "item-by-item",
    /// What a stay has left is written down, and cleared before anybody uses its slots again.
    Leftovers = "leftovers",
    /// Of what nobody has used for too long, as many stay as their blueprint keeps.
    Spared = "spared",
    /// What is kept for nobody is built only from room that nobody waits for.
    WarmLast = "warm-last",
    /// What a resource that was built for nobody has leased comes as early as the first lease that gets a place on it.
    Adopted = "adopted",
    /// Nobody is placed on a resource that does not answer.
    SickOut = "sick-out",
    /// A resource that answers again is lent only when what was left on it is cleared.
    ClearedFirst = "cleared-first",
    /// Whoever takes something else if need be waits for what is being asked about what is better.
    BestFirst = "best-first",
    /// Who can't be served does not hold up those behind.
    Skipping = "skipping",
}

/// Which protections are on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Protections(u64);

impl Protections {
    pub const ALL: Protections = Protections(u64::MAX);

    pub fn without(off: &[Protection]) -> Protections {
        Protections(off.iter().fold(u64::MAX, |bits, p| bits & !(1 << (*p as u64))))
    }

    pub fn has(self, protection: Protection) -> bool {
        self.0 & (1 << (protection as u64)) != 0
    }
}

impl Default for Protections {
    fn default() -> Self {
        Protections::ALL
    }
}
