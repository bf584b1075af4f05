//! `POST /v2/operator/jobs/{jobId}/retry`: assembles what is missing of a job.

use domain::job::{Job, JobState};
use edge::{Call, Problem, Reply};
use store::idempotency::Completion;

use crate::App;
use crate::idempotent::once;

/// Answers the request: 202.
///
/// # Errors
/// 404, and 409 when nothing is missing.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    once(app, &call, async |ticket| {
        let job = super::named(app, &call).await?;
        let retried = Job { state: JobState::Assembling, failure: None, ..job.clone() };
        let answer = super::wire::answer(202, &retried);
        let done = app.store.retry_job(&job, Completion::of(ticket, &answer), call.now).await?;
        done.map_err(super::refused)?;
        Ok(answer)
    })
    .await
}
