//! An SSH server of the bench's own, on this machine, for who runs the bench.

use anyhow::{Context, bail, ensure};
use std::fs::{self, File};
use std::io::Read;
use std::net::{TcpListener, TcpStream};
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
    pub setsid: PathBuf,
}

impl Programs {
    /// None where one is missing.
    pub fn find() -> Option<Programs> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders: Vec<PathBuf> =
            std::env::split_paths(&path).chain(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from)).collect();
        let find = |name: &str| folders.iter().map(|folder| folder.join(name)).find(|program| program.exists());
        let others = ["ssh", "ssh-keygen", "git"].iter().all(|name| find(name).is_some());
        Some(Programs { sshd: find("sshd")?, setsid: find("setsid")? }).filter(|_| others)
    }
}

/// Dropped, it ends.
pub struct Server {
    process: Child,
    pub port: u16,
    folder: PathBuf,
    made: bool,
}

impl Server {
    /// Starts one whose keys and log are in that folder, and waits until it answers. Whoever logs in has these variables.
    pub fn start(programs: &Programs, folder: &Path, variables: &[(&str, &Path)]) -> anyhow::Result<Server> {
        fs::create_dir_all(folder).context("a folder for the SSH server is made")?;
        for key in ["host", "user"] {
            make_key(&folder.join(key))?;
        }
        fs::copy(folder.join("user.pub"), folder.join("authorized_keys")).context("the key is authorized")?;
        let made = nix::unistd::geteuid().is_root() && fs::create_dir(SEPARATION).is_ok();
        let listener = TcpListener::bind(("127.0.0.1", 0)).context("a free port is looked for")?;
        let port = listener.local_addr().context("a free port is looked for")?.port();
        drop(listener);
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
        let variables = variables.iter().map(|(name, value)| format!("{name}={}", value.display()));
        option(format!("SetEnv={}", variables.collect::<Vec<_>>().join(" ")));
        let process = command.spawn().context("sshd is started")?;
        let mut server = Server { process, port, folder: folder.to_path_buf(), made };
        server.await_answer()?;
        Ok(server)
    }

    fn await_answer(&mut self) -> anyhow::Result<()> {
        let started = Instant::now();
        while !self.answers() {
            let log = || fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            if let Ok(Some(status)) = self.process.try_wait() {
                bail!("sshd ended ({status}): {}", log());
            }
            ensure!(started.elapsed() < PATIENCE, "sshd does not answer: {}", log());
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    fn answers(&self) -> bool {
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) else { return false };
        let mut greeting = [0; 4];
        let patient = stream.set_read_timeout(Some(PATIENCE)).is_ok();
        patient && stream.read_exact(&mut greeting).is_ok() && &greeting == b"SSH-"
    }

    /// The key that may log in.
    pub fn key(&self) -> PathBuf {
        self.folder.join("user")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // What it has begun for others ends when they hang up.
        let _ = self.process.kill();
        let _ = self.process.wait();
        if self.made {
            let _ = fs::remove_dir(SEPARATION);
        }
    }
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
