//! Identifiers: one type per kind of thing, so that mixing two up does not compile.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::single::Kind;

/// Crockford's base 32: no I, L, O or U, so that an identifier survives being read aloud or copied by hand.
const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// An identifier that is not of the form its kind has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a well-formed identifier")]
pub struct MalformedId;

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident, $valid:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Reads an identifier.
            ///
            /// # Errors
            /// When the text does not have this identifier's form.
            pub fn parse(text: &str) -> Result<Self, MalformedId> {
                let valid: fn(&str) -> bool = $valid;
                if valid(text) { Ok(Self(text.to_owned())) } else { Err(MalformedId) }
            }

            /// The identifier as it is written on the wire.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = MalformedId;
            fn try_from(text: String) -> Result<Self, MalformedId> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }
    };
}

identifier! {
    /// A batch: eight characters of Crockford base 32, as in the contract's `ABCD1234`.
    BatchId, |text| text.len() == 8 && text.bytes().all(|byte| CROCKFORD.contains(&byte))
}
identifier! {
    /// What a letter is called, uniquely within its batch: what a client calls it, which is exactly eight characters, or the
    /// identifier of the single that it was. The eight are those that a URL takes as they are (RFC 3986 §2.3), because the
    /// reference is part of the letter's URL.
    LetterRef, |text| {
        let of_client = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
        (text.len() == 8 && of_client) || prefixed(text, "ltr_") || prefixed(text, "psc_")
    }
}
identifier! {
    /// A letter or postcard that is sent by itself; the identifier says which.
    SingleId, |text| prefixed(text, "ltr_") || prefixed(text, "psc_")
}
identifier! {
    /// The singles of one request.
    MailingId, |text| prefixed(text, "mlg_")
}
identifier! {
    /// A client of the mailhouse.
    AccountId, |text| prefixed(text, "acct_")
}
identifier! {
    /// An API key's public name; never the secret.
    KeyId, |text| prefixed(text, "key_")
}
identifier! {
    /// A mail job.
    JobId, |text| prefixed(text, "job_")
}
identifier! {
    /// A registered document location.
    LocationId, |text| prefixed(text, "loc_")
}
identifier! {
    /// An addition of letters to a batch.
    AdditionId, |text| prefixed(text, "add_")
}
identifier! {
    /// A file of scans, by its name and content: the same file dropped twice is one.
    ScanFileId, |text| prefixed(text, "scn_")
}
identifier! {
    /// A webhook.
    WebhookId, |text| prefixed(text, "whk_")
}
identifier! {
    /// An event; later events sort after earlier ones.
    EventId, |text| prefixed(text, "evt_")
}
identifier! {
    /// A page of news on its way to a callback.
    PushId, |text| prefixed(text, "psh_")
}

identifier! {
    /// A template.
    TemplateId, |text| prefixed(text, "tpl_")
}
identifier! {
    /// A document that a client uploads to us.
    DocumentId, |text| prefixed(text, "doc_")
}

fn prefixed(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix)
        .is_some_and(|rest| !rest.is_empty() && rest.len() <= 32 && rest.bytes().all(|byte| CROCKFORD.contains(&byte)))
}

/// Random bytes for one identifier, drawn by the caller.
pub type Entropy = [u8; 10];

impl BatchId {
    /// A random batch id. 40 bits: unique only because it is created by a conditional write.
    pub fn random(entropy: Entropy) -> Self {
        Self(base32(&entropy[..5]))
    }
}

macro_rules! time_sorted {
    ($($name:ident $prefix:literal),*) => { $(
        impl $name {
            /// A new identifier: 48 bits of milliseconds, then 80 random bits, so that identifiers sort by time.
            pub fn new(at: Timestamp, entropy: Entropy) -> Self {
                Self(format!(concat!($prefix, "{}"), time_sorted(at, entropy)))
            }
        }
    )* };
}
time_sorted!(
    AccountId "acct_", KeyId "key_", JobId "job_", LocationId "loc_", WebhookId "whk_", EventId "evt_", PushId "psh_",
    MailingId "mlg_",
    TemplateId "tpl_", DocumentId "doc_"
);

impl SingleId {
    /// A new letter's identifier; later ones sort later.
    pub fn letter(at: Timestamp, entropy: Entropy) -> Self {
        Self(format!("ltr_{}", time_sorted(at, entropy)))
    }

    /// A new postcard's identifier; later ones sort later.
    pub fn postcard(at: Timestamp, entropy: Entropy) -> Self {
        Self(format!("psc_{}", time_sorted(at, entropy)))
    }

    /// Whether it is a letter's or a postcard's.
    pub fn kind(&self) -> Kind {
        if self.0.starts_with("psc_") { Kind::Postcard } else { Kind::Letter }
    }
}

impl LetterRef {
    /// What a client calls a letter of a batch; `None` if it is not exactly eight characters.
    pub fn of_client(text: &str) -> Option<Self> {
        Self::parse(text).ok().filter(|reference| reference.as_str().len() == 8)
    }

