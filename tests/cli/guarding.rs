//! A secret for a remote that asks who it is: from the daemon's file to git on a host, and to nowhere else.

use crate::git_server::Server;
use crate::house::House;
use crate::{eventually, run};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

const SECRET: &str = "sentinel-7d1fQx-%-\"'$HOME";
/// The user `robot` with that, and with a wrong one, as HTTP has it.
const LOGIN: &str = "cm9ib3Q6c2VudGluZWwtN2QxZlF4LSUtIickSE9NRQ==";
const WRONG: &str = "sentinel-wrong-5Kk2";
const WRONG_LOGIN: &str = "cm9ib3Q6c2VudGluZWwtd3JvbmctNUtrMg==";

/// What must not be found: both, whole and in the part that survives any quoting, and as HTTP has them.
const SENTINELS: [&str; 4] = ["sentinel-7d1fQx", LOGIN, WRONG, WRONG_LOGIN];

/// What a server has seen.
#[derive(Default)]
struct Seen {
    /// The logins that came.
    logins: Vec<String>,
    /// The arguments of every process there was while somebody with a login waited for the answer, and the files in the
    /// home of the host's user.
    arguments: Vec<String>,
    records: Vec<(PathBuf, Vec<u8>)>,
}

/// A server that has the secret, and what it has seen.
struct Guarded {
    url: String,
    seen: Arc<Mutex<Seen>>,
}

impl Guarded {
    fn start(git: PathBuf, home: PathBuf) -> Guarded {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let kept = Arc::clone(&seen);
        let look = move |login: Option<&str>| {
            // Who asks waits for the answer while it is looked at.
            let Some(login) = login else { return };
            let arguments = arguments();
            let records = files(&home).into_iter().map(|file| (file.clone(), std::fs::read(file).unwrap_or_default()));
            let records: Vec<(PathBuf, Vec<u8>)> = records.collect();
            let mut seen = kept.lock().unwrap();
            seen.logins.push(login.to_owned());
            seen.arguments.extend(arguments);
            seen.records.extend(records);
        };
        Guarded { url: Server::start(git, LOGIN.to_owned(), look).url, seen }
    }
}

/// Of every process that there is; the words of each apart by spaces.
fn arguments() -> Vec<String> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let read = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
    read.map(|bytes| String::from_utf8_lossy(&bytes).replace('\0', " ")).filter(|line| !line.is_empty()).collect()
}

/// A host, and copies on it of a repository that the daemon has this secret for; all that happens is logged.
async fn guarded(secret: &str) -> (House, Guarded) {
    let mut house = House::prepare(1);
    house.log_everything();
    super::copying::make_remote(&house);
    let server = Guarded::start(house.path("remote").join(".git"), house.sshd.path("home"));
    std::fs::write(house.path("secret"), secret).unwrap();
    let host = json!({ "name": "h1", "address": "127.0.0.1", "port": house.sshd.port, "user": crate::sshd::Sshd::user(),
        "credential": "lab", "path": house.host_path("h1") });
    let repository = json!({ "url": server.url, "credential": "git", "user": "robot" });
    house.configure(json!({
        "credentials": {
            "lab": { "private_key": house.sshd.private_key(), "known_hosts": house.sshd.known_hosts() },
            "git": { "kind": "secret", "value_file": house.path("secret") },
        },
        "blueprint": [
            { "name": "lab", "plugin": "preallocated", "grants": ["commands:ssh"], "config": { "hosts": [host] } },
            {
                "name": "copies",
                "plugin": "working-copy",
                "grants": ["leases:host", "commands:ssh", "credential:git"],
                "config": {
                    "allow_local": true,
                    "cache": house.path("cache"),
                    "repositories": { "app": repository },
                },
            },
        ],
    }));
    house.start().await;
    (house, server)
}

#[track_caller]
fn assert_kept(what: &str, bytes: &[u8]) {
    for sentinel in SENTINELS {
        let found = bytes.windows(sentinel.len()).position(|window| window == sentinel.as_bytes());
        if let Some(at) = found {
            let around = &bytes[at.saturating_sub(200)..bytes.len().min(at + 100)];
            panic!("{what} has the secret: {:?}", String::from_utf8_lossy(around));
        }
    }
}

/// Every file in a folder, and in those in it.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        // What is being removed at this moment is in the way of nobody.
        let Ok(kind) = entry.file_type() else { continue };
        match (kind.is_dir(), kind.is_file()) {
            (true, _) => found.extend(files(&entry.path())),
            (_, true) => found.push(entry.path()),
            _ => {}
        }
    }
    found
}

