//! `GET /v2/batches/{batchId}`: a batch's summary, with the first of its letters that have an issue.

use edge::{Call, Problem, Reply};

use super::letters::wire::IssueOut;
use super::wire::BatchOut;
use crate::App;

/// How many letters with an issue are listed; the list of letters has them all.
const ISSUES: usize = 20;

/// Answers the request.
///
/// # Errors
/// 404.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    let batch = super::own(app, &call).await?;
    let mut out = BatchOut::new(&batch, call.now);
    if batch.issues > 0 {
        let letters = app.store.list_issues(&batch, ISSUES, None).await?;
        out.issues = letters.items.iter().filter_map(IssueOut::of).collect();
    }
    Reply::json(200, &out)
}
