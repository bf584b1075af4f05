//! The event log from outside: a reader goes on from its cursor while others write.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tests::stack::Client;

use crate::support::{Tenant, new_batch, text};

/// How many writers there are, and how many batches each creates and cancels.
const WRITERS: usize = 3;
const BATCHES: usize = 8;

/// Creates batches and withdraws them: two events each.
fn write(client: &Client) -> Vec<String> {
    let mut batches = Vec::with_capacity(BATCHES);
    for _ in 0..BATCHES {
        let batch = text(&client.call("batches.create", &[]).json(&new_batch(1)).read(200)["id"]);
        client.call("batches.cancel", &[("batchId", &batch)]).expect(204);
        batches.push(batch);
    }
    batches
}

#[test]
fn a_reader_that_goes_on_from_its_cursor_while_writers_run_sees_each_event_once_and_in_order() {
    let tenant = Tenant::new();
    let wanted = 2 * WRITERS * BATCHES;
    let (done, began) = (AtomicUsize::new(0), Instant::now());
    let mut seen: Vec<Value> = Vec::new();
    let mut pages_while_writing = 0;
    let batches: Vec<String> = thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|_| {
                scope.spawn(|| {
                    let batches = write(&tenant.client);
                    done.fetch_add(1, Ordering::Relaxed);
                    batches
                })
            })
            .collect();
        let mut cursor: Option<String> = None;
        while seen.len() < wanted {
            let mut call = tenant.client.call("events.list", &[]).query("limit", "5");
            if let Some(cursor) = &cursor {
                call = call.query("cursor", cursor);
            }
            let page = call.read(200);
            let items = page["items"].as_array().unwrap();
            pages_while_writing += usize::from(!items.is_empty() && done.load(Ordering::Relaxed) < WRITERS);
            seen.extend(items.iter().cloned());
            cursor = Some(text(&page["nextCursor"]));
            assert!(began.elapsed() < Duration::from_secs(120), "{} of {wanted} events came", seen.len());
            thread::sleep(Duration::from_millis(if items.is_empty() { 150 } else { 0 }));
        }
        writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect()
    });
    assert!(pages_while_writing > 0, "nothing was read while writers ran");
    let numbers: Vec<u64> = seen.iter().map(|event| event["sequence"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=wanted as u64).collect::<Vec<_>>());
    let ids: BTreeSet<String> = seen.iter().map(|event| text(&event["id"])).collect();
    assert_eq!(ids.len(), wanted);
    for batch in &batches {
        let kinds: Vec<&Value> =
            seen.iter().filter(|event| event["batchId"] == batch.as_str()).map(|event| &event["type"]).collect();
        assert_eq!(kinds, ["batch.created", "batch.canceled"], "{batch}");
    }
    // Whoever asks again from the beginning is told the same.
    let again = tenant.client.call("events.list", &[]).query("after", "0").query("limit", "100").read(200);
    assert_eq!(again["items"].as_array().unwrap(), &seen);
}
