//! What the core leaves to the outside: plugins as WebAssembly components, and commands on the things that are leased.
#![forbid(unsafe_code)]

pub mod commands;
