//! `GET /v2/batches/{batchId}/letters`: the letters of a batch with their states, issues and warnings.

use domain::letter::LetterState;
use edge::{Call, Problem, Reply};
use serde_json::to_value;

use super::wire::LetterOut;
use crate::App;
use crate::batches::own;
use crate::listing::PageRequest;

/// Answers the request. `state` narrows the list to letters whose own state it is: queued, ready, issue or canceled.
///
/// # Errors
/// 400 when a parameter cannot be, and 404.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    let batch = own(app, &call).await?;
    let page = PageRequest::read(
        app,
        &call,
        format!("letters.list {} {}", batch.id, call.query("state").unwrap_or_default()),
        1_000,
    )?;
    let state = match call.query("state") {
        None => None,
        Some("queued") => Some(LetterState::Queued),
        Some("ready") => Some(LetterState::Ready),
        Some("issue") => Some(LetterState::Issue),
        Some("canceled") => Some(LetterState::Canceled),
        Some(_) => {
            let message = "Give a state that is one of queued, ready, issue, canceled.";
            return Err(Problem::new(400, "state.unknown", message));
        }
    };
    let (limit, after) = (page.limit, page.after.as_ref());
    let listed = match state {
        Some(LetterState::Issue) => app.store.list_issues(&batch, limit, after).await?,
        _ => app.store.list_letters(&batch, state, limit, after).await?,
    };
    let references = listed.items.iter().map(|letter| &letter.content.reference);
    let tracked = app.store.postal_states(&batch, references).await?;
    page.reply(app, listed, |letter| {
        let scanned = tracked.get(&letter.content.reference).copied();
        to_value(LetterOut::new(&batch, &letter, scanned)).unwrap_or_default()
    })
}
