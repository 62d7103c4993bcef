//! Guests that misbehave: each is stopped, told of in a sentence, and never felt by others.

mod arguments;
mod guests;
mod listener;

use arguments::{Taken, blueprint, place, request, resource, step};
use drydock_core::contract::{Acquisition, Allocation, BlueprintArg, Failure, Needs, Progress, Refusal, Wake};
use drydock_core::plugin::{Fault, Plugin, Step};
use drydock_runtime::commands::Runner;
use drydock_runtime::credentials::{Credential, Credentials, Source};
use drydock_runtime::{Limits, Loader};
use listener::Heard;
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};

async fn hostile() -> Arc<dyn Plugin> {
    guests::load("hostile").await
}

/// The blueprint of a plugin that misbehaves like this in this function.
fn that(function: &str, how: &str) -> BlueprintArg {
    blueprint(json!({ function: how }))
}

async fn consider(plugin: &dyn Plugin, how: &str) -> Result<Result<Needs, Refusal>, Fault> {
    plugin.consider(&that("consider", how), &request(json!({}), &[])).await
}

async fn allocate(plugin: &dyn Plugin, how: &str) -> Result<Result<Vec<Allocation>, Refusal>, Fault> {
    plugin.allocate(&that("allocate", how), &request(json!({}), &[]), &Taken(vec!["b".into(), "c".into()])).await
}

async fn acquire(plugin: &dyn Plugin, how: &str) -> Result<Result<Acquisition, Refusal>, Fault> {
    let on = resource("{}");
    plugin.acquire(&that("acquire", how), &on, &request(json!({}), &[]), &Taken(vec![])).await
}

async fn act(plugin: &dyn Plugin, which: Step, how: &str) -> Result<Result<Progress, Failure>, Fault> {
    let on = resource(r#"{ "promised": "yes" }"#);
    plugin.act(step(which, &that(which.name(), how), &on, Some(place("p1")))).await
}

/// What the guest found out, which it tells as a reason to refuse.
async fn found_out(plugin: &dyn Plugin, how: &str) -> String {
    match consider(plugin, how).await {
        Ok(Err(Refusal::Never(reason))) => reason,
        other => panic!("{how}: {other:?}"),
    }
}

fn broke<T: std::fmt::Debug>(answer: Result<T, Fault>) -> String {
    match answer {
        Err(Fault::BrokeContract(text)) => text,
        other => panic!("not a broken contract, but {other:?}"),
    }
}

fn trapped<T: std::fmt::Debug>(answer: Result<T, Fault>) -> String {
    match answer {
        Err(Fault::Trapped(text)) => text,
        other => panic!("not a trap, but {other:?}"),
    }
}

fn cut_off<T: std::fmt::Debug>(answer: Result<T, Fault>) -> String {
    match answer {
        Err(Fault::CutOff(text)) => text,
        other => panic!("not cut off, but {other:?}"),
    }
}

/// That a sentence says these things.
fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in {text:?}");
    }
}

#[tokio::test]
async fn a_guest_that_spins_is_cut_off_and_others_go_on() {
    let plugin = hostile().await;
    let spinning = consider(&*plugin, "spin");
    let meanwhile = async {
        let mut calls = 0;
        // On this one thread it gets its turn at every tick.
        for _ in 0..3 {
            consider(&*plugin, "nothing").await.unwrap().unwrap();
            calls += 1;
        }
        (calls, Instant::now())
    };
    let ((spun, ended), (calls, served)) = tokio::join!(async { (spinning.await, Instant::now()) }, meanwhile);
    says(&cut_off(spun), &["`consider`", "100 ms", "misbehaviour"]);
    assert_eq!(calls, 3);
    assert!(served < ended, "three calls were served while it spun");
}

#[tokio::test]
async fn short_calls_of_the_host_do_not_hide_a_spin() {
    let plugin = hostile().await;
    says(&cut_off(allocate(&*plugin, "spin between calls").await), &["`allocate`", "100 ms"]);
}

