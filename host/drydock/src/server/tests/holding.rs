//! Connections that tied leases last as long as: what their streams say, and what ends with them.

use super::{DEADLINE, Daemon, daemon, daemon_with};
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio::time::timeout;
use tower::ServiceExt;

impl Daemon {
    async fn ask_tied(&self) -> String {
        self.ask(json!({ "type": "shelf", "blueprint": "shelf", "tied": true })).await
    }

    /// A connection that is open, with its first line.
    async fn hold(&self, id: &str) -> (Body, Value) {
        let request = Request::builder().uri(format!("/v1/leases/{id}/hold")).body(Body::empty()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "application/x-ndjson");
        let mut body = response.into_body();
        let line = timeout(DEADLINE, body.frame()).await.unwrap().unwrap().unwrap().into_data().unwrap();
        assert_eq!(line.last(), Some(&b'\n'));
        (body, serde_json::from_slice(&line).unwrap())
    }

    /// Has a lease end for want of a client, so that whatever was left alone before has had time to end too.
    async fn outlast(&self) {
        let id = self.ask_tied().await;
        let (connection, _) = self.hold(&id).await;
        drop(connection);
        let ended = self.until(&id, "destroyed").await;
        assert_eq!(ended["lease"]["outcome"], "holder-gone");
    }
}

/// The lines after the first, but not those that only keep the connection alive.
async fn rest(body: Body) -> Vec<Value> {
    let bytes = timeout(DEADLINE, body.collect()).await.unwrap().unwrap().to_bytes();
    let lines = bytes.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).unwrap()).collect()
}

#[tokio::test]
async fn a_tied_lease_ends_when_its_last_connection_does() {
    let daemon = daemon(1).await;
    let id = daemon.ask_tied().await;
    let (first, line) = daemon.hold(&id).await;
    assert_eq!((&line["lease"]["id"], &line["lease"]["tied"]), (&json!(id), &json!(true)));
    let (second, _) = daemon.hold(&id).await;
    daemon.until(&id, "active").await;
    drop(first);
    daemon.outlast().await;
    assert_eq!(daemon.until(&id, "active").await["lease"]["wanted"], "keep");
    drop(second);
    let ended = daemon.until(&id, "destroyed").await;
    assert_eq!(ended["lease"]["outcome"], "holder-gone");
    let (_, why) = daemon.get(&format!("/v1/leases/{id}/why")).await;
    assert!(why["summary"].as_str().unwrap().starts_with("It ended (holder-gone): its client is gone; "), "{why}");
    let next = daemon.ask_tied().await;
    daemon.until(&next, "active").await;
    assert_eq!(daemon.get("/v1/check").await, (StatusCode::OK, json!({ "violations": [] })));
}

#[tokio::test]
async fn a_tied_lease_that_nobody_ever_held_ends_after_a_while() {
    let daemon = daemon_with(1, 100).await;
    let id = daemon.ask_tied().await;
    assert_eq!(daemon.until(&id, "destroyed").await["lease"]["outcome"], "holder-gone");
}

#[tokio::test]
async fn the_last_line_says_how_the_lease_ended() {
    let daemon = daemon(1).await;
    let id = daemon.ask_tied().await;
    let (connection, _) = daemon.hold(&id).await;
    daemon.until(&id, "active").await;
    daemon.post(&format!("/v1/leases/{id}/release"), json!({ "reason": "done" })).await;
    let lines = rest(connection).await;
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!((&lines[0]["lease"]["outcome"], &lines[0]["lease"]["reason"]), (&json!("released"), &json!("done")));
}

#[tokio::test]
async fn a_lease_that_is_kept_lasts_without_a_connection() {
    let daemon = daemon(1).await;
    let id = daemon.ask_tied().await;
    let (connection, _) = daemon.hold(&id).await;
    daemon.until(&id, "active").await;
    let keep = format!("/v1/leases/{id}/keep");
    for body in ["", "{}"] {
        let (status, lease) = daemon.send(Method::POST, &keep, body).await;
        assert_eq!((status, &lease["tied"], &lease["status"]), (StatusCode::OK, &json!(false), &json!("active")));
    }
    drop(connection);
    daemon.outlast().await;
    let (_, detail) = daemon.get(&format!("/v1/leases/{id}")).await;
    assert_eq!((&detail["lease"]["status"], &detail["lease"]["tied"]), (&json!("active"), &json!(false)));
}

