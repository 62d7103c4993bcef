//! Secrets that programs are given.

use super::local::{hang, hanging};
use super::place::{Place, WITHIN, assert_ended};
use super::sshd::wait_for;
use super::{assert_printed, assert_says, command, shell, text};
use drydock_runtime::commands::{Chunk, Command, CommandError, Exit, JobState, LentSecret, Output};
use drydock_runtime::credentials::{Redaction, Secret};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;
use tokio::sync::mpsc;

const SENTINEL: &str = "sesame-8d1c77";

fn lent(variable: &str, value: &str, command: Command) -> Command {
    let secret = LentSecret { credential: "vault".into(), value: Secret::new(value.into()) };
    let mut secrets = command.secrets.clone();
    secrets.insert(variable.into(), secret);
    Command { secrets, ..command }
}

fn hiding(value: &str) -> Redaction {
    let mut hidden = Redaction::default();
    hidden.hide(&Secret::new(value.into()));
    hidden
}

fn has(bytes: &[u8], word: &str) -> bool {
    bytes.windows(word.len()).any(|window| window == word.as_bytes())
}

/// The command lines of all processes that have this in them.
fn command_lines(word: &str) -> Vec<String> {
    let processes = fs::read_dir("/proc").expect("/proc").flatten();
    let lines = processes.map(|entry| fs::read(entry.path().join("cmdline")).unwrap_or_default());
    lines.filter(|line| has(line, word)).map(|line| String::from_utf8_lossy(&line).into_owned()).collect()
}

fn files_with(folder: &Path, word: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        if entry.path().is_dir() {
            found.extend(files_with(&entry.path(), word));
        } else if has(&fs::read(entry.path()).unwrap_or_default(), word) {
            found.push(entry.path().display().to_string());
        }
    }
    found
}

