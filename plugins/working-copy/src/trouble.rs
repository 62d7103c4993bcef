//! What went wrong on a host, and what follows from it.

use drydock_sdk::serde::{Deserialize, Serialize};
use drydock_sdk::{Blame, Failure, Next};

/// A script that failed. Saved before the step fails, so that all of it can be looked up.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(crate = "drydock_sdk::serde")]
pub struct Trouble {
    pub repository: String,
    /// What it was about: `tools`, `lock`, `prepare`, `credential`, `clone`, `fetch`, `find`, `cache`, `checkout`, `clean`,
    /// `merge`, `lfs`, `submodules`, `verify`, `tidy`; or `start` and `time` where the script did not get to say it.
    pub phase: String,
    /// The command that failed.
    pub command: String,
    /// What does not exist: a kind of name, and the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<String>,
    /// The last lines of what it said.
    pub stderr: String,
}

/// In which step it happened: the same trouble means another thing there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum During {
    Open,
    Activate,
    Release,
}

/// What git says where the remote refuses who asks, or shows another key than the known one.
const REFUSED: [&str; 10] = [
    "Authentication failed",
    "could not read Username",
    "could not read Password",
    "Permission denied (",
    "Host key verification failed",
    "REMOTE HOST IDENTIFICATION HAS CHANGED",
    "The requested URL returned error: 401",
    "The requested URL returned error: 403",
    "Access denied",
    "access denied",
];

/// … and where the URL leads to no repository, or to one that is not shown to who asks.
const NO_REPOSITORY: [&str; 6] = [
    "epository not found",
    "does not appear to be a git repository",
    "does not exist",
    "returned error: 404",
    "not valid: is this a git repository",
    "transport '",
];

/// … and where it has not got what is asked for.
const NO_COMMIT: [&str; 4] = [
    "couldn't find remote ref",
    "not our ref",
    "Server does not allow request for unadvertised object",
    "no such remote ref",
];

/// … and where a part of git, or ssh, is not installed on the host.
const NO_PROGRAM: [&str; 3] = ["is not a git command", "cannot run ssh", "ssh: not found"];

/// What any program says where the host has no room, or does not let it write.
const NO_ROOM: [&str; 4] =
    ["No space left on device", "Disk quota exceeded", "Read-only file system", "Cannot allocate memory"];

impl Trouble {
    fn says(&self, any: &[&str]) -> bool {
        any.iter().any(|text| self.stderr.contains(text))
    }

    /// The sentence for the person who must act.
    pub fn reason(&self) -> String {
        let what = match &self.missing {
            Some(missing) => format!("{} has no {missing}", self.repository),
            None if self.says(&NO_COMMIT) => format!("{} has not what is asked of it", self.repository),
            None => format!("{} could not be set up", self.repository),
        };
        format!("{what}; phase {}: `{}`: {}", self.phase, self.command, self.stderr.replace('\n', " / "))
    }

    /// The contract's table of failures, read for git.
    pub fn failure(&self, during: During) -> Failure {
        let reason = self.reason();
        if self.says(&NO_ROOM) && during != During::Release {
            return Failure::elsewhere(reason);
        }
        match (self.phase.as_str(), during) {
            // A copy that is not known to be clean is not lent again: as good as gone. It is no more than a directory.
            ("tidy" | "clean" | "cache" | "checkout" | "verify" | "prepare", During::Release) => {
                let reason = format!("the copy could not be cleaned, and is not lent again: {reason}");
                Failure { blame: Blame::Host, next: Next::Gone, reason, after: None }
            }
            ("find" | "fetch" | "clone" | "lfs" | "submodules", _) => self.remote_failure(reason),
            ("merge" | "verify", _) => Failure::request(reason),
            ("checkout", During::Activate) => Failure::request(reason),
            ("credential", _) => Failure::operator(reason),
            ("time", _) => Failure::host(reason),
            _ => Failure::elsewhere(reason),
        }
    }

    fn remote_failure(&self, reason: String) -> Failure {
        if self.says(&NO_PROGRAM) {
            return Failure::elsewhere(reason);
        }
        let gone = self.missing.is_some() || self.says(&NO_COMMIT);
        if self.says(&REFUSED) {
            Failure::operator(reason)
        } else if gone {
            Failure::request(reason)
        } else if self.says(&NO_REPOSITORY) {
            Failure::operator(reason)
        } else {
            Failure::provider(reason)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trouble(phase: &str, stderr: &str) -> Trouble {
        let text = str::to_owned;
        Trouble {
            repository: text("app"),
            phase: text(phase),
            command: text("git x"),
            missing: None,
            stderr: text(stderr),
        }
    }

    #[test]
    fn each_trouble_has_its_row_of_the_table() {
        use During::{Activate, Open, Release};
        let rows = [
            (
                "fetch",
                "fatal: unable to access 'https://x/': Could not resolve host: x",
                Activate,
                Blame::Provider,
                Next::BackOff,
            ),
            ("clone", "ssh: connect to host x port 22: Connection refused", Open, Blame::Provider, Next::BackOff),
            ("clone", "git@x: Permission denied (publickey).", Open, Blame::Operator, Next::Attention),
            ("fetch", "Host key verification failed.", Activate, Blame::Operator, Next::Attention),
            (
                "clone",
                "fatal: repository 'https://x/' not found\nremote: Repository not found.",
                Open,
                Blame::Operator,
                Next::Attention,
            ),
            ("find", "fatal: couldn't find remote ref refs/pull/1/head", Activate, Blame::Request, Next::BreakLease),
            ("merge", "CONFLICT (content): Merge conflict in a", Activate, Blame::Request, Next::BreakLease),
            ("clone", "fatal: write error: No space left on device", Open, Blame::Host, Next::Elsewhere),
            ("tools", "there is no git here", Open, Blame::Host, Next::Elsewhere),
            ("verify", "it is not clean: ?? x", Release, Blame::Host, Next::Gone),
            ("clean", "No space left on device", Release, Blame::Host, Next::Gone),
            ("lfs", "git: 'lfs' is not a git command. See 'git --help'.", Activate, Blame::Host, Next::Elsewhere),
            ("time", "", Activate, Blame::Host, Next::BackOff),
        ];
        for (phase, stderr, during, blame, next) in rows {
            let failure = trouble(phase, stderr).failure(during);
            assert_eq!((failure.blame, failure.next), (blame, next), "{phase}: {stderr}");
        }
    }
}
