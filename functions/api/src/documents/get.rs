//! `GET /v2/documents/{documentId}`: how far a document is. One that has come is inspected now, if nobody asked before.

use domain::id::DocumentId;
use edge::{Call, Problem, Reply};

use super::wire::DocumentOut;
use crate::App;

/// Answers the request.
///
/// # Errors
/// 404.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    let caller = call.caller()?;
    let found = match DocumentId::parse(call.parameter("documentId")) {
        Ok(id) => app.store.document(&caller.account, caller.mode, &id).await?,
        Err(_) => None,
    };
    let document = found.ok_or_else(|| Problem::not_found("document"))?;
    Reply::json(200, &DocumentOut::new(&super::settled(app, document).await?))
}
