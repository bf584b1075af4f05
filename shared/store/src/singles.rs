//! Singles, letters and postcards alike: creating, finding and listing them, changing and taking them back, and recording
//! their inspection.
//!
//! A single is one item, and whoever changes it writes the whole item on the condition that it is still the version that was
//! read, in one transaction with the event of the change. So of two that change it at once, one reads again.
//!
//! The singles of one request with several recipients are a mailing. They are written first, and are there when the item
//! of the mailing is: it is created once, by the request that completes it or by whoever finds that it never will be.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use domain::account::Mode;
use domain::batch::{Batch, BatchState};
use domain::event::{Entry, Event, EventKind};
use domain::id::{AccountId, BatchId, EventId, LetterRef, MailingId, SingleId};
use domain::letter::{Letter, Outcome, Piece};
use domain::single::{Guard, Happened, Kind, Single, SingleState};
use domain::tracking::PostalState;
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::batches::{After, Listed, event_item, sortable};
use crate::duplicates::{Guarded, places};
use crate::idempotency::{Answer, Completion, Ticket};
use crate::keys::{self, Key};
use crate::letters::code_of;
use crate::queues::InspectSingles;
use crate::table::{self, Index, Item, Range, pause};
use crate::transaction::Transaction;
use crate::{Store, StoreError};

/// How many singles one message has inspected.
const INSPECTED_TOGETHER: usize = 40;

/// What became of a mailing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum MailingState {
    /// All its singles are there.
    Complete,
    /// It never was completed, and its singles are removed.
    Aborted,
}

#[derive(Serialize, Deserialize)]
struct MailingItem {
    state: MailingState,
}

/// Leads from what a client calls a single to the single.
#[derive(Serialize, Deserialize)]
struct PointerItem {
    id: SingleId,
}

/// Of a tracked piece, its state, and on which day it is expected to be delivered.
#[derive(Deserialize)]
struct Postal {
    state: PostalState,
    #[serde(default)]
    expected: Option<Date>,
}

/// What became of a single since it was released.
#[derive(Clone, Debug)]
pub struct Released {
    /// The batch that it is in.
    pub batch: Batch,
    /// The mail piece that it became.
    pub piece: Option<Piece>,
    /// Where it is on its way, once it is mailed.
    pub postal_state: Option<PostalState>,
    /// On which day the postal service expects to deliver it, if it told.
    pub expected: Option<Date>,
}

/// A change of a single.
#[derive(Clone, Debug)]
pub struct SingleChange {
    /// What it is from then on. Version and history are those that were read: the store adds to them.
    pub to: Single,
    /// What happened, if its state or what its client says of it changed.
    pub kind: EventKind,
    /// What is done if that makes a duplicate of it.
    pub guard: Guard,
}

/// Why a single was not changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotChanged {
    /// It was changed by others since it was read.
    Changed,
    /// It would be a duplicate.
    Guarded(Guarded),
}

