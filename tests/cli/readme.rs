//! What the README says can be done.

use crate::house::House;
use crate::{Running, run};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A file of the repository.
fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

fn readme() -> String {
    std::fs::read_to_string(repository("README.md")).unwrap()
}

/// The blocks of code in one language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let fence = format!("\n```{language}\n");
    text.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

#[test]
fn its_first_plugin_is_the_one_in_plugins() {
    let source = std::fs::read_to_string(repository("plugins/ports/src/lib.rs")).unwrap();
    assert_eq!(blocks(&readme(), "rust"), [source.replace("path: \"../../wit\"", "path: \"wit\"")]);
}

#[tokio::test]
async fn its_first_plugin_lends_out_ports() {
    let target = repository("plugins/target");
    let status = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--release", "--locked", "--package", "drydock-ports", "--target", "wasm32-wasip2"])
        .arg("--target-dir")
        .arg(&target)
        .current_dir(repository("plugins"))
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .status()
        .unwrap();
    assert!(status.success());
    let mut house = House::prepare(0);
    let folder = house.path("plugins");
    std::fs::create_dir(&folder).unwrap();
    std::fs::copy(target.join("wasm32-wasip2/release/ports.wasm"), folder.join("ports.wasm")).unwrap();
    let ports = json!({ "name": "ports", "plugin": "ports", "config": { "first": 8000, "last": 8001 } });
    house.configure(json!({ "plugins": ["plugins"], "blueprint": [ports] }));
    house.start().await;

    let with = |script: &str| house.drydock(&["with", "--type", "port", "--", "sh", "-c", script]);
    let mut first = Running::start(with("echo has $PORT. >&2; exec sleep 600"));
    let mut second = Running::start(with("echo has $PORT. >&2; exec sleep 600"));
    first.hear("has 80");
    second.hear("has 80");
    assert_ne!(first.said, second.said);
    run(&house, &["lease", "--type", "port", "--timeout", "200ms"]).failed(4, "not active in time");
    run(&house, &["lease", "--type", "port", "--label", "os=linux"]).failed(3, "ports have no labels");
    first.signal("TERM");
    let (status, ..) = first.end();
    assert_eq!(status.code(), Some(143));
    let third = with("echo $PORT").output().unwrap();
    assert_eq!(
        String::from_utf8(third.stdout).unwrap(),
        if second.said.contains("8000") { "8001\n" } else { "8000\n" }
    );
}

#[test]
fn its_exit_codes_are_the_programs() {
    let readme = readme();
    for (code, _) in drydock::exit::TABLE {
        assert!(readme.contains(&format!("\n| {code} | ")), "{code} is missing");
    }
}

#[test]
fn its_configurations_are_read() {
    for (number, text) in blocks(&readme(), "toml").into_iter().enumerate() {
        if text.contains("[package]") {
            continue;
        }
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("plugins")).unwrap();
        let document = drydock::config::Document::new(&folder.path().join("drydock.toml"), text);
        if let Err(error) = drydock::config::Config::parse(document) {
            panic!("block {number}: {error}");
        }
    }
}
