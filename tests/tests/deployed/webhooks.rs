//! Webhooks from outside: a local receiver is told what happens, and verifies it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tests::harness::receiver::Manner;
use tests::stack::Client;

use crate::support::{Running, Tenant, faults, new_batch, text, unique, wait};

fn create(client: &Client, url: &str, types: &[&str]) -> Value {
    client.call("webhooks.create", &[]).json(&json!({ "url": url, "eventTypes": types })).read(201)
}

#[test]
fn what_happens_is_posted_within_seconds_and_signed() {
    let tenant = Tenant::new();
    let running = Running::start();
    let made = create(&tenant.client, &running.receiver.url(), &["batch.created", "batch.ready"]);
    let (id, secret) = (text(&made["id"]), text(&made["secret"]));
    let path = [("webhookId", id.as_str())];
    let batch = tenant.ready_batch(&json!({}));
    for kind in ["batch.created", "batch.ready"] {
        let posts = running.wait_for(kind, 1);
        posts[0].verify(&secret).unwrap();
        let posted: Value = serde_json::from_slice(&posts[0].body).unwrap();
        assert_eq!((&posted["batchId"], &posted["id"]), (&json!(batch), &json!(posts[0].id())));
    }
    let attempts = wait(
        || tenant.client.call("webhooks.attempts", &path).read(200),
        |page| page["items"].as_array().unwrap().len() == 2,
    );
    assert!(attempts["items"].as_array().unwrap().iter().all(|attempt| attempt["delivered"] == true));
    let one = tenant.client.call("webhooks.attempts", &path).query("limit", "1").read(200);
    let cursor = text(&one["nextCursor"]);
    let next = tenant.client.call("webhooks.attempts", &path).query("limit", "1").query("cursor", &cursor).read(200);
    assert_ne!(one["items"][0]["eventId"], next["items"][0]["eventId"]);

    // The same again, under the same identifier.
    let event = attempts["items"][0]["eventId"].clone();
    let replayed = tenant.client.call("webhooks.replay", &path).json(&json!({ "eventId": event })).read(202);
    assert_eq!(replayed["deliveries"], 1);
    let again = || running.receiver.posts().iter().filter(|post| json!(post.id()) == event).count();
    wait(|| json!(again()), |count| *count == 2);
}

#[test]
fn a_state_change_is_told_within_five_seconds() {
    const PROMISED: SignedDuration = SignedDuration::from_secs(5);
    let tenant = Tenant::new();
    let running = Running::start();
    create(&tenant.client, &running.receiver.url(), &["batch.created", "batch.canceled"]);
    // The first one finds nothing running yet.
    tenant.client.call("batches.create", &[]).json(&new_batch(1)).expect(200);
    let first = running.wait_for("batch.created", 1)[0].id().to_owned();
    for _ in 0..5 {
        let batch = text(&tenant.client.call("batches.create", &[]).json(&new_batch(1)).read(200)["id"]);
        tenant.client.call("batches.cancel", &[("batchId", &batch)]).expect(204);
    }
    let mut took = Vec::new();
    for (kind, count) in [("batch.created", 6), ("batch.canceled", 5)] {
        for post in running.wait_for(kind, count).iter().filter(|post| post.id() != first) {
            let arrived = Timestamp::now() - SignedDuration::try_from(post.at.elapsed()).unwrap();
            let posted: Value = serde_json::from_slice(&post.body).unwrap();
            let happened: Timestamp = posted["createdAt"].as_str().unwrap().parse().unwrap();
            took.push(arrived.duration_since(happened));
        }
    }
    assert_eq!(took.len(), 10);
    assert!(took.iter().all(|took| *took < PROMISED), "from the change to its arrival it took {took:?}");
}

