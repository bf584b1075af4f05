//! Between Lambda and the handlers: events in, who calls, errors to answers, telemetry. This is the only crate that
//! names the Lambda runtime.

pub mod authorizer;
pub mod cursor;
pub mod direct;
pub mod http;
pub mod problem;
pub mod sqs;
pub mod stream;
pub mod wire;

pub use http::{Call, Handler, Reply};
pub use problem::Problem;

/// Which operation this process is: the `Handler` of its function.
pub fn operation() -> String {
    std::env::var("_HANDLER").unwrap_or_default()
}

/// Sends logs to standard output as JSON, one object a line. Only ours: what libraries log may hold what they were sent.
pub fn start_telemetry() {
    use tracing_subscriber::Layer;
    use tracing_subscriber::filter::{LevelFilter, Targets};
    use tracing_subscriber::layer::SubscriberExt;
    use tracing_subscriber::util::SubscriberInitExt;

    let ours = ["api", "edge", "store", "workers"].map(|name| (name, LevelFilter::INFO));
    let ours = Targets::new().with_targets(ours).with_default(LevelFilter::ERROR);
    let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_span_list(false);
    tracing_subscriber::registry().with(lines.with_target(false).with_filter(ours)).init();
}
