//! Scans come in: in every shape, twice, late, of pieces that nobody knows yet, in files that cannot be read, to workers that
//! run at once; and the model: whatever comes in whatever order, letters, summary and events agree in the end.
//!
//! It needs an AWS emulator at `AWS_ENDPOINT_URL` (`make up` starts one).

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use tests::harness::Result;
use tests::harness::audit::{number, text};
use tests::harness::emulator::Emulator;
use tests::harness::floor::{Delivery, Floor, Request};
use tests::harness::house::{House, Queue};
use tests::harness::scans::{
    PrintedBatch, Scan, ask, audit, delimited, done, envelope, file, lines, mail, now, print, scan, scans_of, state,
    summary,
};

async fn floor() -> Result<Floor> {
    Ok(Floor::open(House::build(&Emulator::find().await?, 2).await?))
}

/// A mailed batch of so many letters.
async fn mailed(floor: &mut Floor, letters: u32, certified: bool) -> Result<PrintedBatch> {
    let batch = print(floor, letters, certified).await?;
    mail(floor, &batch).await?;
    Ok(batch)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    // Writing to memory does not fail.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}

/// Writes events as a file.
type Shape = fn(&[Value]) -> Vec<u8>;

/// Drops a file and works it off.
async fn drop_scans(floor: &mut Floor, key: &str, bytes: Vec<u8>) -> Result<()> {
    floor.house.drop_scans(key, bytes).await?;
    floor.drain(None).await
}

/// The counts of a file: records, applied, orphans, rejected.
async fn counts(floor: &Floor, key: &str) -> Result<[u64; 4]> {
    let file = file(&floor.house, key).await?;
    Ok(["records", "applied", "orphans", "rejected"].map(|name| number(&file, name)))
}

async fn history(floor: &mut Floor, batch: &PrintedBatch, letter: usize) -> Result<Value> {
    let path = "/v2/batches/{batchId}/letters/{letterId}/events";
    let named = [("batchId", batch.id.as_str()), ("letterId", batch.letters[letter].reference.as_str())];
    Ok(done(floor, &ask("letters.events", "GET", path, &named), 200).await?.1)
}

#[tokio::test]
async fn a_file_of_each_shape_is_applied_and_the_same_scans_again_change_nothing() -> Result<()> {
    let mut floor = floor().await?;
    let batch = mailed(&mut floor, 5, false).await?;
    let mut wanted = BTreeMap::<String, BTreeSet<Scan>>::new();
    let shapes: [(&str, Shape); 4] =
        [("a.json", envelope), ("b.jsonl", lines), ("c d+e.csv", delimited), ("f.gz", |events| gzip(&lines(events)))];
    for ((name, shape), second) in shapes.into_iter().zip(0..) {
        let key = format!("usps/{name}");
        let mut events = Vec::new();
        for letter in &batch.letters[1..] {
            let scan = scan(second, 'I', ["891", "918", "918", "LOGICALDELIVERY"][second as usize]);
            events.push(scan.event(&letter.code));
            // Twice in one file.
            events.push(scan.event(&letter.code));
            wanted.entry(letter.reference.clone()).or_default().insert(scan);
        }
        // The key is told as S3 writes it.
        let told = key.replace('+', "%2B").replace(' ', "+");
        floor.house.drop_scans(&key, shape(&events)).await?;
        floor.drain(None).await?;
        if told != key {
            floor.house.tell_of_scans(&told).await?;
            floor.drain(None).await?;
        }
        assert_eq!(counts(&floor, &key).await?, [8, 4, 0, 0], "{key}");
        audit(&floor.house, &batch, &wanted).await?;

        // Told again, and again under another name.
        floor.house.tell_of_scans(&told).await?;
        floor.drain(None).await?;
        assert_eq!(counts(&floor, &key).await?, [8, 4, 0, 0], "{key}");
        let again = format!("usps/again-{second}");
        drop_scans(&mut floor, &again, shape(&events)).await?;
        assert_eq!(counts(&floor, &again).await?, [8, 0, 0, 0], "{key}");
        audit(&floor.house, &batch, &wanted).await?;
    }
    let shown = summary(&mut floor, &batch.id).await?;
    let nothing = |name: &str| shown[name] == 0;
    assert_eq!((&shown["dropped"], &shown["delivered"]), (&json!(1), &json!(4)));
    let rest = ["accepted", "notMailable", "inTransit", "cannotReturnToSender", "awaitingReturn", "returned", "other"];
    assert!(rest.into_iter().all(nothing), "{shown}");
    let history = history(&mut floor, &batch, 1).await?;
    assert_eq!(history["postalState"], "Delivered");
    let states: Vec<&str> =
        history["items"].as_array().into_iter().flatten().filter_map(|item| item["postalState"].as_str()).collect();
    assert_eq!(states, ["Dropped", "Accepted", "InTransit", "InTransit", "Delivered"]);
    assert_eq!(
        (&history["items"][1]["meaning"], &history["items"][1]["place"]["zip"]),
        (&json!("unconfirmed"), &json!("70113"))
    );
    floor.house.take_down().await
}

#[tokio::test]
async fn a_certified_piece_is_found_by_its_article_number_and_its_tracking_code() -> Result<()> {
    let mut floor = floor().await?;
    let batch = mailed(&mut floor, 3, true).await?;
    let article = |letter: usize| batch.letters[letter].article.clone().unwrap_or_default();
    let mut labelled = scan(2, 'P', "01").event(&article(0));
    labelled["pic"] = Value::from(format!("42070112{}", article(0)));
    let events = [
        scan(0, 'P', "03").event(&article(0)),
        scan(1, 'I', "918").event(&batch.letters[0].code),
        labelled,
        scan(0, 'P', "09").event(&article(1)),
    ];
    drop_scans(&mut floor, "usps/certified.json", envelope(&events)).await?;
    let wanted = BTreeMap::from([
        (batch.letters[0].reference.clone(), [scan(0, 'P', "03"), scan(1, 'I', "918"), scan(2, 'P', "01")].into()),
        (batch.letters[1].reference.clone(), [scan(0, 'P', "09")].into()),
    ]);
    audit(&floor.house, &batch, &wanted).await?;
    floor.house.take_down().await
}

#[tokio::test]
async fn who_signed_is_told_once_as_news_and_by_name_in_the_history_alone() -> Result<()> {
    let mut floor = floor().await?;
    let batch = mailed(&mut floor, 2, true).await?;
    let delivered = scan(2, 'P', "01").event(&batch.letters[0].article.clone().unwrap_or_default());
    let with = |fields: &[(&str, &str)]| {
        let mut event = delivered.clone();
        for (name, value) in fields {
            event[*name] = Value::from(*value);
        }
        event
    };
    let files = [
        vec![delivered.clone()],
        // The name comes with another delivery of the scan, the image a day later, and then all of it again.
        vec![with(&[("signedBy", "J DOE")])],
        vec![with(&[("signatureImage", "extract/1.tif")]), delivered.clone()],
        vec![with(&[("recipientName", "J DOE"), ("signatureImage", "extract/1.tif")])],
    ];
    for (number, events) in files.iter().enumerate() {
        drop_scans(&mut floor, &format!("usps/signed-{number}"), lines(events)).await?;
    }
    let counted: Vec<u64> = {
        let mut applied = Vec::new();
        for number in 0..files.len() {
            applied.push(counts(&floor, &format!("usps/signed-{number}")).await?[1]);
        }
        applied
    };
    assert_eq!(counted, [1, 1, 1, 0]);
    let shown = history(&mut floor, &batch, 0).await?;
    assert_eq!(shown["items"].as_array().map(Vec::len), Some(2));
    assert_eq!(shown["items"][1]["signature"], json!({ "signer": "J DOE", "image": "extract/1.tif" }));
    let events = floor.house.partition(&format!("BATCH#{}", batch.id)).await?;
    let signed: Vec<&Value> = events
        .iter()
        .filter(|event| text(event, "kind") == "letter.signed")
        .flat_map(|event| event["entries"].as_array().into_iter().flatten())
        .collect();
    assert_eq!(signed.len(), 1);
    assert_eq!((&signed[0]["letter"], &signed[0]["data"]["code"]), (&json!("L0000000"), &json!("01")));
    assert!(events.iter().all(|event| !json!(event).to_string().contains("DOE")));
    let wanted = BTreeMap::from([(batch.letters[0].reference.clone(), [scan(2, 'P', "01")].into())]);
    audit(&floor.house, &batch, &wanted).await?;
    floor.house.take_down().await
}

#[tokio::test]
async fn scans_of_pieces_that_are_not_mailed_wait_for_that_and_those_of_nobody_are_kept() -> Result<()> {
    let mut floor = floor().await?;
    // In a house that never printed, all are orphans; the first piece will have the first number.
    let unprinted = "00340902345678000000";
    let early = envelope(&[scan(0, 'I', "891").event(unprinted)]);
    drop_scans(&mut floor, "usps/early.json", early).await?;
    let batch = print(&mut floor, 3, true).await?;
    assert!(batch.letters.iter().any(|letter| letter.code == unprinted));
    let article = batch.letters[0].article.clone().unwrap_or_default();
    let foreign = "00340123456000000001";
    let waiting = [
        scan(1, 'I', "918").event(&batch.letters[0].code),
        scan(2, 'P', "10").event(&article),
        scan(3, 'I', "918").event(foreign),
        scan(4, 'P', "01").event("9400111206206406260787"),
    ];
    drop_scans(&mut floor, "usps/waiting.json", envelope(&waiting)).await?;
    assert_eq!(counts(&floor, "usps/waiting.json").await?, [4, 0, 4, 0]);
    audit(&floor.house, &batch, &BTreeMap::new()).await?;
    let orphans = ask("operator.orphans.list", "GET", "/v2/operator/orphans", &[]);
    assert_eq!(done(&mut floor, &orphans, 200).await?.1["items"].as_array().map(Vec::len), Some(5));

    mail(&mut floor, &batch).await?;
    let mut wanted = BTreeMap::<String, BTreeSet<Scan>>::new();
    wanted.insert(batch.letters[0].reference.clone(), [scan(1, 'I', "918"), scan(2, 'P', "10")].into());
    for letter in batch.letters.iter().filter(|letter| letter.code == unprinted) {
        wanted.entry(letter.reference.clone()).or_default().insert(scan(0, 'I', "891"));
    }
    audit(&floor.house, &batch, &wanted).await?;
    let left = done(&mut floor, &orphans, 200).await?.1;
    let left: Vec<&Value> = left["items"].as_array().into_iter().flatten().collect();
    assert_eq!(left.len(), 2, "{left:?}");
    assert!(left.iter().any(|orphan| orphan["trackingCode"] == foreign));
    assert!(left.iter().any(|orphan| orphan["article"] == "9400111206206406260787"));
    floor.house.take_down().await
}

#[tokio::test]
async fn records_that_are_no_scans_are_told_by_line_and_a_file_that_breaks_off_keeps_what_it_had() -> Result<()> {
    let mut floor = floor().await?;
    let batch = mailed(&mut floor, 2, false).await?;
    let good = scan(0, 'I', "891").event(&batch.letters[0].code);
    let mut timeless = good.clone();
    timeless["scanDatetime"] = Value::from("yesterday");
    let unknown = scan(1, 'I', "777").event(&batch.letters[1].code);
    let body = format!("{good}\nnonsense\n{timeless}\n{unknown}\n");
    drop_scans(&mut floor, "usps/odd.jsonl", body.into_bytes()).await?;
    let listed = done(&mut floor, &ask("operator.scans.list", "GET", "/v2/operator/scans", &[]), 200).await?.1;
    let shown = &listed["items"][0];
    let rejects = json!([
        { "line": 2, "reason": "the record is not a JSON object" },
        { "line": 3, "reason": "there is no time of the scan that can be read" },
    ]);
    assert_eq!(shown["rejects"], rejects);
    let of = |name: &str| shown[name].as_u64();
    assert_eq!(
        ["records", "applied", "duplicates", "rejected", "unknownCodes", "unconfirmedCodes"].map(of),
        [4, 2, 0, 2, 1, 1].map(Some)
    );
    assert_eq!(shown["state"], "done");

    let broken = [
        ("usps/broken.json", b"{\"events\": [".to_vec(), "no JSON after event 0"),
        ("usps/prose.txt", b"Dear Sirs,\n".to_vec(), "the heading names no tracking code"),
        ("usps/torn.gz", gzip(&lines(std::slice::from_ref(&good)))[..30].to_vec(), "the file's gzip is broken"),
    ];
    for (key, bytes, reason) in broken {
        drop_scans(&mut floor, key, bytes).await?;
        let file = file(&floor.house, key).await?;
        assert_eq!(text(&file, "state"), "failed", "{key}");
        assert!(text(&file, "failure").contains(reason), "{}", text(&file, "failure"));
    }
    drop_scans(&mut floor, "usps/empty", Vec::new()).await?;
    assert_eq!(text(&file(&floor.house, "usps/empty").await?, "state"), "done");

    let half = format!("{{\"events\": [{}, {{", scan(5, 'I', "918").event(&batch.letters[0].code));
    drop_scans(&mut floor, "usps/half.json", half.into_bytes()).await?;
    assert_eq!(text(&file(&floor.house, "usps/half.json").await?, "state"), "failed");
    let wanted = BTreeMap::from([
        (batch.letters[0].reference.clone(), [scan(0, 'I', "891"), scan(5, 'I', "918")].into()),
        (batch.letters[1].reference.clone(), [scan(1, 'I', "777")].into()),
    ]);
    audit(&floor.house, &batch, &wanted).await?;
    assert_eq!(history(&mut floor, &batch, 1).await?["items"][1]["meaning"], "unknown");
    floor.house.take_down().await
}

#[tokio::test]
async fn nobody_speaks_for_the_house_in_a_file_or_a_push() -> Result<()> {
    let mut floor = floor().await?;
    let batch = mailed(&mut floor, 2, false).await?;
    let digits = &batch.letters[0].code;
    let events = [
        scan(1, 'M', "SET:DELIVERED").event(digits),
        scan(2, 'I', "918").event(digits),
        scan(3, 'M', "RETURNED").event(digits),
        // Under another feed's name it is a code that nobody knows.
        scan(4, 'I', "SET:DELIVERED").event(&batch.letters[1].code),
    ];
    let shapes: [(&str, Shape); 3] = [("usps/a", envelope), ("usps/b", lines), ("usps/c", delimited)];
    for (key, shape) in shapes {
        drop_scans(&mut floor, key, shape(&events)).await?;
    }
    let push = json!({ "msgGrpId": "1", "events": events });
    floor.house.drop_scans("usps/push/d", push.to_string().into_bytes()).await?;
    floor.drain(None).await?;
    let listed = done(&mut floor, &ask("operator.scans.list", "GET", "/v2/operator/scans", &[]), 200).await?.1;
    let files = listed["items"].as_array().ok_or("no files")?;
    assert_eq!(files.len(), 4);
    for file in files {
        let places: Vec<u64> = file["rejects"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|reject| reject["reason"].as_str().is_some_and(|text| text.starts_with("only the mailhouse")))
            .filter_map(|reject| reject["event"].as_u64().or(reject["line"].as_u64()))
            .collect();
        let heading = u64::from(file["key"] == "usps/c");
        assert_eq!(places, [1 + heading, 3 + heading], "{file}");
        assert_eq!((&file["rejected"], &file["state"]), (&json!(2), &json!("done")));
    }
    let wanted = BTreeMap::from([
        (batch.letters[0].reference.clone(), [scan(2, 'I', "918")].into()),
        (batch.letters[1].reference.clone(), [scan(4, 'I', "SET:DELIVERED")].into()),
    ]);
    audit(&floor.house, &batch, &wanted).await?;
    floor.house.take_down().await
}

#[tokio::test]
async fn a_file_is_read_again_when_the_operator_says_so_and_only_then() -> Result<()> {
    let mut floor = floor().await?;
    let batch = mailed(&mut floor, 1, false).await?;
    let events = [scan(0, 'I', "891").event(&batch.letters[0].code), json!(7)];
    drop_scans(&mut floor, "usps/again.json", envelope(&events)).await?;
    let id = text(&file(&floor.house, "usps/again.json").await?, "id").to_owned();
    let path = "/v2/operator/scans/{fileId}/rerun";
    let rerun =
        Request { key: Some("rerun".to_owned()), ..ask("operator.scans.rerun", "POST", path, &[("fileId", &id)]) };
    let answer = done(&mut floor, &rerun, 202).await?.1;
    assert_eq!(done(&mut floor, &rerun, 202).await?.1, answer, "the same key is the same run");
    floor.drain(None).await?;
    let get = ask("operator.scans.get", "GET", "/v2/operator/scans/{fileId}", &[("fileId", &id)]);
    let seen = done(&mut floor, &get, 200).await?.1;
    assert_eq!(
        ["run", "records", "applied", "duplicates", "rejected"].map(|name| seen[name].as_u64()),
        [2, 2, 0, 1, 1].map(Some)
    );
    assert_eq!(seen["rejects"], json!([{ "event": 2, "reason": "the record is not a JSON object" }]));
    let wanted = BTreeMap::from([(batch.letters[0].reference.clone(), [scan(0, 'I', "891")].into())]);
    audit(&floor.house, &batch, &wanted).await?;
    let unknown = ask("operator.scans.rerun", "POST", path, &[("fileId", "scn_0000000000000000")]);
    done(&mut floor, &unknown, 404).await?;
    floor.house.take_down().await
}

#[tokio::test]
async fn a_piece_that_came_back_is_keyed_in_and_a_state_is_set_with_its_reason() -> Result<()> {
    let mut floor = floor().await?;
    let batch = mailed(&mut floor, 2, true).await?;
    let waiting = print(&mut floor, 1, false).await?;
    let keyed = |barcode: &str, key: Option<&str>| Request {
        body: Some(json!({ "barcode": barcode, "reason": "Attempted, not known" })),
        key: key.map(str::to_owned),
        ..ask("operator.returns.create", "POST", "/v2/operator/returns", &[])
    };
    let whole = format!("{}70112", batch.letters[0].code);
    let returned = done(&mut floor, &keyed(&whole, Some("one")), 200).await?.1;
    let told = json!({
        "accountId": floor.house.account, "batchId": batch.id, "letterRefId": batch.letters[0].reference,
        "postalState": "Returned",
    });
    assert_eq!(returned, told);
    assert_eq!(done(&mut floor, &keyed(&whole, Some("one")), 200).await?.1, told);
    let label = batch.letters[0].article.clone().unwrap_or_default();
    done(&mut floor, &keyed(&label, None), 200).await?;
    done(&mut floor, &keyed("00340902345678999999", None), 404).await?;
    done(&mut floor, &keyed(&waiting.letters[0].code, None), 404).await?;
    done(&mut floor, &keyed("12345", None), 422).await?;

    let set = |batch: &PrintedBatch, letter: usize, state: &str, reason: &str| Request {
        body: Some(json!({ "state": state, "reason": reason })),
        ..ask(
            "operator.letters.state",
            "PUT",
            "/v2/operator/batches/{batchId}/letters/{letterId}/state",
            &[("batchId", batch.id.as_str()), ("letterId", batch.letters[letter].reference.as_str())],
        )
    };
    let delivered = done(&mut floor, &set(&batch, 1, "Delivered", "The addressee called"), 200).await?.1;
    assert_eq!(delivered["postalState"], "Delivered");
    done(&mut floor, &set(&batch, 1, "Lost", "x"), 422).await?;
    done(&mut floor, &set(&batch, 1, "Delivered", " "), 422).await?;
    done(&mut floor, &set(&waiting, 0, "Delivered", "x"), 409).await?;
    let shown = history(&mut floor, &batch, 1).await?;
    let last = &shown["items"][1];
    assert_eq!(
        (&last["code"], &last["reason"], &last["feed"]),
        (&json!("SET:DELIVERED"), &json!("The addressee called"), &json!("mailhouse"))
    );
    let events = floor.house.partition(&format!("BATCH#{}", batch.id)).await?;
    let tracked = events.iter().filter(|event| text(event, "kind") == "letter.tracked").count();
    assert_eq!(tracked, 2, "one for each letter, however often it was keyed in");
    assert_eq!(summary(&mut floor, &batch.id).await?["returned"], 1);
    floor.house.take_down().await
}

#[tokio::test]
async fn a_large_file_is_read_in_windows_and_goes_on_where_it_stood() -> Result<()> {
    let mut floor = floor().await?;
    let batch = mailed(&mut floor, 2, false).await?;
    // Two windows and a half of the same few scans.
    let mut events = Vec::new();
    for number in 0..50_000 {
        events.push(scan(number / 10_000, 'I', "918").event(&batch.letters[(number % 2) as usize].code));
    }
    floor.house.drop_scans("usps/large.gz", gzip(&lines(&events))).await?;
    let message = floor.take(Queue::Scans).await?;
    // The worker dies when it is to note the second window.
    use tests::harness::proxy::{Fault, Mode, Point};
    let fault = Fault { point: Point::Operation("TransactWriteItems", 4), mode: Mode::KilledBefore };
    assert!(floor.deliver_struck(&message, Some(fault)).await?.answer.is_none());
    assert_eq!(number(&file(&floor.house, "usps/large.gz").await?, "records"), 20_000);
    floor.give_back(message);
    floor.drain(None).await?;
    assert_eq!(counts(&floor, "usps/large.gz").await?, [50_000, 10, 0, 0]);
    let five: BTreeSet<Scan> = (0..5).map(|second| scan(second, 'I', "918")).collect();
    let wanted = batch.letters.iter().map(|letter| (letter.reference.clone(), five.clone())).collect();
    audit(&floor.house, &batch, &wanted).await?;
    floor.house.take_down().await
}

/// Numbers that look random and are the same each time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % most as u64) as usize
    }
}

