//! `letters.inspect`: decides which letters of a group may be printed, and keeps copies of their documents.
//!
//! A document that cannot be printed costs its own letter only: it gets an issue. Whatever may pass by itself, such as a
//! throttled read, fails the message instead, and the group is inspected again from where it was.

use std::cell::RefCell;
use std::io;
use std::time::{Duration, Instant};

use domain::batch::{Batch, BatchState};
use domain::id::AccountId;
use domain::letter::{Finding, Issue, Letter, LetterState, Outcome, keep_findings};
use domain::location::{Location, S3Path};
use edge::sqs::Worked;
use futures::{StreamExt, stream};
use jiff::Timestamp;
use print::inspect::Limits;
use print::isolate::{CHILD_ARGUMENT, Inspector};
use render::{Order, Renderer, too_costly};
use store::documents::NotFetched;
use store::queues::{Inspect, ToInspect};
use store::{Store, StoreError};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::{inspect_singles, look, unknown};

/// The `Handler` of its function.
pub const OPERATION: &str = "letters.inspect";

/// How many documents are fetched at once.
pub(crate) const PREFETCH: usize = 4;
/// How many bytes of documents may be in memory at once: one of the largest, or as many that are not as are fetched at once.
const ROOM: u32 = 100_000_000;
/// What a document is taken to have, at most, until S3 says that it has more.
pub(crate) const USUAL: u64 = ROOM as u64 / PREFETCH as u64;
/// For how long a message is worked on. What is left then is announced again: a group full of documents that take all the
/// time they may would otherwise use up the function's, and with it the deliveries that the message has.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// How long HTML may take: with the patience, and the ten seconds of an inspection, less than the function's time.
const RENDERING: Duration = Duration::from_secs(20);

/// What all messages of this process share.
pub struct Inspection {
    pub(crate) store: Store,
    /// One child inspects one document at a time.
    inspector: RefCell<Inspector>,
    /// Another renders HTML, if there is any. It is started then.
    renderer: RefCell<Renderer>,
    /// What there is for documents, bytes.
    room: Semaphore,
}

/// A client's document.
pub(crate) struct Fetched<'a> {
    pub(crate) bytes: Vec<u8>,
    /// The tag that S3 has for its content.
    pub(crate) etag: Option<String>,
    /// What it was paid with: the room it takes is free again when both are gone.
    pub(crate) room: SemaphorePermit<'a>,
}

/// A group could not be inspected now.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The child process could not be started.
    #[error("documents cannot be inspected in isolation")]
    Isolation(#[source] io::Error),
}

impl Inspection {
    /// Starts the child process.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn open(store: Store) -> Result<Self, InspectError> {
        let start = || Inspector::spawn(&std::env::current_exe()?, [CHILD_ARGUMENT]);
        let inspector = RefCell::new(start().map_err(InspectError::Isolation)?);
        let beside = std::env::current_exe().map_err(InspectError::Isolation)?.with_file_name("render-child");
        let renderer = RefCell::new(Renderer::new(&beside).with_time_limit(RENDERING));
        Ok(Inspection { store, inspector, renderer, room: Semaphore::new(ROOM as usize) })
    }

    /// Renders HTML for which there was no time before the answer. Within: the issue that it has.
    pub(crate) fn render(&self, order: &Order) -> Result<Result<Vec<u8>, Issue>, InspectError> {
        let rendered = self.renderer.borrow_mut().render(order).map_err(InspectError::Isolation)?;
        Ok(rendered.map(|rendered| rendered.bytes).map_err(|faults| {
            let first = faults.into_iter().next().unwrap_or_else(too_costly);
            // What a client's HTML has made of the child is not to fill an item.
            let bounded = |text: String, most: usize| text.chars().take(most).collect();
            Issue { code: bounded(first.rule.to_string(), 50), message: bounded(first.told(), 1_000), page: None }
        }))
    }

    /// Waits until there is room for so many bytes, or for what is larger than all of it.
    pub(crate) async fn room(&self, bytes: u64) -> Result<SemaphorePermit<'_>, StoreError> {
        // It would be refused only if the semaphore were closed, which it never is.
        let bytes = u32::try_from(bytes).unwrap_or(ROOM).min(ROOM);
        self.room.acquire_many(bytes).await.map_err(|_| StoreError::Missing("room for a document"))
    }

    /// Judges a document, and keeps a copy of one that may be printed. Answers how many pages it has, too.
    pub(crate) async fn judge(
        &self,
        account: &AccountId,
        bytes: Vec<u8>,
        limits: &Limits,
    ) -> Result<(Outcome, u32), InspectError> {
        let report = self.inspector.borrow_mut().inspect(&bytes, limits).map_err(InspectError::Isolation)?;
        let findings = keep_findings(report.findings.into_iter().map(press::finding));
        let outcome = match findings.first().filter(|finding| finding.refuses).cloned() {
            Some(Finding { code, message, page, .. }) => Outcome::Failed(Issue { code, message, page }, findings),
            None => Outcome::Passed(self.store.keep_copy(account, bytes).await?, findings),
        };
        Ok((outcome, report.pages))
    }
}

/// Works off a message.
///
/// # Errors
/// When the store does not answer or documents cannot be inspected; the message comes again.
pub async fn work(inspection: &Inspection, message: ToInspect) -> Result<Worked, InspectError> {
    match message {
        ToInspect::Letters(message) => work_letters(inspection, message).await,
        ToInspect::Singles(message) => inspect_singles::work(inspection, message).await,
    }
}

