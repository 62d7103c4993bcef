//! How an argument list survives the login shell.
//!
//! SSH hands over one line, and the user's login shell interprets it. Shells don't agree about quotes: a backslash
//! before a closing quote means something else in fish, and so do `!` and a line break in csh. So the line contains
//! only what every shell leaves alone between single quotes, everything else as octal numbers; it asks for `/bin/sh`,
//! whose rules are those of POSIX, and that one decodes the actual script.

use super::command::Command;
use std::borrow::Cow;

/// Written to stdout and stderr by the script before the program starts, followed by the number of its process group and
/// a line break: what came before is not the program's.
pub fn started_mark(nonce: &str) -> String {
    format!("drydock-{nonce} started ")
}

/// Written to stderr, as a line, in place of it.
pub fn no_directory_mark(nonce: &str) -> String {
    format!("drydock-{nonce} no directory")
}

/// The line for the login shell that runs the command. The program replaces the shells, so that it is the leader of the
/// process group that the SSH server made for it, and its exit code and signal are the ones that arrive.
pub fn login_line(command: &Command, nonce: &str) -> String {
    for_login_shell(&script(command, nonce))
}

/// A script for `/bin/sh` as a line that every login shell hands on unchanged.
pub fn for_login_shell(script: &str) -> String {
    let mut line = String::from("exec /bin/sh -c 'eval \"$(printf %b \"");
    for byte in script.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => line.push(byte.into()),
            b' ' | b'_' | b'/' | b'.' | b',' | b':' | b'=' | b'@' | b'+' | b'-' | b';' | b'|' | b'&' | b'>' => {
                line.push(byte.into());
            }
            _ => line.push_str(&format!("\\0{byte:03o}")),
        }
    }
    line.push_str("\")\"'");
    line
}

/// What the script reads: each secret, and then the program's own input. A secret is the number of its lines, and these.
pub fn input(command: &Command) -> Cow<'_, [u8]> {
    if command.secrets.is_empty() {
        return Cow::Borrowed(&command.stdin);
    }
    let mut input = Vec::new();
    for secret in command.secrets.values() {
        let value = secret.value.expose();
        input.extend_from_slice(format!("{}\n{value}\n", value.split('\n').count()).as_bytes());
    }
    input.extend_from_slice(&command.stdin);
    Cow::Owned(input)
}

/// Reads a secret into a variable. All of these are built into every shell: no other process gets to see it. A shell reads
/// lines byte by byte, and leaves what follows to the program.
fn read_secret(variable: &str) -> String {
    format!(
        "read -r dry_lines || exit; dry_value=; while [ \"$dry_lines\" -gt 1 ]; do IFS= read -r dry_line || exit; \
         dry_value=$dry_value$dry_line'\n'; dry_lines=$((dry_lines - 1)); done; IFS= read -r dry_line || exit; \
         {variable}=$dry_value$dry_line; export {variable}; "
    )
}

fn script(command: &Command, nonce: &str) -> String {
    let mut script: String = command.secrets.keys().map(|variable| read_secret(variable)).collect();
    if let Some(directory) = &command.directory {
        // A relative path could be looked for along CDPATH, and `-` is the previous directory.
        let directory = if directory.starts_with('/') { directory.clone() } else { format!("./{directory}") };
        script.push_str(&format!(
            "cd -- {} || {{ printf '%s\\n' '{}' >&2; exit 1; }}; ",
            word(&directory),
            no_directory_mark(nonce)
        ));
    }
    let started = started_mark(nonce);
    script.push_str(&format!("printf '%s\\n' '{started}'\"$$\"; printf '%s\\n' '{started}'\"$$\" >&2; exec"));
    for argument in program(command) {
        script.push(' ');
        script.push_str(&word(&argument));
    }
    script
}

/// The arguments that start the program in its environment.
pub fn program(command: &Command) -> Vec<String> {
    let mut arguments = Vec::new();
    // `env` takes every name, where an assignment in the shell fails for its read-only variables.
    if !command.environment.is_empty() {
        arguments.push("env".to_string());
        arguments.extend(command.environment.iter().map(|(name, value)| format!("{name}={value}")));
        // `env` would take a program with an equals sign for one more variable.
        if command.argv.first().is_some_and(|program| program.contains('=')) {
            arguments.extend(["/bin/sh", "-c", "exec \"$@\"", "sh"].map(String::from));
        }
    }
    arguments.extend(command.argv.iter().cloned());
    arguments
}

