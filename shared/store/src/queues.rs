//! The messages that drive production.
//!
//! A message is sent *before* the transaction that makes it true, so that no crash can leave work that nobody knows of.
//! So a message is only an announcement: its worker believes the table. When the table does not know of it yet, the
//! worker lets it come again, until it is older than any transaction that could still make it true.

use domain::account::Mode;
use domain::id::{AccountId, AdditionId, BatchId, JobId, LetterRef, MailingId, PushId, SingleId};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{Store, StoreError};

/// How long after an announcement the announced may still come true. Whoever announces commits within seconds; a worker
/// that dies in between is run again and announces again.
pub const ANNOUNCEMENT: SignedDuration = SignedDuration::from_mins(2);

/// A batch was created with letters, which are to be put into it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Initialise {
    /// The batch.
    pub batch: BatchId,
    /// The addition that holds its letters.
    pub addition: AdditionId,
    /// When this was announced.
    pub announced: Timestamp,
}

/// Letters came in and are to be inspected together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inspect {
    /// Their batch.
    pub batch: BatchId,
    /// The addition with which they came.
    pub addition: AdditionId,
    /// Their group in the addition.
    pub group: u32,
    /// Which they are.
    pub letters: Vec<LetterRef>,
    /// When this was announced.
    pub announced: Timestamp,
}

/// Singles came in or were changed, and are to be inspected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InspectSingles {
    /// Which, and the version from which on each is to be inspected.
    pub singles: Vec<(SingleId, u32)>,
    /// The mailing that they came with, if it is not known to be completed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mailing: Option<MailingId>,
    /// When this was announced.
    pub announced: Timestamp,
}

/// What the queue of inspections holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ToInspect {
    /// Letters of a batch.
    Letters(Inspect),
    /// Singles.
    Singles(InspectSingles),
}

/// A mail job is to be cut into parts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The job.
    pub job: JobId,
    /// When this was announced.
    pub announced: Timestamp,
}

/// A part of a mail job is to be assembled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assemble {
    /// The job.
    pub job: JobId,
    /// The part.
    pub part: u32,
    /// When this was announced.
    pub announced: Timestamp,
}

/// A callback is to be told what is new.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushNews {
    /// Whose callback.
    pub account: AccountId,
    /// Of which mail.
    pub mode: Mode,
    /// The push that is to be tried again, and how often it was tried: it is not when that is no longer so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again: Option<(PushId, u32)>,
}

/// Objects were put into the bucket of scan files. S3 sends this, and so do we when a file is to be read on or again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScanFiles {
    /// Which; none in the message with which S3 tries out a new connection.
    #[serde(rename = "Records", default)]
    pub records: Vec<PutObject>,
    /// The run that this is about, if it is not whichever is current.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<u32>,
    /// When this was announced, if we did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announced: Option<Timestamp>,
}

/// An object that was put.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutObject {
    /// What S3 says of it.
    pub s3: PutDetail,
}

/// What S3 says of an object that was put.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutDetail {
    /// The object.
    pub object: PutKey,
}

/// The name of an object that was put.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutKey {
    /// Its key as in a URL's query: blanks are `+`, and what is not a plain letter is `%` and two digits.
    pub key: String,
}

impl ScanFiles {
    /// A message of ours about the object with that key.
    pub fn ours(key: &str, run: u32, announced: Timestamp) -> Self {
        let mut written = String::with_capacity(key.len());
        for byte in key.bytes() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'/' => written.push(char::from(byte)),
                _ => written.push_str(&format!("%{byte:02X}")),
            }
        }
        let record = PutObject { s3: PutDetail { object: PutKey { key: written } } };
        ScanFiles { records: vec![record], run: Some(run), announced: Some(announced) }
    }
}

impl PutKey {
    /// The key itself; `None` when it is not written as S3 writes it.
    pub fn decoded(&self) -> Option<String> {
        let mut bytes = Vec::with_capacity(self.key.len());
        let mut rest = self.key.bytes();
        while let Some(byte) = rest.next() {
            bytes.push(match byte {
                b'+' => b' ',
                b'%' => {
                    let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                    (digit(rest.next())? * 16 + digit(rest.next())?) as u8
                }
                other => other,
            });
        }
        String::from_utf8(bytes).ok()
    }
}

/// A job is mailed, so that scans of its pieces that came before can be matched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatchOrphans {
    /// The job.
    pub job: JobId,
    /// When this was announced.
    pub announced: Timestamp,
}

