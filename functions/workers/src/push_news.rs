//! `callbacks.push`: posts to a callback what is new in its log, page by page, each page until it is accepted.
//!
//! A page is fixed on the callback before it is sent, and counted as told in the transaction that records its acceptance. When
//! a process dies between the client's answer and that transaction, the page is sent once more, with the same identifier
//! and the same bytes: this is the only case in which something that was accepted is sent again.

use std::collections::BTreeMap;

use domain::batch::MailClass;
use domain::callback::{Attempt, Callback, Include, Outcome, Page, Push, page, retry_in};
use domain::event::{Logged, News};
use domain::id::{BatchId, PushId};
use edge::sqs::Worked;
use jiff::{SignedDuration, Timestamp};
use outbound::signing::SigningError;
use outbound::{Answer, NoAnswer, Outbound, SettingError};
use store::callbacks::Lease;
use store::queues::PushNews;
use store::{Store, StoreError};

/// The `Handler` of its function.
pub const OPERATION: &str = "callbacks.push";

/// How much of the log is read for one page, when little of it is wanted.
const READ_AT_ONCE: usize = 500;

/// For how long one run pushes before it leaves the rest to another.
const RUN: SignedDuration = SignedDuration::from_mins(3);

/// What posts, and from where.
pub struct Pushing {
    store: Store,
    outbound: Outbound,
}

impl Pushing {
    /// Reads the settings.
    ///
    /// # Errors
    /// A setting that is missing or cannot be.
    pub fn open(store: Store) -> Result<Self, SettingError> {
        Ok(Pushing { store, outbound: Outbound::from_env()? })
    }
}

