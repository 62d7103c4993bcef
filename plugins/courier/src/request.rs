//! One request, as a test writes it, and all that comes back.

use serde::{Deserialize, Serialize};
use wasip2::http::outgoing_handler::handle;
use wasip2::http::types::{
    Fields, FutureIncomingResponse, IncomingResponse, Method, OutgoingBody, OutgoingRequest, Scheme,
};
use wasip2::io::streams::StreamError;

/// Bytes of a body that are told.
const TOLD: usize = 16 << 10;
/// Bytes that a stream takes at once.
const PIECE: usize = 4096;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    #[serde(default = "get")]
    method: String,
    /// `http` or `https`.
    scheme: String,
    authority: String,
    #[serde(default = "root")]
    path: String,
    #[serde(default)]
    headers: Vec<(String, String)>,
    #[serde(default)]
    body: String,
    /// So many more bytes of body.
    #[serde(default)]
    padding: usize,
}

fn get() -> String {
    "GET".to_owned()
}

fn root() -> String {
    "/".to_owned()
}

#[derive(Default, Serialize)]
pub struct Answer {
    pub error: Option<String>,
    status: u16,
    headers: Vec<(String, String)>,
    /// The first of it.
    body: String,
    length: usize,
}

pub fn send_all(orders: &[Order], together: bool) -> Vec<Answer> {
    if together {
        let sent: Vec<_> = orders.iter().map(send).collect();
        return sent.into_iter().map(|sent| sent.and_then(receive).unwrap_or_else(failed)).collect();
    }
    orders.iter().map(|order| send(order).and_then(receive).unwrap_or_else(failed)).collect()
}

fn failed(error: String) -> Answer {
    Answer { error: Some(error), ..Answer::default() }
}

fn method(name: &str) -> Method {
    match name {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "DELETE" => Method::Delete,
        "CONNECT" => Method::Connect,
        "TRACE" => Method::Trace,
        other => Method::Other(other.to_owned()),
    }
}

fn send(order: &Order) -> Result<FutureIncomingResponse, String> {
    let fields = Fields::new();
    for (name, value) in &order.headers {
        fields.append(name, value.as_bytes()).map_err(|error| format!("{name}: {error:?}"))?;
    }
    let request = OutgoingRequest::new(fields);
    let scheme = if order.scheme == "http" { Scheme::Http } else { Scheme::Https };
    request.set_method(&method(&order.method)).map_err(|()| "the method is refused")?;
    request.set_scheme(Some(&scheme)).map_err(|()| "the scheme is refused")?;
    request.set_authority(Some(&order.authority)).map_err(|()| "the authority is refused")?;
    request.set_path_with_query(Some(&order.path)).map_err(|()| "the path is refused")?;
    let body = request.body().map_err(|()| "there is no body")?;
    let answer = handle(request, None).map_err(|error| format!("{error:?}"))?;
    let written = write(&body, order);
    OutgoingBody::finish(body, None).map_err(|error| format!("{error:?}"))?;
    // What went wrong is in the answer.
    let _ = written;
    Ok(answer)
}

fn write(body: &OutgoingBody, order: &Order) -> Result<(), StreamError> {
    let Ok(stream) = body.write() else { return Ok(()) };
    let mut bytes = order.body.as_bytes().to_vec();
    bytes.resize(bytes.len() + order.padding, b'.');
    for piece in bytes.chunks(PIECE) {
        stream.blocking_write_and_flush(piece)?;
    }
    Ok(())
}

fn receive(answer: FutureIncomingResponse) -> Result<Answer, String> {
    answer.subscribe().block();
    let response = answer.get().ok_or("it is not ready")?.map_err(|()| "it was taken")?;
    let response: IncomingResponse = response.map_err(|error| format!("{error:?}"))?;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let headers = response.headers().entries().into_iter().map(|(name, value)| (name, text(value))).collect();
    let mut told = Answer { status: response.status(), headers, ..Answer::default() };
    let body = response.consume().map_err(|()| "it has no body")?;
    let stream = body.stream().map_err(|()| "its body can't be read")?;
    let mut bytes = Vec::new();
    loop {
        match stream.blocking_read(64 << 10) {
            Ok(piece) => {
                told.length += piece.len();
                let room = TOLD.saturating_sub(bytes.len());
                bytes.extend_from_slice(&piece[..piece.len().min(room)]);
            }
            Err(StreamError::Closed) => break,
            Err(StreamError::LastOperationFailed(error)) => {
                told.error = Some(error.to_debug_string());
                break;
            }
        }
    }
    told.body = text(bytes);
    Ok(told)
}
