//! `make bench`: the figures that the design sets limits to, each beside its floor or peer, in one table.
//!
//! It runs the shipped binaries in release against the AWS emulator at `AWS_ENDPOINT_URL`. It fails when something could
//! not be measured; a figure over its limit is marked in the table.
//!
//! `bench print` measures the print engine alone and `bench html` the rendering of HTML, which need no emulator; `bench oracles`
//! only has qpdf and mutool look at what the engine makes, and measures nothing; `bench scans` what letters and their scans cost;
//! `bench part` a part of 500 letters; `bench cold` cold starts and what is shipped; `bench door` letters that are sent by
//! themselves; `bench webhooks` how soon deliveries are made, which needs no emulator.
//! `bench letters FOLDER COUNT [photos]` only makes letters, as many as wanted, with the table LETTERS.csv of them; with
//! `photos`, a third has one across a page. The rest of its commands are what the measuring runs as processes of their own.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the table is the output, and progress goes beside it")]

mod artifacts;
mod chromium;
mod cold;
mod cost;
mod creating;
mod door;
mod html;
mod letters;
mod part;
mod print;
mod scans;
mod table;
mod units;
mod webhooks;

use std::process::ExitCode;
use std::time::Instant;

use ::print::isolate::{CHILD_ARGUMENT, serve};
use tests::harness::emulator::Emulator;
use tests::harness::floor::Floor;
use tests::harness::house::House;
use tests::mail::Photos;

use self::table::{Row, Table};

/// An outcome of a measurement.
type Result<T> = tests::harness::Result<T>;

