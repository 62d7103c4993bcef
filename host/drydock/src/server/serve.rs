//! The daemon from start to stop.

use super::apply::Applier;
use super::catalogue::Current;
use super::logging::{self, LogFormat};
use super::news::News;
use super::router::{App, now, router};
use super::socket::{Bound, Guard, Peer};
use super::{node, plugins};
use crate::config::Config;
use crate::exit::{self, Exit};
use axum::Router;
use drydock_core::env::Real;
use drydock_runtime::commands::Runner;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout_at;

/// How a daemon is started.
#[derive(Clone, Debug)]
pub struct Options {
    /// The configuration file.
    pub config: PathBuf,
    /// Instead of the configuration's.
    pub socket: Option<PathBuf>,
    pub log: LogFormat,
}

/// How long connections may take to end after the time that commands and steps have for that.
const LAST_ANSWERS: Duration = Duration::from_secs(2);

/// Runs a daemon until it is told to stop by SIGTERM or SIGINT. A second signal stops it at once. SIGHUP has it read its
/// configuration again.
///
/// It prints one line that begins with `ready` to stderr as soon as clients can connect.
pub fn serve(options: Options) -> Result<(), Exit> {
    logging::start(options.log)?;
    let config = Config::read(&options.config).map_err(|e| Exit::new(exit::INVALID, e.to_string()))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| Exit::new(exit::FAILURE, format!("the daemon can't start its threads: {e}")))?;
    let served = runtime.block_on(run(config, options.socket));
    // What hangs in a blocking call does not hold the daemon up.
    runtime.shutdown_timeout(Duration::from_secs(1));
    served
}

async fn run(config: Config, socket: Option<PathBuf>) -> Result<(), Exit> {
    let mut signals = Signals::new()?;
    let path = socket.unwrap_or_else(|| config.socket.clone());
    let runner = Runner::new(config.credentials.clone());
    let loader = plugins::loader(&config, runner.clone())?;
    let node = node::start(&config, &loader, Real::new()).await?;
    let applier = Arc::new(Applier::new(loader, config.clone()));
    let bound = match Bound::new(&path).await {
        Ok(bound) => bound,
        Err(error) => {
            node.stop(now()).await;
            return Err(Exit::new(exit::FAILURE, error.to_string()));
        }
    };
    let news = News::new();
    let follower = tokio::spawn(Arc::clone(&news).follow(node.listen()));
    let app = App {
        node: Arc::clone(&node),
        catalogue: Current::default(),
        applier: Some(Arc::clone(&applier)),
        runner,
        news: Arc::clone(&news),
        name: config.node.clone(),
        store: config.store.shown(),
        stop_grace: config.stop_grace,
        started: Instant::now(),
    };
    let answering = Answering::start(bound, router(Arc::new(app)));
    // Whoever started it may have stopped listening.
    let _ = writeln!(
        std::io::stderr(),
        "ready on {} (process {}, store {})",
        path.display(),
        std::process::id(),
        config.store.shown()
    );
    while !signals.stop_or_reload().await {
        let (applier, node) = (Arc::clone(&applier), Arc::clone(&node));
        tokio::spawn(async move { applier.reload(&node).await });
    }
    tracing::info!("stopping: what runs has {} s to end", config.stop_grace.as_secs());
    let clean = async {
        news.stop();
        let grace = i64::try_from(config.stop_grace.as_millis()).unwrap_or_default();
        let last = tokio::time::Instant::now() + config.stop_grace + LAST_ANSWERS;
        answering.stop(node.stop(now().saturating_add(grace)), last).await;
    };
    let stopped = tokio::select! {
        () = clean => Ok(()),
        () = signals.recv() => Err(Exit::new(exit::FAILURE, "stopped at once by a second signal")),
    };
    follower.abort();
    stopped
}

/// The listener and its connections.
struct Answering {
    closing: oneshot::Sender<()>,
    connections: JoinHandle<()>,
    guard: Guard,
}

impl Answering {
    fn start(bound: Bound, router: Router) -> Answering {
        let (closing, closed) = oneshot::channel::<()>();
        let service = router.into_make_service_with_connect_info::<Peer>();
        let connections = tokio::spawn(async move {
            // Dropping the sender closes too.
            let closed = async { drop(closed.await) };
            // Accepting goes on after errors, so there is none to tell of.
            let _ = axum::serve(bound.listener, service).with_graceful_shutdown(closed).await;
        });
        Answering { closing, connections, guard: bound.guard }
    }

    /// Takes no more connections, lets `meanwhile` happen, and waits until `last` for those that still get an answer. The
    /// socket is there to the end, so that nobody starts on the same store while this one still has it.
    async fn stop(self, meanwhile: impl Future<Output = ()>, last: tokio::time::Instant) {
        drop(self.closing);
        meanwhile.await;
        if timeout_at(last, self.connections).await.is_err() {
            tracing::warn!("some connections did not end in time and are cut");
        }
        drop(self.guard);
    }
}

/// What tells the daemon to stop.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    /// To read the configuration again.
    hang_up: Signal,
}

impl Signals {
    fn new() -> Result<Signals, Exit> {
        let listen = |kind| {
            signal(kind).map_err(|e| Exit::new(exit::FAILURE, format!("the daemon can't listen for signals: {e}")))
        };
        Ok(Signals {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            hang_up: listen(SignalKind::hangup())?,
        })
    }

    /// True when the daemon is told to stop, false when it is told to read its configuration again.
    async fn stop_or_reload(&mut self) -> bool {
        tokio::select! {
            _ = self.terminate.recv() => true,
            _ = self.interrupt.recv() => true,
            _ = self.hang_up.recv() => false,
        }
    }

    async fn recv(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
