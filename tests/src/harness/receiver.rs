//! A client's server: keeps what is posted to it, verifies signatures, and answers as it is told, well or badly.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};
use standardwebhooks::Webhook;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::Result;

/// How it answers a post.
#[derive(Clone, Debug)]
pub enum Manner {
    /// With that status, and more headers, each with its end of line.
    Says(u16, &'static str),
    /// With 200, after that time.
    Waits(Duration),
    /// With 200 and the beginning of a body, and then breaks off.
    Lies,
    /// Not at all.
    HangsUp,
}

/// Something that was posted.
#[derive(Clone, Debug)]
pub struct Post {
    /// The path.
    pub path: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
    /// When it had arrived.
    pub at: Instant,
}

impl Post {
    /// Its identifier.
    pub fn id(&self) -> &str {
        self.headers.get("webhook-id").and_then(|id| id.to_str().ok()).unwrap_or_default()
    }

    /// Whether a signature on it was made with that secret, just now.
    ///
    /// # Errors
    /// Why it is not.
    pub fn verify(&self, secret: &str) -> Result<()> {
        Ok(Webhook::new(secret)?.verify(&self.body, &self.headers)?)
    }

    /// How many signatures are on it.
    pub fn signatures(&self) -> usize {
        let signatures = self.headers.get("webhook-signature").and_then(|value| value.to_str().ok());
        signatures.unwrap_or_default().split(' ').count()
    }
}

#[derive(Default)]
struct State {
    posts: Mutex<Vec<Post>>,
    /// How the next posts are answered; when there is nothing more, with 200.
    manners: Mutex<VecDeque<Manner>>,
    /// How every post is answered from then on.
    always: Mutex<Option<Manner>>,
    /// How often somebody connected, whether or not they said anything.
    connections: AtomicUsize,
}

/// A server on loopback. It ends when it is dropped.
pub struct Receiver {
    state: Arc<State>,
    port: u16,
    server: JoinHandle<()>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Receiver {
    /// Starts one that answers 200.
    ///
    /// # Errors
    /// When there is no port.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        let state = Arc::new(State::default());
        let shared = state.clone();
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = shared.clone();
                state.connections.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(async move { drop(serve(&state, stream).await) });
            }
        });
        Ok(Receiver { state, port, server })
    }

    /// Where to post to it.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hooks", self.port)
    }

    /// The same place by a name.
    pub fn url_by_name(&self) -> String {
        format!("http://localhost:{}/hooks", self.port)
    }

    /// Says how the next posts are to be answered, in order.
    pub fn next(&self, manners: impl IntoIterator<Item = Manner>) {
        self.state.manners.lock().unwrap_or_else(PoisonError::into_inner).extend(manners);
    }

    /// Says how all posts are to be answered from now on.
    pub fn always(&self, manner: Option<Manner>) {
        *self.state.always.lock().unwrap_or_else(PoisonError::into_inner) = manner;
    }

    /// How often somebody connected.
    pub fn connections(&self) -> usize {
        self.state.connections.load(Ordering::Relaxed)
    }

    /// What was posted.
    pub fn posts(&self) -> Vec<Post> {
        self.state.posts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits for so many posts.
    ///
    /// # Errors
    /// When they do not come within that time.
    pub async fn wait_for(&self, posts: usize, within: Duration) -> Result<Vec<Post>> {
        let began = Instant::now();
        loop {
            let found = self.posts();
            if found.len() >= posts {
                return Ok(found);
            }
            if began.elapsed() > within {
                return Err(format!("{} of {posts} posts came within {within:?}", found.len()).into());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

async fn serve(state: &State, mut stream: TcpStream) -> Result<()> {
    let post = read(&mut stream).await?;
    state.posts.lock().unwrap_or_else(PoisonError::into_inner).push(post);
    let next = state.manners.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    let always = state.always.lock().unwrap_or_else(PoisonError::into_inner).clone();
    match next.or(always).unwrap_or(Manner::Says(200, "")) {
        Manner::Says(status, headers) => {
            let answer =
                format!("HTTP/1.1 {status} As told\r\n{headers}content-length: 6\r\nconnection: close\r\n\r\nanswer");
            stream.write_all(answer.as_bytes()).await?;
        }
        Manner::Waits(time) => {
            tokio::time::sleep(time).await;
            stream.write_all(b"HTTP/1.1 200 At last\r\ncontent-length: 0\r\n\r\n").await?;
        }
        Manner::Lies => stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nhalf").await?,
        Manner::HangsUp => {}
    }
    Ok(())
}

async fn read(stream: &mut TcpStream) -> Result<Post> {
    let mut bytes = Vec::new();
    let (head, body) = loop {
        let mut chunk = [0; 8192];
        let read = stream.read(&mut chunk).await?;
        if read == 0 {
            return Err("the request broke off".into());
        }
        bytes.extend_from_slice(&chunk[..read]);
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let body = bytes.split_off(end + 4);
            break (String::from_utf8(bytes)?, body);
        }
    };
    let mut lines = head.lines();
    let path = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap_or_default().to_owned();
    let mut headers = HeaderMap::new();
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        headers.append(HeaderName::from_bytes(name.as_bytes())?, HeaderValue::from_str(value)?);
    }
    let length: usize = headers.get("content-length").ok_or("no length")?.to_str()?.parse()?;
    let mut post = Post { path, headers, body, at: Instant::now() };
    while post.body.len() < length {
        let mut chunk = [0; 8192];
        let read = stream.read(&mut chunk).await?;
        if read == 0 {
            return Err("the request broke off".into());
        }
        post.body.extend_from_slice(&chunk[..read]);
    }
    post.at = Instant::now();
    Ok(post)
}
