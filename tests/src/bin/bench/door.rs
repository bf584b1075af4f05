//! Letters that are sent by themselves: how long `POST /v2/letters` takes, what a letter costs on its way from there to mailed, and
//! what a page of a long list costs at its start and at its end.

use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::body::Bytes;
use serde_json::{Value, json};
use tests::harness::audit::text;
use tests::harness::emulator::Emulator;
use tests::harness::floor::{Floor, Request};
use tests::harness::house::House;
use tests::harness::letters::{merge, of_job};
use tests::harness::proxy::Call;
use tests::harness::singles::{all, body, come, create, events_of, list, many, release};

use super::cost::step;
use super::creating::{milliseconds, waited};
use super::table::Row;
use super::units::{Replay, Units};
use super::{LETTERS_PER_PART, Result};

/// How often each kind of request is made.
const RUNS: usize = 300;
/// The bytes of a document that comes with its request.
const DOCUMENT: usize = 200_000;
/// How many letters are followed to the letterbox, each by itself, and as one mailing.
const LETTERS: usize = 200;
/// How many letters the long list has: as many requests of a thousand recipients.
const LISTED: u32 = 20_000;
const PAGE: usize = 100;

/// Measures.
///
/// # Errors
/// When a step fails, or the replay of the writes does not come out at what the table holds.
pub(crate) async fn measure() -> Result<Vec<Row>> {
    let house = async || House::build(&Emulator::find().await?, LETTERS_PER_PART).await;
    let floor = Floor::open(house().await?);
    let mut rows = handlers(&floor).await?;
    floor.house.take_down().await?;
    for alone in [true, false] {
        let mut floor = Floor::open(house().await?);
        rows.extend(to_the_letterbox(&mut floor, alone).await?);
        floor.house.take_down().await?;
    }
    let mut floor = Floor::open(house().await?);
    rows.extend(pages(&mut floor).await?);
    floor.house.take_down().await?;
    Ok(rows)
}

/// How long the function takes.
async fn handlers(floor: &Floor) -> Result<Vec<Row>> {
    let pdf: Vec<u8> =
        b"%PDF-".iter().copied().chain((0..).map(|byte: u32| (byte % 251) as u8)).take(DOCUMENT).collect();
    let with_document = |body: &mut Value| body["content"] = json!({ "pdf": STANDARD.encode(&pdf) });
    let mut rows = Vec::new();
    for (what, brings) in [("S3 path", false), ("PDF of 200 KB", true)] {
        let mut function = floor.house.function("singles.create", Some(Vec::new())).await?;
        let (mut walls, mut owns) = (Vec::with_capacity(RUNS), Vec::with_capacity(RUNS));
        for run in 0..=RUNS {
            let mut wanted = body(&floor.house, "reportlab.pdf");
            if brings {
                with_document(&mut wanted);
            }
            let event =
                Bytes::from(serde_json::to_vec(&floor.event(&create(wanted, Some(format!("{brings}-{run}")))))?);
            let proxy = || function.proxy().map(|proxy| (proxy.answered(), proxy.counts())).unwrap_or_default();
            let before = proxy();
            let started = Instant::now();
            let outcome = function.hand(event).await?;
            let wall = started.elapsed();
            let answer = Floor::answer(outcome)?.ok_or("the function was killed")?;
            if answer.status != 201 {
                return Err(format!("a letter was answered {}: {}", answer.status, answer.body).into());
            }
            let (calls, counts) = function.proxy().map(|proxy| (proxy.answered(), proxy.counts())).unwrap_or_default();
            let new = |all: &[Call], seen: usize| all.get(seen..).unwrap_or_default().to_vec();
            let calls = [new(&calls, before.0.len()), new(&counts, before.1.len())].concat();
            // The first makes the clients and their connections.
            if run > 0 {
                walls.push(milliseconds(wall));
                owns.push(milliseconds(wall.saturating_sub(waited(&calls))));
            }
        }
        let quantiles = |mut values: Vec<f64>| -> (f64, f64) {
            values.sort_by(f64::total_cmp);
            let at = |share: f64| values.get((values.len() as f64 * share) as usize).copied().unwrap_or(f64::NAN);
            (at(0.5), at(0.99))
        };
        let ((median, most), (wall, most_wall)) = (quantiles(owns), quantiles(walls));
        rows.push(Row::new(
            format!("POST /v2/letters, {what}, without waiting for AWS"),
            format!("{median:.1} ms, 99th percentile {most:.1} ms"),
        ));
        rows.push(Row::new("  with the emulator's time", format!("{wall:.0} ms, 99th percentile {most_wall:.0} ms")));
    }
    Ok(rows)
}

