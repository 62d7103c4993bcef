//! What a credential is, once its keys were checked. None of this holds a secret: it says where each is.

use super::{Secret, Source, Unreadable};
use crate::origin::{Origin, Origins};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// One `[credentials.NAME]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// What the daemon logs in with over SSH.
    Ssh(SshKey),
    /// What it puts on HTTP requests.
    Http(HttpCredential),
    /// What it gives to a program.
    Secret(Source),
}

impl Credential {
    /// The kind as the configuration writes it.
    pub fn kind(&self) -> &'static str {
        match self {
            Credential::Ssh(_) => "ssh",
            Credential::Secret(_) => "secret",
            Credential::Http(http) => match http.place {
                Place::Bearer(_) => "bearer",
                Place::Header(..) => "header",
                Place::Query(..) => "query",
                Place::Form(..) => "form",
                Place::Basic(..) => "basic",
                Place::Aws(_) => "aws",
            },
        }
    }

    /// The servers that it is put on requests for; none but HTTP credentials have any.
    pub fn hosts(&self) -> &[Origins] {
        match self {
            Credential::Http(http) => &http.hosts,
            Credential::Ssh(_) | Credential::Secret(_) => &[],
        }
    }
}

impl From<SshKey> for Credential {
    fn from(key: SshKey) -> Credential {
        Credential::Ssh(key)
    }
}

/// The key that the daemon shows to hosts, and how it recognises them. The files are read whenever a connection is made,
/// so a corrected one works without a restart. A path that begins with `~/` lies in the home of the daemon's user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SshKey {
    pub private_key: KeyPlace,
    /// The variable of the daemon's environment with the passphrase of a key that is a file.
    pub passphrase_env: Option<String>,
    pub known_hosts: Option<PathBuf>,
    /// Whether a host must show a key that `known_hosts` has for it.
    pub check_host_key: bool,
}

/// Where a private key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyPlace {
    File(PathBuf),
    /// With a program that signs with it, and does not give it away.
    Agent(KeyAgent),
}

impl From<PathBuf> for KeyPlace {
    fn from(file: PathBuf) -> KeyPlace {
        KeyPlace::File(file)
    }
}

/// An SSH agent, and which of its keys is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyAgent {
    /// None: the one that `SSH_AUTH_SOCK` of the daemon names.
    pub socket: Option<PathBuf>,
    pub public_key: PublicKey,
}

impl KeyAgent {
    /// The socket as a file, if there is one.
    pub fn socket_file(&self) -> Option<PathBuf> {
        match &self.socket {
            Some(socket) => Some(in_home(socket)),
            None => std::env::var_os("SSH_AUTH_SOCK").filter(|socket| !socket.is_empty()).map(PathBuf::from),
        }
    }
}

/// The public half of a key, as `ssh-keygen` writes it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub enum PublicKey {
    /// An algorithm, the key, and perhaps a comment.
    Line(String),
    /// A file with such a line.
    File(PathBuf),
}

impl From<String> for PublicKey {
    /// No path begins with the name of an algorithm and a blank.
    fn from(text: String) -> PublicKey {
        let first = text.split_once(' ').map(|(first, _)| first);
        match first.is_some_and(|first| ["ssh-", "ecdsa-", "sk-"].iter().any(|kind| first.starts_with(kind))) {
            true => PublicKey::Line(text),
            false => PublicKey::File(text.into()),
        }
    }
}

impl PublicKey {
    /// The file, where it is one.
    pub fn file(&self) -> Option<PathBuf> {
        match self {
            PublicKey::Line(_) => None,
            PublicKey::File(file) => Some(in_home(file)),
        }
    }
}

impl SshKey {
    /// The file that host keys are looked up in.
    pub fn known_hosts_file(&self) -> PathBuf {
        in_home(self.known_hosts.as_deref().unwrap_or(Path::new("~/.ssh/known_hosts")))
    }

    /// The file that the private key is read from, where it is one.
    pub fn private_key_file(&self) -> Option<PathBuf> {
        match &self.private_key {
            KeyPlace::File(file) => Some(in_home(file)),
            KeyPlace::Agent(_) => None,
        }
    }
}

/// What is put on a request, and on requests to whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpCredential {
    /// Never empty, and never every host.
    pub hosts: Vec<Origins>,
    pub place: Place,
}

impl HttpCredential {
    pub fn is_for(&self, origin: &Origin) -> bool {
        self.hosts.iter().any(|hosts| hosts.matches(origin))
    }
}

/// Where a secret goes in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// `Authorization: Bearer SECRET`.
    Bearer(Source),
    /// A header of this name, in lower case.
    Header(String, Source),
    /// A parameter of the query.
    Query(String, Source),
    /// A field of a body in `application/x-www-form-urlencoded`.
    Form(String, Source),
    /// `Authorization: Basic`, for this user.
    Basic(String, Source),
    /// AWS Signature Version 4.
    Aws(Aws),
}

/// What requests to AWS are signed with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aws {
    pub keys: AwsKeys,
    /// None: as the request names it, or else as its host does.
    pub region: Option<String>,
    pub service: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AwsKeys {
    Given {
        access: Source,
        secret: Source,
        token: Option<Source>,
    },
    /// Those of the role that the daemon's own machine has, from its metadata service at this address.
    InstanceRole {
        endpoint: String,
    },
}

impl AwsKeys {
    /// Given keys as they are now: access key, secret key, session token.
    pub fn read(
        access: &Source,
        secret: &Source,
        token: Option<&Source>,
    ) -> Result<(Secret, Secret, Option<Secret>), Unreadable> {
        Ok((access.read()?, secret.read()?, token.map(Source::read).transpose()?))
    }
}

/// `~/` is the home of the daemon's user.
pub(super) fn in_home(path: &Path) -> PathBuf {
    match path.strip_prefix("~") {
        Ok(rest) => std::env::home_dir().unwrap_or_else(|| "/".into()).join(rest),
        Err(_) => path.to_path_buf(),
    }
}
