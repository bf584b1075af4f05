//! `GET /v2/webhooks/{webhookId}`: a webhook, without its secrets.

use edge::{Call, Problem, Reply};

use super::wire::WebhookOut;
use crate::App;

/// Answers the request.
///
/// # Errors
/// 404.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    Reply::json(200, &WebhookOut::new(super::named(app, &call).await?, call.now))
}
