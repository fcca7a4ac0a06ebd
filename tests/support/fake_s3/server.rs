//! The HTTP side: accepts connections, keeps the log, injects faults, and hands the rest to [`s3s`].

use std::net::TcpListener as StdListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use s3s::auth::{S3Auth, SecretKey};
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{Body, S3Result, s3_error};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use super::fault::{BoxError, Fault, Faults, ResponseBody, full};
use super::gauge::Gauge;
use super::log::{LoggedRequest, signing_region};
use super::memory::{Conditions, Memory};

/// What the handle and the server thread share.
pub(super) struct Site {
    pub(super) memory: Memory,
    pub(super) user: OneUser,
    pub(super) gets: Arc<Gauge>,
    /// Connections that were accepted.
    pub(super) connections: AtomicUsize,
    faults: Mutex<Faults>,
    log: Mutex<Vec<LoggedRequest>>,
    /// Told of every entry in the log.
    pub(super) asked: Condvar,
    service: S3Service,
}

/// The one pair of keys that is let in.
#[derive(Clone, Copy, Debug)]
pub(super) struct OneUser {
    pub(super) access_key: &'static str,
    pub(super) secret_key: &'static str,
}

#[async_trait]
impl S3Auth for OneUser {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        if access_key != self.access_key {
            return Err(s3_error!(
                InvalidAccessKeyId,
                "The AWS Access Key Id you provided does not exist."
            ));
        }
        Ok(SecretKey::from(self.secret_key))
    }
}

/// Serves until told to stop, then drops every connection.
pub(super) fn serve(listener: StdListener, site: &Arc<Site>, stop: oneshot::Receiver<()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.expect("a machine that runs tests has room for an event loop");
    runtime.block_on(async {
        let listener =
            TcpListener::from_std(listener).expect("the listener was made for this event loop");
        tokio::select! {
            () = accept(&listener, site) => {}
            _ = stop => {}
        }
    });
}

async fn accept(listener: &TcpListener, site: &Arc<Site>) {
    loop {
        // A client that went away before it was accepted concerns nobody.
        if let Ok((socket, _)) = listener.accept().await {
            site.connections.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(converse(Arc::clone(site), socket));
        }
    }
}

/// Answers the requests of one connection. An error just ends it: that is how faults reset it.
async fn converse(site: Arc<Site>, socket: TcpStream) -> Result<(), BoxError> {
    socket.set_nodelay(true)?;
    let socket = socket.into_std()?;
    let twin = Arc::new(socket.try_clone()?);
    let answer = service_fn(move |request| Arc::clone(&site).answer(Arc::clone(&twin), request));
    let io = TokioIo::new(TcpStream::from_std(socket)?);
    hyper::server::conn::http1::Builder::new()
        .serve_connection(io, answer)
        .await?;
    Ok(())
}

/// Makes the close of this connection a TCP reset. Only for injected resets: on every connection
/// it would cut healthy answers short.
fn make_close_reset(twin: &std::net::TcpStream) {
    let socket = twin.try_clone().and_then(TcpStream::from_std);
    let armed = socket.and_then(|socket| socket.set_zero_linger());
    armed.expect("an open socket takes the linger option");
}

impl Site {
    /// An empty site.
    pub(super) fn new() -> Self {
        let memory = Memory::default();
        let user = OneUser {
            access_key: "fake-access-key",
            secret_key: "fake-secret-key",
        };
        let mut builder = S3ServiceBuilder::new(memory.clone());
        builder.set_auth(user);
        let (gets, faults, log) = (Arc::default(), Mutex::default(), Mutex::default());
        Self {
            memory,
            user,
            gets,
            connections: AtomicUsize::new(0),
            faults,
            log,
            asked: Condvar::new(),
            service: builder.build(),
        }
    }

