//! The Lambda runtime API: hands events, one at a time, to a process of one of the shipped binaries.

use std::collections::{HashMap, VecDeque};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::binaries::Binary;
use super::emulator::{REGION, ROOT};
use super::proxy::{Gate, Proxy};
use super::{Error, Result};

/// What became of an event.
#[derive(Debug)]
pub enum Outcome {
    /// The function answered.
    Answered(Value),
    /// The process was killed before it could.
    Killed,
}

struct Invocation {
    event: Bytes,
    reply: oneshot::Sender<std::result::Result<Value, String>>,
}

struct State {
    events: tokio::sync::Mutex<mpsc::UnboundedReceiver<Invocation>>,
    replies: Mutex<HashMap<String, oneshot::Sender<std::result::Result<Value, String>>>>,
    next: Mutex<u64>,
}

/// A function: a process that waits for events. It is killed when it is dropped.
pub struct Function {
    operation: String,
    child: Child,
    events: mpsc::UnboundedSender<Invocation>,
    proxy: Option<Proxy>,
    log: Arc<Mutex<VecDeque<String>>>,
    server: JoinHandle<()>,
}

impl Drop for Function {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Function {
    /// Starts the process that serves `operation`. It talks to AWS at `endpoint`, or through the proxy.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start(
        binary: Binary,
        operation: &str,
        settings: &[(String, String)],
        endpoint: &str,
        proxy: Option<Proxy>,
    ) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let (events, received) = mpsc::unbounded_channel();
        let state = Arc::new(State {
            events: tokio::sync::Mutex::new(received),
            replies: Mutex::default(),
            next: Mutex::new(0),
        });
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = state.clone();
                let service = service_fn(move |request| serve(state.clone(), request));
                tokio::spawn(async move {
                    // A process that ends while it waits for an event is no error of this server's.
                    drop(
                        hyper::server::conn::http1::Builder::new()
                            .serve_connection(TokioIo::new(stream), service)
                            .await,
                    );
                });
            }
        });
        let endpoint = proxy.as_ref().map_or_else(|| endpoint.to_owned(), Proxy::endpoint);
        let mut child = Command::new(binary.path()?)
            .env_clear()
            .envs(environment(operation, &address.to_string(), &endpoint))
            .envs(settings.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let log = Arc::new(Mutex::new(VecDeque::new()));
        if let Some(stdout) = child.stdout.take() {
            keep(BufReader::new(stdout), log.clone());
        }
        if let Some(stderr) = child.stderr.take() {
            keep(BufReader::new(stderr), log.clone());
        }
        Ok(Function { operation: operation.to_owned(), child, events, proxy, log, server })
    }

    /// The process's id, for those who measure it.
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// The proxy between it and AWS, if there is one.
    pub fn proxy(&self) -> Option<&Proxy> {
        self.proxy.as_ref()
    }

    /// The gate at which its calls are held, if it has a proxy.
    pub fn gate(&self) -> Option<Gate> {
        self.proxy.as_ref().map(Proxy::gate)
    }

    /// The last lines that it logged.
    pub fn log(&self) -> String {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.iter().fold(String::new(), |text, line| text + line + "\n")
    }

    /// Hands it an event and waits for the answer. When its proxy strikes to kill, it is killed.
    ///
    /// # Errors
    /// When it answers with an error, ends by itself, or takes longer than any function may.
    pub async fn invoke(&mut self, event: &Value) -> Result<Outcome> {
        self.hand(Bytes::from(serde_json::to_vec(event)?)).await
    }

    /// Hands it an event as it is sent, for those who measure it.
    ///
    /// # Errors
    /// As [`Function::invoke`].
    pub async fn hand(&mut self, event: Bytes) -> Result<Outcome> {
        let (reply, answer) = oneshot::channel();
        let invocation = Invocation { event, reply };
        self.events.send(invocation).map_err(|_| self.failure("is gone"))?;
        let struck = async {
            match &self.proxy {
                Some(proxy) if proxy.kills() => proxy.struck().await,
                _ => std::future::pending().await,
            }
        };
        let answered = tokio::select! {
            biased;
            () = struck => None,
            answered = answer => Some(answered),
            () = tokio::time::sleep(Duration::from_secs(90)) => return Err(self.failure("does not answer")),
            status = self.child.wait() => return Err(self.failure(&format!("ended: {:?}", status))),
        };
        match answered {
            Some(Ok(Ok(value))) => Ok(Outcome::Answered(value)),
            Some(Ok(Err(error))) => Err(self.failure(&format!("failed: {error}"))),
            Some(Err(_)) => Err(self.failure("is gone")),
            None => {
                self.child.kill().await?;
                if let Some(proxy) = &self.proxy {
                    proxy.settle().await;
                }
                Ok(Outcome::Killed)
            }
        }
    }

    fn failure(&self, what: &str) -> Error {
        format!("{} {what}. Its last lines:\n{}", self.operation, self.log()).into()
    }
}

