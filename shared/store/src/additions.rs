//! Putting letters into a batch: all of an addition's letters get in, or none.
//!
//! 1. The letters are kept in S3, so that whoever finishes or aborts the addition knows them.
//! 2. *Reserve*: one change of the batch takes their room and notes the addition as open, with a lease.
//! 3. The letters are written. Nobody sees a letter whose addition is open.
//! 4. Their inspection is announced.
//! 5. *Commit*: one transaction counts them, closes the addition, and writes the event and the answer to the client.
//!
//! A writer that dies leaves an open addition. When its lease has run out, whoever meets it aborts it: the letters are
//! removed, then the room is given back. Adders that race for the same references take them in the same order, so that
//! of those that overlap at least one gets through.

use std::collections::{BTreeMap, HashSet};
use std::slice::from_ref;

use domain::batch::{Batch, BatchState, NotAdmitted, OpenAddition};
use domain::event::EventKind;
use domain::id::{AdditionId, BatchId, LetterRef};
use domain::letter::{INSPECTION_GROUP, Letter, NewLetter};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::{SignedDuration, Timestamp};

use crate::idempotency::{CLAIM, Completion};
use crate::keys;
use crate::queues::{Initialise, Inspect};
use crate::table::{self, Item};
use crate::transaction::{Change, Transaction};
use crate::{Store, StoreError};

/// How long a request may take to add its letters: longer than its function may run, and shorter than its claim of an
/// idempotency key holds, so that a client that repeats a request whose function died does not meet its own letters.
const LEASE: SignedDuration = SignedDuration::from_millis(29_500);
/// How many additions to one batch may be open at once: their notes are in the batch item, which everyone reads.
const MAX_OPEN: usize = 100;
const _: () = assert!(LEASE.as_secs() < CLAIM.as_secs());
/// How long a worker may take to initialise a batch: longer than its function may run (15 minutes), and shorter than its
/// message stays invisible, so that the next worker does not come too early.
const INITIALISE_LEASE: SignedDuration = SignedDuration::from_secs(910);

/// Why an addition was refused.
#[derive(Debug)]
pub enum NotAdded {
    /// The batch does not take them.
    NotAdmitted(NotAdmitted),
    /// Too many others are adding letters to it.
    Busy,
    /// These references are in the batch, or another addition is putting them there.
    Conflict(Vec<LetterRef>),
    /// The addition took longer than it may, and somebody aborted it.
    Expired,
}

/// What became of a request to initialise a batch.
#[derive(Debug, PartialEq, Eq)]
pub enum Initialised {
    /// Its letters are in.
    Done,
    /// Nothing is left to do: it was done before, or the batch was canceled.
    Settled,
    /// The batch is not there, yet or ever.
    Unknown,
    /// Another worker is at it.
    Leased,
}

impl Store {
    /// Adds letters to a batch that exists. The references differ from each other.
    ///
    /// # Errors
    /// When the store does not answer. Nothing is added then, unless the answer to the commit was lost; with a
    /// completion, a repeated request finds out which.
    pub async fn add_letters(
        &self,
        batch: &Batch,
        mut letters: Vec<NewLetter>,
        completion: Option<Completion<'_>>,
        now: Timestamp,
    ) -> Result<Result<(), NotAdded>, StoreError> {
        for addition in batch.expired_additions(now) {
            // Its letters are removed next, and must not be counted by a writer that is late.
            if self.take_from_writer(&batch.id, addition, now).await? {
                self.abort_addition(&batch.id, batch.shards, addition, None).await?;
            }
        }
        letters.sort_unstable_by(|a, b| a.reference.cmp(&b.reference));
        let addition = AdditionId::random(crate::entropy()?);
        let references: Vec<LetterRef> = letters.iter().map(|letter| letter.reference.clone()).collect();
        let count = u32::try_from(letters.len()).unwrap_or(u32::MAX);

        self.keep_letters(&batch.id, &addition, &letters).await?;
        if let Some(completion) = &completion {
            // Its letters stand in the way of the same letters until its lease is over.
            completion.ticket.goes_in_steps();
        }
        if let Err(refused) = self.reserve(batch, &addition, count, now).await? {
            return Ok(Err(refused));
        }
        let written = match self.conflicts(batch, &references).await? {
            conflicts if conflicts.is_empty() => self.write_letters(batch, &addition, letters, now).await?,
            conflicts => Err(NotAdded::Conflict(conflicts)),
        };
        if let Err(refused) = written {
            self.abort_addition(&batch.id, batch.shards, &addition, Some(&references)).await?;
            return Ok(Err(refused));
        }
        self.announce(&inspections(&batch.id, &addition, &references, now)).await?;

        let mut commit = Transaction::default();
        let closed =
            Change::new(keys::batch(&batch.id), format!("ADD #received :letters REMOVE #open.#{}", addition.as_str()))
                .when(format!("#open.#{}.#lease = :lease AND #state IN (:initializing, :notReady)", addition.as_str()))
                .value(":letters", &count)?
                .value(":lease", &(now + LEASE))?
                .value(":initializing", &BatchState::Initializing)?
                .value(":notReady", &BatchState::NotReady)?;
        commit.update(&self.config.table, closed)?;
        let data =
            BTreeMap::from([("addition".to_owned(), addition.to_string()), ("letters".to_owned(), count.to_string())]);
        self.batch_event(&mut commit, batch, EventKind::BatchLettersAdded, data, now)?;
        commit.complete(&self.config.table, completion)?;
        match self.commit(commit).await? {
            Ok(()) => Ok(Ok(())),
            Err(mut refused) => {
                let state = match refused.at(0) {
                    Some(Some(item)) => Some(table::value::<Batch>("a batch", item)?.state),
                    _ => None,
                };
                self.abort_addition(&batch.id, batch.shards, &addition, Some(&references)).await?;
                Ok(Err(match state {
                    Some(state @ (BatchState::Canceled | BatchState::FailedToInitialize)) => {
                        NotAdded::NotAdmitted(NotAdmitted::Closed(state))
                    }
                    _ => NotAdded::Expired,
                }))
            }
        }
    }

