//! The guard against duplicates: of letters that are alike one is created, whoever asks for how many at once, and a letter that
//! is no longer in the way is in nobody's way.
//!
//! It needs an AWS emulator at `AWS_ENDPOINT_URL` (`make up` starts one).

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tests::harness::Result;
use tests::harness::audit::text;
use tests::harness::emulator::Emulator;
use tests::harness::floor::{Answer, Floor, Request};
use tests::harness::house::House;
use tests::harness::proxy::{Fault, Mode, Point};
use tests::harness::runtime::Function;
use tests::harness::singles::{all, ask, audit, body, create, many, of, preflight};

async fn floor() -> Result<Floor> {
    Ok(Floor::open(House::build(&Emulator::find().await?, 50).await?))
}

async fn created(floor: &mut Floor, body: &Value) -> Result<String> {
    let created = ask(floor, &create(body.clone(), None), 201).await?;
    created["id"].as_str().map(str::to_owned).ok_or_else(|| format!("{created}").into())
}

/// Of which letter this one would be a duplicate.
async fn duplicate_of(floor: &mut Floor, body: &Value) -> Result<String> {
    let refused = ask(floor, &create(body.clone(), None), 409).await?;
    match (refused["code"].as_str(), refused["duplicateOf"].as_array().map(Vec::as_slice)) {
        (Some("letter.duplicate"), Some([Value::String(id)])) => Ok(id.clone()),
        _ => Err(format!("{refused}").into()),
    }
}

fn allowed(body: &Value) -> Value {
    let mut body = body.clone();
    body["allowDuplicate"] = json!(true);
    body
}

/// Makes requests of functions of their own, all at once.
async fn at_once(floor: &Floor, requests: &[Request]) -> Result<Vec<Answer>> {
    let mut functions: Vec<Function> = Vec::new();
    for request in requests {
        functions.push(floor.house.function(request.operation, None).await?);
    }
    let asked = functions.iter_mut().zip(requests).map(async |(function, request)| {
        let answer = Floor::answer(function.invoke(&floor.event(request)).await?)?;
        answer.ok_or_else(|| "the function was killed".into())
    });
    join_all(asked).await.into_iter().collect()
}

#[tokio::test]
async fn a_duplicate_is_refused_with_the_name_of_the_letter_it_repeats() -> Result<()> {
    let mut floor = floor().await?;
    let wanted = body(&floor.house, "reportlab.pdf");
    let first = created(&mut floor, &wanted).await?;
    assert_eq!(duplicate_of(&mut floor, &wanted).await?, first);
    // However the recipient is written, and however the letter is made.
    let mut written = wanted.clone();
    written["recipient"]["address"]["address1"] = json!(" 1300  PERDIDO St");
    written["options"] = json!({ "color": true });
    assert_eq!(duplicate_of(&mut floor, &written).await?, first);

    // Who looks first is told so, and of recipients of one request that are alike too.
    let seen = ask(&mut floor, &preflight(json!({ "letter": wanted }), None), 200).await?;
    assert_eq!((&seen["acceptable"], &seen["errors"][0]["rule"]), (&json!(false), &json!("duplicate")), "{seen}");
    assert_eq!(seen["errors"][0]["pointer"], "/letter/recipient");
    let seen = ask(&mut floor, &preflight(json!({ "letter": allowed(&wanted) }), None), 200).await?;
    assert_eq!(seen["acceptable"], true, "{seen}");
    let mut twice = many(&floor.house, "reportlab.pdf", 2);
    twice["recipients"][1] = twice["recipients"][0].clone();
    let seen = ask(&mut floor, &preflight(json!({ "letter": twice }), None), 200).await?;
    assert_eq!(seen["errors"][0]["rule"], "recipients.duplicate", "{seen}");
    assert_eq!(seen["errors"][0]["pointer"], "/letter/recipients/1");

    let mut other = wanted.clone();
    other["content"]["path"] = json!(format!("s3://{}/chromium.pdf", floor.house.client));
    created(&mut floor, &other).await?;
    floor.mode = "test";
    created(&mut floor, &wanted).await?;
    floor.mode = "live";

    // As long as the earlier one stays, also when a later one was meant and is taken back.
    let second = created(&mut floor, &allowed(&wanted)).await?;
    assert_eq!(duplicate_of(&mut floor, &wanted).await?, second);
    ask(&mut floor, &of("singles.cancel", &second, None), 204).await?;
    assert_eq!(duplicate_of(&mut floor, &wanted).await?, first);
    ask(&mut floor, &of("singles.cancel", &first, None), 204).await?;
    let third = created(&mut floor, &wanted).await?;
    assert_eq!(duplicate_of(&mut floor, &wanted).await?, third);

    // A week later it is another letter.
    let week_ago = Timestamp::now() - SignedDuration::from_hours(7 * 24);
    floor.house.spoil(&format!("SINGLE#{third}"), "SINGLE", "createdAt", &json!(week_ago)).await?;
    created(&mut floor, &wanted).await?;
    floor.drain(None).await?;
    audit(&floor.house).await?;
    floor.house.take_down().await
}

