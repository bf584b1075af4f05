//! Stands between one process and AWS: counts its calls, keeps a record of them, and strikes at one of them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, TRANSFER_ENCODING};
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinHandle;

use super::house::REQUESTS;
use super::{Error, Result};

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The process is killed before the call takes effect.
    KilledBefore,
    /// The call takes effect, and the process is killed before it learns of it.
    KilledAfter,
    /// The call takes effect, its answer is lost with the connection, and the process lives on.
    AnswerLost,
    /// The call waits until [`Gate::let_go`], as if the process had been stopped.
    Held,
    /// The call has no effect, and is answered with an error that is not passing.
    Denied,
}

/// Which call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// The one of that number, from 1.
    Number(usize),
    /// The one of that number among the calls of that operation, from 1.
    Operation(&'static str, usize),
}

/// A fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where.
    pub point: Point,
    /// How.
    pub mode: Mode,
}

/// A call that was answered.
#[derive(Clone, Debug)]
pub struct Call {
    /// What was asked for: the operation of DynamoDB and SQS, the method of S3.
    pub operation: String,
    /// The path, which for S3 names the object.
    pub path: String,
    /// The body of the request.
    pub request: Bytes,
    /// The status of the answer.
    pub status: u16,
    /// The body of the answer.
    pub response: Bytes,
    /// When it came.
    pub began: Instant,
    /// When its answer was there.
    pub ended: Instant,
}

struct State {
    endpoint: String,
    client: Client<HttpConnector, Full<Bytes>>,
    faults: Vec<Fault>,
    arrived: Mutex<Vec<String>>,
    answered: Mutex<Vec<Call>>,
    counts: Mutex<Vec<Call>>,
    under_way: AtomicUsize,
    struck: Notify,
    held: Notify,
    gate: Semaphore,
}

