//! The child process in which pieces are drawn.
//!
//! It is the workers' binary, which lies beside this one in the package of those functions that need it: the API itself has
//! no parser of PDFs in it, which would triple the time that each of its functions takes to start.

use std::io;
use std::sync::{Mutex, PoisonError};

use print::isolate::{CHILD_ARGUMENT, Inspector};

/// The name of the program.
const PROGRAM: &str = "workers";

/// The child, started by the first who needs it.
#[derive(Default)]
pub struct Child(Mutex<Option<Inspector>>);

impl Child {
    /// Has it do something. A function serves one request at a time, so nobody waits for another.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn inspector<T>(&self, work: impl FnOnce(&mut Inspector) -> io::Result<T>) -> io::Result<T> {
        // Whoever panicked with it left it as it was between two documents, or its next answer is lost and it is replaced.
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let inspector = match &mut *held {
            Some(inspector) => inspector,
            none => {
                let program = std::env::current_exe()?.with_file_name(PROGRAM);
                none.insert(Inspector::spawn(&program, [CHILD_ARGUMENT])?)
            }
        };
        work(inspector)
    }
}
