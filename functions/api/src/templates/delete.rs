//! `DELETE /v2/templates/{templateId}`: deletes a template with all its versions. Letters that were made from it stay.

use edge::{Call, Problem, Reply};

use crate::App;

/// Answers the request: 204.
///
/// # Errors
/// 404.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    let template = super::named(app, &call).await?;
    if app.store.delete_template(&template).await? {
        Ok(Reply::empty(204))
    } else {
        Err(Problem::not_found("template"))
    }
}