impl Store {
    /// Creates a single, unless it is a duplicate that is to be refused, and has it inspected.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn create_single(
        &self,
        single: &Single,
        guard: Guard,
        ticket: Option<&Ticket>,
        answer: &Answer,
        now: Timestamp,
    ) -> Result<Result<(), Guarded>, StoreError> {
        let table = &self.config.table;
        let mut places = places(guard, std::slice::from_ref(single));
        for attempt in 0.. {
            // Before anything is announced: most duplicates are found here, for the price of a read.
            if let Err(guarded) = self.look_at_places(&mut places, attempt > 0, now).await? {
                return Ok(Err(guarded));
            }
            if attempt == 0 {
                self.announce(&inspections(std::slice::from_ref(single), now)).await?;
            }
            let mut create = Transaction::default();
            let at = places.first().map(|place| create.take(table, place, now)).transpose()?;
            create.create(table, single_item(single)?)?;
            if let Some(pointer) = pointer_item(single)? {
                create.create(table, pointer)?;
            }
            self.singles_event(&mut create, EventKind::LetterCreated, &[(single, BTreeMap::new())], now)?;
            create.complete(table, Completion::of(ticket, answer))?;
            let Err(mut refused) = self.commit(create).await? else { return Ok(Ok(())) };
            if at.and_then(|at| refused.at(at)).is_none() {
                break;
            }
            // Another took the place in between.
            pause(attempt).await?;
        }
        Err(StoreError::Contended("the idempotency key"))
    }

    /// Creates the singles of a mailing, all of them or none, and has them inspected. Each says which mailing it is of. None is
    /// created if one is a duplicate that is to be refused.
    ///
    /// # Errors
    /// When the store does not answer. None is there then, unless the answer to the last call was lost; whoever inspects
    /// them finds out and removes what was written.
    pub async fn create_mailing(
        &self,
        mailing: &MailingId,
        singles: &[Single],
        guard: Guard,
        ticket: Option<&Ticket>,
        answer: &Answer,
        now: Timestamp,
    ) -> Result<Result<(), Guarded>, StoreError> {
        let mut places = places(guard, singles);
        if let Err(guarded) = self.look_at_places(&mut places, false, now).await? {
            return Ok(Err(guarded));
        }
        if let Some(ticket) = ticket {
            // Its letters keep their places until it is ended.
            ticket.goes_in_steps();
        }
        if let Err(guarded) = self.take_places(&mut places, now).await? {
            // Whatever places were taken are free again with this.
            self.abort_mailing(mailing, &[]).await?;
            return Ok(Err(guarded));
        }
        // Announced before anything is written, so that there is nobody's work that nobody is told of.
        self.announce(&inspections(singles, now)).await?;
        let write = async |chunk: &[Single]| {
            let mut items = Vec::with_capacity(2 * chunk.len());
            for single in chunk {
                items.push(single_item(single)?);
                items.extend(pointer_item(single)?);
            }
            self.put_many(items).await
        };
        stream::iter(singles.chunks(12)).map(write).buffer_unordered(8).try_collect::<()>().await?;

        let table = &self.config.table;
        let mut complete = Transaction::default();
        let item = MailingItem { state: MailingState::Complete };
        let at = complete.create(table, table::keyed("a mailing", &keys::mailing(mailing), &item)?)?;
        let told: Vec<(&Single, BTreeMap<String, String>)> =
            singles.iter().map(|single| (single, BTreeMap::new())).collect();
        self.singles_event(&mut complete, EventKind::LetterCreated, &told, now)?;
        complete.complete(table, Completion::of(ticket, answer))?;
        match self.commit(complete).await? {
            Ok(()) => Ok(Ok(())),
            Err(mut refused) => Err(StoreError::Contended(match refused.at(at) {
                Some(_) => "the mailing",
                None => "the idempotency key",
            })),
        }
    }

    /// What became of a mailing; `None` while it may still be completed.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn mailing(&self, id: &MailingId) -> Result<Option<MailingState>, StoreError> {
        let item: Option<MailingItem> = self.get("a mailing", &keys::mailing(id)).await?;
        Ok(item.map(|item| item.state))
    }

    /// Ends a mailing that nobody will complete any more, and removes those of its singles. One that was completed after all
    /// stays as it is.
    ///
    /// # Errors
    /// When the store does not answer; done again, it goes on.
    pub async fn abort_mailing(&self, id: &MailingId, singles: &[SingleId]) -> Result<MailingState, StoreError> {
        let item = MailingItem { state: MailingState::Aborted };
        self.put_new(table::keyed("a mailing", &keys::mailing(id), &item)?).await?;
        let state = self.mailing(id).await?.ok_or(StoreError::Missing("the mailing"))?;
        if state == MailingState::Aborted {
            let keys: Vec<Key> = singles.iter().map(keys::single).collect();
            for single in self.get_in_order::<Single>("a single", &keys).await?.into_iter().flatten() {
                if let Some(pointer) = pointer_of(&single) {
                    self.remove(&pointer).await?;
                }
                self.remove(&keys::single(&single.id)).await?;
            }
        }
        Ok(state)
    }

    /// The single of that id, whoever it belongs to, if it is there for its client.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn single(&self, id: &SingleId) -> Result<Option<Single>, StoreError> {
        Ok(self.singles(std::slice::from_ref(id)).await?.pop())
    }

    /// Those of the singles that are there for their clients, in the order of the ids.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn singles(&self, ids: &[SingleId]) -> Result<Vec<Single>, StoreError> {
        let found = self.written_singles(ids).await?;
        self.completed(found).await
    }

    /// Those of the singles that are written, whether or not their mailings are completed, in the order of the ids.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn written_singles(&self, ids: &[SingleId]) -> Result<Vec<Single>, StoreError> {
        let keys: Vec<Key> = ids.iter().map(keys::single).collect();
        Ok(self.get_in_order("a single", &keys).await?.into_iter().flatten().collect())
    }

    /// Leaves out those whose mailings are not completed.
    async fn completed(&self, mut singles: Vec<Single>) -> Result<Vec<Single>, StoreError> {
        let mut mailings: Vec<&MailingId> = singles.iter().filter_map(|single| single.mailing.as_ref()).collect();
        mailings.sort();
        mailings.dedup();
        let keys: Vec<Key> = mailings.iter().map(|id| keys::mailing(id)).collect();
        if keys.is_empty() {
            return Ok(singles);
        }
        let states: Vec<Option<MailingItem>> = self.get_in_order("a mailing", &keys).await?;
        let complete: HashMap<MailingId, bool> = mailings
            .into_iter()
            .zip(states)
            .map(|(id, item)| (id.clone(), item.is_some_and(|item| item.state == MailingState::Complete)))
            .collect();
        singles.retain_mut(|single| match single.mailing.take() {
            // It is looked for once: whoever writes the single from now on writes it without.
            Some(mailing) => complete.get(&mailing) == Some(&true),
            None => true,
        });
        Ok(singles)
    }

    /// A page of the account's singles of a kind that were created at or after `from` and before `before`, newest first.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn list_singles(
        &self,
        account: &AccountId,
        mode: Mode,
        kind: Kind,
        (from, before): (Option<Timestamp>, Option<Timestamp>),
        limit: usize,
        after: Option<&After>,
    ) -> Result<Listed<Single>, StoreError> {
        let partition = keys::by_account::singles(account, mode, kind);
        let position = after.map(|after| after.position(Index::ByAccount, &partition));
        let range = Range {
            partition,
            from: from.map_or_else(|| " ".to_owned(), sortable),
            to: before.map_or_else(|| "~".to_owned(), sortable),
            after: position.as_ref(),
            backwards: true,
            limit: i32::try_from(limit).unwrap_or(i32::MAX),
        };
        let page = self.query(Some(Index::ByAccount), range).await?;
        let keys: Vec<Key> = page.items.iter().filter_map(table::key_of).collect();
        let found = self.get_in_order("a single", &keys).await?.into_iter().flatten().collect();
        let next = page.items.last().filter(|_| page.more).and_then(|last| After::of(last, Index::ByAccount));
        Ok(Listed { items: self.completed(found).await?, next })
    }

    /// The singles of a kind that a client calls by that name, oldest first.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn find_singles(
        &self,
        account: &AccountId,
        mode: Mode,
        kind: Kind,
        external_id: &str,
        limit: usize,
        after: Option<&After>,
    ) -> Result<Listed<Single>, StoreError> {
        let partition = keys::external(account, mode, external_id);
        let position = after.map(|after| {
            let text = |value: &str| AttributeValue::S(value.to_owned());
            Item::from([("pk".to_owned(), text(&after.pk)), ("sk".to_owned(), text(&after.sk))])
        });
        let range = Range {
            after: position.as_ref(),
            limit: i32::try_from(limit).unwrap_or(i32::MAX),
            ..Range::prefix(partition, &keys::pointers(kind))
        };
        let page = self.query(None, range).await?;
        let last = page.items.last().filter(|_| page.more).and_then(table::key_of);
        let ids = page.items.into_iter().map(|item| table::value::<PointerItem>("a pointer", item).map(|item| item.id));
        let ids = ids.collect::<Result<Vec<SingleId>, _>>()?;
        let next = last.map(|Key { pk, sk }| After { pk, sk, index: None });
        Ok(Listed { items: self.singles(&ids).await?, next })
    }

    /// What became of singles, each in its place: the batch that it was released into and its letter there, and how far the
    /// postal service has it.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn released(&self, singles: &[Single]) -> Result<Vec<Option<Released>>, StoreError> {
        let mut ids: Vec<BatchId> = singles.iter().filter_map(|single| single.batch.clone()).collect();
        ids.sort();
        ids.dedup();
        let batches: HashMap<BatchId, Batch> =
            self.batches(&ids).await?.into_iter().map(|batch| (batch.id.clone(), batch)).collect();
        let mut places = Vec::with_capacity(singles.len());
        let (mut letters, mut tracked) = (Vec::new(), Vec::new());
        for single in singles {
            let Some(batch) = single.batch.as_ref().and_then(|id| batches.get(id)) else {
                places.push(None);
                continue;
            };
            places.push(Some((batch, letters.len())));
            let reference = single.reference();
            letters.push(keys::letter(&batch.id, batch.shards, &reference));
            tracked.push(keys::tracked(&batch.id, batch.shards, &reference));
        }
        let letters: Vec<Option<Letter>> = self.get_in_order("a letter", &letters).await?;
        // None has been scanned before it was mailed.
        let mailed = batches.values().any(|batch| batch.state == BatchState::Mailed);
        let tracked: Vec<Option<Postal>> =
            if mailed { self.get_in_order("a tracked piece", &tracked).await? } else { Vec::new() };
        let released = |place: Option<(&Batch, usize)>| {
            let (batch, at) = place?;
            let scanned = tracked.get(at).and_then(Option::as_ref);
            let mailed = batch.state == BatchState::Mailed;
            Some(Released {
                batch: batch.clone(),
                piece: letters.get(at).and_then(Option::as_ref).and_then(|letter| letter.piece.clone()),
                postal_state: mailed.then(|| scanned.map_or(PostalState::Dropped, |postal| postal.state)),
                expected: scanned.and_then(|postal| postal.expected),
            })
        };
        Ok(places.into_iter().map(released).collect())
    }

    /// Where a list of singles goes on behind this one.
    pub fn behind(&self, single: &Single) -> After {
        let Key { pk, sk } = keys::single(&single.id);
        After { pk, sk, index: Some(listed_at(single)) }
    }

    /// Where a list of those that a client calls by one name goes on behind this one.
    pub fn behind_named(&self, single: &Single, external_id: &str) -> After {
        let pk = keys::external(&single.account, single.mode, external_id);
        After { pk, sk: format!("{}{}", keys::SINGLE_PREFIX, single.id), index: None }
    }

    /// Changes a single that was read. When it waits for inspection afterwards, that is announced first. When it is another
    /// letter afterwards, the guard looks at it as at a new one. Answers what it is.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn change_single(
        &self,
        was: &Single,
        change: SingleChange,
        now: Timestamp,
    ) -> Result<Result<Single, NotChanged>, StoreError> {
        let mut to = change.to;
        happen(&mut to, change.kind, now);
        let other = change.guard != Guard::Off && was.order.likeness() != to.order.likeness();
        let mut places = places(if other { change.guard } else { Guard::Off }, std::slice::from_ref(&to));
        if let Err(guarded) = self.look_at_places(&mut places, true, now).await? {
            return Ok(Err(NotChanged::Guarded(guarded)));
        }
        if to.state == SingleState::Queued {
            self.announce(&inspections(std::slice::from_ref(&to), now)).await?;
        }
        let mut transaction = Transaction::default();
        self.write_single(&mut transaction, was, &to)?;
        if pointer_of(was) != pointer_of(&to) {
            if let Some(pointer) = pointer_of(was) {
                transaction.delete(&self.config.table, &pointer)?;
            }
            if let Some(pointer) = pointer_item(&to)? {
                transaction.create(&self.config.table, pointer)?;
            }
        }
        if let Some(place) = places.first() {
            transaction.take(&self.config.table, place, now)?;
        }
        self.singles_event(&mut transaction, change.kind, &[(&to, BTreeMap::new())], now)?;
        drop(places);
        // Whoever took its place in between is met when it is tried again.
        Ok(self.commit(transaction).await?.map(|()| to).map_err(|_| NotChanged::Changed))
    }

    /// Writes what inspection found about singles of one account, and the events of that. Leaves alone those that were changed
    /// since they were read, and answers how many that were.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn record_inspections(
        &self,
        mut inspected: Vec<(Single, Outcome, u32)>,
        now: Timestamp,
    ) -> Result<usize, StoreError> {
        let mut changed = 0;
        while !inspected.is_empty() {
            let rest = inspected.split_off(together(&inspected, INSPECTED_TOGETHER, |(single, ..)| single));
            changed += self.record_together(inspected, now).await?;
            inspected = rest;
        }
        Ok(changed)
    }

    async fn record_together(
        &self,
        mut inspected: Vec<(Single, Outcome, u32)>,
        now: Timestamp,
    ) -> Result<usize, StoreError> {
        let mut changed = 0;
        while !inspected.is_empty() {
            let mut written = Vec::with_capacity(inspected.len());
            for (was, outcome, impressions) in &inspected {
                let mut to = was.clone();
                let kind = match outcome {
                    Outcome::Passed(copy, findings) => {
                        to.state = SingleState::Ready;
                        (to.copy, to.impressions, to.issue) = (Some(copy.clone()), Some(*impressions), None);
                        to.findings.clone_from(findings);
                        EventKind::LetterReady
                    }
                    Outcome::Failed(issue, findings) => {
                        to.state = SingleState::Issue;
                        (to.copy, to.impressions, to.issue) = (None, None, Some(issue.clone()));
                        to.findings.clone_from(findings);
                        EventKind::LetterIssue
                    }
                };
                happen(&mut to, kind, now);
                written.push((to, kind));
            }
            let mut transaction = Transaction::default();
            for ((was, ..), (to, _)) in inspected.iter().zip(&written) {
                self.write_single(&mut transaction, was, to)?;
            }
            for kind in [EventKind::LetterReady, EventKind::LetterIssue] {
                let data = |single: &Single| single.issue.as_ref().map(code_of).unwrap_or_default();
                let told: Vec<_> =
                    written.iter().filter(|(_, of)| *of == kind).map(|(single, _)| (single, data(single))).collect();
                if !told.is_empty() {
                    self.singles_event(&mut transaction, kind, &told, now)?;
                }
            }
            let Err(mut refused) = self.commit(transaction).await? else { break };
            let before = inspected.len();
            let mut place = 0;
            inspected.retain(|_| {
                place += 1;
                refused.at(place - 1).is_none()
            });
            if inspected.len() == before {
                return Err(StoreError::Contended("an event"));
            }
            changed += before - inspected.len();
        }
        Ok(changed)
    }

    /// Adds the writing of a single to a transaction, on the condition that it is as it was read. Answers the write's place.
    pub(crate) fn write_single(
        &self,
        transaction: &mut Transaction,
        was: &Single,
        to: &Single,
    ) -> Result<usize, StoreError> {
        transaction.replace(&self.config.table, single_item(to)?, "version", &was.version)
    }

    /// Adds the event of the same change of singles of one account to its transaction.
    pub(crate) fn singles_event(
        &self,
        transaction: &mut Transaction,
        kind: EventKind,
        singles: &[(&Single, BTreeMap<String, String>)],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (first, _) = singles.first().ok_or(StoreError::Missing("what an event is of"))?;
        let entry = |(single, data): &(&Single, BTreeMap<String, String>)| Entry {
            letter: LetterRef::of(&single.id),
            data: data.clone(),
        };
        let event = Event {
            id: EventId::new(now, crate::entropy()?),
            kind,
            at: now,
            account: Some(first.account.clone()),
            mode: first.mode,
            batch: first.batch.clone(),
            job: None,
            data: BTreeMap::new(),
            entries: singles.iter().map(entry).collect(),
        };
        let key = keys::event(&keys::single(&first.id), &event.id);
        transaction.create(&self.config.table, event_item(&key, &event)?).map(drop)
    }
}

