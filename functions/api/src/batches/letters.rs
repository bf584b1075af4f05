//! `/v2/batches/{batchId}/letters`

pub mod add;
pub mod events;
pub mod get;
pub mod list;
pub mod replace;
pub mod retry;
pub(crate) mod wire;
pub mod withdraw;

use std::time::Duration;

use domain::batch::Batch;
use domain::id::LetterRef;
use domain::letter::Letter;
use edge::{Call, Problem};
use store::idempotency::Completion;
use store::letters::{LetterChange, NotChanged};

use crate::App;

/// The letter of `batch` that the path names.
async fn named(app: &App, call: &Call, batch: &Batch) -> Result<Letter, Problem> {
    let letter = match LetterRef::parse(call.parameter("letterId")) {
        Ok(reference) => app.store.letter(batch, &reference).await?,
        Err(_) => None,
    };
    letter.ok_or_else(|| Problem::not_found("letter"))
}

/// The answer about a letter that has no postal state yet.
fn not_mailed() -> Problem {
    Problem::new(404, "not_mailed", "The letter has not been mailed, so that it has no postal state yet.")
}

/// Changes the letter that the path names. Inspection takes a moment, so a letter that is in it is waited for.
async fn change(
    app: &App,
    call: &Call,
    wanted: impl Fn() -> LetterChange,
    completion: Option<Completion<'_>>,
) -> Result<(), Problem> {
    const WAITS: u32 = 20;
    for waited in 0..=WAITS {
        let batch = super::own(app, call).await?;
        let letter = named(app, call, &batch).await?;
        match app.store.change_letter(&batch, &letter, wanted(), completion, call.now).await? {
            Ok(()) => return Ok(()),
            Err(NotChanged::BeingInspected) if waited < WAITS => tokio::time::sleep(Duration::from_millis(250)).await,
            Err(refusal) => return Err(refused(refusal)),
        }
    }
    Err(refused(NotChanged::BeingInspected))
}

fn refused(refusal: NotChanged) -> Problem {
    match refusal {
        NotChanged::BeingInspected => {
            let message = "The letter is being inspected. Try again in a moment.";
            Problem::new(409, "letter.being_inspected", message).retry_after(2)
        }
        NotChanged::State(state) => {
            let message = "The letter's state does not allow this. See \"state\".";
            Problem::new(409, "letter.state", message).with("state", &state)
        }
        NotChanged::Batch(state) => {
            let message = format!("The batch is {}: its letters can no longer be changed.", state.as_str());
            Problem::new(409, "batch.closed", message).with("state", &state)
        }
        NotChanged::LastLetter => {
            let message = "It is the only letter that the batch waits for. Cancel the batch instead.";
            Problem::new(409, "letter.last", message)
        }
    }
}
