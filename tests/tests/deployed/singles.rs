//! Letters and postcards that are sent by themselves: created, looked at, found, changed and canceled, and a test letter that is
//! delivered. Every answer is held to the contract.

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use tests::harness::singles::card;

use crate::support::{Tenant, assembled, document, fault, faults, text, unique, wait};

fn new_letter(path: &str) -> Value {
    json!({
        "sender": {
            "organization": "Acme Inc.",
            "address": { "address1": "PO Box 52138", "city": "New Orleans", "state": "LA", "postalCode": "70153" },
        },
        "recipient": {
            "individual": { "prefix": "Dr.", "firstName": "Jane", "lastName": "Roe" },
            "organization": "Widgets Ltd.",
            "address": { "address1": "1300 Perdido Street", "city": "New Orleans", "state": "LA", "postalCode": "70112" },
        },
        "content": { "path": path },
        "useType": "transactional",
    })
}

#[test]
fn a_letter_is_created_inspected_found_changed_and_canceled() {
    let tenant = Tenant::new();
    let path = tenant.upload("reportlab.pdf");
    let name = unique();
    let mut wanted = new_letter(&path);
    wanted["externalId"] = json!(name);
    wanted["metadata"] = json!([{ "key": "campaign", "value": "autumn" }]);
    wanted["description"] = json!("A note");
    let create = || tenant.client.call("singles.create", &[]).idempotent(&name).json(&wanted);
    let created = create().expect(201);
    let body: Value = serde_json::from_slice(&created.body).unwrap();
    let id = text(&body["id"]);
    assert_eq!(created.header("location"), Some(format!("/v2/letters/{id}").as_str()));
    let again = create().expect(201);
    assert_eq!((again.header("idempotent-replayed"), &again.body), (Some("true"), &created.body));

    let letter = [("letterId", id.as_str())];
    let get = || tenant.client.call("singles.get", &letter).read(200);
    let ready = wait(get, |letter| letter["status"] != "queued");
    assert_eq!((&ready["status"], &ready["impressionCount"]), (&json!("ready"), &json!(1)), "{ready}");
    assert_eq!(tenant.stack.nobody.download(&text(&ready["url"])), document("reportlab.pdf"));
    let leads_to = tenant.client.call("singles.download", &letter).expect(302);
    let file = leads_to.header("location").unwrap();
    assert_eq!(tenant.stack.nobody.download(file), document("reportlab.pdf"));
    let picture = tenant.client.call("singles.proof", &letter).expect(302);
    assert!(tenant.stack.nobody.download(picture.header("location").unwrap()).starts_with(b"\x89PNG"));
    assert_eq!(ready["recipient"]["individual"]["firstName"], "Jane");
    let events = tenant.client.call("singles.events", &letter).read(200);
    assert_eq!(events["items"][1]["type"], "letter.ready");

    let sent: Date = text(&ready["sendDate"]).parse().unwrap();
    let (eve, morrow) = (sent.yesterday().unwrap().to_string(), sent.tomorrow().unwrap().to_string());
    let made: Timestamp = text(&ready["createdAt"]).parse().unwrap();
    let (sent, made, later) = (sent.to_string(), made.to_string(), (made + 1.second()).to_string());
    for (parameter, value, another) in [
        ("externalId", name.as_str(), unique().as_str()),
        ("metadata[campaign]", "autumn", "spring"),
        ("mode", "live", "test"),
        ("status", "ready", "canceled"),
        ("useType", "transactional", "marketing"),
        ("sendDateFrom", &sent, &morrow),
        ("sendDateTo", &sent, &eve),
        ("createdFrom", &made, &later),
        ("createdBefore", &later, &made),
    ] {
        for (value, count) in [(value, 1), (another, 0)] {
            let found = tenant.client.call("singles.list", &[]).query(parameter, value).read(200);
            assert_eq!(found["items"].as_array().map(Vec::len), Some(count), "{parameter} {value}");
        }
    }
    let other_key = tenant.client.call("singles.list", &[]).query("metadata[season]", "autumn").read(200);
    assert_eq!(other_key["items"], json!([]));
    tenant.client.call("singles.list", &[]).query("mode", "both").expect(400);

    let change = json!({ "description": null, "options": { "sides": "simplex" } });
    let changed = tenant.client.call("singles.update", &letter).json(&change).read(200);
    assert_eq!((&changed["status"], &changed["description"]), (&json!("queued"), &Value::Null));
    wait(get, |letter| letter["status"] == "ready");
    tenant.client.call("singles.cancel", &letter).expect(204);
    tenant.client.call("singles.cancel", &letter).expect(204);
    assert_eq!(get()["status"], "canceled");
    assert_eq!(tenant.client.call("singles.update", &letter).json(&change).read(409)["code"], "letter.canceled");
    let other = Tenant::new();
    other.client.call("singles.get", &letter).expect(404);
}

