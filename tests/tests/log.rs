//! The event log: numbers without gaps, each event once, and nothing that is missed by who reads while others write.
//!
//! It needs an AWS emulator at `AWS_ENDPOINT_URL` (`make up` starts one).

use std::collections::BTreeSet;
use std::io::Read;

use aws_sdk_dynamodb::types::AttributeValue;
use flate2::read::MultiGzDecoder;
use serde_json::{Value, json};
use tests::harness::audit::{self, text};
use tests::harness::emulator::Emulator;
use tests::harness::floor::{Delivery, Floor, Request};
use tests::harness::house::House;
use tests::harness::letters::create;
use tests::harness::proxy::{Fault, Mode, Point};
use tests::harness::runtime::Outcome;
use tests::harness::{Error, Result};

/// A house in which batches were created, and the batches.
async fn with_batches(count: usize) -> Result<(Floor, Vec<String>)> {
    let mut floor = Floor::open(House::build(&Emulator::find().await?, 2).await?);
    let mut batches = Vec::with_capacity(count);
    for _ in 0..count {
        batches.push(floor.request(&create(&floor.house, 3, &[], None)).await?.text("id"));
    }
    Ok((floor, batches))
}

/// Writes an event with so many entries beside a batch.
async fn event_with_entries(house: &House, batch: &str, id: &str, entries: usize) -> Result<()> {
    let s = |value: &str| AttributeValue::S(value.to_owned());
    let entry = |number: usize| AttributeValue::M([("letter".to_owned(), s(&format!("L{number:07}")))].into());
    let entries: Vec<_> = (0..entries).map(entry).collect();
    // As the store writes it: what has no entries has no list of them.
    let listed = (!entries.is_empty()).then(|| [("entries".to_owned(), AttributeValue::L(entries))].into());
    house
        .emulator
        .dynamodb
        .put_item()
        .set_item(listed)
        .table_name(&house.table)
        .item("pk", s(&format!("BATCH#{batch}")))
        .item("sk", s(&format!("EVENT#{id}")))
        .item("id", s(id))
        .item("kind", s("letter.tracked"))
        .item("at", s("2026-06-01T00:00:00Z"))
        .item("account", s(&house.account))
        .item("mode", s("live"))
        .item("batch", s(batch))
        .item("gsi1pk", s(&format!("{}#EVENTS", house.account)))
        .item("gsi1sk", s(id))
        .send()
        .await?;
    Ok(())
}

#[tokio::test]
async fn an_event_is_numbered_once_however_often_and_to_however_many_it_is_handed_over() -> Result<()> {
    let (mut floor, batches) = with_batches(3).await?;
    for (batch, delivery) in batches.iter().zip([Delivery::Twice, Delivery::Reversed, Delivery::AtOnce]) {
        floor.delivery = delivery;
        event_with_entries(&floor.house, batch, &format!("evt_{batch}00000000000000000"), 7).await?;
        floor.sequence(&format!("BATCH#{batch}")).await?;
        audit::log(&floor.house, batch).await?;
    }
    for batch in &batches {
        floor.sequence(&format!("BATCH#{batch}")).await?;
        audit::log(&floor.house, batch).await?;
    }
    let counter = floor.house.item(&format!("LOG#{}#live", floor.house.account), "COUNTER").await?.unwrap_or_default();
    assert_eq!(counter["last"], 3 * (1 + 7));
    floor.house.take_down().await
}