/// A word of a POSIX shell that stands for exactly these characters.
fn word(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// The same for people to read: without quotes where none are needed.
pub fn readable_word(text: &str) -> String {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "/._-~+@:".contains(character);
    if text.is_empty() || !text.chars().all(is_plain) { word(text) } else { text.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::rngs::StdRng;
    use rand::seq::IndexedRandom;
    use rand::{RngExt, SeedableRng};
    use std::collections::BTreeMap;
    use std::path::Path;
    use std::process::Output;
    use std::time::Duration;

    /// Whatever means something to some shell, and some that don't.
    const PIECES: [&str; 44] = [
        "'",
        "\"",
        "\\",
        "\\'",
        "\\\\",
        "$",
        "`",
        "!",
        "!!",
        "\n",
        "\r",
        "\t",
        " ",
        "  ",
        "*",
        "?",
        "[",
        "]",
        "{",
        "}",
        "(",
        ")",
        "<",
        ">",
        "|",
        "&",
        ";",
        "#",
        "~",
        "=",
        "%",
        "%s",
        "%%",
        "\\0101",
        "\\c",
        "^",
        "-",
        "--",
        "$(id)",
        "${x}",
        "a",
        "Z9",
        "\u{fc}",
        "\u{1f680}",
    ];

    fn text(random: &mut StdRng) -> String {
        let mut text = String::new();
        for _ in 0..random.random_range(0..12) {
            match random.random_range(0..4) {
                0 => text.push(char::from(random.random_range(1..128u8))),
                1 => text.extend(char::from_u32(random.random_range(128..0x11_0000))),
                _ => text.extend(PIECES.choose(random).copied()),
            }
        }
        text
    }

    fn run(login_shell: &str, line: &str) -> Output {
        std::process::Command::new(login_shell).args(["-c", line]).output().expect("the shell runs")
    }

    fn command(argv: Vec<String>, environment: BTreeMap<String, String>) -> Command {
        let timeout = Duration::from_secs(1);
        let secrets = BTreeMap::new();
        Command { argv, directory: None, environment, secrets, stdin: Vec::new(), timeout, output_limit: 0 }
    }

    /// What the program printed; its prologue must be there, with its own number.
    fn printed(output: &Output) -> String {
        let stdout = String::from_utf8(output.stdout.clone()).expect("text");
        let (mark, printed) = stdout.split_once('\n').unwrap_or_else(|| panic!("{output:?}"));
        let number = mark.strip_prefix("drydock-7 started ").expect("the mark");
        assert!(number.parse::<u32>().is_ok_and(|number| number > 1), "{mark}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), format!("{mark}\n"));
        printed.to_string()
    }

    #[test]
    fn whatever_is_in_the_arguments_arrives_through_every_login_shell() {
        let shells = ["/bin/sh", "/bin/bash", "/bin/ksh", "/bin/tcsh", "/usr/bin/zsh", "/usr/bin/fish"];
        for login_shell in shells.into_iter().filter(|shell| Path::new(shell).exists()) {
            for seed in 0..100 {
                let random = &mut StdRng::seed_from_u64(seed);
                let arguments: Vec<String> = (0..20).map(|_| text(random)).collect();
                let value = text(random);
                let script = "for each; do printf '%s\\0' \"$each\"; done; printf '%s' \"$X\"";
                let argv = ["sh", "-c", script, "sh"].map(String::from).into_iter().chain(arguments.clone()).collect();
                let command = command(argv, BTreeMap::from([("X".to_string(), value.clone())]));
                let output = run(login_shell, &login_line(&command, "7"));
                let expected = arguments.iter().fold(String::new(), |all, one| all + one + "\0") + &value;
                assert_eq!(printed(&output), expected, "{login_shell}, seed {seed}");
            }
        }
    }

    #[test]
    fn whatever_is_in_the_name_of_a_directory_or_program_is_found() {
        let folder = tempfile::tempdir().expect("folder");
        for seed in 0..50 {
            let random = &mut StdRng::seed_from_u64(seed);
            let name: String = text(random).chars().filter(|character| *character != '/').collect();
            let directory = folder.path().join(format!("-{seed}{name}"));
            std::fs::create_dir_all(&directory).expect("folder");
            let program = directory.join(format!("={name}"));
            std::os::unix::fs::symlink("/bin/pwd", &program).expect("link");
            for environment in [BTreeMap::new(), BTreeMap::from([("X".to_string(), text(random))])] {
                let argv = vec![program.to_str().expect("text").to_string(), "-P".to_string()];
                let directory = directory.to_str().expect("text").to_string();
                let command = Command { directory: Some(directory.clone()), ..command(argv, environment) };
                let output = run("/bin/sh", &login_line(&command, "7"));
                assert_eq!(printed(&output), directory + "\n", "seed {seed}");
            }
        }
    }

    #[test]
    fn a_missing_directory_starts_nothing() {
        let nowhere = Command {
            directory: Some("/no/such/folder".into()),
            ..command(vec!["echo".into(), "started".into()], BTreeMap::new())
        };
        let output = run("/bin/sh", &login_line(&nowhere, "7"));
        assert_eq!(output.stdout, b"");
        assert!(String::from_utf8_lossy(&output.stderr).ends_with("drydock-7 no directory\n"), "{output:?}");
    }

    #[test]
    fn a_line_contains_nothing_that_a_shell_could_mistake() {
        let all: String = (1..=255).map(char::from).collect();
        let line = login_line(&command(vec![all], BTreeMap::new()), "7");
        let body = line.strip_prefix("exec /bin/sh -c 'eval \"$(printf %b \"").expect("the beginning");
        let body = body.strip_suffix("\")\"'").expect("the end");
        assert!(!body.contains(['\'', '"', '!', '\n', '$', '`']), "{body}");
        assert!(!body.contains("\\\\") && body.is_ascii(), "{body}");
    }
}
