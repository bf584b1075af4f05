//! What proves to a client that a post is ours, and how the secrets for that are kept.
//!
//! Posts are signed as Standard Webhooks says: an HMAC over identifier, moment and body. Its secret is shown to the client once
//! and kept only encrypted, bound to what it belongs to, so that a secret copied from one item to another opens nothing.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use standardwebhooks::{HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP, Webhook};

const PREFIX: &str = "whsec_";
/// Bytes of a secret: between the 24 and 64 of the standard, and as many as the hash has.
const LENGTH: usize = 32;
/// How what is sealed begins, so that another way of sealing can be told from this one.
const SEALED: &str = "v1.";

/// Why a secret cannot be made, kept or used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SigningError {
    /// A key of the deployment is missing or too short to be one.
    #[error(
        "a key that seals signing secrets has fewer than {LENGTH} characters: set it to a long random text, or to several \
         with blanks between"
    )]
    Key,
    /// The operating system gave no random bytes.
    #[error("no random bytes")]
    Entropy,
    /// A sealed secret was changed, belongs to something else, or was sealed with another key.
    #[error("a sealed signing secret does not open: it was sealed with another key, or for something else")]
    Sealed,
    /// A body cannot be signed, because it is not text.
    #[error("a body that is not UTF-8 cannot be signed")]
    Body,
}

/// A secret that a client and we share.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningSecret(Vec<u8>);

/// Without the secret, so that no log has it.
impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningSecret")
    }
}

impl SigningSecret {
    /// A new one.
    ///
    /// # Errors
    /// When there are no random bytes.
    pub fn random() -> Result<Self, SigningError> {
        let mut bytes = vec![0; LENGTH];
        rand::fill(&mut bytes).map_err(|_| SigningError::Entropy)?;
        Ok(SigningSecret(bytes))
    }

    /// The secret as the client gets it, to be shown once.
    pub fn expose(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(&self.0))
    }
}

/// The headers that sign `body`: one signature for each of `secrets`, because for a while after a rotation a client may still
/// check with the old one. `id` is the same each time the same thing is posted.
///
/// # Errors
/// When the body is not text.
pub fn sign(
    secrets: &[SigningSecret],
    id: &str,
    now: Timestamp,
    body: &[u8],
) -> Result<[(&'static str, String); 3], SigningError> {
    let signature = |secret: &SigningSecret| {
        let signer = Webhook::from_bytes(secret.0.clone()).map_err(|_| SigningError::Body)?;
        signer.sign(id, now.as_second(), body).map_err(|_| SigningError::Body)
    };
    let signatures = secrets.iter().map(signature).collect::<Result<Vec<_>, _>>()?;
    Ok([
        (HEADER_WEBHOOK_ID, id.to_owned()),
        (HEADER_WEBHOOK_TIMESTAMP, now.as_second().to_string()),
        (HEADER_WEBHOOK_SIGNATURE, signatures.join(" ")),
    ])
}

/// Seals secrets for keeping, with AES-256 in Galois/Counter mode.
pub struct Vault {
    /// What seals.
    key: RandomizedNonceKey,
    /// What sealed before it, and opens still.
    old_keys: Vec<RandomizedNonceKey>,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault")
    }
}

impl Vault {
    /// With the deployment's keys, long random texts with blanks between: the first seals, and all of them open, so that
    /// a key can be replaced without what it sealed being lost.
    ///
    /// # Errors
    /// When there is none, or one is too short.
    pub fn new(keys: &str) -> Result<Self, SigningError> {
        let key = |text: &str| {
            if text.len() < LENGTH {
                return Err(SigningError::Key);
            }
            // The text is random but no key; its hash is both.
            let hash = digest(&SHA256, text.as_bytes());
            RandomizedNonceKey::new(&AES_256_GCM, hash.as_ref()).map_err(|_| SigningError::Key)
        };
        let mut keys = keys.split_whitespace().map(key);
        let first = keys.next().unwrap_or(Err(SigningError::Key))?;
        Ok(Vault { key: first, old_keys: keys.collect::<Result<_, _>>()? })
    }

