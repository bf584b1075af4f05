//! The table's stream: which items were written, many at a time.

use std::sync::Arc;

use lambda_runtime::{LambdaEvent, service_fn};
use serde::Deserialize;
use tracing::Instrument;

use crate::problem::chain;

/// The key of an item that was written. The stream carries nothing else: what is in the item, the table says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Its partition key.
    pub pk: String,
    /// Its sort key.
    pub sk: String,
}

/// The parts of a stream's event that matter.
#[derive(Deserialize)]
struct Records {
    #[serde(rename = "Records")]
    records: Vec<Record>,
}

#[derive(Deserialize)]
struct Record {
    dynamodb: Change,
}

#[derive(Deserialize)]
struct Change {
    #[serde(rename = "Keys")]
    keys: Keys,
}

#[derive(Deserialize)]
struct Keys {
    pk: Text,
    sk: Text,
}

#[derive(Deserialize)]
struct Text {
    #[serde(rename = "S")]
    text: String,
}

/// Serves the stream until the process is ended. When the work fails, all of it comes again, and Lambda halves it until
/// only what fails is left.
///
/// # Errors
/// When the runtime ends.
pub async fn serve<A, E>(
    app: A,
    operation: &str,
    work: impl AsyncFn(&A, Vec<Written>) -> Result<(), E>,
) -> Result<(), lambda_runtime::Error>
where
    E: std::error::Error,
{
    let app = Arc::new(app);
    let work = Arc::new(work);
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Records>| {
        let (app, work) = (app.clone(), work.clone());
        async move {
            let request_id = event.context.request_id;
            let key = |Record { dynamodb: Change { keys } }| Written { pk: keys.pk.text, sk: keys.sk.text };
            let written: Vec<Written> = event.payload.records.into_iter().map(key).collect();
            let records = written.len();
            let span = tracing::info_span!("work", operation, requestId = %request_id);
            // Boxed, because the compiler could not lay out what is inside together with what is around it.
            Box::pin(work(&app, written).instrument(span)).await.map_err(|error| {
                tracing::error!(operation, requestId = %request_id, records, cause = chain(&error), "failed");
                lambda_runtime::Error::from("internal")
            })
        }
    }))
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_reads_whatever_else_it_carries() {
        let event = r#"{"Records": [{"eventID": "1", "eventName": "INSERT", "dynamodb": {"ApproximateCreationDateTime": 1.0,
            "Keys": {"pk": {"S": "BATCH#ABCD1234"}, "sk": {"S": "EVENT#evt_1"}}, "SequenceNumber": "9", "SizeBytes": 26,
            "StreamViewType": "KEYS_ONLY"}, "eventSourceARN": "arn:aws:dynamodb:us-east-1:1:table/t/stream/s"}]}"#;
        let read: Records = serde_json::from_str(event).unwrap();
        assert_eq!(read.records[0].dynamodb.keys.sk.text, "EVENT#evt_1");
    }
}
