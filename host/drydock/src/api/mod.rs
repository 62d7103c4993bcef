//! What the daemon and its clients say to each other: HTTP with JSON over a Unix socket.

pub mod base64;
pub mod queries;
pub mod types;
