//! A mail job: batches that are printed and mailed together, and how its letters are cut into parts.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::batch::MailClass;
use crate::finish::Finish;
use crate::id::{BatchId, JobId, LetterRef};
use crate::letter::Issue;

/// Where a mail job is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum JobState {
    /// Its print files are being made.
    Assembling,
    /// Its print files are complete.
    Assembled,
    /// The operator printed them.
    Printed,
    /// The pieces were handed to the postal service. Terminal.
    Mailed,
    /// It cannot be assembled until someone acts.
    Failed,
    /// It failed and was given up. Terminal.
    Canceled,
}

impl JobState {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            JobState::Assembling => "assembling",
            JobState::Assembled => "assembled",
            JobState::Printed => "printed",
            JobState::Mailed => "mailed",
            JobState::Failed => "failed",
            JobState::Canceled => "canceled",
        }
    }
}

/// Batches that are printed and mailed together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Job {
    /// Its identifier.
    pub id: JobId,
    /// Where it is on its way.
    pub state: JobState,
    /// The batches, in the operator's order.
    pub batches: Vec<BatchId>,
    /// Their mail class.
    pub mail_class: MailClass,
    /// Whether the first sheet after the cover sheet is perforated.
    pub perforated: bool,
    /// How the pieces are made.
    #[serde(default)]
    pub finish: Finish,
    /// How many letters.
    pub letters: u32,
    /// How many sheets.
    pub sheets: u64,
    /// How many letters a part has: as it was set when the job was made, so that a plan that is made again is the same.
    pub letters_per_part: usize,
    /// How many parts, once they are planned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parts: Option<u32>,
    /// How many of the parts are assembled.
    pub assembled: u32,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// The letter that it failed for, if it is that letter's fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub obstacle: Option<Obstacle>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was printed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub printed_at: Option<Timestamp>,
    /// When it was handed to the postal service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mailed_at: Option<Timestamp>,
}

/// A letter that stands in the way of its mail job: it cannot be assembled, though it passed inspection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Obstacle {
    /// The batch that it is in.
    pub batch: BatchId,
    /// Which letter of the batch it is.
    pub letter: LetterRef,
    /// What its client is told when the job is given up.
    pub issue: Issue,
}

/// The most batches in a job: merging them is one transaction, of two writes a batch and a few more.
pub const MAX_BATCHES: usize = 40;

/// A letter in a job, as far as its place in it depends on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedPiece {
    /// The letter's batch, as an index into the job's batches.
    pub batch: u32,
    /// The letter's reference.
    pub reference: LetterRef,
    /// Its sheets.
    #[serde(skip)]
    pub sheets: u32,
    /// By what the postal service sorts: ZIP, or the country of mail that leaves this one.
    #[serde(skip)]
    pub sort_key: String,
}

/// Cuts the letters of a job into parts: by sheets, because the inserter is set up for a thickness, then by ZIP.
/// The result depends on the letters alone, not on the order in which they were read.
pub fn plan(mut pieces: Vec<PlannedPiece>, letters_per_part: usize) -> Vec<Vec<PlannedPiece>> {
    pieces.sort_unstable_by(|a, b| {
        (a.sheets, &a.sort_key, a.batch, &a.reference).cmp(&(b.sheets, &b.sort_key, b.batch, &b.reference))
    });
    let mut parts = Vec::with_capacity(pieces.len().div_ceil(letters_per_part.max(1)));
    let mut rest = pieces.into_iter().peekable();
    while rest.peek().is_some() {
        parts.push(rest.by_ref().take(letters_per_part.max(1)).collect());
    }
    parts
}

/// A part of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Part {
    /// Its number, counted from zero.
    pub number: u32,
    /// How many letters.
    pub letters: u32,
    /// The number of its first piece in the job, counted from one.
    pub first_piece: u32,
    /// The first of its serial numbers, in the order in which they were ever given out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_sequence: Option<u64>,
    /// Its files, once it is assembled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<PartFiles>,
}

/// The print file of a part, and its manifest for people and for machines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PartFiles {
    /// SHA-256 of the print file, in hexadecimal.
    pub sha256: String,
    /// SHA-256 of the manifest, in hexadecimal.
    pub manifest_sha256: String,
    /// SHA-256 of the manifest as JSON lines, in hexadecimal.
    pub lines_sha256: String,
    /// Size of the print file in bytes.
    pub bytes: u64,
    /// Pages of the print file.
    pub pages: u64,
    /// Sheets of the print file.
    pub sheets: u64,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn piece(number: usize, sheets: u32, zip: u32) -> PlannedPiece {
        PlannedPiece {
            batch: 0,
            reference: LetterRef::parse(&format!("L{number:07}")).unwrap(),
            sheets,
            sort_key: format!("{zip:05}"),
        }
    }

    proptest! {
        #[test]
        fn every_letter_is_in_exactly_one_part_and_the_order_of_reading_does_not_matter(
            letters in prop::collection::vec((1u32..9, 0u32..5), 0..200), size in 1usize..50, seed: u64,
        ) {
            let pieces: Vec<_> = letters.iter().enumerate().map(|(n, &(sheets, zip))| piece(n, sheets, zip)).collect();
            let mut shuffled = pieces.clone();
            shuffled.sort_by_key(|piece| piece.reference.as_str().bytes().fold(seed, |hash, byte| hash.wrapping_mul(31) ^ u64::from(byte)));
            let parts = plan(pieces.clone(), size);
            prop_assert_eq!(&parts, &plan(shuffled, size));
            prop_assert!(parts.iter().all(|part| !part.is_empty() && part.len() <= size));
            let mut references: Vec<_> = parts.concat().into_iter().map(|piece| piece.reference).collect();
            references.sort();
            prop_assert_eq!(references, pieces.iter().map(|piece| piece.reference.clone()).collect::<Vec<_>>());
            let sizes: Vec<_> = parts.concat().iter().map(|piece| piece.sheets).collect();
            prop_assert!(sizes.is_sorted());
        }
    }
}
