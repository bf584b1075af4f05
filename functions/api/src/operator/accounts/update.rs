//! `PATCH /v2/operator/accounts/{accountId}`: changes the settings of a client. What is not given stays.

use domain::fault::{Faults, Pointer};
use edge::wire::{self, Field};
use edge::{Call, Problem, Reply};
use serde::Deserialize;

use crate::App;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", expecting = "an object with settings")]
struct RawSettings<'a> {
    #[serde(default, borrow)]
    duplicate_guard: Field<'a>,
}

/// Answers the request: 200 with the account.
///
/// # Errors
/// 400, 404 and 422.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    let mut faults = Faults::default();
    let raw: RawSettings<'_> = wire::read_known(&call.body, &mut faults)?;
    let at = Pointer::Root.key("duplicateGuard");
    let guard = raw.duplicate_guard.flag(&at, &mut faults);
    if !faults.is_empty() {
        return Err(Problem::faulty(422, "invalid", &faults));
    }
    let mut account = crate::operator::account(app, &call).await?;
    if let Some(guard) = guard {
        account.duplicate_guard = guard;
        app.store.set_duplicate_guard(&account.id, guard).await?;
    }
    Reply::json(200, &account)
}
