//! `GET /v2/webhooks/{webhookId}/attempts`: what was tried and how it was answered, those of the latest events first.

use domain::id::EventId;
use edge::{Call, Problem, Reply};

use super::wire::AttemptOut;
use crate::App;
use crate::listing::PageRequest;

/// Answers the request. `eventId` narrows the list to one event.
///
/// # Errors
/// 400 when a parameter cannot be, and 404.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    let webhook = super::named(app, &call).await?;
    let event = call.query("eventId").map(EventId::parse).transpose().map_err(|_| {
        Problem::new(400, "event_id.invalid", "Give the id of an event, such as evt_06F2V3K4M5N6P7Q8R9S0T1V2.")
    })?;
    let list = format!("webhooks.attempts {} {}", webhook.id, call.query("eventId").unwrap_or_default());
    let page = PageRequest::read(app, &call, list, 100)?;
    let listed = app.store.list_attempts(&webhook.id, event.as_ref(), page.limit, page.after.as_ref()).await?;
    page.reply(app, listed, AttemptOut::from)
}
