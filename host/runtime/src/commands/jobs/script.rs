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

/// Bytes of all that is told of a job.
const TOLD: usize = 2 * super::calls::OUTPUT_LIMIT + ANSWER;

/// The record of a key, which can be any text.
pub fn record(key: &str) -> String {
    Sha256::digest(key).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The command that starts a job. The names of the credentials that its secrets are from are noted; the secrets themselves
/// are inherited from process to process, and written nowhere. Its answer is also how the job fares after `wait` at most.
pub fn start(key: &str, job: Command, wait: Duration, within: Duration) -> Command {
    let seconds = job.timeout.as_secs() + u64::from(job.timeout.subsec_nanos() > 0);
    let credentials: BTreeSet<&str> = job.secrets.values().map(|secret| secret.credential.as_str()).collect();
    let mut arguments = vec![
        nonce(),
        job.stdin.len().to_string(),
        in_seconds(wait),
        seconds.to_string(),
        job.output_limit.to_string(),
        credentials.into_iter().collect::<Vec<_>>().join(" "),
        job.directory.clone().unwrap_or_default(),
    ];
    arguments.extend(quote::program(&job));
    Command {
        stdin: job.stdin,
        secrets: job.secrets,
        output_limit: TOLD,
        ..command("start", key, arguments, within + wait)
    }
}

pub fn poll(key: &str, wait: Duration, within: Duration) -> Command {
    Command { output_limit: TOLD, ..command("poll", key, vec![in_seconds(wait)], within + wait) }
}

/// Of at least one key.
pub fn cancel(keys: &[&str], within: Duration) -> Command {
    let (first, others) = keys.split_first().map_or(("", &[][..]), |(first, others)| (*first, others));
    let arguments = std::iter::once(nonce()).chain(others.iter().map(|key| record(key))).collect();
    command("cancel", first, arguments, within)
}

/// In whole seconds, rounded up: more not every system's `sleep` knows.
fn in_seconds(wait: Duration) -> String {
    wait.as_millis().div_ceil(1_000).to_string()
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

        /// How the job fares, beside the first word.
        fn start(&self, key: &str, script: &str, wait: Duration) -> (String, String) {
            let job = Command { timeout: Duration::from_secs(100), ..command("", "", Vec::new(), Duration::ZERO) };
            let argv = ["sh", "-c", script].map(String::from).to_vec();
            let answer = self.ask(start(key, Command { argv, ..job }, wait, Duration::ZERO));
            let (first, rest) = answer.split_once('\n').expect("a line");
            (first.to_owned(), rest.to_owned())
        }

        /// An hour is longer than any test waits for what should happen at once.
        fn ended(&self, key: &str) -> String {
            self.ask(poll(key, Duration::from_secs(3_600), Duration::ZERO))
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
                ("code", "echo out; echo err >&2; exit 143", "ended\ncode 143\n100 131072\n4 4\nout\nerr\n"),
                ("signal", "kill -TERM $$", "ended\nsignal TERM\n100 131072\n0 0\n"),
            ] {
                let (first, _) = machine.start(key, &format!("sleep 0.3; {script}"), Duration::ZERO);
                assert_eq!(first, "started", "{shown}");
                let (first, rest) = machine.start(key, script, Duration::from_secs(3_600));
                assert_eq!((first.as_str(), rest.as_str()), ("attached", ended), "{shown}");
                assert_eq!(machine.ended(key), ended, "{shown}");
                assert_eq!(machine.ask(cancel(&[key, "none"], Duration::ZERO)), "gone\n", "{shown}");
                assert_eq!(machine.ended(key), "unknown\n", "{shown}");
            }
            let (first, rest) =
                machine.start("endless", "sleep 1000 & echo $! > number; wait", Duration::from_millis(10));
            assert_eq!((first.as_str(), rest.as_str()), ("started", "running\n"), "{shown}");
            assert_eq!(machine.ask(poll("endless", Duration::from_secs(1), Duration::ZERO)), "running\n", "{shown}");
            let number = machine.folder.path().join("number");
            while !std::fs::read_to_string(&number).is_ok_and(|text| text.ends_with("\n")) {
                std::thread::sleep(Duration::from_millis(10));
            }
            let grandchild = std::fs::read_to_string(&number).expect("a number");
            assert_eq!(machine.ask(cancel(&["none", "endless"], Duration::ZERO)), "gone\n", "{shown}");
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
