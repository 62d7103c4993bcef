//! Commands that are under way: each goes on for itself until nothing of it is left, whoever waits for it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// How long closing waits for programs to be killed.
const END: Duration = Duration::from_secs(5);

#[derive(Debug, Default)]
pub struct Jobs {
    tasks: Mutex<JoinSet<()>>,
    /// Changes when all that is under way shall end.
    ending: watch::Sender<()>,
}

/// Resolves when the jobs shall end.
pub struct Ending(watch::Receiver<()>);

impl Ending {
    pub async fn wait(&mut self) {
        // The end of the sender is the end of all jobs, too.
        let _ = self.0.changed().await;
    }
}

impl Jobs {
    pub fn spawn(&self, job: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.lock();
        while tasks.try_join_next().is_some() {}
        tasks.spawn(job);
    }

    pub fn ending(&self) -> Ending {
        Ending(self.ending.subscribe())
    }

    /// Tells all to end, and waits until they have, but not for ever.
    pub async fn end(&self) {
        self.ending.send_replace(());
        let mut tasks = std::mem::take(&mut *self.lock());
        if timeout(END, async { while tasks.join_next().await.is_some() {} }).await.is_err() {
            tracing::warn!(left = tasks.len(), "not all commands on other machines ended in time");
            tasks.detach_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
