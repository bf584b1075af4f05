//! `DELETE /v2/callback`: news is no longer pushed.

use edge::{Call, Problem, Reply};

use crate::App;

/// Answers the request: 204.
///
/// # Errors
/// 404 when no callback is set up.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    let caller = call.caller()?;
    let found = app.store.delete_callback(&caller.account, caller.mode).await?;
    if found { Ok(Reply::empty(204)) } else { Err(Problem::not_found("callback")) }
}
