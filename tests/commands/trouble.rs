//! Hosts that fail while they are used.

use super::local::{hang, hanging};
use super::sshd::{SOON, Sshd, free_port, is_alive, kill, wait_for};
use super::{access, assert_printed, assert_says, command, on, runner, shell};
use drydock_core::contract::{Access, SshAccess};
use drydock_runtime::commands::{Command, CommandError, Exit};
use futures::future::join_all;
use std::fs;
use std::time::{Duration, Instant};

#[tokio::test]
async fn a_host_that_was_down_is_used_again() {
    let mut sshd = Sshd::start();
    let (runner, on) = (runner(&sshd), on(&sshd));
    for _ in 0..3 {
        assert_printed(runner.run(&on, command(["echo", "up"])).await, "up\n");
        sshd.down();
        match runner.run(&on, command(["echo", "down"])).await {
            Err(CommandError::Unreachable(why)) => {
                assert_says(&why, &[&format!("127.0.0.1:{}", sshd.port), "refused", "SSH server"]);
            }
            other => panic!("{other:?}"),
        }
        sshd.up();
    }
    assert_printed(runner.run(&on, command(["echo", "up"])).await, "up\n");
    sshd.down();
    sshd.up();
    // Nobody noticed in between that the connection is dead.
    assert_printed(runner.run(&on, command(["echo", "up"])).await, "up\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_connection_is_told_and_nothing_is_repeated() {
    let sshd = Sshd::start();
    let count = sshd.path("count");
    let (runner, on) = (runner(&sshd), on(&sshd));
    let once = shell(&format!("echo x >> {}; sleep 1000", count.display()));
    let task = tokio::spawn({
        let (runner, on) = (runner.clone(), on.clone());
        async move { runner.run(&on, once).await }
    });
    wait_for("the program has started", || count.exists());
    sshd.cut_connections();
    match task.await.expect("no panic") {
        Err(CommandError::Unreachable(why)) => {
            assert_says(&why, &["lost", "sh", &format!("127.0.0.1:{}", sshd.port), "may be running"]);
        }
        other => panic!("{other:?}"),
    }
    assert_printed(runner.run(&on, command(["echo", "next"])).await, "next\n");
    assert_eq!(fs::read_to_string(count).expect("count"), "x\n");
}

#[tokio::test]
async fn a_timeout_kills_program_and_grandchild() {
    let sshd = Sshd::start();
    let file = sshd.path("numbers");
    let (runner, on) = (runner(&sshd), on(&sshd));
    let late = Command { timeout: Duration::from_secs(2), ..shell(&hang(&file)) };
    match runner.run(&on, late).await {
        Err(CommandError::TimedOut(why)) => assert_says(&why, &["sh", &format!("127.0.0.1:{}", sshd.port), "2s"]),
        other => panic!("{other:?}"),
    }
    let processes = hanging(&file);
    assert_eq!(processes.len(), 2);
    // Killing goes on beside; this runtime has but one thread, which must not be blocked.
    let deadline = Instant::now() + SOON;
    while processes.iter().any(|process| is_alive(*process)) {
        assert!(Instant::now() < deadline, "they are still there");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_printed(runner.run(&on, command(["echo", "next"])).await, "next\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_timeouts_leave_room_for_others() {
    let sshd = Sshd::start();
    let (runner, on) = (runner(&sshd), on(&sshd));
    let late = Command { timeout: Duration::from_secs(3), ..shell("trap '' TERM HUP PIPE; sleep 1000") };
    for result in join_all((0..30).map(|_| runner.run(&on, late.clone()))).await {
        assert!(matches!(result, Err(CommandError::TimedOut(_))), "{result:?}");
    }
    for result in join_all((0..60).map(|_| runner.run(&on, command(["echo", "next"])))).await {
        assert_printed(result, "next\n");
    }
    runner.close().await;
    wait_for("all are killed", || sshd.started().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_falls_silent_is_noticed() {
    let sshd = Sshd::start();
    let file = sshd.path("numbers");
    let (runner, on) = (runner(&sshd), on(&sshd));
    let begun = Instant::now();
    let long = Command { timeout: Duration::from_secs(600), ..shell(&hang(&file)) };
    let task = tokio::spawn(async move { runner.run(&on, long).await });
    hanging(&file);
    for process in sshd.session_processes() {
        kill(process, "STOP");
    }
    match task.await.expect("no panic") {
        Err(CommandError::Unreachable(why)) => assert_says(&why, &["no sign of life", "lost"]),
        other => panic!("{other:?}"),
    }
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn nobody_at_the_address_is_told() {
    let sshd = Sshd::start();
    let runner = runner(&sshd);
    let nobody = Access::Ssh(SshAccess { port: free_port(), ..access(&sshd) });
    let unnamed = Access::Ssh(SshAccess { host: "no-such-host.invalid".into(), ..access(&sshd) });
    for on in [nobody, unnamed] {
        match runner.run(&on, command(["true"])).await {
            Err(CommandError::Unreachable(why)) => assert_says(&why, &["can't be reached"]),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn whoever_answers_without_ssh_does_not_hold_a_command_longer_than_its_timeout() {
    let sshd = Sshd::start();
    let silent = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let on = Access::Ssh(SshAccess { port: silent.local_addr().expect("address").port(), ..access(&sshd) });
    let begun = Instant::now();
    let short = Command { timeout: Duration::from_secs(1), ..command(["true"]) };
    match runner(&sshd).run(&on, short).await {
        Err(CommandError::TimedOut(why)) => assert_says(&why, &["not started", "1s"]),
        other => panic!("{other:?}"),
    }
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_login_that_runs_something_else_is_told() {
    let sshd = Sshd::start_with(&["ForceCommand=echo only backups here; exit 5"]);
    match runner(&sshd).run(&on(&sshd), command(["true"])).await {
        Err(CommandError::Other(why)) => {
            assert_says(&why, &["not started", "login shell", "exit code 5", "only backups here"])
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn handshakes_that_are_dropped_are_repeated() {
    let sshd = Sshd::start_with(&["MaxStartups=1:50:2"]);
    let (runner, on) = (runner(&sshd), on(&sshd));
    let all = join_all((0..30).map(|_| runner.run(&on, command(["true"])))).await;
    assert!(all.iter().all(|result| result.as_ref().is_ok_and(|output| output.exit == Exit::Code(0))), "{all:?}");
    assert!(sshd.log().contains("MaxStartups"), "nothing was dropped: {}", sshd.log());
}

#[tokio::test]
async fn what_a_login_prints_is_not_the_programs() {
    let noise = "ForceCommand=echo welcome; echo beware >&2; exec /bin/sh -c \"$SSH_ORIGINAL_COMMAND\"";
    let sshd = Sshd::start_with(&[noise]);
    assert_printed(runner(&sshd).run(&on(&sshd), command(["echo", "hello"])).await, "hello\n");
}

#[tokio::test]
async fn a_server_that_opens_no_session_is_told() {
    let sshd = Sshd::start_with(&["MaxSessions=0"]);
    match runner(&sshd).run(&on(&sshd), command(["true"])).await {
        Err(CommandError::Refused(why)) => assert_says(&why, &["opens no session", "MaxSessions"]),
        other => panic!("{other:?}"),
    }
}
