//! `webhooks.deliver` and `webhooks.deliver_patiently`: tell one webhook of one piece of news.
//!
//! There are two lanes, so that who is slow or dead delays nobody else. On the first, nobody is waited for longer than a moment:
//! a webhook that does not answer by then is noted as slow, and its delivery moves to the second lane, as do all that follow. There it
//! has its full time; and one that fails again and again is tried with one delivery at a time, while the others are put off.

use std::time::Duration;

use domain::webhook::{Attempt, Delivery, DisabledBecause, Lane, Turn, Webhook, WebhookState, pause, spread};
use edge::sqs::Worked;
use jiff::{SignedDuration, Timestamp};
use outbound::signing::SigningError;
use outbound::{Answer, Outbound, SettingError};
use store::{Store, StoreError};

/// The `Handler` of the function that works the lane of the prompt.
pub const OPERATION: &str = "webhooks.deliver";
/// The `Handler` of the function that works the lane of those that were slow or failed.
pub const OPERATION_PATIENT: &str = "webhooks.deliver_patiently";

/// How long the lane of the prompt waits for an answer.
const PROMPT: Duration = Duration::from_secs(3);
/// Who answers within this is prompt again.
const PROMPT_AGAIN: Duration = Duration::from_secs(2);

/// Why a delivery could not be worked on. What the receiver does is no error.
#[derive(Debug, thiserror::Error)]
pub enum DeliverError {
    /// A setting is missing or cannot be.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A secret does not open, or nothing can be signed with it.
    #[error(transparent)]
    Signing(#[from] SigningError),
}

/// What deliveries need.
pub struct Deliverer {
    store: Store,
    outbound: Outbound,
}

/// What came of a post: the answer, or the code of the failure.
struct Posted {
    answer: Result<Answer, &'static str>,
    latency: Duration,
}

impl Posted {
    fn status(&self) -> Option<u16> {
        self.answer.as_ref().ok().map(|answer| answer.status)
    }

    fn is_success(&self) -> bool {
        self.answer.as_ref().is_ok_and(Answer::is_success)
    }

    fn asked(&self) -> Option<SignedDuration> {
        let asked = self.answer.as_ref().ok()?.retry_after?;
        Some(SignedDuration::try_from(asked).unwrap_or(SignedDuration::MAX))
    }
}

impl Deliverer {
    /// Reads the settings.
    ///
    /// # Errors
    /// A setting that is missing or cannot be.
    pub fn open(store: Store) -> Result<Self, DeliverError> {
        Ok(Deliverer { store, outbound: Outbound::from_env()? })
    }

