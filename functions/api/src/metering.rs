//! The limit of requests: each request of a client counts, and one too many is refused.

use std::time::Duration;

use domain::account::{Caller, Scope};
use domain::limit::Standing;
use edge::http::Metered;
use jiff::Timestamp;

use crate::App;

/// How long a count may take. A client is not to wait for what only says how much it may ask.
const PATIENCE: Duration = Duration::from_millis(500);

/// Whether requests of operations with that scope count: those of clients. The print floor is not to stand still because
/// somebody asks too often.
pub fn counts(scope: Option<Scope>) -> bool {
    matches!(scope, Some(Scope::MailRead | Scope::MailWrite))
}

/// Counts a request. When that is not possible it is served: the gateway's own limit still holds.
pub fn meter<'a>(app: &'a App, caller: &'a Caller, now: Timestamp) -> Metered<'a> {
    Box::pin(async move {
        let limit = app.store.config().request_limit;
        let counted = app.store.count_request(&caller.account, caller.mode, limit, now);
        let standing: Option<Standing> = match tokio::time::timeout(PATIENCE, counted).await {
            Ok(Ok(used)) => Some(limit.standing(used, now)),
            Ok(Err(error)) => {
                tracing::warn!(%error, account = %caller.account, "a request could not be counted");
                None
            }
            Err(_) => {
                tracing::warn!(account = %caller.account, "a request could not be counted in time");
                None
            }
        };
        (limit, standing)
    })
}