#[tokio::test]
async fn who_asks_untied_relies_on_no_connection_of_others() {
    let daemon = daemon(1).await;
    let body = |tied: bool| json!({ "type": "shelf", "blueprint": "shelf", "key": "k", "owner": "ada", "tied": tied });
    let id = daemon.ask(body(true)).await;
    let (connection, _) = daemon.hold(&id).await;
    for tied in [false, true] {
        let (_, found) = daemon.post("/v1/leases", body(tied)).await;
        assert_eq!((&found["id"], &found["tied"]), (&json!(id), &json!(false)), "{found}");
    }
    drop(connection);
    daemon.outlast().await;
    assert_eq!(daemon.until(&id, "active").await["lease"]["wanted"], "keep");
}

#[tokio::test]
async fn what_can_not_be_held_or_kept_is_told() {
    let daemon = daemon(1).await;
    let untied = daemon.ask(json!({ "type": "shelf", "blueprint": "shelf" })).await;
    let ended = daemon.ask_tied().await;
    daemon.post(&format!("/v1/leases/{ended}/release"), json!({})).await;
    let over = format!("lease {ended} has ended, or is ending; `drydock why {ended}` says how");
    let get = Method::GET;
    let cases = [
        (&get, format!("{untied}/hold"), "", 409, json!("id"), format!("lease {untied} is not tied to a connection: ")),
        (&get, format!("{ended}/hold"), "", 409, json!("id"), over.clone()),
        (&get, "l-nope/hold".into(), "", 404, json!(null), "there is no lease or resource \"l-nope\"".into()),
        (&get, "l-/hold".into(), "", 400, json!("id"), "more than one id begins with \"l-\"".into()),
        (&Method::POST, format!("{ended}/keep"), "", 409, json!("id"), over.clone()),
        (&Method::POST, "l-nope/keep".into(), "", 404, json!(null), "there is no lease or resource \"l-nope\"".into()),
        (
            &Method::POST,
            format!("{untied}/keep"),
            r#"{"tied": 1}"#,
            400,
            json!("tied"),
            "tied: unknown field `tied`, there are no fields".into(),
        ),
        (
            &Method::POST,
            format!("{untied}/beat"),
            "",
            409,
            json!("id"),
            format!("lease {untied} was asked for without a heartbeat or an idle timeout: "),
        ),
        (&Method::POST, format!("{ended}/beat"), "", 409, json!("id"), over.clone()),
        (&Method::POST, format!("{untied}/hold"), "", 405, json!(null), "POST can't be used on".into()),
    ];
    for (method, path, body, status, field, message) in cases {
        let (found, answer) = daemon.send(method.clone(), &format!("/v1/leases/{path}"), body).await;
        let error = &answer["error"];
        assert_eq!((found.as_u16(), &error["field"]), (status, &field), "{method} {path}: {answer}");
        assert!(error["message"].as_str().unwrap().starts_with(&message), "{method} {path}: {answer}");
    }
}