#[test]
fn a_test_letter_to_each_of_several_recipients_is_delivered() {
    let tenant = Tenant::new();
    let (_, client) = tenant.with_key(&json!({ "mode": "test" }));
    let mut wanted = new_letter(&tenant.upload("reportlab.pdf"));
    let recipient = wanted.as_object_mut().unwrap().remove("recipient").unwrap();
    wanted["recipients"] = json!([recipient, recipient]);
    let refused = client.call("singles.create", &[]).json(&wanted).read(422);
    assert_eq!(faults(&refused), [fault("/recipients/1", "recipients.duplicate")]);
    wanted["allowDuplicate"] = json!(true);
    let created = client.call("singles.create", &[]).json(&wanted).read(201);
    let id = text(&created["letterIds"][1]);
    let letter = [("letterId", id.as_str())];
    wait(|| client.call("singles.get", &letter).read(200), |letter| letter["status"] == "ready");
    let life = json!({ "outcome": "delivered" });
    client.call("test.letters.advance", &letter).json(&life).read(202);
    let get = || client.call("singles.get", &letter).read(200);
    let delivered = wait(get, |letter| letter["tracking"]["postalState"] == "Delivered");
    assert_eq!(delivered["status"], "mailed");
    for (state, there) in [("Delivered", vec![&id]), ("Dropped", vec![])] {
        let found = client.call("singles.list", &[]).query("postalState", state).read(200);
        let ids: Vec<String> = found["items"].as_array().unwrap().iter().map(|letter| text(&letter["id"])).collect();
        assert_eq!(ids.iter().collect::<Vec<_>>(), there, "{state}");
    }
    let events = client.call("singles.events", &letter).read(200);
    assert_eq!(events["tracking"]["postalState"], "Delivered");
    let news = || client.call("events.list", &[]).query("limit", "100").read(200);
    let told = wait(news, |page| {
        let items = page["items"].as_array().unwrap();
        let of = |kind: &str| items.iter().any(|event| event["type"] == kind && event["letterRefId"] == json!(id));
        ["letter.created", "letter.ready", "letter.released", "letter.mailed", "letter.tracked"].into_iter().all(of)
    });
    assert!(told["items"].as_array().unwrap().iter().all(|event| event["mode"] == "test"));
}

/// Waits until the schedule has released it, and answers its batch, which only the floor sees.
fn released(tenant: &Tenant, id: &str) -> String {
    let events = || tenant.client.call("events.list", &[]).query("limit", "100").read(200);
    let of = |event: &Value| event["type"] == "letter.released" && event["letterRefId"] == id;
    // On one machine the schedule comes each minute.
    let told = wait(events, |page| page["items"].as_array().unwrap().iter().any(of));
    text(&told["items"].as_array().unwrap().iter().find(|event| of(event)).unwrap()["batchId"])
}

