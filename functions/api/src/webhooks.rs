//! `/v2/webhooks`: where the caller's account is told of its news, in the mode of the key.

pub mod attempts;
pub mod create;
pub mod delete;
pub mod get;
pub mod list;
pub mod replay;
pub mod rotate;
pub mod test;
pub mod update;
mod wire;

use domain::id::WebhookId;
use domain::webhook::Webhook;
use edge::{Call, Problem};

use crate::App;

/// The caller's webhook that the path names.
///
/// # Errors
/// 404.
async fn named(app: &App, call: &Call) -> Result<Webhook, Problem> {
    let caller = call.caller()?;
    let found = match WebhookId::parse(call.parameter("webhookId")) {
        Ok(id) => app.store.webhook(&caller.account, caller.mode, &id).await?,
        Err(_) => None,
    };
    found.ok_or_else(|| Problem::not_found("webhook"))
}
