//! Answers that say no.

use crate::api::types::{ErrorBody, ErrorKind, ErrorView};
use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use drydock_core::engine::api::AskError;

/// An answer with a status of 400 or more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    pub status: StatusCode,
    pub kind: ErrorKind,
    pub field: Option<String>,
    pub message: String,
}

impl ApiError {
    fn new(status: StatusCode, kind: ErrorKind, message: impl Into<String>) -> ApiError {
        ApiError { status, kind, field: None, message: message.into() }
    }

    /// A field, or a parameter of the query, is wrong; the sentence follows its name.
    pub fn field(field: impl Into<String>, problem: impl std::fmt::Display) -> ApiError {
        let field = field.into();
        ApiError { field: Some(field.clone()), ..ApiError::invalid(format!("{field}: {problem}")) }
    }

    pub fn invalid(message: impl Into<String>) -> ApiError {
        ApiError::new(StatusCode::BAD_REQUEST, ErrorKind::Invalid, message)
    }

    pub fn not_found(message: impl Into<String>) -> ApiError {
        ApiError::new(StatusCode::NOT_FOUND, ErrorKind::NotFound, message)
    }

    pub fn wrong_method(message: impl Into<String>) -> ApiError {
        ApiError::new(StatusCode::METHOD_NOT_ALLOWED, ErrorKind::Invalid, message)
    }

    /// The same of a part of the request: its field is one within that part.
    pub fn within(mut self, part: &str) -> ApiError {
        let (field, message) = match &self.field {
            Some(field) => {
                let problem = self.message.strip_prefix(&format!("{field}: ")).unwrap_or(&self.message);
                (format!("{part}.{field}"), format!("{part}.{field}: {problem}"))
            }
            None => (part.to_string(), format!("{part}: {}", self.message)),
        };
        (self.field, self.message) = (Some(field), message);
        self
    }

    pub fn conflict(message: impl Into<String>) -> ApiError {
        ApiError::new(StatusCode::CONFLICT, ErrorKind::Conflict, message)
    }

    pub fn too_large(message: impl Into<String>) -> ApiError {
        ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, ErrorKind::TooLarge, message)
    }

    pub fn unavailable(message: impl Into<String>) -> ApiError {
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, ErrorKind::Unavailable, message)
    }

    pub fn internal(message: impl Into<String>) -> ApiError {
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, ErrorKind::Internal, message)
    }
}

impl From<AskError> for ApiError {
    fn from(error: AskError) -> ApiError {
        let message = error.to_string();
        let of = |field: &str, error: ApiError| ApiError { field: Some(field.to_string()), ..error };
        match error {
            AskError::UnknownType { .. } => of("type", ApiError::invalid(message)),
            AskError::UnknownBlueprint { .. } | AskError::WrongBlueprint { .. } => {
                of("blueprint", ApiError::invalid(message))
            }
            AskError::Priority { .. } => of("priority", ApiError::invalid(message)),
            AskError::KeyReused { .. } => of("key", ApiError::conflict(message)),
            AskError::SetSize { .. } | AskError::SetQuota { .. } => of("leases", ApiError::invalid(message)),
            AskError::Ambiguous(_) => of("id", ApiError::invalid(message)),
            AskError::Reconfigured { .. } | AskError::OtherType { .. } | AskError::NameTaken { .. } => {
                ApiError::conflict(message)
            }
            AskError::InUse(_) => of("if_idle_since", ApiError::conflict(message)),
            AskError::Ended(_)
            | AskError::Untied(_)
            | AskError::NeedsNoBeat(_)
            | AskError::Closing(_)
            | AskError::NotStuck { .. } => of("id", ApiError::conflict(message)),
            AskError::OtherEpoch { .. } => of("if_epoch", ApiError::conflict(message)),
            AskError::NoSuchLease(_) | AskError::NoSuchLeak(_) => ApiError::not_found(message),
            AskError::Store(_) | AskError::Stopping => ApiError::unavailable(message),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let error = ErrorView { kind: self.kind, field: self.field, message: self.message };
        (self.status, Json(ErrorBody { error })).into_response()
    }
}