#[tokio::test]
async fn an_acting_call_may_compute_for_longer() {
    let plugin = hostile().await;
    says(&cut_off(act(&*plugin, Step::Open, "spin").await), &["`open`", "1000 ms"]);
}

#[tokio::test]
async fn a_guest_that_waits_is_cut_off_by_the_clock() {
    let limits = Limits { deciding_time: Duration::from_millis(300), ..Limits::default() };
    let plugin = guests::loader(limits).load("hostile", &guests::bytes("hostile")).await.unwrap();
    says(&cut_off(consider(&*plugin, "sleep").await), &["`consider`", "300 ms"]);

    let mut call = step(Step::Open, &that("open", "sleep"), &resource("{}"), None);
    call.context.deadline = 400;
    says(&cut_off(plugin.act(call).await), &["`open`", "400 ms"]);
}

#[tokio::test]
async fn a_command_ends_before_its_call_is_cut_off() {
    let plugin = hostile().await;
    let mut call = step(Step::Open, &that("open", "run for an hour"), &resource("{}"), None);
    call.context.deadline = 1_000;
    let failure = plugin.act(call).await.unwrap().unwrap_err();
    says(&failure.reason, &["timed out"]);
}

#[tokio::test]
async fn dropping_a_call_ends_it() {
    let plugin = hostile().await;
    let b = that("open", "run for an hour");
    let call = plugin.act(step(Step::Open, &b, &resource("{}"), None));
    assert!(tokio::time::timeout(Duration::from_millis(200), call).await.is_err());
    // Its place in the pool is free again: that many calls at once would not fit otherwise.
    let limits = Limits { acting_calls: 1, ..Limits::default() };
    let plugin = guests::loader(limits).load("hostile", &guests::bytes("hostile")).await.unwrap();
    for _ in 0..3 {
        let call = plugin.act(step(Step::Open, &b, &resource("{}"), None));
        assert!(tokio::time::timeout(Duration::from_millis(50), call).await.is_err());
    }
    act(&*plugin, Step::Open, "nothing").await.unwrap().unwrap();
}

#[tokio::test]
async fn acting_calls_never_keep_deciding_ones_waiting() {
    let limits = Limits { acting_calls: 1, deciding_calls: 1, ..Limits::default() };
    let plugin = guests::loader(limits).load("hostile", &guests::bytes("hostile")).await.unwrap();
    let b = that("open", "run for an hour");
    let decisions = async {
        for _ in 0..3 {
            consider(&*plugin, "nothing").await.unwrap().unwrap();
        }
    };
    tokio::select! {
        biased;
        answer = plugin.act(step(Step::Open, &b, &resource("{}"), None)) => panic!("an hour went by: {answer:?}"),
        () = decisions => {}
    }
}

#[tokio::test]
async fn traps_say_what_happened_and_where() {
    let plugin = hostile().await;
    says(&trapped(consider(&*plugin, "memory").await), &["`consider`", "64 MiB", "misbehaviour"]);
    says(&trapped(consider(&*plugin, "recurse").await), &["wasm trap", "misbehaviour::recurse"]);
    says(&trapped(consider(&*plugin, "exit").await), &["exit status"]);
    let panic = trapped(act(&*plugin, Step::Open, "panic").await);
    says(&panic, &["`open`", "misbehaviour.rs", "this is \\u{1b}[31mthe end"]);
    assert!(!panic.chars().any(char::is_control));
    consider(&*plugin, "nothing").await.unwrap().unwrap();
}

