//! Mail jobs: merging batches, planning parts, and what the operator confirms.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::account::Mode;
use domain::batch::{Batch, BatchState, NotMergeable, not_mergeable};
use domain::event::{Event, EventKind};
use domain::id::{BatchId, EventId, JobId};
use domain::job::{Job, JobState, Obstacle, Part, PlannedPiece, plan};
use domain::letter::{Letter, LetterState};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;

use crate::batches::{After, Listed, Listing, event_item, sortable};
use crate::idempotency::{Answer, Completion, Ticket};
use crate::keys;
use crate::queues::{Assemble, MatchOrphans, Plan};
use crate::table::{self, Index};
use crate::transaction::{Change, Transaction};
use crate::{Store, StoreError};

/// Why a batch cannot be merged.
#[derive(Debug, thiserror::Error)]
pub enum MergeRefusal {
    /// There is no such batch.
    #[error("there is no batch with this id")]
    NotFound,
    /// It does not go with the others.
    #[error(transparent)]
    NotMergeable(#[from] NotMergeable),
    /// It was being changed.
    #[error("the batch was being changed; try again in a moment")]
    Changing,
}

/// What the operator confirms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirmation {
    /// The print files were printed.
    Printed,
    /// The pieces were handed to the postal service.
    Mailed,
}

/// What became of planning a job.
#[derive(Debug, PartialEq, Eq)]
pub enum Planned {
    /// It is cut into this many parts.
    Parts(u32),
    /// Nothing is left to do.
    Settled,
    /// The job is not there, yet or ever.
    Unknown,
}

