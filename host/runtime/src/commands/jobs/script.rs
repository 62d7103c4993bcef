//! The script that keeps the records of jobs, as a command.

use super::super::command::{COMMAND_LIMIT, Command};
use super::super::quote;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;
use std::time::Duration;

/// Without what only people read.
static TEXT: LazyLock<String> = LazyLock::new(|| {
    let lines = include_str!("script.sh").lines().map(str::trim_start);
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).collect::<Vec<_>>().join("\n")
});

/// Bytes of an answer beside the output of a job: its first lines, and what is kept of the output beyond its limit.
const ANSWER: usize = 256 * 1024;

/// The record of a key, which can be any text.
pub fn record(key: &str) -> String {
    Sha256::digest(key).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The command that starts a job. The names of the credentials that its secrets are from are noted; the secrets themselves
/// are inherited from process to process, and written nowhere.
pub fn start(key: &str, job: Command, within: Duration) -> Command {
    let seconds = job.timeout.as_secs() + u64::from(job.timeout.subsec_nanos() > 0);
    let credentials: BTreeSet<&str> = job.secrets.values().map(|secret| secret.credential.as_str()).collect();
    let mut arguments = vec![
        nonce(),
        job.stdin.len().to_string(),
        seconds.to_string(),
        job.output_limit.to_string(),
        credentials.into_iter().collect::<Vec<_>>().join(" "),
        job.directory.clone().unwrap_or_default(),
    ];
    arguments.extend(quote::program(&job));
    Command { stdin: job.stdin, secrets: job.secrets, ..command("start", key, arguments, within) }
}

pub fn poll(key: &str, within: Duration) -> Command {
    Command { output_limit: 2 * super::calls::OUTPUT_LIMIT + ANSWER, ..command("poll", key, Vec::new(), within) }
}

pub fn cancel(key: &str, within: Duration) -> Command {
    command("cancel", key, vec![nonce()], within)
}

fn nonce() -> String {
    format!("{:016x}", rand::random::<u64>())
}

fn command(what: &str, key: &str, arguments: Vec<String>, within: Duration) -> Command {
    let mut argv = ["sh", "-c", "dry_text=$1; shift; eval \"$dry_text\"", "drydock-job", TEXT.as_str(), what]
        .map(String::from)
        .to_vec();
    argv.push(record(key));
    argv.extend(arguments);
    Command {
        argv,
        directory: None,
        environment: BTreeMap::new(),
        secrets: BTreeMap::new(),
        stdin: Vec::new(),
        timeout: within,
        output_limit: COMMAND_LIMIT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;
    use std::path::{Path, PathBuf};
    use std::process::{Command as Process, Stdio};
    use std::time::Instant;

    /// A machine with one of the shells, and without some of the tools.
    struct Machine {
        folder: tempfile::TempDir,
        shell: PathBuf,
    }

    impl Machine {
        fn new(shell: &str, without: &[&str]) -> Option<Machine> {
            let shell =
                ["/bin", "/usr/bin"].map(|bin| Path::new(bin).join(shell)).into_iter().find(|it| it.exists())?;
            let folder = tempfile::tempdir().expect("folder");
            let bin = folder.path().join("bin");
            std::fs::create_dir(&bin).expect("folder");
            for tool in
                ["/usr/bin", "/bin"].into_iter().flat_map(|bin| std::fs::read_dir(bin).expect("tools").flatten())
            {
                let name = tool.file_name();
                if name != "sh" && !without.iter().any(|without| name == *without) {
                    // Both folders may be one.
                    let _ = symlink(tool.path(), bin.join(name));
                }
            }
            symlink(&shell, bin.join("sh")).expect("a shell");
            Some(Machine { folder, shell })
        }

        fn ask(&self, command: Command) -> String {
            let mut process = Process::new(&self.shell);
            process.args(&command.argv[1..]).env_clear().env("HOME", self.folder.path());
            process.env("PATH", self.folder.path().join("bin")).current_dir(self.folder.path());
            let output = process.stdin(Stdio::null()).output().expect("the shell runs");
            String::from_utf8_lossy(&output.stdout).into_owned()
        }

        fn start(&self, key: &str, script: &str) -> String {
            let job = Command { timeout: Duration::from_secs(100), ..command("", "", Vec::new(), Duration::ZERO) };
            let argv = ["sh", "-c", script].map(String::from).to_vec();
            self.ask(start(key, Command { argv, ..job }, Duration::ZERO))
        }

        fn ended(&self, key: &str) -> String {
            let deadline = Instant::now() + Duration::from_secs(60);
            loop {
                let answer = self.ask(poll(key, Duration::ZERO));
                if answer != "running\n" {
                    return answer;
                }
                assert!(Instant::now() < deadline, "it does not end");
                std::thread::sleep(Duration::from_millis(50));
            }
        }
    }

    #[test]
    fn shells_with_few_tools_will_do() {
        // Without either tool a shell is needed that gives its jobs groups without a terminal.
        for (shell, without) in [
            ("dash", &[][..]),
            ("dash", &["setsid"]),
            ("bash", &["setsid"]),
            ("bash", &["setsid", "perl"]),
            ("ksh", &[]),
        ] {
            let Some(machine) = Machine::new(shell, without) else { continue };
            let shown = format!("{shell} without {without:?}");
            for (key, script, ended) in [
                ("code", "echo out; echo err >&2; exit 143", "ended\ncode 143\n100 131072 \n4 4\nout\nerr\n"),
                ("signal", "kill -TERM $$", "ended\nsignal TERM\n100 131072 \n0 0\n"),
            ] {
                assert_eq!(machine.start(key, script), "started\n", "{shown}");
                assert_eq!(machine.start(key, script), "attached\n", "{shown}");
                assert_eq!(machine.ended(key), ended, "{shown}");
                assert_eq!(machine.ask(cancel(key, Duration::ZERO)), "gone\n", "{shown}");
                assert_eq!(machine.ended(key), "unknown\n", "{shown}");
            }
            assert_eq!(machine.start("endless", "sleep 1000 & echo $! > number; wait"), "started\n", "{shown}");
            let number = machine.folder.path().join("number");
            while !std::fs::read_to_string(&number).is_ok_and(|text| text.ends_with("\n")) {
                std::thread::sleep(Duration::from_millis(10));
            }
            let grandchild = std::fs::read_to_string(&number).expect("a number");
            assert_eq!(machine.ask(cancel("endless", Duration::ZERO)), "gone\n", "{shown}");
            let alive = std::fs::read_to_string(format!("/proc/{}/stat", grandchild.trim()));
            assert!(!alive.is_ok_and(|stat| !stat.contains(") Z ")), "{shown}: a grandchild is there still");
        }
    }

    #[test]
    fn what_is_sent_is_short() {
        assert!(TEXT.len() < 8 << 10, "{} bytes", TEXT.len());
        assert!(!TEXT.contains("\n#") && !TEXT.contains("  #"));
    }
}
