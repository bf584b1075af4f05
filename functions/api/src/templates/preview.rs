//! `POST /v2/templates/{templateId}/preview`: a template as a letter would be, to look at. Nothing is created, so it needs no
//! Idempotency-Key.

use std::time::Duration;

use domain::fault::Pointer;
use domain::letter::Finding;
use edge::{Call, Problem, Reply};
use serde::Serialize;

use super::wire::read_preview;
use crate::App;
use crate::rendering::{Options, Source, picture, render};

/// For how long the links lead somewhere.
const LINKS: Duration = Duration::from_secs(15 * 60);

/// How wide the picture of the first page is, dots.
const WIDTH: u32 = 816;

/// A preview as a client sees it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PreviewOut {
    version: u32,
    pages: u32,
    pdf_url: String,
    image_url: String,
    expires_at: jiff::Timestamp,
    findings: Vec<Finding>,
}

/// Answers the request: links to the PDF and to a picture of its first page.
///
/// # Errors
/// 400, 404, and 422 with everything that is wrong with the template or its variables.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    let template = super::named(app, &call).await?;
    let caller = call.caller()?;
    let asked = read_preview(&call.body)?;
    let version = asked.version.unwrap_or(template.version);
    let source = Source::Template(template.id.clone(), Some(version));
    let options = Options { page: None, max_pages: asked.max_pages };
    let root = Pointer::Root;
    let kept = match render(app, caller, source, &asked.variables, &options).await? {
        Ok(kept) => kept,
        Err(unrendered) => return Err(unrendered.problem(&root.key("version"), &root.key("variables"))),
    };
    let image = picture(app, &kept.bytes, 0, WIDTH).await?;
    Reply::json(
        200,
        &PreviewOut {
            version,
            pages: kept.pages,
            pdf_url: app.store.show(&caller.account, kept.bytes, "application/pdf", LINKS).await?,
            image_url: app.store.show(&caller.account, image, "image/png", LINKS).await?,
            expires_at: call.now + LINKS,
            findings: kept.findings,
        },
    )
}
