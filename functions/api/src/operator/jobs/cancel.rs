//! `DELETE /v2/operator/jobs/{jobId}`: gives a failed job up. Its batches are ready again, but for the letter that stood in the
//! way: it has an issue, of which its client is told.

use domain::job::JobState;
use edge::{Call, Problem, Reply};

use crate::App;

/// Answers the request: 204, also when the job was given up before.
///
/// # Errors
/// 404, and 409 when the job has not failed.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    let job = super::named(app, &call).await?;
    match app.store.give_up_job(&job, call.now).await? {
        Ok(()) | Err(JobState::Canceled) => Ok(Reply::empty(204)),
        Err(state) => Err(super::refused(state)),
    }
}
