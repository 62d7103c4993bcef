//! The keys of `[credentials.NAME]`, as they are written.

use super::kind::{Aws, AwsKeys, Credential, HttpCredential, KeyAgent, KeyPlace, Place, PublicKey, SshKey};
use super::secret::Source;
use crate::origin::{HostPattern, Origins};
use documented::DocumentedFields;
use serde::Deserialize;
use std::path::PathBuf;

/// Where a machine of AWS asks for the keys of its role.
const METADATA: &str = "http://169.254.169.254";

/// What the daemon uses in a plugin's stead: the table `[credentials.NAME]` of the configuration. Secrets are not in it:
/// it names the variables and files that they are read from, whenever they are used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, DocumentedFields)]
#[serde(default, deny_unknown_fields)]
pub struct CredentialConfig {
    /// `"ssh"`, `"bearer"`, `"header"`, `"query"`, `"form"`, `"basic"`, `"aws"` or `"secret"`, see above. Default: `"ssh"`.
    pub kind: Kind,
    /// `ssh`, which needs this or `agent`: file with the private key, in the format of OpenSSH or PEM: Ed25519, ECDSA or
    /// RSA. It must be readable for the daemon's user, and is read at every connection. Default: none.
    pub private_key: Option<PathBuf>,
    /// `ssh`: instead of a file, an SSH agent signs with the key: `true` for the one that `SSH_AUTH_SOCK` of the daemon
    /// names, or the path of its socket. Default: `false`.
    pub agent: Option<AgentConfig>,
    /// `ssh` with `agent`, which needs it: which of the agent's keys, by its public half: a line as in `authorized_keys`, or
    /// a file with one. Default: none.
    pub public_key: Option<PublicKey>,
    /// `ssh`: environment variable of the daemon with the key's passphrase. Default: none.
    pub passphrase_env: Option<String>,
    /// `ssh`: file with the keys of known hosts, in the format of OpenSSH. Default: `~/.ssh/known_hosts` of the daemon's
    /// user.
    pub known_hosts: Option<PathBuf>,
    /// `ssh`: whether a host must show a key that `known_hosts` has for it. `false` trusts whoever answers at the
    /// address. Default: `true`.
    pub check_host_key: Option<bool>,
    /// All but `ssh` and `aws`, which need this or `value_file`: environment variable of the daemon with the secret.
    /// Default: none.
    pub value_env: Option<String>,
    /// The same as a file: text in UTF-8, at most 64 KiB; a line end after it does not count. It is read at every use.
    /// Default: none.
    pub value_file: Option<PathBuf>,
    /// All for HTTP, which need it: the servers that it is sent to, each `HOST`, `*.DOMAIN`, with `:PORT` where it is not
    /// 443; one that is spoken to without TLS is `http://HOST`. Default: none.
    pub hosts: Vec<String>,
    /// `header`, which needs it: the name of the header. Default: none.
    pub header: Option<String>,
    /// `query` and `form`, which need it: the name of the parameter. Default: none.
    pub parameter: Option<String>,
    /// `basic`, which needs it: the name of the user. Default: none.
    pub user: Option<String>,
    /// `aws`: environment variable with the id of the access key. Default: none.
    pub access_key_env: Option<String>,
    /// `aws`: file with the id of the access key. Default: none.
    pub access_key_file: Option<PathBuf>,
    /// `aws`: environment variable with the secret access key. Default: none.
    pub secret_key_env: Option<String>,
    /// `aws`: file with the secret access key. Default: none.
    pub secret_key_file: Option<PathBuf>,
    /// `aws`: environment variable with the token of a session, where the keys are temporary. Default: none.
    pub session_token_env: Option<String>,
    /// `aws`: file with that token. Default: none.
    pub session_token_file: Option<PathBuf>,
    /// `aws`: instead of keys, those of the role of the machine that the daemon runs on, asked for at its metadata
    /// service (IMDSv2) and kept until shortly before they expire. Default: `false`.
    pub instance_role: bool,
    /// `aws` with `instance_role`: the metadata service. Default: `http://169.254.169.254`.
    pub endpoint: Option<String>,
    /// `aws`: the region that requests are signed for. Default: the one that the plugin names, or the request's host.
    pub region: Option<String>,
    /// `aws`: the service that requests are signed for. Default: the one that the plugin names, or the request's host.
    pub service: Option<String>,
}

