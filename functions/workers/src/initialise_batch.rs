//! `batches.initialise`: puts the letters that came with a batch into it.

use edge::sqs::Worked;
use jiff::Timestamp;
use store::additions::Initialised;
use store::queues::Initialise;
use store::{Store, StoreError};

use crate::{look, unknown};

/// The `Handler` of its function.
pub const OPERATION: &str = "batches.initialise";

/// Works off a message.
///
/// # Errors
/// When the store does not answer; the message comes again.
pub async fn work(store: &Store, message: Initialise) -> Result<Worked, StoreError> {
    let initialised = look(async || {
        let initialised = store.initialise_batch(&message, Timestamp::now()).await?;
        Ok::<_, StoreError>((initialised != Initialised::Unknown).then_some(initialised))
    })
    .await?;
    tracing::info!(batch = %message.batch, ?initialised, "initialised");
    Ok(match initialised {
        Some(Initialised::Done | Initialised::Settled) => Worked::Done,
        Some(Initialised::Leased) => Worked::Later,
        Some(Initialised::Unknown) | None => unknown(message.announced, Timestamp::now()),
    })
}
