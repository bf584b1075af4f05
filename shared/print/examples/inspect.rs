//! Inspects the files named on the command line, each in a child process: one JSON object per line and file.
//!
//! `[--overlay DIR] [--mend DIR] [--first-page] [--flat] [--simplex] [--card SIZE] FILE…`. With `--overlay` each file that has
//! findings is written there as `<file name>.overlay.pdf`, with the findings drawn on it, and its line names that file as
//! `overlay`. Where two files have the same name, the later one gets a number. A file that cannot be drawn on has
//! `overlayError` instead.
//!
//! With `--mend` forms and comments are flattened, small pages centred and lying ones turned upright: a file of which anything
//! was mended is written there as `<file name>.mended.pdf` and named as `mended`. What was done and what was left, and why,
//! is `mends`; a file that cannot be mended has `mendError`. The findings are those of the file as it was.
//!
//! The other options say how the letter will be mailed, and so which windows and zones must stay free of ink: `USAGE` tells
//! which. Those zones are what a person wants to see, so with `--first-page` or `--card` files without findings are drawn as
//! well.
//!
//! No number of impressions is declared, so only the file itself is judged. Whatever keeps a file from being read is said
//! on its line, and the next file is inspected.
#![expect(clippy::print_stderr, reason = "this is how a program on the command line speaks")]

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use print::inspect::{Limits, Paper};
use print::isolate::{CHILD_ARGUMENT, Inspector, serve};
use print::mend::Mend;
use print::stationery::{Placement, Stationery};
use serde_json::{Value, json};

const USAGE: &str = "\
usage: inspect [--overlay DIR] [--mend DIR] [--first-page] [--flat] [--simplex] [--card SIZE] [--] FILE...

  --overlay DIR   draw what was found on a copy of each file, in DIR
  --mend DIR      mend what can be mended safely in a copy of each file, in DIR
  --first-page    the address goes on the first page and not on a cover sheet: its windows must be free of ink
  --flat          the letter is not folded: its windows are those of a flat envelope
  --simplex       only the fronts of the sheets are printed: every page has a sheet mark
  --card SIZE     it is a card and no letter: 4x6, 6x9 or 6x11
";

/// All the mends there are.
const MENDS: [Mend; 3] = [Mend::Flatten, Mend::Centre, Mend::Portrait];

/// What a program exits with that was called wrongly.
const MISUSED: u8 = 2;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1).peekable();
    if arguments.peek().is_some_and(|argument| argument == CHILD_ARGUMENT) {
        serve();
    }
    let options = match Options::read(arguments) {
        Ok(options) => options,
        Err(fault) => {
            eprint!("{fault}{USAGE}");
            return ExitCode::from(MISUSED);
        }
    };
    if options.help {
        // Who reads it may have read enough.
        let _ = write!(io::stdout(), "{USAGE}");
        return ExitCode::SUCCESS;
    }
    match inspect_all(options) {
        // Who reads the lines has read enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
        Ok(()) => ExitCode::SUCCESS,
    }
}

#[derive(Default)]
struct Options {
    overlay: Option<PathBuf>,
    mend: Option<PathBuf>,
    limits: Limits,
    help: bool,
    files: Vec<OsString>,
}

impl Options {
    /// Reads them, or says what is wrong with them, each on a line.
    fn read(mut arguments: impl Iterator<Item = OsString>) -> Result<Self, String> {
        let mut options = Self::default();
        while let Some(argument) = arguments.next() {
            let limits = &mut options.limits;
            match argument.to_str() {
                Some("--overlay") => {
                    let folder = arguments.next().ok_or("--overlay needs a folder\n")?;
                    options.overlay = Some(folder.into());
                }
                Some("--mend") => options.mend = Some(arguments.next().ok_or("--mend needs a folder\n")?.into()),
                Some("--first-page") => limits.placement = Placement::FirstPage,
                // Nothing is thin enough to be folded.
                Some("--flat") => limits.stationery = Stationery { fold_limit: 0, ..Stationery::default() },
                Some("--simplex") => limits.duplex = false,
                Some("--card") => {
                    limits.paper = match arguments.next().as_deref().and_then(OsStr::to_str) {
                        Some("4x6") => Paper::Card4x6,
                        Some("6x9") => Paper::Card6x9,
                        Some("6x11") => Paper::Card6x11,
                        _ => return Err("--card needs a size: 4x6, 6x9 or 6x11\n".to_owned()),
                    }
                }
                Some("--help" | "-h") => options.help = true,
                Some("--") => options.files.extend(arguments.by_ref()),
                Some(unknown) if unknown.starts_with("--") => return Err(format!("there is no option {unknown}\n")),
                _ => options.files.push(argument),
            }
        }
        if options.limits.paper.card().is_some() && options.limits.placement == Placement::FirstPage {
            return Err("--first-page is for letters: the address of a card is on its back\n".to_owned());
        }
        Ok(options)
    }
}

