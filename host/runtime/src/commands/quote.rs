//! How an argument list survives the login shell.
//!
//! SSH hands over one line, and the user's login shell interprets it. Shells don't agree about quotes: a backslash
//! before a closing quote means something else in fish, and so do `!` and a line break in csh. So the line contains
//! only what every shell leaves alone between single quotes, everything else as octal numbers; it asks for `/bin/sh`,
//! whose rules are those of POSIX, and that one decodes the actual script.

use super::command::Command;

/// Written to stderr by the script, so that the caller learns the program's process group, or that there is no such
/// directory. Starts a line.
pub fn started_mark(nonce: &str) -> String {
    format!("drydock-{nonce} started ")
}

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

fn script(command: &Command, nonce: &str) -> String {
    let mut script = String::new();
    if let Some(directory) = &command.directory {
        // A relative path could be looked for along CDPATH, and `-` is the previous directory.
        let directory = if directory.starts_with('/') { directory.clone() } else { format!("./{directory}") };
        script.push_str(&format!(
            "cd -- {} || {{ printf '%s\\n' '{}' >&2; exit 1; }}; ",
            word(&directory),
            no_directory_mark(nonce)
        ));
    }
    script.push_str(&format!("printf '%s\\n' '{}'\"$$\" >&2; ", started_mark(nonce)));
    script.push_str("exec");
    // `env` takes every name, where an assignment in the shell fails for its read-only variables.
    if !command.environment.is_empty() {
        script.push_str(" env");
        for (name, value) in &command.environment {
            script.push_str(&format!(" {name}={}", word(value)));
        }
        // `env` would take a program with an equals sign for one more variable.
        if command.argv.first().is_some_and(|program| program.contains('=')) {
            script.push_str(" /bin/sh -c 'exec \"$@\"' sh");
        }
    }
    for argument in &command.argv {
        script.push(' ');
        script.push_str(&word(argument));
    }
    script
}

/// A word of a POSIX shell that stands for exactly these characters.
fn word(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}
