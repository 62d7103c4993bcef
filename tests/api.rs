//! The daemon from outside: how it starts, how it answers on its socket, how it stops.

mod daemon;

use daemon::{DEADLINE, Setup, send};
use http_body_util::BodyExt;
use hyper::Method;
use serde_json::json;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::process::ExitStatusExt;
use tokio::time::timeout;

#[tokio::test]
async fn a_lease_of_a_host_leaves_nothing() {
    let setup = Setup::with_hosts();
    let daemon = setup.start();
    let (status, lease) = daemon.post("/v1/leases", json!({ "type": "host", "attributes": { "host": "two" } })).await;
    assert_eq!(status, 201, "{lease}");
    // Nobody was named, so it is whose process this is.
    let user = nix::unistd::User::from_uid(nix::unistd::getuid()).unwrap().unwrap().name;
    assert_eq!(lease["owner"], user.as_str());
    let id = lease["id"].as_str().unwrap();
    let detail = daemon.until(id, "active").await;
    let directory = detail["lease"]["handout"]["directory"].as_str().unwrap().to_string();
    assert!(std::fs::metadata(&directory).unwrap().is_dir());

    let body = json!({ "argv": ["sh", "-c", "pwd > here; cat here"] });
    let path = format!("/v1/leases/{id}/command");
    let response = send(&daemon.socket, Method::POST, &path, body.to_string().into()).await.unwrap();
    let lines = response.into_body().collect().await.unwrap().to_bytes();
    assert!(lines.ends_with(b"{\"exit\":0}\n"), "{lines:?}");
    assert!(std::fs::read_to_string(format!("{directory}/here")).unwrap().trim().ends_with(&directory));

    let (status, _) = daemon.post(&format!("/v1/leases/{id}/release"), json!({})).await;
    assert_eq!(status, 200);
    let detail = daemon.until(id, "destroyed").await;
    assert_eq!((&detail["lease"]["outcome"], &detail["leftovers"]), (&json!("released"), &json!([])));
    assert!(!std::fs::exists(&directory).unwrap());
    assert_eq!(daemon.get("/v1/check").await.1, json!({ "violations": [] }));
}

#[tokio::test]
async fn the_socket_is_the_users_own_and_goes_with_the_daemon() {
    let setup = Setup::new("");
    let mut daemon = setup.start();
    let socket = std::fs::metadata(&daemon.socket).unwrap();
    assert!(socket.file_type().is_socket());
    assert_eq!(socket.permissions().mode() & 0o777, 0o600);
    let (_, status) = daemon.get("/v1/status").await;
    assert_eq!(status["pid"], daemon.pid());
    daemon.signal("TERM");
    assert_eq!(daemon.wait().code(), Some(0));
    assert!(!std::fs::exists(&daemon.socket).unwrap());
}

#[tokio::test]
async fn stopping_ends_commands_and_keeps_leases() {
    let setup = Setup::with_hosts();
    let mut daemon = setup.start();
    let (_, lease) = daemon.post("/v1/leases", json!({ "type": "host" })).await;
    let id = lease["id"].as_str().unwrap();
    daemon.until(id, "active").await;
    let body = json!({ "argv": ["sh", "-c", "echo begun; exec sleep 600"] }).to_string();
    let path = format!("/v1/leases/{id}/command");
    let mut body = send(&daemon.socket, Method::POST, &path, body.into()).await.unwrap().into_body();
    let begun = timeout(DEADLINE, body.frame()).await.unwrap().unwrap().unwrap().into_data().unwrap();
    assert_eq!(begun, "{\"stdout\":\"YmVndW4K\"}\n");
    daemon.signal("INT");
    let rest = timeout(DEADLINE, body.collect()).await.unwrap().unwrap().to_bytes();
    let last: serde_json::Value = serde_json::from_slice(&rest).unwrap();
    assert_eq!(last["kind"], "stopping", "{last}");
    assert_eq!(daemon.wait().code(), Some(0));
    let daemon = setup.start();
    assert_eq!(daemon.get(&format!("/v1/leases/{id}")).await.1["lease"]["status"], "active");
}

#[tokio::test]
async fn a_killed_daemon_leaves_a_socket_that_the_next_one_replaces() {
    let setup = Setup::with_hosts();
    let mut daemon = setup.start();
    let (_, lease) = daemon.post("/v1/leases", json!({ "type": "host" })).await;
    let id = lease["id"].as_str().unwrap();
    daemon.until(id, "active").await;
    daemon.signal("KILL");
    assert_eq!(daemon.wait().signal(), Some(9));
    assert!(std::fs::exists(&daemon.socket).unwrap());
    let daemon = setup.start();
    let (status, detail) = daemon.get(&format!("/v1/leases/{id}")).await;
    assert_eq!((status.as_u16(), &detail["lease"]["status"]), (200, &json!("active")));
}

