//! `GET /v2/postcards`: the caller's postcards, newest first, by what they are and what became of them.

use edge::{Call, Problem, Reply};

use crate::App;
use crate::letters::{self, POSTCARDS};

/// Answers the request.
///
/// # Errors
/// 400 when a parameter cannot be.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    letters::list::answer(app, call, &POSTCARDS).await
}