    /// Seals a secret. Only who says the same `owner` can open it.
    ///
    /// # Errors
    /// When there are no random bytes.
    pub fn seal(&self, secret: &SigningSecret, owner: &str) -> Result<String, SigningError> {
        self.seal_bytes(secret.0.clone(), owner)
    }

    /// [`Vault::seal`] for a text that has a secret in it.
    ///
    /// # Errors
    /// As there.
    pub fn seal_text(&self, text: &str, owner: &str) -> Result<String, SigningError> {
        self.seal_bytes(text.as_bytes().to_vec(), owner)
    }

    fn seal_bytes(&self, mut bytes: Vec<u8>, owner: &str) -> Result<String, SigningError> {
        let nonce = self
            .key
            .seal_in_place_append_tag(Aad::from(owner.as_bytes()), &mut bytes)
            .map_err(|_| SigningError::Entropy)?;
        let sealed = [nonce.as_ref().as_slice(), &bytes].concat();
        Ok(format!("{SEALED}{}", STANDARD.encode(sealed)))
    }

    /// Opens what [`Vault::seal`] sealed for the same owner.
    ///
    /// # Errors
    /// When it does not open.
    pub fn open(&self, sealed: &str, owner: &str) -> Result<SigningSecret, SigningError> {
        self.open_bytes(sealed, owner).map(SigningSecret)
    }

    /// Opens what [`Vault::seal_text`] sealed for the same owner.
    ///
    /// # Errors
    /// When it does not open.
    pub fn open_text(&self, sealed: &str, owner: &str) -> Result<String, SigningError> {
        String::from_utf8(self.open_bytes(sealed, owner)?).map_err(|_| SigningError::Sealed)
    }