#[tokio::test]
async fn a_second_daemon_is_refused_and_told_of_the_first() {
    let setup = Setup::new("");
    let daemon = setup.start();
    let (code, said) = setup.fails();
    assert_eq!(code, Some(6), "{said}");
    assert!(said.contains("is in use by the daemon with pid") && said.contains(&daemon.pid().to_string()), "{said}");

    setup.configure("store = \"other.db\"\nsocket = \"s\"\n");
    let (code, said) = setup.fails();
    assert_eq!(code, Some(1), "{said}");
    let sentence = format!("another daemon (process {}) listens on {}", daemon.pid(), daemon.socket.display());
    assert!(said.contains(&sentence), "{said}");
    assert_eq!(daemon.get("/v1/status").await.0, 200);
}

#[tokio::test]
async fn what_is_no_socket_is_not_replaced() {
    let setup = Setup::new("");
    std::fs::write(setup.path("s"), "precious").unwrap();
    let (code, said) = setup.fails();
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("is there and is no socket"), "{said}");
    assert_eq!(std::fs::read_to_string(setup.path("s")).unwrap(), "precious");
}

/// What a daemon with this configuration says instead of starting.
fn refused(setup: &Setup, expected: i32) -> String {
    let (code, said) = setup.fails();
    assert_eq!(code, Some(expected), "{said}");
    said
}

#[test]
fn a_wrong_blueprint_config_is_named_with_its_line() {
    let table = |hosts: &str| {
        format!("[[blueprint]]\nname = \"hosts\"\nplugin = \"preallocated\"\n\n[blueprint.config]\nhosts = [{hosts}]\n")
    };
    let cases = [
        ("\n  { name = \"a\", local = true },\n  { name = \"b\", port = \"x\" },\n", 10, "config.hosts[1].port: "),
        ("\n  { local = true },\n", 9, "config.hosts[0].name: it is required"),
        (
            "{ name = \"a\", local = true, adress = \"x\" }",
            8,
            "config.hosts[0].adress: it is unexpected: there is no such key",
        ),
        ("{ name = \"a\", local = true, port = 1 }", 8, "config.hosts[0].port: it may not be given here"),
    ];
    for (hosts, line, problem) in cases {
        let setup = Setup::new(&table(hosts));
        let said = refused(&setup, 2);
        let file = setup.path("drydock.toml").display().to_string();
        let sentence = format!("{file}:{line}: blueprint \"hosts\", {problem}");
        assert!(said.contains(&sentence), "expected: {sentence}\nfound: {said}");
    }
}

#[test]
fn a_file_that_is_no_plugin_is_named() {
    let setup = Setup::new("[[blueprint]]\nname = \"hosts\"\nplugin = \"notes.wasm\"\n");
    std::fs::write(setup.path("notes.wasm"), "buy milk\n").unwrap();
    let said = refused(&setup, 2);
    assert!(said.contains(":5: blueprint \"hosts\", plugin: ") && said.contains("notes.wasm"), "{said}");
}

#[test]
fn a_plugin_that_is_not_there_is_named() {
    let setup = Setup::new("plugins = [\"more\"]\n\n[[blueprint]]\nname = \"hosts\"\nplugin = \"preallocatd\"\n");
    std::fs::create_dir(setup.path("more")).unwrap();
    let said = refused(&setup, 2);
    let looked = setup.path("more/preallocatd.wasm");
    let sentence = format!(
        "blueprint \"hosts\", plugin: there is no plugin \"preallocatd\"; looked for {}; the program brings: almanac, \
         ec2, preallocated, working-copy",
        looked.display()
    );
    assert!(said.contains(&sentence), "{said}");
}

#[test]
fn a_plugin_in_a_folder_goes_before_one_that_the_program_brings() {
    let setup = Setup::new("plugins = [\"more\"]\n\n[[blueprint]]\nname = \"hosts\"\nplugin = \"preallocated\"\n");
    std::fs::create_dir(setup.path("more")).unwrap();
    std::fs::write(setup.path("more/preallocated.wasm"), "not this one").unwrap();
    let said = refused(&setup, 2);
    assert!(said.contains("more/preallocated.wasm"), "{said}");
}

#[test]
fn a_wrong_log_filter_is_named() {
    let setup = Setup::new("");
    let output = setup.command().env("DRYDOCK_LOG", "drydock=loud").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("DRYDOCK_LOG=\"drydock=loud\" is no filter for the log"), "{said}");
}
