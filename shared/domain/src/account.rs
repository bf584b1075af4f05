//! Accounts, their modes, and what a key may do.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::{AccountId, KeyId};

/// A client of the mailhouse.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// Its identifier.
    pub id: AccountId,
    /// What the operator calls it.
    pub name: String,
    /// Whether duplicates of its letters are refused.
    #[serde(default = "guarded")]
    pub duplicate_guard: bool,
    /// When it was created.
    pub created_at: Timestamp,
}

/// What an account of before that setting has.
fn guarded() -> bool {
    true
}

impl Account {
    /// The key by which the gateway counts the account's requests. It opens nothing: the authorizer alone names it. The
    /// gateway wants 20 to 128 letters and digits.
    pub fn usage_key(id: &AccountId) -> String {
        format!("usage{}", id.as_str().replace('_', ""))
    }
}

/// Whether mail is real.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// It will be printed and mailed.
    Live,
    /// It behaves the same but never reaches the print floor.
    Test,
}

impl Mode {
    /// The mode as it is written in keys and answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Mode::Live => "live",
            Mode::Test => "test",
        }
    }

    /// The mode of that name.
    pub fn parse(text: &str) -> Option<Self> {
        [Mode::Live, Mode::Test].into_iter().find(|mode| mode.as_str() == text)
    }
}

/// What a caller may do. A key or token carries a set of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Scope {
    /// See batches and letters.
    #[serde(rename = "mail:read")]
    MailRead,
    /// Create, change and withdraw batches and letters.
    #[serde(rename = "mail:write")]
    MailWrite,
    /// Run the print floor and manage accounts.
    #[serde(rename = "operator")]
    Operator,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Scope; 3] = [Scope::MailRead, Scope::MailWrite, Scope::Operator];
    /// What a client's key may do.
    pub const CLIENT: [Scope; 2] = [Scope::MailRead, Scope::MailWrite];

    /// The scope as it is written in tokens.
    pub fn as_str(self) -> &'static str {
        match self {
            Scope::MailRead => "mail:read",
            Scope::MailWrite => "mail:write",
            Scope::Operator => "operator",
        }
    }

    /// The scope of that name; `None` for names that mean nothing to us.
    pub fn parse(text: &str) -> Option<Scope> {
        Scope::ALL.into_iter().find(|scope| scope.as_str() == text)
    }
}

/// An API key as it is kept: everything but the secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiKey {
    /// Its public name.
    pub id: KeyId,
    /// Whose it is.
    pub account: AccountId,
    /// Whether mail sent with it is real.
    pub mode: Mode,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// The last four characters of the secret, so that a person can tell keys apart.
    pub ending: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was revoked, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
}

/// The secret of an API key: `mh_live_` or `mh_test_` and 32 random characters. Shown once, stored only as a hash.
pub struct Secret(String);

impl Secret {
    const RANDOM: usize = 32;
    /// 64 characters, so that a random byte maps to one without bias.
    const ALPHABET: &[u8; 64] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_";

    /// Makes a secret from random bytes: 192 bits of them count.
    pub fn new(mode: Mode, entropy: [u8; Self::RANDOM]) -> Self {
        let random = entropy.iter().map(|byte| char::from(Self::ALPHABET[usize::from(byte % 64)]));
        Secret(format!("mh_{}_", mode.as_str()).chars().chain(random).collect())
    }

    /// Reads a secret from an `Authorization` header; `None` when the text cannot be one, so that no look-up is needed.
    pub fn parse(text: &str) -> Option<Self> {
        let random = text.strip_prefix("mh_live_").or_else(|| text.strip_prefix("mh_test_"))?;
        (random.len() == Self::RANDOM && random.bytes().all(|byte| Self::ALPHABET.contains(&byte)))
            .then(|| Secret(text.to_owned()))
    }

    /// The secret itself, to hash it or to show it once.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Its last four characters.
    pub fn ending(&self) -> &str {
        &self.0[self.0.len() - 4..]
    }
}

/// Who makes a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    /// The account in whose name.
    pub account: AccountId,
    /// Whether what it does is real.
    pub mode: Mode,
    /// What it may do.
    pub scopes: Vec<Scope>,
}

impl Caller {
    /// Whether the caller may do what `scope` allows.
    pub fn may(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_secret_that_was_made_can_be_parsed_and_tells_its_mode(entropy: [u8; 32]) {
            let secret = Secret::new(Mode::Test, entropy);
            prop_assert!(secret.expose().starts_with("mh_test_"));
            let parsed = Secret::parse(secret.expose()).unwrap();
            prop_assert_eq!(parsed.expose(), secret.expose());
            prop_assert_eq!(secret.ending().len(), 4);
        }

        #[test]
        fn what_is_not_a_secret_is_refused(text in "\\PC{0,60}") {
            prop_assume!(!text.starts_with("mh_"));
            prop_assert!(Secret::parse(&text).is_none());
        }
    }

    #[test]
    fn a_scope_is_known_by_its_name_only() {
        assert_eq!(Scope::parse("operator"), Some(Scope::Operator));
        assert_eq!(Scope::parse("Operator"), None);
    }
}
