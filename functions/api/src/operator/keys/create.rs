//! `POST /v2/operator/accounts/{accountId}/keys`: a new API key. Its secret is shown in this answer alone.

use domain::account::{Mode, Scope};
use domain::fault::{Faults, Pointer};
use edge::wire::{self, Field};
use edge::{Call, Problem, Reply};
use serde::Deserialize;
use serde_json::json;
use store::accounts::new_key;
use store::idempotency::{Answer, Completion, Ticket};

use crate::App;
use crate::idempotent::{once_sealed, sealed};

#[derive(Deserialize)]
#[serde(expecting = "an object with a mode and scopes")]
struct RawKey<'a> {
    #[serde(default, borrow)]
    mode: Field<'a>,
    #[serde(default, borrow)]
    scopes: Option<Vec<Field<'a>>>,
}

/// Answers the request: 201. `mode` is live or test; `scopes` are those of a client when they are not given.
///
/// # Errors
/// 400, 404 and 422.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    once_sealed(app, &call, async |ticket| create(app, &call, ticket).await).await
}

async fn create(app: &App, call: &Call, ticket: Option<&Ticket>) -> Result<Answer, Problem> {
    let account = crate::operator::account(app, call).await?;
    let mut faults = Faults::default();
    let raw: RawKey<'_> = wire::read_known(&call.body, &mut faults)?;
    let root = Pointer::Root;
    let at = root.key("mode");
    let mode = match raw.mode.required(&at, &mut faults).text(&at, &mut faults) {
        Some("live") => Mode::Live,
        Some("test") => Mode::Test,
        Some(_) => {
            faults.push(&at, "enum", "Give \"live\" or \"test\".");
            Mode::Test
        }
        None => Mode::Test,
    };
    let at = root.key("scopes");
    let mut scopes = Vec::new();
    for (index, field) in raw.scopes.iter().flatten().enumerate() {
        let here = at.index(index);
        match field.required(&here, &mut faults).text(&here, &mut faults).map(Scope::parse) {
            Some(Some(scope)) => scopes.push(scope),
            Some(None) => faults.push(&here, "enum", "Give \"mail:read\", \"mail:write\" or \"operator\"."),
            None => {}
        }
    }
    if raw.scopes.is_none() {
        scopes.extend(Scope::CLIENT);
    }
    scopes.sort_unstable();
    scopes.dedup();
    if scopes.is_empty() && faults.is_empty() {
        faults.push(&at, "required", "A key without a scope may do nothing. Give at least one.");
    }
    if !faults.is_empty() {
        return Err(Problem::faulty(422, "invalid", &faults));
    }
    let (key, secret) = new_key(account.id, mode, scopes, call.now)?;
    let mut shown = serde_json::to_value(&key)?;
    shown["key"] = json!(secret.expose());
    let answer = Answer { status: 201, location: None, body: shown.to_string() };
    let kept = sealed(app, call, &answer)?;
    app.store.create_key(&key, &secret, Completion::of(ticket, &kept)).await?;
    Ok(answer)
}