/// How many of these, from the first on, may be written together: at most so many, and together no larger than a transaction
/// takes, which is 4 MB. A single may have long texts.
pub(crate) fn together<T>(items: &[T], most: usize, single: impl Fn(&T) -> &Single) -> usize {
    const MOST: usize = 3_000_000;
    /// What a single and its letter have besides their texts, at most.
    const BESIDES: usize = 16_000;
    let mut bytes = 0;
    let fits = |item: &&T| {
        bytes += single(item).order.texts() + BESIDES;
        bytes <= MOST
    };
    items.iter().take(most).take_while(fits).count().max(1).min(items.len())
}

/// Notes what happens to a single.
pub(crate) fn happen(single: &mut Single, kind: EventKind, now: Timestamp) {
    single.version += 1;
    single.modified_at = now;
    single.mailing = None;
    single.history.push(Happened { kind, at: now });
}

/// The announcements of the inspection of singles.
fn inspections(singles: &[Single], now: Timestamp) -> Vec<InspectSingles> {
    let message = |chunk: &[Single]| InspectSingles {
        singles: chunk.iter().map(|single| (single.id.clone(), single.version)).collect(),
        mailing: chunk.first().and_then(|single| single.mailing.clone()),
        announced: now,
    };
    singles.chunks(INSPECTED_TOGETHER).map(message).collect()
}