#[tokio::test]
async fn answers_are_checked_field_by_field() {
    let plugin = hostile().await;
    let p = &*plugin;
    for (how, parts) in [
        ("no share", ["`consider`", "`share`"]),
        ("bad label", ["`labels[1].key`", "\"not good\""]),
        ("label twice", ["`labels`", "\"a\" twice"]),
        ("endless label", ["`labels[0].value`", "255"]),
    ] {
        says(&broke(consider(p, how).await), &parts);
    }
    for (how, parts) in [
        ("nothing", ["`allocate`", "is empty"]),
        ("17 allocations", ["17", "at most 16"]),
        ("too much", ["`allocate`", "can't be read"]),
        ("garbage", ["`allocations[0].attributes`", "not JSON"]),
        ("no object", ["`allocations[0].attributes`", "not a JSON object"]),
        ("against its schema", ["`allocations[0].attributes`", "at /a"]),
        ("no limit", ["`allocations[0].limit`", "is 0"]),
        ("no name", ["`allocations[0].name`", "is empty"]),
        ("slot twice", ["`allocations[0].slots`", "\"a\" twice"]),
        ("slot with a line end", ["`allocations[0].slots[0]`", "control character: \"a\\nb\""]),
        ("slot that never fits", ["`allocations[0].slots[0].amount`", "is 3"]),
    ] {
        says(&broke(allocate(p, how).await), &parts);
    }
    for (how, parts) in [
        ("no share", ["`acquire`", "`share`"]),
        ("bad directory", ["`ready.directory`", "control character"]),
        ("bad variable", ["`ready.environment[0].name`", "\"A=B\""]),
    ] {
        says(&broke(acquire(p, how).await), &parts);
    }
    for (which, how, parts) in [
        (Step::Activate, "no handout", ["`activate`", "`done.handout` is missing"]),
        (Step::Open, "handout", ["`open`", "`done.handout`"]),
        (Step::Release, "add an attribute", ["`release`", "`done.attributes`"]),
        (Step::Open, "break a promise", ["`done.attributes.promised`", "promised"]),
        (Step::Open, "add a number", ["`done.attributes`", "at /added"]),
        (Step::Open, "garbage state", ["`again.state`", "not JSON"]),
        (Step::Open, "101 percent", ["`again.percent`", "101"]),
    ] {
        says(&broke(act(p, which, how).await), &parts);
    }
}

