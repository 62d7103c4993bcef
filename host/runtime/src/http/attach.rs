//! How a credential is put on a request, after everything about the request was decided and logged.

use super::client::HttpClient;
use super::header::Choice;
use super::parameters;
use super::signature::{self, Keys, Scope};
use crate::credentials::{AwsKeys, HttpCredential, Place, Redaction, Secret, Source};
use crate::origin::Origin;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::http::uri::PathAndQuery;
use std::time::SystemTime;
use zeroize::Zeroizing;

const FORM: &str = "application/x-www-form-urlencoded";

/// A request that is about to be sent. Its URI is path and query only.
pub(super) struct Outgoing {
    pub(super) parts: Parts,
    pub(super) body: Bytes,
}

impl Outgoing {
    pub(super) fn path(&self) -> &str {
        self.parts.uri.path()
    }

    fn set_query(&mut self, query: &str) -> Result<(), String> {
        let text = Zeroizing::new(format!("{}?{query}", self.path()));
        let uri = PathAndQuery::try_from(text.as_str()).map_err(|_| "its query would be too long".to_owned())?;
        self.parts.uri = uri.into();
        Ok(())
    }

    fn set_header(&mut self, name: HeaderName, value: &str) -> Result<(), String> {
        let mut value = HeaderValue::from_str(value)
            .map_err(|_| "what is read for it has characters that no header can have".to_owned())?;
        value.set_sensitive(true);
        self.parts.headers.insert(name, value);
        Ok(())
    }
}

/// Puts the credential on. What must not be seen of the response is given back. The error is a sentence about the
/// credential, without its name.
pub(super) async fn attach(
    client: &HttpClient,
    credential: &HttpCredential,
    choice: &Choice,
    origin: &Origin,
    out: &mut Outgoing,
) -> Result<Redaction, String> {
    let mut hidden = Redaction::default();
    match &credential.place {
        Place::Bearer(source) => {
            let secret = read(source, &mut hidden).await?;
            let value = Zeroizing::new(format!("Bearer {}", secret.expose()));
            out.set_header(header::AUTHORIZATION, &value)?;
        }
        Place::Header(name, source) => {
            let secret = read(source, &mut hidden).await?;
            let name = HeaderName::try_from(name.as_str()).map_err(|_| "its header has no good name".to_owned())?;
            out.set_header(name, secret.expose())?;
        }
        Place::Basic(user, source) => {
            let secret = read(source, &mut hidden).await?;
            let both = Zeroizing::new(format!("{user}:{}", secret.expose()));
            let coded = Secret::new(STANDARD.encode(both.as_bytes()));
            hidden.hide(&coded);
            out.set_header(header::AUTHORIZATION, &Zeroizing::new(format!("Basic {}", coded.expose())))?;
        }
        Place::Query(name, source) => {
            let secret = read(source, &mut hidden).await?;
            let query = out.parts.uri.query().unwrap_or_default();
            let query = Zeroizing::new(parameters::with(query, name, secret.expose()));
            out.set_query(&query)?;
        }
        Place::Form(name, source) => {
            let kind = out.parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
            let bare = kind.map(|kind| kind.split(';').next().unwrap_or_default().trim());
            let fields = std::str::from_utf8(&out.body).ok();
            let (Some(fields), true) = (fields, bare.is_some_and(|kind| kind.eq_ignore_ascii_case(FORM))) else {
                return Err(format!("it is a field of a form, and the request has no body of the type {FORM}"));
            };
            let secret = read(source, &mut hidden).await?;
            out.body = parameters::with(fields, name, secret.expose()).into();
        }
        Place::Aws(aws) => {
            let keys = match &aws.keys {
                AwsKeys::InstanceRole { endpoint } => client.roles.keys(client, endpoint).await?,
                AwsKeys::Given { access, secret, token } => Keys {
                    access: read(access, &mut hidden).await?,
                    secret: read(secret, &mut hidden).await?,
                    token: match token {
                        Some(token) => Some(read(token, &mut hidden).await?),
                        None => None,
                    },
                },
            };
            for secret in [Some(&keys.access), Some(&keys.secret), keys.token.as_ref()].into_iter().flatten() {
                hidden.hide(secret);
            }
            let region = aws.region.as_deref().or(choice.region.as_deref());
            let service = aws.service.as_deref().or(choice.service.as_deref());
            let scope = Scope::find(region, service, &origin.host)?;
            drop_presigned(out)?;
            let signature = signature::sign(out, origin, &keys, &scope, SystemTime::now())?;
            hidden.hide(&signature);
        }
    }
    Ok(hidden)
}

async fn read(source: &Source, hidden: &mut Redaction) -> Result<Secret, String> {
    let source = source.clone();
    // The file may lie on a slow disk.
    let read = tokio::task::spawn_blocking(move || source.read()).await;
    let secret = read.map_err(|error| format!("reading it broke off: {error}"))?.map_err(|error| error.to_string())?;
    hidden.hide(&secret);
    Ok(secret)
}

/// A signature that the guest put into the query would be a second one.
fn drop_presigned(out: &mut Outgoing) -> Result<(), String> {
    let Some(query) = out.parts.uri.query() else { return Ok(()) };
    let of_signature = |name: &str| {
        let name = name.to_ascii_lowercase();
        let parts = ["algorithm", "credential", "date", "expires", "security-token", "signature", "signedheaders"];
        name.strip_prefix("x-amz-").is_some_and(|rest| parts.contains(&rest))
    };
    let kept = parameters::without(query, of_signature).join("&");
    if kept == query { Ok(()) } else { out.set_query(&kept) }
}
