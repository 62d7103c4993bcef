//! Remotes that ask who it is.

use crate::machine::Folder;
use crate::remote::Remote;
use crate::server::Server;
use crate::world::World;
use drydock_sdk::serde_json::{Value, json};
use drydock_sdk::{Blame, Next};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

const TOKEN: &str = "s3cret-t0ken-%-\"'$HOME";

/// A server that has the token, and what came in place of a login.
struct Http {
    url: String,
    logins: Arc<Mutex<Vec<Option<String>>>>,
}

impl Http {
    fn start(remote: &Remote) -> Http {
        let logins = Arc::new(Mutex::new(Vec::new()));
        let seen = logins.clone();
        let login = base64(&format!("robot:{TOKEN}"));
        let remember = move |login: Option<&str>| seen.lock().unwrap().push(login.map(str::to_owned));
        Http { url: Server::start(remote.path().join(".git"), login, remember).url, logins }
    }
}

fn base64(text: &str) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let encode = |three: &[u8]| {
        let bits = three.iter().chain(&[0, 0]).take(3).fold(0usize, |bits, byte| bits << 8 | usize::from(*byte));
        let digit = |at: usize| if at <= three.len() { DIGITS[bits >> (18 - 6 * at) & 63] as char } else { '=' };
        [0, 1, 2, 3].map(digit).into_iter().collect::<String>()
    };
    text.as_bytes().chunks(3).map(encode).collect()
}

