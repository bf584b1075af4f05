//! Assembles a list of letters into a print stream with its manifest, and says what that took:
//! `assemble --letters LETTERS.csv --out OUT.pdf [--account-column NAME] [--return-address LINE]…`.
//!
//! The columns of the list are `document,name1,name2,address1,address2,city,state,postalCode,trackingCode,routing,perforated`.
//! A document is looked for beside the list, then in the current folder. Beside `OUT.pdf` there will be `OUT.manifest.csv`
//! and `OUT.manifest.jsonl`. If a letter cannot be assembled, there is a line for it and nothing is left behind. Documents
//! are taken to have been inspected.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "its output is what it is for")]

use std::borrow::Cow;
use std::error::Error;
use std::fs::{self, File};
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use print::assemble::{Assembler, Piece, PieceRow, Totals};
use print::imb::Imb;
use print::manifest::{Csv, Entry, JsonLines, Summary};
use print::stationery::{Placement, Sides, Stationery};
use serde::Deserialize;
use sha2::{Digest, Sha256};

const USAGE: &str =
    "usage: assemble --letters LETTERS.csv --out OUT.pdf [--account-column NAME] [--return-address LINE]...";

fn main() -> ExitCode {
    let started = Instant::now();
    // An error is text by then, for it goes from one thread to another.
    let work =
        || Options::read(std::env::args().skip(1)).and_then(|options| run(&options)).map_err(|error| error.to_string());
    match print::on_large_stack(work).unwrap_or_else(|| Err("a document could not be parsed".to_owned())) {
        Ok((totals, sha256)) => {
            let seconds = started.elapsed().as_secs_f64();
            let memory =
                peak_memory().map_or_else(|| "unknown".to_owned(), |bytes| format!("{} MB", bytes / 1_000_000));
            println!("pieces {}", totals.pieces);
            println!("pages {}", totals.pages);
            println!("sheets {}", totals.sheets);
            println!("bytes {}", totals.bytes);
            println!("sha256 {sha256}");
            println!("seconds {seconds:.3}");
            println!("peak memory {memory}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

struct Options {
    letters: PathBuf,
    out: PathBuf,
    account_column: Option<String>,
    return_address: Vec<String>,
}

impl Options {
    fn read(mut arguments: impl Iterator<Item = String>) -> Result<Self, Box<dyn Error>> {
        let (mut letters, mut out, mut account_column, mut return_address) = (None, None, None, Vec::new());
        while let Some(name) = arguments.next() {
            let value = arguments.next().ok_or(USAGE)?;
            match name.as_str() {
                "--letters" => letters = Some(PathBuf::from(value)),
                "--out" => out = Some(PathBuf::from(value)),
                "--account-column" => account_column = Some(value),
                "--return-address" => return_address.push(value),
                _ => return Err(USAGE.into()),
            }
        }
        if return_address.is_empty() {
            return_address =
                ["Mailhouse Print Floor", "1300 Perdido St", "New Orleans LA 70112"].map(str::to_owned).to_vec();
        }
        Ok(Self { letters: letters.ok_or(USAGE)?, out: out.ok_or(USAGE)?, account_column, return_address })
    }
}

/// A row of the list of letters.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Letter<'a> {
    #[serde(borrow)]
    document: Cow<'a, str>,
    name1: Cow<'a, str>,
    #[serde(default)]
    name2: Cow<'a, str>,
    address1: Cow<'a, str>,
    #[serde(default)]
    address2: Cow<'a, str>,
    city: Cow<'a, str>,
    state: Cow<'a, str>,
    postal_code: Cow<'a, str>,
    tracking_code: Cow<'a, str>,
    #[serde(default)]
    routing: Cow<'a, str>,
    #[serde(default)]
    perforated: Cow<'a, str>,
}

impl Letter<'_> {
    /// The lines of the address block.
    fn lines(&self) -> Vec<String> {
        let last = [&self.city, &self.state, &self.postal_code].map(|part| part.trim());
        let last: Vec<&str> = last.into_iter().filter(|part| !part.is_empty()).collect();
        [&self.name1, &self.name2, &self.address1, &self.address2]
            .map(|line| line.trim().to_owned())
            .into_iter()
            .chain([last.join(" ")])
            .filter(|line| !line.is_empty())
            .collect()
    }

    fn is_perforated(&self) -> Result<bool, String> {
        match self.perforated.trim().to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" => Ok(true),
            "" | "false" | "0" | "no" => Ok(false),
            _ => Err("perforated must be true, false, 1, 0, yes, no or empty".to_owned()),
        }
    }
}

fn run(options: &Options) -> Result<(Totals, String), Box<dyn Error>> {
    let names = Names::new(&options.out);
    let outcome = write(options, &names);
    match &outcome {
        Ok(_) => names.keep()?,
        Err(_) => names.discard(),
    }
    outcome
}

/// Gives what was written, and the SHA-256 of the print stream.
fn write(options: &Options, names: &Names) -> Result<(Totals, String), Box<dyn Error>> {
    let list = options.letters.display();
    let mut rows = csv::Reader::from_path(&options.letters).map_err(|error| format!("{list}: {error}"))?;
    let headers = rows.headers().map_err(|error| format!("{list}: {error}"))?.clone();
    let account = match &options.account_column {
        Some(name) => Some(
            headers.iter().position(|header| header == name).ok_or_else(|| format!("{list} has no column {name}"))?,
        ),
        None => None,
    };
    let folder = options.letters.parent().unwrap_or(Path::new(""));
    let letters = List { folder, headers: &headers, account, return_address: &options.return_address };

    let [print_stream, table, lines] = names.create()?;
    let file = Hashed { file: print_stream, hasher: Sha256::new() };
    let mut assembler = Assembler::new(file, &Stationery::default())?;
    let mut csv = Csv::new(BufWriter::new(table));
    let mut json = JsonLines::new(BufWriter::new(lines));
    let mut record = csv::StringRecord::new();
    let (mut number, mut failed) = (0, 0u32);
    let mut progress = Progress::new();
    let mut document = Vec::new();
    loop {
        let read = rows.read_record(&mut record);
        if let Ok(false) = read {
            break;
        }
        number += 1;
        match read {
            Ok(_) => {}
            Err(error) if error.is_io_error() => return Err(format!("{list}: {error}").into()),
            // It is of this row, and the next can be read.
            Err(error) => {
                failed += 1;
                eprintln!("row {number}: {error}");
                continue;
            }
        }
        match letters.add(&mut assembler, &record, number, &mut document) {
            Ok((letter, imb, row, sha256)) => {
                let entry = Entry {
                    letter_ref_id: &letter.document,
                    tracking_code: imb.tracking(),
                    name: &letter.name1,
                    postal_code: &letter.postal_code,
                    document_sha256: &sha256,
                    ..Entry::default()
                };
                csv.write(&entry, &row)?;
                json.write(&entry, &row)?;
            }
            Err(error) => {
                failed += 1;
                eprintln!("row {number}: {error}");
                // What was printed cannot be finished.
                if error.is::<io::Error>() {
                    break;
                }
            }
        }
        progress.show(number);
    }
    if failed > 0 {
        return Err(format!("{failed} of {number} letters cannot be assembled; nothing was written").into());
    }
    if number == 0 {
        return Err(format!("{list} has no letters").into());
    }
    let (file, totals) = assembler.finish()?;
    let sha256 = hex(&file.hasher.finalize());
    csv.finish()?.flush()?;
    json.finish(&Summary { totals, sha256: &sha256 })?;
    Ok((totals, sha256))
}

/// What is the same for every row of the list.
struct List<'a> {
    folder: &'a Path,
    headers: &'a csv::StringRecord,
    /// The place of the account column.
    account: Option<usize>,
    return_address: &'a [String],
}

