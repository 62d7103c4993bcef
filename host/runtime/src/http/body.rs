//! What a guest gets of a response's body: no more than it may have, no later, and without the secrets in it.

use crate::credentials::Scrubber;
use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep, sleep, sleep_until};
use wasmtime_wasi::runtime::AbortOnDropJoinHandle;
use wasmtime_wasi_http::Error;

/// Bytes of one body, in either direction.
pub(super) const LONGEST: u64 = 16 << 20;

/// The body of a response as it arrives. Trailers are left out. It keeps its connection, and gives up its place among
/// the call's connections when it is dropped.
pub(super) struct Received {
    incoming: Incoming,
    left: u64,
    scrubber: Option<Scrubber>,
    deadline: Pin<Box<Sleep>>,
    /// What the guest wants to wait at most for the next piece.
    between: Option<(Duration, Pin<Box<Sleep>>)>,
    ended: bool,
    _connection: AbortOnDropJoinHandle<()>,
    _place: OwnedSemaphorePermit,
}

impl Received {
    pub(super) fn new(
        incoming: Incoming,
        scrubber: Option<Scrubber>,
        deadline: Instant,
        between: Option<Duration>,
        connection: AbortOnDropJoinHandle<()>,
        place: OwnedSemaphorePermit,
    ) -> Received {
        Received {
            incoming,
            left: LONGEST,
            scrubber,
            deadline: Box::pin(sleep_until(deadline)),
            between: between.map(|between| (between, Box::pin(sleep(between)))),
            ended: false,
            _connection: connection,
            _place: place,
        }
    }

    /// What can be handed on of a piece. None: nothing yet.
    fn clean(&mut self, piece: Bytes) -> Option<Bytes> {
        let Some(scrubber) = &mut self.scrubber else { return Some(piece) };
        let clean = scrubber.push(&piece);
        (!clean.is_empty()).then(|| clean.into())
    }

    fn end(&mut self) -> Option<Bytes> {
        self.ended = true;
        let rest = self.scrubber.take()?.finish();
        (!rest.is_empty()).then(|| rest.into())
    }
}

impl Body for Received {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = &mut *self;
        if this.ended {
            return Poll::Ready(None);
        }
        if this.deadline.as_mut().poll(cx).is_ready() {
            this.ended = true;
            return Poll::Ready(Some(Err(Error::HttpResponseTimeout)));
        }
        loop {
            match Pin::new(&mut this.incoming).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    let Ok(piece) = frame.into_data() else { continue };
                    if let Some((between, sleep)) = &mut this.between {
                        sleep.as_mut().reset(Instant::now() + *between);
                    }
                    let Some(left) = this.left.checked_sub(piece.len() as u64) else {
                        this.ended = true;
                        return Poll::Ready(Some(Err(Error::HttpResponseBodySize(Some(LONGEST)))));
                    };
                    this.left = left;
                    if let Some(clean) = this.clean(piece) {
                        return Poll::Ready(Some(Ok(Frame::data(clean))));
                    }
                }
                Poll::Ready(Some(Err(_))) => {
                    this.ended = true;
                    return Poll::Ready(Some(Err(Error::HttpResponseIncomplete)));
                }
                Poll::Ready(None) => return Poll::Ready(this.end().map(|rest| Ok(Frame::data(rest)))),
                Poll::Pending => {
                    let Some((_, sleep)) = &mut this.between else { return Poll::Pending };
                    ready!(sleep.as_mut().poll(cx));
                    this.ended = true;
                    return Poll::Ready(Some(Err(Error::ConnectionReadTimeout)));
                }
            }
        }
    }
}
