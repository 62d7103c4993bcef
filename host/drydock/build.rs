//! Builds the plugin that the program brings along, and says where its component is:
//! `include_bytes!(env!("DRYDOCK_PREALLOCATED_WASM"))`.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const TARGET: &str = "wasm32-wasip2";

fn main() -> ExitCode {
    match build() {
        Ok(component) => {
            println!("cargo::rustc-env=DRYDOCK_PREALLOCATED_WASM={}", component.display());
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
    for path in ["plugins/Cargo.toml", "plugins/Cargo.lock", "plugins/preallocated", "plugins/sdk", "wit"] {
        println!("cargo::rerun-if-changed={}", root.join(path).display());
    }

    has_target()?;
    let target = plugins.join("target");
    let mut cargo = Command::new(variable("CARGO")?);
    cargo
        .args(["build", "--locked", "--release", "--package", "drydock-preallocated", "--target", TARGET])
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
        return Err(format!("building plugins/preallocated for {TARGET} failed ({}); see above", output.status));
    }

    // A copy of this build's own, which the next one does not change under it.
    let built = target.join(TARGET).join("release/preallocated.wasm");
    let component = Path::new(&variable("OUT_DIR")?).join("preallocated.wasm");
    std::fs::copy(&built, &component).map_err(|error| format!("{} can't be copied: {error}", built.display()))?;
    Ok(component)
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
