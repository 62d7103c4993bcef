//! A plugin's JSON Schemas, compiled.

use crate::translate::escaped;
use drydock_core::contract::Descriptor;
use jsonschema::Validator;
use jsonschema::error::ValidationErrorKind;
use serde_json::Value;

/// Bytes of what is said about a value, which may be a large one.
const SENTENCE: usize = 1000;

/// What a plugin says that its configs, requests and resources look like. Nothing is fetched for a schema: a `$ref`
/// stays within it.
#[derive(Debug)]
pub struct Schemas {
    config: Validator,
    request: Validator,
    resource: Validator,
}

/// What a schema has against a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where in the value, as a JSON pointer (RFC 6901); of what is missing, where it should be.
    pub path: String,
    /// What is wrong there; it goes on from the path and a colon.
    pub sentence: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.path.as_str() {
            "" => f.write_str(&self.sentence),
            path => write!(f, "at {}: {}", escaped(path, SENTENCE), self.sentence),
        }
    }
}

impl Schemas {
    /// The error is a sentence that names the schema which is none.
    pub fn new(descriptor: &Descriptor) -> Result<Schemas, String> {
        Ok(Schemas {
            config: compile("config-schema", &descriptor.config_schema)?,
            request: compile("request-schema", &descriptor.request_schema)?,
            resource: compile("resource-schema", &descriptor.resource_schema)?,
        })
    }

    /// Checks a blueprint's `config`.
    pub fn check_config(&self, value: &Value) -> Result<(), Problem> {
        check(&self.config, value)
    }

    /// Checks a request's attributes.
    pub fn check_request(&self, value: &Value) -> Result<(), Problem> {
        check(&self.request, value)
    }

    /// Checks a resource's attributes.
    pub fn check_resource(&self, value: &Value) -> Result<(), Problem> {
        check(&self.resource, value)
    }
}

fn compile(which: &str, text: &str) -> Result<Validator, String> {
    let schema: Value = serde_json::from_str(text).map_err(|error| format!("its {which} is not JSON: {error}"))?;
    jsonschema::draft202012::new(&schema).map_err(|error| format!("its {which} is not a JSON Schema: {error}"))
}

/// The first thing that is wrong: a second one often follows from it.
fn check(schema: &Validator, value: &Value) -> Result<(), Problem> {
    schema.validate(value).map_err(|error| {
        let path = error.instance_path().to_string();
        let child = |name: &str| format!("{path}/{}", name.replace('~', "~0").replace('/', "~1"));
        let (path, sentence) = match error.kind() {
            ValidationErrorKind::Required { property: Value::String(name) } => (child(name), "it is required".into()),
            ValidationErrorKind::AdditionalProperties { unexpected } if !unexpected.is_empty() => {
                (child(&unexpected[0]), "it is unexpected: there is no such key".into())
            }
            ValidationErrorKind::FalseSchema => (path, "it may not be given here".into()),
            _ => (path, error.to_string()),
        };
        Problem { path, sentence: escaped(&sentence, SENTENCE) }
    })
}
