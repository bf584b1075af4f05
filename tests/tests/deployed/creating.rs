//! `POST /v2/batches`: every status of the contract, and what is decided where the contract leaves it open.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::stack::gzip;

use crate::support::{Tenant, batch_with, fault, faults, letter, new_batch, text, with};

#[test]
fn a_batch_without_letters_is_created_at_once() {
    let tenant = Tenant::new();
    let answer = tenant.client.call("batches.create", &[]).json(&new_batch(765)).expect(200);
    let batch: Value = serde_json::from_slice(&answer.body).unwrap();
    let id = text(&batch["id"]);
    assert_eq!(answer.header("location"), Some(format!("/v2/batches/{id}").as_str()));
    let contract = json!({
        "id": id,
        "mailClass": "FirstClass",
        "electronicReturnReceipt": false,
        "usePerforatedPaper": false,
        "targetMailDate": "2099-05-10",
        "letterCount": 0,
        "expectedLetterCount": 765,
    });
    for (name, value) in contract.as_object().unwrap() {
        assert_eq!(&batch[name], value, "{name}");
    }
    assert_eq!(batch["state"], "notReady");
    assert_eq!(tenant.get(&id), batch);
    assert_eq!(tenant.tracking(&id)["status"], "NotReady");
}

#[test]
fn an_empty_list_of_letters_is_none() {
    let tenant = Tenant::new();
    tenant.client.call("batches.create", &[]).json(&batch_with(3, &[])).expect(200);
}

#[test]
fn a_batch_with_letters_is_accepted_and_filled_after_the_answer() {
    let tenant = Tenant::new();
    let path = tenant.upload("typst-2.0.pdf");
    let letters = [letter("L0000001", &path, 1), letter("L0000002", &path, 1)];
    let answer = tenant.client.call("batches.create", &[]).gzip(&batch_with(3, &letters)).expect(202);
    let batch: Value = serde_json::from_slice(&answer.body).unwrap();
    let id = text(&batch["id"]);
    assert_eq!(answer.header("location"), Some(format!("/v2/batches/{id}").as_str()));
    assert_eq!((&batch["letterCount"], &batch["expectedLetterCount"]), (&json!(0), &json!(3)));
    assert_eq!(batch["state"], "initializing");
    let filled = tenant.wait_for(&id, "notReady");
    assert_eq!(filled["letterCount"], 2, "it has fewer letters than it waits for");
}

#[test]
fn a_blank_body_is_400() {
    let tenant = Tenant::new();
    for body in ["", " \n"] {
        let call = tenant.client.call("batches.create", &[]);
        assert_eq!(call.bytes(body).read(400)["code"], "body.blank", "{body:?}");
    }
    let call = tenant.client.call("batches.create", &[]).bytes(gzip(b"")).header("content-encoding", "gzip");
    assert_eq!(call.read(400)["code"], "body.blank");
}

#[test]
fn a_body_that_is_not_json_is_400_with_line_and_column_and_without_its_text() {
    let tenant = Tenant::new();
    let answer = tenant.client.call("batches.create", &[]).bytes("{\"mailClass\":\n \"Secret\" oops}").read(400);
    assert_eq!(answer["code"], "body.syntax");
    let message = text(&answer["message"]);
    assert!(message.contains("line 2, column 11"), "{message}");
    assert!(!message.contains("Secret") && !message.contains("oops"), "{message}");
}

#[test]
fn json_that_nests_too_deep_or_is_no_object_is_400() {
    let tenant = Tenant::new();
    let deep = |name: &str| format!("{{\"{name}\": {}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    for body in [&deep("letters"), &deep("returnAddress"), &deep("unknown"), "[]", "\"FirstClass\"", "7"] {
        let call = tenant.client.call("batches.create", &[]).bytes(body);
        assert_eq!(call.read(400)["code"], "body.syntax", "{body:.20}");
    }
}