/// Which SSH agent.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum AgentConfig {
    /// Whether it is the one that the daemon's environment names.
    Own(bool),
    /// The one with this socket.
    Socket(PathBuf),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    #[default]
    Ssh,
    Bearer,
    Header,
    Query,
    Form,
    Basic,
    Aws,
    Secret,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Kind::Ssh => "ssh",
            Kind::Bearer => "bearer",
            Kind::Header => "header",
            Kind::Query => "query",
            Kind::Form => "form",
            Kind::Basic => "basic",
            Kind::Aws => "aws",
            Kind::Secret => "secret",
        }
    }

    /// Its keys, beside `kind`.
    fn keys(self) -> &'static [&'static str] {
        match self {
            Kind::Ssh => &["private_key", "agent", "public_key", "passphrase_env", "known_hosts", "check_host_key"],
            Kind::Bearer => &["hosts", "value_env", "value_file"],
            Kind::Header => &["hosts", "header", "value_env", "value_file"],
            Kind::Query | Kind::Form => &["hosts", "parameter", "value_env", "value_file"],
            Kind::Basic => &["hosts", "user", "value_env", "value_file"],
            Kind::Secret => &["value_env", "value_file"],
            Kind::Aws => &[
                "hosts",
                "access_key_env",
                "access_key_file",
                "secret_key_env",
                "secret_key_file",
                "session_token_env",
                "session_token_file",
                "instance_role",
                "endpoint",
                "region",
                "service",
            ],
        }
    }
}

impl CredentialConfig {
    /// The paths in it, for where they are relative to the file.
    pub fn paths_mut(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let socket = match &mut self.agent {
            Some(AgentConfig::Socket(socket)) => Some(socket),
            _ => None,
        };
        let public_key = match &mut self.public_key {
            Some(PublicKey::File(file)) => Some(file),
            _ => None,
        };
        [
            &mut self.private_key,
            &mut self.known_hosts,
            &mut self.value_file,
            &mut self.access_key_file,
            &mut self.secret_key_file,
            &mut self.session_token_file,
        ]
        .into_iter()
        .flatten()
        .chain(socket)
        .chain(public_key)
    }

