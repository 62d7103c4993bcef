//! Leases of a working copy whose repository is cloned: each fetches, checks out, verifies and cleans up.
//!
//! What is done by hand is what the plugin did for one lease: its jobs are written down by a `setsid` of the bench's own,
//! which they are started with.

use super::hand::Hand;
use super::server::{Programs, Server};
use super::{Options, Samples, lab};
use crate::bench::client::{finish, lease_of};
use crate::cli::house::House;
use crate::cli::signals::{Signals, unless};
use anyhow::{Context, ensure};
use serde_json::json;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

const SAMPLES: usize = 20;

/// Files of the repository, of two kilobytes each: about as many as git itself has.
const FILES: usize = 5_000;

const KIND: &str = "working-copy";

/// Writes the words of each job, ended by a NUL each, into a file of its own, and starts it.
const SETSID: &str = r#"#!/bin/sh
if [ "$3" = run ] && [ -d "$DRYDOCK_BENCH_JOBS" ]; then
    (
        shift 6
        printf '%s\0' "$@" >"$DRYDOCK_BENCH_JOBS/$(date +%s%N).$$"
    )
fi
exec "$DRYDOCK_BENCH_SETSID" "$@"
"#;

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
    let [home, leases, jobs, bin] = ["home", "leases", "jobs", "bin"].map(|name| folder.join(name));
    fs::create_dir_all(&home)?;
    fs::create_dir_all(&bin)?;
    fs::write(bin.join("setsid"), SETSID)?;
    fs::set_permissions(bin.join("setsid"), fs::Permissions::from_mode(0o755))?;
    let remote = folder.join("remote");
    make_remote(&remote, files(options))?;
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default());
    let variables = [
        ("HOME", home.as_path()),
        ("PATH", Path::new(&path)),
        ("DRYDOCK_BENCH_JOBS", &jobs),
        ("DRYDOCK_BENCH_SETSID", &programs.setsid),
    ];
    let server = Server::start(programs, &folder.join("server"), &variables)?;
    let (credentials, hosts) = lab(&server, &leases)?;
    let copies = json!({
        "name": "copies", "plugin": KIND, "grants": ["leases:host", "commands:ssh"], "max_resources": 1,
        "config": {
            "host_blueprints": ["lab"],
            "allow_local": true,
            "repositories": { "app": { "url": remote, "default": "main" } },
        },
    });
    let configuration = json!({ "credentials": credentials, "blueprint": [hosts, copies] });
    let house = House::open_with("bench", Some(&folder), |_| Ok(configuration));
    let house = unless(signals, house).await??;
    let hand = unless(signals, Hand::open(&server, &folder)).await??;
    house
        .used(signals, async |house: &House| {
            let client = house.client();
            let mut taken = Samples::default();
            // The first one clones.
            finish(client, &lease_of(client, KIND).await?).await?;
            fs::create_dir(&jobs)?;
            finish(client, &lease_of(client, KIND).await?).await?;
            let recorded = read(&jobs)?;
            fs::remove_dir_all(&jobs)?;
            for _ in 0..samples {
                let start = Instant::now();
                finish(client, &lease_of(client, KIND).await?).await?;
                taken.leases.push(start.elapsed().as_secs_f64() * 1e3);
                let start = Instant::now();
                for job in &recorded {
                    hand.run(job).await?;
                }
                taken.by_hand.push(start.elapsed().as_secs_f64() * 1e3);
            }
            anyhow::Ok(taken)
        })
        .await
}

/// The words of each job, in the order in which they were started.
fn read(jobs: &Path) -> anyhow::Result<Vec<Vec<String>>> {
    let mut files: Vec<_> =
        fs::read_dir(jobs)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    files.sort();
    ensure!(!files.is_empty(), "a lease of a working copy started no job");
    let words = |file: &std::path::PathBuf| {
        let text = fs::read_to_string(file).context("a job is read")?;
        Ok(text.split_terminator('\0').map(str::to_owned).collect())
    };
    files.iter().map(words).collect()
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
