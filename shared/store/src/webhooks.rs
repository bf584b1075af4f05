//! Webhooks: creating, finding and changing them, and what is noted of how they answer.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::account::Mode;
use domain::event::{Event, EventKind};
use domain::id::{AccountId, EventId, WebhookId};
use domain::webhook::{DisabledBecause, MOST_WEBHOOKS, OldSecret, PROBE, Webhook, WebhookState};
use jiff::{SignedDuration, Timestamp};

use crate::batches::event_item;
use crate::idempotency::Completion;
use crate::keys;
use crate::table;
use crate::transaction::{Change, Transaction};
use crate::{Store, StoreError};

/// What a client changes of a webhook; the rest stays.
#[derive(Clone, Debug, Default)]
pub struct WebhookChange {
    /// Where to post.
    pub url: Option<String>,
    /// What it is told of; everything, if there are none.
    pub kinds: Option<Vec<EventKind>>,
    /// Whether it is told to whom letters go.
    pub recipient: Option<bool>,
    /// What the client says of it.
    pub description: Option<String>,
    /// Whether it is told anything.
    pub state: Option<WebhookState>,
}

impl Store {
    /// Creates a webhook. Answers false when the account has as many as it may have.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn create_webhook(
        &self,
        webhook: &Webhook,
        completion: Option<Completion<'_>>,
    ) -> Result<bool, StoreError> {
        let table = &self.config.table;
        let mut create = Transaction::default();
        let count = Change::new(keys::webhook_counter(&webhook.account, webhook.mode), "ADD #webhooks :one")
            .when("attribute_not_exists(#webhooks) OR #webhooks < :most")
            .value(":one", &1)?
            .value(":most", &MOST_WEBHOOKS)?;
        let counted = create.update(table, count)?;
        let key = keys::webhook(&webhook.account, webhook.mode, &webhook.id);
        create.create(table, table::keyed("a webhook", &key, webhook)?)?;
        create.complete(table, completion)?;
        match self.commit(create).await? {
            Ok(()) => Ok(true),
            Err(mut refused) => match refused.at(counted) {
                Some(_) => Ok(false),
                None => Err(StoreError::Contended("a new webhook")),
            },
        }
    }

    /// The webhook of that id, if it is of that account and mode.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn webhook(
        &self,
        account: &AccountId,
        mode: Mode,
        id: &WebhookId,
    ) -> Result<Option<Webhook>, StoreError> {
        self.get("a webhook", &keys::webhook(account, mode, id)).await
    }

    /// The webhooks of an account and mode, oldest first.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn list_webhooks(&self, account: &AccountId, mode: Mode) -> Result<Vec<Webhook>, StoreError> {
        let items = self.query_all(None, &keys::webhooks(account, mode), keys::WEBHOOK_PREFIX).await?;
        items.into_iter().map(|item| table::value("a webhook", item)).collect()
    }

    /// Changes a webhook and answers it as it is then; `None` when there is none. One that is enabled, or posts elsewhere, starts
    /// with a clean slate.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn change_webhook(
        &self,
        account: &AccountId,
        mode: Mode,
        id: &WebhookId,
        change: &WebhookChange,
    ) -> Result<Option<Webhook>, StoreError> {
        let mut set = Vec::new();
        let mut remove = Vec::new();
        let WebhookChange { url, kinds, recipient, description, state } = change;
        set.extend(url.as_ref().map(|_| "#url = :url"));
        set.extend(kinds.as_ref().map(|_| "#kinds = :kinds"));
        set.extend(recipient.map(|_| "#recipient = :recipient"));
        set.extend(description.as_ref().map(|_| "#description = :description"));
        match state {
            Some(WebhookState::Enabled) => {
                set.push("#state = :state");
                remove.push("#disabledBecause");
            }
            Some(WebhookState::Disabled) => {
                // A reason that is already there stays: it was ours.
                set.extend(["#state = :state", "#disabledBecause = if_not_exists(#disabledBecause, :client)"]);
            }
            None => {}
        }
        if url.is_some() || *state == Some(WebhookState::Enabled) {
            remove.extend(["#failures", "#failingSince", "#restsUntil", "#slow"]);
        }
        if !set.is_empty() {
            let mut expression = format!("SET {}", set.join(", "));
            if !remove.is_empty() {
                expression = format!("{expression} REMOVE {}", remove.join(", "));
            }
            let mut change = Change::new(keys::webhook(account, mode, id), expression).when("attribute_exists(#pk)");
            if let Some(url) = url {
                change = change.value(":url", url)?;
            }
            if let Some(kinds) = kinds {
                change = change.value(":kinds", kinds)?;
            }
            if let Some(recipient) = recipient {
                change = change.value(":recipient", recipient)?;
            }
            if let Some(description) = description {
                change = change.value(":description", description)?;
            }
            if let Some(state) = state {
                change = change.value(":state", state)?;
            }
            if *state == Some(WebhookState::Disabled) {
                change = change.value(":client", &DisabledBecause::Client)?;
            }
            if !self.change(change).await? {
                return Ok(None);
            }
        }
        self.webhook(account, mode, id).await
    }

    /// Gives a webhook a new secret, sealed, and keeps those that sign beside it. Answers whether the webhook is still as it
    /// was read.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn replace_secret(
        &self,
        webhook: &Webhook,
        secret: &str,
        old_secrets: &[OldSecret],
        completion: Option<Completion<'_>>,
    ) -> Result<bool, StoreError> {
        let key = keys::webhook(&webhook.account, webhook.mode, &webhook.id);
        let change = Change::new(key, "SET #secret = :secret, #oldSecrets = :old")
            .when("#secret = :was")
            .value(":secret", &secret)?
            .value(":old", &old_secrets)?
            .value(":was", &webhook.secret)?;
        let mut replace = Transaction::default();
        replace.update(&self.config.table, change)?;
        replace.complete(&self.config.table, completion)?;
        Ok(self.commit(replace).await?.is_ok())
    }

    /// Deletes a webhook. What is on its way to it is forgotten. Answers whether it was there.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn delete_webhook(&self, account: &AccountId, mode: Mode, id: &WebhookId) -> Result<bool, StoreError> {
        let table = &self.config.table;
        let mut delete = Transaction::default();
        delete.delete_existing(table, &keys::webhook(account, mode, id))?;
        let count = Change::new(keys::webhook_counter(account, mode), "ADD #webhooks :less").value(":less", &-1)?;
        delete.update(table, count)?;
        Ok(self.commit(delete).await?.is_ok())
    }

    /// Disables a webhook, with the event that says so. Whoever comes second changes nothing.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn disable_webhook(
        &self,
        webhook: &Webhook,
        because: DisabledBecause,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let table = &self.config.table;
        let key = keys::webhook(&webhook.account, webhook.mode, &webhook.id);
        let event = Event {
            id: EventId::new(now, crate::entropy()?),
            kind: EventKind::WebhookDisabled,
            at: now,
            account: Some(webhook.account.clone()),
            mode: webhook.mode,
            batch: None,
            job: None,
            data: BTreeMap::from([
                ("webhookId".to_owned(), webhook.id.to_string()),
                ("reason".to_owned(), because.as_str().to_owned()),
            ]),
            entries: Vec::new(),
        };
        let mut disable = Transaction::default();
        let change = Change::new(key.clone(), "SET #state = :disabled, #disabledBecause = :because")
            .when("#state = :enabled AND #url = :url")
            .value(":disabled", &WebhookState::Disabled)?
            .value(":enabled", &WebhookState::Enabled)?
            .value(":because", &because)?
            // What another address answered is nothing that this one did.
            .value(":url", &webhook.url)?;
        disable.update(table, change)?;
        disable.create(table, event_item(&keys::event(&key, &event.id), &event)?)?;
        self.commit(disable).await.map(drop)
    }

    /// Notes that a delivery to a webhook failed, and until when to leave it alone.
    ///
    /// # Errors
    /// When the store does not answer; noted twice, it does no harm.
    pub async fn note_failure(
        &self,
        webhook: &Webhook,
        asked: Option<SignedDuration>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let key = keys::webhook(&webhook.account, webhook.mode, &webhook.id);
        let rests_until = webhook.rest(asked, now);
        let rest = if rests_until.is_some() { ", #restsUntil = :until" } else { "" };
        let expression = format!("SET #failingSince = if_not_exists(#failingSince, :now){rest} ADD #failures :one");
        let mut change =
            Change::new(key, expression).when("attribute_exists(#pk)").value(":now", &now)?.value(":one", &1)?;
        if let Some(until) = rests_until {
            change = change.value(":until", &until)?;
        }
        self.change(change).await.map(drop)
    }

    /// Notes that a webhook took a delivery, and whether it was slow to.
    ///
    /// # Errors
    /// When the store does not answer; noted twice, it does no harm.
    pub async fn note_success(&self, webhook: &Webhook, slow: bool) -> Result<(), StoreError> {
        let clean = webhook.failures == 0 && webhook.failing_since.is_none() && webhook.rests_until.is_none();
        if clean && webhook.slow == slow {
            return Ok(());
        }
        let key = keys::webhook(&webhook.account, webhook.mode, &webhook.id);
        let change = Change::new(key, "SET #slow = :slow REMOVE #failures, #failingSince, #restsUntil")
            .when("attribute_exists(#pk)")
            .value(":slow", &slow)?;
        self.change(change).await.map(drop)
    }

    /// Notes that a webhook did not answer promptly.
    ///
    /// # Errors
    /// When the store does not answer; noted twice, it does no harm.
    pub async fn note_slow(&self, webhook: &Webhook) -> Result<(), StoreError> {
        let key = keys::webhook(&webhook.account, webhook.mode, &webhook.id);
        let change = Change::new(key, "SET #slow = :slow").when("attribute_exists(#pk)").value(":slow", &true)?;
        self.change(change).await.map(drop)
    }

    /// Takes the turn to probe a failing webhook. Answers whether nobody else did; then the others leave it alone meanwhile.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn take_turn(&self, webhook: &Webhook, now: Timestamp) -> Result<bool, StoreError> {
        let key = keys::webhook(&webhook.account, webhook.mode, &webhook.id);
        let mut change = Change::new(key, "SET #restsUntil = :until").value(":until", &(now + PROBE))?;
        change = match webhook.rests_until {
            Some(was) => change.when("#restsUntil = :was").value(":was", &was)?,
            None => change.when("attribute_exists(#pk) AND attribute_not_exists(#restsUntil)"),
        };
        let mut take = Transaction::default();
        take.update(&self.config.table, change)?;
        Ok(self.commit(take).await?.is_ok())
    }
}

/// A moment at which an item is to be dropped.
pub(crate) fn ttl(at: Timestamp) -> AttributeValue {
    AttributeValue::N(at.as_second().to_string())
}
