//! What people do when something went wrong: a letter whose inspection was lost, a job that cannot be assembled.
//!
//! It needs an AWS emulator at `AWS_ENDPOINT_URL` (`make up` starts one).

use std::collections::BTreeMap;

use serde_json::Value;
use tests::harness::Result;
use tests::harness::audit::{Expected, audit, hash, text};
use tests::harness::emulator::Emulator;
use tests::harness::floor::{Answer, Floor};
use tests::harness::house::{House, Queue};
use tests::harness::letters::{Letter, create, letter, merge, of_job, of_letter, replace};

const LETTERS: [&str; 3] = ["LETTER01", "LETTER02", "LETTER03"];

fn one_page() -> Vec<Letter> {
    LETTERS.iter().map(|reference| letter(reference, "reportlab.pdf", 1)).collect()
}

/// A house in which a part has two letters, and a batch whose letters wait for their inspection.
async fn uninspected() -> Result<(Floor, String)> {
    let mut floor = Floor::open(House::build(&Emulator::find().await?, 2).await?);
    let batch = floor.request(&create(&floor.house, 3, &one_page(), None)).await?.text("id");
    floor.follow(&batch);
    floor.drain(Some(Queue::Initialise)).await?;
    Ok((floor, batch))
}

fn answered(answer: &Answer, status: u64) -> Result<()> {
    if answer.status == status { Ok(()) } else { Err(format!("{} {}", answer.status, answer.body).into()) }
}

async fn state_of(floor: &Floor, pk: &str, sk: &str) -> Result<String> {
    let item = floor.house.item(pk, sk).await?.ok_or("the item is gone")?;
    Ok(text(&item, "state").to_owned())
}

/// Prints and mails a job, and checks that each letter is in it once.
async fn mail(floor: &mut Floor, batch: &str, job: &str, events: &[(&'static str, usize)]) -> Result<()> {
    floor.drain(None).await?;
    for operation in ["operator.jobs.printed", "operator.jobs.mailed"] {
        answered(&floor.request(&of_job(operation, job, None)).await?, 200)?;
    }
    let born = [("batch.created", 1), ("batch.initialized", 1), ("batch.mailed", 1)];
    let expected = Expected {
        letters: LETTERS.iter().map(|reference| ((*reference).to_owned(), 1)).collect(),
        state: "mailed",
        events: born.iter().chain(events).copied().collect::<BTreeMap<_, _>>(),
        ..Expected::default()
    };
    audit(&floor.house, batch, &expected).await
}

#[tokio::test]
async fn a_letter_whose_inspection_was_lost_is_inspected_when_its_client_retries_it() -> Result<()> {
    let (mut floor, batch) = uninspected().await?;
    let lost = floor.take(Queue::Inspect).await?;
    floor.delete(&lost).await?;
    floor.drain(None).await?;
    assert_eq!(state_of(&floor, &format!("BATCH#{batch}"), "BATCH").await?, "notReady");

    let retry = of_letter("letters.retry", "POST", &batch, "LETTER02", None);
    answered(&floor.request(&retry).await?, 202)?;
    floor.drain(None).await?;
    assert_eq!(state_of(&floor, &format!("BATCH#{batch}"), "BATCH").await?, "ready");
    let job = floor.request(&merge(&[&batch], None)).await?.text("id");
    mail(&mut floor, &batch, &job, &[("letter.ready", 1), ("batch.ready", 1), ("batch.printing", 1)]).await?;
    floor.house.take_down().await
}

/// A job that failed because our copies of its documents are gone.
async fn failed() -> Result<(Floor, String, String)> {
    let (mut floor, batch) = uninspected().await?;
    floor.drain(None).await?;
    let job = floor.request(&merge(&[&batch], None)).await?.text("id");
    floor.drain(Some(Queue::Plan)).await?;
    let bucket = floor.house.documents.clone();
    for key in floor.house.keys(&bucket, "documents/").await? {
        floor.house.emulator.s3.delete_object().bucket(&bucket).key(key).send().await?;
    }
    let part = floor.take(Queue::Assemble).await?;
    assert!(floor.deliver(&part).await?);
    floor.delete(&part).await?;
    assert_eq!(state_of(&floor, &format!("JOB#{job}"), "JOB").await?, "failed");
    Ok((floor, batch, job))
}

#[tokio::test]
async fn a_failed_job_names_the_letter_shows_no_files_and_is_given_up() -> Result<()> {
    let (mut floor, batch, job) = failed().await?;
    let shown: Value = serde_json::from_str(&floor.request(&of_job("operator.jobs.get", &job, None)).await?.body)?;
    assert!(shown["failure"].as_str().is_some_and(|failure| failure.contains("LETTER0")), "{shown}");
    assert!(shown["parts"].as_array().is_some_and(|parts| parts.iter().all(|part| part["printFile"].is_null())));

    answered(&floor.request(&of_job("operator.jobs.cancel", &job, None)).await?, 204)?;
    answered(&floor.request(&of_job("operator.jobs.cancel", &job, None)).await?, 204)?;
    assert_eq!(state_of(&floor, &format!("BATCH#{batch}"), "BATCH").await?, "ready");
    for again in &one_page() {
        answered(&floor.request(&replace(&floor.house, &batch, again)).await?, 204)?;
    }
    floor.drain(None).await?;
    let next = floor.request(&merge(&[&batch], None)).await?.text("id");
    let events = [
        ("letter.ready", 4),
        ("letter.replaced", 3),
        ("batch.ready", 3),
        ("batch.not_ready", 1),
        ("batch.printing", 2),
    ];
    mail(&mut floor, &batch, &next, &events).await?;
    floor.house.take_down().await
}

#[tokio::test]
async fn a_part_that_is_announced_while_its_job_is_still_failed_waits_for_the_retry() -> Result<()> {
    let (mut floor, batch, job) = failed().await?;
    // The other part's message is worked off while the job is failed: it must not be lost.
    let other = floor.take(Queue::Assemble).await?;
    assert!(!floor.deliver(&other).await?);
    floor.delete(&other).await?;
    // The document comes back, as from a backup.
    let original = floor.house.object(&floor.house.client, "reportlab.pdf").await?;
    let hash = hash(&original);
    let key = format!("documents/{}/{hash}", floor.house.account);
    let bucket = floor.house.documents.clone();
    floor.house.emulator.s3.put_object().bucket(bucket).key(key).body(original.into()).send().await?;

    answered(&floor.request(&of_job("operator.jobs.retry", &job, None)).await?, 202)?;
    mail(&mut floor, &batch, &job, &[("letter.ready", 1), ("batch.ready", 1), ("batch.printing", 1)]).await?;
    floor.house.take_down().await
}
