//! `GET /v2/operator/accounts/{accountId}/keys`: an account's API keys, without their secrets.

use edge::{Call, Problem, Reply};
use serde_json::json;

use crate::App;

/// Answers the request.
///
/// # Errors
/// 404.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    let account = crate::operator::account(app, &call).await?;
    Reply::json(200, &json!({ "items": app.store.list_keys(&account.id).await? }))
}
