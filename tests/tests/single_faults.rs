//! The fault sweep over letters and postcards that are sent by themselves: every call that creating, inspecting, changing, canceling and
//! releasing them makes of AWS fails once before it takes effect, once after it took effect with the process killed, and once
//! with only the answer lost. The work is then repeated as a client, a queue or a schedule would, and the house is audited
//! from outside.
//!
//! It needs an AWS emulator at `AWS_ENDPOINT_URL` (`make up` starts one).
#![expect(clippy::print_stderr, reason = "a sweep of minutes says how far it is, and which cases broke a promise")]

use std::cell::RefCell;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

use futures::future::join_all;
use jiff::SignedDuration;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tests::harness::Result;
use tests::harness::audit::text;
use tests::harness::emulator::Emulator;
use tests::harness::floor::{Floor, Request};
use tests::harness::house::{House, Queue};
use tests::harness::proxy::{Fault, Mode, Point};
use tests::harness::singles::{
    all, ask, audit, body, card, come, create, create_card, item, list, list_cards, many, of, read, release,
};

/// So many cases run beside each other; they spend much of their time waiting.
const LANES: usize = 6;
/// So many cases share a house: all of it is audited after each.
const SHARED: usize = 12;
/// After this long a claim of an idempotency key has run out.
const CLAIM: SignedDuration = SignedDuration::from_secs(31);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// The request that creates a letter.
    Create,
    /// The request that creates several.
    CreateMany,
    /// The request that creates one of HTML.
    CreateHtml,
    /// The request that creates several of HTML with variables of their own.
    CreateMerged,
    /// The request that creates several of HTML that is rendered later.
    CreateLater,
    /// The worker that renders and inspects them.
    InspectLater,
    /// The request that creates one of a document that was uploaded and that nobody has asked for.
    CreateUploaded,
    /// The worker that inspects them.
    Inspect,
    /// The request that gives a letter another document.
    Update,
    /// The request that gives it HTML.
    UpdateHtml,
    /// The request that takes a letter back.
    Cancel,
    /// The schedule that releases letters into a batch that is new to them.
    Release,
    /// The same into a batch that is there.
    ReleaseMore,
    /// The request that creates several postcards.
    CreateCards,
    /// The worker that inspects them.
    InspectCards,
    /// The schedule that releases them into a batch of cards of their size.
    ReleaseCards,
}

const STEPS: [Step; 16] = [
    Step::Create,
    Step::CreateMany,
    Step::CreateHtml,
    Step::CreateMerged,
    Step::CreateLater,
    Step::InspectLater,
    Step::CreateUploaded,
    Step::Inspect,
    Step::Update,
    Step::UpdateHtml,
    Step::Cancel,
    Step::Release,
    Step::ReleaseMore,
    Step::CreateCards,
    Step::InspectCards,
    Step::ReleaseCards,
];

#[derive(Clone, Copy, Debug)]
struct Case {
    step: Step,
    fault: Option<Fault>,
    number: usize,
}

impl Case {
    /// What the client calls the letters of this case.
    fn name(&self) -> String {
        format!("case-{}", self.number)
    }

    /// Whether it is about postcards.
    fn is_of_cards(&self) -> bool {
        matches!(self.step, Step::CreateCards | Step::InspectCards | Step::ReleaseCards)
    }

    /// The request that creates what its body says.
    fn create(&self, body: Value, key: Option<String>) -> Request {
        let body = named(body, *self);
        if self.is_of_cards() { create_card(body, key) } else { create(body, key) }
    }
}

/// A house with a document of a postcard.
async fn open(emulator: &Emulator) -> Result<Floor> {
    let floor = Floor::open(House::build(emulator, 50).await?);
    floor.house.put_document(card(), "card.pdf").await?;
    Ok(floor)
}

/// The letters of a case that their client sees.
async fn visible(floor: &mut Floor, case: Case) -> Result<Vec<Value>> {
    let named = [("externalId", case.name())];
    let page = ask(floor, &if case.is_of_cards() { list_cards(&named) } else { list(&named) }, 200).await?;
    Ok(page["items"].as_array().cloned().unwrap_or_default())
}

