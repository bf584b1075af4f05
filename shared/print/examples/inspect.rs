//! Inspects the files named on the command line, each in a child process: one JSON object per line and file.
//!
//! No number of impressions is declared, so only the file itself is judged. Whatever keeps a file from being read is said
//! on its line, and the next file is inspected.
#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::io;

use print::inspect::Limits;
use print::isolate::{CHILD_ARGUMENT, Inspector, serve};
use serde_json::json;

fn main() -> io::Result<()> {
    if std::env::args_os().nth(1).is_some_and(|argument| argument == CHILD_ARGUMENT) {
        serve();
    }
    let mut inspector = Inspector::spawn(&std::env::current_exe()?, [CHILD_ARGUMENT])?;
    for file in std::env::args_os().skip(1) {
        let report = std::fs::read(&file).and_then(|bytes| inspector.inspect(&bytes, &Limits::default()));
        let file = file.to_string_lossy();
        let mut line = match report {
            Ok(report) => {
                let ok = report.is_ok();
                let mut line = serde_json::to_value(report)?;
                line["ok"] = ok.into();
                line
            }
            Err(error) => json!({ "ok": false, "pages": 0, "findings": [], "error": error.to_string() }),
        };
        line["file"] = file.into();
        println!("{line}");
    }
    Ok(())
}
