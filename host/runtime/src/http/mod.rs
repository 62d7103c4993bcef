//! HTTP for guests: `wasi:http`, outgoing only, to servers that the plugin asks for and the operator grants.
//!
//! - `address`: what an address is reached by
//! - `attach`: how a credential is put on a request
//! - `body`: what a guest gets of a response
//! - `client`: what all calls share
//! - `connection`: one connection to one address
//! - `denial`: what was refused, for the host to tell
//! - `gate`: what one call may send
//! - `grant`: `http:` in a blueprint's grants
//! - `header`: what of a guest's headers stays
//! - `parameters`: fields of queries and forms
//! - `policy`: whether a request is covered by both sides
//! - `resolver`: from names to addresses
//! - `role`: the keys of the machine's own role
//! - `sending`: one request, from its body to the response's headers
//! - `signature`: AWS Signature Version 4

mod address;
mod attach;
mod body;
mod client;
mod connection;
mod denial;
mod gate;
mod grant;
mod header;
mod parameters;
mod policy;
mod resolver;
mod role;
mod sending;
mod signature;

pub use address::Reach;
pub use client::{BadAuthority, HttpClient};
pub(crate) use denial::Denials;
pub(crate) use gate::Gate;
pub use grant::HttpGrant;
pub use resolver::{Resolver, SystemResolver};
