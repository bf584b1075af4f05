//! `POST /v2/documents`: announces an upload. The file itself goes straight to S3, by the request in the answer.

use domain::document::{Document, DocumentState, UPLOAD};
use domain::id::DocumentId;
use edge::{Call, Problem, Reply};
use store::idempotency::{Answer, Completion};

use super::wire::{DocumentOut, read};
use crate::App;
use crate::idempotent::once;

/// Answers the request: 201.
///
/// # Errors
/// 400, 409 and 422.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    once(app, &call, async |ticket| {
        let caller = call.caller()?;
        let given = read(&call.body)?;
        let document = Document {
            id: DocumentId::new(call.now, store::entropy()?),
            account: caller.account.clone(),
            mode: caller.mode,
            content_type: given.content_type,
            bytes: given.bytes,
            sha256: given.sha256,
            state: DocumentState::Waiting,
            pages: None,
            findings: Vec::new(),
            created_at: call.now,
        };
        let upload = app.store.upload_of(&document).await?;
        let location = Some(format!("/v2/documents/{}", document.id));
        let shown = DocumentOut::new(&document).with_upload(&upload, call.now + UPLOAD);
        let answer = Answer { status: 201, location, body: serde_json::to_string(&shown)? };
        app.store.create_document(&document, Completion::of(ticket, &answer)).await?;
        Ok(answer)
    })
    .await
}
