//! Functions that are invoked directly, by whoever IAM allows to.

use lambda_runtime::{LambdaEvent, service_fn};
use serde::Serialize;
use serde_json::Value;

/// Serves one operation until the process is ended. The payload does not matter.
///
/// # Errors
/// When the runtime ends.
pub async fn serve<R: Serialize, E: std::error::Error>(
    work: impl AsyncFn() -> Result<R, E>,
) -> Result<(), lambda_runtime::Error> {
    let work = std::sync::Arc::new(work);
    lambda_runtime::run(service_fn(move |_: LambdaEvent<Value>| {
        let work = work.clone();
        async move {
            work().await.map_err(|error| {
                tracing::error!(cause = %error, "failed");
                lambda_runtime::Error::from("internal")
            })
        }
    }))
    .await
}
