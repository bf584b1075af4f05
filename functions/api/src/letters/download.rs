//! `GET /v2/letters/{letterId}/download`: leads to the PDF of a letter as it is printed, without its cover sheet.

use edge::{Call, Problem, Reply};

use super::get::url;
use crate::App;

/// Answers the request: 302 to a URL that is good for a quarter of an hour.
///
/// # Errors
/// 404, also while the document is not yet inspected.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    let single = super::own(app, &call).await?;
    match url(app, &single).await? {
        Some(url) => Ok(Reply::empty(302).header("location", url)),
        None => {
            let message = "The document of the letter has not passed inspection, so that there is nothing to download.";
            Err(Problem::new(404, "letter.no_document", message))
        }
    }
}
