//! What posts to clients as the deployment's settings say, and signs what it posts.

use jiff::Timestamp;

use crate::signing::{SigningError, SigningSecret, Vault, sign};
use crate::{Answer, Client, Failure, Policy, PolicyError, Url, UrlError};

/// A setting that is missing or cannot be.
#[derive(Debug, thiserror::Error)]
pub enum SettingError {
    /// Not set.
    #[error("set the environment variable {0}")]
    Missing(&'static str),
    /// Not a list of networks.
    #[error("MAILHOUSE_OUTBOUND_ALLOW: {0}")]
    Allow(#[from] PolicyError),
    /// Not a key.
    #[error("MAILHOUSE_SIGNING_KEY: {0}")]
    Key(#[from] SigningError),
}

/// What posts to clients, and what seals the secrets that sign it. Only functions that need it are told the key.
#[derive(Debug)]
pub struct Outbound {
    /// Posts.
    pub client: Client,
    /// Seals and opens secrets.
    pub vault: Vault,
}

impl Outbound {
    /// Reads the settings.
    ///
    /// # Errors
    /// The first setting that is missing or cannot be.
    pub fn from_env() -> Result<Self, SettingError> {
        let setting = |name: &'static str| std::env::var(name).map_err(|_| SettingError::Missing(name));
        let policy = Policy::from_setting(&setting("MAILHOUSE_OUTBOUND_ALLOW")?)?;
        Ok(Outbound { client: Client::new(policy), vault: Vault::new(&setting("MAILHOUSE_SIGNING_KEY")?)? })
    }

    /// Posts JSON to a URL that was allowed when the client named it, signed with each of `secrets`. `id` is the same
    /// each time the same thing is posted.
    ///
    /// # Errors
    /// When nothing can be signed, which is not the client's doing.
    pub async fn post_signed(
        &self,
        url: &str,
        secrets: &[SigningSecret],
        id: &str,
        body: Vec<u8>,
        at: Timestamp,
    ) -> Result<Result<Answer, NoAnswer>, SigningError> {
        let signed = sign(secrets, id, at, &body)?;
        let mut headers = vec![("content-type", "application/json")];
        headers.extend(signed.iter().map(|(name, value)| (*name, value.as_str())));
        let url = match Url::parse(url, self.client.policy()) {
            Ok(url) => url,
            Err(error) => return Ok(Err(NoAnswer::Url(error))),
        };
        Ok(self.client.post(&url, &headers, body).await.map_err(NoAnswer::Failure))
    }
}

/// Why there is no answer to what was posted.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    /// The URL may no longer be posted to.
    #[error("{0}")]
    Url(UrlError),
    /// It was posted, or tried to.
    #[error(transparent)]
    Failure(Failure),
}

impl NoAnswer {
    /// A stable name for it, to show and to count.
    pub fn code(&self) -> &'static str {
        match self {
            NoAnswer::Url(_) => "url_not_allowed",
            NoAnswer::Failure(failure) => failure.code(),
        }
    }
}
