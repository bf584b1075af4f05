//! Scans that are dropped into the bucket or pushed, and what is then to be seen of letters.

use serde_json::{Value, json};

use crate::support::{Tenant, assembled, letter, text, unique, wait};

/// A batch that is assembled and printed: its id, its job, and its letters with their codes.
fn printed(tenant: &Tenant, settings: &Value, letters: usize) -> (String, String, Vec<Value>) {
    let path = tenant.upload("typst-2.0.pdf");
    let letters: Vec<Value> = (0..letters).map(|number| letter(&format!("L{number:07}"), &path, 1)).collect();
    let batch = tenant.batch_in("ready", settings, &letters);
    let job = text(&assembled(tenant, &[&batch])["id"]);
    tenant.stack.operator.call("operator.jobs.printed", &[("jobId", &job)]).expect(200);
    let letters = tenant.letters(&batch);
    (batch, job, letters)
}

fn mail(tenant: &Tenant, job: &str) {
    tenant.stack.operator.call("operator.jobs.mailed", &[("jobId", job)]).expect(200);
}

/// A scan that nobody made before.
fn event(field: &str, digits: &Value, code: &str) -> Value {
    json!({
        "scanDatetime": "2099-05-04T10:11:12.000-05:00",
        "scanEventCode": code,
        "scanFacilityName": unique(),
        "scanFacilityCity": "NEW ORLEANS",
        "scanFacilityState": "LA",
        "scanFacilityZip": "70113",
        field: digits,
    })
}

/// Pushes a message, and answers the id of its file.
fn push(tenant: &Tenant, events: &[Value]) -> String {
    let message = json!({ "msgGrpId": unique(), "msgSerNbr": 1, "totMsgCnt": 1, "events": events });
    let call = || tenant.stack.nobody.call("scans.push", &[]).header("authorization", &tenant.stack.push);
    let id = text(&call().json(&message).read(200)["fileId"]);
    assert_eq!(text(&call().gzip(&message).read(200)["fileId"]), id, "the same message is the same file");
    id
}

/// Waits until a file of scans is read.
fn read(tenant: &Tenant, id: &str) -> Value {
    let ask = || {
        let listed = tenant.stack.operator.call("operator.scans.list", &[]).query("limit", "100").read(200);
        listed["items"].as_array().unwrap().iter().find(|file| file["id"] == id).cloned().unwrap_or_default()
    };
    wait(ask, |file| file["state"] == "done");
    tenant.stack.operator.call("operator.scans.get", &[("fileId", id)]).read(200)
}

fn state(tenant: &Tenant, batch: &str, letter: &Value) -> String {
    let named = [("batchId", batch), ("letterId", letter["letterRefId"].as_str().unwrap())];
    text(&tenant.client.call("letters.get", &named).read(200))
}

#[test]
fn scans_that_are_dropped_and_pushed_become_states_a_summary_and_a_history() {
    let tenant = Tenant::new();
    let (batch, job, letters) = printed(&tenant, &json!({}), 3);
    mail(&tenant, &job);
    let named = [("batchId", batch.as_str()), ("letterId", letters[0]["letterRefId"].as_str().unwrap())];
    let fresh = tenant.client.call("letters.events", &named).read(200);
    assert_eq!((&fresh["postalState"], &fresh["items"][0]["code"]), (&json!("Dropped"), &json!("MAILED")));

    let dropped = json!({ "events": [event("imbTrackingCode", &letters[0]["trackingCode"], "918")] });
    tenant.stack.upload(&format!("{}/drop {}.json", tenant.stack.scans, unique()), dropped.to_string().into_bytes());
    let file = push(&tenant, &[event("IMBTrackingCode", &letters[1]["trackingCode"], "891"), json!({ "lost": true })]);
    let file = read(&tenant, &file);
    assert_eq!(
        ["records", "applied", "rejected", "duplicates"].map(|name| file[name].as_u64()),
        [2, 1, 1, 0].map(Some)
    );
    assert_eq!(file["rejects"][0]["event"], 2);

    let summary = wait(|| tenant.tracking(&batch), |seen| seen["letterSummary"]["inTransit"] == 1);
    let counted = |state: &str| summary["letterSummary"][state].as_u64().unwrap();
    assert_eq!(["dropped", "accepted", "inTransit"].map(counted), [1, 1, 1]);
    let states: Vec<String> = letters.iter().map(|letter| state(&tenant, &batch, letter)).collect();
    assert_eq!(states, ["InTransit", "Accepted", "Dropped"]);
    let listed: Vec<String> = tenant.letters(&batch).iter().map(|letter| text(&letter["postalState"])).collect();
    assert_eq!(listed, states);
    let history = tenant.client.call("letters.events", &named).read(200);
    let seen = &history["items"][1];
    assert_eq!((&seen["code"], &seen["place"]["city"]), (&json!("918"), &json!("NEW ORLEANS")));
    assert_eq!(seen["at"], "2099-05-04T15:11:12Z");
}

