//! Builds the plugins that the program brings along, and says where their components are: they are in the folder that
//! `env!("DRYDOCK_PLUGINS")` names.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const TARGET: &str = "wasm32-wasip2";

/// What comes with the program; `src/server/bundled.rs` has the same list.
const BUNDLED: [&str; 4] = ["almanac", "ec2", "preallocated", "working-copy"];

fn main() -> ExitCode {
    match build() {
        Ok(folder) => {
            println!("cargo::rustc-env=DRYDOCK_PLUGINS={}", folder.display());
            ExitCode::SUCCESS
        }
        Err(sentence) => {
            println!("cargo::error={sentence}");
            ExitCode::FAILURE
        }
    }
}

fn build() -> Result<PathBuf, String> {
    let root = Path::new(&variable("CARGO_MANIFEST_DIR")?).join("../..");
    let plugins = root.join("plugins");
    // Not the folder as a whole: it holds the target folder, which every build changes.
    for path in ["plugins/Cargo.toml", "plugins/Cargo.lock", "wit"] {
        println!("cargo::rerun-if-changed={}", root.join(path).display());
    }
    // A plugin's own tests are not in its component.
    for plugin in ["sdk"].into_iter().chain(BUNDLED) {
        for part in ["Cargo.toml", "src"] {
            println!("cargo::rerun-if-changed={}", plugins.join(plugin).join(part).display());
        }
    }

    has_target()?;
    let target = plugins.join("target");
    let mut cargo = Command::new(variable("CARGO")?);
    cargo
        .args(["build", "--locked", "--release", "--target", TARGET])
        .args(BUNDLED.iter().flat_map(|plugin| ["--package".to_owned(), format!("drydock-{plugin}")]))
        .arg("--target-dir")
        .arg(&target)
        .current_dir(&plugins);
    // What this build was told about its own target is not meant for the guest's.
    for name in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER"] {
        cargo.env_remove(name);
    }
    let output = cargo.output().map_err(|error| format!("cargo can't be started to build plugins/: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        // One line for each: a message to cargo ends at the line's end.
        said.lines().for_each(|line| println!("cargo::warning={line}"));
        return Err(format!("building plugins/ for {TARGET} failed ({}); see above", output.status));
    }

    // Copies of this build's own, which the next one does not change under it.
    let folder = PathBuf::from(variable("OUT_DIR")?);
    for plugin in BUNDLED {
        let built = target.join(TARGET).join(format!("release/{}.wasm", plugin.replace('-', "_")));
        std::fs::copy(&built, folder.join(plugin).with_extension("wasm"))
            .map_err(|error| format!("{} can't be copied: {error}", built.display()))?;
    }
    Ok(folder)
}

/// Whether the standard library for the guests' target is there. Asked first, since cargo's own complaint about it is a
/// list of errors about every crate.
fn has_target() -> Result<(), String> {
    let asked = Command::new(variable("RUSTC")?).args(["--print", "target-libdir", "--target", TARGET]).output();
    let folder = asked.map_err(|error| format!("rustc can't be started: {error}"))?;
    if Path::new(String::from_utf8_lossy(&folder.stdout).trim()).is_dir() {
        return Ok(());
    }
    Err(format!(
        "plugins are built for {TARGET}, which this Rust toolchain can't yet: run `rustup target add {TARGET}`"
    ))
}

fn variable(name: &str) -> Result<String, String> {
    std::env::var(name).map_err(|error| format!("cargo did not set {name}: {error}"))
}
