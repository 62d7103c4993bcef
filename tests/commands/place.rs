//! Where the same test is made: on this machine, and over SSH.

use super::sshd::{SOON, Sshd};
use super::{access, credential};
use drydock_core::contract::Access;
use drydock_runtime::commands::{Command, CommandError, Exit, JobState, Output, Runner};
use drydock_runtime::credentials::{Credentials, Redaction};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// For one call.
pub const WITHIN: Duration = Duration::from_secs(60);

pub struct Place {
    pub on: Access,
    pub sshd: Option<Sshd>,
    folder: tempfile::TempDir,
    /// Of this test, so that none meets the jobs of another one on this machine.
    nonce: u64,
    keys: Mutex<Vec<String>>,
}

impl Place {
    pub fn local() -> Place {
        Place::new(None)
    }

    pub fn ssh() -> Place {
        Place::new(Some(Sshd::start()))
    }

    pub fn both() -> [Place; 2] {
        [Place::local(), Place::ssh()]
    }

    fn new(sshd: Option<Sshd>) -> Place {
        let on = sshd.as_ref().map_or(Access::Local, |sshd| Access::Ssh(access(sshd)));
        let folder = tempfile::tempdir().expect("folder");
        Place { on, sshd, folder, nonce: rand::random(), keys: Mutex::default() }
    }

    /// A runner that shares nothing with any other one.
    pub fn runner(&self) -> Runner {
        Runner::new(match &self.sshd {
            Some(sshd) => Credentials::from([("lab".to_string(), credential(sshd).into())]),
            None => Credentials::new(),
        })
    }

    /// A file of this test, as a path and as the word of a shell.
    pub fn file(&self, name: &str) -> (PathBuf, String) {
        let path = self.folder.path().join(name);
        let word = path.display().to_string();
        (path, word)
    }

    pub fn home(&self) -> PathBuf {
        match &self.sshd {
            Some(sshd) => sshd.path("home"),
            None => std::env::home_dir().expect("a home"),
        }
    }

    /// The same file from where commands begin.
    pub async fn relative(&self, path: &Path) -> String {
        let output = self.runner().run(&self.on, super::shell("pwd -P")).await.expect("ran");
        let depth = super::text(&output.stdout).trim().split('/').filter(|part| !part.is_empty()).count();
        "../".repeat(depth) + path.to_str().expect("text").trim_start_matches('/')
    }

    /// The key of a job of this test, which ends with it.
    pub fn key(&self, name: &str) -> String {
        let key = format!("{name} {:x}", self.nonce);
        self.keys.lock().expect("keys").push(key.clone());
        key
    }

    pub fn records(&self) -> PathBuf {
        self.home().join(".local/state/drydock/jobs")
    }

    pub fn record(&self, key: &str) -> PathBuf {
        let name: String = Sha256::digest(key).iter().map(|byte| format!("{byte:02x}")).collect();
        self.records().join(name)
    }

    /// What the number in a file of a record is.
    pub fn process(&self, key: &str, file: &str) -> u32 {
        let text = fs::read_to_string(self.record(key).join(file)).expect("a file of the record");
        text.split(' ').next().and_then(|number| number.parse().ok()).expect("a number")
    }

    pub async fn start(&self, key: &str, command: Command) -> Result<JobState, CommandError> {
        self.runner().start_job(&self.on, key, command, Duration::ZERO, WITHIN).await
    }

    pub async fn poll(&self, key: &str) -> JobState {
        self.runner().poll_job(&self.on, key, Duration::ZERO, WITHIN).await.expect("polled")
    }

    pub async fn cancel(&self, key: &str) {
        self.runner().cancel_jobs(&self.on, &[key], WITHIN).await.expect("cancelled");
    }

    /// Waits for its end.
    pub async fn ended(&self, key: &str) -> Output {
        let deadline = Instant::now() + 3 * SOON;
        loop {
            match self.poll(key).await {
                JobState::Ended(job) => return job.into_output(&Redaction::default()),
                JobState::Running => assert!(Instant::now() < deadline, "the job does not end"),
                JobState::Unknown => panic!("nothing is known of the job"),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Starts it, and waits for its end.
    pub async fn finish(&self, key: &str, command: Command) -> Output {
        self.start(key, command).await.expect("started");
        self.ended(key).await
    }
}

impl Drop for Place {
    /// What a failed test left running here; on the server all of it ends.
    fn drop(&mut self) {
        for key in self.keys.lock().expect("keys").iter().filter(|_| self.sshd.is_none()) {
            let record = self.record(key);
            for file in ["claim.1", "claim.2", "program"] {
                let text = fs::read_to_string(record.join(file)).unwrap_or_default();
                let number = text.split(' ').next().and_then(|number| number.parse::<u32>().ok());
                if let Some(number) = number.filter(|number| super::sshd::is_alive(*number)) {
                    let group = format!("-{number}");
                    let _ = std::process::Command::new("kill").args(["-s", "KILL", "--", &group]).status();
                }
            }
            let _ = fs::remove_dir_all(record);
        }
    }
}

#[track_caller]
pub fn assert_ended(output: &Output, exit: Exit, stdout: &[u8], stderr: &str) {
    let shown = String::from_utf8_lossy(&output.stderr);
    assert_eq!((&output.exit, output.stdout.as_slice(), shown.as_ref()), (&exit, stdout, stderr));
}