#[tokio::test]
async fn an_object_is_the_same_by_its_content_and_not_by_its_path() -> Result<()> {
    let mut floor = floor().await?;
    let at = |floor: &Floor, body: &Value, key: &str| {
        let mut body = body.clone();
        body["content"]["path"] = json!(format!("s3://{}/{key}", floor.house.client));
        body
    };
    floor.house.upload("reportlab.pdf", "march.pdf").await?;
    floor.house.upload("reportlab.pdf", "copies/march.pdf").await?;
    let wanted = body(&floor.house, "march.pdf");
    let first = created(&mut floor, &wanted).await?;
    let copied = at(&floor, &wanted, "copies/march.pdf");
    assert_eq!(duplicate_of(&mut floor, &copied).await?, first);
    let seen = ask(&mut floor, &preflight(json!({ "letter": copied }), None), 200).await?;
    assert_eq!((&seen["acceptable"], &seen["errors"][0]["rule"]), (&json!(false), &json!("duplicate")), "{seen}");

    // What is written over the object is another letter, until that is sent twice.
    floor.house.upload("chromium.pdf", "march.pdf").await?;
    let seen = ask(&mut floor, &preflight(json!({ "letter": wanted }), None), 200).await?;
    assert_eq!(seen["acceptable"], true, "{seen}");
    let second = created(&mut floor, &wanted).await?;
    assert_eq!(duplicate_of(&mut floor, &wanted).await?, second);
    assert_eq!(duplicate_of(&mut floor, &copied).await?, first);
    let change = of("singles.update", &second, Some(json!({ "content": copied["content"] })));
    let refused = ask(&mut floor, &change, 409).await?;
    assert_eq!(refused["duplicateOf"], json!([first]), "{refused}");

    // One call is enough for many recipients.
    let asked = create(many(&floor.house, "march.pdf", 20), None);
    let calls = floor.request_struck(&asked, None).await?.calls;
    assert_eq!(calls.iter().filter(|call| *call == "S3 HEAD").count(), 1, "{calls:?}");
    floor.drain(None).await?;
    audit(&floor.house).await?;
    floor.house.take_down().await
}

