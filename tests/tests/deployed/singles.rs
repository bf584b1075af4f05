//! Letters and postcards that are sent by themselves: created, looked at, found, changed and canceled, and a test letter that is
//! delivered. Every answer is held to the contract.

use serde_json::{Value, json};

use tests::harness::singles::card;

use crate::support::{Tenant, assembled, document, text, unique, wait};

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

    for (parameter, value) in [
        ("externalId", name.as_str()),
        ("metadata[campaign]", "autumn"),
        ("status", "ready"),
        ("useType", "transactional"),
        ("sendDateFrom", "2026-01-01"),
        ("createdFrom", "2026-01-01T00:00:00Z"),
    ] {
        let found = tenant.client.call("singles.list", &[]).query(parameter, value).read(200);
        assert_eq!(found["items"].as_array().map(Vec::len), Some(1), "{parameter}");
        let not = tenant.client.call("singles.list", &[]).query(parameter, value).query("status", "canceled").read(200);
        assert_eq!(not["items"].as_array().map(Vec::len), Some(0), "{parameter}");
    }

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
    let created = client.call("singles.create", &[]).json(&wanted).read(201);
    let id = text(&created["letterIds"][1]);
    let letter = [("letterId", id.as_str())];
    wait(|| client.call("singles.get", &letter).read(200), |letter| letter["status"] == "ready");
    let life = json!({ "outcome": "delivered" });
    client.call("test.letters.advance", &letter).json(&life).read(202);
    let get = || client.call("singles.get", &letter).read(200);
    let delivered = wait(get, |letter| letter["tracking"]["postalState"] == "Delivered");
    assert_eq!(delivered["status"], "mailed");
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
