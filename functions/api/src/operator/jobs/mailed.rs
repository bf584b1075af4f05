//! `POST /v2/operator/jobs/{jobId}/mailed`: the operator confirms that the pieces of a job were handed to the postal service.

use edge::{Call, Problem, Reply};
use store::jobs::Confirmation;

use crate::App;

/// Answers the request.
///
/// # Errors
/// 404, and 409 when the job is in another state.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    super::confirm(app, &call, Confirmation::Mailed).await
}