impl<'a> List<'a> {
    /// Adds the letter of a row, whose document is read into `document`. Gives the letter back with its place in the print
    /// stream and the hash of its document.
    fn add(
        &self,
        assembler: &mut Assembler<Hashed>,
        record: &'a csv::StringRecord,
        number: u32,
        document: &mut Vec<u8>,
    ) -> Result<(Letter<'a>, Imb, PieceRow, String), Box<dyn Error>> {
        let letter: Letter<'a> = record.deserialize(Some(self.headers))?;
        read_document(self.folder, letter.document.trim(), document)?;
        let imb = Imb::encode(letter.tracking_code.trim(), letter.routing.trim())?;
        let account = match self.account {
            Some(place) => {
                record.get(place).map(str::trim).filter(|name| !name.is_empty()).ok_or("it has no account")?
            }
            None => "",
        };
        let piece = Piece {
            account,
            sender: self.return_address,
            recipient: &letter.lines(),
            imb: &imb,
            endorsement: None,
            certified: None,
            job: "job_sample",
            number,
            document,
            impressions: None,
            placement: Placement::Cover,
            sides: Sides::Duplex,
            perforated: letter.is_perforated()?,
            return_envelope: false,
        };
        let row = assembler.add(&piece)?;
        let sha256 = hex(&Sha256::digest(&document));
        Ok((letter, imb, row, sha256))
    }
}

