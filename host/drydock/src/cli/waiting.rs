//! Asking for a lease, and waiting for it. Whoever waits is told by the daemon (long polls), and never asks twice for
//! what has not changed.

use super::args::WishArgs;
use super::attribute::{attributes_with, labels};
use super::client::{Client, ClientError, path};
use super::moment::{now, whole_milliseconds};
use super::output::{plain, tell};
use super::signals::{Caught, Signals};
use crate::api::types::{AskRequest, LeaseDetailView, LeaseView, ReleaseRequest, WaitQuery, WhyView};
use crate::exit::{self, Exit};
use drydock_core::engine::api::Why;
use drydock_core::model::rows::Wanted;
use drydock_core::model::status::LeaseStatus;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::Instant;

/// Who waits no longer than this is not told anything.
const SHORT: Duration = Duration::from_millis(250);
/// How many of those in the way are named.
const NAMED: usize = 5;
/// How long one long poll waits at most.
const POLL: Duration = Duration::from_secs(120);
/// How long a daemon that answered before may be away.
const PATIENCE: Duration = Duration::from_secs(60);

/// The request that the flags make; a tied one ends with its client. It has a key in any case, so that it can be repeated when an answer is lost.
pub fn request(wish: &WishArgs, tied: bool) -> Result<AskRequest, Exit> {
    let invalid = |why: String| Exit::new(exit::INVALID, why);
    Ok(AskRequest {
        kind: wish.kind.clone().unwrap_or_default(),
        attributes: attributes_with(wish.attributes.as_deref(), &wish.attribute).map_err(invalid)?,
        labels: labels(&wish.label).map_err(invalid)?,
        blueprint: wish.blueprint.clone(),
        otherwise: wish.otherwise.clone(),
        owner: wish.owner.clone(),
        priority: wish.priority,
        key: Some(wish.key.clone().unwrap_or_else(|| format!("cli-{:032x}", rand::random::<u128>()))),
        until: wish.until.map(|end| end.moment(now())),
        timeout_ms: wish.timeout.map(whole_milliseconds),
        tied,
        heartbeat_ms: wish.heartbeat.map(whole_milliseconds),
        idle_timeout_ms: wish.idle_timeout.map(whole_milliseconds),
        // Not for long: only the answer has the id, by which a signal lets go of it.
        wait_ms: Some(SHORT.as_millis() as u64),
    })
}

/// Asks for a lease. When a signal comes meanwhile, the lease is released as soon as its id is known.
pub async fn ask(client: &Client, request: &AskRequest, signals: &mut Signals) -> Result<LeaseView, Exit> {
    match asked::<LeaseView>(client, "/v1/leases", request, signals).await? {
        (lease, None) => Ok(lease),
        (lease, Some(caught)) => Err(interrupted(client, &lease.id, caught).await),
    }
}

/// What the daemon has stored, and the signal that came meanwhile.
pub async fn asked<T: DeserializeOwned>(
    client: &Client,
    target: &str,
    request: &impl Serialize,
    signals: &mut Signals,
) -> Result<(T, Option<Caught>), Exit> {
    let asking = async {
        match client.post(target, request).await {
            // It may have been stored. The key finds it again.
            Err(error @ ClientError::Lost(_)) => {
                tell(&error.to_string());
                patiently(async || client.post(target, request).await).await
            }
            answer => answer,
        }
    };
    tokio::pin!(asking);
    tokio::select! {
        answer = &mut asking => Ok((answer?, None)),
        caught = signals.next() => match tokio::time::timeout(Duration::from_secs(10), asking).await {
            Ok(Ok(answer)) => Ok((answer, Some(caught))),
            Ok(Err(error)) => Err(Exit::new(caught.code(), error.to_string())),
            Err(_) => Err(Exit::new(
                caught.code(),
                format!("{} came before the daemon had answered; `drydock leases` shows whether it has the request", caught.name()),
            )),
        },
    }
}

/// Waits until a lease is active, and tells what it waits for whenever that changes. That it ended is an error.
pub async fn until_active(client: &Client, id: &str) -> Result<LeaseDetailView, Exit> {
    until_active_telling(client, id, true).await
}

