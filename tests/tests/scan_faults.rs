//! The fault sweep over scans: every call that is made of AWS on the way of a scan from its file to its letter fails once
//! before it takes effect, once after it took effect with the process killed, and once with only the answer lost. The work
//! is then repeated as a queue or an operator would. Each scan is applied once in the end, and a file's counts are exact.
//!
//! It needs an AWS emulator at `AWS_ENDPOINT_URL` (`make up` starts one).
#![expect(clippy::print_stderr, reason = "a sweep of minutes says how far it is, and which cases broke a promise")]

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Instant;

use futures::future::join_all;
use jiff::SignedDuration;
use serde_json::json;
use tests::harness::Result;
use tests::harness::audit::{number, text};
use tests::harness::emulator::Emulator;
use tests::harness::floor::{Floor, Request};
use tests::harness::house::{House, Queue};
use tests::harness::letters::{create, letter, of_job};
use tests::harness::proxy::{Fault, Mode, Point};
use tests::harness::scans::{PrintedBatch, Scan, ask, audit, done, envelope, file, mail, print, scan, scans_of, state};

/// So many cases run beside each other; they spend much of their time waiting.
const LANES: usize = 6;
/// After this long a claim of an idempotency key has run out.
const CLAIM: SignedDuration = SignedDuration::from_secs(31);
/// So many letters has a batch that cases share; a case takes three of them.
const SHARED: u32 = 60;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// The worker that reads a file.
    Apply,
    /// The worker that matches orphans.
    Match,
    /// The request that confirms the mailing, and so has orphans matched.
    Mailed,
    /// The request that keys in a returned piece.
    Return,
    /// The request that sets a state.
    SetState,
    /// The request that has a file read again.
    Rerun,
    /// The request that has a test letter live a life.
    Advance,
}

const STEPS: [Step; 7] =
    [Step::Apply, Step::Match, Step::Mailed, Step::Return, Step::SetState, Step::Rerun, Step::Advance];

#[derive(Clone, Copy, Debug)]
struct Case {
    step: Step,
    fault: Option<Fault>,
    number: usize,
}

/// A house in which cases run one after the other, with a mailed batch and one that is only printed.
struct Lane {
    floor: Floor,
    mailed: PrintedBatch,
    waiting: PrintedBatch,
    used: usize,
    scans: BTreeMap<String, BTreeSet<Scan>>,
    orphans: BTreeMap<String, BTreeSet<Scan>>,
}

impl Lane {
    async fn open(emulator: &Emulator) -> Result<Self> {
        let mut floor = Floor::open(House::build(emulator, 2).await?);
        let mailed = print(&mut floor, SHARED, false).await?;
        mail(&mut floor, &mailed).await?;
        let waiting = print(&mut floor, SHARED / 3, false).await?;
        floor.begin();
        let (scans, orphans) = (BTreeMap::new(), BTreeMap::new());
        Ok(Lane { floor, mailed, waiting, used: 0, scans, orphans })
    }

    /// Mails what was only printed, and checks that its orphans found it.
    async fn close(&mut self) -> Result<()> {
        mail(&mut self.floor, &self.waiting).await?;
        audit(&self.floor.house, &self.waiting, &self.orphans).await
    }

