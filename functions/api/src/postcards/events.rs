//! `GET /v2/postcards/{postcardId}/events`: what happened to a postcard from its creation on, and once it is mailed what the
//! postal service told of it.

use edge::{Call, Problem, Reply};

use crate::App;
use crate::letters::{self, POSTCARDS};

/// Answers the request.
///
/// # Errors
/// 404.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    letters::events::answer(app, call, &POSTCARDS).await
}
