//! Commands that outlive their connection.

use super::local::{hang, hanging};
use super::place::{Place, WITHIN, assert_ended};
use super::sshd::{is_alive, kill, wait_for};
use super::{AWKWARD, assert_says, command, echo, echoed, shell, text};
use drydock_runtime::commands::{Command, CommandError, Exit, JOB_TIMEOUT_LIMIT, JobState};
use drydock_runtime::credentials::Redaction;
use futures::future::join_all;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

/// Waits for a file, then goes on.
fn held(gate: &str, script: &str) -> Command {
    shell(&format!("until [ -e {gate} ]; do sleep 0.05; done; {script}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_outlives_the_connection_and_whoever_started_it() {
    for place in Place::both() {
        let (gate, gate_word) = place.file("gate");
        let key = place.key("long");
        let job = Command { stdin: b"in\0put\xff\n".to_vec(), ..held(&gate_word, "cat; echo err >&2; exit 7") };
        let runner = place.runner();
        runner.start_job(&place.on, &key, job, Duration::ZERO, WITHIN).await.expect("started");
        runner.close().await;
        drop(runner);
        if let Some(sshd) = &place.sshd {
            sshd.cut_connections();
        }
        assert_eq!(place.poll(&key).await, JobState::Running);
        fs::write(gate, "").expect("the gate");
        assert_ended(&place.ended(&key).await, Exit::Code(7), b"in\0put\xff\n", "err\n");
        // It can be asked again, until it is cancelled.
        assert_ended(&place.ended(&key).await, Exit::Code(7), b"in\0put\xff\n", "err\n");
        place.cancel(&key).await;
        assert_eq!(place.poll(&key).await, JobState::Unknown);
        assert!(!place.record(&key).exists());
    }
}

#[tokio::test]
async fn a_second_start_attaches_until_the_job_is_cancelled() {
    for place in Place::both() {
        let ((gate, gate_word), (count, count_word)) = (place.file("gate"), place.file("count"));
        let key = place.key("once");
        let job = || held(&gate_word, &format!("echo x >> {count_word}"));
        place.start(&key, job()).await.expect("started");
        place.start(&key, job()).await.expect("attached to what runs");
        fs::write(gate, "").expect("the gate");
        place.ended(&key).await;
        place.start(&key, job()).await.expect("attached to what has ended");
        assert_ended(&place.ended(&key).await, Exit::Code(0), b"", "");
        assert_eq!(fs::read_to_string(&count).expect("count"), "x\n");
        place.cancel(&key).await;
        place.finish(&key, job()).await;
        assert_eq!(fs::read_to_string(&count).expect("count"), "x\nx\n");
        place.cancel(&key).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_starts_at_once_start_one() {
    for place in Place::both() {
        let (count, count_word) = place.file("count");
        let key = place.key("crowd");
        let runner = place.runner();
        let job = || shell(&format!("echo x >> {count_word}; sleep 1"));
        let all = join_all((0..20).map(|_| runner.start_job(&place.on, &key, job(), Duration::ZERO, WITHIN))).await;
        assert!(all.iter().all(|one| *one == Ok(JobState::Running)), "{all:?}");
        place.ended(&key).await;
        assert_eq!(fs::read_to_string(&count).expect("count"), "x\n");
        let left = fs::read_dir(place.records()).expect("records").flatten();
        let left: Vec<_> = left.filter(|entry| entry.file_name().to_string_lossy().starts_with("new-")).collect();
        assert!(place.sshd.is_none() || left.is_empty(), "{left:?}");
        place.cancel(&key).await;
    }
}

#[tokio::test]
async fn jobs_with_other_keys_are_other_jobs() {
    let place = Place::ssh();
    let keys = ["a/b", "a", "../a", "a'b\"c", "$(id)", "line\nbreak", " ", "-n", "gr\u{fc}n \u{1f680}", "A", "*"];
    for key in keys {
        place.start(key, command(["printf", "%s", key])).await.expect("started");
    }
    for key in keys {
        assert_ended(&place.ended(key).await, Exit::Code(0), key.as_bytes(), "");
    }
    place.cancel("a").await;
    assert_eq!(place.poll("a").await, JobState::Unknown);
    assert_ended(&place.ended("A").await, Exit::Code(0), b"A", "");
    for key in ["".to_string(), "x".repeat(2000)] {
        let refused = place.start(&key, command(["true"])).await;
        assert!(matches!(&refused, Err(CommandError::Invalid(why)) if why.contains("key")), "{refused:?}");
    }
}

#[tokio::test]
async fn whatever_a_command_is_given_arrives() {
    let place = Place::ssh();
    let key = place.key("arguments");
    let output = place.finish(&key, echo(&AWKWARD)).await;
    assert_eq!(text(&output.stdout), echoed(&AWKWARD));

    let (odd, _) = place.file("odd 'name' $x");
    fs::create_dir(&odd).expect("folder");
    let environment = [("X", " '\n$Y"), ("PATH", "/bin:/usr/bin:/no/such"), ("IFS", "o"), ("dry_base", "mine")];
    let set = Command {
        directory: Some(place.relative(&odd).await),
        environment: environment.map(|(name, value)| (name.to_string(), value.to_string())).into(),
        ..shell("pwd -P; printf '%s|%s|%s|' \"$X\" \"$PATH\" \"$dry_base\"; umask")
    };
    let umask = text(&place.runner().run(&place.on, shell("umask")).await.expect("ran").stdout).to_string();
    let output = place.finish(&place.key("environment"), set).await;
    let expected = format!("{}\n '\n$Y|/bin:/usr/bin:/no/such|mine|{umask}", odd.display());
    assert_eq!((text(&output.stdout), text(&output.stderr)), (expected.as_str(), ""));
}

#[tokio::test]
async fn codes_and_signals_are_told_apart() {
    for place in Place::both() {
        for (n, (script, exit)) in [
            ("exit 0", Exit::Code(0)),
            ("exit 3", Exit::Code(3)),
            ("exit 143", Exit::Code(143)),
            ("kill -TERM $$", Exit::Signal("TERM".into())),
            ("kill -KILL $$", Exit::Signal("KILL".into())),
            // What is started in the background of a shell is deaf to this one.
            ("kill -INT $$; exit 5", Exit::Signal("INT".into())),
        ]
        .into_iter()
        .enumerate()
        {
            let key = place.key(&format!("exit {n}"));
            assert_ended(&place.finish(&key, shell(script)).await, exit, b"", "");
            place.cancel(&key).await;
        }
        let key = place.key("missing");
        let missing = place.finish(&key, command(["no-such-program"])).await;
        assert_eq!(missing.exit, Exit::Code(127));
        assert_says(text(&missing.stderr), &["no-such-program"]);
        place.cancel(&key).await;
    }
}

#[tokio::test]
async fn a_directory_that_is_missing_is_told_and_the_key_stays_free() {
    let place = Place::ssh();
    let (folder, word) = place.file("made later");
    let key = place.key("directory");
    let job = || Command { directory: Some(word.clone()), ..command(["pwd"]) };
    match place.start(&key, job()).await {
        Err(CommandError::Other(why)) => assert_says(&why, &["pwd", &word, "127.0.0.1", "make it first"]),
        other => panic!("{other:?}"),
    }
    assert_eq!(place.poll(&key).await, JobState::Unknown);
    fs::create_dir(folder).expect("folder");
    assert_ended(&place.finish(&key, job()).await, Exit::Code(0), format!("{word}\n").as_bytes(), "");
}

#[tokio::test]
async fn cancelling_kills_all_that_was_started_and_removes_all_that_was_written() {
    for place in Place::both() {
        for trap in ["", "trap '' TERM; "] {
            let (file, _) = place.file(&format!("numbers {}", trap.len()));
            let file = file.with_file_name(file.file_name().expect("a name").to_string_lossy().replace(' ', "-"));
            let key = place.key(&format!("cancelled {}", trap.len()));
            place.start(&key, shell(&format!("{trap}{}", hang(&file)))).await.expect("started");
            let processes = hanging(&file);
            let watcher = place.process(&key, "claim.1");
            assert!(processes.iter().chain([&watcher]).all(|process| is_alive(*process)));
            place.cancel(&key).await;
            assert!(
                !processes.iter().chain([&watcher]).any(|process| is_alive(*process)),
                "one of them is there still"
            );
            assert_eq!(place.poll(&key).await, JobState::Unknown);
            place.cancel(&key).await;
            if let Some(sshd) = &place.sshd {
                assert_eq!(fs::read_dir(place.records()).expect("records").count(), 0);
                wait_for("nothing is left", || sshd.started().is_empty());
            }
        }
        place.cancel(&place.key("never started")).await;
    }
}

#[tokio::test]
async fn a_timeout_is_counted_on_the_thing() {
    for place in Place::both() {
        let (file, _) = place.file("numbers");
        let key = place.key("late");
        let late = Command { timeout: Duration::from_millis(1500), ..shell(&format!("echo begun; {}", hang(&file))) };
        let runner = place.runner();
        runner.start_job(&place.on, &key, late, Duration::ZERO, WITHIN).await.expect("started");
        runner.close().await;
        let processes = hanging(&file);
        wait_for("the program is killed", || !processes.iter().any(|process| is_alive(*process)));
        let output = place.ended(&key).await;
        assert_eq!((output.exit, text(&output.stdout)), (Exit::Signal("TIMEOUT".into()), "begun\n"));
        assert_says(text(&output.stderr), &["killed after 2 s", "timeout"]);
        place.cancel(&key).await;
    }
    let refused = Place::local().start("x", Command { timeout: 2 * JOB_TIMEOUT_LIMIT, ..command(["true"]) }).await;
    assert!(matches!(&refused, Err(CommandError::Invalid(why)) if why.contains("86400")), "{refused:?}");
}

#[tokio::test]
async fn output_is_capped_and_drained() {
    for place in Place::both() {
        let (done, word) = place.file("done");
        let key = place.key("loud");
        let script = format!("head -c 3000000 /dev/zero; printf '\\377\\0\\n' >&2; echo > {word}; exit 4");
        let output = place.finish(&key, Command { output_limit: 1000, ..shell(&script) }).await;
        assert_ended(
            &drydock_runtime::commands::Output { stderr: Vec::new(), ..output.clone() },
            Exit::Code(4),
            &[0; 1000],
            "",
        );
        assert_eq!((output.stderr.as_slice(), output.truncated), (&b"\xff\0\n"[..], true));
        assert!(done.exists(), "the program was held up by its own output");
        let size = fs::metadata(place.record(&key).join("output.1")).expect("output").len();
        assert!((1001..100_000).contains(&size), "{size} bytes are kept");
        place.cancel(&key).await;

        let key = place.key("exact");
        let exact = place.finish(&key, Command { output_limit: 5, ..shell("printf 12345") }).await;
        assert_eq!((text(&exact.stdout), exact.truncated), ("12345", false));
        place.cancel(&key).await;

        let key = place.key("piecemeal");
        let pieces = "i=0; while [ $i -lt 300 ]; do echo $i; echo e$i >&2; i=$((i + 1)); done";
        let output = place.finish(&key, shell(pieces)).await;
        let lines = |mark: &str| (0..300).map(|n| format!("{mark}{n}\n")).collect::<String>();
        assert_ended(&output, Exit::Code(0), lines("").as_bytes(), &lines("e"));
        place.cancel(&key).await;

        let key = place.key("large");
        let (_, word) = place.file("large");
        let large =
            place.finish(&key, shell(&format!("head -c 1048576 /dev/urandom | tee {word}; cat {word} >&2"))).await;
        assert_eq!((large.stdout.len(), large.truncated), (1 << 20, false));
        assert!(large.stdout == large.stderr);
        place.cancel(&key).await;
    }
}

#[tokio::test]
async fn what_runs_in_the_background_holds_nobody_up() {
    let place = Place::ssh();
    assert_ended(&place.finish("daemon", shell("sleep 300 & echo begun")).await, Exit::Code(0), b"begun\n", "");
}

#[tokio::test]
async fn a_job_that_lost_its_watcher_is_over_and_says_so() {
    for place in Place::both() {
        let ((file, _), (count, count_word)) = (place.file("numbers"), place.file("count"));
        let key = place.key("lost");
        let job = || shell(&format!("echo x | tee -a {count_word}; {}", hang(&file)));
        place.start(&key, job()).await.expect("started");
        let processes = hanging(&file);
        kill(place.process(&key, "claim.1"), "KILL");
        for _ in 0..2 {
            let output = place.ended(&key).await;
            assert_eq!((&output.exit, text(&output.stdout)), (&Exit::Signal("LOST".into()), "x\n"));
            assert_says(text(&output.stderr), &["lost", "not known"]);
            assert!(!processes.iter().any(|process| is_alive(*process)), "nobody would end it any more");
        }
        place.start(&key, job()).await.expect("attached");
        assert_eq!(place.ended(&key).await.exit, Exit::Signal("LOST".into()));
        assert_eq!(fs::read_to_string(&count).expect("count"), "x\n");
        place.cancel(&key).await;
    }
}

#[tokio::test]
async fn after_a_reboot_nobody_is_killed_for_having_the_same_number() {
    let place = Place::ssh();
    let (file, _) = place.file("numbers");
    let key = place.key("rebooted");
    place.start(&key, shell(&hang(&file))).await.expect("started");
    let processes = hanging(&file);
    let watcher = place.process(&key, "claim.1");
    // As if that had been before the machine was started.
    for name in ["claim.1", "program"] {
        let path = place.record(&key).join(name);
        let before = fs::read_to_string(&path).expect("a file of the record");
        let (process, _) = before.trim().rsplit_once(' ').expect("a boot");
        fs::write(&path, format!("{process} another/boot\n")).expect("written");
    }
    assert_eq!(place.ended(&key).await.exit, Exit::Signal("LOST".into()));
    place.cancel(&key).await;
    assert!(processes.iter().chain([&watcher]).all(|process| is_alive(*process)), "others were killed");

    // And as if another process had got the number since.
    let key = place.key("reused");
    let (file, _) = place.file("other-numbers");
    place.start(&key, shell(&hang(&file))).await.expect("started");
    let processes = hanging(&file);
    for name in ["claim.1", "program"] {
        let path = place.record(&key).join(name);
        let before = fs::read_to_string(&path).expect("a file of the record");
        let fields: Vec<&str> = before.split_whitespace().collect();
        fs::write(&path, format!("{} 7 {}\n", fields[0], fields[2])).expect("written");
    }
    assert_eq!(place.ended(&key).await.exit, Exit::Signal("LOST".into()));
    place.cancel(&key).await;
    assert!(processes.iter().all(|process| is_alive(*process)), "others were killed");
}

#[tokio::test]
async fn a_record_that_was_only_begun_is_taken_over() {
    let place = Place::ssh();
    place.finish("first", command(["true"])).await;
    // Of a process that has ended.
    let dead = fs::read_to_string(place.record("first").join("claim.1")).expect("a claim");
    for claims in [0, 1, 2] {
        let key = place.key(&format!("begun {claims}"));
        let record = place.record(&key);
        fs::create_dir(&record).expect("a record");
        for claim in 1..=claims {
            fs::write(record.join(format!("claim.{claim}")), &dead).expect("a claim");
        }
        fs::create_dir(place.records().join(format!("new-{}.x", record.file_name().expect("name").display())))
            .expect("new");
        assert_eq!(place.poll(&key).await, JobState::Unknown);
        let (runner, mut job) = (place.runner(), command(["cat"]));
        job.stdin = b"taken over".to_vec();
        let all =
            join_all((0..5).map(|_| runner.start_job(&place.on, &key, job.clone(), Duration::ZERO, WITHIN))).await;
        assert!(all.iter().all(Result::is_ok), "{all:?}");
        assert_ended(&place.ended(&key).await, Exit::Code(0), b"taken over", "");
        assert!(record.join(format!("claim.{}", claims + 1)).exists());
        assert!(!record.join(format!("claim.{}", claims + 2)).exists());
        place.cancel(&key).await;
    }
}

#[tokio::test]
async fn what_a_broken_off_cancel_left_is_ended_before_the_next_start() {
    let place = Place::ssh();
    let key = place.key("half cancelled");
    let (file, _) = place.file("numbers");
    place.start(&key, shell(&hang(&file))).await.expect("started");
    let processes = hanging(&file);
    let record = place.record(&key);
    let grave = place.records().join(format!("gone-{}.x", record.file_name().expect("name").display()));
    fs::rename(&record, &grave).expect("renamed");
    assert!(processes.iter().all(|process| is_alive(*process)));
    assert_ended(&place.finish(&key, command(["echo", "next"])).await, Exit::Code(0), b"next\n", "");
    assert!(!processes.iter().any(|process| is_alive(*process)), "two ran under one key");
    assert!(!grave.exists());
}

#[tokio::test]
async fn records_are_for_their_user_only() {
    let place = Place::ssh();
    let key = place.key("private");
    place.finish(&key, Command { stdin: b"sesame".to_vec(), ..shell("echo output") }).await;
    let mode = |path: &std::path::Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(&place.records()), 0o700);
    let record = place.record(&key);
    assert_eq!(mode(&record), 0o700);
    for entry in fs::read_dir(&record).expect("record").flatten() {
        assert_eq!(mode(&entry.path()), 0o600, "{entry:?}");
        let content = fs::read(entry.path()).expect("content");
        assert!(!content.windows(6).any(|window| window == b"sesame"), "{entry:?} has the input");
    }
}

#[tokio::test]
async fn a_home_that_takes_no_record_is_told() {
    let place = Place::ssh();
    fs::write(place.home().join(".local"), "").expect("a file where a directory belongs");
    match place.start("x", command(["true"])).await {
        Err(CommandError::Other(why)) => assert_says(&why, &["true", "127.0.0.1", "record", ".local"]),
        other => panic!("{other:?}"),
    }
    assert_eq!(place.poll("x").await, JobState::Unknown);
    place.cancel("x").await;
}

#[tokio::test]
async fn an_environment_alone_changes_nothing_of_how_a_job_is_kept() {
    let place = Place::ssh();
    let environment = BTreeMap::from([("PATH".to_string(), "/no/such".to_string())]);
    let output = place.finish("x", Command { environment, ..command(["/bin/echo", "here"]) }).await;
    // `env` looks for the program with what it was given.
    assert_ended(&output, Exit::Code(0), b"here\n", "");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_hears_of_the_end_at_once() {
    let long = Duration::from_secs(3_600);
    for place in Place::both() {
        let (gate, gate_word) = place.file("gate");
        let key = place.key("awaited");
        assert_eq!(place.start(&key, held(&gate_word, "exit 7")).await, Ok(JobState::Running));
        let runner = place.runner();
        let wait = async || runner.poll_job(&place.on, &key, long, WITHIN).await;
        // One that gives up keeps nobody else from waiting.
        let brief = runner.poll_job(&place.on, &key, Duration::from_millis(1), WITHIN).await;
        assert_eq!(brief, Ok(JobState::Running));
        let started = runner.start_job(&place.on, &key, command(["true"]), long, WITHIN);
        let opened = async { fs::write(&gate, "").expect("the gate") };
        let (one, other, third, ()) = tokio::join!(wait(), wait(), started, opened);
        for state in [one, other, third, wait().await] {
            match state {
                Ok(JobState::Ended(job)) => assert_eq!(job.into_output(&Redaction::default()).exit, Exit::Code(7)),
                other => panic!("{other:?}"),
            }
        }
        let at_once = runner.start_job(&place.on, &place.key("short"), command(["echo", "short"]), long, WITHIN).await;
        assert!(matches!(at_once, Ok(JobState::Ended(_))), "{at_once:?}");

        // So does who waits for one whose watcher dies.
        let key = place.key("awaited and lost");
        place.start(&key, shell("sleep 300")).await.expect("started");
        let watcher = place.process(&key, "claim.1");
        let lost = async { runner.poll_job(&place.on, &key, long, WITHIN).await };
        let killed = async { kill(watcher, "KILL") };
        let (lost, ()) = tokio::join!(lost, killed);
        assert!(matches!(&lost, Ok(JobState::Ended(_))), "{lost:?}");

        // And for one that is cancelled.
        let key = place.key("awaited and cancelled");
        place.start(&key, shell("sleep 300")).await.expect("started");
        let (state, ()) = tokio::join!(runner.poll_job(&place.on, &key, long, WITHIN), place.cancel(&key));
        assert!(matches!(&state, Ok(JobState::Unknown | JobState::Ended(_))), "{state:?}");
        place.cancel(&place.key("short")).await;
        if let Some(sshd) = &place.sshd {
            runner.close().await;
            wait_for("nobody waits any more", || sshd.started().iter().all(|process| !is_alive(*process)));
        }
    }
}

#[tokio::test]
async fn many_are_cancelled_at_once() {
    let place = Place::ssh();
    let keys: Vec<String> = (0..4).map(|n| place.key(&format!("many {n}"))).collect();
    for key in &keys[..3] {
        place.start(key, shell("sleep 300")).await.expect("started");
    }
    let all: Vec<&str> = keys.iter().map(String::as_str).collect();
    place.runner().cancel_jobs(&place.on, &all, WITHIN).await.expect("cancelled");
    assert_eq!(fs::read_dir(place.records()).expect("records").count(), 0);
    let many = vec!["key"; 257];
    let refused = place.runner().cancel_jobs(&place.on, &many, WITHIN).await;
    assert!(matches!(&refused, Err(CommandError::Invalid(why)) if why.contains("256")), "{refused:?}");
}
