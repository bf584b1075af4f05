//! `GET /v2/batches/{batchId}/letters/{letterId}`: a letter's postal state, as a JSON string.

use edge::{Call, Problem, Reply};

use super::wire::postal_state;
use crate::App;
use crate::batches::own;

/// Answers the request.
///
/// # Errors
/// 404, with another code when the letter is there but not yet mailed.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    let batch = own(app, &call).await?;
    let letter = super::named(app, &call, &batch).await?;
    let tracked = app.store.postal_states(&batch, std::iter::once(&letter.content.reference)).await?;
    let state = postal_state(&batch, &letter, tracked.get(&letter.content.reference).copied());
    Reply::json(200, &state.ok_or_else(super::not_mailed)?)
}
