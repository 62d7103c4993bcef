//! What the operator's configuration lends to plugins by name only: keys, tokens, passwords.
//!
//! - `config`: the keys of `[credentials.NAME]`, as they are written
//! - `guest`: what a guest may do with a name
//! - `kind`: what a credential is, once its keys were checked
//! - `redaction`: how a secret that comes back is blotted out
//! - `secret`: a secret, and where it is read from

mod config;
mod guest;
mod kind;
mod redaction;
mod secret;
#[cfg(test)]
mod tests;

pub(crate) use config::is_scope;
pub use config::{AgentConfig, CredentialConfig, Kind};
pub use kind::{Aws, AwsKeys, Credential, HttpCredential, KeyAgent, KeyPlace, Place, PublicKey, SshKey};
pub use redaction::{Redaction, Scrubber};
pub use secret::{Secret, Source, Unreadable};

use std::collections::BTreeMap;

/// By the names that blueprints use for them.
pub type Credentials = BTreeMap<String, Credential>;

/// The credential of that name. The error says which there are.
pub fn find<'a>(credentials: &'a Credentials, name: &str) -> Result<&'a Credential, String> {
    credentials.get(name).ok_or_else(|| {
        let known: Vec<&str> = credentials.keys().map(String::as_str).collect();
        let shown = crate::translate::escaped(name, 255);
        format!(
            "there is no credential named {shown:?}; {}; add a table [credentials.{}] to the configuration, or correct \
             the name",
            if known.is_empty() {
                "the configuration has none".to_owned()
            } else {
                format!("there are: {}", known.join(", "))
            },
            if name.is_empty() { "NAME" } else { &shown },
        )
    })
}

/// The plain secret of that name, read anew. Only a credential of the kind `secret` is one.
pub fn plain_secret(credentials: &Credentials, name: &str) -> Result<Secret, String> {
    let credential = find(credentials, name)?;
    let Credential::Secret(source) = credential else {
        return Err(format!(
            "the credential {name} is of the kind \"{}\", and only one of the kind \"secret\" is given to a program; \
             name another, or add one",
            credential.kind()
        ));
    };
    source.read().map_err(|error| format!("the credential {name}: {error}"))
}
