//! How bodies and queries are read: whole, within a limit, and with an error that names the field.

use super::error::ApiError;
use crate::sentence;
use axum::body::{Body, HttpBody};
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::header::EXPECT;
use axum::http::request::Parts;
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// Bytes of a body where nothing else is said.
pub const SMALL: usize = 1024 * 1024;

/// What is read of a body that is too large, so that a client that only listens when it has sent everything hears why.
const DRAINED: usize = 1024 * 1024 * 1024;

/// How long a client may take to send its body.
const PATIENCE: Duration = Duration::from_secs(30);

/// A JSON body of at most `LIMIT` bytes.
pub struct Json<T, const LIMIT: usize = SMALL>(pub T);

impl<T: DeserializeOwned, S: Sync, const LIMIT: usize> FromRequest<S> for Json<T, LIMIT> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let bytes = read(request, LIMIT).await?;
        if bytes.is_empty() {
            return Err(ApiError::invalid("the body is empty; send a JSON object"));
        }
        parse(&bytes).map(Json)
    }
}

/// A JSON body that may be absent.
pub struct MaybeJson<T>(pub T);

impl<T: DeserializeOwned + Default, S: Sync> FromRequest<S> for MaybeJson<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let bytes = read(request, SMALL).await?;
        match bytes.is_empty() {
            true => Ok(MaybeJson(T::default())),
            false => parse(&bytes).map(MaybeJson),
        }
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    // A derived deserializer takes the fields in their order too, which nobody means.
    if bytes.trim_ascii_start().first() == Some(&b'[') {
        return Err(ApiError::invalid("the body is a JSON array; send an object"));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value: T = serde_path_to_error::deserialize(&mut deserializer).map_err(|e| {
        let path = e.path().to_string();
        let error = e.inner();
        let message = error.to_string();
        if !error.is_data() {
            return ApiError::invalid(format!("the body is no JSON: {}", sentence::printable(&message)));
        }
        let place = format!(" at line {} column {}", error.line(), error.column());
        let problem = sentence::of_serde(message.strip_suffix(&place).unwrap_or(&message), "field");
        match path.as_str() {
            "." | "?" => ApiError::invalid(format!("line {}: {problem}", error.line())),
            path => ApiError::field(path, format_args!("{problem} (line {})", error.line())),
        }
    })?;
    deserializer.end().map_err(|e| ApiError::invalid(format!("there is something after the JSON: {e}")))?;
    Ok(value)
}

async fn read(request: Request, limit: usize) -> Result<Vec<u8>, ApiError> {
    let too_large = || {
        ApiError::too_large(format!(
            "the body is larger than {limit} bytes; send less, or put large data where a command can fetch it"
        ))
    };
    let waits = request.headers().contains_key(EXPECT);
    let body = request.into_body();
    if waits && body.size_hint().lower() > limit as u64 {
        return Err(too_large());
    }
    match timeout_at(Instant::now() + PATIENCE, collect(body, limit)).await {
        Ok(Ok(Some(bytes))) => Ok(bytes),
        Ok(Ok(None)) => Err(too_large()),
        Ok(Err(error)) => Err(ApiError::invalid(format!("the body broke off: {error}"))),
        Err(_) => Err(ApiError::invalid(format!(
            "the body was not complete after {} seconds; send it in one go",
            PATIENCE.as_secs()
        ))),
    }
}

/// The whole body; none if it is larger than the limit, and then nothing of it is kept.
async fn collect(mut body: Body, limit: usize) -> Result<Option<Vec<u8>>, axum::Error> {
    let mut bytes = Vec::new();
    let mut total = 0usize;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        total = total.saturating_add(data.len());
        if total <= limit {
            bytes.extend_from_slice(&data);
        } else {
            bytes = Vec::new();
        }
        if total > DRAINED {
            break;
        }
    }
    Ok((total <= limit).then_some(bytes))
}

/// A query whose parameters are all known.
pub struct Params<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Params<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        match Query::<T>::try_from_uri(&parts.uri) {
            Ok(Query(params)) => Ok(Params(params)),
            Err(rejection) => {
                let text = rejection.body_text();
                let text = text.strip_prefix("Failed to deserialize query string: ").unwrap_or(&text);
                match text.split_once(": ") {
                    Some((field, problem)) => {
                        Err(ApiError::field(sentence::printable(field), sentence::of_serde(problem, "parameter")))
                    }
                    None => Err(ApiError::invalid(sentence::of_serde(text, "parameter"))),
                }
            }
        }
    }
}
