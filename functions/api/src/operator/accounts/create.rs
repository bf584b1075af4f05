//! `POST /v2/operator/accounts`: a new client.

use domain::account::Account;
use domain::fault::{Faults, Pointer};
use domain::id::AccountId;
use edge::wire::{self, Field};
use edge::{Call, Problem, Reply};
use serde::Deserialize;
use store::idempotency::{Answer, Completion};

use crate::App;
use crate::idempotent::once;

#[derive(Deserialize)]
#[serde(expecting = "an object with a name")]
struct RawAccount<'a> {
    #[serde(default, borrow)]
    name: Field<'a>,
}

/// Answers the request: 201.
///
/// # Errors
/// 400 and 422.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    once(app, &call, async |ticket| {
        let mut faults = Faults::default();
        let raw: RawAccount<'_> = wire::read_known(&call.body, &mut faults)?;
        let root = Pointer::Root;
        let at = root.key("name");
        let name = raw.name.required(&at, &mut faults).text(&at, &mut faults).map(|name| name.trim().to_owned());
        if name.as_ref().is_some_and(|name| !(1..=100).contains(&name.chars().count())) {
            faults.push(&at, "length", "Give a name of 1 to 100 characters.");
        }
        let Some(name) = name.filter(|_| faults.is_empty()) else {
            return Err(Problem::faulty(422, "invalid", &faults));
        };
        let id = AccountId::new(call.now, store::entropy()?);
        let account = Account { id, name, duplicate_guard: true, created_at: call.now };
        let answer = Answer {
            status: 201,
            location: Some(format!("/v2/operator/accounts/{}", account.id)),
            body: serde_json::to_string(&account)?,
        };
        app.store.create_account(&account, Completion::of(ticket, &answer)).await?;
        Ok(answer)
    })
    .await
}