/// The same; of a set, one tells for all, since what the others wait for is the same.
pub async fn until_active_telling(client: &Client, id: &str, tells: bool) -> Result<LeaseDetailView, Exit> {
    let mut told = String::new();
    let mut seen: Option<String> = None;
    let mut detail = look(client, id, None).await?;
    let why_path = path("leases", &detail.lease.id) + "/why";
    loop {
        if over(&detail.lease) {
            return Err(ended(&detail.lease));
        }
        if detail.lease.status == LeaseStatus::Active {
            return Ok(detail);
        }
        let why = async {
            if !tells {
                std::future::pending::<()>().await;
            }
            if seen.is_none() {
                tokio::time::sleep(SHORT).await;
            }
            patiently(async || client.get::<_, WhyView>(&why_path, &poll(seen.clone())).await).await
        };
        let news = tokio::select! {
            biased;
            changed = look(client, &detail.lease.id, Some(detail.lease.tag.clone())) => {
                detail = changed?;
                continue;
            }
            why = why => why?,
        };
        seen = Some(news.tag);
        // What is said may be of a moment at which the lease had got there.
        detail = look(client, &detail.lease.id, None).await?;
        let text = reason(&detail.lease.id, &news.why);
        if waits(&detail.lease) && text != told {
            tell(&text);
            told = text;
        }
    }
}

/// What a lease waits for, and who has that, on one line.
fn reason(id: &str, why: &Why) -> String {
    let summary =
        why.summary.strip_prefix("It ").map_or_else(|| format!(": {}", why.summary), |rest| format!(" {rest}"));
    let holders: BTreeSet<&str> =
        why.obstacles.iter().flat_map(|obstacle| &obstacle.holders).map(String::as_str).collect();
    let named: Vec<&str> = holders.iter().copied().take(NAMED).collect();
    let held = match (named.is_empty(), holders.len().saturating_sub(NAMED)) {
        (true, _) => String::new(),
        (false, 0) => format!(" In use by {}.", named.join(", ")),
        (false, more) => format!(" In use by {} and {more} more.", named.join(", ")),
    };
    format!("lease {id}{summary}{held}")
}

/// Waits until a lease has ended, or somebody wants it to. A daemon that is away is waited for.
pub async fn until_over(client: &Client, id: &str) -> Result<LeaseView, ClientError> {
    let mut seen = None;
    loop {
        let answer =
            tolerantly(None, async || client.get::<_, LeaseDetailView>(&path("leases", id), &poll(seen.clone())).await)
                .await?;
        if over(&answer.lease) {
            return Ok(answer.lease);
        }
        seen = Some(answer.lease.tag);
    }
}

/// Lets go of a lease. The daemon is waited for, within bounds: it may be starting again.
pub async fn release(client: &Client, id: &str, reason: &str) -> Result<LeaseView, Exit> {
    let target = path("leases", id) + "/release";
    let body = ReleaseRequest { reason: Some(reason.into()), ..ReleaseRequest::default() };
    patiently(async || client.post(&target, &body).await).await.map_err(|error| {
        let mut exit = Exit::from(error);
        exit.message = format!(
            "lease {} could not be released: {}; let go of it with `drydock release {0}`",
            plain(id),
            exit.message
        );
        exit
    })
}

/// Waits until a lease that was asked for here is active; when a signal comes first, it is released.
pub async fn until_ours(client: &Client, lease: &LeaseView, signals: &mut Signals) -> Result<LeaseDetailView, Exit> {
    let id = &lease.id;
    tokio::select! {
        detail = until_active(client, id) => detail.map_err(|mut exit| {
            if exit.code == exit::UNREACHABLE {
                let id = plain(id);
                exit.message += &match lease.tied {
                    true => format!("; lease {id} ends soon after the daemon is back, since nobody waits for it any more"),
                    false => format!(
                        "; lease {id} is kept: `drydock wait {id}` goes on waiting, and `drydock release {id}` lets go of it"
                    ),
                };
            }
            exit
        }),
        caught = signals.next() => Err(interrupted(client, id, caught).await),
    }
}

/// A signal came while a lease was waited for: releases it, and says so.
pub async fn interrupted(client: &Client, id: &str, caught: Caught) -> Exit {
    match release(client, id, &format!("its client was interrupted by {}", caught.name())).await {
        Ok(_) => Exit::new(caught.code(), format!("{} came; lease {} is released", caught.name(), plain(id))),
        Err(exit) => Exit::new(caught.code(), exit.message),
    }
}

