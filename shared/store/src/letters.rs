//! Letters of a batch: finding and listing them, recording their inspection, and changing them before they are printed.
//!
//! A batch's counts follow its letters, by two rules. A group of letters is counted once, in the transaction that
//! records its inspection. A letter is changed only after its group was counted, in one transaction with the counts.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::batch::{Batch, BatchState};
use domain::event::{Entry, Event, EventKind};
use domain::id::{AdditionId, BatchId, LetterRef};
use domain::letter::{Finding, Issue, Letter, LetterState, NewLetter, Outcome};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;

use crate::batches::{After, Listed, Listing, batch_event, event_item};
use crate::idempotency::Completion;
use crate::keys;
use crate::queues::Inspect;
use crate::table::{self, Index, Item, Range};
use crate::transaction::{Change, Transaction};
use crate::{Store, StoreError};

/// What a client wants done to a letter.
#[derive(Debug)]
pub enum LetterChange {
    /// Another content under the same reference.
    Replace(Box<NewLetter>),
    /// Inspection once more, after the document was mended in its place.
    Retry,
    /// Not to be mailed.
    Withdraw,
}

/// Why a letter was not changed.
#[derive(Debug)]
pub enum NotChanged {
    /// It is being inspected; wait a moment.
    BeingInspected,
    /// Its state does not allow it.
    State(LetterState),
    /// Its batch is past the point.
    Batch(BatchState),
    /// It is the batch's only letter: cancel the batch instead.
    LastLetter,
}

/// How many pages of the table are read for one page of a list.
const PAGES: u32 = 20;

