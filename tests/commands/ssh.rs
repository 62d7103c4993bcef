//! Over SSH, when all is well.

use super::local::{hang, hanging};
use super::sshd::{Sshd, is_alive, wait_for};
use super::{AWKWARD, access, assert_printed, assert_says, command, credential, echo, echoed, on, runner, shell, text};
use drydock_core::contract::{Access, Platform, SshAccess};
use drydock_runtime::commands::{COMMAND_LIMIT, Chunk, Command, CommandError, Exit, Runner};
use drydock_runtime::credentials::{Credentials, SshKey};
use futures::future::join_all;
use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

#[tokio::test(flavor = "multi_thread")]
async fn sixty_commands_at_once_share_a_few_connections() {
    let sshd = Sshd::start();
    let (runner, on) = (runner(&sshd), on(&sshd));
    let all = join_all((0..60).map(|number| runner.run(&on, command(["echo".to_string(), number.to_string()])))).await;
    for (number, result) in all.into_iter().enumerate() {
        assert_printed(result, &format!("{number}\n"));
    }
    assert!((1..=8).contains(&sshd.connections()), "{} connections", sshd.connections());
    runner.close().await;
    wait_for("the connections are closed", || sshd.connections() == 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_hosts_that_are_one_server_do_not_exceed_its_max_startups() {
    let sshd = Sshd::start();
    let names: Vec<String> = (0..60).map(|number| format!("lab-{number}")).collect();
    let runner = Runner::new(names.iter().map(|name| (name.clone(), credential(&sshd).into())).collect());
    let all = join_all(names.iter().map(|name| {
        let on = Access::Ssh(SshAccess { credential: name.clone(), ..access(&sshd) });
        let (runner, name) = (&runner, name.clone());
        async move { runner.run(&on, command(["echo", &name])).await }
    }))
    .await;
    for (name, result) in names.iter().zip(all) {
        assert_printed(result, &format!("{name}\n"));
    }
    assert!(!sshd.log().contains("MaxStartups"), "{}", sshd.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_allows_fewer_sessions_gets_more_connections() {
    let sshd = Sshd::start_with(&["MaxSessions=2"]);
    let (runner, on) = (runner(&sshd), on(&sshd));
    let all = join_all((0..20).map(|number| runner.run(&on, shell(&format!("sleep 0.2; echo {number}"))))).await;
    for (number, result) in all.into_iter().enumerate() {
        assert_printed(result, &format!("{number}\n"));
    }
}

#[tokio::test]
async fn unused_connections_are_closed() {
    let sshd = Sshd::start();
    let runner = runner(&sshd).keep_connections(Duration::from_millis(300));
    assert_printed(runner.run(&on(&sshd), command(["echo", "x"])).await, "x\n");
    let deadline = Instant::now() + Duration::from_secs(20);
    while sshd.connections() > 0 {
        assert!(Instant::now() < deadline, "the connection is still there");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_printed(runner.run(&on(&sshd), command(["echo", "y"])).await, "y\n");
}

#[tokio::test]
async fn arguments_arrive_unchanged() {
    let sshd = Sshd::start();
    assert_printed(runner(&sshd).run(&on(&sshd), echo(&AWKWARD)).await, &echoed(&AWKWARD));
}

#[tokio::test]
async fn large_arguments_arrive_and_too_large_ones_are_refused() {
    let sshd = Sshd::start();
    let (runner, on) = (runner(&sshd), on(&sshd));
    let large = "x".repeat(COMMAND_LIMIT - 2000);
    let count = command(["sh", "-c", "printf %s \"$1\" | wc -c", "sh", &large]);
    let output = runner.run(&on, count).await.expect("ran");
    assert_eq!(text(&output.stdout).trim(), large.len().to_string());
    for argument in ["x".repeat(COMMAND_LIMIT), "'".repeat(COMMAND_LIMIT / 4)] {
        let result = runner.run(&on, command(["echo", &argument])).await;
        assert!(matches!(&result, Err(CommandError::Invalid(why)) if why.contains("stdin")), "{result:?}");
    }
}

#[tokio::test]
async fn environment_directory_and_input_arrive() {
    let sshd = Sshd::start();
    let odd = sshd.path("odd 'name' $x");
    fs::create_dir(&odd).expect("folder");
    // The second one is read-only in some shells, the third means something to all.
    let environment = BTreeMap::from([
        ("X".to_string(), " '\n$Y".to_string()),
        ("UID".to_string(), "x".to_string()),
        ("IFS".to_string(), "o".to_string()),
    ]);
    let set = Command {
        directory: Some(odd.to_str().expect("text").into()),
        environment: environment.clone(),
        stdin: b"in\0put".to_vec(),
        ..command(["sh", "-c", "pwd; env | grep -c '^UID=x$'; printf '%s|' \"$X\"; cat"])
    };
    let expected = format!("{}\n1\n '\n$Y|in\0put", odd.display());
    let (runner, on) = (runner(&sshd), on(&sshd));
    assert_printed(runner.run(&on, set).await, &expected);

    let program = odd.join("a=b");
    fs::copy("/bin/echo", &program).expect("a program");
    let named = Command { environment, ..command([program.to_str().expect("text"), "hello"]) };
    assert_printed(runner.run(&on, named).await, "hello\n");
}

#[tokio::test]
async fn codes_and_signals_are_told_apart() {
    let sshd = Sshd::start();
    let (runner, on) = (runner(&sshd), on(&sshd));
    for (script, exit) in [
        ("exit 0", Exit::Code(0)),
        ("exit 143", Exit::Code(143)),
        ("kill -TERM $$", Exit::Signal("TERM".into())),
        ("kill -KILL $$", Exit::Signal("KILL".into())),
    ] {
        assert_eq!(runner.run(&on, shell(script)).await.expect("ran").exit, exit, "{script}");
    }
    let missing = runner.run(&on, command(["no-such-program"])).await.expect("as a shell");
    assert_eq!(missing.exit, Exit::Code(127));
    assert_says(text(&missing.stderr), &["no-such-program"]);
    let nowhere = Command { directory: Some("/no/such/folder".into()), ..command(["true"]) };
    match runner.run(&on, nowhere).await {
        Err(CommandError::Other(why)) => {
            assert_says(&why, &["true", &format!("127.0.0.1:{}", sshd.port), "/no/such/folder"]);
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn output_is_capped_and_drained() {
    let sshd = Sshd::start();
    let (runner, on) = (runner(&sshd), on(&sshd));
    let script = "head -c 9000000 /dev/zero; head -c 5 /dev/zero >&2; exit 4";
    let output = runner.run(&on, Command { output_limit: 1000, ..shell(script) }).await.expect("ran");
    assert_eq!((output.stdout.len(), output.stderr.len(), output.truncated), (1000, 5, true));
    assert_eq!(output.exit, Exit::Code(4));
    let exact = Command { output_limit: 5, ..shell("printf 12345") };
    assert!(!runner.run(&on, exact).await.expect("ran").truncated);
}

#[tokio::test]
async fn input_that_is_not_read_is_no_failure() {
    let sshd = Sshd::start();
    let (runner, on) = (runner(&sshd), on(&sshd));
    let large = vec![b'x'; 5_000_000];
    let unread = Command { stdin: large.clone(), ..shell("exit 3") };
    assert_eq!(runner.run(&on, unread).await.expect("ran").exit, Exit::Code(3));
    let copied = Command { stdin: large.clone(), output_limit: large.len() + 1, ..command(["cat"]) };
    assert!(runner.run(&on, copied).await.expect("ran").stdout == large);
}

#[tokio::test]
async fn what_runs_in_the_background_holds_nobody_up() {
    let sshd = Sshd::start();
    let begun = Instant::now();
    assert_printed(runner(&sshd).run(&on(&sshd), shell("sleep 30 & echo begun")).await, "begun\n");
    assert!(begun.elapsed() < Duration::from_secs(20));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_of_a_stream_holds_up_nobody_else() {
    let sshd = Sshd::start();
    let (runner, on) = (runner(&sshd), on(&sshd));
    let (out, mut chunks) = mpsc::channel(1);
    let flood = Command { output_limit: 0, ..shell("echo oops >&2; head -c 30000000 /dev/zero; exit 7") };
    let streaming = tokio::spawn({
        let (runner, on) = (runner.clone(), on.clone());
        async move { runner.stream(&on, flood, out).await }
    });
    let mut length = 0;
    let mut take = |chunk| match chunk {
        Chunk::Stdout(bytes) => length += bytes.len(),
        Chunk::Stderr(bytes) => assert_eq!(bytes, b"oops\n"),
    };
    take(chunks.recv().await.expect("output"));
    // More waits to be read now than all buffers hold.
    for number in 0..20 {
        let run = runner.run(&on, command(["echo".to_string(), number.to_string()]));
        assert_printed(run.await, &format!("{number}\n"));
    }
    assert!(!streaming.is_finished());
    while let Some(chunk) = chunks.recv().await {
        take(chunk);
    }
    assert_eq!(streaming.await.expect("no panic"), Ok(Exit::Code(7)));
    assert_eq!(length, 30_000_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn giving_up_a_stream_kills_what_it_started() {
    let sshd = Sshd::start();
    let file = sshd.path("numbers");
    let (out, _chunks) = mpsc::channel(1);
    let (runner, on, endless) = (runner(&sshd), on(&sshd), shell(&hang(&file)));
    let streaming = tokio::spawn(async move { runner.stream(&on, endless, out).await });
    let processes = hanging(&file);
    assert!(processes.iter().all(|process| is_alive(*process)));
    streaming.abort();
    wait_for("program and grandchild are gone", || !processes.iter().any(|process| is_alive(*process)));
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_kills_what_runs_and_does_not_forbid_more() {
    let sshd = Sshd::start();
    let file = sshd.path("numbers");
    let (runner, on, endless) = (runner(&sshd), on(&sshd), shell(&hang(&file)));
    let task = tokio::spawn({
        let (runner, on) = (runner.clone(), on.clone());
        async move { runner.run(&on, endless).await }
    });
    let processes = hanging(&file);
    runner.close().await;
    wait_for("program and grandchild are gone", || !processes.iter().any(|process| is_alive(*process)));
    match task.await.expect("no panic") {
        Err(CommandError::Unreachable(why)) => assert_says(&why, &["sh", "closes"]),
        other => panic!("{other:?}"),
    }
    assert_printed(runner.run(&on, command(["echo", "more"])).await, "more\n");
}

#[tokio::test]
async fn keys_of_every_usual_kind_work() {
    let sshd = Sshd::start();
    for kind in ["rsa", "ecdsa", "ed25519"] {
        for passphrase in ["", "pass phrase"] {
            let private_key = sshd.make_key(&format!("{kind}-{}", passphrase.len()), kind, passphrase);
            sshd.authorize(&format!("{kind}-{}", passphrase.len()));
            let key = SshKey { private_key: private_key.into(), ..credential(&sshd) };
            let runner = Runner::new(Credentials::from([("lab".into(), key.into())]));
            let result = runner.run(&on(&sshd), command(["echo", "in"])).await;
            match passphrase {
                "" => assert_printed(result, "in\n"),
                _ => match result {
                    Err(CommandError::Denied(why)) => assert_says(&why, &["lab", kind, "encrypted", "passphrase_env"]),
                    other => panic!("{other:?}"),
                },
            }
        }
    }
}

#[tokio::test]
async fn an_access_that_cannot_be_right_is_refused() {
    let sshd = Sshd::start();
    for (platform, name) in [(Platform::Windows, "windows"), (Platform::Other, "other")] {
        let on = Access::Ssh(SshAccess { platform, ..access(&sshd) });
        match runner(&sshd).run(&on, command(["true"])).await {
            Err(CommandError::Invalid(why)) => assert_says(&why, &[name, "POSIX"]),
            other => panic!("{other:?}"),
        }
    }
    for (field, wrong) in [
        ("host", SshAccess { host: String::new(), ..access(&sshd) }),
        ("user", SshAccess { user: "a\nb".into(), ..access(&sshd) }),
        ("port", SshAccess { port: 0, ..access(&sshd) }),
    ] {
        match runner(&sshd).run(&Access::Ssh(wrong), command(["true"])).await {
            Err(CommandError::Invalid(why)) => assert_says(&why, &["access", field]),
            other => panic!("{other:?}"),
        }
    }
}
