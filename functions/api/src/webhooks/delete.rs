//! `DELETE /v2/webhooks/{webhookId}`: deletes a webhook. What is on its way to it is not delivered any more.

use edge::{Call, Problem, Reply};

use crate::App;

/// Answers the request: 204.
///
/// # Errors
/// 404.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    let webhook = super::named(app, &call).await?;
    let deleted = app.store.delete_webhook(&webhook.account, webhook.mode, &webhook.id).await?;
    if deleted { Ok(Reply::empty(204)) } else { Err(Problem::not_found("webhook")) }
}
