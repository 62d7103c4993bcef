//! `sim from-log`: the decisions of a live system, made again.

use super::output;
use crate::exit::{self, Exit};
use clap::Args;
use drydock_core::planner::record::Recorded;
use serde::Deserialize;
use serde_json::Value;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub struct FromLogArgs {
    /// What `drydock log --json` has printed, with --follow or without; - for stdin
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// As much of an event as counts here.
#[derive(Deserialize)]
struct Event {
    seq: i64,
    detail: Option<Value>,
}

/// What the decisions of a log came to.
#[derive(Debug, Default, PartialEq, Eq)]
struct Replayed {
    same: usize,
    truncated: usize,
    /// The number of the first event that is decided otherwise, what was decided then, and what is now.
    other: Option<(i64, Vec<String>, Vec<String>)>,
}

pub fn from_log(args: &FromLogArgs) -> Result<u8, Exit> {
    let invalid = |why: String| Exit::new(exit::INVALID, format!("{}: {why}", args.file.display()));
    let text = read(&args.file).map_err(|error| invalid(format!("it can't be read: {error}")))?;
    let replayed = replay(&events(&text).map_err(invalid)?).map_err(invalid)?;
    let mut said = match replayed.same {
        1 => "1 decision is made again, and is the same".to_owned(),
        same => format!("{same} decisions are made again, and are the same"),
    };
    if replayed.truncated > 0 {
        said += &format!("; {} were too large to be recorded", replayed.truncated);
    }
    output::print(&(said + "\n"))?;
    match replayed.other {
        None => Ok(exit::OK),
        Some((seq, then, now)) => {
            output::print(&format!(
                "event {seq} is decided otherwise\n{}{}",
                listed("then", &then),
                listed("now", &now)
            ))?;
            Ok(exit::FAILURE)
        }
    }
}

fn read(file: &Path) -> std::io::Result<String> {
    if file.as_os_str() == "-" { std::io::read_to_string(std::io::stdin()) } else { std::fs::read_to_string(file) }
}

/// One array, or an object a line.
fn events(text: &str) -> Result<Vec<Event>, String> {
    let wrong = |error: serde_json::Error| format!("it is not what `drydock log --json` prints: {error}");
    if text.trim_start().starts_with('[') {
        return serde_json::from_str(text).map_err(wrong);
    }
    serde_json::Deserializer::from_str(text).into_iter().collect::<Result<_, _>>().map_err(wrong)
}

/// Makes the decisions again, up to the first that is another.
fn replay(events: &[Event]) -> Result<Replayed, String> {
    let mut replayed = Replayed::default();
    for event in events {
        let Some(decision) = event.detail.as_ref().and_then(|detail| detail.get("decision")) else { continue };
        let recorded = Recorded::deserialize(decision)
            .map_err(|_| format!("the decision of event {} was recorded by another version of Drydock", event.seq))?;
        match recorded {
            Recorded::Truncated { .. } => replayed.truncated += 1,
            Recorded::Whole(record) => {
                let again = record.again();
                if again != record.decided {
                    replayed.other = Some((event.seq, record.decided, again));
                    break;
                }
                replayed.same += 1;
            }
        }
    }
    Ok(replayed)
}

fn listed(when: &str, lines: &[String]) -> String {
    match lines {
        [] => format!("  {when}: nothing\n"),
        lines => lines.iter().map(|line| format!("  {when}: {}\n", output::plain(line))).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_an_array_or_an_object_a_line() {
        for text in [r#"[{"seq": 1}, {"seq": 2, "detail": {}}]"#, "{\"seq\": 1}\n{\"seq\": 2, \"detail\": null}\n"] {
            assert_eq!(events(text).unwrap().len(), 2, "{text}");
        }
        assert_eq!(events("").unwrap().len(), 0);
        assert!(events("no").is_err_and(|why| why.contains("drydock log --json")));
    }

    #[test]
    fn what_was_too_large_is_counted_and_what_is_unknown_is_named() {
        let log = r#"[{"seq": 1, "detail": {"count": 1, "decision": {"truncated": 9000}}}, {"seq": 2}]"#;
        let replayed = replay(&events(log).unwrap()).unwrap();
        assert_eq!(replayed, Replayed { truncated: 1, ..Replayed::default() });
        let log = r#"[{"seq": 7, "detail": {"decision": {"look": 1}}}]"#;
        assert!(replay(&events(log).unwrap()).is_err_and(|why| why.contains("event 7")));
    }
}
