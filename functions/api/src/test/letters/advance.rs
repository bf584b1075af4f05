//! `POST /v2/test/letters/{letterId}/advance`: has a test letter live the life of a mailed one, at once or within minutes.
//!
//! Its batch is mailed if it is not yet, without a mail job: nothing is printed. The scans of the letter's life are files like
//! the postal service's, and the worker that reads those reads these, each in its time.

use domain::account::Mode;
use domain::batch::{Batch, BatchState, MailClass};
use domain::fault::{Faults, Pointer};
use domain::id::{BatchId, LetterRef, SingleId};
use domain::letter::LetterState;
use domain::single::{Single, SingleState};
use domain::tracking::life::Outcome;
use edge::wire::{self, Field};
use edge::{Call, Problem, Reply};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};
use store::idempotency::{Answer, Completion};
use store::release::Numbers;
use store::test_pieces::TestScan;

use crate::App;
use crate::idempotent::once;

/// Within how many seconds a life may be lived, at most: for as long a message can be held back.
const LONGEST: u32 = 900;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", expecting = "an object with outcome and seconds")]
struct RawLife<'a> {
    #[serde(default, borrow)]
    outcome: Field<'a>,
    #[serde(default, borrow)]
    seconds: Field<'a>,
}

impl RawLife<'_> {
    fn parse(&self, mut faults: Faults) -> Result<(Outcome, u32), Problem> {
        let root = Pointer::Root;
        let at = root.key("outcome");
        let outcome = self.outcome.required(&at, &mut faults).text(&at, &mut faults).and_then(|word| {
            let known = Outcome::parse(word);
            if known.is_none() {
                faults.push(&at, "outcome", "Give delivered, returned, notMailable, lost or certifiedSigned.");
            }
            known
        });
        let seconds = self.seconds.whole(0..=LONGEST, &root.key("seconds"), &mut faults).unwrap_or(0);
        let outcome = outcome.filter(|_| faults.is_empty());
        outcome.map(|outcome| (outcome, seconds)).ok_or_else(|| Problem::faulty(422, "invalid", &faults))
    }
}

/// The letter that the path names: its batch's id, a full stop, and its reference; or the identifier of one that is sent by
/// itself, which is released into a batch of its own first.
async fn named(app: &App, call: &Call) -> Result<(Batch, LetterRef), Problem> {
    let caller = call.caller()?;
    if caller.mode != Mode::Test {
        let message =
            "Only letters of a test key can be advanced. What becomes of the others the postal service tells.";
        return Err(Problem::new(403, "forbidden", message));
    }
    let not_found = || Problem::not_found("letter");
    if let Ok(id) = SingleId::parse(call.parameter("letterId")) {
        return released(app, call, &id).await;
    }
    let (batch, reference) = call.parameter("letterId").split_once('.').ok_or_else(not_found)?;
    let id = BatchId::parse(batch).map_err(|_| not_found())?;
    let reference = LetterRef::parse(reference).map_err(|_| not_found())?;
    let batch = app.store.batch(&id).await?;
    let own = |batch: &Batch| batch.account == caller.account && batch.mode == caller.mode;
    let batch = batch.filter(own).ok_or_else(not_found)?;
    let letter = app.store.letter(&batch, &reference).await?.ok_or_else(not_found)?;
    let ready = matches!(batch.state, BatchState::Ready | BatchState::Mailed) && letter.state == LetterState::Ready;
    if !ready {
        let message = "The letter's batch is not ready to be mailed, or the letter was withdrawn.";
        return Err(Problem::new(409, "letter.not_ready", message));
    }
    Ok((batch, reference))
}

/// A letter that is sent by itself, in its batch.
async fn released(app: &App, call: &Call, id: &SingleId) -> Result<(Batch, LetterRef), Problem> {
    let caller = call.caller()?;
    let own = |single: &Single| single.account == caller.account && single.mode == caller.mode;
    for _ in 0..2 {
        let single = app.store.single(id).await?.filter(own).ok_or_else(|| Problem::not_found("letter"))?;
        if single.state != SingleState::Ready {
            let message = "The letter has not passed inspection, or was canceled.";
            return Err(Problem::new(409, "letter.not_ready", message));
        }
        if let Some(batch) = &single.batch {
            let batch = app.store.batch(batch).await?.ok_or_else(|| Problem::not_found("letter"))?;
            return Ok((batch, single.reference()));
        }
        // Whoever else released it or changed it meanwhile is seen in the next round.
        app.store.release_singles(vec![single], &mut Numbers::new(), call.now).await?;
    }
    Err(Problem::new(409, "letter.not_ready", "The letter is being changed. Try again in a moment.").retry_after(1))
}

/// Answers the request: 202, and the scans come after the answer.
///
/// # Errors
/// 400, 403 for a live key, 404, 409 while the letter's batch is not ready, and 422.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    once(app, &call, async |ticket| {
        let mut faults = Faults::default();
        let raw: RawLife<'_> = wire::read_known(&call.body, &mut faults)?;
        let (outcome, seconds) = raw.parse(faults)?;
        let (batch, letter) = named(app, &call).await?;
        if outcome == Outcome::CertifiedSigned && batch.mail_class != MailClass::Certified {
            let message = "Only a letter of a certified batch can be signed for.";
            return Err(Problem::new(409, "letter.not_certified", message));
        }
        // As a real one, it has its numbers before anybody is told that it is mailed.
        let piece = app.store.test_piece(&batch, &letter).await?;
        app.store.mail_test_batch(&batch, call.now).await?;
        let scans = scans(outcome, seconds, call.now);
        if let Some(ticket) = ticket {
            // What was sent is scanned.
            ticket.goes_in_steps();
        }
        app.store.send_test_scans(&batch, &piece, &scans, call.now).await?;
        let told: Vec<Value> = scans.iter().map(|scan| json!({ "at": scan.at, "code": scan.code })).collect();
        let body = json!({
            "letterId": call.parameter("letterId"),
            "trackingCode": piece.code,
            "outcome": outcome,
            "scans": told,
        });
        let answer = Answer { status: 202, location: None, body: body.to_string() };
        app.store.keep_answer(Completion::of(ticket, &answer)).await?;
        Ok(answer)
    })
    .await
}

/// The scans of a life: the last when the time is over, the others evenly before it.
fn scans(outcome: Outcome, seconds: u32, now: Timestamp) -> Vec<TestScan> {
    let life = outcome.scans();
    let count = life.len() as u32;
    let scan = |(number, &(feed, code)): (u32, &(_, &'static str))| {
        let after = seconds * number / count;
        // Scans of one moment would have no order.
        let at = now + SignedDuration::from_secs(i64::from(after)) + SignedDuration::from_millis(i64::from(number));
        let signer = outcome.signer().filter(|_| number == count);
        TestScan { at, feed, code, signer, after }
    };
    (1..).zip(life).map(scan).collect()
}