#[test]
fn an_unknown_word_in_an_enumeration_is_400() {
    let tenant = Tenant::new();
    for class in ["Standard", "firstclass", ""] {
        let body = with(new_batch(1), "mailClass", class);
        assert_eq!(tenant.refuse(400, &body), [fault("/mailClass", "enum")], "{class:?}");
    }
}

#[test]
fn a_body_that_names_the_id_is_403() {
    let tenant = Tenant::new();
    let answer = tenant.client.call("batches.create", &[]).json(&with(new_batch(1), "id", "ABCD1234")).read(403);
    assert_eq!(answer["code"], "id.generated");
}

#[test]
fn every_missing_field_is_listed() {
    let tenant = Tenant::new();
    let required = [
        "mailClass",
        "electronicReturnReceipt",
        "usePerforatedPaper",
        "targetMailDate",
        "letterCount",
        "returnAddress",
    ];
    let expected: Vec<_> = required.iter().map(|name| fault(&format!("/{name}"), "required")).collect();
    assert_eq!(tenant.refuse(422, &json!({})), expected);
}

#[test]
fn every_fault_of_every_letter_is_listed_with_its_place() {
    let tenant = Tenant::new();
    let path = tenant.path("a.pdf");
    let letters = [
        letter("L0000001", &path, 1),
        with(letter("L000002", &path, 1), "postalCode", Value::Null),
        with(with(letter("L0000003", "https://example.com/a.pdf", 0), "name1", " "), "country", "Atlantis"),
    ];
    assert_eq!(
        tenant.refuse(422, &with(batch_with(3, &letters), "letterCount", "three")),
        [
            fault("/letterCount", "type"),
            fault("/letters/1/letterRefId", "letter_ref_id"),
            fault("/letters/1/postalCode", "required"),
            fault("/letters/2/name1", "required"),
            fault("/letters/2/country", "country.unknown"),
            fault("/letters/2/originalDocumentPath", "s3_path"),
            fault("/letters/2/impressionCount", "range"),
        ]
    );
}

#[test]
fn no_more_than_a_thousand_faults_are_listed_and_the_answer_says_so() {
    let tenant = Tenant::new();
    let letters: Vec<Value> =
        (0..1_001).map(|_| with(letter("L0000001", &tenant.path("a.pdf"), 1), "name1", "")).collect();
    let answer = tenant.client.call("batches.create", &[]).gzip(&batch_with(1_001, &letters)).read(422);
    assert_eq!(answer["errors"].as_array().unwrap().len(), 1_000);
    let message = text(&answer["message"]);
    assert!(message.contains("1001 faults") && message.contains("first 1000"), "{message}");
}

#[test]
fn what_is_wrong_with_one_field_is_said_of_that_field() {
    let tenant = Tenant::new();
    for (name, value, pointer, rule) in [
        ("letterCount", json!(0), "/letterCount", "range"),
        ("letterCount", json!(1_000_001), "/letterCount", "range"),
        ("letterCount", json!(1.5), "/letterCount", "range"),
        ("targetMailDate", json!("05/10/2099"), "/targetMailDate", "date"),
        ("returnAddress", json!("PO Box 52138, New Orleans LA 70153"), "/returnAddress", "return_address.lines"),
        ("returnAddress", json!("1\n2\n3\n4\n5\n6"), "/returnAddress", "return_address.lines"),
        ("returnAddress", json!("Straße 1\n東京"), "/returnAddress", "line.unprintable"),
        ("usePerforatedPaper", json!("yes"), "/usePerforatedPaper", "type"),
    ] {
        let body = with(new_batch(1), name, value.clone());
        assert_eq!(tenant.refuse(422, &body), [fault(pointer, rule)], "{name}: {value}");
    }
}

