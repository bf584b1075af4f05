//! `GET /v2/templates`: the templates of the account in the mode of the key, newest first.

use edge::{Call, Problem, Reply};

use super::wire::ListedOut;
use crate::App;
use crate::listing::PageRequest;

/// Answers the request.
///
/// # Errors
/// 400 when the page cannot be.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    let caller = call.caller()?;
    let list = format!("templates {} {}", caller.account, caller.mode.as_str());
    let page = PageRequest::read(app, &call, list, 100)?;
    let found = app.store.list_templates(&caller.account, caller.mode, page.limit, page.after.as_ref()).await?;
    page.reply(app, found, ListedOut::from)
}
