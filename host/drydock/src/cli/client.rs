//! HTTP with JSON to the daemon, over its Unix socket. A request has a connection for itself until its answer was read,
//! and then leaves it to the next: so dropping a call closes its connection, and the daemon knows. Connections that a
//! daemon has closed are passed over, so that one that was started again is found without further ado.

use crate::api::types::{ErrorBody, ErrorKind, ErrorView, Status};
use crate::cli::output::{plain, tell};
use crate::exit::{self, Exit};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::net::UnixStream;

/// After so long without an answer it is asked whether the daemon's store is in trouble.
const SILENCE: Duration = Duration::from_secs(3);

/// What is kept of a segment of a path.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

/// Why there is no answer, or not the one that was asked for.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error(
        "no daemon answers on {socket}: {why}; start one with `drydock serve --config FILE`, or name its socket with \
         --socket or DRYDOCK_SOCKET"
    )]
    Unreachable { socket: String, why: std::io::Error },
    #[error("the connection to the daemon was lost before it had answered ({0}); it may have done what was asked")]
    Lost(String),
    #[error("{}", sentence(.0))]
    Refused(ErrorView),
    #[error("the daemon's answer can't be read ({0}); daemon and command line may be of different versions")]
    Unreadable(String),
    #[error("the request can't be made: {0}")]
    Request(String),
}

impl ClientError {
    /// Whether the same request may succeed as soon as the daemon is back.
    pub fn passes(&self) -> bool {
        match self {
            ClientError::Unreachable { .. } | ClientError::Lost(_) => true,
            ClientError::Refused(error) => error.kind == ErrorKind::Unavailable,
            ClientError::Unreadable(_) | ClientError::Request(_) => false,
        }
    }

    pub fn conflict(&self) -> bool {
        matches!(self, ClientError::Refused(error) if error.kind == ErrorKind::Conflict)
    }

    pub fn not_found(&self) -> bool {
        matches!(self, ClientError::Refused(error) if error.kind == ErrorKind::NotFound)
    }
}

impl From<ClientError> for Exit {
    fn from(error: ClientError) -> Exit {
        let code = match &error {
            ClientError::Unreachable { .. } | ClientError::Lost(_) => exit::UNREACHABLE,
            ClientError::Refused(refused) => match refused.kind {
                ErrorKind::Invalid | ErrorKind::NotFound | ErrorKind::TooLarge => exit::INVALID,
                ErrorKind::Unavailable => exit::UNREACHABLE,
                ErrorKind::Conflict | ErrorKind::Internal => exit::FAILURE,
            },
            ClientError::Unreadable(_) | ClientError::Request(_) => exit::FAILURE,
        };
        Exit::new(code, error.to_string())
    }
}

fn sentence(error: &ErrorView) -> String {
    match &error.field {
        Some(field) if !error.message.contains(field.as_str()) => plain(&format!("{field}: {}", error.message)),
        _ => plain(&error.message),
    }
}

/// A daemon, by its socket.
#[derive(Clone, Debug)]
pub struct Client {
    socket: PathBuf,
    /// Connections that nobody uses.
    idle: Arc<Mutex<Vec<Connection>>>,
}

type Connection = SendRequest<Full<Bytes>>;

/// The head of an answer, and the connection on which the rest of it comes.
struct Answer {
    response: Response<Incoming>,
    connection: Connection,
}

impl Client {
    pub fn new(socket: impl Into<PathBuf>) -> Client {
        Client { socket: socket.into(), idle: Arc::default() }
    }

    pub fn socket(&self) -> &Path {
        &self.socket
    }

    pub async fn get<Q: Serialize, T: DeserializeOwned>(&self, path: &str, query: &Q) -> Result<T, ClientError> {
        let query = serde_urlencoded::to_string(query).map_err(|error| ClientError::Request(error.to_string()))?;
        let target = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
        self.read(self.send(Method::GET, &target, Bytes::new()).await?).await
    }

    pub async fn post<B: Serialize, T: DeserializeOwned>(&self, path: &str, body: &B) -> Result<T, ClientError> {
        let call = self.send(Method::POST, path, json(body)?);
        self.read(self.telling(call).await?).await
    }

    /// Waits for an answer, and tells people if it is the daemon's store that does not let it come.
    async fn telling(&self, call: impl Future<Output = Result<Answer, ClientError>>) -> Result<Answer, ClientError> {
        let told = async {
            loop {
                tokio::time::sleep(SILENCE).await;
                let status = self.get::<_, Status>("/v1/status", &()).await;
                if let Some(why) = status.ok().and_then(|status| status.unwritten) {
                    tell(&format!(
                        "the daemon can't write its store ({why}); it tries again until it can, and this waits for it"
                    ));
                    return std::future::pending().await;
                }
            }
        };
        tokio::select! {
            biased;
            answer = call => answer,
            never = told => never,
        }
    }

    /// A `POST` whose answer is one JSON object a line, as long as it lasts.
    pub async fn lines<B: Serialize>(&self, path: &str, body: &B) -> Result<Lines, ClientError> {
        let answer = self.send(Method::POST, path, json(body)?).await?;
        Ok(Lines { body: answer.response.into_body(), buffer: Vec::new(), searched: 0 })
    }

    /// The same for a `GET`.
    pub async fn get_lines(&self, path: &str) -> Result<Lines, ClientError> {
        let answer = self.send(Method::GET, path, Bytes::new()).await?;
        Ok(Lines { body: answer.response.into_body(), buffer: Vec::new(), searched: 0 })
    }