    fn open_bytes(&self, sealed: &str, owner: &str) -> Result<Vec<u8>, SigningError> {
        let open = || {
            let bytes = STANDARD.decode(sealed.strip_prefix(SEALED)?).ok()?;
            let (nonce, rest) = bytes.split_first_chunk()?;
            let with = |key: &RandomizedNonceKey| {
                // What a key does not open it leaves in shreds.
                let mut rest = rest.to_vec();
                let nonce = Nonce::assume_unique_for_key(*nonce);
                let secret = key.open_in_place(nonce, Aad::from(owner.as_bytes()), &mut rest).ok()?;
                Some(secret.to_vec())
            };
            std::iter::once(&self.key).chain(&self.old_keys).find_map(with)
        };
        open().ok_or(SigningError::Sealed)
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::hmac;

    use super::*;

    const KEY: &str = "0123456789abcdefghijklmnopqrstuvwxyz";

    #[test]
    fn a_secret_opens_for_its_owner_alone_and_not_after_any_change() {
        let vault = Vault::new(KEY).unwrap();
        let secret = SigningSecret::random().unwrap();
        let sealed = vault.seal(&secret, "whk_1").unwrap();
        assert_eq!(vault.open(&sealed, "whk_1").unwrap(), secret);
        assert_eq!(vault.open(&sealed, "whk_2"), Err(SigningError::Sealed));
        assert_eq!(Vault::new(&KEY.to_uppercase()).unwrap().open(&sealed, "whk_1"), Err(SigningError::Sealed));
        for place in SEALED.len()..sealed.len() {
            let mut changed = sealed.clone().into_bytes();
            changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            // The last character carries bits that count for nothing; what reads the same is the same.
            if STANDARD.decode(&changed[SEALED.len()..]).ok() != STANDARD.decode(&sealed[SEALED.len()..]).ok() {
                assert_eq!(vault.open(&changed, "whk_1"), Err(SigningError::Sealed), "{place}");
            }
        }
        for broken in ["", "v1.", "v1.AAAA", "v2.AAAA", "nothing"] {
            assert_eq!(vault.open(broken, "whk_1"), Err(SigningError::Sealed), "{broken}");
        }
    }

    #[test]
    fn a_text_opens_for_its_owner_alone() {
        let vault = Vault::new(KEY).unwrap();
        let sealed = vault.seal_text("{\"key\":\"é\"}", "once").unwrap();
        assert!(!sealed.contains("key"));
        assert_eq!(vault.open_text(&sealed, "once").unwrap(), "{\"key\":\"é\"}");
        assert_eq!(vault.open_text(&sealed, "twice"), Err(SigningError::Sealed));
    }

    #[test]
    fn the_same_secret_is_never_sealed_the_same_way() {
        let vault = Vault::new(KEY).unwrap();
        let secret = SigningSecret::random().unwrap();
        let sealed = vault.seal(&secret, "whk_1").unwrap();
        assert_ne!(vault.seal(&secret, "whk_1").unwrap(), sealed);
        assert!(!sealed.contains(&STANDARD.encode(&secret.0)));
        assert_eq!(format!("{secret:?} {vault:?}"), "SigningSecret Vault");
    }

    #[test]
    fn a_key_that_was_replaced_opens_what_it_sealed_and_seals_no_more() {
        let secret = SigningSecret::random().unwrap();
        let new = KEY.to_uppercase();
        let before = Vault::new(KEY).unwrap().seal(&secret, "whk_1").unwrap();
        let both = Vault::new(&format!("{new} {KEY}")).unwrap();
        assert_eq!(both.open(&before, "whk_1").unwrap(), secret);
        assert_eq!(both.open(&before, "whk_2"), Err(SigningError::Sealed));
        let after = both.seal(&secret, "whk_1").unwrap();
        assert_eq!(both.open(&after, "whk_1").unwrap(), secret);
        assert_eq!(Vault::new(&new).unwrap().open(&after, "whk_1").unwrap(), secret, "the first key seals");
        assert_eq!(Vault::new(KEY).unwrap().open(&after, "whk_1"), Err(SigningError::Sealed));
    }

    #[test]
    fn a_short_key_is_refused_wherever_it_stands() {
        for keys in ["", "short", &format!("{KEY} short"), &format!("short {KEY}"), " "] {
            assert!(matches!(Vault::new(keys), Err(SigningError::Key)), "{keys}");
        }
    }

    #[test]
    fn a_signature_is_what_the_standard_says_for_each_secret() {
        let secrets = [SigningSecret::random().unwrap(), SigningSecret::random().unwrap()];
        let now = Timestamp::from_second(1_674_087_231).unwrap();
        let [id, timestamp, signature] = sign(&secrets, "evt_1", now, b"{\"a\":1}").unwrap();
        assert_eq!((id, timestamp), (("webhook-id", "evt_1".into()), ("webhook-timestamp", "1674087231".into())));
        // Computed another way than the library does.
        let expected = secrets.map(|secret| {
            let text = secret.expose();
            let key = STANDARD.decode(text.strip_prefix("whsec_").unwrap()).unwrap();
            let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), b"evt_1.1674087231.{\"a\":1}");
            format!("v1,{}", STANDARD.encode(tag))
        });
        assert_eq!(signature, ("webhook-signature", expected.join(" ")));
    }

    #[test]
    fn the_example_of_the_standard_comes_out() {
        let secret = SigningSecret(STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap());
        let now = Timestamp::from_second(1_614_265_330).unwrap();
        let [_, _, (_, signature)] =
            sign(&[secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", now, b"{\"test\": 2432232314}").unwrap();
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn secrets_are_not_alike() {
        let secrets: std::collections::BTreeSet<_> =
            (0..100).map(|_| SigningSecret::random().unwrap().expose()).collect();
        assert_eq!(secrets.len(), 100);
        assert!(secrets.iter().all(|secret| secret.starts_with("whsec_") && secret.len() == 50));
    }
}
