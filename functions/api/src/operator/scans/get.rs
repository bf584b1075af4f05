//! `GET /v2/operator/scans/{fileId}`: a file of scans, and which of its records are no scans and why.

use domain::tracking::file::MAX_REJECTS;
use edge::{Call, Problem, Reply};

use super::wire::FileOut;
use crate::App;

/// Answers the request.
///
/// # Errors
/// 404.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    let file = super::named(app, &call).await?;
    let rejects = app.store.rejects(&file, MAX_REJECTS as usize).await?;
    Reply::json(200, &FileOut::new(file, rejects))
}
