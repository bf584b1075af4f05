//! Posting, to an address that was judged, in bounded time and memory.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::{Either, select};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{CONTENT_LENGTH, HOST, HeaderName, HeaderValue, RETRY_AFTER, USER_AGENT};
use hyper::{HeaderMap, Method, Request};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio_rustls::TlsConnector;

use crate::url::Host;
use crate::{Policy, Url};

/// How long a post may take in all: name, connection, TLS, headers and body.
pub const TIMEOUT: Duration = Duration::from_secs(20);
/// How much of an answer's body is kept.
pub const KEPT: usize = 4 << 10;

/// How much of an answer's body is waited for. What comes after it changes nothing.
const LONGEST_BODY: usize = 64 << 10;
/// How long the status and the headers of an answer may be together.
const LONGEST_HEADERS: usize = 32 << 10;
const MOST_HEADERS: usize = 100;
/// How many of a name's addresses are tried, and for how long each.
const MOST_ADDRESSES: usize = 3;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(6);

const AGENT: &str = concat!("Mailhouse/", env!("CARGO_PKG_VERSION"));

/// What the other side answered, whatever its status. A redirect is an answer like any other and no success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The first [`KEPT`] bytes of the body.
    pub body_start: Vec<u8>,
    /// From before the name was resolved until the answer was read.
    pub latency: Duration,
    /// How long the other side asks to be left alone.
    pub retry_after: Option<Duration>,
}

