//! The issuer's keys: fetched when needed, remembered, and never asked for too often.

use std::net::IpAddr;
use std::time::Duration;

use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::body::Bytes;
use hyper::{StatusCode, Uri};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connect, HttpConnector};
use hyper_util::rt::TokioExecutor;
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use tokio::sync::Mutex;

use super::SsoError;

/// What a token may be signed with.
pub(super) const ALGORITHMS: [Algorithm; 3] = [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA];

/// How long keys are used without asking whether they have changed.
const LIFETIME: SignedDuration = SignedDuration::from_mins(10);
/// How long keys are used when the issuer does not answer.
const LIFETIME_UNCONFIRMED: SignedDuration = SignedDuration::from_hours(24);
/// Between two requests, so that a flood of bad tokens does not become a flood of requests.
const PAUSE: SignedDuration = SignedDuration::from_secs(30);
/// Between two requests while there are no keys: no token is accepted until one succeeds.
const PAUSE_WITHOUT_KEYS: SignedDuration = SignedDuration::from_secs(5);

const TIMEOUT: Duration = Duration::from_secs(3);
const MAX_BYTES: usize = 256 * 1024;
const MAX_KEYS: usize = 100;

/// Why the issuer's keys could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// It took too long.
    #[error("no complete answer within {} seconds", TIMEOUT.as_secs())]
    Timeout,
    /// The authorities that vouch for https servers could not be read.
    #[error("cannot read the system's root certificates: install them (ca-certificates)")]
    Roots(#[source] std::io::Error),
    /// There was no answer.
    #[error("no answer")]
    Request(#[from] hyper_util::client::legacy::Error),
    /// The answer broke off.
    #[error("the answer broke off")]
    Body(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The answer was no success. Redirects are not followed, because they could lead anywhere.
    #[error("the answer was {0}: the address must lead to the keys without a redirect")]
    Status(StatusCode),
    /// The answer was too long.
    #[error("the answer is longer than {MAX_BYTES} bytes: no key set should be")]
    TooLong,
    /// The answer was not a key set.
    #[error("the answer is not a JSON Web Key Set")]
    NotKeys(#[from] serde_json::Error),
    /// There were too many keys.
    #[error("the answer has {0} keys, more than {MAX_KEYS}: withdraw old ones at the issuer")]
    TooMany(usize),
}

/// The keys of one issuer.
pub(super) struct Keys {
    url: Uri,
    /// Locked while fetching, so that those who wait find what the first one fetched.
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    keys: Vec<Key>,
    fetched_at: Option<Timestamp>,
    asked_at: Option<Timestamp>,
}

struct Key {
    id: Option<String>,
    algorithm: Algorithm,
    key: DecodingKey,
}

impl Keys {
    pub(super) fn new(url: &str) -> Result<Self, SsoError> {
        let untrusted = || SsoError::UntrustedUrl(url.to_owned());
        let uri: Uri = url.parse().map_err(|_| untrusted())?;
        match (uri.scheme_str(), uri.host()) {
            (Some("https"), Some(_)) => {}
            (Some("http"), Some(host)) if is_loopback(host) => {}
            _ => return Err(untrusted()),
        }
        Ok(Keys { url: uri, memory: Mutex::default() })
    }

    /// The key of that name for that algorithm; `None` when the issuer has no such key, as far as we may ask.
    pub(super) async fn find(
        &self,
        id: Option<&str>,
        algorithm: Algorithm,
        now: Timestamp,
    ) -> Result<Option<DecodingKey>, SsoError> {
        let mut memory = self.memory.lock().await;
        let mut failure = None;
        let current = memory.keys_younger_than(LIFETIME, now);
        if current.and_then(|keys| find(keys, id, algorithm)).is_none() && memory.may_ask(now) {
            // Noted first: also a request that is given up half way was one.
            memory.asked_at = Some(now);
            match fetch(&self.url).await {
                Ok(keys) => {
                    if keys.is_empty() {
                        tracing::warn!(url = %self.url, "the issuer has no key for RS256, ES256 or EdDSA");
                    }
                    *memory = Memory { keys, fetched_at: Some(now), asked_at: Some(now) };
                }
                Err(error) => {
                    tracing::warn!(url = %self.url, ?error, "cannot fetch the issuer's keys");
                    failure = Some(error);
                }
            }
        }
        match (memory.keys_younger_than(LIFETIME_UNCONFIRMED, now), failure) {
            (Some(keys), _) => Ok(find(keys, id, algorithm).cloned()),
            (None, Some(source)) => Err(SsoError::NoKeys { url: self.url.to_string(), source }),
            (None, None) => Err(SsoError::NoKeysYet(self.url.to_string())),
        }
    }
}

impl Memory {
    fn keys_younger_than(&self, age: SignedDuration, now: Timestamp) -> Option<&[Key]> {
        (!is_past(self.fetched_at, age, now)).then_some(&self.keys)
    }

    fn may_ask(&self, now: Timestamp) -> bool {
        let has_keys = self.keys_younger_than(LIFETIME_UNCONFIRMED, now).is_some();
        is_past(self.asked_at, if has_keys { PAUSE } else { PAUSE_WITHOUT_KEYS }, now)
    }
}

/// Whether something last happened `age` or longer ago, or never.
fn is_past(then: Option<Timestamp>, age: SignedDuration, now: Timestamp) -> bool {
    // Either way: a clock that was set back must not keep keys alive until it has caught up.
    then.is_none_or(|then| now.duration_since(then).abs() >= age)
}

/// Keys of different types may share a name (RFC 7517 §4.5), and a key is only ever used with its own algorithm.
fn find<'a>(keys: &'a [Key], id: Option<&str>, algorithm: Algorithm) -> Option<&'a DecodingKey> {
    keys.iter().find(|key| key.id.as_deref() == id && key.algorithm == algorithm).map(|key| &key.key)
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.trim_matches(['[', ']']).parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

async fn fetch(url: &Uri) -> Result<Vec<Key>, FetchError> {
    let answer = async {
        if url.scheme_str() == Some("http") {
            return get(HttpConnector::new(), url).await;
        }
        // Made anew for each request: it is a rare one, and reading the certificates should not slow every start.
        let https = HttpsConnectorBuilder::new()
            .with_provider_and_native_roots(rustls::crypto::aws_lc_rs::default_provider())
            .map_err(FetchError::Roots)?;
        get(https.https_only().enable_http1().build(), url).await
    };
    parse(&tokio::time::timeout(TIMEOUT, answer).await.map_err(|_| FetchError::Timeout)??)
}

async fn get<C: Connect + Clone + Send + Sync + 'static>(connector: C, url: &Uri) -> Result<Bytes, FetchError> {
    let client: Client<C, Empty<Bytes>> = Client::builder(TokioExecutor::new()).build(connector);
    let answer = client.get(url.clone()).await?;
    if answer.status() != StatusCode::OK {
        return Err(FetchError::Status(answer.status()));
    }
    match Limited::new(answer.into_body(), MAX_BYTES).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(FetchError::TooLong),
        Err(error) => Err(FetchError::Body(error)),
    }
}

