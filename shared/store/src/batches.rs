//! Batches: creating, finding, listing and canceling them, and noticing when one is ready.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::account::Mode;
use domain::batch::{Batch, BatchState, OpenAddition};
use domain::event::{Entry, Event, EventKind};
use domain::id::{AccountId, AdditionId, BatchId, EventId, LetterRef};
use domain::letter::{Letter, LetterState, NewLetter};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::idempotency::{Answer, Completion, Ticket};
use crate::keys::{self, Key};
use crate::queues::Initialise;
use crate::table::{self, Index, Item, Range};
use crate::transaction::{Change, Transaction};
use crate::{Store, StoreError};

/// Where a list goes on: the sort key of the last item seen, which stays valid whatever is written meanwhile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct After {
    /// The item's partition key.
    pub pk: String,
    /// The item's sort key.
    pub sk: String,
    /// The item's sort key in the index that is listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<String>,
}

impl After {
    /// Behind an item.
    pub(crate) fn of(item: &Item, index: Index) -> Option<Self> {
        let text = |name| item.get(name).and_then(|value| value.as_s().ok()).cloned();
        let (_, sort_key) = index.keys();
        Some(After { pk: text("pk")?, sk: text("sk")?, index: text(sort_key) })
    }

    /// As a query takes it.
    pub(crate) fn position(&self, index: Index, partition: &str) -> Item {
        let text = |value: &str| AttributeValue::S(value.to_owned());
        let (index_pk, index_sk) = index.keys();
        Item::from([
            ("pk".to_owned(), text(&self.pk)),
            ("sk".to_owned(), text(&self.sk)),
            (index_pk.to_owned(), text(partition)),
            (index_sk.to_owned(), text(self.index.as_deref().unwrap_or_default())),
        ])
    }
}

/// One page of a list.
#[derive(Debug)]
pub struct Listed<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// Where the next one starts, if there is one.
    pub next: Option<After>,
}

/// Which batches to list.
#[derive(Clone, Debug, Default)]
pub struct BatchFilter {
    /// Those in this state.
    pub state: Option<BatchState>,
    /// Those created at or after this moment.
    pub created_from: Option<Timestamp>,
    /// Those created before this moment.
    pub created_before: Option<Timestamp>,
}

/// What of an index to list.
pub(crate) struct Listing {
    pub(crate) index: Index,
    pub(crate) partition: String,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) backwards: bool,
}

impl Listing {
    /// All of a partition.
    pub(crate) fn whole(index: Index, partition: &str, backwards: bool) -> Self {
        Listing { index, partition: partition.to_owned(), from: " ".to_owned(), to: "~".to_owned(), backwards }
    }
}

