//! `POST /v2/scans/push`: takes a message of scans as the postal service pushes it (IV-MTR: `msgGrpId` and `events`).
//!
//! It is answered as soon as the body is safe in the bucket of scan files, whatever is in it: the worker that reads dropped
//! files reads it too. A message of several parts is as many files, in whatever order they come.

use edge::{Call, Problem, Reply};
use serde_json::json;

use super::unauthorized;
use crate::App;

/// Answers the request.
///
/// # Errors
/// 401, and 400 when there is no body.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    app.pusher.as_ref().ok_or_else(unauthorized)?.check(&call)?;
    if call.body.iter().all(u8::is_ascii_whitespace) {
        return Err(Problem::new(400, "body.blank", "The request body is blank. Send scans as JSON."));
    }
    let kept = app.store.keep_push(call.body).await?;
    Reply::json(200, &json!({ "fileId": kept.id() }))
}
