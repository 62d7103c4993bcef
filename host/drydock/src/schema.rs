//! JSON Schemas of plugins, and sentences about what they refuse.

use crate::config::Segment;
use crate::sentence::printable;
use jsonschema::error::ValidationErrorKind;
use serde_json::Value;

/// A schema that was understood. Nothing is fetched for it: a `$ref` stays within the schema.
#[derive(Debug)]
pub struct Schema {
    validator: jsonschema::Validator,
}

/// What a schema has against a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where in the value.
    pub path: Vec<Segment>,
    pub sentence: String,
}

impl Schema {
    /// Of JSON text. The error is a sentence about the schema.
    pub fn new(text: &str) -> Result<Schema, String> {
        let schema: Value = serde_json::from_str(text).map_err(|e| format!("it is no JSON: {e}"))?;
        let validator = jsonschema::draft202012::new(&schema).map_err(|e| format!("it is no JSON Schema: {e}"))?;
        Ok(Schema { validator })
    }

    /// The first thing that is wrong with the value.
    pub fn check(&self, value: &Value) -> Result<(), Problem> {
        match self.validator.iter_errors(value).next() {
            None => Ok(()),
            Some(error) => Err(problem(&error)),
        }
    }
}

fn problem(error: &jsonschema::ValidationError<'_>) -> Problem {
    let mut path = segments(error.instance_path().as_str());
    let sentence = match error.kind() {
        ValidationErrorKind::Required { property } => {
            if let Some(name) = property.as_str() {
                path.push(Segment::Key(name.to_string()));
            }
            "it is missing".to_string()
        }
        ValidationErrorKind::AdditionalProperties { unexpected } if !unexpected.is_empty() => {
            path.push(Segment::Key(unexpected[0].clone()));
            "there is no such key".to_string()
        }
        ValidationErrorKind::FalseSchema => "it can't be used here".to_string(),
        _ => error.to_string(),
    };
    Problem { path, sentence: printable(&sentence) }
}

/// The parts of a JSON pointer. A number is taken as an index: that it was a key is not told by the pointer, and
/// makes no difference to a reader.
fn segments(pointer: &str) -> Vec<Segment> {
    pointer
        .split('/')
        .skip(1)
        .map(|part| match part.parse() {
            Ok(index) => Segment::Index(index),
            Err(_) => Segment::Key(part.replace("~1", "/").replace("~0", "~")),
        })
        .collect()
}
