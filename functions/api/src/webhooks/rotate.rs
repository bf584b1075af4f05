//! `POST /v2/webhooks/{webhookId}/rotate`: a new secret. It and those before it sign for 24 hours, so that a receiver can change over
//! without missing anything, also when it never got this answer. The answer is not kept for an idempotency key, because
//! the secret is in it and nowhere else.

use edge::{Call, Problem, Reply};
use outbound::signing::SigningSecret;

use super::wire::WebhookOut;
use crate::App;

/// Answers the request: the webhook with its new secret.
///
/// # Errors
/// 404, and 409 when it was rotated too often in a day or by somebody else at this moment.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    let webhook = super::named(app, &call).await?;
    let Some(old_secrets) = webhook.replaced(call.now) else {
        let message = "Too many secrets of this webhook still sign. Wait until the oldest is 24 hours old.";
        return Err(Problem::new(409, "webhook.rotated_too_often", message));
    };
    let secret = SigningSecret::random()?;
    let sealed = app.outbound()?.vault.seal(&secret, webhook.id.as_str())?;
    if !app.store.replace_secret(&webhook, &sealed, &old_secrets).await? {
        let message = "The webhook was rotated or deleted at this moment. Look at it, and try again if need be.";
        return Err(Problem::new(409, "webhook.changing", message));
    }
    let mut rotated = webhook;
    rotated.old_secrets = old_secrets;
    Reply::json(200, &WebhookOut::new(rotated, call.now).showing(&secret))
}
