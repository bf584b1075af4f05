//! `GET /v2/webhooks`: the webhooks of the account in the mode of the key, oldest first.

use edge::{Call, Problem, Reply};
use serde_json::json;

use super::wire::WebhookOut;
use crate::App;

/// Answers the request: all of them, because they are few.
///
/// # Errors
/// When the store does not answer.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    let caller = call.caller()?;
    let webhooks = app.store.list_webhooks(&caller.account, caller.mode).await?;
    let items: Vec<_> = webhooks.into_iter().map(|webhook| WebhookOut::new(webhook, call.now)).collect();
    Reply::json(200, &json!({ "items": items }))
}
