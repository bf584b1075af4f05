//! `PUT /v2/operator/batches/{batchId}/letters/{letterId}/state`: the operator sets the postal state of a letter, with the
//! reason. Whatever the postal service tells of earlier times no longer counts; what it tells later does, unless the state is
//! terminal.

use domain::batch::BatchState;
use domain::fault::{Faults, Pointer};
use domain::id::{BatchId, LetterRef};
use domain::letter::LetterState;
use domain::tracking::{Feed, Place, PostalState, Scan};
use edge::wire::{self, Field};
use edge::{Call, Problem, Reply};
use serde::Deserialize;

use super::{answer, reason, to_the_millisecond};
use crate::App;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", expecting = "an object with state and reason")]
struct RawState<'a> {
    #[serde(default, borrow)]
    state: Field<'a>,
    #[serde(default, borrow)]
    reason: Field<'a>,
}

impl RawState<'_> {
    fn parse(&self, mut faults: Faults) -> Result<(PostalState, String), Problem> {
        let root = Pointer::Root;
        let at = root.key("state");
        let state = self.state.required(&at, &mut faults).text(&at, &mut faults).and_then(|word| {
            // The others are what is known when nothing is.
            let known = PostalState::parse(word)
                .filter(|state| !matches!(state, PostalState::Dropped | PostalState::Other));
            if known.is_none() {
                let message = "Give Accepted, NotMailable, InTransit, CannotReturnToSender, AwaitingReturn, Returned or \
                               Delivered.";
                faults.push(&at, "postal_state", message);
            }
            known
        });
        let reason = reason(&self.reason, true, &mut faults);
        state.zip(reason).filter(|_| faults.is_empty()).ok_or_else(|| Problem::faulty(422, "invalid", &faults))
    }
}

/// Answers the request.
///
/// # Errors
/// 400, 404, 409 when the letter is not mailed, and 422.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    let mut faults = Faults::default();
    let raw: RawState<'_> = wire::read_known(&call.body, &mut faults)?;
    let (state, note) = raw.parse(faults)?;
    let batch = match BatchId::parse(call.parameter("batchId")) {
        Ok(id) => app.store.batch(&id).await?,
        Err(_) => None,
    };
    let batch = batch.ok_or_else(|| Problem::not_found("batch"))?;
    let letter = match LetterRef::parse(call.parameter("letterId")) {
        Ok(reference) => app.store.letter(&batch, &reference).await?,
        Err(_) => None,
    };
    let letter = letter.ok_or_else(|| Problem::not_found("letter"))?;
    if batch.state != BatchState::Mailed || letter.state == LetterState::Canceled {
        let message = "The letter has not been mailed, so that it has no postal state yet.";
        return Err(Problem::new(409, "not_mailed", message));
    }
    let scan = Scan {
        at: to_the_millisecond(call.now),
        feed: Feed::Mailhouse,
        code: format!("SET:{}", state.as_str().to_ascii_uppercase()),
        place: Place::default(),
        note: Some(note),
        signature: None,
        expected: None,
    };
    let reference = &letter.content.reference;
    let codes = app.store.codes().await?;
    let tracked = app.store.apply_one(&batch, reference, &scan, &codes, |_| None, None).await?;
    let answer = answer(&batch, reference, &tracked);
    Ok(Reply { status: answer.status, body: answer.body, headers: Vec::new() })
}
