//! `POST /v2/operator/jobs`: merges batches into a mail job.

use domain::fault::{Faults, Pointer};
use domain::id::BatchId;
use domain::job::MAX_BATCHES;
use edge::wire::{self, Field, List};
use edge::{Call, Problem, Reply};
use serde::Deserialize;
use serde_json::json;

use crate::App;
use crate::idempotent::once;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", expecting = "an object with batchIds")]
struct RawJob<'a> {
    #[serde(default, borrow)]
    batch_ids: Option<List<Field<'a>, MAX_BATCHES>>,
}

impl RawJob<'_> {
    fn parse(&self, mut faults: Faults) -> Result<Vec<BatchId>, Problem> {
        let root = Pointer::Root;
        let at = root.key("batchIds");
        let (raw, total) = self.batch_ids.as_ref().map_or((&[][..], 0), |ids| (ids.items.as_slice(), ids.total));
        if total == 0 {
            faults.push(&at, "required", "Name at least one batch.");
        }
        if total > MAX_BATCHES {
            faults.push(&at, "too_many", format!("Name at most {MAX_BATCHES} batches."));
        }
        let mut ids: Vec<BatchId> = Vec::with_capacity(raw.len());
        for (index, field) in raw.iter().enumerate() {
            let here = at.index(index);
            let Some(text) = field.required(&here, &mut faults).text(&here, &mut faults) else { continue };
            match BatchId::parse(text) {
                Ok(id) if ids.contains(&id) => faults.push(&here, "duplicate", "Name each batch once."),
                Ok(id) => ids.push(id),
                Err(_) => faults.push(&here, "batch_id", "Give the id of a batch, such as ABCD1234."),
            }
        }
        if faults.is_empty() { Ok(ids) } else { Err(Problem::faulty(422, "invalid", &faults)) }
    }
}

/// Answers the request: 202, and the job is assembled after the answer.
///
/// # Errors
/// 400, 422, and 409 with the reason for each batch that cannot be merged.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    once(app, &call, async |ticket| {
        let mut faults = Faults::default();
        let raw: RawJob<'_> = wire::read_known(&call.body, &mut faults)?;
        let ids = raw.parse(faults)?;
        let merged = app.store.merge(&ids, ticket, |job| super::wire::answer(202, job), call.now).await?;
        merged.map_err(|refusals| {
            let reasons: Vec<_> =
                refusals.iter().map(|(id, reason)| json!({ "batchId": id, "message": reason.to_string() })).collect();
            let message = "These batches cannot be printed together. See \"reasons\" for each that stands in the way.";
            Problem::new(409, "batches.not_mergeable", message).with("reasons", &reasons)
        })
    })
    .await
}
