//! `DELETE /v2/operator/accounts/{accountId}/locations/{locationId}`: documents are no longer read from there.

use domain::id::LocationId;
use edge::{Call, Problem, Reply};

use crate::App;

/// Answers the request: 204.
///
/// # Errors
/// 404.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    let account = crate::operator::account(app, &call).await?;
    let found = match LocationId::parse(call.parameter("locationId")) {
        Ok(id) => app.store.delete_location(&account.id, &id).await?,
        Err(_) => false,
    };
    if found { Ok(Reply::empty(204)) } else { Err(Problem::not_found("location")) }
}
