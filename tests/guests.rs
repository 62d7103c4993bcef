//! The components that tests load, built from `plugins/`.

use drydock_core::plugin::Plugin;
use drydock_runtime::commands::Runner;
use drydock_runtime::credentials::Credentials;
use drydock_runtime::{Limits, Loader};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, OnceLock};

/// The plugin's component. Builds all of them, once in a test process.
pub fn bytes(plugin: &str) -> Vec<u8> {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let folder = BUILT.get_or_init(build);
    let file = folder.join(plugin).with_extension("wasm");
    std::fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn build() -> PathBuf {
    let plugins = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .map(|folder| folder.join("plugins"))
        .find(|folder| folder.join("Cargo.toml").exists())
        .expect("a folder `plugins` beside `host`");
    let target = plugins.join("target");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--release", "--target", "wasm32-wasip2"]).current_dir(&plugins);
    cargo.arg("--target-dir").arg(&target).env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    let status = cargo.status().expect("cargo runs");
    assert!(status.success(), "building {} failed", plugins.display());
    target.join("wasm32-wasip2/release")
}

pub fn loader(limits: Limits) -> Loader {
    Loader::with_limits(Arc::new(Runner::new(Credentials::default())), limits).expect("a loader")
}

pub async fn load(plugin: &str) -> Arc<dyn Plugin> {
    loader(Limits::default()).load(plugin, &bytes(plugin)).await.unwrap_or_else(|error| panic!("{error}"))
}
