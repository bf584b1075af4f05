//! `callbacks.find`: every few hours, finds the callbacks that have something to be told.

use store::queues::PushNews;
use store::{Store, StoreError};

/// The `Handler` of its function.
pub const OPERATION: &str = "callbacks.find";

/// Has each callback with news told. Answers how many these are.
///
/// # Errors
/// When the store does not answer; some may have been found.
pub async fn work(store: &Store) -> Result<usize, StoreError> {
    let (mut found, mut after) = (0, None);
    loop {
        let callbacks = store.list_callbacks(after.as_ref()).await?;
        for callback in callbacks.items.iter().filter(|callback| !callback.paused) {
            let (account, mode) = (&callback.account, callback.mode);
            if callback.push.is_some() || store.last_number(account, mode).await? > callback.through {
                store.announce(&[PushNews { account: account.clone(), mode, again: None }]).await?;
                found += 1;
            }
        }
        after = callbacks.next;
        if after.is_none() {
            break;
        }
    }
    tracing::info!(found, "found");
    Ok(found)
}