impl Store {
    /// Merges batches into a mail job: all of them, or none. `answer` makes what the operator is told.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn merge(
        &self,
        ids: &[BatchId],
        ticket: Option<&Ticket>,
        answer: impl Fn(&Job) -> Answer,
        now: Timestamp,
    ) -> Result<Result<Answer, Vec<(BatchId, MergeRefusal)>>, StoreError> {
        let mut changing = Vec::new();
        for _ in 0..3 {
            let batches = self.batches(ids).await?;
            let missing = ids.iter().filter(|id| !batches.iter().any(|batch| batch.id == **id));
            let mut refusals: Vec<_> = missing.map(|id| (id.clone(), MergeRefusal::NotFound)).collect();
            refusals.extend(not_mergeable(&batches).into_iter().map(|(id, reason)| (id, reason.into())));
            let Some(first) = batches.first().filter(|_| refusals.is_empty()) else { return Ok(Err(refusals)) };

            let job = Job {
                id: JobId::new(now, crate::entropy()?),
                state: JobState::Assembling,
                batches: ids.to_vec(),
                mail_class: first.mail_class,
                perforated: first.perforated,
                finish: first.finish,
                letters: batches.iter().map(|batch| batch.received).sum(),
                sheets: batches.iter().map(|batch| u64::try_from(batch.sheets).unwrap_or(0)).sum(),
                letters_per_part: self.config.letters_per_part,
                parts: None,
                assembled: 0,
                failure: None,
                obstacle: None,
                created_at: now,
                printed_at: None,
                mailed_at: None,
            };
            self.announce(&[Plan { job: job.id.clone(), announced: now }]).await?;
            let answer = answer(&job);
            let mut merge = Transaction::default();
            let mut places = BTreeMap::new();
            let mut item = table::keyed("a job", &keys::job(&job.id), &job)?;
            item.insert("gsi1pk".to_owned(), AttributeValue::S(keys::by_account::JOBS.to_owned()));
            item.insert("gsi1sk".to_owned(), AttributeValue::S(format!("{}#{}", sortable(now), job.id)));
            merge.create(&self.config.table, item)?;
            self.job_event(&mut merge, &job, EventKind::JobCreated, now)?;
            for batch in &batches {
                let change = Change::new(
                    keys::batch(&batch.id),
                    "SET #state = :printing, #job = :job, #printingAt = :now REMOVE #gsi2pk, #gsi2sk",
                )
                .when("#state = :ready AND #received = :received AND #sheets = :sheets")
                .value(":printing", &BatchState::Printing)?
                .value(":job", &job.id)?
                .value(":now", &now)?
                .value(":ready", &BatchState::Ready)?
                .value(":received", &batch.received)?
                .value(":sheets", &batch.sheets)?;
                places.insert(merge.update(&self.config.table, change)?, batch.id.clone());
                let batch = Batch { job: Some(job.id.clone()), ..batch.clone() };
                self.whole_batch_event(&mut merge, &batch, EventKind::BatchPrinting, BTreeMap::new(), now).await?;
            }
            merge.complete(&self.config.table, Completion::of(ticket, &answer))?;
            match self.commit(merge).await? {
                Ok(()) => return Ok(Ok(answer)),
                Err(mut refused) => {
                    changing = places
                        .into_iter()
                        .filter(|(place, _)| refused.at(*place).is_some())
                        .map(|(_, id)| id)
                        .collect();
                }
            }
        }
        Ok(Err(changing.into_iter().map(|id| (id, MergeRefusal::Changing)).collect()))
    }

    /// The job of that id.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn job(&self, id: &JobId) -> Result<Option<Job>, StoreError> {
        self.get("a job", &keys::job(id)).await
    }

    /// The jobs, newest first.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn list_jobs(&self, limit: usize, after: Option<&After>) -> Result<Listed<Job>, StoreError> {
        let listing = Listing::whole(Index::ByAccount, keys::by_account::JOBS, true);
        self.list("a job", listing, limit, after, |_: &_| true).await
    }

    /// Cuts a job into parts, announces their assembly, and notes how many they are.
    ///
    /// # Errors
    /// When the store does not answer; run again, it makes the same parts.
    pub async fn plan_job(&self, id: &JobId, now: Timestamp) -> Result<Planned, StoreError> {
        let Some(job) = self.job(id).await? else { return Ok(Planned::Unknown) };
        if job.state == JobState::Failed {
            // Perhaps it is about to be retried, and this announces it.
            return Ok(Planned::Unknown);
        }
        if job.state != JobState::Assembling || job.parts.is_some() {
            // Whoever planned it may have died before looking whether its parts are all assembled.
            self.settle_job(id, now).await?;
            return Ok(Planned::Settled);
        }
        let mut pieces = Vec::with_capacity(job.letters as usize);
        for (number, batch) in self.batches(&job.batches).await?.iter().enumerate() {
            let planned = |letter: Letter| {
                (letter.state != LetterState::Canceled).then(|| PlannedPiece {
                    batch: u32::try_from(number).unwrap_or(u32::MAX),
                    sheets: batch.finish.sheets(letter.content.impressions),
                    sort_key: letter.content.address.sort_key().to_owned(),
                    reference: letter.content.reference,
                })
            };
            pieces.extend(self.each_letter(&batch.id, batch.shards, planned).await?);
        }
        if pieces.len() != job.letters as usize {
            let reason = format!("the batches hold {} letters, but {} were counted", pieces.len(), job.letters);
            self.fail_job(&job, &reason, None, now).await?;
            return Ok(Planned::Settled);
        }
        let plan = plan(pieces, job.letters_per_part);
        let parts = u32::try_from(plan.len()).unwrap_or(u32::MAX);
        let write = async |(number, pieces): (usize, Vec<PlannedPiece>)| {
            let number = u32::try_from(number).unwrap_or(u32::MAX);
            let per_part = u32::try_from(job.letters_per_part).unwrap_or(u32::MAX);
            let letters = u32::try_from(pieces.len()).unwrap_or(u32::MAX);
            let part = Part { number, letters, first_piece: number * per_part + 1, first_sequence: None, files: None };
            let pieces = Pieces { pieces };
            self.put_new(table::keyed("pieces", &keys::pieces(id, number), &pieces)?).await?;
            self.put_new(table::keyed("a part", &keys::part(id, number), &part)?).await
        };
        stream::iter(plan.into_iter().enumerate()).map(write).buffer_unordered(16).try_collect::<()>().await?;
        let messages: Vec<_> = (0..parts).map(|part| Assemble { job: id.clone(), part, announced: now }).collect();
        self.announce(&messages).await?;
        let change = Change::new(keys::job(id), "SET #parts = :parts")
            .when("#state = :assembling AND attribute_not_exists(#parts)")
            .value(":parts", &parts)?
            .value(":assembling", &JobState::Assembling)?;
        // Made twice, it does no harm: a plan is a function of the letters, which no longer change.
        self.change(change).await?;
        self.settle_job(id, now).await?;
        Ok(Planned::Parts(parts))
    }

    /// Notices when all parts of a job are assembled. Called after every change that may have completed it.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn settle_job(&self, id: &JobId, now: Timestamp) -> Result<(), StoreError> {
        let Some(job) = self.job(id).await? else { return Ok(()) };
        if job.state != JobState::Assembling || job.parts != Some(job.assembled) {
            return Ok(());
        }
        let mut settle = Transaction::default();
        let change = Change::new(keys::job(id), "SET #state = :assembled")
            .when("#state = :assembling AND #assembled = #parts")
            .value(":assembled", &JobState::Assembled)?
            .value(":assembling", &JobState::Assembling)?;
        settle.update(&self.config.table, change)?;
        self.job_event(&mut settle, &job, EventKind::JobAssembled, now)?;
        self.commit(settle).await.map(drop)
    }

    /// Notes that a job cannot be assembled until someone acts, and which letter is to blame if one is.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn fail_job(
        &self,
        job: &Job,
        reason: &str,
        obstacle: Option<&Obstacle>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut fail = Transaction::default();
        let set = "SET #state = :failed, #failure = :reason";
        let change = match obstacle {
            Some(obstacle) => {
                Change::new(keys::job(&job.id), format!("{set}, #obstacle = :obstacle")).value(":obstacle", obstacle)?
            }
            None => Change::new(keys::job(&job.id), set),
        };
        let change = change
            .when("#state = :assembling")
            .value(":failed", &JobState::Failed)?
            .value(":reason", &reason)?
            .value(":assembling", &JobState::Assembling)?;
        fail.update(&self.config.table, change)?;
        self.job_event(&mut fail, job, EventKind::JobFailed, now)?;
        self.commit(fail).await.map(drop)
    }

    /// Has what is missing of a job assembled again. Answers the job's state when that was refused.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn retry_job(
        &self,
        job: &Job,
        completion: Option<Completion<'_>>,
        now: Timestamp,
    ) -> Result<Result<(), JobState>, StoreError> {
        if !matches!(job.state, JobState::Failed | JobState::Assembling) {
            return Ok(Err(job.state));
        }
        if job.parts.is_some() {
            let open = self.parts(&job.id).await?.into_iter().filter(|part| part.files.is_none());
            let messages: Vec<_> =
                open.map(|part| Assemble { job: job.id.clone(), part: part.number, announced: now }).collect();
            self.announce(&messages).await?;
        } else {
            self.announce(&[Plan { job: job.id.clone(), announced: now }]).await?;
        }
        let mut retry = Transaction::default();
        let change = Change::new(keys::job(&job.id), "SET #state = :assembling REMOVE #failure, #obstacle")
            .when("#state = :was")
            .value(":assembling", &JobState::Assembling)?
            .value(":was", &job.state)?;
        retry.update(&self.config.table, change)?;
        if job.state == JobState::Failed {
            self.job_event(&mut retry, job, EventKind::JobRetried, now)?;
        }
        retry.complete(&self.config.table, completion)?;
        match self.commit(retry).await? {
            Ok(()) => {
                // All parts may have been assembled while it was failed.
                self.settle_job(&job.id, now).await?;
                Ok(Ok(()))
            }
            Err(mut refused) => Ok(Err(self.state_at(&mut refused, job)?)),
        }
    }

    /// Takes the operator's word that a job was printed or mailed. Mailing takes all its batches with it, and so all
    /// their letters. Answers the job's state when that was refused.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn confirm(
        &self,
        job: &Job,
        confirmation: Confirmation,
        completion: Option<Completion<'_>>,
        now: Timestamp,
    ) -> Result<Result<(), JobState>, StoreError> {
        let (from, to, stamp, kind) = match confirmation {
            Confirmation::Printed => (JobState::Assembled, JobState::Printed, "printedAt", EventKind::JobPrinted),
            Confirmation::Mailed => (JobState::Printed, JobState::Mailed, "mailedAt", EventKind::JobMailed),
        };
        if job.state != from {
            return Ok(Err(job.state));
        }
        let mut confirm = Transaction::default();
        let change = Change::new(keys::job(&job.id), format!("SET #state = :to, #{stamp} = :now"))
            .when("#state = :from")
            .value(":to", &to)?
            .value(":from", &from)?
            .value(":now", &now)?;
        confirm.update(&self.config.table, change)?;
        self.job_event(&mut confirm, job, kind, now)?;
        if confirmation == Confirmation::Mailed {
            self.announce(&[MatchOrphans { job: job.id.clone(), announced: now }]).await?;
            for batch in self.batches(&job.batches).await? {
                let change = Change::new(keys::batch(&batch.id), "SET #state = :mailed, #mailedAt = :now")
                    .when("#state = :printing AND #job = :job")
                    .value(":mailed", &BatchState::Mailed)?
                    .value(":now", &now)?
                    .value(":printing", &BatchState::Printing)?
                    .value(":job", &job.id)?;
                confirm.update(&self.config.table, change)?;
                let data = BTreeMap::from([("letters".to_owned(), batch.received.to_string())]);
                self.whole_batch_event(&mut confirm, &batch, EventKind::BatchMailed, data, now).await?;
            }
        }
        confirm.complete(&self.config.table, completion)?;
        match self.commit(confirm).await? {
            Ok(()) => Ok(Ok(())),
            Err(mut refused) => Ok(Err(self.state_at(&mut refused, job)?)),
        }
    }

    /// The state in which a job stood when its change was refused.
    pub(crate) fn state_at(
        &self,
        refused: &mut crate::transaction::Refused,
        job: &Job,
    ) -> Result<JobState, StoreError> {
        match refused.at(0) {
            Some(Some(item)) => Ok(table::value::<Job>("a job", item)?.state),
            _ => Ok(job.state),
        }
    }

    pub(crate) fn job_event(
        &self,
        transaction: &mut Transaction,
        job: &Job,
        kind: EventKind,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let event = Event {
            id: EventId::new(now, crate::entropy()?),
            kind,
            at: now,
            account: None,
            mode: Mode::Live,
            batch: None,
            job: Some(job.id.clone()),
            data: BTreeMap::from([("letters".to_owned(), job.letters.to_string())]),
            entries: Vec::new(),
        };
        let key = keys::event(&keys::job(&job.id), &event.id);
        transaction.create(&self.config.table, event_item(&key, &event)?).map(drop)
    }
}

/// The letters of a part as they are kept.
#[derive(serde::Serialize, serde::Deserialize)]
pub(crate) struct Pieces {
    pub(crate) pieces: Vec<PlannedPiece>,
}
