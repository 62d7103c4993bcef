//! What is wrong with a configuration, where, and what would be right.

use super::document::{Document, Segment, shown};
use std::path::Path;

/// A configuration that is not used. Its sentence begins with file and line, like a compiler's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {sentence}")]
pub struct ConfigError {
    /// File and line.
    pub place: String,
    /// Which value, what is wrong with it, what would be right.
    pub sentence: String,
}

impl ConfigError {
    pub fn unreadable(path: &Path, error: &std::io::Error) -> ConfigError {
        ConfigError {
            place: path.display().to_string(),
            sentence: format!("the configuration can't be read: {error}; name an existing file with --config"),
        }
    }

    /// About the value at `path`.
    pub fn at(document: &Document, path: &[Segment], problem: impl std::fmt::Display) -> ConfigError {
        ConfigError::on(document, document.line_of(path), path, problem)
    }

    /// About the value at `path`, with a line that is known better than from the path.
    pub fn on(
        document: &Document,
        line: Option<usize>,
        path: &[Segment],
        problem: impl std::fmt::Display,
    ) -> ConfigError {
        let place = match line {
            Some(line) => format!("{}:{line}", document.file.display()),
            None => document.file.display().to_string(),
        };
        let sentence = match named(document, path) {
            name if name.is_empty() => problem.to_string(),
            name => format!("{name}: {problem}"),
        };
        ConfigError { place, sentence }
    }
}

/// `blueprint "hosts", config.hosts[2].port`: a blueprint goes by its name, where it has one.
fn named(document: &Document, path: &[Segment]) -> String {
    let [Segment::Key(key), Segment::Index(index), rest @ ..] = path else { return shown(path) };
    if key != "blueprint" {
        return shown(path);
    }
    let blueprint = match document.blueprint_name(*index) {
        Some(name) => format!("blueprint {name:?}"),
        None => format!("blueprint[{index}]"),
    };
    match rest {
        [] => blueprint,
        rest => format!("{blueprint}, {}", shown(rest)),
    }
}