#[test]
fn a_postcard_is_created_seen_printed_on_a_sheet_with_others_and_mailed() {
    let tenant = Tenant::new();
    let path = tenant.path("card.pdf");
    tenant.stack.upload(&path, card());
    let mut wanted = new_letter(&path);
    wanted["options"] = json!({ "size": "4x6" });
    let name = unique();
    let create = || tenant.client.call("postcards.create", &[]).idempotent(&name).json(&wanted);
    let created = create().expect(201);
    let body: Value = serde_json::from_slice(&created.body).unwrap();
    let id = text(&body["id"]);
    assert_eq!(created.header("location"), Some(format!("/v2/postcards/{id}").as_str()));
    assert_eq!(create().expect(201).body, created.body);
    let postcard = [("postcardId", id.as_str())];
    let get = || tenant.client.call("postcards.get", &postcard).read(200);
    let ready = wait(get, |postcard| postcard["status"] != "queued");
    assert_eq!((&ready["status"], &ready["impressionCount"]), (&json!("ready"), &json!(2)), "{ready}");
    let picture = tenant.client.call("postcards.proof", &postcard).expect(302);
    assert!(tenant.stack.nobody.download(picture.header("location").unwrap()).starts_with(b"\x89PNG"));
    let file = tenant.client.call("postcards.download", &postcard).expect(302);
    assert_eq!(tenant.stack.nobody.download(file.header("location").unwrap()), card());
    let refused = tenant.client.call("postcards.create", &[]).json(&wanted).read(409);
    assert_eq!((&refused["code"], &refused["duplicateOf"]), (&json!("postcard.duplicate"), &json!([id])));
    let found = tenant.client.call("postcards.list", &[]).query("status", "ready").read(200);
    assert_eq!(found["items"].as_array().map(Vec::len), Some(1));
    let change = json!({ "description": "A note" });
    tenant.client.call("postcards.update", &postcard).json(&change).read(200);
    assert_eq!(tenant.client.call("postcards.events", &postcard).read(200)["items"][1]["type"], "letter.ready");
    let other = Tenant::new();
    other.client.call("postcards.get", &postcard).expect(404);
    other.client.call("postcards.proof", &postcard).expect(404);

    tenant.stack.make_due(&id);
    let batch = released(&tenant, &id);
    assert_eq!(tenant.client.call("postcards.cancel", &postcard).read(409)["code"], "postcard.too_late");
    let job = assembled(&tenant, &[&batch]);
    assert_eq!(job["finish"]["card"], "4x6");
    let print = tenant.stack.nobody.download(&text(&job["parts"][0]["printFile"]["url"]));
    let raster = print::raster::Raster::open(&print).unwrap();
    assert_eq!(raster.pages(), 2, "the front and the back of one press sheet");
    assert!(raster.ink(0).unwrap().coloured && !raster.ink(1).unwrap().is_blank());
    let job = text(&job["id"]);
    for operation in ["operator.jobs.printed", "operator.jobs.mailed"] {
        tenant.stack.operator.call(operation, &[("jobId", &job)]).read(200);
    }
    let mailed = get();
    assert_eq!((&mailed["status"], &mailed["tracking"]["postalState"]), (&json!("mailed"), &json!("Dropped")));
}

#[test]
fn a_preflight_tells_what_would_be_found_and_shows_it() {
    let tenant = Tenant::new();
    let path = tenant.path("card.pdf");
    tenant.stack.upload(&path, card());
    let mut wanted = new_letter(&path);
    let look = |body: &Value| tenant.client.call("preflight.create", &[]).json(body).read(200);
    let good = look(&json!({ "postcard": wanted }));
    assert_eq!((&good["acceptable"], &good["errors"]), (&json!(true), &json!([])), "{good}");
    let overlay = tenant.stack.nobody.download(&text(&good["document"]["overlayUrl"]));
    assert!(overlay.starts_with(b"%PDF-"));
    wanted["options"] = json!({ "sides": 3 });
    let bad = look(&json!({ "letter": wanted }));
    assert_eq!((&bad["acceptable"], &bad["errors"][0]["pointer"]), (&json!(false), &json!("/letter/options/sides")));
    assert_eq!(bad["document"]["issue"]["code"], "document.page_size");
    assert_eq!(tenant.client.call("singles.list", &[]).read(200)["items"], json!([]));
    let neither = tenant.client.call("preflight.create", &[]).json(&json!({})).read(422);
    assert_eq!(neither["code"], "preflight.kind");
}

#[test]
fn a_letter_comes_with_its_document_as_a_form() {
    let tenant = Tenant::new();
    let mut wanted = new_letter("");
    wanted.as_object_mut().unwrap().remove("content");
    let letter = wanted.to_string();
    let pdf = document("reportlab.pdf");
    let parts: [(&str, &[u8]); 2] = [("letter", letter.as_bytes()), ("file", &pdf)];
    let create = || tenant.client.call("singles.create", &[]).idempotent("a-form");
    let created = create().form("one", &parts).read(201);
    // What stands between the parts does not make it another request.
    assert_eq!(create().form("another-boundary", &[parts[1], parts[0]]).read(201)["id"], created["id"]);
    let id = text(&created["id"]);
    let path = [("letterId", id.as_str())];
    let get = || tenant.client.call("singles.get", &path).read(200);
    let ready = wait(get, |letter| letter["status"] == "ready");
    assert_eq!(tenant.stack.nobody.download(&text(&ready["url"])), pdf);

    let refuse = |status: u16, parts: &[(&str, &[u8])]| {
        let refused = tenant.client.call("singles.create", &[]).form("b", parts).read(status);
        text(&refused["code"])
    };
    for content in [json!({ "path": "s3://bucket/key.pdf" }), json!({}), Value::Null] {
        let mut both = wanted.clone();
        both["content"] = content;
        let both = both.to_string();
        let refused = tenant.client.call("singles.create", &[]).form("b", &[("letter", both.as_bytes()), parts[1]]);
        let refused = refused.read(422);
        assert_eq!(faults(&refused), [fault("/content", "content.kind")]);
        assert!(text(&refused["errors"][0]["message"]).contains("leave content out"), "{refused}");
    }
    assert_eq!(refuse(422, &[parts[0], ("file", b"no PDF")]), "invalid");
    assert_eq!(refuse(400, &[parts[1]]), "body.multipart");
    assert_eq!(refuse(400, &[parts[0], parts[1], parts[1]]), "body.multipart");
    assert_eq!(refuse(400, &[parts[0], ("document", &pdf)]), "body.multipart");
    assert_eq!(refuse(400, &[("letter", b"{"), parts[1]]), "body.syntax");
    let large = [b"%PDF-".as_slice(), &vec![b'x'; 4_000_000]].concat();
    let zipped = || tenant.client.call("singles.create", &[]).form("b", &[parts[0], ("file", &large)]).packed();
    assert_eq!(zipped().read(413)["code"], "content.too_large");
}