impl Store {
    /// A letter of a batch; `None` also while the addition that brings it is open.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn letter(&self, batch: &Batch, reference: &LetterRef) -> Result<Option<Letter>, StoreError> {
        let letter: Option<Letter> = self.get("a letter", &keys::letter(&batch.id, batch.shards, reference)).await?;
        Ok(letter.filter(|letter| !batch.open.contains_key(&letter.addition)))
    }

    /// The letters of those references that are there, in no order, whether or not their addition is open.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn letters(&self, batch: &Batch, references: &[LetterRef]) -> Result<Vec<Letter>, StoreError> {
        let keys: Vec<_> =
            references.iter().map(|reference| keys::letter(&batch.id, batch.shards, reference)).collect();
        let items = self.get_many(&keys, true).await?;
        items.into_iter().map(|item| table::value("a letter", item)).collect()
    }

    /// A page of a batch's letters, shard by shard in the order of their references.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn list_letters(
        &self,
        batch: &Batch,
        state: Option<LetterState>,
        limit: usize,
        after: Option<&After>,
    ) -> Result<Listed<Letter>, StoreError> {
        let shard_of = |pk: &str| pk.rsplit('#').next().and_then(|shard| shard.parse().ok());
        let mut shard: u16 = after.and_then(|after| shard_of(&after.pk)).unwrap_or(0);
        let mut position = after.map(|after| {
            let text = |value: &str| AttributeValue::S(value.to_owned());
            Item::from([("pk".to_owned(), text(&after.pk)), ("sk".to_owned(), text(&after.sk))])
        });
        let mut letters = Vec::with_capacity(limit);
        let mut pages = 0;
        while shard < batch.shards {
            pages += 1;
            let range = Range {
                after: position.as_ref(),
                // A page of a list is a page of the table, but of letters in one state there may be few: those are read in
                // pages as large as they come.
                limit: if state.is_some() { i32::MAX } else { i32::try_from(limit).unwrap_or(i32::MAX) },
                ..Range::prefix(keys::letters(&batch.id, shard), keys::LETTER_PREFIX)
            };
            let page = self.query(None, range).await?;
            let last = page.items.last().map(|item| table::position(item, None));
            for item in page.items {
                let letter: Letter = table::value("a letter", item)?;
                if batch.open.contains_key(&letter.addition) || state.is_some_and(|state| letter.state != state) {
                    continue;
                }
                let key = keys::letter_in_shard(&batch.id, shard, &letter.content.reference);
                letters.push(letter);
                if letters.len() == limit {
                    return Ok(Listed { items: letters, next: Some(After { pk: key.pk, sk: key.sk, index: None }) });
                }
            }
            // With a rare state a page may be long in coming: it is cut off, and the client asks for the next.
            if pages >= PAGES
                && let Some(key) = last.as_ref().and_then(table::key_of)
            {
                return Ok(Listed { items: letters, next: Some(After { pk: key.pk, sk: key.sk, index: None }) });
            }
            position = last.filter(|_| page.more);
            if position.is_none() {
                shard += 1;
            }
        }
        Ok(Listed { items: letters, next: None })
    }

    /// What `keep` keeps of each letter of a batch, whether or not its addition is open. Several shards are read at once,
    /// and of a letter nothing else stays in memory.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn each_letter<T>(
        &self,
        batch: &BatchId,
        shards: u16,
        keep: impl Fn(Letter) -> Option<T>,
    ) -> Result<Vec<T>, StoreError> {
        let read = async |shard: u16| {
            let mut kept = Vec::new();
            let mut after: Option<Item> = None;
            loop {
                let partition = keys::letters(batch, shard);
                let range = Range { after: after.as_ref(), ..Range::prefix(partition, keys::LETTER_PREFIX) };
                let page = self.query(None, range).await?;
                after = page.items.last().map(|item| table::position(item, None)).filter(|_| page.more);
                for item in page.items {
                    kept.extend(keep(table::value("a letter", item)?));
                }
                if after.is_none() {
                    return Ok::<_, StoreError>(kept);
                }
            }
        };
        let shards: Vec<Vec<T>> = stream::iter(0..shards).map(read).buffered(8).try_collect().await?;
        Ok(shards.into_iter().flatten().collect())
    }

    /// The letters of a batch that have an issue, in the order of their references: an index has just those.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn list_issues(
        &self,
        batch: &Batch,
        limit: usize,
        after: Option<&After>,
    ) -> Result<Listed<Letter>, StoreError> {
        let partition = keys::by_account::issues(&batch.id);
        let listing = Listing::whole(Index::ByAccount, &partition, false);
        self.list("a letter", listing, limit, after, |letter: &Letter| letter.state == LetterState::Issue).await
    }

    /// Whether a group of an addition was inspected and counted.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn is_counted(&self, batch: &BatchId, addition: &AdditionId, group: u32) -> Result<bool, StoreError> {
        let event: Option<Event> = self.get("an event", &keys::inspected(batch, addition, group)).await?;
        Ok(event.is_some())
    }

    /// Writes what inspection found about a letter. Does nothing when another inspection was first or the letter is no
    /// longer the one inspected. Answers whether it was written.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn record_outcome(
        &self,
        batch: &Batch,
        addition: &AdditionId,
        reference: &LetterRef,
        outcome: &Outcome,
    ) -> Result<bool, StoreError> {
        let key = keys::letter(&batch.id, batch.shards, reference);
        let condition = "#addition = :addition AND #state = :queued";
        let change = match outcome {
            Outcome::Passed(copy, findings) if findings.is_empty() => {
                Change::new(key, "SET #state = :state, #copy = :copy")
                    .value(":state", &LetterState::Ready)?
                    .value(":copy", copy)?
            }
            Outcome::Passed(copy, findings) => {
                Change::new(key, "SET #state = :state, #copy = :copy, #findings = :findings")
                    .value(":state", &LetterState::Ready)?
                    .value(":copy", copy)?
                    .value(":findings", findings)?
            }
            Outcome::Failed(issue, findings) => with_issue(batch, reference, issue, findings)?,
        };
        let change = change.when(condition).value(":addition", addition)?.value(":queued", &LetterState::Queued)?;
        self.change(change).await
    }

    /// Counts a group of letters whose outcomes are recorded, once, and writes their events: one item for all that are
    /// ready, and one for each that has an issue.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn count_group(
        &self,
        message: &Inspect,
        batch: &Batch,
        letters: &[Letter],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let passed: Vec<_> = letters.iter().filter(|letter| letter.state == LetterState::Ready).collect();
        let failed: Vec<(&LetterRef, &Issue)> =
            letters.iter().filter_map(|letter| Some((&letter.content.reference, letter.issue.as_ref()?))).collect();
        let all_sheets: i64 =
            passed.iter().map(|letter| i64::from(batch.finish.sheets(letter.content.impressions))).sum();

        let mut count = Transaction::default();
        let mut event = batch_event(batch, EventKind::LetterReady, BTreeMap::new(), now)?;
        let ready = |letter: &&Letter| Entry { letter: letter.content.reference.clone(), data: BTreeMap::new() };
        event.entries = passed.iter().map(ready).collect();
        if passed.is_empty() {
            // Then it says only that the group was counted, and nobody is told of it.
            event.account = None;
        }
        let key = keys::inspected(&message.batch, &message.addition, message.group);
        count.create(&self.config.table, event_item(&key, &event)?)?;
        let change = Change::new(keys::batch(&batch.id), "ADD #passed :passed, #issues :issues, #sheets :sheets")
            .value(":passed", &passed.len())?
            .value(":issues", &failed.len())?
            .value(":sheets", &all_sheets)?;
        count.update(&self.config.table, change)?;
        for (reference, issue) in failed {
            self.letter_event(&mut count, batch, EventKind::LetterIssue, reference, code_of(issue), now)?;
        }
        // Refused: the group was counted before.
        self.commit(count).await.map(drop)
    }

    /// Changes a letter before it is printed, together with its batch's counts.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn change_letter(
        &self,
        batch: &Batch,
        letter: &Letter,
        change: LetterChange,
        completion: Option<Completion<'_>>,
        now: Timestamp,
    ) -> Result<Result<(), NotChanged>, StoreError> {
        if !batch.is_open() {
            return Ok(Err(NotChanged::Batch(batch.state)));
        }
        let allowed = match change {
            LetterChange::Replace(_) | LetterChange::Withdraw => {
                matches!(letter.state, LetterState::Ready | LetterState::Issue)
            }
            LetterChange::Retry => letter.state == LetterState::Issue,
        };
        if !allowed {
            let being_inspected = letter.state == LetterState::Queued;
            return Ok(Err(if being_inspected { NotChanged::BeingInspected } else { NotChanged::State(letter.state) }));
        }
        if !self.is_counted(&batch.id, &letter.addition, letter.group).await? {
            return Ok(Err(NotChanged::BeingInspected));
        }
        let withdraw = matches!(change, LetterChange::Withdraw);
        if withdraw && batch.expected == 1 {
            return Ok(Err(NotChanged::LastLetter));
        }
        let reference = letter.content.reference.clone();
        let key = keys::letter(&batch.id, batch.shards, &reference);
        let unchanged = "#addition = :addition AND #state = :state";
        let (kind, letter_change, addition) = match change {
            LetterChange::Withdraw => {
                let change =
                    Change::new(key.clone(), "SET #state = :canceled REMOVE #issue, #findings, #gsi1pk, #gsi1sk")
                        .value(":canceled", &LetterState::Canceled)?;
                (EventKind::LetterWithdrawn, change, None)
            }
            LetterChange::Retry => {
                let addition = AdditionId::random(crate::entropy()?);
                let change = Change::new(
                    key.clone(),
                    "SET #state = :queued, #addition = :new_addition, #group = :group REMOVE #issue, #findings, #copy, #gsi1pk, \
                     #gsi1sk",
                );
                (EventKind::LetterRetried, requeued(change, &addition)?, Some(addition))
            }
            LetterChange::Replace(content) => {
                let addition = AdditionId::random(crate::entropy()?);
                let change = Change::new(
                    key.clone(),
                    "SET #state = :queued, #addition = :new_addition, #group = :group, #address = :address, \
                     #source = :source, #impressions = :impressions, #warnings = :warnings REMOVE #issue, #findings, #copy, #gsi1pk, \
                     #gsi1sk",
                )
                .value(":address", &content.address)?
                .value(":source", &content.source)?
                .value(":impressions", &content.impressions)?
                .value(":warnings", &content.warnings)?;
                (EventKind::LetterReplaced, requeued(change, &addition)?, Some(addition))
            }
        };
        // A withdrawn letter is not inspected, but its batch may be complete without it, which the worker notices too.
        let (addition, group) =
            addition.map_or_else(|| (letter.addition.clone(), letter.group), |addition| (addition, 0));
        let letters = vec![reference.clone()];
        self.announce(&[Inspect { batch: batch.id.clone(), addition, group, letters, announced: now }]).await?;

        let mut transaction = Transaction::default();
        let table = &self.config.table;
        let letter_change =
            letter_change.when(unchanged).value(":addition", &letter.addition)?.value(":state", &letter.state)?;
        transaction.update(table, letter_change)?;
        let passed = letter.state == LetterState::Ready;
        let (set, expected) =
            if withdraw { ("", ", #expected :one_less, #received :one_less") } else { ("SET #state = :notReady ", "") };
        let remove = if withdraw { "" } else { " REMOVE #gsi2pk, #gsi2sk, #readyAt" };
        let mut counts = Change::new(
            keys::batch(&batch.id),
            format!("{set}ADD #passed :passed, #issues :issues, #sheets :sheets{expected}{remove}"),
        )
        .when(format!("#state = :batch_state{}", if withdraw { " AND #expected > :one" } else { "" }))
        .value(":passed", &if passed { -1 } else { 0 })?
        .value(":issues", &if passed { 0 } else { -1 })?
        .value(":sheets", &if passed { -i64::from(batch.finish.sheets(letter.content.impressions)) } else { 0 })?
        .value(":batch_state", &batch.state)?;
        counts = if withdraw {
            counts.value(":one_less", &-1)?.value(":one", &1)?
        } else {
            counts.value(":notReady", &BatchState::NotReady)?
        };
        let batch_at = transaction.update(table, counts)?;
        transaction.require(table, &keys::inspected(&batch.id, &letter.addition, letter.group))?;
        self.letter_event(&mut transaction, batch, kind, &reference, BTreeMap::new(), now)?;
        if !withdraw && batch.state == BatchState::Ready {
            self.batch_event(&mut transaction, batch, EventKind::BatchNotReady, BTreeMap::new(), now)?;
        }
        transaction.complete(table, completion)?;
        match self.commit(transaction).await? {
            Ok(()) => {}
            Err(mut refused) => {
                if let Some(Some(item)) = refused.at(batch_at) {
                    let now_is: Batch = table::value("a batch", item)?;
                    if !now_is.is_open() {
                        return Ok(Err(NotChanged::Batch(now_is.state)));
                    }
                }
                // Not counted yet, or changed under us: in both cases the client looks again in a moment.
                return Ok(Err(NotChanged::BeingInspected));
            }
        }
        if withdraw {
            self.settle(&batch.id, now).await?;
        }
        Ok(Ok(()))
    }

    /// Adds the event of a change of one letter to its transaction.
    pub(crate) fn letter_event(
        &self,
        transaction: &mut Transaction,
        batch: &Batch,
        kind: EventKind,
        reference: &LetterRef,
        data: BTreeMap<String, String>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut event = batch_event(batch, kind, BTreeMap::new(), now)?;
        event.entries.push(Entry { letter: reference.clone(), data });
        let key = keys::event(&keys::batch(&batch.id), &event.id);
        transaction.create(&self.config.table, event_item(&key, &event)?).map(drop)
    }
}

/// What the event of an issue says of it.
pub(crate) fn code_of(issue: &Issue) -> BTreeMap<String, String> {
    BTreeMap::from([("code".to_owned(), issue.code.clone())])
}

/// A letter that has an issue, and is in the index of those of its batch.
pub(crate) fn with_issue(
    batch: &Batch,
    reference: &LetterRef,
    issue: &Issue,
    findings: &[Finding],
) -> Result<Change, StoreError> {
    Change::new(
        keys::letter(&batch.id, batch.shards, reference),
        "SET #state = :state, #issue = :issue, #findings = :findings, #gsi1pk = :issues, #gsi1sk = :reference REMOVE #copy",
    )
    .value(":state", &LetterState::Issue)?
    .value(":issue", issue)?
    .value(":findings", &findings)?
    .value(":issues", &keys::by_account::issues(&batch.id))?
    .value(":reference", reference)
}

fn requeued(change: Change, addition: &AdditionId) -> Result<Change, StoreError> {
    change.value(":queued", &LetterState::Queued)?.value(":new_addition", addition)?.value(":group", &0)
}
