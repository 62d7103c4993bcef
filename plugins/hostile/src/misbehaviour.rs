//! The ways to misbehave.

use crate::contract::commands::{self, Command, Error, Secret};
use crate::contract::files;
use crate::contract::jobs;
use crate::contract::log::{self, Level};
use crate::contract::types::{
    Access, Acquisition, Allocation, Blame, Continuation, CountedSlot, Entry, Failure, Handout, Label, Needs, Next,
    Outcome, Progress, Slot, Wake,
};
use crate::contract::view;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::hint::black_box;
use std::time::{Duration, Instant, SystemTime};

/// What any function can do. The error is what it found out, for the test to read.
pub fn act_up(how: &str) -> Result<(), String> {
    match how {
        "spin" => loop {
            black_box(());
        },
        "spin between calls" => loop {
            view::used("nothing");
        },
        "memory" => {
            let mut hoard = Vec::new();
            loop {
                hoard.push(black_box(vec![1_u8; 1 << 20]));
            }
        }
        "panic" => panic!("this is \x1b[31mthe end\x1b[0m"),
        "recurse" => Err(recurse(1).to_string()),
        "exit" => std::process::exit(3),
        "flood" => {
            for i in 0..1000 {
                log::write(Level::Info, &format!("message {i}\x1b[2J"));
            }
            Ok(())
        }
        "long message" => {
            log::write(Level::Warn, &"x".repeat(100_000));
            Ok(())
        }
        "print" => {
            for i in 0..10_000 {
                eprintln!("line {i}");
            }
            Ok(())
        }
        "sleep" => {
            std::thread::sleep(Duration::from_secs(3600));
            Ok(())
        }
        "run locally" => match run(&["true"]) {
            Ok(_) => Err("it ran".to_owned()),
            Err(Error::Denied(text)) => Err(format!("denied: {text}")),
            Err(_) => Err("another error".to_owned()),
        },
        "run for an hour" => match run(&["sleep", "3600"]) {
            Ok(_) => Err("it ran".to_owned()),
            Err(Error::TimedOut(text)) => Err(format!("timed out: {text}")),
            Err(_) => Err("another error".to_owned()),
        },
        "run with a secret" => Err(told(commands::run(&Access::Local, &with_secret()))),
        "start a job" => Err(told(jobs::start(&Access::Local, "k", &command(&["true"]), 0))),
        "poll a job" => Err(told(jobs::poll(&Access::Local, "k", 0))),
        "cancel a job" => Err(told(jobs::cancel(&Access::Local, &["k".into()]))),
        "put a file" => Err(told(files::put(&Access::Local, "/no/such/folder/file", b"x", 0o600))),
        "get a file" => Err(told(files::get(&Access::Local, "/no/such/file", 10))),
        "start a job with a secret" => Err(told(jobs::start(&Access::Local, "secret", &with_secret(), 0))),
        "watch a job" => loop {
            match jobs::poll(&Access::Local, "secret", 0) {
                Ok(jobs::State::Running) => std::thread::sleep(Duration::from_millis(100)),
                answer => return Err(told(answer)),
            }
        },
        "end a job" => Err(told(jobs::cancel(&Access::Local, &["secret".into()]))),
        "look" => Err(format!("{:?} {}", view::taken(&["a".to_owned(), "b".to_owned()]), view::used("c"))),
        "look around" => Err(format!(
            "{} variables, {} arguments, files: {}",
            std::env::vars().count(),
            std::env::args().count(),
            std::fs::read_dir("/").is_ok()
        )),
        "time and chance" => Err(format!(
            "{} {} {}",
            SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_millis(),
            Instant::now().elapsed().as_nanos(),
            RandomState::new().hash_one("dice")
        )),
        "control characters" => Err("a\x1b[2Jb\u{202e}c\nd".to_owned()),
        "endless reason" => Err("why ".repeat(100_000)),
        _ => Ok(()),
    }
}

#[allow(unconditional_recursion)]
fn recurse(depth: u64) -> u64 {
    let room = black_box([depth; 32]);
    recurse(depth + 1) + room[3]
}

/// For the test to read, bytes as text.
fn told<T: std::fmt::Debug>(answer: Result<T, Error>) -> String {
    match answer {
        Ok(answer) => format!("it did: {answer:?}"),
        Err(error) => format!("{error:?}").replace('\\', ""),
    }
}

