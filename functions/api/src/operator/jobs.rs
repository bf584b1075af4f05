//! `/v2/operator/jobs`: mail jobs.

pub mod cancel;
pub mod create;
pub mod get;
pub mod list;
pub mod mailed;
pub mod printed;
pub mod retry;
mod wire;

use domain::id::JobId;
use domain::job::{Job, JobState};
use edge::{Call, Problem, Reply};
use store::idempotency::{Answer, Completion};
use store::jobs::Confirmation;

use crate::App;
use crate::idempotent::once;

/// The job that the path names.
async fn named(app: &App, call: &Call) -> Result<Job, Problem> {
    let job = match JobId::parse(call.parameter("jobId")) {
        Ok(id) => app.store.job(&id).await?,
        Err(_) => None,
    };
    job.ok_or_else(|| Problem::not_found("job"))
}

/// Takes the operator's word that the job was printed or mailed.
async fn confirm(app: &App, call: &Call, confirmation: Confirmation) -> Result<Reply, Problem> {
    let to = match confirmation {
        Confirmation::Printed => JobState::Printed,
        Confirmation::Mailed => JobState::Mailed,
    };
    once(app, call, async |ticket| {
        let job = named(app, call).await?;
        let mut confirmed = Job { state: to, ..job.clone() };
        match confirmation {
            Confirmation::Printed => confirmed.printed_at = Some(call.now),
            Confirmation::Mailed => confirmed.mailed_at = Some(call.now),
        }
        let answer = wire::answer(200, &confirmed);
        let done = app.store.confirm(&job, confirmation, Completion::of(ticket, &answer), call.now).await?;
        done.map_err(refused)?;
        Ok::<Answer, Problem>(answer)
    })
    .await
}

fn refused(state: JobState) -> Problem {
    let message = format!("The job is {}, which does not allow this.", state.as_str());
    Problem::new(409, "job.state", message).with("state", &state)
}
