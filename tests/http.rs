//! HTTP from guests: to whom, how much, with which credentials; and that no secret ever reaches one.

#[allow(dead_code)] // Each test file uses a part of it.
mod arguments;
#[path = "http/credentials.rs"]
mod credentials;
#[allow(dead_code)]
mod guests;
#[path = "http/hearing.rs"]
mod hearing;
#[path = "http/limits.rs"]
mod limits;
#[path = "http/names.rs"]
mod names;
#[path = "http/policy.rs"]
mod policy;
#[path = "http/role.rs"]
mod role;
#[path = "http/sentinel.rs"]
mod sentinel;
#[path = "http/server.rs"]
mod server;
#[path = "http/signature.rs"]
mod signature;
#[path = "http/tls.rs"]
mod tls;

use arguments::{blueprint, resource, step};
use drydock_core::contract::{Failure, Progress};
use drydock_core::plugin::{Fault, Plugin, Step};
use drydock_runtime::commands::Runner;
use drydock_runtime::credentials::{CredentialConfig, Credentials};
use drydock_runtime::{HttpClient, Limits, Loader};
use names::Names;
use serde_json::{Value, json};
use std::sync::Arc;

/// Credentials as a file writes them.
fn credentials(text: &str) -> Credentials {
    let tables: std::collections::BTreeMap<String, CredentialConfig> = toml::from_str(text).expect("credentials");
    tables.into_iter().map(|(name, keys)| (name, keys.check().expect("a credential"))).collect()
}

/// The courier, with these credentials and names.
async fn courier(credentials: Credentials, names: &Names) -> Arc<dyn Plugin> {
    courier_by(HttpClient::new(credentials.clone()).with_resolver(names.resolver()), credentials).await
}

async fn courier_by(client: HttpClient, credentials: Credentials) -> Arc<dyn Plugin> {
    let runner = Arc::new(Runner::new(credentials));
    let loader = Loader::with_http(runner, Arc::new(client), Limits::default()).expect("a loader");
    loader.load("courier", &guests::bytes("courier")).await.unwrap_or_else(|error| panic!("{error}"))
}

async fn open(plugin: &dyn Plugin, config: Value, grants: &[&str]) -> Result<Result<Progress, Failure>, Fault> {
    let mut call = step(Step::Open, &blueprint(config), &resource("{}"), None);
    call.grants = grants.iter().map(|grant| (*grant).to_owned()).collect();
    plugin.act(call).await
}

/// What the courier tells of a call.
async fn report(plugin: &dyn Plugin, config: Value, grants: &[&str]) -> Value {
    match open(plugin, config, grants).await {
        Ok(Ok(Progress::Done(outcome))) => serde_json::from_str(&outcome.state.expect("a report")).expect("JSON"),
        other => panic!("no report, but {other:?}"),
    }
}

/// What it tells of one request.
async fn deliver(plugin: &dyn Plugin, request: Value, grants: &[&str]) -> Value {
    report(plugin, json!({ "requests": [request] }), grants).await["answers"][0].take()
}

/// The reason that a failure ends up with when this request can't be made.
async fn reason(plugin: &dyn Plugin, request: Value, grants: &[&str]) -> String {
    match open(plugin, json!({ "requests": [request], "strict": true }), grants).await {
        Ok(Err(failure)) => failure.reason,
        other => panic!("no failure, but {other:?}"),
    }
}

/// That a sentence says these things.
#[track_caller]
fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in {text:?}");
    }
}

const BROKEN: &str = "ErrorCode::ConnectionTerminated";