/// The letters of a case that are written, whether or not their client sees them.
async fn written(floor: &Floor, case: Case) -> Result<usize> {
    let singles = all(&floor.house).await?;
    Ok(singles.iter().filter(|single| text(single, "externalId") == case.name()).count())
}

fn with(mut body: Value, content: Value) -> Value {
    body["content"] = content;
    body
}

fn html() -> Value {
    json!({ "html": "<p>Dear {{name}},</p>", "variables": { "name": "all" } })
}

/// HTML for several, each with variables of its own.
fn merged(several: Value) -> Value {
    let mut merged = with(several, html());
    for (number, recipient) in merged["recipients"].as_array_mut().into_iter().flatten().enumerate() {
        recipient["variables"] = json!({ "name": format!("Jane {number}") });
    }
    merged
}

/// Has functions that are started from now on render HTML for so long before they answer.
fn rendering(floor: &mut Floor, seconds: u32) {
    floor.house.render_seconds = seconds;
    floor.restart();
}

/// The worker inspects what was created, and a fault strikes it. Answers the calls that it made.
async fn inspect(floor: &mut Floor, case: Case) -> Result<Vec<String>> {
    let message = floor.take(Queue::Inspect).await?;
    let struck = floor.deliver_struck(&message, case.fault).await?;
    match struck.answer {
        Some(true) => floor.delete(&message).await?,
        _ => floor.give_back(message),
    }
    Ok(struck.calls)
}

/// A document that was uploaded, by its id.
async fn uploaded(floor: &mut Floor) -> Result<String> {
    let bytes = floor.house.object(&floor.house.client, "reportlab.pdf").await?;
    let sha256: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    let body = json!({ "contentType": "application/pdf", "bytes": bytes.len(), "sha256": sha256 });
    let (operation, method, path) = ("documents.create", "POST", "/v2/documents");
    let announce = Request { operation, method, path, parameters: Vec::new(), body: Some(body), key: None };
    let id = ask(floor, &announce, 201).await?["id"].as_str().unwrap_or_default().to_owned();
    let key = format!("uploads/{}/{id}", floor.house.account);
    let put = floor.house.emulator.s3.put_object().bucket(&floor.house.documents).key(key);
    put.body(bytes.into()).send().await?;
    Ok(id)
}

fn named(mut body: Value, case: Case) -> Value {
    body["externalId"] = json!(case.name());
    body
}

/// Letters of a case that are ready.
async fn ready(floor: &mut Floor, case: Case, body: Value) -> Result<Vec<String>> {
    let created = ask(floor, &case.create(body, None), 201).await?;
    floor.drain(None).await?;
    let ids = match created["id"].as_str() {
        Some(id) => vec![id.to_owned()],
        None => {
            let ids = created[if case.is_of_cards() { "postcardIds" } else { "letterIds" }].as_array();
            let ids = ids.into_iter().flatten();
            ids.filter_map(|id| id.as_str().map(str::to_owned)).collect()
        }
    };
    Ok(ids)
}

/// Makes a request that a fault strikes, and repeats it until it is answered.
async fn strike(floor: &mut Floor, case: Case, request: &Request, status: u64) -> Result<Vec<String>> {
    let struck = floor.request_struck(request, case.fault).await?;
    if matches!(request.operation, "singles.create" | "postcards.create") {
        let seen = visible(floor, case).await?.len();
        let whole = request.body.as_ref().and_then(|body| body["recipients"].as_array()).map_or(1, Vec::len);
        if seen != 0 && seen != whole {
            return Err(format!("{seen} of {whole} letters are to be seen").into());
        }
    }
    match struck.answer {
        Some(answer) => drop(read(&answer, status)?),
        None => {
            if case.number.is_multiple_of(2) {
                floor.drain(None).await?;
            }
            floor.pass(CLAIM).await?;
            ask(floor, request, status).await?;
        }
    }
    Ok(struck.calls)
}

