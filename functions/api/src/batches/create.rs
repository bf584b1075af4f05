//! `POST /v2/batches`: creates a batch, with its letters or to be filled later.

use std::collections::BTreeMap;

use domain::batch::{Batch, BatchState};
use domain::finish::Finish;
use domain::id::BatchId;
use edge::{Call, Problem, Reply, wire};
use store::idempotency::Answer;

use super::wire::{BatchOut, RawBatch};
use crate::App;
use crate::idempotent::once;

/// Answers the request: 200 without letters, 202 when letters are to be put into the batch after the answer.
///
/// # Errors
/// 400, 403, 413 and 422 as in the contract.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    once(app, &call, async |ticket| {
        let caller = call.caller()?;
        let raw: RawBatch<'_> = wire::read(&call.body)?;
        if raw.id.is_given() {
            let message = "The id of a batch is generated: leave \"id\" out.";
            return Err(Problem::new(403, "id.generated", message));
        }
        let locations = match &raw.letters {
            Some(letters) if letters.total > 0 => app.store.list_locations(&caller.account).await?,
            _ => Vec::new(),
        };
        let new = raw.parse(&locations)?;
        drop(raw);
        let batch = Batch {
            // The store draws the real one.
            id: BatchId::random([0; 10]),
            account: caller.account.clone(),
            mode: caller.mode,
            state: BatchState::NotReady,
            mail_class: new.mail_class,
            electronic_return_receipt: new.electronic_return_receipt,
            perforated: new.perforated,
            finish: Finish::default(),
            group: None,
            target_mail_date: new.target_mail_date,
            return_address: new.return_address,
            expected: new.expected,
            received: 0,
            room: new.expected,
            shards: Batch::shards(new.expected),
            passed: 0,
            issues: 0,
            sheets: 0,
            open: BTreeMap::new(),
            job: None,
            created_at: call.now,
            ready_at: None,
            printing_at: None,
            mailed_at: None,
        };
        let letters = (!new.letters.is_empty()).then_some(new.letters);
        let status = if letters.is_some() { 202 } else { 200 };
        let answer = |batch: &Batch| Answer {
            status,
            location: Some(format!("/v2/batches/{}", batch.id)),
            body: serde_json::to_string(&BatchOut::new(batch, call.now)).unwrap_or_default(),
        };
        Ok(app.store.create_batch(batch, letters, ticket, answer, call.now).await?)
    })
    .await
}
