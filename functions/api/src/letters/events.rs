//! `GET /v2/letters/{letterId}/events`: what happened to a letter from its creation on, and once it is mailed what the postal
//! service told of it.

use domain::single::{Happened, Status};
use edge::{Call, Problem, Reply};
use serde::Serialize;

use super::wire::happened;
use super::{Door, LETTERS};
use crate::App;
use crate::batches::letters::events::{HistoryOut, history};

#[derive(Serialize)]
struct EventsOut {
    status: Status,
    items: Vec<Happened>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tracking: Option<HistoryOut>,
}

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
    let tracking = match &released {
        Some(released) => match released.batch.mailed_at {
            Some(at) => Some(history(app, &released.batch, &single.reference(), at).await?),
            None => None,
        },
        None => None,
    };
    let status = single.status(released.as_ref().map(|released| &released.batch));
    Reply::json(200, &EventsOut { status, items: happened(&single, released.as_ref()), tracking })
}
