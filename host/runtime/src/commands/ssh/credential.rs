//! The key that the daemon shows to a host.

use super::super::error::CommandError;
use crate::credentials::{self, Credential, Credentials, KeyAgent, KeyPlace, SshKey};
use russh::keys::{HashAlg, PrivateKey, PublicKey, decode_secret_key};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A key as it was read for one connection.
pub struct LoadedKey {
    pub public: PublicKey,
    pub signer: KeySigner,
    /// Where it is, for messages.
    pub place: String,
}

/// Who signs with a key.
pub enum KeySigner {
    Daemon(Arc<PrivateKey>),
    /// The agent with this socket.
    Agent(PathBuf),
}

impl LoadedKey {
    pub fn fingerprint(&self) -> String {
        self.public.fingerprint(HashAlg::Sha256).to_string()
    }
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
    let mut public = loaded.public;
    public.set_comment("");
    let line =
        public.to_openssh().map_err(|error| format!("credential {name}: its public half can't be written: {error}"))?;
    Ok(line.trim_end().to_owned())
}

pub async fn load(name: &str, credential: &SshKey) -> Result<LoadedKey, CommandError> {
    match (&credential.private_key, credential.private_key_file()) {
        (KeyPlace::Agent(agent), _) => of_agent(name, agent).await,
        (KeyPlace::File(_), path) => of_file(name, credential, &path.unwrap_or_default()).await,
    }
}

async fn of_agent(name: &str, agent: &KeyAgent) -> Result<LoadedKey, CommandError> {
    let denied = |why: String| CommandError::Denied(format!("credential {name}: {why}"));
    let line = match (&agent.public_key, agent.public_key.file()) {
        (credentials::PublicKey::Line(line), _) => line.clone(),
        (credentials::PublicKey::File(_), file) => {
            let file = file.unwrap_or_default();
            tokio::fs::read_to_string(&file).await.map_err(|error| {
                denied(format!(
                    "the public key {} can't be read: {error}; make it a file that the daemon's user{} can read",
                    file.display(),
                    user()
                ))
            })?
        }
    };
    let public = line.trim().parse::<PublicKey>().map_err(|_| {
        denied("public_key is no public key: give a line as in authorized_keys, or a file with one".into())
    })?;
    let socket = agent.socket_file().ok_or_else(|| {
        denied("the daemon's SSH_AUTH_SOCK names no agent; start the daemon with it, or name the agent's socket".into())
    })?;
    let place = format!("the agent at {}", socket.display());
    Ok(LoadedKey { public, signer: KeySigner::Agent(socket), place })
}

async fn of_file(name: &str, credential: &SshKey, path: &Path) -> Result<LoadedKey, CommandError> {
    let denied =
        |why: String| CommandError::Denied(format!("credential {name}: the private key {}{why}", path.display()));
    let text = tokio::fs::read_to_string(path).await.map_err(|error| {
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
            let public = key.public_key().clone();
            Ok(LoadedKey { public, signer: KeySigner::Daemon(Arc::new(key)), place: path.display().to_string() })
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
