//! Requests that a client may safely send again: the answer to the first is kept and given again.
//!
//! A key is claimed before the work, for as long as a function may run. The answer is stored in the transaction that
//! does the work, so that there is no moment in which the work is done and the answer unknown.

use std::io::{self, Read};
use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::account::Mode;
use domain::id::AccountId;
use flate2::Compression;
use flate2::read::{DeflateDecoder, DeflateEncoder};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::keys::{self, Key};
use crate::table;
use crate::transaction::{Change, Transaction};
use crate::{Store, StoreError};

/// For how long an answer is kept.
pub const KEPT: SignedDuration = SignedDuration::from_hours(48);
/// For how long a claim holds: a second longer than an API function may run, since one that died keeps its client waiting as long.
pub const CLAIM: SignedDuration = SignedDuration::from_secs(30);

/// From so many bytes on, the body of an answer is kept packed. An item of the table has room for 400 kB, and an answer may take
/// several times the room of its request: a variable `"a":1` is told as `{"name":"a","value":1}`.
const PACKED_FROM: usize = 16_000;

/// An answer as it was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Kept", into = "Kept")]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The `Location` header.
    pub location: Option<String>,
    /// The body.
    pub body: String,
}

/// An answer as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    status: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    location: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    /// The body, if it is long: deflated, in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    packed: Option<String>,
}

impl From<Answer> for Kept {
    fn from(Answer { status, location, body }: Answer) -> Self {
        if body.len() < PACKED_FROM {
            return Kept { status, location, body: Some(body), packed: None };
        }
        let mut deflated = Vec::new();
        // Reading from memory does not fail.
        drop(DeflateEncoder::new(body.as_bytes(), Compression::fast()).read_to_end(&mut deflated));
        Kept { status, location, body: None, packed: Some(STANDARD.encode(deflated)) }
    }
}

impl TryFrom<Kept> for Answer {
    type Error = io::Error;

    fn try_from(Kept { status, location, body, packed }: Kept) -> Result<Self, io::Error> {
        let body = match (body, packed) {
            (Some(body), _) => body,
            (None, Some(packed)) => {
                let deflated = STANDARD.decode(packed).map_err(io::Error::other)?;
                let mut body = String::new();
                DeflateDecoder::new(deflated.as_slice()).read_to_string(&mut body)?;
                body
            }
            (None, None) => return Err(io::Error::other("an answer without a body was kept")),
        };
        Ok(Answer { status, location, body })
    }
}

/// What became of a claim.
#[derive(Debug)]
pub enum Claim {
    /// The work is ours to do.
    Ours(Ticket),
    /// It was done before, with this answer.
    Done(Answer),
    /// It is being done now, or was by somebody who died, for at most so long from now on.
    Running(SignedDuration),
    /// The key was used for another request.
    Mismatch,
}

/// The right to do the work of a key and to store its answer.
#[derive(Debug)]
pub struct Ticket {
    key: Key,
    owner: String,
    in_steps: AtomicBool,
}

impl Ticket {
    fn new(key: Key, owner: String) -> Self {
        Ticket { key, owner, in_steps: AtomicBool::new(false) }
    }

    /// Notes that the work goes on in steps, of which the last stores the answer. If it fails from here on, what it leaves
    /// would meet the same request or be done a second time, so that the claim is better left to run out.
    pub fn goes_in_steps(&self) {
        self.in_steps.store(true, Ordering::Relaxed);
    }

    /// Whether the work is done with the storing of its answer, or not at all.
    pub fn is_of_one_step(&self) -> bool {
        !self.in_steps.load(Ordering::Relaxed)
    }
}

#[derive(Serialize, Deserialize)]
struct Record {
    request: String,
    owner: String,
    until: Timestamp,
    ttl: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answer: Option<Answer>,
}