#[tokio::test]
async fn more_events_than_a_transaction_takes_are_numbered_by_workers_that_get_in_each_others_way() -> Result<()> {
    let (mut floor, batches) = with_batches(1).await?;
    let batch = &batches[0];
    for number in 0..120 {
        event_with_entries(&floor.house, batch, &format!("evt_{number:024}"), 1).await?;
    }
    floor.delivery = Delivery::AtOnce;
    floor.sequence(&format!("BATCH#{batch}")).await?;
    audit::log(&floor.house, batch).await?;
    // Of a few stretches, pages of any size are cut.
    for limit in [7, 48, 100] {
        let (mut seen, mut after) = (Vec::new(), 0);
        loop {
            let page = page(&mut floor, &[("limit", limit.to_string()), ("after", after.to_string())]).await?;
            seen.extend(page["items"].as_array().into_iter().flatten().filter_map(|news| news["sequence"].as_u64()));
            after = seen.last().copied().unwrap_or(0);
            if page["hasMore"] == false {
                break;
            }
        }
        assert_eq!(seen, (1..=121).collect::<Vec<_>>(), "in pages of {limit}");
    }
    floor.house.take_down().await
}

#[tokio::test]
async fn an_event_is_numbered_once_wherever_a_worker_dies() -> Result<()> {
    let (mut floor, batches) = with_batches(1).await?;
    let partition = format!("BATCH#{}", batches[0]);
    let calls = floor.sequence_struck(&partition, None).await?.calls;
    // The last asks who is to be told.
    assert_eq!(calls, ["BatchGetItem", "GetItem", "TransactWriteItems", "Query"]);
    let mut events = 0;
    for call in 1..=calls.len() {
        for mode in [Mode::KilledBefore, Mode::KilledAfter, Mode::AnswerLost] {
            for entries in [0, 3] {
                event_with_entries(&floor.house, &batches[0], &format!("evt_{events:024}"), entries).await?;
                events += 1;
            }
            let fault = Fault { point: Point::Number(call), mode };
            floor.sequence_struck(&partition, Some(fault)).await?;
            floor.sequence(&partition).await?;
            audit::log(&floor.house, &batches[0]).await?;
        }
    }
    let counter = floor.house.item(&format!("LOG#{}#live", floor.house.account), "COUNTER").await?.unwrap_or_default();
    assert_eq!(counter["last"], 1 + 3 * calls.len() * (1 + 3));
    floor.house.take_down().await
}

#[tokio::test]
async fn an_event_that_the_stream_never_brought_is_swept_up_once_it_is_old_enough() -> Result<()> {
    let (floor, batches) = with_batches(1).await?;
    let batch = &batches[0];
    // The account is listed, as accounts that were created through the API are.
    floor.house.list_account().await?;
    // An identifier of 1970.
    event_with_entries(&floor.house, batch, "evt_000000000000000000000000", 2).await?;
    let mut sweeper = floor.house.function("events.sweep", None).await?;
    let Outcome::Answered(swept) = sweeper.invoke(&json!({})).await? else { return Err("it was killed".into()) };
    assert_eq!(swept, json!(1), "the event of the batch's creation is too young");
    let items = floor.house.partition(&format!("BATCH#{batch}")).await?;
    let numbers: Vec<(&str, Option<&Value>)> = items
        .iter()
        .filter(|item| text(item, "sk").starts_with("EVENT#"))
        .map(|item| (text(item, "kind"), item.get("number")))
        .collect();
    assert_eq!(numbers, [("letter.tracked", Some(&json!(1))), ("batch.created", None)]);
    floor.house.take_down().await
}

/// Every line of the archive, by its number.
async fn archive(house: &House) -> Result<Vec<(u64, Value)>> {
    let mut lines = Vec::new();
    for key in house.keys(&house.archive, "events/").await? {
        let packed = house.object(&house.archive, &key).await?;
        let mut text = String::new();
        MultiGzDecoder::new(packed.as_slice()).read_to_string(&mut text)?;
        for line in text.lines() {
            let line: Value = serde_json::from_str(line)?;
            let day = key.split('/').nth(1).unwrap_or_default();
            assert!(line["createdAt"].as_str().is_some_and(|at| at.starts_with(day)), "{key}: {line}");
            lines.push((line["sequence"].as_u64().ok_or("a line without a number")?, line));
        }
    }
    lines.sort_by_key(|(number, _)| *number);
    Ok(lines)
}