impl Store {
    /// Creates a batch under an id that nobody has. With letters, they are kept, their initialisation is announced, and
    /// the batch is born with the addition open that holds them. `answer` makes what the client is told of it.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn create_batch(
        &self,
        mut batch: Batch,
        letters: Option<Vec<NewLetter>>,
        ticket: Option<&Ticket>,
        answer: impl Fn(&Batch) -> Answer,
        now: Timestamp,
    ) -> Result<Answer, StoreError> {
        for _ in 0..8 {
            batch.id = BatchId::random(crate::entropy()?);
            if let Some(letters) = &letters {
                let addition = AdditionId::random(crate::entropy()?);
                let count = u32::try_from(letters.len()).unwrap_or(u32::MAX);
                batch.state = BatchState::Initializing;
                batch.room = batch.expected - count;
                // Its lease has run out before anybody's clock, so that the first worker takes it.
                batch.open =
                    BTreeMap::from([(addition.clone(), OpenAddition { letters: count, lease: Timestamp::UNIX_EPOCH })]);
                self.keep_letters(&batch.id, &addition, letters).await?;
                self.announce(&[Initialise { batch: batch.id.clone(), addition, announced: now }]).await?;
            }
            let answer = answer(&batch);
            let mut create = Transaction::default();
            create.create(&self.config.table, batch_item(&batch)?)?;
            let data = BTreeMap::from([("expected".to_owned(), batch.expected.to_string())]);
            self.batch_event(&mut create, &batch, EventKind::BatchCreated, data, now)?;
            create.complete(&self.config.table, Completion::of(ticket, &answer))?;
            match self.commit(create).await? {
                Ok(()) => return Ok(answer),
                // The id is taken: another is drawn.
                Err(mut refused) => {
                    refused.at(0).ok_or(StoreError::Contended("the idempotency key"))?;
                }
            }
        }
        Err(StoreError::Contended("every batch id that was tried"))
    }

    /// The batch of that id, whoever it belongs to.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn batch(&self, id: &BatchId) -> Result<Option<Batch>, StoreError> {
        self.get("a batch", &keys::batch(id)).await
    }

    /// The batches of those ids that exist, in the order of the ids.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn batches(&self, ids: &[BatchId]) -> Result<Vec<Batch>, StoreError> {
        let keys: Vec<_> = ids.iter().map(keys::batch).collect();
        Ok(self.get_in_order("a batch", &keys).await?.into_iter().flatten().collect())
    }

    /// The account's batches, newest first.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn list_batches(
        &self,
        account: &AccountId,
        mode: Mode,
        filter: &BatchFilter,
        limit: usize,
        after: Option<&After>,
    ) -> Result<Listed<Batch>, StoreError> {
        let partition = keys::by_account::batches(account, mode);
        let from = filter.created_from.map_or_else(|| " ".to_owned(), sortable);
        // A batch's sort key is its time and its id, so that the time alone lies before all batches of that moment.
        let to = filter.created_before.map_or_else(|| "~".to_owned(), sortable);
        let wanted = |batch: &Batch| filter.state.is_none_or(|state| batch.state == state);
        let range = Listing { index: Index::ByAccount, partition, from, to, backwards: true };
        self.list("a batch", range, limit, after, wanted).await
    }

    /// The batches that are ready to be printed, the most urgent first.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn list_queue(&self, limit: usize, after: Option<&After>) -> Result<Listed<Batch>, StoreError> {
        // The index may lag behind by a moment.
        let wanted = |batch: &Batch| batch.state == BatchState::Ready;
        self.list("a batch", Listing::whole(Index::Queue, keys::QUEUE, false), limit, after, wanted).await
    }

    /// Lists the wanted among what an index finds, each as it is now.
    pub(crate) async fn list<T: DeserializeOwned>(
        &self,
        what: &'static str,
        listing: Listing,
        limit: usize,
        after: Option<&After>,
        wanted: impl Fn(&T) -> bool,
    ) -> Result<Listed<T>, StoreError> {
        let Listing { index, partition, from, to, backwards } = listing;
        let mut position = after.map(|after| after.position(index, &partition));
        let mut items = Vec::with_capacity(limit);
        // With a rare state a page may be long in coming: it is cut off, and the client asks for the next.
        for _ in 0..20 {
            let range = Range {
                partition: partition.clone(),
                from: from.clone(),
                to: to.clone(),
                after: position.as_ref(),
                backwards,
                limit: i32::try_from(limit).unwrap_or(i32::MAX),
            };
            let page = self.query(Some(index), range).await?;
            let keys: Vec<Key> = page.items.iter().filter_map(table::key_of).collect();
            let found: Vec<Option<T>> = self.get_in_order(what, &keys).await?;
            for (item, value) in page.items.iter().zip(found) {
                let Some(value) = value.filter(&wanted) else { continue };
                items.push(value);
                if items.len() == limit {
                    return Ok(Listed { items, next: After::of(item, index) });
                }
            }
            match page.items.last() {
                Some(last) if page.more => position = Some(table::position(last, Some(index))),
                _ => return Ok(Listed { items, next: None }),
            }
        }
        let next = position.as_ref().and_then(|position| After::of(position, index));
        Ok(Listed { items, next })
    }

    /// Withdraws a batch before it is printed. Answers the batch as it stood when that was refused.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn cancel_batch(&self, batch: &Batch, now: Timestamp) -> Result<Result<(), Batch>, StoreError> {
        let mut cancel = Transaction::default();
        let change = Change::new(keys::batch(&batch.id), "SET #state = :canceled REMOVE #gsi2pk, #gsi2sk")
            .when("#state IN (:initializing, :notReady, :ready)")
            .value(":canceled", &BatchState::Canceled)?
            .value(":initializing", &BatchState::Initializing)?
            .value(":notReady", &BatchState::NotReady)?
            .value(":ready", &BatchState::Ready)?;
        cancel.update(&self.config.table, change)?;
        self.batch_event(&mut cancel, batch, EventKind::BatchCanceled, BTreeMap::new(), now)?;
        match self.commit(cancel).await? {
            Ok(()) => Ok(Ok(())),
            Err(mut refused) => match refused.at(0) {
                Some(Some(item)) => Ok(Err(table::value("a batch", item)?)),
                _ => Err(StoreError::Missing("the batch")),
            },
        }
    }

    /// Moves a batch that is complete to the print queue. Called after every change that may have completed it, and
    /// again when that change is delivered again: the condition decides, not the caller.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn settle(&self, id: &BatchId, now: Timestamp) -> Result<(), StoreError> {
        let Some(batch) = self.batch(id).await? else { return Ok(()) };
        if batch.state != BatchState::NotReady || !batch.is_complete() {
            return Ok(());
        }
        let mut settle = Transaction::default();
        let live = batch.mode == Mode::Live;
        let queue = if live { ", #gsi2pk = :queue, #gsi2sk = :urgency" } else { "" };
        let mut change = Change::new(keys::batch(id), format!("SET #state = :ready, #readyAt = :now{queue}"))
            .when("#state = :notReady AND #received = #expected AND #passed = #expected")
            .value(":ready", &BatchState::Ready)?
            .value(":notReady", &BatchState::NotReady)?
            .value(":now", &now)?;
        if live {
            change = change.value(":queue", &keys::QUEUE)?.value(":urgency", &urgency(&batch))?;
        }
        settle.update(&self.config.table, change)?;
        let data = BTreeMap::from([("letters".to_owned(), batch.received.to_string())]);
        self.batch_event(&mut settle, &batch, EventKind::BatchReady, data, now)?;
        // Refused: somebody else was first, or changed a letter; then theirs is the next call.
        self.commit(settle).await.map(drop)
    }

    /// Adds the event of a change of a batch to its transaction.
    pub(crate) fn batch_event(
        &self,
        transaction: &mut Transaction,
        batch: &Batch,
        kind: EventKind,
        data: BTreeMap<String, String>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let event = batch_event(batch, kind, data, now)?;
        let key = keys::event(&keys::batch(&batch.id), &event.id);
        transaction.create(&self.config.table, event_item(&key, &event)?).map(drop)
    }

    /// Adds the event of a change that a batch's letters make with it. Of a batch that its client made, the event is of the
    /// batch. Of one that the house made the client knows nothing: the event is of each of its letters.
    pub(crate) async fn whole_batch_event(
        &self,
        transaction: &mut Transaction,
        batch: &Batch,
        kind: EventKind,
        data: BTreeMap<String, String>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if batch.group.is_none() {
            return self.batch_event(transaction, batch, kind, data, now);
        }
        self.letters_event(transaction, batch, kind, None, now).await
    }

    /// Adds the event of a change of a batch that the house made: of each of its letters, but for one that is just taken out of it.
    pub(crate) async fn letters_event(
        &self,
        transaction: &mut Transaction,
        batch: &Batch,
        kind: EventKind,
        but: Option<&LetterRef>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let kind = match kind {
            EventKind::BatchReady => EventKind::LetterReleased,
            EventKind::BatchPrinting => EventKind::LetterInProduction,
            EventKind::BatchMailed => EventKind::LetterMailed,
            other => other,
        };
        let mut event = batch_event(batch, kind, BTreeMap::new(), now)?;
        let entry = |letter: Letter| {
            let is_in_it = letter.state == LetterState::Ready && Some(&letter.content.reference) != but;
            is_in_it.then(|| Entry { letter: letter.content.reference, data: BTreeMap::new() })
        };
        event.entries = self.each_letter(&batch.id, batch.shards, entry).await?;
        let key = keys::event(&keys::batch(&batch.id), &event.id);
        transaction.create(&self.config.table, event_item(&key, &event)?).map(drop)
    }
}

