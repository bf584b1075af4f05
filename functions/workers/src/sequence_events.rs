//! `events.sequence`: gives the events that were committed their numbers in the log of their account.

use domain::event::{Logged, News};
use domain::webhook::Delivery;
use edge::stream::Written;
use jiff::Timestamp;
use store::log::{EventKey, Numbered};
use store::{Store, StoreError};

/// The `Handler` of its function.
pub const OPERATION: &str = "events.sequence";

/// Of how many letters it is read at a time to whom they go.
const TOLD_AT_ONCE: usize = 100;

/// Works off what the table's stream brings.
///
/// # Errors
/// When the store does not answer; all of it comes again.
pub async fn work(store: &Store, written: Vec<Written>) -> Result<(), StoreError> {
    let events: Vec<EventKey> = written.into_iter().map(|Written { pk, sk }| EventKey { pk, sk }).collect();
    for numbered in store.number_events(&events, Timestamp::now()).await? {
        tell(store, &numbered).await?;
    }
    Ok(())
}

/// Tells whoever listens to an account what is new in its log. What comes again was told before, or the process died in
/// between: a listener knows an event by its number or its identifier.
async fn tell(store: &Store, numbered: &Numbered) -> Result<(), StoreError> {
    let (first, last) = (numbered.events.first(), numbered.events.last());
    tracing::info!(
        account = %numbered.account,
        mode = numbered.mode.as_str(),
        first = first.map(|event| event.first),
        last = last.map(|event| event.last()),
        "numbered"
    );
    tell_webhooks(store, numbered).await
}

/// Queues a delivery for each webhook and piece of news that it wants.
async fn tell_webhooks(store: &Store, numbered: &Numbered) -> Result<(), StoreError> {
    for webhook in store.list_webhooks(&numbered.account, numbered.mode).await? {
        let wanted = numbered.events.iter().filter(|logged| webhook.wants(logged.event.kind));
        let mut wanted = wanted.flat_map(Logged::news);
        // What cannot be written as JSON could not have been logged.
        let delivery = |news: News| Delivery::first(&webhook, &news, None).ok();
        if webhook.recipient {
            loop {
                let mut news: Vec<News> = wanted.by_ref().take(TOLD_AT_ONCE).collect();
                if news.is_empty() {
                    break;
                }
                store.tell_recipients(&mut news).await?;
                store.deliver(webhook.lane(), news.into_iter().filter_map(delivery)).await?;
            }
        } else {
            store.deliver(webhook.lane(), wanted.filter_map(delivery)).await?;
        }
    }
    Ok(())
}