/// Codes that say one thing and another, and nothing.
const CODES: [(char, &str); 12] = [
    ('I', "891"),
    ('I', "918"),
    ('I', "LOGICALDELIVERY"),
    ('I', "777"),
    ('P', "01"),
    ('P', "03"),
    ('P', "10"),
    ('P', "11"),
    ('P', "23"),
    ('P', "GC"),
    ('P', "??"),
    ('A', "Q"),
];

/// What an operator says of a letter: that it came back, or where it is.
const SAID: [&str; 4] = ["RETURNED", "SET:INTRANSIT", "SET:NOTMAILABLE", "SET:AWAITINGRETURN"];

/// Has the operator say something of a letter, and answers the scan that this is.
async fn say(floor: &mut Floor, batch: &PrintedBatch, letter: usize, said: &str) -> Result<Scan> {
    let letter = &batch.letters[letter];
    let request = match said.strip_prefix("SET:") {
        None => Request {
            body: Some(json!({ "barcode": letter.code })),
            ..ask("operator.returns.create", "POST", "/v2/operator/returns", &[])
        },
        Some(code) => {
            let states = ["InTransit", "NotMailable", "AwaitingReturn"];
            let state = states.into_iter().find(|state| state.to_uppercase() == code);
            Request {
                body: Some(json!({ "state": state, "reason": "as the story says" })),
                ..ask(
                    "operator.letters.state",
                    "PUT",
                    "/v2/operator/batches/{batchId}/letters/{letterId}/state",
                    &[("batchId", batch.id.as_str()), ("letterId", letter.reference.as_str())],
                )
            }
        }
    };
    let before = now();
    done(floor, &request, 200).await?;
    let kept = scans_of(&floor.house, batch, &letter.reference).await?;
    let mut of_the_house = kept.into_iter().filter(|scan| scan.feed == 'M');
    match (of_the_house.next(), of_the_house.next()) {
        (Some(scan), None) if scan.code == said && (before..=now()).contains(&scan.second) => Ok(scan),
        other => Err(format!("{said} was said, and {other:?} is kept").into()),
    }
}

