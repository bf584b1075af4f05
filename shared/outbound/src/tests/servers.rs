//! Servers on loopback that are slow, flaky, lying, redirecting, huge, or not who they should be.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hyper::header::HeaderValue;
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::client::retry_after;
use crate::{Answer, Client, Failure, KEPT, Policy, Url};

fn local() -> Policy {
    Policy::from_setting("127.0.0.0/8").unwrap()
}

/// A server that does with each connection what `behave` says, and counts them.
async fn server<F>(behave: impl Fn(TcpStream) -> F + Send + 'static) -> (u16, Arc<AtomicUsize>)
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let count = Arc::new(AtomicUsize::new(0));
    let counter = count.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counter.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(behave(stream));
        }
    });
    (port, count)
}

/// Reads a whole request: head, and as much body as the head says.
async fn request(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut bytes = Vec::new();
    loop {
        let mut chunk = [0; 4096];
        let read = stream.read(&mut chunk).await.unwrap_or(0);
        bytes.extend_from_slice(&chunk[..read]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return text;
            }
        }
        if read == 0 {
            return text;
        }
    }
}

async fn post(port: u16) -> Result<Answer, Failure> {
    let client = Client::new(local());
    let url = Url::parse(&format!("http://127.0.0.1:{port}/in"), client.policy()).unwrap();
    client.post(&url, &[("webhook-id", "evt_1")], b"{}".to_vec()).await
}

/// What becomes of a post that is answered with these bytes, and then the end of the connection.
async fn answered(bytes: impl Into<Vec<u8>>) -> Result<Answer, Failure> {
    let bytes = Arc::new(bytes.into());
    let (port, _) = server(move |mut stream| {
        let bytes = bytes.clone();
        async move {
            request(&mut stream).await;
            let _ = stream.write_all(&bytes).await;
        }
    })
    .await;
    post(port).await
}

/// Ends a connection with a reset, as a process that dies does.
fn reset(stream: TcpStream) {
    // With unread bytes on it, a connection that is dropped is reset.
    drop(stream);
}