/// Runs a case to its end. Answers the calls that were made of AWS in its step.
async fn run(floor: &mut Floor, case: Case) -> Result<Vec<String>> {
    floor.begin();
    let key = Some(format!("{}-{:?}", case.name(), case.step));
    let (one, mut three) = (body(&floor.house, "reportlab.pdf"), many(&floor.house, "reportlab.pdf", 3));
    if case.is_of_cards() {
        three = many(&floor.house, "card.pdf", 3);
        three["options"] = json!({ "size": "4x6" });
    }
    let (calls, expected, state) = match case.step {
        Step::Create => {
            let request = case.create(one, key);
            let calls = strike(floor, case, &request, 201).await?;
            ask(floor, &request, 201).await?;
            (calls, 1, "ready")
        }
        Step::CreateMany | Step::CreateCards => {
            let request = case.create(three, key);
            let calls = strike(floor, case, &request, 201).await?;
            ask(floor, &request, 201).await?;
            (calls, 3, "ready")
        }
        Step::CreateHtml => {
            let request = case.create(with(one, html()), key);
            let calls = strike(floor, case, &request, 201).await?;
            ask(floor, &request, 201).await?;
            (calls, 1, "ready")
        }
        Step::CreateMerged => {
            let request = case.create(merged(three), key);
            let calls = strike(floor, case, &request, 201).await?;
            ask(floor, &request, 201).await?;
            (calls, 3, "ready")
        }
        Step::CreateLater => {
            let request = case.create(merged(three), key);
            rendering(floor, 0);
            let calls = strike(floor, case, &request, 202).await?;
            ask(floor, &request, 202).await?;
            rendering(floor, 5);
            (calls, 3, "ready")
        }
        Step::InspectLater => {
            rendering(floor, 0);
            ask(floor, &case.create(merged(three), key), 202).await?;
            rendering(floor, 5);
            (inspect(floor, case).await?, 3, "ready")
        }
        Step::CreateUploaded => {
            let document = uploaded(floor).await?;
            let request = case.create(with(one, json!({ "documentId": document })), key);
            let calls = strike(floor, case, &request, 201).await?;
            ask(floor, &request, 201).await?;
            (calls, 1, "ready")
        }
        Step::Inspect | Step::InspectCards => {
            ask(floor, &case.create(three, key), 201).await?;
            (inspect(floor, case).await?, 3, "ready")
        }
        Step::Update => {
            let ids = ready(floor, case, one).await?;
            let path = format!("s3://{}/chromium.pdf", floor.house.client);
            let change = json!({ "content": { "path": path }, "externalId": case.name() });
            let calls = strike(floor, case, &of("singles.update", &ids[0], Some(change)), 200).await?;
            floor.drain(None).await?;
            let single = item(&floor.house, &ids[0]).await?;
            if single["impressions"] != 2 {
                return Err(format!("the letter has the document of before: {}", single["impressions"]).into());
            }
            (calls, 1, "ready")
        }
        Step::UpdateHtml => {
            let ids = ready(floor, case, one).await?;
            let change = json!({ "content": html(), "externalId": case.name() });
            let calls = strike(floor, case, &of("singles.update", &ids[0], Some(change)), 200).await?;
            floor.drain(None).await?;
            let single = item(&floor.house, &ids[0]).await?;
            let made = &single["content"]["html"]["made"]["pdf"];
            if made.is_null() || single.get("copy") != Some(made) {
                return Err(format!("the letter is not what was made of its HTML: {single:?}").into());
            }
            (calls, 1, "ready")
        }
        Step::Cancel => {
            let ids = ready(floor, case, one).await?;
            (strike(floor, case, &of("singles.cancel", &ids[0], None), 204).await?, 1, "canceled")
        }
        Step::Release | Step::ReleaseMore | Step::ReleaseCards => {
            if case.step == Step::ReleaseMore {
                let other = Case { number: case.number + 1_000_000, ..case };
                let ids = ready(floor, other, one).await?;
                come(&floor.house, &ids[0]).await?;
                release(floor).await?;
            }
            let ids = ready(floor, case, three).await?;
            for id in &ids {
                come(&floor.house, id).await?;
            }
            let struck = floor.invoke_struck("singles.release", &json!({}), case.fault).await?;
            let again = release(floor).await?;
            for id in &ids {
                if !item(&floor.house, id).await?.contains_key("batch") {
                    return Err(format!("{id} is not released; the second run took {again}").into());
                }
            }
            (struck.calls, 3, "ready")
        }
    };
    floor.drain(None).await?;
    let seen = visible(floor, case).await?;
    if seen.len() != expected || written(floor, case).await? != expected {
        let written = written(floor, case).await?;
        return Err(format!("{} letters are to be seen and {written} are written, not {expected}", seen.len()).into());
    }
    if let Some(other) = seen.iter().find(|letter| letter["status"] != state) {
        return Err(format!("a letter is {} and not {state}", other["status"]).into());
    }
    audit(&floor.house).await?;
    Ok(calls)
}

