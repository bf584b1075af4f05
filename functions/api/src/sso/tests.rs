//! The issuer is a real HTTP server on loopback, and every key is made for the test.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::*;

const ISSUER: &str = "https://login.example/";
const AUDIENCE: &str = "mailhouse";

/// Far from the clock of any machine, so that a test would fail if the clock were read.
fn noon() -> Timestamp {
    "2001-03-02T12:00:00Z".parse().unwrap()
}

fn after(seconds: i64) -> Timestamp {
    noon() + SignedDuration::from_secs(seconds)
}

const HOUR: i64 = 3600;

fn claims() -> Value {
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "exp": noon().as_second() + 48 * HOUR,
        "account": "acct_01", "scope": "mail:read mail:write",
    })
}

/// The usual claims with one of them changed, or without it when `value` is null.
fn claims_with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    let map = claims.as_object_mut().unwrap();
    match value {
        Value::Null => map.remove(name),
        value => map.insert(name.to_owned(), value),
    };
    claims
}

struct Signer {
    id: &'static str,
    algorithm: Algorithm,
    key: EncodingKey,
}

impl Signer {
    fn ed(id: &'static str) -> Self {
        let pair = Ed25519KeyPair::generate_pkcs8v1(&SystemRandom::new()).unwrap();
        Signer { id, algorithm: Algorithm::EdDSA, key: EncodingKey::from_ed_der(pair.as_ref()) }
    }

    fn ec(id: &'static str) -> Self {
        let pair = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
        Signer { id, algorithm: Algorithm::ES256, key: EncodingKey::from_ec_der(pair.as_ref()) }
    }

    fn rsa(id: &'static str) -> Self {
        Self::of_rsa_pair(id, &rsa_pair())
    }

    fn of_rsa_pair(id: &'static str, pair: &aws_lc_rs::rsa::KeyPair) -> Self {
        let der: Pkcs8V1Der = pair.as_der().unwrap();
        // The library wants the bare key: PKCS #8 wraps it in 26 bytes for this size.
        Signer { id, algorithm: Algorithm::RS256, key: EncodingKey::from_rsa_der(&der.as_ref()[26..]) }
    }

    fn jwk(&self) -> Value {
        let mut jwk = Jwk::from_encoding_key(&self.key, self.algorithm).unwrap();
        jwk.common.key_id = Some(self.id.to_owned());
        serde_json::to_value(jwk).unwrap()
    }

    fn jwk_with(&self, name: &str, value: Value) -> Value {
        let mut jwk = self.jwk();
        jwk[name] = value;
        jwk
    }

    fn header(&self) -> Header {
        Header { kid: Some(self.id.to_owned()), ..Header::new(self.algorithm) }
    }

    fn token(&self, claims: &Value) -> String {
        encode(&self.header(), claims, &self.key).unwrap()
    }
}

fn rsa_pair() -> aws_lc_rs::rsa::KeyPair {
    aws_lc_rs::rsa::KeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap()
}

