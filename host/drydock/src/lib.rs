//! The program: a daemon that lends things out, and its command line.
#![forbid(unsafe_code)]

pub mod api;
mod bench;
pub mod cli;
pub mod config;
pub mod exit;
mod sentence;
pub mod server;
