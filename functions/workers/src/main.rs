//! The Lambda binary of all workers. It also is the child in which it inspects documents.

fn main() -> Result<(), workers::Error> {
    // A child has no use for a runtime, and its memory is limited before anything else happens.
    if std::env::args().nth(1).as_deref() == Some(print::isolate::CHILD_ARGUMENT) {
        print::isolate::serve();
    }
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(workers::run())
}
