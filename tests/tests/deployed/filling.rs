//! `POST /v2/batches/{batchId}/letters`: every status of the contract, and that a request is all or nothing.

use std::collections::BTreeSet;
use std::thread;

use serde_json::{Value, json};
use tests::stack::gzip;

use crate::support::{Tenant, fault, faults, letter, new_batch, text, with};

/// A batch that waits for so many letters, and the path of a document for them.
fn open_batch(tenant: &Tenant, letter_count: usize) -> (String, String) {
    let path = tenant.upload("typst-2.0.pdf");
    (text(&tenant.client.call("batches.create", &[]).json(&new_batch(letter_count)).read(200)["id"]), path)
}

#[test]
fn letters_are_added_and_the_batch_is_ready_with_the_last() {
    let tenant = Tenant::new();
    let (id, path) = open_batch(&tenant, 3);
    let add = |body: Value| tenant.client.call("letters.add", &[("batchId", &id)]).gzip(&body).expect(204);
    add(json!([letter("L0000001", &path, 1), letter("a-b._~09", &path, 1)]));
    assert_eq!(tenant.get(&id)["letterCount"], 2);
    let one = json!([letter("L0000003", &path, 1)]);
    let answer = tenant.client.call("letters.add", &[("batchId", &id)]).json(&one).expect(204);
    assert!(answer.body.is_empty());
    let ready = tenant.wait_for(&id, "ready");
    assert_eq!((&ready["letterCount"], &ready["readyCount"]), (&json!(3), &json!(3)));
    assert!(ready["readyAt"].is_string());
    let references: BTreeSet<String> = tenant.letters(&id).iter().map(|letter| text(&letter["letterRefId"])).collect();
    assert_eq!(references, ["L0000001", "L0000003", "a-b._~09"].map(str::to_owned).into());
}

#[test]
fn letters_for_an_unknown_batch_are_404() {
    let tenant = Tenant::new();
    let body = json!([letter("L0000001", &tenant.path("a.pdf"), 1)]);
    tenant.client.call("letters.add", &[("batchId", "00000000")]).json(&body).expect(404);
}

#[test]
fn a_thousand_letters_are_added_at_once_and_one_more_is_413() {
    let tenant = Tenant::new();
    let (id, path) = open_batch(&tenant, 2_000);
    let letters: Vec<Value> = (0..1_001).map(|number| letter(&format!("L{number:07}"), &path, 1)).collect();
    let add = |body: &[Value]| tenant.client.call("letters.add", &[("batchId", &id)]).gzip(&body.into());
    assert_eq!(add(&letters).read(413)["code"], "letters.too_many");
    assert_eq!(tenant.get(&id)["letterCount"], 0);
    add(&letters[..1_000]).expect(204);
    assert_eq!(tenant.get(&id)["letterCount"], 1_000);
    tenant.client.call("batches.cancel", &[("batchId", &id)]).expect(204);
}

#[test]
fn letters_that_would_overfill_the_batch_are_409_and_none_is_added() {
    let tenant = Tenant::new();
    let (id, path) = open_batch(&tenant, 1);
    let add = |body: Value| tenant.client.call("letters.add", &[("batchId", &id)]).json(&body);
    let answer = add(json!([letter("L0000001", &path, 1), letter("L0000002", &path, 1)])).read(409);
    assert_eq!(answer["code"], "batch.overfilled");
    assert_eq!(tenant.letters(&id), Vec::<Value>::new());
    add(json!([letter("L0000001", &path, 1)])).expect(204);
}

#[test]
fn letters_whose_references_are_in_the_batch_are_409_and_named_and_none_is_added() {
    let tenant = Tenant::new();
    let (id, path) = open_batch(&tenant, 10);
    let add = |references: &[&str]| {
        let letters: Vec<Value> = references.iter().map(|reference| letter(reference, &path, 1)).collect();
        tenant.client.call("letters.add", &[("batchId", &id)]).json(&letters.into())
    };
    add(&["L0000032", "L0001024", "L0000001"]).expect(204);
    let answer = add(&["L0009999", "L0001024", "L0000032"]).read(409);
    assert_eq!(answer["message"], "One or more letter IDs conflict with existing letters in this batch");
    let named: BTreeSet<String> = answer["conflictingIds"].as_array().unwrap().iter().map(text).collect();
    assert_eq!(named, ["L0000032", "L0001024"].map(str::to_owned).into());
    assert_eq!(tenant.get(&id)["letterCount"], 3);
    add(&["L0009999"]).expect(204);
}