/// What letters cost on their way, each created by a request of its own or all by one.
async fn to_the_letterbox(floor: &mut Floor, alone: bool) -> Result<Vec<Row>> {
    let (emulator, table) = (floor.house.emulator.clone(), floor.house.table.clone());
    let mut replay = Replay::of(&emulator, &table).await?;
    floor.counted = true;
    if alone {
        for number in 0..LETTERS {
            let wanted = body(&floor.house, "reportlab.pdf");
            step(floor, &create(wanted, Some(format!("letter-{number}"))), 201).await?;
        }
    } else {
        let wanted = many(&floor.house, "reportlab.pdf", u32::try_from(LETTERS)?);
        step(floor, &create(wanted, Some("mailing".to_owned())), 201).await?;
    }
    let made = Instant::now();
    floor.drain(None).await?;
    let ready = Instant::now();
    let create_units = spent(floor, &mut replay, None, made)?;
    let inspect_units = spent(floor, &mut replay, Some(made), ready)?;
    replay.compare(&Replay::of(&emulator, &table).await?)?;

    // Their day comes, of which the replay knows nothing.
    let ids: Vec<String> = all(&floor.house).await?.iter().map(|single| text(single, "id").to_owned()).collect();
    for id in &ids {
        come(&floor.house, id).await?;
    }
    let mut replay = Replay::of(&emulator, &table).await?;
    let due = Instant::now();
    while release(floor).await? > 0 {}
    let released = Instant::now();
    let batches = floor.house.all("BATCH").await?;
    let batches: Vec<String> = batches.iter().map(|batch| text(batch, "id").to_owned()).collect();
    let names: Vec<&str> = batches.iter().map(String::as_str).collect();
    let job = step(floor, &merge(&names, Some("merge".to_owned())), 202).await?;
    floor.drain(None).await?;
    for operation in ["operator.jobs.printed", "operator.jobs.mailed"] {
        step(floor, &of_job(operation, &job, None), 200).await?;
    }
    let mailed = Instant::now();
    let mut records = Vec::new();
    for pk in events_of(&floor.house).await? {
        records.extend(floor.stream(&pk).await?["Records"].as_array().cloned().unwrap_or_default());
    }
    // As many as the stream hands over at once, when there are many.
    for records in records.chunks(100) {
        floor.invoke("events.sequence", &json!({ "Records": records })).await?;
    }
    let release_units = spent(floor, &mut replay, Some(due), released)?;
    let print_units = spent(floor, &mut replay, Some(released), mailed)?;
    let number_units = spent(floor, &mut replay, Some(mailed), Instant::now())?;
    replay.compare(&Replay::of(&emulator, &table).await?)?;

    let steps = [
        ("POST", create_units),
        ("inspection", inspect_units),
        ("release", release_units),
        ("print floor", print_units),
        ("numbering of events", number_units),
    ];
    let mut total = Units::default();
    for (_, units) in steps {
        total.add(units);
    }
    let each = |units: Units| (units.written() / LETTERS as f64, units.read / LETTERS as f64);
    let show = |units: Units| format!("{:.2} W, {:.2} R", each(units).0, each(units).1);
    let how = if alone { "alone" } else { "one of 200 recipients" };
    let mut rows = vec![Row::new(format!("units of a letter by itself, {how}, POST to mailed"), show(total))];
    rows.extend(steps.map(|(step, units)| Row::new(format!("  {step}"), show(units))));
    if alone {
        let counts = floor.counts().len();
        let requests = LETTERS as f64;
        rows.push(Row::new(
            "  the count of its request, in a table of its own",
            format!("{:.2} W", counts as f64 / requests),
        ));
    }
    Ok(rows)
}

/// What calls cost that were made in that time.
fn spent(floor: &Floor, replay: &mut Replay, from: Option<Instant>, to: Instant) -> Result<Units> {
    let mut calls: Vec<Call> = floor.calls().into_iter().flat_map(|(_, calls)| calls).collect();
    calls.retain(|call| from.is_none_or(|from| call.began >= from) && call.began < to);
    calls.sort_by_key(|call| call.ended);
    let mut units = Units::default();
    for call in &calls {
        units.add(replay.call(call)?);
    }
    Ok(units)
}

/// What a page costs at the start, in the middle and at the end of a long list.
async fn pages(floor: &mut Floor) -> Result<Vec<Row>> {
    for _ in 0..LISTED / 1_000 {
        let wanted = many(&floor.house, "reportlab.pdf", 1_000);
        step(floor, &create(wanted, None), 201).await?;
    }
    let mut function = floor.house.function("singles.list", Some(Vec::new())).await?;
    let mut replay = Replay::default();
    let (mut costs, mut cursor, mut seen) = (Vec::<(f64, Duration)>::new(), None::<String>, 0);
    loop {
        let mut parameters = vec![("limit", PAGE.to_string())];
        parameters.extend(cursor.take().map(|cursor| ("cursor", cursor)));
        let request: Request = list(&parameters);
        let before = function.proxy().map_or(0, |proxy| proxy.answered().len());
        let started = Instant::now();
        let outcome = function.invoke(&floor.event(&request)).await?;
        let took = started.elapsed();
        let answer = Floor::answer(outcome)?.ok_or("the function was killed")?;
        let page: Value = serde_json::from_str(&answer.body)?;
        let calls = function.proxy().map(|proxy| proxy.answered()).unwrap_or_default();
        let mut units = Units::default();
        for call in calls.get(before..).unwrap_or_default() {
            units.add(replay.call(call)?);
        }
        seen += page["items"].as_array().map_or(0, Vec::len);
        costs.push((units.read, took));
        match page["nextCursor"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => break,
        }
    }
    if seen != LISTED as usize {
        return Err(format!("the list has {seen} letters, not {LISTED}").into());
    }
    // The last may be blank: whether there is more is not known before it is asked for.
    let full = costs.iter().filter(|(units, _)| *units > 1.0).count();
    let (first, middle, last) = (costs[0], costs[full / 2], costs[full - 1]);
    let most = costs.iter().map(|(units, _)| *units).fold(0.0, f64::max);
    let show = |(units, took): (f64, Duration)| format!("{units:.1} R, {:.0} ms", milliseconds(took));
    Ok(vec![
        Row::new(format!("a page of {PAGE} of {LISTED} letters, the first"), show(first)),
        Row::new("  in the middle", show(middle)).limit("the first", middle.0 <= first.0 * 1.05),
        Row::new("  the last", show(last)).limit("the first", last.0 <= first.0 * 1.05),
        Row::new("  the dearest", format!("{most:.1} R")),
    ])
}
