//! One client: it leases a host, looks whether it is alone there, and lets go. What it has been told, it writes down.

use crate::house::client::{Client, Finished};
use drydock::api::types::LeaseDetailView;
use drydock_core::model::status::LeaseStatus;
use std::time::{Duration, Instant};

/// Runs in the lease's directory, whose parent is the host's folder: `script WHAT WHO`.
///
/// `enter` marks the host as taken, `look` looks, `leave` takes the mark away. Each can be repeated, since the answer of
/// one may be lost: the mark is made in one step and bears its owner's name.
const SCRIPT: &str = r#"
set -eu
what=$1 who=$2
fail() { echo "$1" >&2; exit 9; }
busy() { readlink ../busy || true; }
case $what in
enter) ln -s "$who" ../busy 2> /dev/null || true; [ "$(busy)" = "$who" ] || fail "the host is $(busy)'s, not $who's" ;;
look) [ "$(busy)" = "$who" ] || fail "the host was $who's, and is '$(busy)'s" ;;
leave) [ "$(busy)" = "$who" ] || [ -z "$(busy)" ] || fail "the host was $who's, and is $(busy)'s" ;;
esac
here=$(ls -A)
[ -z "$here" ] || [ "$here" = "$who" ] || fail "$who's directory has somebody else's in it: $here"
: > "$who"
around=$(ls -A .. | grep -vxF -e busy -e "${PWD##*/}" || true)
[ -z "$around" ] || fail "beside $who's directory there is: $around"
[ "$what" != leave ] || rm -f ../busy
"#;

/// What a client was told, and when.
#[derive(Debug)]
pub struct Stay {
    #[expect(dead_code, reason = "for messages")]
    pub owner: String,
    pub lease: String,
    pub resource: String,
    pub directory: String,
    /// Its mark was on the host from before this until after `left`.
    pub entered: Instant,
    pub left: Instant,
}

impl Stay {
    /// The host's folder, which tells one host from another.
    pub fn host(&self) -> &str {
        self.directory.rsplit_once('/').map_or("", |(host, _)| host)
    }
}

/// Leases a host and stays for about so long. Comes back when the release is acknowledged; fails if it is not alone.
pub async fn stay(client: Client, owner: String, pause: Duration) -> Stay {
    let lease = client.ask_for_host(&owner).await.id;
    let detail = active(&client, &lease).await;
    let handout = detail.lease.handout.expect("an active lease hands something out");
    run(&client, &lease, "enter", &owner).await;
    let entered = Instant::now();
    tokio::time::sleep(pause / 2).await;
    run(&client, &lease, "look", &owner).await;
    tokio::time::sleep(pause / 2).await;
    let left = Instant::now();
    run(&client, &lease, "leave", &owner).await;
    client.release(&lease).await;
    Stay {
        owner,
        lease,
        resource: detail.lease.resource.expect("an active lease has a resource"),
        directory: handout.directory.expect("a host with a path gives a directory"),
        entered,
        left,
    }
}

async fn active(client: &Client, lease: &str) -> LeaseDetailView {
    let there = |detail: &LeaseDetailView| detail.lease.status == LeaseStatus::Active || detail.lease.status.ended();
    let detail = client.until(lease, "it is active", there).await;
    assert_eq!(detail.lease.status, LeaseStatus::Active, "{detail:#?}");
    detail
}

/// Until it is known how the script ended.
async fn run(client: &Client, lease: &str, what: &str, who: &str) {
    let argv = ["sh", "-c", SCRIPT, "script", what, who];
    let Finished { code, said } = client.insist("runs a command on its host", || client.command(lease, &argv)).await;
    assert_eq!(code, 0, "{who} on lease {lease}, {what}: {said}");
}
