//! A daemon of one's own, in a temporary folder, with hosts that are this very machine: for the demo, and to measure.

use super::client::Client;
use super::signals::{Signals, unless};
use crate::api::types::Status;
use crate::exit::{self, Exit};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::process::{Child, Command};

/// How long the daemon may take to start, and to stop.
const PATIENCE: Duration = Duration::from_secs(60);

/// What kind of house it is.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'a> {
    /// Whose it is: the folder is named after that, and problems are told of it.
    pub owner: &'static str,
    /// Where the folder is made. Default: among the system's temporary ones.
    pub parent: Option<&'a Path>,
    pub hosts: u32,
    /// Whether each lease gets a directory of its own, which is made for it and removed after it.
    pub directories: bool,
}

/// Dropped, it ends the daemon and removes the folder.
pub struct House {
    // In this order: the daemon goes before its folder.
    daemon: Daemon,
    client: Client,
    folder: TempDir,
    owner: &'static str,
}

/// A child that does not outlive this.
struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        // Without an id it has been waited for. A process that is killed is gone at once, unless the system is stuck.
        if self.0.id().is_some() && self.0.start_kill().is_ok() {
            let killed = Instant::now();
            while matches!(self.0.try_wait(), Ok(None)) && killed.elapsed() < Duration::from_secs(5) {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }
}

impl House {
    /// Makes the folder and starts the daemon in it.
    pub async fn open(plan: Plan<'_>) -> Result<House, Exit> {
        House::open_with(plan.owner, plan.parent, |root| {
            for number in 1..=plan.hosts {
                fs::create_dir_all(host_path(root, number))
                    .map_err(|error| failed(plan.owner, "make a host's folder", &error))?;
            }
            Ok(json!({ "blueprint": [hosts(root, plan)] }))
        })
        .await
    }

    /// The same with another configuration: a function of the folder, which says nothing of socket and store.
    pub async fn open_with(
        owner: &'static str,
        parent: Option<&Path>,
        configuration: impl FnOnce(&Path) -> Result<Value, Exit>,
    ) -> Result<House, Exit> {
        let parent = parent.map_or_else(std::env::temp_dir, Path::to_path_buf);
        let folder = tempfile::Builder::new()
            .prefix(&format!("drydock-{owner}-"))
            .tempdir_in(&parent)
            .map_err(|error| failed(owner, &format!("make a folder in {}", parent.display()), &error))?;
        let root = folder.path();
        let config = root.join("drydock.toml");
        let text = text(owner, root, configuration(root)?)?;
        fs::write(&config, text).map_err(|error| failed(owner, "write its configuration", &error))?;
        let log = File::create(root.join("daemon.log")).map_err(|error| failed(owner, "make its log", &error))?;
        let program = std::env::current_exe().map_err(|error| failed(owner, "find its own program", &error))?;
        let daemon = Command::new(program)
            .arg("serve")
            .arg("--config")
            .arg(&config)
            .env_remove("DRYDOCK_SOCKET")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            // A ^C is for us: we stop it.
            .process_group(0)
            .spawn()
            .map_err(|error| failed(owner, "start the daemon", &error))?;
        let client = Client::new(root.join("socket"));
        let mut house = House { daemon: Daemon(daemon), client, folder, owner };
        house.await_start().await?;
        Ok(house)
    }

    /// Has it used, and is gone when this returns, whatever came of it. A signal ends the use.
    pub async fn used<T, E: From<Exit>>(
        mut self,
        signals: &mut Signals,
        usage: impl AsyncFnOnce(&House) -> Result<T, E>,
    ) -> Result<T, E> {
        let used = unless(signals, usage(&self)).await;
        let stopped = self.stop().await;
        let closed = self.close();
        // What came first is told.
        let used = used??;
        stopped?;
        closed?;
        Ok(used)
    }

