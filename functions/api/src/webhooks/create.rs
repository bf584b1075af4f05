//! `POST /v2/webhooks`: a new webhook. Its secret is shown in this answer alone.

use domain::id::WebhookId;
use domain::webhook::{DisabledBecause, MOST_WEBHOOKS, Webhook, WebhookState};
use edge::{Call, Problem, Reply};
use outbound::signing::SigningSecret;
use store::idempotency::{Answer, Completion, Ticket};

use super::wire::{WebhookOut, read};
use crate::App;
use crate::idempotent::{once_sealed, sealed};

/// Answers the request: 201. It is told of everything when no types are given.
///
/// # Errors
/// 400, 409 when there are as many as there may be, and 422.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    once_sealed(app, &call, async |ticket| create(app, &call, ticket).await).await
}

async fn create(app: &App, call: &Call, ticket: Option<&Ticket>) -> Result<Answer, Problem> {
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
    let shown = WebhookOut::new(webhook.clone(), call.now).showing(&secret);
    let location = Some(format!("/v2/webhooks/{}", webhook.id));
    let answer = Answer { status: 201, location, body: serde_json::to_string(&shown)? };
    let kept = sealed(app, call, &answer)?;
    if !app.store.create_webhook(&webhook, Completion::of(ticket, &kept)).await? {
        let message = format!("There are {MOST_WEBHOOKS} webhooks already. Delete one that is no longer needed.");
        return Err(Problem::new(409, "webhook.too_many", message));
    }
    Ok(answer)
}
