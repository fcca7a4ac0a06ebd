//! What can go wrong: faults, the rules that say when, and what they do to a response body.

use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use http::{HeaderValue, Response, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;

use super::FakeS3;
use super::log::LoggedRequest;

/// How often a rule that never wears out fires.
pub const ALWAYS: usize = usize::MAX;
/// How long a reset waits for bytes already handed to the kernel to reach the client, which a
/// reset would otherwise overtake.
const BYTES_UNDER_WAY: Duration = Duration::from_millis(20);

/// Any error; the server aborts the connection with it.
pub(super) type BoxError = Box<dyn std::error::Error + Send + Sync>;
/// A response body, faulty or not.
pub(super) type ResponseBody = UnsyncBoxBody<Bytes, BoxError>;

/// Something that goes wrong with one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing: lets requests pass before a later rule gets its turn.
    Pass,
    /// Answers this status and S3 error code without doing the request.
    Status(u16, &'static str),
    /// Resets the connection without doing the request.
    ResetBeforeHeaders,
    /// Sends this many bytes of the body, then resets the connection.
    ResetAfter(usize),
    /// Sends this many bytes of the body, then nothing more, and leaves the connection open.
    StallAfter(usize),
    /// Cuts the body to this many bytes and promises no more: only its size or sums tell.
    ShortBody(usize),
    /// Flips one bit of the byte at this offset.
    Corrupt(usize),
    /// Sends the body in pieces of so many bytes, with a delay before each.
    Slow {
        /// How large a piece is.
        bytes: usize,
        /// How long each piece takes.
        delay: Duration,
    },
    /// Waits, then does the request and answers.
    Delay(Duration),
    /// Never does the request and never answers.
    Hang,
    /// Does the request, then closes the connection without answering.
    StoreAndDrop,
    /// Another writer comes first: stores these bytes under the request's key, then does the request.
    Overwrite(&'static str),
}

/// A fault and when it happens.
#[derive(Clone, Debug)]
struct Rule {
    action: String,
    key_part: String,
    times: usize,
    fault: Fault,
    /// Whether `action` is a permission rather than a method or an operation.
    permission: bool,
}

/// From when on the server is dead, and whether it still does what it no longer answers.
#[derive(Clone, Copy, Debug)]
struct Death {
    answers_left: usize,
    fault_after: fn() -> Fault,
}

/// The faults that are due.
#[derive(Debug, Default)]
pub(super) struct Faults {
    rules: Vec<Rule>,
    death: Option<Death>,
}

/// What goes wrong. The oldest rule that matches and is not worn out decides.
impl FakeS3 {
    /// Makes the next `times` matching requests fail this way; see [`ALWAYS`].
    ///
    /// `action` is an HTTP method, an operation (`GetObject`) or `""`. `key_part` is a piece of
    /// the key, or of the prefix of a listing; `s3://bucket/piece` also asks for that bucket.
    pub fn fault(&self, action: &str, key_part: &str, times: usize, fault: Fault) {
        self.add_rule(action, key_part, times, fault, false);
    }

    /// Answers 403 `AccessDenied` from now on. Actions are operations; as in IAM `GetObject`
    /// covers `HeadObject`, `PutObject` multipart uploads, `ListBucket` listings. The keys inside
    /// a `DeleteObjects` are not looked at.
    pub fn deny(&self, action: &str, key_part: &str) {
        self.add_rule(
            action,
            key_part,
            ALWAYS,
            Fault::Status(403, "AccessDenied"),
            true,
        );
    }

    /// Answers 400 `ExpiredToken` to everything from now on.
    pub fn expire_token(&self) {
        self.fault("", "", ALWAYS, Fault::Status(400, "ExpiredToken"));
    }

    /// Answers 400 `ExpiredToken` from now on to whoever comes with this session token.
    pub fn expire_session(&self, token: &str) {
        self.site.memory.lock().expired.push(token.to_owned());
    }

    /// Forgets all rules, denials and expiry included.
    pub fn clear_faults(&self) {
        self.site.faults().rules.clear();
    }

    /// Answers `requests` more requests, then resets each connection before doing what it asks.
    pub fn die_after(&self, requests: usize) {
        self.die(requests, || Fault::ResetBeforeHeaders);
    }

    /// Answers `requests` more requests, then still does what is asked but never tells: each
    /// connection is closed instead of answered.
    pub fn die_after_losing_answers(&self, requests: usize) {
        self.die(requests, || Fault::StoreAndDrop);
    }

    /// Ends what [`Self::die_after`] began.
    pub fn revive(&self) {
        self.site.faults().death = None;
    }

    fn die(&self, answers_left: usize, fault_after: fn() -> Fault) {
        self.site.faults().death = Some(Death {
            answers_left,
            fault_after,
        });
    }

    fn add_rule(&self, action: &str, key_part: &str, times: usize, fault: Fault, permission: bool) {
        let (action, key_part) = (action.to_owned(), key_part.to_owned());
        self.site.faults().rules.push(Rule {
            action,
            key_part,
            times,
            fault,
            permission,
        });
    }
}

impl Faults {
    /// Picks the fault of this request: death first, else the oldest rule that is not worn out.
    pub(super) fn next(&mut self, request: &LoggedRequest) -> Fault {
        if let Some(death) = &mut self.death {
            match death.answers_left.checked_sub(1) {
                Some(left) => death.answers_left = left,
                None => return (death.fault_after)(),
            }
        }
        let due = self
            .rules
            .iter_mut()
            .find(|rule| rule.times > 0 && rule.means(request));
        let Some(rule) = due else { return Fault::Pass };
        if rule.times != ALWAYS {
            rule.times -= 1;
        }
        rule.fault.clone()
    }
}

impl Rule {
    fn means(&self, request: &LoggedRequest) -> bool {
        if self.permission {
            request.needs_permission(&self.action, &self.key_part)
        } else {
            request.is_for(&self.action, &self.key_part)
        }
    }
}

impl Fault {
    /// Whether this fault leaves the body of the answer alone.
    pub(super) fn spares_body(&self) -> bool {
        !matches!(
            self,
            Self::ResetAfter(_)
                | Self::StallAfter(_)
                | Self::ShortBody(_)
                | Self::Corrupt(_)
                | Self::Slow { .. }
        )
    }

    /// Does to a response what this fault does to bodies. `reset` makes the close that follows an
    /// error a real TCP reset.
    pub(super) fn spoil(
        &self,
        whole: Response<Bytes>,
        reset: impl FnOnce() + Send + 'static,
    ) -> Response<ResponseBody> {
        let (mut parts, data) = whole.into_parts();
        let body = match *self {
            Self::ResetAfter(sent) if sent < data.len() => {
                streamed(cut_off(data.slice(..sent), reset))
            }
            Self::StallAfter(sent) if sent < data.len() => {
                let sent = stream::iter([Ok(data.slice(..sent))]);
                streamed(sent.chain(stream::pending()))
            }
            Self::ShortBody(kept) => {
                let data = data.slice(..kept.min(data.len()));
                parts
                    .headers
                    .insert(header::CONTENT_LENGTH, HeaderValue::from(data.len()));
                full(data)
            }
            Self::Corrupt(offset) => {
                let mut bytes = data.to_vec();
                if let Some(byte) = bytes.get_mut(offset) {
                    *byte ^= 0x10;
                }
                full(bytes.into())
            }
            Self::Slow { bytes, delay } => streamed(dripping(data, bytes, delay)),
            _ => full(data),
        };
        Response::from_parts(parts, body)
    }
}

/// A body that is there at once.
pub(super) fn full(data: Bytes) -> ResponseBody {
    Full::new(data)
        .map_err(|never| match never {})
        .boxed_unsync()
}

fn streamed(pieces: impl Stream<Item = Result<Bytes, BoxError>> + Send + 'static) -> ResponseBody {
    StreamBody::new(pieces.map(|piece| piece.map(Frame::data))).boxed_unsync()
}

fn cut_off(
    sent: Bytes,
    reset: impl FnOnce() + Send + 'static,
) -> impl Stream<Item = Result<Bytes, BoxError>> + Send {
    let broken = async move {
        tokio::time::sleep(BYTES_UNDER_WAY).await;
        reset();
        Err("injected reset".into())
    };
    stream::iter([Ok(sent)]).chain(stream::once(broken))
}

fn dripping(
    data: Bytes,
    bytes: usize,
    delay: Duration,
) -> impl Stream<Item = Result<Bytes, BoxError>> + Send {
    let size = bytes.max(1);
    let offsets = (0..data.len()).step_by(size);
    stream::iter(offsets).then(move |offset| {
        let piece = data.slice(offset..data.len().min(offset + size));
        async move {
            tokio::time::sleep(delay).await;
            Ok(piece)
        }
    })
}