#[test]
fn scans_of_a_certified_piece_wait_until_it_is_mailed() {
    let tenant = Tenant::new();
    let certified = json!({ "mailClass": "Certified", "electronicReturnReceipt": true });
    let (batch, job, letters) = printed(&tenant, &certified, 1);
    let waiting = push(&tenant, &[event("pic", &letters[0]["articleNumber"], "01")]);
    assert_eq!(read(&tenant, &waiting)["orphans"], 1);
    let orphans = tenant.stack.operator.call("operator.orphans.list", &[]).query("limit", "100").read(200);
    let ours = |orphan: &Value| orphan["article"] == letters[0]["articleNumber"];
    assert!(orphans["items"].as_array().unwrap().iter().any(ours));
    mail(&tenant, &job);
    wait(|| json!(state(&tenant, &batch, &letters[0])), |state| *state == "Delivered");
}

#[test]
fn a_returned_piece_is_keyed_in_and_a_state_is_set() {
    let tenant = Tenant::new();
    let (batch, job, letters) = printed(&tenant, &json!({}), 2);
    let operator = &tenant.stack.operator;
    let barcode = json!({ "barcode": letters[0]["trackingCode"] });
    operator.call("operator.returns.create", &[]).json(&barcode).expect(404);
    mail(&tenant, &job);
    let key = unique();
    let keyed = |key: &str| operator.call("operator.returns.create", &[]).idempotent(key).json(&barcode).read(200);
    let told = keyed(&key);
    assert_eq!(told, keyed(&key));
    assert_eq!((&told["letterRefId"], &told["postalState"]), (&letters[0]["letterRefId"], &json!("Returned")));
    let named = [("batchId", batch.as_str()), ("letterId", letters[1]["letterRefId"].as_str().unwrap())];
    let set = json!({ "state": "CannotReturnToSender", "reason": "Burnt" });
    operator.call("operator.letters.state", &named).json(&set).expect(200);
    operator.call("operator.letters.state", &named).json(&json!({ "state": "Dropped" })).expect(422);
    assert_eq!(state(&tenant, &batch, &letters[1]), "CannotReturnToSender");
    let summary = &tenant.tracking(&batch)["letterSummary"];
    assert_eq!((&summary["returned"], &summary["cannotReturnToSender"]), (&json!(1), &json!(1)));
    let history = tenant.client.call("letters.events", &named).read(200);
    assert_eq!(history["items"][1]["reason"], "Burnt");
}

#[test]
fn a_file_is_read_again_and_finds_nothing_new() {
    let tenant = Tenant::new();
    let (_, job, letters) = printed(&tenant, &json!({}), 1);
    mail(&tenant, &job);
    let id = push(&tenant, &[event("imb", &letters[0]["trackingCode"], "918")]);
    assert_eq!(read(&tenant, &id)["applied"], 1);
    let operator = &tenant.stack.operator;
    let path = [("fileId", id.as_str())];
    assert_eq!(operator.call("operator.scans.rerun", &path).read(202)["run"], 2);
    let again = wait(
        || operator.call("operator.scans.get", &path).read(200),
        |file| file["run"] == 2 && file["state"] == "done",
    );
    assert_eq!((&again["applied"], &again["duplicates"]), (&json!(0), &json!(1)));
    operator.call("operator.scans.rerun", &[("fileId", "scn_0")]).expect(404);
}

