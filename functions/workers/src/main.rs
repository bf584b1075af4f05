//! The Lambda binary of all workers. It also is the child in which it inspects documents.

fn main() -> Result<(), workers::Error> {
    // A child has no use for a runtime, and its memory is limited before anything else happens.
    if std::env::args().nth(1).as_deref() == Some(print::isolate::CHILD_ARGUMENT) {
        print::isolate::serve();
    }
    // Assembly parses documents here, and the parser recurses.
    let run = || tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(workers::run());
    print::on_large_stack(run).unwrap_or_else(|| Err("there is no memory for the stack".into()))
}
