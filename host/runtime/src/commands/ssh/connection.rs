//! One authenticated connection, and how it is made.

use super::super::error::{CommandError, printable};
use super::Target;
use super::agent;
use super::credential::{KeySigner, LoadedKey, load};
use super::doors::Doors;
use super::known_hosts::KnownHost;
use crate::credentials::SshKey;
use russh::client::{self, DisconnectReason, Handle, Msg};
use russh::keys::{HashAlg, PrivateKeyWithHashAlg, PublicKeyOrCertificate};
use russh::{AgentAuthError, Channel, Disconnect, Error, Preferred, SshId};
#[cfg(target_os = "linux")]
use socket2::SockRef;
use std::borrow::Cow;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::{TcpStream, lookup_host};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout};

/// For an address to answer at all.
const CONNECT: Duration = Duration::from_secs(10);
/// For everything from the first byte to being logged in.
const HANDSHAKE: Duration = Duration::from_secs(20);
/// How long handshakes that the server dropped are repeated. It drops them when too many are under way.
const REPEAT: Duration = Duration::from_secs(20);
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// A silent host is asked for a sign of life this often; after three without an answer it counts as dead.
const KEEPALIVE: Duration = Duration::from_secs(5);
const KEEPALIVES_UNANSWERED: usize = 2;
/// For bytes that were sent to be acknowledged.
const ACKNOWLEDGE: Duration = Duration::from_secs(20);
const FAREWELL: Duration = Duration::from_secs(1);

pub struct Connection {
    handle: Handle<Peer>,
    notes: Arc<Mutex<Notes>>,
    /// Beside the sessions of the pool, one for ending what has to be killed.
    pub killer: Semaphore,
}

/// What was learnt of a connection while it lived.
#[derive(Default)]
struct Notes {
    host_key: Option<CommandError>,
    end: Option<String>,
    /// The server has said itself why it ends.
    told: bool,
}

impl Connection {
    pub fn is_dead(&self) -> bool {
        self.handle.is_closed()
    }

    /// Why it ended, as far as it is known.
    pub fn end(&self) -> String {
        lock(&self.notes).end.clone().unwrap_or_else(|| "it was closed".into())
    }

    pub async fn open_session(&self) -> Result<Channel<Msg>, Error> {
        self.handle.channel_open_session().await
    }

    pub async fn close(&self) {
        let farewell = self.handle.disconnect(Disconnect::ByApplication, "", "");
        // Of a connection that is stuck nothing more can be asked.
        let _ = timeout(FAREWELL, farewell).await;
    }
}

fn lock(notes: &Mutex<Notes>) -> std::sync::MutexGuard<'_, Notes> {
    notes.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The other side of a connection.
struct Peer {
    target: Target,
    /// None: whoever answers is trusted.
    known: Option<KnownHost>,
    notes: Arc<Mutex<Notes>>,
}

impl client::Handler for Peer {
    type Error = Error;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, Error> {
        let Some(known) = &self.known else { return Ok(true) };
        match known.check(&shown.public_key(), &self.target) {
            Ok(()) => Ok(true),
            Err(refusal) => {
                lock(&self.notes).host_key = Some(refusal);
                Ok(false)
            }
        }
    }

    async fn disconnected(&mut self, reason: DisconnectReason<Error>) -> Result<(), Error> {
        let mut notes = lock(&self.notes);
        notes.end = Some(match &reason {
            DisconnectReason::ReceivedDisconnect(info) => {
                notes.told = true;
                format!("the server said: {}", printable(&info.message))
            }
            DisconnectReason::Error(Error::KeepaliveTimeout) => "the host gave no sign of life".into(),
            DisconnectReason::Error(Error::Disconnect | Error::HUP) => "the server closed it".into(),
            DisconnectReason::Error(error) => printable(&error.to_string()),
        });
        Ok(())
    }
}

/// Why one attempt gave no connection.
enum Failed {
    /// The server dropped it before it had logged in; the next attempt may fare better.
    Dropped(String),
    /// Nothing answers at this address.
    Absent(String),
    Finally(CommandError),
}