    /// What a single is called in its batch.
    pub fn of(single: &SingleId) -> Self {
        Self(single.as_str().to_owned())
    }
}

impl AdditionId {
    /// A random addition id: unique within its batch, short because every letter carries it.
    pub fn random(entropy: Entropy) -> Self {
        Self(format!("add_{}", base32(&entropy[..5])))
    }
}

impl EventId {
    /// When it was made, to the millisecond.
    pub fn made_at(&self) -> Timestamp {
        let digits = self.0.bytes().skip("evt_".len()).take(10);
        let value = |digit| CROCKFORD.iter().position(|one| *one == digit).unwrap_or(0) as i64;
        // Ten digits are fifty bits, of which the time is the first forty-eight.
        let millis = digits.fold(0, |bits, digit| bits << 5 | value(digit)) >> 2;
        Timestamp::from_millisecond(millis).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// The identifier of an entry of this event: always the same, and in the order of the entries.
    pub fn entry(&self, place: u64) -> Self {
        // Four characters, which 2^20 entries fill; an item of the table has room for a hundredth of that.
        let digit = |position: u64| char::from(CROCKFORD[(place >> (position * 5) & 31) as usize]);
        Self((0..4).rev().map(digit).fold(self.0.clone(), |text, digit| text + digit.encode_utf8(&mut [0; 4])))
    }
}

impl ScanFileId {
    /// The id of the file whose name and content have that hash.
    pub fn of(hash: Entropy) -> Self {
        Self(format!("scn_{}", base32(&hash)))
    }
}

fn time_sorted(at: Timestamp, entropy: Entropy) -> String {
    let millis = u64::try_from(at.as_millisecond()).unwrap_or(0);
    let mut bytes = [0; 15];
    bytes[..5].copy_from_slice(&(millis >> 8).to_be_bytes()[3..]);
    bytes[5..].copy_from_slice(&entropy);
    // The lowest eight bits of the time replace the first random byte: 48 bits of time in all.
    bytes[5] = (millis & 0xFF) as u8;
    base32(&bytes)
}

/// Whole groups of five bytes become eight characters each.
fn base32(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() / 5 * 8);
    for group in bytes.chunks_exact(5) {
        let bits = group.iter().fold(0u64, |bits, &byte| bits << 8 | u64::from(byte));
        for position in (0..8).rev() {
            text.push(char::from(CROCKFORD[(bits >> (position * 5) & 31) as usize]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_letter_reference_has_exactly_eight_characters() {
        assert!(LetterRef::parse("L0000004").is_ok());
        assert!(LetterRef::parse("L000004").is_err());
        assert!(LetterRef::parse("L00000004").is_err());
        assert!(LetterRef::parse("a-b._~09").is_ok());
        let single = SingleId::letter(Timestamp::UNIX_EPOCH, [7; 10]);
        assert_eq!(LetterRef::parse(single.as_str()).unwrap(), LetterRef::of(&single));
        assert_eq!(LetterRef::of_client(single.as_str()), None);
        assert_eq!(single.kind(), Kind::Letter);
        let card = SingleId::postcard(Timestamp::UNIX_EPOCH, [7; 10]);
        assert_eq!(LetterRef::parse(card.as_str()).unwrap(), LetterRef::of(&card));
        assert_eq!((LetterRef::of_client(card.as_str()), card.kind()), (None, Kind::Postcard));
        for text in ["Ångström", "L00\n0004", "L 000004", "L/000004", "L%200004"] {
            assert!(LetterRef::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_identifier_of_one_kind_is_not_one_of_another() {
        assert!(JobId::parse("acct_0000").is_err());
        assert!(JobId::parse("job_").is_err());
        assert!(JobId::parse("job_IIII").is_err());
    }

    proptest! {
        #[test]
        fn identifiers_made_later_sort_later(a in 0i64..4_000_000_000_000, b in 0i64..4_000_000_000_000, x: Entropy, y: Entropy) {
            let id = |millis, entropy| EventId::new(Timestamp::from_millisecond(millis).unwrap(), entropy);
            if a < b { prop_assert!(id(a, x) < id(b, y)); }
        }

        #[test]
        fn an_identifier_tells_when_it_was_made(millis in 0i64..4_000_000_000_000, entropy: Entropy, place in 0u64..1_000) {
            let at = Timestamp::from_millisecond(millis).unwrap();
            prop_assert_eq!(EventId::new(at, entropy).made_at(), at);
            prop_assert_eq!(EventId::new(at, entropy).entry(place).made_at(), at);
        }

        #[test]
        fn what_is_made_can_be_parsed(entropy: Entropy) {
            prop_assert!(BatchId::parse(BatchId::random(entropy).as_str()).is_ok());
            prop_assert!(AdditionId::parse(AdditionId::random(entropy).as_str()).is_ok());
            prop_assert!(JobId::parse(JobId::new(Timestamp::UNIX_EPOCH, entropy).as_str()).is_ok());
        }
    }
}
