//! `DELETE /v2/operator/accounts/{accountId}/keys/{keyId}`: makes a key useless. The gateway may let it in for as long as
//! it remembers the authorizer's last answer.

use domain::id::KeyId;
use edge::{Call, Problem, Reply};

use crate::App;

/// Answers the request: 204, also when the key was revoked before.
///
/// # Errors
/// 404.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    let account = crate::operator::account(app, &call).await?;
    let found = match KeyId::parse(call.parameter("keyId")) {
        Ok(id) => app.store.revoke_key(&account.id, &id, call.now).await?,
        Err(_) => false,
    };
    if found { Ok(Reply::empty(204)) } else { Err(Problem::not_found("key")) }
}