impl Store {
    /// Claims `key` for the request whose method, path and body hash to `request`.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn claim(
        &self,
        account: &AccountId,
        mode: Mode,
        key: &str,
        request: &str,
        now: Timestamp,
    ) -> Result<Claim, StoreError> {
        let key = keys::idempotency(account, mode, &sha256(key.as_bytes()));
        let owner: u64 = u64::from_be_bytes(crate::entropy()?);
        let record = Record {
            request: request.to_owned(),
            owner: format!("{owner:016x}"),
            until: now + CLAIM,
            ttl: (now + KEPT).as_second(),
            answer: None,
        };
        let mut create = Transaction::default();
        create.create(&self.config.table, table::keyed("a claim", &key, &record)?)?;
        let Err(mut refused) = self.commit(create).await? else {
            return Ok(Claim::Ours(Ticket::new(key, record.owner)));
        };
        let Some(Some(item)) = refused.at(0) else { return Ok(Claim::Running(CLAIM)) };
        let held: Record = table::value("a claim", item)?;
        // The table drops old records in its own time; until then they are ignored.
        let outdated = held.ttl < now.as_second();
        let same = held.request == record.request;
        let answered = held.answer.is_some() && !outdated;
        match held.answer {
            Some(answer) if answered && same => return Ok(Claim::Done(answer)),
            None if held.until >= now && same => return Ok(Claim::Running(held.until.duration_since(now))),
            _ if answered || held.until >= now => return Ok(Claim::Mismatch),
            _ => {}
        }
        let mut take_over = Transaction::default();
        let change = Change::new(
            key.clone(),
            "SET #request = :request, #owner = :owner, #until = :until, #ttl = :ttl REMOVE #answer",
        )
        // An answer that came in meanwhile stays; only one that is too old is forgotten.
        .when(if outdated {
            "#owner = :held AND #until = :held_until"
        } else {
            "#owner = :held AND #until = :held_until AND attribute_not_exists(#answer)"
        })
        .value(":request", &record.request)?
        .value(":owner", &record.owner)?
        .value(":until", &record.until)?
        .value(":ttl", &record.ttl)?
        .value(":held", &held.owner)?
        .value(":held_until", &held.until)?;
        take_over.update(&self.config.table, change)?;
        Ok(match self.commit(take_over).await? {
            Ok(()) => Claim::Ours(Ticket::new(key, record.owner)),
            Err(_) => Claim::Running(CLAIM),
        })
    }

    /// Stores the answer to work that wrote nothing itself and does no harm when it is done twice.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn complete(&self, ticket: Option<&Ticket>, answer: &Answer) -> Result<(), StoreError> {
        if ticket.is_none() {
            return Ok(());
        }
        let mut complete = Transaction::default();
        complete.complete(&self.config.table, Completion::of(ticket, answer))?;
        self.commit(complete).await?.map_err(|_| StoreError::Contended("the idempotency key"))
    }

    /// Gives a claim back after the work was refused or failed, so that the corrected request may use the key and the same one
    /// need not wait. One whose answer is stored after all stays, and one that is still on its way is stored as long as nobody
    /// else has claimed the key.
    ///
    /// # Errors
    /// When the store does not answer; the claim then runs out by itself.
    pub async fn release(&self, ticket: &Ticket) -> Result<(), StoreError> {
        let change = Change::new(ticket.key.clone(), "SET #until = :past")
            .when("#owner = :owner AND attribute_not_exists(#answer)")
            .value(":past", &Timestamp::UNIX_EPOCH)?
            .value(":owner", &ticket.owner)?;
        self.change(change).await.map(drop)
    }
}

/// An answer to store with the work, if the client gave a key.
#[derive(Clone, Copy)]
pub struct Completion<'a> {
    /// The claim under which the work is done.
    pub ticket: &'a Ticket,
    /// What the client is going to be told.
    pub answer: &'a Answer,
}

impl<'a> Completion<'a> {
    /// The completion of a claim, if there is one.
    pub fn of(ticket: Option<&'a Ticket>, answer: &'a Answer) -> Option<Self> {
        ticket.map(|ticket| Completion { ticket, answer })
    }
}

impl Transaction {
    /// Stores the answer together with the work. Answers the place of this write, which is refused when somebody else
    /// has taken over the claim.
    pub(crate) fn complete(
        &mut self,
        table: &str,
        completion: Option<Completion<'_>>,
    ) -> Result<Option<usize>, StoreError> {
        let Some(Completion { ticket, answer }) = completion else { return Ok(None) };
        let change = Change::new(ticket.key.clone(), "SET #answer = :answer")
            .when("#owner = :owner AND attribute_not_exists(#answer)")
            .value(":owner", &ticket.owner)?
            .value(":answer", answer)?;
        self.update(table, change).map(Some)
    }
}

/// SHA-256 in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_kept_as_it_was_given_and_a_long_one_takes_little_room() {
        for variables in [0, 1, 19_999] {
            let pairs: Vec<_> = (0..variables).map(|n| format!(r#"{{"name":"a{n}","value":1}}"#)).collect();
            let answer = Answer { status: 201, location: Some("/v2/letters/ltr_1".to_owned()), body: pairs.join(",") };
            let kept = serde_json::to_string(&answer).unwrap();
            assert!(kept.len() < 200_000, "{variables} variables are kept in {} bytes", kept.len());
            assert_eq!(serde_json::from_str::<Answer>(&kept).unwrap(), answer);
        }
        assert!(serde_json::from_str::<Answer>(r#"{"status":200}"#).is_err());
        assert!(serde_json::from_str::<Answer>(r#"{"status":200,"packed":"AAAA"}"#).is_err());
    }
}