/// Connects and logs in. Takes at most about a minute.
pub async fn connect(target: &Target, credential: &SshKey, doors: &Doors) -> Result<Connection, CommandError> {
    let key = load(&target.credential, credential).await?;
    let known = match credential.check_host_key {
        true => Some(KnownHost::read(target, credential).await?),
        false => None,
    };
    let addresses = resolve(target).await?;
    let (give_up, mut pause) = (Instant::now() + REPEAT, FIRST_PAUSE);
    loop {
        let (mut dropped, mut absent) = (None, Vec::new());
        for address in &addresses {
            let attempt = Attempt { target, key: &key, known: known.as_ref(), address: *address };
            match attempt.make(doors).await {
                Ok(connection) => {
                    tracing::debug!(%target, %address, "connected");
                    return Ok(connection);
                }
                Err(Failed::Finally(error)) => return Err(error),
                Err(Failed::Dropped(why)) => dropped = Some(why),
                Err(Failed::Absent(why)) => absent.push(format!("{address}: {why}")),
            }
        }
        let Some(why) = dropped else {
            return Err(CommandError::Unreachable(format!(
                "{target} can't be reached ({}); look whether the host is up, its SSH server listens on port {} and no \
                 firewall is in between",
                absent.join("; "),
                target.port
            )));
        };
        if Instant::now() + pause > give_up {
            return Err(CommandError::Unreachable(format!(
                "{target} closes every connection before it is logged in, for {REPEAT:?} now ({why}); look at the log of \
                 its SSH server, and whether others fill its MaxStartups"
            )));
        }
        tracing::debug!(%target, why, ?pause, "a handshake was dropped and is repeated");
        // Whoever was dropped at the same time should not come again at the same time.
        sleep(pause.mul_f64(rand::random_range(0.5..1.5))).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn resolve(target: &Target) -> Result<Vec<SocketAddr>, CommandError> {
    let unknown = |why: String| {
        CommandError::Unreachable(format!(
            "{target} can't be reached: the name has no address ({why}); correct the host's name, or look at the name \
             service of the daemon's machine"
        ))
    };
    match timeout(CONNECT, lookup_host((target.host.as_str(), target.port))).await {
        Ok(Ok(addresses)) => {
            let addresses: Vec<SocketAddr> = addresses.collect();
            if addresses.is_empty() { Err(unknown("none found".into())) } else { Ok(addresses) }
        }
        Ok(Err(error)) => Err(unknown(error.to_string())),
        Err(_) => Err(unknown(format!("no answer within {CONNECT:?}"))),
    }
}

struct Attempt<'a> {
    target: &'a Target,
    key: &'a LoadedKey,
    known: Option<&'a KnownHost>,
    address: SocketAddr,
}

impl Attempt<'_> {
    async fn make(&self, doors: &Doors) -> Result<Connection, Failed> {
        let _door = doors.enter(self.address).await;
        let stream = match timeout(CONNECT, TcpStream::connect(self.address)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) if error.kind() == ErrorKind::ConnectionReset => {
                return Err(Failed::Dropped(error.to_string()));
            }
            Ok(Err(error)) => return Err(Failed::Absent(error.to_string())),
            Err(_) => return Err(Failed::Absent(format!("no answer within {CONNECT:?}"))),
        };
        // A small request must not wait for the acknowledgement of the one before.
        let _ = stream.set_nodelay(true);
        // Without it, bytes on their way to a dead host keep the connection for a quarter of an hour.
        #[cfg(target_os = "linux")]
        let _ = SockRef::from(&stream).set_tcp_user_timeout(Some(ACKNOWLEDGE));
        match timeout(HANDSHAKE, self.shake_hands(stream)).await {
            Ok(result) => result,
            Err(_) => Err(Failed::Absent(format!("connected, but not logged in within {HANDSHAKE:?}"))),
        }
    }

    async fn shake_hands(&self, stream: TcpStream) -> Result<Connection, Failed> {
        let notes = Arc::new(Mutex::new(Notes::default()));
        let peer = Peer { target: self.target.clone(), known: self.known.cloned(), notes: notes.clone() };
        let mut handle = match client::connect_stream(Arc::new(self.config()), stream, peer).await {
            Ok(handle) => handle,
            Err(error) => {
                let refusal = lock(&notes).host_key.take();
                return Err(refusal.map_or_else(|| self.explain(error), Failed::Finally));
            }
        };
        self.log_in(&mut handle, &notes).await?;
        Ok(Connection { handle, notes, killer: Semaphore::new(1) })
    }

    fn config(&self) -> client::Config {
        let default = Preferred::DEFAULT;
        let key = match self.known {
            Some(known) => Cow::Owned(known.prefer(&default.key)),
            None => default.key,
        };
        client::Config {
            client_id: SshId::Standard(Cow::Borrowed("SSH-2.0-drydock")),
            preferred: Preferred { key, ..Preferred::DEFAULT },
            keepalive_interval: Some(KEEPALIVE),
            keepalive_max: KEEPALIVES_UNANSWERED,
            nodelay: true,
            ..client::Config::default()
        }
    }

    async fn log_in(&self, handle: &mut Handle<Peer>, notes: &Mutex<Notes>) -> Result<(), Failed> {
        let hash = match self.key.public.algorithm().is_rsa() {
            // A server that does not say what it takes is new enough for SHA-2, or too old to be trusted.
            true => match handle.best_supported_rsa_hash().await {
                Ok(Some(best)) => best,
                Ok(None) | Err(_) => Some(HashAlg::Sha512),
            },
            false => None,
        };
        let user = self.target.user.clone();
        let answer = match &self.key.signer {
            KeySigner::Daemon(key) => {
                let key = PrivateKeyWithHashAlg::new(key.clone(), hash);
                handle.authenticate_publickey(user, key).await.map_err(|_| self.cut_off(notes))?
            }
            KeySigner::Agent(socket) => {
                let name = &self.target.credential;
                let mut agent = agent::find(name, socket, &self.key.public).await.map_err(Failed::Finally)?;
                let public = self.key.public.clone();
                match handle.authenticate_publickey_with(user, public, hash, &mut agent).await {
                    Ok(answer) => answer,
                    Err(AgentAuthError::Send(_)) => return Err(self.cut_off(notes)),
                    Err(AgentAuthError::Key(why)) => {
                        return Err(Failed::Finally(agent::unsigned(name, socket, &why.to_string())));
                    }
                }
            }
        };
        let (partly, methods) = match answer {
            client::AuthResult::Success => return Ok(()),
            client::AuthResult::Failure { .. } if handle.is_closed() => return Err(self.cut_off(notes)),
            client::AuthResult::Failure { remaining_methods, partial_success } => (partial_success, remaining_methods),
        };
        let methods: Vec<&str> = methods.iter().map(Into::into).collect();
        Err(Failed::Finally(CommandError::Refused(match partly {
            true => format!(
                "{} accepts the key of credential {} but asks for more ({}); let its user {} log in with the key alone",
                self.target,
                self.target.credential,
                methods.join(", "),
                printable(&self.target.user)
            ),
            false => format!(
                "{} refuses the key of credential {} ({}, {} {}); put its public half into the authorized_keys of user \
                 {} there, and look whether that user may log in",
                self.target,
                self.target.credential,
                self.key.place,
                self.key.public.algorithm(),
                self.key.fingerprint(),
                printable(&self.target.user)
            ),
        })))
    }

    /// The connection ended while logging in.
    fn cut_off(&self, notes: &Mutex<Notes>) -> Failed {
        let notes = lock(notes);
        let why = notes.end.clone().unwrap_or_else(|| "the server closed it".into());
        match notes.told {
            true => Failed::Finally(CommandError::Refused(format!(
                "{} ended the connection while credential {} was logging in: {why}; look at its log",
                self.target, self.target.credential
            ))),
            false => Failed::Dropped(why),
        }
    }

    fn explain(&self, error: Error) -> Failed {
        match error {
            Error::Disconnect | Error::HUP | Error::SendError | Error::RecvError => {
                Failed::Dropped("the server closed it".into())
            }
            Error::IO(error)
                if matches!(
                    error.kind(),
                    ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe
                ) =>
            {
                Failed::Dropped(error.to_string())
            }
            Error::IO(error) => Failed::Absent(error.to_string()),
            Error::Version => Failed::Absent("what answers there does not speak SSH 2".into()),
            Error::NoCommonAlgo { kind, ours, theirs } => Failed::Finally(CommandError::Refused(format!(
                "{} and the daemon have no {kind:?} algorithm in common: it offers {}, the daemon {}; allow one of these \
                 in its sshd_config",
                self.target,
                printable(&theirs.join(", ")),
                ours.join(", ")
            ))),
            error => Failed::Finally(CommandError::Unreachable(format!(
                "{} answers, but the SSH handshake failed: {}; look at the log of its SSH server",
                self.target,
                printable(&error.to_string())
            ))),
        }
    }
}