    /// Posts a delivery. In the lane of the prompt, `None` when the answer is not there soon enough.
    async fn post(
        &self,
        lane: Lane,
        webhook: &Webhook,
        delivery: &Delivery,
        now: Timestamp,
    ) -> Result<Option<Posted>, DeliverError> {
        let began = std::time::Instant::now();
        let open = |sealed| self.outbound.vault.open(sealed, webhook.id.as_str());
        let secrets = webhook.signing(now).into_iter().map(open).collect::<Result<Vec<_>, _>>()?;
        let (id, body) = (delivery.event.as_str(), delivery.body.clone().into_bytes());
        let post = self.outbound.post_signed(&webhook.url, &secrets, id, body, now);
        let answer = match lane {
            Lane::Patient => post.await?,
            Lane::Prompt => match tokio::time::timeout(PROMPT, post).await {
                Ok(answer) => answer?,
                Err(_) => return Ok(None),
            },
        };
        Ok(Some(Posted { answer: answer.map_err(|none| none.code()), latency: began.elapsed() }))
    }
}

/// Makes one attempt, unless it was made before or it is not its turn.
///
/// # Errors
/// When the store does not answer; the message comes again.
pub async fn work(deliverer: &Deliverer, lane: Lane, delivery: Delivery) -> Result<Worked, DeliverError> {
    let Deliverer { store, .. } = deliverer;
    let now = Timestamp::now();
    let (webhook, attempted) = tokio::join!(
        store.webhook(&delivery.account, delivery.mode, &delivery.webhook),
        store.was_attempted(&delivery)
    );
    // What is replayed was asked for, whatever the webhook wants to be told of.
    let wanted = |webhook: &Webhook| match delivery.replay {
        Some(_) => webhook.state == WebhookState::Enabled,
        None => webhook.wants(delivery.kind),
    };
    let Some(webhook) = webhook?.filter(wanted) else { return Ok(Worked::Done) };
    if attempted? {
        return Ok(Worked::Done);
    }
    if lane == Lane::Prompt && webhook.lane() == Lane::Patient {
        store.deliver(Lane::Patient, [delivery]).await?;
        return Ok(Worked::Done);
    }
    let [chance] = store::entropy()?;
    let later = match webhook.turn(now) {
        Turn::Now => None,
        Turn::Probe if store.take_turn(&webhook, now).await? => None,
        Turn::Probe => Some(now + domain::webhook::PROBE),
        Turn::Later(until) => Some(until),
    };
    if let Some(until) = later {
        let due = now + spread(until.duration_since(now), chance);
        store.put_off(delivery, due, now).await?;
        return Ok(Worked::Done);
    }
    let Some(posted) = deliverer.post(lane, &webhook, &delivery, now).await? else {
        store.note_slow(&webhook).await?;
        store.deliver(Lane::Patient, [delivery]).await?;
        return Ok(Worked::Done);
    };
    conclude(store, &webhook, delivery, posted, now, chance).await?;
    Ok(Worked::Done)
}

/// Does what follows from an attempt, and records it last.
async fn conclude(
    store: &Store,
    webhook: &Webhook,
    delivery: Delivery,
    posted: Posted,
    began: Timestamp,
    chance: u8,
) -> Result<(), DeliverError> {
    let now = Timestamp::now();
    let delivered = posted.is_success();
    let mut next_at = None;
    if delivered {
        store.note_success(webhook, posted.latency > PROMPT_AGAIN).await?;
    } else if posted.status() == Some(410) {
        store.disable_webhook(webhook, DisabledBecause::Gone, now).await?;
    } else if webhook.is_lost(now) {
        store.disable_webhook(webhook, DisabledBecause::Failing, now).await?;
    } else {
        if let Some(pause) = pause(delivery.attempt, posted.asked(), chance) {
            next_at = Some(now + pause);
            let next = Delivery { attempt: delivery.attempt + 1, ..delivery.clone() };
            store.put_off(next, now + pause, now).await?;
        }
        store.note_failure(webhook, posted.asked(), now).await?;
    }
    let attempt = attempt(&delivery, &posted, began, next_at);
    store.record_attempt(&webhook.id, &attempt).await?;
    tracing::info!(
        webhook = %webhook.id,
        event = %attempt.event,
        attempt = attempt.number,
        delivered,
        status = attempt.status,
        failure = attempt.failure,
        latencyMs = attempt.latency_ms,
        "attempted"
    );
    Ok(())
}

fn attempt(delivery: &Delivery, posted: &Posted, at: Timestamp, next_at: Option<Timestamp>) -> Attempt {
    let body = posted.answer.as_ref().map(|answer| String::from_utf8_lossy(&answer.body_start).into_owned());
    Attempt {
        event: delivery.event.clone(),
        kind: delivery.kind,
        number: delivery.attempt,
        replay: delivery.replay.clone(),
        at,
        delivered: posted.is_success(),
        status: posted.status(),
        failure: posted.answer.as_ref().err().map(|code| (*code).to_owned()),
        latency_ms: u64::try_from(posted.latency.as_millis()).unwrap_or(u64::MAX),
        body: body.unwrap_or_default(),
        next_at,
    }
}
