//! What a scan costs, the numbering of its event included, and how many a worker applies in a second, over the batch that the cost of a letter was measured with.

use std::time::Instant;

use tests::harness::audit::{letters, text};
use tests::harness::floor::Floor;
use tests::harness::house::Queue;
use tests::harness::scans::{lines, scan};

use super::Result;
use super::table::Row;
use super::units::{Replay, Units};

/// The most write units of a scan in a file over few batches.
const LIMIT: f64 = 3.0;

/// Measures.
///
/// # Errors
/// When a step fails, or the replay of the writes does not come out at what the table holds.
pub(crate) async fn measure(floor: &mut Floor) -> Result<Vec<Row>> {
    let batches = floor.house.all("BATCH").await?;
    let batch = batches.iter().find(|batch| text(batch, "state") == "mailed").ok_or("no batch is mailed")?.clone();
    let mut codes = Vec::new();
    for letter in letters(&floor.house, text(&batch, "id"), &batch).await? {
        codes.push(letter["piece"]["code"].as_str().unwrap_or_default().to_owned());
    }
    let (emulator, table) = (floor.house.emulator.clone(), floor.house.table.clone());
    let mut rows = Vec::new();
    // A piece's first scan makes its item, each later one finds it larger: the usual life of a letter, then one of a file
    // that has several scans of each.
    let files: [(&str, &[(i64, &str)]); 5] = [
        ("its letter's first", &[(0, "891")]),
        ("its second", &[(1, "893")]),
        ("its third", &[(2, "896")]),
        ("its fourth", &[(3, "918")]),
        ("one of three in a file", &[(4, "919"), (5, "LOGICALOUTFORDELIVERY"), (6, "LOGICALDELIVERY")]),
    ];
    let mut all = (Units::default(), 0.0, 0.0);
    for (number, (what, scans)) in files.into_iter().enumerate() {
        let mut replay = Replay::of(&emulator, &table).await?;
        let seen = calls(floor).len();
        let mut events = Vec::new();
        for &(second, code) in scans {
            // As machines see them: not in the order in which they were printed.
            events.extend(codes.iter().step_by(2).chain(codes.iter().skip(1).step_by(2)).map(|digits| {
                let mut event = scan(second, 'I', code).event(digits);
                event["scanFacilityName"] = "NEW ORLEANS P&DC".into();
                event["scanFacilityCity"] = "NEW ORLEANS".into();
                event["scanFacilityState"] = "LA".into();
                event
            }));
        }
        floor.house.drop_scans(&format!("usps/bench-{number}"), lines(&events)).await?;
        let message = floor.take(Queue::Scans).await?;
        let started = Instant::now();
        if !floor.deliver(&message).await? {
            return Err("the file was not read".into());
        }
        let seconds = started.elapsed().as_secs_f64();
        floor.delete(&message).await?;
        // What was told of the letters is numbered, which costs its share too.
        floor.sequence(&format!("BATCH#{}", text(&batch, "id"))).await?;
        let mut total = Units::default();
        for call in &calls(floor)[seen..] {
            total.add(replay.call(call)?);
        }
        replay.compare(&Replay::of(&emulator, &table).await?)?;
        let count = events.len() as f64;
        let each = total.written() / count;
        rows.push(
            Row::new(format!("write units of a scan, {what}"), format!("{each:.3}"))
                .limit(format!("{LIMIT}"), each <= LIMIT),
        );
        all.0.add(total);
        all.1 += count;
        all.2 += seconds;
        if number + 1 == files.len() {
            let largest = replay.largest("TRACKED#");
            rows.push(
                Row::new("size of the largest piece, seven scans", format!("{largest} bytes"))
                    .limit("1024 bytes", largest <= 1_024),
            );
        }
    }
    let (units, count, seconds) = all;
    rows.push(Row::new("read units of a scan", format!("{:.3}", units.read / count)));
    // Nearly all of it is the emulator's time: a group of some ninety scans is one transaction after the other.
    rows.push(Row::new("scans applied in a second by a worker, on the emulator", format!("{:.0}", count / seconds)));
    Ok(rows)
}

/// The calls of the worker and of the one that numbers events, in the order in which they ended.
fn calls(floor: &Floor) -> Vec<tests::harness::proxy::Call> {
    let mut calls: Vec<_> = floor
        .calls()
        .into_iter()
        .filter(|(operation, _)| matches!(*operation, "scans.apply" | "events.sequence"))
        .flat_map(|(_, calls)| calls)
        .collect();
    calls.sort_by_key(|call| call.ended);
    calls
}