/// The daemon's log and store, the host's folders, and what there is in its user's home have it not; nor has what the
/// program tells, nor did any process have it among its arguments.
fn nobody_has_it(house: &House, server: &Guarded, lease: &str) {
    let secret = house.path("secret");
    let all = [files(&house.path("")), files(&house.sshd.path(""))].concat();
    let named = |part: &str| all.iter().any(|file| file.to_string_lossy().contains(part));
    for part in ["/store/drydock.db", "/store/drydock.db-wal", "/log", "/cache/"] {
        assert!(named(part), "no file is looked at in {part}: {all:#?}");
    }
    for file in all.iter().filter(|file| **file != secret) {
        assert_kept(&file.display().to_string(), &std::fs::read(file).unwrap_or_default());
    }
    let log = house.log();
    assert!(log.contains("TRACE") && log.contains("DEBUG"), "everything is logged");
    let told: [&[&str]; 9] = [
        &["show", lease, "--json"],
        &["log", lease, "--json"],
        &["why", lease, "--json"],
        &["show", lease],
        &["log", "--json"],
        &["leases", "--all", "--json"],
        &["resources", "--all", "--json"],
        &["blueprints", "--json"],
        &["status", "--json"],
    ];
    for arguments in told {
        let ran = run(house, arguments);
        assert_eq!(ran.code, Some(0), "{ran:#?}");
        assert_kept(&format!("{arguments:?}"), format!("{}{}", ran.stdout, ran.stderr).as_bytes());
    }
    let seen = server.seen.lock().unwrap();
    let fetching = seen.arguments.iter().filter(|line| line.contains("git") && line.contains(&server.url));
    assert!(fetching.count() > 0, "who fetches is among those that are looked at");
    assert_kept("a process", seen.arguments.join("\n").as_bytes());
    let jobs = seen.records.iter().filter(|(file, _)| file.to_string_lossy().contains("/.local/state/drydock/jobs/"));
    assert!(jobs.count() > 0, "a job on the host fetches");
    seen.records.iter().for_each(|(file, bytes)| assert_kept(&file.display().to_string(), bytes));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_comes_to_the_server_and_is_found_nowhere() {
    let (house, server) = guarded(SECRET).await;
    let held = super::copying::lease(&house, &[]);
    let log = run(&house, &["command", &held, "--", "git", "log", "--format=%s"]);
    assert_eq!(log.ok(), "first\n");
    let environment = run(&house, &["command", &held, "--", "env"]).ok();
    assert!(environment.contains("DRYDOCK_WORKING_COPY_APP="), "{environment}");
    assert_kept("the lease's environment", environment.as_bytes());
    nobody_has_it(&house, &server, &held);
    super::copying::release(&house, &held);

    // The cache is there now, and is brought up to date.
    let before = server.seen.lock().unwrap().logins.len();
    let second = super::copying::commit(&house, "second");
    let held = super::copying::lease(&house, &["-a", "branch=main"]);
    assert_eq!(super::copying::head(&house, &held), second);
    nobody_has_it(&house, &server, &held);
    let logins = server.seen.lock().unwrap().logins.clone();
    assert!(before > 0 && logins.len() > before && logins.iter().all(|login| login == LOGIN), "{logins:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_secret_is_complained_of_and_not_shown() {
    let (house, server) = guarded(WRONG).await;
    let asked = run(&house, &["lease", "--type", "working-copy", "--no-wait", "-a", "branch=main"]).ok();
    let lease = asked.trim();
    eventually(|| run(&house, &["why", lease]).ok().contains("Authentication failed"));
    let why: Value = run(&house, &["why", lease, "--json"]).json();
    assert_eq!(run(&house, &["show", lease, "--json"]).json()["lease"]["status"], "pending", "{why}");
    nobody_has_it(&house, &server, lease);
    let logins = server.seen.lock().unwrap().logins.clone();
    assert!(!logins.is_empty() && logins.iter().all(|login| login == WRONG_LOGIN), "{logins:?}");

    // An operator corrects it, and nothing else has to be done.
    std::fs::write(house.path("secret"), SECRET).unwrap();
    run(&house, &["wait", lease]).ok();
    assert_eq!(run(&house, &["command", lease, "--", "git", "log", "--format=%s"]).ok(), "first\n");
}
