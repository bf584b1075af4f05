//! `POST /v2/webhooks`: a new webhook. Its secret is in this answer and nowhere else, which is why this answer is not kept for
//! an idempotency key.

use domain::id::WebhookId;
use domain::webhook::{DisabledBecause, MOST_WEBHOOKS, Webhook, WebhookState};
use edge::{Call, Problem, Reply};
use outbound::signing::SigningSecret;

use super::wire::{WebhookOut, read};
use crate::App;

/// Answers the request: 201. It is told of everything when no types are given.
///
/// # Errors
/// 400, 409 when there are as many as there may be, and 422.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    let caller = call.caller()?;
    let given = read(&call.body, true, &app.policy)?;
    let id = WebhookId::new(call.now, store::entropy()?);
    let secret = SigningSecret::random()?;
    let state = given.state.unwrap_or(WebhookState::Enabled);
    let webhook = Webhook {
        secret: app.outbound()?.vault.seal(&secret, id.as_str())?,
        id,
        account: caller.account.clone(),
        mode: caller.mode,
        url: given.url.unwrap_or_default(),
        kinds: given.kinds.unwrap_or_default(),
        recipient: given.recipient.unwrap_or(false),
        description: given.description.unwrap_or_default(),
        state,
        disabled_because: (state == WebhookState::Disabled).then_some(DisabledBecause::Client),
        old_secrets: Vec::new(),
        created_at: call.now,
        failures: 0,
        failing_since: None,
        rests_until: None,
        slow: false,
    };
    if !app.store.create_webhook(&webhook).await? {
        let message = format!("There are {MOST_WEBHOOKS} webhooks already. Delete one that is no longer needed.");
        return Err(Problem::new(409, "webhook.too_many", message));
    }
    let location = format!("/v2/webhooks/{}", webhook.id);
    let shown = WebhookOut::new(webhook, call.now).showing(&secret);
    Ok(Reply::json(201, &shown)?.header("location", location))
}
