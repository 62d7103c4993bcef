//! The plugin as any Rust code: decisions from views that are made up, inventories of a server that speaks Conduit, and
//! steps that run real commands in a folder of this machine.

mod decisions;
mod inventories;
mod listings;
mod server;
mod steps;

use crate::Almanac;
use drydock_sdk::http;
use drydock_sdk::view::Sight;
use drydock_sdk::{Allocation, Blueprint, Labels, Plugin, Refusal, Request, fake};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;

/// A blueprint whose hosts are logged in to in the same way; the rest of its configuration is `more`.
fn blueprint(more: Value) -> Blueprint<Almanac> {
    let mut config = json!({ "user": "build", "credential": "lab" });
    if let (Some(config), Value::Object(more)) = (config.as_object_mut(), more) {
        config.extend(more);
    }
    fake::blueprint(config)
}

fn conduit(uri: &str) -> Value {
    json!({ "conduit": { "uri": uri, "credential": "phorge" } })
}

fn request(attributes: Value, labels: &[(&str, &str)]) -> Request<Almanac> {
    let labels: Labels = labels.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect();
    fake::request(attributes, labels)
}

/// What is asked while planning.
#[derive(Default)]
struct World {
    taken: Vec<String>,
    sight: Option<Sight>,
}

impl fake::Outside for World {
    fn taken(&mut self, keys: &[String]) -> Vec<String> {
        keys.iter().filter(|key| self.taken.contains(key)).cloned().collect()
    }

    fn observed(&mut self) -> Option<Sight> {
        self.sight.clone()
    }
}

fn allocate(b: &Blueprint<Almanac>, r: &Request<Almanac>, world: World) -> Result<Vec<Allocation<Almanac>>, Refusal> {
    fake::with(world, || Almanac::allocate(b, r)).1
}

fn names(list: &[Allocation<Almanac>]) -> Vec<String> {
    let mut names: Vec<String> = list.iter().map(|one| one.name.clone()).collect();
    names.sort();
    names
}

/// The reason of a refusal that says to ask again later.
fn not_now<T>(answer: Result<T, Refusal>) -> String {
    match answer.err() {
        Some(Refusal::NotNow { reason, .. }) => reason,
        other => panic!("{other:?}"),
    }
}

fn never<T>(answer: Result<T, Refusal>) -> String {
    match answer.err() {
        Some(Refusal::Never(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

/// HTTP as the host speaks it for a plugin: with this token under `api.token`, where the plugin names the credential.
struct Wire {
    token: Option<&'static str>,
}

impl Wire {
    fn new() -> Wire {
        Wire { token: Some(server::TOKEN) }
    }
}

impl fake::Outside for Wire {
    fn send(&mut self, request: &http::Request) -> Result<http::Response, http::Error> {
        assert_eq!((request.method.as_str(), request.credential.as_deref()), ("POST", Some("phorge")));
        let mut body = request.body.clone();
        body.extend(self.token.into_iter().flat_map(|token| format!("&api.token={token}").into_bytes()));
        let broken = |error: std::io::Error| http::Error::Unreachable(format!("the connection broke off: {error}"));
        exchange(request, &body).map_err(broken)?.ok_or_else(|| http::Error::Unreachable("no answer".to_owned()))
    }
}

/// Sends a request and reads the answer; what ends before its length is an error.
fn exchange(request: &http::Request, body: &[u8]) -> std::io::Result<Option<http::Response>> {
    let Some((host, path)) = request.url.strip_prefix("http://").and_then(|rest| rest.split_once('/')) else {
        return Ok(None);
    };
    let mut stream = TcpStream::connect(host)?;
    write!(stream, "POST /{path} HTTP/1.1\r\nhost: {host}\r\ncontent-length: {}\r\n\r\n", body.len())?;
    stream.write_all(body)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let body = answer.split_off(end + 4);
    let header = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned()));
    let headers: Vec<(String, String)> = head.lines().filter_map(header).collect();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
    let response = http::Response { status, headers, body };
    let whole = response.header("content-length").is_some_and(|length| length == response.body.len().to_string());
    Ok(whole.then_some(response))
}
