//! `/v2/operator/batches/{batchId}/letters/{letterId}`: what the print floor knows of a mailed letter better than any scan.

pub mod state;

use domain::batch::Batch;
use domain::fault::{Faults, Pointer};
use domain::id::LetterRef;
use domain::tracking::Tracked;
use edge::wire::Field;
use jiff::Timestamp;
use serde_json::json;
use store::idempotency::Answer;

/// The longest reason.
const MAX_REASON: usize = 200;

/// The reason in a body.
pub(super) fn reason(field: &Field<'_>, required: bool, faults: &mut Faults) -> Option<String> {
    let root = Pointer::Root;
    let at = root.key("reason");
    let field = if required { field.required(&at, faults) } else { field };
    let text = field.text(&at, faults)?.trim();
    let length = text.chars().count();
    if length == 0 || length > MAX_REASON || text.chars().any(char::is_control) {
        faults.push(&at, "reason", format!("Give a reason of 1 to {MAX_REASON} characters on one line."));
        return None;
    }
    Some(text.to_owned())
}

/// The time of a scan, in which there is nothing below milliseconds.
pub(super) fn to_the_millisecond(now: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}

/// What is answered when a letter was given a state.
pub(super) fn answer(batch: &Batch, letter: &LetterRef, tracked: &Tracked) -> Answer {
    let body = json!({
        "accountId": batch.account,
        "batchId": batch.id,
        "letterRefId": letter,
        "postalState": tracked.state,
    });
    Answer { status: 200, location: None, body: body.to_string() }
}
