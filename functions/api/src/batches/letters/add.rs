//! `POST /v2/batches/{batchId}/letters`: adds letters to a batch, all or none.

use domain::batch::{MAX_LETTERS_PER_ADDITION, NotAdmitted};
use domain::fault::{Faults, Pointer};
use edge::{Call, Problem, Reply, wire};
use store::additions::NotAdded;
use store::idempotency::{Answer, Completion};

use super::wire::{RawLetter, parse_letters, refusal};
use crate::App;
use crate::batches::own;
use crate::idempotent::once;

/// Answers the request: 204.
///
/// # Errors
/// 400, 404, 409, 413 and 422 as in the contract.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    once(app, &call, async |ticket| {
        let batch = own(app, &call).await?;
        let raw = wire::read_list::<RawLetter<'_>, MAX_LETTERS_PER_ADDITION>(&call.body)?;
        if raw.total > MAX_LETTERS_PER_ADDITION {
            let message =
                format!("The request has {} letters; send at most {MAX_LETTERS_PER_ADDITION} at a time.", raw.total);
            return Err(Problem::new(413, "letters.too_many", message));
        }
        let mut faults = Faults::default();
        if raw.items.is_empty() {
            faults.push(&Pointer::Root, "required", "Send at least one letter.");
        }
        let locations = app.store.list_locations(&batch.account).await?;
        let (letters, duplicates) = parse_letters(&raw.items, &Pointer::Root, &locations, &mut faults);
        if let Some(problem) = refusal(422, &faults, &duplicates) {
            return Err(problem);
        }
        let answer = Answer { status: 204, location: None, body: String::new() };
        let added = app.store.add_letters(&batch, letters, Completion::of(ticket, &answer), call.now).await?;
        added.map_err(refused)?;
        Ok(answer)
    })
    .await
}

fn refused(refusal: NotAdded) -> Problem {
    match refusal {
        NotAdded::NotAdmitted(reason @ NotAdmitted::Overfill { .. }) => {
            Problem::new(409, "batch.overfilled", sentence(&reason))
        }
        NotAdded::NotAdmitted(reason @ NotAdmitted::Closed(_)) => Problem::new(409, "batch.closed", sentence(&reason)),
        NotAdded::Busy => {
            let message = "Too many requests are adding letters to this batch at once. Try again in a moment.";
            Problem::new(409, "batch.busy", message).retry_after(2)
        }
        NotAdded::Conflict(references) => {
            let message = "One or more letter IDs conflict with existing letters in this batch";
            Problem::new(409, "letters.conflict", message).with("conflictingIds", &references)
        }
        NotAdded::Expired => {
            let message = "Adding the letters took too long, and none was added. Send them again.";
            Problem::new(503, "letters.expired", message).retry_after(1)
        }
    }
}

fn sentence(reason: &NotAdmitted) -> String {
    let text = reason.to_string();
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), letters.as_str()))
}
