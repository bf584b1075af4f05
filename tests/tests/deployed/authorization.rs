//! Who may come in, and what they may do.

use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::json;
use tests::openapi::Description;

use crate::support::{Tenant, new_batch, text};

#[test]
fn health_needs_no_key() {
    let tenant = Tenant::new();
    assert_eq!(tenant.stack.nobody.call("health.get", &[]).read(200), json!({ "status": "ok" }));
    assert_eq!(tenant.client.call("health.get", &[]).read(200), json!({ "status": "ok" }));
}

#[test]
fn the_documentation_is_a_page_for_anybody_that_has_the_contract_in_it() {
    let tenant = Tenant::new();
    let page = tenant.stack.nobody.call("docs.get", &[]).expect(200);
    assert!(page.header("content-security-policy").unwrap_or_default().starts_with("default-src 'none'"));
    assert!(page.text().starts_with("<!DOCTYPE html>"));
    assert!(page.text().contains(r#""operationId":"docs.get""#));
}

#[test]
fn every_other_operation_needs_a_valid_key() {
    let tenant = Tenant::new();
    let parameters = [
        ("batchId", "00000000"),
        ("letterId", "L0000001"),
        ("jobId", "job_0"),
        ("accountId", "acct_0"),
        ("keyId", "key_0"),
        ("locationId", "loc_0"),
    ];
    let never_issued = format!("mh_live_{}", "0".repeat(32));
    for operation in Description::get().operations().iter().filter(|operation| operation.scope.is_some()) {
        tenant.stack.nobody.call(&operation.id, &parameters).expect(401);
        tenant.stack.nobody.with_key("garbage").call(&operation.id, &parameters).expect(401);
        tenant.stack.nobody.with_key(&never_issued).call(&operation.id, &parameters).expect(401);
    }
}

#[test]
fn a_credential_of_another_scheme_is_401() {
    let tenant = Tenant::new();
    for header in ["Basic bWg6bWg=", "Bearer", "Bearer  ", "mh_live_00000000000000000000000000000000"] {
        tenant.stack.nobody.call("batches.list", &[]).header("authorization", header).expect(401);
    }
}

#[test]
fn a_clients_key_may_run_nothing_on_the_print_floor() {
    let tenant = Tenant::new();
    let parameters =
        [("jobId", "job_0"), ("accountId", tenant.account.as_str()), ("keyId", "key_0"), ("locationId", "loc_0")];
    let operations = Description::get().operations();
    let operator = operations.iter().filter(|operation| operation.scope.as_deref() == Some("operator"));
    for operation in operator {
        let answer = tenant.client.call(&operation.id, &parameters).read(403);
        assert_eq!(answer["code"], "forbidden", "{}", operation.id);
    }
}

#[test]
fn a_key_may_do_what_its_scopes_say_and_no_more() {
    let tenant = Tenant::new();
    let (_, reader) = tenant.with_key(&json!({ "mode": "live", "scopes": ["mail:read"] }));
    let (_, writer) = tenant.with_key(&json!({ "mode": "live", "scopes": ["mail:write"] }));
    reader.call("batches.list", &[]).expect(200);
    let refusal = reader.call("batches.create", &[]).json(&new_batch(1)).read(403);
    assert!(text(&refusal["message"]).contains("mail:write"), "{refusal}");
    let id = text(&writer.call("batches.create", &[]).json(&new_batch(1)).read(200)["id"]);
    writer.call("batches.get", &[("batchId", &id)]).expect(403);
    reader.call("batches.get", &[("batchId", &id)]).expect(200);
    reader.call("batches.cancel", &[("batchId", &id)]).expect(403);
}

#[test]
fn a_revoked_key_opens_nothing() {
    let tenant = Tenant::new();
    let (id, client) = tenant.with_key(&json!({ "mode": "live" }));
    client.call("batches.list", &[]).expect(200);
    let path = [("accountId", tenant.account.as_str()), ("keyId", id.as_str())];
    for _ in 0..2 {
        tenant.stack.operator.call("operator.keys.revoke", &path).expect(204);
    }
    // The gateway may remember the authorizer's answer for up to a minute.
    let started = Instant::now();
    while client.call("batches.list", &[]).either(&[200, 401]).status == 200 {
        assert!(started.elapsed() < Duration::from_secs(75), "the key still opens the door");
        sleep(Duration::from_millis(500));
    }
    tenant.client.call("batches.list", &[]).expect(200);
    let keys = tenant.stack.operator.call("operator.keys.list", &path[..1]).read(200);
    let revoked = keys["items"].as_array().unwrap().iter().find(|key| key["id"] == id.as_str()).unwrap().clone();
    assert!(revoked["revokedAt"].is_string());
}

#[test]
fn a_test_key_sees_test_data_alone_and_a_live_key_live_data() {
    let tenant = Tenant::new();
    let (_, test) = tenant.with_key(&json!({ "mode": "test" }));
    let made = [&tenant.client, &test]
        .map(|client| text(&client.call("batches.create", &[]).json(&new_batch(1)).read(200)["id"]));
    test.call("batches.get", &[("batchId", &made[0])]).expect(404);
    tenant.client.call("batches.get", &[("batchId", &made[1])]).expect(404);
    for (client, id, mode) in [(&tenant.client, &made[0], "live"), (&test, &made[1], "test")] {
        let listed = client.call("batches.list", &[]).read(200);
        let items = listed["items"].as_array().unwrap();
        assert_eq!(items.len(), 1);
        assert_eq!((&items[0]["id"], &items[0]["mode"]), (&json!(id), &json!(mode)));
    }
}
