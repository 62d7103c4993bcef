//! Each plugin is broken on purpose, in the ways that its `mutants.toml` lists, and its own tests must find every one.

use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A plugin's `mutants.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Mutants {
    mutant: Vec<Mutant>,
}

/// One way in which a plugin is broken.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Mutant {
    name: String,
    /// Below the plugin's folder.
    file: PathBuf,
    /// What occurs in it once, and what it becomes.
    find: String,
    replace: String,
}

/// The repository's folder.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Copies a folder without what was built in it.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("the folder is read") {
        let entry = entry.expect("an entry");
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        match entry.file_type().expect("a type").is_dir() {
            true if entry.file_name() == "target" => {}
            true => copy(&source, &target),
            false => drop(std::fs::copy(&source, &target).expect("a copy")),
        }
    }
}

/// Runs the own tests of a plugin, in a copy of the plugins.
fn tested(copy: &Path, plugin: &str) -> Output {
    let target = root().join("plugins/target/mutants");
    Command::new(env!("CARGO"))
        .args(["test", "--quiet", "--locked", "--package", &format!("drydock-{plugin}"), "--target-dir"])
        .arg(target)
        .current_dir(copy.join("plugins"))
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env("CARGO_INCREMENTAL", "0")
        .output()
        .expect("cargo runs")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn every_mutant_of_a_plugin_is_found_by_its_tests() {
    let folder = tempfile::tempdir().expect("a folder");
    let copied = folder.path();
    copy(&root().join("plugins"), &copied.join("plugins"));
    copy(&root().join("wit"), &copied.join("wit"));
    let mut plugins = 0;
    for entry in std::fs::read_dir(copied.join("plugins")).expect("the plugins") {
        let plugin = entry.expect("a plugin").path();
        let Ok(list) = std::fs::read_to_string(plugin.join("mutants.toml")) else { continue };
        let name = plugin.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
        let mutants: Mutants = toml::from_str(&list).unwrap_or_else(|error| panic!("{name}/mutants.toml: {error}"));
        assert!(mutants.mutant.len() >= 3, "{name} has {} mutants", mutants.mutant.len());
        let whole = tested(copied, &name);
        assert!(whole.status.success(), "{name} fails as it is:\n{}", said(&whole));
        for mutant in mutants.mutant {
            let file = plugin.join(&mutant.file);
            let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            let times = text.matches(&mutant.find).count();
            assert_eq!(times, 1, "{name}, {}: what is to be found occurs {times} times", mutant.name);
            std::fs::write(&file, text.replace(&mutant.find, &mutant.replace)).expect("the mutant is written");
            let broken = tested(copied, &name);
            std::fs::write(&file, text).expect("the file is restored");
            assert!(!broken.status.success(), "{name}: nothing finds the mutant \"{}\"", mutant.name);
            // A mutant that does not compile proves nothing.
            let said = said(&broken);
            assert!(said.contains("test result: FAILED"), "{name}, {}: its tests did not run:\n{said}", mutant.name);
        }
        plugins += 1;
    }
    assert!(plugins > 0, "no plugin has mutants");
}
