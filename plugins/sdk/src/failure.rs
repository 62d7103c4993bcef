//! Why a step failed, and what should happen next.

use crate::bindings::types;
use crate::{commands, http};
use std::time::Duration;

pub use types::{Blame, Next};

/// A failed step. Each builder is a row of the contract's table; the reason is one sentence for the person who must act.
#[derive(Clone, Debug)]
pub struct Failure {
    pub blame: Blame,
    pub next: Next,
    pub reason: String,
    pub after: Option<Duration>,
}

impl Failure {
    fn new(blame: Blame, next: Next, reason: impl Into<String>) -> Failure {
        Failure { blame, next, reason: reason.into(), after: None }
    }

    /// The request can't be set up anywhere; the lease breaks, the resource is good.
    pub fn request(reason: impl Into<String>) -> Failure {
        Failure::new(Blame::Request, Next::BreakLease, reason)
    }

    /// This resource can't serve it, another might.
    pub fn elsewhere(reason: impl Into<String>) -> Failure {
        Failure::new(Blame::Host, Next::Elsewhere, reason)
    }

    /// The thing itself can't be reached, or is too slow: it is tried again, less and less often.
    pub fn host(reason: impl Into<String>) -> Failure {
        Failure::new(Blame::Host, Next::BackOff, reason)
    }

    /// The provider is unavailable, throttles or is at its limit: the same.
    pub fn provider(reason: impl Into<String>) -> Failure {
        Failure::new(Blame::Provider, Next::BackOff, reason)
    }

    /// A credential was refused, a grant is missing, an image does not exist: an operator has to act.
    pub fn operator(reason: impl Into<String>) -> Failure {
        Failure::new(Blame::Operator, Next::Attention, reason)
    }

    /// The resource does not exist any more.
    pub fn gone(reason: impl Into<String>) -> Failure {
        Failure::new(Blame::Provider, Next::Gone, reason)
    }

    /// The plugin itself is at a loss.
    pub fn plugin(reason: impl Into<String>) -> Failure {
        Failure::new(Blame::Plugin, Next::BackOff, reason)
    }

    /// Not to be tried again before so long.
    pub fn after(mut self, after: Duration) -> Failure {
        self.after = Some(after);
        self
    }

    /// The same, its reason begun with what was being done.
    pub fn while_doing(mut self, doing: &str) -> Failure {
        self.reason = format!("{doing}: {}", self.reason);
        self
    }
}

impl From<Failure> for types::Failure {
    fn from(failure: Failure) -> types::Failure {
        types::Failure {
            blame: failure.blame,
            next: failure.next,
            reason: failure.reason,
            after: failure.after.map(millis),
        }
    }
}

/// No answer that could be relied on: the command may have run all the same.
impl From<commands::Error> for Failure {
    fn from(error: commands::Error) -> Failure {
        match error {
            commands::Error::Unreachable(text) | commands::Error::TimedOut(text) | commands::Error::Other(text) => {
                Failure::host(text)
            }
            commands::Error::Refused(text) | commands::Error::Denied(text) | commands::Error::Invalid(text) => {
                Failure::operator(text)
            }
        }
    }
}

impl From<http::Error> for Failure {
    fn from(error: http::Error) -> Failure {
        Failure::provider(error.to_string())
    }
}

pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
