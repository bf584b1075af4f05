//! Between Lambda and the handlers: events in, who calls, errors to answers, telemetry. This is the only crate that
//! names the Lambda runtime.

pub mod authorizer;
pub mod cursor;
pub mod direct;
pub mod http;
pub mod problem;
pub mod sqs;
pub mod wire;

pub use http::{Call, Handler, Reply};
pub use problem::Problem;

/// Which operation this process is: the `Handler` of its function.
pub fn operation() -> String {
    std::env::var("_HANDLER").unwrap_or_default()
}

/// Sends logs to standard output as JSON, one object a line.
pub fn start_telemetry() {
    lambda_runtime::tracing::init_default_subscriber();
}