#[test]
fn letters_of_the_same_reference_are_422_and_named() {
    let tenant = Tenant::new();
    let (id, path) = open_batch(&tenant, 10);
    let letters: Vec<Value> =
        ["L0005959", "L0003210", "L0003210", "L0005959"].map(|reference| letter(reference, &path, 1)).into();
    let answer = tenant.client.call("letters.add", &[("batchId", &id)]).json(&letters.into()).read(422);
    assert_eq!(answer["message"], "One or more letter IDs are identical");
    assert_eq!(answer["duplicateIds"], json!(["L0003210", "L0005959"]));
}

#[test]
fn faults_are_listed_with_their_places_and_nothing_is_added() {
    let tenant = Tenant::new();
    let (id, path) = open_batch(&tenant, 10);
    let add = |body: Value| tenant.client.call("letters.add", &[("batchId", &id)]).json(&body).read(422);
    let broken = with(letter("L0000002", &path, 1), "postalCode", Value::Null);
    let answer = add(json!([letter("L0000001", &path, 1), broken]));
    assert_eq!(faults(&answer), [fault("/1/postalCode", "required")]);
    assert_eq!(faults(&add(json!([]))), [fault("", "required")]);
    assert_eq!(tenant.letters(&id), Vec::<Value>::new());
}

#[test]
fn a_body_that_does_not_read_is_400() {
    let tenant = Tenant::new();
    let (id, _) = open_batch(&tenant, 1);
    let add = |body: &str| text(&tenant.client.call("letters.add", &[("batchId", &id)]).bytes(body).read(400)["code"]);
    assert_eq!(add(""), "body.blank");
    assert_eq!(add("[{]"), "body.syntax");
    assert_eq!(add("{}"), "body.syntax");
    assert_eq!(add("[[\"L0000001\", \"Jane Roe\"]]"), "body.syntax", "a letter is an object");
    let mut broken = gzip(b"[]");
    broken.truncate(9);
    let call = tenant.client.call("letters.add", &[("batchId", &id)]).bytes(broken).header("content-encoding", "gzip");
    assert_eq!(call.read(400)["code"], "body.gzip");
}

#[test]
fn of_concurrent_adders_of_the_same_references_one_wins() {
    let tenant = Tenant::new();
    let (id, path) = open_batch(&tenant, 20);
    let letters: Vec<Value> = (0..10).map(|number| letter(&format!("L{number:07}"), &path, 1)).collect();
    let body = Value::from(letters);
    let client = &tenant.client;
    let added = thread::scope(|scope| {
        let adders: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    thread::park_timeout(std::time::Duration::from_millis(1));
                    // Whoever loses is told of a conflict, or that there is no room while the others are at it.
                    client.call("letters.add", &[("batchId", &id)]).json(&body).either(&[204, 409]).status
                })
            })
            .collect();
        adders.into_iter().map(|adder| adder.join().unwrap()).filter(|status| *status == 204).count()
    });
    assert_eq!(added, 1);
    assert_eq!(tenant.get(&id)["letterCount"], 10);
    assert_eq!(tenant.letters(&id).len(), 10);
}

#[test]
fn a_canceled_batch_takes_no_letters() {
    let tenant = Tenant::new();
    let (id, path) = open_batch(&tenant, 1);
    for _ in 0..2 {
        tenant.client.call("batches.cancel", &[("batchId", &id)]).expect(204);
    }
    let body = json!([letter("L0000001", &path, 1)]);
    let answer = tenant.client.call("letters.add", &[("batchId", &id)]).json(&body).read(409);
    assert_eq!(answer["code"], "batch.closed");
    assert_eq!(tenant.get(&id)["state"], "canceled");
}
