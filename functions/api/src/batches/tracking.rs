//! `GET /v2/batches/{batchId}/tracking`: how many letters are in each postal state.

use domain::tracking::PostalState;
use edge::{Call, Problem, Reply};
use serde::Serialize;

use crate::App;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TrackingOut {
    status: &'static str,
    state: &'static str,
    letter_summary: LetterSummary,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LetterSummary {
    dropped: u32,
    accepted: u32,
    not_mailable: u32,
    in_transit: u32,
    cannot_return_to_sender: u32,
    awaiting_return: u32,
    returned: u32,
    delivered: u32,
    other: u32,
}

/// Answers the request.
///
/// # Errors
/// 404.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    let batch = super::own(app, &call).await?;
    let summary = app.store.tracking_summary(&batch).await?;
    let of = |state| summary.get(&state).copied().unwrap_or(0);
    Reply::json(
        200,
        &TrackingOut {
            status: batch.state.contract_status(),
            state: batch.state.as_str(),
            letter_summary: LetterSummary {
                dropped: of(PostalState::Dropped),
                accepted: of(PostalState::Accepted),
                not_mailable: of(PostalState::NotMailable),
                in_transit: of(PostalState::InTransit),
                cannot_return_to_sender: of(PostalState::CannotReturnToSender),
                awaiting_return: of(PostalState::AwaitingReturn),
                returned: of(PostalState::Returned),
                delivered: of(PostalState::Delivered),
                other: of(PostalState::Other),
            },
        },
    )
}
