//! The key that the daemon shows to a host.

use super::super::error::CommandError;
use documented::DocumentedFields;
use russh::keys::{HashAlg, PrivateKey, decode_secret_key};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// By the names that blueprints use for them.
pub type Credentials = BTreeMap<String, Credential>;

/// What the daemon logs in with, and how it recognises hosts: the table `[credentials.NAME]` of the configuration.
///
/// The files are read whenever a connection is made, so a corrected one works without a restart. A path that begins with
/// `~/` lies in the home of the daemon's user. Secrets stay in the daemon: blueprints know the name only.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, DocumentedFields)]
#[serde(deny_unknown_fields)]
pub struct Credential {
    /// File with the private key, in the format of OpenSSH or PEM: Ed25519, ECDSA or RSA. It must be readable for the
    /// daemon's user, and is read at every connection.
    pub private_key: PathBuf,
    /// Environment variable of the daemon with the key's passphrase. Default: none.
    #[serde(default)]
    pub passphrase_env: Option<String>,
    /// File with the keys of known hosts, in the format of OpenSSH. Default: `~/.ssh/known_hosts` of the daemon's user.
    #[serde(default)]
    pub known_hosts: Option<PathBuf>,
    /// Whether a host must show a key that `known_hosts` has for it. `false` trusts whoever answers at the address.
    /// Default: `true`.
    #[serde(default = "yes")]
    pub check_host_key: bool,
}

fn yes() -> bool {
    true
}

impl Credential {
    /// The file that host keys are looked up in.
    pub fn known_hosts_file(&self) -> PathBuf {
        in_home(self.known_hosts.as_deref().unwrap_or(Path::new("~/.ssh/known_hosts")))
    }

    /// The file that the private key is read from.
    pub fn private_key_file(&self) -> PathBuf {
        in_home(&self.private_key)
    }
}

fn in_home(path: &Path) -> PathBuf {
    match path.strip_prefix("~") {
        Ok(rest) => std::env::home_dir().unwrap_or_else(|| "/".into()).join(rest),
        Err(_) => path.to_path_buf(),
    }
}

/// A key as it was read for one connection.
pub struct LoadedKey {
    pub key: Arc<PrivateKey>,
    /// Of its public half, for messages.
    pub fingerprint: String,
}

pub fn find<'a>(credentials: &'a Credentials, name: &str) -> Result<&'a Credential, CommandError> {
    credentials.get(name).ok_or_else(|| {
        let known: Vec<&str> = credentials.keys().map(String::as_str).collect();
        CommandError::Denied(format!(
            "there is no credential named {:?}; {}; add a table [credentials.{}] with its private_key to the \
             configuration, or correct the name",
            super::printable(name),
            if known.is_empty() {
                "the configuration has none".into()
            } else {
                format!("there are: {}", known.join(", "))
            },
            if name.is_empty() { "NAME".into() } else { super::printable(name) },
        ))
    })
}

pub async fn load(name: &str, credential: &Credential) -> Result<LoadedKey, CommandError> {
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
