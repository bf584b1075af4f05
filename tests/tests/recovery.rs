//! What people do when something went wrong: a letter whose inspection was lost, a job that cannot be assembled.
//!
//! It needs an AWS emulator at `AWS_ENDPOINT_URL` (`make up` starts one).

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tests::harness::Result;
use tests::harness::audit::{Expected, audit, hash, text};
use tests::harness::emulator::Emulator;
use tests::harness::floor::{Answer, Floor, Request};
use tests::harness::house::{House, Queue};
use tests::harness::letters::{Letter, create, letter, merge, of_job, of_letter, replace};
use tests::harness::singles;

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
    let letter = shown["obstacle"]["letterId"].as_str().ok_or_else(|| format!("{shown}"))?;
    assert!(shown["failure"].as_str().is_some_and(|failure| failure.contains(letter)), "{shown}");
    assert_eq!(shown["obstacle"]["batchId"], json!(batch), "{shown}");
    assert!(shown["parts"].as_array().is_some_and(|parts| parts.iter().all(|part| part["printFile"].is_null())));

    answered(&floor.request(&of_job("operator.jobs.cancel", &job, None)).await?, 204)?;
    answered(&floor.request(&of_job("operator.jobs.cancel", &job, None)).await?, 204)?;
    // Its client is told which letter that was, and sees to all that have the document.
    let list = Request {
        operation: "letters.list",
        method: "GET",
        path: "/v2/batches/{batchId}/letters",
        parameters: vec![("batchId", batch.clone()), ("state", "issue".to_owned())],
        body: None,
        key: None,
    };
    let listed: Value = serde_json::from_str(&floor.request(&list).await?.body)?;
    let issues = listed["items"].as_array().ok_or_else(|| format!("{listed}"))?;
    let of = |issue: &Value| issue["letterRefId"] == *letter && issue["issue"]["code"] == "assembly.document_missing";
    assert!(issues.len() == 1 && issues.iter().all(of), "{listed}");
    assert_eq!(state_of(&floor, &format!("BATCH#{batch}"), "BATCH").await?, "notReady");
    for again in &one_page() {
        answered(&floor.request(&replace(&floor.house, &batch, again)).await?, 204)?;
    }
    floor.drain(None).await?;
    let next = floor.request(&merge(&[&batch], None)).await?.text("id");
    let events = [
        ("letter.ready", 4),
        ("letter.issue", 1),
        ("letter.replaced", 3),
        ("batch.ready", 2),
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
    let shown: Value = serde_json::from_str(&floor.request(&of_job("operator.jobs.get", &job, None)).await?.body)?;
    assert!(shown["failure"].is_null() && shown["obstacle"].is_null(), "nothing is wrong any more: {shown}");
    mail(&mut floor, &batch, &job, &[("letter.ready", 1), ("batch.ready", 1), ("batch.printing", 1)]).await?;
    floor.house.take_down().await
}

/// Merges what the house made of the singles that are due, and has the job fail because the copy of a document is gone. Answers
/// the batch and the job.
async fn failed_without(floor: &mut Floor, document: &str) -> Result<(String, String)> {
    let batches = floor.house.all("BATCH").await?;
    let batch = batches.iter().find(|batch| text(batch, "state") == "ready").ok_or("nothing was released")?;
    let batch = text(batch, "id").to_owned();
    let job = floor.request(&merge(&[&batch], None)).await?.text("id");
    floor.drain(Some(Queue::Plan)).await?;
    let bytes = floor.house.object(&floor.house.client, document).await?;
    let key = format!("documents/{}/{}", floor.house.account, hash(&bytes));
    floor.house.emulator.s3.delete_object().bucket(&floor.house.documents).key(key).send().await?;
    floor.drain(None).await?;
    assert_eq!(state_of(floor, &format!("JOB#{job}"), "JOB").await?, "failed");
    Ok((batch, job))
}

