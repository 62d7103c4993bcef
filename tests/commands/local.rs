//! On this machine.

use super::sshd::{is_alive, wait_for};
use super::{AWKWARD, assert_printed, assert_says, command, echo, echoed, shell, text};
use drydock_core::contract::Access;
use drydock_runtime::commands::{Chunk, Command, CommandError, Exit, Runner};
use drydock_runtime::credentials::Credentials;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

fn runner() -> Runner {
    Runner::new(Credentials::new())
}

/// A script that starts a grandchild, writes both numbers into a file, and waits for ever.
pub fn hang(file: &Path) -> String {
    format!("sleep 1000 & echo $$ $! > {0}.part; mv {0}.part {0}; wait", file.display())
}

/// The numbers that `hang` wrote, when it has.
pub fn hanging(file: &Path) -> Vec<u32> {
    wait_for("the program has started", || file.exists());
    let numbers = fs::read_to_string(file).expect("numbers");
    numbers.split_whitespace().map(|number| number.parse().expect("a number")).collect()
}

#[tokio::test]
async fn arguments_arrive_unchanged() {
    assert_printed(runner().run(&Access::Local, echo(&AWKWARD)).await, &echoed(&AWKWARD));
}

#[tokio::test]
async fn environment_directory_and_input_arrive() {
    let folder = tempfile::tempdir().expect("folder");
    let odd = folder.path().join("odd 'name' $x");
    fs::create_dir(&odd).expect("folder");
    let set = Command {
        directory: Some(odd.to_str().expect("text").into()),
        environment: BTreeMap::from([("X".into(), " '\n$Y".into())]),
        stdin: b"in\0put".to_vec(),
        ..shell("pwd; printf '%s|' \"$X\"; cat")
    };
    let expected = format!("{}\n '\n$Y|in\0put", odd.display());
    assert_printed(runner().run(&Access::Local, set).await, &expected);
}

#[tokio::test]
async fn the_daemons_environment_stays_its_own() {
    // Cargo sets this for every test.
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some());
    let output = runner().run(&Access::Local, command(["env"])).await.expect("env ran");
    for line in text(&output.stdout).lines() {
        let name = line.split('=').next().expect("a name");
        assert!(["PATH", "HOME", "LANG"].contains(&name), "{line}");
    }
}

#[tokio::test]
async fn codes_and_signals_are_told_apart() {
    for (script, exit) in [
        ("exit 0", Exit::Code(0)),
        ("exit 143", Exit::Code(143)),
        ("kill -TERM $$", Exit::Signal("TERM".into())),
        ("kill -KILL $$", Exit::Signal("KILL".into())),
    ] {
        assert_eq!(runner().run(&Access::Local, shell(script)).await.expect("ran").exit, exit, "{script}");
    }
}

