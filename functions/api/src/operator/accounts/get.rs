//! `GET /v2/operator/accounts/{accountId}`: a client.

use edge::{Call, Problem, Reply};

use crate::App;

/// Answers the request.
///
/// # Errors
/// 404.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    Reply::json(200, &crate::operator::account(app, &call).await?)
}
