//! Letters that are sent by themselves, from one call to the letterbox, and what must not happen on the way.
//!
//! It needs an AWS emulator at `AWS_ENDPOINT_URL` (`make up` starts one).

use std::collections::BTreeSet;

use domain::batch::today;
use domain::calendar::{Calendar, Closed};
use futures::future::join_all;
use jiff::civil::{Date, Weekday};
use jiff::{SignedDuration, Timestamp, ToSpan};
use serde_json::{Value, json};
use tests::harness::Result;
use tests::harness::audit::text;
use tests::harness::emulator::Emulator;
use tests::harness::floor::{Floor, Request};
use tests::harness::house::House;
use tests::harness::letters::{self, merge, of_job};
use tests::harness::proxy::{Fault, Mode, Point};
use tests::harness::runtime::{Function, Outcome};
use tests::harness::singles::{
    all, ask, audit, body, card, card_body, come, create, create_card, events, item, list, list_cards, many, of,
    of_card, read, recipient, release, send_on,
};
use tests::openapi::Description;

async fn floor() -> Result<Floor> {
    Ok(Floor::open(House::build(&Emulator::find().await?, 50).await?))
}

/// A letter that passed inspection.
async fn ready(floor: &mut Floor, body: Value) -> Result<String> {
    let created = ask(floor, &create(body, None), 201).await?;
    floor.drain(None).await?;
    let id = created["id"].as_str().unwrap_or_default().to_owned();
    let single = ask(floor, &of("singles.get", &id, None), 200).await?;
    if single["status"] != "ready" {
        return Err(format!("the letter is {single}").into());
    }
    Ok(id)
}

/// The batches that the house made, by when they are due.
async fn made(house: &House) -> Result<Vec<String>> {
    let batches = house.all("BATCH").await?;
    let made = batches.iter().filter(|batch| batch.contains_key("group"));
    Ok(made.map(|batch| text(batch, "id").to_owned()).collect())
}

async fn invoke(function: &mut Function, event: &Value) -> Result<Value> {
    match function.invoke(event).await? {
        Outcome::Answered(value) => Ok(value),
        Outcome::Killed => Err("the function was killed".into()),
    }
}

#[tokio::test]
async fn a_letter_goes_from_one_call_to_the_letterbox_and_tells_of_itself_all_the_way() -> Result<()> {
    let mut floor = floor().await?;
    let mut wanted = body(&floor.house, "chromium.pdf");
    wanted["externalId"] = json!("invoice-4711");
    wanted["metadata"] = json!([{ "key": "campaign", "value": "autumn" }]);
    let individual = wanted["recipient"]["individual"].clone();
    let created = ask(&mut floor, &create(wanted, Some("a-key".to_owned())), 201).await?;
    assert_eq!((&created["status"], &created["mode"]), (&json!("queued"), &json!("live")));
    assert_eq!(created["recipient"]["individual"], individual);
    assert_eq!(created["options"]["mailClass"], "FirstClass");
    let id = created["id"].as_str().unwrap_or_default().to_owned();
    floor.drain(None).await?;
    let inspected = ask(&mut floor, &of("singles.get", &id, None), 200).await?;
    assert_eq!((&inspected["status"], &inspected["impressionCount"]), (&json!("ready"), &json!(2)));
    assert!(inspected["url"].as_str().is_some_and(|url| url.contains("documents/")), "{inspected}");
    assert_eq!(floor.request(&of("singles.download", &id, None)).await?.status, 302);

    assert_eq!(release(&mut floor).await?, 0, "its send date has not come");
    come(&floor.house, &id).await?;
    assert_eq!(release(&mut floor).await?, 1);
    assert_eq!(release(&mut floor).await?, 0);
    let [batch] = made(&floor.house).await?.try_into().map_err(|_| "there is one batch")?;
    let shown = ask(&mut floor, &of("singles.get", &id, None), 200).await?;
    assert_eq!(shown["status"], "ready");
    assert_eq!(ask(&mut floor, &of("singles.cancel", &id, None), 409).await?["code"], "letter.too_late");

    // The client knows nothing of the batch; the floor prints it as any other.
    let of_batch = Request {
        operation: "batches.get",
        method: "GET",
        path: "/v2/batches/{batchId}",
        parameters: vec![("batchId", batch.clone())],
        body: None,
        key: None,
    };
    ask(&mut floor, &of_batch, 404).await?;
    let job = ask(&mut floor, &merge(&[&batch], None), 202).await?;
    let job = job["id"].as_str().unwrap_or_default().to_owned();
    floor.drain(None).await?;
    assert_eq!(ask(&mut floor, &of("singles.get", &id, None), 200).await?["status"], "inProduction");
    for operation in ["operator.jobs.printed", "operator.jobs.mailed"] {
        ask(&mut floor, &of_job(operation, &job, None), 200).await?;
    }
    let mailed = ask(&mut floor, &of("singles.get", &id, None), 200).await?;
    assert_eq!(mailed["status"], "mailed");
    assert_eq!(mailed["tracking"]["postalState"], "Dropped");
    assert_eq!(mailed["tracking"]["trackingCode"].as_str().map(str::len), Some(20));
    let kinds: Vec<&str> =
        mailed["events"].as_array().into_iter().flatten().filter_map(|event| event["type"].as_str()).collect();
    let all_kinds = ["letter.created", "letter.ready", "letter.released", "letter.in_production", "letter.mailed"];
    assert_eq!(kinds, all_kinds);
    let history = ask(&mut floor, &of("singles.events", &id, None), 200).await?;
    assert_eq!(history["tracking"]["items"][0]["code"], "MAILED");
    let told = events(&floor.house).await?;
    let told: Vec<(&str, u64)> = told[&id].iter().map(|(kind, count)| (kind.as_str(), *count)).collect();
    let mut once: Vec<(&str, u64)> = all_kinds.map(|kind| (kind, 1)).into();
    once.sort_unstable();
    assert_eq!(told, once);

    // What is printed is the sender of the letter and its own document.
    let manifest = floor.house.object(&floor.house.print, &format!("jobs/{job}/part-00000.csv")).await?;
    assert!(String::from_utf8_lossy(&manifest).contains(&id), "{}", String::from_utf8_lossy(&manifest));
    let by_name = ask(&mut floor, &list(&[("externalId", "invoice-4711".to_owned())]), 200).await?;
    assert_eq!(by_name["items"][0]["id"], json!(id));
    audit(&floor.house).await?;
    floor.house.take_down().await
}