fn parse(body: &[u8]) -> Result<Vec<Key>, FetchError> {
    /// Keys one by one, so that one that makes no sense to us does not cost the others.
    #[derive(Deserialize)]
    struct Jwks {
        keys: Vec<serde_json::Value>,
    }
    let Jwks { keys } = serde_json::from_slice(body)?;
    if keys.len() > MAX_KEYS {
        return Err(FetchError::TooMany(keys.len()));
    }
    Ok(keys.into_iter().filter_map(|key| usable(serde_json::from_value(key).ok()?)).collect())
}

/// The key with the one algorithm it may be used for, if it is meant to check signatures of a kind we accept.
fn usable(jwk: Jwk) -> Option<Key> {
    let algorithm = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => Algorithm::RS256,
        AlgorithmParameters::EllipticCurve(ec) if ec.curve == EllipticCurve::P256 => Algorithm::ES256,
        AlgorithmParameters::OctetKeyPair(okp) if okp.curve == EllipticCurve::Ed25519 => Algorithm::EdDSA,
        _ => return None,
    };
    let meant = jwk.common.key_algorithm.is_none_or(|named| named == algorithm.into())
        && jwk.common.public_key_use.as_ref().is_none_or(|named| *named == PublicKeyUse::Signature)
        && jwk.common.key_operations.as_ref().is_none_or(|named| named.contains(&KeyOperations::Verify));
    let key = DecodingKey::from_jwk(&jwk).ok()?;
    meant.then_some(Key { id: jwk.common.key_id, algorithm, key })
}
