//! The workers: one file for each consumer of a queue.

pub mod apply_scans;
pub mod archive_events;
pub mod assemble_part;
pub mod deliver_webhook;
pub mod find_news;
pub mod initialise_batch;
pub mod inspect_letters;
pub mod inspect_singles;
pub mod match_orphans;
pub mod plan_job;
pub mod push_news;
pub mod queue_retries;
pub mod release_singles;
pub mod sequence_events;
pub mod sweep_events;

use domain::webhook::Lane;
use jiff::Timestamp;
use store::Store;
use store::queues::ANNOUNCEMENT;

use edge::sqs::{Worked, serve};

/// An error that ends the process.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// Serves the operation that the function is named for.
///
/// # Errors
/// When there is no such operation, a setting is wrong, or the runtime ends.
pub async fn run() -> Result<(), Error> {
    edge::start_telemetry();
    let operation = edge::operation();
    let store = Store::open(store::Config::from_env()?).await;
    match operation.as_str() {
        // Boxed, because the compiler could not lay out all of them in one piece.
        initialise_batch::OPERATION => serve(store, &operation, initialise_batch::work).await,
        inspect_letters::OPERATION => {
            serve(inspect_letters::Inspection::open(store)?, &operation, inspect_letters::work).await
        }
        plan_job::OPERATION => serve(store, &operation, plan_job::work).await,
        sequence_events::OPERATION => Box::pin(edge::stream::serve(store, &operation, sequence_events::work)).await,
        find_news::OPERATION => Box::pin(edge::direct::serve(async || find_news::work(&store).await)).await,
        push_news::OPERATION => Box::pin(serve(push_news::Pushing::open(store)?, &operation, push_news::work)).await,
        archive_events::OPERATION => Box::pin(edge::direct::serve(async || archive_events::work(&store).await)).await,
        sweep_events::OPERATION => Box::pin(edge::direct::serve(async || sweep_events::work(&store).await)).await,
        deliver_webhook::OPERATION | deliver_webhook::OPERATION_PATIENT => {
            let lane = if operation == deliver_webhook::OPERATION { Lane::Prompt } else { Lane::Patient };
            let deliverer = deliver_webhook::Deliverer::open(store)?;
            let work = async |deliverer: &_, delivery| deliver_webhook::work(deliverer, lane, delivery).await;
            Box::pin(serve(deliverer, &operation, work)).await
        }
        queue_retries::OPERATION => Box::pin(edge::direct::serve(async || queue_retries::work(&store).await)).await,
        release_singles::OPERATION => Box::pin(edge::direct::serve(async || release_singles::work(&store).await)).await,
        assemble_part::OPERATION => serve(store, &operation, assemble_part::work).await,
        apply_scans::OPERATION => serve(store, &operation, apply_scans::work).await,
        match_orphans::OPERATION => serve(store, &operation, match_orphans::work).await,
        _ => Err(format!("no operation is named {operation:?}").into()),
    }
}

/// What to do with an announcement that the table knows nothing of: wait while it may still come true, then forget it.
fn unknown(announced: Timestamp, now: Timestamp) -> Worked {
    if now.duration_since(announced) > ANNOUNCEMENT { Worked::Done } else { Worked::Later }
}

/// Looks again for a short while: an announcement usually comes true within milliseconds, but a message that is let go
/// comes again only when its invisibility has run out.
async fn look<T, E>(mut attempt: impl AsyncFnMut() -> Result<Option<T>, E>) -> Result<Option<T>, E> {
    const LOOKS: u32 = 20;
    for look in 0..LOOKS {
        if let Some(found) = attempt().await? {
            return Ok(Some(found));
        }
        if look + 1 < LOOKS {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    }
    Ok(None)
}
