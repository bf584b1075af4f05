//! `/v2/documents`: what a client uploads before a letter or a template names it.

pub mod create;
pub mod get;
mod wire;

use domain::document::{Document, DocumentState, DocumentType};
use domain::letter::{Finding, keep_findings};
use edge::Problem;
use press::{MAX_CARD_BYTES, finding};
use print::inspect::{Limits, Paper, Report};
use store::idempotency::sha256;

use crate::App;

/// A document as it is now: one that is waited for is looked at, and if it has come, inspected and copied. Whoever asks first
/// does that; doing it twice does the same.
///
/// # Errors
/// When the store does not answer or the inspecting child cannot be started.
pub async fn settled(app: &App, document: Document) -> Result<Document, Problem> {
    if document.state != DocumentState::Waiting {
        return Ok(document);
    }
    // What is not as it was declared may be an upload that S3 took from another request for it: the right one may still come.
    let Some(Some(bytes)) = app.store.uploaded(&document, document.bytes).await? else { return Ok(document) };
    if bytes.len() as u64 != document.bytes || sha256(&bytes) != document.sha256 {
        return Ok(document);
    }
    let (pages, findings) = match document.content_type {
        DocumentType::Pdf => {
            let report = inspected(app, &bytes).await?;
            (Some(report.pages), keep_findings(report.findings.into_iter().map(finding)))
        }
        kind if kind.is_image(&bytes) => (None, Vec::new()),
        kind => {
            let message = format!("The file does not begin as one of the type {} does.", kind.as_str());
            let (page, area, measured, allowed) = (None, None, None, None);
            let code = "document.type".to_owned();
            (None, vec![Finding { code, message, refuses: true, page, area, measured, allowed }])
        }
    };
    let refused = findings.iter().any(|finding| finding.refuses);
    if !refused {
        app.store.keep_copy_as(&document.account, bytes, document.content_type.as_str()).await?;
    }
    let state = if refused { DocumentState::Refused } else { DocumentState::Ready };
    let settled = app.store.settle_document(&Document { state, pages, findings, ..document }).await?;
    tracing::info!(account = %settled.account, document = %settled.id, state = ?settled.state, "settled");
    Ok(settled)
}

/// What inspection finds about a PDF of which nobody has said what is made of it: its first page tells a card from a letter.
async fn inspected(app: &App, bytes: &[u8]) -> Result<Report, Problem> {
    let as_letter = Limits::default();
    let report = app.children.inspector(|inspector| inspector.inspect(bytes, &as_letter)).await?;
    let paper = report.sizes.first().map_or(as_letter.paper, |size| Paper::of(*size));
    if paper == as_letter.paper {
        return Ok(report);
    }
    let as_card = Limits { paper, max_bytes: MAX_CARD_BYTES, ..as_letter };
    app.children.inspector(|inspector| inspector.inspect(bytes, &as_card)).await
}
