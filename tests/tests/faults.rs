//! The fault sweep: every call that a state-changing operation makes of AWS fails once before it takes effect, once
//! after it took effect with the process killed, and once with only the answer lost. After each the work is repeated as a
//! client or a queue would, the batch is driven to the letterbox, and the house is audited from outside.
//!
//! It needs an AWS emulator at `AWS_ENDPOINT_URL` (`make up` starts one).
#![expect(clippy::print_stderr, reason = "a sweep of minutes says how far it is, and which cases broke a promise")]

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use futures::future::join_all;
use jiff::SignedDuration;
use tests::harness::Result;
use tests::harness::audit::{self, Expected, audit};
use tests::harness::emulator::Emulator;
use tests::harness::floor::{Answer, Delivery, Floor, Request};
use tests::harness::house::{House, Queue};
use tests::harness::letters::{Letter, add, cancel, create, letter, merge, of_job, of_letter, replace};
use tests::harness::proxy::{Fault, Mode, Point};

/// So many cases run beside each other; they spend much of their time waiting.
const LANES: usize = 12;
/// So many letters make a part, so that small jobs have several.
const LETTERS_PER_PART: u32 = 2;
/// After this long a claim of an idempotency key has run out, and with it whatever its owner left open.
const CLAIM: SignedDuration = SignedDuration::from_secs(31);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Create,
    CreateWithLetters,
    Add,
    Initialise,
    Inspect,
    Retry,
    Withdraw,
    Replace,
    Cancel,
    Merge,
    Plan,
    Assemble,
    Printed,
    Mailed,
    Sequence,
}

/// What happens to a batch, in order, and at which of the steps faults strike.
struct Story {
    name: &'static str,
    steps: &'static [Step],
    swept: &'static [usize],
}

/// A batch that is created empty and filled by a request.
const FILLED: Story = Story {
    name: "filled",
    steps: &[
        Step::Create,
        Step::Add,
        Step::Inspect,
        Step::Merge,
        Step::Plan,
        Step::Assemble,
        Step::Printed,
        Step::Mailed,
        Step::Sequence,
    ],
    swept: &[0, 1, 2, 3, 4, 5, 6, 7, 8],
};
/// A batch that is created with its letters; two have no document, one of these is mended and the other withdrawn; then
/// one of the good ones is replaced.
const BORN: Story = Story {
    name: "born",
    steps: &[
        Step::CreateWithLetters,
        Step::Initialise,
        Step::Inspect,
        Step::Retry,
        Step::Inspect,
        Step::Withdraw,
        Step::Replace,
        Step::Inspect,
        Step::Merge,
        Step::Plan,
        Step::Assemble,
        Step::Printed,
        Step::Mailed,
    ],
    swept: &[0, 1, 2, 3, 5, 6],
};
/// A batch that is canceled while its letters are inspected.
const CANCELED: Story = Story {
    name: "canceled",
    steps: &[Step::CreateWithLetters, Step::Initialise, Step::Cancel, Step::Inspect],
    swept: &[2],
};

#[derive(Clone, Copy)]
struct Case {
    story: &'static Story,
    step: usize,
    fault: Option<Fault>,
    number: usize,
}

impl std::fmt::Display for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {:?}, {:?}", self.story.name, self.story.steps[self.step], self.fault)
    }
}

