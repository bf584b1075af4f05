//! `GET /v2/postcards/{postcardId}/proof`: leads to a picture of both sides of a postcard as they will be printed.

use edge::{Call, Problem, Reply};

use crate::App;
use crate::letters::{self, POSTCARDS};

/// Answers the request: 302 to a URL that is good for a quarter of an hour.
///
/// # Errors
/// 404, also while the document is not yet inspected.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    letters::proof::answer(app, call, &POSTCARDS).await
}