/// The event of a change of a batch.
pub(crate) fn batch_event(
    batch: &Batch,
    kind: EventKind,
    data: BTreeMap<String, String>,
    now: Timestamp,
) -> Result<Event, StoreError> {
    Ok(Event {
        id: EventId::new(now, crate::entropy()?),
        kind,
        at: now,
        account: Some(batch.account.clone()),
        mode: batch.mode,
        batch: Some(batch.id.clone()),
        job: batch.job.clone(),
        data,
        entries: Vec::new(),
    })
}

/// An event as an item. While it is not numbered it is listed among those of its account that are not; what concerns only
/// the print floor has no number.
pub(crate) fn event_item(key: &Key, event: &Event) -> Result<Item, StoreError> {
    let mut item = table::keyed("an event", key, event)?;
    if let Some(account) = &event.account {
        item.insert("gsi1pk".to_owned(), AttributeValue::S(keys::by_account::events(account)));
        item.insert("gsi1sk".to_owned(), AttributeValue::S(event.id.to_string()));
    }
    Ok(item)
}

fn batch_item(batch: &Batch) -> Result<Item, StoreError> {
    let mut item = table::keyed("a batch", &keys::batch(&batch.id), batch)?;
    let listed = keys::by_account::batches(&batch.account, batch.mode);
    item.insert("gsi1pk".to_owned(), AttributeValue::S(listed));
    item.insert("gsi1sk".to_owned(), AttributeValue::S(format!("{}#{}", sortable(batch.created_at), batch.id)));
    Ok(item)
}

/// Where a ready batch stands in the queue: by the day on which it is due, then by age.
pub(crate) fn urgency(batch: &Batch) -> String {
    format!("{}#{}#{}", batch.target_mail_date, sortable(batch.created_at), batch.id)
}

/// A moment in a form that sorts as text: milliseconds in thirteen digits. Before 1970 and after 2286 nothing happens, so that moments
/// there, which only a filter names, are the first and the last that these digits can say.
pub(crate) fn sortable(at: Timestamp) -> String {
    format!("{:013}", at.as_millisecond().clamp(0, 9_999_999_999_999))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_sort_as_text_as_they_follow_each_other_and_those_too_far_off_are_the_last() {
        let moments =
            ["1960-01-01T00:00:00Z", "1970-01-01T00:00:01Z", "2026-05-10T14:03:11.482Z", "2286-11-20T17:46:39Z"];
        let told = moments.map(|moment| sortable(moment.parse().unwrap()));
        assert!(told.is_sorted(), "{told:?}");
        for moment in ["2286-11-20T17:46:40Z", "2300-01-01T00:00:00Z"] {
            let late = sortable(moment.parse().unwrap());
            assert!(told.iter().all(|earlier| *earlier <= late), "{late} is before one of {told:?}");
        }
    }
}