    /// The daemon's process, as long as it runs.
    pub fn pid(&self) -> Option<u32> {
        self.daemon.0.id()
    }

    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Waits until the daemon answers.
    async fn await_start(&mut self) -> Result<(), Exit> {
        let started = Instant::now();
        loop {
            let error = match self.client.get::<_, Status>("/v1/status", &()).await {
                Ok(_) => return Ok(()),
                Err(error) => error,
            };
            if let Ok(Some(status)) = self.daemon.0.try_wait() {
                return Err(self.problem(&format!("ended ({status})")));
            }
            if !error.passes() || started.elapsed() > PATIENCE {
                return Err(self.problem(&format!("did not start: {error}")));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Stops the daemon as an operator would.
    pub async fn stop(&mut self) -> Result<(), Exit> {
        if let Some(pid) = self.daemon.0.id().and_then(|id| i32::try_from(id).ok()) {
            // One that has just ended is waited for below.
            let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
        }
        match tokio::time::timeout(PATIENCE, self.daemon.0.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(self.problem(&format!("ended with {status}"))),
            Ok(Err(error)) => Err(failed(self.owner, "wait for the daemon", &error)),
            Err(_) => Err(self.problem("did not stop")),
        }
    }

    /// Everything that is in the hosts' folders, and should not be.
    pub fn left(&self) -> Result<Vec<PathBuf>, Exit> {
        let mut left = Vec::new();
        for host in self.list(&self.folder.path().join("hosts"))? {
            left.extend(self.list(&host)?);
        }
        Ok(left)
    }

    /// Removes the folder.
    pub fn close(self) -> Result<(), Exit> {
        let House { daemon, folder, owner, .. } = self;
        drop(daemon);
        folder.close().map_err(|error| failed(owner, "remove its folder", &error))
    }

    fn list(&self, folder: &Path) -> Result<Vec<PathBuf>, Exit> {
        let read =
            || fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<std::io::Result<Vec<_>>>();
        read().map_err(|error| failed(self.owner, &format!("look into {}", folder.display()), &error))
    }

    /// What is wrong with the daemon, and the end of what it has logged.
    fn problem(&self, what: &str) -> Exit {
        let text = fs::read_to_string(self.folder.path().join("daemon.log")).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let log = lines[lines.len().saturating_sub(20)..].join("\n");
        Exit::new(exit::FAILURE, format!("the {}'s daemon {what}; it logged:\n{log}", self.owner))
    }
}

fn host_path(root: &Path, number: u32) -> PathBuf {
    root.join("hosts").join(format!("host-{number}"))
}

/// The configuration of a daemon in this folder with these hosts: a text in TOML.
pub fn configuration(root: &Path, plan: Plan) -> Result<String, Exit> {
    text(plan.owner, root, json!({ "blueprint": [hosts(root, plan)] }))
}

/// A configuration whose daemon has its socket and its store in this folder.
fn text(owner: &str, root: &Path, mut configuration: Value) -> Result<String, Exit> {
    configuration["socket"] = json!(root.join("socket"));
    configuration["store"] = json!(root.join("store.sqlite"));
    toml::to_string(&configuration)
        .map_err(|error| Exit::new(exit::FAILURE, format!("the {owner} can't write its configuration: {error}")))
}

/// A blueprint of hosts that are this machine.
fn hosts(root: &Path, plan: Plan) -> Value {
    let host = |number| {
        let mut host = json!({ "name": format!("host-{number}"), "local": true });
        if plan.directories {
            host["path"] = json!(host_path(root, number));
        }
        host
    };
    json!({
        "name": "lab",
        "plugin": "preallocated",
        "grants": ["commands:local"],
        "config": { "hosts": (1..=plan.hosts).map(host).collect::<Vec<_>>() },
    })
}

fn failed(owner: &str, what: &str, error: &std::io::Error) -> Exit {
    Exit::new(exit::FAILURE, format!("the {owner} can't {what}: {error}"))
}