#[tokio::test]
async fn an_object_that_is_written_over_before_it_is_inspected_is_not_mailed_until_its_client_says_so() -> Result<()> {
    let mut floor = floor().await?;
    floor.house.upload("reportlab.pdf", "out.pdf").await?;
    let wanted = body(&floor.house, "out.pdf");
    let id = created(&mut floor, &wanted).await?;
    floor.house.upload("chromium.pdf", "out.pdf").await?;
    for change in [None, Some(json!({ "description": "still the same letter" }))] {
        if let Some(change) = change {
            ask(&mut floor, &of("singles.update", &id, Some(change)), 200).await?;
        }
        floor.drain(None).await?;
        let shown = ask(&mut floor, &of("singles.get", &id, None), 200).await?;
        assert_eq!(
            (&shown["status"], &shown["issue"]["code"]),
            (&json!("issue"), &json!("document.changed")),
            "{shown}"
        );
    }
    let change = json!({ "content": wanted["content"] });
    ask(&mut floor, &of("singles.update", &id, Some(change)), 200).await?;
    floor.drain(None).await?;
    let shown = ask(&mut floor, &of("singles.get", &id, None), 200).await?;
    assert_eq!((&shown["status"], &shown["impressionCount"]), (&json!("ready"), &json!(2)), "{shown}");
    assert_eq!(duplicate_of(&mut floor, &wanted).await?, id);

    // Nor is it when its options are changed after it was ready: it stays the document that was accepted.
    floor.house.upload("reportlab.pdf", "out.pdf").await?;
    let change = json!({ "options": { "color": true, "sides": "simplex" } });
    ask(&mut floor, &of("singles.update", &id, Some(change)), 200).await?;
    floor.drain(None).await?;
    let again = ask(&mut floor, &of("singles.get", &id, None), 200).await?;
    assert_eq!((&again["status"], &again["impressionCount"]), (&json!("ready"), &json!(2)), "{again}");
    let object = |shown: &Value| shown["url"].as_str().and_then(|url| url.split('?').next()).map(str::to_owned);
    assert_eq!(object(&again), object(&shown), "another document");
    assert!(object(&again).is_some(), "{again}");
    audit(&floor.house).await?;
    floor.house.take_down().await
}

#[tokio::test]
async fn the_path_stands_for_an_object_that_nobody_can_look_at_and_the_letter_is_created() -> Result<()> {
    let mut floor = floor().await?;
    let missing = body(&floor.house, "not/there.pdf");
    let first = created(&mut floor, &missing).await?;
    assert_eq!(duplicate_of(&mut floor, &missing).await?, first);
    floor.drain(None).await?;
    let letter = ask(&mut floor, &of("singles.get", &first, None), 200).await?;
    assert_eq!(letter["issue"]["code"], "document.not_found", "{letter}");
    // Once it is there, the object is what is the same.
    floor.house.upload("reportlab.pdf", "not/there.pdf").await?;
    ask(&mut floor, &of("singles.update", &first, Some(json!({ "description": "it is there" }))), 200).await?;
    assert_eq!(duplicate_of(&mut floor, &missing).await?, first);
    floor.drain(None).await?;
    assert_eq!(ask(&mut floor, &of("singles.get", &first, None), 200).await?["status"], "ready");
    assert_eq!(duplicate_of(&mut floor, &missing).await?, first);

    let mut unseen = Vec::new();
    for mode in [Mode::Denied, Mode::Held] {
        let wanted = body(&floor.house, "reportlab.pdf");
        let fault = Fault { point: Point::Operation("S3 HEAD", 1), mode };
        let struck = floor.request_struck(&create(wanted.clone(), None), Some(fault)).await?;
        let answer = struck.answer.ok_or("the function was killed")?;
        assert_eq!(answer.status, 201, "{mode:?}: {}", answer.body);
        let id = answer.text("id");
        let item = floor.house.item(&format!("SINGLE#{id}"), "SINGLE").await?.ok_or("no letter")?;
        assert_eq!(item["content"]["path"]["path"], wanted["content"]["path"], "{mode:?}");
        // Of two that nobody has seen the one that is seen later is the duplicate, and of two requests the one that sees it.
        let fault = Fault { point: Point::Operation("S3 HEAD", 1), mode };
        let mut copied = wanted.clone();
        copied["content"]["path"] = json!(format!("s3://{}/copied.pdf", floor.house.client));
        floor.house.upload("reportlab.pdf", "copied.pdf").await?;
        let struck = floor.request_struck(&create(copied, None), Some(fault)).await?;
        let again = struck.answer.ok_or("the function was killed")?;
        unseen.push((wanted, [id, again.text("id")]));
    }
    floor.drain(None).await?;
    for (wanted, ids) in unseen {
        let mut codes = Vec::new();
        for id in &ids {
            let shown = ask(&mut floor, &of("singles.get", id, None), 200).await?;
            codes.push(shown["issue"]["code"].as_str().unwrap_or("none").to_owned());
        }
        codes.sort();
        assert_eq!(codes, ["duplicate", "none"]);
        assert!(ids.contains(&duplicate_of(&mut floor, &wanted).await?));
    }
    audit(&floor.house).await?;
    floor.house.take_down().await
}

