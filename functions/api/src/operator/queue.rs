//! `GET /v2/operator/queue`: the batches that are ready to be printed, the most urgent first.

use domain::account::Mode;
use domain::batch::{MailClass, today};
use domain::finish::Finish;
use domain::id::{AccountId, BatchId};
use edge::{Call, Problem, Reply};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;

use crate::App;
use crate::listing::PageRequest;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct QueuedOut {
    id: BatchId,
    account_id: AccountId,
    mode: Mode,
    mail_class: MailClass,
    use_perforated_paper: bool,
    finish: Finish,
    target_mail_date: Date,
    overdue: bool,
    letters: u32,
    sheets: i64,
    ready_at: Option<Timestamp>,
    age_seconds: i64,
}

/// Answers the request.
///
/// # Errors
/// 400 when a parameter cannot be.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    let page = PageRequest::read(app, &call, "operator.queue".to_owned(), 100)?;
    let listed = app.store.list_queue(page.limit, page.after.as_ref()).await?;
    page.reply(app, listed, |batch| QueuedOut {
        overdue: batch.is_overdue(today(call.now)),
        age_seconds: call.now.duration_since(batch.created_at).as_secs(),
        id: batch.id,
        account_id: batch.account,
        mode: batch.mode,
        mail_class: batch.mail_class,
        use_perforated_paper: batch.perforated,
        finish: batch.finish,
        target_mail_date: batch.target_mail_date,
        letters: batch.received,
        sheets: batch.sheets,
        ready_at: batch.ready_at,
    })
}
