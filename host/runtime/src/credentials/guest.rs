//! What a guest may do with a credential's name.

use super::{Credential, find};
use crate::bindings::credentials;
use crate::call::{Asker, Call};
use crate::commands::public_key;
use tracing::warn;

impl credentials::Host for Call {
    async fn public_key(&mut self, name: String) -> wasmtime::Result<Result<String, String>> {
        if let Err(denial) = self.may_use(&name) {
            warn!(target: "drydock::plugin", blueprint = self.blueprint, function = self.function.name(), "denied: {denial}");
            return Ok(Err(denial));
        }
        let key = match find(self.runner.credentials(), &name) {
            Ok(Credential::Ssh(key)) => key.clone(),
            Ok(other) => {
                return Ok(Err(format!(
                    "the credential {name} is of the kind \"{}\", and only one of the kind \"ssh\" has a public key; \
                     name another",
                    other.kind()
                )));
            }
            Err(why) => return Ok(Err(why)),
        };
        Ok(public_key(&name, &key).await)
    }
}

impl Call {
    /// Whether this call may use the credential of that name, for what is left to the caller.
    pub(crate) fn may_use(&self, name: &str) -> Result<(), String> {
        self.asker().may_use(name)
    }
}

impl Asker {
    /// Whether this call may use the credential of that name, for what is left to the caller. The error names both sides
    /// and says what to do.
    pub(crate) fn may_use(&self, name: &str) -> Result<(), String> {
        let (blueprint, plugin) = (&self.blueprint, &self.rights.plugin);
        let shown = crate::translate::escaped(name, 255);
        if !self.function.acts() {
            return Err(format!(
                "the plugin {plugin} tried to use the credential {shown:?} in `{}`, which only decides; credentials are \
                 used in open, activate, release, close, check, observe and remove",
                self.function.name()
            ));
        }
        let Some(permission) = self.rights.asks.iter().find(|p| p.what == "credential") else {
            return Err(format!(
                "the plugin {plugin} of the blueprint \"{blueprint}\" tried to use the credential {shown:?}, but does not \
                 ask for any in what it says of itself; its author has to add an entry to `asks` with the what \
                 `credential`, a scope such as `server`, and a reason"
            ));
        };
        let grant = format!("credential:{name}");
        if self.rights.grants.contains(&grant) {
            return Ok(());
        }
        let grants = self.rights.with_grant(&format!("credential:{shown}"));
        Err(format!(
            "the plugin {plugin} asks to use a credential (it says: {}), and the blueprint \"{blueprint}\" is not granted \
             the credential {shown:?}; to grant it, put this line into that [[blueprint]] of the configuration: grants = \
             [{grants}]",
            permission.reason
        ))
    }
}
