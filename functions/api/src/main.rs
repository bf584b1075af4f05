//! The Lambda binary of all API functions.

/// One thread is enough: a function serves one request at a time.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), api::Error> {
    api::run().await
}