fn response(status: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn key_set(keys: impl IntoIterator<Item = Value>) -> Vec<u8> {
    let keys: Vec<_> = keys.into_iter().collect();
    response("200 OK", json!({ "keys": keys }).to_string().as_bytes())
}

/// An issuer's server, and what trusts it.
struct Issuer {
    url: String,
    sso: Sso,
    answer: Arc<Mutex<Vec<u8>>>,
    asked: Arc<AtomicUsize>,
    server: JoinHandle<()>,
}

impl Issuer {
    async fn answering(answer: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/keys", listener.local_addr().unwrap());
        let (answer, asked) = (Arc::new(Mutex::new(answer)), Arc::new(AtomicUsize::new(0)));
        let server = tokio::spawn(serve(listener, answer.clone(), asked.clone()));
        Issuer { sso: Sso::new(ISSUER, &url, AUDIENCE).unwrap(), url, answer, asked, server }
    }

    async fn with<'a>(signers: impl IntoIterator<Item = &'a Signer>) -> Self {
        Self::answering(key_set(signers.into_iter().map(Signer::jwk))).await
    }

    fn now_answers(&self, answer: Vec<u8>) {
        *self.answer.lock().unwrap() = answer;
    }

    /// Closes the port, so that connections are refused.
    async fn goes_down(&mut self) {
        self.server.abort();
        assert!((&mut self.server).await.unwrap_err().is_cancelled());
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    async fn judge(&self, token: &str) -> Result<Caller, Refusal> {
        self.sso.judge(token, noon()).await.unwrap()
    }

    async fn accepts(&self, token: &str, now: Timestamp) -> bool {
        self.sso.identify(token, now).await.unwrap().is_some()
    }

    async fn failure(&self, token: &str, now: Timestamp) -> SsoError {
        self.sso.identify(token, now).await.unwrap_err()
    }
}

async fn serve(listener: TcpListener, answer: Arc<Mutex<Vec<u8>>>, asked: Arc<AtomicUsize>) {
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(stream.read_u8().await.unwrap());
        }
        assert!(request.starts_with(b"GET /keys HTTP/1.1\r\n"));
        asked.fetch_add(1, Ordering::SeqCst);
        // Long enough for others to be tempted to ask as well.
        tokio::time::sleep(Duration::from_millis(20)).await;
        let answer = answer.lock().unwrap().clone();
        // Whoever has read enough of an answer hangs up.
        let _ = stream.write_all(&answer).await;
    }
}

#[tokio::test]
async fn a_token_signed_with_any_accepted_algorithm_speaks_for_its_account() {
    let signers = [Signer::rsa("r"), Signer::ec("e"), Signer::ed("d")];
    let issuer = Issuer::with(&signers).await;
    for signer in &signers {
        let caller = issuer.judge(&signer.token(&claims())).await;
        let account = AccountId::parse("acct_01").unwrap();
        assert_eq!(caller, Ok(Caller { account, mode: Mode::Live, scopes: Scope::CLIENT.to_vec() }));
    }
    assert_eq!(issuer.asked(), 1);
}

#[tokio::test]
async fn a_key_that_does_not_name_its_algorithm_or_itself_has_the_one_of_its_type() {
    let signer = Signer::ed("d");
    let mut jwk = signer.jwk();
    jwk.as_object_mut().unwrap().retain(|name, _| name != "alg" && name != "kid");
    let issuer = Issuer::answering(key_set([jwk])).await;
    let unnamed = Header { kid: None, ..signer.header() };
    assert!(issuer.judge(&encode(&unnamed, &claims(), &signer.key).unwrap()).await.is_ok());
    assert_eq!(issuer.judge(&signer.token(&claims())).await, Err(Refusal::UnknownKey));
}

#[tokio::test]
async fn a_token_expires_after_a_minute_of_grace() {
    let signer = Signer::ed("d");
    let issuer = Issuer::with([&signer]).await;
    let expired = |seconds: f64| signer.token(&claims_with("exp", json!(noon().as_second() as f64 - seconds)));
    assert!(issuer.judge(&expired(59.5)).await.is_ok());
    assert_eq!(issuer.judge(&expired(60.0)).await, Err(Refusal::Expired));
    assert_eq!(issuer.judge(&signer.token(&claims_with("exp", Value::Null))).await, Err(Refusal::Claims));
    assert_eq!(issuer.judge(&signer.token(&claims_with("exp", json!("tomorrow")))).await, Err(Refusal::Claims));
}

#[tokio::test]
async fn a_token_is_not_valid_more_than_a_minute_early() {
    let signer = Signer::ed("d");
    let issuer = Issuer::with([&signer]).await;
    let from = |seconds: i64| signer.token(&claims_with("nbf", json!(noon().as_second() + seconds)));
    assert!(issuer.judge(&from(60)).await.is_ok());
    assert_eq!(issuer.judge(&from(61)).await, Err(Refusal::NotYetValid));
    assert_eq!(issuer.judge(&signer.token(&claims_with("nbf", json!("tomorrow")))).await, Err(Refusal::Claims));
}

