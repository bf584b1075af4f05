//! `POST /v2/templates/{templateId}/preview`: a template as a letter would be, to look at. No letter is created.

use std::time::Duration;

use domain::fault::Pointer;
use domain::letter::Finding;
use edge::{Call, Problem, Reply};
use serde::Serialize;
use store::idempotency::{Answer, sha256};

use super::wire::read_preview;
use crate::App;
use crate::idempotent::once;
use crate::rendering::{Source, Unrendered, limits_of, load, picture, render};

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
/// 400, 404, and 422 with everything that is wrong with the template or its variables, or when its first page cannot be drawn.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    once(app, &call, async |ticket| {
        let preview = preview(app, &call).await?;
        let answer = Answer { status: 200, location: None, body: serde_json::to_string(&preview)? };
        app.store.complete(ticket, &answer).await?;
        Ok(answer)
    })
    .await
}

async fn preview(app: &App, call: &Call) -> Result<PreviewOut, Problem> {
    let template = super::named(app, call).await?;
    let caller = call.caller()?;
    let asked = read_preview(&call.body)?;
    let version = asked.version.unwrap_or(template.version);
    let source = Source::Template(template.id.clone(), Some(version));
    let root = Pointer::Root;
    let told = |unrendered: Unrendered| unrendered.problem(&root.key("version"), &root.key("variables"));
    let loaded = load(app, caller, source, None).await?.map_err(told)?;
    let rendered =
        render(app, caller, &loaded, asked.variables, asked.max_pages, &limits_of(loaded.page)).await?.map_err(told)?;
    let image = picture(app, &rendered.bytes, 0, WIDTH).await?.map_err(told)?;
    // Of equal names what is shown is equal: the picture is a function of the document.
    let name = sha256(&rendered.bytes);
    let pdf = app.store.show(&caller.account, &format!("{name}.pdf"), rendered.bytes, "application/pdf").await?;
    Ok(PreviewOut {
        version,
        pages: rendered.pages,
        pdf_url: pdf,
        image_url: app.store.show(&caller.account, &format!("{name}.png"), image, "image/png").await?,
        expires_at: call.now + LINKS,
        findings: rendered.findings,
    })
}
