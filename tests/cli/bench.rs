//! `bench`, as far as it does not depend on how fast the machine is.

use crate::{DEADLINE, Running};
use serde_json::Value;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

fn bench(folder: &Path, only: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_drydock"));
    command.args(["bench", "--quick", "--json", "--only", only, "--folder"]).arg(folder);
    command
}

fn is_empty(folder: &Path) -> bool {
    folder.read_dir().unwrap().next().is_none()
}

/// The rows that are printed, each with a name, a value, a unit, and, where it has a floor, a ratio to that.
fn rows(printed: &str) -> Vec<Value> {
    let rows: Vec<Value> = printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for row in &rows {
        assert!(row["name"].is_string() && row["unit"].is_string(), "{row}");
        assert!(row["value"].as_f64().unwrap() > 0.0, "{row}");
        if let Some(floor) = row["floor"].as_f64() {
            let ratio = row["value"].as_f64().unwrap() / floor;
            assert!(floor > 0.0 && (row["ratio"].as_f64().unwrap() / ratio - 1.0).abs() < 0.001, "{row}");
        }
    }
    rows
}

#[test]
fn a_daemon_is_measured_through_its_api() {
    for (only, count, floors) in [("idle", 6, 4), ("leases of 2 s", 1, 1)] {
        let folder = tempfile::tempdir().unwrap();
        let (status, printed, said) = Running::start(bench(folder.path(), only)).end();
        assert!(status.success(), "{said}");
        let rows = rows(&printed);
        assert_eq!(rows.len(), count, "{printed}");
        assert_eq!(rows.iter().filter(|row| row["floor"].is_f64()).count(), floors, "{printed}");
        assert!(is_empty(folder.path()), "it leaves something");
    }
}

#[test]
fn an_interrupted_bench_leaves_no_daemon_and_no_folder() {
    let folder = tempfile::tempdir().unwrap();
    let mut running = Running::start(bench(folder.path(), "leases of 2 s"));
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
