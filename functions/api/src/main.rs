//! The Lambda binary of all API functions.

fn main() -> Result<(), api::Error> {
    // One thread is enough: a function serves one request at a time.
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(api::run())
}
