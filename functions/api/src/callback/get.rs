//! `GET /v2/callback`: where news is pushed, and what came of it lately.

use edge::{Call, Problem, Reply};

use super::{CallbackOut, own};
use crate::App;

/// How many attempts are shown.
const ATTEMPTS: usize = 10;

/// Answers the request.
///
/// # Errors
/// 404 when no callback is set up.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    let caller = call.caller()?;
    // Read first: what came of an attempt is on the callback by the time that the attempt is seen.
    let attempts = app.store.list_push_attempts(&caller.account, caller.mode, ATTEMPTS).await?;
    let callback = own(app, &call).await?;
    Reply::json(200, &CallbackOut::new(&callback, attempts, None))
}