    async fn reserve(
        &self,
        batch: &Batch,
        addition: &AdditionId,
        letters: u32,
        now: Timestamp,
    ) -> Result<Result<(), NotAdded>, StoreError> {
        let mut reserve = Transaction::default();
        let change = Change::new(
            keys::batch(&batch.id),
            format!("SET #open.#{} = :open, #room = #room - :letters", addition.as_str()),
        )
        .when("#state IN (:initializing, :notReady) AND #room >= :letters AND size(#open) < :most")
        .value(":most", &MAX_OPEN)?
        .value(":open", &OpenAddition { letters, lease: now + LEASE })?
        .value(":letters", &letters)?
        .value(":initializing", &BatchState::Initializing)?
        .value(":notReady", &BatchState::NotReady)?;
        reserve.update(&self.config.table, change)?;
        let Err(mut refused) = self.commit(reserve).await? else { return Ok(Ok(())) };
        let Some(Some(item)) = refused.at(0) else { return Err(StoreError::Missing("the batch")) };
        let batch: Batch = table::value("a batch", item)?;
        Ok(Err(batch.admit(letters).err().map_or(NotAdded::Busy, NotAdded::NotAdmitted)))
    }

    /// Takes an addition from its writer, who cannot commit from then on, and lets the lease run until `until`. Answers
    /// whether it is still open.
    async fn take_from_writer(
        &self,
        batch: &BatchId,
        addition: &AdditionId,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        let name = addition.as_str();
        let change = Change::new(keys::batch(batch), format!("SET #open.#{name}.#lease = :until"))
            .when(format!("attribute_exists(#open.#{name})"))
            .value(":until", &until)?;
        self.change(change).await
    }

    /// Which of the references are in the batch or on their way in.
    async fn conflicts(&self, batch: &Batch, references: &[LetterRef]) -> Result<Vec<LetterRef>, StoreError> {
        let keys: Vec<_> =
            references.iter().map(|reference| keys::letter(&batch.id, batch.shards, reference)).collect();
        let found = self.get_many(&keys, true).await?;
        let mut conflicts = Vec::with_capacity(found.len());
        // The letters that came with the batch are written without looking, so that others must look for them.
        if batch.state == BatchState::Initializing {
            let references: HashSet<_> = references.iter().collect();
            for addition in batch.open.keys() {
                let arriving = self.read_letters(&batch.id, addition).await?.unwrap_or_default();
                let arriving = arriving.into_iter().map(|letter| letter.reference);
                conflicts.extend(arriving.filter(|reference| references.contains(reference)));
            }
        }
        for item in found {
            conflicts.push(table::value::<Letter>("a letter", item)?.content.reference);
        }
        conflicts.sort_unstable();
        conflicts.dedup();
        Ok(conflicts)
    }

