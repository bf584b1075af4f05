//! `GET /v2/letters/{letterId}/download`: leads to the PDF of a letter as it is printed, without its cover sheet.

use edge::{Call, Problem, Reply};

use super::get::url;
use super::{Door, LETTERS};
use crate::App;

/// Answers the request: 302 to a URL that is good for a quarter of an hour.
///
/// # Errors
/// 404, also while the document is not yet inspected.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    answer(app, call, &LETTERS).await
}

/// The same for what is sent through a door.
pub(crate) async fn answer(app: &App, call: Call, door: &Door) -> Result<Reply, Problem> {
    let single = super::own(app, &call, door).await?;
    match url(app, &single).await? {
        Some(url) => Ok(Reply::empty(302).header("location", url)),
        None => Err(super::no_document(door)),
    }
}