/// Why a run broke off. The message comes again.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A secret does not open, or nothing can be signed with it.
    #[error(transparent)]
    Signing(#[from] SigningError),
    /// A page cannot be written.
    #[error("a page cannot be written as JSON")]
    Json(#[from] serde_json::Error),
}

/// Works off a message.
///
/// # Errors
/// When the store does not answer; the message comes again.
pub async fn work(pushing: &Pushing, message: PushNews) -> Result<Worked, PushError> {
    let store = &pushing.store;
    let (account, mode) = (&message.account, message.mode);
    let began = Timestamp::now();
    let Some((mut callback, lease)) = store.lease_callback(account, mode, None, began).await? else {
        // None is there, or another run holds it, which pushes all there is.
        return Ok(Worked::Done);
    };
    if !is_due(&callback, &message) {
        store.release_callback(account, mode, &lease).await?;
        return Ok(Worked::Done);
    }
    loop {
        let now = Timestamp::now();
        if now.duration_since(began) > RUN {
            store.announce(&[PushNews { account: account.clone(), mode, again: None }]).await?;
            break;
        }
        let Some((push, news)) = next(store, &callback, &lease, now).await? else { break };
        if !push_once(pushing, &callback, &push, &news).await? {
            break;
        }
        let Some((again, _)) = store.lease_callback(account, mode, Some(&lease), Timestamp::now()).await? else {
            return Ok(Worked::Done);
        };
        callback = again;
        if callback.paused {
            break;
        }
    }
    store.release_callback(account, mode, &lease).await?;
    Ok(Worked::Done)
}

/// Whether the message still is to be worked off.
fn is_due(callback: &Callback, message: &PushNews) -> bool {
    let due = match &message.again {
        None => true,
        Some((id, attempts)) => callback.push.as_ref().is_some_and(|push| push.id == *id && push.attempts == *attempts),
    };
    due && !callback.paused
}

/// What is to be sent now, and fixed: what was sent before and not accepted, or the next page. `None` when there is nothing
/// more, or the callback is no longer this run's.
async fn next(
    store: &Store,
    callback: &Callback,
    lease: &Lease,
    now: Timestamp,
) -> Result<Option<(Push, Vec<News>)>, PushError> {
    let Callback { account, mode, .. } = callback;
    if let Some(push) = &callback.push {
        let news = store.read_news(account, *mode, callback.through, push.last).await?;
        let classes = classes(store, &push.include, &news).await?;
        let (_, mut wanted) = page(callback.through, news, |news| wants(&push.include, &classes, news));
        tell_recipients(store, &push.include, &mut wanted).await?;
        return Ok(Some((push.clone(), wanted)));
    }
    let mut callback = callback.clone();
    loop {
        let read = store.read_log(account, *mode, callback.through, READ_AT_ONCE, now).await?;
        let behind = callback.through;
        let news: Vec<News> = read.events.iter().flat_map(Logged::news).filter(|news| news.sequence > behind).collect();
        if news.is_empty() {
            return Ok(None);
        }
        let include = callback.include;
        let classes = classes(store, &include, &news).await?;
        let (last, mut wanted) = page(behind, news, |news| wants(&include, &classes, news));
        if wanted.is_empty() {
            if !store.pass_over(&callback, lease, last).await? {
                return Ok(None);
            }
            callback.through = last;
            continue;
        }
        tell_recipients(store, &include, &mut wanted).await?;
        let id = PushId::new(now, store::entropy()?);
        let push = Push { id, at: now, last, include, attempts: 0 };
        return Ok(store.fix_push(&callback, lease, &push).await?.then_some((push, wanted)));
    }
}

/// The mail classes of the batches that news is about, when that matters. They never change.
async fn classes(store: &Store, include: &Include, news: &[News]) -> Result<BTreeMap<BatchId, MailClass>, StoreError> {
    if !include.certified_only {
        return Ok(BTreeMap::new());
    }
    let mut ids: Vec<BatchId> = news.iter().filter_map(|news| news.batch.clone()).collect();
    ids.sort_unstable();
    ids.dedup();
    Ok(store.batches(&ids).await?.into_iter().map(|batch| (batch.id, batch.mail_class)).collect())
}

/// Adds what is personal, if that is asked for.
async fn tell_recipients(store: &Store, include: &Include, news: &mut [News]) -> Result<(), StoreError> {
    if include.recipient { store.tell_recipients(news).await } else { Ok(()) }
}

fn wants(include: &Include, classes: &BTreeMap<BatchId, MailClass>, news: &News) -> bool {
    include.wants(news.kind, news.batch.as_ref().and_then(|batch| classes.get(batch)).copied())
}

/// Sends a push and records what came of it. Answers whether it was accepted.
async fn push_once(pushing: &Pushing, callback: &Callback, push: &Push, news: &[News]) -> Result<bool, PushError> {
    let store = &pushing.store;
    let (account, mode) = (&callback.account, callback.mode);
    let at = Timestamp::now();
    let page = Page { id: &push.id, created_at: push.at, sample: false, last_sequence: push.last, events: news };
    let posted = post(&pushing.outbound, callback, &push.id, serde_json::to_vec(&page)?, at).await?;
    let outcome = match &posted {
        Ok(answer) => Outcome::answered(answer.status, answer.latency, &answer.body_start),
        Err(no_answer) => Outcome::failed(no_answer.code()),
    };
    let accepted = outcome.accepted;
    tracing::info!(
        %account, mode = mode.as_str(), push = %push.id, events = news.len(), accepted,
        status = outcome.status, failure = outcome.failure, "pushed"
    );
    let now = Timestamp::now();
    if !accepted {
        let asked = posted.as_ref().ok().and_then(|answer| answer.retry_after);
        let asked = asked.and_then(|asked| SignedDuration::try_from(asked).ok());
        // Announced before it is recorded: until then it is not due.
        if let Some(delay) = retry_in(push.attempts + 1, asked) {
            let again = Some((push.id.clone(), push.attempts + 1));
            let seconds = u32::try_from(delay.as_secs()).unwrap_or(u32::MAX);
            store.announce_in(seconds, &PushNews { account: account.clone(), mode, again }).await?;
        }
    }
    let first = news.first().map_or(push.last, |news| news.sequence);
    let attempt = Attempt { push: push.id.clone(), at, first, last: push.last, events: news.len(), outcome };
    store.record_push(callback, push, &attempt, now).await?;
    Ok(accepted)
}

async fn post(
    outbound: &Outbound,
    callback: &Callback,
    id: &PushId,
    body: Vec<u8>,
    at: Timestamp,
) -> Result<Result<Answer, NoAnswer>, PushError> {
    let owner = Callback::secret_owner(&callback.account, callback.mode);
    let secrets: Result<Vec<_>, _> =
        callback.signing(at).map(|secret| outbound.vault.open(&secret.sealed, &owner)).collect();
    Ok(outbound.post_signed(&callback.url, &secrets?, id.as_str(), body, at).await?)
}