/// A message and the queue that it belongs on.
pub trait Message: Serialize {
    /// The URL of its queue.
    fn queue(store: &Store) -> &str;
    /// For how many seconds nobody should see it yet: about as long as it takes to come true.
    const DELAY: i32;
}

impl Message for Initialise {
    fn queue(store: &Store) -> &str {
        &store.config.initialise_queue
    }
    const DELAY: i32 = 0;
}

impl Message for Inspect {
    fn queue(store: &Store) -> &str {
        &store.config.inspect_queue
    }
    const DELAY: i32 = 1;
}

impl Message for InspectSingles {
    fn queue(store: &Store) -> &str {
        &store.config.inspect_queue
    }
    const DELAY: i32 = 1;
}

impl Message for Plan {
    fn queue(store: &Store) -> &str {
        &store.config.plan_queue
    }
    const DELAY: i32 = 0;
}

impl Message for Assemble {
    fn queue(store: &Store) -> &str {
        &store.config.assemble_queue
    }
    const DELAY: i32 = 0;
}

impl Message for PushNews {
    fn queue(store: &Store) -> &str {
        &store.config.callback_queue
    }
    const DELAY: i32 = 0;
}

impl Message for ScanFiles {
    fn queue(store: &Store) -> &str {
        &store.config.scans_queue
    }
    const DELAY: i32 = 0;
}

impl Message for MatchOrphans {
    fn queue(store: &Store) -> &str {
        &store.config.match_queue
    }
    const DELAY: i32 = 0;
}

impl Store {
    /// Sends messages, many at a time.
    ///
    /// # Errors
    /// When a message could not be sent; others may have been. Sending them again does no harm.
    pub async fn announce<M: Message>(&self, messages: &[M]) -> Result<(), StoreError> {
        let mut bodies = Vec::with_capacity(messages.len());
        for message in messages {
            bodies.push(serde_json::to_string(message).map_err(StoreError::json("a message"))?);
        }
        let send = |body: String| self.send(M::queue(self), body, M::DELAY);
        stream::iter(bodies).map(send).buffer_unordered(32).try_collect().await
    }

    /// Sends a message that nobody is to see for so many seconds, at most 900.
    ///
    /// # Errors
    /// When it could not be sent.
    pub async fn announce_in<M: Message>(&self, seconds: u32, message: &M) -> Result<(), StoreError> {
        let body = serde_json::to_string(message).map_err(StoreError::json("a message"))?;
        self.send(M::queue(self), body, i32::try_from(seconds).unwrap_or(900)).await
    }

    async fn send(&self, queue: &str, body: String, delay: i32) -> Result<(), StoreError> {
        let message = self.sqs().send_message().queue_url(queue).message_body(body).delay_seconds(delay);
        message.send().await.map(drop).map_err(StoreError::aws("SendMessage"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_written_as_s3_writes_it_and_read_back() {
        let decoded = |key: &str| PutKey { key: key.to_owned() }.decoded();
        for key in ["usps/plain.json", "usps/a b+c%d (1).csv", "usps/ÄÖ\u{1F4EC}.txt"] {
            let message = ScanFiles::ours(key, 2, Timestamp::UNIX_EPOCH);
            let read: ScanFiles = serde_json::from_str(&serde_json::to_string(&message).unwrap()).unwrap();
            assert_eq!(read, message);
            assert_eq!(read.records[0].s3.object.decoded().as_deref(), Some(key));
        }
        assert_eq!(decoded("usps/a+b%2Bc.csv").as_deref(), Some("usps/a b+c.csv"));
        assert_eq!([decoded("a%2"), decoded("a%zz"), decoded("%ff")], [None, None, None]);
    }

    #[test]
    fn what_s3_sends_reads_also_when_it_only_tries_out_the_connection() {
        let sent = r#"{"Records":[{"eventVersion":"2.1","eventName":"ObjectCreated:Put","s3":{"s3SchemaVersion":"1.0",
            "bucket":{"name":"b","arn":"a"},"object":{"key":"usps/1.json","size":7,"eTag":"e","sequencer":"0"}}}]}"#;
        let read: ScanFiles = serde_json::from_str(sent).unwrap();
        assert_eq!((read.records[0].s3.object.key.as_str(), read.run), ("usps/1.json", None));
        let test = r#"{"Service":"Amazon S3","Event":"s3:TestEvent","Time":"2026-01-01T00:00:00Z","Bucket":"b"}"#;
        assert_eq!(serde_json::from_str::<ScanFiles>(test).unwrap(), ScanFiles::default());
    }
}
