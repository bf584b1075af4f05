//! `singles.release`: takes the singles whose cutoff has passed into batches for the print floor. It runs every few minutes
//! and takes whatever is due, so that after an outage it catches up, and two runs at once meet in the same batches.

use std::time::{Duration, Instant};

use domain::calendar::due;
use domain::single::Single;
use jiff::Timestamp;
use store::release::{DUE_SHARDS, Numbers};
use store::{Store, StoreError};

/// The `Handler` of its function.
pub const OPERATION: &str = "singles.release";

/// How many are looked up at once.
const PAGE: usize = 500;
/// For how long a run goes on, less than its function may take; the next one takes the rest.
const PATIENCE: Duration = Duration::from_secs(240);

/// Releases what is due. Answers how many singles that were. What stands in the way of one group is in no other's.
///
/// # Errors
/// When the store does not answer, or not for one of the groups; the next run goes on.
pub async fn work(store: &Store) -> Result<usize, StoreError> {
    let (started, now) = (Instant::now(), Timestamp::now());
    let mut released = 0;
    let mut failure = None;
    let mut numbers = Numbers::new();
    'shards: for shard in 0..DUE_SHARDS {
        let mut after = None;
        loop {
            let page = store.due_singles(shard, due(now), PAGE, after.as_ref()).await?;
            let mut singles = store.singles(&page.items).await?;
            // The index may be behind: the single itself says whether it is due.
            singles.retain(|single| single.is_due(now));
            for group in groups(singles) {
                match store.release_singles(group, &mut numbers, Timestamp::now()).await {
                    Ok(count) => released += count,
                    Err(error) => failure = Some(error),
                }
            }
            if started.elapsed() > PATIENCE {
                tracing::warn!(released, "there was no time to release all that is due");
                break 'shards;
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
    }
    if released > 0 {
        tracing::info!(released, "released");
    }
    failure.map_or(Ok(released), Err)
}

/// Singles by their groups, in the order in which they came.
fn groups(singles: Vec<Single>) -> Vec<Vec<Single>> {
    let mut groups: Vec<(String, Vec<Single>)> = Vec::new();
    for single in singles {
        let key = single.group();
        match groups.iter_mut().find(|(group, _)| *group == key) {
            Some((_, group)) => group.push(single),
            None => groups.push((key, vec![single])),
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}
