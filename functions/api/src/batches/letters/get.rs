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
    let Some(state) = postal_state(&batch, &letter) else {
        let message = "The letter has not been mailed, so that it has no postal state yet.";
        return Err(Problem::new(404, "not_mailed", message));
    };
    Reply::json(200, &state)
}
