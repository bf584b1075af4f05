//! `GET /v2/batches/{batchId}/letters/{letterId}/events`: what became of a letter since it was mailed, with times, places and
//! codes, in the order in which it happened.

use domain::batch::Batch;
use domain::id::LetterRef;
use domain::tracking::codes::Meaning;
use domain::tracking::{Feed, Place, PostalState, Signature, states};
use edge::{Call, Problem, Reply};
use jiff::Timestamp;
use serde::Serialize;

use super::wire::postal_state;
use crate::App;
use crate::batches::own;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HistoryOut {
    postal_state: PostalState,
    items: Vec<EventOut>,
}

/// A scan, and the state after it; the first is that the letter was mailed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EventOut {
    at: Timestamp,
    feed: Feed,
    code: String,
    description: String,
    /// How sure the meaning of the code is.
    meaning: &'static str,
    postal_state: PostalState,
    place: Place,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signature: Option<Signature>,
}

/// Answers the request.
///
/// # Errors
/// 404, with another code when the letter is there but not yet mailed.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    let batch = own(app, &call).await?;
    let letter = super::named(app, &call, &batch).await?;
    let mailed = batch.mailed_at.filter(|_| postal_state(&batch, &letter, None).is_some());
    let Some(mailed_at) = mailed else { return Err(super::not_mailed()) };
    Reply::json(200, &history(app, &batch, &letter.content.reference, mailed_at).await?)
}

/// What became of a letter since it was mailed.
pub(crate) async fn history(
    app: &App,
    batch: &Batch,
    letter: &LetterRef,
    mailed_at: Timestamp,
) -> Result<HistoryOut, Problem> {
    let table = app.store.codes().await?;
    let codes = table.of(batch.mail_class);
    let tracked = app.store.tracked(batch, letter).await?.unwrap_or_default();
    let mut items = vec![EventOut {
        at: mailed_at,
        feed: Feed::Mailhouse,
        code: "MAILED".to_owned(),
        description: "Handed to the postal service".to_owned(),
        meaning: "confirmed",
        postal_state: PostalState::Dropped,
        place: Place::default(),
        reason: None,
        signature: None,
    }];
    let after: Vec<PostalState> = states(&tracked.scans, codes).collect();
    for (scan, state) in tracked.scans.into_iter().zip(after) {
        let known = codes.get(scan.feed, &scan.code).filter(|code| code.meaning != Meaning::Unknown);
        items.push(EventOut {
            at: scan.at,
            feed: scan.feed,
            description: known.map_or_else(|| "Unknown code".to_owned(), |code| code.description.clone()),
            meaning: known.map_or("unknown", |code| if code.confirmed { "confirmed" } else { "unconfirmed" }),
            code: scan.code,
            postal_state: state,
            place: scan.place,
            reason: scan.note,
            signature: scan.signature,
        });
    }
    Ok(HistoryOut { postal_state: tracked.state, items })
}
