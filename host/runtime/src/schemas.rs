//! A plugin's JSON Schemas, as far as the runtime needs them: configs and requests are checked before it sees them.

use crate::translate::escaped;
use drydock_core::contract::Descriptor;
use jsonschema::Validator;
use jsonschema::error::ValidationErrorKind;
use serde_json::Value;

/// What a plugin says that its resources look like.
pub(crate) struct Schemas {
    resource: Validator,
}

/// Bytes of what is said about a value, which may be a large one.
const SENTENCE: usize = 1000;

impl Schemas {
    /// All three have to be schemas, also those that are not used here. The error names the one that is not.
    pub(crate) fn new(descriptor: &Descriptor) -> Result<Schemas, String> {
        compile("config-schema", &descriptor.config_schema)?;
        compile("request-schema", &descriptor.request_schema)?;
        Ok(Schemas { resource: compile("resource-schema", &descriptor.resource_schema)? })
    }

    /// Checks a resource's attributes. The error names the first field that is wrong: a second one often follows from it.
    pub(crate) fn check_resource(&self, attributes: &Value) -> Result<(), String> {
        self.resource.validate(attributes).map_err(|error| {
            let path = escaped(&error.instance_path().to_string(), SENTENCE);
            let problem = match error.kind() {
                ValidationErrorKind::FalseSchema => "may not be given here".to_owned(),
                _ => escaped(&error.to_string(), SENTENCE),
            };
            if path.is_empty() { problem } else { format!("at {path}: {problem}") }
        })
    }
}

fn compile(which: &str, text: &str) -> Result<Validator, String> {
    let schema: Value = serde_json::from_str(text).map_err(|error| format!("its {which} is not JSON: {error}"))?;
    let compiled = jsonschema::draft202012::new(&schema);
    compiled.map_err(|error| format!("its {which} is not a JSON Schema: {}", escaped(&error.to_string(), SENTENCE)))
}
