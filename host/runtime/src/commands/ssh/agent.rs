//! A program that signs with keys that it keeps.

use super::super::error::{CommandError, printable};
use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::AgentClient;
use russh::keys::{HashAlg, PublicKey};
use std::path::Path;
use tokio::net::UnixStream;

pub type Agent = AgentClient<UnixStream>;

/// The agent with this socket, if it has the key.
pub async fn find(credential: &str, socket: &Path, key: &PublicKey) -> Result<Agent, CommandError> {
    let denied = |why: String| {
        let socket = socket.display();
        CommandError::Denied(format!("credential {credential}: the SSH agent at {socket} {why}"))
    };
    let mut agent = Agent::connect_uds(socket).await.map_err(|error| {
        let why = printable(&error.to_string());
        denied(format!("can't be reached ({why}); start it, or correct the path, and let the daemon's user use it"))
    })?;
    let identities = agent.request_identities().await.map_err(|error| {
        denied(format!("does not say which keys it has ({}); look at it", printable(&error.to_string())))
    })?;
    let is_meant = |identity: &AgentIdentity| match identity {
        AgentIdentity::PublicKey { key: known, .. } => known.key_data() == key.key_data(),
        AgentIdentity::Certificate { .. } => false,
    };
    if !identities.iter().any(is_meant) {
        return Err(denied(format!(
            "does not have the key {} {}; add it with ssh-add",
            key.algorithm(),
            key.fingerprint(HashAlg::Sha256)
        )));
    }
    Ok(agent)
}

/// It has the key, and does not sign with it.
pub fn unsigned(credential: &str, socket: &Path, why: &str) -> CommandError {
    CommandError::Denied(format!(
        "credential {credential}: the SSH agent at {} does not sign ({}); unlock it, and let it sign without asking \
         anybody",
        socket.display(),
        printable(why)
    ))
}
