//! Long polls: they answer when something has changed, and nobody polls.

use super::{DEADLINE, Daemon, daemon};
use axum::http::StatusCode;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// Far beyond the deadline: an answer in time came because of a change.
const LONG: u64 = 300_000;

async fn tag(daemon: &Daemon, id: &str) -> String {
    daemon.get(&format!("/v1/leases/{id}")).await.1["lease"]["tag"].as_str().unwrap().to_string()
}

/// A lease on the only place, and one that waits for it.
async fn holder_and_waiter(daemon: &Daemon) -> (String, String) {
    let body = json!({ "type": "shelf", "blueprint": "shelf" });
    let holder = daemon.ask(body.clone()).await;
    daemon.until(&holder, "active").await;
    (holder, daemon.ask(body).await)
}

#[tokio::test]
async fn a_waiter_hears_of_its_turn() {
    let daemon = daemon(1).await;
    let (holder, waiter) = holder_and_waiter(&daemon).await;
    let seen = tag(&daemon, &waiter).await;
    let path = format!("/v1/leases/{waiter}?wait_ms={LONG}&seen={seen}");
    let wait = daemon.get(&path);
    let release = async {
        // The resource stays, so the place is free as soon as the holder is gone.
        daemon.post(&format!("/v1/leases/{holder}/release"), json!({})).await
    };
    let ((status, detail), _) = timeout(DEADLINE, async { tokio::join!(wait, release) }).await.unwrap();
    assert_eq!(status, StatusCode::OK);
    assert_ne!(detail["lease"]["tag"], seen.as_str());
    daemon.until(&waiter, "active").await;
}

#[tokio::test]
async fn the_answer_to_a_request_can_wait_for_the_lease() {
    let daemon = daemon(1).await;
    let body = |wait: u64| json!({ "type": "shelf", "blueprint": "shelf", "wait_ms": wait });
    let (status, holder) = timeout(DEADLINE, daemon.post("/v1/leases", body(LONG))).await.unwrap();
    assert_eq!((status, &holder["status"]), (StatusCode::CREATED, &json!("active")), "{holder}");
    assert_eq!(tag(&daemon, holder["id"].as_str().unwrap()).await, holder["tag"], "it is all of the lease");

    let began = Instant::now();
    let (status, waiter) = daemon.post("/v1/leases", body(100)).await;
    assert_eq!((status, &waiter["status"]), (StatusCode::CREATED, &json!("pending")), "{waiter}");
    assert!(began.elapsed() >= Duration::from_millis(100));

    let ends = |id: &Value| format!("/v1/leases/{}/release", id.as_str().unwrap());
    daemon.post(&ends(&waiter["id"]), json!({})).await;
    let wait = daemon.post("/v1/leases", body(LONG));
    let release = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        daemon.post(&ends(&holder["id"]), json!({})).await
    };
    let ((_, next), _) = timeout(DEADLINE, async { tokio::join!(wait, release) }).await.unwrap();
    assert_eq!(next["status"], "active", "{next}");

    let stop = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        daemon.news.stop();
    };
    let ((_, last), ()) =
        timeout(DEADLINE, async { tokio::join!(daemon.post("/v1/leases", body(LONG)), stop) }).await.unwrap();
    assert_eq!(last["status"], "pending", "{last}");
}

#[tokio::test]
async fn without_a_change_the_same_comes_back_in_time() {
    let daemon = daemon(1).await;
    let (_, waiter) = holder_and_waiter(&daemon).await;
    let seen = tag(&daemon, &waiter).await;
    let began = Instant::now();
    let (status, detail) = daemon.get(&format!("/v1/leases/{waiter}?wait_ms=100&seen={seen}")).await;
    assert_eq!((status, detail["lease"]["tag"].as_str()), (StatusCode::OK, Some(seen.as_str())));
    assert!(began.elapsed() >= Duration::from_millis(100));
}

#[tokio::test]
async fn what_was_not_seen_comes_at_once() {
    let daemon = daemon(1).await;
    let (holder, _) = holder_and_waiter(&daemon).await;
    for query in
        [format!("wait_ms={LONG}"), format!("wait_ms={LONG}&seen=0123456789abcdef"), format!("wait_ms={LONG}&seen=")]
    {
        let answer = timeout(DEADLINE, daemon.get(&format!("/v1/leases/{holder}?{query}"))).await;
        assert_eq!(answer.unwrap().0, StatusCode::OK);
    }
}