/// One story: batches that are mailed at different times, files with scans of any of their letters in any order, and of
/// nobody's; delivered once, twice, backwards or to two workers at once; and an operator who has a word about some.
async fn story(seed: u64) -> Result<()> {
    let mut chance = Chance(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let mut floor = floor().await?;
    let batches =
        [print(&mut floor, 5, false).await?, print(&mut floor, 4, true).await?, print(&mut floor, 1, false).await?];
    mail(&mut floor, &batches[0]).await?;
    let mail_at = [0, chance.below(12), chance.below(12)];
    let mut wanted: Vec<BTreeMap<String, BTreeSet<Scan>>> = vec![BTreeMap::new(); 3];
    let mut sent: Vec<Value> = Vec::new();
    let began = now();
    for round in 0..12 {
        let mut events = Vec::new();
        for _ in 0..chance.below(14) {
            let which = chance.below(3);
            let letter = &batches[which].letters[chance.below(batches[which].letters.len())];
            let (feed, code) = CODES[chance.below(CODES.len())];
            // Few moments, so that some fall together, before and after what the operator says now; and two places.
            let mut made = scan(began + 60 * (chance.below(30) as i64 - 15), feed, code);
            made.zip = ["70113", "77002"][chance.below(2)].to_owned();
            let digits = match (&letter.article, feed) {
                (Some(article), 'P') => article,
                (_, 'P') => continue,
                _ => &letter.code,
            };
            events.push(made.event(digits));
            wanted[which].entry(letter.reference.clone()).or_default().insert(made);
        }
        // Some that were sent before, one of nobody's and one that is none.
        for _ in 0..chance.below(4).min(sent.len()) {
            events.push(sent[chance.below(sent.len())].clone());
        }
        events.push(scan(1, 'I', "918").event("00340123456000000001"));
        events.insert(chance.below(events.len()), json!({ "scanEventCode": "918" }));
        sent.extend(events.iter().filter(|event| event["scanDatetime"].is_string()).cloned());
        let shape = [envelope, lines, delimited][chance.below(3)];
        let key = format!("usps/{round}");
        floor.house.drop_scans(&key, shape(&events)).await?;
        if chance.below(3) == 0 {
            floor.house.tell_of_scans(&key).await?;
        }
        floor.delivery = [Delivery::Once, Delivery::Twice, Delivery::Reversed, Delivery::AtOnce][chance.below(4)];
        // Sometimes files lie together and are worked off at one time.
        if chance.below(3) > 0 {
            floor.drain(None).await?;
        }
        for (batch, at) in batches.iter().zip(mail_at).skip(1) {
            if at == round {
                mail(&mut floor, batch).await?;
            }
        }
        let which = chance.below(3);
        let letter = chance.below(batches[which].letters.len());
        let said = SAID[chance.below(SAID.len())];
        let known = wanted[which].entry(batches[which].letters[letter].reference.clone()).or_default();
        // Nobody has a word about what is not mailed, and of one letter one is enough: two within a second have no order here.
        if (which == 0 || mail_at[which] <= round) && known.iter().all(|scan| scan.feed != 'M') {
            known.insert(say(&mut floor, &batches[which], letter, said).await?);
        }
    }
    floor.drain(None).await?;
    for (batch, wanted) in batches.iter().zip(&wanted) {
        audit(&floor.house, batch, wanted).await?;
        let shown = summary(&mut floor, &batch.id).await?;
        let mut should = BTreeMap::<String, u64>::new();
        for letter in &batch.letters {
            let state = wanted.get(&letter.reference).map_or("Dropped", state);
            let name = state[..1].to_lowercase() + &state[1..];
            *should.entry(name).or_default() += 1;
        }
        let mut found: BTreeMap<String, u64> = serde_json::from_value(shown)?;
        found.retain(|_, count| *count > 0);
        if found != should {
            return Err(format!("the API counts {found:?}, but the letters are {should:?}").into());
        }
    }
    for round in 0..12 {
        let seen = file(&floor.house, &format!("usps/{round}")).await?;
        let [records, applied, orphans, rejected] =
            ["records", "applied", "orphans", "rejected"].map(|name| number(&seen, name));
        if text(&seen, "state") != "done" || rejected != 1 || applied + orphans + rejected > records {
            return Err(format!("file {round} is {seen:?}").into());
        }
    }
    floor.house.take_down().await
}

#[tokio::test]
async fn whatever_comes_in_whatever_order_letters_summary_and_events_agree_with_the_model() -> Result<()> {
    let stories = (1..=6).map(|seed| async move { (seed, story(seed).await) });
    let mut broken = Vec::new();
    for (seed, ended) in futures::future::join_all(stories).await {
        if let Err(error) = ended {
            broken.push(format!("story {seed}: {error}"));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    Ok(())
}

#[tokio::test]
async fn the_audit_of_these_tests_notices_whatever_does_not_agree() -> Result<()> {
    let mut floor = floor().await?;
    let batch = mailed(&mut floor, 2, false).await?;
    let delivered = scan(0, 'I', "LOGICALDELIVERY");
    drop_scans(&mut floor, "usps/one", envelope(&[delivered.event(&batch.letters[0].code)])).await?;
    let reference = batch.letters[0].reference.clone();
    let wanted = BTreeMap::from([(reference.clone(), BTreeSet::from([delivered.clone()]))]);
    audit(&floor.house, &batch, &wanted).await?;

    let more = BTreeMap::from([(reference.clone(), BTreeSet::from([delivered, scan(1, 'I', "918")]))]);
    assert!(audit(&floor.house, &batch, &more).await.is_err(), "a scan is missing");
    assert!(audit(&floor.house, &batch, &BTreeMap::new()).await.is_err(), "a scan is too many");
    let shard = format!("BATCH#{}#00", batch.id);
    let event = floor.house.partition(&format!("BATCH#{}", batch.id)).await?;
    let event = event.iter().find(|item| text(item, "kind") == "letter.tracked").ok_or("no event")?;
    let spoils = [
        (shard.clone(), "TRACKING".to_owned(), "Delivered", json!(2)),
        (shard, format!("TRACKED#{reference}"), "state", json!("InTransit")),
        (text(event, "pk").to_owned(), text(event, "sk").to_owned(), "kind", json!("letter.issue")),
    ];
    for (pk, sk, name, value) in spoils {
        let was = floor.house.spoil(&pk, &sk, name, &value).await?;
        assert!(audit(&floor.house, &batch, &wanted).await.is_err(), "{sk} says {value}");
        floor.house.spoil(&pk, &sk, name, &was).await?;
        audit(&floor.house, &batch, &wanted).await?;
    }
    floor.house.take_down().await
}
