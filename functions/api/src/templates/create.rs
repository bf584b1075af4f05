//! `POST /v2/templates`: a new template.

use domain::id::TemplateId;
use domain::template::{Template, TemplateVersion};
use edge::{Call, Problem, Reply};
use store::idempotency::{Answer, Completion};

use super::wire::{TemplateOut, checked, read};
use crate::App;
use crate::idempotent::once;

/// The version with which a template begins.
const FIRST: u32 = 1;

/// Answers the request: 201, with its first version.
///
/// # Errors
/// 400, 409 and 422.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    let reply = once(app, &call, async |ticket| {
        let caller = call.caller()?;
        let given = checked(app, read(&call.body)?).await?;
        let template = Template {
            id: TemplateId::new(call.now, store::entropy()?),
            account: caller.account.clone(),
            mode: caller.mode,
            name: given.name,
            version: FIRST,
            created_at: call.now,
            deleted_at: None,
        };
        let version = TemplateVersion {
            version: FIRST,
            sha256: app.store.keep_html(&caller.account, &template.id, &given.html).await?,
            bytes: given.html.len() as u64,
            page_size: given.page.name().to_owned(),
            created_at: call.now,
        };
        let location = Some(format!("/v2/templates/{}", template.id));
        let body = serde_json::to_string(&TemplateOut::new(&template, &version))?;
        let answer = Answer { status: 201, location, body };
        app.store.create_template(&template, &version, Completion::of(ticket, &answer)).await?;
        Ok(answer)
    })
    .await?;
    // Also when it is answered again: it tells of the template as it was then.
    Ok(reply.header("etag", super::tag(FIRST)))
}
