//! `DELETE /v2/postcards/{postcardId}`: takes a postcard back, up to the cutoff of its send date.

use edge::{Call, Problem, Reply};

use crate::App;
use crate::letters::{self, POSTCARDS};

/// Answers the request: 204, also when it was canceled before.
///
/// # Errors
/// 404, and 409 after the cutoff.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    letters::cancel::answer(app, call, &POSTCARDS).await
}
