//! The way from a guest's question about the state of the world to the [`View`] that its caller lent.
//!
//! A store's data lives as long as the store and can't borrow, so questions go through a channel to the task that holds
//! the borrowed view: the one that also polls the guest.

use drydock_core::contract::Sight;
use drydock_core::plugin::View;
use std::future::Future;
use std::pin::pin;
use tokio::sync::{mpsc, oneshot};

enum Question {
    Taken { keys: Vec<String>, answer: oneshot::Sender<Vec<String>> },
    Used { key: String, answer: oneshot::Sender<u32> },
    Observed { answer: oneshot::Sender<Option<Sight>> },
}

/// The guest's end.
#[derive(Clone)]
pub(crate) struct Viewer(mpsc::UnboundedSender<Question>);

/// The other end, with the view that answers.
pub(crate) struct Answers<'a> {
    view: &'a dyn View,
    questions: mpsc::UnboundedReceiver<Question>,
}

pub(crate) fn bridge(view: &dyn View) -> (Viewer, Answers<'_>) {
    let (sender, questions) = mpsc::unbounded_channel();
    (Viewer(sender), Answers { view, questions })
}

impl Viewer {
    /// Nobody answers when the call is being cut off: then the answer does not matter any more.
    pub(crate) async fn taken(&self, keys: Vec<String>) -> Vec<String> {
        let (answer, answered) = oneshot::channel();
        let _ = self.0.send(Question::Taken { keys, answer });
        answered.await.unwrap_or_default()
    }

    pub(crate) async fn used(&self, key: String) -> u32 {
        let (answer, answered) = oneshot::channel();
        let _ = self.0.send(Question::Used { key, answer });
        answered.await.unwrap_or_default()
    }

    pub(crate) async fn observed(&self) -> Option<Sight> {
        let (answer, answered) = oneshot::channel();
        let _ = self.0.send(Question::Observed { answer });
        answered.await.unwrap_or_default()
    }
}

impl Answers<'_> {
    /// Runs `call` to its end, answering its questions meanwhile.
    pub(crate) async fn during<F: Future>(mut self, call: F) -> F::Output {
        let mut call = pin!(call);
        loop {
            let question = tokio::select! {
                biased;
                output = &mut call => return output,
                question = self.questions.recv() => question,
            };
            match question {
                Some(Question::Taken { keys, answer }) => {
                    let _ = answer.send(self.view.taken(keys).await);
                }
                Some(Question::Used { key, answer }) => {
                    let _ = answer.send(self.view.used(key).await);
                }
                Some(Question::Observed { answer }) => {
                    let _ = answer.send(self.view.observed().await);
                }
                // The guest's end is gone, so no question can come any more.
                None => return call.await,
            }
        }
    }
}
