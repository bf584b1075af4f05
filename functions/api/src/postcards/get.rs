//! `GET /v2/postcards/{postcardId}`: a postcard, and what became of it.

use edge::{Call, Problem, Reply};

use crate::App;
use crate::letters::{self, POSTCARDS};

/// Answers the request.
///
/// # Errors
/// 404.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    letters::get::answer(app, call, &POSTCARDS).await
}