#[tokio::test]
async fn a_token_of_another_issuer_is_refused() {
    let signer = Signer::ed("d");
    let issuer = Issuer::with([&signer]).await;
    let of = |issuer: Value| signer.token(&claims_with("iss", issuer));
    assert_eq!(issuer.judge(&of(json!("https://login.example"))).await, Err(Refusal::Issuer));
    assert_eq!(issuer.judge(&of(Value::Null)).await, Err(Refusal::Claims));
}

#[tokio::test]
async fn a_token_for_another_audience_is_refused() {
    let signer = Signer::ed("d");
    let issuer = Issuer::with([&signer]).await;
    let to = |audience: Value| signer.token(&claims_with("aud", audience));
    assert!(issuer.judge(&to(json!(["billing", AUDIENCE]))).await.is_ok());
    assert_eq!(issuer.judge(&to(json!("billing"))).await, Err(Refusal::Audience));
    assert_eq!(issuer.judge(&to(json!([]))).await, Err(Refusal::Audience));
    assert_eq!(issuer.judge(&to(Value::Null)).await, Err(Refusal::Claims));
}

#[tokio::test]
async fn a_token_that_was_changed_or_signed_by_another_is_refused() {
    let (signer, thief) = (Signer::ed("d"), Signer::ed("d"));
    let issuer = Issuer::with([&signer]).await;
    assert_eq!(issuer.judge(&thief.token(&claims())).await, Err(Refusal::Signature));

    let [ours, theirs] = [claims(), claims_with("account", json!("acct_02"))].map(|claims| signer.token(&claims));
    let parts = |token: &str| token.split('.').map(str::to_owned).collect::<Vec<_>>();
    let spliced = [&parts(&ours)[0], &parts(&theirs)[1], &parts(&ours)[2]].map(String::as_str).join(".");
    assert_eq!(issuer.judge(&spliced).await, Err(Refusal::Signature));
}

#[tokio::test]
async fn an_unsigned_token_is_refused() {
    let signer = Signer::ed("d");
    let issuer = Issuer::with([&signer]).await;
    let signed = signer.token(&claims());
    let (_, signature) = signed.rsplit_once('.').unwrap();
    for algorithm in ["none", "None", "NONE", ""] {
        let header = URL_SAFE_NO_PAD.encode(json!({ "alg": algorithm, "kid": "d" }).to_string());
        let payload = URL_SAFE_NO_PAD.encode(claims().to_string());
        for signature in ["", signature] {
            let token = format!("{header}.{payload}.{signature}");
            assert_eq!(issuer.judge(&token).await, Err(Refusal::Malformed), "{algorithm:?}");
        }
    }
    let (unsigned, _) = signed.rsplit_once('.').unwrap();
    assert_eq!(issuer.judge(&format!("{unsigned}.")).await, Err(Refusal::Signature));
}

#[tokio::test]
async fn a_public_key_is_no_shared_secret() {
    let pair = rsa_pair();
    let signer = Signer::of_rsa_pair("r", &pair);
    let secret = json!({ "kty": "oct", "kid": "o", "k": URL_SAFE_NO_PAD.encode("secret") });
    let issuer = Issuer::answering(key_set([signer.jwk(), secret])).await;
    assert!(issuer.judge(&signer.token(&claims())).await.is_ok());

    let modulus = URL_SAFE_NO_PAD.decode(signer.jwk()["n"].as_str().unwrap()).unwrap();
    let document = signer.jwk().to_string();
    let secrets = [("r", pair.public_key().as_ref()), ("r", &modulus), ("r", document.as_bytes()), ("o", b"secret")];
    for (id, secret) in secrets {
        for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
            let header = Header { kid: Some(id.to_owned()), ..Header::new(algorithm) };
            let forged = encode(&header, &claims(), &EncodingKey::from_secret(secret)).unwrap();
            assert_eq!(issuer.judge(&forged).await, Err(Refusal::Algorithm));
        }
    }
}

