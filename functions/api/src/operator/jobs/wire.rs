//! A mail job as it is shown.

use domain::batch::MailClass;
use domain::finish::Finish;
use domain::id::{BatchId, JobId, LetterRef};
use domain::job::Job;
use jiff::Timestamp;
use serde::Serialize;
use store::idempotency::Answer;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct JobOut {
    id: JobId,
    state: &'static str,
    batch_ids: Vec<BatchId>,
    mail_class: MailClass,
    use_perforated_paper: bool,
    finish: Finish,
    letters: u32,
    sheets: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    part_count: Option<u32>,
    parts_assembled: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    obstacle: Option<ObstacleOut>,
    created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    printed_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mailed_at: Option<Timestamp>,
    /// The parts, where one job was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) parts: Option<Vec<PartOut>>,
    /// The number of the first part that did not fit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next_part: Option<u32>,
}

/// The letter that a job failed for.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ObstacleOut {
    batch_id: BatchId,
    letter_id: LetterRef,
}

/// A part of a mail job as it is shown. Until it is assembled it has no files.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PartOut {
    pub(super) number: u32,
    pub(super) letters: u32,
    pub(super) first_piece: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) pages: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sheets: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) print_file: Option<FileOut>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) manifest: Option<FileOut>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) manifest_lines: Option<FileOut>,
}

/// A file that can be fetched for a while.
#[derive(Serialize)]
pub(super) struct FileOut {
    pub(super) url: String,
    pub(super) sha256: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) bytes: Option<u64>,
}

impl JobOut {
    pub(super) fn new(job: Job) -> Self {
        JobOut {
            id: job.id,
            state: job.state.as_str(),
            batch_ids: job.batches,
            mail_class: job.mail_class,
            use_perforated_paper: job.perforated,
            finish: job.finish,
            letters: job.letters,
            sheets: job.sheets,
            part_count: job.parts,
            parts_assembled: job.assembled,
            failure: job.failure,
            obstacle: job.obstacle.map(|obstacle| ObstacleOut { batch_id: obstacle.batch, letter_id: obstacle.letter }),
            created_at: job.created_at,
            printed_at: job.printed_at,
            mailed_at: job.mailed_at,
            parts: None,
            next_part: None,
        }
    }
}

/// A job as an answer that can be kept.
pub(super) fn answer(status: u16, job: &Job) -> Answer {
    Answer {
        status,
        location: (status == 202).then(|| format!("/v2/operator/jobs/{}", job.id)),
        body: serde_json::to_string(&JobOut::new(job.clone())).unwrap_or_default(),
    }
}
