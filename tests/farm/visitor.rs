//! One client: it leases a host, looks whether it is alone there, and lets go. What it has been told, it writes down.

use crate::house::DEADLINE;
use crate::house::client::{Client, Trouble};
use drydock::api::types::LeaseDetailView;
use drydock_core::model::status::LeaseStatus;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

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
enter)
    why=$(ln -s "$who" ../busy 2>&1) || true
    [ "$(busy)" = "$who" ] || fail "the host is '$(busy)'s, not $who's ($why)"
    ;;
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

/// For one run of the script. One that takes longer has not run, or its answer is lost; it is repeated.
const LONGEST: Duration = Duration::from_secs(5);

/// How a host says that it has no room for a file.
pub const FULL: &str = "No space left on device";

/// What a client was told, and when.
#[derive(Debug)]
pub struct Stay {
    #[expect(dead_code, reason = "for messages")]
    pub owner: String,
    pub lease: String,
    pub resource: String,
    pub directory: String,
    /// The fencing epoch under which it had the host.
    pub fence: i64,
    /// Its mark was on the host from before this until after `left`.
    pub entered: Instant,
    pub left: Instant,
    /// From being asked for to being known to be active.
    pub waited: Duration,
    /// What its commands came to before they succeeded.
    pub met: Vec<Met>,
}

/// A command that was repeated.
#[derive(Debug)]
pub struct Met {
    /// Milliseconds since 1970.
    pub at: i64,
    pub what: String,
}

impl Stay {
    /// The host's folder, which tells one host from another.
    pub fn host(&self) -> &str {
        self.directory.rsplit_once('/').map_or("", |(host, _)| host)
    }
}

/// Leases a host and stays for about so long. Comes back when the release is acknowledged; fails if it is not alone.
///
/// It assumes nothing of the daemon's health, or of the host's: whatever is not answered is asked again. But a lease that
/// it was given stays its own, whatever happens, until it lets go.
pub async fn stay(client: Client, owner: String, pause: Duration) -> Stay {
    let asked = Instant::now();
    let lease = client.ask_for_host(&owner).await.id;
    let detail = active(&client, &lease).await;
    let waited = asked.elapsed();
    let handout = detail.lease.handout.expect("an active lease hands something out");
    let mut met = Vec::new();
    run(&client, &lease, "enter", &owner, &mut met).await;
    let entered = Instant::now();
    tokio::time::sleep(pause / 2).await;
    run(&client, &lease, "look", &owner, &mut met).await;
    tokio::time::sleep(pause / 2).await;
    let left = Instant::now();
    run(&client, &lease, "leave", &owner, &mut met).await;
    client.release(&lease).await;
    Stay {
        owner,
        lease,
        resource: detail.lease.resource.expect("an active lease has a resource"),
        directory: handout.directory.expect("a host with a path gives a directory"),
        fence: detail.lease.fence.expect("an active lease has a fencing epoch"),
        entered,
        left,
        waited,
        met,
    }
}

async fn active(client: &Client, lease: &str) -> LeaseDetailView {
    let there = |detail: &LeaseDetailView| detail.lease.status == LeaseStatus::Active || detail.lease.status.ended();
    let detail = client.until(lease, "it is active", there).await;
    assert_eq!(detail.lease.status, LeaseStatus::Active, "{detail:#?}");
    detail
}

/// Until it is known how the script ended, and it was not for want of room on the host's disk.
async fn run(client: &Client, lease: &str, what: &str, who: &str, met: &mut Vec<Met>) {
    let argv = ["sh", "-c", SCRIPT, "script", what, who];
    let deadline = Instant::now() + DEADLINE;
    loop {
        let trouble = match client.command(lease, &argv, LONGEST).await {
            Ok(finished) if finished.code == 0 => return,
            Ok(finished) if finished.said.contains(FULL) => finished.said,
            Ok(finished) => panic!("{who} on lease {lease}, {what}: {finished:?}; before that: {met:#?}"),
            Err(Trouble::NoAnswer(why)) => why,
            Err(trouble) if trouble.passes() => format!("{trouble:?}"),
            Err(trouble) => panic!("{who} on lease {lease}, {what}: {trouble:?}; before that: {met:#?}"),
        };
        let at = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis() as i64;
        met.push(Met { at, what: trouble });
        assert!(Instant::now() < deadline, "{who} on lease {lease} can't {what}: {met:#?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
