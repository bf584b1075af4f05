//! `POST /v2/webhooks/{webhookId}/test`: posts a sample to a webhook, signed as everything that it is told, and answers with what came
//! back. Nothing is noted of it and it is not tried again.

use std::collections::BTreeMap;
use std::time::Instant;

use domain::event::{EventKind, News};
use domain::id::EventId;
use edge::{Call, Problem, Reply};
use serde::Serialize;
use store::idempotency::Answer;

use crate::App;
use crate::idempotent::once;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Tested {
    event_id: EventId,
    delivered: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    latency_ms: u64,
    body: String,
}

/// Answers the request: 200 whatever the receiver did. A webhook that is disabled can be tested too.
///
/// # Errors
/// 404.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    once(app, &call, async |ticket| {
        let tested = test(app, &call).await?;
        let answer = Answer { status: 200, location: None, body: serde_json::to_string(&tested)? };
        app.store.complete(ticket, &answer).await?;
        Ok(answer)
    })
    .await
}

async fn test(app: &App, call: &Call) -> Result<Tested, Problem> {
    let webhook = super::named(app, call).await?;
    let outbound = app.outbound()?;
    let open = |sealed| outbound.vault.open(sealed, webhook.id.as_str());
    let secrets = webhook.signing(call.now).into_iter().map(open).collect::<Result<Vec<_>, _>>()?;
    let sample = News {
        id: EventId::new(call.now, store::entropy()?),
        sequence: 0,
        kind: webhook.kinds.first().copied().unwrap_or(EventKind::BatchMailed),
        at: call.now,
        account: Some(webhook.account.clone()),
        mode: webhook.mode,
        batch: None,
        letter: None,
        data: BTreeMap::from([("sample".to_owned(), "true".to_owned())]),
        personal: None,
    };
    let body = serde_json::to_vec(&sample)?;
    let mut tested = Tested {
        event_id: sample.id.clone(),
        delivered: false,
        status: None,
        failure: None,
        message: None,
        latency_ms: 0,
        body: String::new(),
    };
    let began = Instant::now();
    match outbound.post_signed(&webhook.url, &secrets, sample.id.as_str(), body, call.now).await? {
        Ok(answer) => {
            tested.delivered = answer.is_success();
            tested.status = Some(answer.status);
            tested.body = String::from_utf8_lossy(&answer.body_start).into_owned();
        }
        Err(none) => {
            tested.failure = Some(none.code());
            tested.message = Some(none.to_string());
        }
    }
    tested.latency_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(tested)
}
