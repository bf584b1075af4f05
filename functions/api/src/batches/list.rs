//! `GET /v2/batches`: the caller's batches, newest first, by state and by when they were created.

use domain::batch::BatchState;
use edge::{Call, Problem, Reply};
use store::batches::BatchFilter;

use super::wire::BatchOut;
use crate::App;
use crate::listing::{PageRequest, moment};

/// Answers the request. `state`, `createdFrom` (that moment included) and `createdBefore` narrow the list.
///
/// # Errors
/// 400 when a parameter cannot be.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    let caller = call.caller()?;
    let list = format!("batches.list {} {}", caller.account, caller.mode.as_str());
    let page = PageRequest::read(app, &call, list, 100)?;
    let filter = BatchFilter {
        state: call.query("state").map(state).transpose()?,
        created_from: moment(&call, "createdFrom")?,
        created_before: moment(&call, "createdBefore")?,
    };
    let listed = app.store.list_batches(&caller.account, caller.mode, &filter, page.limit, page.after.as_ref()).await?;
    page.reply(app, listed, |batch| BatchOut::new(&batch, call.now))
}

fn state(text: &str) -> Result<BatchState, Problem> {
    BatchState::parse(text).ok_or_else(|| {
        let names: Vec<_> = BatchState::ALL.iter().map(|state| state.as_str()).collect();
        Problem::new(400, "state.unknown", format!("Give a state that is one of {}.", names.join(", ")))
    })
}