#[test]
fn certified_mail_needs_the_electronic_return_receipt() {
    let tenant = Tenant::new();
    let certified = with(new_batch(1), "mailClass", "Certified");
    assert_eq!(tenant.refuse(422, &certified), [fault("/electronicReturnReceipt", "certified.receipt")]);
    let receipt = with(certified, "electronicReturnReceipt", true);
    let batch = tenant.client.call("batches.create", &[]).json(&receipt).read(200);
    assert_eq!((&batch["mailClass"], &batch["electronicReturnReceipt"]), (&json!("Certified"), &json!(true)));
}

#[test]
fn a_return_address_may_be_divided_by_the_two_characters_of_the_example() {
    let tenant = Tenant::new();
    let body = with(new_batch(1_000_000), "returnAddress", "PO Box 52138\\nNew Orleans LA 70153");
    let batch = tenant.client.call("batches.create", &[]).json(&body).read(200);
    assert_eq!(batch["returnAddress"], "PO Box 52138\nNew Orleans LA 70153");
    assert_eq!(batch["expectedLetterCount"], 1_000_000);
}

#[test]
fn a_date_that_has_passed_is_taken_with_a_warning_and_its_time_is_ignored() {
    let tenant = Tenant::new();
    let body = with(new_batch(1), "targetMailDate", "2019-05-10T23:30:00-05:00");
    let batch = tenant.client.call("batches.create", &[]).json(&body).read(200);
    assert_eq!(batch["targetMailDate"], "2019-05-10");
    assert_eq!(batch["warnings"][0]["code"], "target_mail_date.overdue");
    let future = tenant.client.call("batches.create", &[]).json(&new_batch(1)).read(200);
    assert!(future["warnings"].is_null());
}

#[test]
fn what_cannot_be_mailed_or_printed_is_refused_at_its_field() {
    let tenant = Tenant::new();
    let path = tenant.path("a.pdf");
    let elsewhere = tenant.stack.documents.clone() + "/not-ours.pdf";
    for (name, value, field, rule) in [
        ("postalCode", json!(null), "postalCode", "required"),
        ("postalCode", json!("7011"), "postalCode", "postal_code.format"),
        ("postalCode", json!("00012"), "postalCode", "postal_code.unassigned"),
        ("state", json!("ZZ"), "state", "state.unknown"),
        ("city", json!(""), "city", "required"),
        ("country", json!("Atlantis"), "country", "country.unknown"),
        ("country", json!(null), "country", "required"),
        ("address1", json!(null), "address1", "required"),
        ("name1", json!("W".repeat(100)), "name1", "line.unprintable"),
        ("name2", json!("東京"), "name2", "line.unprintable"),
        ("originalDocumentPath", json!(elsewhere), "originalDocumentPath", "location.unregistered"),
        ("originalDocumentPath", json!("s3://another-bucket/a.pdf"), "originalDocumentPath", "location.unregistered"),
        ("originalDocumentPath", json!("a.pdf"), "originalDocumentPath", "s3_path"),
        ("impressionCount", json!(121), "impressionCount", "range"),
        ("letterRefId", json!("L00000001"), "letterRefId", "letter_ref_id"),
    ] {
        let body = batch_with(1, &[with(letter("L0000001", &path, 1), name, value.clone())]);
        assert_eq!(tenant.refuse(422, &body), [fault(&format!("/letters/0/{field}"), rule)], "{name}: {value}");
    }
}

#[test]
fn more_letters_than_the_batch_waits_for_is_422() {
    let tenant = Tenant::new();
    let letters = [letter("L0000001", &tenant.path("a.pdf"), 1), letter("L0000002", &tenant.path("a.pdf"), 1)];
    assert_eq!(tenant.refuse(422, &batch_with(1, &letters)), [fault("/letters", "letters.overfill")]);
}

#[test]
fn letters_of_the_same_reference_are_422_and_named() {
    let tenant = Tenant::new();
    let letters: Vec<Value> = ["L0003210", "L0005959", "L0003210", "L0005959", "L0005959", "L0000001"]
        .map(|reference| letter(reference, &tenant.path("a.pdf"), 1))
        .into();
    let answer = tenant.client.call("batches.create", &[]).json(&batch_with(6, &letters)).read(422);
    assert_eq!(answer["message"], "One or more letter IDs are identical");
    assert_eq!(answer["duplicateIds"], json!(["L0003210", "L0005959"]));
}

