//! `PUT /v2/templates/{templateId}`: a new version of a template. Those before it stay as they were.

use domain::template::{Template, TemplateVersion};
use edge::{Call, Problem, Reply};

use super::wire::{TemplateOut, checked, read};
use crate::App;

/// Answers the request: the template as it is then. What is already so makes no version, so that a PUT that is sent again
/// makes one.
///
/// # Errors
/// 400, 404, 409 when others keep changing it, and 422.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    /// As often as a template is read again that somebody else has just changed.
    const TRIES: u32 = 5;
    super::named(app, &call).await?;
    let given = checked(app, read(&call.body)?).await?;
    let account = &call.caller()?.account;
    let sha256 = app.store.keep_html(account, &given.html).await?;
    for _ in 0..TRIES {
        let template = super::named(app, &call).await?;
        let latest = app.store.template_version(&template.id, template.version).await?;
        let latest = latest.ok_or_else(|| Problem::not_found("template"))?;
        let version = TemplateVersion {
            version: template.version + 1,
            sha256: sha256.clone(),
            bytes: given.html.len() as u64,
            page_size: given.page.name().to_owned(),
            created_at: call.now,
        };
        let same =
            latest.sha256 == version.sha256 && latest.page_size == version.page_size && template.name == given.name;
        if same {
            return Reply::json(200, &TemplateOut::new(&template, &latest));
        }
        if app.store.add_version(&template, &given.name, &version).await? {
            let template = Template { name: given.name, version: version.version, ..template };
            return Reply::json(200, &TemplateOut::new(&template, &version));
        }
    }
    Err(Problem::new(409, "template.changing", "Others change this template now. Look at it, then try again."))
}