/// What Lambda tells a process of `operation` about itself, with the runtime API at `address`, and where AWS is.
pub fn environment(operation: &str, address: &str, endpoint: &str) -> Vec<(String, String)> {
    let name = operation.replace('.', "-");
    [
        ("_HANDLER", operation),
        ("AWS_LAMBDA_RUNTIME_API", address),
        ("AWS_LAMBDA_FUNCTION_NAME", &name),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/tests"),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "tests"),
        ("AWS_ENDPOINT_URL", endpoint),
        ("AWS_REGION", REGION),
        ("AWS_ACCESS_KEY_ID", ROOT),
        ("AWS_SECRET_ACCESS_KEY", ROOT),
        ("MAILHOUSE_CURSOR_KEY", "a key for the cursors of these tests"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

/// Keeps the last lines of a stream.
fn keep(stream: impl tokio::io::AsyncBufRead + Unpin + Send + 'static, log: Arc<Mutex<VecDeque<String>>>) {
    tokio::spawn(async move {
        let mut lines = stream.lines();
        while let Ok(Some(line)) = lines.next_line().await {
            let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
            if log.len() == 20 {
                log.pop_front();
            }
            log.push_back(line);
        }
    });
}

async fn serve(state: Arc<State>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>> {
    let path = request.uri().path().to_owned();
    let step: Vec<&str> = path.trim_start_matches("/2018-06-01/runtime/").split('/').collect();
    match step.as_slice() {
        ["invocation", "next"] => {
            let invocation = state.events.lock().await.recv().await.ok_or("there are no more events")?;
            let id = {
                let mut next = state.next.lock().unwrap_or_else(PoisonError::into_inner);
                *next += 1;
                format!("00000000-0000-0000-0000-{:012}", *next)
            };
            state.replies.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), invocation.reply);
            let deadline = SystemTime::now().duration_since(UNIX_EPOCH)? + Duration::from_secs(29);
            let response = Response::builder()
                .header("content-type", "application/json")
                .header("lambda-runtime-aws-request-id", &id)
                .header("lambda-runtime-deadline-ms", deadline.as_millis().to_string())
                .header("lambda-runtime-invoked-function-arn", "arn:aws:lambda:us-east-1:000000000000:function:tests")
                .header("lambda-runtime-trace-id", "Root=1-00000000-000000000000000000000000;Sampled=0");
            Ok(response.body(Full::new(invocation.event))?)
        }
        ["invocation", id, kind @ ("response" | "error")] => {
            let reply = state.replies.lock().unwrap_or_else(PoisonError::into_inner).remove(*id);
            let body = request.into_body().collect().await?.to_bytes();
            let answer = match *kind {
                "response" => serde_json::from_slice(&body).map_err(|error| error.to_string()),
                _ => Err(String::from_utf8_lossy(&body).into_owned()),
            };
            if let Some(reply) = reply {
                // Nobody waits any more when the test gave up on it.
                drop(reply.send(answer));
            }
            Ok(Response::builder().status(202).body(Full::default())?)
        }
        _ => Ok(Response::builder().status(202).body(Full::default())?),
    }
}
