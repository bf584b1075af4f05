//! A part of 500 letters: how much memory the function that assembles it takes.

use aws_sdk_s3::primitives::ByteStream;
use futures::{TryStreamExt, stream};
use hyper::body::Bytes;
use tests::harness::emulator::Emulator;
use tests::harness::floor::{Floor, Request};
use tests::harness::house::{House, Queue};
use tests::harness::letters::merge;
use tests::mail::{Photos, Post};

use super::cost::step;
use super::creating::peak;
use super::table::Row;
use super::{Result, letters};

const LETTERS: u32 = 500;
const MAX_MEMORY: f64 = 256.0;
/// How many documents are uploaded at once.
const AT_ONCE: usize = 8;

/// Measures.
///
/// # Errors
/// When a step fails, or the system does not tell the memory of a process.
pub(crate) async fn measure() -> Result<Vec<Row>> {
    let mut floor = Floor::open(House::build(&Emulator::find().await?, LETTERS).await?);
    let (s3, client) = (floor.house.emulator.s3.clone(), floor.house.client.clone());
    let post = Post::new(Photos::Large)?;
    let mail: Vec<_> = (0..LETTERS).map(|number| post.letter(number)).collect::<Result<_>>()?;
    let size: usize = mail.iter().map(|letter| letter.document.len()).sum();
    let documents: Vec<_> = mail.iter().zip(0..).map(|(letter, number)| (key(number), letter.pages)).collect();
    stream::iter(mail.into_iter().zip(0..).map(Ok::<_, Box<dyn std::error::Error + Send + Sync>>))
        .try_for_each_concurrent(AT_ONCE, |(letter, number)| {
            let put = s3.put_object().bucket(&client).key(key(number)).body(ByteStream::from(letter.document));
            async {
                put.send().await?;
                Ok(())
            }
        })
        .await?;
    let body = letters::body(LETTERS as usize, |number| {
        let (key, pages) = &documents[number];
        (format!("s3://{client}/{key}"), *pages)
    })?;
    let create = Request {
        operation: "batches.create",
        method: "POST",
        path: "/v2/batches",
        parameters: Vec::new(),
        body: Some(serde_json::from_str(&body)?),
        key: None,
    };
    let batch = step(&mut floor, &create, 202).await?;
    floor.follow(&batch);
    floor.drain(None).await?;
    let job = step(&mut floor, &merge(&[&batch], None), 202).await?;
    floor.drain(Some(Queue::Plan)).await?;
    let message = floor.take(Queue::Assemble).await?;
    let event = Bytes::from(serde_json::to_vec(&floor.delivery(&message))?);
    // A process of its own, which has assembled nothing before.
    let mut function = floor.house.function(Queue::Assemble.operation(), None).await?;
    let pid = function.pid().ok_or("the function has no process")?;
    function.hand(event).await?;
    let peak = peak(pid)?;
    floor.delete(&message).await?;
    let part = floor.house.item(&format!("JOB#{job}"), "PART#00000").await?.ok_or("the job has no part")?;
    if !part.contains_key("files") {
        return Err("the part was not assembled".into());
    }
    floor.house.take_down().await?;
    let what = format!("peak memory of assembling a part of {LETTERS} letters, {:.0} MB", size as f64 / 1e6);
    Ok(vec![Row::new(what, format!("{peak:.0} MiB")).limit(format!("{MAX_MEMORY:.0} MiB"), peak <= MAX_MEMORY)])
}

fn key(number: u32) -> String {
    format!("part/letter-{number:06}.pdf")
}