    /// Runs a case to its end. Answers the calls that were made of AWS in the step of the fault.
    async fn run(&mut self, case: Case) -> Result<Vec<String>> {
        if self.used + 3 > self.mailed.letters.len() {
            self.close().await?;
            *self = Lane::open(&self.floor.house.emulator.clone()).await?;
        }
        let letters = self.mailed.letters[self.used..self.used + 3].to_vec();
        let orphan = self.waiting.letters[self.used / 3].clone();
        self.used += 3;
        let key = format!("usps/case-{}", case.number);
        let mut events = Vec::new();
        for (letter, code) in [(0, "891"), (0, "918"), (1, "918"), (0, "918")] {
            let scan = scan(letter, 'I', code);
            events.push(scan.event(&letters[letter as usize].code));
            self.scans.entry(letters[letter as usize].reference.clone()).or_default().insert(scan);
        }
        let waits = scan(3, 'I', "891");
        events.push(waits.event(&orphan.code));
        self.orphans.entry(orphan.reference).or_default().insert(waits);
        events.push(scan(4, 'I', "918").event("00340123456000000001"));
        events.push(json!({ "scanEventCode": "918" }));
        self.floor.house.drop_scans(&key, envelope(&events)).await?;

        let mut calls = Vec::new();
        if case.step == Step::Apply {
            calls = self.strike_worker(Queue::Scans, case.fault).await?;
        }
        self.floor.drain(None).await?;
        let read = file(&self.floor.house, &key).await?;
        let counts = ["records", "applied", "orphans", "rejected"].map(|name| number(&read, name));
        if counts != [7, 3, 2, 1] || text(&read, "state") != "done" {
            return Err(format!("the file's counts are {counts:?}: {read:?}").into());
        }
        let idempotent = Some(format!("case-{}", case.number));
        match case.step {
            Step::Apply => {}
            Step::Advance => calls = self.advanced(case, idempotent).await?,
            Step::Match | Step::Mailed => calls = self.matched(case, idempotent).await?,
            Step::Return => {
                let returned = Request {
                    body: Some(json!({ "barcode": letters[2].code })),
                    key: idempotent,
                    ..ask("operator.returns.create", "POST", "/v2/operator/returns", &[])
                };
                calls = self.strike(&returned, case.fault, 200).await?;
                let kept = self.kept(&letters[2].reference).await?;
                if kept.len() != 1 {
                    return Err(format!("it was keyed in {} times", kept.len()).into());
                }
                self.scans.insert(letters[2].reference.clone(), kept);
            }
            Step::SetState => {
                let path = "/v2/operator/batches/{batchId}/letters/{letterId}/state";
                let named = [("batchId", self.mailed.id.as_str()), ("letterId", letters[2].reference.as_str())];
                let set = Request {
                    body: Some(json!({ "state": "Delivered", "reason": "seen" })),
                    ..ask("operator.letters.state", "PUT", path, &named)
                };
                calls = self.strike(&set, case.fault, 200).await?;
                let kept = self.kept(&letters[2].reference).await?;
                // A PUT has no idempotency key: when its answer was lost it is said once more, and changes nothing.
                if kept.is_empty() || kept.len() > 2 {
                    return Err(format!("it was set {} times", kept.len()).into());
                }
                self.scans.insert(letters[2].reference.clone(), kept);
            }
            Step::Rerun => {
                let id = text(&read, "id").to_owned();
                let path = "/v2/operator/scans/{fileId}/rerun";
                let rerun =
                    Request { key: idempotent, ..ask("operator.scans.rerun", "POST", path, &[("fileId", &id)]) };
                calls = self.strike(&rerun, case.fault, 202).await?;
                self.floor.drain(None).await?;
                let again = file(&self.floor.house, &key).await?;
                let counts = ["run", "records", "applied", "orphans", "rejected"].map(|name| number(&again, name));
                if counts != [2, 7, 0, 2, 1] || text(&again, "state") != "done" {
                    return Err(format!("the file's counts are {counts:?}: {again:?}").into());
                }
            }
        }
        audit(&self.floor.house, &self.mailed, &self.scans).await?;
        Ok(calls)
    }

    /// Prints a batch, sends a scan of it, and has it mailed: the scan is matched.
    async fn matched(&mut self, case: Case, key: Option<String>) -> Result<Vec<String>> {
        let batch = print(&mut self.floor, 1, true).await?;
        self.floor.begin();
        let scan = scan(9, 'P', "01");
        let article = batch.letters[0].article.clone().unwrap_or_default();
        let name = format!("usps/case-{}-waits", case.number);
        self.floor.house.drop_scans(&name, envelope(&[scan.event(&article)])).await?;
        self.floor.drain(None).await?;
        let confirm = of_job("operator.jobs.mailed", &batch.job, key);
        let calls = if case.step == Step::Mailed {
            self.strike(&confirm, case.fault, 200).await?
        } else {
            done(&mut self.floor, &confirm, 200).await?;
            self.strike_worker(Queue::Match, case.fault).await?
        };
        self.floor.drain(None).await?;
        let wanted = BTreeMap::from([(batch.letters[0].reference.clone(), [scan].into())]);
        audit(&self.floor.house, &batch, &wanted).await?;
        for orphan in self.floor.house.partition("ORPHANS#A902345678#0").await? {
            if orphan["piece"]["article"] == article {
                return Err("the orphan was matched and is still there".into());
            }
        }
        Ok(calls)
    }

    /// Has a test letter returned.
    async fn advanced(&mut self, case: Case, key: Option<String>) -> Result<Vec<String>> {
        self.floor.mode = "test";
        let made = create(&self.floor.house, 1, &[letter("LETTER01", "reportlab.pdf", 1)], None);
        let id = done(&mut self.floor, &made, 202).await?.0;
        self.floor.drain(None).await?;
        let path = "/v2/test/letters/{letterId}/advance";
        let named = format!("{id}.LETTER01");
        let advance = Request {
            body: Some(json!({ "outcome": "returned" })),
            key,
            ..ask("test.letters.advance", "POST", path, &[("letterId", &named)])
        };
        let calls = self.strike(&advance, case.fault, 202).await?;
        self.floor.drain(None).await?;
        self.floor.mode = "live";
        let batch = PrintedBatch { id, job: String::new(), letters: Vec::new() };
        let kept = scans_of(&self.floor.house, &batch, "LETTER01").await?;
        // When the answer was lost, the life is lived once more; a letter that is back stays so.
        let codes: BTreeSet<&str> = kept.iter().map(|scan| scan.code.as_str()).collect();
        if codes != BTreeSet::from(["891", "918", "Q", "RETURNED"]) || state(&kept) != "Returned" {
            return Err(format!("the letter has {kept:?}").into());
        }
        let events = self.floor.house.partition(&format!("BATCH#{}", batch.id)).await?;
        for kind in ["batch.printing", "batch.mailed"] {
            let count = events.iter().filter(|event| text(event, "kind") == kind).count();
            if count != 1 {
                return Err(format!("there are {count} events {kind}").into());
            }
        }
        audit(&self.floor.house, &batch, &BTreeMap::from([("LETTER01".to_owned(), kept)])).await?;
        Ok(calls)
    }