#[tokio::test]
async fn a_letter_stands_in_the_way_however_many_were_allowed_after_it_and_canceled() -> Result<()> {
    let mut floor = floor().await?;
    let wanted = body(&floor.house, "reportlab.pdf");
    let mut ids = vec![created(&mut floor, &wanted).await?];
    for _ in 0..3 {
        ids.push(created(&mut floor, &allowed(&wanted)).await?);
    }
    // Each in turn is the last that is left, of those before and of those behind it.
    for (canceled, left) in [(3, 2), (1, 2), (2, 0)] {
        ask(&mut floor, &of("singles.cancel", &ids[canceled], None), 204).await?;
        assert_eq!(duplicate_of(&mut floor, &wanted).await?, ids[left], "without {canceled}");
    }
    // What is canceled is not noted again.
    let last = created(&mut floor, &allowed(&wanted)).await?;
    let places = floor.house.all("GUARD").await?;
    assert_eq!((&places[0]["single"], &places[0]["before"]), (&json!(last), &json!([ids[0]])));
    for id in [&last, &ids[0]] {
        ask(&mut floor, &of("singles.cancel", id, None), 204).await?;
    }
    created(&mut floor, &wanted).await?;

    // Also when all of them were allowed at once.
    let wanted = body(&floor.house, "reportlab.pdf");
    let requests: Vec<Request> = (0..6).map(|_| create(allowed(&wanted), None)).collect();
    let answers = at_once(&floor, &requests).await?;
    let (last, others) = answers.split_last().ok_or("there are six")?;
    for answer in others {
        ask(&mut floor, &of("singles.cancel", &answer.text("id"), None), 204).await?;
    }
    assert_eq!(duplicate_of(&mut floor, &wanted).await?, last.text("id"));
    floor.drain(None).await?;
    audit(&floor.house).await?;
    floor.house.take_down().await
}

#[tokio::test]
async fn a_letter_that_became_another_is_in_the_way_of_that_alone() -> Result<()> {
    let mut floor = floor().await?;
    let wanted = body(&floor.house, "reportlab.pdf");
    let other = body(&floor.house, "reportlab.pdf");
    let first = created(&mut floor, &wanted).await?;
    let second = created(&mut floor, &other).await?;
    let change = json!({ "recipient": other["recipient"] });
    let refused = ask(&mut floor, &of("singles.update", &first, Some(change.clone())), 409).await?;
    assert_eq!((&refused["code"], &refused["duplicateOf"]), (&json!("letter.duplicate"), &json!([second])));
    let change = allowed(&change);
    ask(&mut floor, &of("singles.update", &first, Some(change)), 200).await?;
    assert_eq!(duplicate_of(&mut floor, &other).await?, first, "the one that came to be so last");
    let third = created(&mut floor, &wanted).await?;
    let back = json!({ "recipient": wanted["recipient"] });
    let refused = ask(&mut floor, &of("singles.update", &first, Some(back)), 409).await?;
    assert_eq!(refused["duplicateOf"], json!([third]));
    // What does not make it another letter is not looked at.
    let note = json!({ "description": "A note", "recipient": other["recipient"] });
    ask(&mut floor, &of("singles.update", &first, Some(note)), 200).await?;
    floor.drain(None).await?;
    audit(&floor.house).await?;
    floor.house.take_down().await
}

