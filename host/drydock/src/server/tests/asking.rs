//! What is wrong with a request is said with the field's name, and changes nothing.

use super::{Daemon, daemon};
use axum::body::Body;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

/// The answer's status, kind, field and message.
fn parts((status, body): (StatusCode, Value)) -> (u16, String, Option<String>, String) {
    let error = &body["error"];
    let text = |key: &str| error[key].as_str().map(str::to_string);
    (status.as_u16(), text("kind").unwrap_or(body.to_string()), text("field"), text("message").unwrap_or_default())
}

async fn refused(daemon: &Daemon, body: &str) -> (u16, String, Option<String>, String) {
    parts(daemon.send(Method::POST, "/v1/leases", body.to_string()).await)
}

#[tokio::test]
async fn a_wrong_request_names_its_field() {
    let daemon = daemon(1).await;
    let long = "x".repeat(256);
    let cases: &[(&str, Option<&str>, &str)] = &[
        ("", None, "the body is empty; send a JSON object"),
        ("{", None, "the body is no JSON: EOF while parsing an object at line 1 column 1"),
        (r#"{"type": "shelf"} x"#, None, "there is something after the JSON: trailing characters at line 1 column 19"),
        ("[\"shelf\"]", None, "the body is a JSON array; send an object"),
        ("{}", None, "line 1: the field `type` is missing"),
        (
            "{\"type\": \"shelf\",\n\"atributes\": {}}",
            Some("atributes"),
            "atributes: there is no field `atributes` here; there are: `type`, `attributes`, `labels`, `blueprint`, `otherwise`, \
             `owner`, `priority`, `key`, `until`, `timeout_ms`, `tied`, `heartbeat_ms`, `idle_timeout_ms`, `wait_ms` (line 2)",
        ),
        (r#"{"type": 7}"#, Some("type"), "type: invalid type: integer `7`, expected a string (line 1)"),
        (
            r#"{"type": "shelf", "attributes": []}"#,
            Some("attributes"),
            "attributes: invalid type: sequence, expected a map (line 1)",
        ),
        (
            r#"{"type": "shelf", "labels": {"os": 7}}"#,
            Some("labels.os"),
            "labels.os: invalid type: integer `7`, expected a string (line 1)",
        ),
        (
            r#"{"type": "shelf", "tied": "yes"}"#,
            Some("tied"),
            "tied: invalid type: string \"yes\", expected a boolean (line 1)",
        ),
        (r#"{"type": ""}"#, Some("type"), "type: it is empty; it is 1 to 255 bytes"),
        (r#"{"type": "host"}"#, Some("type"), "no blueprint makes \"host\"; the configured types are: shelf"),
        (
            r#"{"type": "shelf", "blueprint": "attic"}"#,
            Some("blueprint"),
            "no blueprint is named \"attic\"; the configured ones are: cellar, shelf",
        ),
        (
            r#"{"type": "shelf", "labels": {"a b": "c"}}"#,
            Some("labels"),
            "labels: \"a b\" is no key of a label; it is 1 to 63 characters of a-z A-Z 0-9 . _ - /",
        ),
        (
            r#"{"type": "shelf", "attributes": {"b": 0}}"#,
            Some("attributes.b"),
            "attributes.b: blueprint \"cellar\": 0 is less than the minimum of 1; blueprint \"shelf\": 0 is less than \
             the minimum of 1",
        ),
        (
            r#"{"type": "shelf", "blueprint": "shelf", "attributes": {"d": [{}, 1]}}"#,
            Some("attributes.d[1]"),
            "attributes.d[1]: blueprint \"shelf\": 1 is not of type \"object\"",
        ),
        (
            r#"{"type": "shelf", "blueprint": "shelf", "attributes": {"disk": 1}}"#,
            Some("attributes.disk"),
            "attributes.disk: blueprint \"shelf\": it is unexpected: there is no such key",
        ),
        (
            r#"{"type": "shelf", "until": 1}"#,
            Some("until"),
            "until: 1 is in the past; it is in milliseconds since 1970, and now is ",
        ),
        (
            r#"{"type": "shelf", "timeout_ms": 0}"#,
            Some("timeout_ms"),
            "timeout_ms: 0 is out of range; it is 1 to 3155760000000 milliseconds",
        ),
        (
            r#"{"type": "shelf", "priority": 1001}"#,
            Some("priority"),
            "priority: 1001 is out of range; it is -1000 to 1000",
        ),
        (
            r#"{"type": "shelf", "owner": "ci", "priority": 3}"#,
            Some("priority"),
            "priority 3 is above what owner \"ci\" may ask for, which is 2; ask for at most that, or have max_priority ",
        ),
        (
            r#"{"type": "shelf", "heartbeat_ms": 999}"#,
            Some("heartbeat_ms"),
            "heartbeat_ms: 999 is out of range; it is 1000 to 86400000 milliseconds",
        ),
        (
            r#"{"type": "shelf", "idle_timeout_ms": -1}"#,
            Some("idle_timeout_ms"),
            "idle_timeout_ms: -1 is out of range; it is 1000 to 31536000000 milliseconds",
        ),
        (
            r#"{"type": "shelf", "wait_ms": 300001}"#,
            Some("wait_ms"),
            "wait_ms: 300001 is out of range; it is 0 to 300000 milliseconds",
        ),
        (r#"{"type": "shelf", "owner": "LONG"}"#, Some("owner"), "owner: it is 256 bytes long; it is at most 255"),
        (
            r#"{"type": "shelf", "key": "a\u0000b"}"#,
            Some("key"),
            "key: it contains the control character U+0000; leave it out",
        ),
        (
            r#"{"type": "shelf", "otherwise": [{}, {"labels": {"os": "a\u0085b"}}]}"#,
            Some("otherwise[1].labels.os"),
            "otherwise[1].labels.os: it contains the control character U+0085; leave it out",
        ),
        (
            r#"{"type": "shelf", "otherwise": [{}, {}, {}, {}, {}, {}, {}, {}, {}]}"#,
            Some("otherwise"),
            "otherwise: there are 9; it is at most 8",
        ),
        (r#"{"type": "sh\u001b[2Jelf"}"#, Some("type"), "type: it contains the control character U+001B; leave it out"),
        (
            r#"{"type": "shelf", "labels": {"os": "a\u0085b"}}"#,
            Some("labels.os"),
            "labels.os: it contains the control character U+0085; leave it out",
        ),
        (
            r#"{"type": "shelf", "attributes": {"a": ["x", {"deep": "a\nb"}]}}"#,
            Some("attributes.a[1].deep"),
            "attributes.a[1].deep: it contains the control character U+000A; leave it out",
        ),
        (
            r#"{"type": "shelf", "attributes": {"a": {"b\u0007": 1}}}"#,
            Some("attributes.a.b\\u{7}"),
            "attributes.a.b\\u{7}: it contains the control character U+0007; leave it out",
        ),
    ];
    let mut wrong = Vec::new();
    for (body, field, message) in cases {
        let found = refused(&daemon, &body.replace("LONG", &long)).await;
        let right = found.0 == 400
            && found.1 == "invalid"
            && found.2.as_deref() == *field
            && (found.3 == *message || message.ends_with(' ') && found.3.starts_with(message));
        if !right {
            wrong.push(format!("{body}\n  expected: {field:?}, {message}\n  found:    {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(daemon.leases().await, 0);
}

#[tokio::test]
async fn a_hundred_megabytes_are_refused() {
    let daemon = daemon(1).await;
    let mut body = String::from(r#"{"type": "shelf", "attributes": {"c": ""#);
    body.push_str(&"x".repeat(100 * 1024 * 1024));
    body.push_str(r#""}}"#);
    let (status, kind, field, message) = parts(daemon.send(Method::POST, "/v1/leases", body).await);
    assert_eq!((status, kind.as_str(), field), (413, "too-large", None));
    assert_eq!(
        message,
        "the body is larger than 1048576 bytes; send less, or put large data where a command can fetch it"
    );
    assert_eq!(daemon.leases().await, 0);
}

#[tokio::test]
async fn the_largest_body_is_taken() {
    let daemon = daemon(1).await;
    let frame = |text: &str| json!({ "type": "shelf", "attributes": { "c": text } }).to_string();
    let room = 1024 * 1024 - frame("").len();
    let (status, lease) = daemon.send(Method::POST, "/v1/leases", frame(&"x".repeat(room))).await;
    assert_eq!(status, StatusCode::CREATED, "{}", lease["error"]);
    let (status, _) = daemon.send(Method::POST, "/v1/leases", frame(&"x".repeat(room + 1))).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn deep_nesting_is_refused() {
    let daemon = daemon(1).await;
    let body = format!(r#"{{"type": "shelf", "attributes": {{"a": {}{}}}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    let (status, kind, _, message) = refused(&daemon, &body).await;
    assert_eq!((status, kind.as_str()), (400, "invalid"), "{message}");
    assert!(message.contains("recursion limit"), "{message}");
}

#[tokio::test]
async fn a_key_finds_the_first_lease() {
    let daemon = daemon(1).await;
    let body = json!({ "type": "shelf", "owner": "ada", "key": "build 7" });
    let (status, first) = daemon.post("/v1/leases", body.clone()).await;
    assert_eq!(status, StatusCode::CREATED);
    // Its time must be told from that of the first.
    let asked_at = first["asked_at"].as_i64().unwrap();
    while super::super::router::now() <= asked_at {
        tokio::task::yield_now().await;
    }
    let (status, second) = daemon.post("/v1/leases", body.clone()).await;
    assert_eq!((status, &second["id"]), (StatusCode::OK, &first["id"]));
    let mut other = body;
    other["attributes"] = json!({ "b": 1 });
    let (status, kind, field, message) = parts(daemon.post("/v1/leases", other).await);
    assert_eq!((status, kind.as_str(), field.as_deref()), (409, "conflict", Some("key")));
    assert!(message.contains(first["id"].as_str().unwrap()), "{message}");
    assert_eq!(daemon.leases().await, 1);
}

#[tokio::test]
async fn a_request_that_nobody_can_serve_breaks_with_every_reason() {
    let daemon = daemon(1).await;
    let id = daemon.ask(json!({ "type": "shelf", "attributes": { "c": "never" } })).await;
    let lease = daemon.until(&id, "destroyed").await["lease"].clone();
    assert_eq!(lease["outcome"], "never-servable", "{lease}");
    let reason = lease["reason"].as_str().unwrap();
    assert!(reason.contains("cellar has nothing like that") && reason.contains("shelf has nothing"), "{reason}");
}

#[tokio::test]
async fn wrong_paths_methods_and_queries_are_named() {
    let daemon = daemon(1).await;
    let get = |path: &'static str| (Method::GET, path);
    type Case<'a> = ((Method, &'a str), u16, &'a str, Option<&'a str>, &'a str);
    let cases: &[Case<'_>] = &[
        (get("/v2/leases"), 404, "not-found", None, "there is nothing at /v2/leases"),
        (get("/v1/leases/l-nope"), 404, "not-found", None, "there is no lease or resource \"l-nope\""),
        (get("/v1/resources/r-nope"), 404, "not-found", None, "there is no lease or resource \"r-nope\""),
        ((Method::DELETE, "/v1/leases"), 405, "invalid", None, "DELETE can't be used on /v1/leases"),
        ((Method::POST, "/v1/leases/l-nope/release"), 404, "not-found", None, "there is no lease or resource"),
        (get("/v1/leases/%00"), 400, "invalid", Some("id"), "id: it contains the control character U+0000"),
        (get("/v1/leases/%FF"), 400, "invalid", Some("id"), "id: "),
        (
            get("/v1/leases?sort=id"),
            400,
            "invalid",
            Some("sort"),
            "sort: there is no parameter `sort` here; there are: `type`, ",
        ),
        (get("/v1/leases?limit=0"), 400, "invalid", Some("limit"), "limit: 0 is out of range; it is 1 to 100000"),
        (get("/v1/leases?limit=x"), 400, "invalid", Some("limit"), "limit: invalid digit found in string"),
        (
            get("/v1/leases?status=new"),
            400,
            "invalid",
            Some("status"),
            "status: unknown variant `new`, expected one of",
        ),
        (get("/v1/events?after=-1"), 400, "invalid", Some("after"), "after: -1 is out of range; it is 0 or more"),
        (
            get("/v1/leases/l-nope?wait_ms=300001"),
            400,
            "invalid",
            Some("wait_ms"),
            "wait_ms: 300001 is out of range; it is 0 to 300000 milliseconds",
        ),
    ];
    let mut wrong = Vec::new();
    for ((method, path), status, kind, field, message) in cases {
        let found = parts(daemon.send(method.clone(), path, Body::empty()).await);
        let right = found.0 == *status && found.1 == *kind && found.2.as_deref() == *field;
        if !right || !found.3.starts_with(message) {
            wrong.push(format!(
                "{method} {path}\n  expected: {status} {kind} {field:?} {message}\n  found:    {found:?}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn a_wrong_set_names_its_part() {
    let daemon = daemon(1).await;
    let many = format!(r#"{{"leases": [{}]}}"#, vec![r#"{"type": "shelf"}"#; 65].join(","));
    let cases: &[(&str, &str, &str)] = &[
        (r#"{"leases": []}"#, "leases", "leases: there are 0; a set has 1 to 64"),
        (&many, "leases", "leases: there are 65; a set has 1 to 64"),
        (
            r#"{"leases": [{"type": "shelf"}, {"type": ""}]}"#,
            "leases[1].type",
            "leases[1].type: it is empty; it is 1 to 255 bytes",
        ),
        (
            r#"{"leases": [{"type": "shelf"}, {"type": "shelf", "priority": -1}]}"#,
            "leases[1].priority",
            "leases[1].priority: it is -1, and that of the first is 0; all of a set come at one place in the order",
        ),
        (
            r#"{"leases": [{"type": "shelf", "owner": "ci"}, {"type": "shelf"}]}"#,
            "leases[1].owner",
            "leases[1].owner: it is another than that of the first; a set has one owner",
        ),
        (
            r#"{"leases": [{"type": "shelf", "key": "k"}, {"type": "shelf"}]}"#,
            "leases[1].key",
            "leases[1].key: some have a key and some have none; give each its own, or none",
        ),
        (
            r#"{"leases": [{"type": "shelf", "key": "k"}, {"type": "shelf", "key": "k"}]}"#,
            "leases[1].key",
            "leases[1].key: another of the set has the same; give each its own",
        ),
        (
            r#"{"leases": [{"type": "shelf", "wait_ms": 1}]}"#,
            "leases[0].wait_ms",
            "leases[0].wait_ms: it is that of the set; give it beside `leases`",
        ),
    ];
    for (body, field, message) in cases {
        let answer = parts(daemon.send(Method::POST, "/v1/sets", Body::from((*body).to_string())).await);
        assert_eq!(answer, (400, "invalid".into(), Some((*field).to_string()), (*message).to_string()), "{body}");
    }
    let (_, leases) = daemon.send(Method::GET, "/v1/leases", Body::empty()).await;
    assert_eq!(leases["leases"], json!([]));
}

#[tokio::test]
async fn a_set_is_stored_once() {
    let daemon = daemon(1).await;
    let ask = async |tied: bool| {
        let leases = ["k/1", "k/2"].map(|key| json!({ "type": "shelf", "key": key, "tied": tied }));
        daemon.send(Method::POST, "/v1/sets", json!({ "leases": leases }).to_string()).await
    };
    let (status, set) = ask(true).await;
    assert_eq!(status, StatusCode::CREATED, "{set}");
    let ids = |set: &Value| [set["leases"][0]["id"].clone(), set["leases"][1]["id"].clone()];
    assert_eq!(set["leases"][0]["set"], set["leases"][1]["set"]);
    let (_, again) = ask(false).await;
    assert_eq!(ids(&again), ids(&set));
    // Whoever asks now is not connected, so they last without a client.
    assert_eq!((&set["leases"][1]["tied"], &again["leases"][1]["tied"]), (&json!(true), &json!(false)));
}
