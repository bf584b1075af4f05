//! Changing letters before they are printed: replacing, withdrawing, and what is too late.

use serde_json::{Value, json};

use crate::support::{Tenant, fault, faults, letter, with};

#[test]
fn a_replaced_letter_is_inspected_again_and_the_batch_is_ready_again() {
    let tenant = Tenant::new();
    let (one, three) = (tenant.upload("typst-2.0.pdf"), tenant.upload("reportlab-odd.pdf"));
    let id = tenant.batch_in("ready", &json!({}), &[letter("L0000001", &one, 1), letter("L0000002", &one, 1)]);
    let path = [("batchId", id.as_str()), ("letterId", "L0000002")];
    let changed = with(letter("L0000002", &three, 3), "name1", "Richard Roe");
    tenant.client.call("letters.replace", &path).json(&changed).expect(204);
    tenant.wait_for(&id, "ready");
    let letters = tenant.letters(&id);
    let letter = letters.iter().find(|letter| letter["letterRefId"] == "L0000002").unwrap();
    for name in
        ["name1", "address1", "city", "state", "postalCode", "country", "originalDocumentPath", "impressionCount"]
    {
        assert_eq!(letter[name], changed[name], "{name}");
    }
    assert_eq!(letter["productionState"], "ready");
}

#[test]
fn a_replacement_that_cannot_be_is_refused() {
    let tenant = Tenant::new();
    let path = tenant.upload("typst-2.0.pdf");
    let id = tenant.batch_in("ready", &json!({}), &[letter("L0000001", &path, 1)]);
    let replace = |reference: &str| tenant.client.call("letters.replace", &[("batchId", &id), ("letterId", reference)]);
    let refused = |body: Value| faults(&replace("L0000001").json(&body).read(422));
    assert_eq!(refused(letter("L0000002", &path, 1)), [fault("/letterRefId", "letter_ref_id.path")]);
    let broken = with(with(letter("L0000001", &path, 1), "postalCode", "1"), "name1", Value::Null);
    assert_eq!(refused(broken), [fault("/name1", "required"), fault("/postalCode", "postal_code.format")]);
    assert_eq!(replace("L0000001").bytes("[").read(400)["code"], "body.syntax");
    assert_eq!(replace("L0000001").bytes("").read(400)["code"], "body.blank");
    replace("L0000009").json(&letter("L0000009", &path, 1)).expect(404);
    assert_eq!(tenant.get(&id)["state"], "ready");
}

#[test]
fn a_withdrawn_letter_lowers_what_the_batch_waits_for() {
    let tenant = Tenant::new();
    let good = tenant.upload("typst-2.0.pdf");
    let letters = [letter("L0000001", &good, 1), letter("L0000002", &tenant.path("missing.pdf"), 1)];
    let id = tenant.batch_in("notReady", &json!({}), &letters);
    let withdraw =
        |reference: &str| tenant.client.call("letters.withdraw", &[("batchId", &id), ("letterId", reference)]);
    withdraw("L0000002").expect(204);
    let ready = tenant.wait_for(&id, "ready");
    let counts =
        ["letterCount", "expectedLetterCount", "readyCount", "issueCount"].map(|name| ready[name].as_i64().unwrap());
    assert_eq!(counts, [1, 1, 1, 0]);
    withdraw("L0000002").expect(204);
    assert_eq!(tenant.get(&id)["expectedLetterCount"], 1, "withdrawn twice is withdrawn once");
    assert_eq!(withdraw("L0000001").read(409)["code"], "letter.last");
    withdraw("L0000003").expect(404);
    let letters = tenant.letters(&id);
    let gone = letters.iter().find(|letter| letter["letterRefId"] == "L0000002").unwrap();
    assert_eq!(gone["productionState"], "canceled");
    let path = [("batchId", id.as_str()), ("letterId", "L0000002")];
    assert_eq!(tenant.client.call("letters.retry", &path).read(409)["code"], "letter.state");
    let body = letter("L0000002", &good, 1);
    assert_eq!(tenant.client.call("letters.replace", &path).json(&body).read(409)["code"], "letter.state");
}

#[test]
fn once_the_batch_is_printed_nothing_of_it_can_be_changed() {
    let tenant = Tenant::new();
    let path = tenant.upload("typst-2.0.pdf");
    let id = tenant.batch_in("ready", &json!({}), &[letter("L0000001", &path, 1), letter("L0000002", &path, 1)]);
    tenant.stack.operator.call("operator.jobs.create", &[]).json(&json!({ "batchIds": [id] })).expect(202);
    let batch = [("batchId", id.as_str())];
    let both = [("batchId", id.as_str()), ("letterId", "L0000001")];
    let one = letter("L0000001", &path, 1);
    for answer in [
        tenant.client.call("batches.cancel", &batch).read(409),
        tenant.client.call("letters.add", &batch).json(&json!([letter("L0000003", &path, 1)])).read(409),
        tenant.client.call("letters.replace", &both).json(&one).read(409),
        tenant.client.call("letters.withdraw", &both).read(409),
        tenant.client.call("letters.retry", &both).read(409),
    ] {
        assert_eq!(answer["code"], "batch.closed", "{answer}");
    }
    assert_eq!(tenant.tracking(&id)["status"], "Printing");
    assert!(tenant.letters(&id).iter().all(|letter| letter["productionState"] == "inProduction"));
}
