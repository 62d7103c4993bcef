//! One client of the demo: it leases a host, works on it, and lets go.

use crate::api::types::{
    AskRequest, CommandEvent, CommandRequest, LeaseDetailView, LeaseView, ReleaseRequest, WaitQuery,
};
use crate::cli::client::{Client, path};
use drydock_core::model::status::LeaseStatus;

/// How long one long poll waits at most.
const POLL_MS: u64 = 60_000;

/// What a client does on its host. It ends with an error if anybody else is there: in its own directory, or on the host,
/// whose folder is the one above.
const JOB: &str = r#"
set -eu
name=$1 seconds=$2
mkdir ../busy || { echo "somebody else works on this host" >&2; exit 1; }
trap 'rmdir ../busy' EXIT
[ -z "$(ls -A)" ] || { echo "the directory is not empty: $(ls -A)" >&2; exit 1; }
echo "$name" > name
sleep "$seconds"
[ "$(cat name)" = "$name" ] && [ "$(ls -A)" = name ] || { echo "somebody else wrote here: $(ls -A)" >&2; exit 1; }
[ "$(ls -A .. | wc -l)" -eq 2 ] || { echo "somebody else is on this host: $(ls -A ..)" >&2; exit 1; }
"#;

/// From asking to the end of the cleaning-up. The error is a sentence.
pub async fn visit(client: &Client, name: &str, seconds: u32) -> Result<(), String> {
    let request =
        AskRequest { kind: "host".into(), owner: Some(name.into()), key: Some("demo".into()), ..AskRequest::default() };
    let lease: LeaseView =
        client.post("/v1/leases", &request).await.map_err(|error| format!("{name} asked: {error}"))?;
    let worked = match until(client, &lease.id, |lease| lease.status == LeaseStatus::Active).await {
        Ok(()) => work(client, &lease.id, name, seconds).await,
        Err(why) => Err(why),
    };
    let body = ReleaseRequest { reason: Some("its job is done".into()), ..ReleaseRequest::default() };
    let released: Result<LeaseView, _> = client.post(&(path("leases", &lease.id) + "/release"), &body).await;
    worked.map_err(|why| format!("{name} on lease {}: {why}", lease.id))?;
    released.map_err(|error| format!("{name} let go of lease {}: {error}", lease.id))?;
    until(client, &lease.id, |lease| lease.status == LeaseStatus::Destroyed).await
}

/// Waits until a lease is as it should be; that it ended otherwise is an error.
async fn until(client: &Client, id: &str, there: impl Fn(&LeaseView) -> bool) -> Result<(), String> {
    let mut query = WaitQuery::default();
    loop {
        let detail: LeaseDetailView =
            client.get(&path("leases", id), &query).await.map_err(|error| error.to_string())?;
        if there(&detail.lease) {
            return Ok(());
        }
        if detail.lease.status == LeaseStatus::Destroyed {
            return Err(detail.lease.reason.unwrap_or_else(|| "the lease has ended".into()));
        }
        query = WaitQuery { wait_ms: Some(POLL_MS), seen: Some(detail.lease.tag) };
    }
}

async fn work(client: &Client, id: &str, name: &str, seconds: u32) -> Result<(), String> {
    let argv = ["sh", "-c", JOB, "job", name, &seconds.to_string()].map(Into::into).into();
    let request = CommandRequest { argv, ..CommandRequest::default() };
    let mut lines =
        client.lines(&(path("leases", id) + "/command"), &request).await.map_err(|error| error.to_string())?;
    let mut printed = Vec::new();
    while let Some(event) = lines.next::<CommandEvent>().await.map_err(|error| error.to_string())? {
        match event {
            CommandEvent::Stdout { stdout } => printed.extend(stdout.0),
            CommandEvent::Stderr { stderr } => printed.extend(stderr.0),
            CommandEvent::Exit { exit: 0 } => return Ok(()),
            CommandEvent::Exit { exit } => {
                return Err(format!("the job ended with {exit}: {}", String::from_utf8_lossy(&printed).trim()));
            }
            CommandEvent::Signal { signal } => return Err(format!("the job was ended by {signal}")),
            CommandEvent::Error { error, .. } => return Err(error),
        }
    }
    Err("the daemon did not say how the job ended".into())
}
