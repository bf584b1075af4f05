//! `PUT /v2/batches/{batchId}/letters/{letterId}`: gives a letter another address or document before it is printed.

use domain::fault::{Faults, Pointer};
use edge::{Call, Problem, Reply, wire};
use store::letters::LetterChange;

use super::wire::RawLetter;
use crate::App;
use crate::batches::own;

/// Answers the request: 204. The letter is inspected again.
///
/// # Errors
/// 400, 404, 409 and 422.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    let batch = own(app, &call).await?;
    super::named(app, &call, &batch).await?;
    let raw: RawLetter<'_> = wire::read(&call.body)?;
    let locations = app.store.list_locations(&batch.account).await?;
    let mut faults = Faults::default();
    let letter = raw.parse(&Pointer::Root, &locations, &mut faults);
    if let Some(letter) = &letter
        && letter.reference.as_str() != call.parameter("letterId")
    {
        let message = "The letterRefId must be the one in the path: a letter keeps its reference.";
        faults.push(&Pointer::Root.key("letterRefId"), "letter_ref_id.path", message);
    }
    match letter {
        Some(letter) if faults.is_empty() => {
            super::change(app, &call, || LetterChange::Replace(Box::new(letter.clone())), None).await?;
            Ok(Reply::empty(204))
        }
        _ => Err(Problem::faulty(422, "invalid", &faults)),
    }
}
