//! Postcards from one call to the letterbox, proofs of what will be printed, and looking before anything is created.
//!
//! It needs an AWS emulator at `AWS_ENDPOINT_URL` (`make up` starts one).

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use print::layout::Rect;
use print::raster::Raster;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tests::harness::Result;
use tests::harness::audit::text;
use tests::harness::emulator::Emulator;
use tests::harness::floor::{Floor, Request};
use tests::harness::house::{House, Queue};
use tests::harness::letters::{merge, of_job};
use tests::harness::proxy::{Fault, Mode, Point};
use tests::harness::singles::{
    all, ask, audit, body, card, card_body, come, create, create_card, document, events, item, list, list_cards, of,
    of_card, preflight, recipient, release,
};

async fn floor() -> Result<Floor> {
    let floor = Floor::open(House::build(&Emulator::find().await?, 50).await?);
    floor.house.put_document(card(), "card.pdf").await?;
    Ok(floor)
}

/// A postcard that passed inspection.
async fn ready(floor: &mut Floor, body: Value) -> Result<String> {
    let created = ask(floor, &create_card(body, None), 201).await?;
    floor.drain(None).await?;
    let id = created["id"].as_str().unwrap_or_default().to_owned();
    let shown = ask(floor, &of_card("postcards.get", &id, None), 200).await?;
    if shown["status"] != "ready" {
        return Err(format!("the postcard is {shown}").into());
    }
    Ok(id)
}

/// The object of our bucket that an answer leads to, and its key.
async fn led_to(floor: &mut Floor, request: &Request) -> Result<(String, Vec<u8>)> {
    let answer = floor.request(request).await?;
    if answer.status != 302 {
        return Err(format!("{}: {} {}", request.operation, answer.status, answer.body).into());
    }
    fetched(&floor.house, answer.headers.get("location").ok_or("it leads nowhere")?).await
}

/// What a URL of our bucket leads to.
async fn fetched(house: &House, url: &str) -> Result<(String, Vec<u8>)> {
    let key = url.split_once(&format!("/{}/", house.documents)).ok_or_else(|| format!("{url} leads elsewhere"))?.1;
    let key = key.split('?').next().unwrap_or_default().to_owned();
    let bytes = house.object(&house.documents, &key).await?;
    Ok((key, bytes))
}

async fn batch_of(floor: &Floor, id: &str) -> Result<String> {
    Ok(text(&item(&floor.house, id).await?, "batch").to_owned())
}

