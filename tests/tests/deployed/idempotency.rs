//! `Idempotency-Key`: a POST that comes again is answered as it was the first time.

use serde_json::json;
use tests::openapi::Description;

use crate::support::{Tenant, letter, new_batch, text, unique, with};

#[test]
fn the_same_request_is_answered_the_same_and_done_once() {
    let tenant = Tenant::new();
    let key = unique();
    let create = || tenant.client.call("batches.create", &[]).idempotent(&key).json(&new_batch(5)).expect(200);
    let (first, again) = (create(), create());
    assert_eq!(first.header("idempotent-replayed"), None);
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(first.body, again.body);
    assert_eq!(first.header("location"), again.header("location"));
    let listed = tenant.client.call("batches.list", &[]).read(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
}

#[test]
fn the_same_body_compressed_is_the_same_request() {
    let tenant = Tenant::new();
    let key = unique();
    let first = tenant.client.call("batches.create", &[]).idempotent(&key).json(&new_batch(5)).read(200);
    let again = tenant.client.call("batches.create", &[]).idempotent(&key).gzip(&new_batch(5)).read(200);
    assert_eq!(first, again);
}

#[test]
fn a_key_that_was_used_for_another_request_is_422() {
    let tenant = Tenant::new();
    let key = unique();
    let batch = tenant.client.call("batches.create", &[]).idempotent(&key).json(&new_batch(5)).read(200);
    let other = tenant.client.call("batches.create", &[]).idempotent(&key).json(&new_batch(6)).read(422);
    assert_eq!(other["code"], "idempotency_key.reused");
    let id = text(&batch["id"]);
    let retry = tenant.client.call("letters.retry", &[("batchId", &id), ("letterId", "L0000001")]);
    assert_eq!(retry.idempotent(&key).read(422)["code"], "idempotency_key.reused");
}

#[test]
fn every_post_looks_whether_its_key_was_used_for_another_request() {
    let tenant = Tenant::new();
    let key = unique();
    let (_, of_tests) = tenant.with_key(&json!({ "mode": "test" }));
    for client in [&tenant.client, &of_tests] {
        client.call("batches.create", &[]).idempotent(&key).json(&new_batch(5)).expect(200);
    }
    let account = json!({ "name": format!("Test {key}") });
    tenant.stack.operator.call("operator.accounts.create", &[]).idempotent(&key).json(&account).expect(201);
    let mut asked = 0;
    for operation in Description::get().operations() {
        // Whoever pushes scans has no key, and what comes again is the same file.
        let Some(scope) = operation.scope.as_deref().filter(|_| operation.method == "POST") else { continue };
        let id = operation.id.as_str();
        let client = match scope {
            "operator" => &tenant.stack.operator,
            _ if id.starts_with("test.") => &of_tests,
            _ => &tenant.client,
        };
        let nothing = json!({ "of": id });
        let named = operation.path.split('{').skip(1).filter_map(|part| part.split_once('}'));
        let named: Vec<(&str, &str)> = named.map(|(name, _)| (name, "none")).collect();
        let refused = client.call(id, &named).idempotent(&key).json(&nothing).read(422);
        assert_eq!(refused["code"], "idempotency_key.reused", "{id}: {refused}");
        asked += 1;
    }
    assert!(asked > 20, "only {asked} operations were asked");
}

#[test]
fn keys_of_different_accounts_and_modes_do_not_meet() {
    let tenant = Tenant::new();
    let key = unique();
    let (_, test) = tenant.with_key(&json!({ "mode": "test" }));
    let ids = [&tenant.client, &test, &tenant.stack.other]
        .map(|client| text(&client.call("batches.create", &[]).idempotent(&key).json(&new_batch(5)).read(200)["id"]));
    assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2], "{ids:?}");
}

#[test]
fn a_request_that_was_refused_may_be_corrected_under_its_key() {
    let tenant = Tenant::new();
    let key = unique();
    let create = |body| tenant.client.call("batches.create", &[]).idempotent(&key).json(&body);
    create(with(new_batch(1), "letterCount", 0)).expect(422);
    create(new_batch(1)).expect(200);
}

#[test]
fn an_adder_who_repeats_is_not_told_of_a_conflict_with_itself() {
    let tenant = Tenant::new();
    let path = tenant.upload("typst-2.0.pdf");
    let id = text(&tenant.client.call("batches.create", &[]).json(&new_batch(5)).read(200)["id"]);
    let key = unique();
    let body = json!([letter("L0000001", &path, 1)]);
    let add = || tenant.client.call("letters.add", &[("batchId", &id)]).json(&body);
    add().idempotent(&key).expect(204);
    let again = add().idempotent(&key).expect(204);
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(add().read(409)["code"], "letters.conflict");
    assert_eq!(tenant.get(&id)["letterCount"], 1);
}

#[test]
fn a_key_that_cannot_be_one_is_400() {
    let tenant = Tenant::new();
    for key in ["with a space", &"k".repeat(256)] {
        let answer = tenant.client.call("batches.create", &[]).idempotent(key).json(&new_batch(1)).read(400);
        assert_eq!(answer["code"], "idempotency_key.invalid");
    }
}