/// Runs a case to its end. Answers the calls that were made of AWS in the step of the fault.
async fn run(floor: &mut Floor, case: Case) -> Result<Vec<String>> {
    let Case { story, number, .. } = case;
    let good = [
        letter("LETTER01", "reportlab.pdf", 1),
        letter("LETTER02", "chromium.pdf", 2),
        letter("LETTER03", "typst-2.0.pdf", 1),
    ];
    let mended = format!("mended-{number}.pdf");
    let born: Vec<Letter> =
        good.iter().cloned().chain([letter("LETTER04", &mended, 3), letter("LETTER05", "missing.pdf", 1)]).collect();
    let (mut batch, mut job) = (String::new(), String::new());
    let mut calls = Vec::new();
    floor.begin();
    for (place, step) in story.steps.iter().enumerate() {
        let key = Some(format!("case-{number}-step-{place}"));
        let here = place == case.step;
        let queue = match step {
            Step::Initialise => Some(Queue::Initialise),
            Step::Inspect => Some(Queue::Inspect),
            Step::Plan => Some(Queue::Plan),
            Step::Assemble => Some(Queue::Assemble),
            _ => None,
        };
        if let Some(queue) = queue {
            if here {
                calls = strike_worker(floor, queue, case.fault).await?;
                if matches!(step, Step::Initialise) {
                    whole(floor, &batch).await?;
                }
                floor.drain(None).await?;
            } else {
                floor.drain(Some(queue)).await?;
            }
            continue;
        }
        if *step == Step::Sequence {
            let partition = format!("BATCH#{batch}");
            if here {
                calls = floor.sequence_struck(&partition, case.fault).await?.calls;
            } else {
                floor.sequence(&partition).await?;
            }
            continue;
        }
        if *step == Step::Retry {
            floor.house.upload("reportlab-odd.pdf", &mended).await?;
        }
        let (status, request) = match step {
            Step::Create => (200, create(&floor.house, 3, &[], key)),
            Step::CreateWithLetters => (202, create(&floor.house, 5, &born, key)),
            Step::Add => (204, add(&floor.house, &batch, &good, key)),
            Step::Retry => (202, of_letter("letters.retry", "POST", &batch, "LETTER04", key)),
            Step::Withdraw => (204, of_letter("letters.withdraw", "DELETE", &batch, "LETTER05", None)),
            Step::Replace => (204, replace(&floor.house, &batch, &letter("LETTER01", "chromium.pdf", 2))),
            Step::Cancel => (204, cancel(&batch)),
            Step::Merge => (202, merge(&[&batch], key)),
            Step::Printed => (200, of_job("operator.jobs.printed", &job, key)),
            _ => (200, of_job("operator.jobs.mailed", &job, key)),
        };
        let answer = if here {
            let (answer, made) = strike(floor, &request, case, &batch).await?;
            calls = made;
            answer
        } else {
            floor.request(&request).await?
        };
        if answer.status != status {
            return Err(format!("{step:?} was answered {} {}", answer.status, answer.body).into());
        }
        if here && request.key.is_some() && !floor.request(&request).await?.repeats(&answer) {
            return Err(format!("{step:?} was answered otherwise when it was repeated").into());
        }
        match step {
            Step::Create | Step::CreateWithLetters => {
                batch = answer.text("id");
                floor.follow(&batch);
            }
            Step::Merge => job = answer.text("id"),
            _ => {}
        }
    }
    floor.drain(None).await?;
    audit(&floor.house, &batch, &expected(floor, case, &batch).await?).await?;
    floor.sequence(&format!("BATCH#{batch}")).await?;
    audit::log(&floor.house, &batch).await?;
    Ok(calls)
}

/// Makes a request that a fault strikes, then repeats it as a client would until it is answered. In the even cases the
/// queues are worked off before the client repeats, in the odd ones after.
async fn strike(floor: &mut Floor, request: &Request, case: Case, batch: &str) -> Result<(Answer, Vec<String>)> {
    let struck = floor.request_struck(request, case.fault).await?;
    if request.operation == "letters.add" {
        whole(floor, batch).await?;
    }
    if let Some(answer) = struck.answer {
        return Ok((answer, struck.calls));
    }
    if case.number.is_multiple_of(2) || request.operation == "letters.replace" {
        floor.drain(None).await?;
    }
    floor.pass(CLAIM).await?;
    Ok((floor.request(request).await?, struck.calls))
}

/// Delivers a message that a fault strikes. When its worker died, it goes back to be delivered again.
async fn strike_worker(floor: &mut Floor, queue: Queue, fault: Option<Fault>) -> Result<Vec<String>> {
    let message = floor.take(queue).await?;
    let struck = floor.deliver_struck(&message, fault).await?;
    match struck.answer {
        Some(true) => floor.delete(&message).await?,
        _ => floor.give_back(message),
    }
    Ok(struck.calls)
}

/// Checks that what is to be seen of a batch is whole additions: as many letters as were counted.
async fn whole(floor: &Floor, batch: &str) -> Result<()> {
    let item = floor.house.item(&format!("BATCH#{batch}"), "BATCH").await?.ok_or("the batch is gone")?;
    let letters = audit::letters(&floor.house, batch, &item).await?;
    let visible = letters.iter().filter(|letter| item["open"].get(audit::text(letter, "addition")).is_none()).count();
    let received = audit::number(&item, "received");
    if visible as u64 != received {
        return Err(format!("{visible} letters are to be seen, but {received} were received").into());
    }
    Ok(())
}

