//! The plugin `almanac`, as a real component.

#[allow(dead_code)] // Each test file uses a part of it.
mod arguments;
mod guests;
#[allow(dead_code)]
#[path = "../plugins/almanac/src/tests/server.rs"]
mod server;

use arguments::{Taken, blueprint, request};
use drydock_core::contract::{
    Access, Blame, BlueprintArg, Context, Failure, Next, Observation, Refusal, ResourceArg, Sight, Slot, ThingState,
};
use drydock_core::plugin::{ObserveCall, Plugin, View};
use drydock_runtime::commands::Runner;
use drydock_runtime::credentials::{CredentialConfig, Credentials};
use drydock_runtime::{HttpClient, Limits, Loader, Schemas};
use serde_json::{Value, json};
use server::{Server, Trouble, binding, service};
use std::sync::Arc;

/// Two hosts of the configuration, one of them disabled.
fn listed() -> Value {
    let binding = |device: &str, disabled: bool| {
        json!({
            "device": { "name": device, "properties": { "os": "debian" } },
            "interface": { "network": "lab", "address": "192.0.2.1", "port": 2222 },
            "disabled": disabled
        })
    };
    let bindings = [binding("h1", false), binding("h2", true)];
    json!({ "user": "build", "credential": "lab", "services": [{ "name": "pool", "bindings": bindings }] })
}

fn look(b: &BlueprintArg) -> ObserveCall {
    let context =
        Context { key: "k1".into(), epoch: 1, attempt: 0, deadline: 30_000, ending: None, leftovers: Vec::new() };
    ObserveCall { context, blueprint: b.clone(), grants: vec!["commands:ssh".into()] }
}

#[tokio::test]
async fn hosts_of_the_configuration_are_lent_and_observed() {
    let plugin = guests::load("almanac").await;
    let descriptor = plugin.descriptor();
    assert_eq!((descriptor.kind.as_str(), descriptor.health, descriptor.inventory), ("host", true, true));
    let b = blueprint(listed());
    let r = request(json!({ "service": "pool" }), &[("property/os", "debian")]);
    let needs = plugin.consider(&b, &r).await.unwrap().unwrap();
    let list = plugin.allocate(&b, &r, &Taken(vec![])).await.unwrap().unwrap();
    assert_eq!(list.len(), 1);
    assert!(needs.labels.iter().all(|label| list[0].labels.iter().any(|has| has == label)));
    assert_eq!(list[0].slots, [Slot::Named("binding/pool/h1/192.0.2.1:2222".into())]);
    let on = ResourceArg { labels: list[0].labels.clone(), ..arguments::resource(&list[0].attributes) };
    let acquisition = plugin.acquire(&b, &on, &r, &Taken(vec![])).await.unwrap().unwrap();
    match acquisition.ready.unwrap().access {
        Access::Ssh(ssh) => assert_eq!((ssh.host.as_str(), ssh.port, ssh.user.as_str()), ("192.0.2.1", 2222, "build")),
        other => panic!("{other:?}"),
    }

    let seen = plugin.observe(look(&b)).await.unwrap().unwrap();
    assert!(seen.complete);
    assert_eq!(seen.began, b.now);
    let states: Vec<_> = seen.things.iter().map(|thing| matches!(thing.state, ThingState::Leaving(_))).collect();
    assert_eq!(states, [false, true]);

    let live = blueprint(json!({
        "user": "u", "credential": "c", "conduit": { "uri": "https://phorge.example.org", "credential": "phorge" }
    }));
    let refusal = plugin.allocate(&live, &request(json!({}), &[]), &Taken(vec![])).await.unwrap();
    assert!(matches!(refusal, Err(Refusal::NotNow { reason, .. }) if reason.starts_with("nothing is known")));
}

/// What was seen a moment ago, of which nothing is taken.
struct Seen(Observation);

#[async_trait::async_trait]
impl View for Seen {
    async fn taken(&self, _: Vec<String>) -> Vec<String> {
        Vec::new()
    }

