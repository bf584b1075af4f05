//! `GET /v2/operator/scans`: the files of scans, newest first, each with what became of its records and the first of those
//! that are no scans.

use edge::{Call, Problem, Reply};
use futures::{StreamExt, TryStreamExt, stream};
use store::batches::Listed;

use super::wire::FileOut;
use crate::App;
use crate::listing::PageRequest;

/// How many rejects of each file are shown here; one file alone shows more.
const REJECTS: usize = 10;

/// Answers the request.
///
/// # Errors
/// 400 when a parameter cannot be.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    let page = PageRequest::read(app, &call, "operator.scans.list".to_owned(), 100)?;
    let Listed { items, next } = app.store.list_scan_files(page.limit, page.after.as_ref()).await?;
    let show = async |file| {
        let rejects = app.store.rejects(&file, REJECTS).await?;
        Ok::<_, Problem>(FileOut::new(file, rejects))
    };
    let items: Vec<FileOut> = stream::iter(items).map(show).buffered(8).try_collect().await?;
    page.reply(app, Listed { items, next }, |file| file)
}