/// What must be there at the end of a story.
async fn expected(floor: &Floor, case: Case, batch: &str) -> Result<Expected> {
    let pages = |letters: &[(&str, u64)]| letters.iter().map(|(name, pages)| ((*name).to_owned(), *pages)).collect();
    let mut expected = Expected { state: "mailed", ..Expected::default() };
    match case.story.name {
        "filled" => {
            expected.letters = pages(&[("LETTER01", 1), ("LETTER02", 2), ("LETTER03", 1)]);
            expected.events = BTreeMap::from([
                ("batch.created", 1),
                ("batch.letters_added", 1),
                ("letter.ready", 1),
                ("batch.ready", 1),
                ("batch.printing", 1),
                ("batch.mailed", 1),
            ]);
        }
        "born" => {
            // A PUT has no idempotency key: when its answer was lost, it is done again, which is a change of its own.
            let replaced = replacements(floor, batch).await?;
            if replaced != 1 && (replaced != 2 || case.story.steps[case.step] != Step::Replace) {
                return Err(format!("the letter was replaced {replaced} times").into());
            }
            expected.letters = pages(&[("LETTER01", 2), ("LETTER02", 2), ("LETTER03", 1), ("LETTER04", 3)]);
            expected.withdrawn = ["LETTER05".to_owned()].into();
            expected.events = BTreeMap::from([
                ("batch.created", 1),
                ("batch.initialized", 1),
                ("letter.ready", 2 + replaced),
                ("letter.issue", 2),
                ("letter.retried", 1),
                ("letter.withdrawn", 1),
                ("letter.replaced", replaced),
                ("batch.ready", 1 + replaced),
                ("batch.not_ready", replaced),
                ("batch.printing", 1),
                ("batch.mailed", 1),
            ]);
        }
        _ => {
            let item = floor.house.item(&format!("BATCH#{batch}"), "BATCH").await?.ok_or("the batch is gone")?;
            let inspected = usize::from(audit::number(&item, "passed") > 0);
            expected.state = "canceled";
            expected.letters =
                pages(&[("LETTER01", 1), ("LETTER02", 2), ("LETTER03", 1), ("LETTER04", 3), ("LETTER05", 1)]);
            expected.events = BTreeMap::from([
                ("batch.created", 1),
                ("batch.initialized", 1),
                ("letter.ready", inspected),
                ("letter.issue", 2 * inspected),
                ("batch.canceled", 1),
            ]);
        }
    }
    Ok(expected)
}

async fn replacements(floor: &Floor, batch: &str) -> Result<usize> {
    let items = floor.house.partition(&format!("BATCH#{batch}")).await?;
    Ok(items.iter().filter(|item| audit::text(item, "kind") == "letter.replaced").count())
}

const KILLED: [Mode; 2] = [Mode::KilledBefore, Mode::KilledAfter];

fn reads(operation: &str) -> bool {
    matches!(operation, "GetItem" | "BatchGetItem" | "Query" | "S3 GET" | "S3 HEAD")
}

/// Runs cases beside each other and answers what went wrong.
async fn sweep(emulator: &Emulator, cases: Vec<Case>) -> Result<Vec<String>> {
    let (total, started) = (cases.len(), Instant::now());
    let queue = RefCell::new(VecDeque::from(cases));
    let broken = RefCell::new(Vec::new());
    let lane = async || -> Result<()> {
        let mut floor = Floor::open(House::build(emulator, LETTERS_PER_PART).await?);
        loop {
            let Some(case) = queue.borrow_mut().pop_front() else { break };
            let run = tokio::time::timeout(std::time::Duration::from_secs(120), run(&mut floor, case)).await;
            if let Err(error) = run.unwrap_or_else(|_| Err("the case takes longer than two minutes".into())) {
                eprintln!("broken: {case}: {error}");
                broken.borrow_mut().push(format!("{case}: {error}"));
                // Whatever it left behind must not disturb the next.
                floor = Floor::open(House::build(emulator, LETTERS_PER_PART).await?);
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
async fn a_fault_at_any_call_of_any_operation_loses_no_letter_prints_none_twice_and_leaves_one_event_for_each_change()
-> Result<()> {
    let emulator = Emulator::find().await?;
    let mut floor = Floor::open(House::build(&emulator, LETTERS_PER_PART).await?);
    let mut cases = Vec::new();
    for story in [&FILLED, &BORN, &CANCELED] {
        for &step in story.swept {
            let number = 10_000 + cases.len();
            let calls = run(&mut floor, Case { story, step, fault: None, number }).await?;
            eprintln!("{}: {:?} makes {} calls: {}", story.name, story.steps[step], calls.len(), calls.join(", "));
            for (call, operation) in (1..).zip(&calls) {
                // A read whose answer is lost is simply made again.
                let modes: &[Mode] = if reads(operation) { &KILLED } else { &[KILLED[0], KILLED[1], Mode::AnswerLost] };
                for &mode in modes {
                    let fault = Some(Fault { point: Point::Number(call), mode });
                    cases.push(Case { story, step, fault, number: cases.len() });
                }
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

#[tokio::test]
async fn messages_that_come_twice_in_another_order_or_to_two_workers_at_once_change_nothing() -> Result<()> {
    let emulator = Emulator::find().await?;
    let mut broken = Vec::new();
    for delivery in [Delivery::Twice, Delivery::Reversed, Delivery::AtOnce] {
        for story in [&FILLED, &BORN, &CANCELED] {
            let mut floor = Floor::open(House::build(&emulator, LETTERS_PER_PART).await?);
            floor.delivery = delivery;
            let steps = story.steps.len();
            if let Err(error) = run(&mut floor, Case { story, step: steps, fault: None, number: 0 }).await {
                broken.push(format!("{delivery:?}, {}: {error}", story.name));
            }
            floor.house.take_down().await?;
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    Ok(())
}
