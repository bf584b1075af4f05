//! `/v2/callback`: where the caller's news is pushed every few hours.

pub mod delete;
pub mod get;
pub mod put;
pub mod test;

use domain::callback::{Attempt, Callback, Include};
use edge::{Call, Problem};
use jiff::Timestamp;
use serde::Serialize;

use crate::App;

/// A callback as its owner sees it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CallbackOut<'a> {
    url: &'a str,
    include: Include,
    paused: bool,
    created_at: Timestamp,
    last_sequence: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    failing_since: Option<Timestamp>,
    attempts: Vec<Attempt>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

impl<'a> CallbackOut<'a> {
    fn new(callback: &'a Callback, attempts: Vec<Attempt>, secret: Option<String>) -> Self {
        CallbackOut {
            url: &callback.url,
            include: callback.include,
            paused: callback.paused,
            created_at: callback.created_at,
            last_sequence: callback.through,
            failing_since: callback.failing_since,
            attempts,
            secret,
        }
    }
}

/// The caller's callback.
async fn own(app: &App, call: &Call) -> Result<Callback, Problem> {
    let caller = call.caller()?;
    let callback = app.store.callback(&caller.account, caller.mode).await?;
    callback.ok_or_else(|| Problem::not_found("callback"))
}
