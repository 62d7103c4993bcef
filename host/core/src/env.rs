//! The seam between the engine and everything that is not decided by its arguments: time, chance, tasks, and the points
//! at which the simulator may step in. The engine reads no clock and starts no task in any other way.

use futures::future::BoxFuture;
use std::sync::Arc;

pub trait Env: Send + Sync + 'static {
    /// Milliseconds since 1970.
    fn now(&self) -> i64;

    fn random(&self) -> u64;

    /// Ready when `now` has reached the instant.
    fn sleep_until(&self, at: i64) -> BoxFuture<'static, ()>;

    /// Runs a task of this node until it ends or the node does. The name is for traces.
    fn spawn(&self, name: &'static str, task: BoxFuture<'static, ()>);

    /// A point at which the simulator chooses who goes on, and what goes wrong.
    fn point(&self, point: Point) -> BoxFuture<'static, Verdict>;

    /// Whether anybody reads the notes of points; making one takes time.
    fn traces(&self) -> bool;

    /// Whether the log says of each plan what it was made from.
    fn records(&self) -> bool {
        true
    }

    /// Waits until real I/O may start, and counts it as under way until what it returns is dropped. The simulator lets
    /// one go at a time, since the order in which several end would not be its own.
    fn io(&self) -> BoxFuture<'static, Box<dyn Send>>;

    /// Tells the other nodes over the same store what a group has left. They are told late, or never, without harm.
    fn tell(&self, touched: Arc<crate::store::Touched>);
}

/// What is about to happen, or has just happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point {
    pub what: What,
    /// For traces and stories.
    pub note: String,
    pub after: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum What {
    /// A group of commits.
    Commit,
    /// A read.
    Look,
    /// A deciding call.
    Decide,
    /// An acting call.
    Act,
}

/// What the simulator makes of a point; outside of it, always `Go`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Go,
    /// Before: it is not done, and fails. After: it was done, and its answer is lost.
    Fail,
}

/// The real world: the system's clock, tokio's tasks.
pub struct Real {
    tasks: tokio::task::JoinHandle<()>,
    spawn: tokio::sync::mpsc::UnboundedSender<BoxFuture<'static, ()>>,
}

impl Real {
    /// Must be called within a tokio runtime, which the node's tasks run on.
    pub fn new() -> Arc<Real> {
        let (spawn, mut tasks) = tokio::sync::mpsc::unbounded_channel::<BoxFuture<'static, ()>>();
        let run = async move {
            let mut all = tokio::task::JoinSet::new();
            loop {
                tokio::select! {
                    biased;
                    task = tasks.recv() => match task {
                        Some(task) => { all.spawn(task); }
                        None => break,
                    },
                    Some(ended) = all.join_next() => if let Err(error) = ended && error.is_panic() {
                        tracing::error!(%error, "a task of the engine panicked");
                    },
                }
            }
        };
        Arc::new(Real { tasks: tokio::spawn(run), spawn })
    }

    /// Ends every task of the node where it is, as the end of the process would.
    pub fn end(&self) {
        self.tasks.abort();
    }
}

impl Drop for Real {
    fn drop(&mut self) {
        self.tasks.abort();
    }
}

// The one place where the engine meets the system's clock and its randomness.
#[allow(clippy::disallowed_methods)]
impl Env for Real {
    fn now(&self) -> i64 {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        since.map_or(0, |since| since.as_millis() as i64)
    }

    fn random(&self) -> u64 {
        rand::random()
    }

    fn sleep_until(&self, at: i64) -> BoxFuture<'static, ()> {
        let millis = (at - self.now()).max(0) as u64;
        Box::pin(tokio::time::sleep(std::time::Duration::from_millis(millis)))
    }

    fn spawn(&self, _: &'static str, task: BoxFuture<'static, ()>) {
        // The other end is gone only when the node is.
        let _ = self.spawn.send(task);
    }

    fn point(&self, _: Point) -> BoxFuture<'static, Verdict> {
        Box::pin(std::future::ready(Verdict::Go))
    }

    fn traces(&self) -> bool {
        false
    }

    fn io(&self) -> BoxFuture<'static, Box<dyn Send>> {
        let nothing: Box<dyn Send> = Box::new(());
        Box::pin(std::future::ready(nothing))
    }

    fn tell(&self, _: Arc<crate::store::Touched>) {}
}