#[tokio::test]
async fn the_archive_has_each_event_once_wherever_its_writer_dies_and_whoever_else_writes() -> Result<()> {
    let (mut floor, batches) = with_batches(3).await?;
    floor.house.list_account().await?;
    let batch = &batches[0];
    event_with_entries(&floor.house, batch, "evt_000000000000000000000000", 5).await?;
    floor.sequence(&format!("BATCH#{batch}")).await?;
    // The calls of a run that nothing strikes.
    let mut archiver = floor.house.function("events.archive", Some(Vec::new())).await?;
    archiver.invoke(&json!({})).await?;
    let calls = archiver.proxy().map(|proxy| proxy.arrived().len()).unwrap_or_default();
    assert!(calls >= 8, "{calls}");

    let mut events = 0;
    for call in 1..=calls {
        for mode in [Mode::KilledBefore, Mode::KilledAfter, Mode::AnswerLost] {
            // Something new, so that each run has a piece to write.
            let id = format!("evt_1{events:023}");
            event_with_entries(&floor.house, &batches[1], &id, events % 3).await?;
            events += 1;
            floor.sequence(&format!("BATCH#{}", batches[1])).await?;
            let fault = Fault { point: Point::Number(call), mode };
            let mut archiver = floor.house.function("events.archive", Some(vec![fault])).await?;
            drop(archiver.invoke(&json!({})).await);
        }
    }
    let [mut one, mut two] =
        [floor.house.function("events.archive", None).await?, floor.house.function("events.archive", None).await?];
    let nothing = json!({});
    let (one, two) = tokio::join!(one.invoke(&nothing), two.invoke(&nothing));
    one?;
    two?;

    let lines = archive(&floor.house).await?;
    let counter = floor.house.item(&format!("LOG#{}#live", floor.house.account), "COUNTER").await?.unwrap_or_default();
    let numbers: Vec<u64> = lines.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, (1..=counter["last"].as_u64().unwrap_or(0)).collect::<Vec<_>>());
    let ids: BTreeSet<&str> = lines.iter().filter_map(|(_, line)| line["id"].as_str()).collect();
    assert_eq!(ids.len(), lines.len());
    assert!(lines.iter().all(|(_, line)| line["accountId"] == floor.house.account.as_str()));
    floor.house.take_down().await
}

