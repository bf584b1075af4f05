//! The gateway's authorizer: who may come in, told by the `Authorization` header alone.

use std::sync::Arc;

use domain::account::{Account, Caller};
use lambda_runtime::{LambdaEvent, service_fn};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Problem;

/// The part of the gateway's question that matters.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Question {
    method_arn: String,
    #[serde(default)]
    headers: std::collections::HashMap<String, Value>,
}

impl Question {
    fn authorization(&self) -> Option<&str> {
        let named = |(name, _): &(&String, &Value)| name.eq_ignore_ascii_case("authorization");
        self.headers.iter().find(named).and_then(|(_, value)| value.as_str())
    }
}

/// Serves the authorizer until the process is ended. `identify` finds out who holds a Bearer credential.
///
/// # Errors
/// When the runtime ends.
pub async fn serve<A>(
    app: A,
    identify: impl AsyncFn(&A, &str) -> Result<Option<Caller>, Problem>,
) -> Result<(), lambda_runtime::Error> {
    let app = Arc::new(app);
    let identify = Arc::new(identify);
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Question>| {
        let (app, identify) = (app.clone(), identify.clone());
        async move {
            let question = event.payload;
            let caller = match question.authorization().and_then(bearer) {
                Some(credential) => identify(&app, credential).await,
                None => Ok(None),
            };
            match caller {
                Ok(Some(caller)) => Ok(allow(&question.method_arn, &caller)),
                // The gateway answers 401 to exactly this word, and 500 to any other error.
                Ok(None) => Err(lambda_runtime::Error::from("Unauthorized")),
                Err(problem) => {
                    tracing::error!(cause = ?problem.cause, "failed");
                    Err(lambda_runtime::Error::from("internal"))
                }
            }
        }
    }))
    .await
}

/// The credential of `Bearer …`; the scheme's case does not matter (RFC 9110 §11.1).
fn bearer(header: &str) -> Option<&str> {
    let (scheme, credential) = header.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| credential.trim())
}

/// Lets a caller in. The policy covers the whole API, because the gateway reuses it for the caller's next requests;
/// what the caller may do there is decided by scope, at each endpoint.
fn allow(method_arn: &str, caller: &Caller) -> Value {
    let api = method_arn.splitn(3, '/').take(2).collect::<Vec<_>>().join("/");
    let scopes: Vec<_> = caller.scopes.iter().map(|scope| scope.as_str()).collect();
    json!({
        "principalId": caller.account,
        // All credentials of an account share one limit.
        "usageIdentifierKey": Account::usage_key(&caller.account),
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [{ "Action": "execute-api:Invoke", "Effect": "Allow", "Resource": format!("{api}/*") }],
        },
        "context": { "account": caller.account, "mode": caller.mode.as_str(), "scopes": scopes.join(" ") },
    })
}

#[cfg(test)]
mod tests {
    use domain::account::{Mode, Scope};
    use domain::id::AccountId;

    use super::*;

    #[test]
    fn only_bearer_credentials_are_read() {
        assert_eq!(bearer("Bearer mh_live_x"), Some("mh_live_x"));
        assert_eq!(bearer("bearer  mh_live_x "), Some("mh_live_x"));
        assert_eq!(bearer("Basic bWg6"), None);
        assert_eq!(bearer("mh_live_x"), None);
    }

    #[test]
    fn a_policy_covers_the_whole_stage_because_it_is_reused() {
        let caller =
            Caller { account: AccountId::parse("acct_01").unwrap(), mode: Mode::Test, scopes: Scope::CLIENT.to_vec() };
        let policy = allow("arn:aws:execute-api:us-east-1:1:api/prod/POST/v2/batches", &caller);
        assert_eq!(policy["policyDocument"]["Statement"][0]["Resource"], "arn:aws:execute-api:us-east-1:1:api/prod/*");
        assert_eq!(policy["context"], json!({"account": "acct_01", "mode": "test", "scopes": "mail:read mail:write"}));
    }
}
