//! The same through `wasi:http`.

use super::{CREDENTIAL, Error, REGION, Request, Response, SERVICE};
use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    ErrorCode, Fields, FutureIncomingResponse, IncomingBody, IncomingResponse, Method, OutgoingBody, OutgoingRequest,
    RequestOptions, Scheme,
};
use wasip2::io::streams::StreamError;

/// Bytes in one piece of a body that is written, as `wasi:io` allows, and of one that is read.
const WRITTEN: usize = 4096;
const READ: u64 = 64 << 10;

pub fn send(request: &Request) -> Result<Response, Error> {
    let outgoing = outgoing(request)?;
    let nanoseconds = u64::try_from(request.timeout.as_nanos()).unwrap_or(u64::MAX);
    let options = RequestOptions::new();
    // A host that knows no such limit has its own.
    let _ = options.set_connect_timeout(Some(nanoseconds));
    let _ = options.set_first_byte_timeout(Some(nanoseconds));
    let _ = options.set_between_bytes_timeout(Some(nanoseconds));

    let body = outgoing.body().map_err(|()| invalid(request, "it has two bodies"))?;
    let answer = outgoing_handler::handle(outgoing, Some(options)).map_err(|code| failed(request, &code))?;
    // What was answered before the whole body was read counts.
    let _ = write(body, &request.body);
    read(request, wait(request, &answer)?)
}

fn invalid(request: &Request, why: &str) -> Error {
    Error::Invalid(format!("{} {} can't be sent: {why}", request.method, shown(request)))
}

fn outgoing(request: &Request) -> Result<OutgoingRequest, Error> {
    let (scheme, rest) = match request.url.split_once("://") {
        Some(("https", rest)) => (Scheme::Https, rest),
        Some(("http", rest)) => (Scheme::Http, rest),
        _ => return Err(invalid(request, "its URL begins with neither https:// nor http://")),
    };
    let (authority, path) = match rest.find(['/', '?']) {
        Some(at) if rest[at..].starts_with('/') => (&rest[..at], rest[at..].to_owned()),
        Some(at) => (&rest[..at], format!("/{}", &rest[at..])),
        None => (rest, "/".to_owned()),
    };
    let path = path.split('#').next().unwrap_or_default();

    let headers = Fields::new();
    let mut all: Vec<(&str, &str)> = request.headers.iter().map(|(name, value)| (&**name, &**value)).collect();
    all.extend(request.credential.as_deref().map(|name| (CREDENTIAL, name)));
    if let Some((region, service)) = &request.aws {
        all.extend([(REGION, region.as_str()), (SERVICE, service.as_str())]);
    }
    let length = request.body.len().to_string();
    if !request.body.is_empty() || matches!(&*request.method, "POST" | "PUT" | "PATCH") {
        all.push(("content-length", &length));
    }
    for (name, value) in all {
        headers
            .append(name, value.as_bytes())
            .map_err(|error| invalid(request, &format!("the header {name} is not allowed ({error:?})")))?;
    }

    let outgoing = OutgoingRequest::new(headers);
    let method = match &*request.method {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "DELETE" => Method::Delete,
        "PATCH" => Method::Patch,
        "OPTIONS" => Method::Options,
        other => Method::Other(other.to_owned()),
    };
    outgoing.set_method(&method).map_err(|()| invalid(request, "its method is none"))?;
    outgoing.set_scheme(Some(&scheme)).map_err(|()| invalid(request, "its scheme is none"))?;
    outgoing.set_authority(Some(authority)).map_err(|()| invalid(request, "its URL has no proper host"))?;
    outgoing.set_path_with_query(Some(path)).map_err(|()| invalid(request, "its URL has no proper path"))?;
    Ok(outgoing)
}

fn write(body: OutgoingBody, content: &[u8]) -> Result<(), ()> {
    {
        let stream = body.write()?;
        for piece in content.chunks(WRITTEN) {
            stream.blocking_write_and_flush(piece).map_err(drop)?;
        }
    }
    OutgoingBody::finish(body, None).map_err(drop)
}