#[tokio::test]
async fn a_postcard_goes_from_one_call_to_the_letterbox_and_lies_with_others_on_a_sheet_of_the_press() -> Result<()> {
    let mut floor = floor().await?;
    let mut wanted = card_body(&floor.house, "card.pdf", "4x6");
    wanted["externalId"] = json!("autumn-1");
    let request = create_card(wanted, Some("a-key".to_owned()));
    let created = ask(&mut floor, &request, 201).await?;
    assert_eq!(ask(&mut floor, &request, 201).await?, created, "the same answer for the same key");
    let options = json!({ "mailClass": "FirstClass", "size": "4x6", "color": true, "addressCheck": "normal" });
    assert_eq!((&created["options"], &created["status"]), (&options, &json!("queued")));
    let id = created["id"].as_str().unwrap_or_default().to_owned();
    assert!(id.starts_with("psc_"), "{id}");
    floor.drain(None).await?;
    let shown = ask(&mut floor, &of_card("postcards.get", &id, None), 200).await?;
    assert_eq!((&shown["status"], &shown["impressionCount"]), (&json!("ready"), &json!(2)), "{shown}");
    assert_eq!(led_to(&mut floor, &of_card("postcards.download", &id, None)).await?.1, card());

    // Five more of one request, so that they do not fit one sheet of the press.
    let mut many = card_body(&floor.house, "card.pdf", "4x6");
    if let Some(fields) = many.as_object_mut() {
        fields.remove("recipient");
        fields.insert("recipients".to_owned(), (900_001..=900_005).map(recipient).collect());
    }
    let mailing = ask(&mut floor, &create_card(many, None), 201).await?;
    let mut ids = vec![id.clone()];
    ids.extend(mailing["postcardIds"].as_array().into_iter().flatten().filter_map(|id| id.as_str().map(str::to_owned)));
    assert_eq!(ids.len(), 6);
    floor.drain(None).await?;
    let wanted = create(body(&floor.house, "chromium.pdf"), None);
    let letter = ask(&mut floor, &wanted, 201).await?;
    floor.drain(None).await?;
    let letter = letter["id"].as_str().unwrap_or_default().to_owned();
    for id in ids.iter().chain([&letter]) {
        come(&floor.house, id).await?;
    }
    assert_eq!(release(&mut floor).await?, 7);
    let (cards, letters) = (batch_of(&floor, &id).await?, batch_of(&floor, &letter).await?);
    assert_eq!(ask(&mut floor, &merge(&[&cards, &letters], None), 409).await?["code"], "batches.not_mergeable");
    let job = ask(&mut floor, &merge(&[&cards], None), 202).await?;
    assert_eq!((&job["finish"]["card"], &job["letters"]), (&json!("4x6"), &json!(6)));
    let job = job["id"].as_str().unwrap_or_default().to_owned();
    floor.drain(None).await?;

    // Four on the first sheet and two on the second, each address at its place on the back.
    let sheet = floor.house.object(&floor.house.print, &format!("jobs/{job}/part-00000.pdf")).await?;
    let raster = Raster::open(&sheet).ok_or("the print file cannot be drawn")?;
    assert_eq!(raster.pages(), 4);
    let imposition = print::press_sheet::PressSheet::PRESS_12X18
        .impose(print::press_sheet::CardSize::CARD_4X6)
        .ok_or("four cards have room")?;
    for (sheet, cards) in [(0, 4), (1, 2)] {
        let [front, back] = [2 * sheet, 2 * sheet + 1].map(|page| raster.ink(page));
        let (front, back) = (front.ok_or("no front")?, back.ok_or("no back")?);
        assert!(front.coloured && !back.coloured);
        for place in 0..imposition.places() {
            let [on_front, on_back] = [imposition.front(place), imposition.back(place)];
            let inner = |cell: Rect| Rect {
                left: cell.left + 0.1,
                top: cell.top + 0.1,
                width: cell.width - 0.2,
                height: cell.height - 0.2,
            };
            let printed = [front.within(&inner(on_front)).is_some(), back.within(&inner(on_back)).is_some()];
            assert_eq!(printed, [place < cards; 2], "place {place} of sheet {sheet}");
        }
    }
    let manifest = floor.house.object(&floor.house.print, &format!("jobs/{job}/part-00000.jsonl")).await?;
    let lines: Vec<Value> = String::from_utf8_lossy(&manifest).lines().flat_map(serde_json::from_str).collect();
    let told: BTreeSet<&str> = lines.iter().filter_map(|line| line["letterRefId"].as_str()).collect();
    assert_eq!(told, ids.iter().map(String::as_str).collect());
    let places: Vec<(u64, u64)> =
        lines.iter().filter_map(|line| Some((line["firstPage"].as_u64()?, line["place"].as_u64()?))).collect();
    assert_eq!(places, [(1, 1), (1, 2), (1, 3), (1, 4), (3, 1), (3, 2)]);
    assert!(lines[..6].iter().all(|line| line["weightOunces"] == json!(0.148)), "{lines:?}");
    let file = &lines.last().ok_or("the file has a line")?["file"];
    assert_eq!((&file["sheets"], &file["pieces"]), (&json!(2), &json!(6)));

    for operation in ["operator.jobs.printed", "operator.jobs.mailed"] {
        ask(&mut floor, &of_job(operation, &job, None), 200).await?;
    }
    let mailed = ask(&mut floor, &of_card("postcards.get", &id, None), 200).await?;
    assert_eq!((&mailed["status"], &mailed["tracking"]["postalState"]), (&json!("mailed"), &json!("Dropped")));
    let kinds: Vec<&str> =
        mailed["events"].as_array().into_iter().flatten().filter_map(|event| event["type"].as_str()).collect();
    let once = ["letter.created", "letter.ready", "letter.released", "letter.in_production", "letter.mailed"];
    assert_eq!(kinds, once);
    let told = events(&floor.house).await?;
    assert_eq!(told[&id].keys().map(String::as_str).collect::<BTreeSet<_>>(), BTreeSet::from(once));
    assert!(told[&id].values().all(|times| *times == 1));
    audit(&floor.house).await?;
    floor.house.take_down().await
}