async fn work_letters(inspection: &Inspection, message: Inspect) -> Result<Worked, InspectError> {
    let Inspection { store, .. } = inspection;
    // The addition is committed, open, or will never be; letters tell which, as they carry its id.
    let found = look(async || {
        let Some(batch) = store.batch(&message.batch).await? else { return Ok(None) };
        // Nobody closes the additions of a batch that was given up, and its messages must not hold up others'.
        if matches!(batch.state, BatchState::Canceled | BatchState::FailedToInitialize) {
            return Ok(Some((batch, Vec::new())));
        }
        if batch.open.contains_key(&message.addition) {
            return Ok(None);
        }
        let mut letters = store.letters(&batch, &message.letters).await?;
        letters.retain(|letter| letter.addition == message.addition);
        Ok::<_, StoreError>((!letters.is_empty()).then_some((batch, letters)))
    })
    .await?;
    let Some((batch, mut letters)) = found else {
        // While its writer may be at work, an addition is waited for, however long that takes.
        let now = Timestamp::now();
        let batch = store.batch(&message.batch).await?;
        let open = batch.and_then(|batch| batch.open.get(&message.addition).copied());
        let at_work = open.is_some_and(|open| open.lease >= now);
        return Ok(if at_work { Worked::Later } else { unknown(message.announced, now) });
    };
    if letters.is_empty() {
        return Ok(Worked::Done);
    }
    if !store.is_counted(&batch.id, &message.addition, message.group).await? {
        let locations = store.list_locations(&batch.account).await?;
        match inspect(inspection, &batch, &locations, &mut letters).await? {
            Inspected::All => {}
            Inspected::OthersToo => {
                // What is recorded is what counts.
                letters = store.letters(&batch, &message.letters).await?;
                letters.retain(|letter| letter.addition == message.addition);
            }
            Inspected::Some => {
                store.announce(&[Inspect { announced: Timestamp::now(), ..message }]).await?;
                return Ok(Worked::Done);
            }
        }
        store.count_group(&message, &batch, &letters, Timestamp::now()).await?;
        let issues = letters.iter().filter(|letter| letter.state == LetterState::Issue).count();
        tracing::info!(
            account = %batch.account, batch = %batch.id, addition = %message.addition, group = message.group,
            letters = letters.len(), issues, "inspected"
        );
    }
    store.settle(&batch.id, Timestamp::now()).await?;
    Ok(Worked::Done)
}

/// How far an inspection of a group got.
enum Inspected {
    /// Every letter that waited was inspected here.
    All,
    /// Another inspection of the group was at it too, and first with some.
    OthersToo,
    /// There was no time for the rest.
    Some,
}

/// Inspects those of the letters that wait for it, and records what was found on each.
async fn inspect(
    inspection: &Inspection,
    batch: &Batch,
    locations: &[Location],
    letters: &mut [Letter],
) -> Result<Inspected, InspectError> {
    let Inspection { store, .. } = inspection;
    let limits = press::limits(&batch.finish);
    let started = Instant::now();
    let waiting = letters.iter_mut().filter(|letter| letter.state == LetterState::Queued);
    let mut fetched = stream::iter(waiting)
        .map(async |letter: &mut Letter| {
            let source = fetch(inspection, &letter.content.source, locations, limits.max_bytes, None).await;
            (letter, source)
        })
        // In any order: one that waits for room is not to keep what the others have.
        .buffer_unordered(PREFETCH);
    let mut recorded = true;
    let mut failure = None;
    while let Some((letter, source)) = fetched.next().await {
        let outcome = match source {
            // Its neighbours are not to wait for what stands in its way.
            Err(error) => {
                failure = Some(error);
                continue;
            }
            Ok(Err(issue)) => Outcome::Failed(issue, Vec::new()),
            Ok(Ok(Fetched { bytes, room: _room, .. })) => {
                let limits = Limits { impressions: Some(letter.content.impressions), ..limits.clone() };
                inspection.judge(&batch.account, bytes, &limits).await?.0
            }
        };
        recorded &= store.record_outcome(batch, &letter.addition, &letter.content.reference, &outcome).await?;
        match outcome {
            Outcome::Passed(copy, _) => (letter.state, letter.copy) = (LetterState::Ready, Some(copy)),
            Outcome::Failed(issue, _) => (letter.state, letter.issue) = (LetterState::Issue, Some(issue)),
        }
        if started.elapsed() > PATIENCE {
            return Ok(Inspected::Some);
        }
    }
    if let Some(error) = failure {
        return Err(error.into());
    }
    Ok(if recorded { Inspected::All } else { Inspected::OthersToo })
}

/// Fetches a client's document when there is room for it, with that tag if one is given, or says why a person has to act first.
pub(crate) async fn fetch<'a>(
    inspection: &'a Inspection,
    source: &S3Path,
    locations: &[Location],
    limit: u64,
    etag: Option<&str>,
) -> Result<Result<Fetched<'a>, Issue>, StoreError> {
    let Some(location) = locations.iter().find(|location| location.holds(source)) else {
        let message = "The document's location is no longer registered to the account. Ask the operator to register it, \
                       then retry the letter.";
        return Ok(Err(Issue { code: "location.unregistered".to_owned(), message: message.to_owned(), page: None }));
    };
    let mut most = limit.min(USUAL);
    loop {
        let room = inspection.room(most).await?;
        match inspection.store.fetch_source(source, location, most, etag).await? {
            Err(NotFetched::TooLarge) if most < limit => most = limit,
            Err(reason) => return Ok(Err(reason.issue(limit))),
            Ok((bytes, etag)) => return Ok(Ok(Fetched { bytes, etag, room })),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_usual_documents_as_are_fetched_at_once_have_room_and_so_has_the_largest() {
        assert!(USUAL * PREFETCH as u64 <= u64::from(ROOM));
        assert!(Limits::default().max_bytes <= u64::from(ROOM));
    }
}
