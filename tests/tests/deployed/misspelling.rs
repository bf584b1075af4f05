//! What nobody reads of a body is refused at its place, by every operation that takes one, and described so.

use serde_json::json;
use tests::openapi::Description;

use crate::support::{Tenant, text};

/// What takes what it does not know: the contract of the batches has it so, and what the postal service pushes is kept as it comes.
const OPEN: [&str; 4] = ["batches.create", "letters.add", "letters.replace", "scans.push"];

#[test]
fn a_member_that_nobody_reads_is_refused_wherever_something_is_asked_for() {
    let tenant = Tenant::new();
    let template = json!({ "name": "Reminder", "html": "<p>Dear reader," });
    let template = text(&tenant.client.call("templates.create", &[]).json(&template).read(201)["id"]);
    let webhook = json!({ "url": "http://127.0.0.1:9/" });
    let webhook = text(&tenant.client.call("webhooks.create", &[]).json(&webhook).read(201)["id"]);
    let path = tenant.upload("typst-2.0.pdf");
    let letter = json!({
        "sender": { "organization": "Acme", "address": { "address1": "PO Box 52138", "city": "New Orleans", "state": "LA", "postalCode": "70153" } },
        "recipient": { "organization": "City", "address": { "address1": "1300 Perdido St", "city": "New Orleans", "state": "LA", "postalCode": "70112" } },
        "content": { "path": path },
        "useType": "transactional",
    });
    let single = text(&tenant.client.call("singles.create", &[]).json(&letter).read(201)["id"]);
    let card = json!({ "sender": letter["sender"], "recipient": letter["recipient"], "useType": "transactional", "content": { "html": "<p>Front<p style='break-before: page'>" } });
    let card = text(&tenant.client.call("postcards.create", &[]).json(&card).read(201)["id"]);
    let (_, of_tests) = tenant.with_key(&json!({ "mode": "test" }));

    let mut asked = 0;
    for operation in Description::get().operations() {
        let id = operation.id.as_str();
        let Some(closed) = Description::get().closes_body(id) else { continue };
        assert_eq!(closed, !OPEN.contains(&id), "{id}: is a member that is not described a fault?");
        if !closed {
            continue;
        }
        let parameters = [
            ("templateId", template.as_str()),
            ("webhookId", &webhook),
            ("letterId", &single),
            ("postcardId", &card),
            ("accountId", &tenant.account),
            ("batchId", "ABCD1234"),
        ];
        let client = match operation.scope.as_deref() {
            Some("operator") => &tenant.stack.operator,
            _ if id.starts_with("test.") => &of_tests,
            _ => &tenant.client,
        };
        let answer = client.call(id, &parameters).json(&json!({ "a": { "b": [1, { "c": 2 }] } })).read(422);
        let told = answer["errors"].as_array().unwrap();
        assert!(told.iter().any(|fault| fault["pointer"] == "/a" && fault["rule"] == "unknown"), "{id}: {answer}");
        asked += 1;
    }
    assert!(asked > 15, "only {asked} operations were asked");
}