#[tokio::test]
async fn a_part_of_cards_whose_worker_dies_after_each_call_in_turn_is_printed_once_and_as_it_was_numbered() -> Result<()>
{
    let mut floor = floor().await?;
    let mut many = card_body(&floor.house, "card.pdf", "4x6");
    if let Some(fields) = many.as_object_mut() {
        fields.remove("recipient");
        fields.insert("recipients".to_owned(), (0..6).map(recipient).collect());
    }
    let mailing = ask(&mut floor, &create_card(many, None), 201).await?;
    floor.drain(None).await?;
    let ids: Vec<&str> = mailing["postcardIds"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for id in &ids {
        come(&floor.house, id).await?;
    }
    assert_eq!(release(&mut floor).await?, 6);
    let batch = batch_of(&floor, ids[0]).await?;
    let job = ask(&mut floor, &merge(&[&batch], None), 202).await?["id"].as_str().unwrap_or_default().to_owned();
    floor.drain(Some(Queue::Plan)).await?;
    let message = floor.take(Queue::Assemble).await?;
    let mut deaths = 0;
    for call in 1.. {
        let fault = Fault { point: Point::Number(call), mode: Mode::KilledAfter };
        if floor.deliver_struck(&message, Some(fault)).await?.answer.is_some() {
            break;
        }
        deaths += 1;
    }
    assert!(deaths > 20, "it died {deaths} times");
    let part = floor.house.item(&format!("JOB#{job}"), "PART#00000").await?.ok_or("there is a part")?;
    let file = floor.house.object(&floor.house.print, &format!("jobs/{job}/part-00000.pdf")).await?;
    let hash: String = Sha256::digest(&file).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(part["files"]["sha256"], json!(hash));
    let lines = floor.house.object(&floor.house.print, &format!("jobs/{job}/part-00000.jsonl")).await?;
    let lines: Vec<Value> = String::from_utf8_lossy(&lines).lines().flat_map(serde_json::from_str).collect();
    let mut codes = BTreeSet::new();
    for line in lines.iter().filter(|line| line["trackingCode"].is_string()) {
        let id = line["letterRefId"].as_str().unwrap_or_default();
        let shown = ask(&mut floor, &of_card("postcards.get", id, None), 200).await?;
        assert_eq!(shown["tracking"]["trackingCode"], line["trackingCode"], "{id}");
        codes.insert(line["trackingCode"].as_str().unwrap_or_default().to_owned());
    }
    assert_eq!(codes.len(), 6);
    floor.drain(None).await?;
    let jobs = of_job("operator.jobs.printed", &job, None);
    assert_eq!(ask(&mut floor, &jobs, 200).await?["state"], "printed");
    audit(&floor.house).await?;
    floor.house.take_down().await
}

#[tokio::test]
async fn cards_of_different_sizes_are_released_apart_and_letters_and_postcards_are_listed_apart() -> Result<()> {
    let mut floor = floor().await?;
    let larger = document(&[(9.25, 6.25, "0 g 90 90 300 300 re f"), (9.25, 6.25, "0 g 20 20 90 90 re f")]);
    floor.house.put_document(larger, "larger.pdf").await?;
    let mut ids = Vec::new();
    for (file, size) in [("card.pdf", "4x6"), ("larger.pdf", "6x9")] {
        let mut wanted = card_body(&floor.house, file, size);
        wanted["externalId"] = json!("one-name");
        ids.push(ready(&mut floor, wanted).await?);
    }
    let mut wanted = body(&floor.house, "reportlab.pdf");
    wanted["externalId"] = json!("one-name");
    let letter = ask(&mut floor, &create(wanted, None), 201).await?["id"].clone();
    floor.drain(None).await?;
    let found = |page: &Value| -> Vec<Value> {
        page["items"].as_array().into_iter().flatten().map(|item| item["id"].clone()).collect()
    };
    let named = [("externalId", "one-name".to_owned())];
    for parameters in [&named[..], &[]] {
        let mut cards = found(&ask(&mut floor, &list_cards(parameters), 200).await?);
        cards.sort_by_key(Value::to_string);
        assert_eq!(cards, [json!(ids[0]), json!(ids[1])]);
        assert_eq!(found(&ask(&mut floor, &list(parameters), 200).await?), std::slice::from_ref(&letter));
    }
    // Neither is found at the other's door.
    let letter = letter.as_str().unwrap_or_default();
    assert_eq!(ask(&mut floor, &of_card("postcards.get", letter, None), 404).await?["code"], "not_found");
    ask(&mut floor, &of("singles.get", &ids[0], None), 404).await?;
    ask(&mut floor, &of("singles.cancel", &ids[0], None), 404).await?;
    for id in &ids {
        come(&floor.house, id).await?;
    }
    assert_eq!(release(&mut floor).await?, 2);
    assert_ne!(batch_of(&floor, &ids[0]).await?, batch_of(&floor, &ids[1]).await?);
    audit(&floor.house).await?;
    floor.house.take_down().await
}

#[tokio::test]
async fn what_a_postcard_cannot_be_is_refused_with_the_reason() -> Result<()> {
    let mut floor = floor().await?;
    let mut wanted = card_body(&floor.house, "card.pdf", "5x7");
    for (option, value) in [
        ("mailClass", json!("Certified")),
        ("extraServices", json!(["electronicReturnReceipt"])),
        ("sides", json!("simplex")),
        ("placement", json!("firstPage")),
        ("envelope", json!("flat")),
        ("returnEnvelope", json!(true)),
        ("perforated", json!(true)),
    ] {
        wanted["options"][option] = value;
    }
    let refused = ask(&mut floor, &create_card(wanted, None), 422).await?;
    let faults: BTreeSet<(&str, &str)> = refused["errors"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|fault| Some((fault["pointer"].as_str()?, fault["rule"].as_str()?)))
        .collect();
    let not = "options.not_of_postcards";
    let expected = [
        ("/options/size", "enum"),
        ("/options/mailClass", not),
        ("/options/extraServices", not),
        ("/options/sides", not),
        ("/options/placement", not),
        ("/options/envelope", not),
        ("/options/returnEnvelope", not),
        ("/options/perforated", not),
    ];
    assert_eq!(faults, BTreeSet::from(expected));
    let mut wanted = body(&floor.house, "reportlab.pdf");
    wanted["options"] = json!({ "size": "4x6" });
    let refused = ask(&mut floor, &create(wanted, None), 422).await?;
    assert_eq!(refused["errors"][0]["rule"], "options.not_of_letters");
    assert_eq!(all(&floor.house).await?.len(), 0);

    // What only the document shows is an issue, which a mended document ends.
    let inked = document(&[(6.25, 4.25, "0 g 9 261 36 36 re f"), (6.25, 4.25, "0 g 300 60 36 36 re f")]);
    floor.house.put_document(inked, "inked.pdf").await?;
    let wanted = create_card(card_body(&floor.house, "inked.pdf", "4x6"), None);
    let created = ask(&mut floor, &wanted, 201).await?;
    floor.drain(None).await?;
    let id = created["id"].as_str().unwrap_or_default().to_owned();
    let shown = ask(&mut floor, &of_card("postcards.get", &id, None), 200).await?;
    let issue = json!([shown["issue"]["code"], shown["issue"]["page"]]);
    assert_eq!(issue, json!(["document.ink_in_address_zone", 2]), "{shown}");
    assert_eq!(floor.request(&of_card("postcards.proof", &id, None)).await?.status, 404);
    let path = format!("s3://{}/card.pdf", floor.house.client);
    let mended = Some(json!({ "content": { "path": path } }));
    ask(&mut floor, &of_card("postcards.update", &id, mended), 200).await?;
    floor.drain(None).await?;
    assert_eq!(ask(&mut floor, &of_card("postcards.get", &id, None), 200).await?["status"], "ready");
    // Of another size, it is another document that is missing.
    let other = Some(json!({ "options": { "size": "6x11" } }));
    ask(&mut floor, &of_card("postcards.update", &id, other), 200).await?;
    floor.drain(None).await?;
    let shown = ask(&mut floor, &of_card("postcards.get", &id, None), 200).await?;
    assert_eq!((&shown["issue"]["code"], &shown["options"]["size"]), (&json!("document.page_size"), &json!("6x11")));
    audit(&floor.house).await?;
    floor.house.take_down().await
}

#[tokio::test]
async fn a_postcard_is_changed_and_taken_back_until_its_cutoff_and_is_another_keys_to_nobody() -> Result<()> {
    let mut floor = floor().await?;
    let wanted = card_body(&floor.house, "card.pdf", "4x6");
    let id = ready(&mut floor, wanted.clone()).await?;
    for operation in [
        "postcards.get",
        "postcards.cancel",
        "postcards.download",
        "postcards.events",
        "postcards.proof",
        "postcards.update",
    ] {
        let request = of_card(operation, &id, Some(json!({})).filter(|_| operation == "postcards.update"));
        floor.mode = "test";
        assert_eq!(ask(&mut floor, &request, 404).await?["code"], "not_found", "{operation}");
        floor.mode = "live";
        let account = std::mem::replace(&mut floor.house.account, "acct_0000000000000000".to_owned());
        assert_eq!(ask(&mut floor, &request, 404).await?["code"], "not_found", "{operation}");
        floor.house.account = account;
    }
    ask(&mut floor, &of_card("postcards.cancel", &id, None), 204).await?;
    let late = ask(&mut floor, &of_card("postcards.update", &id, Some(json!({}))), 409).await?;
    assert_eq!(late["code"], "postcard.canceled");
    assert!(late["message"].as_str().is_some_and(|message| message.starts_with("The postcard")), "{late}");
    let id = ready(&mut floor, wanted.clone()).await?;
    come(&floor.house, &id).await?;
    let late = ask(&mut floor, &of_card("postcards.cancel", &id, None), 409).await?;
    assert_eq!(
        (&late["code"], &late["cancelableUntil"]),
        (&json!("postcard.too_late"), &json!("2026-01-05T15:00:00Z"))
    );

    // A test postcard lives its life without the press.
    floor.mode = "test";
    let test = ready(&mut floor, wanted).await?;
    let life = Some(json!({ "outcome": "delivered" }));
    assert_eq!(ask(&mut floor, &of("test.letters.advance", &test, life), 202).await?["letterId"], json!(test));
    floor.drain(None).await?;
    let shown = ask(&mut floor, &of_card("postcards.get", &test, None), 200).await?;
    assert_eq!((&shown["status"], &shown["tracking"]["postalState"]), (&json!("mailed"), &json!("Delivered")));
    audit(&floor.house).await?;
    floor.house.take_down().await
}

#[tokio::test]
async fn a_proof_is_drawn_once_until_what_is_on_it_changes() -> Result<()> {
    let mut floor = floor().await?;
    let wanted = create(body(&floor.house, "chromium.pdf"), None);
    let created = ask(&mut floor, &wanted, 201).await?;
    let id = created["id"].as_str().unwrap_or_default().to_owned();
    let proof = of("singles.proof", &id, None);
    assert_eq!(ask(&mut floor, &proof, 404).await?["code"], "letter.no_document");
    floor.drain(None).await?;
    let (first, picture) = led_to(&mut floor, &proof).await?;
    assert_eq!((&picture[..4], &picture[16..24]), (&b"\x89PNG"[..], &[0, 0, 7, 94, 0, 0, 4, 186][..]), "1886 x 1210");
    assert_eq!(led_to(&mut floor, &proof).await?, (first.clone(), picture));
    let change = json!({ "description": "Nothing that is printed" });
    ask(&mut floor, &of("singles.update", &id, Some(change)), 200).await?;
    assert_eq!(led_to(&mut floor, &proof).await?.0, first);
    ask(&mut floor, &of("singles.update", &id, Some(json!({ "recipient": recipient(7) }))), 200).await?;
    let (second, picture) = led_to(&mut floor, &proof).await?;
    assert_ne!(second, first, "another recipient, another cover");
    assert!(second.starts_with(&format!("shown/{}/", floor.house.account)), "{second}");
    assert!(picture.len() < 400_000, "{}", picture.len());

    // As certified it has its label, and is another picture again.
    let certified = json!({ "mailClass": "Certified", "extraServices": ["electronicReturnReceipt"] });
    ask(&mut floor, &of("singles.update", &id, Some(json!({ "options": certified }))), 200).await?;
    floor.drain(None).await?;
    let (third, labelled) = led_to(&mut floor, &proof).await?;
    assert!(third != second && labelled.len() > picture.len());

    let wanted = card_body(&floor.house, "card.pdf", "4x6");
    let card = ready(&mut floor, wanted).await?;
    let (_, picture) = led_to(&mut floor, &of_card("postcards.proof", &card, None)).await?;
    assert_eq!(&picture[16..24], &[0, 0, 2, 148, 0, 0, 3, 128], "660 x 896");
    floor.house.take_down().await
}

#[tokio::test]
async fn looking_first_finds_what_creating_would_and_creates_nothing() -> Result<()> {
    let mut floor = floor().await?;
    let good = json!({ "letter": body(&floor.house, "chromium.pdf") });
    let request = preflight(good, Some("look".to_owned()));
    let seen = ask(&mut floor, &request, 200).await?;
    assert_eq!(
        (&seen["acceptable"], &seen["errors"], &seen["warnings"]),
        (&json!(true), &json!([]), &json!([])),
        "{seen}"
    );
    assert_eq!((&seen["document"]["impressionCount"], &seen["document"]["sheets"]), (&json!(2), &json!(2)));
    assert!(seen["sendDate"].is_string() && seen["cancelableUntil"].is_string());
    assert_eq!(ask(&mut floor, &request, 200).await?, seen, "the same answer for the same key");
    let (_, overlay) = fetched(&floor.house, seen["document"]["overlayUrl"].as_str().unwrap_or_default()).await?;
    assert_eq!(Raster::open(&overlay).map(|raster| raster.pages()), Some(2));

    // Everything at once: an address, an option, a date, and what is wrong with the document.
    let inked = document(&[(6.25, 4.25, "0 g 9 261 36 36 re f"), (6.25, 4.25, "0 g 300 60 36 36 re f")]);
    let mut wanted = card_body(&floor.house, "card.pdf", "4x6");
    wanted["content"] = json!({ "pdf": STANDARD.encode(&inked) });
    wanted["recipient"]["address"]["state"] = json!("ZZ");
    wanted["options"]["perforated"] = json!(true);
    wanted["sendDate"] = json!("2020-01-01");
    let seen = ask(&mut floor, &preflight(json!({ "postcard": wanted }), None), 200).await?;
    assert_eq!((&seen["acceptable"], &seen["sendDate"]), (&json!(false), &Value::Null));
    let pointers: BTreeSet<&str> =
        seen["errors"].as_array().into_iter().flatten().filter_map(|fault| fault["pointer"].as_str()).collect();
    let expected = ["/postcard/options/perforated", "/postcard/recipient/address/state", "/postcard/sendDate"];
    assert_eq!(pointers, BTreeSet::from(expected));
    let looked = &seen["document"];
    assert_eq!(
        (&looked["issue"]["code"], &looked["findings"][0]["refuses"]),
        (&json!("document.ink_in_address_zone"), &json!(true))
    );
    let found = &looked["findings"][0];
    let [left, top] = ["left", "top"].map(|name| found["area"][name].as_f64().unwrap_or_default());
    // The square on the back, but for a pixel.
    assert!((left - 300.0 / 72.0).abs() < 0.03 && (top - 210.0 / 72.0).abs() < 0.03, "{found}");
    let (_, overlay) = fetched(&floor.house, looked["overlayUrl"].as_str().unwrap_or_default()).await?;
    let raster = Raster::open(&overlay).ok_or("the overlay cannot be drawn")?;
    assert!(raster.ink(1).is_some_and(|ink| ink.coloured), "what was found is drawn in red");

    // What creating keeps with a warning is told with its place, and what is not there is an issue.
    let mut odd = body(&floor.house, "missing.pdf");
    odd["recipient"]["address"]["postalCode"] = json!("70112-0000");
    let seen = ask(&mut floor, &preflight(json!({ "letter": odd }), None), 200).await?;
    assert_eq!(seen["warnings"][0]["pointer"], "/letter/recipient/address");
    let issue = json!([seen["acceptable"], seen["document"]["issue"]["code"]]);
    assert_eq!(issue, json!([false, "document.not_found"]), "{seen}");
    let damaged = json!({ "letter": { "content": { "pdf": STANDARD.encode(b"%PDF-1.5 and nothing more") } } });
    let seen = ask(&mut floor, &preflight(damaged, None), 200).await?;
    assert_eq!((&seen["document"]["overlayUrl"], &seen["acceptable"]), (&Value::Null, &json!(false)));
    for neither in [json!({}), json!({ "letter": {}, "postcard": {} })] {
        assert_eq!(ask(&mut floor, &preflight(neither, None), 422).await?["code"], "preflight.kind");
    }
    // Another's bucket is not looked into.
    let mut foreign = body(&floor.house, "chromium.pdf");
    foreign["content"]["path"] = json!(format!("s3://{}/documents/x", floor.house.documents));
    let seen = ask(&mut floor, &preflight(json!({ "letter": foreign }), None), 200).await?;
    assert_eq!((&seen["errors"][0]["rule"], &seen["document"]), (&json!("location.unregistered"), &Value::Null));

    assert_eq!(all(&floor.house).await?.len(), 0);
    assert_eq!(events(&floor.house).await?.len(), 0);
    floor.house.take_down().await
}
