//! `POST /v2/batches` with as many letters as one request may bring: how long the function takes, and how much memory.

use std::io::Write;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::body::Bytes;
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use tests::harness::floor::{Floor, Request};
use tests::harness::proxy::Call;

use super::table::Row;
use super::{Result, letters, median};

const LETTERS: usize = 50_000;
/// Each in a process of its own.
const RUNS: usize = 5;
/// What Lambda takes in one invocation, the whole event.
const MAX_EVENT: usize = 6 << 20;
const MAX_MEMORY: f64 = 256.0;

/// Measures.
///
/// # Errors
/// When the function does not answer 202, or the system does not tell its memory.
pub(crate) async fn measure(floor: &Floor) -> Result<Vec<Row>> {
    let bucket = &floor.house.client;
    let document = |number| (format!("s3://{bucket}/notices/2026/november/notice-{number:07}.pdf"), 2);
    let body = letters::body(LETTERS, document)?;
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(body.as_bytes())?;
    let packed = packed.finish()?;
    let event = event(floor, &packed)?;
    let sizes = format!(
        "{:.1} MB of JSON, {:.2} MB gzip, event of {:.2} MB",
        body.len() as f64 / 1e6,
        packed.len() as f64 / 1e6,
        event.len() as f64 / 1e6
    );

    let (mut walls, mut waits, mut peaks, mut again, mut idle) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let mut function = floor.house.function("batches.create", Some(Vec::new())).await?;
        let pid = function.pid().ok_or("the function has no process")?;
        // One that reaches the handler and no further, so that the start is not in the figure.
        let refused = Floor::answer(function.hand(blank(floor)?).await?)?.ok_or("the function was killed")?;
        if refused.status != 400 {
            return Err(format!("a blank body was answered with {}", refused.status).into());
        }
        idle.push(peak(pid)?);
        for first in [true, false] {
            let before = function.proxy().map_or(0, |proxy| proxy.answered().len());
            let started = Instant::now();
            let outcome = function.hand(event.clone()).await?;
            let wall = started.elapsed();
            let answer = Floor::answer(outcome)?.ok_or("the function was killed")?;
            if answer.status != 202 {
                return Err(format!("{} letters were answered with {}: {}", LETTERS, answer.status, answer.body).into());
            }
            if first {
                let calls = function.proxy().map(|proxy| proxy.answered()).unwrap_or_default();
                walls.push(milliseconds(wall));
                waits.push(milliseconds(waited(calls.get(before..).unwrap_or_default())));
                peaks.push(peak(pid)?);
            } else {
                again.push(peak(pid)?);
            }
        }
    }
    let ignored = time(|| serde_json::from_str::<IgnoredAny>(&body).map(drop))?;
    let value = time(|| serde_json::from_str::<Value>(&body).map(drop))?;

    let (wall, wait) = (median(&mut walls), median(&mut waits));
    let own = wall - wait;
    let most = |peaks: &[f64]| peaks.iter().copied().fold(0.0, f64::max);
    let needed = (body.len() + packed.len()) as f64 / f64::from(1 << 20);
    Ok(vec![
        Row::new("POST of 50,000 letters, the request", sizes).limit("6.29 MB event", event.len() <= MAX_EVENT),
        Row::new("POST of 50,000 letters, wall", format!("{wall:.0} ms, of which {wait:.0} ms waiting for AWS"))
            .beside(format!("serde_json to IgnoredAny {ignored:.0} ms"), wall / ignored),
        Row::new("the same without the waiting", format!("{own:.0} ms"))
            .beside(format!("serde_json to Value {value:.0} ms"), own / value),
        Row::new("its peak memory", format!("{:.0} MiB ({:.0} before it)", most(&peaks), most(&idle)))
            .beside(format!("the body, packed and not: {needed:.0} MiB"), most(&peaks) / needed)
            .limit(format!("{MAX_MEMORY:.0} MiB"), most(&peaks) <= MAX_MEMORY),
        Row::new("its peak memory after a second", format!("{:.0} MiB", most(&again)))
            .limit(format!("{MAX_MEMORY:.0} MiB"), most(&again) <= MAX_MEMORY),
    ])
}

fn request() -> Request {
    Request {
        operation: "batches.create",
        method: "POST",
        path: "/v2/batches",
        parameters: Vec::new(),
        body: None,
        key: None,
    }
}

/// The event as API Gateway makes it of a body that is not text.
fn event(floor: &Floor, packed: &[u8]) -> Result<Bytes> {
    let mut event = floor.event(&request());
    event["headers"]["Content-Encoding"] = json!("gzip");
    event["multiValueHeaders"]["Content-Encoding"] = json!(["gzip"]);
    event["body"] = Value::from(STANDARD.encode(packed));
    event["isBase64Encoded"] = Value::from(true);
    Ok(Bytes::from(serde_json::to_vec(&event)?))
}

fn blank(floor: &Floor) -> Result<Bytes> {
    Ok(Bytes::from(serde_json::to_vec(&floor.event(&request()))?))
}

/// For how long at least one call was under way.
pub(crate) fn waited(calls: &[Call]) -> Duration {
    let mut spans: Vec<(Instant, Instant)> = calls.iter().map(|call| (call.began, call.ended)).collect();
    spans.sort_unstable();
    let mut waited = Duration::ZERO;
    let mut until = None;
    for (began, ended) in spans {
        let from = until.map_or(began, |until: Instant| until.max(began));
        waited += ended.saturating_duration_since(from);
        until = Some(until.map_or(ended, |until| until.max(ended)));
    }
    waited
}

/// The most memory that a process has had resident, in MiB.
///
/// # Errors
/// When the system does not tell.
pub(crate) fn peak(pid: u32) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("the system tells no VmHWM")?;
    let kibibytes: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kibibytes / 1_024.0)
}

/// The median of five.
fn time<E: std::error::Error + Send + Sync + 'static>(
    mut work: impl FnMut() -> std::result::Result<(), E>,
) -> Result<f64> {
    let mut times = Vec::new();
    for _ in 0..5 {
        let started = Instant::now();
        work()?;
        times.push(milliseconds(started.elapsed()));
    }
    Ok(median(&mut times))
}

/// A time in milliseconds.
pub(crate) fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}
