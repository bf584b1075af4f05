//! `/v2/templates`: HTML with variables in it, in versions that never change.

pub mod create;
pub mod delete;
pub mod get;
pub mod list;
pub mod preview;
pub mod update;
pub mod wire;

use domain::id::TemplateId;
use domain::template::Template;
use edge::{Call, Problem};

use crate::App;

/// What a template is whose latest version is that: equal for equal names and HTML, since none changes without a new one.
fn tag(latest: u32) -> String {
    format!("\"{latest}\"")
}

/// The caller's template that the path names.
///
/// # Errors
/// 404.
async fn named(app: &App, call: &Call) -> Result<Template, Problem> {
    let caller = call.caller()?;
    let found = match TemplateId::parse(call.parameter("templateId")) {
        Ok(id) => app.store.template(&caller.account, caller.mode, &id).await?,
        Err(_) => None,
    };
    found.ok_or_else(|| Problem::not_found("template"))
}
