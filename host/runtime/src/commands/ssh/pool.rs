//! Connections that are kept for the next command.

use super::super::error::CommandError;
use super::Target;
use super::connection::{Connection, connect};
use super::credential;
use super::doors::Doors;
use super::jobs::Jobs;
use crate::credentials::Credentials;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, sleep_until};

/// Sessions on one connection. OpenSSH by default allows 10 (`MaxSessions`); two are left for ending what has to be
/// killed.
const SESSIONS: usize = 8;
/// Sessions with one target at a time; more wait in line.
const SESSIONS_OF_TARGET: usize = 64;
/// Connections for streams to one target at a time; more wait in line.
const STREAMS_OF_TARGET: usize = 64;

/// All connections of the daemon.
pub struct Pool {
    credentials: Credentials,
    /// An unused connection is closed after this long.
    idle: Duration,
    doors: Arc<Doors>,
    targets: Mutex<HashMap<Target, Arc<Connections>>>,
    jobs: Jobs,
}

/// The connections to one target, and who waits for them.
struct Connections {
    idle: Duration,
    sessions: Arc<Semaphore>,
    streams: Arc<Semaphore>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    entries: Vec<Entry>,
    last_id: u64,
    /// A task looks after idle connections.
    swept: bool,
}

type Ready = watch::Receiver<Option<Result<Arc<Connection>, CommandError>>>;

struct Entry {
    id: u64,
    used: usize,
    /// Sessions that the server has shown to allow.
    capacity: usize,
    /// A stream uses it alone: its back-pressure stops everything on the connection.
    exclusive: bool,
    idle_since: Instant,
    /// None while it is being made.
    ready: Ready,
}

impl Entry {
    fn is_usable(&self) -> bool {
        match &*self.ready.borrow() {
            None => !is_abandoned(&self.ready),
            Some(Ok(connection)) => !connection.is_dead(),
            Some(Err(_)) => false,
        }
    }

    fn is_ready(&self) -> bool {
        matches!(&*self.ready.borrow(), Some(Ok(_)))
    }
}

/// Whoever was making the connection is gone.
fn is_abandoned(ready: &Ready) -> bool {
    ready.has_changed().is_err()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pool {
    pub fn new(credentials: Credentials, idle: Duration) -> Arc<Pool> {
        Arc::new(Pool { credentials, idle, doors: Arc::default(), targets: Mutex::default(), jobs: Jobs::default() })
    }

    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Room for one session on a connection to the target, which is made if need be. Waits in line.
    pub async fn take(pool: &Arc<Pool>, target: &Target, exclusive: bool) -> Result<Slot, CommandError> {
        // Before anything else: a name that does not exist must not depend on what is already connected.
        let credential = credential::find(&pool.credentials, &target.credential)?;
        let connections = pool.connections(target);
        let limit = if exclusive { &connections.streams } else { &connections.sessions };
        let permit = limit
            .clone()
            .acquire_owned()
            .await
            .map_err(|_| CommandError::Other(format!("the connections to {target} are being closed; ask again")))?;
        let (id, mut ready) = connections.reserve(exclusive, || {
            let (sender, ready) = watch::channel(None);
            let (target, credential, doors) = (target.clone(), credential.clone(), pool.doors.clone());
            // In a task of its own: others may come to wait for it, and stay when the first has given up.
            tokio::spawn(async move {
                let made = connect(&target, &credential, &doors).await.map(Arc::new);
                sender.send_replace(Some(made));
            });
            ready
        });
        let seat = Seat { connections, id, _permit: permit };
        let made = match ready.wait_for(Option::is_some).await {
            Ok(made) => made.clone(),
            Err(_) => None,
        };
        match made {
            Some(Ok(connection)) => Ok(Slot { connection, seat }),
            Some(Err(error)) => Err(error),
            None => Err(CommandError::Other(format!("connecting to {target} broke off inside the host; ask again"))),
        }
    }

    fn connections(&self, target: &Target) -> Arc<Connections> {
        let mut targets = lock(&self.targets);
        if let Some(found) = targets.get(target) {
            return found.clone();
        }
        // Targets come and go; those that nobody uses are forgotten.
        targets.retain(|_, known| Arc::strong_count(known) > 1 || !lock(&known.state).entries.is_empty());
        targets.entry(target.clone()).or_insert_with(|| Connections::new(self.idle)).clone()
    }

    pub fn jobs(&self) -> &Jobs {
        &self.jobs
    }

    /// Ends what runs, then closes all connections.
    pub async fn close(&self) {
        self.jobs.end().await;
        let targets: Vec<Arc<Connections>> = lock(&self.targets).drain().map(|(_, connections)| connections).collect();
        let mut closing = Vec::new();
        for connections in targets {
            for entry in lock(&connections.state).entries.drain(..) {
                if let Some(Ok(connection)) = &*entry.ready.borrow() {
                    closing.push(connection.clone());
                }
            }
        }
        futures::future::join_all(closing.iter().map(|connection| connection.close())).await;
    }
}

impl Connections {
    fn new(idle: Duration) -> Arc<Connections> {
        Arc::new(Connections {
            idle,
            sessions: Arc::new(Semaphore::new(SESSIONS_OF_TARGET)),
            streams: Arc::new(Semaphore::new(STREAMS_OF_TARGET)),
            state: Mutex::default(),
        })
    }

    /// Picks a connection that is ready before one that is being made before a new one.
    fn reserve(&self, exclusive: bool, make: impl FnOnce() -> Ready) -> (u64, Ready) {
        let mut state = lock(&self.state);
        state.entries.retain(Entry::is_usable);
        let fits = |entry: &&mut Entry| match exclusive {
            true => entry.used == 0 && !entry.exclusive,
            false => entry.used < entry.capacity && !entry.exclusive,
        };
        if let Some(entry) = state.entries.iter_mut().filter(fits).max_by_key(|entry| entry.is_ready()) {
            entry.used += 1;
            entry.exclusive = exclusive;
            return (entry.id, entry.ready.clone());
        }
        state.last_id += 1;
        let entry = Entry {
            id: state.last_id,
            used: 1,
            capacity: SESSIONS,
            exclusive,
            idle_since: Instant::now(),
            ready: make(),
        };
        let made = (entry.id, entry.ready.clone());
        state.entries.push(entry);
        made
    }

    fn give_back(self: &Arc<Connections>, id: u64) {
        let mut state = lock(&self.state);
        let Some(entry) = state.entries.iter_mut().find(|entry| entry.id == id) else { return };
        entry.used = entry.used.saturating_sub(1);
        if entry.used > 0 {
            return;
        }
        entry.exclusive = false;
        entry.idle_since = Instant::now();
        if !state.swept
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            state.swept = true;
            runtime.spawn(sweep(Arc::downgrade(self)));
        }
    }
}

