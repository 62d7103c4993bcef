//! Commands over SSH.
//!
//! - `agent`: a program that signs with keys that it keeps
//! - `connection`: one authenticated connection, and how it is made
//! - `credential`: the key that the daemon shows
//! - `doors`: how many handshakes a server is asked for at a time
//! - `job`: one command, from asking for a connection to leaving nothing behind
//! - `jobs`: all that are under way
//! - `known_hosts`: whether the host is the one that it says
//! - `pool`: connections that are kept for the next command
//! - `prologue`: what comes before a program's own output
//! - `session`: one command on a connection

mod agent;
mod connection;
mod credential;
mod doors;
mod job;
mod jobs;
mod known_hosts;
mod pool;
mod prologue;
mod session;

pub use credential::public_key;
pub use job::run;
pub use pool::Pool;

use super::error::printable;
use std::fmt;

/// What connections are shared by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    pub host: String,
    pub port: u16,
    pub user: String,
    pub credential: String,
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (user, host) = (printable(&self.user), printable(&self.host));
        match host.contains(':') {
            true => write!(formatter, "{user}@[{host}]:{}", self.port),
            false => write!(formatter, "{user}@{host}:{}", self.port),
        }
    }
}