fn wait(request: &Request, answer: &FutureIncomingResponse) -> Result<IncomingResponse, Error> {
    answer.subscribe().block();
    match answer.get() {
        Some(Ok(Ok(response))) => Ok(response),
        Some(Ok(Err(code))) => Err(failed(request, &code)),
        Some(Err(())) | None => Err(Error::Unreachable(format!("{} gave no answer", shown(request)))),
    }
}

fn read(request: &Request, response: IncomingResponse) -> Result<Response, Error> {
    let status = response.status();
    let headers = response.headers().entries();
    let headers = headers
        .into_iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), String::from_utf8_lossy(&value).into_owned()))
        .collect();
    let broken = |why: &str| Error::Unreachable(format!("the answer of {} broke off{why}", shown(request)));
    let incoming = response.consume().map_err(|()| broken(""))?;
    let mut body = Vec::new();
    {
        let stream = incoming.stream().map_err(|()| broken(""))?;
        loop {
            match stream.blocking_read(READ) {
                Ok(piece) => body.extend(piece),
                Err(StreamError::Closed) => break,
                Err(StreamError::LastOperationFailed(error)) => {
                    return Err(broken(&format!(": {}", error.to_debug_string())));
                }
            }
            if body.len() > request.limit {
                return Err(Error::TooLarge(format!(
                    "the answer of {} has more than {} bytes",
                    shown(request),
                    request.limit
                )));
            }
        }
    }
    // Trailers are of no use to anybody here.
    drop(IncomingBody::finish(incoming));
    Ok(Response { status, headers, body })
}

fn failed(request: &Request, code: &ErrorCode) -> Error {
    let what = shown(request);
    match code {
        ErrorCode::ConnectionTimeout
        | ErrorCode::ConnectionReadTimeout
        | ErrorCode::ConnectionWriteTimeout
        | ErrorCode::HttpResponseTimeout
        | ErrorCode::DnsTimeout => Error::TimedOut(format!("{what} gave no answer in time ({})", reason(code))),
        ErrorCode::HttpRequestUriInvalid
        | ErrorCode::HttpRequestMethodInvalid
        | ErrorCode::HttpRequestBodySize(_)
        | ErrorCode::HttpRequestHeaderSize(_) => invalid(request, &reason(code)),
        _ => Error::Unreachable(format!("{what} can't be reached: {}", reason(code))),
    }
}

/// What happened, in words.
fn reason(code: &ErrorCode) -> String {
    let words = match code {
        ErrorCode::DnsError(_) => "its name is not found",
        ErrorCode::DnsTimeout => "its name could not be looked up",
        ErrorCode::ConnectionRefused | ErrorCode::DestinationUnavailable => "nothing listens there",
        ErrorCode::ConnectionTerminated => "the connection broke off",
        ErrorCode::ConnectionTimeout => "no connection came about",
        ErrorCode::ConnectionReadTimeout | ErrorCode::HttpResponseTimeout => "no answer came",
        ErrorCode::ConnectionWriteTimeout => "the request could not be sent",
        ErrorCode::ConnectionLimitReached => "this call has all the connections that it may have",
        ErrorCode::DestinationNotFound | ErrorCode::DestinationIpUnroutable => "no way leads there",
        ErrorCode::DestinationIpProhibited | ErrorCode::HttpRequestDenied => "the host does not allow it",
        ErrorCode::TlsProtocolError => "TLS failed",
        ErrorCode::TlsCertificateError => "its certificate is not trusted",
        ErrorCode::HttpResponseIncomplete => "the answer broke off",
        ErrorCode::HttpProtocolError => "what answers does not speak HTTP",
        ErrorCode::InternalError(Some(why)) => return why.clone(),
        // The generated names say what they mean: `ErrorCode::LoopDetected` and so on.
        other => return format!("{other:?}").trim_start_matches("ErrorCode::").to_owned(),
    };
    words.to_owned()
}

/// The URL without its query, which may have in it what is nobody's business.
fn shown(request: &Request) -> &str {
    request.url.split(['?', '#']).next().unwrap_or_default()
}