/// Closes what has been idle for long, until nothing is left.
async fn sweep(connections: Weak<Connections>) {
    loop {
        let Some(connections) = connections.upgrade() else { return };
        let now = Instant::now();
        let (closing, next) = {
            let mut state = lock(&connections.state);
            let expired = |entry: &mut Entry| entry.used == 0 && entry.idle_since + connections.idle <= now;
            let closing: Vec<Entry> = state.entries.extract_if(.., expired).collect();
            state.entries.retain(Entry::is_usable);
            let idle = state
                .entries
                .iter()
                .filter(|entry| entry.used == 0)
                .map(|entry| entry.idle_since + connections.idle)
                .min();
            state.swept = idle.is_some();
            (closing, idle)
        };
        for entry in closing {
            let ready = entry.ready.borrow().clone();
            if let Some(Ok(connection)) = ready {
                connection.close().await;
            }
        }
        drop(connections);
        match next {
            Some(next) => sleep_until(next).await,
            None => return,
        }
    }
}

/// Room for one session, given back when dropped.
struct Seat {
    connections: Arc<Connections>,
    id: u64,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.connections.give_back(self.id);
    }
}

/// Room for one session on a connection.
pub struct Slot {
    connection: Arc<Connection>,
    seat: Seat,
}

impl Slot {
    pub fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    /// Whether nobody else uses the connection, or is about to.
    pub fn is_alone(&self) -> bool {
        let state = lock(&self.seat.connections.state);
        state.entries.iter().any(|entry| entry.id == self.seat.id && entry.used == 1)
    }

    /// The server opened no further session here: asks for fewer from now on.
    pub fn narrow(&self) {
        let mut state = lock(&self.seat.connections.state);
        if let Some(entry) = state.entries.iter_mut().find(|entry| entry.id == self.seat.id) {
            entry.capacity = entry.capacity.min(entry.used - 1).max(1);
        }
    }

    /// The connection is of no use any more, to nobody.
    pub fn discard(self) {
        lock(&self.seat.connections.state).entries.retain(|entry| entry.id != self.seat.id);
        let connection = self.connection.clone();
        tokio::spawn(async move { connection.close().await });
    }
}
