//! `make bench`: the figures that the design sets limits to, each beside its floor or peer, in one table.
//!
//! It runs the shipped binaries in release against the AWS emulator at `AWS_ENDPOINT_URL`. It fails when something could
//! not be measured; a figure over its limit is marked in the table.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the table is the output, and progress goes beside it")]

mod artifacts;
mod cold;
mod cost;
mod creating;
mod letters;
mod table;
mod units;

use std::process::ExitCode;
use std::time::Instant;

use tests::harness::emulator::Emulator;
use tests::harness::floor::Floor;
use tests::harness::house::House;

use self::table::{Row, Table};

/// An outcome of a measurement.
type Result<T> = tests::harness::Result<T>;

/// So many letters make a part, as in the deployment.
const LETTERS_PER_PART: u32 = 300;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let mut table = Table::default();
    let measured = run(&mut table).await;
    println!("\n{table}");
    match measured {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("Nothing could be measured: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Measures everything. Answers whether everything could be.
async fn run(table: &mut Table) -> Result<bool> {
    let started = Instant::now();
    let say = |what: &str| eprintln!("{:4.0} s  {what}", started.elapsed().as_secs_f64());
    let emulator = Emulator::find().await?;
    let house = House::build(&emulator, LETTERS_PER_PART).await?;
    let mut floor = Floor::open(house);
    let mut complete = true;
    let mut keep = |what: &str, rows: Result<Vec<Row>>| match rows {
        Ok(rows) => table.0.extend(rows),
        Err(error) => {
            eprintln!("{what} could not be measured: {error}");
            table.0.push(Row::missing(what, &error));
            complete = false;
        }
    };

    say("cold starts");
    keep("cold start", cold::measure(&floor.house.settings(), &emulator.endpoint));
    keep("first answer", cold::first_answer(&floor).await.map(|row| vec![row]));
    say("artifacts");
    keep("artifacts", artifacts::measure());
    say("the cost of a letter, in a batch of 2,000");
    keep("the cost of a letter", cost::measure(&mut floor).await);
    say("50,000 letters in one request");
    keep("POST of 50,000 letters", creating::measure(&floor).await);
    say("done");
    floor.house.take_down().await?;
    Ok(complete)
}

/// The one in the middle.
fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