#[tokio::test]
async fn a_program_gets_its_secrets_and_its_own_input() {
    let every: String = (1..=255_u8).map(char::from).collect();
    for place in Place::both() {
        let (file, word) = place.file("expected");
        let runner = place.runner();
        for value in [SENTINEL, "two\nlines", "\n\nlines around\n\n", " blanks  \\ '\"$x`id`* ", "\\0101\\c%s", &every]
        {
            fs::write(&file, value).expect("a file");
            let compare = format!("printf %s \"$TOKEN\" | cmp - {word} && cat && printf %s \"$OTHER\" | wc -c");
            let both = lent("TOKEN", value, lent("OTHER", "12345678", shell(&compare)));
            let whole = Command { stdin: b"in\0put\n".to_vec(), ..both };
            let output = runner.run(&place.on, whole.clone()).await.expect("ran");
            let expected = (Exit::Code(0), "in\0put\n8\n");
            assert_eq!((output.exit.clone(), text(&output.stdout).replace(' ', "").as_str()), expected, "{output:?}");
            let key = place.key("secret");
            let output = place.finish(&key, whole).await;
            assert_eq!((output.exit.clone(), text(&output.stdout).replace(' ', "").as_str()), expected, "{output:?}");
            place.cancel(&key).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_blotted_out_of_what_the_program_prints() {
    for place in Place::both() {
        let runner = place.runner();
        let env = lent("TOKEN", SENTINEL, shell("env | grep TOKEN; env >&2"));
        let output = runner.run(&place.on, env.clone()).await.expect("ran");
        assert_eq!(text(&output.stdout), "TOKEN=***\n");
        assert!(!has(&output.stderr, SENTINEL) && has(&output.stderr, "TOKEN=***"));

        let (first, rest) = SENTINEL.split_at(5);
        let parted =
            lent("TOKEN", SENTINEL, shell(&format!("printf {first}; sleep 0.5; printf {rest}; printf {first}")));
        assert_printed(runner.run(&place.on, parted.clone()).await, &format!("***{first}"));
        let (out, mut chunks) = mpsc::channel(100);
        assert_eq!(runner.stream(&place.on, parted, out).await, Ok(Exit::Code(0)));
        let mut streamed = Vec::new();
        while let Some(chunk) = chunks.recv().await {
            match chunk {
                Chunk::Stdout(bytes) | Chunk::Stderr(bytes) => streamed.extend(bytes),
            }
        }
        assert_eq!(text(&streamed), format!("***{first}"));

        // What is cut off by the limit shows no part of it either.
        let capped = Command { output_limit: 8, ..lent("TOKEN", SENTINEL, shell("printf \"12345$TOKEN\"")) };
        let output = runner.run(&place.on, capped).await.expect("ran");
        assert_eq!((text(&output.stdout), output.truncated), ("12345***", false));

        let key = place.key("printed");
        place.start(&key, env).await.expect("started");
        place.ended(&key).await;
        let JobState::Ended(job) = place.poll(&key).await else { panic!("it has ended") };
        assert_eq!(job.credentials().collect::<Vec<_>>(), ["vault"]);
        assert!(!format!("{job:?}").contains(SENTINEL));
        let output = job.into_output(&hiding(SENTINEL));
        assert_eq!(text(&output.stdout), "TOKEN=***\n");
        assert!(!has(&output.stderr, SENTINEL));
        place.cancel(&key).await;

        // The same where the answer to the start has it already.
        let key = place.key("printed at once");
        let print = lent("TOKEN", SENTINEL, shell("echo \"1$TOKEN\"; echo \"2$TOKEN\" >&2; echo 3"));
        let long = Duration::from_secs(3_600);
        let started = runner.start_job(&place.on, &key, print, long, WITHIN).await;
        let Ok(JobState::Ended(job)) = started else { panic!("{started:?}") };
        let output = job.into_output(&hiding(SENTINEL));
        assert_eq!((text(&output.stdout), text(&output.stderr)), ("1***\n3\n", "2***\n"));
        place.cancel(&key).await;

        for limit in 1..20 {
            let key = place.key(&format!("capped {limit}"));
            let print =
                lent("TOKEN", SENTINEL, shell("printf \"1234$TOKEN\"; printf 567; exec head -c 70000 /dev/zero"));
            place.start(&key, Command { output_limit: limit, ..print }).await.expect("started");
            place.ended(&key).await;
            let JobState::Ended(job) = place.poll(&key).await else { panic!("it has ended") };
            let Output { stdout, truncated, .. } = job.into_output(&hiding(SENTINEL));
            // Of 13 bytes three are left, so that it can be shorter than the limit.
            let shown = b"1234***567\0\0\0\0\0\0\0\0\0\0\0\0";
            assert!(truncated && shown.starts_with(&stdout), "{limit}: {stdout:?}");
            assert!((limit.min(7)..=limit).contains(&stdout.len()), "{limit}: {stdout:?}");
            place.cancel(&key).await;
        }
    }
}

#[tokio::test]
async fn it_is_on_no_command_line_and_in_no_record() {
    for place in Place::both() {
        let (file, _) = place.file("numbers");
        let key = place.key("record");
        place.start(&key, lent("TOKEN", SENTINEL, shell(&hang(&file)))).await.expect("started");
        let processes = hanging(&file);
        let environment = fs::read(format!("/proc/{}/environ", processes[0])).expect("an environment");
        assert!(has(&environment, &format!("TOKEN={SENTINEL}")), "the program has it");
        assert_eq!(command_lines(SENTINEL), [""; 0]);
        assert_eq!(files_with(&place.record(&key), SENTINEL), [""; 0]);
        if place.sshd.is_some() {
            assert_eq!(files_with(&place.home(), SENTINEL), [""; 0]);
        }
        place.cancel(&key).await;

        let (file, _) = place.file("other-numbers");
        let (runner, on) = (place.runner(), place.on.clone());
        let running = lent("TOKEN", SENTINEL, shell(&hang(&file)));
        let task = tokio::spawn(async move { runner.run(&on, running).await });
        while !file.exists() {
            // All the way to the program, too.
            assert_eq!(command_lines(SENTINEL), [""; 0]);
            tokio::task::yield_now().await;
        }
        assert_eq!(command_lines(SENTINEL), [""; 0]);
        task.abort();
        let _ = task.await;
    }
}

#[tokio::test]
async fn it_is_blotted_out_of_errors() {
    for place in Place::both() {
        let nowhere = Command { directory: Some(format!("/{SENTINEL}")), ..lent("TOKEN", SENTINEL, command(["true"])) };
        for result in [
            place.runner().run(&place.on, nowhere.clone()).await.map(|_| ()),
            place.start(&place.key("nowhere"), nowhere).await.map(drop),
        ] {
            match result {
                Err(CommandError::Other(why)) => {
                    assert_says(&why, &["/***", "make it first"]);
                    assert!(!why.contains(SENTINEL), "{why}");
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_second_start_may_come_without_the_secret() {
    let place = Place::ssh();
    let key = place.key("attached");
    let job = shell("test -n \"$TOKEN\"");
    assert_ended(&place.finish(&key, lent("TOKEN", SENTINEL, job.clone())).await, Exit::Code(0), b"", "");
    place.start(&key, job).await.expect("attached");
    let JobState::Ended(job) = place.poll(&key).await else { panic!("it has ended") };
    assert_eq!(job.credentials().collect::<Vec<_>>(), ["vault"]);
}

#[tokio::test]
async fn the_environment_stays_beside_it() {
    let place = Place::ssh();
    let set = Command {
        environment: BTreeMap::from([("X".to_string(), "y".to_string())]),
        ..lent("TOKEN", SENTINEL, shell("echo \"$X ${#TOKEN}\""))
    };
    assert_printed(place.runner().run(&place.on, set).await, &format!("y {}\n", SENTINEL.len()));
    let sshd = place.sshd.as_ref().expect("a server");
    wait_for("nothing is left", || sshd.started().is_empty());
}
