//! A host: a folder of this machine is its home, and programs run here.

use drydock_sdk::commands::{Command, Error, Exit, Output};
use drydock_sdk::{Access, Handout, fake, jobs, leases};
use std::collections::BTreeMap;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// A folder that goes when it is dropped.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Folder {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("drydock-working-copy-{}-{count}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path.canonicalize().unwrap())
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::process::Command::new("chmod").args(["-R", "u+rwX"]).arg(&self.0).stderr(Stdio::null()).status();
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

struct Job {
    child: Option<Child>,
    /// How often it was looked at.
    looked: usize,
    folder: Folder,
    output: Option<Output>,
}

pub struct Machine {
    pub home: Folder,
    /// Where programs are looked for.
    pub path: String,
    /// By the names of credentials.
    pub secrets: BTreeMap<String, String>,
    /// All that was ever started, by the last of its arguments.
    pub commands: Vec<Command>,
    /// Calls until it can be reached again.
    pub down: usize,
    /// Whether commands take longer than they may where they are in haste: they are killed in their middle.
    pub slow: bool,
    /// How often each job is looked at before it has ended.
    pub looks: usize,
    /// So many jobs are lost in their middle, as by a reboot.
    pub reboots: usize,
    jobs: BTreeMap<String, Job>,
    /// What jobs answered, in the order in which they ended.
    pub answers: Vec<String>,
}

pub const LEASE: &str = "lease-of-the-host";

impl Machine {
    pub fn new() -> Machine {
        let machine = Machine {
            home: Folder::new(),
            path: std::env::var("PATH").unwrap(),
            secrets: BTreeMap::new(),
            commands: Vec::new(),
            down: 0,
            slow: false,
            looks: 2,
            reboots: 0,
            jobs: BTreeMap::new(),
            answers: Vec::new(),
        };
        std::fs::create_dir_all(machine.ground()).unwrap();
        machine
    }

    /// The directory of the nested lease.
    pub fn ground(&self) -> PathBuf {
        self.home.path().join("leases/1")
    }

    pub fn caches(&self) -> PathBuf {
        self.home.path().join(".cache/drydock/git")
    }

    /// The one cache that it has.
    pub fn cache(&self) -> PathBuf {
        let entries = std::fs::read_dir(self.caches()).unwrap().map(|entry| entry.unwrap().path());
        let caches: Vec<_> = entries.filter(|path| path.extension().is_some_and(|end| end == "git")).collect();
        assert_eq!(caches.len(), 1, "one cache: {caches:?}");
        caches[0].clone()
    }

    /// How often a remote was asked.
    pub fn contacts(&self) -> usize {
        self.answers.iter().flat_map(|answer| answer.lines()).filter(|line| line.starts_with("contact ")).count()
    }

    /// Jobs of which there is a record.
    pub fn records(&self) -> usize {
        self.jobs.len()
    }

    fn prepare(&mut self, command: &Command) -> std::process::Command {
        self.commands.push(command.clone());
        let mut program = std::process::Command::new(&command.argv[0]);
        program.args(&command.argv[1..]).env_clear().envs(&command.environment);
        program.env("PATH", &self.path).env("HOME", self.home.path()).current_dir(self.home.path());
        for (variable, credential) in &command.secrets {
            program.env(variable, &self.secrets[credential]);
        }
        program.process_group(0);
        program
    }

    fn reach(&mut self) -> Result<(), Error> {
        match self.down {
            0 => Ok(()),
            _ => {
                self.down -= 1;
                Err(Error::Unreachable("no route to host".into()))
            }
        }
    }
}

impl Job {
    fn finish(&mut self) -> Output {
        let Some(mut child) = self.child.take() else { return self.output.clone().unwrap() };
        let status = child.wait().unwrap();
        let read = |name: &str| std::fs::read(self.folder.path().join(name)).unwrap();
        let exit = match (status.code(), status.signal()) {
            (Some(code), _) => Exit::Code(code),
            (None, signal) => Exit::Signal(signal.unwrap_or_default().to_string()),
        };
        let output = Output { exit, stdout: read("stdout"), stderr: read("stderr"), truncated: false };
        self.output = Some(output.clone());
        output
    }

