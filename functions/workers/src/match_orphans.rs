//! `orphans.match`: applies scans that came before their pieces were known, when the job of the pieces is mailed.

use domain::job::JobState;
use edge::sqs::Worked;
use jiff::Timestamp;
use store::queues::MatchOrphans;
use store::{Store, StoreError};

use crate::{look, unknown};

/// The `Handler` of its function.
pub const OPERATION: &str = "orphans.match";

/// Works off a message.
///
/// # Errors
/// When the store does not answer; the message comes again.
pub async fn work(store: &Store, message: MatchOrphans) -> Result<Worked, StoreError> {
    let mailed =
        look(async || Ok::<_, StoreError>(store.job(&message.job).await?.filter(|job| job.state == JobState::Mailed)))
            .await?;
    let now = Timestamp::now();
    let Some(job) = mailed else { return Ok(unknown(message.announced, now)) };
    let matched = store.match_orphans_of(&job, &*store.codes().await?, now).await?;
    tracing::info!(job = %job.id, matched, "matched");
    Ok(Worked::Done)
}
