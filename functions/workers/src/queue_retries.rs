//! `webhooks.queue_retries`: queues the deliveries whose time has come, of those that had to wait longer than a queue can hold
//! a message back.

use jiff::Timestamp;
use store::{Store, StoreError};

/// The `Handler` of its function.
pub const OPERATION: &str = "webhooks.queue_retries";

/// Queues what is due. Answers how many deliveries that were.
///
/// # Errors
/// When the store does not answer; what is left is queued the next time.
pub async fn work(store: &Store) -> Result<usize, StoreError> {
    let queued = store.queue_retries(Timestamp::now()).await?;
    tracing::info!(queued, "queued");
    Ok(queued)
}