#[tokio::test]
async fn of_many_requests_with_one_key_at_once_there_is_exactly_one_letter() -> Result<()> {
    let floor = floor().await?;
    let request = create(body(&floor.house, "reportlab.pdf"), Some("the-same-key".to_owned()));
    let event = floor.event(&request);
    let mut functions = Vec::new();
    for _ in 0..6 {
        functions.push(floor.house.function("singles.create", None).await?);
    }
    let answers = join_all(functions.iter_mut().map(|function| invoke(function, &event))).await;
    let mut created = BTreeSet::new();
    for answer in answers {
        let answer = answer?;
        match answer["statusCode"].as_u64() {
            Some(201) => created.insert(answer["body"].as_str().unwrap_or_default().to_owned()),
            Some(409) => continue,
            _ => return Err(format!("{answer}").into()),
        };
    }
    assert_eq!(created.len(), 1, "all that were answered were answered the same");
    assert_eq!(all(&floor.house).await?.len(), 1);
    let mut again = floor;
    let answer = again.request(&request).await?;
    assert_eq!((answer.status, created.contains(&answer.body)), (201, true));
    assert_eq!(all(&again.house).await?.len(), 1);
    again.house.take_down().await
}

/// Makes a request of which a transaction fails, the first being that which claims its key.
async fn fail(floor: &mut Floor, request: &Request, mode: Mode, transactions: std::ops::Range<usize>) -> Result<()> {
    let point = |number| Fault { point: Point::Operation("TransactWriteItems", number), mode };
    let mut function = floor.house.function(request.operation, Some(transactions.map(point).collect())).await?;
    let failed = Floor::answer(function.invoke(&floor.event(request)).await?)?.ok_or("the function was killed")?;
    if failed.status != 500 || failed.text("code") != "internal" {
        return Err(format!("it did not fail: {} {}", failed.status, failed.body).into());
    }
    Ok(())
}

#[tokio::test]
async fn a_post_that_failed_is_repeated_at_once_and_there_is_exactly_one_letter() -> Result<()> {
    let mut floor = floor().await?;
    // The transaction has no effect; or it has, and however often it is asked for, its answer is lost.
    for (name, mode, transactions) in [("denied", Mode::Denied, 2..3), ("lost", Mode::AnswerLost, 2..20)] {
        let before = all(&floor.house).await?.len();
        let request = create(body(&floor.house, "reportlab.pdf"), Some(name.to_owned()));
        fail(&mut floor, &request, mode, transactions).await?;
        let repeated = floor.request(&request).await?;
        assert_eq!(repeated.status, 201, "{name}: {}", repeated.body);
        assert_eq!(repeated.headers.contains_key("idempotent-replayed"), mode == Mode::AnswerLost);
        assert!(floor.request(&request).await?.repeats(&repeated));
        assert_eq!(all(&floor.house).await?.len(), before + 1, "{name}");
    }
    floor.drain(None).await?;
    audit(&floor.house).await?;
    floor.house.take_down().await
}

#[tokio::test]
async fn a_post_of_several_that_failed_half_way_is_repeated_when_what_it_left_is_out_of_the_way() -> Result<()> {
    let mut floor = floor().await?;
    let request = create(many(&floor.house, "reportlab.pdf", 3), Some("three".to_owned()));
    // Its places are taken, and it is not completed.
    fail(&mut floor, &request, Mode::Denied, 3..4).await?;
    let early = floor.request(&request).await?;
    assert_eq!((early.status, early.text("code").as_str()), (409, "idempotency_key.running"), "{}", early.body);
    let again: u32 = early.headers.get("retry-after").ok_or("it says when to come again")?.parse()?;
    assert!((1..=10).contains(&again), "{again} seconds");
    floor.pass(SignedDuration::from_secs(31)).await?;
    let created = ask(&mut floor, &request, 201).await?;
    floor.drain(None).await?;
    let there: BTreeSet<String> = all(&floor.house).await?.iter().map(|single| text(single, "id").to_owned()).collect();
    let told = created["letterIds"].as_array().into_iter().flatten();
    assert_eq!(there, told.map(|id| id.as_str().unwrap_or_default().to_owned()).collect());
    audit(&floor.house).await?;
    floor.house.take_down().await
}

#[tokio::test]
async fn a_thousand_recipients_get_a_letter_each_or_none_does() -> Result<()> {
    let mut floor = floor().await?;
    let too_many = many(&floor.house, "reportlab.pdf", 1_001);
    let refused = ask(&mut floor, &create(too_many, None), 413).await?;
    assert_eq!(
        (&refused["code"], &refused["errors"][0]["pointer"]),
        (&json!("recipients.too_many"), &json!("/recipients"))
    );
    let mut faulty = many(&floor.house, "reportlab.pdf", 1_000);
    faulty["recipients"][731]["address"]["state"] = json!("ZZ");
    let refused = ask(&mut floor, &create(faulty, None), 422).await?;
    assert_eq!(refused["errors"][0]["pointer"], "/recipients/731/address/state");
    assert_eq!(all(&floor.house).await?.len(), 0);

    let request = create(many(&floor.house, "reportlab.pdf", 1_000), Some("thousand".to_owned()));
    let created = ask(&mut floor, &request, 201).await?;
    assert_eq!(created["letterIds"].as_array().map(Vec::len), Some(1_000));
    floor.drain(None).await?;
    let singles = all(&floor.house).await?;
    assert_eq!(singles.iter().filter(|single| text(single, "state") == "ready").count(), 1_000);
    // Two releases at once take each of them once, into batches that are no larger than they may be.
    for single in &singles {
        come(&floor.house, text(single, "id")).await?;
    }
    let mut functions = Vec::new();
    for _ in 0..2 {
        functions.push(floor.house.function("singles.release", None).await?);
    }
    let event = json!({});
    let released = join_all(functions.iter_mut().map(|function| invoke(function, &event))).await;
    let released: u64 =
        released.into_iter().map(|count| count.map(|count| count.as_u64().unwrap_or(0))).sum::<Result<_>>()?;
    assert_eq!(released, 1_000);
    assert!((2..=4).contains(&made(&floor.house).await?.len()), "{:?}", made(&floor.house).await?);
    audit(&floor.house).await?;
    floor.house.take_down().await
}

