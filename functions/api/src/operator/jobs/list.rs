//! `GET /v2/operator/jobs`: the mail jobs, newest first.

use edge::{Call, Problem, Reply};

use super::wire::JobOut;
use crate::App;
use crate::listing::PageRequest;

/// Answers the request.
///
/// # Errors
/// 400 when a parameter cannot be.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    let page = PageRequest::read(app, &call, "operator.jobs.list".to_owned(), 100)?;
    let listed = app.store.list_jobs(page.limit, page.after.as_ref()).await?;
    page.reply(app, listed, JobOut::new)
}
