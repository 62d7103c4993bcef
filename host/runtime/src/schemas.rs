//! A plugin's JSON Schemas, compiled.

use crate::translate::escaped;
use drydock_core::contract::Descriptor;
use jsonschema::Validator;
use jsonschema::error::ValidationErrorKind;
use serde_json::Value;

/// Bytes of what is said about a value, which may be a large one.
const SENTENCE: usize = 1000;

/// What a plugin says that its configs, requests and resources look like.
pub struct Schemas {
    config: Validator,
    request: Validator,
    resource: Validator,
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

    /// Checks a blueprint's `config`. The error names the field.
    pub fn check_config(&self, value: &Value) -> Result<(), String> {
        check(&self.config, value)
    }

    /// Checks a request's attributes. The error names the field.
    pub fn check_request(&self, value: &Value) -> Result<(), String> {
        check(&self.request, value)
    }

    /// Checks a resource's attributes. The error names the field.
    pub fn check_resource(&self, value: &Value) -> Result<(), String> {
        check(&self.resource, value)
    }
}

fn compile(which: &str, text: &str) -> Result<Validator, String> {
    let schema: Value = serde_json::from_str(text).map_err(|error| format!("its {which} is not JSON: {error}"))?;
    jsonschema::draft202012::new(&schema).map_err(|error| format!("its {which} is not a JSON Schema: {error}"))
}

/// The first thing that is wrong: a second one often follows from it.
fn check(schema: &Validator, value: &Value) -> Result<(), String> {
    schema.validate(value).map_err(|error| {
        let path = error.instance_path().to_string();
        let error = match error.kind() {
            ValidationErrorKind::FalseSchema => "may not be given here".to_owned(),
            _ => escaped(&error.to_string(), SENTENCE),
        };
        if path.is_empty() { error } else { format!("at {}: {error}", escaped(&path, SENTENCE)) }
    })
}
