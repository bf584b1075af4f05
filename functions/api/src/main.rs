//! The Lambda binary of all API functions. It also is the child in which they inspect documents.

fn main() -> Result<(), api::Error> {
    // A child has no use for a runtime, and its memory is limited before anything else happens.
    if std::env::args().nth(1).as_deref() == Some(print::isolate::CHILD_ARGUMENT) {
        print::isolate::serve();
    }
    // One thread is enough: a function serves one request at a time.
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(api::run())
}