    /// The faults that are due, for reading and changing.
    pub(super) fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The log, for reading and changing.
    pub(super) fn log(&self) -> MutexGuard<'_, Vec<LoggedRequest>> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn answer(
        self: Arc<Self>,
        twin: Arc<std::net::TcpStream>,
        request: Request<Incoming>,
    ) -> Result<Response<ResponseBody>, BoxError> {
        let entry = LoggedRequest::of(&request);
        let under_way = (entry.operation == "GetObject").then(|| self.gets.begin());
        let session = request.headers().get("x-amz-security-token");
        let expired = |token| self.memory.lock().expired.iter().any(|old| token == old);
        // Looked at before anybody can know of the request and expire what it came with.
        let is_expired = session.is_some_and(expired);
        let fault = self.note(&entry);
        if is_expired {
            return error_response(StatusCode::BAD_REQUEST, "ExpiredToken", "");
        }
        match fault {
            Fault::ResetBeforeHeaders => {
                make_close_reset(&twin);
                return Err("injected reset".into());
            }
            Fault::Hang => std::future::pending().await,
            Fault::Delay(delay) => tokio::time::sleep(delay).await,
            _ => {}
        }
        // An upload is taken in whole even if it is then refused: a client may not listen before.
        let (head, upload) = request.into_parts();
        let request = Request::from_parts(head, upload.collect().await?.to_bytes());
        let response = self.handle(&entry, &fault, request).await?;
        let response = if fault.spares_body() {
            response
        } else {
            let (head, body) = response.into_parts();
            let whole = Response::from_parts(head, body.collect().await?.to_bytes());
            fault.spoil(whole, move || make_close_reset(&twin))
        };
        Ok(match under_way {
            Some(under_way) => response.map(|body| under_way.until_end_of(body)),
            None => response,
        })
    }

    /// Does a request, or refuses it on behalf of a fault or a region.
    async fn handle(
        &self,
        entry: &LoggedRequest,
        fault: &Fault,
        request: Request<Bytes>,
    ) -> Result<Response<ResponseBody>, BoxError> {
        if let Fault::Status(status, code) = fault {
            return error_response(StatusCode::from_u16(*status)?, code, "");
        }
        if let Some(region) = self.other_region(entry, &request) {
            return redirect(&entry.bucket, &region);
        }
        if let Fault::Overwrite(data) = fault {
            self.overwrite(entry, data)?;
        }
        let response = self.service.call(request.map(Body::from)).await?;
        if *fault == Fault::StoreAndDrop {
            return Err("injected loss of the answer".into());
        }
        Ok(response.map(|body| body.map_err(BoxError::from).boxed_unsync()))
    }

    fn overwrite(&self, entry: &LoggedRequest, data: &'static str) -> S3Result<String> {
        let mut state = self.memory.lock();
        let object = state.new_object(Bytes::from_static(data.as_bytes()));
        state.store(&entry.bucket, &entry.key, object, &Conditions::default())
    }

    /// Logs the request and picks its fault, in one step: log order is the order faults count in.
    fn note(&self, entry: &LoggedRequest) -> Fault {
        let mut log = self.log();
        log.push(entry.clone());
        self.asked.notify_all();
        self.faults().next(entry)
    }

    /// Where the bucket is, if the request was signed for another place. S3 tells a bucket's
    /// location everywhere.
    fn other_region(&self, entry: &LoggedRequest, request: &Request<Bytes>) -> Option<String> {
        let region = self.memory.lock().region.clone()?;
        let signed_for = signing_region(request)?;
        (signed_for != region && entry.operation != "GetBucketLocation").then_some(region)
    }
}

fn redirect(bucket: &str, region: &str) -> Result<Response<ResponseBody>, BoxError> {
    let place =
        format!("<Bucket>{bucket}</Bucket><Endpoint>{bucket}.s3.{region}.amazonaws.com</Endpoint>");
    let mut response = error_response(StatusCode::MOVED_PERMANENTLY, "PermanentRedirect", &place)?;
    response
        .headers_mut()
        .insert("x-amz-bucket-region", region.parse()?);
    Ok(response)
}

fn error_response(
    status: StatusCode,
    code: &str,
    details: &str,
) -> Result<Response<ResponseBody>, BoxError> {
    let message = "injected by the fake server";
    let xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message>\
         {details}<RequestId>fake</RequestId></Error>"
    );
    let response = Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, "application/xml");
    Ok(response.body(full(Bytes::from(xml)))?)
}
