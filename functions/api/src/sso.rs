//! Tokens of a single sign-on issuer: who a JWT speaks for, judged by the issuer's published keys.

use domain::account::{Caller, Mode, Scope};
use domain::id::AccountId;
use jiff::Timestamp;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation, decode, decode_header};
use serde::Deserialize;

use keys::Keys;

pub use keys::FetchError;

mod keys;
#[cfg(test)]
mod tests;

/// How far the issuer's clock and ours may be apart, in seconds.
const LEEWAY: f64 = 60.0;

/// Why no judgement about a token is possible.
#[derive(Debug, thiserror::Error)]
pub enum SsoError {
    /// SSO is half configured.
    #[error("{0} is empty: set it, or leave MAILHOUSE_JWT_ISSUER empty to do without SSO")]
    Unset(&'static str),
    /// Keys from there could be anyone's.
    #[error(
        "no keys can be trusted from {0:?}: set MAILHOUSE_JWT_JWKS_URL to an https address (http only on loopback)"
    )]
    UntrustedUrl(String),
    /// The keys were asked for in vain, and none are remembered.
    #[error("cannot get the issuer's keys from {url}: check MAILHOUSE_JWT_JWKS_URL and that the function reaches it")]
    NoKeys {
        /// Where they were asked for.
        url: String,
        /// What went wrong.
        source: FetchError,
    },
    /// The keys were asked for in vain a moment ago, and it is too early to ask again.
    #[error("the issuer's keys could not be had from {0} a moment ago: try again in a few seconds")]
    NoKeysYet(String),
}

/// Why a token is not accepted. It goes to the log and never to the caller, who could learn from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    Malformed,
    Algorithm,
    UnknownKey,
    Signature,
    Issuer,
    Audience,
    Expired,
    NotYetValid,
    Claims,
}

/// What we read of a token beyond its issuer and audience.
#[derive(Deserialize)]
struct Claims {
    /// Seconds since 1970, possibly with a fraction (RFC 7519 §2).
    exp: f64,
    nbf: Option<f64>,
    account: AccountId,
    mode: Option<Mode>,
    scope: Option<Names>,
    scp: Option<Names>,
    scopes: Option<Names>,
}

/// Names as issuers write them: separated by spaces, or as a list.
#[derive(Deserialize)]
#[serde(untagged)]
enum Names {
    Text(String),
    List(Vec<String>),
}

impl Names {
    fn words(&self) -> Vec<&str> {
        match self {
            Names::Text(text) => text.split_ascii_whitespace().collect(),
            Names::List(list) => list.iter().map(String::as_str).collect(),
        }
    }
}

/// A trusted issuer of tokens.
pub struct Sso {
    issuer: String,
    audience: String,
    keys: Keys,
}

impl Sso {
    /// The issuer that `MAILHOUSE_JWT_ISSUER`, `MAILHOUSE_JWT_JWKS_URL` and `MAILHOUSE_JWT_AUDIENCE` describe; `None`
    /// when the first is empty or unset, which means that there is no SSO.
    ///
    /// # Errors
    /// When the issuer is set and one of the others is missing or unusable.
    pub fn from_env() -> Result<Option<Self>, SsoError> {
        Self::from_settings(|name| std::env::var(name).unwrap_or_default())
    }

    fn from_settings(setting: impl Fn(&str) -> String) -> Result<Option<Self>, SsoError> {
        let issuer = setting("MAILHOUSE_JWT_ISSUER");
        if issuer.is_empty() {
            return Ok(None);
        }
        Self::new(issuer, &setting("MAILHOUSE_JWT_JWKS_URL"), setting("MAILHOUSE_JWT_AUDIENCE")).map(Some)
    }

