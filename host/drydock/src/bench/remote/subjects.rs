//! What is leased, and what for it has to be configured.

use super::Options;
use anyhow::{Context, ensure};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// Files of the repository, of two kilobytes each: about as many as git itself has.
const FILES: usize = 5_000;

/// Something whose leases are measured.
pub struct Subject {
    /// The row's name.
    pub name: String,
    /// The resource type.
    pub kind: &'static str,
    pub samples: usize,
    pub blueprints: Blueprints,
}

/// The blueprints that it takes beside that of the host, in a folder where they may put what they need.
type Blueprints = Box<dyn FnOnce(&Path) -> anyhow::Result<Vec<Value>> + Send>;

/// A host that is known and connected: each lease has a directory made and removed.
pub fn host(options: &Options) -> Subject {
    Subject {
        name: "lease on a warm host over SSH".to_owned(),
        kind: "host",
        samples: if options.quick { 10 } else { 200 },
        blueprints: Box::new(|_| Ok(Vec::new())),
    }
}

/// A working copy whose repository is cloned: each lease fetches, checks out, verifies and cleans up.
pub fn copy(options: &Options) -> Subject {
    let files = if options.quick { FILES / 50 } else { FILES };
    Subject {
        name: format!("lease of a working copy of {files} files that is cloned"),
        kind: "working-copy",
        samples: if options.quick { 2 } else { 20 },
        blueprints: Box::new(move |folder| {
            let remote = folder.join("remote");
            make_remote(&remote, files)?;
            Ok(vec![json!({
                "name": "copies", "plugin": "working-copy", "grants": ["leases:host", "commands:ssh"],
                "max_resources": 1,
                "config": {
                    "host_blueprints": ["lab"],
                    "allow_local": true,
                    "repositories": { "app": { "url": remote, "default": "main" } },
                },
            })])
        }),
    }
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
