//! What the scripts answer: lines of a word, a blank and the rest.

use crate::trouble::Trouble;
use drydock_sdk::commands::{Exit, Output};

/// A commit that was found, and its branch where the remote's HEAD was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub commit: String,
    pub branch: Option<String>,
}

/// What a script said on stdout.
pub struct Answer<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Answer<'a> {
    pub fn read(output: &'a Output) -> Answer<'a> {
        let text = std::str::from_utf8(&output.stdout).unwrap_or_default();
        Answer(text.lines().map(|line| line.split_once(' ').unwrap_or((line, ""))).collect())
    }

    /// What stands behind the last line that begins with this word.
    pub fn last(&self, word: &str) -> Option<&'a str> {
        self.0.iter().rev().find(|(first, _)| *first == word).map(|(_, rest)| *rest)
    }

    /// The commit that was found for the pair at this index.
    pub fn found(&self, index: usize) -> Option<Found> {
        let index = index.to_string();
        let words = |rest: &'a str| rest.split(' ').collect::<Vec<_>>();
        let found = self.0.iter().filter(|(first, _)| *first == "found").map(|(_, rest)| words(rest));
        found.filter(|words| words.first() == Some(&index.as_str())).find_map(|words| {
            let branch = words.get(2).filter(|branch| !branch.is_empty()).map(|&branch| branch.to_owned());
            Some(Found { commit: (*words.get(1)?).to_owned(), branch })
        })
    }
}

/// The answer of a script that came to its end, or what kept it from that.
pub fn answer<'a>(repository: &str, output: &'a Output) -> Result<Answer<'a>, Trouble> {
    let answer = Answer::read(output);
    if output.exit == Exit::Code(0) {
        return Ok(answer);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let mut lines: Vec<&str> = said.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    let mut stderr = lines.split_off(lines.len().saturating_sub(KEPT)).join("\n");
    if stderr.is_empty() {
        stderr = output.complaint();
    }
    let ended = matches!(output.exit, Exit::Signal(_));
    Err(Trouble {
        repository: repository.to_owned(),
        phase: answer.last("phase").unwrap_or(if ended { "time" } else { "start" }).to_owned(),
        command: answer.last("command").unwrap_or("sh").to_owned(),
        missing: answer.last("missing").map(str::to_owned),
        stderr,
    })
}

/// Lines that are kept of a complaint: the last ones say why.
const KEPT: usize = 12;