#[tokio::test]
async fn what_is_allowed_passes() {
    let plugin = hostile().await;
    let added = act(&*plugin, Step::Open, "add an attribute").await.unwrap().unwrap();
    let Progress::Done(outcome) = added else { panic!("{added:?}") };
    assert_eq!(outcome.attributes.as_deref(), Some(r#"{ "added": "yes" }"#));

    let again = act(&*plugin, Step::Release, "again").await.unwrap().unwrap();
    let wake = Wake::After(1000);
    assert_eq!(again, Progress::Again { state: "{}".into(), wake, note: "later\\u{7}".into(), percent: Some(50) });

    let again = act(&*plugin, Step::Open, "wait for a job").await.unwrap().unwrap();
    assert!(matches!(&again, Progress::Again { wake: Wake::Job(key), .. } if key == "7"), "{again:?}");

    let outcome = act(&*plugin, Step::Close, "anything").await.unwrap().unwrap();
    assert_eq!(outcome, Progress::Done(Default::default()), "a step that it does not have counts as done");
}

#[tokio::test]
async fn text_is_escaped_and_cut() {
    let plugin = hostile().await;
    assert_eq!(found_out(&*plugin, "control characters").await, "a\\u{1b}[2Jb\\u{202e}c\\nd");
    let long = found_out(&*plugin, "endless reason").await;
    assert!(long.len() < 4200 && long.ends_with('…'), "{} bytes", long.len());
}

#[tokio::test]
async fn a_guest_that_talks_too_much_is_cut_short() {
    let plugin = hostile().await;
    let (heard, _guard) = Heard::listen();

    consider(&*plugin, "flood").await.unwrap().unwrap();
    let heard_of_flood = heard.take();
    assert_eq!(heard_of_flood.len(), 101);
    assert_eq!(heard_of_flood[99].1, "message 99\\u{1b}[2J");
    says(&heard_of_flood[99].2, &["blueprint=\"trial\"", "function=\"consider\""]);
    says(&heard_of_flood[100].1, &["more than 100 messages", "dropped"]);

    consider(&*plugin, "long message").await.unwrap().unwrap();
    let (level, message, _) = heard.take().remove(0);
    assert_eq!(level, tracing::Level::WARN);
    assert!(message.len() <= (8 << 10) + 3 && message.ends_with('…'), "{} bytes", message.len());

    consider(&*plugin, "print").await.unwrap().unwrap();
    let printed = heard.take();
    assert_eq!(printed[0].1, "printed: line 0");
    let bytes: usize = printed.iter().map(|(_, message, _)| message.len() - "printed: ".len() + 1).sum();
    assert!((8000..=(8 << 10) + 1).contains(&bytes), "{bytes} bytes");
}

#[tokio::test]
async fn deciding_calls_run_no_commands() {
    let plugin = hostile().await;
    let (heard, _guard) = Heard::listen();
    let reason = found_out(&*plugin, "run locally").await;
    says(&reason, &["denied", "hostile", "`consider`", "only decides"]);
    let (level, message, fields) = heard.take().remove(0);
    assert_eq!(level, tracing::Level::WARN);
    says(&message, &["denied", "only decides"]);
    says(&fields, &["blueprint=\"trial\""]);
}

#[tokio::test]
async fn commands_need_both_sides() {
    let plugin = hostile().await;
    let b = that("open", "run locally");
    let mut call = step(Step::Open, &b, &resource("{}"), None);
    says(&plugin.act(call.clone()).await.unwrap().unwrap_err().reason, &["it ran"]);
    call.grants = vec!["commands:ssh".into()];
    let denial = plugin.act(call).await.unwrap().unwrap_err().reason;
    says(
        &denial,
        &["denied", "hostile", "to make trouble here", "\"trial\"", r#"grants = ["commands:ssh", "commands:local"]"#],
    );
}

#[tokio::test]
async fn jobs_and_files_need_what_commands_need() {
    let plugin = hostile().await;
    for how in ["start a job", "poll a job", "cancel a job", "put a file", "get a file"] {
        let reason = found_out(&*plugin, how).await;
        says(&reason, &["Denied", "hostile", "`consider`", "only decides"]);
        let mut call = step(Step::Open, &that("open", how), &resource("{}"), None);
        call.grants.clear();
        let denial = plugin.act(call).await.unwrap().unwrap_err().reason;
        says(&denial, &["Denied", "to make trouble here", "\"trial\"", "commands:local"]);
    }
    let missing = act(&*plugin, Step::Open, "put a file").await.unwrap().unwrap_err().reason;
    says(&missing, &["Other", "there is no directory /no/such/folder"]);
    let missing = act(&*plugin, Step::Open, "get a file").await.unwrap().unwrap_err().reason;
    says(&missing, &["Other", "there is no such file"]);
}

#[tokio::test]
async fn secrets_are_given_to_programs_and_not_to_guests() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    std::fs::write(&file, "sesame-52a0\n").unwrap();
    let vault = Credential::Secret(Source::File(file.clone()));
    let runner = Runner::new(Credentials::from([("vault".to_owned(), vault)]));
    let loader = Loader::with_limits(Arc::new(runner), Limits::default()).unwrap();
    let plugin = loader.load("hostile", &guests::bytes("hostile")).await.unwrap();
    let call = async |how: &str, grants: &[&str]| {
        let mut call = step(Step::Open, &that("open", how), &resource("{}"), None);
        call.blueprint.installation = format!("{:x}", std::process::id());
        call.grants = grants.iter().map(|grant| grant.to_string()).collect();
        let reason = plugin.act(call).await.unwrap().unwrap_err().reason;
        assert!(!reason.contains("sesame"), "{reason}");
        reason
    };
    let (commands, both) = (["commands:local"], ["commands:local", "credential:vault"]);
    for how in ["run with a secret", "start a job with a secret"] {
        says(&call(how, &commands).await, &["Denied", "to give it away", "\"vault\"", "\"credential:vault\"]"]);
    }
    // `***`, as a list of bytes.
    let blotted = "stdout: [42, 42, 42], stderr: [42, 42, 42]";
    says(&call("run with a secret", &both).await, &["it did", "Code(0)", blotted]);
    says(&call("start a job with a secret", &both).await, &["it did"]);
    says(&call("watch a job", &both).await, &["it did", "Code(0)", blotted]);
    says(&call("watch a job", &commands).await, &["Denied", "credential:vault"]);
    std::fs::write(&file, "abc").unwrap();
    says(&call("run with a secret", &both).await, &["Invalid", "vault", "less than 4 bytes"]);
    std::fs::remove_file(&file).unwrap();
    says(&call("run with a secret", &both).await, &["Denied", "vault", "can't be read"]);
    says(&call("watch a job", &both).await, &["Denied", "vault", "can't be read"]);
    says(&call("end a job", &commands).await, &["it did"]);
    says(&call("watch a job", &commands).await, &["it did: State::Unknown"]);
}

#[tokio::test]
async fn only_allocate_and_acquire_see_the_world() {
    let plugin = hostile().await;
    let refusal = allocate(&*plugin, "look").await.unwrap().unwrap_err();
    assert_eq!(refusal, Refusal::Never("[\"b\"] 1".into()));
    says(&broke(consider(&*plugin, "look").await), &["`consider` looked at `view`"]);
    says(&broke(act(&*plugin, Step::Open, "look").await), &["`open` looked at `view`"]);
}

#[tokio::test]
async fn there_is_nothing_around_a_guest() {
    let plugin = hostile().await;
    assert_eq!(found_out(&*plugin, "look around").await, "0 variables, 0 arguments, files: false");
    let failure = act(&*plugin, Step::Open, "look around").await.unwrap().unwrap_err();
    assert_eq!(failure.reason, "0 variables, 0 arguments, files: false");
}

#[tokio::test]
async fn the_same_input_gives_the_same_answer() {
    let plugin = hostile().await;
    let first = found_out(&*plugin, "time and chance").await;
    says(&first, &["1800000000123 0 "]);
    assert_eq!(first, found_out(&*plugin, "time and chance").await);
    let other = BlueprintArg { seed: 8, ..that("consider", "time and chance") };
    let other = plugin.consider(&other, &request(json!({}), &[])).await.unwrap().unwrap_err();
    assert_ne!(other, Refusal::Never(first.clone()));
    let acting = act(&*plugin, Step::Open, "time and chance").await.unwrap().unwrap_err().reason;
    assert_ne!(acting, act(&*plugin, Step::Open, "time and chance").await.unwrap().unwrap_err().reason);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_calls_at_once_wait_for_their_turn() {
    let limits = Limits { deciding_calls: 4, ..Limits::default() };
    let plugin = guests::loader(limits).load("hostile", &guests::bytes("hostile")).await.unwrap();
    let calls = (0..200).map(|_| {
        let plugin = plugin.clone();
        tokio::spawn(async move { allocate(&*plugin, "nothing special").await.unwrap().unwrap().len() })
    });
    for call in calls.collect::<Vec<_>>() {
        assert_eq!(call.await.unwrap(), 1);
    }
}

#[tokio::test]
async fn the_same_bytes_are_one_plugin() {
    let loader = guests::loader(Limits::default());
    let bytes = guests::bytes("hostile");
    let (one, two) = tokio::join!(loader.load("one.wasm", &bytes), loader.load("two.wasm", &bytes));
    let (one, two) = (one.unwrap(), two.unwrap());
    assert!(Arc::ptr_eq(&one, &two));
    let other = loader.load("other.wasm", &guests::bytes("preallocated")).await.unwrap();
    assert_ne!(one.digest(), other.digest());
}

#[tokio::test]
async fn a_file_that_is_no_plugin_is_refused_by_name() {
    let loader = guests::loader(Limits::default());
    let error = loader.load("notes.txt", b"remember the milk").await.err().unwrap().to_string();
    says(&error, &["notes.txt", "text file", "cargo build"]);

    let whole = guests::bytes("hostile");
    let error = loader.load("half.wasm", &whole[..whole.len() / 2]).await.err().unwrap().to_string();
    says(&error, &["half.wasm", "can't be read"]);
}
