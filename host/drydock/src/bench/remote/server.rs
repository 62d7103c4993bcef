//! An SSH server of the bench's own, on this machine, for who runs the bench.

use anyhow::{Context, bail, ensure};
use std::fs::{self, File};
use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// For the server to answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where a server that runs as root puts what it does before it has logged somebody in.
const SEPARATION: &str = "/run/sshd";

/// The programs that it takes.
pub struct Programs {
    sshd: PathBuf,
}

impl Programs {
    /// None where one is missing.
    pub fn find() -> Option<Programs> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders: Vec<PathBuf> =
            std::env::split_paths(&path).chain(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from)).collect();
        let find = |name: &str| folders.iter().map(|folder| folder.join(name)).find(|program| program.exists());
        let others = ["ssh", "ssh-keygen", "git"].iter().all(|name| find(name).is_some());
        find("sshd").filter(|_| others).map(|sshd| Programs { sshd })
    }
}

/// Writes down what is run, and runs it. The file's name is the first argument.
const RECORDER: &str = r#"#!/bin/sh
printf '%s\0' "$SSH_ORIGINAL_COMMAND" >>"$1"
exec "$SHELL" -c "$SSH_ORIGINAL_COMMAND"
"#;

/// Dropped, it ends.
pub struct Server {
    process: Child,
    pub port: u16,
    folder: PathBuf,
    made: bool,
}

/// Where what is run is written down.
const RECORD: &str = "record";

impl Server {
    /// Starts one whose keys and log are in that folder, and which writes down what is run on it.
    pub fn start(programs: &Programs, folder: &Path) -> anyhow::Result<Server> {
        fs::create_dir_all(folder.join("home")).context("a folder for the SSH server is made")?;
        for key in ["host", "user"] {
            make_key(&folder.join(key))?;
        }
        fs::copy(folder.join("user.pub"), folder.join("authorized_keys")).context("the key is authorized")?;
        let recorder = folder.join("recorder");
        fs::write(&recorder, RECORDER).context("a script is made")?;
        fs::set_permissions(&recorder, fs::Permissions::from_mode(0o755)).context("a script is made")?;
        let made = nix::unistd::geteuid().is_root() && fs::create_dir(SEPARATION).is_ok();
        let listener = TcpListener::bind(("127.0.0.1", 0)).context("a free port is looked for")?;
        let port = listener.local_addr().context("a free port is looked for")?.port();
        drop(listener);
        let recorder = format!("ForceCommand={} {}", recorder.display(), folder.join(RECORD).display());
        Ok(Server { process: serve(programs, folder, port, Some(recorder))?, port, folder: folder.to_path_buf(), made })
    }

    /// Starts it anew, so that nothing is written down any more, and gives what was: as often as that was done since
    /// [`Server::forget`], in this order.
    pub fn replace(&mut self, programs: &Programs) -> anyhow::Result<Vec<String>> {
        self.end();
        self.process = serve(programs, &self.folder, self.port, None)?;
        let record = fs::read_to_string(self.folder.join(RECORD)).context("what was run is read")?;
        Ok(record.split_terminator('\0').map(str::to_owned).collect())
    }

    /// Forgets what was written down.
    pub fn forget(&self) -> anyhow::Result<()> {
        fs::write(self.folder.join(RECORD), "").context("what was run is forgotten")
    }

    fn end(&mut self) {
        // What it has begun for others ends when they hang up.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// The key that may log in.
    pub fn key(&self) -> PathBuf {
        self.folder.join("user")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
        if self.made {
            let _ = fs::remove_dir(SEPARATION);
        }
    }
}

/// Starts the server and waits until it answers.
fn serve(programs: &Programs, folder: &Path, port: u16, recorder: Option<String>) -> anyhow::Result<Child> {
    let log = File::create(folder.join("log")).context("the SSH server's log is made")?;
    let mut command = Command::new(&programs.sshd);
    command.args(["-D", "-e", "-f", "/dev/null"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    let mut option = |text: String| {
        command.arg("-o").arg(text);
    };
    option(format!("ListenAddress=127.0.0.1:{port}"));
    option(format!("HostKey={}", folder.join("host").display()));
    option(format!("AuthorizedKeysFile={}", folder.join("authorized_keys").display()));
    // The folder is below one that everybody may write to.
    option("StrictModes=no".to_owned());
    option("PidFile=none".to_owned());
    // What is kept in a home is kept here.
    option(format!("SetEnv=HOME={}", folder.join("home").display()));
    recorder.into_iter().for_each(&mut option);
    let mut process = command.spawn().context("sshd is started")?;
    let started = Instant::now();
    let wrong = loop {
        if answers(port) {
            return Ok(process);
        }
        match process.try_wait().context("sshd is looked at")? {
            Some(status) => break format!("sshd ended ({status})"),
            None if started.elapsed() > PATIENCE => break "sshd does not answer".to_owned(),
            None => std::thread::sleep(Duration::from_millis(10)),
        }
    };
    let _ = process.kill();
    let _ = process.wait();
    bail!("{wrong}: {}", fs::read_to_string(folder.join("log")).unwrap_or_default())
}

fn answers(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    let mut greeting = [0; 4];
    let patient = stream.set_read_timeout(Some(PATIENCE)).is_ok();
    patient && stream.read_exact(&mut greeting).is_ok() && &greeting == b"SSH-"
}

/// Who logs in: the user that runs this.
pub fn user() -> anyhow::Result<String> {
    let user = nix::unistd::User::from_uid(nix::unistd::geteuid()).context("the user's name is looked up")?;
    Ok(user.context("the user that runs this has no name")?.name)
}

fn make_key(file: &Path) -> anyhow::Result<()> {
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-t", "ed25519", "-N", "", "-C", "bench", "-f"]).arg(file).stdin(Stdio::null());
    let made = command.output().context("ssh-keygen is run")?;
    ensure!(made.status.success(), "ssh-keygen made no key: {}", String::from_utf8_lossy(&made.stderr));
    Ok(())
}