#[tokio::test]
async fn a_page_has_what_was_there_once_also_while_others_write() -> Result<()> {
    let mut floor = floor().await?;
    let mut there = BTreeSet::new();
    for number in 0..4 {
        let mut wanted = many(&floor.house, "reportlab.pdf", 6);
        wanted["metadata"] = json!([{ "key": "round", "value": number.to_string() }]);
        let created = ask(&mut floor, &create(wanted, None), 201).await?;
        there.extend(
            created["letterIds"].as_array().into_iter().flatten().map(|id| id.as_str().unwrap_or("").to_owned()),
        );
    }
    let mut seen = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let mut parameters = vec![("limit", "5".to_owned())];
        parameters.extend(cursor.map(|cursor| ("cursor", cursor)));
        let page = ask(&mut floor, &list(&parameters), 200).await?;
        let ids =
            page["items"].as_array().into_iter().flatten().map(|item| item["id"].as_str().unwrap_or("").to_owned());
        seen.extend(ids);
        // Somebody else writes between any two pages.
        let other = create(body(&floor.house, "reportlab.pdf"), None);
        ask(&mut floor, &other, 201).await?;
        match page["nextCursor"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => break,
        }
    }
    let distinct: BTreeSet<String> = seen.iter().cloned().collect();
    assert_eq!(distinct.len(), seen.len(), "none twice");
    assert_eq!(distinct, there, "each that was there, and none that came later");

    // A filter finds what it should, and its cursor is good for it alone.
    let mut found = 0;
    let mut cursor: Option<String> = None;
    loop {
        let mut parameters = vec![("limit", "4".to_owned()), ("metadata[round]", "2".to_owned())];
        parameters.extend(cursor.clone().map(|cursor| ("cursor", cursor)));
        let page = ask(&mut floor, &list(&parameters), 200).await?;
        found += page["items"].as_array().map_or(0, Vec::len);
        match page["nextCursor"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => break,
        }
    }
    assert_eq!(found, 6);
    let parameters = [("cursor", cursor.ok_or("there were two pages")?), ("metadata[round]", "3".to_owned())];
    assert_eq!(ask(&mut floor, &list(&parameters), 400).await?["code"], "cursor.invalid");
    floor.house.take_down().await
}

#[tokio::test]
async fn pages_have_what_was_there_once_while_others_create_and_cancel_all_the_time() -> Result<()> {
    let mut floor = floor().await?;
    let sixty = create(many(&floor.house, "reportlab.pdf", 60), None);
    let created = ask(&mut floor, &sixty, 201).await?;
    let ids = created["letterIds"].as_array().into_iter().flatten();
    let there: BTreeSet<String> = ids.map(|id| id.as_str().unwrap_or_default().to_owned()).collect();
    let done = std::cell::Cell::new(false);
    let writer = async |cancels: bool| -> Result<usize> {
        let mut creating = floor.house.function("singles.create", None).await?;
        let mut canceling = floor.house.function("singles.cancel", None).await?;
        let mut written = 0;
        while !done.get() {
            let event = floor.event(&create(body(&floor.house, "reportlab.pdf"), None));
            let answer = invoke(&mut creating, &event).await?;
            let letter: Value = serde_json::from_str(answer["body"].as_str().unwrap_or_default())?;
            if cancels {
                let id = letter["id"].as_str().unwrap_or_default();
                invoke(&mut canceling, &floor.event(&of("singles.cancel", id, None))).await?;
            }
            written += 1;
        }
        Ok(written)
    };
    let reader = async || -> Result<()> {
        let mut listing = floor.house.function("singles.list", None).await?;
        for round in 0..3 {
            let (mut seen, mut cursor) = (Vec::new(), None::<String>);
            loop {
                let mut parameters = vec![("limit", (3 + round * 4).to_string())];
                parameters.extend(cursor.take().map(|cursor| ("cursor", cursor)));
                let answer = invoke(&mut listing, &floor.event(&list(&parameters))).await?;
                let page: Value = serde_json::from_str(answer["body"].as_str().unwrap_or_default())?;
                let items = page["items"].as_array().ok_or_else(|| format!("{answer}"))?;
                seen.extend(items.iter().map(|item| item["id"].as_str().unwrap_or_default().to_owned()));
                match page["nextCursor"].as_str() {
                    Some(next) => cursor = Some(next.to_owned()),
                    None => break,
                }
            }
            let distinct: BTreeSet<String> = seen.iter().cloned().collect();
            assert_eq!(distinct.len(), seen.len(), "none twice");
            assert!(there.is_subset(&distinct), "{} are missing", there.difference(&distinct).count());
        }
        done.set(true);
        Ok(())
    };
    let (one, two, read) = tokio::join!(writer(false), writer(true), reader());
    read?;
    assert!(one? > 3 && two? > 3, "they hardly wrote");
    floor.house.take_down().await
}

#[tokio::test]
async fn a_page_of_letters_with_long_texts_is_no_longer_than_a_function_may_answer() -> Result<()> {
    let mut floor = floor().await?;
    let mut wanted = many(&floor.house, "reportlab.pdf", 20);
    // Each is two bytes in the page, and four in the answer that has the page as a text.
    wanted["description"] = json!("\"".repeat(99_999));
    wanted["externalId"] = json!("e");
    ask(&mut floor, &create(wanted, None), 201).await?;
    for filter in [None, Some(("externalId", "e".to_owned()))] {
        let (mut seen, mut cursor) = (BTreeSet::new(), None::<String>);
        loop {
            let mut parameters: Vec<_> = filter.clone().into_iter().collect();
            parameters.extend(cursor.take().map(|cursor| ("cursor", cursor)));
            let answer = floor.request(&list(&parameters)).await?;
            let bytes = Value::from(answer.body.as_str()).to_string().len();
            assert!(bytes < 6_000_000, "{bytes} bytes");
            let page = read(&answer, 200)?;
            for letter in page["items"].as_array().ok_or("there are items")? {
                assert!(seen.insert(text_of(&letter["id"])), "none twice");
            }
            match page["nextCursor"].as_str() {
                Some(next) => cursor = Some(next.to_owned()),
                None => break,
            }
        }
        assert_eq!(seen.len(), 20, "{filter:?}");
    }
    floor.house.take_down().await
}

