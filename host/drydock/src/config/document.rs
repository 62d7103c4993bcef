//! The text of a configuration file, and which line a value is on.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// One step into a document: `blueprint`, then `[0]`, then `config`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    Key(String),
    Index(usize),
}

impl Segment {
    /// The steps of a JSON pointer. A number is taken as an index: whether it is a key is not told by the pointer.
    pub fn of_pointer(pointer: &str) -> Vec<Segment> {
        let segment = |part: &str| match part.parse() {
            Ok(index) => Segment::Index(index),
            Err(_) => Segment::Key(part.replace("~1", "/").replace("~0", "~")),
        };
        pointer.split('/').skip(1).map(segment).collect()
    }
}

/// A file's path and text.
#[derive(Clone, Debug)]
pub struct Document {
    pub file: PathBuf,
    pub text: String,
}

impl Document {
    pub fn new(file: &Path, text: String) -> Document {
        Document { file: file.to_path_buf(), text }
    }

    /// A path as the file means it: relative ones start beside the file, `~/` in the user's home.
    pub fn resolve(&self, path: &str) -> PathBuf {
        if let Some(rest) = path.strip_prefix("~/")
            && let Some(home) = std::env::home_dir()
        {
            return home.join(rest);
        }
        self.file.parent().unwrap_or(Path::new("")).join(path)
    }

    /// The line, from 1, of a byte of the text.
    pub fn line_at(&self, offset: usize) -> usize {
        let end = offset.min(self.text.len());
        1 + self.text.as_bytes()[..end].iter().filter(|&&b| b == b'\n').count()
    }

    /// The line of the deepest part of `path` that the document has; none for a text that is no TOML.
    pub fn line_of(&self, path: &[Segment]) -> Option<usize> {
        let root = DeTable::parse(&self.text).ok()?;
        let mut offset = None;
        let mut at = Step::Table(root.get_ref());
        for segment in path {
            let Some((start, value)) = at.into(segment) else { break };
            offset = Some(start);
            at = value;
        }
        Some(self.line_at(offset.unwrap_or_default()))
    }

    /// The first value in the document that JSON can't express: a date, a time, or a number that is none.
    pub fn not_json(&self) -> Option<Vec<Segment>> {
        let root = DeTable::parse(&self.text).ok()?;
        let mut path = Vec::new();
        strange_in_table(root.get_ref(), &mut path).then_some(path)
    }

    /// The name that `[[blueprint]]` number `index` gives itself.
    pub fn blueprint_name(&self, index: usize) -> Option<String> {
        let root = DeTable::parse(&self.text).ok()?;
        let path = [Segment::Key("blueprint".into()), Segment::Index(index), Segment::Key("name".into())];
        let mut at = Step::Table(root.get_ref());
        for segment in &path {
            at = at.into(segment)?.1;
        }
        match at {
            Step::Value(DeValue::String(name)) => Some(name.to_string()),
            _ => None,
        }
    }
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Table(&'a DeTable<'a>),
    Value(&'a DeValue<'a>),
}

impl<'a> Step<'a> {
    /// Where the child begins (its key, or itself in an array), and the child.
    fn into(self, segment: &Segment) -> Option<(usize, Step<'a>)> {
        let value: (usize, &'a Spanned<DeValue<'a>>) = match (self, segment) {
            (Step::Table(table) | Step::Value(DeValue::Table(table)), Segment::Key(key)) => {
                let (name, value) = table.iter().find(|(name, _)| name.get_ref() == key)?;
                (name.span().start, value)
            }
            (Step::Value(DeValue::Array(array)), Segment::Index(index)) => {
                let value = array.get(*index)?;
                (value.span().start, value)
            }
            (Step::Value(DeValue::Table(_)), Segment::Index(key)) => return self.into(&Segment::Key(key.to_string())),
            _ => return None,
        };
        Some((value.0, Step::Value(value.1.get_ref())))
    }
}

fn strange_in_table(table: &DeTable<'_>, path: &mut Vec<Segment>) -> bool {
    table.iter().any(|(key, value)| {
        path.push(Segment::Key(key.get_ref().to_string()));
        let found = strange(value.get_ref(), path);
        if !found {
            path.pop();
        }
        found
    })
}

fn strange(value: &DeValue<'_>, path: &mut Vec<Segment>) -> bool {
    match value {
        DeValue::Datetime(_) => true,
        DeValue::Float(number) => !number.as_str().replace('_', "").parse::<f64>().is_ok_and(f64::is_finite),
        DeValue::Table(table) => strange_in_table(table, path),
        DeValue::Array(array) => array.iter().enumerate().any(|(index, value)| {
            path.push(Segment::Index(index));
            let found = strange(value.get_ref(), path);
            if !found {
                path.pop();
            }
            found
        }),
        DeValue::String(_) | DeValue::Integer(_) | DeValue::Boolean(_) => false,
    }
}

/// A path for people: `config.hosts[2].port`.
pub fn shown(path: &[Segment]) -> String {
    let mut text = String::new();
    for segment in path {
        match segment {
            Segment::Key(key) => {
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(key);
            }
            // Writing to a string has no way to fail.
            Segment::Index(index) => drop(write!(text, "[{index}]")),
        }
    }
    text
}
