//! Races: requests and workers that meet at the worst moment. Processes run beside each other, or one is stopped at a
//! call while others go on.
//!
//! It needs an AWS emulator at `AWS_ENDPOINT_URL` (`make up` starts one).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::future::join_all;
use jiff::SignedDuration;
use tests::harness::Result;
use tests::harness::audit::{Expected, audit, text};
use tests::harness::emulator::Emulator;
use tests::harness::floor::{Answer, Floor, Request};
use tests::harness::house::{House, Queue};
use tests::harness::letters::{Letter, add, cancel, create, letter, merge, of_job, of_letter};
use tests::harness::proxy::{Fault, Mode, Point};
use tests::harness::runtime::Function;

/// How often a race is run, each time with another head start.
const ROUNDS: u64 = 6;

async fn floor() -> Result<Floor> {
    Ok(Floor::open(House::build(&Emulator::find().await?, 2).await?))
}

fn held(operation: &'static str, number: usize) -> Fault {
    Fault { point: Point::Operation(operation, number), mode: Mode::Held }
}

fn one_page(references: &[&str]) -> Vec<Letter> {
    references.iter().map(|reference| letter(reference, "reportlab.pdf", 1)).collect()
}

fn pages(references: &[&str]) -> BTreeMap<String, u64> {
    references.iter().map(|reference| ((*reference).to_owned(), 1)).collect()
}

/// Makes a request of a function of its own, so that several are made at once.
async fn ask(function: &mut Function, floor: &Floor, request: &Request) -> Result<Answer> {
    let event = floor.event(request);
    Floor::answer(function.invoke(&event).await?)?.ok_or_else(|| "the function was killed".into())
}

/// Makes two requests at once; the second, or in odd rounds the first, gets a head start that differs by round.
async fn at_once(floor: &Floor, round: u64, one: &Request, two: &Request) -> Result<(Answer, Answer)> {
    let mut first = floor.house.function(one.operation, None).await?;
    let mut second = floor.house.function(two.operation, None).await?;
    // The processes are up before the race begins.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let late = Duration::from_millis(round / 2 * 6);
    let (wait_one, wait_two) = if round.is_multiple_of(2) { (late, Duration::ZERO) } else { (Duration::ZERO, late) };
    let (one, two) = tokio::join!(
        async {
            tokio::time::sleep(wait_one).await;
            ask(&mut first, floor, one).await
        },
        async {
            tokio::time::sleep(wait_two).await;
            ask(&mut second, floor, two).await
        }
    );
    Ok((one?, two?))
}

/// A batch that is ready to be printed.
async fn ready(floor: &mut Floor, references: &[&str]) -> Result<String> {
    let request = create(&floor.house, u32::try_from(references.len())?, &one_page(references), None);
    let batch = floor.request(&request).await?.text("id");
    floor.follow(&batch);
    floor.drain(None).await?;
    Ok(batch)
}

/// Prints and mails a job.
async fn mail(floor: &mut Floor, job: &str) -> Result<()> {
    floor.drain(None).await?;
    for operation in ["operator.jobs.printed", "operator.jobs.mailed"] {
        let answer = floor.request(&of_job(operation, job, None)).await?;
        if answer.status != 200 {
            return Err(format!("{operation}: {} {}", answer.status, answer.body).into());
        }
    }
    Ok(())
}