#[tokio::test]
async fn a_key_is_used_with_its_own_algorithm_only() {
    let (rsa, ec) = (Signer::rsa("r"), Signer::ec("e"));
    let issuer = Issuer::with([&rsa, &ec]).await;
    for algorithm in [Algorithm::RS384, Algorithm::RS512, Algorithm::PS256] {
        let token = encode(&Header { alg: algorithm, ..rsa.header() }, &claims(), &rsa.key).unwrap();
        assert_eq!(issuer.judge(&token).await, Err(Refusal::Algorithm));
    }
    // Properly signed, but naming a key of another type.
    let token = encode(&Header { kid: Some("r".to_owned()), ..ec.header() }, &claims(), &ec.key).unwrap();
    assert_eq!(issuer.judge(&token).await, Err(Refusal::UnknownKey));
}

#[tokio::test]
async fn keys_of_different_types_may_share_a_name() {
    let (ec, ed) = (Signer::ec("same"), Signer::ed("same"));
    let issuer = Issuer::with([&ec, &ed]).await;
    assert!(issuer.judge(&ec.token(&claims())).await.is_ok());
    assert!(issuer.judge(&ed.token(&claims())).await.is_ok());
}

#[tokio::test]
async fn a_key_meant_for_something_else_is_not_used() {
    let signer = Signer::ed("d");
    let others = [
        signer.jwk_with("use", json!("enc")),
        signer.jwk_with("alg", json!("ES256")),
        signer.jwk_with("alg", json!("ECDH-ES")),
        signer.jwk_with("key_ops", json!(["sign"])),
        signer.jwk_with("crv", json!("X25519")),
        signer.jwk_with("crv", json!("P-256")),
        signer.jwk_with("x", json!("not base64!")),
        signer.jwk_with("kty", json!("quantum")),
        json!("not even a key"),
    ];
    for other in others {
        let issuer = Issuer::answering(key_set([other.clone()])).await;
        assert_eq!(issuer.judge(&signer.token(&claims())).await, Err(Refusal::UnknownKey), "{other}");
        let issuer = Issuer::answering(key_set([other, signer.jwk_with("use", json!("sig"))])).await;
        assert!(issuer.judge(&signer.token(&claims())).await.is_ok(), "one odd key must not cost the others");
    }

    let signer = Signer::ec("e");
    let mut other_curve = signer.jwk_with("crv", json!("P-384"));
    other_curve.as_object_mut().unwrap().remove("alg");
    let issuer = Issuer::answering(key_set([other_curve])).await;
    assert_eq!(issuer.judge(&signer.token(&claims())).await, Err(Refusal::UnknownKey));
}

#[tokio::test]
async fn a_token_must_name_an_account() {
    let signer = Signer::ed("d");
    let issuer = Issuer::with([&signer]).await;
    for account in [Value::Null, json!(""), json!("acct_"), json!("Orleans"), json!(1)] {
        let token = signer.token(&claims_with("account", account.clone()));
        assert_eq!(issuer.judge(&token).await, Err(Refusal::Claims), "{account}");
    }
}

#[tokio::test]
async fn scopes_are_read_as_text_or_list_under_any_of_their_names() {
    let signer = Signer::ed("d");
    let issuer = Issuer::with([&signer]).await;
    let scopes = async |changes: Value| {
        let mut claims = claims_with("scope", Value::Null);
        claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        issuer.judge(&signer.token(&claims)).await.map(|caller| caller.scopes)
    };
    assert_eq!(scopes(json!({ "scope": "openid  mail:write mail:write" })).await, Ok(vec![Scope::MailWrite]));
    assert_eq!(scopes(json!({ "scp": ["operator", "Operator"] })).await, Ok(vec![Scope::Operator]));
    assert_eq!(scopes(json!({ "scp": "mail:read" })).await, Ok(vec![Scope::MailRead]));
    assert_eq!(scopes(json!({ "scopes": ["mail:write", "mail:read"] })).await, Ok(Scope::CLIENT.to_vec()));
    assert_eq!(scopes(json!({ "scope": null })).await, Ok(vec![]));
    assert_eq!(scopes(json!({})).await, Ok(vec![]));
    assert_eq!(scopes(json!({ "scope": 1 })).await, Err(Refusal::Claims));
}

