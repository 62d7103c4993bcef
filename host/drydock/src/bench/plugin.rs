//! What a call of a plugin costs that decides: a fresh instance, a configuration and ten attributes there, an offer with its
//! attributes back. Against the same work as a native function, and against a process of its own for every call.

use super::Options;
use super::rows::{Bound, Row};
use super::statistics::median;
use crate::server::bundled;
use anyhow::Context;
use async_trait::async_trait;
use drydock_core::contract::{BlueprintArg, Labels, Request};
use drydock_core::plugin::{Plugin, View};
use drydock_runtime::Loader;
use drydock_runtime::commands::Runner;
use drydock_runtime::credentials::Credentials;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

/// What a call may take, in microseconds.
const MOST: f64 = 60.0;

const SAMPLES: usize = 2_000;
const PROCESSES: usize = 200;

/// Nothing is taken.
struct Free;

#[async_trait]
impl View for Free {
    async fn taken(&self, _: Vec<String>) -> Vec<String> {
        Vec::new()
    }

    async fn used(&self, _: String) -> u32 {
        0
    }
}

pub async fn measure(options: &Options) -> anyhow::Result<Vec<Row>> {
    if !options.wants("plugin call") {
        return Ok(Vec::new());
    }
    eprintln!("plugin call: of a component, native, and a process each …");
    let part = if options.quick { 10 } else { 1 };
    let component = bundled::component("preallocated").context("the program brings no plugin for hosts")?;
    let loader = Loader::new(Arc::new(Runner::new(Credentials::default())))?;
    let plugin = loader.load("preallocated", component).await?;
    let (blueprint, request) = question();
    let (mut calls, mut natives, mut processes) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..SAMPLES / part {
        calls.push(timed(call(&*plugin, &blueprint, &request)).await?);
        let start = Instant::now();
        std::hint::black_box(native(&blueprint, &request)?);
        natives.push(microseconds(start));
    }
    let asked = json!([blueprint, request]).to_string();
    for _ in 0..PROCESSES / part {
        let start = Instant::now();
        process(asked.as_bytes())?;
        processes.push(microseconds(start));
    }
    let row = |name: &str, samples: &[f64]| {
        median(samples).map(|value| Row::new(name, value, "µs")).context("nothing was measured")
    };
    Ok(vec![
        row("plugin call", &calls)?.within(Bound::AtMost(MOST)),
        row("plugin call: as a native function", &natives)?,
        row("plugin call: as a process that only echoes", &processes)?,
    ])
}

fn microseconds(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e6
}

async fn timed(call: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<f64> {
    let start = Instant::now();
    call.await?;
    Ok(microseconds(start))
}

/// A blueprint with one host, which has ten labels.
fn question() -> (BlueprintArg, Request) {
    let labels: Labels = (0..10).map(|n| (format!("label-{n}"), format!("value of label {n}"))).collect();
    let host = json!({
        "name": "alpha", "address": "192.0.2.10", "user": "build", "credential": "lab", "path": "/srv/drydock",
        "labels": labels, "shares": 4,
    });
    let blueprint = BlueprintArg {
        name: "lab".to_owned(),
        config: json!({ "hosts": [host] }).to_string(),
        revision: 1,
        installation: "bench".to_owned(),
        now: 1_700_000_000_000,
        seed: 7,
    };
    let request = Request { kind: "host".to_owned(), attributes: "{}".to_owned(), labels, ..Request::default() };
    (blueprint, request)
}

async fn call(plugin: &dyn Plugin, blueprint: &BlueprintArg, request: &Request) -> anyhow::Result<()> {
    let answer = plugin.allocate(blueprint, request, &Free).await?;
    match answer {
        Ok(offers) if offers.len() == 1 && offers[0].labels.len() >= 10 => Ok(()),
        other => anyhow::bail!("the plugin answered what was not expected: {other:?}"),
    }
}

/// The same answer, as far as it takes reading and writing JSON.
fn native(blueprint: &BlueprintArg, request: &Request) -> anyhow::Result<String> {
    let config: Value = serde_json::from_str(&blueprint.config)?;
    let wanted: Value = serde_json::from_str(&request.attributes)?;
    let hosts = config["hosts"].as_array().context("there are hosts")?;
    let has = |host: &&Value| {
        wanted["host"].is_null() && request.labels.iter().all(|(key, value)| host["labels"][key] == *value)
    };
    let host = hosts.iter().find(has).context("a host matches")?;
    Ok(json!([{ "name": host["name"], "attributes": host, "labels": host["labels"] }]).to_string())
}

fn process(asked: &[u8]) -> anyhow::Result<()> {
    let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context("`cat` runs")?;
    child.stdin.take().context("it takes input")?.write_all(asked)?;
    let mut answer = Vec::new();
    child.stdout.take().context("it has output")?.read_to_end(&mut answer)?;
    child.wait()?;
    anyhow::ensure!(answer == asked, "`cat` answered something else");
    Ok(())
}