#[tokio::test]
async fn a_letter_that_comes_back_is_a_duplicate_of_those_that_were_there_before_it() -> Result<()> {
    let mut floor = floor().await?;
    let wanted = body(&floor.house, "reportlab.pdf");
    let other = body(&floor.house, "reportlab.pdf");
    let first = created(&mut floor, &wanted).await?;
    let second = created(&mut floor, &allowed(&wanted)).await?;
    // What stays the same letter is meant already.
    let same = json!({ "description": "A note", "recipient": wanted["recipient"] });
    ask(&mut floor, &of("singles.update", &second, Some(same.clone())), 200).await?;
    let away = json!({ "recipient": other["recipient"] });
    ask(&mut floor, &of("singles.update", &second, Some(away.clone())), 200).await?;
    assert_eq!(duplicate_of(&mut floor, &wanted).await?, first);
    let back = json!({ "recipient": wanted["recipient"] });
    let refused = ask(&mut floor, &of("singles.update", &second, Some(back.clone())), 409).await?;
    assert_eq!((&refused["code"], &refused["duplicateOf"]), (&json!("letter.duplicate"), &json!([first])));

    // If that is meant, the first one still stands there when the second is gone.
    ask(&mut floor, &of("singles.update", &second, Some(allowed(&back))), 200).await?;
    ask(&mut floor, &of("singles.update", &second, Some(same)), 200).await?;
    assert_eq!(duplicate_of(&mut floor, &wanted).await?, second);
    ask(&mut floor, &of("singles.cancel", &second, None), 204).await?;
    assert_eq!(duplicate_of(&mut floor, &wanted).await?, first);

    // Who has the place to itself comes back as it likes.
    let alone = created(&mut floor, &other).await?;
    let elsewhere = body(&floor.house, "reportlab.pdf");
    let change = json!({ "recipient": elsewhere["recipient"] });
    for change in [change, away] {
        ask(&mut floor, &of("singles.update", &alone, Some(change)), 200).await?;
    }
    assert_eq!(duplicate_of(&mut floor, &other).await?, alone);
    floor.drain(None).await?;
    audit(&floor.house).await?;
    floor.house.take_down().await
}

#[tokio::test]
async fn an_account_without_the_guard_may_send_what_it_likes() -> Result<()> {
    let mut floor = floor().await?;
    let account = format!("ACCOUNT#{}", floor.house.account);
    let wanted = body(&floor.house, "reportlab.pdf");
    created(&mut floor, &wanted).await?;
    floor.house.spoil(&account, "ACCOUNT", "duplicateGuard", &json!(false)).await?;
    created(&mut floor, &wanted).await?;
    let mut twice = many(&floor.house, "reportlab.pdf", 2);
    twice["recipients"][1] = twice["recipients"][0].clone();
    ask(&mut floor, &create(twice, None), 201).await?;
    assert_eq!(floor.house.all("GUARD").await?.len(), 1, "nothing is written for it");
    floor.house.take_down().await
}

