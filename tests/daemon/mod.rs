//! A real daemon, as its own process, on hosts that are this very machine, and a client of its socket.

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use tokio::net::UnixStream;

/// A test that waits so long has failed.
pub const DEADLINE: Duration = Duration::from_secs(120);

/// A folder with a configuration in it.
pub struct Setup {
    folder: tempfile::TempDir,
}

impl Setup {
    /// The socket and the store are in the folder; the rest of the configuration is given.
    pub fn new(rest: &str) -> Setup {
        let setup = Setup { folder: tempfile::tempdir().unwrap() };
        setup.configure(&format!("store = \"drydock.db\"\nsocket = \"s\"\n{rest}"));
        setup
    }

    /// With two hosts that are this machine, below `hosts/`.
    pub fn with_hosts() -> Setup {
        let setup = Setup::new("");
        let folder = setup.path("hosts");
        std::fs::create_dir(&folder).unwrap();
        let path = folder.display();
        setup.configure(&format!(
            "store = \"drydock.db\"\nsocket = \"s\"\nstop_grace = 2\n\n[[blueprint]]\nname = \"hosts\"\n\
             plugin = \"preallocated\"\ngrants = [\"commands:local\"]\n\n[blueprint.config]\nhosts = [\n  \
             {{ name = \"one\", local = true, path = \"{path}/one\" }},\n  \
             {{ name = \"two\", local = true, path = \"{path}/two\" }},\n]\n"
        ));
        for host in ["one", "two"] {
            std::fs::create_dir(folder.join(host)).unwrap();
        }
        setup
    }

    pub fn configure(&self, text: &str) {
        std::fs::write(self.path("drydock.toml"), text).unwrap();
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `drydock serve` with this configuration, not started yet.
    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_drydock"));
        command.args(["serve", "--config"]).arg(self.path("drydock.toml"));
        command.env_remove("DRYDOCK_SOCKET").env_remove("DRYDOCK_LOG").stdin(Stdio::null()).stdout(Stdio::null());
        command
    }

    /// A daemon that does not come so far as to be ready: its exit code and what it said.
    pub fn fails(&self) -> (Option<i32>, String) {
        let output = self.command().stderr(Stdio::piped()).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    }

    /// A daemon that is ready.
    pub fn start(&self) -> Daemon {
        let mut child = self.command().stderr(Stdio::piped()).spawn().unwrap();
        let stderr = child.stderr.take().unwrap();
        let (lines, said) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                // The test may have heard enough.
                let _ = lines.send(line);
            }
        });
        let mut daemon = Daemon { child, said, socket: self.path("s"), heard: Vec::new() };
        let ready = daemon.hear(|line| line.starts_with("ready"));
        assert!(ready.contains(&daemon.socket.display().to_string()), "{ready}");
        daemon
    }
}

pub struct Daemon {
    child: Child,
    said: mpsc::Receiver<String>,
    heard: Vec<String>,
    pub socket: PathBuf,
}

impl Daemon {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The next line of its stderr of that kind.
    pub fn hear(&mut self, is: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + DEADLINE;
        loop {
            match self.said.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) if is(&line) => return line,
                Ok(line) => self.heard.push(line),
                Err(_) => panic!("it only said: {:#?}", self.heard),
            }
        }
    }

    pub fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([&format!("-{signal}"), &self.pid().to_string()]).status().unwrap();
        assert!(status.success());
    }

    pub fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + DEADLINE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "it does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub async fn get(&self, path: &str) -> (StatusCode, Value) {
        call(&self.socket, Method::GET, path, Bytes::new()).await
    }

    pub async fn post(&self, path: &str, body: Value) -> (StatusCode, Value) {
        call(&self.socket, Method::POST, path, body.to_string().into()).await
    }

    /// Waits, by long polls, until the lease has the status.
    pub async fn until(&self, id: &str, status: &str) -> Value {
        let deadline = Instant::now() + DEADLINE;
        let mut seen = String::new();
        loop {
            let (code, detail) = self.get(&format!("/v1/leases/{id}?wait_ms=5000&seen={seen}")).await;
            assert_eq!(code, StatusCode::OK, "{detail}");
            if detail["lease"]["status"] == status {
                return detail;
            }
            assert!(Instant::now() < deadline, "not {status}: {detail}");
            seen = detail["lease"]["tag"].as_str().unwrap().to_string();
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One request on a connection of its own.
pub async fn send(socket: &Path, method: Method, path: &str, body: Bytes) -> hyper::Result<Response<Incoming>> {
    let stream = UnixStream::connect(socket).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request = Request::builder().method(method).uri(path).header("host", "drydock").body(Full::new(body)).unwrap();
    sender.send_request(request).await
}

pub async fn call(socket: &Path, method: Method, path: &str, body: Bytes) -> (StatusCode, Value) {
    let response = send(socket, method, path, body).await.unwrap();
    let status = response.status();
    let mut text = String::new();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    body.as_ref().read_to_string(&mut text).unwrap();
    (status, serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}")))
}
