//! Resources that can't be closed, and what they leave.

use super::shelf::Shelf;
use super::{DEADLINE, daemon_of};
use axum::http::StatusCode;
use drydock_core::engine::HOLD_GRACE;
use serde_json::json;
use std::time::Instant;

#[tokio::test]
async fn what_cant_be_closed_is_given_up_and_listed_until_somebody_has_cleaned_up() {
    let daemon = daemon_of(Shelf::stuck(), 1, HOLD_GRACE).await;
    let id = daemon.ask(json!({ "type": "shelf", "blueprint": "shelf" })).await;
    let resource = daemon.until(&id, "active").await["lease"]["resource"].as_str().unwrap().to_string();
    let forget = format!("/v1/resources/{resource}/forget");
    let (status, refused) = daemon.post(&forget, json!({})).await;
    assert_eq!(status, StatusCode::CONFLICT, "{refused}");
    let sentence = format!(
        "resource {resource} is active: only one whose closing has failed can be forgotten; `drydock release --resource \
         {resource}` lets it be closed"
    );
    assert_eq!(refused["error"]["message"], sentence);

    daemon.post(&format!("/v1/leases/{id}/release"), json!({})).await;
    daemon.post(&format!("/v1/resources/{resource}/release"), json!({})).await;
    let started = Instant::now();
    let given_up = loop {
        let (status, answer) = daemon.post(&forget, json!({ "reason": "the house burnt down" })).await;
        if status == StatusCode::OK {
            break answer;
        }
        assert!(started.elapsed() < DEADLINE, "{answer}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    assert_eq!(given_up["status"], "destroyed");

    let (_, list) = daemon.get("/v1/leaks").await;
    let leak = &list["leaks"][0];
    assert_eq!((&leak["resource"], &leak["name"]), (&json!(resource), &json!("place/0")));
    let reason = leak["reason"].as_str().unwrap();
    assert!(reason.contains("the house burnt down") && reason.contains("the door is stuck"), "{reason}");
    assert_eq!(daemon.get("/v1/check").await.1, json!({ "violations": [] }));

    let clear = format!("/v1/leaks/{}/clear", leak["id"].as_str().unwrap());
    assert_eq!(daemon.post(&clear, json!({})).await, (StatusCode::OK, leak.clone()));
    assert_eq!(daemon.get("/v1/leaks").await.1, json!({ "leaks": [] }));
    let (status, gone) = daemon.post(&clear, json!({})).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(gone["error"]["message"].as_str().unwrap().contains("on the leak list"), "{gone}");
}
