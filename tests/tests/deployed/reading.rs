//! `GET /v2/batches/{batchId}` and what lies under it: who sees what.

use serde_json::json;

use crate::support::{Tenant, letter, new_batch, text};

#[test]
fn a_batch_of_another_account_is_not_found_by_any_operation() {
    let tenant = Tenant::new();
    let path = tenant.upload("typst-2.0.pdf");
    let id = tenant.batch_in("ready", &json!({}), &[letter("L0000001", &path, 1)]);
    let batch = [("batchId", id.as_str())];
    let both = [("batchId", id.as_str()), ("letterId", "L0000001")];
    let other = &tenant.stack.other;
    let body = letter("L0000001", &path, 1);
    for answer in [
        other.call("batches.get", &batch).read(404),
        other.call("batches.tracking", &batch).read(404),
        other.call("batches.cancel", &batch).read(404),
        other.call("letters.list", &batch).read(404),
        other.call("letters.add", &batch).json(&json!([body])).read(404),
        other.call("letters.get", &both).read(404),
        other.call("letters.events", &both).read(404),
        other.call("letters.replace", &both).json(&body).read(404),
        other.call("letters.withdraw", &both).read(404),
        other.call("letters.retry", &both).read(404),
    ] {
        assert_eq!(answer["message"], "There is no such batch.");
    }
    assert_eq!(tenant.get(&id)["state"], "ready");
}

#[test]
fn an_id_that_nobody_has_or_could_have_is_not_found() {
    let tenant = Tenant::new();
    for id in ["00000000", "nonsense", "ABCD-1234", "bat_ABCD1234", "0", "%00", "ÄÖÜ"] {
        tenant.client.call("batches.get", &[("batchId", id)]).expect(404);
        tenant.client.call("batches.tracking", &[("batchId", id)]).expect(404);
    }
}

#[test]
fn a_letter_that_is_not_mailed_has_no_postal_state_and_an_unknown_one_is_not_found() {
    let tenant = Tenant::new();
    let path = tenant.upload("typst-2.0.pdf");
    let id = tenant.batch_in("ready", &json!({}), &[letter("L0000001", &path, 1)]);
    let get = |reference: &str| {
        let path = [("batchId", id.as_str()), ("letterId", reference)];
        text(&tenant.client.call("letters.get", &path).read(404)["code"])
    };
    assert_eq!(get("L0000001"), "not_mailed");
    assert_eq!(get("L0000002"), "not_found");
    assert_eq!(get("nonsense that is too long"), "not_found");
}

#[test]
fn tracking_tells_the_contracts_word_and_the_exact_state() {
    let tenant = Tenant::new();
    let waiting = text(&tenant.client.call("batches.create", &[]).json(&new_batch(1)).read(200)["id"]);
    let ready = tenant.ready_batch(&json!({}));
    let nothing = json!({
        "dropped": 0, "accepted": 0, "notMailable": 0, "inTransit": 0, "cannotReturnToSender": 0,
        "awaitingReturn": 0, "returned": 0, "delivered": 0, "other": 0,
    });
    for (id, state) in [(&waiting, "notReady"), (&ready, "ready")] {
        assert_eq!(tenant.tracking(id), json!({ "status": "NotReady", "state": state, "letterSummary": nothing }));
    }
    tenant.client.call("batches.cancel", &[("batchId", &ready)]).expect(204);
    assert_eq!(tenant.tracking(&ready)["status"], "NotReady");
    assert_eq!(tenant.tracking(&ready)["state"], "canceled");
}

#[test]
fn a_request_id_is_in_the_error_and_its_header() {
    let tenant = Tenant::new();
    let answer = tenant.client.call("batches.get", &[("batchId", "00000000")]).expect(404);
    let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(answer.header("x-request-id"), body["requestId"].as_str());
}

#[test]
fn an_answer_tells_how_many_requests_are_left() {
    let tenant = Tenant::new();
    // A request that cannot be counted in time is served without, as happens on a busy machine.
    let told = (0..10).any(|_| {
        let answer = tenant.client.call("batches.list", &[]).expect(200);
        ["ratelimit-policy", "ratelimit"].into_iter().all(|name| answer.header(name).is_some())
    });
    assert!(told);
}