#[tokio::test]
async fn a_post_arrives_as_it_was_meant_and_its_answer_comes_back() {
    let (send, mut receive) = tokio::sync::mpsc::unbounded_channel();
    let (port, count) = server(move |mut stream| {
        let send = send.clone();
        async move {
            send.send(request(&mut stream).await).unwrap();
            let _ = stream.write_all(b"HTTP/1.1 202 Fine\r\ncontent-length: 4\r\nretry-after: 7\r\n\r\nyes!").await;
        }
    })
    .await;
    let client = Client::new(local());
    let url = Url::parse(&format!("http://LocalHost:{port}/in?a=b"), client.policy()).unwrap();
    let headers = [("content-type", "application/json"), ("webhook-id", "evt_1")];
    let resolve = async |name: &str, port| {
        assert_eq!(name, "localhost");
        Ok(vec![SocketAddr::from(([127, 0, 0, 1], port))])
    };
    let answer = client.post_resolving(resolve, &url, &headers, b"{\"a\":1}".to_vec()).await.unwrap();
    assert_eq!((answer.status, answer.body_start.as_slice()), (202, b"yes!".as_slice()));
    assert!(answer.is_success());
    assert_eq!(answer.retry_after, Some(Duration::from_secs(7)));
    assert!(answer.latency > Duration::ZERO && answer.latency < Duration::from_secs(10));
    let got = receive.recv().await.unwrap();
    assert!(got.starts_with("POST /in?a=b HTTP/1.1\r\n"), "{got}");
    for line in [
        format!("host: localhost:{port}"),
        "content-type: application/json".to_owned(),
        "webhook-id: evt_1".to_owned(),
        "content-length: 7".to_owned(),
        format!("user-agent: Mailhouse/{}", env!("CARGO_PKG_VERSION")),
    ] {
        assert!(got.lines().any(|found| found == line), "{line} is missing in {got}");
    }
    assert!(got.ends_with("\r\n\r\n{\"a\":1}"), "{got}");
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_redirect_is_an_answer_that_is_no_success_and_leads_nowhere() {
    let (elsewhere, visits) = server(|mut stream| async move {
        request(&mut stream).await;
    })
    .await;
    for status in [301, 302, 303, 307, 308] {
        let to =
            format!("HTTP/1.1 {status} There\r\nlocation: http://127.0.0.1:{elsewhere}/\r\ncontent-length: 0\r\n\r\n");
        let answer = answered(to).await.unwrap();
        assert_eq!(answer.status, status);
        assert!(!answer.is_success());
    }
    assert_eq!(visits.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn an_answer_of_any_status_is_an_answer() {
    for status in [200, 204, 299, 400, 410, 429, 500, 503] {
        let answer = answered(format!("HTTP/1.1 {status} X\r\n\r\n")).await.unwrap();
        assert_eq!((answer.status, answer.is_success()), (status, status < 300));
    }
}

#[tokio::test]
async fn a_server_that_says_200_and_breaks_off_did_not_answer() {
    let failure = answered("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nok").await.unwrap_err();
    assert!(matches!(failure, Failure::BrokenOff { status: 200, .. }), "{failure:?}");
    let failure = answered("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhel").await.unwrap_err();
    assert!(matches!(failure, Failure::BrokenOff { status: 200, .. }), "{failure:?}");
    let (port, _) = server(|mut stream| async move {
        let mut some = [0; 8];
        stream.read_exact(&mut some).await.unwrap();
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nok").await;
        reset(stream);
    })
    .await;
    post(port).await.unwrap_err();
}

#[tokio::test]
async fn a_server_that_hangs_up_did_not_answer() {
    assert!(matches!(answered("").await.unwrap_err(), Failure::Malformed(_)));
    assert!(matches!(answered("HTTP/1.1 200 O").await.unwrap_err(), Failure::Malformed(_)));
    assert!(matches!(answered("SSH-2.0-OpenSSH_9.6\r\n").await.unwrap_err(), Failure::Malformed(_)));
    let (port, _) = server(|stream| async { reset(stream) }).await;
    assert!(matches!(post(port).await.unwrap_err(), Failure::Malformed(_)));
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    assert!(matches!(post(closed).await.unwrap_err(), Failure::Connect(_)));
}

#[tokio::test]
async fn of_a_huge_answer_only_the_start_is_read() {
    let (port, _) = server(|mut stream| async move {
        request(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n").await;
        while stream.write_all(&[b'x'; 65536]).await.is_ok() {}
    })
    .await;
    let answer = post(port).await.unwrap();
    assert_eq!((answer.status, answer.body_start), (200, vec![b'x'; KEPT]));
}

#[tokio::test]
async fn headers_without_end_are_given_up() {
    let (port, _) = server(|mut stream| async move {
        request(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n").await;
        while stream.write_all(b"x: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n").await.is_ok() {}
    })
    .await;
    assert!(matches!(post(port).await.unwrap_err(), Failure::Malformed(_)));
    let (port, _) = server(|mut stream| async move {
        request(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nx: ").await;
        while stream.write_all(&[b'y'; 65536]).await.is_ok() {}
    })
    .await;
    assert!(matches!(post(port).await.unwrap_err(), Failure::Malformed(_)));
}

/// A post to a server that stops at some point of its answer; the clock of this test then goes by itself.
async fn stalled(before: &'static [u8]) -> Result<Answer, Failure> {
    let (port, _) = server(move |mut stream| async move {
        request(&mut stream).await;
        let _ = stream.write_all(before).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        tokio::time::pause();
        std::future::pending::<()>().await;
    })
    .await;
    post(port).await
}

#[tokio::test]
async fn a_server_that_stalls_is_given_up_wherever_it_does() {
    assert!(matches!(stalled(b"").await.unwrap_err(), Failure::Timeout));
}

#[tokio::test]
async fn a_server_that_stalls_in_its_headers_is_given_up() {
    assert!(matches!(stalled(b"HTTP/1.1 200 OK\r\nx: y").await.unwrap_err(), Failure::Timeout));
}

#[tokio::test]
async fn a_server_that_stalls_in_its_body_is_given_up() {
    assert!(matches!(
        stalled(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf").await.unwrap_err(),
        Failure::Timeout
    ));
}

#[tokio::test]
async fn interim_answers_without_end_are_given_up() {
    let (port, _) = server(|mut stream| async move {
        request(&mut stream).await;
        tokio::time::pause();
        while stream.write_all(b"HTTP/1.1 102 Wait\r\n\r\n").await.is_ok() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    })
    .await;
    assert!(matches!(post(port).await.unwrap_err(), Failure::Timeout));
}

#[tokio::test]
async fn a_name_that_leads_inside_is_refused_before_anything_is_sent() {
    let (port, count) = server(|mut stream| async move {
        request(&mut stream).await;
    })
    .await;
    let client = Client::new(Policy::default());
    let url = Url::parse(&format!("https://hooks.example.com:{port}/"), client.policy()).unwrap();
    for inside in ["127.0.0.1", "169.254.169.254", "10.0.0.1", "::1", "::ffff:127.0.0.1"] {
        // One such address among others is enough: nobody knows which would be taken.
        for addresses in [vec![inside], vec!["1.1.1.1", inside]] {
            let resolve = async |_: &str, port| {
                Ok(addresses.iter().map(|address| SocketAddr::new(address.parse().unwrap(), port)).collect())
            };
            let failure = client.post_resolving(resolve, &url, &[], Vec::new()).await.unwrap_err();
            assert!(matches!(failure, Failure::NotPublic), "{inside}: {failure:?}");
            assert!(!format!("{failure:?}").contains(inside), "the address is nobody's business");
        }
    }
    assert_eq!(count.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn the_systems_own_resolver_is_judged_too() {
    // On every system, this name leads to loopback.
    let client = Client::new(Policy::from_setting("192.0.2.0/24").unwrap());
    let url = Url::parse("http://localhost:9/", client.policy()).unwrap();
    assert!(matches!(client.post(&url, &[], Vec::new()).await.unwrap_err(), Failure::NotPublic));
}

#[tokio::test]
async fn a_name_without_addresses_is_a_failure() {
    let client = Client::new(local());
    let url = Url::parse("http://nowhere.example/", client.policy()).unwrap();
    let failure = client.post_resolving(async |_, _| Ok(Vec::new()), &url, &[], Vec::new()).await.unwrap_err();
    assert!(matches!(failure, Failure::Connect(_)), "{failure:?}");
    let unknown = async |_: &str, _| Err(io::Error::other("no such name"));
    let failure = client.post_resolving(unknown, &url, &[], Vec::new()).await.unwrap_err();
    assert!(matches!(failure, Failure::Resolve(_)), "{failure:?}");
}

#[tokio::test]
async fn a_header_that_would_break_the_request_is_not_sent() {
    let client = Client::new(local());
    let url = Url::parse("http://127.0.0.1:9/", client.policy()).unwrap();
    for header in [("x", "a\r\nhost: other"), ("x y", "z")] {
        let failure = client.post(&url, &[header], Vec::new()).await.unwrap_err();
        assert!(matches!(failure, Failure::Header(_)), "{failure:?}");
    }
}

const CERTIFICATE: &[u8] = include_bytes!("receiver.der");
const KEY: &[u8] = include_bytes!("receiver.key.der");

/// A server with a certificate for `receiver.test`, that answers with the name it was asked for.
async fn tls_server() -> (u16, Arc<AtomicUsize>) {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![CertificateDer::from(CERTIFICATE)], PrivateKeyDer::try_from(KEY).unwrap())
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    server(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            let name = stream.get_ref().1.server_name().unwrap_or_default().to_owned();
            request(&mut stream).await;
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{name}", name.len());
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    })
    .await
}

#[tokio::test]
async fn a_connection_to_a_checked_address_still_asks_for_and_checks_the_name() {
    let (port, _) = tls_server().await;
    let asked = AtomicUsize::new(0);
    let resolve = async |_: &str, port| {
        asked.fetch_add(1, Ordering::SeqCst);
        Ok(vec![SocketAddr::from(([127, 0, 0, 1], port))])
    };
    let client = Client::trusting(local(), CertificateDer::from(CERTIFICATE));
    let url = Url::parse(&format!("https://receiver.test:{port}/"), client.policy()).unwrap();
    let answer = client.post_resolving(resolve, &url, &[], b"{}".to_vec()).await.unwrap();
    assert_eq!((answer.status, answer.body_start.as_slice()), (200, b"receiver.test".as_slice()));
    assert_eq!(asked.load(Ordering::SeqCst), 1, "a name is resolved once");

    // The same address under another name, and the same name without anybody who vouches for it.
    let other = Url::parse(&format!("https://other.test:{port}/"), client.policy()).unwrap();
    assert!(matches!(client.post_resolving(resolve, &other, &[], Vec::new()).await.unwrap_err(), Failure::Tls(_)));
    let stranger = Client::new(local());
    let failure = stranger.post_resolving(resolve, &url, &[], Vec::new()).await.unwrap_err();
    assert!(matches!(failure, Failure::Tls(_) | Failure::Roots), "{failure:?}");
}

#[test]
fn a_wait_is_given_in_seconds_or_as_a_date() {
    let now = "2026-11-26T12:00:00Z".parse().unwrap();
    for (text, seconds) in [
        ("120", Some(120)),
        (" 0 ", Some(0)),
        ("Thu, 26 Nov 2026 12:01:00 GMT", Some(60)),
        ("Thu, 26 Nov 2026 11:00:00 GMT", Some(0)),
        ("soon", None),
        ("-5", None),
        ("99999999999999999999999", None),
    ] {
        let value = HeaderValue::from_str(text).unwrap();
        assert_eq!(retry_after(&value, now), seconds.map(Duration::from_secs), "{text}");
    }
}