/// A page of the feed.
async fn page(floor: &mut Floor, query: &[(&'static str, String)]) -> Result<Value> {
    let request = Request {
        operation: "events.list",
        method: "GET",
        path: "/v2/events",
        parameters: query.to_vec(),
        body: None,
        key: None,
    };
    let answer = floor.request(&request).await?;
    if answer.status != 200 {
        return Err(format!("{} {}", answer.status, answer.body).into());
    }
    Ok(serde_json::from_str(&answer.body)?)
}

#[tokio::test]
async fn a_reader_that_goes_on_from_its_cursor_while_others_write_misses_nothing_and_sees_nothing_twice() -> Result<()>
{
    let (mut floor, batches) = with_batches(4).await?;
    floor.delivery = Delivery::AtOnce;
    let house = floor.house.clone();
    let writes = async {
        // Four writers, each with processes of its own, that number events of several sizes at the same time.
        let writer = async |number: usize, batch: &String| -> Result<()> {
            let mut sequencer = house.function("events.sequence", None).await?;
            for round in 0..12 {
                let id = format!("evt_{round:02}{number:022}");
                event_with_entries(&house, batch, &id, (round + number) % 4).await?;
                let keys = json!({ "pk": { "S": format!("BATCH#{batch}") }, "sk": { "S": format!("EVENT#{id}") } });
                sequencer.invoke(&json!({ "Records": [{ "dynamodb": { "Keys": keys } }] })).await?;
            }
            Ok(())
        };
        let [a, b, c, d] = [&batches[0], &batches[1], &batches[2], &batches[3]];
        tokio::try_join!(writer(0, a), writer(1, b), writer(2, c), writer(3, d)).map(drop)
    };
    let done = std::cell::Cell::new(false);
    let reads = async {
        let (mut seen, mut cursor, mut pages) = (Vec::<Value>::new(), None::<String>, 0);
        loop {
            // What was written before it was asked must be seen after it.
            let last = done.get();
            let mut query = vec![("limit", "7".to_owned())];
            query.extend(cursor.clone().map(|cursor| ("cursor", cursor)));
            let page = page(&mut floor, &query).await?;
            seen.extend(page["items"].as_array().cloned().unwrap_or_default());
            cursor = page["nextCursor"].as_str().map(str::to_owned);
            pages += 1;
            if last && page["hasMore"] == false {
                return Ok::<_, Error>((seen, pages));
            }
        }
    };
    let writes = async {
        writes.await?;
        done.set(true);
        Ok::<_, Error>(())
    };
    let ((seen, pages), ()) = tokio::try_join!(reads, writes)?;
    let numbers: Vec<u64> = seen.iter().filter_map(|news| news["sequence"].as_u64()).collect();
    let counter = house.item(&format!("LOG#{}#live", house.account), "COUNTER").await?.unwrap_or_default();
    assert_eq!(numbers, (1..=counter["last"].as_u64().unwrap_or(0)).collect::<Vec<_>>(), "after {pages} pages");
    let entries: u64 = (0..12).flat_map(|round| (0..4).map(move |number| ((round + number) % 4).max(1))).sum();
    assert_eq!(numbers.len() as u64, entries);
    house.take_down().await
}

#[tokio::test]
async fn the_feed_starts_where_it_is_told_and_keeps_to_types_and_times() -> Result<()> {
    let (mut floor, batches) = with_batches(3).await?;
    for batch in &batches {
        floor.sequence(&format!("BATCH#{batch}")).await?;
    }
    event_with_entries(&floor.house, &batches[0], "evt_000000000000000000000000", 3).await?;
    floor.sequence(&format!("BATCH#{}", batches[0])).await?;
    let text = |value: &str| value.to_owned();
    let numbers = |page: &Value| -> Vec<u64> {
        page["items"].as_array().into_iter().flatten().filter_map(|news| news["sequence"].as_u64()).collect()
    };
    assert_eq!(numbers(&page(&mut floor, &[]).await?), [1, 2, 3, 4, 5, 6]);
    assert_eq!(numbers(&page(&mut floor, &[("after", text("4"))]).await?), [5, 6], "in the middle of an item");
    let first = page(&mut floor, &[("limit", text("2")), ("type", text("letter.tracked"))]).await?;
    assert_eq!((numbers(&first), &first["hasMore"]), (vec![4, 5], &json!(true)));
    let cursor = text(first["nextCursor"].as_str().unwrap_or_default());
    let rest = page(&mut floor, &[("cursor", cursor), ("type", text("letter.tracked,letter.issue"))]).await?;
    assert_eq!((numbers(&rest), &rest["hasMore"]), (vec![6], &json!(false)));
    let old = [("createdBefore", text("2026-06-02T00:00:00Z"))];
    assert_eq!(numbers(&page(&mut floor, &old).await?), [4, 5, 6]);
    assert_eq!(numbers(&page(&mut floor, &[("createdFrom", text("2026-06-01T00:00:01Z"))]).await?), [1, 2, 3]);
    assert_eq!(numbers(&page(&mut floor, &[("createdFrom", text("2200-01-01T00:00:00Z"))]).await?), [0; 0]);
    for wrong in [
        [("type", "letter.lost")].as_slice(),
        &[("type", "job.created")],
        &[("after", "-1")],
        &[("cursor", "x")],
        &[("limit", "101")],
        &[("createdFrom", "yesterday")],
    ] {
        let query: Vec<_> = wrong.iter().map(|(name, value)| (*name, text(value))).collect();
        let refused = page(&mut floor, &query).await.err().ok_or("it was answered")?.to_string();
        assert!(refused.starts_with("400"), "{wrong:?}: {refused}");
    }
    floor.house.take_down().await
}