#[tokio::test]
async fn of_released_letters_the_one_that_cannot_be_assembled_is_set_aside_and_the_others_are_mailed() -> Result<()> {
    let mut floor = Floor::open(House::build(&Emulator::find().await?, 50).await?);
    let mut letters = Vec::new();
    for document in ["reportlab.pdf", "chromium.pdf"] {
        floor.house.upload(document, document).await?;
        let body = singles::body(&floor.house, document);
        let created = singles::ask(&mut floor, &singles::create(body, None), 201).await?;
        letters.push(created["id"].as_str().unwrap_or_default().to_owned());
    }
    let [sound, broken] = letters.as_slice() else { return Err("two letters were created".into()) };
    floor.drain(None).await?;
    for letter in &letters {
        singles::come(&floor.house, letter).await?;
    }
    assert_eq!(singles::release(&mut floor).await?, 2);
    let (batch, job) = failed_without(&mut floor, "chromium.pdf").await?;
    let shown = singles::ask(&mut floor, &of_job("operator.jobs.get", &job, None), 200).await?;
    assert_eq!(shown["obstacle"], json!({ "batchId": batch, "letterId": broken }), "{shown}");

    for _ in 0..2 {
        answered(&floor.request(&of_job("operator.jobs.cancel", &job, None)).await?, 204)?;
    }
    let shown = singles::ask(&mut floor, &singles::of("singles.get", broken, None), 200).await?;
    assert_eq!(
        (&shown["status"], &shown["issue"]["code"]),
        (&json!("issue"), &json!("assembly.document_missing")),
        "{shown}"
    );
    let shown = singles::ask(&mut floor, &singles::of("singles.get", sound, None), 200).await?;
    assert_eq!(shown["status"], "ready", "{shown}");
    singles::audit(&floor.house).await?;

    // Any change has the document fetched again. It may be due for the same day, but not go into the batch that it was taken out of.
    let change = json!({ "description": "once more" });
    singles::ask(&mut floor, &singles::of("singles.update", broken, Some(change)), 200).await?;
    floor.drain(None).await?;
    singles::come(&floor.house, broken).await?;
    assert_eq!(singles::release(&mut floor).await?, 1);
    singles::audit(&floor.house).await?;
    let next = floor.request(&merge(&[&batch], None)).await?.text("id");
    floor.drain(None).await?;
    for operation in ["operator.jobs.printed", "operator.jobs.mailed"] {
        answered(&floor.request(&of_job(operation, &next, None)).await?, 200)?;
    }
    for (letter, status) in [(sound, "mailed"), (broken, "ready")] {
        let shown = singles::ask(&mut floor, &singles::of("singles.get", letter, None), 200).await?;
        assert_eq!(shown["status"], status, "{shown}");
    }
    let told = singles::events(&floor.house).await?;
    let of = |letter: &String, kind: &str| told.get(letter).and_then(|events| events.get(kind)).copied().unwrap_or(0);
    assert_eq!((of(sound, "letter.mailed"), of(broken, "letter.mailed")), (1, 0), "{told:?}");
    assert_eq!((of(sound, "letter.issue"), of(broken, "letter.issue")), (0, 1), "{told:?}");

    // Now it is the only one of its batch, which is nothing without it.
    let (batch, job) = failed_without(&mut floor, "chromium.pdf").await?;
    answered(&floor.request(&of_job("operator.jobs.cancel", &job, None)).await?, 204)?;
    assert_eq!(state_of(&floor, &format!("BATCH#{batch}"), "BATCH").await?, "canceled");
    let shown = singles::ask(&mut floor, &singles::of("singles.get", broken, None), 200).await?;
    assert_eq!(shown["status"], "issue", "{shown}");
    singles::ask(&mut floor, &singles::of("singles.cancel", broken, None), 204).await?;
    singles::audit(&floor.house).await?;
    floor.house.take_down().await
}