    /// The scans of a letter as they are kept, for those that were made at a time of their own.
    async fn kept(&self, reference: &str) -> Result<BTreeSet<Scan>> {
        scans_of(&self.floor.house, &self.mailed, reference).await
    }

    /// Makes a request that a fault strikes, then repeats it as an operator would until it is answered.
    async fn strike(&mut self, request: &Request, fault: Option<Fault>, status: u64) -> Result<Vec<String>> {
        let struck = self.floor.request_struck(request, fault).await?;
        let answer = match struck.answer {
            Some(answer) => answer,
            None => {
                self.floor.pass(CLAIM).await?;
                self.floor.request(request).await?
            }
        };
        if answer.status != status {
            return Err(format!("{} was answered {} {}", request.operation, answer.status, answer.body).into());
        }
        if request.key.is_some() && !self.floor.request(request).await?.repeats(&answer) {
            return Err(format!("{} was answered otherwise when it was repeated", request.operation).into());
        }
        Ok(struck.calls)
    }

    /// Delivers a message that a fault strikes. When its worker died, it goes back to be delivered again.
    async fn strike_worker(&mut self, queue: Queue, fault: Option<Fault>) -> Result<Vec<String>> {
        let message = self.floor.take(queue).await?;
        let struck = self.floor.deliver_struck(&message, fault).await?;
        match struck.answer {
            Some(true) => self.floor.delete(&message).await?,
            _ => self.floor.give_back(message),
        }
        Ok(struck.calls)
    }
}

const KILLED: [Mode; 2] = [Mode::KilledBefore, Mode::KilledAfter];

fn reads(operation: &str) -> bool {
    matches!(operation, "GetItem" | "BatchGetItem" | "Query" | "S3 GET" | "S3 HEAD")
}

#[tokio::test]
async fn a_fault_at_any_call_on_the_way_of_a_scan_loses_none_and_applies_none_twice() -> Result<()> {
    let emulator = Emulator::find().await?;
    let mut lane = Lane::open(&emulator).await?;
    let mut cases = VecDeque::new();
    for step in STEPS {
        let calls = lane.run(Case { step, fault: None, number: 10_000 + cases.len() }).await?;
        eprintln!("{step:?} makes {} calls: {}", calls.len(), calls.join(", "));
        for (call, operation) in (1..).zip(&calls) {
            // A read whose answer is lost is simply made again.
            let modes: &[Mode] = if reads(operation) { &KILLED } else { &[KILLED[0], KILLED[1], Mode::AnswerLost] };
            for &mode in modes {
                let fault = Some(Fault { point: Point::Number(call), mode });
                cases.push_back(Case { step, fault, number: cases.len() });
            }
        }
    }
    lane.close().await?;
    lane.floor.house.take_down().await?;
    let (total, started) = (cases.len(), Instant::now());
    let (queue, broken) = (RefCell::new(cases), RefCell::new(Vec::new()));
    let work = async || -> Result<()> {
        let mut lane = Lane::open(&emulator).await?;
        loop {
            let Some(case) = queue.borrow_mut().pop_front() else { break };
            let run = tokio::time::timeout(std::time::Duration::from_secs(120), lane.run(case)).await;
            if let Err(error) = run.unwrap_or_else(|_| Err("the case takes longer than two minutes".into())) {
                eprintln!("broken: {case:?}: {error}");
                broken.borrow_mut().push(format!("{case:?}: {error}"));
                // Whatever it left behind must not disturb the next.
                lane = Lane::open(&emulator).await?;
            }
            let left = queue.borrow().len();
            if left.is_multiple_of(25) {
                eprintln!("{} of {total} cases are done after {:.0?}", total - left, started.elapsed());
            }
        }
        lane.close().await?;
        lane.floor.house.take_down().await
    };
    for done in join_all((0..LANES).map(|_| work())).await {
        done?;
    }
    eprintln!("{total} cases took {:.0?}", started.elapsed());
    let broken = broken.into_inner();
    assert!(broken.is_empty(), "{} of {total} cases broke a promise:\n{}", broken.len(), broken.join("\n"));
    Ok(())
}
