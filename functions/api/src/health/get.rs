//! `GET /v2/health`: the gateway and this function are up. It touches nothing else, so that it stays true and cheap.

use edge::{Call, Problem, Reply};
use serde_json::json;

use crate::App;

/// Answers the request.
///
/// # Errors
/// None that a client could cause.
pub async fn handle(_app: &App, _call: Call) -> Result<Reply, Problem> {
    Reply::json(200, &json!({ "status": "ok" }))
}