/// Prints its secret in two pieces, and as a whole to stderr.
fn with_secret() -> Command {
    let script = "printf '%.3s' \"$TOKEN\"; sleep 0.2; printf '%s' \"${TOKEN#???}\"; printf '%s' \"$TOKEN\" >&2";
    Command {
        secrets: vec![Secret { variable: "TOKEN".to_owned(), credential: "vault".to_owned() }],
        ..command(&["sh", "-c", script])
    }
}

fn run(argv: &[&str]) -> Result<commands::Output, Error> {
    commands::run(&Access::Local, &command(argv))
}

fn command(argv: &[&str]) -> Command {
    Command {
        argv: argv.iter().map(|&arg| arg.to_owned()).collect(),
        directory: None,
        environment: Vec::new(),
        stdin: Vec::new(),
        secrets: Vec::new(),
        timeout: 3_600_000,
        output_limit: u32::MAX,
    }
}

fn label(key: &str, value: &str) -> Label {
    Label { key: key.to_owned(), value: value.to_owned() }
}

pub fn needs(how: &str, good: Needs) -> Needs {
    match how {
        "no share" => Needs { share: 0, ..good },
        "bad label" => Needs { labels: vec![label("good", ""), label("not good", "x")], ..good },
        "label twice" => Needs { labels: vec![label("a", "1"), label("a", "2")], ..good },
        "endless label" => Needs { labels: vec![label("a", &"x".repeat(256))], ..good },
        _ => good,
    }
}

pub fn allocations(how: &str, good: Allocation) -> Vec<Allocation> {
    let named = |key: &str| Slot::Named(key.to_owned());
    vec![match how {
        "nothing" => return Vec::new(),
        "17 allocations" => return vec![good; 17],
        // 16 × 2 MiB is more than may be carried at once, though each alone would do.
        "too much" => return vec![Allocation { attributes: format!("\"{}\"", "x".repeat(2 << 20)), ..good }; 16],
        "garbage" => Allocation { attributes: "{\"a\": ".to_owned(), ..good },
        "no object" => Allocation { attributes: "[1]".to_owned(), ..good },
        "against its schema" => Allocation { attributes: "{\"a\": 1}".to_owned(), ..good },
        "no limit" => Allocation { limit: Some(0), ..good },
        "no name" => Allocation { name: " ".to_owned(), ..good },
        "slot twice" => Allocation { slots: vec![named("a"), named("a")], ..good },
        "slot with a line end" => Allocation { slots: vec![named("a\nb")], ..good },
        "slot that never fits" => {
            let slot = CountedSlot { key: "a".to_owned(), amount: 3, limit: 2 };
            Allocation { slots: vec![Slot::Counted(slot)], ..good }
        }
        _ => good,
    }]
}

pub fn acquisition(how: &str, good: Acquisition) -> Acquisition {
    let handout = Handout { access: Access::Local, directory: None, environment: Vec::new(), url: None };
    let entry = |name: &str, value: &str| vec![Entry { name: name.to_owned(), value: value.to_owned() }];
    match how {
        "no share" => Acquisition { share: 0, ..good },
        "bad directory" => {
            Acquisition { ready: Some(Handout { directory: Some("/a\nb".to_owned()), ..handout }), ..good }
        }
        "bad variable" => Acquisition { ready: Some(Handout { environment: entry("A=B", "c"), ..handout }), ..good },
        _ => good,
    }
}

pub fn progress(how: &str, good: Outcome) -> Progress {
    let handout = Handout { access: Access::None, directory: None, environment: Vec::new(), url: None };
    let again = |state: &str, wake: Wake, percent: u8| {
        Progress::Again(Continuation {
            state: state.to_owned(),
            wake,
            note: "later\x07".to_owned(),
            percent: Some(percent),
        })
    };
    Progress::Done(match how {
        "again" => return again("{}", Wake::After(1000), 50),
        "wait for a job" => return again("{}", Wake::Job("7".to_owned()), 50),
        "101 percent" => return again("{}", Wake::After(1000), 101),
        "garbage state" => return again("{", Wake::After(1000), 50),
        "no handout" => Outcome { handout: None, ..good },
        "handout" => Outcome { handout: Some(handout), ..good },
        "add an attribute" => Outcome { attributes: Some(r#"{ "added": "yes" }"#.to_owned()), ..good },
        "break a promise" => Outcome { attributes: Some(r#"{ "promised": "no" }"#.to_owned()), ..good },
        "add a number" => Outcome { attributes: Some(r#"{ "added": 1 }"#.to_owned()), ..good },
        _ => good,
    })
}

pub fn failure(reason: String) -> Failure {
    Failure { blame: Blame::Provider, next: Next::BackOff, reason, after: Some(5) }
}
