//! What is printed: data on stdout, talk on stderr. Text from outside is escaped on its way.

use crate::exit::{self, Exit};
use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;
use std::fmt::Write as _;
use std::io::{ErrorKind, IsTerminal, Write};

/// `text` with everything escaped that would move the cursor, break the line, or hide what is there.
pub fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // Controls, and what reorders or hides text: marks, embeddings and isolates of direction, invisible joiners.
            c if c.is_control()
                || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}') =>
            {
                // Writing to a string has no way to fail.
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

/// A sentence on stderr. It stays one line.
pub fn tell(text: &str) {
    // Nobody to tell is no reason to fail.
    let _ = writeln!(std::io::stderr(), "drydock: {}", plain(text));
}

/// Data on stdout.
pub fn print(text: &str) -> Result<(), Exit> {
    print_bytes(text.as_bytes())
}

/// Data on stdout, as it is.
pub fn print_bytes(bytes: &[u8]) -> Result<(), Exit> {
    let mut out = std::io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush()).map_err(|error| match error.kind() {
        // The reader has had enough.
        ErrorKind::BrokenPipe => Exit::new(exit::OK, ""),
        _ => Exit::new(exit::FAILURE, format!("stdout can't be written: {error}")),
    })
}

/// One JSON document on stdout.
pub fn print_json<T: Serialize>(value: &T) -> Result<(), Exit> {
    print(&(document(value)? + "\n"))
}

/// One JSON object on one line of stdout.
pub fn print_json_line<T: Serialize>(value: &T) -> Result<(), Exit> {
    print(&(serde_json::to_string(value).map_err(not_json)? + "\n"))
}

fn document<T: Serialize>(value: &T) -> Result<String, Exit> {
    serde_json::to_string_pretty(value).map_err(not_json)
}

fn not_json(error: serde_json::Error) -> Exit {
    Exit::new(exit::FAILURE, format!("the answer can't be written as JSON: {error}"))
}

/// Columns of the terminal on stdout; none where stdout is a file or a pipe.
pub fn width() -> Option<u16> {
    if !std::io::stdout().is_terminal() {
        return None;
    }
    terminal_size::terminal_size().map(|(width, _)| width.0)
}

/// Rows under a heading, aligned, and no wider than `width`: what does not fit is continued below in its column. Cells
/// are escaped. Columns that are empty in every row are left out.
pub fn table(heading: &[&str], rows: &[Vec<String>], width: Option<u16>) -> String {
    let filled: Vec<usize> = (0..heading.len())
        .filter(|&i| rows.iter().any(|row| row.get(i).is_some_and(|cell| !cell.is_empty())))
        .collect();
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    match width {
        Some(width) => {
            table.set_content_arrangement(ContentArrangement::Dynamic);
            table.set_width(width.max(20));
        }
        None => {
            table.set_content_arrangement(ContentArrangement::Disabled);
        }
    }
    table.set_header(filled.iter().map(|&i| heading[i]));
    for row in rows {
        table.add_row(filled.iter().map(|&i| row.get(i).map(|cell| plain(cell)).unwrap_or_default()));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.trim_fmt() + "\n"
}

/// Facts of one thing, one a line, their values aligned. Those without a value are left out.
pub fn facts(list: &[(&str, Option<String>)]) -> String {
    let longest = list.iter().filter(|(_, value)| value.is_some()).map(|(name, _)| name.len()).max().unwrap_or(0);
    let mut out = String::new();
    for (name, value) in list {
        if let Some(value) = value {
            let _ = writeln!(out, "{name:longest$}  {}", plain(value));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_stays_text() {
        assert_eq!(plain("naïve – ok"), "naïve – ok");
        assert_eq!(plain("a\nb\tc\r"), "a\\nb\\tc\\r");
        assert_eq!(plain("\u{1b}[2J\u{7}"), "\\u{1b}[2J\\u{7}");
        assert_eq!(plain("\u{202e}x\u{200b}\u{9b}"), "\\u{202e}x\\u{200b}\\u{9b}");
    }

    fn rows() -> Vec<Vec<String>> {
        vec![
            vec!["l-1".into(), "active".into(), String::new(), "in use\u{1b}[1m".into()],
            vec![
                "l-22222".into(),
                "pending".into(),
                String::new(),
                "a reason that is much longer than the others".into(),
            ],
        ]
    }

    #[test]
    fn columns_are_aligned_and_the_empty_ones_left_out() {
        let printed = table(&["LEASE", "STATUS", "ENDS", "NOTE"], &rows(), None);
        assert_eq!(
            printed,
            "LEASE    STATUS   NOTE\n\
             l-1      active   in use\\u{1b}[1m\n\
             l-22222  pending  a reason that is much longer than the others\n"
        );
    }

    #[test]
    fn a_table_fits_its_terminal_and_loses_nothing() {
        let printed = table(&["LEASE", "STATUS", "ENDS", "NOTE"], &rows(), Some(40));
        assert!(printed.lines().all(|line| line.chars().count() <= 40), "{printed}");
        for word in ["l-22222", "pending", "reason", "longer", "others"] {
            assert!(printed.contains(word), "{word} is missing in:\n{printed}");
        }
    }

    #[test]
    fn facts_are_aligned() {
        let printed = facts(&[("lease", Some("l-1".into())), ("a long name", None), ("status", Some("a\nb".into()))]);
        assert_eq!(printed, "lease   l-1\nstatus  a\\nb\n");
    }
}
