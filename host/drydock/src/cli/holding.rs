//! What a holder does for its lease: the connection that a tied one lasts as long as, beats, and another end. A client
//! that is killed leaves nothing behind: its connections are closed for it.

use super::args::{BeatArgs, ExtendArgs};
use super::client::{Client, path};
use super::moment::now;
use super::output::{plain, print_json};
use super::waiting::{over, patiently, release, tolerantly};
use crate::api::types::{BeatRequest, ExtendRequest, HoldLine, KeepRequest, LeaseView};
use crate::exit::{self, Exit};
use std::time::Duration;
use tokio::task::JoinHandle;

/// The longest pause between two tries to connect: well within what the daemon gives a client that was connected.
const PAUSE: Duration = Duration::from_millis(500);

/// A connection, until this is dropped. It is made again whenever it is lost.
pub struct Holding(Option<JoinHandle<()>>);

impl Holding {
    /// Connects, if the lease is tied. One that a key has found may not be: then it lasts anyway.
    pub fn of(client: &Client, lease: &LeaseView) -> Holding {
        Holding(lease.tied.then(|| tokio::spawn(hold(client.clone(), lease.id.clone()))))
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}

/// It says nothing: whoever waits for the lease, or for its end, tells that the daemon is away, and how it ended.
async fn hold(client: Client, id: String) {
    let target = path("leases", &id) + "/hold";
    let mut pause = Duration::from_millis(10);
    loop {
        match client.get_lines(&target).await {
            Ok(mut lines) => {
                pause = Duration::from_millis(10);
                while let Ok(Some(HoldLine { lease })) = lines.next().await {
                    if over(&lease) {
                        return;
                    }
                }
            }
            Err(error) if error.passes() => {}
            // It has ended, or was kept: there is nothing to hold.
            Err(_) => return,
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSE);
    }
}

/// Has a lease last without this client. If that can't be, it is released: nobody would know that it ends with us.
pub async fn keep(client: &Client, lease: LeaseView) -> Result<LeaseView, Exit> {
    if !lease.tied {
        return Ok(lease);
    }
    let target = path("leases", &lease.id) + "/keep";
    let mut exit = match patiently(async || client.post(&target, &KeepRequest {}).await).await {
        Ok(kept) => return Ok(kept),
        Err(error) => Exit::from(error),
    };
    let id = plain(&lease.id);
    exit.message = match release(client, &lease.id, "its client could not keep it").await {
        Ok(_) => format!("lease {id} could not be kept for you, so it is released: {}", exit.message),
        Err(failed) => format!("lease {id} could not be kept for you: {}; {}", exit.message, failed.message),
    };
    Err(exit)
}

pub async fn extend(client: &Client, args: &ExtendArgs) -> Result<u8, Exit> {
    let body = ExtendRequest { until: args.until.moment(now()), if_epoch: args.if_epoch };
    let lease: LeaseView = client.post(&(path("leases", &args.lease) + "/extend"), &body).await?;
    if args.json {
        print_json(&lease)?;
    }
    Ok(exit::OK)
}

pub async fn beat(client: &Client, args: &BeatArgs) -> Result<u8, Exit> {
    let target = path("leases", &args.lease) + "/beat";
    let body = BeatRequest { if_epoch: args.if_epoch };
    loop {
        let Some(every) = args.every else {
            client.post::<_, LeaseView>(&target, &body).await?;
            return Ok(exit::OK);
        };
        // Its time begins anew when the daemon is back.
        tolerantly(None, async || client.post::<_, LeaseView>(&target, &body).await).await?;
        tokio::time::sleep(every).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::http::StatusCode;
    use axum::routing::post;
    use serde_json::{Value, from_value, json};
    use std::sync::{Arc, Mutex};

    #[tokio::test]
    async fn what_can_not_be_kept_is_released() {
        let lease = |tied: bool| -> Value {
            json!({
                "id": "l-1", "type": "host", "owner": "ci", "status": "active", "wanted": "keep", "asked_at": 0,
                "attributes": {}, "labels": {}, "tag": "1", "tied": tied,
            })
        };
        let refusal = json!({ "error": { "kind": "internal", "message": "the store is on fire" } });
        let released = Arc::new(Mutex::new(0));
        let count = Arc::clone(&released);
        let answer = lease(true);
        let daemon = Router::new()
            .route("/v1/leases/l-1/keep", post(async || (StatusCode::INTERNAL_SERVER_ERROR, axum::Json(refusal))))
            .route(
                "/v1/leases/l-1/release",
                post(async move || {
                    *count.lock().unwrap() += 1;
                    axum::Json(answer)
                }),
            );
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("s");
        let listener = tokio::net::UnixListener::bind(&socket).unwrap();
        tokio::spawn(async { axum::serve(listener, daemon).await });
        let client = Client::new(socket);
        let exit = keep(&client, from_value(lease(true)).unwrap()).await.unwrap_err();
        assert_eq!(exit.message, "lease l-1 could not be kept for you, so it is released: the store is on fire");
        assert_eq!((exit.code, *released.lock().unwrap()), (crate::exit::FAILURE, 1));
        // One that lasts anyway is left alone.
        assert!(!keep(&client, from_value(lease(false)).unwrap()).await.unwrap().tied);
        assert_eq!(*released.lock().unwrap(), 1);
    }
}
