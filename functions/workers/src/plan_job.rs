//! `jobs.plan`: cuts a mail job into parts.

use edge::sqs::Worked;
use jiff::Timestamp;
use store::jobs::Planned;
use store::queues::Plan;
use store::{Store, StoreError};

use crate::{look, unknown};

/// The `Handler` of its function.
pub const OPERATION: &str = "jobs.plan";

/// Works off a message.
///
/// # Errors
/// When the store does not answer; the message comes again.
pub async fn work(store: &Store, message: Plan) -> Result<Worked, StoreError> {
    let planned = look(async || {
        let planned = store.plan_job(&message.job, Timestamp::now()).await?;
        Ok::<_, StoreError>((planned != Planned::Unknown).then_some(planned))
    })
    .await?;
    tracing::info!(job = %message.job, ?planned, "planned");
    Ok(match planned {
        Some(_) => Worked::Done,
        None => unknown(message.announced, Timestamp::now()),
    })
}
