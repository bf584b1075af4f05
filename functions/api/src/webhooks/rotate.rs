//! `POST /v2/webhooks/{webhookId}/rotate`: a new secret. It and those before it sign for 24 hours, so that a receiver can change over
//! without missing anything, also when it never got this answer, the only one that shows it.

use domain::webhook::Webhook;
use edge::{Call, Problem, Reply};
use outbound::signing::SigningSecret;
use store::idempotency::{Answer, Completion, Ticket};

use super::wire::WebhookOut;
use crate::App;
use crate::idempotent::{once_sealed, sealed};

/// Answers the request: the webhook with its new secret.
///
/// # Errors
/// 404, and 409 when it was rotated too often in a day or by somebody else at this moment.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    once_sealed(app, &call, async |ticket| rotate(app, &call, ticket).await).await
}

async fn rotate(app: &App, call: &Call, ticket: Option<&Ticket>) -> Result<Answer, Problem> {
    let webhook = super::named(app, call).await?;
    let Some(old_secrets) = webhook.replaced(call.now) else {
        let message = "Too many secrets of this webhook still sign. Wait until the oldest is 24 hours old.";
        return Err(Problem::new(409, "webhook.rotated_too_often", message));
    };
    let secret = SigningSecret::random()?;
    let kept_secret = app.outbound()?.vault.seal(&secret, webhook.id.as_str())?;
    let rotated = Webhook { old_secrets, ..webhook.clone() };
    let shown = WebhookOut::new(rotated.clone(), call.now).showing(&secret);
    let answer = Answer { status: 200, location: None, body: serde_json::to_string(&shown)? };
    let kept = sealed(app, call, &answer)?;
    let completion = Completion::of(ticket, &kept);
    if !app.store.replace_secret(&webhook, &kept_secret, &rotated.old_secrets, completion).await? {
        let message = "The webhook was rotated or deleted at this moment. Look at it, and try again if need be.";
        return Err(Problem::new(409, "webhook.changing", message));
    }
    Ok(answer)
}