#[tokio::test]
async fn a_token_is_for_live_mail_unless_it_says_test() {
    let signer = Signer::ed("d");
    let issuer = Issuer::with([&signer]).await;
    let mode =
        async |mode: Value| issuer.judge(&signer.token(&claims_with("mode", mode))).await.map(|caller| caller.mode);
    assert_eq!(mode(json!("live")).await, Ok(Mode::Live));
    assert_eq!(mode(json!("test")).await, Ok(Mode::Test));
    assert_eq!(mode(json!("Test")).await, Err(Refusal::Claims));
}

#[tokio::test]
async fn a_token_with_critical_extensions_is_refused() {
    let signer = Signer::ed("d");
    let issuer = Issuer::with([&signer]).await;
    let header = Header { crit: Some(vec!["b64".to_owned()]), ..signer.header() };
    assert_eq!(issuer.judge(&encode(&header, &claims(), &signer.key).unwrap()).await, Err(Refusal::Malformed));
}

#[tokio::test]
async fn what_is_no_token_is_refused_without_asking_the_issuer() {
    let issuer = Issuer::with([]).await;
    for text in ["", ".", "..", "a.b.c", "mh_live_x", "e30.e30.e30", "€.€.€"] {
        assert!(!issuer.accepts(text, noon()).await, "{text:?}");
    }
    assert_eq!(issuer.asked(), 0);
}

#[tokio::test]
async fn a_new_key_is_found_by_asking_once() {
    let (old, new) = (Signer::ed("old"), Signer::ec("new"));
    let issuer = Issuer::with([&old]).await;
    assert!(issuer.accepts(&old.token(&claims()), noon()).await);

    issuer.now_answers(key_set([old.jwk(), new.jwk()]));
    assert!(issuer.accepts(&new.token(&claims()), after(30)).await);
    assert!(issuer.accepts(&new.token(&claims()), after(31)).await);
    assert!(issuer.accepts(&old.token(&claims()), after(31)).await);
    assert_eq!(issuer.asked(), 2);
}

#[tokio::test]
async fn a_withdrawn_key_is_forgotten_after_ten_minutes() {
    let (withdrawn, other) = (Signer::ed("withdrawn"), Signer::ed("other"));
    let issuer = Issuer::with([&withdrawn]).await;
    let token = withdrawn.token(&claims());
    assert!(issuer.accepts(&token, noon()).await);
    issuer.now_answers(key_set([other.jwk()]));
    assert!(issuer.accepts(&token, after(599)).await);
    assert_eq!(issuer.asked(), 1);
    assert!(!issuer.accepts(&token, after(600)).await);
    assert_eq!(issuer.asked(), 2);
}

#[tokio::test]
async fn a_flood_of_unknown_keys_asks_the_issuer_once_in_thirty_seconds() {
    let (known, unknown) = (Signer::ed("known"), Signer::ed("unknown"));
    let issuer = Issuer::with([&known]).await;
    assert!(issuer.accepts(&known.token(&claims()), noon()).await);
    for second in 0..30 {
        assert!(!issuer.accepts(&unknown.token(&claims()), after(second)).await);
    }
    assert_eq!(issuer.asked(), 1);
    for second in 30..60 {
        assert!(!issuer.accepts(&unknown.token(&claims()), after(second)).await);
    }
    assert_eq!(issuer.asked(), 2);
    assert!(issuer.accepts(&known.token(&claims()), after(60)).await);
}

#[tokio::test]
async fn requests_at_the_same_time_ask_the_issuer_once() {
    let signer = Signer::ed("d");
    let issuer = Issuer::with([&signer]).await;
    let token = signer.token(&claims());
    let answers = futures::future::join_all((0..20).map(|_| issuer.accepts(&token, noon()))).await;
    assert_eq!(answers, [true; 20]);
    assert_eq!(issuer.asked(), 1);
}

#[tokio::test]
async fn known_keys_outlive_their_issuer_by_a_day() {
    let signer = Signer::ed("d");
    let mut issuer = Issuer::with([&signer]).await;
    let token = signer.token(&claims());
    assert!(issuer.accepts(&token, noon()).await);
    issuer.goes_down().await;
    assert!(issuer.accepts(&token, after(HOUR)).await);
    assert!(issuer.accepts(&token, after(24 * HOUR - 1)).await);
    assert!(matches!(
        issuer.failure(&token, after(24 * HOUR + 30)).await,
        SsoError::NoKeys { source: FetchError::Request(_), .. }
    ));
}

