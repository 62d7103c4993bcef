//! One request that was admitted, from its body to the response's headers.

use super::attach::{Outgoing, attach};
use super::body::{LONGEST, Received};
use super::client::HttpClient;
use super::connection::{CONNECT, Connection, Failed, HEADER_BYTES};
use super::denial::Denials;
use super::header::Choice;
use super::policy::Permit;
use crate::call::Asker;
use crate::credentials::{HttpCredential, Redaction};
use crate::origin::{Host, Origin};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::http::uri::PathAndQuery;
use hyper::{Method, Request, Response};
use std::net::IpAddr;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};
use tracing::info;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

/// What a guest sees of everything that is denied.
pub(super) fn broken() -> Error {
    Error::ConnectionTerminated
}

/// A credential that this call may use, for this server.
pub(super) struct Chosen {
    pub(super) name: String,
    pub(super) credential: HttpCredential,
    pub(super) choice: Choice,
}

pub(super) struct Sending {
    pub(super) client: Arc<HttpClient>,
    pub(super) asker: Asker,
    pub(super) denials: Denials,
    pub(super) permit: Permit,
    pub(super) origin: Origin,
    pub(super) credential: Option<Chosen>,
    pub(super) deadline: Instant,
    pub(super) options: RequestOptions,
    pub(super) connections: Arc<Semaphore>,
}

impl Sending {
    /// Sends the request once its body is complete: a signature covers all of it.
    pub(super) async fn send(self, request: Request<WasiBody>) -> Result<Response<WasiBody>, Error> {
        let deadline = self.deadline;
        match timeout_at(deadline, self.exchange(request)).await {
            Ok(answer) => answer,
            Err(_) => Err(Error::HttpResponseTimeout),
        }
    }

    async fn exchange(self, request: Request<WasiBody>) -> Result<Response<WasiBody>, Error> {
        let (mut parts, body) = request.into_parts();
        let body = collect(body).await?;
        let place = self.connections.clone().acquire_owned().await.map_err(|_| broken())?;
        let addresses = self.addresses().await?;
        if let Err(denial) = self.permit.check(&self.asker, &addresses) {
            return Err(self.deny(&denial));
        }
        let path = parts.uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
        parts.uri = path.into();
        let host = HeaderValue::try_from(self.origin.authority()).map_err(|_| Error::HttpRequestUriInvalid)?;
        parts.headers.insert(header::HOST, host);
        let mut out = Outgoing { parts, body };
        let hidden = self.attach(&mut out).await?;
        let head = out.parts.method == Method::HEAD;
        if !out.body.is_empty() || [Method::POST, Method::PUT, Method::PATCH].contains(&out.parts.method) {
            out.parts.headers.insert(header::CONTENT_LENGTH, out.body.len().into());
        }

        let within = self.options.connect_timeout.map_or(CONNECT, |wanted| wanted.min(CONNECT));
        let connection = Connection::open(&self.client.tls, &self.origin, &addresses, within).await;
        let connection = connection.map_err(|failed| self.failed(failed))?;
        let sent = connection.send(Request::from_parts(out.parts, Full::new(out.body)));
        let sent = match self.options.first_byte_timeout {
            None => sent.await,
            Some(wanted) => tokio::time::timeout(wanted, sent).await.unwrap_or(Err(Failed::Slow)),
        };
        let (response, open) = sent.map_err(|failed| self.failed(failed))?;

        let (mut parts, incoming) = response.into_parts();
        if parts.headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum::<usize>() > HEADER_BYTES {
            return Err(Error::HttpResponseHeaderSectionSize(u32::try_from(HEADER_BYTES).ok()));
        }
        if length(&parts.headers).is_some_and(|length| length > LONGEST) && !head {
            return Err(Error::HttpResponseBodySize(Some(LONGEST)));
        }
        let mut scrubber = None;
        if !hidden.is_empty() {
            if let Some(coding) = parts.headers.get(header::CONTENT_ENCODING).filter(|coding| *coding != "identity") {
                // In there nobody could look for the secret.
                let coding = String::from_utf8_lossy(coding.as_bytes());
                let why = format!(
                    "{} answered a request that a credential was put on in the encoding {coding:?}, though it was asked for \
                     none; such an answer is given to no plugin",
                    self.origin
                );
                return Err(self.deny(&why));
            }
            parts.headers = hidden.headers(&parts.headers);
            if !head {
                // What is blotted out has another length.
                parts.headers.remove(header::CONTENT_LENGTH);
            }
            scrubber = Some(hidden.scrubber());
        }
        let between = self.options.between_bytes_timeout;
        let body = Received::new(incoming, scrubber, self.deadline, between, open, place);
        Ok(Response::from_parts(parts, body.boxed_unsync()))
    }

    /// Every address of the host. This is the only time that it is looked up.
    async fn addresses(&self) -> Result<Vec<IpAddr>, Error> {
        let found = match &self.origin.host {
            Host::Address(address) => return Ok(vec![*address]),
            Host::Name(name) => self.client.resolver.resolve(name).await,
        };
        let unknown = || Error::DnsError { rcode: Some("address not available".to_owned()), info_code: None };
        match found {
            Ok(addresses) if !addresses.is_empty() => Ok(addresses),
            Ok(_) => Err(unknown()),
            Err(error) => {
                self.tell(&format!("its name can't be looked up: {error}"));
                Err(unknown())
            }
        }
    }

    async fn attach(&self, out: &mut Outgoing) -> Result<Redaction, Error> {
        let Some(Chosen { name, credential, choice }) = &self.credential else { return Ok(Redaction::default()) };
        // Secrets in a compressed answer would not be found.
        out.parts.headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        match attach(&self.client, credential, choice, &self.origin, out).await {
            Ok(hidden) => Ok(hidden),
            Err(why) => {
                Err(self.deny(&format!("the credential {name} can't be put on the request to {}: {why}", self.origin)))
            }
        }
    }

    fn deny(&self, denial: &str) -> Error {
        self.denials.add(&self.asker.blueprint, self.asker.function.name(), denial);
        broken()
    }

    /// What the guest sees of it says less.
    fn failed(&self, failed: Failed) -> Error {
        self.tell(&failed.to_string());
        match failed {
            Failed::Connect(_) => Error::ConnectionRefused,
            Failed::Certificate(_) => Error::TlsCertificateError,
            Failed::Tls(_) => Error::TlsProtocolError,
            Failed::Http(error) if error.is_parse() => Error::HttpProtocolError,
            Failed::Http(_) => Error::ConnectionTerminated,
            Failed::Slow => Error::ConnectionTimeout,
        }
    }

    fn tell(&self, why: &str) {
        let (blueprint, function) = (&self.asker.blueprint, self.asker.function.name());
        let why = crate::translate::escaped(why, 1 << 10);
        info!(target: "drydock::plugin", blueprint, function, "a request to {} failed: {why}", self.origin);
    }
}

/// The whole body of a request, as the guest writes it.
async fn collect(body: WasiBody) -> Result<Bytes, Error> {
    match Limited::new(body, LONGEST as usize).collect().await {
        Ok(whole) => Ok(whole.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Error::HttpRequestBodySize(Some(LONGEST))),
        // The guest gave up on it.
        Err(_) => Err(broken()),
    }
}

fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