    /// The first key that is written and belongs to other kinds.
    fn stray(&self) -> Option<&'static str> {
        let written = [
            ("private_key", self.private_key.is_some()),
            ("agent", self.agent.is_some()),
            ("public_key", self.public_key.is_some()),
            ("passphrase_env", self.passphrase_env.is_some()),
            ("known_hosts", self.known_hosts.is_some()),
            ("check_host_key", self.check_host_key.is_some()),
            ("value_env", self.value_env.is_some()),
            ("value_file", self.value_file.is_some()),
            ("hosts", !self.hosts.is_empty()),
            ("header", self.header.is_some()),
            ("parameter", self.parameter.is_some()),
            ("user", self.user.is_some()),
            ("access_key_env", self.access_key_env.is_some()),
            ("access_key_file", self.access_key_file.is_some()),
            ("secret_key_env", self.secret_key_env.is_some()),
            ("secret_key_file", self.secret_key_file.is_some()),
            ("session_token_env", self.session_token_env.is_some()),
            ("session_token_file", self.session_token_file.is_some()),
            ("instance_role", self.instance_role),
            ("endpoint", self.endpoint.is_some()),
            ("region", self.region.is_some()),
            ("service", self.service.is_some()),
        ];
        let known = self.kind.keys();
        written.into_iter().find(|(key, is)| *is && !known.contains(key)).map(|(key, _)| key)
    }

    /// The credential that these keys make. The error says which key is wrong, and what would be right.
    pub fn check(self) -> Result<Credential, String> {
        if let Some(stray) = self.stray() {
            return Err(format!(
                "a credential of the kind {:?} has no key {stray}; it has: {}; take the key out, or correct the kind",
                self.kind.name(),
                self.kind.keys().join(", ")
            ));
        }
        let place = match self.kind {
            Kind::Ssh => {
                return Ok(Credential::Ssh(SshKey {
                    private_key: key_place(self.private_key, self.agent, self.public_key, &self.passphrase_env)?,
                    passphrase_env: self.passphrase_env,
                    known_hosts: self.known_hosts,
                    check_host_key: self.check_host_key.unwrap_or(true),
                }));
            }
            Kind::Secret => return Ok(Credential::Secret(value(self.kind, self.value_env, self.value_file)?)),
            Kind::Bearer => Place::Bearer(value(self.kind, self.value_env, self.value_file)?),
            Kind::Header => {
                let header = header(&needed(self.header, self.kind, "header")?)?;
                Place::Header(header, value(self.kind, self.value_env, self.value_file)?)
            }
            Kind::Query | Kind::Form => {
                let parameter = needed(self.parameter, self.kind, "parameter")?;
                let value = value(self.kind, self.value_env, self.value_file)?;
                if self.kind == Kind::Query { Place::Query(parameter, value) } else { Place::Form(parameter, value) }
            }
            Kind::Basic => {
                let user = needed(self.user, self.kind, "user")?;
                if user.contains(':') || user.chars().any(char::is_control) {
                    return Err(format!("user: {user:?} can't be sent; it has neither colons nor control characters"));
                }
                Place::Basic(user, value(self.kind, self.value_env, self.value_file)?)
            }
            Kind::Aws => {
                for (key, word) in [("region", &self.region), ("service", &self.service)] {
                    if word.as_deref().is_some_and(|word| !is_scope(word)) {
                        return Err(format!("{key}: it is 1 to 63 of a-z 0-9 -, such as \"eu-central-1\" or \"ec2\""));
                    }
                }
                let (region, service) = (self.region.clone(), self.service.clone());
                return Ok(Credential::Http(HttpCredential {
                    hosts: hosts(self.kind, &self.hosts)?,
                    place: Place::Aws(Aws { keys: self.aws_keys()?, region, service }),
                }));
            }
        };
        Ok(Credential::Http(HttpCredential { hosts: hosts(self.kind, &self.hosts)?, place }))
    }

    fn aws_keys(self) -> Result<AwsKeys, String> {
        let access = source("access_key", self.access_key_env, self.access_key_file)?;
        let secret = source("secret_key", self.secret_key_env, self.secret_key_file)?;
        let token = source("session_token", self.session_token_env, self.session_token_file)?;
        if self.instance_role {
            if access.is_some() || secret.is_some() || token.is_some() {
                return Err("instance_role gets its keys from the metadata service; take the other keys out".to_owned());
            }
            let endpoint = self.endpoint.unwrap_or_else(|| METADATA.to_owned());
            let origins: Result<Origins, String> = endpoint.parse();
            let plain = matches!(&origins, Ok(Origins { host: HostPattern::One(_), .. }));
            if !plain || !endpoint.starts_with("http://") {
                return Err(format!(
                    "endpoint: {endpoint:?} is no metadata service; it is http://HOST or http://HOST:PORT"
                ));
            }
            return Ok(AwsKeys::InstanceRole { endpoint });
        }
        if self.endpoint.is_some() {
            return Err("endpoint is for instance_role = true; add that, or take it out".to_owned());
        }
        match (access, secret) {
            (Some(access), Some(secret)) => Ok(AwsKeys::Given { access, secret, token }),
            _ => Err("a credential of the kind \"aws\" needs access_key_env or access_key_file and secret_key_env or \
                      secret_key_file, or instance_role = true"
                .to_owned()),
        }
    }
}