    /// Writes letters where none are, in the order of their references, a hundred to a transaction.
    async fn write_letters(
        &self,
        batch: &Batch,
        addition: &AdditionId,
        letters: Vec<NewLetter>,
        started: Timestamp,
    ) -> Result<Result<(), NotAdded>, StoreError> {
        let mut rest = letters.into_iter().enumerate().peekable();
        while rest.peek().is_some() {
            // Past the lease somebody may be removing what was written: writing on would leave letters behind.
            if Timestamp::now() > started + LEASE / 2 {
                return Ok(Err(NotAdded::Expired));
            }
            let mut write = Transaction::default();
            let mut references = Vec::with_capacity(Transaction::LIMIT);
            for (place, letter) in rest.by_ref().take(Transaction::LIMIT) {
                references.push(letter.reference.clone());
                write.create(&self.config.table, letter_item(batch, addition, place, letter)?)?;
            }
            if let Err(refused) = self.commit(write).await? {
                let places = refused.writes.into_iter().map(|(place, _)| place);
                let conflicts = places.filter_map(|place| references.get(place).cloned()).collect();
                return Ok(Err(NotAdded::Conflict(conflicts)));
            }
        }
        Ok(Ok(()))
    }

    /// The references of an addition's letters: as they were kept, or, when nobody undid it for so long that they are not
    /// kept any more, those that were written.
    async fn references_of(
        &self,
        batch: &BatchId,
        shards: u16,
        addition: &AdditionId,
    ) -> Result<Vec<LetterRef>, StoreError> {
        if let Some(letters) = self.read_letters(batch, addition).await? {
            return Ok(letters.into_iter().map(|letter| letter.reference).collect());
        }
        let of_addition = |letter: Letter| (letter.addition == *addition).then_some(letter.content.reference);
        self.each_letter(batch, shards, of_addition).await
    }

    /// Undoes an addition: removes its letters, then gives its room back. Done twice, it does nothing the second time.
    ///
    /// # Errors
    /// When the store does not answer; the addition stays open and is aborted by whoever meets it next.
    pub(crate) async fn abort_addition(
        &self,
        batch: &BatchId,
        shards: u16,
        addition: &AdditionId,
        references: Option<&[LetterRef]>,
    ) -> Result<(), StoreError> {
        let references = match references {
            Some(references) => references.to_vec(),
            None => self.references_of(batch, shards, addition).await?,
        };
        let table = &self.config.table;
        let remove = async |reference: LetterRef| {
            let sent = self
                .dynamodb()
                .delete_item()
                .table_name(table)
                .set_key(Some(keys::letter(batch, shards, &reference).attributes().into()))
                .condition_expression("#addition = :addition")
                .expression_attribute_names("#addition", "addition")
                .expression_attribute_values(":addition", table::attribute("an addition", addition)?)
                .send()
                .await;
            match sent {
                Err(error) if !error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => {
                    Err(StoreError::aws("DeleteItem")(error))
                }
                _ => Ok(()),
            }
        };
        stream::iter(references).map(remove).buffer_unordered(32).try_collect::<()>().await?;

        let name = addition.as_str();
        let mut close = Transaction::default();
        let change =
            Change::new(keys::batch(batch), format!("SET #room = #room + #open.#{name}.#letters REMOVE #open.#{name}"))
                .when(format!("attribute_exists(#open.#{name})"));
        close.update(table, change)?;
        // Refused: it was closed before.
        self.commit(close).await.map(drop)
    }

    /// Puts the letters that came with a batch into it. The addition has been open since the batch was created.
    ///
    /// # Errors
    /// When the store does not answer; run again, it goes on.
    pub async fn initialise_batch(&self, message: &Initialise, now: Timestamp) -> Result<Initialised, StoreError> {
        let Initialise { batch: id, addition, .. } = message;
        let Some(batch) = self.batch(id).await? else { return Ok(Initialised::Unknown) };
        if batch.state != BatchState::Initializing || !batch.open.contains_key(addition) {
            return Ok(Initialised::Settled);
        }
        // One worker at a time: plain writes by two would undo what inspection wrote after the first had finished.
        let mut lease = Transaction::default();
        let change = Change::new(keys::batch(id), format!("SET #open.#{}.#lease = :until", addition.as_str()))
            .when(format!("#state = :initializing AND #open.#{}.#lease < :now", addition.as_str()))
            .value(":until", &(now + INITIALISE_LEASE))?
            .value(":now", &now)?
            .value(":initializing", &BatchState::Initializing)?;
        lease.update(&self.config.table, change)?;
        if self.commit(lease).await?.is_err() {
            return Ok(Initialised::Leased);
        }
        let written = self.write_first_letters(&batch, addition, now).await;
        let Some(count) = (match written {
            Ok(count) => count,
            Err(error) => {
                // The next worker need not wait for all of a lease that nobody uses, only until no write of this one can be
                // on its way any more: a late one would undo what inspection wrote.
                self.take_from_writer(id, addition, Timestamp::now() + LEASE).await?;
                return Err(error);
            }
        }) else {
            self.fail_to_initialise(&batch, now).await?;
            return Ok(Initialised::Settled);
        };

        let mut commit = Transaction::default();
        let change = Change::new(
            keys::batch(id),
            format!("SET #state = :notReady ADD #received :letters REMOVE #open.#{}", addition.as_str()),
        )
        .when(format!("#state = :initializing AND attribute_exists(#open.#{})", addition.as_str()))
        .value(":letters", &count)?
        .value(":notReady", &BatchState::NotReady)?
        .value(":initializing", &BatchState::Initializing)?;
        commit.update(&self.config.table, change)?;
        let data = BTreeMap::from([("letters".to_owned(), count.to_string())]);
        self.batch_event(&mut commit, &batch, EventKind::BatchInitialized, data, now)?;
        Ok(match self.commit(commit).await? {
            Ok(()) => Initialised::Done,
            Err(_) => Initialised::Settled,
        })
    }

