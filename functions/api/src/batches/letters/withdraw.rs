//! `DELETE /v2/batches/{batchId}/letters/{letterId}`: takes a letter out before it is printed. The batch then waits for
//! one letter less.

use domain::letter::LetterState;
use edge::{Call, Problem, Reply};
use store::letters::LetterChange;

use crate::App;
use crate::batches::own;

/// Answers the request: 204, also when the letter was withdrawn before.
///
/// # Errors
/// 404 and 409.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    let batch = own(app, &call).await?;
    if super::named(app, &call, &batch).await?.state == LetterState::Canceled {
        // Whoever withdrew it may have died before looking whether the batch is now complete.
        app.store.settle(&batch.id, call.now).await?;
    } else {
        super::change(app, &call, || LetterChange::Withdraw, None).await?;
    }
    Ok(Reply::empty(204))
}
