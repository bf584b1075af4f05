//! A file of scans: what became of its records, and where its reading goes on.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Scan;
use super::feed::{PieceNumber, Reject, Writer};
use crate::id::ScanFileId;

/// Where a file is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FileState {
    /// It is being read.
    Working,
    /// It was read to its end.
    Done,
    /// It cannot be read to its end. What was read before stands.
    Failed,
}

impl FileState {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            FileState::Working => "working",
            FileState::Done => "done",
            FileState::Failed => "failed",
        }
    }
}

/// What became of records. All that are neither applied nor orphans nor rejected were known already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Scans of pieces that nobody knows, kept until they are known.
    pub orphans: u64,
    /// Records that are no scans.
    pub rejected: u64,
    /// Scans with a code that is not in the table of codes.
    pub unknown_codes: u64,
    /// Scans with a code whose meaning is not confirmed.
    pub unconfirmed_codes: u64,
    /// Scans whose time had no offset and was taken as New York's.
    pub zones_assumed: u64,
}

/// How the keys of files begin that hold scans of test letters.
pub const TEST_FILES: &str = "test/";

/// A file of scans, and its current run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScanFile {
    /// Its identifier.
    pub id: ScanFileId,
    /// Where in the bucket it lies.
    pub key: String,
    /// What S3 calls its content.
    pub etag: String,
    /// Its size, as it lies there.
    pub bytes: u64,
    /// When it was first seen.
    pub received_at: Timestamp,
    /// Where it is on its way.
    pub state: FileState,
    /// How often it was read from its beginning.
    pub run: u32,
    /// How many records were dealt with: there its reading goes on.
    pub records: u64,
    /// How many scans were new, and are applied.
    pub applied: u64,
    /// What became of the others.
    #[serde(flatten)]
    pub counts: Counts,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// When it was done or failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
}

impl ScanFile {
    /// A file that was just seen.
    pub fn new(id: ScanFileId, key: String, etag: String, bytes: u64, now: Timestamp) -> Self {
        ScanFile {
            id,
            key,
            etag,
            bytes,
            received_at: now,
            state: FileState::Working,
            run: 1,
            records: 0,
            applied: 0,
            counts: Counts::default(),
            failure: None,
            finished_at: None,
        }
    }

    /// Who wrote it. Only the test door writes where files of test letters lie; what is dropped and pushed lies elsewhere.
    pub fn writer(&self) -> Writer {
        if self.key.starts_with(TEST_FILES) { Writer::TestDoor } else { Writer::PostalService }
    }

    /// How many scans were known already.
    pub fn duplicates(&self) -> u64 {
        // While it is being read, scans are applied before their records count as dealt with.
        self.records.saturating_sub(self.applied + self.counts.orphans + self.counts.rejected)
    }
}

/// The most rejects that are kept of a run. A file that has more is none of scans.
pub const MAX_REJECTS: u64 = 1_000;

/// Rejects of a file that were met together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejects {
    /// Which.
    pub rejects: Vec<Reject>,
}

/// A scan of a piece that nobody knows, or that is not mailed yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Orphan {
    /// The piece.
    pub piece: PieceNumber,
    /// The scan.
    pub scan: Scan,
    /// The file that brought it.
    pub file: ScanFileId,
    /// When it was kept.
    pub kept_at: Timestamp,
}

/// For how many days an orphan is kept. After that its number may be another piece's, so that it would be matched wrongly.
pub const ORPHAN_DAYS: i64 = crate::tracking_code::SERIAL_REST_DAYS;
