//! The demo's temporary folder, with its hosts and its daemon.

use crate::api::types::Status;
use crate::cli::client::Client;
use crate::exit::{self, Exit};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;
use tokio::process::{Child, Command};

/// How long the daemon may take to start, and to stop.
const PATIENCE: Duration = Duration::from_secs(60);

/// Dropped, it ends the daemon and removes the folder.
pub struct House {
    // In this order: the daemon goes before its folder.
    daemon: Child,
    client: Client,
    folder: TempDir,
}

impl House {
    /// Makes the folder and starts the daemon in it.
    pub async fn open(hosts: u32) -> Result<House, Exit> {
        let folder =
            tempfile::Builder::new().prefix("drydock-demo-").tempdir().map_err(|e| failed("make a folder", &e))?;
        let root = folder.path();
        for number in 1..=hosts {
            fs::create_dir_all(host_path(root, number)).map_err(|error| failed("make a host's folder", &error))?;
        }
        let config = root.join("drydock.toml");
        let text = configuration(root, hosts)?;
        fs::write(&config, text).map_err(|error| failed("write its configuration", &error))?;
        let log = File::create(root.join("daemon.log")).map_err(|error| failed("make its log", &error))?;
        let program = std::env::current_exe().map_err(|error| failed("find its own program", &error))?;
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
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| failed("start the daemon", &error))?;
        let mut house = House { daemon, client: Client::new(root.join("socket")), folder };
        house.await_start().await?;
        Ok(house)
    }

    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Waits until the daemon answers.
    async fn await_start(&mut self) -> Result<(), Exit> {
        let started = tokio::time::Instant::now();
        loop {
            let error = match self.client.get::<_, Status>("/v1/status", &()).await {
                Ok(_) => return Ok(()),
                Err(error) => error,
            };
            if let Ok(Some(status)) = self.daemon.try_wait() {
                return Err(Exit::new(exit::FAILURE, format!("the demo's daemon ended ({status}):\n{}", self.log())));
            }
            if !error.passes() || started.elapsed() > PATIENCE {
                return Err(Exit::new(
                    exit::FAILURE,
                    format!("the demo's daemon did not start: {error}\n{}", self.log()),
                ));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Stops the daemon as an operator would.
    pub async fn stop(&mut self) -> Result<(), Exit> {
        if let Some(pid) = self.daemon.id().and_then(|id| i32::try_from(id).ok()) {
            // One that has just ended is waited for below.
            let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
        }
        match tokio::time::timeout(PATIENCE, self.daemon.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => {
                Err(Exit::new(exit::FAILURE, format!("the demo's daemon ended with {status}:\n{}", self.log())))
            }
            Ok(Err(error)) => Err(failed("wait for the daemon", &error)),
            Err(_) => Err(Exit::new(exit::FAILURE, format!("the demo's daemon did not stop:\n{}", self.log()))),
        }
    }

    /// Everything that is in the hosts' folders, and should not be.
    pub fn left(&self) -> Result<Vec<PathBuf>, Exit> {
        let mut left = Vec::new();
        for host in list(&self.folder.path().join("hosts"))? {
            left.extend(list(&host)?);
        }
        Ok(left)
    }

    /// Removes the folder.
    pub fn close(self) -> Result<(), Exit> {
        self.folder.close().map_err(|error| failed("remove its folder", &error))
    }

    /// The end of what the daemon has logged.
    fn log(&self) -> String {
        let text = fs::read_to_string(self.folder.path().join("daemon.log")).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

fn host_path(root: &Path, number: u32) -> PathBuf {
    root.join("hosts").join(format!("host-{number}"))
}

fn configuration(root: &Path, hosts: u32) -> Result<String, Exit> {
    let hosts: Vec<_> = (1..=hosts)
        .map(|number| json!({ "name": format!("host-{number}"), "local": true, "path": host_path(root, number) }))
        .collect();
    let config = json!({
        "socket": root.join("socket"),
        "store": root.join("store.sqlite"),
        "blueprint": [{
            "name": "lab",
            "plugin": "preallocated",
            "grants": ["commands:local"],
            "config": { "hosts": hosts },
        }],
    });
    toml::to_string(&config)
        .map_err(|error| Exit::new(exit::FAILURE, format!("the demo can't write its configuration: {error}")))
}

fn list(folder: &Path) -> Result<Vec<PathBuf>, Exit> {
    let read =
        || fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<std::io::Result<Vec<_>>>();
    read().map_err(|error| failed(&format!("look into {}", folder.display()), &error))
}

fn failed(what: &str, error: &std::io::Error) -> Exit {
    Exit::new(exit::FAILURE, format!("the demo can't {what}: {error}"))
}
