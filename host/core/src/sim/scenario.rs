//! What a scenario is: who wants what of which blueprints, which faults strike, and what must and must not be.

use super::watch::Watch;
use super::yard::Yard;
use crate::model::protection::Protection;

#[derive(Clone)]
pub struct Scenario {
    pub name: &'static str,
    /// What happened to others, and what must hold; one line.
    pub about: &'static str,
    pub nodes: usize,
    pub yards: Vec<Yard>,
    pub clients: Vec<Client>,
    /// How many leases with a place some owners may have.
    pub quotas: &'static [(&'static str, u32)],
    /// Seconds between the turns of an owner's requests.
    pub fair_share: u32,
    /// Other configurations that come in force while it runs.
    pub edits: Vec<Edit>,
    pub faults: Faults,
    /// Each of these, switched off together, must be found to break it; and each alone of those with several must not.
    pub naive: &'static [&'static [Protection]],
    /// Looks after every commit.
    pub watch: fn(&mut Watch<'_>) -> Result<(), String>,
    /// What must have happened at least once over the seeds.
    pub reached: &'static [&'static str],
    /// From when to when, in milliseconds from the start, nobody may decide or commit anything.
    pub quiet: Option<(i64, i64)>,
    /// One in so many times a timer fires although somebody could go on; 0 for never.
    pub early_timer: u32,
    /// How long clients wait before the run has failed, in milliseconds.
    pub patience: i64,
    /// After how long a node that has not counted up is seen dead, in milliseconds.
    pub dead_after: i64,
}

/// An operator brings other blueprints in force at some node.
#[derive(Clone, Debug)]
pub struct Edit {
    /// When, in milliseconds from the start.
    pub at: i64,
    pub yards: Vec<Yard>,
}

/// One client: it asks, holds, lets go, and is served in time unless it gives up.
#[derive(Clone, Copy, Debug)]
pub struct Client {
    /// When it asks, in milliseconds from the start.
    pub at: i64,
    pub kind: &'static str,
    /// Default: one of its own.
    pub owner: Option<&'static str>,
    pub priority: i32,
    /// The types of what it wants together or not at all, beside its own.
    pub set: &'static [&'static str],
    pub labels: &'static [(&'static str, &'static str)],
    /// The labels of what it takes otherwise, best first.
    pub otherwise: &'static [&'static [(&'static str, &'static str)]],
    pub attributes: &'static str,
    /// How long it holds what it got, in milliseconds.
    pub hold: i64,
    /// It cancels this long after it asked, whatever it has by then.
    pub cancel: Option<i64>,
    /// Its lease is tied, and it is connected to a node until it is done.
    pub tied: bool,
    /// It connects to another node this often, in milliseconds, before it closes the connection that it has; or beats at
    /// another each time.
    pub moves: Option<i64>,
    /// It keeps its tied lease as soon as that is active, and is not connected from then on.
    pub keeps: bool,
    /// It is gone this long after it asked, without a word; at 0 before it was connected.
    pub vanish: Option<i64>,
    /// Its lease ends when it has not beaten for so long, in milliseconds.
    pub heartbeat: Option<i64>,
    /// It beats this often, in milliseconds.
    pub beats: Option<i64>,
    /// It beats no more this long after it was served, in milliseconds, and does nothing else any more.
    pub dies: Option<i64>,
    /// It is no client, but looks at everything so often, until so long after the start; both in milliseconds.
    pub probes: Option<(i64, i64)>,
    /// It asks again under its key when its lease is gone.
    pub returns: bool,
    /// It is no client, but an operator who wants every resource away at that time.
    pub drains: bool,
    /// It is no client, but an operator who gives up on every resource that can't be closed at that time.
    pub forgets: bool,
    /// It must be active so long after it asked.
    pub within: Option<i64>,
}

impl Client {
    pub const fn at(at: i64) -> Client {
        Client {
            at,
            kind: "host",
            owner: None,
            priority: 0,
            set: &[],
            labels: &[],
            otherwise: &[],
            attributes: "{}",
            hold: 1_000,
            cancel: None,
            tied: false,
            moves: None,
            keeps: false,
            vanish: None,
            heartbeat: None,
            beats: None,
            dies: None,
            probes: None,
            returns: false,
            drains: false,
            forgets: false,
            within: None,
        }
    }

    pub const fn hold(self, hold: i64) -> Client {
        Client { hold, ..self }
    }

    pub const fn wants(self, attributes: &'static str) -> Client {
        Client { attributes, ..self }
    }

    pub const fn of(self, kind: &'static str) -> Client {
        Client { kind, ..self }
    }

    pub const fn owned_by(self, owner: &'static str) -> Client {
        Client { owner: Some(owner), ..self }
    }

    pub const fn urgent(self, priority: i32) -> Client {
        Client { priority, ..self }
    }

    pub const fn together_with(self, set: &'static [&'static str]) -> Client {
        Client { set, ..self }
    }

    pub const fn labelled(self, labels: &'static [(&'static str, &'static str)]) -> Client {
        Client { labels, ..self }
    }

    pub const fn or_else(self, otherwise: &'static [&'static [(&'static str, &'static str)]]) -> Client {
        Client { otherwise, ..self }
    }

    pub const fn cancels(self, after: i64) -> Client {
        Client { cancel: Some(after), ..self }
    }

    pub const fn vanishes(self, after: i64) -> Client {
        Client { tied: true, vanish: Some(after), ..self }
    }

    pub const fn tied(self) -> Client {
        Client { tied: true, ..self }
    }

    pub const fn moves(self, every: i64) -> Client {
        Client { tied: true, moves: Some(every), ..self }
    }

    pub const fn keeps(self) -> Client {
        Client { tied: true, keeps: true, ..self }
    }

    pub const fn beats(self, every: i64, heartbeat: i64) -> Client {
        Client { heartbeat: Some(heartbeat), beats: Some(every), ..self }
    }

    pub const fn dies(self, after: i64) -> Client {
        Client { dies: Some(after), ..self }
    }

    /// Looks at everything.
    pub const fn probes(self, every: i64, until: i64) -> Client {
        Client { probes: Some((every, until)), ..self }
    }

    pub const fn returns(self) -> Client {
        Client { returns: true, ..self }
    }

    /// An operator who wants away every resource that there is.
    pub const fn drains(self) -> Client {
        Client { drains: true, ..self }
    }

    /// An operator who gives up on what can't be closed.
    pub const fn forgets(self) -> Client {
        Client { forgets: true, ..self }
    }

    pub const fn within(self, within: i64) -> Client {
        Client { within: Some(within), ..self }
    }
}

/// How many faults of each kind may strike in one run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    pub kills: u32,
    /// A node stands still for longer than its claim lasts.
    pub freezes: u32,
    /// An acting call fails before it is made, or its answer is lost.
    pub calls: u32,
    /// A commit fails before it is made, or its answer is lost.
    pub commits: u32,
}

impl Faults {
    pub const NONE: Faults = Faults { kills: 0, freezes: 0, calls: 0, commits: 0 };
    pub const ALL: Faults = Faults { kills: 1, freezes: 1, calls: 2, commits: 2 };
    pub const NO_FREEZE: Faults = Faults { kills: 1, freezes: 0, calls: 2, commits: 2 };
}

/// The scenario of a name.
pub fn find(name: &str) -> Option<Scenario> {
    super::scenarios::all().into_iter().chain(super::scenarios::large()).find(|scenario| scenario.name == name)
}
