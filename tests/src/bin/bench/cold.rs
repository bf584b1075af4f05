//! Cold starts: from exec to the first poll of a runtime API, of ours and of a bare function by turns.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use hyper::body::Bytes;
use tests::harness::binaries::{self, Binary};
use tests::harness::floor::Floor;
use tests::harness::letters::of_letter;
use tests::harness::runtime::environment;

use super::table::Row;
use super::{Result, median};

const WARM_UPS: usize = 3;
const RUNS: usize = 31;
const ANSWERS: usize = 15;

/// Measures.
///
/// # Errors
/// When a process does not start or never polls.
pub(crate) fn measure(settings: &[(String, String)], endpoint: &str) -> Result<Vec<Row>> {
    let (api, workers) = (Binary::Api.path()?, Binary::Workers.path()?);
    let hello = hello()?;
    // The settings are the same for all of them; the bare one reads none.
    let contenders: [(&str, &Path, &str); 4] = [
        ("bare", &hello, "hello"),
        ("batches.get", &api, "batches.get"),
        ("batches.create", &api, "batches.create"),
        ("letters.inspect", &workers, "letters.inspect"),
    ];
    let mut times = [const { Vec::<f64>::new() }; 4];
    for run in 0..WARM_UPS + RUNS {
        for ((name, binary, operation), times) in contenders.iter().zip(&mut times) {
            let time = start(binary, operation, settings, endpoint).map_err(|error| format!("{name}: {error}"))?;
            if run >= WARM_UPS {
                times.push(time.as_secs_f64() * 1_000.0);
            }
        }
    }
    let [bare, get, create, inspect] = times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        let at = |share: usize| times.get(times.len() * share / 100).copied().unwrap_or(f64::NAN);
        (at(50), at(10), at(90))
    });
    let text = |(median, low, high): (f64, f64, f64)| format!("{median:.1} ms ({low:.1} to {high:.1})");
    let row = |name: &str, time: (f64, f64, f64)| {
        Row::new(format!("cold start, {name}"), text(time))
            .beside(format!("bare lambda_runtime {}", text(bare)), time.0 / bare.0)
    };
    Ok(vec![
        row("api as batches.get", get).limit("2.00x", get.0 <= 2.0 * bare.0),
        row("api as batches.create", create),
        row("workers as letters.inspect", inspect),
    ])
}

/// What comes after the first poll: from exec to the first answer, with one call of AWS, which is where the SDK reads the
/// system's certificates, beside an answer of the same process when it is warm.
///
/// # Errors
/// When the function does not answer.
pub(crate) async fn first_answer(floor: &Floor) -> Result<Row> {
    let event = floor.event(&of_letter("batches.get", "GET", "00000000", "00000000", None));
    let event = Bytes::from(serde_json::to_vec(&event)?);
    let (mut cold, mut warm) = (Vec::new(), Vec::new());
    for _ in 0..ANSWERS {
        let mut started = Instant::now();
        let mut function = floor.house.function("batches.get", None).await?;
        for times in [&mut cold, &mut warm] {
            let answer = Floor::answer(function.hand(event.clone()).await?)?.ok_or("the function was killed")?;
            if answer.status != 404 {
                return Err(format!("an unknown batch was answered with {}", answer.status).into());
            }
            times.push(started.elapsed().as_secs_f64() * 1_000.0);
            started = Instant::now();
        }
    }
    let (cold, warm) = (median(&mut cold), median(&mut warm));
    let what = "exec to first answer, api as batches.get";
    Ok(Row::new(what, format!("{cold:.1} ms")).beside(format!("its answer when warm {warm:.1} ms"), cold / warm))
}

/// Where the bare function is: built like ours, or in `MAILHOUSE_BIN_DIR` beside them.
fn hello() -> Result<PathBuf> {
    if let Some(folder) = std::env::var_os("MAILHOUSE_BIN_DIR") {
        return Ok(PathBuf::from(folder).join("hello_lambda"));
    }
    let built = binaries::build(&["--package", "tests", "--bin", "hello_lambda"])?;
    Ok(built.into_iter().next().ok_or("cargo built no hello_lambda")?)
}

/// How long a process takes from its start to its first poll.
fn start(binary: &Path, operation: &str, settings: &[(String, String)], endpoint: &str) -> Result<Duration> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let address = listener.local_addr()?.to_string();
    let mut command = Command::new(binary);
    command
        .env_clear()
        .envs(environment(operation, &address, endpoint))
        .envs(settings.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let started = Instant::now();
    let mut child = command.spawn()?;
    let polled = poll(&listener);
    child.kill()?;
    child.wait()?;
    polled.map(|polled| polled - started)
}

/// Waits for the first poll, and answers when it came.
fn poll(listener: &TcpListener) -> Result<Instant> {
    // A process that ends instead of polling would leave the listener waiting for ever.
    let address = listener.local_addr()?;
    let (told, wait) = channel::<()>();
    let watch = std::thread::spawn(move || {
        if wait.recv_timeout(Duration::from_secs(10)) == Err(RecvTimeoutError::Timeout) {
            drop(TcpStream::connect(address).and_then(|mut stream| stream.write_all(b"\r\n")));
        }
    });
    let (stream, _) = listener.accept()?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    let polled = Instant::now();
    drop(told);
    drop(watch.join());
    match line.starts_with("GET /2018-06-01/runtime/invocation/next ") {
        true => Ok(polled),
        false => Err(format!("it sent {:?} instead of polling", line.trim_end()).into()),
    }
}