    /// Writes the letters that came with a batch and announces their inspection. Answers how many they are, or `None` when
    /// they do not read.
    async fn write_first_letters(
        &self,
        batch: &Batch,
        addition: &AdditionId,
        now: Timestamp,
    ) -> Result<Option<u32>, StoreError> {
        let Some(letters) = self.read_letters(&batch.id, addition).await? else { return Ok(None) };
        let references: Vec<LetterRef> = letters.iter().map(|letter| letter.reference.clone()).collect();
        let count = u32::try_from(letters.len()).unwrap_or(u32::MAX);
        let mut rest = letters.into_iter().enumerate();
        // Items are made as they are written: all of them at once would be many times as large as the letters.
        let chunks = std::iter::from_fn(|| {
            let chunk: Vec<_> = rest.by_ref().take(25).collect();
            (!chunk.is_empty()).then_some(chunk)
        });
        let write = async |chunk: Vec<(usize, NewLetter)>| {
            let item = |(place, letter)| letter_item(batch, addition, place, letter);
            self.put_many(chunk.into_iter().map(item).collect::<Result<_, _>>()?).await
        };
        stream::iter(chunks).map(write).buffer_unordered(16).try_collect::<()>().await?;
        // A batch that was canceled meanwhile needs no inspection; the commit will be refused.
        let batch = self.batch(&batch.id).await?.ok_or(StoreError::Missing("the batch"))?;
        if batch.state != BatchState::Initializing {
            return Ok(Some(count));
        }
        // Writing may have taken minutes: the announcement is as old as it is, not as its writer.
        let announced = now.max(Timestamp::now());
        self.announce(&inspections(&batch.id, addition, &references, announced)).await?;
        Ok(Some(count))
    }

    /// Has the group of a letter that waits for its inspection announced again.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn announce_again(&self, batch: &Batch, letter: &Letter, now: Timestamp) -> Result<(), StoreError> {
        let kept = self.read_letters(&batch.id, &letter.addition).await?.unwrap_or_default();
        let kept: Vec<LetterRef> = kept.into_iter().map(|letter| letter.reference).collect();
        let mut groups = inspections(&batch.id, &letter.addition, &kept, now);
        groups.retain(|message| message.group == letter.group);
        if groups.is_empty() {
            // It was replaced or retried: such a letter is a group of its own.
            groups.extend(inspections(&batch.id, &letter.addition, from_ref(&letter.content.reference), now));
        }
        self.announce(&groups).await
    }

    /// Gives a batch up whose letters cannot be put into it.
    async fn fail_to_initialise(&self, batch: &Batch, now: Timestamp) -> Result<(), StoreError> {
        let mut fail = Transaction::default();
        let change = Change::new(keys::batch(&batch.id), "SET #state = :failed")
            .when("#state = :initializing")
            .value(":failed", &BatchState::FailedToInitialize)?
            .value(":initializing", &BatchState::Initializing)?;
        fail.update(&self.config.table, change)?;
        self.batch_event(&mut fail, batch, EventKind::BatchFailedToInitialize, BTreeMap::new(), now)?;
        self.commit(fail).await.map(drop)
    }
}

fn letter_item(batch: &Batch, addition: &AdditionId, place: usize, letter: NewLetter) -> Result<Item, StoreError> {
    let key = keys::letter(&batch.id, batch.shards, &letter.reference);
    let group = u32::try_from(place / INSPECTION_GROUP).unwrap_or(u32::MAX);
    table::keyed("a letter", &key, &Letter::queued(letter, addition.clone(), group))
}

/// The announcements of an addition's inspection; groups as in [`letter_item`].
fn inspections(batch: &BatchId, addition: &AdditionId, references: &[LetterRef], now: Timestamp) -> Vec<Inspect> {
    let group = |(number, letters): (usize, &[LetterRef])| Inspect {
        batch: batch.clone(),
        addition: addition.clone(),
        group: u32::try_from(number).unwrap_or(u32::MAX),
        letters: letters.to_vec(),
        announced: now,
    };
    references.chunks(INSPECTION_GROUP).enumerate().map(group).collect()
}