#[test]
fn a_letter_whose_send_date_has_come_is_released_by_itself() {
    let tenant = Tenant::new();
    let wanted = new_letter(&tenant.upload("reportlab.pdf"));
    let id = text(&tenant.client.call("singles.create", &[]).json(&wanted).read(201)["id"]);
    let letter = [("letterId", id.as_str())];
    let get = || tenant.client.call("singles.get", &letter).read(200);
    wait(get, |letter| letter["status"] == "ready");
    tenant.stack.make_due(&id);
    // The schedule comes each minute on one machine.
    let events = || tenant.client.call("singles.events", &letter).read(200);
    let told = wait(events, |events| {
        events["items"].as_array().unwrap().iter().any(|event| event["type"] == "letter.released")
    });
    assert_eq!(told["items"].as_array().unwrap().len(), 3, "{told}");
    let refused = tenant.client.call("singles.cancel", &letter).read(409);
    assert_eq!(refused["code"], "letter.too_late");
    let in_queue =
        |page: &Value| page["items"].as_array().unwrap().iter().any(|batch| batch["accountId"] == tenant.account);
    wait(|| tenant.stack.operator.call("operator.queue", &[]).query("limit", "100").read(200), in_queue);
}

#[test]
fn a_duplicate_is_refused_unless_it_is_meant_or_its_account_does_without_the_guard() {
    let tenant = Tenant::new();
    let wanted = new_letter(&tenant.upload("reportlab.pdf"));
    let create = |wanted: &Value| tenant.client.call("singles.create", &[]).json(wanted);
    let first = create(&wanted).read(201);
    let refused = create(&wanted).read(409);
    assert_eq!((&refused["code"], &refused["duplicateOf"]), (&json!("letter.duplicate"), &json!([first["id"]])));
    let mut meant = wanted.clone();
    meant["allowDuplicate"] = json!(true);
    create(&meant).expect(201);

    let account = [("accountId", tenant.account.as_str())];
    let operator = &tenant.stack.operator;
    let settings = |body: Value| operator.call("operator.accounts.update", &account).json(&body);
    assert_eq!(settings(json!({ "duplicateGuard": false })).read(200)["duplicateGuard"], json!(false));
    assert_eq!(settings(json!({})).read(200)["duplicateGuard"], json!(false), "what is not given stays");
    create(&wanted).expect(201);
    let refused = settings(json!({ "duplicateGuard": "off" })).read(422);
    assert_eq!(faults(&refused), [fault("/duplicateGuard", "type")]);
    let nobody = [("accountId", "acct_00000000000000000000000000")];
    operator.call("operator.accounts.update", &nobody).json(&json!({})).expect(404);
    tenant.client.call("operator.accounts.update", &account).json(&json!({})).expect(403);
}

#[test]
fn an_html_letter_goes_from_one_post_to_ready() {
    let tenant = Tenant::new();
    let mut wanted = new_letter("");
    wanted["content"] =
        json!({ "html": "<h1>Invoice</h1><p>Dear {{name}},</p>", "variables": [{ "name": "name", "value": "Jane" }] });
    let name = unique();
    let create = || tenant.client.call("singles.create", &[]).idempotent(&name).json(&wanted);
    let created = create().expect(201);
    let body: Value = serde_json::from_slice(&created.body).unwrap();
    assert_eq!(body["variables"], json!([{ "name": "name", "value": "Jane" }]));
    let again = create().expect(201);
    assert_eq!((again.header("idempotent-replayed"), &again.body), (Some("true"), &created.body));
    let id = text(&body["id"]);
    let letter = [("letterId", id.as_str())];
    let get = || tenant.client.call("singles.get", &letter).read(200);
    let ready = wait(get, |letter| letter["status"] != "queued");
    assert_eq!((&ready["status"], &ready["impressionCount"]), (&json!("ready"), &json!(1)), "{ready}");
    assert!(tenant.stack.nobody.download(&text(&ready["url"])).starts_with(b"%PDF-"));

    wanted["content"]["variables"] = json!([]);
    let refused = tenant.client.call("singles.create", &[]).json(&wanted).read(422);
    assert_eq!(faults(&refused), [fault("/content/variables/name", "html.variable")]);
    let html = json!({ "content": { "html": "<p>Another" } });
    let changed = tenant.client.call("singles.update", &letter).json(&html).read(200);
    assert_eq!((&changed["status"], &changed["variables"]), (&json!("queued"), &Value::Null));
    wait(get, |letter| letter["status"] == "ready");
}

