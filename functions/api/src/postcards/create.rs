//! `POST /v2/postcards`: creates a postcard, or one for each of many recipients, all of them or none.

use edge::{Call, Problem, Reply};

use crate::App;
use crate::letters::{self, POSTCARDS};

/// Answers the request: 201 with the postcard, or with the identifiers of the postcards in the order of their recipients.
///
/// # Errors
/// 400, 409, 413 and 422.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    letters::create::answer(app, call, &POSTCARDS).await
}
