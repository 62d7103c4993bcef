//! The API, driven in process, over a real node on a real store. The plugin is a native one: what is tested here is
//! what lies between a client and the node.

mod asking;
mod commanding;
mod holding;
mod leaking;
mod listing;
mod shelf;
mod waiting;

use super::catalogue::Current;
use super::news::News;
use super::router::{App, router};
use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use drydock_core::config::{BlueprintConfig, ConfigRevision, Order, OwnerConfig};
use drydock_core::engine::{DEAD_AFTER, Farm, HOLD_GRACE, Node, Start};
use drydock_core::env::Real;
use drydock_core::model::protection::Protections;
use drydock_core::plugin::Plugin;
use drydock_core::store::Store;
use drydock_runtime::commands::Runner;
use drydock_runtime::credentials::Credentials;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tower::ServiceExt;

/// Long enough for a machine that has other things to do; a test that waits so long has failed.
const DEADLINE: Duration = Duration::from_secs(60);

/// A daemon without its socket.
struct Daemon {
    router: Router,
    news: Arc<News>,
    node: Arc<Node>,
}

/// A blueprint "shelf" of the type "shelf" with so many places, and one "cellar" with none that is granted nothing.
async fn daemon(places: u32) -> Daemon {
    daemon_with(places, HOLD_GRACE).await
}

/// The same, with its patience for clients of tied leases that don't connect, in milliseconds.
async fn daemon_with(places: u32, hold_grace: i64) -> Daemon {
    daemon_of(shelf::Shelf::new(), places, hold_grace).await
}

async fn daemon_of(shelf: shelf::Shelf, places: u32, hold_grace: i64) -> Daemon {
    let plugin: Arc<dyn Plugin> = Arc::new(shelf);
    let directory = std::env::temp_dir();
    let blueprint = |name: &str, places: u32, grants: &[&str]| -> BlueprintConfig {
        let config = json!({ "places": places, "directory": directory });
        serde_json::from_value(json!({ "name": name, "plugin": "shelf", "config": config, "grants": grants })).unwrap()
    };
    let blueprints = [blueprint("shelf", places, &["commands:local"]), blueprint("cellar", 1, &[])];
    let blueprints: BTreeMap<String, BlueprintConfig> = blueprints.into_iter().map(|b| (b.name.clone(), b)).collect();
    let plugins = blueprints.keys().map(|name| (name.clone(), Arc::clone(&plugin))).collect();
    let start = Start {
        env: Real::new(),
        store: Arc::new(Store::in_memory(Protections::ALL).await.unwrap()),
        farm: Farm {
            config: ConfigRevision { blueprints, order: order(), ..ConfigRevision::default() },
            plugins,
            ..Farm::default()
        },
        name: "test".into(),
        protections: Protections::ALL,
        alone: true,
        sweeps: true,
        hold_grace,
        keep_finished: None,
        dead_after: DEAD_AFTER,
    };
    let node = Node::start(start).await.unwrap();
    let news = News::new();
    tokio::spawn(Arc::clone(&news).follow(node.listen()));
    let app = App {
        node: Arc::clone(&node),
        catalogue: Current::default(),
        applier: None,
        runner: Runner::new(Credentials::default()),
        news: Arc::clone(&news),
        name: "test".into(),
        store: "memory".into(),
        stop_grace: Duration::ZERO,
        started: Instant::now(),
    };
    Daemon { router: router(Arc::new(app)), news, node }
}

/// The owner `ci` may have one lease, and ask for a priority of 2.
fn order() -> Order {
    let limits = OwnerConfig { max_leases: Some(1), max_priority: Some(2), ..OwnerConfig::default() };
    Order { owners: BTreeMap::from([("ci".to_owned(), limits)]), ..Order::default() }
}

impl Daemon {
    async fn send(&self, method: Method, path: &str, body: impl Into<Body>) -> (StatusCode, Value) {
        let request = Request::builder().method(method).uri(path).body(body.into()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap_or_else(|e| panic!("{e}: {body:?}")))
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.send(Method::GET, path, Body::empty()).await
    }

    async fn post(&self, path: &str, body: Value) -> (StatusCode, Value) {
        self.send(Method::POST, path, body.to_string()).await
    }

    /// Asks for a lease and gives its id.
    async fn ask(&self, body: Value) -> String {
        let (status, lease) = self.post("/v1/leases", body).await;
        assert_eq!(status, StatusCode::CREATED, "{lease}");
        lease["id"].as_str().unwrap().to_string()
    }

