//! Deliveries to webhooks: on their queues, waiting for their time, and the record of each attempt.
//!
//! The next attempt is queued before the record of the failed one is written. So whoever finds a record knows that nothing is left
//! to do for it, and whoever dies in between attempts again.

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use domain::id::{EventId, WebhookId};
use domain::webhook::{Attempt, Delivery, Lane};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::batches::{After, Listed, sortable};
use crate::keys::{self, Key};
use crate::table::{self, Index, Item, Range};
use crate::webhooks::ttl;
use crate::{Store, StoreError};

/// For how long the record of an attempt is kept.
pub const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);
/// The longest that a queue can hold a message back.
const LONGEST_DELAY: SignedDuration = SignedDuration::from_mins(15);
/// A queue takes so many messages at a time.
const AT_A_TIME: usize = 10;

/// A delivery that waits for its time.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Retry {
    due: Timestamp,
    delivery: Delivery,
}

impl Store {
    /// Queues deliveries.
    ///
    /// # Errors
    /// When one could not be queued; others may have been. Queued again, they are recognised.
    pub async fn deliver(&self, lane: Lane, deliveries: impl IntoIterator<Item = Delivery>) -> Result<(), StoreError> {
        self.deliver_after(lane, SignedDuration::ZERO, deliveries).await
    }

    async fn deliver_after(
        &self,
        lane: Lane,
        delay: SignedDuration,
        deliveries: impl IntoIterator<Item = Delivery>,
    ) -> Result<(), StoreError> {
        let queue = match lane {
            Lane::Prompt => &self.config.deliver_queue,
            Lane::Patient => &self.config.deliver_patiently_queue,
        };
        let delay = i32::try_from(delay.as_secs()).unwrap_or(0);
        let send = async |deliveries: Vec<Delivery>| {
            let mut entries = Vec::with_capacity(deliveries.len());
            for (place, delivery) in deliveries.iter().enumerate() {
                let body = serde_json::to_string(delivery).map_err(StoreError::json("a delivery"))?;
                let entry = SendMessageBatchRequestEntry::builder().id(place.to_string()).message_body(body);
                let entry = entry.delay_seconds(delay).build();
                entries.push(entry.map_err(|_| StoreError::Missing("a message to send"))?);
            }
            let sent = self.sqs().send_message_batch().queue_url(queue).set_entries(Some(entries)).send().await;
            let sent = sent.map_err(StoreError::aws("SendMessageBatch"))?;
            if sent.failed.is_empty() { Ok(()) } else { Err(StoreError::Contended("the queue of deliveries")) }
        };
        // Taken as they are sent, so that many are never in memory together.
        let mut deliveries = deliveries.into_iter();
        let chunks = std::iter::from_fn(move || {
            let chunk: Vec<Delivery> = deliveries.by_ref().take(AT_A_TIME).collect();
            (!chunk.is_empty()).then_some(chunk)
        });
        stream::iter(chunks).map(send).buffer_unordered(16).try_collect().await
    }

    /// Has a delivery wait until `due`: on its queue if that can hold it so long, else in the table.
    ///
    /// # Errors
    /// When the store does not answer. Done twice, it does no harm.
    pub async fn put_off(&self, delivery: Delivery, due: Timestamp, now: Timestamp) -> Result<(), StoreError> {
        let delay = due.duration_since(now);
        if delay <= LONGEST_DELAY {
            // A whole second more: a moment too early, it would only be put off again.
            let delay = SignedDuration::from_secs(delay.as_secs().max(0)) + SignedDuration::from_secs(1);
            return self.deliver_after(Lane::Patient, delay.min(LONGEST_DELAY), [delivery]).await;
        }
        let Delivery { webhook, event, attempt, replay, .. } = &delivery;
        let key = keys::retry(webhook, event, replay.as_deref(), *attempt);
        let listed = format!("{}#{webhook}#{event}", sortable(due));
        let mut item = table::keyed("a retry", &key, &Retry { due, delivery })?;
        item.insert("gsi2pk".to_owned(), AttributeValue::S(keys::RETRIES.to_owned()));
        item.insert("gsi2sk".to_owned(), AttributeValue::S(listed));
        self.put(item).await
    }

