//! Runs tasks by hand: the lowest number first, until nothing is woken and no real I/O is under way.

use futures::future::BoxFuture;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;
use tokio::sync::Notify;

/// A run whose driver is not woken for so long in real time has met I/O that goes around the gate, or a deadlock below.
/// It is looked at several times, since a process that stands still for a while finds only one look due afterwards.
const WATCHDOG: (Duration, u32) = (Duration::from_secs(20), 6);

/// What wakers and I/O share with the driver.
#[derive(Default)]
pub struct Shared {
    woken: Mutex<BTreeSet<usize>>,
    io: AtomicUsize,
    notify: Notify,
}

impl Shared {
    fn wake(&self, task: usize) {
        self.woken.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).insert(task);
        self.notify.notify_one();
    }

    fn next(&self) -> Option<usize> {
        self.woken.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).pop_first()
    }

    /// Counts real I/O as under way until the guard is dropped.
    pub fn io(self: &Arc<Self>) -> IoGuard {
        self.io.fetch_add(1, Ordering::SeqCst);
        IoGuard(Arc::clone(self))
    }
}

pub struct IoGuard(Arc<Shared>);

impl Drop for IoGuard {
    fn drop(&mut self) {
        self.0.io.fetch_sub(1, Ordering::SeqCst);
        self.0.notify.notify_one();
    }
}

struct TaskWaker {
    task: usize,
    shared: Arc<Shared>,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.shared.wake(self.task);
    }
}

struct Task {
    /// Whose it is: what is killed goes with all its tasks.
    owner: usize,
    future: BoxFuture<'static, ()>,
}

#[derive(Default)]
pub struct Executor {
    pub shared: Arc<Shared>,
    tasks: Vec<Option<Task>>,
}

impl Executor {
    pub fn spawn(&mut self, owner: usize, future: BoxFuture<'static, ()>) {
        self.tasks.push(Some(Task { owner, future }));
        self.shared.wake(self.tasks.len() - 1);
    }

    /// Drops every task of an owner.
    pub fn kill(&mut self, owner: usize) {
        for task in &mut self.tasks {
            if task.as_ref().is_some_and(|task| task.owner == owner) {
                *task = None;
            }
        }
    }

    /// Runs until everybody waits for the scheduler. `spawned` hands over what the tasks have started meanwhile.
    pub async fn settle(&mut self, mut spawned: impl FnMut() -> Vec<(usize, BoxFuture<'static, ()>)>) {
        let mut silent = 0;
        loop {
            for (owner, future) in spawned() {
                self.spawn(owner, future);
            }
            if let Some(number) = self.shared.next() {
                self.poll(number);
                continue;
            }
            if self.shared.io.load(Ordering::SeqCst) == 0 {
                return;
            }
            match tokio::time::timeout(WATCHDOG.0, self.shared.notify.notified()).await {
                Ok(()) => silent = 0,
                Err(_) => silent += 1,
            }
            assert!(silent < WATCHDOG.1, "the simulator's driver waits for I/O that does not end");
        }
    }

    fn poll(&mut self, number: usize) {
        let Some(slot) = self.tasks.get_mut(number) else { return };
        let Some(task) = slot else { return };
        let waker = Waker::from(Arc::new(TaskWaker { task: number, shared: Arc::clone(&self.shared) }));
        if let Poll::Ready(()) = task.future.as_mut().poll(&mut Context::from_waker(&waker)) {
            *slot = None;
        }
    }
}