/// So many letters make a part, as in the deployment.
const LETTERS_PER_PART: u32 = 300;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let asked = match arguments[..] {
        [] => return measure("").await,
        [what @ ("print" | "oracles" | "html" | "scans" | "part" | "cold" | "webhooks" | "door")] => return measure(what).await,
        ["letters", folder, count] => make_letters(folder, count, Photos::Small),
        ["letters", folder, count, "photos"] => make_letters(folder, count, Photos::Large),
        ["measured", seconds, program, ref arguments @ ..] => print::child::measured(seconds, program, arguments),
        ["floor", letters, out] => print::programs::floor(letters, out),
        ["hash", letters, out] => print::programs::hash(letters, out),
        ["lopdf", letters, out] => print::programs::lopdf(letters, out),
        ["render", count, pages, child] => html::render(count, pages, child),
        ["chromium", count, pages, program] => html::print_with_chromium(count, pages, program),
        [CHILD_ARGUMENT] => serve(),
        _ => Err("usage: bench, bench print, bench oracles, bench html, bench scans, bench part, bench cold, bench webhooks, bench door, or bench letters FOLDER COUNT [photos]".into()),
    };
    match asked {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Makes letters.
fn make_letters(folder: &str, count: &str, photos: Photos) -> Result<()> {
    let made = tests::mail::write(folder.as_ref(), count.parse()?, photos)?;
    println!("{} letters, {} pages, {} bytes", made.documents.len(), made.pages, made.bytes);
    Ok(())
}

/// Measures what was asked for, or all there is, and prints the table.
async fn measure(what: &str) -> ExitCode {
    let mut measured = Measured { table: Table::default(), complete: true, started: Instant::now() };
    let outcome = match what {
        "print" => {
            measured.print();
            Ok(())
        }
        "html" => {
            measured.html();
            Ok(())
        }
        "oracles" => {
            let folder = print::Folder::new();
            measured.oracles(&folder);
            Ok(())
        }
        "scans" => measured.cost().await,
        "webhooks" => {
            measured.webhooks().await;
            Ok(())
        }
        "door" => {
            measured.door().await;
            Ok(())
        }
        "part" => {
            measured.part().await;
            Ok(())
        }
        "cold" => measured.cold().await,
        _ => {
            measured.print();
            measured.html();
            measured.webhooks().await;
            measured.stack().await
        }
    };
    println!("\n{}", measured.table);
    match outcome {
        Ok(()) if measured.complete => ExitCode::SUCCESS,
        Ok(()) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("The stack could not be measured: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The figures so far.
struct Measured {
    table: Table,
    /// Whether all that should be measured could be.
    complete: bool,
    started: Instant,
}

impl Measured {
    fn say(&self, what: &str) {
        eprintln!("{:4.0} s  {what}", self.started.elapsed().as_secs_f64());
    }

    fn keep(&mut self, what: &str, rows: Result<Vec<Row>>) {
        match rows {
            Ok(rows) => self.table.rows.extend(rows),
            Err(error) => {
                eprintln!("{what} could not be measured: {error}");
                self.table.rows.push(Row::missing(what, &error));
                self.complete = false;
            }
        }
    }

    /// The print engine.
    fn print(&mut self) {
        self.say("assembly, beside the floor and peers");
        let folder = print::Folder::new();
        let raced = folder.as_ref().map_err(|error| error.to_string().into()).and_then(print::races);
        let rows = raced.map(|(races, rows)| {
            self.complete &= races.iter().flat_map(|race| &race.runners).all(|runner| runner.verdict != table::FAILED);
            self.table.races = races;
            rows
        });
        self.keep("assembly", rows);
        self.say("inspection");
        self.keep("inspection", print::inspection());
        self.oracles(&folder);
    }

    /// What qpdf and mutool make of print streams.
    fn oracles(&mut self, folder: &Result<print::Folder>) {
        self.say("what qpdf and mutool make of print streams");
        let rows = folder.as_ref().map_err(|error| error.to_string().into()).and_then(print::oracles);
        self.keep("what qpdf and mutool make of print streams", rows);
    }

    /// HTML letters.
    fn html(&mut self) {
        self.say("HTML letters");
        self.keep("HTML letters", html::measure());
    }

    /// Letters and their scans alone.
    async fn cost(&mut self) -> Result<()> {
        let mut floor = Floor::open(House::build(&Emulator::find().await?, LETTERS_PER_PART).await?);
        self.say("the cost of a letter, in a batch of 2,000");
        self.keep("the cost of a letter", cost::measure(&mut floor).await);
        self.say("scans of these letters");
        self.keep("scans", scans::measure(&mut floor).await);
        floor.house.take_down().await
    }

    /// The assembling of a part.
    async fn part(&mut self) {
        self.say("a part of 500 letters");
        self.keep("a part of 500 letters", part::measure().await);
    }

    /// Letters that are sent by themselves.
    async fn door(&mut self) {
        self.say("letters that are sent by themselves, and a list of 20,000");
        self.keep("letters that are sent by themselves", door::measure().await);
    }

    /// Deliveries to webhooks.
    async fn webhooks(&mut self) {
        self.say("deliveries to webhooks, for a minute");
        let rows = webhooks::measure().await;
        self.keep("deliveries to webhooks", rows);
    }

    /// Cold starts, and what is shipped.
    async fn cold(&mut self) -> Result<()> {
        let emulator = Emulator::find().await?;
        let floor = Floor::open(House::build(&emulator, LETTERS_PER_PART).await?);
        self.starts(&floor, &emulator).await;
        floor.house.take_down().await
    }

    async fn starts(&mut self, floor: &Floor, emulator: &Emulator) {
        self.say("cold starts");
        self.keep("cold start", cold::measure(&floor.house.settings(), &emulator.endpoint));
        self.keep("first answer", cold::first_answer(floor).await.map(|row| vec![row]));
        self.say("artifacts");
        self.keep("artifacts", artifacts::measure());
    }

    /// The deployed stack.
    async fn stack(&mut self) -> Result<()> {
        let emulator = Emulator::find().await?;
        let house = House::build(&emulator, LETTERS_PER_PART).await?;
        let mut floor = Floor::open(house);
        self.starts(&floor, &emulator).await;
        self.say("the cost of a letter, in a batch of 2,000");
        self.keep("the cost of a letter", cost::measure(&mut floor).await);
        self.say("scans of these letters");
        self.keep("scans", scans::measure(&mut floor).await);
        self.say("50,000 letters in one request");
        self.keep("POST of 50,000 letters", creating::measure(&floor).await);
        self.part().await;
        self.door().await;
        self.say("done");
        floor.house.take_down().await
    }
}

/// The one in the middle.
fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