    /// It, and all that it has started.
    fn kill(&mut self) {
        if let Some(child) = &mut self.child {
            kill_group(child.id());
            let _ = child.wait();
        }
    }
}

fn kill_group(leader: u32) {
    let group = format!("-{leader}");
    let _ = std::process::Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
}

impl Drop for Job {
    fn drop(&mut self) {
        self.kill();
    }
}

impl fake::Outside for Machine {
    fn run(&mut self, _: &Access, command: &Command) -> Result<Output, Error> {
        self.reach()?;
        let mut program = self.prepare(command);
        let other = |error: std::io::Error| Error::Other(error.to_string());
        if self.slow && command.environment.contains_key("DRYDOCK_HASTE") {
            let mut child =
                program.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().map_err(other)?;
            std::thread::sleep(Duration::from_millis(20));
            kill_group(child.id());
            let _ = child.wait();
            return Err(Error::TimedOut("it took too long".into()));
        }
        let output = program.output().map_err(other)?;
        println!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        self.answers.push(String::from_utf8_lossy(&output.stdout).into_owned());
        let exit = Exit::Code(output.status.code().unwrap_or(255));
        Ok(Output { exit, stdout: output.stdout, stderr: output.stderr, truncated: false })
    }

    fn start(&mut self, on: &Access, key: &str, command: &Command, wait: Duration) -> Result<jobs::State, Error> {
        assert_eq!(*on, Access::Via(LEASE.into()));
        self.reach()?;
        if self.jobs.contains_key(key) {
            return self.fares(key, wait);
        }
        let folder = Folder::new();
        let file = |name: &str| std::fs::File::create(folder.path().join(name)).unwrap();
        let mut program = self.prepare(command);
        program.stdin(Stdio::null()).stdout(file("stdout")).stderr(file("stderr"));
        let child = program.spawn().map_err(|error| Error::Other(error.to_string()))?;
        self.jobs.insert(key.into(), Job { child: Some(child), looked: 0, folder, output: None });
        self.fares(key, wait)
    }

    fn cancel(&mut self, _: &Access, keys: &[String]) -> Result<(), Error> {
        self.reach()?;
        keys.iter().for_each(|key| drop(self.jobs.remove(key)));
        Ok(())
    }

    fn ask(&mut self, wishes: &[leases::Wish]) -> Result<Vec<String>, String> {
        assert_eq!(wishes.len(), 1);
        assert_eq!((wishes[0].name.as_str(), wishes[0].kind.as_str()), ("host", "host"));
        Ok(vec![LEASE.into()])
    }

    fn look(&mut self, lease: &str) -> Result<leases::State, String> {
        assert_eq!(lease, LEASE);
        Ok(leases::State::Active(Handout::new(Access::Local).directory(self.ground().to_str().unwrap())))
    }
}

impl Machine {
    /// How a job fares: it ends by being looked at, however long that is waited for.
    fn fares(&mut self, key: &str, _: Duration) -> Result<jobs::State, Error> {
        let Some(job) = self.jobs.get_mut(key) else { return Ok(jobs::State::Unknown) };
        if job.looked < self.looks {
            job.looked += 1;
            return Ok(jobs::State::Running);
        }
        if self.reboots > 0 {
            self.reboots -= 1;
            job.kill();
            job.child = None;
            let exit = Exit::Signal("LOST".into());
            job.output = Some(Output { exit, stdout: vec![], stderr: vec![], truncated: false });
        }
        let first = job.child.is_some();
        let output = job.finish();
        if first {
            println!("{key}:\n{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            self.answers.push(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Ok(jobs::State::Ended(output))
    }
}
