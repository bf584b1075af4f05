//! The messages that drive production.
//!
//! A message is sent *before* the transaction that makes it true, so that no crash can leave work that nobody knows of.
//! So a message is only an announcement: its worker believes the table. When the table does not know of it yet, the
//! worker lets it come again, until it is older than any transaction that could still make it true.

use domain::account::Mode;
use domain::id::{AccountId, AdditionId, BatchId, JobId, LetterRef, PushId};
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

impl Store {
    /// Sends a message that nobody should see before so much time has passed: 15 minutes at most.
    ///
    /// # Errors
    /// When it could not be sent.
    pub async fn announce_in<M: Message>(&self, message: &M, delay: SignedDuration) -> Result<(), StoreError> {
        let body = serde_json::to_string(message).map_err(StoreError::json("a message"))?;
        let seconds = i32::try_from(delay.as_secs()).unwrap_or(i32::MAX);
        let send = self.sqs().send_message().queue_url(M::queue(self)).message_body(body).delay_seconds(seconds);
        send.send().await.map(drop).map_err(StoreError::aws("SendMessage"))
    }

    /// Sends messages, many at a time.
    ///
    /// # Errors
    /// When a message could not be sent; others may have been. Sending them again does no harm.
    pub async fn announce<M: Message>(&self, messages: &[M]) -> Result<(), StoreError> {
        let mut bodies = Vec::with_capacity(messages.len());
        for message in messages {
            bodies.push(serde_json::to_string(message).map_err(StoreError::json("a message"))?);
        }
        let send = async |body: String| {
            let message =
                self.sqs().send_message().queue_url(M::queue(self)).message_body(body).delay_seconds(M::DELAY);
            message.send().await.map(drop).map_err(StoreError::aws("SendMessage"))
        };
        stream::iter(bodies).map(send).buffer_unordered(32).try_collect().await
    }
}