    async fn used(&self, _: String) -> u32 {
        0
    }

    async fn observed(&self) -> Option<Sight> {
        Some(Sight { things: self.0.things.clone(), age: 40_000, complete: self.0.complete })
    }
}

/// The plugin, with a credential for that server, whose token is in a file of the folder: it is read at every use.
async fn connected(server: &Server, token: &str) -> (Arc<dyn Plugin>, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, token).unwrap();
    let config: CredentialConfig = toml::from_str(&format!(
        "kind = 'form'\nparameter = 'api.token'\nvalue_file = {file:?}\nhosts = ['{}']",
        server.uri()
    ))
    .unwrap();
    let credentials: Credentials = [("phorge".to_owned(), config.check().unwrap())].into_iter().collect();
    let client = HttpClient::new(credentials.clone());
    let runner = Arc::new(Runner::new(credentials));
    let loader = Loader::with_http(runner, Arc::new(client), Limits::default()).unwrap();
    let plugin = loader.load("almanac", &guests::bytes("almanac")).await.unwrap_or_else(|error| panic!("{error}"));
    (plugin, folder)
}

fn live(server: &Server) -> BlueprintArg {
    blueprint(json!({
        "user": "build", "credential": "lab",
        "conduit": { "uri": server.uri(), "credential": "phorge", "page_size": 2 }
    }))
}

async fn observe(plugin: &dyn Plugin, server: &Server, grants: &[String]) -> Result<Observation, Failure> {
    let call = ObserveCall { grants: grants.to_vec(), ..look(&live(server)) };
    plugin.observe(call).await.unwrap()
}

fn granted(server: &Server) -> Vec<String> {
    vec![format!("http:POST {} private", server.uri()), "credential:phorge".to_owned()]
}

#[tokio::test]
async fn hosts_of_a_server_are_observed_and_lent() {
    let services = (1..=5).map(|n| service(n, &format!("s{n}"), json!([binding(n)]))).collect();
    let server = Server::start(services);
    let (plugin, _folder) = connected(&server, server::TOKEN).await;
    let seen = observe(&*plugin, &server, &granted(&server)).await.unwrap();
    assert!(seen.complete);
    assert_eq!(seen.things.len(), 5);
    assert_eq!(server.state().asked.len(), 3);

    let r = request(json!({ "service": "s4" }), &[]);
    let list = plugin.allocate(&live(&server), &r, &Seen(seen.clone())).await.unwrap().unwrap();
    assert_eq!(list.len(), 1);
    assert_eq!(list[0].slots, [Slot::Named("binding/PHID-ABND-4".into())]);
    let r = request(json!({ "service": "s9" }), &[]);
    let refusal = plugin.allocate(&live(&server), &r, &Seen(seen)).await.unwrap();
    assert!(matches!(refusal, Err(Refusal::NotNow { reason, .. }) if reason.ends_with("as seen 40 s ago")));
}

#[tokio::test]
async fn what_goes_wrong_on_the_wire_is_said() {
    let server = Server::start(vec![service(1, "s1", json!([binding(1)]))]);
    let wrong = "api-wrong";
    let (plugin, _folder) = connected(&server, wrong).await;
    let failure = observe(&*plugin, &server, &granted(&server)).await.unwrap_err();
    assert_eq!((failure.blame, failure.next), (Blame::Operator, Next::Attention));
    assert!(failure.reason.contains("ERR-INVALID-AUTH") && !failure.reason.contains(wrong), "{failure:?}");

    let (plugin, _folder) = connected(&server, server::TOKEN).await;
    for (trouble, part) in [
        (Trouble::Http(502, "", "<!DOCTYPE html>".to_owned()), "HTTP 502"),
        (Trouble::Truncated, "broke off"),
        (Trouble::Error("ERR-CONDUIT-CORE", "the database is away"), "the database is away"),
    ] {
        server.state().troubles.push_back(trouble);
        let failure = observe(&*plugin, &server, &granted(&server)).await.unwrap_err();
        assert_eq!((failure.blame, failure.next), (Blame::Provider, Next::BackOff));
        assert!(failure.reason.contains(part), "{part:?} is not in {failure:?}");
    }
    // Who was not granted it learns which line is missing.
    let asked = server.state().asked.len();
    for (left_out, part) in [(0, "http:"), (1, "credential:phorge")] {
        let mut grants = granted(&server);
        grants.remove(left_out);
        let failure = observe(&*plugin, &server, &grants).await.unwrap_err();
        assert!(failure.reason.contains(part), "{part:?} is not in {failure:?}");
    }
    assert_eq!(server.state().asked.len(), asked, "nothing was sent");
    assert!(observe(&*plugin, &server, &granted(&server)).await.is_ok());
}

