//! `POST /v2/batches/{batchId}/letters/{letterId}/retry`: has a letter with an issue inspected again, or one whose inspection is
//! overdue.

use domain::letter::LetterState;
use edge::{Call, Problem, Reply};
use store::idempotency::{Answer, Completion};
use store::letters::LetterChange;

use crate::App;
use crate::batches::own;
use crate::idempotent::once;

/// Answers the request: 202.
///
/// # Errors
/// 404 and 409.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    once(app, &call, async |ticket| {
        let batch = own(app, &call).await?;
        let letter = super::named(app, &call, &batch).await?;
        if batch.is_open() && letter.state == LetterState::Queued {
            // It waits for its inspection already; should the announcement have been lost, this is another.
            app.store.announce_again(&batch, &letter, call.now).await?;
            // Nothing was changed that must not be changed twice, so there is no answer to keep.
            if let Some(ticket) = ticket {
                app.store.release(ticket).await?;
            }
            return Ok(Answer { status: 202, location: None, body: r#"{"state":"queued"}"#.to_owned() });
        }
        let answer = Answer { status: 202, location: None, body: r#"{"state":"queued"}"#.to_owned() };
        super::change(app, &call, || LetterChange::Retry, Completion::of(ticket, &answer)).await?;
        Ok(answer)
    })
    .await
}