    /// An issuer whose tokens for `audience` are accepted. Its keys are fetched when the first token needs them.
    ///
    /// # Errors
    /// When one of them is empty, or the keys' address is neither https nor on loopback.
    pub fn new(issuer: impl Into<String>, jwks_url: &str, audience: impl Into<String>) -> Result<Self, SsoError> {
        let (issuer, audience) = (issuer.into(), audience.into());
        let settings = [
            ("MAILHOUSE_JWT_ISSUER", issuer.as_str()),
            ("MAILHOUSE_JWT_JWKS_URL", jwks_url),
            ("MAILHOUSE_JWT_AUDIENCE", audience.as_str()),
        ];
        if let Some((name, _)) = settings.into_iter().find(|(_, value)| value.is_empty()) {
            return Err(SsoError::Unset(name));
        }
        Ok(Sso { issuer, audience, keys: Keys::new(jwks_url)? })
    }

    /// Who the token speaks for; `None` when it is not acceptable.
    ///
    /// # Errors
    /// When the issuer's keys cannot be fetched and none are remembered.
    pub async fn identify(&self, token: &str, now: Timestamp) -> Result<Option<Caller>, SsoError> {
        match self.judge(token, now).await? {
            Ok(caller) => Ok(Some(caller)),
            Err(refusal) => {
                tracing::info!(?refusal, "token refused");
                Ok(None)
            }
        }
    }

    async fn judge(&self, token: &str, now: Timestamp) -> Result<Result<Caller, Refusal>, SsoError> {
        let header = match header(token) {
            Ok(header) => header,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let key = self.keys.find(header.kid.as_deref(), header.alg, now).await?;
        Ok(key.ok_or(Refusal::UnknownKey).and_then(|key| self.verify(token, header.alg, &key, now)))
    }

    /// `key` is one for `algorithm`: the key decided which one that is.
    fn verify(&self, token: &str, algorithm: Algorithm, key: &DecodingKey, now: Timestamp) -> Result<Caller, Refusal> {
        let mut validation = Validation::new(algorithm);
        validation.set_required_spec_claims(&["iss", "aud"]);
        validation.set_issuer(&[&self.issuer]);
        validation.set_audience(&[&self.audience]);
        // The library would read the clock; we are told the time, and check it below.
        validation.validate_exp = false;

        let claims = decode::<Claims>(token, key, &validation).map_err(|error| refusal(error.kind()))?.claims;
        let now = now.as_duration().as_secs_f64();
        if now >= claims.exp + LEEWAY {
            return Err(Refusal::Expired);
        }
        if claims.nbf.is_some_and(|nbf| now < nbf - LEEWAY) {
            return Err(Refusal::NotYetValid);
        }

        let names = [&claims.scope, &claims.scp, &claims.scopes];
        let mut scopes: Vec<_> = names.into_iter().flatten().flat_map(Names::words).filter_map(Scope::parse).collect();
        scopes.sort();
        scopes.dedup();
        Ok(Caller { account: claims.account, mode: claims.mode.unwrap_or(Mode::Live), scopes })
    }
}

/// The header of a token that is worth looking for a key.
fn header(token: &str) -> Result<Header, Refusal> {
    let header = decode_header(token).map_err(|_| Refusal::Malformed)?;
    if !keys::ALGORITHMS.contains(&header.alg) {
        return Err(Refusal::Algorithm);
    }
    // Whoever does not understand all that is critical must refuse, and we understand none of it (RFC 7515 §4.1.11).
    if header.crit.is_some() { Err(Refusal::Malformed) } else { Ok(header) }
}

/// The library's reason without its text, which may quote the token.
fn refusal(kind: &ErrorKind) -> Refusal {
    match kind {
        ErrorKind::InvalidSignature => Refusal::Signature,
        ErrorKind::InvalidIssuer => Refusal::Issuer,
        ErrorKind::InvalidAudience => Refusal::Audience,
        ErrorKind::Json(_) | ErrorKind::MissingRequiredClaim(_) => Refusal::Claims,
        _ => Refusal::Malformed,
    }
}