#[tokio::test]
async fn the_schemas_name_what_is_wrong() {
    let plugin = guests::load("almanac").await;
    let schemas = Schemas::new(plugin.descriptor()).unwrap();
    let with = |more: Value| {
        let mut config = listed();
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        config
    };
    let server = json!({ "uri": "https://phorge.example.org/", "credential": "phorge" });
    let conduit = |key: &str, value: Value| {
        let mut config = json!({ "user": "u", "credential": "c", "conduit": server });
        config["conduit"][key] = value;
        config
    };
    schemas.check_config(&listed()).unwrap();
    schemas.check_config(&with(json!({ "path": "/srv/x", "shares": 4, "port": 22 }))).unwrap();
    schemas.check_config(&with(json!({ "platform": "windows", "path": r"C:\x" }))).unwrap();
    for (key, value) in [
        ("services", json!(["pool"])),
        ("prefixes", json!(["a."])),
        ("types", json!(["drydock.pool"])),
        ("phids", json!(["PHID-ASRV-m4bfmlr3hgfndz3fc5hs"])),
        ("page_size", json!(100)),
    ] {
        schemas.check_config(&conduit(key, value)).unwrap();
    }
    for (config, parts) in [
        (json!({ "user": "u", "credential": "c" }), ["/services", "required"]),
        (json!({ "services": [] }), ["/", "required"]),
        (with(json!({ "conduit": server })), ["/services", "may not be given here"]),
        (with(json!({ "hosts": [] })), ["/hosts", "unexpected"]),
        (with(json!({ "port": 0 })), ["/port", "0"]),
        (with(json!({ "path": r"C:\x" })), ["/path", "C:"]),
        (with(json!({ "platform": "windows", "path": "/x" })), ["/path", "may not be given here"]),
        (with(json!({ "platform": "windows", "path": r"C:\x", "shares": 2 })), ["/shares", "1"]),
        (with(json!({ "services": [{ "name": "a b" }] })), ["/services/0/name", "a b"]),
        (
            with(json!({ "services": [{ "name": "a", "bindings": [{ "device": { "name": "d" } }] }] })),
            ["/services/0/bindings/0/interface", "required"],
        ),
        (conduit("uri", json!("phorge.example.org")), ["/conduit/uri", "phorge.example.org"]),
        (conduit("uri", json!("https://user:pass@phorge.example.org")), ["/conduit/uri", "match"]),
        (conduit("page_size", json!(0)), ["/conduit/page_size", "0"]),
        (conduit("phids", json!(["x"])), ["/conduit/phids/0", "x"]),
        (conduit("token", json!("x")), ["/conduit/token", "unexpected"]),
    ] {
        let error = schemas.check_config(&config).expect_err(parts[0]).to_string();
        assert!(parts.iter().all(|part| error.contains(part)), "{parts:?} are not in {error:?}");
    }
    schemas.check_request(&json!({ "service": "a", "device": "b", "network": "c" })).unwrap();
    assert!(schemas.check_request(&json!({ "host": "a" })).unwrap_err().path.contains("host"));
}