/// Why there is no lease (any more), with the exit code that tells it.
pub fn ended(lease: &LeaseView) -> Exit {
    let id = plain(&lease.id);
    let outcome = plain(lease.outcome.as_deref().unwrap_or("it is being ended"));
    let reason = lease.reason.as_deref().map(|reason| format!(": {}", plain(reason))).unwrap_or_default();
    let said = format!("lease {id} has ended ({outcome}){reason}");
    let more = format!("; `drydock log {id}` shows what happened");
    match lease.outcome.as_deref() {
        // Its reason says what to do.
        Some("expired") if lease.active_at.is_none() => Exit::new(exit::BUSY, said),
        Some("broken" | "never-servable") => Exit::new(exit::BROKEN, said + &more),
        _ => Exit::new(exit::FAILURE, said + &more),
    }
}

fn waits(lease: &LeaseView) -> bool {
    !over(lease) && lease.status != LeaseStatus::Active
}

/// It has ended, or is about to.
pub fn over(lease: &LeaseView) -> bool {
    lease.status.ended() || lease.wanted == Wanted::End
}

async fn look(client: &Client, id: &str, seen: Option<String>) -> Result<LeaseDetailView, ClientError> {
    patiently(async || client.get(&path("leases", id), &poll(seen.clone())).await).await
}

fn poll(seen: Option<String>) -> WaitQuery {
    let wait_ms = seen.as_ref().map(|_| POLL.as_millis() as u64);
    WaitQuery { wait_ms, seen }
}

/// Repeats a request while the daemon is away, for a bounded time.
pub async fn patiently<T>(attempt: impl AsyncFnMut() -> Result<T, ClientError>) -> Result<T, ClientError> {
    tolerantly(Some(PATIENCE), attempt).await
}

/// The same, without bounds where no patience is given.
pub async fn tolerantly<T>(
    patience: Option<Duration>,
    mut attempt: impl AsyncFnMut() -> Result<T, ClientError>,
) -> Result<T, ClientError> {
    let mut since = None;
    let mut pause = Duration::from_millis(50);
    loop {
        let error = match attempt().await {
            Err(error) if error.passes() => error,
            answer => return answer,
        };
        let away = since.get_or_insert_with(|| {
            tell(&format!("{error}; trying again"));
            Instant::now()
        });
        if patience.is_some_and(|patience| away.elapsed() > patience) {
            return Err(error);
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use drydock_core::engine::api::Obstacle;
    use serde_json::{Value, from_value, json};

    fn lease(fields: Value) -> LeaseView {
        let mut all = json!({
            "id": "l-1", "type": "host", "owner": "ci", "status": "destroyed", "wanted": "end", "asked_at": 0,
            "attributes": {}, "labels": {}, "tag": "1",
        });
        all.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        from_value(all).unwrap()
    }

    #[test]
    fn how_a_lease_ended_is_told_by_the_code() {
        for (fields, code) in [
            (json!({"outcome": "broken", "reason": "the host is gone"}), exit::BROKEN),
            (json!({"outcome": "never-servable", "reason": "no such host"}), exit::BROKEN),
            (json!({"outcome": "expired", "reason": "not in time"}), exit::BUSY),
            (json!({"outcome": "expired", "reason": "its time is over", "active_at": 1}), exit::FAILURE),
            (json!({"outcome": "released", "reason": "asked"}), exit::FAILURE),
            (json!({"status": "active"}), exit::FAILURE),
        ] {
            let exit = ended(&lease(fields.clone()));
            assert_eq!(exit.code, code, "{fields}");
            let reason = fields["reason"].as_str().unwrap_or("being ended");
            assert!(exit.message.contains("l-1") && exit.message.contains(reason), "{}", exit.message);
        }
    }

    #[test]
    fn what_is_waited_for_names_who_has_it() {
        let holders = |count: usize| Obstacle {
            holders: (0..count).map(|number| format!("l-{number}")).collect(),
            ..Obstacle::default()
        };
        let why = |obstacles| Why { summary: "It waits, number 2 in line.".into(), obstacles, ..Why::default() };
        assert_eq!(reason("l-9", &why(vec![])), "lease l-9 waits, number 2 in line.");
        let two = why(vec![holders(1), holders(2)]);
        assert_eq!(reason("l-9", &two), "lease l-9 waits, number 2 in line. In use by l-0, l-1.");
        let many = why(vec![holders(8)]);
        assert!(reason("l-9", &many).ends_with("In use by l-0, l-1, l-2, l-3, l-4 and 3 more."));
        let other = Why { summary: "Something else.".into(), ..Why::default() };
        assert_eq!(reason("l-9", &other), "lease l-9: Something else.");
    }
}