    /// Sends a request; an answer that is an error becomes one.
    async fn send(&self, method: Method, target: &str, body: Bytes) -> Result<Answer, ClientError> {
        let mut request = Request::builder().method(method).uri(target).header("host", "drydock");
        if !body.is_empty() {
            request = request.header("content-type", "application/json");
        }
        let request = request.body(Full::new(body)).map_err(|error| ClientError::Request(error.to_string()))?;
        let answer = self.exchange(request).await?;
        let status = answer.response.status();
        if status.is_success() {
            return Ok(answer);
        }
        match serde_json::from_slice::<ErrorBody>(&self.body(answer).await?) {
            Ok(body) => Err(ClientError::Refused(body.error)),
            Err(_) => Err(ClientError::Unreadable(format!("status {status} without a reason"))),
        }
    }

    async fn exchange(&self, mut request: Request<Full<Bytes>>) -> Result<Answer, ClientError> {
        loop {
            let kept = self.idle().pop();
            let new = kept.is_none();
            let mut connection = match kept {
                Some(connection) => connection,
                None => self.connect().await?,
            };
            if connection.ready().await.is_err() && !new {
                continue;
            }
            match connection.try_send_request(request).await {
                Ok(response) => return Ok(Answer { response, connection }),
                // The daemon has not seen it.
                Err(mut error) => match error.take_message() {
                    Some(unsent) if !new => request = unsent,
                    _ => return Err(lost(error.into_error())),
                },
            }
        }
    }

    async fn connect(&self) -> Result<Connection, ClientError> {
        let stream = UnixStream::connect(&self.socket)
            .await
            .map_err(|why| ClientError::Unreachable { socket: plain(&self.socket.display().to_string()), why })?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(lost)?;
        // It ends when nobody can send on it any more, and the last answer has been read or dropped.
        tokio::spawn(connection);
        Ok(sender)
    }

    async fn read<T: DeserializeOwned>(&self, answer: Answer) -> Result<T, ClientError> {
        serde_json::from_slice(&self.body(answer).await?).map_err(|error| ClientError::Unreadable(error.to_string()))
    }

    /// Reads an answer to its end, and leaves its connection to others.
    async fn body(&self, answer: Answer) -> Result<Bytes, ClientError> {
        let bytes = answer.response.into_body().collect().await.map_err(lost)?.to_bytes();
        self.idle().push(answer.connection);
        Ok(bytes)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        // A panic elsewhere leaves the list as it was.
        self.idle.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// `/v1/<kind>/<id>`, whatever the id is.
pub fn path(kind: &str, id: &str) -> String {
    format!("/v1/{kind}/{}", utf8_percent_encode(id, SEGMENT))
}

/// An answer that comes line by line.
pub struct Lines {
    body: Incoming,
    buffer: Vec<u8>,
    /// How much of the buffer is known to have no end of line.
    searched: usize,
}

impl Lines {
    /// The next one; none when the answer has ended.
    pub async fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>, ClientError> {
        loop {
            if let Some(end) = self.buffer[self.searched..].iter().position(|&byte| byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=self.searched + end).collect();
                self.searched = 0;
                if line.iter().all(u8::is_ascii_whitespace) {
                    continue;
                }
                let value =
                    serde_json::from_slice(&line).map_err(|error| ClientError::Unreadable(error.to_string()))?;
                return Ok(Some(value));
            }
            self.searched = self.buffer.len();
            match self.body.frame().await {
                Some(frame) => {
                    if let Ok(data) = frame.map_err(lost)?.into_data() {
                        self.buffer.extend_from_slice(&data);
                    }
                }
                None if self.buffer.is_empty() => return Ok(None),
                None => return Err(ClientError::Lost("in the middle of a line".into())),
            }
        }
    }
}

fn json<B: Serialize>(body: &B) -> Result<Bytes, ClientError> {
    serde_json::to_vec(body).map(Bytes::from).map_err(|error| ClientError::Request(error.to_string()))
}

fn lost(error: hyper::Error) -> ClientError {
    ClientError::Lost(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_stays_one_segment() {
        assert_eq!(path("leases", "l-1"), "/v1/leases/l-1");
        assert_eq!(path("leases", "../x?y=1#\u{1b}"), "/v1/leases/..%2Fx%3Fy%3D1%23%1B");
    }

    #[test]
    fn a_refusal_names_its_field_once() {
        let error = |field: Option<&str>, message: &str| ErrorView {
            kind: ErrorKind::Invalid,
            field: field.map(Into::into),
            message: message.into(),
        };
        assert_eq!(sentence(&error(Some("labels.os"), "too long")), "labels.os: too long");
        assert_eq!(sentence(&error(Some("owner"), "owner is too\nlong")), "owner is too\\nlong");
        assert_eq!(sentence(&error(None, "no")), "no");
    }

    #[tokio::test]
    async fn a_missing_daemon_is_named_with_its_socket() {
        let client = Client::new("/nonexistent/drydock.sock");
        let error = client.get::<_, serde_json::Value>("/v1/status", &()).await.unwrap_err();
        assert!(error.passes());
        let exit = Exit::from(error);
        assert_eq!(exit.code, exit::UNREACHABLE);
        assert!(exit.message.contains("/nonexistent/drydock.sock") && exit.message.contains("--socket"));
    }
}
