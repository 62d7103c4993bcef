//! The key that the daemon shows to a host.

use super::super::error::CommandError;
use crate::credentials::{self, Credential, Credentials, SshKey};
use russh::keys::{HashAlg, PrivateKey, decode_secret_key};
use std::sync::Arc;

/// A key as it was read for one connection.
pub struct LoadedKey {
    pub key: Arc<PrivateKey>,
    /// Of its public half, for messages.
    pub fingerprint: String,
}

pub fn find<'a>(credentials: &'a Credentials, name: &str) -> Result<&'a SshKey, CommandError> {
    match credentials::find(credentials, name).map_err(CommandError::Denied)? {
        Credential::Ssh(key) => Ok(key),
        other => Err(CommandError::Denied(format!(
            "the credential {name} is of the kind \"{}\", and only one of the kind \"ssh\" can log in; name another",
            other.kind()
        ))),
    }
}

/// Its public half, as a line of `authorized_keys` without a comment.
pub async fn public_key(name: &str, credential: &SshKey) -> Result<String, String> {
    let loaded = load(name, credential).await.map_err(|error| error.to_string())?;
    let mut public = loaded.key.public_key().clone();
    public.set_comment("");
    let line =
        public.to_openssh().map_err(|error| format!("credential {name}: its public half can't be written: {error}"))?;
    Ok(line.trim_end().to_owned())
}

pub async fn load(name: &str, credential: &SshKey) -> Result<LoadedKey, CommandError> {
    let path = credential.private_key_file();
    let denied =
        |why: String| CommandError::Denied(format!("credential {name}: the private key {}{why}", path.display()));
    let text = tokio::fs::read_to_string(&path).await.map_err(|error| {
        denied(format!(" can't be read: {error}; make it a file that the daemon's user{} can read", user()))
    })?;
    let passphrase = match &credential.passphrase_env {
        None => None,
        Some(variable) => Some(std::env::var(variable).map_err(|_| {
            denied(format!(
                " needs its passphrase from the environment variable {variable}, which the daemon has not; start the \
                 daemon with it"
            ))
        })?),
    };
    let given = passphrase.is_some();
    // Deriving a key from a passphrase takes long on purpose.
    let decoded = tokio::task::spawn_blocking(move || decode_secret_key(&text, passphrase.as_deref())).await;
    match decoded {
        Ok(Ok(key)) => {
            let fingerprint = key.public_key().fingerprint(HashAlg::Sha256).to_string();
            Ok(LoadedKey { key: Arc::new(key), fingerprint })
        }
        Ok(Err(russh::keys::Error::KeyIsEncrypted)) => Err(denied(
            " is encrypted: name the environment variable that holds its passphrase in passphrase_env, or use a key \
             without one"
                .into(),
        )),
        Ok(Err(_)) if given => Err(denied(
            " can't be decoded: look whether it is a private key in the format of OpenSSH or PEM, and whether the \
             passphrase fits"
                .into(),
        )),
        Ok(Err(_)) => Err(denied(
            " can't be decoded: it must be the private half of a key, in the format of OpenSSH or PEM (Ed25519, ECDSA, \
             RSA)"
                .into(),
        )),
        Err(error) => Err(CommandError::Other(format!("credential {name}: reading the key broke off: {error}"))),
    }
}

fn user() -> String {
    match std::env::var("USER") {
        Ok(user) if !user.is_empty() => format!(" {user}"),
        _ => String::new(),
    }
}
