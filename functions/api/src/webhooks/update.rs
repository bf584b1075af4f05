//! `PATCH /v2/webhooks/{webhookId}`: changes a webhook. What is left out stays as it is.

use edge::{Call, Problem, Reply};

use super::wire::{WebhookOut, read};
use crate::App;

/// Answers the request: the webhook as it is then. One that is enabled again is told of what happens from then on; what it
/// missed can be replayed.
///
/// # Errors
/// 400, 404 and 422.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    let webhook = super::named(app, &call).await?;
    let change = read(&call.body, false, &app.policy)?;
    let changed = app.store.change_webhook(&webhook.account, webhook.mode, &webhook.id, &change).await?;
    let changed = changed.ok_or_else(|| Problem::not_found("webhook"))?;
    Reply::json(200, &WebhookOut::new(changed, call.now))
}
