//! Queue messages: each is worked off by itself, and only those that failed come again.

use std::sync::Arc;

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent};
use futures::future::join_all;
use lambda_runtime::{LambdaEvent, service_fn};
use serde::de::DeserializeOwned;
use tracing::Instrument;

use crate::problem::chain;

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worked {
    /// Nothing is left to do.
    Done,
    /// It is not time yet: let it come again.
    Later,
}

/// Serves one queue until the process is ended.
///
/// # Errors
/// When the runtime ends.
pub async fn serve<A, M, E>(
    app: A,
    operation: &str,
    work: impl AsyncFn(&A, M) -> Result<Worked, E>,
) -> Result<(), lambda_runtime::Error>
where
    M: DeserializeOwned,
    E: std::error::Error,
{
    let app = Arc::new(app);
    let work = Arc::new(work);
    lambda_runtime::run(service_fn(move |event: LambdaEvent<SqsEvent>| {
        let (app, work) = (app.clone(), work.clone());
        async move {
            let request_id = event.context.request_id;
            // All at once: one that waits for somebody else must not hold up its neighbours.
            let each = event.payload.records.into_iter().map(async |record| {
                let id = record.message_id.unwrap_or_default();
                let body = record.body.unwrap_or_default();
                let worked = match serde_json::from_str::<M>(&body) {
                    // Boxed, because the compiler could not lay out what is inside together with what is around it.
                    Ok(message) => {
                        let span = tracing::info_span!("work", operation, requestId = %request_id, messageId = %id);
                        let worked = Box::pin(work(&app, message).instrument(span)).await;
                        worked.map_err(|error| chain(&error))
                    }
                    Err(error) => Err(format!("the message does not read at column {}", error.column())),
                };
                match &worked {
                    Ok(worked) => {
                        tracing::info!(operation, requestId = %request_id, messageId = %id, ?worked, "worked")
                    }
                    Err(cause) => tracing::error!(operation, requestId = %request_id, messageId = %id, cause, "failed"),
                }
                let mut failure = BatchItemFailure::default();
                failure.item_identifier = id;
                (worked != Ok(Worked::Done)).then_some(failure)
            });
            let failed = join_all(each).await.into_iter().flatten().collect();
            let mut response = SqsBatchResponse::default();
            response.batch_item_failures = failed;
            Ok::<_, lambda_runtime::Error>(response)
        }
    }))
    .await
}