#[test]
fn a_delivery_that_fails_is_made_again_after_seconds() {
    let tenant = Tenant::new();
    let running = Running::start();
    let made = create(&tenant.client, &running.receiver.url(), &["batch.created"]);
    let (id, secret) = (text(&made["id"]), text(&made["secret"]));
    running.receiver.next([Manner::Says(503, "")]);
    tenant.client.call("batches.create", &[]).json(&new_batch(1)).expect(200);
    let posts = running.wait_for("batch.created", 2);
    assert_eq!((posts[0].id(), &posts[0].body), (posts[1].id(), &posts[1].body));
    assert!(posts[1].at - posts[0].at >= Duration::from_secs(4));
    posts.iter().for_each(|post| post.verify(&secret).unwrap());
    let path = [("webhookId", id.as_str())];
    let attempts = wait(
        || tenant.client.call("webhooks.attempts", &path).query("eventId", posts[0].id()).read(200),
        |page| page["items"].as_array().unwrap().len() == 2,
    );
    let seen: Vec<_> = attempts["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["attempt"].clone(), one["status"].clone()))
        .collect();
    assert_eq!(seen, [(json!(2), json!(200)), (json!(1), json!(503))]);
}

#[test]
fn a_webhook_is_changed_tested_rotated_and_deleted() {
    let tenant = Tenant::new();
    let running = Running::start();
    let url = running.receiver.url();
    let made = create(&tenant.client, &url, &["batch.mailed", "*"]);
    let id = text(&made["id"]);
    let path = [("webhookId", id.as_str())];
    assert_eq!(made["eventTypes"], json!(["*"]));
    let shown = tenant.client.call("webhooks.get", &path).read(200);
    assert!(shown["secret"].is_null());
    assert_eq!(tenant.client.call("webhooks.list", &[]).read(200)["items"], json!([shown]));
    let change = json!({ "description": "of the accounting", "state": "disabled", "eventTypes": ["letter.issue"] });
    let changed = tenant.client.call("webhooks.update", &path).json(&change).read(200);
    assert_eq!((&changed["disabledBecause"], &changed["url"]), (&json!("client"), &json!(url)));
    let rotated = tenant.client.call("webhooks.rotate", &path).read(200);
    assert!(!rotated["oldSecretsUntil"].is_null());
    let tested = tenant.client.call("webhooks.test", &path).read(200);
    assert_eq!((&tested["delivered"], &tested["body"]), (&json!(true), &json!("answer")));
    let post = &running.wait_for("letter.issue", 1)[0];
    post.verify(&text(&made["secret"])).unwrap();
    post.verify(&text(&rotated["secret"])).unwrap();
    running.receiver.next([Manner::HangsUp, Manner::Says(404, "")]);
    let tested = tenant.client.call("webhooks.test", &path).read(200);
    assert_eq!((&tested["delivered"], &tested["failure"]), (&json!(false), &json!("answer_malformed")));
    assert_eq!(tenant.client.call("webhooks.test", &path).read(200)["status"], 404);
    tenant.client.call("webhooks.replay", &path).json(&json!({ "from": "2026-01-01T00:00:00Z" })).expect(409);
    tenant.client.call("webhooks.delete", &path).expect(204);
    for operation in ["webhooks.get", "webhooks.delete", "webhooks.rotate", "webhooks.test", "webhooks.attempts"] {
        tenant.client.call(operation, &path).expect(404);
    }
}

#[test]
fn a_webhook_is_created_and_rotated_once_for_an_idempotency_key() {
    let tenant = Tenant::new();
    let client = &tenant.client;
    let (created, rotated) = (unique(), unique());
    let body = json!({ "url": "http://127.0.0.1:9/", "eventTypes": ["batch.mailed"] });
    let create = || client.call("webhooks.create", &[]).idempotent(&created).json(&body).expect(201);
    let (first, again) = (create(), create());
    assert_eq!(first.body, again.body);
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    let webhook: Value = serde_json::from_slice(&first.body).unwrap();
    assert!(webhook["secret"].as_str().unwrap().starts_with("whsec_"));
    assert_eq!(client.call("webhooks.list", &[]).read(200)["items"].as_array().unwrap().len(), 1);

    let id = text(&webhook["id"]);
    let rotate = || client.call("webhooks.rotate", &[("webhookId", &id)]).idempotent(&rotated).expect(200);
    let (first, again) = (rotate(), rotate());
    assert_eq!(first.body, again.body);
    assert_ne!(serde_json::from_slice::<Value>(&first.body).unwrap()["secret"], webhook["secret"]);
}

#[test]
fn a_webhook_of_another_account_or_of_the_other_mode_is_not_there() {
    let (tenant, stranger) = (Tenant::new(), Tenant::new());
    let running = Running::start();
    let made = create(&tenant.client, &running.receiver.url(), &["*"]);
    let id = text(&made["id"]);
    let path = [("webhookId", id.as_str())];
    let (_, of_tests) = tenant.with_key(&json!({ "mode": "test" }));
    for client in [&stranger.client, &of_tests] {
        assert_eq!(client.call("webhooks.list", &[]).read(200)["items"], json!([]));
        for operation in ["webhooks.get", "webhooks.delete", "webhooks.rotate", "webhooks.test", "webhooks.attempts"] {
            client.call(operation, &path).expect(404);
        }
        client.call("webhooks.update", &path).json(&json!({ "state": "disabled" })).expect(404);
        client.call("webhooks.replay", &path).json(&json!({ "from": "2026-01-01T00:00:00Z" })).expect(404);
    }
    // What happens to test data is told to webhooks of test keys alone.
    let of_test = Running::start();
    create(&of_tests, &of_test.receiver.url(), &["*"]);
    of_tests.call("batches.create", &[]).json(&new_batch(1)).expect(200);
    of_test.wait_for("batch.created", 1);
    assert!(running.receiver.posts().is_empty());
    let (_, reader) = tenant.with_key(&json!({ "mode": "live", "scopes": ["mail:read"] }));
    reader.call("webhooks.get", &path).expect(200);
    reader.call("webhooks.delete", &path).expect(403);
}

#[test]
fn a_url_that_only_we_can_reach_is_refused() {
    let tenant = Tenant::new();
    for url in ["https://169.254.169.254/", "https://10.0.0.1/", "https://[fd00:ec2::254]/", "https://u:p@example.com/"]
    {
        let answer = tenant.client.call("webhooks.create", &[]).json(&json!({ "url": url })).read(422);
        assert_eq!(faults(&answer), [("/url".to_owned(), "url".to_owned())], "{url}");
    }
}