/// A single as an item. The indexes that it is in are a function of it: by when it was created, and by when it is due while
/// it is to be released.
fn single_item(single: &Single) -> Result<Item, StoreError> {
    let mut item = table::keyed("a single", &keys::single(&single.id), single)?;
    let text = |value: String| AttributeValue::S(value);
    item.insert("gsi1pk".to_owned(), text(keys::by_account::singles(&single.account, single.mode, single.id.kind())));
    item.insert("gsi1sk".to_owned(), text(listed_at(single)));
    if single.mode == Mode::Live && single.state == SingleState::Ready && single.batch.is_none() {
        let (partition, sort) = keys::due(single.send_date, &single.group(), &single.id);
        item.insert("gsi2pk".to_owned(), text(partition));
        item.insert("gsi2sk".to_owned(), text(sort));
    }
    Ok(item)
}

fn listed_at(single: &Single) -> String {
    format!("{}#{}", sortable(single.created_at), single.id)
}

fn pointer_of(single: &Single) -> Option<Key> {
    let external_id = single.order.external_id.as_deref()?;
    let pk = keys::external(&single.account, single.mode, external_id);
    Some(Key { pk, sk: format!("{}{}", keys::SINGLE_PREFIX, single.id) })
}

fn pointer_item(single: &Single) -> Result<Option<Item>, StoreError> {
    let item = PointerItem { id: single.id.clone() };
    pointer_of(single).map(|key| table::keyed("a pointer", &key, &item)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_texts(lengths: &[usize]) -> Vec<Single> {
        let single = |(number, length): (usize, &usize)| {
            let text = "x".repeat(*length);
            let party = serde_json::json!({
                "organization": "Acme",
                "address": { "name1": "Acme", "address1": "PO Box 1", "city": "Town", "state": "LA", "postalCode": "70112", "country": "US" },
            });
            let json = serde_json::json!({
                "id": SingleId::letter(Timestamp::UNIX_EPOCH, [number as u8; 10]),
                "account": "acct_01",
                "mode": "live",
                "sender": party,
                "returnAddress": ["PO Box 1", "Town LA 70112"],
                "recipient": party,
                "content": { "path": { "path": "s3://bucket/key", "guard": "refuse" } },
                "useType": "transactional",
                "options": domain::single::options::Options::default(),
                "description": text,
                "state": "ready",
                "version": 1,
                "sendDate": "2026-11-17",
                "history": [],
                "createdAt": "2026-11-17T00:00:00Z",
                "modifiedAt": "2026-11-17T00:00:00Z",
            });
            serde_json::from_value(json).unwrap()
        };
        lengths.iter().enumerate().map(single).collect()
    }

    #[test]
    fn what_is_written_together_fits_a_transaction_and_is_never_nothing() {
        let together = |lengths: &[usize]| together(&of_texts(lengths), 49, |single| single);
        assert_eq!(together(&[10; 100]), 49);
        assert_eq!(together(&[99_000; 49]), 26, "3 MB of long texts");
        assert_eq!(together(&[250_000, 250_000]), 2);
        assert_eq!(together(&[]), 0);
    }

    #[test]
    fn only_what_is_to_be_released_is_in_the_index_of_what_is_due() {
        let single = of_texts(&[1]).remove(0);
        let is_listed = |single: &Single| single_item(single).unwrap().contains_key("gsi2pk");
        assert!(is_listed(&single));
        assert!(!is_listed(&Single { state: SingleState::Issue, ..single.clone() }));
        assert!(!is_listed(&Single { state: SingleState::Queued, ..single.clone() }));
        assert!(!is_listed(&Single { mode: Mode::Test, ..single.clone() }));
        assert!(!is_listed(&Single { batch: Some(BatchId::parse("ABCD1234").unwrap()), ..single }));
    }
}