fn key_place(
    file: Option<PathBuf>,
    agent: Option<AgentConfig>,
    public_key: Option<PublicKey>,
    passphrase: &Option<String>,
) -> Result<KeyPlace, String> {
    let socket = match agent {
        None | Some(AgentConfig::Own(false)) => None,
        Some(AgentConfig::Own(true)) => Some(None),
        Some(AgentConfig::Socket(socket)) => Some(Some(socket)),
    };
    match (file, socket, public_key) {
        (Some(_), Some(_), _) => Err("private_key and agent are two places for one key; keep one of them".to_owned()),
        (None, None, _) => {
            Err("a credential of the kind \"ssh\" needs the key private_key, or agent and public_key; add it"
                .to_owned())
        }
        (Some(_), None, Some(_)) => {
            Err("public_key says which key of an agent is meant; add agent = true, or take it out".to_owned())
        }
        (Some(file), None, None) => Ok(KeyPlace::File(file)),
        (None, Some(_), None) => {
            Err("agent needs public_key, which says which of its keys is meant; add it".to_owned())
        }
        (None, Some(_), Some(_)) if passphrase.is_some() => {
            Err("passphrase_env is for a key that is a file, and an agent's is none; take it out".to_owned())
        }
        (None, Some(socket), Some(public_key)) => Ok(KeyPlace::Agent(KeyAgent { socket, public_key })),
    }
}

fn needed<T>(value: Option<T>, kind: Kind, key: &str) -> Result<T, String> {
    value.ok_or_else(|| format!("a credential of the kind {:?} needs the key {key}; add it", kind.name()))
}

fn value(kind: Kind, env: Option<String>, file: Option<PathBuf>) -> Result<Source, String> {
    let source = source("value", env, file)?;
    source.ok_or_else(|| {
        format!(
            "a credential of the kind {:?} needs value_env or value_file, which says where the secret is",
            kind.name()
        )
    })
}

fn source(what: &str, env: Option<String>, file: Option<PathBuf>) -> Result<Option<Source>, String> {
    match (env, file) {
        (Some(_), Some(_)) => {
            Err(format!("{what}_env and {what}_file name two places for one secret; keep one of them"))
        }
        (Some(variable), None) if variable.is_empty() || variable.contains(['=', '\0']) => {
            Err(format!("{what}_env: {variable:?} is no name of a variable"))
        }
        (Some(variable), None) => Ok(Some(Source::Env(variable))),
        (None, Some(file)) => Ok(Some(Source::File(file))),
        (None, None) => Ok(None),
    }
}

fn hosts(kind: Kind, written: &[String]) -> Result<Vec<Origins>, String> {
    if written.is_empty() {
        return Err(format!(
            "a credential of the kind {:?} needs hosts, the servers that it may be sent to, such as hosts = \
             [\"*.example.org\"]",
            kind.name()
        ));
    }
    let mut hosts = Vec::with_capacity(written.len());
    for text in written {
        let origins: Origins = text.parse().map_err(|problem| format!("hosts: {text:?}: {problem}"))?;
        if origins.host == HostPattern::Any {
            return Err(format!("hosts: {text:?} is everybody, and a secret is for somebody; name hosts or *.DOMAIN"));
        }
        hosts.push(origins);
    }
    Ok(hosts)
}

/// Headers that HTTP itself needs, or that say where a request goes.
const TAKEN: [&str; 7] = ["host", "connection", "content-length", "content-type", "transfer-encoding", "upgrade", "te"];

fn header(name: &str) -> Result<String, String> {
    let lower = name.to_ascii_lowercase();
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if lower.is_empty() || !lower.bytes().all(token) {
        return Err(format!("header: {name:?} is no name of a header"));
    }
    if TAKEN.contains(&lower.as_str()) || lower.starts_with("drydock-") {
        return Err(format!("header: {name:?} is set by Drydock itself; name another"));
    }
    Ok(lower)
}

/// What can stand in the scope of a signature.
pub(crate) fn is_scope(word: &str) -> bool {
    (1..=63).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}