#[tokio::test]
async fn a_failing_issuer_is_not_asked_for_every_token() {
    let signer = Signer::ed("d");
    let issuer = Issuer::with([&signer]).await;
    let token = signer.token(&claims());
    assert!(issuer.accepts(&token, noon()).await);
    issuer.now_answers(response("503 Service Unavailable", b""));
    for second in 600..630 {
        assert!(issuer.accepts(&token, after(second)).await);
    }
    assert_eq!(issuer.asked(), 2);
}

#[tokio::test]
async fn without_any_keys_the_issuer_is_asked_again_after_five_seconds() {
    let signer = Signer::ed("d");
    let issuer = Issuer::answering(response("503 Service Unavailable", b"")).await;
    let token = signer.token(&claims());
    assert!(matches!(
        issuer.failure(&token, noon()).await,
        SsoError::NoKeys { source: FetchError::Status(status), .. } if status == 503
    ));
    issuer.now_answers(key_set([signer.jwk()]));
    assert!(matches!(issuer.failure(&token, after(4)).await, SsoError::NoKeysYet(_)));
    assert_eq!(issuer.asked(), 1);
    assert!(issuer.accepts(&token, after(5)).await);
}

#[tokio::test]
async fn a_clock_that_was_set_back_does_not_keep_old_keys_alive() {
    let (withdrawn, other) = (Signer::ed("withdrawn"), Signer::ed("other"));
    let issuer = Issuer::with([&withdrawn]).await;
    assert!(issuer.accepts(&withdrawn.token(&claims()), after(HOUR)).await);
    issuer.now_answers(key_set([other.jwk()]));
    assert!(!issuer.accepts(&withdrawn.token(&claims()), noon()).await);
}

#[tokio::test]
async fn a_request_that_was_given_up_counts_as_one() {
    let signer = Signer::ed("d");
    let issuer = Issuer::with([&signer]).await;
    let token = signer.token(&claims());
    let given_up = tokio::time::timeout(Duration::from_millis(1), issuer.sso.identify(&token, noon())).await;
    assert!(given_up.is_err());
    assert!(matches!(issuer.failure(&token, after(1)).await, SsoError::NoKeysYet(_)));
    assert!(issuer.accepts(&token, after(5)).await);
}

