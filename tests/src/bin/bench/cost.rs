//! What a letter costs of AWS on its way from the creating POST to mailed, counted between the functions and AWS.

use std::collections::BTreeMap;

use serde_json::Value;
use tests::harness::floor::{Floor, Request};
use tests::harness::house::DOCUMENTS;
use tests::harness::letters::{merge, of_job};

use super::table::Row;
use super::units::{Replay, Units};
use super::{Result, letters};

const LETTERS: usize = 2_000;
const LIMIT: f64 = 3.25;

/// Measures.
///
/// # Errors
/// When a step fails, or the replay of the writes does not come out at what the table holds.
pub(crate) async fn measure(floor: &mut Floor) -> Result<Vec<Row>> {
    let mut documents = Vec::new();
    for (file, sides) in DOCUMENTS {
        let key = format!("notices/2026/november/{file}");
        floor.house.upload(file, &key).await?;
        documents.push((format!("s3://{}/{key}", floor.house.client), sides));
    }
    let body = letters::body(LETTERS, |number| {
        documents.iter().cycle().nth(number % documents.len()).cloned().unwrap_or_default()
    })?;
    let (emulator, table) = (floor.house.emulator.clone(), floor.house.table.clone());
    let mut replay = Replay::of(&emulator, &table).await?;
    floor.counted = true;
    mail(floor, serde_json::from_str(&body)?).await?;

    let mut requests = BTreeMap::<&str, f64>::new();
    let mut kinds = BTreeMap::<&str, f64>::new();
    let mut by_function = BTreeMap::<&str, Units>::new();
    let mut total = Units::default();
    let calls = floor.calls();
    let mut calls: Vec<_> =
        calls.iter().flat_map(|(operation, calls)| calls.iter().map(move |call| (*operation, call))).collect();
    calls.sort_by_key(|(_, call)| call.ended);
    for (operation, call) in calls {
        let service = match call.operation.as_str() {
            "SendMessage" => "SQS",
            operation if operation.starts_with("S3 ") => "S3",
            _ => "DynamoDB",
        };
        *requests.entry(service).or_default() += 1.0;
        *kinds.entry(&call.operation).or_default() += 1.0;
        let units = replay.call(call)?;
        by_function.entry(operation).or_default().add(units);
        total.add(units);
    }
    replay.compare(&Replay::of(&emulator, &table).await?)?;

    let each = |count: f64| count / LETTERS as f64;
    let of = |service: &str| each(requests.get(service).copied().unwrap_or(0.0));
    let units = each(total.written());
    let largest = replay.largest("LETTER#");
    let mut rows = vec![
        Row::new("write units of a letter, POST to mailed", format!("{units:.3}"))
            .beside("one write: 1", units)
            .limit(format!("{LIMIT}"), units <= LIMIT),
        Row::new("  outside of transactions", format!("{:.3}", each(total.plain))),
        Row::new("  in transactions", format!("{:.3}", each(total.transacted))),
        Row::new("  in indexes", format!("{:.3}", each(total.indexed))),
    ];
    // What is no more than this of a letter is not worth a row.
    let worth_a_row = |share: f64| share >= 0.005;
    for (operation, units) in by_function.iter().filter(|(_, units)| worth_a_row(each(units.written()))) {
        rows.push(Row::new(format!("  by {operation}"), format!("{:.3}", each(units.written()))));
    }
    // Of a large batch's events, most of which are numbered together.
    let numbering = by_function.get("events.sequence").copied().unwrap_or_default();
    let numbered = replay.with(&["kind", "loggedAt"]);
    rows.push(Row::new(
        format!("write units of numbering an event, of {numbered}"),
        format!("{:.3}", numbering.written() / numbered as f64),
    ));
    rows.push(Row::new("size of the largest letter", format!("{largest} bytes")).limit("1024 bytes", largest <= 1_024));
    rows.push(Row::new("read units of a letter", format!("{:.3}", each(total.read))));
    let sum = of("DynamoDB") + of("S3") + of("SQS");
    rows.push(Row::new("requests of a letter, POST to mailed", format!("{sum:.2}")));
    // That SQS is also asked by Lambda for each message, and told that it is done, no function sees.
    for (service, text) in [("DynamoDB", "to DynamoDB"), ("S3", "to S3"), ("SQS", "to SQS, sending only")] {
        rows.push(Row::new(format!("  {text}"), format!("{:.2}", of(service))));
    }
    for (kind, count) in kinds.iter().filter(|(_, count)| worth_a_row(each(**count))) {
        rows.push(Row::new(format!("  {kind}"), format!("{:.3}", each(*count))));
    }
    Ok(rows)
}

/// Takes a batch from its creation to the letterbox.
async fn mail(floor: &mut Floor, body: Value) -> Result<()> {
    let create = Request {
        operation: "batches.create",
        method: "POST",
        path: "/v2/batches",
        parameters: Vec::new(),
        body: Some(body),
        key: Some("bench-create".to_owned()),
    };
    let batch = step(floor, &create, 202).await?;
    floor.follow(&batch);
    floor.drain(None).await?;
    let job = step(floor, &merge(&[&batch], Some("bench-merge".to_owned())), 202).await?;
    floor.drain(None).await?;
    step(floor, &of_job("operator.jobs.printed", &job, None), 200).await?;
    step(floor, &of_job("operator.jobs.mailed", &job, None), 200).await?;
    floor.sequence(&format!("BATCH#{batch}")).await?;
    let item = floor.house.item(&format!("BATCH#{batch}"), "BATCH").await?.unwrap_or_default();
    match item.get("state").and_then(Value::as_str) {
        Some("mailed") => Ok(()),
        state => Err(format!("the batch is {state:?} and not mailed").into()),
    }
}

/// Makes a request and answers the id in its answer.
/// Makes a request that must have this status, and gives the `id` of the answer.
///
/// # Errors
/// When it has another.
pub(crate) async fn step(floor: &mut Floor, request: &Request, status: u64) -> Result<String> {
    let answer = floor.request(request).await?;
    match answer.status == status {
        true => Ok(answer.text("id")),
        false => Err(format!("{} answered {}: {}", request.operation, answer.status, answer.body).into()),
    }
}