#[test]
fn an_address_abroad_needs_neither_city_nor_state_nor_postal_code() {
    let tenant = Tenant::new();
    let path = tenant.upload("typst-2.0.pdf");
    let mut abroad = letter("L0000001", &path, 1);
    for name in ["city", "state", "postalCode"] {
        abroad = with(abroad, name, Value::Null);
    }
    let other_state = with(letter("L0000002", &path, 1), "postalCode", "10007");
    let id = tenant.batch_in("ready", &json!({}), &[with(abroad, "country", "germany"), other_state]);
    let letters = tenant.letters(&id);
    let find = |reference: &str| letters.iter().find(|letter| letter["letterRefId"] == reference).unwrap();
    assert_eq!(text(&find("L0000001")["country"]).len(), 2, "the country is normalized: {}", find("L0000001"));
    assert_eq!(find("L0000002")["warnings"][0]["code"], "postal_code.other_state");
    assert_eq!(find("L0000002")["state"], "LA");
}

#[test]
fn broken_gzip_is_400_and_another_encoding_415() {
    let tenant = Tenant::new();
    let mut broken = gzip(new_batch(1).to_string().as_bytes());
    broken.truncate(broken.len() - 12);
    let call = tenant.client.call("batches.create", &[]).bytes(broken).header("content-encoding", "gzip");
    assert_eq!(call.read(400)["code"], "body.gzip");
    let call = tenant.client.call("batches.create", &[]).json(&new_batch(1)).header("content-encoding", "gzip");
    assert_eq!(call.read(400)["code"], "body.gzip");
    let call = tenant.client.call("batches.create", &[]).json(&new_batch(1)).header("content-encoding", "br");
    assert_eq!(call.read(415)["code"], "body.encoding");
}

#[test]
fn a_body_that_unpacks_to_too_much_is_413() {
    let tenant = Tenant::new();
    let bomb = gzip(&vec![b' '; (64 << 20) + 1]);
    let call = tenant.client.call("batches.create", &[]).bytes(bomb).header("content-encoding", "gzip");
    assert_eq!(call.read(413)["code"], "body.too_large");
}

#[test]
fn fifty_thousand_letters_in_one_gzip_body_are_accepted() {
    let tenant = Tenant::new();
    let path = tenant.upload("typst-2.0.pdf");
    let letters: Vec<Value> = (0..50_000).map(|number| letter(&format!("L{number:07}"), &path, 1)).collect();
    let body = gzip(batch_with(50_000, &letters).to_string().as_bytes());
    assert!(body.len() < 4 << 20, "{} bytes, and as base64 they must be under 6 MB", body.len());
    let started = Instant::now();
    let call = tenant.client.call("batches.create", &[]).bytes(body).header("content-encoding", "gzip");
    let id = text(&call.read(202)["id"]);
    // Canceled at once, so that nobody inspects 50,000 letters here.
    tenant.client.call("batches.cancel", &[("batchId", &id)]).expect(204);
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    assert_eq!(tenant.get(&id)["state"], "canceled");
    // What was under way for them does not keep others waiting.
    tenant.ready_batch(&json!({}));
}

#[test]
fn faults_are_told_in_sentences_that_repeat_nothing_personal() {
    let tenant = Tenant::new();
    let body = batch_with(1, &[with(letter("L0000001", &tenant.path("a.pdf"), 1), "name1", "Jane Q. Secret 東京")]);
    let answer = tenant.client.call("batches.create", &[]).json(&body).read(422);
    assert_eq!(faults(&answer), [fault("/letters/0/name1", "line.unprintable")]);
    assert!(!answer.to_string().contains("Secret"), "{answer}");
}