#[tokio::test]
async fn of_many_requests_for_one_letter_at_once_exactly_one_creates_it() -> Result<()> {
    let mut floor = floor().await?;
    for round in 0..4 {
        let wanted = body(&floor.house, "reportlab.pdf");
        let before = all(&floor.house).await?.len();
        let requests: Vec<Request> =
            (0..6).map(|number| create(wanted.clone(), Some(format!("key-{round}-{number}")))).collect();
        let answers = at_once(&floor, &requests).await?;
        let (made, refused): (Vec<&Answer>, Vec<&Answer>) = answers.iter().partition(|answer| answer.status == 201);
        let [made] = made[..] else { return Err(format!("{} were created", made.len()).into()) };
        for answer in refused {
            assert_eq!((answer.status, answer.text("code").as_str()), (409, "letter.duplicate"), "{}", answer.body);
            assert!(answer.body.contains(&made.text("id")), "{}", answer.body);
        }
        assert_eq!(all(&floor.house).await?.len(), before + 1);
        // The key of the one replays; that of another is free for a request that says that it is meant.
        let place = answers.iter().position(|answer| answer.status == 201).ok_or("one was created")?;
        let again = floor.request(&requests[place]).await?;
        assert_eq!((again.status, &again.body), (201, &made.body));
        let meant = create(allowed(&wanted), requests[(place + 1) % 6].key.clone());
        ask(&mut floor, &meant, 201).await?;
    }
    floor.drain(None).await?;
    audit(&floor.house).await?;
    floor.house.take_down().await
}

#[tokio::test]
async fn of_mailings_at_once_that_share_recipients_each_gets_one_letter_and_none_is_sent_in_part() -> Result<()> {
    let mut floor = floor().await?;
    let mut refusals = 0;
    for round in 0..4 {
        let pool = many(&floor.house, "reportlab.pdf", 150);
        let recipients = pool["recipients"].as_array().ok_or("there are recipients")?;
        // 100 each, in orders of their own; any two share some.
        let requests: Vec<Request> = (0..4)
            .map(|number| {
                let mut mailing = pool.clone();
                let mut mine: Vec<Value> = recipients.iter().cycle().skip(number * 37).take(100).cloned().collect();
                if number % 2 == 1 {
                    mine.reverse();
                }
                mailing["recipients"] = Value::from(mine);
                create(mailing, Some(format!("mailing-{round}-{number}")))
            })
            .collect();
        let before: BTreeSet<String> = letters(&floor).await?.into_keys().collect();
        let answers = at_once(&floor, &requests).await?;
        assert!(answers.iter().any(|answer| answer.status == 201), "none got through");
        for answer in answers.iter().filter(|answer| answer.status != 201) {
            assert_eq!(answer.status, 409, "{}", answer.body);
            refusals += 1;
        }
        floor.drain(None).await?;
        let now: BTreeMap<String, String> = letters(&floor).await?;
        let new: Vec<&String> = now.iter().filter(|(id, _)| !before.contains(*id)).map(|(_, name)| name).collect();
        assert_eq!(new.len(), 100 * answers.iter().filter(|answer| answer.status == 201).count());
        assert_eq!(new.iter().collect::<BTreeSet<_>>().len(), new.len(), "somebody gets two");
    }
    assert!(refusals > 0, "they never met");
    audit(&floor.house).await?;
    floor.house.take_down().await
}

/// The letters that are there, and the names of their recipients.
async fn letters(floor: &Floor) -> Result<BTreeMap<String, String>> {
    let singles = all(&floor.house).await?;
    let name = |single: &Value| single["recipient"]["individual"]["lastName"].as_str().unwrap_or_default().to_owned();
    Ok(singles.into_iter().map(|single| (text(&single, "id").to_owned(), name(&Value::from(single)))).collect())
}