/// Programs that write down their arguments before they are what they are.
fn watched(home: &Path) -> (String, PathBuf) {
    let (folder, log) = (home.join("watched"), home.join("arguments"));
    std::fs::create_dir(&folder).unwrap();
    let path = std::env::var("PATH").unwrap();
    for program in ["git", "ssh", "ssh-add", "ssh-agent", "sh", "flock", "sed", "grep"] {
        let real = path.split(':').map(|folder| Path::new(folder).join(program)).find(|file| file.exists()).unwrap();
        let script =
            format!("#!/bin/bash\nprintf '%s\\n' \"$@\" >>'{}'\nexec {} \"$@\"\n", log.display(), real.display());
        let file = folder.join(program);
        std::fs::write(&file, script).unwrap();
        std::fs::set_permissions(file, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    (format!("{}:{path}", folder.display()), log)
}

/// Nothing that was run, and nothing that was written on the host, has the secret.
fn assert_kept(world: &mut World, secret: &str, log: &Path) {
    assert!(std::fs::read_to_string(log).unwrap().contains("fetch"), "arguments were written down");
    for command in &world.machine().commands {
        let open =
            format!("{:?} {:?} {:?}", command.argv, command.environment, String::from_utf8_lossy(&command.stdin));
        assert!(!open.contains(secret));
    }
    let home = world.machine().home.path().to_owned();
    let found = Command::new("grep").args(["-rlF", "-e", secret.lines().nth(1).unwrap_or(secret)]).arg(home).output();
    assert_eq!(String::from_utf8_lossy(&found.unwrap().stdout), "");
    assert!(world.machine().answers.iter().all(|answer| !answer.contains(secret)));
}

fn config(url: &str, user: Option<&str>, known: Option<&str>) -> Value {
    let mut config = json!({
        "repositories": { "app": { "url": url, "credential": "robot" } },
        "allow_local": true,
        "known_hosts": known.into_iter().collect::<Vec<_>>(),
    });
    if let Some(user) = user {
        config["repositories"]["app"]["user"] = json!(user);
    }
    config
}

#[test]
fn a_token_reaches_the_server_and_nobody_else() {
    let remote = Remote::new();
    let http = Http::start(&remote);
    let mut world = World::new(config(&http.url, Some("robot"), None), json!({}));
    let home = world.machine().home.path().to_owned();
    let (path, log) = watched(&home);
    world.machine().path = path;
    world.machine().secrets.insert("robot".into(), TOKEN.into());
    world.open().unwrap();
    let new = remote.commit("second", "two\n");
    let (mut place, _) = world.lease(json!({ "branch": "main" }));
    assert_eq!(world.head("app"), new);
    world.release(&mut place).unwrap();
    assert!(http.logins.lock().unwrap().iter().any(Option::is_some));
    assert_kept(&mut world, TOKEN, &log);

    world.machine().secrets.insert("robot".into(), "wrong".into());
    let failure = world.refused(json!({ "commit": "c".repeat(40) }));
    assert_eq!((failure.blame, failure.next), (Blame::Operator, Next::Attention), "{}", failure.reason);
}

#[test]
fn a_token_is_not_for_the_servers_of_submodules() {
    let (remote, inner) = (Remote::new(), Remote::new());
    let (outer, other) = (Http::start(&remote), Http::start(&inner));
    remote.git(&["submodule", "--quiet", "add", inner.url(), "part"]);
    remote.git(&["config", "-f", ".gitmodules", "submodule.part.url", &other.url]);
    remote.git(&["commit", "--quiet", "-am", "with a part"]);
    let mut config = config(&outer.url, Some("robot"), None);
    config["repositories"]["app"]["submodules"] = json!(true);
    let mut world = World::new(config, json!({}));
    world.machine().secrets.insert("robot".into(), TOKEN.into());
    world.open().unwrap();
    let failure = world.refused(json!({ "branch": "main" }));
    assert_eq!(world.saved.take().unwrap()["phase"], "submodules", "{}", failure.reason);
    let logins = other.logins.lock().unwrap();
    assert!(!logins.is_empty() && logins.iter().all(Option::is_none), "{logins:?}");
}

/// A server on loopback that lets one key in.
struct Sshd {
    server: Child,
    port: u16,
    folder: Folder,
}

impl Sshd {
    fn start() -> Sshd {
        let folder = Folder::new();
        let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        for key in ["host", "user"] {
            let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f", &file(key)]).status();
            assert!(made.unwrap().success());
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let _ = std::fs::create_dir_all("/run/sshd");
        let options = [
            format!("ListenAddress=127.0.0.1:{port}"),
            format!("HostKey={}", file("host")),
            format!("AuthorizedKeysFile={}", file("user.pub")),
            "PidFile=none".into(),
            "StrictModes=no".into(),
            "PasswordAuthentication=no".into(),
            format!("SetEnv=HOME={}", folder.path().display()),
        ];
        let mut command = Command::new("/usr/sbin/sshd");
        command.args(["-D", "-e", "-f", "/dev/null"]).stderr(Stdio::null());
        command.args(options.iter().flat_map(|option| ["-o", option]));
        let mut server = command.spawn().unwrap();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(server.try_wait().unwrap().is_none(), "sshd has ended at once");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        Sshd { server, port, folder }
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).unwrap()
    }

    fn known(&self) -> String {
        let key = self.read("host.pub");
        format!("[127.0.0.1]:{} {}", self.port, key.split(' ').take(2).collect::<Vec<_>>().join(" "))
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

#[test]
fn a_key_is_in_an_agent_and_nowhere_else() {
    let remote = Remote::new();
    let sshd = Sshd::start();
    let user = String::from_utf8(Command::new("id").arg("-un").output().unwrap().stdout).unwrap();
    let url = format!("ssh://{}@127.0.0.1:{}{}", user.trim(), sshd.port, remote.url());
    let key = sshd.read("user");
    let mut world = World::new(config(&url, None, Some(&sshd.known())), json!({}));
    let home = world.machine().home.path().to_owned();
    let (path, log) = watched(&home);
    world.machine().path = path;
    world.machine().secrets.insert("robot".into(), key.clone());
    world.open().unwrap();
    let new = remote.commit("second", "two\n");
    let (mut place, _) = world.lease(json!({ "branch": "main" }));
    assert_eq!(world.head("app"), new);
    world.release(&mut place).unwrap();
    assert_kept(&mut world, &key, &log);

    // Another server in its place.
    let other = Sshd::start();
    let known = sshd.known().replace(&sshd.port.to_string(), &other.port.to_string());
    let url = url.replace(&sshd.port.to_string(), &other.port.to_string());
    let mut world = World::new(config(&url, None, Some(&known)), json!({}));
    world.machine().secrets.insert("robot".into(), other.read("user"));
    let failure = world.open().unwrap_err();
    assert_eq!((failure.blame, failure.next), (Blame::Operator, Next::Attention), "{}", failure.reason);
}

#[test]
fn a_key_that_is_none_is_for_an_operator() {
    let mut world = World::new(config("ssh://git@127.0.0.1:1/x", None, None), json!({}));
    world.machine().secrets.insert("robot".into(), "no key at all".into());
    let failure = world.open().unwrap_err();
    assert_eq!((failure.blame, failure.next), (Blame::Operator, Next::Attention), "{}", failure.reason);
    assert!(world.on.state.clone().unwrap().contains(r#""phase":"credential""#));
}