#[test]
fn only_who_has_the_password_may_push_scans() {
    let tenant = Tenant::new();
    let message = json!({ "events": [] });
    let pushed = |authorization: Option<&str>| {
        let call = tenant.stack.nobody.call("scans.push", &[]).json(&message);
        authorization.into_iter().fold(call, |call, value| call.header("authorization", value))
    };
    pushed(None).expect(401);
    pushed(Some("Basic dXNwczp3cm9uZw==")).expect(401);
    tenant.client.call("scans.push", &[]).json(&message).expect(401);
    pushed(Some(&tenant.stack.push)).expect(200);
    let blank = tenant.stack.nobody.call("scans.push", &[]).header("authorization", &tenant.stack.push);
    assert_eq!(blank.bytes(" ").read(400)["code"], "body.blank");
}

#[test]
fn a_test_letter_lives_the_life_that_is_chosen_and_nothing_of_it_is_printed() {
    let tenant = Tenant::new();
    let (_, tester) = tenant.with_key(&json!({ "mode": "test" }));
    let path = tenant.upload("typst-2.0.pdf");
    let letters: Vec<Value> = (0..5).map(|number| letter(&format!("L{number:07}"), &path, 1)).collect();
    let create = |settings: Value| {
        let mut body = crate::support::batch_with(letters.len(), &letters);
        body.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
        let batch = text(&tester.call("batches.create", &[]).json(&body).read(202)["id"]);
        wait(|| tester.call("batches.get", &[("batchId", &batch)]).read(200), |seen| seen["state"] == "ready");
        batch
    };
    let plain = create(json!({}));
    let certified = create(json!({ "mailClass": "Certified", "electronicReturnReceipt": true }));
    let advance = |client: &tests::stack::Client, batch: &str, letter: usize, life: Value, status: u16| {
        let id = format!("{batch}.L{letter:07}");
        client.call("test.letters.advance", &[("letterId", &id)]).json(&life).read(status)
    };
    let lives =
        [("delivered", "Delivered"), ("returned", "Returned"), ("notMailable", "NotMailable"), ("lost", "InTransit")];
    for (number, (outcome, _)) in lives.iter().enumerate() {
        let told = advance(&tester, &plain, number, json!({ "outcome": outcome }), 202);
        assert_eq!(told["letterId"], format!("{plain}.L{number:07}"));
        assert!(text(&told["trackingCode"]).starts_with("00340000000"), "{told}");
    }
    advance(&tester, &certified, 0, json!({ "outcome": "certifiedSigned", "seconds": 4 }), 202);
    for (number, (_, end)) in lives.iter().enumerate() {
        let reference = format!("L{number:07}");
        let named = [("batchId", plain.as_str()), ("letterId", reference.as_str())];
        wait(|| tester.call("letters.get", &named).read(200), |state| state == end);
    }
    let named = [("batchId", certified.as_str()), ("letterId", "L0000000")];
    wait(|| tester.call("letters.get", &named).read(200), |state| state == "Delivered");
    let history = tester.call("letters.events", &named).read(200);
    let codes: Vec<&str> =
        history["items"].as_array().unwrap().iter().map(|item| item["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["MAILED", "03", "10", "OF", "01"]);
    assert_eq!(history["items"][4]["signature"], json!({ "signer": "TEST SIGNER" }));
    let signed = || tester.call("events.list", &[]).query("type", "letter.signed").read(200);
    let signed = wait(signed, |page| !page["items"].as_array().unwrap().is_empty());
    assert_eq!((&signed["items"][0]["batchId"], signed["items"].as_array().unwrap().len()), (&json!(certified), 1));
    assert!(!signed.to_string().contains("SIGNER"), "the name is in the history");
    let summary = tester.call("batches.tracking", &[("batchId", &plain)]).read(200);
    assert_eq!(summary["status"], "Mailed");
    let counts = &summary["letterSummary"];
    assert_eq!(
        ["dropped", "delivered", "returned", "notMailable", "inTransit"].map(|state| counts[state].as_u64()),
        [1; 5].map(Some)
    );

    advance(&tester, &plain, 0, json!({ "outcome": "certifiedSigned" }), 409);
    advance(&tester, &plain, 0, json!({ "outcome": "eaten", "seconds": 901 }), 422);
    advance(&tester, &plain, 9, json!({ "outcome": "lost" }), 404);
    advance(&tenant.client, &plain, 0, json!({ "outcome": "lost" }), 403);
    advance(&tenant.stack.other, &plain, 0, json!({ "outcome": "lost" }), 403);
}