/// The events of a batch that is born with its letters and becomes ready, and more.
fn events(more: &[(&'static str, usize)]) -> BTreeMap<&'static str, usize> {
    let born = [("batch.created", 1), ("batch.initialized", 1), ("letter.ready", 1), ("batch.ready", 1)];
    born.iter().chain(more).copied().collect()
}

const MAILED: [(&str, usize); 2] = [("batch.printing", 1), ("batch.mailed", 1)];

#[tokio::test]
async fn of_eight_adders_with_overlapping_references_those_that_were_answered_204_are_in_whole_and_no_other()
-> Result<()> {
    let mut floor = floor().await?;
    let references: Vec<String> = (0..10).map(|number| format!("LETTER{number:02}")).collect();
    let mut adders = Vec::new();
    for _ in 0..8 {
        adders.push(floor.house.function("letters.add", None).await?);
    }
    for round in 0..ROUNDS {
        let batch = floor.request(&create(&floor.house, 30, &[], None)).await?.text("id");
        floor.follow(&batch);
        let ask_for = |adder: usize| -> Vec<&str> {
            (0..3).map(|step| references[(adder + step * (1 + usize::from(round % 2 == 1))) % 10].as_str()).collect()
        };
        let requests: Vec<Request> =
            (0..8).map(|adder| add(&floor.house, &batch, &one_page(&ask_for(adder)), None)).collect();
        let asked = adders.iter_mut().zip(&requests).map(|(function, request)| ask(function, &floor, request));
        let answers: Vec<Answer> = join_all(asked).await.into_iter().collect::<Result<_>>()?;
        let mut accepted = BTreeSet::new();
        let mut additions = 0;
        for (adder, answer) in answers.iter().enumerate() {
            match answer.status {
                204 => {
                    additions += 1;
                    for reference in ask_for(adder) {
                        assert!(accepted.insert(reference), "{reference} was accepted twice");
                    }
                }
                409 => assert!(answer.body.contains("conflictingIds"), "{}", answer.body),
                _ => return Err(format!("an adder was answered {} {}", answer.status, answer.body).into()),
            }
        }
        assert!(additions > 0, "none of the adders got through");
        floor.drain(None).await?;
        let expected = Expected {
            letters: pages(&accepted.iter().copied().collect::<Vec<_>>()),
            room: 30 - accepted.len() as u64,
            state: "notReady",
            events: BTreeMap::from([
                ("batch.created", 1),
                ("batch.letters_added", additions),
                ("letter.ready", additions),
            ]),
            ..Expected::default()
        };
        audit(&floor.house, &batch, &expected).await?;
    }
    floor.house.take_down().await
}

#[tokio::test]
async fn of_a_merge_and_a_cancellation_exactly_one_wins() -> Result<()> {
    let mut floor = floor().await?;
    for round in 0..ROUNDS {
        let batch = ready(&mut floor, &["LETTER01", "LETTER02", "LETTER03"]).await?;
        let (merged, canceled) = at_once(&floor, round, &merge(&[&batch], None), &cancel(&batch)).await?;
        let mut expected =
            Expected { letters: pages(&["LETTER01", "LETTER02", "LETTER03"]), state: "mailed", ..Expected::default() };
        match (merged.status, canceled.status) {
            (202, 409) => {
                mail(&mut floor, &merged.text("id")).await?;
                expected.events = events(&MAILED);
            }
            (409, 204) => {
                floor.drain(None).await?;
                expected.state = "canceled";
                expected.events = events(&[("batch.canceled", 1)]);
            }
            both => return Err(format!("the merge and the cancellation were answered {both:?}").into()),
        }
        audit(&floor.house, &batch, &expected).await?;
    }
    floor.house.take_down().await
}

#[tokio::test]
async fn of_two_operators_who_merge_the_same_batch_exactly_one_gets_a_job() -> Result<()> {
    let mut floor = floor().await?;
    for round in 0..ROUNDS {
        let batch = ready(&mut floor, &["LETTER01", "LETTER02", "LETTER03"]).await?;
        let request = merge(&[&batch], None);
        let (one, two) = at_once(&floor, round, &request, &request).await?;
        let job = match (one.status, two.status) {
            (202, 409) => one.text("id"),
            (409, 202) => two.text("id"),
            both => return Err(format!("the two were answered {both:?}").into()),
        };
        mail(&mut floor, &job).await?;
        let letters = pages(&["LETTER01", "LETTER02", "LETTER03"]);
        let expected = Expected { letters, state: "mailed", events: events(&MAILED), ..Expected::default() };
        audit(&floor.house, &batch, &expected).await?;
    }
    floor.house.take_down().await
}

#[tokio::test]
async fn a_letter_that_is_withdrawn_while_its_batch_is_merged_is_printed_only_if_the_withdrawal_was_refused()
-> Result<()> {
    let mut floor = floor().await?;
    for round in 0..ROUNDS {
        let batch = ready(&mut floor, &["LETTER01", "LETTER02", "LETTER03"]).await?;
        let withdraw = of_letter("letters.withdraw", "DELETE", &batch, "LETTER02", None);
        let (merged, withdrawn) = at_once(&floor, round, &merge(&[&batch], None), &withdraw).await?;
        let job = match merged.status {
            202 => merged.text("id"),
            // It lost to the withdrawal in each of its attempts, and the operator tries again.
            _ => floor.request(&merge(&[&batch], None)).await?.text("id"),
        };
        mail(&mut floor, &job).await?;
        let mut expected = Expected { state: "mailed", ..Expected::default() };
        match withdrawn.status {
            204 => {
                expected.letters = pages(&["LETTER01", "LETTER03"]);
                expected.withdrawn = ["LETTER02".to_owned()].into();
                expected.events = events(&MAILED);
                expected.events.insert("letter.withdrawn", 1);
            }
            409 => {
                expected.letters = pages(&["LETTER01", "LETTER02", "LETTER03"]);
                expected.events = events(&MAILED);
            }
            _ => return Err(format!("the withdrawal was answered {} {}", withdrawn.status, withdrawn.body).into()),
        }
        audit(&floor.house, &batch, &expected).await?;
    }
    floor.house.take_down().await
}

#[tokio::test]
async fn letters_that_are_added_while_their_batch_is_canceled_are_in_whole_or_not_at_all() -> Result<()> {
    let mut floor = floor().await?;
    for round in 0..ROUNDS {
        let batch = floor.request(&create(&floor.house, 3, &[], None)).await?.text("id");
        floor.follow(&batch);
        let letters = ["LETTER01", "LETTER02", "LETTER03"];
        let (added, canceled) =
            at_once(&floor, round, &add(&floor.house, &batch, &one_page(&letters), None), &cancel(&batch)).await?;
        assert_eq!(canceled.status, 204, "{}", canceled.body);
        floor.drain(None).await?;
        let mut expected = Expected { state: "canceled", ..Expected::default() };
        expected.events = BTreeMap::from([("batch.created", 1), ("batch.canceled", 1)]);
        match added.status {
            204 => {
                expected.letters = pages(&letters);
                expected.events.insert("batch.letters_added", 1);
            }
            409 => expected.room = 3,
            _ => return Err(format!("the addition was answered {} {}", added.status, added.body).into()),
        }
        let item = floor.house.item(&format!("BATCH#{batch}"), "BATCH").await?.ok_or("the batch is gone")?;
        assert_eq!(item["open"].to_string(), "{}", "the addition is closed whatever became of it");
        audit(&floor.house, &batch, &expected).await?;
    }
    floor.house.take_down().await
}

#[tokio::test]
async fn letters_that_come_while_their_batch_is_initialised_do_not_replace_those_that_came_with_it() -> Result<()> {
    let mut floor = floor().await?;
    let born = one_page(&["LETTER01", "LETTER02"]);
    let batch = floor.request(&create(&floor.house, 4, &born, None)).await?.text("id");
    floor.follow(&batch);
    let overlapping = add(&floor.house, &batch, &one_page(&["LETTER02", "LETTER03"]), None);
    let refused = floor.request(&overlapping).await?;
    assert_eq!(refused.status, 409, "{}", refused.body);
    assert!(refused.body.contains(r#""conflictingIds":["LETTER02"]"#), "{}", refused.body);
    let added = floor.request(&add(&floor.house, &batch, &one_page(&["LETTER03", "LETTER04"]), None)).await?;
    assert_eq!(added.status, 204, "{}", added.body);
    floor.drain(None).await?;
    let expected = Expected {
        letters: pages(&["LETTER01", "LETTER02", "LETTER03", "LETTER04"]),
        state: "ready",
        events: BTreeMap::from([
            ("batch.created", 1),
            ("batch.initialized", 1),
            ("batch.letters_added", 1),
            ("letter.ready", 2),
            ("batch.ready", 1),
        ]),
        ..Expected::default()
    };
    audit(&floor.house, &batch, &expected).await?;
    floor.house.take_down().await
}

#[tokio::test]
async fn a_job_whose_parts_are_assembled_before_its_planner_dies_is_assembled_when_the_plan_is_delivered_again()
-> Result<()> {
    let mut floor = floor().await?;
    let batch = ready(&mut floor, &["LETTER01", "LETTER02", "LETTER03"]).await?;
    let job = floor.request(&merge(&[&batch], None)).await?.text("id");
    let plan = floor.take(Queue::Plan).await?;
    // It is stopped before it notes how many parts there are, and killed before it looks whether they are all assembled.
    let killed = Fault { point: Point::Operation("GetItem", 2), mode: Mode::KilledBefore };
    let mut planner = floor.house.function(Queue::Plan.operation(), Some(vec![held("UpdateItem", 1), killed])).await?;
    let event = floor.delivery(&plan);
    let gate = planner.gate().ok_or("the planner has no proxy")?;
    let (outcome, drained) = tokio::join!(planner.invoke(&event), async {
        gate.held().await;
        let drained = floor.drain(Some(Queue::Assemble)).await;
        gate.let_go();
        drained
    });
    drained?;
    assert!(matches!(outcome?, tests::harness::runtime::Outcome::Killed), "the planner was to be killed");
    floor.give_back(plan);
    mail(&mut floor, &job).await?;
    let letters = pages(&["LETTER01", "LETTER02", "LETTER03"]);
    let expected = Expected { letters, state: "mailed", events: events(&MAILED), ..Expected::default() };
    audit(&floor.house, &batch, &expected).await?;
    floor.house.take_down().await
}

#[tokio::test]
async fn a_job_that_is_planned_again_with_another_size_of_parts_prints_every_letter_once() -> Result<()> {
    let mut floor = floor().await?;
    let references = ["LETTER01", "LETTER02", "LETTER03", "LETTER04", "LETTER05"];
    let batch = ready(&mut floor, &references).await?;
    let job = floor.request(&merge(&[&batch], None)).await?.text("id");
    let plan = floor.take(Queue::Plan).await?;
    let killed = Fault { point: Point::Operation("PutItem", 5), mode: Mode::KilledBefore };
    let struck = floor.deliver_struck(&plan, Some(killed)).await?;
    assert!(struck.answer.is_none(), "the planner was to be killed");
    // While the message waits to be delivered again, somebody deploys.
    floor.redeploy(3);
    floor.give_back(plan);
    mail(&mut floor, &job).await?;
    let expected =
        Expected { letters: pages(&references), state: "mailed", events: events(&MAILED), ..Expected::default() };
    audit(&floor.house, &batch, &expected).await?;
    floor.house.take_down().await
}

#[tokio::test]
async fn two_inspectors_who_find_different_things_count_what_is_recorded() -> Result<()> {
    let mut floor = floor().await?;
    let late = [letter("LETTER01", "late.pdf", 1)];
    let batch = floor.request(&create(&floor.house, 1, &late, None)).await?.text("id");
    floor.follow(&batch);
    floor.drain(Some(Queue::Initialise)).await?;
    let message = floor.take(Queue::Inspect).await?;
    let event = floor.delivery(&message);
    // The first finds no document, and is stopped before it records that.
    let mut first = floor.house.function(Queue::Inspect.operation(), Some(vec![held("UpdateItem", 1)])).await?;
    let gate = first.gate().ok_or("the inspector has no proxy")?;
    let (outcome, second) = tokio::join!(first.invoke(&event), async {
        gate.held().await;
        floor.house.upload("reportlab.pdf", "late.pdf").await?;
        // The second finds it, records that, and dies before it counts.
        let killed = Fault { point: Point::Operation("UpdateItem", 1), mode: Mode::KilledAfter };
        let second = floor.deliver_struck(&message, Some(killed)).await;
        gate.let_go();
        second
    });
    assert!(second?.answer.is_none(), "the second inspector was to be killed");
    outcome?;
    floor.give_back(message);
    floor.drain(None).await?;
    let expected =
        Expected { letters: pages(&["LETTER01"]), state: "ready", events: events(&[]), ..Expected::default() };
    audit(&floor.house, &batch, &expected).await?;
    floor.house.take_down().await
}

#[tokio::test]
async fn an_adder_who_outlives_its_lease_is_either_in_whole_or_undone() -> Result<()> {
    let mut floor = floor().await?;
    let batch = floor.request(&create(&floor.house, 6, &[], None)).await?.text("id");
    floor.follow(&batch);
    let late = add(&floor.house, &batch, &one_page(&["LETTER01", "LETTER02", "LETTER03"]), None);
    let next = add(&floor.house, &batch, &one_page(&["LETTER04", "LETTER05", "LETTER06"]), None);
    // Without a key the third transaction is the commit: reserve, write, commit.
    let mut slow = floor.house.function(late.operation, Some(vec![held("TransactWriteItems", 3)])).await?;
    let mut other = floor.house.function(next.operation, Some(vec![held("DeleteItem", 1)])).await?;
    let slow_gate = slow.gate().ok_or("no proxy")?;
    let other_gate = other.gate().ok_or("no proxy")?;
    let (slow_event, other_event) = (floor.event(&late), floor.event(&next));
    let (slow, (other, passed)) = tokio::join!(
        async {
            let outcome = slow.invoke(&slow_event).await;
            // The other goes on once the slow one has its answer.
            other_gate.let_go();
            outcome
        },
        async {
            slow_gate.held().await;
            let passed = floor.pass(SignedDuration::from_mins(2)).await;
            tokio::join!(other.invoke(&other_event), async {
                other_gate.held().await;
                slow_gate.let_go();
                passed
            })
        }
    );
    passed?;
    let slow = Floor::answer(slow?)?.ok_or("the slow adder was killed")?;
    let other = Floor::answer(other?)?.ok_or("the other adder was killed")?;
    assert_eq!(other.status, 204, "{}", other.body);
    floor.drain(None).await?;
    let mut letters = vec!["LETTER04", "LETTER05", "LETTER06"];
    let mut additions = 1;
    if slow.status == 204 {
        letters.extend(["LETTER01", "LETTER02", "LETTER03"]);
        additions += 1;
    } else {
        assert_eq!(slow.status, 503, "{}", slow.body);
    }
    let mut expected = Expected { letters: pages(&letters), state: "notReady", ..Expected::default() };
    expected.room = 6 - letters.len() as u64;
    expected.events =
        BTreeMap::from([("batch.created", 1), ("batch.letters_added", additions), ("letter.ready", additions)]);
    if letters.len() == 6 {
        expected.state = "ready";
        expected.events.insert("batch.ready", 1);
    }
    let item = floor.house.item(&format!("BATCH#{batch}"), "BATCH").await?.ok_or("the batch is gone")?;
    assert_eq!(text(&item, "state"), expected.state);
    audit(&floor.house, &batch, &expected).await?;
    floor.house.take_down().await
}
