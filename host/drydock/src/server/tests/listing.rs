//! Lists by what is asked for, page by page.

use super::daemon;
use axum::http::StatusCode;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

fn encoded(value: &Value) -> String {
    utf8_percent_encode(&value.to_string(), NON_ALPHANUMERIC).to_string()
}

#[tokio::test]
async fn both_sides_of_what_a_plugin_may_do_are_told() {
    let daemon = daemon(1).await;
    let (status, body) = daemon.get("/v1/blueprints/shelf/permissions").await;
    assert_eq!((status, &body["blueprint"]), (StatusCode::OK, &json!("shelf")), "{body}");
    // The shelf asks for nothing, and is granted something.
    assert_eq!((&body["asks"], &body["unasked"]), (&json!([]), &json!(["commands:local"])));
    assert_eq!(body["always"].as_array().map(Vec::len), Some(2));
    let (status, body) = daemon.get("/v1/blueprints/shelves/permissions").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(body.to_string().contains("there are: cellar, shelf"), "{body}");
}

#[tokio::test]
async fn lists_have_filters_and_pages() {
    let daemon = daemon(1).await;
    let mut ids = Vec::new();
    for n in 1..=3 {
        let owner = if n == 3 { "grace" } else { "ada" };
        let body = json!({ "type": "shelf", "blueprint": "shelf", "owner": owner, "attributes": { "b": n } });
        ids.push(daemon.ask(body).await);
        // The order is that of the time at which they were asked for.
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    daemon.until(&ids[0], "active").await;
    let resource = daemon.until(&ids[0], "active").await["resource"]["id"].as_str().unwrap().to_string();
    let attributes = encoded(&json!({ "b": 2 }));
    let none = encoded(&json!({ "os": "linux" }));
    let asked = daemon.until(&ids[1], "pending").await["lease"]["asked_at"].as_i64().unwrap();
    for (query, found) in [
        ("owner=ada".to_string(), vec![1, 0]),
        ("status=pending".to_string(), vec![2, 1]),
        (format!("resource={resource}"), vec![0]),
        (format!("resource={}", &resource[..8]), vec![0]),
        (format!("attributes={attributes}"), vec![1]),
        (format!("labels={none}"), vec![]),
        (format!("since={asked}&owner=ada"), vec![1]),
        (format!("until={asked}"), vec![0]),
        ("finished=true".to_string(), vec![]),
    ] {
        let (status, body) = daemon.get(&format!("/v1/leases?{query}")).await;
        assert_eq!(status, StatusCode::OK, "{query}: {body}");
        let listed: Vec<&Value> = body["leases"].as_array().unwrap().iter().map(|lease| &lease["id"]).collect();
        let expected: Vec<&String> = found.iter().map(|n: &usize| &ids[*n]).collect();
        assert_eq!(listed, expected, "{query}");
        assert_eq!(body["next"], Value::Null);
    }
    let mut after = String::new();
    let mut paged = Vec::new();
    loop {
        let (_, body) = daemon.get(&format!("/v1/leases?limit=1{after}")).await;
        paged.extend(body["leases"].as_array().unwrap().iter().map(|lease| lease["id"].as_str().unwrap().to_string()));
        let Some(next) = body["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    paged.reverse();
    assert_eq!(paged, ids);
    daemon.post(&format!("/v1/leases/{}/release", ids[2]), json!({})).await;
    let (_, body) = daemon.get("/v1/leases?finished=true").await;
    assert_eq!(body["leases"][0]["id"], ids[2].as_str());
}

#[tokio::test]
async fn the_log_has_filters_and_can_start_now() {
    let daemon = daemon(1).await;
    let ada = daemon.ask(json!({ "type": "shelf", "blueprint": "shelf", "owner": "ada" })).await;
    daemon.until(&ada, "active").await;
    let (_, body) = daemon.get("/v1/events?from_now=true").await;
    assert_eq!(body["events"], json!([]));
    let now = body["next"].as_i64().unwrap();
    let grace = daemon.ask(json!({ "type": "shelf", "blueprint": "shelf", "owner": "grace" })).await;
    let (_, body) = daemon.get(&format!("/v1/events?after={now}")).await;
    assert!(body["events"].as_array().unwrap().iter().all(|event| event["lease"] == grace.as_str()), "{body}");
    let (_, body) = daemon.get("/v1/events?owner=ada&status=active").await;
    assert_eq!(body["events"].as_array().unwrap().len(), 1, "{body}");
    assert_eq!(body["events"][0]["id"], ada.as_str());
    // What is not meant is not looked at again.
    let (_, all) = daemon.get("/v1/events").await;
    assert!(body["next"].as_i64() >= all["events"].as_array().unwrap().last().unwrap()["seq"].as_i64(), "{body}");
}

#[tokio::test]
async fn a_wrong_filter_names_its_parameter() {
    let daemon = daemon(1).await;
    for (query, field) in [
        ("leases?labels=os", "labels"),
        ("leases?labels=%5B%5D", "labels"),
        ("leases?attributes=7", "attributes"),
        ("leases?after=l-1", "after"),
        ("leases?owner=", "owner"),
        ("resources?owner=ada", "owner"),
        ("resources?since=today", "since"),
        ("events?after=-1", "after"),
    ] {
        let (status, body) = daemon.get(&format!("/v1/{query}")).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{query}: {body}");
        let named = body["error"]["field"] == field || body["error"]["message"].as_str().unwrap().contains(field);
        assert!(named, "{query}: {body}");
    }
    let (status, _) = daemon.get("/v1/leases?resource=r-unknown").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}
