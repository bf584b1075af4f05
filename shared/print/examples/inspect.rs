//! Inspects the files named on the command line, each in a child process: one JSON object per line and file.
//!
//! A file is declared to have as many impressions as it has pages, so that only the file itself is judged.
#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::io;

use print::inspect::{Limits, Report};
use print::isolate::{CHILD_ARGUMENT, Inspector, serve};
use serde_json::json;

fn main() -> io::Result<()> {
    if std::env::args_os().nth(1).is_some_and(|argument| argument == CHILD_ARGUMENT) {
        serve();
    }
    let mut inspector = Inspector::spawn(&std::env::current_exe()?, [CHILD_ARGUMENT])?;
    for file in std::env::args_os().skip(1) {
        let outcome = std::fs::read(&file).and_then(|bytes| {
            let report = inspector.inspect(&bytes, 0, &Limits::default())?;
            Ok(without_declaration(report))
        });
        let file = file.to_string_lossy();
        let line = match outcome {
            Ok(report) => {
                let ok = report.is_ok();
                json!({ "file": file, "ok": ok, "pages": report.pages, "findings": report.findings })
            }
            Err(error) => json!({ "file": file, "ok": false, "pages": 0, "findings": [], "error": error.to_string() }),
        };
        println!("{line}");
    }
    Ok(())
}

/// A report without the finding that another number was declared.
fn without_declaration(mut report: Report) -> Report {
    report.findings.retain(|finding| finding.rule != "document.impressions_differ");
    report
}
