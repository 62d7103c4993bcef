//! What is true and what may change: rows, statuses, and the function that decides every commit. No I/O.

pub mod backoff;
pub mod decide;
pub mod inventory;
pub mod news;
mod plan;
pub mod proposal;
pub mod protection;
pub mod rows;
pub mod sign;
pub mod status;
pub mod table;
