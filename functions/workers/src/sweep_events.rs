//! `events.sweep`: numbers events that the table's stream did not bring, because it was down for longer than it keeps
//! what it carries, or because they were set aside.

use edge::stream::Written;
use jiff::{SignedDuration, Timestamp};
use store::{Store, StoreError};

use crate::sequence_events;

/// The `Handler` of its function.
pub const OPERATION: &str = "events.sweep";

/// How long the stream is left to bring an event.
const PATIENCE: SignedDuration = SignedDuration::from_mins(5);

/// Numbers what has waited too long. Answers how many events that were.
///
/// # Errors
/// When the store does not answer; the next run goes on.
pub async fn work(store: &Store) -> Result<usize, StoreError> {
    let before = Timestamp::now() - PATIENCE;
    let (mut swept, mut accounts_after) = (0, None);
    loop {
        let accounts = store.list_accounts(100, accounts_after.as_ref()).await?;
        for account in accounts.items {
            let mut after = None;
            loop {
                let waiting = store.waiting_events(&account.id, before, after.as_ref()).await?;
                swept += waiting.items.len();
                let written = waiting.items.into_iter().map(|event| Written { pk: event.pk, sk: event.sk }).collect();
                sequence_events::work(store, written).await?;
                after = waiting.next;
                if after.is_none() {
                    break;
                }
            }
        }
        accounts_after = accounts.next;
        if accounts_after.is_none() {
            break;
        }
    }
    if swept > 0 {
        tracing::warn!(swept, "the stream did not bring all events");
    }
    Ok(swept)
}
