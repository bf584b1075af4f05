//! `GET /v2/templates/{templateId}`: a template with its HTML, as it is or as it was in one of its versions.

use edge::{Call, Problem, Reply};

use super::wire::TemplateOut;
use crate::App;

/// Answers the request.
///
/// # Errors
/// 400 when the version is no number, and 404.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    let template = super::named(app, &call).await?;
    let number = match call.query("version").map(str::parse::<u32>) {
        None => template.version,
        Some(Ok(number)) if number > 0 => number,
        Some(_) => return Err(Problem::new(400, "version.invalid", "Give the number of a version, from 1.")),
    };
    let version = app.store.template_version(&template.id, number).await?;
    let version = version.ok_or_else(|| Problem::not_found("version"))?;
    let html = app.store.read_html(&template, &version).await?;
    let html = html.ok_or_else(|| Problem::not_found("template"))?;
    let reply = Reply::json(200, &TemplateOut::new(&template, &version).with_html(&html))?;
    Ok(reply.header("etag", super::tag(template.version)))
}
