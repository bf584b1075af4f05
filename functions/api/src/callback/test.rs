//! `POST /v2/callback/test`: posts a sample of each kind to the callback, signed and marked as a sample, and tells what came
//! of it. Nothing is recorded, and what is new stays new.

use domain::callback::{Callback, Outcome, Page, Sample};
use domain::id::PushId;
use edge::{Call, Problem, Reply};
use futures::future::join_all;
use outbound::signing::SigningSecret;
use serde::Serialize;
use store::idempotency::Answer;

use super::own;
use crate::App;
use crate::idempotent::once;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Posted {
    sample: Sample,
    id: PushId,
    #[serde(flatten)]
    outcome: Outcome,
}

#[derive(Serialize)]
struct Tested {
    samples: Vec<Posted>,
}

/// Answers the request: 200, whatever the other side answers. All samples are posted at once, because a request may not take
/// as long as all posts together may.
///
/// # Errors
/// 404 when no callback is set up.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    once(app, &call, async |ticket| {
        let answer = Answer { status: 200, location: None, body: serde_json::to_string(&test(app, &call).await?)? };
        app.store.complete(ticket, &answer).await?;
        Ok(answer)
    })
    .await
}

async fn test(app: &App, call: &Call) -> Result<Tested, Problem> {
    let callback = own(app, call).await?;
    let outbound = app.outbound()?;
    let owner = Callback::secret_owner(&callback.account, callback.mode);
    let secrets: Result<Vec<SigningSecret>, _> =
        callback.signing(call.now).map(|secret| outbound.vault.open(&secret.sealed, &owner)).collect();
    let secrets = secrets?;
    let post = async |sample: Sample| -> Result<Posted, Problem> {
        let id = PushId::new(call.now, store::entropy()?);
        let events = sample.news(&callback.account, callback.mode, callback.include.recipient, call.now);
        let last_sequence = events.last().map_or(0, |news| news.sequence);
        let page = Page { id: &id, created_at: call.now, sample: true, last_sequence, events: &events };
        let body = serde_json::to_vec(&page)?;
        let posted = outbound.post_signed(&callback.url, &secrets, id.as_str(), body, call.now).await?;
        let outcome = match posted {
            Ok(answer) => Outcome::answered(answer.status, answer.latency, &answer.body_start),
            Err(no_answer) => Outcome::failed(no_answer.code()),
        };
        Ok(Posted { sample, id, outcome })
    };
    let samples = join_all(Sample::ALL.map(post)).await.into_iter().collect::<Result<_, _>>()?;
    Ok(Tested { samples })
}
