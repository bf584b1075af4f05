//! `PATCH /v2/postcards/{postcardId}`: changes a postcard up to the cutoff of its send date. What is not given stays.

use edge::{Call, Problem, Reply};

use crate::App;
use crate::letters::{self, POSTCARDS};

/// Answers the request: 200 with the postcard.
///
/// # Errors
/// 400, 404, 409 after the cutoff, 413 and 422.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    letters::update::answer(app, call, &POSTCARDS).await
}