    /// Queues the deliveries whose time has come, and answers how many they were.
    ///
    /// # Errors
    /// When the store does not answer; what is left is found the next time.
    pub async fn queue_retries(&self, now: Timestamp) -> Result<usize, StoreError> {
        let mut queued = 0;
        let mut after: Option<Item> = None;
        loop {
            let range = Range {
                partition: keys::RETRIES.to_owned(),
                from: " ".to_owned(),
                to: format!("{}~", sortable(now)),
                after: after.as_ref(),
                backwards: false,
                limit: 500,
            };
            let page = self.query(Some(Index::Queue), range).await?;
            let keys: Vec<Key> = page.items.iter().filter_map(table::key_of).collect();
            let found: Vec<Option<Retry>> = self.get_in_order("a retry", &keys).await?;
            let due: Vec<(Key, Retry)> =
                keys.into_iter().zip(found).filter_map(|(key, retry)| Some((key, retry?))).collect();
            // One that was put off again meanwhile is not due, although the index does not know it yet.
            let due: Vec<_> = due.into_iter().filter(|(_, retry)| retry.due <= now).collect();
            self.deliver(Lane::Patient, due.iter().map(|(_, retry)| retry.delivery.clone())).await?;
            queued += due.len();
            let forget = async |(key, retry): (Key, Retry)| self.forget_retry(&key, retry.due).await;
            stream::iter(due).map(forget).buffer_unordered(16).try_collect::<()>().await?;
            match page.items.last() {
                Some(last) if page.more => after = Some(table::position(last, Some(Index::Queue))),
                _ => return Ok(queued),
            }
        }
    }

    /// Deletes a retry that was queued, unless it was put off again since.
    async fn forget_retry(&self, key: &Key, due: Timestamp) -> Result<(), StoreError> {
        let sent = self
            .dynamodb()
            .delete_item()
            .table_name(&self.config.table)
            .set_key(Some(key.attributes().into()))
            .condition_expression("#due = :due")
            .expression_attribute_names("#due", "due")
            .expression_attribute_values(":due", table::attribute("a moment", &due)?)
            .send()
            .await;
        match sent {
            Err(error) if !error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => {
                Err(StoreError::aws("DeleteItem")(error))
            }
            _ => Ok(()),
        }
    }

    /// Whether this attempt was made and recorded before.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn was_attempted(&self, delivery: &Delivery) -> Result<bool, StoreError> {
        let Delivery { webhook, event, attempt, replay, .. } = delivery;
        let found: Option<Attempt> =
            self.get("an attempt", &keys::attempt(webhook, event, replay.as_deref(), *attempt)).await?;
        Ok(found.is_some())
    }

    /// Records an attempt, for [`KEPT`].
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn record_attempt(&self, webhook: &WebhookId, attempt: &Attempt) -> Result<(), StoreError> {
        let key = keys::attempt(webhook, &attempt.event, attempt.replay.as_deref(), attempt.number);
        let mut item = table::keyed("an attempt", &key, attempt)?;
        item.insert("ttl".to_owned(), ttl(attempt.at + KEPT));
        self.put(item).await
    }

    /// The attempts to deliver to a webhook, those of the latest events first; of one event only, if one is named.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn list_attempts(
        &self,
        webhook: &WebhookId,
        event: Option<&EventId>,
        limit: usize,
        after: Option<&After>,
    ) -> Result<Listed<Attempt>, StoreError> {
        let prefix =
            event.map_or_else(|| keys::ATTEMPT_PREFIX.to_owned(), |event| format!("{}{event}#", keys::ATTEMPT_PREFIX));
        let position = after.map(|after| Item::from(Key { pk: after.pk.clone(), sk: after.sk.clone() }.attributes()));
        let range = Range {
            after: position.as_ref(),
            backwards: true,
            limit: i32::try_from(limit).unwrap_or(i32::MAX),
            ..Range::prefix(keys::deliveries(webhook), &prefix)
        };
        let page = self.query(None, range).await?;
        let key = page.items.last().filter(|_| page.more).and_then(table::key_of);
        let next = key.map(|Key { pk, sk }| After { pk, sk, index: None });
        let items = page.items.into_iter().map(|item| table::value("an attempt", item)).collect::<Result<_, _>>()?;
        Ok(Listed { items, next })
    }

    /// Puts an item, whether or not one is there.
    async fn put(&self, item: Item) -> Result<(), StoreError> {
        let put = self.dynamodb().put_item().table_name(&self.config.table).set_item(Some(item));
        put.send().await.map(drop).map_err(StoreError::aws("PutItem"))
    }
}