/// Reads a document in place of the one before it, whose memory it takes over.
fn read_document(folder: &Path, name: &str, document: &mut Vec<u8>) -> Result<(), String> {
    document.clear();
    let beside = folder.join(name);
    let mut file = File::open(&beside)
        .or_else(|_| File::open(name))
        .map_err(|error| format!("{} cannot be read: {error}", beside.display()))?;
    io::Read::read_to_end(&mut file, document).map_err(|error| format!("{name} cannot be read: {error}"))?;
    Ok(())
}

/// The print stream on its way to the disk.
struct Hashed {
    file: File,
    hasher: Sha256,
}

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// What the files will be called, and what they are called until they are whole.
struct Names {
    temporary: [PathBuf; 3],
    final_: [PathBuf; 3],
}

impl Names {
    fn new(out: &Path) -> Self {
        let final_ = [out.to_owned(), out.with_extension("manifest.csv"), out.with_extension("manifest.jsonl")];
        let temporary = final_.each_ref().map(|name| {
            let mut name = name.clone().into_os_string();
            name.push(format!(".{}.tmp", std::process::id()));
            name.into()
        });
        Self { temporary, final_ }
    }

    fn create(&self) -> Result<[File; 3], String> {
        let [print_stream, table, lines] = self
            .temporary
            .each_ref()
            .map(|name| File::create(name).map_err(|error| format!("{} cannot be written: {error}", name.display())));
        Ok([print_stream?, table?, lines?])
    }

    /// The print stream comes last, so that one that is there has its manifest.
    fn keep(&self) -> Result<(), String> {
        self.temporary.iter().zip(&self.final_).rev().try_for_each(|(from, to)| {
            fs::rename(from, to).map_err(|error| format!("{} cannot be written: {error}", to.display()))
        })
    }

    fn discard(&self) {
        for name in &self.temporary {
            // It may never have been made.
            let _ = fs::remove_file(name);
        }
    }
}

/// A line on a terminal that counts the letters.
struct Progress {
    shown: Option<Instant>,
    on_terminal: bool,
}

impl Progress {
    fn new() -> Self {
        Self { shown: None, on_terminal: io::stderr().is_terminal() }
    }

    fn show(&mut self, letters: u32) {
        const PAUSE: Duration = Duration::from_millis(250);
        if self.on_terminal && self.shown.is_none_or(|shown| shown.elapsed() > PAUSE) {
            eprint!("\r{letters} letters\r");
            self.shown = Some(Instant::now());
        }
    }
}

/// The most memory this process has had, bytes; nothing where the system does not say.
fn peak_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()? * 1024)
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}
