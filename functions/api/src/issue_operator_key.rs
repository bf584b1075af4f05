//! `keys.issue_operator`: makes a key for the operator. There is no endpoint for it: whoever IAM allows to invoke the
//! function may have one, which is how the first one comes to be.

use domain::account::{Account, Mode, Scope};
use domain::id::AccountId;
use jiff::Timestamp;
use serde::Serialize;
use store::StoreError;
use store::accounts::new_key;

use crate::{App, Error};

/// The `Handler` of its function.
pub const OPERATION: &str = "keys.issue_operator";

#[derive(Serialize)]
struct Issued {
    key: String,
    account: AccountId,
}

/// Serves the function.
///
/// # Errors
/// When a setting is wrong or the runtime ends.
pub async fn serve() -> Result<(), Error> {
    let app = App::open().await?;
    edge::direct::serve(async move || issue(&app, Timestamp::now()).await).await
}

async fn issue(app: &App, now: Timestamp) -> Result<Issued, StoreError> {
    let id = AccountId::new(now, store::entropy()?);
    let account = Account { id, name: "Operator".to_owned(), duplicate_guard: true, created_at: now };
    app.store.create_account(&account, None).await?;
    let (key, secret) = new_key(account.id, Mode::Live, vec![Scope::Operator], now)?;
    app.store.create_key(&key, &secret, None).await?;
    Ok(Issued { key: secret.expose().to_owned(), account: key.account })
}
