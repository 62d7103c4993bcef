//! The keys of the role that the daemon's own machine has, from its metadata service (IMDSv2).

use super::client::HttpClient;
use super::connection::Connection;
use super::signature::Keys;
use crate::credentials::Secret;
use crate::origin::{Host, HostPattern, Origin, Origins};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Method, Request};
use serde::Deserialize;
use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, SystemTime};
use tokio::sync::Mutex;
use zeroize::Zeroizing;

/// For one answer of the service, which is on this very machine or near it.
const ANSWER: Duration = Duration::from_secs(5);
/// Bytes of one answer.
const LONGEST: usize = 64 << 10;
/// Keys are asked for anew this long before they expire.
const EARLY: Duration = Duration::from_secs(300);
/// Seconds for which a token of the service is asked.
const TOKEN_LIFE: &str = "60";

const TOKEN: &str = "/latest/api/token";
const ROLES: &str = "/latest/meta-data/iam/security-credentials/";

/// The keys as they were last given, by the service's address.
#[derive(Default)]
pub(super) struct Roles(Mutex<HashMap<String, Kept>>);

struct Kept {
    keys: Keys,
    expires: SystemTime,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Document {
    access_key_id: String,
    secret_access_key: String,
    token: String,
    expiration: String,
}

impl Roles {
    /// Keys that are good for some time yet. The error is a sentence for the operator.
    pub(super) async fn keys(&self, client: &HttpClient, endpoint: &str) -> Result<Keys, String> {
        // One asks, and the others wait for what it gets.
        let mut all = self.0.lock().await;
        let now = SystemTime::now();
        if let Some(kept) = all.get(endpoint).filter(|kept| kept.expires > now + EARLY) {
            return Ok(kept.keys.clone());
        }
        match ask(client, endpoint).await {
            Ok(kept) => {
                let keys = kept.keys.clone();
                all.insert(endpoint.to_owned(), kept);
                Ok(keys)
            }
            // What is not expired yet serves while the service is away.
            Err(why) => match all.get(endpoint).filter(|kept| kept.expires > now) {
                Some(kept) => Ok(kept.keys.clone()),
                None => Err(format!(
                    "the metadata service at {endpoint} gives no keys: {why}; look whether this machine has a role, or \
                     write keys into the credential's table"
                )),
            },
        }
    }
}

async fn ask(client: &HttpClient, endpoint: &str) -> Result<Kept, String> {
    let origin = match endpoint.parse::<Origins>() {
        Ok(Origins { scheme, host: HostPattern::One(host), port }) => Origin { scheme, host, port },
        _ => return Err("its address can't be read".to_owned()),
    };
    let addresses = match &origin.host {
        Host::Address(address) => vec![*address],
        Host::Name(name) => client.resolver.resolve(name).await.map_err(|error| error.to_string())?,
    };
    let get = |path: &str, token: &str| {
        let request = Request::get(path).header("x-aws-ec2-metadata-token", token);
        request.body(Full::default()).map_err(|error| error.to_string())
    };
    let request = Request::builder()
        .method(Method::PUT)
        .uri(TOKEN)
        .header("x-aws-ec2-metadata-token-ttl-seconds", TOKEN_LIFE)
        .body(Full::default())
        .map_err(|error| error.to_string())?;
    let token = fetch(client, &origin, &addresses, request).await?;
    let roles = fetch(client, &origin, &addresses, get(ROLES, &token)?).await?;
    let role = roles.lines().next().unwrap_or_default().trim();
    if role.is_empty() || role.contains(['/', '?', ' ']) {
        return Err("it names no role".to_owned());
    }
    let text = fetch(client, &origin, &addresses, get(&format!("{ROLES}{role}"), &token)?).await?;
    // What a parser says of a document may have parts of it.
    let document: Document =
        serde_json::from_str(&text).map_err(|_| "its answer is not the expected one".to_owned())?;
    let expires = humantime::parse_rfc3339(&document.expiration);
    let expires = expires.map_err(|_| "its answer does not say when the keys expire".to_owned())?;
    let keys = Keys {
        access: Secret::new(document.access_key_id),
        secret: Secret::new(document.secret_access_key),
        token: Some(Secret::new(document.token)),
    };
    Ok(Kept { keys, expires })
}

async fn fetch(
    client: &HttpClient,
    origin: &Origin,
    addresses: &[IpAddr],
    mut request: Request<Full<Bytes>>,
) -> Result<Zeroizing<String>, String> {
    let host = origin.authority().parse().map_err(|_| "its address can't be sent".to_owned())?;
    request.headers_mut().insert("host", host);
    let answer = async {
        let connection = Connection::open(&client.tls, origin, addresses, ANSWER).await.map_err(|e| e.to_string())?;
        let (response, _open) = connection.send(request).await.map_err(|e| e.to_string())?;
        let status = response.status();
        if !status.is_success() {
            return Err(format!("it answers {status}"));
        }
        let body = Limited::new(response.into_body(), LONGEST).collect().await.map_err(|e| e.to_string())?;
        let text = String::from_utf8(body.to_bytes().to_vec()).map_err(|_| "its answer is no text".to_owned())?;
        Ok(Zeroizing::new(text))
    };
    tokio::time::timeout(ANSWER, answer).await.unwrap_or_else(|_| Err("it does not answer".to_owned()))
}
