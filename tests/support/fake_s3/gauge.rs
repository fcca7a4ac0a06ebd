//! Counts how many answers are under way at once.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, SizeHint};

use super::fault::{BoxError, ResponseBody};

/// How many of something are under way, and the most that ever were.
#[derive(Debug, Default)]
pub(super) struct Gauge {
    now: AtomicUsize,
    most: AtomicUsize,
}

/// One of the things a [`Gauge`] counts; it is over when this is dropped.
pub(super) struct UnderWay(Arc<Gauge>);

/// A body that keeps its answer under way until the last byte is out.
struct CountedBody {
    body: ResponseBody,
    _under_way: UnderWay,
}

impl Gauge {
    /// Counts one more until the token is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> UnderWay {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        UnderWay(Arc::clone(self))
    }

    /// The most that ever were under way at once.
    pub(super) fn most(&self) -> usize {
        self.most.load(Ordering::SeqCst)
    }

    /// Forgets the past, but not what is under way now.
    pub(super) fn forget(&self) {
        self.most
            .store(self.now.load(Ordering::SeqCst), Ordering::SeqCst);
    }
}

impl UnderWay {
    /// Ties this to a body: it is over when the last byte is out, or the client is gone.
    pub(super) fn until_end_of(self, body: ResponseBody) -> ResponseBody {
        let counted = CountedBody {
            body,
            _under_way: self,
        };
        counted.boxed_unsync()
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Body for CountedBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
