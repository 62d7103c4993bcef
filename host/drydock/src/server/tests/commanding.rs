//! Commands on a lease: their output, how they end, and what cuts them off.

use super::{DEADLINE, Daemon, daemon};
use crate::api::types::{CommandEvent, CommandFailure};
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::time::timeout;
use tower::ServiceExt;

async fn lease(daemon: &Daemon, blueprint: &str) -> String {
    let id = daemon.ask(json!({ "type": "shelf", "blueprint": blueprint })).await;
    daemon.until(&id, "active").await;
    id
}

async fn start(daemon: &Daemon, id: &str, body: Value) -> Body {
    let request = Request::builder().method(Method::POST).uri(format!("/v1/leases/{id}/command"));
    let response = daemon.router.clone().oneshot(request.body(Body::from(body.to_string())).unwrap()).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "application/x-ndjson");
    response.into_body()
}

/// What was printed on stdout and stderr, and the last line.
async fn finish(body: Body) -> (String, String, CommandEvent) {
    let body = timeout(DEADLINE, body.collect()).await.unwrap().unwrap().to_bytes();
    let (mut out, mut err, mut last) = (Vec::new(), Vec::new(), None);
    for line in body.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
        assert!(last.is_none(), "something after the end");
        match serde_json::from_slice(line).unwrap() {
            CommandEvent::Stdout { stdout } => out.extend(stdout.0),
            CommandEvent::Stderr { stderr } => err.extend(stderr.0),
            end => last = Some(end),
        }
    }
    (String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap(), last.unwrap())
}

async fn until(condition: impl Fn() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !condition() {
        assert!(Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn output_and_exit_code_come_back() {
    let daemon = daemon(1).await;
    let id = lease(&daemon, "shelf").await;
    let script = "cat; echo \"$SHELF $1 $B $(pwd)\"; echo oops >&2; exit 7";
    let body = json!({
        "argv": ["sh", "-c", script, "sh", "a 'b\n$c"],
        "environment": { "B": "mine" },
        "stdin_base64": STANDARD.encode("typed\n"),
    });
    let (out, err, last) = finish(start(&daemon, &id, body).await).await;
    let directory = std::env::temp_dir().canonicalize().unwrap();
    assert_eq!(out, format!("typed\nshelf a 'b\n$c mine {}\n", directory.display()));
    assert_eq!((err.as_str(), last), ("oops\n", CommandEvent::Exit { exit: 7 }));
}

#[tokio::test]
async fn the_lines_are_as_documented() {
    let daemon = daemon(1).await;
    let id = lease(&daemon, "shelf").await;
    let body = start(&daemon, &id, json!({ "argv": ["echo", "hello"] })).await;
    let text = timeout(DEADLINE, body.collect()).await.unwrap().unwrap().to_bytes();
    assert_eq!(text, "{\"stdout\":\"aGVsbG8K\"}\n{\"exit\":0}\n");
}

#[tokio::test]
async fn signals_timeouts_and_missing_programs_are_told_apart() {
    let daemon = daemon(1).await;
    let id = lease(&daemon, "shelf").await;
    let (_, _, last) = finish(start(&daemon, &id, json!({ "argv": ["sh", "-c", "kill -KILL $$"] })).await).await;
    assert_eq!(last, CommandEvent::Signal { signal: "KILL".into() });
    let (_, _, last) = finish(start(&daemon, &id, json!({ "argv": ["sleep", "600"], "timeout_ms": 100 })).await).await;
    assert!(matches!(last, CommandEvent::Error { kind: CommandFailure::TimedOut, .. }), "{last:?}");
    let (_, _, last) = finish(start(&daemon, &id, json!({ "argv": ["no-such-program"] })).await).await;
    assert_eq!(last, CommandEvent::Exit { exit: 127 });
}

#[tokio::test]
async fn a_command_ends_with_its_lease() {
    let daemon = daemon(1).await;
    let id = lease(&daemon, "shelf").await;
    let folder = tempfile::tempdir().unwrap();
    let body = start(&daemon, &id, sleeper(folder.path())).await;
    until(|| folder.path().join("started").exists()).await;
    let path = format!("/v1/leases/{id}/release");
    let release = daemon.post(&path, json!({ "reason": "over" }));
    let ((_, _, last), _) = tokio::join!(finish(body), release);
    let CommandEvent::Error { error, kind } = last else { panic!("{last:?}") };
    assert_eq!(kind, CommandFailure::LeaseEnded);
    assert_eq!(error, format!("the command was cut off: lease {id} ended: over"));
    gone(folder.path()).await;
}

#[tokio::test]
async fn a_command_ends_with_its_client() {
    let daemon = daemon(1).await;
    let id = lease(&daemon, "shelf").await;
    let folder = tempfile::tempdir().unwrap();
    let body = start(&daemon, &id, sleeper(folder.path())).await;
    until(|| folder.path().join("started").exists()).await;
    drop(body);
    gone(folder.path()).await;
}

#[tokio::test]
async fn a_command_ends_with_the_daemon() {
    let daemon = daemon(1).await;
    let id = lease(&daemon, "shelf").await;
    let folder = tempfile::tempdir().unwrap();
    let body = start(&daemon, &id, sleeper(folder.path())).await;
    until(|| folder.path().join("started").exists()).await;
    daemon.news.stop();
    let (_, _, last) = finish(body).await;
    assert!(matches!(last, CommandEvent::Error { kind: CommandFailure::Stopping, .. }), "{last:?}");
    gone(folder.path()).await;
}

/// Writes its process id and then sleeps, longer than any test waits.
fn sleeper(folder: &Path) -> Value {
    json!({ "argv": ["sh", "-c", "echo $$ > pid; mv pid started; exec sleep 600"], "directory": folder })
}

/// The sleeper is gone.
async fn gone(folder: &Path) {
    let pid = std::fs::read_to_string(folder.join("started")).unwrap();
    let state = format!("/proc/{}/stat", pid.trim());
    // A zombie is dead; somebody only has not asked how it ended.
    until(|| std::fs::read_to_string(&state).map_or(true, |stat| stat.contains(") Z "))).await;
}

#[tokio::test]
async fn a_command_that_can_not_be_run_is_refused() {
    let daemon = daemon(1).await;
    let id = lease(&daemon, "shelf").await;
    let waiter = daemon.ask(json!({ "type": "shelf", "blueprint": "shelf" })).await;
    let cellar = lease(&daemon, "cellar").await;
    let cases = [
        (&id, json!({ "argv": [] }), 400, "argv: it is empty"),
        (&id, json!({ "argv": ["true"], "timeout_ms": 0 }), 400, "timeout_ms: 0 is out of range"),
        (&id, json!({ "argv": ["true"], "stdin_base64": "???" }), 400, "stdin_base64: this is no base64"),
        (&id, json!({ "argv": ["true"], "tty": true }), 400, "tty: there is no field `tty` here"),
        (&waiter, json!({ "argv": ["true"] }), 409, "lease l-"),
        (&cellar, json!({ "argv": ["true"] }), 409, "blueprint \"cellar\" gives access to this very machine"),
    ];
    for (id, body, status, message) in cases {
        let (found, answer) = daemon.post(&format!("/v1/leases/{id}/command"), body).await;
        let said = answer["error"]["message"].as_str().unwrap_or_default().to_string();
        assert!(found.as_u16() == status && said.starts_with(message), "{found} {answer}");
    }
}