fn reads(operation: &str) -> bool {
    matches!(operation, "GetItem" | "BatchGetItem" | "Query" | "S3 GET" | "S3 HEAD")
}

/// Runs cases beside each other and answers what went wrong.
async fn sweep(emulator: &Emulator, cases: Vec<Case>) -> Result<Vec<String>> {
    let (total, started) = (cases.len(), Instant::now());
    let queue = RefCell::new(VecDeque::from(cases));
    let broken = RefCell::new(Vec::new());
    let lane = async || -> Result<()> {
        let mut floor = open(emulator).await?;
        for done in 1.. {
            let Some(case) = queue.borrow_mut().pop_front() else { break };
            let run = tokio::time::timeout(Duration::from_secs(180), run(&mut floor, case)).await;
            let failed = run.unwrap_or_else(|_| Err("the case takes longer than three minutes".into())).err();
            if let Some(error) = &failed {
                eprintln!("broken: {case:?}: {error}");
                broken.borrow_mut().push(format!("{case:?}: {error}"));
            }
            // Whatever it left behind must not disturb the next.
            if failed.is_some() || done % SHARED == 0 {
                floor.house.take_down().await?;
                floor = open(emulator).await?;
            }
            let left = queue.borrow().len();
            if left.is_multiple_of(25) {
                eprintln!("{} of {total} cases are done after {:.0?}", total - left, started.elapsed());
            }
        }
        floor.house.take_down().await
    };
    for done in join_all((0..LANES.min(total)).map(|_| lane())).await {
        done?;
    }
    Ok(broken.into_inner())
}

#[tokio::test]
async fn a_fault_at_any_call_loses_no_letter_makes_none_twice_and_leaves_one_event_for_each_change() -> Result<()> {
    let emulator = Emulator::find().await?;
    let mut floor = open(&emulator).await?;
    let mut cases = Vec::new();
    for step in STEPS {
        let number = 10_000 + cases.len();
        let calls = run(&mut floor, Case { step, fault: None, number }).await?;
        eprintln!("{step:?} makes {} calls: {}", calls.len(), calls.join(", "));
        for (call, operation) in (1..).zip(&calls) {
            // A read whose answer is lost is simply made again.
            let modes: &[Mode] = match reads(operation) {
                true => &[Mode::KilledBefore],
                false => &[Mode::KilledBefore, Mode::KilledAfter, Mode::AnswerLost],
            };
            for &mode in modes {
                let fault = Some(Fault { point: Point::Number(call), mode });
                cases.push(Case { step, fault, number: cases.len() });
            }
        }
    }
    floor.house.take_down().await?;
    let (total, started) = (cases.len(), Instant::now());
    let broken = sweep(&emulator, cases).await?;
    eprintln!("{total} cases took {:.0?}", started.elapsed());
    assert!(broken.is_empty(), "{} of {total} cases broke a promise:\n{}", broken.len(), broken.join("\n"));
    Ok(())
}
