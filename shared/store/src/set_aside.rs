//! Setting aside the letter that a mail job failed for, in the transaction that gives the job up: it passed inspection and yet
//! cannot be assembled, and the others are not to wait for it.
//!
//! Whose it is has to mend it, and is told so by an issue. A batch that its client made keeps the letter and waits for it. A batch
//! that the house made loses it: it is a single as before its release, and is released again once it is mended.

use std::collections::BTreeMap;

use domain::batch::{Batch, BatchState};
use domain::event::EventKind;
use domain::id::SingleId;
use domain::job::Job;
use domain::letter::{Issue, Letter, LetterState};
use domain::single::SingleState;
use jiff::Timestamp;

use crate::batches::urgency;
use crate::keys;
use crate::singles::happen;
use crate::transaction::{Change, Transaction};
use crate::{Store, StoreError};

impl Store {
    /// Adds to a transaction that a batch of a job goes on without a letter.
    pub(crate) async fn set_aside(
        &self,
        transaction: &mut Transaction,
        job: &Job,
        batch: &Batch,
        letter: &Letter,
        issue: &Issue,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        match batch.group {
            None => self.wait_for_letter(transaction, job, batch, letter, issue, now),
            Some(_) => self.take_letter_out(transaction, job, batch, letter, issue, now).await,
        }
    }

    /// The letter has an issue, and its batch waits until its client has mended it.
    fn wait_for_letter(
        &self,
        transaction: &mut Transaction,
        job: &Job,
        batch: &Batch,
        letter: &Letter,
        issue: &Issue,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let table = &self.config.table;
        let reference = &letter.content.reference;
        let change = Change::new(
            keys::letter(&batch.id, batch.shards, reference),
            "SET #state = :issue_state, #issue = :issue, #gsi1pk = :issues, #gsi1sk = :reference REMOVE #copy",
        )
        .value(":issue_state", &LetterState::Issue)?
        .value(":issue", issue)?
        .value(":issues", &keys::by_account::issues(&batch.id))?
        .value(":reference", reference)?;
        transaction.update(table, as_it_was(change, letter)?)?;
        let change = Change::new(
            keys::batch(&batch.id),
            "SET #state = :notReady ADD #passed :less, #issues :more, #sheets :sheets REMOVE #job, #printingAt, #readyAt",
        )
        .value(":notReady", &BatchState::NotReady)?
        .value(":more", &1)?;
        transaction.update(table, without(change, job, batch, letter)?)?;
        let data = BTreeMap::from([("code".to_owned(), issue.code.clone())]);
        self.letter_event(transaction, batch, EventKind::LetterIssue, reference, data, now)?;
        self.batch_event(transaction, batch, EventKind::BatchNotReady, BTreeMap::new(), now)
    }

    /// The letter is a single with an issue, in no batch, and its batch is ready again; without any letter it is over.
    async fn take_letter_out(
        &self,
        transaction: &mut Transaction,
        job: &Job,
        batch: &Batch,
        letter: &Letter,
        issue: &Issue,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let table = &self.config.table;
        let reference = &letter.content.reference;
        let id = SingleId::parse(reference.as_str()).map_err(|_| StoreError::Missing("the name of a single"))?;
        let was = self.singles(&[id]).await?.pop().ok_or(StoreError::Missing("the single of a letter"))?;
        let mut to = was.clone();
        to.state = SingleState::Issue;
        (to.batch, to.copy, to.impressions) = (None, None, None);
        (to.issue, to.findings) = (Some(issue.clone()), Vec::new());
        happen(&mut to, EventKind::LetterIssue, now);
        self.write_single(transaction, &was, &to)?;
        let data = BTreeMap::from([("code".to_owned(), issue.code.clone())]);
        self.singles_event(transaction, EventKind::LetterIssue, &[(&to, data)], now)?;

        let change = Change::new(keys::letter(&batch.id, batch.shards, reference), "SET #state = :canceled")
            .value(":canceled", &LetterState::Canceled)?;
        transaction.update(table, as_it_was(change, letter)?)?;
        let less = "ADD #passed :less, #expected :less, #received :less, #sheets :sheets REMOVE #job, #printingAt";
        let change = match batch.expected {
            1 => Change::new(keys::batch(&batch.id), format!("SET #state = :canceled {less}"))
                .value(":canceled", &BatchState::Canceled)?,
            _ => {
                let set = "SET #state = :ready, #gsi2pk = :queue, #gsi2sk = :urgency";
                Change::new(keys::batch(&batch.id), format!("{set} {less}"))
                    .value(":ready", &BatchState::Ready)?
                    .value(":queue", &keys::QUEUE)?
                    .value(":urgency", &urgency(batch))?
            }
        };
        transaction.update(table, without(change, job, batch, letter)?)?;
        if batch.expected == 1 {
            return Ok(());
        }
        self.letters_event(transaction, batch, EventKind::BatchReady, Some(reference), now).await
    }
}

/// On the condition that the letter is the one that could not be assembled.
fn as_it_was(change: Change, letter: &Letter) -> Result<Change, StoreError> {
    change
        .when("#addition = :addition AND #state = :was_ready")
        .value(":addition", &letter.addition)?
        .value(":was_ready", &LetterState::Ready)
}

/// The counts of a batch without the letter, on the condition that the batch is still in the job.
fn without(change: Change, job: &Job, batch: &Batch, letter: &Letter) -> Result<Change, StoreError> {
    change
        .when("#state = :printing AND #job = :job")
        .value(":less", &-1)?
        .value(":sheets", &-i64::from(batch.finish.sheets(letter.content.impressions)))?
        .value(":printing", &BatchState::Printing)?
        .value(":job", &job.id)
}
