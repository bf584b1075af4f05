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
        .map_err(|_| Problem::new(400, "first_part.invalid", "Give the number of a part, counted from 0."))?;
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
    let (mut print_file, mut manifest, mut manifest_lines) = (None, None, None);
    if let Some(files) = part.files.as_ref().filter(|_| complete) {
        let file = async |file: PartFile, sha256: &str, bytes: Option<u64>| -> Result<_, Problem> {
            let url = app.store.file_url(job, part.number, file).await?;
            Ok(Some(FileOut { url, sha256: sha256.to_owned(), bytes }))
        };
        print_file = file(PartFile::Print, &files.sha256, Some(files.bytes)).await?;
        manifest = file(PartFile::Manifest, &files.manifest_sha256, None).await?;
        manifest_lines = file(PartFile::ManifestLines, &files.lines_sha256, None).await?;
    }
    Ok(PartOut {
        number: part.number,
        letters: part.letters,
        first_piece: part.first_piece,
        pages: part.files.as_ref().map(|files| files.pages),
        sheets: part.files.as_ref().map(|files| files.sheets),
        print_file,
        manifest,
        manifest_lines,
    })
}
