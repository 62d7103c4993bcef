//! `bench`, as far as it does not depend on how fast the machine is.

use crate::{DEADLINE, Running};
use serde_json::Value;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

fn bench(folder: &Path, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_drydock"));
    command.args(["bench", "--quick", "--json", "--folder"]).arg(folder).args(more);
    command
}

fn is_empty(folder: &Path) -> bool {
    folder.read_dir().unwrap().next().is_none()
}

/// Every row, in order, with its unit.
const ROWS: [(&str, &str); 43] = [
    ("store, 1 caller", "leases/s"),
    ("store, 1 caller: processor time", "ms/lease"),
    ("store, 16 callers", "leases/s"),
    ("store, 16 callers: processor time", "ms/lease"),
    ("store, 150 callers", "leases/s"),
    ("store, 150 callers: processor time", "ms/lease"),
    ("API, 1 client", "leases/s"),
    ("API, 1 client: processor time, client included", "ms/lease"),
    ("API, 1 client: processor time by hand", "ms/lease"),
    ("API, 16 clients", "leases/s"),
    ("API, 16 clients: processor time, client included", "ms/lease"),
    ("API, 16 clients: processor time by hand", "ms/lease"),
    ("API, 150 clients", "leases/s"),
    ("API, 150 clients: processor time, client included", "ms/lease"),
    ("API, 150 clients: processor time by hand", "ms/lease"),
    ("idle, bare commit, median", "ms"),
    ("idle, bare commit, 99th percentile", "ms"),
    ("idle, asked to active, median", "ms"),
    ("idle, asked to active, 99th percentile", "ms"),
    ("idle, released to next active, median", "ms"),
    ("idle, released to next active, 99th percentile", "ms"),
    ("10 leases of 2 s over 5 hosts", "s"),
    ("look and plan, 500 resources", "ms"),
    ("memory, at the end", "MB"),
    ("memory, at most", "MB"),
    ("lease on a warm host over SSH", "ms"),
    ("lease of a working copy of 100 files that is cloned", "ms"),
    ("plugin call", "µs"),
    ("plugin call: as a native function", "µs"),
    ("plugin call: as a process that only echoes", "µs"),
    ("lease among 2000 resources", "ms"),
    ("lease among 2000 resources: statements", "count"),
    ("lease among 2000 resources: deciding calls", "count"),
    ("next of 5000 waiting in 50 classes", "ms"),
    ("next of 5000 waiting in 50 classes: statements", "count"),
    ("next of 5000 waiting in 50 classes: deciding calls", "count"),
    ("lease after 20000 finished", "ms"),
    ("lease after 20000 finished: statements", "count"),
    ("lease after 20000 finished: deciding calls", "count"),
    ("lease after 20000 finished: list of what is alive", "ms"),
    ("500 waiting on a full pool for 5 s: deciding calls", "count"),
    ("500 waiting on a full pool for 5 s: commits beside signs of life", "count"),
    ("500 waiting on a full pool for 5 s: signs of life", "count"),
];

/// Each row has a name, a value, a unit; where it has a floor, a ratio to that; and what has to be kept.
fn check(row: &Value) {
    let value = row["value"].as_f64().unwrap();
    let floor = row["floor"].as_f64();
    if let Some(floor) = floor {
        assert!(floor > 0.0 && (row["ratio"].as_f64().unwrap() / (value / floor) - 1.0).abs() < 0.001, "{row}");
    }
    if row["unit"] != "count" {
        assert!(value > 0.0, "{row}");
        return;
    }
    // Counts are the same on every machine, however busy it is.
    match (row["bound"]["exactly"].as_f64(), floor) {
        (Some(times), Some(floor)) => assert_eq!(value, times * floor, "{row}"),
        (Some(count), None) => assert_eq!(value, count, "{row}"),
        (None, Some(floor)) => {
            assert!(value > 0.0 && value <= row["bound"]["at-most"].as_f64().unwrap() * floor, "{row}")
        }
        (None, None) => assert!(value > 0.0, "{row}"),
    }
}

#[test]
fn every_row_is_there_and_the_counts_are_as_they_should_be() {
    let folder = tempfile::tempdir().unwrap();
    let (status, printed, said) = Running::start(bench(folder.path(), &[])).end();
    assert!(status.success(), "{said}");
    let rows: Vec<Value> = printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let named: Vec<_> = rows.iter().map(|row| (row["name"].as_str().unwrap(), row["unit"].as_str().unwrap())).collect();
    assert_eq!(named, ROWS);
    rows.iter().for_each(check);
    assert!(is_empty(folder.path()), "it leaves something");
}

#[test]
fn an_interrupted_bench_leaves_no_daemon_and_no_folder() {
    let folder = tempfile::tempdir().unwrap();
    let mut running = Running::start(bench(folder.path(), &["--only", "leases of 2 s"]));
    running.hear("leases of 2 s");
    let begun = Instant::now();
    while daemons(folder.path()) == 0 {
        assert!(begun.elapsed() < DEADLINE, "no daemon is started");
        std::thread::sleep(Duration::from_millis(10));
    }
    running.signal("INT");
    let (status, printed, said) = running.end();
    assert_eq!((status.code(), printed.as_str()), (Some(130), ""), "{said}");
    assert!(said.contains("SIGINT came"), "{said}");
    assert_eq!(daemons(folder.path()), 0);
    assert!(is_empty(folder.path()), "it leaves something");
}

/// How many processes were started with something in this folder.
fn daemons(folder: &Path) -> usize {
    let folder = folder.to_str().unwrap();
    let serves = |line: &[u8]| {
        let line = String::from_utf8_lossy(line);
        line.contains("\0serve\0") && line.contains(folder)
    };
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    processes.filter(|entry| std::fs::read(entry.path().join("cmdline")).is_ok_and(|line| serves(&line))).count()
}

#[test]
fn rows_that_there_are_none_of_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let (status, printed, said) = Running::start(bench(folder.path(), &["--only", "no such row"])).end();
    assert_eq!((status.code(), printed.as_str()), (Some(1), ""), "{said}");
    assert!(said.contains("\"no such row\" in its name; leave out --only"), "{said}");
}
