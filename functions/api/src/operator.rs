//! `/v2/operator`: the print floor, and who may use the house.

pub mod accounts;
pub mod jobs;
pub mod keys;
pub mod letters;
pub mod locations;
pub mod orphans;
pub mod queue;
pub mod returns;
pub mod scans;

use domain::account::Account;
use domain::id::AccountId;
use edge::{Call, Problem};

use crate::App;

/// The account that the path names.
async fn account(app: &App, call: &Call) -> Result<Account, Problem> {
    let account = match AccountId::parse(call.parameter("accountId")) {
        Ok(id) => app.store.account(&id).await?,
        Err(_) => None,
    };
    account.ok_or_else(|| Problem::not_found("account"))
}
