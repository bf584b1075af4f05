//! `POST /v2/operator/jobs/{jobId}/printed`: the operator confirms that the print files of a job were printed.

use edge::{Call, Problem, Reply};
use store::jobs::Confirmation;

use crate::App;

/// Answers the request.
///
/// # Errors
/// 404, and 409 when the job is in another state.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    super::confirm(app, &call, Confirmation::Printed).await
}