impl Answer {
    /// Whether the other side took what was posted.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// Why there is no answer. None of the texts holds an address: it may be one that nobody outside should learn.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The name has no address.
    #[error("the host's name could not be resolved")]
    Resolve(#[source] io::Error),
    /// An address of the name may not be connected to.
    #[error("the host has an address that is not on the public internet")]
    NotPublic,
    /// No connection came about.
    #[error("no connection to the host came about")]
    Connect(#[source] io::Error),
    /// The other side could not prove who it is, or does not speak TLS.
    #[error("no trusted TLS connection came about: check the certificate and its chain")]
    Tls(#[source] io::Error),
    /// What came back is no HTTP answer within the bounds.
    #[error("the answer was no HTTP answer of reasonable size")]
    Malformed(#[source] hyper::Error),
    /// The answer began and broke off.
    #[error("the answer, of status {status}, broke off")]
    BrokenOff {
        /// The HTTP status it began with.
        status: u16,
        /// Why it broke off.
        #[source]
        source: hyper::Error,
    },
    /// It took too long.
    #[error("no complete answer within {} seconds", TIMEOUT.as_secs())]
    Timeout,
    /// Nothing was posted, because a header cannot be written.
    #[error("the header {0:?} cannot be written")]
    Header(String),
    /// Nothing was posted, because there are no authorities to vouch for anyone.
    #[error("the system's root certificates cannot be read: install them (ca-certificates)")]
    Roots,
}

impl Failure {
    /// A stable name for it, to show and to count.
    pub fn code(&self) -> &'static str {
        match self {
            Failure::Resolve(_) => "name_not_resolved",
            Failure::NotPublic => "address_not_public",
            Failure::Connect(_) => "no_connection",
            Failure::Tls(_) => "tls",
            Failure::Malformed(_) => "answer_malformed",
            Failure::BrokenOff { .. } => "answer_broken_off",
            Failure::Timeout => "timeout",
            Failure::Header(_) => "header",
            Failure::Roots => "roots",
        }
    }
}

/// Posts to URLs of clients.
pub struct Client {
    policy: Policy,
    /// The authorities to trust; those of the system when there are none.
    authorities: Vec<CertificateDer<'static>>,
    /// Made for the first https URL: reading the system's certificates should not slow every start.
    tls: OnceCell<TlsConnector>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("policy", &self.policy).finish_non_exhaustive()
    }
}

impl Client {
    /// A client that connects only to what `policy` allows.
    pub fn new(policy: Policy) -> Self {
        Client { policy, authorities: Vec::new(), tls: OnceCell::new() }
    }

    /// What it may connect to, to parse URLs with.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Trusts these authorities instead of the system's.
    #[cfg(test)]
    pub(crate) fn trusting(policy: Policy, authority: CertificateDer<'static>) -> Self {
        Client { policy, authorities: vec![authority], tls: OnceCell::new() }
    }

    /// Posts `body` with `headers`, whose names are in lower case, and gives the answer of whatever status.
    ///
    /// # Errors
    /// When there is no complete answer in time, or none was asked for because the host may not be connected to.
    pub async fn post(&self, url: &Url, headers: &[(&str, &str)], body: Vec<u8>) -> Result<Answer, Failure> {
        let resolve = async |name: &str, port| Ok(tokio::net::lookup_host((name, port)).await?.collect());
        self.post_resolving(resolve, url, headers, body).await
    }

    /// As [`Client::post`], with names resolved by `resolve`, which is asked once at most.
    pub(crate) async fn post_resolving(
        &self,
        resolve: impl AsyncFnOnce(&str, u16) -> io::Result<Vec<SocketAddr>>,
        url: &Url,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Result<Answer, Failure> {
        let request = request(url, headers, body)?;
        let began = Instant::now();
        let posted = async {
            let addresses = self.judged(resolve, url).await?;
            let stream = connect(&addresses).await.map_err(Failure::Connect)?;
            if !url.https {
                return exchange(stream, request).await;
            }
            let name = match &url.host {
                Host::Name(name) => {
                    ServerName::try_from(name.clone()).map_err(|error| tls_failure(error.to_string()))?
                }
                Host::Address(address) => ServerName::from(*address),
            };
            let stream = self.tls().await?.connect(name, stream).await.map_err(Failure::Tls)?;
            exchange(stream, request).await
        };
        let (status, headers, body_start) =
            tokio::time::timeout(TIMEOUT, posted).await.map_err(|_| Failure::Timeout)??;
        let retry_after = headers.get(RETRY_AFTER).and_then(|value| retry_after(value, Timestamp::now()));
        Ok(Answer { status, body_start, latency: began.elapsed(), retry_after })
    }

    /// The addresses of the host. When one of them may not be connected to, none is: the name is not what it should be.
    async fn judged(
        &self,
        resolve: impl AsyncFnOnce(&str, u16) -> io::Result<Vec<SocketAddr>>,
        url: &Url,
    ) -> Result<Vec<SocketAddr>, Failure> {
        let found = match &url.host {
            Host::Name(name) => resolve(name, url.port).await.map_err(Failure::Resolve)?,
            Host::Address(address) => vec![SocketAddr::new(*address, url.port)],
        };
        let allowed = |address: &SocketAddr| self.policy.allows(address.ip(), url.https);
        if found.iter().all(allowed) { Ok(found) } else { Err(Failure::NotPublic) }
    }

    async fn tls(&self) -> Result<&TlsConnector, Failure> {
        let connector = async || {
            let mut roots = RootCertStore::empty();
            if self.authorities.is_empty() {
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            } else {
                roots.add_parsable_certificates(self.authorities.iter().cloned());
            }
            if roots.is_empty() {
                return Err(Failure::Roots);
            }
            let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
            let mut config = ClientConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .map_err(|error| tls_failure(error.to_string()))?
                .with_root_certificates(roots)
                .with_no_client_auth();
            config.alpn_protocols = vec![b"http/1.1".to_vec()];
            Ok(TlsConnector::from(Arc::new(config)))
        };
        self.tls.get_or_try_init(connector).await
    }
}

fn tls_failure(reason: String) -> Failure {
    Failure::Tls(io::Error::other(reason))
}

fn request(url: &Url, headers: &[(&str, &str)], body: Vec<u8>) -> Result<Request<Full<Bytes>>, Failure> {
    let mut map = HeaderMap::new();
    let length = body.len().to_string();
    let ours =
        [(HOST.as_str(), url.authority.as_str()), (USER_AGENT.as_str(), AGENT), (CONTENT_LENGTH.as_str(), &length)];
    for (name, value) in ours.iter().chain(headers) {
        let unwritable = || Failure::Header((*name).to_owned());
        let value = HeaderValue::from_str(value).map_err(|_| unwritable())?;
        map.insert(HeaderName::from_bytes(name.as_bytes()).map_err(|_| unwritable())?, value);
    }
    let built = Request::builder().method(Method::POST).uri(&url.target).body(Full::new(Bytes::from(body)));
    let mut request = built.map_err(|_| Failure::Header("path".to_owned()))?;
    *request.headers_mut() = map;
    Ok(request)
}

async fn connect(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut failed = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in addresses.iter().take(MOST_ADDRESSES) {
        match tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Ok(Err(error)) => failed = error,
            Err(_) => failed = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(failed)
}

/// Sends the request and reads the answer: its status, headers and the start of its body.
async fn exchange<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    request: Request<Full<Bytes>>,
) -> Result<(u16, HeaderMap, Vec<u8>), Failure> {
    let mut http = http1::Builder::new();
    http.max_buf_size(LONGEST_HEADERS).max_headers(MOST_HEADERS);
    let (mut sender, connection) = http.handshake(TokioIo::new(stream)).await.map_err(Failure::Malformed)?;
    let answer = async {
        let answer = sender.send_request(request).await.map_err(Failure::Malformed)?;
        let (parts, mut body) = answer.into_parts();
        let status = parts.status.as_u16();
        let (mut kept, mut read) = (Vec::new(), 0);
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|source| Failure::BrokenOff { status, source })?;
            let Ok(data) = frame.into_data() else { continue };
            kept.extend_from_slice(&data[..data.len().min(KEPT - kept.len())]);
            read += data.len();
            if read >= LONGEST_BODY {
                break;
            }
        }
        Ok((status, parts.headers, kept))
    };
    // Both in this task: when a post is given up, its connection goes with it.
    match select(pin!(answer), pin!(connection)).await {
        Either::Left((answer, _)) => answer,
        // The connection is over, and what it brought is still to be read.
        Either::Right((_, answer)) => answer.await,
    }
}

/// Seconds, or the date until which to wait (RFC 9110 §10.2.3).
pub(crate) fn retry_after(value: &HeaderValue, now: Timestamp) -> Option<Duration> {
    let text = value.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(until.duration_since(now).try_into().unwrap_or(Duration::ZERO))
}

/// The address a URL names by itself, for tests of the rules.
#[cfg(test)]
pub(crate) fn literal(url: &Url) -> Option<std::net::IpAddr> {
    match url.host {
        Host::Address(address) => Some(address),
        Host::Name(_) => None,
    }
}