/// A proxy. It ends when it is dropped.
pub struct Proxy {
    state: Arc<State>,
    port: u16,
    task: JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Proxy {
    /// Starts a proxy to `endpoint` that strikes as `faults` say.
    ///
    /// # Errors
    /// When there is no port to listen on.
    pub async fn start(endpoint: &str, faults: Vec<Fault>) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        let state = Arc::new(State {
            endpoint: endpoint.to_owned(),
            client: Client::builder(TokioExecutor::new()).build_http(),
            faults,
            arrived: Mutex::default(),
            answered: Mutex::default(),
            counts: Mutex::default(),
            under_way: AtomicUsize::new(0),
            struck: Notify::new(),
            held: Notify::new(),
            gate: Semaphore::new(0),
        });
        let shared = state.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = shared.clone();
                let service = service_fn(move |request| pass(state.clone(), request));
                tokio::spawn(async move {
                    // An error here is a connection that was cut, which is what this is for.
                    drop(
                        hyper::server::conn::http1::Builder::new()
                            .serve_connection(TokioIo::new(stream), service)
                            .await,
                    );
                });
            }
        });
        Ok(Proxy { state, port, task })
    }

    /// What to give the process as `AWS_ENDPOINT_URL`.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The operations that were called, in the order in which they came.
    pub fn arrived(&self) -> Vec<String> {
        self.state.arrived.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The calls that were answered.
    pub fn answered(&self) -> Vec<Call> {
        self.state.answered.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The calls that counted requests of the client. They are not among the others and are never struck: a count that fails
    /// changes nothing, which `tests/tests/limits.rs` tests.
    pub fn counts(&self) -> Vec<Call> {
        self.state.counts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until a fault that kills strikes.
    pub async fn struck(&self) {
        self.state.struck.notified().await;
    }

    /// Whether the process is to be killed when a fault strikes.
    pub fn kills(&self) -> bool {
        self.state.faults.iter().any(|fault| matches!(fault.mode, Mode::KilledBefore | Mode::KilledAfter))
    }

    /// The gate at which calls are held.
    pub fn gate(&self) -> Gate {
        Gate(self.state.clone())
    }

    /// Waits until whatever was sent has had its effect.
    pub async fn settle(&self) {
        while self.state.under_way.load(Ordering::SeqCst) > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
    }
}

/// Where calls are held.
pub struct Gate(Arc<State>);

impl Gate {
    /// Waits until a call is held.
    pub async fn held(&self) {
        self.0.held.notified().await;
    }

    /// Lets a held call go.
    pub fn let_go(&self) {
        self.0.gate.add_permits(1);
    }
}

fn operation(request: &Request<Incoming>) -> String {
    let target = request.headers().get("x-amz-target").and_then(|target| target.to_str().ok());
    match target.and_then(|target| target.rsplit('.').next()) {
        Some(operation) => operation.to_owned(),
        None => format!("S3 {}", request.method()),
    }
}

/// Whether a call counts a request of the client.
fn counts(operation: &str, body: &[u8]) -> bool {
    let table = format!("{REQUESTS}\"");
    operation == "UpdateItem" && body.windows(table.len()).any(|window| window == table.as_bytes())
}

async fn pass(state: Arc<State>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>> {
    let began = Instant::now();
    let operation = operation(&request);
    let (parts, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    if counts(&operation, &body) {
        return forward(&state, &operation, parts, body, began).await;
    }
    let mode = {
        let mut arrived = state.arrived.lock().unwrap_or_else(PoisonError::into_inner);
        arrived.push(operation.clone());
        let of_its_kind = arrived.iter().filter(|one| **one == operation).count();
        state.faults.iter().copied().find(|fault| match fault.point {
            Point::Number(number) => number == arrived.len(),
            Point::Operation(name, number) => name == operation && number == of_its_kind,
        })
    }
    .map(|fault| fault.mode);
    match mode {
        Some(Mode::KilledBefore) => {
            state.struck.notify_one();
            return std::future::pending().await;
        }
        Some(Mode::Held) => {
            state.held.notify_one();
            state.gate.acquire().await?.forget();
        }
        Some(Mode::Denied) => {
            let denied = r#"{"__type":"com.amazon.coral.service#AccessDeniedException","message":"No."}"#;
            let answer = Response::builder().status(400).header(CONTENT_TYPE, "application/x-amz-json-1.0");
            return Ok(answer.body(Full::new(Bytes::from_static(denied.as_bytes())))?);
        }
        _ => {}
    }
    // In a task of its own: what was sent has its effect even when the process that sent it is gone.
    state.under_way.fetch_add(1, Ordering::SeqCst);
    let shared = state.clone();
    let sent = tokio::spawn(async move {
        let sent = forward(&shared, &operation, parts, body, began).await;
        shared.under_way.fetch_sub(1, Ordering::SeqCst);
        sent
    });
    let answer = sent.await??;
    match mode {
        Some(Mode::KilledAfter) => {
            state.struck.notify_one();
            std::future::pending().await
        }
        Some(Mode::AnswerLost) => Err("the answer is lost".into()),
        _ => Ok(answer),
    }
}

async fn forward(
    state: &State,
    operation: &str,
    parts: hyper::http::request::Parts,
    body: Bytes,
    began: Instant,
) -> Result<Response<Full<Bytes>>> {
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let mut request = Request::builder().method(parts.method.clone()).uri(format!("{}{path}", state.endpoint));
    for (name, value) in &parts.headers {
        if name != EXPECT && name != CONNECTION && name != TRANSFER_ENCODING {
            request = request.header(name, value);
        }
    }
    let answer = state.client.request(request.body(Full::new(body.clone()))?).await.map_err(Error::from)?;
    let (head, incoming) = answer.into_parts();
    let response = incoming.collect().await?.to_bytes();
    let call = Call {
        operation: operation.to_owned(),
        path,
        request: body,
        status: head.status.as_u16(),
        response: response.clone(),
        began,
        ended: Instant::now(),
    };
    let record = if counts(operation, &call.request) { &state.counts } else { &state.answered };
    record.lock().unwrap_or_else(PoisonError::into_inner).push(call);
    let mut back = Response::builder().status(head.status);
    for (name, value) in &head.headers {
        let length = name == CONTENT_LENGTH && parts.method != Method::HEAD;
        if name != TRANSFER_ENCODING && name != CONNECTION && !length {
            back = back.header(name, value);
        }
    }
    Ok(back.body(Full::new(response))?)
}
