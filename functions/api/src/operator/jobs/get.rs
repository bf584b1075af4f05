//! `GET /v2/operator/jobs/{jobId}`: a mail job, its parts, and where their files can be fetched.

use domain::id::JobId;
use domain::job::Part;
use edge::{Call, Problem, Reply};
use store::parts::PartFile;

use super::wire::{FileOut, JobOut, PartOut};
use crate::App;

/// Answers the request.
///
/// # Errors
/// 404.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    let job = super::named(app, &call).await?;
    let mut parts = Vec::new();
    for part in app.store.parts(&job.id).await? {
        parts.push(show(app, &job.id, part).await?);
    }
    let mut shown = JobOut::new(job);
    shown.parts = Some(parts);
    Reply::json(200, &shown)
}

async fn show(app: &App, job: &JobId, part: Part) -> Result<PartOut, Problem> {
    let (print_file, manifest) = match &part.files {
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