#[tokio::test]
async fn what_cannot_be_started_is_told() {
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("plain");
    fs::write(&file, "").expect("file");
    let missing = runner().run(&Access::Local, command(["no-such-program"])).await.expect("as a shell");
    assert_eq!(missing.exit, Exit::Code(127));
    assert_says(text(&missing.stderr), &["no-such-program"]);
    let plain = runner().run(&Access::Local, command([file.to_str().expect("text")])).await.expect("as a shell");
    assert_eq!(plain.exit, Exit::Code(126));
    for directory in ["/no/such/folder", file.to_str().expect("text")] {
        let nowhere = Command { directory: Some(directory.into()), ..command(["true"]) };
        match runner().run(&Access::Local, nowhere).await {
            Err(CommandError::Other(why)) => assert_says(&why, &["true", "this machine", directory]),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn output_is_capped_and_drained() {
    let script = "head -c 3000000 /dev/zero; head -c 5 /dev/zero >&2; echo done > \"$0\"";
    let folder = tempfile::tempdir().expect("folder");
    let done = folder.path().join("done");
    let capped = Command {
        output_limit: 1000,
        argv: ["sh", "-c", script, done.to_str().expect("text")].map(String::from).to_vec(),
        ..shell("")
    };
    let output = runner().run(&Access::Local, capped).await.expect("ran");
    assert_eq!((output.stdout.len(), output.stderr.len(), output.truncated), (1000, 5, true));
    assert!(done.exists(), "the program was held up by its own output");
    let exact = Command { output_limit: 5, ..shell("printf 12345") };
    assert!(!runner().run(&Access::Local, exact).await.expect("ran").truncated);
}

#[tokio::test]
async fn input_that_is_not_read_is_no_failure() {
    let large = Command { stdin: vec![b'x'; 3_000_000], ..shell("exit 3") };
    assert_eq!(runner().run(&Access::Local, large).await.expect("ran").exit, Exit::Code(3));
    let large = Command { stdin: vec![b'x'; 3_000_000], ..command(["cat"]) };
    let output = runner().run(&Access::Local, Command { output_limit: 4_000_000, ..large }).await.expect("ran");
    assert_eq!(output.stdout.len(), 3_000_000);
}

#[tokio::test]
async fn a_timeout_kills_the_grandchildren_too() {
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("numbers");
    let late = Command { timeout: Duration::from_secs(1), ..shell(&hang(&file)) };
    let begun = Instant::now();
    match runner().run(&Access::Local, late).await {
        Err(CommandError::TimedOut(why)) => assert_says(&why, &["sh", "this machine", "1s"]),
        other => panic!("{other:?}"),
    }
    assert!(begun.elapsed() < Duration::from_secs(10));
    let processes = hanging(&file);
    assert_eq!(processes.len(), 2);
    wait_for("program and grandchild are gone", || !processes.iter().any(|process| is_alive(*process)));
}

#[tokio::test(flavor = "multi_thread")]
async fn giving_up_kills_the_grandchildren_too() {
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("numbers");
    let hanging_command = shell(&hang(&file));
    let task = tokio::spawn(async move { runner().run(&Access::Local, hanging_command).await });
    let processes = hanging(&file);
    assert!(processes.iter().all(|process| is_alive(*process)));
    task.abort();
    wait_for("program and grandchild are gone", || !processes.iter().any(|process| is_alive(*process)));
}

#[tokio::test]
async fn what_runs_in_the_background_holds_nobody_up() {
    let begun = Instant::now();
    assert_printed(runner().run(&Access::Local, shell("sleep 30 & echo begun")).await, "begun\n");
    assert!(begun.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn a_stream_has_no_cap_and_waits_for_its_reader() {
    let (out, mut chunks) = mpsc::channel(1);
    let reader = tokio::spawn(async move {
        let mut length = 0;
        while let Some(chunk) = chunks.recv().await {
            match chunk {
                Chunk::Stdout(bytes) => length += bytes.len(),
                Chunk::Stderr(bytes) => assert_eq!(bytes, b"oops\n"),
            }
            tokio::task::yield_now().await;
        }
        length
    });
    let flood = Command { output_limit: 0, ..shell("echo oops >&2; head -c 5000000 /dev/zero; exit 7") };
    assert_eq!(runner().stream(&Access::Local, flood, out).await, Ok(Exit::Code(7)));
    assert_eq!(reader.await.expect("read"), 5_000_000);
}

#[tokio::test]
async fn a_stream_ends_when_nobody_reads_it() {
    let (out, mut chunks) = mpsc::channel(1);
    let (runner, endless) = (runner(), shell("while :; do echo x; done"));
    let reading = async {
        chunks.recv().await.expect("output");
        chunks.close();
        drop(chunks);
    };
    let (result, ()) = tokio::join!(runner.stream(&Access::Local, endless, out), reading);
    assert!(matches!(&result, Err(CommandError::Other(why)) if why.contains("nobody reads")), "{result:?}");
}

#[tokio::test]
async fn things_without_access_say_so() {
    for access in [Access::None, Access::Via("lease-7".into())] {
        let result = runner().run(&access, command(["true"])).await;
        assert!(matches!(result, Err(CommandError::Invalid(_))), "{result:?}");
    }
}
