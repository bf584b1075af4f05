//! The event log: numbers without gaps, each event once, and nothing that is missed by who reads while others write.
//!
//! It needs an AWS emulator at `AWS_ENDPOINT_URL` (`make up` starts one).

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use tests::harness::Result;
use tests::harness::audit::{self, text};
use tests::harness::emulator::Emulator;
use tests::harness::floor::{Delivery, Floor};
use tests::harness::house::House;
use tests::harness::letters::create;
use tests::harness::runtime::Outcome;

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
    house
        .emulator
        .dynamodb
        .put_item()
        .table_name(&house.table)
        .item("pk", s(&format!("BATCH#{batch}")))
        .item("sk", s(&format!("EVENT#{id}")))
        .item("id", s(id))
        .item("kind", s("letter.tracked"))
        .item("at", s("2026-06-01T00:00:00Z"))
        .item("account", s(&house.account))
        .item("mode", s("live"))
        .item("batch", s(batch))
        .item("entries", AttributeValue::L((0..entries).map(entry).collect()))
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
