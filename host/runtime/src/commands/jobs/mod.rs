//! Commands that outlive the connection, the call and the daemon that started them.
//!
//! Each has a record on the thing that it runs on, below the home of the user that it runs as. `script.sh` keeps these
//! records; everything about a job is learnt from there, so that any daemon can go on with what another one began.
//!
//! - `answer`: what the script's answers mean
//! - `calls`: starting, polling and cancelling
//! - `script`: the script, as a command

mod answer;
mod calls;
mod script;

pub use answer::{EndedJob, JobState};
pub use calls::JOB_TIMEOUT_LIMIT;