#[tokio::test]
async fn a_list_of_what_was_created_from_a_moment_on_and_before_an_earlier_one_is_empty() -> Result<()> {
    let mut floor = floor().await?;
    let letter = create(body(&floor.house, "reportlab.pdf"), None);
    ask(&mut floor, &letter, 201).await?;
    floor.house.put_document(card(), "card.pdf").await?;
    let postcard = create_card(card_body(&floor.house, "card.pdf", "4x6"), None);
    ask(&mut floor, &postcard, 201).await?;
    let batch = letters::create(&floor.house, 5, &[], None);
    ask(&mut floor, &batch, 200).await?;
    let batches = |parameters: &[(&'static str, String)]| Request {
        operation: "batches.list",
        path: "/v2/batches",
        ..list(parameters)
    };
    let named = |parameters: &[(&'static str, String)]| {
        let mut parameters = parameters.to_vec();
        parameters.push(("metadata[a]", "b".to_owned()));
        list(&parameters)
    };
    type List<'a> = &'a dyn Fn(&[(&'static str, String)]) -> Request;
    let lists: [(&str, List<'_>, usize); 4] =
        [("letters", &list, 1), ("postcards", &list_cards, 1), ("batches", &batches, 1), ("with a filter", &named, 0)];
    for (name, list, there) in lists {
        for (from, before, found) in [
            ("2026-01-01T00:00:00Z", "2100-01-01T00:00:00Z", there),
            ("2100-01-01T00:00:00Z", "2026-01-01T00:00:00Z", 0),
            ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", 0),
        ] {
            let request = list(&[("createdFrom", from.to_owned()), ("createdBefore", before.to_owned())]);
            let page = ask(&mut floor, &request, 200).await?;
            assert_eq!(page["items"].as_array().map(Vec::len), Some(found), "{name} from {from} and before {before}");
            assert_eq!(page["nextCursor"], Value::Null, "{name}");
        }
    }
    floor.house.take_down().await
}

#[tokio::test]
async fn a_letter_of_another_key_is_not_found_and_one_of_a_test_key_is_never_printed() -> Result<()> {
    let mut floor = floor().await?;
    floor.mode = "test";
    let wanted = body(&floor.house, "reportlab.pdf");
    let test = ready(&mut floor, wanted).await?;
    floor.mode = "live";
    for operation in ["singles.get", "singles.cancel", "singles.download", "singles.events"] {
        assert_eq!(ask(&mut floor, &of(operation, &test, None), 404).await?["code"], "not_found", "{operation}");
    }
    ask(&mut floor, &of("singles.update", &test, Some(json!({}))), 404).await?;
    assert_eq!(ask(&mut floor, &list(&[]), 200).await?["items"], json!([]));
    let account = std::mem::replace(&mut floor.house.account, "acct_0000000000000000".to_owned());
    floor.mode = "test";
    ask(&mut floor, &of("singles.get", &test, None), 404).await?;
    floor.house.account = account;

    come(&floor.house, &test).await?;
    assert_eq!(release(&mut floor).await?, 0);
    let life = Some(json!({ "outcome": "delivered" }));
    let advanced = ask(&mut floor, &of("test.letters.advance", &test, life), 202).await?;
    assert_eq!(advanced["letterId"], json!(test));
    floor.drain(None).await?;
    let shown = ask(&mut floor, &of("singles.get", &test, None), 200).await?;
    assert_eq!((&shown["status"], &shown["tracking"]["postalState"]), (&json!("mailed"), &json!("Delivered")));
    let found = ask(&mut floor, &list(&[("postalState", "Delivered".to_owned())]), 200).await?;
    assert_eq!(found["items"][0]["id"], json!(test));
    floor.mode = "live";
    let queue = Request {
        operation: "operator.queue",
        method: "GET",
        path: "/v2/operator/queue",
        parameters: Vec::new(),
        body: None,
        key: None,
    };
    assert_eq!(ask(&mut floor, &queue, 200).await?["items"], json!([]));
    audit(&floor.house).await?;
    floor.house.take_down().await
}

#[tokio::test]
async fn a_test_letter_shows_the_numbers_with_which_it_lives_its_life() -> Result<()> {
    let mut floor = floor().await?;
    floor.mode = "test";
    let life = || Some(json!({ "outcome": "delivered" }));
    // The service of an article number is behind its channel.
    for (options, service) in [
        (json!({}), None),
        (json!({ "mailClass": "Certified" }), Some("071")),
        (json!({ "mailClass": "Certified", "extraServices": ["electronicReturnReceipt"] }), Some("148")),
    ] {
        let mut wanted = body(&floor.house, "reportlab.pdf");
        wanted["options"] = options;
        let id = ready(&mut floor, wanted).await?;
        let before = ask(&mut floor, &of("singles.get", &id, None), 200).await?;
        assert_eq!(before["tracking"], Value::Null, "it is nothing yet");
        let advanced = ask(&mut floor, &of("test.letters.advance", &id, life()), 202).await?;
        floor.drain(None).await?;
        let shown = ask(&mut floor, &of("singles.get", &id, None), 200).await?;
        let tracking = &shown["tracking"];
        assert!(advanced["trackingCode"].is_string(), "{advanced}");
        assert_eq!(
            (&tracking["trackingCode"], &tracking["postalState"]),
            (&advanced["trackingCode"], &json!("Delivered"))
        );
        assert_eq!(tracking["articleNumber"].as_str().map(|digits| &digits[2..5]), service, "{tracking}");
    }

    let letter = letters::letter("LETTER01", "reportlab.pdf", 1);
    let made = letters::create(&floor.house, 1, &[letter], None);
    let batch = ask(&mut floor, &made, 202).await?;
    let batch = batch["id"].as_str().ok_or("no batch")?.to_owned();
    floor.drain(None).await?;
    let named = format!("{batch}.LETTER01");
    let advanced = ask(&mut floor, &of("test.letters.advance", &named, life()), 202).await?;
    let list = Request {
        operation: "letters.list",
        method: "GET",
        path: "/v2/batches/{batchId}/letters",
        parameters: vec![("batchId", batch)],
        body: None,
        key: None,
    };
    let listed = ask(&mut floor, &list, 200).await?;
    assert_eq!(listed["items"][0]["trackingCode"], advanced["trackingCode"], "{listed}");
    assert!(advanced["trackingCode"].is_string(), "{advanced}");
    floor.drain(None).await?;
    audit(&floor.house).await?;
    floor.house.take_down().await
}

#[tokio::test]
async fn a_letter_with_an_issue_stays_behind_and_goes_on_when_it_is_mended() -> Result<()> {
    let mut floor = floor().await?;
    let created = create(body(&floor.house, "missing.pdf"), None);
    let id = ask(&mut floor, &created, 201).await?["id"].as_str().unwrap_or_default().to_owned();
    floor.drain(None).await?;
    let shown = ask(&mut floor, &of("singles.get", &id, None), 200).await?;
    assert_eq!((&shown["status"], &shown["issue"]["code"]), (&json!("issue"), &json!("document.not_found")));
    assert_eq!(shown["issueMessage"], shown["issue"]["message"]);
    come(&floor.house, &id).await?;
    assert_eq!(release(&mut floor).await?, 0);

    floor.house.upload("reportlab.pdf", "missing.pdf").await?;
    let mended = ask(&mut floor, &of("singles.update", &id, Some(json!({}))), 200).await?;
    assert_eq!(mended["status"], "queued");
    assert!(mended["sendDate"].as_str() > Some("2026-01-05"), "it is sent on a day that is still to come");
    floor.drain(None).await?;
    assert_eq!(ask(&mut floor, &of("singles.get", &id, None), 200).await?["status"], "ready");
    audit(&floor.house).await?;
    floor.house.take_down().await
}

#[tokio::test]
async fn what_inspection_found_is_told_with_its_page_and_its_place_there() -> Result<()> {
    let mut floor = floor().await?;
    let mut wanted = body(&floor.house, "typst-2.0.pdf");
    wanted["options"] = json!({ "placement": "firstPage" });
    let id = ask(&mut floor, &create(wanted, None), 201).await?["id"].as_str().unwrap_or_default().to_owned();
    floor.drain(None).await?;
    let shown = ask(&mut floor, &of("singles.get", &id, None), 200).await?;
    let code = shown["issue"]["code"].as_str().unwrap_or_default();
    assert!(code.starts_with("document.ink_in_"), "{shown}");
    let finding = &shown["findings"][0];
    assert_eq!((&finding["code"], &finding["page"]), (&json!(code), &json!(1)));
    let inches = |name: &str| finding["area"][name].as_f64().ok_or_else(|| format!("no {name} in {finding}"));
    let (left, top, width, height) = (inches("left")?, inches("top")?, inches("width")?, inches("height")?);
    assert!(left >= 0.0 && top >= 0.0 && width > 0.0 && height > 0.0, "{finding}");
    assert!(left + width <= 8.5 && top + height <= 11.0, "{finding}");
    let measured = finding["measured"].as_str().unwrap_or_default();
    assert!(measured.starts_with(&format!("{width:.2} x {height:.2} in")), "{finding}");
    floor.house.take_down().await
}

#[tokio::test]
async fn a_letter_that_is_canceled_while_it_is_released_is_either_and_never_both() -> Result<()> {
    let mut floor = floor().await?;
    for cancel_first in [true, false] {
        let wanted = body(&floor.house, "reportlab.pdf");
        let id = ready(&mut floor, wanted).await?;
        let later = text(&item(&floor.house, &id).await?, "sendDate").to_owned();
        come(&floor.house, &id).await?;
        let transaction = Point::Operation("TransactWriteItems", 1);
        let faults = Some(vec![Fault { point: transaction, mode: Mode::Held }]);
        let mut releasing = floor.house.function("singles.release", faults.clone()).await?;
        let gate = releasing.gate().ok_or("there is a gate")?;
        let house = floor.house.clone();
        if cancel_first {
            // The release has read that it is due; then the clock is as if the client had been just in time.
            let event = json!({});
            let (released, canceled) = tokio::join!(invoke(&mut releasing, &event), async {
                gate.held().await;
                send_on(&house, &id, &later).await?;
                let canceled = ask(&mut floor, &of("singles.cancel", &id, None), 204).await;
                gate.let_go();
                canceled
            });
            canceled?;
            assert_eq!(released?, 0);
            assert_eq!(text(&item(&floor.house, &id).await?, "state"), "canceled");
        } else {
            send_on(&house, &id, &later).await?;
            let mut canceling = floor.house.function("singles.cancel", faults).await?;
            let gate = canceling.gate().ok_or("there is a gate")?;
            let event = floor.event(&of("singles.cancel", &id, None));
            let (canceled, released) = tokio::join!(invoke(&mut canceling, &event), async {
                gate.held().await;
                come(&house, &id).await?;
                let released = release(&mut floor).await;
                gate.let_go();
                released
            });
            assert_eq!(released?, 1);
            assert_eq!(canceled?["statusCode"], 409);
            assert_eq!(text(&item(&floor.house, &id).await?, "state"), "ready");
        }
        audit(&floor.house).await?;
    }
    floor.house.take_down().await
}

#[tokio::test]
async fn a_released_batch_that_is_merged_takes_no_more_and_the_next_letters_go_into_another() -> Result<()> {
    let mut floor = floor().await?;
    let wanted = body(&floor.house, "reportlab.pdf");
    let first = ready(&mut floor, wanted).await?;
    come(&floor.house, &first).await?;
    release(&mut floor).await?;
    let [batch] = made(&floor.house).await?.try_into().map_err(|_| "there is one batch")?;
    let wanted = body(&floor.house, "reportlab.pdf");
    let second = ready(&mut floor, wanted).await?;
    come(&floor.house, &second).await?;
    assert_eq!(release(&mut floor).await?, 1);
    assert_eq!(made(&floor.house).await?.len(), 1, "both are in one batch");
    ask(&mut floor, &merge(&[&batch], None), 202).await?;
    let wanted = body(&floor.house, "reportlab.pdf");
    let third = ready(&mut floor, wanted).await?;
    come(&floor.house, &third).await?;
    assert_eq!(release(&mut floor).await?, 1);
    assert_eq!(made(&floor.house).await?.len(), 2);
    floor.drain(None).await?;
    audit(&floor.house).await?;
    floor.house.take_down().await
}

#[tokio::test]
async fn the_audit_finds_a_letter_in_no_batch_or_in_two_a_wrong_count_and_a_missing_event() -> Result<()> {
    let mut floor = floor().await?;
    let wanted = body(&floor.house, "reportlab.pdf");
    let id = ready(&mut floor, wanted).await?;
    come(&floor.house, &id).await?;
    release(&mut floor).await?;
    audit(&floor.house).await?;
    let [batch] = made(&floor.house).await?.try_into().map_err(|_| "there is one batch")?;
    let (single, batch) = (format!("SINGLE#{id}"), format!("BATCH#{batch}"));
    for (pk, sk, name, value) in [
        (&single, "SINGLE", "batch", json!("ABCD1234")),
        (&batch, "BATCH", "received", json!(2)),
        (&batch, "BATCH", "passed", json!(0)),
    ] {
        let was = floor.house.spoil(pk, sk, name, &value).await?;
        assert!(audit(&floor.house).await.is_err(), "{name} of {sk} may be {value}");
        floor.house.spoil(pk, sk, name, &was).await?;
    }
    let letter = format!("BATCH#{}#00", batch.trim_start_matches("BATCH#"));
    let was = floor.house.spoil(&letter, &format!("LETTER#{id}"), "state", &json!("queued")).await?;
    assert!(audit(&floor.house).await.is_err(), "a letter need not be ready");
    floor.house.spoil(&letter, &format!("LETTER#{id}"), "state", &was).await?;
    let events = floor.house.partition(&single).await?;
    let event = events.iter().find(|item| text(item, "kind") == "letter.released").ok_or("it was released")?;
    floor.house.spoil(&single, text(event, "sk"), "kind", &json!("letter.ready")).await?;
    assert!(audit(&floor.house).await.is_err(), "an event may be another");
    floor.house.take_down().await
}

#[tokio::test]
async fn letters_are_made_as_their_options_say() -> Result<()> {
    let mut floor = floor().await?;
    let mut wanted = body(&floor.house, "typst-2.0.pdf");
    wanted["options"] = json!({ "sides": "simplex", "envelope": "flat", "perforated": true, "mailClass": "Certified",
        "extraServices": ["electronicReturnReceipt"], "returnEnvelope": true });
    let one = ready(&mut floor, wanted).await?;
    let wanted = body(&floor.house, "typst-2.0.pdf");
    let two = ready(&mut floor, wanted).await?;
    for id in [&one, &two] {
        come(&floor.house, id).await?;
    }
    assert_eq!(release(&mut floor).await?, 2);
    let batches = made(&floor.house).await?;
    assert_eq!(batches.len(), 2, "they are made otherwise");
    let names: Vec<&str> = batches.iter().map(String::as_str).collect();
    assert_eq!(ask(&mut floor, &merge(&names, None), 409).await?["code"], "batches.not_mergeable");
    let special = text(&item(&floor.house, &one).await?, "batch").to_owned();
    let job = ask(&mut floor, &merge(&[&special], None), 202).await?;
    assert_eq!(job["finish"]["envelope"], "flat");
    floor.drain(None).await?;
    let job = job["id"].as_str().unwrap_or_default();
    let lines = floor.house.object(&floor.house.print, &format!("jobs/{job}/part-00000.jsonl")).await?;
    let lines = String::from_utf8_lossy(&lines).into_owned();
    assert!(lines.contains("9x12") && lines.contains("frontOnly") && lines.contains("perforated"), "{lines}");
    assert!(lines.contains(r#""returnEnvelope":true"#), "{lines}");
    floor.house.take_down().await
}

#[tokio::test]
async fn what_cannot_be_is_refused_with_every_reason_at_its_place() -> Result<()> {
    let mut floor = floor().await?;
    let wanted = json!({
        "sender": { "individual": { "firstName": "Jane" }, "address": { "address1": "PO Box 1" } },
        "recipient": { "address": { "address1": "1 Main St", "city": "Town", "state": "LA", "postalCode": "00000" } },
        "content": { "path": "s3://another-bucket/key.pdf" },
        "useType": "spam",
        "sendDate": "2020-01-01",
        "options": { "mailClass": "FirstClass", "extraServices": ["electronicReturnReceipt"], "sides": 3 },
        "metadata": [{ "key": "", "value": "1" }],
    });
    let refused = ask(&mut floor, &create(wanted, None), 422).await?;
    let pointers: BTreeSet<&str> =
        refused["errors"].as_array().into_iter().flatten().filter_map(|fault| fault["pointer"].as_str()).collect();
    for pointer in [
        "/sender/individual/lastName",
        "/sender/address/city",
        "/recipient",
        "/recipient/address/postalCode",
        "/content/path",
        "/useType",
        "/sendDate",
        "/options/extraServices",
        "/options/sides",
        "/metadata/0/key",
    ] {
        assert!(pointers.contains(pointer), "{pointer} is not among {pointers:?}");
    }
    let mut restricted = body(&floor.house, "reportlab.pdf");
    restricted["options"] = json!({ "mailClass": "Certified", "extraServices": ["restrictedDelivery"] });
    let refused = ask(&mut floor, &create(restricted, None), 422).await?;
    let fault = &refused["errors"][0];
    assert_eq!((&fault["pointer"], &fault["rule"]), (&json!("/options/extraServices"), &json!("options.not_offered")));
    assert_eq!(fault["message"], "This house has no article numbers of restricted delivery: leave it out.");
    let mut large = body(&floor.house, "reportlab.pdf");
    large["content"] = json!({ "pdf": "A".repeat(5_400_000) });
    let refused = ask(&mut floor, &create(large, None), 413).await?;
    assert_eq!(refused["code"], "content.too_large");
    assert!(refused["message"].as_str().is_some_and(|message| message.contains("give its path")), "{refused}");
    assert_eq!(all(&floor.house).await?.len(), 0);
    floor.house.take_down().await
}

/// What of a recipient's address is odd, and with it the address: what the postal service puts right, and what it does not.
fn odd_addresses(name: u32) -> [(&'static str, Value); 2] {
    let odd = |field: &str, value: &str| {
        let mut to = recipient(name);
        to["address"][field] = json!(value);
        to
    };
    [
        ("postal_code.plus4_zeros", odd("postalCode", "70112-0000")),
        ("postal_code.other_state", odd("postalCode", "10001")),
    ]
}

#[tokio::test]
async fn an_address_may_be_as_odd_as_its_check_says_in_a_new_letter_and_in_a_changed_one() -> Result<()> {
    let mut floor = floor().await?;
    let faults = |answer: &Value| -> Vec<(String, String)> {
        let faults = answer["errors"].as_array().into_iter().flatten();
        faults.map(|fault| (text_of(&fault["pointer"]), text_of(&fault["rule"]))).collect()
    };
    for (number, (check, refused)) in [("strict", 2), ("normal", 1), ("relaxed", 0)].into_iter().enumerate() {
        for (place, (rule, to)) in odd_addresses(7000 + number as u32).into_iter().enumerate() {
            let is_refused = place + refused >= 2;
            let expected = vec![("/recipient/address".to_owned(), rule.to_owned())];
            let mut wanted = body(&floor.house, "reportlab.pdf");
            let plain = ask(&mut floor, &create(wanted.clone(), None), 201).await?;
            wanted["recipient"] = to.clone();
            wanted["allowDuplicate"] = json!(true);
            // As one that may be whatever it is, which is checked anew.
            wanted["options"] = json!({ "addressCheck": "relaxed" });
            let odd = ask(&mut floor, &create(wanted.clone(), None), 201).await?;
            wanted["options"] = json!({ "addressCheck": check });
            let created = ask(&mut floor, &create(wanted, None), if is_refused { 422 } else { 201 }).await?;

            let status = if is_refused { 422 } else { 200 };
            let options = json!({ "addressCheck": check });
            let id = text_of(&plain["id"]);
            let change = json!({ "recipient": to, "options": options, "allowDuplicate": true });
            let changed = ask(&mut floor, &of("singles.update", &id, Some(change)), status).await?;
            let id = text_of(&odd["id"]);
            let checked =
                ask(&mut floor, &of("singles.update", &id, Some(json!({ "options": options }))), status).await?;
            for answer in [&created, &changed, &checked] {
                match is_refused {
                    true => assert_eq!(faults(answer), expected, "{check}"),
                    false => assert_eq!(answer["warnings"][0]["code"], rule, "{check}: {answer}"),
                }
            }
            // What is not about the check is not kept from being changed by it.
            ask(&mut floor, &of("singles.update", &id, Some(json!({ "description": "A note" }))), 200).await?;
        }
    }
    floor.house.take_down().await
}

#[tokio::test]
async fn what_is_a_recipients_own_is_used_and_a_sender_has_nothing_of_its_own() -> Result<()> {
    let mut floor = floor().await?;
    let (pair, other) = (json!([{ "key": "campaign", "value": "autumn" }]), json!([{ "key": "round", "value": "2" }]));
    let doors = [("singles.update", "reportlab.pdf", true), ("postcards.update", "card.pdf", false)];
    floor.house.put_document(card(), "card.pdf").await?;
    for (operation, document, is_letter) in doors {
        let creating = |body: Value| if is_letter { create(body, None) } else { create_card(body, None) };
        let changing = |id: &str, change: Value| {
            if is_letter { of(operation, id, Some(change)) } else { of_card(operation, id, Some(change)) }
        };
        let mut wanted = body(&floor.house, document);
        let plain = wanted.clone();
        let created = ask(&mut floor, &creating(plain.clone()), 201).await?;
        let id = text_of(&created["id"]);

        // Nobody would read these.
        let mut sender = plain["sender"].clone();
        for (member, value) in [("externalId", json!("x")), ("metadata", pair.clone()), ("variables", json!({}))] {
            sender[member] = value;
        }
        wanted["sender"] = sender.clone();
        for request in [creating(wanted), changing(&id, json!({ "sender": sender }))] {
            assert!(described(&request).is_err(), "{operation}");
            let refused = ask(&mut floor, &request, 422).await?;
            let told: BTreeSet<(&str, &str)> = refused["errors"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|fault| Some((fault["pointer"].as_str()?, fault["rule"].as_str()?)))
                .collect();
            let unknown = ["/sender/externalId", "/sender/metadata", "/sender/variables"].map(|at| (at, "unknown"));
            assert_eq!(told, BTreeSet::from(unknown), "{operation}");
        }

        // A recipient's own go before the letter's, in a new one and in a changed one.
        let mut to = plain["recipient"].clone();
        (to["externalId"], to["metadata"]) = (json!("mine"), pair.clone());
        let change = json!({ "recipient": to, "externalId": "of-all", "metadata": other, "allowDuplicate": true });
        let mut again = plain.clone();
        for (member, value) in change.as_object().into_iter().flatten() {
            again[member] = value.clone();
        }
        let (create, change) = (creating(again), changing(&id, change));
        assert_eq!((described(&create), described(&change)), (Ok(()), Ok(())));
        let created = ask(&mut floor, &create, 201).await?;
        let changed = ask(&mut floor, &change, 200).await?;
        for answer in [&created, &changed] {
            assert_eq!((&answer["externalId"], &answer["metadata"]), (&json!("mine"), &pair), "{operation}");
        }
        // A recipient that has none leaves what there is, and `null` takes it away.
        let change = json!({ "recipient": plain["recipient"], "allowDuplicate": true });
        let changed = ask(&mut floor, &changing(&id, change), 200).await?;
        assert_eq!((&changed["externalId"], &changed["metadata"]), (&json!("mine"), &pair), "{operation}");
        let change = json!({ "externalId": null, "metadata": null });
        let changed = ask(&mut floor, &changing(&id, change), 200).await?;
        assert_eq!((&changed["externalId"], &changed["metadata"]), (&Value::Null, &json!([])), "{operation}");
        let change = json!({ "metadata": other });
        assert_eq!(ask(&mut floor, &changing(&id, change), 200).await?["metadata"], other, "{operation}");
    }
    floor.house.take_down().await
}

/// Whether the contract knows all that a request has.
fn described(request: &Request) -> std::result::Result<(), String> {
    Description::get().takes(request.operation, request.body.as_ref().unwrap_or(&Value::Null))
}

fn text_of(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_send_date_is_granted_or_moved_to_the_next_production_day_and_one_too_far_ahead_is_refused() -> Result<()> {
    let mut floor = floor().await?;
    let (calendar, today) = (Calendar::default(), today(Timestamp::now()));
    let closed = |day: Date| calendar.closed(day);
    let mut days = (20..180).map(|ahead: i32| today + ahead.days());
    let after = |day: Date, days: i32| day + days.days();
    let open = days.clone().find(|day| closed(*day).is_none()).ok_or("some day is a production day")?;
    let saturday = |day: &Date| day.weekday() == Weekday::Saturday && closed(after(*day, 2)).is_none();
    let saturday = days.clone().find(saturday).ok_or("some Monday is a production day")?;
    let holiday = |day: &Date| closed(*day) == Some(Closed::Holiday) && closed(after(*day, 1)).is_none();
    let holiday = days.find(holiday).ok_or("the day after some holiday is a production day")?;
    let last = today + 180.days();

    let plain = create(body(&floor.house, "reportlab.pdf"), None);
    let plain = ask(&mut floor, &plain, 201).await?;
    let id = plain["id"].as_str().unwrap_or_default().to_owned();
    for (wish, granted) in [
        (open.to_string(), open),
        (format!("{open}T23:59:00Z"), open),
        (saturday.to_string(), after(saturday, 2)),
        (after(saturday, 1).to_string(), after(saturday, 2)),
        (holiday.to_string(), after(holiday, 1)),
        (last.to_string(), calendar.production_day(last)),
    ] {
        let until = granted.at(10, 0, 0, 0).in_tz("America/New_York")?.timestamp();
        let mut wanted = body(&floor.house, "reportlab.pdf");
        wanted["sendDate"] = json!(wish);
        let created = ask(&mut floor, &create(wanted, None), 201).await?;
        let changed = ask(&mut floor, &of("singles.update", &id, Some(json!({ "sendDate": wish }))), 200).await?;
        for letter in [created, changed] {
            assert_eq!(letter["sendDate"], json!(granted), "{wish}");
            assert_eq!(letter["cancelableUntil"], json!(until), "{wish}");
        }
    }
    let there = all(&floor.house).await?.len();
    for wish in [last + 1.day(), today - 1.day()] {
        let mut wanted = body(&floor.house, "reportlab.pdf");
        wanted["sendDate"] = json!(wish);
        for request in [create(wanted, None), of("singles.update", &id, Some(json!({ "sendDate": wish })))] {
            let refused = ask(&mut floor, &request, 422).await?;
            let fault = &refused["errors"][0];
            assert_eq!((&fault["pointer"], &fault["rule"]), (&json!("/sendDate"), &json!("send_date")), "{refused}");
        }
    }
    assert_eq!(all(&floor.house).await?.len(), there);
    let kept = ask(&mut floor, &of("singles.get", &id, None), 200).await?;
    assert_eq!(kept["sendDate"], json!(calendar.production_day(last)), "what was refused changes nothing");
    floor.house.take_down().await
}

#[tokio::test]
async fn a_document_may_come_with_the_request_and_a_letter_be_changed_until_its_cutoff() -> Result<()> {
    let mut floor = floor().await?;
    let bytes = floor.house.object(&floor.house.client, "reportlab-odd.pdf").await?;
    let mut wanted = body(&floor.house, "reportlab.pdf");
    wanted["content"] = json!({ "pdf": base64(&bytes) });
    let id = ready(&mut floor, wanted).await?;
    let shown = ask(&mut floor, &of("singles.get", &id, None), 200).await?;
    assert_eq!((&shown["impressionCount"], &shown["content"]["pdf"]["bytes"]), (&json!(3), &json!(bytes.len())));

    let described = json!({ "description": "A note", "externalId": "one" });
    let changed = ask(&mut floor, &of("singles.update", &id, Some(described)), 200).await?;
    assert_eq!(changed["status"], "ready", "it need not be inspected again");
    let other =
        json!({ "content": { "path": format!("s3://{}/chromium.pdf", floor.house.client) }, "externalId": "two" });
    let changed = ask(&mut floor, &of("singles.update", &id, Some(other)), 200).await?;
    assert_eq!((&changed["status"], &changed["url"]), (&json!("queued"), &Value::Null));
    floor.drain(None).await?;
    let shown = ask(&mut floor, &of("singles.get", &id, None), 200).await?;
    assert_eq!((&shown["status"], &shown["impressionCount"]), (&json!("ready"), &json!(2)));
    let found = |name: &str| list(&[("externalId", name.to_owned())]);
    assert_eq!(ask(&mut floor, &found("one"), 200).await?["items"], json!([]));
    assert_eq!(ask(&mut floor, &found("two"), 200).await?["items"][0]["id"], json!(id));

    come(&floor.house, &id).await?;
    let late = ask(&mut floor, &of("singles.update", &id, Some(json!({ "description": null }))), 409).await?;
    assert_eq!((&late["code"], &late["cancelableUntil"]), (&json!("letter.too_late"), &json!("2026-01-05T15:00:00Z")));
    let late = ask(&mut floor, &of("singles.cancel", &id, None), 409).await?;
    assert_eq!(late["cancelableUntil"], "2026-01-05T15:00:00Z");
    audit(&floor.house).await?;
    floor.house.take_down().await
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let shown = place <= chunk.len();
            text.push(if shown { char::from(ALPHABET[(bits >> (18 - 6 * place) & 63) as usize]) } else { '=' });
        }
    }
    text
}
