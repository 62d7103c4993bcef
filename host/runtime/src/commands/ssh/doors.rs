//! How many handshakes a server is asked for at a time.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Handshakes with one server at a time. OpenSSH by default begins to drop connections at random when 10 have not logged
/// in yet (`MaxStartups 10:30:100`); others log in too.
const HANDSHAKES: usize = 4;

/// By address and port: many hosts of a configuration may be one server under several names or users.
#[derive(Debug, Default)]
pub struct Doors(Mutex<HashMap<SocketAddr, Arc<Semaphore>>>);

impl Doors {
    /// Waits in line; the permit is to be held until the connection has logged in.
    pub async fn enter(&self, address: SocketAddr) -> Option<OwnedSemaphorePermit> {
        let door = {
            let mut doors = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            doors.retain(|_, door| Arc::strong_count(door) > 1 || door.available_permits() < HANDSHAKES);
            doors.entry(address).or_insert_with(|| Arc::new(Semaphore::new(HANDSHAKES))).clone()
        };
        // Nobody closes the semaphore.
        door.acquire_owned().await.ok()
    }
}
