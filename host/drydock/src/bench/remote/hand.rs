//! Who does by hand what a lease has done: with the ssh of this machine, over one connection that stays open.

use super::server::{Server, user};
use anyhow::{Context, ensure};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::process::{Child, Command};

/// For the connection to open.
const PATIENCE: Duration = Duration::from_secs(20);

/// Dropped, the connection ends.
pub struct Hand {
    _master: Child,
    control: PathBuf,
    address: String,
}

impl Hand {
    /// Opens the connection; its socket is made in the folder.
    pub async fn open(server: &Server, folder: &Path) -> anyhow::Result<Hand> {
        let control = folder.join("control");
        let address = format!("ssh://{}@127.0.0.1:{}", user()?, server.port);
        let mut command = Command::new("ssh");
        command.args(["-F", "none", "-M", "-N", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no"]);
        command.args(["-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-o", "IdentitiesOnly=yes"]);
        command.arg("-i").arg(server.key()).arg("-S").arg(&control).arg(&address);
        let mut master = command.stdin(Stdio::null()).kill_on_drop(true).spawn().context("ssh is started")?;
        let started = Instant::now();
        while !control.exists() {
            ensure!(master.try_wait()?.is_none(), "ssh opened no connection");
            ensure!(started.elapsed() < PATIENCE, "ssh opened no connection within {} s", PATIENCE.as_secs());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(Hand { _master: master, control, address })
    }

    /// Runs a line there, as the user's shell understands it; fails where that fails.
    pub async fn run(&self, line: &str) -> anyhow::Result<()> {
        let mut command = Command::new("ssh");
        command.args(["-F", "none", "-S"]).arg(&self.control).arg(&self.address).arg(line);
        let output = command.stdin(Stdio::null()).output().await.context("ssh is run")?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "a command failed by hand ({}): {said}", output.status);
        Ok(())
    }
}