#[tokio::test]
async fn why_says_who_is_in_the_way_and_when_that_changes() {
    let daemon = daemon(1).await;
    let (holder, waiter) = holder_and_waiter(&daemon).await;
    let path = format!("/v1/leases/{waiter}/why");
    let mut seen = String::new();
    let full = async {
        loop {
            let (_, why) = daemon.get(&format!("{path}?wait_ms={LONG}&seen={seen}")).await;
            seen = why["tag"].as_str().unwrap().to_string();
            if why["obstacles"][0]["reason"] == "every place is taken" {
                return why;
            }
        }
    };
    let why = timeout(DEADLINE, full).await.unwrap();
    assert_eq!((&why["place_in_line"], &why["obstacles"][0]["holders"]), (&json!(1), &json!([holder])));
    let path = format!("{path}?wait_ms={LONG}&seen={seen}");
    let wait = daemon.get(&path);
    let release = format!("/v1/leases/{holder}/release");
    let release = daemon.post(&release, json!({}));
    let ((_, why), _) = timeout(DEADLINE, async { tokio::join!(wait, release) }).await.unwrap();
    assert_ne!(why["tag"], seen.as_str());
}

#[tokio::test]
async fn events_are_waited_for() {
    let daemon = daemon(1).await;
    let mut after = 0;
    loop {
        let (_, page) = daemon.get(&format!("/v1/events?after={after}&limit=2")).await;
        after = page["next"].as_i64().unwrap();
        if page["events"].as_array().unwrap().is_empty() {
            break;
        }
    }
    let path = format!("/v1/events?after={after}&wait_ms={LONG}");
    let wait = daemon.get(&path);
    let ask = daemon.ask(json!({ "type": "shelf" }));
    let ((status, page), id) = timeout(DEADLINE, async { tokio::join!(wait, ask) }).await.unwrap();
    assert_eq!(status, StatusCode::OK);
    let first = &page["events"][0];
    assert_eq!((&first["id"], &first["was"], &first["now"]), (&Value::from(id), &json!(""), &json!("pending")));
    assert!(page["next"].as_i64().unwrap() > after);
}

#[tokio::test]
async fn stopping_answers_all_who_wait() {
    let daemon = daemon(1).await;
    let (_, waiter) = holder_and_waiter(&daemon).await;
    let seen = tag(&daemon, &waiter).await;
    let lease = format!("/v1/leases/{waiter}?wait_ms={LONG}&seen={seen}");
    let (_, page) = daemon.get("/v1/events?limit=10000").await;
    let events = format!("/v1/events?after={}&wait_ms={LONG}", page["next"]);
    let stop = async { daemon.news.stop() };
    let answers = timeout(DEADLINE, async { tokio::join!(daemon.get(&lease), daemon.get(&events), stop) });
    let (lease, events, ()) = answers.await.unwrap();
    assert_eq!((lease.0, events.0), (StatusCode::OK, StatusCode::OK));
    daemon.node.stop(0).await;
    let (status, body) = daemon.post("/v1/leases", json!({ "type": "shelf" })).await;
    assert_eq!((status, &body["error"]["kind"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("unavailable")));
}

#[tokio::test]
async fn who_has_all_that_its_owner_may_is_told_so_and_passed() {
    let daemon = daemon(2).await;
    let body = |owner: &str, priority: i32| json!({ "type": "shelf", "owner": owner, "priority": priority });
    let first = daemon.ask(body("ci", 0)).await;
    daemon.until(&first, "active").await;
    let second = daemon.ask(body("ci", 2)).await;
    let other = daemon.ask(body("ada", -1)).await;
    let served = daemon.until(&other, "active").await;
    assert_eq!(served["lease"]["priority"], -1);
    let (_, why) = daemon.get(&format!("/v1/leases/{second}/why")).await;
    let told =
        "It waits, number 1 in line: owner ci has 1 of at most 1 leases with a place (max_leases), and it comes when";
    assert!(why["summary"].as_str().unwrap().starts_with(told), "{why}");
    daemon.post(&format!("/v1/leases/{first}/release"), json!({})).await;
    daemon.until(&second, "active").await;
    assert_eq!(daemon.get("/v1/check").await.1, json!({ "violations": [] }));
}