fn inspect_all(options: Options) -> io::Result<()> {
    let Options { overlay, mend, limits, files, .. } = options;
    let (mut drawn, mut mended) = (overlay.map(Copies::new).transpose()?, mend.map(Copies::new).transpose()?);
    let shows_zones = limits.placement == Placement::FirstPage || limits.paper.card().is_some();
    let mut inspector = Inspector::spawn(&std::env::current_exe()?, [CHILD_ARGUMENT])?;
    for file in files {
        let inspected = read(Path::new(&file), &limits).and_then(|bytes| {
            let mut report = inspector.inspect(&bytes, &limits)?;
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
                if let Some(copies) = drawn.as_mut().filter(|_| shows_zones || !report.findings.is_empty()) {
                    let overlay = inspector.overlay(&bytes, &report, &limits);
                    match overlay
                        .and_then(|overlay| overlay.map_err(io::Error::other))
                        .and_then(|overlay| copies.write(&file, ".overlay.pdf", &overlay))
                    {
                        Ok(place) => line["overlay"] = place,
                        Err(error) => line["overlayError"] = error.to_string().into(),
                    }
                }
                if let Some(copies) = &mut mended {
                    let outcome = inspector.mend(&bytes, &MENDS, &limits);
                    match outcome.and_then(|mended| mended.map_err(io::Error::other)) {
                        Ok(mended) => {
                            line["mends"] = serde_json::to_value(&mended)?;
                            if !mended.done.is_empty() {
                                match copies.write(&file, ".mended.pdf", &mended.bytes) {
                                    Ok(place) => line["mended"] = place,
                                    Err(error) => line["mendError"] = error.to_string().into(),
                                }
                            }
                        }
                        Err(error) => line["mendError"] = error.to_string().into(),
                    }
                }
                line
            }
            Err(error) => json!({ "ok": false, "pages": 0, "findings": [], "error": error.to_string() }),
        };
        line["file"] = file.to_string_lossy().into();
        writeln!(io::stdout(), "{line}")?;
    }
    Ok(())
}

/// The content of a file, or as much of it as shows that it is too large. What is no regular file may have no end.
fn read(file: &Path, limits: &Limits) -> io::Result<Vec<u8>> {
    if !std::fs::metadata(file)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file; name a file"));
    }
    let mut bytes = Vec::new();
    std::fs::File::open(file)?.take(limits.max_bytes + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Where copies of documents go.
struct Copies {
    folder: PathBuf,
    /// Names that are taken.
    names: HashSet<OsString>,
}

impl Copies {
    fn new(folder: PathBuf) -> io::Result<Self> {
        std::fs::create_dir_all(&folder)
            .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", folder.display())))?;
        Ok(Self { folder, names: HashSet::new() })
    }

    /// Writes a copy of a file and gives its path.
    fn write(&mut self, file: &OsStr, ending: &str, bytes: &[u8]) -> io::Result<Value> {
        let name = self.name(file, ending);
        let path = self.folder.join(name);
        std::fs::write(&path, bytes)?;
        Ok(path.to_string_lossy().into())
    }

    /// A name that no copy has yet.
    fn name(&mut self, file: &OsStr, ending: &str) -> OsString {
        let base = Path::new(file).file_name().unwrap_or_default();
        let mut number = 1;
        loop {
            let mut name = base.to_owned();
            if number > 1 {
                name.push(format!(".{number}"));
            }
            name.push(ending);
            if self.names.insert(name.clone()) {
                return name;
            }
            number += 1;
        }
    }
}
