//! `POST /v2/batches/{batchId}/letters/{letterId}/retry`: has a letter with an issue inspected again.

use edge::{Call, Problem, Reply};
use store::idempotency::{Answer, Completion};
use store::letters::LetterChange;

use crate::App;
use crate::idempotent::once;

/// Answers the request: 202.
///
/// # Errors
/// 404 and 409.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    once(app, &call, async |ticket| {
        let answer = Answer { status: 202, location: None, body: r#"{"state":"queued"}"#.to_owned() };
        super::change(app, &call, || LetterChange::Retry, Completion::of(ticket, &answer)).await?;
        Ok(answer)
    })
    .await
}