    /// Waits, by long polls, until the lease has the status.
    async fn until(&self, id: &str, status: &str) -> Value {
        let deadline = Instant::now() + DEADLINE;
        let mut seen = String::new();
        loop {
            let (code, detail) = self.get(&format!("/v1/leases/{id}?wait_ms=5000&seen={seen}")).await;
            assert_eq!(code, StatusCode::OK, "{detail}");
            if detail["lease"]["status"] == status {
                return detail;
            }
            assert!(Instant::now() < deadline, "not {status}: {detail}");
            seen = detail["lease"]["tag"].as_str().unwrap().to_string();
        }
    }

    /// How many leases there are or ever were.
    async fn leases(&self) -> usize {
        let (_, body) = self.get("/v1/leases?all=true").await;
        body["leases"].as_array().unwrap().len()
    }
}

#[tokio::test]
async fn a_lease_is_asked_for_shown_and_let_go() {
    let daemon = daemon(1).await;
    let (status, asked) = daemon
        .post(
            "/v1/leases",
            json!({ "type": "shelf", "owner": "ada", "attributes": { "b": 1, "a": { "d": 2, "c": [3] } }, "blueprint": "shelf" }),
        )
        .await;
    assert_eq!(status, StatusCode::CREATED, "{asked}");
    assert_eq!(asked["owner"], "ada");
    let id = asked["id"].as_str().unwrap();
    let detail = daemon.until(id, "active").await;
    assert_eq!(detail["lease"]["handout"]["access"], "local");
    assert_eq!(detail["lease"]["attributes"], json!({ "a": { "c": [3], "d": 2 }, "b": 1 }));
    assert_eq!(detail["place"]["id"], detail["lease"]["place"]);
    assert_eq!(detail["resource"]["slots"], json!([{ "space": "shelf", "key": "place/0" }]));
    let (_, list) = daemon.get("/v1/leases?type=shelf&owner=ada&status=active").await;
    assert_eq!(list["leases"][0], detail["lease"]);
    let (_, list) = daemon.get("/v1/leases?owner=grace").await;
    assert_eq!(list, json!({ "leases": [] }));
    let (_, resources) = daemon.get("/v1/resources").await;
    assert_eq!(resources["resources"][0]["used"], 1);
    let (status, why) = daemon.get(&format!("/v1/leases/{id}/why")).await;
    assert_eq!(status, StatusCode::OK, "{why}");

    for reason in ["done with it", "again"] {
        let (status, released) = daemon.post(&format!("/v1/leases/{id}/release"), json!({ "reason": reason })).await;
        assert_eq!(status, StatusCode::OK, "{released}");
        assert_eq!((&released["outcome"], &released["reason"]), (&json!("released"), &json!("done with it")));
    }
    daemon.until(id, "destroyed").await;
    let (_, events) = daemon.get(&format!("/v1/events?subject={id}")).await;
    let statuses: Vec<&Value> = events["events"].as_array().unwrap().iter().map(|event| &event["now"]).collect();
    assert_eq!(statuses.first(), Some(&&json!("pending")), "{events}");
    assert_eq!(statuses.last(), Some(&&json!("destroyed")), "{events}");
    assert_eq!(daemon.get("/v1/check").await, (StatusCode::OK, json!({ "violations": [] })));
}

#[tokio::test]
async fn the_status_names_the_blueprints() {
    let daemon = daemon(1).await;
    let (status, body) = daemon.get("/v1/status").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(body["pid"], std::process::id());
    assert_eq!(body["revision"], 1);
    let names: Vec<&Value> = body["blueprints"].as_array().unwrap().iter().map(|b| &b["name"]).collect();
    assert_eq!(names, ["cellar", "shelf"]);
}

#[tokio::test]
async fn a_resource_is_let_go() {
    let daemon = daemon(1).await;
    let lease = daemon.ask(json!({ "type": "shelf", "blueprint": "shelf" })).await;
    let id = daemon.until(&lease, "active").await["resource"]["id"].as_str().unwrap().to_string();
    let (status, body) = daemon.send(Method::POST, &format!("/v1/resources/{id}/release"), Body::empty()).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert_eq!((&body["wanted"], &body["reason"]), (&json!("end"), &json!("asked by an operator")));
    let (_, detail) = daemon.get(&format!("/v1/resources/{id}")).await;
    assert_eq!(detail["places"][0]["lease"], lease.as_str());
}
