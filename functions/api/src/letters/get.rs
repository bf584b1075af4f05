//! `GET /v2/letters/{letterId}`: a letter, and what became of it.

use domain::single::Single;
use edge::{Call, Problem, Reply};
use store::singles::Released;

use super::wire::SingleOut;
use super::{Door, LETTERS};
use crate::App;

/// Answers the request.
///
/// # Errors
/// 404.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    answer(app, call, &LETTERS).await
}

/// The same for what is sent through a door.
pub(crate) async fn answer(app: &App, call: Call, door: &Door) -> Result<Reply, Problem> {
    let single = super::own(app, &call, door).await?;
    let released = app.store.released(std::slice::from_ref(&single)).await?.pop().flatten();
    show(app, &single, released.as_ref()).await
}

/// The answer with a letter as it is now.
pub(super) async fn show(app: &App, single: &Single, released: Option<&Released>) -> Result<Reply, Problem> {
    let url = url(app, single).await?;
    Reply::json(200, &SingleOut::new(single, released, url))
}

/// Where the document of a letter can be fetched for a while, once it was inspected.
pub(super) async fn url(app: &App, single: &Single) -> Result<Option<String>, Problem> {
    match &single.copy {
        Some(copy) => Ok(Some(app.store.copy_url(&single.account, copy).await?)),
        None => Ok(None),
    }
}
