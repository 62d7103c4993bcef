//! Leases of a working copy whose repository is cloned: each fetches, checks out, verifies and cleans up.

use super::server::{Programs, Server};
use super::{Options, Samples, compare, lab};
use crate::cli::signals::Signals;
use anyhow::{Context, ensure};
use serde_json::json;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

const SAMPLES: usize = 20;

/// Files of the repository, of two kilobytes each: about as many as git itself has.
const FILES: usize = 5_000;

const KIND: &str = "working-copy";

pub fn name(options: &Options) -> String {
    format!("lease of a working copy of {} files that is cloned", files(options))
}

fn files(options: &Options) -> usize {
    if options.quick { FILES / 50 } else { FILES }
}

pub async fn measure(
    options: &Options,
    programs: &Programs,
    folder: &Path,
    signals: &mut Signals,
) -> anyhow::Result<Samples> {
    let samples = if options.quick { SAMPLES / 10 } else { SAMPLES };
    let folder = folder.join("copy");
    let remote = folder.join("remote");
    make_remote(&remote, files(options))?;
    let server = Server::start(programs, &folder)?;
    let (credentials, hosts) = lab(&server, &folder)?;
    let copies = json!({
        "name": "copies", "plugin": KIND, "grants": ["leases:host", "commands:ssh"], "max_resources": 1,
        "config": {
            "host_blueprints": ["lab"],
            "allow_local": true,
            "repositories": { "app": { "url": remote, "default": "main" } },
        },
    });
    let configuration = json!({ "credentials": credentials, "blueprint": [hosts, copies] });
    compare(programs, server, &folder, configuration, KIND, samples, signals).await
}

/// A repository with a commit on `main`.
fn make_remote(remote: &Path, files: usize) -> anyhow::Result<()> {
    for number in 0..files {
        let folder = remote.join(format!("part-{}", number / 100));
        fs::create_dir_all(&folder)?;
        let line = format!("{number} is what this line of file {number} begins with, so that no two are alike\n");
        fs::write(folder.join(format!("file-{number}")), line.repeat(2_048 / line.len() + 1))?;
    }
    for words in [
        &["init", "--quiet"][..],
        &["add", "."],
        &["-c", "user.name=Bench", "-c", "user.email=bench@localhost", "commit", "--quiet", "-m", "all"],
    ] {
        let mut git = Command::new("git");
        git.args(["-c", "init.defaultBranch=main", "-c", "commit.gpgSign=false"]).args(words).current_dir(remote);
        git.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1").stdin(Stdio::null());
        let output = git.output().context("git is run")?;
        ensure!(output.status.success(), "git {words:?} failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}