async fn failure_with(answer: Vec<u8>) -> FetchError {
    let issuer = Issuer::answering(answer).await;
    match issuer.failure(&Signer::ed("d").token(&claims()), noon()).await {
        SsoError::NoKeys { source, .. } => source,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn an_answer_of_more_than_256_kilobytes_is_refused() {
    let signer = Signer::ed("d");
    let of_size = |size: usize| {
        let mut body = json!({ "keys": [signer.jwk()] }).to_string();
        body.push_str(&" ".repeat(size - body.len()));
        response("200 OK", body.as_bytes())
    };
    let issuer = Issuer::answering(of_size(256 * 1024)).await;
    assert!(issuer.accepts(&signer.token(&claims()), noon()).await);
    assert!(matches!(failure_with(of_size(256 * 1024 + 1)).await, FetchError::TooLong));

    // Of a length that is not announced.
    let chunk = [b"40000\r\n", [b' '; 0x40000].as_slice(), b"\r\n"].concat();
    let endless = [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", chunk.repeat(4).as_slice()].concat();
    assert!(matches!(failure_with(endless).await, FetchError::TooLong));
}

#[tokio::test]
async fn more_than_a_hundred_keys_are_refused() {
    let signer = Signer::ed("d");
    let issuer = Issuer::answering(key_set(std::iter::repeat_n(signer.jwk(), 100))).await;
    assert!(issuer.accepts(&signer.token(&claims()), noon()).await);
    let answer = key_set(std::iter::repeat_n(signer.jwk(), 101));
    assert!(matches!(failure_with(answer).await, FetchError::TooMany(101)));
}

#[tokio::test]
async fn an_answer_that_is_no_key_set_is_refused() {
    assert!(matches!(failure_with(response("200 OK", b"<html>")).await, FetchError::NotKeys(_)));
    assert!(matches!(failure_with(response("200 OK", b"{}")).await, FetchError::NotKeys(_)));
    assert!(matches!(failure_with(b"SSH-2.0-OpenSSH\r\n".to_vec()).await, FetchError::Request(_)));
    let cut = b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{".to_vec();
    assert!(matches!(failure_with(cut).await, FetchError::Body(_)));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let signer = Signer::ed("d");
    let target = Issuer::with([&signer]).await;
    let redirect = format!("HTTP/1.1 302 Found\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n", target.url);
    assert!(matches!(failure_with(redirect.into_bytes()).await, FetchError::Status(status) if status == 302));
    assert_eq!(target.asked(), 0);
}

#[tokio::test]
async fn an_issuer_that_does_not_answer_is_given_three_seconds() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/keys", listener.local_addr().unwrap());
    let sso = Sso::new(ISSUER, &url, AUDIENCE).unwrap();
    tokio::time::pause();
    let started = tokio::time::Instant::now();
    let failure = sso.identify(&Signer::ed("d").token(&claims()), noon()).await.unwrap_err();
    assert!(matches!(failure, SsoError::NoKeys { source: FetchError::Timeout, .. }), "{failure:?}");
    assert_eq!(started.elapsed().as_secs(), 3);
}

#[tokio::test]
async fn to_an_https_address_tls_is_spoken() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/keys", listener.local_addr().unwrap());
    let sso = Sso::new(ISSUER, &url, AUDIENCE).unwrap();
    let token = Signer::ed("d").token(&claims());
    let greeting = async { listener.accept().await.unwrap().0.read_u8().await.unwrap() };
    let greeting = tokio::time::timeout(Duration::from_secs(10), greeting);
    let (failure, greeting) = tokio::join!(sso.identify(&token, noon()), greeting);
    assert_eq!(greeting, Ok(0x16), "a TLS handshake record");
    assert!(matches!(failure, Err(SsoError::NoKeys { source: FetchError::Request(_), .. })), "{failure:?}");
}

#[test]
fn keys_are_trusted_only_over_https_or_from_loopback() {
    let accepted = |url: &str| Sso::new(ISSUER, url, AUDIENCE).is_ok();
    for url in ["https://login.example/keys", "http://localhost:1/", "http://127.0.0.1:1/keys", "http://[::1]:1/"] {
        assert!(accepted(url), "{url}");
    }
    for url in [
        "http://login.example/keys",
        "http://localhost.example/",
        "http://127.0.0.1@login.example/",
        "http://10.0.0.1/",
        "ftp://localhost/",
        "/keys",
        "login.example",
        "https://",
        "",
    ] {
        assert!(!accepted(url), "{url}");
    }
}

#[test]
fn without_an_issuer_there_is_no_sso_and_with_one_the_rest_is_needed() {
    let read = |issuer: &str, url: &str, audience: &str| {
        let (issuer, url, audience) = (issuer.to_owned(), url.to_owned(), audience.to_owned());
        Sso::from_settings(move |name| match name {
            "MAILHOUSE_JWT_ISSUER" => issuer.clone(),
            "MAILHOUSE_JWT_JWKS_URL" => url.clone(),
            "MAILHOUSE_JWT_AUDIENCE" => audience.clone(),
            _ => String::new(),
        })
    };
    let url = "https://login.example/keys";
    assert!(matches!(read("", url, AUDIENCE), Ok(None)));
    assert!(matches!(read(ISSUER, url, AUDIENCE), Ok(Some(sso)) if sso.audience == AUDIENCE && sso.issuer == ISSUER));
    assert!(matches!(read(ISSUER, "", AUDIENCE), Err(SsoError::Unset("MAILHOUSE_JWT_JWKS_URL"))));
    assert!(matches!(read(ISSUER, url, ""), Err(SsoError::Unset("MAILHOUSE_JWT_AUDIENCE"))));
    assert!(matches!(read(ISSUER, "http://login.example/", AUDIENCE), Err(SsoError::UntrustedUrl(_))));
}
