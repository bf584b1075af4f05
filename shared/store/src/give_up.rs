//! Giving up a mail job that failed: nothing of it was shown to anybody, so its batches wait to be printed again. The letter that it
//! failed for is set aside: it passed inspection and yet cannot be assembled, and the others are not to wait for it.
//!
//! Whose that letter is has to mend it, and is told so by an issue. A batch that its client made keeps the letter and waits for it. A
//! batch that the house made loses it: it is a single as before its release, and is released again once it is mended.

use std::collections::BTreeMap;

use domain::batch::{Batch, BatchState};
use domain::event::EventKind;
use domain::id::SingleId;
use domain::job::{Job, JobState};
use domain::letter::{Issue, Letter, LetterState};
use domain::single::SingleState;
use jiff::Timestamp;

use crate::batches::urgency;
use crate::keys;
use crate::letters::{code_of, with_issue};
use crate::singles::happen;
use crate::transaction::{Change, Transaction};
use crate::{Store, StoreError};

/// What a batch counts without a letter that it still has, and without one that it has no longer.
const LETTER_NOT_PASSED: &str = "ADD #passed :less, #sheets :sheets, #issues :more";
const LETTER_GONE: &str = "ADD #passed :less, #sheets :sheets, #expected :less, #received :less";

impl Store {
    /// Gives a failed job up, in one transaction. Answers the job's state when that was refused.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn give_up_job(&self, job: &Job, now: Timestamp) -> Result<Result<(), JobState>, StoreError> {
        let mut give_up = Transaction::default();
        let change = Change::new(keys::job(&job.id), "SET #state = :canceled")
            .when("#state = :failed")
            .value(":canceled", &JobState::Canceled)?
            .value(":failed", &JobState::Failed)?;
        give_up.update(&self.config.table, change)?;
        self.job_event(&mut give_up, job, EventKind::JobCanceled, now)?;
        for batch in self.batches(&job.batches).await? {
            match self.obstacle_in(&batch, job).await? {
                None => {
                    give_up.update(&self.config.table, leaving(job, &batch, BatchState::Ready, "")?)?;
                    let data = BTreeMap::from([("letters".to_owned(), batch.received.to_string())]);
                    self.whole_batch_event(&mut give_up, &batch, EventKind::BatchReady, data, now).await?;
                }
                Some((letter, issue)) if batch.group.is_none() => {
                    self.wait_for(&mut give_up, job, &batch, &letter, issue, now)?;
                }
                Some((letter, issue)) => self.take_out(&mut give_up, job, &batch, &letter, issue, now).await?,
            }
        }
        match self.commit(give_up).await? {
            Ok(()) => Ok(Ok(())),
            Err(mut refused) => Ok(Err(self.state_at(&mut refused, job)?)),
        }
    }

    /// The letter of a batch for which its job failed, and what is wrong with it.
    async fn obstacle_in<'a>(&self, batch: &Batch, job: &'a Job) -> Result<Option<(Letter, &'a Issue)>, StoreError> {
        let Some(obstacle) = job.obstacle.as_ref().filter(|obstacle| obstacle.batch == batch.id) else {
            return Ok(None);
        };
        Ok(self.letter(batch, &obstacle.letter).await?.map(|letter| (letter, &obstacle.issue)))
    }

    /// Adds that a letter has an issue, and that its batch waits until its client has mended it.
    fn wait_for(
        &self,
        give_up: &mut Transaction,
        job: &Job,
        batch: &Batch,
        letter: &Letter,
        issue: &Issue,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let table = &self.config.table;
        let reference = &letter.content.reference;
        give_up.update(table, as_it_was(with_issue(batch, reference, issue, &letter.findings)?, letter)?)?;
        let waiting = leaving(job, batch, BatchState::NotReady, LETTER_NOT_PASSED)?.value(":more", &1)?;
        give_up.update(table, without(waiting, batch, letter)?)?;
        self.letter_event(give_up, batch, EventKind::LetterIssue, reference, code_of(issue), now)?;
        self.batch_event(give_up, batch, EventKind::BatchNotReady, BTreeMap::new(), now)
    }

    /// Adds that a letter is a single with an issue, in no batch, and that its batch is ready again; without any letter it is over.
    async fn take_out(
        &self,
        give_up: &mut Transaction,
        job: &Job,
        batch: &Batch,
        letter: &Letter,
        issue: &Issue,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let table = &self.config.table;
        let reference = &letter.content.reference;
        let canceled = Change::new(keys::letter(&batch.id, batch.shards, reference), "SET #state = :canceled")
            .value(":canceled", &LetterState::Canceled)?;
        give_up.update(table, as_it_was(canceled, letter)?)?;

        let id = SingleId::parse(reference.as_str()).map_err(|_| StoreError::Missing("the name of a single"))?;
        let was = self.singles(&[id]).await?.pop().ok_or(StoreError::Missing("the single of a letter"))?;
        let mut to = was.clone();
        to.state = SingleState::Issue;
        (to.batch, to.copy, to.impressions) = (None, None, None);
        (to.issue, to.findings) = (Some(issue.clone()), Vec::new());
        happen(&mut to, EventKind::LetterIssue, now);
        self.write_single(give_up, &was, &to)?;
        self.singles_event(give_up, EventKind::LetterIssue, &[(&to, code_of(issue))], now)?;

        let is_last = batch.expected == 1;
        let state = if is_last { BatchState::Canceled } else { BatchState::Ready };
        give_up.update(table, without(leaving(job, batch, state, LETTER_GONE)?, batch, letter)?)?;
        if is_last {
            return Ok(());
        }
        self.letters_event(give_up, batch, EventKind::BatchReady, Some(reference), now).await
    }
}

/// A batch that leaves a job and is to be in that state, on the condition that it is still in the job; `add` is what changes of its
/// counts.
fn leaving(job: &Job, batch: &Batch, to: BatchState, add: &str) -> Result<Change, StoreError> {
    let (set, remove) = match to {
        BatchState::Ready => (", #gsi2pk = :queue, #gsi2sk = :urgency", ""),
        BatchState::NotReady => ("", ", #readyAt"),
        _ => ("", ""),
    };
    let expression = format!("SET #state = :to{set} {add} REMOVE #job, #printingAt{remove}");
    let change = Change::new(keys::batch(&batch.id), expression)
        .when("#state = :printing AND #job = :job")
        .value(":to", &to)?
        .value(":printing", &BatchState::Printing)?
        .value(":job", &job.id)?;
    match to {
        BatchState::Ready => change.value(":queue", &keys::QUEUE)?.value(":urgency", &urgency(batch)),
        _ => Ok(change),
    }
}

/// By how much the counts of a batch are less without a letter.
fn without(change: Change, batch: &Batch, letter: &Letter) -> Result<Change, StoreError> {
    let sheets = i64::from(batch.finish.sheets(letter.content.impressions));
    change.value(":less", &-1)?.value(":sheets", &-sheets)
}

/// On the condition that the letter is the one that could not be assembled.
fn as_it_was(change: Change, letter: &Letter) -> Result<Change, StoreError> {
    change
        .when("#addition = :addition AND #state = :ready")
        .value(":addition", &letter.addition)?
        .value(":ready", &LetterState::Ready)
}
