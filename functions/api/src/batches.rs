//! `/v2/batches`: the CivicSource door.

pub mod cancel;
pub mod create;
pub mod get;
pub mod letters;
pub mod list;
pub mod tracking;
mod wire;

use domain::batch::Batch;
use domain::id::BatchId;
use edge::{Call, Problem};

use crate::App;

/// The batch that the path names, if the caller made it. Another's batch is not found, like one that does not exist, or one
/// that the house made.
async fn own(app: &App, call: &Call) -> Result<Batch, Problem> {
    let caller = call.caller()?;
    let batch = match BatchId::parse(call.parameter("batchId")) {
        Ok(id) => app.store.batch(&id).await?,
        Err(_) => None,
    };
    batch
        .filter(|batch| batch.account == caller.account && batch.mode == caller.mode && batch.group.is_none())
        .ok_or_else(|| Problem::not_found("batch"))
}
