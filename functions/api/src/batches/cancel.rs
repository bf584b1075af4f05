//! `DELETE /v2/batches/{batchId}`: withdraws a batch before it is printed.

use domain::batch::BatchState;
use edge::{Call, Problem, Reply};

use crate::App;

/// Answers the request: 204, also when the batch was canceled before.
///
/// # Errors
/// 404, and 409 once the batch is being printed.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    let batch = super::own(app, &call).await?;
    match app.store.cancel_batch(&batch, call.now).await? {
        Ok(()) => Ok(Reply::empty(204)),
        Err(batch) if batch.state == BatchState::Canceled => Ok(Reply::empty(204)),
        Err(batch) => {
            let message = format!("The batch is {} and can no longer be canceled.", batch.state.as_str());
            Err(Problem::new(409, "batch.closed", message).with("state", &batch.state))
        }
    }
}
