//! `DELETE /v2/templates/{templateId}`: deletes a template with all its versions. Letters that were made from it stay.

use domain::id::TemplateId;
use edge::{Call, Problem, Reply};

use crate::App;

/// Answers the request: 204.
///
/// # Errors
/// 404.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    let caller = call.caller()?;
    let deleted = match TemplateId::parse(call.parameter("templateId")) {
        Ok(id) => app.store.delete_template(&caller.account, caller.mode, &id, call.now).await?,
        Err(_) => false,
    };
    if deleted { Ok(Reply::empty(204)) } else { Err(Problem::not_found("template")) }
}
