//! Inspects the files named on the command line, each in a child process: one JSON object per line and file.
//!
//! `[--overlay DIR] FILE…`: with `--overlay` each file that has findings is written there as `<file name>.overlay.pdf`, with
//! the findings drawn on it, and its line names that file as `overlay`. Where two files have the same name, the later one
//! gets a number. A file that cannot be drawn on has `overlayError` instead.
//!
//! No number of impressions is declared, so only the file itself is judged. Whatever keeps a file from being read is said
//! on its line, and the next file is inspected.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use print::inspect::{Limits, Report};
use print::isolate::{CHILD_ARGUMENT, Inspector, serve};
use serde_json::{Value, json};

fn main() -> io::Result<()> {
    let mut arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    if arguments.first().is_some_and(|argument| argument == CHILD_ARGUMENT) {
        serve();
    }
    let mut drawings = None;
    if let Some(place) = arguments.iter().position(|argument| argument == "--overlay") {
        let Some(folder) = arguments.get(place + 1).map(PathBuf::from) else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "usage: inspect [--overlay DIR] FILE…"));
        };
        arguments.drain(place..place + 2);
        std::fs::create_dir_all(&folder)?;
        drawings = Some(Drawings { folder, names: HashSet::new() });
    }
    let mut inspector = Inspector::spawn(&std::env::current_exe()?, [CHILD_ARGUMENT])?;
    for file in arguments {
        let inspected = read(Path::new(&file)).and_then(|bytes| {
            let mut report = inspector.inspect(&bytes, &Limits::default())?;
            for finding in report.findings.iter_mut().filter(|finding| finding.rule == "document.too_large") {
                // Of such a file not all was read.
                finding.measured = Some(format!("{} bytes", std::fs::metadata(&file)?.len()));
            }
            Ok((bytes, report))
        });
        let mut line = match inspected {
            Ok((bytes, report)) => {
                let mut line = serde_json::to_value(&report)?;
                line["ok"] = report.is_ok().into();
                if let Some(drawings) = drawings.as_mut().filter(|_| !report.findings.is_empty()) {
                    match drawings.draw(&mut inspector, &file, &bytes, &report) {
                        Ok(place) => line["overlay"] = place,
                        Err(error) => line["overlayError"] = error.to_string().into(),
                    }
                }
                line
            }
            Err(error) => json!({ "ok": false, "pages": 0, "findings": [], "error": error.to_string() }),
        };
        line["file"] = file.to_string_lossy().into();
        match writeln!(io::stdout(), "{line}") {
            // Who reads the lines has read enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => break,
            written => written?,
        }
    }
    Ok(())
}

/// The content of a file, or as much of it as shows that it is too large. What is no regular file may have no end.
fn read(file: &Path) -> io::Result<Vec<u8>> {
    if !std::fs::metadata(file)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file; name a file"));
    }
    let mut bytes = Vec::new();
    std::fs::File::open(file)?.take(Limits::default().max_bytes + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Where documents with their findings drawn on them go.
struct Drawings {
    folder: PathBuf,
    /// Names that are taken.
    names: HashSet<OsString>,
}

impl Drawings {
    /// Draws on a file and gives the path of the drawing.
    fn draw(&mut self, inspector: &mut Inspector, file: &OsStr, bytes: &[u8], report: &Report) -> io::Result<Value> {
        let drawn = inspector.overlay(bytes, report, &Limits::default())?.map_err(io::Error::other)?;
        let name = self.name(file);
        let path = self.folder.join(name);
        std::fs::write(&path, drawn)?;
        Ok(path.to_string_lossy().into())
    }

    /// A name that no drawing has yet.
    fn name(&mut self, file: &OsStr) -> OsString {
        let base = Path::new(file).file_name().unwrap_or_default();
        let mut number = 1;
        loop {
            let mut name = base.to_owned();
            if number > 1 {
                name.push(format!(".{number}"));
            }
            name.push(".overlay.pdf");
            if self.names.insert(name.clone()) {
                return name;
            }
            number += 1;
        }
    }
}