#[tokio::test]
async fn stopping_ends_connections_and_no_lease() {
    let daemon = daemon(1).await;
    let id = daemon.ask_tied().await;
    let (connection, _) = daemon.hold(&id).await;
    daemon.until(&id, "active").await;
    daemon.news.stop();
    assert_eq!(rest(connection).await, [] as [Value; 0], "nothing is said of an end");
    daemon.node.stop(0).await;
    let (status, answer) = daemon.get(&format!("/v1/leases/{id}/hold")).await;
    assert_eq!((status, &answer["error"]["kind"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("unavailable")));
    assert_eq!(daemon.node.lease(&id).await.unwrap().lease.outcome, "");
}

#[tokio::test]
async fn only_beats_keep_a_lease_with_a_heartbeat() {
    let daemon = daemon(3).await;
    let body = json!({ "type": "shelf", "blueprint": "shelf", "heartbeat_ms": 1500 });
    let (beaten, probed) = (daemon.ask(body.clone()).await, daemon.ask(body).await);
    let active = daemon.until(&probed, "active").await;
    assert_eq!((&active["lease"]["heartbeat_ms"], &active["lease"]["wanted"]), (&json!(1500), &json!("keep")));
    daemon.until(&beaten, "active").await;
    let deadline = std::time::Instant::now() + DEADLINE;
    loop {
        let (status, lease) = daemon.post(&format!("/v1/leases/{beaten}/beat"), json!({})).await;
        assert_eq!((status, &lease["wanted"]), (StatusCode::OK, &json!("keep")), "{lease}");
        daemon.get(&format!("/v1/leases/{probed}/why")).await;
        let (_, probe) = daemon.get(&format!("/v1/leases/{probed}")).await;
        if probe["lease"]["wanted"] == "end" {
            assert_eq!(probe["lease"]["outcome"], "holder-gone", "{probe}");
            let lasted = |at: &str| probe["lease"][at].as_i64().unwrap();
            assert!(lasted("ended_at") - lasted("active_at") >= 1_500, "{probe}");
            break;
        }
        assert!(std::time::Instant::now() < deadline, "{probe}");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let over = daemon.until(&beaten, "destroyed").await;
    assert_eq!(over["lease"]["outcome"], "holder-gone");
    let (status, answer) = daemon.post(&format!("/v1/leases/{beaten}/beat"), json!({})).await;
    assert_eq!((status, &answer["error"]["field"]), (StatusCode::CONFLICT, &json!("id")), "{answer}");
}

#[tokio::test]
async fn a_lease_that_is_used_does_not_expire() {
    let daemon = daemon(2).await;
    let body = json!({ "type": "shelf", "blueprint": "shelf", "idle_timeout_ms": 1000 });
    let (used, unused) = (daemon.ask(body.clone()).await, daemon.ask(body).await);
    daemon.until(&used, "active").await;
    daemon.until(&unused, "active").await;
    let sleep = json!({ "argv": ["sleep", "3"] }).to_string();
    let path = format!("/v1/leases/{used}/command");
    let request = Request::builder().method(Method::POST).uri(path).body(Body::from(sleep)).unwrap();
    let response = daemon.router.clone().oneshot(request).await.unwrap();
    let lines = rest(response.into_body()).await;
    assert_eq!(lines, [json!({ "exit": 0 })], "it was not cut off");
    assert_eq!(daemon.until(&unused, "destroyed").await["lease"]["outcome"], "expired");
    let ended = daemon.until(&used, "destroyed").await;
    let (asked, over) = (ended["lease"]["active_at"].as_i64().unwrap(), ended["lease"]["ended_at"].as_i64().unwrap());
    assert!(over - asked >= 4_000, "a second after its last use: {ended}");
}

#[tokio::test]
async fn the_end_of_a_lease_is_moved() {
    let daemon = daemon(1).await;
    let id = daemon.ask(json!({ "type": "shelf", "blueprint": "shelf" })).await;
    daemon.until(&id, "active").await;
    let hour = super::super::router::now() + 3_600_000;
    let (status, lease) = daemon.post(&format!("/v1/leases/{id}/extend"), json!({ "until": hour })).await;
    assert_eq!((status, &lease["until"]), (StatusCode::OK, &json!(hour)), "{lease}");
    let soon = super::super::router::now() + 500;
    let (status, lease) = daemon.post(&format!("/v1/leases/{id}/extend"), json!({ "until": soon })).await;
    assert_eq!((status, &lease["until"]), (StatusCode::OK, &json!(soon)), "{lease}");
    let ended = daemon.until(&id, "destroyed").await;
    assert_eq!(ended["lease"]["outcome"], "expired");
    let (status, answer) = daemon.post(&format!("/v1/leases/{id}/extend"), json!({ "until": hour })).await;
    let message = answer["error"]["message"].as_str().unwrap();
    assert!(status == StatusCode::CONFLICT && message.contains("has ended, or is ending"), "{answer}");
    let (status, answer) = daemon.post(&format!("/v1/leases/{id}/extend"), json!({ "until": 1 })).await;
    assert_eq!((status, &answer["error"]["field"]), (StatusCode::BAD_REQUEST, &json!("until")), "{answer}");
}

#[tokio::test]
async fn who_holds_it_under_another_epoch_is_refused() {
    let daemon = daemon(1).await;
    let body = json!({ "type": "shelf", "blueprint": "shelf", "heartbeat_ms": 60_000 });
    let first = daemon.ask(body.clone()).await;
    let fence = daemon.until(&first, "active").await["lease"]["fence"].as_i64().unwrap();
    let hour = super::super::router::now() + 3_600_000;
    for (what, mut body) in [("release", json!({})), ("extend", json!({ "until": hour })), ("beat", json!({}))] {
        body["if_epoch"] = json!(fence + 1);
        let (status, answer) = daemon.post(&format!("/v1/leases/{first}/{what}"), body).await;
        assert_eq!((status, &answer["error"]["field"]), (StatusCode::CONFLICT, &json!("if_epoch")), "{what}: {answer}");
    }
    assert_eq!(daemon.until(&first, "active").await["lease"]["until"], json!(null));
    for what in ["beat", "release"] {
        let (status, answer) = daemon.post(&format!("/v1/leases/{first}/{what}"), json!({ "if_epoch": fence })).await;
        assert_eq!(status, StatusCode::OK, "{what}: {answer}");
    }
    let second = daemon.ask(body).await;
    assert!(daemon.until(&second, "active").await["lease"]["fence"].as_i64().unwrap() > fence);
}
