//! `POST /v2/operator/scans/{fileId}/rerun`: has a file of scans read again from its beginning. What is known already changes
//! nothing, so it is for files that failed, and for when the table of codes was changed.

use edge::{Call, Problem, Reply};
use serde_json::json;
use store::idempotency::{Answer, Completion};

use crate::App;
use crate::idempotent::once;

/// Answers the request: 202.
///
/// # Errors
/// 404, and 409 while the file is being read.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    once(app, &call, async |ticket| {
        let file = super::named(app, &call).await?;
        let body = json!({ "id": file.id, "state": "working", "run": file.run + 1 }).to_string();
        let answer = Answer { status: 202, location: Some(format!("/v2/operator/scans/{}", file.id)), body };
        if !app.store.rerun_scan_file(&file, Completion::of(ticket, &answer), call.now).await? {
            let message = "The file is being read. Wait until it is done.";
            return Err(Problem::new(409, "scan_file.working", message));
        }
        Ok(answer)
    })
    .await
}
