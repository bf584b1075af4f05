//! `GET /v2/batches/{batchId}/tracking`: how many letters are in each postal state.

use domain::batch::BatchState;
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

#[derive(Default, Serialize)]
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
    // Mailing a batch drops all its letters at once; before that none has a postal state.
    let dropped = if batch.state == BatchState::Mailed { batch.received } else { 0 };
    Reply::json(
        200,
        &TrackingOut {
            status: batch.state.contract_status(),
            state: batch.state.as_str(),
            letter_summary: LetterSummary { dropped, ..LetterSummary::default() },
        },
    )
}
