//! The record of state changes: each is written in the transaction that makes the change.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::account::Mode;
use crate::id::{AccountId, BatchId, EventId, JobId, LetterRef};

/// What happened. The list is closed: consumers may rely on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum EventKind {
    /// A batch was created.
    #[serde(rename = "batch.created")]
    BatchCreated,
    /// The letters that came with a batch are in it.
    #[serde(rename = "batch.initialized")]
    BatchInitialized,
    /// The letters that came with a batch could not be put into it.
    #[serde(rename = "batch.failed_to_initialize")]
    BatchFailedToInitialize,
    /// Letters were added to a batch.
    #[serde(rename = "batch.letters_added")]
    BatchLettersAdded,
    /// A batch has all its letters, and each may be printed.
    #[serde(rename = "batch.ready")]
    BatchReady,
    /// A batch that was ready is no longer, because a letter of it was changed.
    #[serde(rename = "batch.not_ready")]
    BatchNotReady,
    /// A batch was taken into a mail job.
    #[serde(rename = "batch.printing")]
    BatchPrinting,
    /// A batch was handed to the postal service.
    #[serde(rename = "batch.mailed")]
    BatchMailed,
    /// A batch was withdrawn before it was printed.
    #[serde(rename = "batch.canceled")]
    BatchCanceled,
    /// A group of letters was inspected. Those with an issue have an event of their own; the others are ready.
    #[serde(rename = "letters.inspected")]
    LettersInspected,
    /// A letter cannot be printed until someone acts.
    #[serde(rename = "letter.issue")]
    LetterIssue,
    /// A letter was replaced, and will be inspected.
    #[serde(rename = "letter.replaced")]
    LetterReplaced,
    /// A letter will be inspected again.
    #[serde(rename = "letter.retried")]
    LetterRetried,
    /// A letter was withdrawn.
    #[serde(rename = "letter.withdrawn")]
    LetterWithdrawn,
    /// The postal service told where a mailed letter is, and that is another state than before.
    #[serde(rename = "letter.tracked")]
    LetterTracked,
    /// A mail job was made of batches.
    #[serde(rename = "job.created")]
    JobCreated,
    /// A mail job's print files are complete.
    #[serde(rename = "job.assembled")]
    JobAssembled,
    /// A mail job cannot be assembled until someone acts.
    #[serde(rename = "job.failed")]
    JobFailed,
    /// A failed mail job is being assembled again.
    #[serde(rename = "job.retried")]
    JobRetried,
    /// A failed mail job was given up, and its batches are ready again.
    #[serde(rename = "job.canceled")]
    JobCanceled,
    /// The operator printed a mail job.
    #[serde(rename = "job.printed")]
    JobPrinted,
    /// The operator handed a mail job to the postal service.
    #[serde(rename = "job.mailed")]
    JobMailed,
}

/// A state change, or the same change of several letters of one batch, which are then its entries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// Its identifier; later events sort later.
    pub id: EventId,
    /// What happened.
    pub kind: EventKind,
    /// When.
    pub at: Timestamp,
    /// Whose it is; none for what concerns only the print floor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    /// Whether it is real.
    pub mode: Mode,
    /// The batch it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<BatchId>,
    /// The mail job it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<JobId>,
    /// Codes and counts: never names, addresses or document text.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub data: BTreeMap<String, String>,
    /// The letters that it happened to, each a state change of its own; none if it happened to the batch or the job.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entries: Vec<Entry>,
}

/// What happened to one letter among others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// The letter.
    pub letter: LetterRef,
    /// Codes and counts, as in the event.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub data: BTreeMap<String, String>,
}
