//! A small HTTP client for the steps and for `check`, `observe` and `remove`. It waits for the answer, follows no
//! redirect, and names the credential that the host shall put on: the secret itself never comes here.

use crate::fake;
use std::time::Duration;

#[cfg(target_arch = "wasm32")]
mod wasi;

/// What the host reads from a request and takes off before it is sent.
#[cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]
const CREDENTIAL: &str = "drydock-credential";
#[cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]
const REGION: &str = "drydock-aws-region";
#[cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]
const SERVICE: &str = "drydock-aws-service";

/// A request. The host checks it against what it was granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub method: String,
    /// Absolute: `https://host[:port]/path?query`.
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// The name of a credential of the host's configuration.
    pub credential: Option<String>,
    /// For AWS: the region and the service that the request is signed for.
    pub aws: Option<(String, String)>,
    /// Default: 20 seconds.
    pub timeout: Duration,
    /// Bytes of the answer's body; more is an error. Default: 4 MiB.
    pub limit: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// No answer. The request may have arrived all the same, unless it is `Invalid`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// It could not be sent as it is.
    Invalid(String),
    /// No connection, or it broke off. What an operator has not granted looks like this, too.
    Unreachable(String),
    TimedOut(String),
    /// The answer is larger than `limit`.
    TooLarge(String),
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Error::Invalid(text) | Error::Unreachable(text) | Error::TimedOut(text) | Error::TooLarge(text) => {
                f.write_str(text)
            }
        }
    }
}

impl std::error::Error for Error {}

impl Request {
    pub fn new(method: &str, url: impl Into<String>) -> Request {
        Request {
            method: method.to_owned(),
            url: url.into(),
            headers: Vec::new(),
            body: Vec::new(),
            credential: None,
            aws: None,
            timeout: Duration::from_secs(20),
            limit: 4 << 20,
        }
    }

    pub fn get(url: impl Into<String>) -> Request {
        Request::new("GET", url)
    }

    /// A form, as browsers send it.
    pub fn post_form(url: impl Into<String>, fields: &[(String, String)]) -> Request {
        let field = |(name, value): &(String, String)| format!("{}={}", encoded(name), encoded(value));
        let body = fields.iter().map(field).collect::<Vec<_>>().join("&");
        Request::new("POST", url)
            .header("content-type", "application/x-www-form-urlencoded; charset=utf-8")
            .body(body.into_bytes())
    }

    pub fn header(mut self, name: &str, value: impl Into<String>) -> Request {
        self.headers.push((name.to_ascii_lowercase(), value.into()));
        self
    }

    pub fn body(mut self, body: Vec<u8>) -> Request {
        self.body = body;
        self
    }

    /// Has the host put on the credential of that name.
    pub fn credential(mut self, name: impl Into<String>) -> Request {
        self.credential = Some(name.into());
        self
    }

    /// For which region and service of AWS it is signed.
    pub fn aws(mut self, region: impl Into<String>, service: impl Into<String>) -> Request {
        self.aws = Some((region.into(), service.into()));
        self
    }

    pub fn timeout(mut self, timeout: Duration) -> Request {
        self.timeout = timeout;
        self
    }

    pub fn limit(mut self, bytes: usize) -> Request {
        self.limit = bytes;
        self
    }

    /// Sends it and waits for the whole answer, whatever its status.
    pub fn send(&self) -> Result<Response, Error> {
        if fake::is_on() {
            return fake::outside(|outside| outside.send(self));
        }
        #[cfg(target_arch = "wasm32")]
        return wasi::send(self);
        #[cfg(not(target_arch = "wasm32"))]
        unreachable!("outside WebAssembly, the fake answers")
    }
}

impl Response {
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Of a header that is there several times, the first. `name` in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(has, _)| has == name).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Text as part of a query or a form: everything but letters, digits and `-._~` as octets.
pub fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(byte.into()),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}