#[tokio::test]
async fn a_mailing_is_refused_whole_with_all_its_duplicates_and_leaves_nobody_in_the_way() -> Result<()> {
    let mut floor = floor().await?;
    let mut mailing = many(&floor.house, "reportlab.pdf", 120);
    let mut single = body(&floor.house, "reportlab.pdf");
    single["recipient"] = mailing["recipients"][7].clone();
    let first = created(&mut floor, &single).await?;
    single["recipient"] = mailing["recipients"][111].clone();
    let second = created(&mut floor, &single).await?;
    let refused = ask(&mut floor, &create(mailing.clone(), None), 409).await?;
    assert_eq!(refused["duplicateOf"], json!([first, second]));
    assert_eq!(refused["errors"][0]["pointer"], "/recipients/7");
    assert_eq!(refused["errors"][1]["pointer"], "/recipients/111");
    assert_eq!(all(&floor.house).await?.len(), 2);

    let mut twice = mailing.clone();
    twice["recipients"][3] = twice["recipients"][90].clone();
    let refused = ask(&mut floor, &create(twice, None), 422).await?;
    assert_eq!(refused["errors"][0]["pointer"], "/recipients/90");

    // Those of one request that are alike stand in the way one after the other.
    let mut alike = many(&floor.house, "reportlab.pdf", 3);
    for place in [1, 2] {
        alike["recipients"][place] = alike["recipients"][0].clone();
    }
    single["recipient"] = alike["recipients"][0].clone();
    let ids = ask(&mut floor, &create(allowed(&alike), None), 201).await?["letterIds"].clone();
    for place in [2, 1, 0] {
        assert_eq!(json!(duplicate_of(&mut floor, &single).await?), ids[place]);
        ask(&mut floor, &of("singles.cancel", ids[place].as_str().unwrap_or_default(), None), 204).await?;
    }
    created(&mut floor, &single).await?;

    let recipients = mailing["recipients"].as_array_mut().ok_or("there are recipients")?;
    recipients.remove(111);
    recipients.remove(7);
    ask(&mut floor, &create(mailing.clone(), None), 201).await?;
    let refused = ask(&mut floor, &create(mailing.clone(), None), 409).await?;
    assert_eq!(refused["duplicateOf"].as_array().map(Vec::len), Some(118));
    ask(&mut floor, &create(allowed(&mailing), None), 201).await?;
    floor.drain(None).await?;
    assert_eq!(all(&floor.house).await?.len(), 2 + 4 + 2 * 118);
    audit(&floor.house).await?;
    floor.house.take_down().await
}

#[tokio::test]
async fn who_meets_a_mailing_under_way_waits_and_one_whose_request_died_is_ended() -> Result<()> {
    let mut floor = floor().await?;
    let mailing = many(&floor.house, "reportlab.pdf", 3);
    let mut single = body(&floor.house, "reportlab.pdf");
    single["recipient"] = mailing["recipients"][1].clone();
    // It has taken its places and is about to be completed.
    let point = Point::Operation("TransactWriteItems", 2);
    let mut creating = floor.house.function("singles.create", Some(vec![Fault { point, mode: Mode::Held }])).await?;
    let gate = creating.gate().ok_or("there is a gate")?;
    let event = floor.event(&create(mailing, None));
    let (created_it, met) = tokio::join!(creating.invoke(&event), async {
        gate.held().await;
        let met = floor.request(&create(single.clone(), None)).await;
        gate.let_go();
        met
    });
    let met = met?;
    assert_eq!((met.status, met.text("code").as_str()), (409, "letter.being_created"), "{}", met.body);
    assert_eq!(Floor::answer(created_it?)?.map(|answer| answer.status), Some(201));
    duplicate_of(&mut floor, &single).await?;
    let before = all(&floor.house).await?.len();

    let mailing = many(&floor.house, "reportlab.pdf", 3);
    single["recipient"] = mailing["recipients"][2].clone();
    let died = floor.request_struck(&create(mailing, None), Some(Fault { point, mode: Mode::KilledBefore })).await?;
    assert!(died.answer.is_none());
    assert_eq!(floor.request(&create(single.clone(), None)).await?.status, 409);
    floor.pass(SignedDuration::from_secs(30)).await?;
    let id = created(&mut floor, &single).await?;
    floor.drain(None).await?;
    let now: Vec<String> = all(&floor.house).await?.iter().map(|single| text(single, "id").to_owned()).collect();
    assert_eq!(now.len(), before + 1, "what the dead request wrote is removed");
    assert!(now.contains(&id));
    audit(&floor.house).await?;
    floor.house.take_down().await
}