#[test]
fn letters_are_made_of_a_version_of_a_template_and_of_an_uploaded_document() {
    let tenant = Tenant::new();
    let create = |content: &Value| {
        let mut wanted = new_letter("");
        wanted["content"] = content.clone();
        tenant.client.call("singles.create", &[]).json(&wanted)
    };
    let is_ready = |id: &str| {
        let get = || tenant.client.call("singles.get", &[("letterId", id)]).read(200);
        let letter = wait(get, |letter| letter["status"] != "queued");
        assert_eq!(letter["status"], "ready", "{letter}");
        letter
    };
    let (one, two) = ("<p>Dear {{name}},</p>", "<p>Dear {{name}}, by {{date}}.</p>");
    let made = tenant.client.call("templates.create", &[]).json(&json!({ "name": "Reminder", "html": one })).read(201);
    let template = text(&made["id"]);
    let path = [("templateId", template.as_str())];
    tenant.client.call("templates.update", &path).json(&json!({ "name": "Reminder", "html": two })).read(200);
    let mut content = json!({ "templateId": template, "variables": { "name": "Jane" } });
    let refused = create(&content).read(422);
    assert_eq!(faults(&refused), [fault("/content/variables/date", "html.variable")]);
    content["version"] = json!(1);
    let letter = is_ready(&text(&create(&content).read(201)["id"]));
    assert_eq!(letter["content"], json!({ "templateId": template, "version": 1 }));
    let preview = json!({ "variables": { "name": "Jane", "date": "May" } });
    let shown = tenant.client.call("templates.preview", &path).json(&preview).read(200);
    assert!(tenant.stack.nobody.download(&text(&shown["pdfUrl"])).starts_with(b"%PDF-"));
    assert!(tenant.stack.nobody.download(&text(&shown["imageUrl"])).starts_with(b"\x89PNG"));

    let pdf = document("chromium.pdf");
    let sha256: String = Sha256::digest(&pdf).iter().map(|byte| format!("{byte:02x}")).collect();
    let declared = json!({ "contentType": "application/pdf", "bytes": pdf.len(), "sha256": sha256 });
    let announced = tenant.client.call("documents.create", &[]).json(&declared).read(201);
    let content = json!({ "documentId": announced["id"] });
    assert_eq!(faults(&create(&content).read(422)), [fault("/content/documentId", "document.waiting")]);
    tenant.stack.nobody.put(&announced["upload"], &pdf);
    let letter = is_ready(&text(&create(&content).read(201)["id"]));
    assert_eq!((&letter["content"], &letter["impressionCount"]), (&content, &json!(2)));
    let id = text(&announced["id"]);
    let seen = tenant.client.call("documents.get", &[("documentId", &id)]).read(200);
    assert_eq!((&seen["status"], &seen["pages"]), (&json!("ready"), &json!(2)));
    assert!(tenant.client.call("templates.list", &[]).read(200)["items"].as_array().is_some_and(|all| all.len() == 1));
    tenant.client.call("templates.delete", &path).expect(204);
}

#[test]
fn the_calendar_shows_on_which_days_mail_is_made() {
    let tenant = Tenant::new();
    let calendar = tenant.client.call("calendar.get", &[]).query("from", "2027-12-29").query("days", "4").read(200);
    let closed: Vec<&Value> = calendar["items"].as_array().unwrap().iter().map(|day| &day["closed"]).collect();
    assert_eq!(closed, [&Value::Null, &Value::Null, &json!("holiday"), &json!("weekend")]);
    assert_eq!(calendar["items"][2]["holiday"], "New Year's Day");
    assert_eq!(calendar["items"][0]["cutoff"], "2027-12-29T15:00:00Z");
    let refused = tenant.client.call("calendar.get", &[]).query("days", "367").read(400);
    assert_eq!(refused["code"], "days.invalid");
}
