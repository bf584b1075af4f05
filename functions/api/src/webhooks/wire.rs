//! How webhooks are written on the wire.

use domain::event::EventKind;
use domain::fault::{Faults, Pointer};
use domain::id::{EventId, WebhookId};
use domain::webhook::{Attempt, DisabledBecause, Webhook, WebhookState};
use edge::Problem;
use edge::wire::{self, Field, Object};
use jiff::Timestamp;
use outbound::Policy;
use outbound::signing::SigningSecret;
use serde::{Deserialize, Serialize};
use store::webhooks::WebhookChange;

use crate::client_url;

/// The longest description.
const DESCRIPTION: usize = 200;

/// What is told beside codes and counts.
#[derive(Serialize)]
struct IncludeOut {
    recipient: bool,
}

/// A webhook as a client sees it: without its secrets.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WebhookOut {
    id: WebhookId,
    url: String,
    /// `*` alone for everything.
    event_types: Vec<&'static str>,
    include: IncludeOut,
    description: String,
    state: WebhookState,
    #[serde(skip_serializing_if = "Option::is_none")]
    disabled_because: Option<DisabledBecause>,
    created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    failing_since: Option<Timestamp>,
    /// The secret, in the one answer that has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    /// When the last secret before this one stops signing.
    #[serde(skip_serializing_if = "Option::is_none")]
    old_secrets_until: Option<Timestamp>,
}

impl WebhookOut {
    pub(super) fn new(webhook: Webhook, now: Timestamp) -> Self {
        let old = webhook.old_secrets.iter().map(|old| old.until).max().filter(|until| *until > now);
        let event_types = match webhook.kinds.as_slice() {
            [] => vec!["*"],
            kinds => kinds.iter().map(|kind| kind.as_str()).collect(),
        };
        WebhookOut {
            id: webhook.id,
            url: webhook.url,
            event_types,
            include: IncludeOut { recipient: webhook.recipient },
            description: webhook.description,
            state: webhook.state,
            disabled_because: webhook.disabled_because,
            created_at: webhook.created_at,
            failing_since: webhook.failing_since,
            secret: None,
            old_secrets_until: old,
        }
    }

    /// With its secret, for the one answer that has it.
    pub(super) fn showing(self, secret: &SigningSecret) -> Self {
        WebhookOut { secret: Some(secret.expose()), ..self }
    }
}

/// An attempt as a client sees it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AttemptOut {
    event_id: EventId,
    event_type: &'static str,
    attempt: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    replay: Option<String>,
    attempted_at: Timestamp,
    delivered: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
    latency_ms: u64,
    body: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_attempt_at: Option<Timestamp>,
}

impl From<Attempt> for AttemptOut {
    fn from(attempt: Attempt) -> Self {
        AttemptOut {
            event_id: attempt.event,
            event_type: attempt.kind.as_str(),
            attempt: attempt.number,
            replay: attempt.replay,
            attempted_at: attempt.at,
            delivered: attempt.delivered,
            status: attempt.status,
            failure: attempt.failure,
            latency_ms: attempt.latency_ms,
            body: attempt.body,
            next_attempt_at: attempt.next_at,
        }
    }
}

#[derive(Default, Deserialize)]
struct RawInclude<'a> {
    #[serde(default, borrow)]
    recipient: Field<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", expecting = "an object with url, eventTypes, include, description and state")]
struct RawWebhook<'a> {
    #[serde(default, borrow)]
    url: Field<'a>,
    #[serde(default, borrow)]
    event_types: Option<Vec<Field<'a>>>,
    #[serde(default, borrow)]
    include: Option<Object<RawInclude<'a>>>,
    #[serde(default, borrow)]
    description: Field<'a>,
    #[serde(default, borrow)]
    state: Field<'a>,
}

/// Reads what a client says of a webhook. A new one needs a URL; of one that is changed, what is left out stays.
///
/// # Errors
/// 400 and 422.
pub(super) fn read(body: &[u8], new: bool, policy: &Policy) -> Result<WebhookChange, Problem> {
    let mut faults = Faults::default();
    let raw: RawWebhook<'_> = wire::read_known(body, &mut faults)?;
    let root = Pointer::Root;

    let at = root.key("url");
    if new {
        raw.url.required(&at, &mut faults);
    }
    let url = client_url::read(&raw.url, &at, policy, &mut faults);

    let at = root.key("eventTypes");
    let mut kinds = raw.event_types.as_ref().map(|_| Vec::new());
    let mut all = false;
    for (index, field) in raw.event_types.iter().flatten().enumerate() {
        let here = at.index(index);
        match field.required(&here, &mut faults).text(&here, &mut faults) {
            Some("*") => all = true,
            Some(text) => match EventKind::parse(text) {
                Some(kind) => kinds.iter_mut().for_each(|kinds| kinds.push(kind)),
                None => {
                    let names = EventKind::TOLD.map(EventKind::as_str).join(", ");
                    faults.push(&here, "enum", format!("Give \"*\", or one of {names}."));
                }
            },
            None => {}
        }
    }
    if raw.event_types.as_ref().is_some_and(Vec::is_empty) {
        faults.push(&at, "required", "Give at least one type, or \"*\" for all.");
    }
    if let Some(kinds) = &mut kinds {
        kinds.sort_by_key(|kind| kind.as_str());
        kinds.dedup();
        if all {
            kinds.clear();
        }
    }

    let Object(include) = raw.include.unwrap_or_default();
    let recipient = include.recipient.flag(&root.key("include").key("recipient"), &mut faults);

    let at = root.key("description");
    let description = raw.description.text(&at, &mut faults).map(str::to_owned);
    if description.as_ref().is_some_and(|text| text.chars().count() > DESCRIPTION) {
        faults.push(&at, "length", format!("Give a description of at most {DESCRIPTION} characters."));
    }

    let at = root.key("state");
    let state = match raw.state.text(&at, &mut faults) {
        Some("enabled") => Some(WebhookState::Enabled),
        Some("disabled") => Some(WebhookState::Disabled),
        Some(_) => {
            faults.push(&at, "enum", "Give \"enabled\" or \"disabled\".");
            None
        }
        None => None,
    };
    if faults.is_empty() {
        Ok(WebhookChange { url, kinds, recipient, description, state })
    } else {
        Err(Problem::faulty(422, "invalid", &faults))
    }
}
