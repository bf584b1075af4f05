//! `GET /v2/operator/jobs/{jobId}`: a mail job, its parts, and where their files can be fetched.

use domain::id::JobId;
use domain::job::{JobState, Part};
use edge::{Call, Problem, Reply};
use store::parts::PartFile;

use super::wire::{FileOut, JobOut, PartOut};
use crate::App;

/// How many parts one answer holds: with their URLs, so many fit what a function may answer.
const PARTS: u32 = 500;

/// Answers the request. `firstPart` is the number of the first part to show; the answer says where the next ones start.
/// Files are shown once the job is assembled: what is not complete must not get to a press.
///
/// # Errors
/// 400 when `firstPart` is not a number, and 404.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    let first: u32 = call
        .query("firstPart")
        .unwrap_or("0")
        .parse()
        .map_err(|_| Problem::new(400, "firstPart.invalid", "Give the number of a part, counted from 0."))?;
    let job = super::named(app, &call).await?;
    let complete = matches!(job.state, JobState::Assembled | JobState::Printed | JobState::Mailed);
    let mut parts = Vec::new();
    for part in app.store.parts(&job.id).await? {
        if (first..first.saturating_add(PARTS)).contains(&part.number) {
            parts.push(show(app, &job.id, part, complete).await?);
        }
    }
    let next = first.saturating_add(PARTS);
    let more = job.parts.is_some_and(|parts| next < parts);
    let mut shown = JobOut::new(job);
    shown.parts = Some(parts);
    shown.next_part = more.then_some(next);
    Reply::json(200, &shown)
}

async fn show(app: &App, job: &JobId, part: Part, complete: bool) -> Result<PartOut, Problem> {
    let (print_file, manifest) = match part.files.as_ref().filter(|_| complete) {
        None => (None, None),
        Some(files) => {
            let url = app.store.file_url(job, part.number, PartFile::Print).await?;
            let print_file = FileOut { url, sha256: files.sha256.clone(), bytes: Some(files.bytes) };
            let url = app.store.file_url(job, part.number, PartFile::Manifest).await?;
            (Some(print_file), Some(FileOut { url, sha256: files.manifest_sha256.clone(), bytes: None }))
        }
    };
    Ok(PartOut {
        number: part.number,
        letters: part.letters,
        first_piece: part.first_piece,
        pages: part.files.as_ref().map(|files| files.pages),
        sheets: part.files.as_ref().map(|files| files.sheets),
        print_file,
        manifest,
    })
}
