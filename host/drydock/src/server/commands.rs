//! Running commands on leased things. The output is streamed; the command is cut off when its lease ends, when the
//! client goes away, and when the daemon stops.

use super::body::Json;
use super::error::ApiError;
use super::router::{App, Id};
use crate::api::base64::Bytes;
use crate::api::types::{CommandEvent, CommandFailure, CommandRequest};
use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use drydock_core::contract::{Access, Handout};
use drydock_core::engine::api::{AskError, LeaseDetail};
use drydock_core::model::rows::{Lease, Resource, Wanted};
use drydock_core::model::status::LeaseStatus;
use drydock_runtime::commands::{Chunk, Command, CommandError, Exit};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// Bytes of a request, which may carry what the command reads.
const LIMIT: usize = 24 * 1024 * 1024;

/// Milliseconds that a command may be given.
const LONGEST: u64 = 86_400_000;

/// Pieces of output on their way; a slow client slows the command down.
const PIECES: usize = 16;

/// So many leases may lead to one another before commands have a place to run in.
const STOREYS: usize = 8;

/// For a command that has no timeout of its own: far beyond any lease, which ends it first.
const ENDLESS: Duration = Duration::from_secs(86_400 * 3650);

pub async fn run(
    State(app): State<Arc<App>>,
    Id(id): Id,
    Json(request): Json<CommandRequest, LIMIT>,
) -> Result<Response, ApiError> {
    let LeaseDetail { lease, resource, .. } = app.node.lease(&id).await?;
    let handout = usable(&lease)?;
    let access = reached(&app, resource, handout.access.clone()).await?;
    let command = command(request, handout)?;
    let (lines, body) = mpsc::channel(PIECES);
    tokio::spawn(stream(app, lease, access, command, lines));
    let body = futures::stream::unfold(body, |mut body| async {
        let line = body.recv().await?;
        Some((Ok::<_, Infallible>(line), body))
    });
    Ok(([(CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(body)).into_response())
}

/// Where commands for a lease go: through what its resource has leased for itself, if it hands that out, and no other
/// lease. Each resource on the way may hand out only what the operator has granted to its blueprint.
async fn reached(app: &App, resource: Option<Resource>, access: Access) -> Result<Access, ApiError> {
    let (mut resource, mut access) = (resource, access);
    for _ in 0..STOREYS {
        if let Some(resource) = &resource {
            granted(app, resource, &access).await?;
        }
        let Access::Via(nested) = &access else { return Ok(access) };
        let detail = app.node.lease(nested).await?;
        if resource.is_none() || detail.lease.holder != resource.map(|resource| resource.id) {
            let problem = format!("its access leads to lease {nested}, which its resource does not hold");
            return Err(ApiError::conflict(problem));
        }
        access = usable(&detail.lease)?.access.clone();
        resource = detail.resource;
    }
    Err(ApiError::conflict("its access leads from lease to lease, and nowhere".to_owned()))
}

/// What the lease gives, if commands can be run on it now.
fn usable(lease: &Lease) -> Result<&Handout, ApiError> {
    let refused = |why: String| Err(ApiError::conflict(format!("lease {} {why}", lease.id)));
    match (lease.status, lease.wanted) {
        (LeaseStatus::Active, Wanted::Keep) => {}
        (LeaseStatus::Pending | LeaseStatus::Acquired, Wanted::Keep) => {
            return refused(format!(
                "is {} and not active yet; wait for it with `drydock wait {}`",
                lease.status, lease.id
            ));
        }
        _ => return refused("has ended, or is ending; ask for a new one".to_string()),
    }
    match &lease.handout.0 {
        None | Some(Handout { access: Access::None, .. }) => {
            refused("gives access to nothing that commands can be run on".to_string())
        }
        Some(handout) => Ok(handout),
    }
}

/// A blueprint may hand out only what the operator has granted to it, in the revision that the resource was made with.
async fn granted(app: &App, resource: &Resource, access: &Access) -> Result<(), ApiError> {
    let (grant, what) = match access {
        Access::Local => ("commands:local", "this very machine"),
        Access::Ssh(_) => ("commands:ssh", "hosts over SSH"),
        Access::None | Access::Via(_) => return Ok(()),
    };
    let pinned = app.node.farm().pinned(resource, app.node.store()).await;
    let pinned = pinned.map_err(|fault| ApiError::unavailable(format!("no command can be run: {fault}")))?;
    if pinned.config.grants.iter().any(|granted| granted == grant) {
        return Ok(());
    }
    let name = &resource.blueprint;
    Err(ApiError::conflict(format!(
        "blueprint {name:?} gives access to {what}, which it is not granted; if it may, add {grant:?} to its `grants`, \
         restart the daemon, and ask for a new lease"
    )))
}

fn command(request: CommandRequest, handout: &Handout) -> Result<Command, ApiError> {
    if request.argv.first().is_none_or(String::is_empty) {
        return Err(ApiError::field("argv", "it is empty; name the program, then its arguments"));
    }
    let timeout = match request.timeout_ms {
        None => ENDLESS,
        Some(timeout) if (1..=LONGEST).contains(&timeout) => Duration::from_millis(timeout),
        Some(timeout) => {
            let problem = format!("{timeout} is out of range; it is 1 to {LONGEST} milliseconds");
            return Err(ApiError::field("timeout_ms", problem));
        }
    };
    let mut environment = handout.environment.clone();
    environment.extend(request.environment);
    Ok(Command {
        argv: request.argv,
        directory: directory(request.directory, handout.directory.as_deref()),
        environment,
        secrets: BTreeMap::new(),
        stdin: request.stdin_base64.unwrap_or_default().0,
        timeout,
        // Nothing is kept: it is streamed.
        output_limit: 0,
    })
}

/// A relative directory starts in the lease's own.
fn directory(asked: Option<String>, own: Option<&str>) -> Option<String> {
    match (asked, own) {
        (Some(asked), Some(own)) if !asked.starts_with('/') => Some(format!("{}/{asked}", own.trim_end_matches('/'))),
        (Some(asked), _) => Some(asked),
        (None, own) => own.map(str::to_string),
    }
}

/// Runs the command and says how it ended, unless nobody listens any more. Whatever ends this first drops the rest, and
/// with it the command.
async fn stream(app: Arc<App>, lease: Lease, access: Access, command: Command, lines: mpsc::Sender<Vec<u8>>) {
    let (chunks, mut printed) = mpsc::channel(PIECES);
    let forward = async {
        while let Some(chunk) = printed.recv().await {
            let event = match chunk {
                Chunk::Stdout(bytes) => CommandEvent::Stdout { stdout: Bytes(bytes) },
                Chunk::Stderr(bytes) => CommandEvent::Stderr { stderr: Bytes(bytes) },
            };
            if lines.send(line(&event)).await.is_err() {
                return;
            }
        }
    };
    let whole = async { tokio::join!(app.runner.stream(&access, command, chunks), forward).0 };
    let last = tokio::select! {
        result = whole => match result {
            Ok(Exit::Code(exit)) => CommandEvent::Exit { exit },
            Ok(Exit::Signal(signal)) => CommandEvent::Signal { signal },
            Err(error) => CommandEvent::Error { kind: kind(&error), error: error.to_string() },
        },
        () = lines.closed() => return,
        reason = ended(&app, &lease.id) => CommandEvent::Error {
            error: format!("the command was cut off: lease {} {reason}", lease.id),
            kind: CommandFailure::LeaseEnded,
        },
        () = in_use(&app, &lease) => return,
        () = stopped(&app) => CommandEvent::Error {
            error: "the command was cut off: the daemon is stopping; run it again when it is back".to_string(),
            kind: CommandFailure::Stopping,
        },
    };
    used(&app, &lease).await;
    // A client that does not listen has gone, or will find the stream without its last line.
    let _ = lines.send(line(&last)).await;
}

/// Comes when the lease is no longer its holder's, and says why.
async fn ended(app: &Arc<App>, id: &str) -> String {
    let mut subscription = app.news.subscribe(id);
    loop {
        match app.node.lease(id).await {
            Ok(detail) if detail.lease.status != LeaseStatus::Active || detail.lease.wanted == Wanted::End => {
                return format!("ended: {}", detail.lease.reason.as_deref().unwrap_or("no reason is known"));
            }
            Ok(_) => {}
            Err(AskError::NoSuchLease(_)) => return "is no more".to_string(),
            // The store is out of reach for a while: the lease is as it was, as far as is known.
            Err(error) => {
                tracing::warn!("whether lease {id} has ended can't be seen: {error}");
                tokio::time::sleep(Duration::from_secs(1)).await;
                continue;
            }
        }
        subscription.changed().await;
    }
}

/// Says, again and again, that a lease is used, well within the time that it may be unused for.
async fn in_use(app: &App, lease: &Lease) {
    let Some(idle_timeout) = lease.idle_timeout else { return std::future::pending().await };
    let pause = Duration::from_millis(u64::try_from(idle_timeout / 3).unwrap_or(0).max(1));
    loop {
        used(app, lease).await;
        tokio::time::sleep(pause).await;
    }
}

async fn used(app: &App, lease: &Lease) {
    if lease.idle_timeout.is_none() {
        return;
    }
    match app.node.used(&lease.id).await {
        Ok(()) | Err(AskError::Ended(_) | AskError::Stopping) => {}
        Err(error) => tracing::warn!("that lease {} is used can't be noted: {error}", lease.id),
    }
}

/// Comes when the daemon stops and its patience is over.
async fn stopped(app: &App) {
    app.news.stopped().await;
    tokio::time::sleep(app.stop_grace).await;
}

fn kind(error: &CommandError) -> CommandFailure {
    match error {
        CommandError::Invalid(_) => CommandFailure::Invalid,
        CommandError::Denied(_) => CommandFailure::Denied,
        CommandError::Unreachable(_) => CommandFailure::Unreachable,
        CommandError::Refused(_) => CommandFailure::Refused,
        CommandError::TimedOut(_) => CommandFailure::TimedOut,
        CommandError::Other(_) => CommandFailure::Other,
    }
}

fn line(event: &CommandEvent) -> Vec<u8> {
    // Text and numbers, which have no way to fail.
    let mut line = serde_json::to_vec(event).unwrap_or_default();
    line.push(b'\n');
    line
}
