//! `GET /v2/operator/orphans`: scans of pieces that nobody knows, or that are not mailed yet, newest first.

use domain::id::ScanFileId;
use domain::tracking::feed::PieceNumber;
use domain::tracking::{Feed, Place};
use edge::{Call, Problem, Reply};
use jiff::Timestamp;
use serde::Serialize;

use crate::App;
use crate::listing::PageRequest;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OrphanOut {
    #[serde(flatten)]
    piece: PieceNumber,
    at: Timestamp,
    feed: Feed,
    code: String,
    place: Place,
    file_id: ScanFileId,
}

/// Answers the request.
///
/// # Errors
/// 400 when a parameter cannot be.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    let page = PageRequest::read(app, &call, "operator.orphans.list".to_owned(), 100)?;
    let listed = app.store.list_orphans(page.limit, page.after.as_ref()).await?;
    page.reply(app, listed, |orphan| OrphanOut {
        piece: orphan.piece,
        at: orphan.scan.at,
        feed: orphan.scan.feed,
        code: orphan.scan.code,
        place: orphan.scan.place,
        file_id: orphan.file,
    })
}
