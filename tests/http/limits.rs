//! How much, and for how long.

use super::names::Names;
use super::server::Server;
use super::{BROKEN, courier, deliver, open, report, says};
use crate::arguments::{blueprint, resource, step};
use drydock_core::contract::Progress;
use drydock_core::plugin::Step;
use drydock_runtime::credentials::Credentials;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

#[tokio::test]
async fn bodies_and_headers_are_bounded() {
    let server = Server::start().await;
    let plugin = courier(Credentials::new(), &Names::default()).await;
    let grant = server.grant();
    for (path, says_) in [
        ("/big", "HTTP response body size exceeds limit"),
        ("/length", "HttpResponseBodySize"),
        ("/many", "HttpProtocolError"),
        ("/wide", "ErrorCode::Http"),
    ] {
        let answer = deliver(&*plugin, server.request(path), &[&grant]).await;
        says(answer["error"].as_str().unwrap_or_else(|| panic!("{path}: {answer}")), &[says_]);
    }
    let whole = deliver(&*plugin, server.request("/fits"), &[&grant]).await;
    assert_eq!((&whole["error"], &whole["length"]), (&Value::Null, &json!(16 << 20)));

    server.seen.take();
    let with = |padding: usize| json!({ "method": "POST", "scheme": "http", "authority": server.authority(), "path": "/fits", "padding": padding });
    let answer = deliver(&*plugin, with((16 << 20) + 1), &[&grant]).await;
    says(answer["error"].as_str().unwrap(), &["HttpRequestBodySize"]);
    assert!(server.seen.take().is_empty(), "nothing of it was sent");
    assert_eq!(deliver(&*plugin, with(16 << 20), &[&grant]).await["status"], 200);
    assert_eq!(server.seen.take()[0].body.len(), 16 << 20);
}

#[tokio::test]
async fn a_call_has_64_requests() {
    let server = Server::start().await;
    let plugin = courier(Credentials::new(), &Names::default()).await;
    let config = json!({ "requests": vec![server.request("/redirect"); 66] });
    let report = report(&*plugin, config.clone(), &[&server.grant()]).await;
    let answers = report["answers"].as_array().unwrap();
    assert!(answers[..64].iter().all(|answer| answer["status"] == 302));
    assert!(answers[64..].iter().all(|answer| answer["error"] == BROKEN));
    assert_eq!(server.seen.take().len(), 64);
    let mut strict = config;
    strict["strict"] = json!(true);
    let failure = open(&*plugin, strict, &[&server.grant()]).await.unwrap().unwrap_err();
    says(&failure.reason, &["more than 64 requests in one call of `open`"]);
}

#[tokio::test]
async fn eight_connections_are_open_at_once_and_others_wait() {
    let server = Server::start().await;
    let plugin = courier(Credentials::new(), &Names::default()).await;
    let config = json!({ "requests": vec![server.request("/wait"); 20], "together": true });
    let report = report(&*plugin, config, &[&server.grant()]).await;
    assert!(report["answers"].as_array().unwrap().iter().all(|answer| answer["body"] == "waited"), "{report}");
    assert_eq!((server.seen.take().len(), server.seen.most()), (20, 8));
}

#[tokio::test]
async fn a_request_ends_before_its_call_is_cut_off() {
    let server = Server::start().await;
    let plugin = courier(Credentials::new(), &Names::default()).await;
    for path in ["/silent", "/drip"] {
        let mut call =
            step(Step::Open, &blueprint(json!({ "requests": [server.request(path)] })), &resource("{}"), None);
        call.grants = vec![server.grant()];
        call.context.deadline = 1_000;
        let began = Instant::now();
        let Ok(Ok(Progress::Done(outcome))) = plugin.act(call).await else {
            panic!("{path}: the guest had no time to answer")
        };
        assert!(began.elapsed() >= Duration::from_millis(700));
        let told: Value = serde_json::from_str(&outcome.state.unwrap()).unwrap();
        // What goes wrong in a body is told without anything of the host's inside.
        let error = if path == "/silent" { "ErrorCode::HttpResponseTimeout" } else { "HTTP response timeout" };
        assert_eq!(told["answers"][0]["error"], error);
    }
}

#[tokio::test]
async fn dropping_a_call_ends_its_requests() {
    let server = Server::start().await;
    let plugin = courier(Credentials::new(), &Names::default()).await;
    let grant = server.grant();
    let grants = [grant.as_str()];
    let call = open(&*plugin, json!({ "requests": [server.request("/silent")] }), &grants);
    assert!(tokio::time::timeout(Duration::from_millis(500), call).await.is_err());
    assert_eq!(server.seen.take().len(), 1);
    for _ in 0..100 {
        if server.seen.now() == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the connection is still there");
}
