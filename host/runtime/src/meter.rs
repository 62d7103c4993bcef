//! How much a guest has computed.

use cpu_time::ThreadTime;
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The processor time that one call has used so far. Measured on the thread that polls the call, so that neither
/// waiting in the host nor a busy machine is billed to the guest.
#[derive(Default)]
pub(crate) struct Meter {
    /// Nanoseconds of the polls that are over.
    spent: AtomicU64,
    /// The thread's own time, in nanoseconds, when the running poll began.
    began: AtomicU64,
}

impl Meter {
    /// Runs `call` to its end, and counts while it is being polled.
    pub(crate) async fn measure<F: Future>(&self, call: F) -> F::Output {
        let mut call = pin!(call);
        std::future::poll_fn(|cx| {
            self.began.store(thread_time(), Ordering::Relaxed);
            let poll = call.as_mut().poll(cx);
            self.spent.fetch_add(self.running(), Ordering::Relaxed);
            poll
        })
        .await
    }

    /// Only meaningful inside the call that is being measured.
    pub(crate) fn spent(&self) -> Duration {
        Duration::from_nanos(self.spent.load(Ordering::Relaxed) + self.running())
    }

    fn running(&self) -> u64 {
        thread_time().saturating_sub(self.began.load(Ordering::Relaxed))
    }
}

fn thread_time() -> u64 {
    ThreadTime::now().as_duration().as_nanos() as u64
}
