//! Lists: pages, cursors and filters.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tests::stack::{Call, Client};

use crate::support::{Tenant, letter, new_batch, text};

/// Every entry of a list, page by page.
fn walk<'c>(limit: usize, list: impl Fn() -> Call<'c>) -> Vec<Value> {
    let mut entries = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let mut call = list().query("limit", &limit.to_string());
        if let Some(cursor) = &cursor {
            call = call.query("cursor", cursor);
        }
        let page = call.read(200);
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= limit);
        entries.extend(items.iter().cloned());
        match page["nextCursor"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => return entries,
        }
    }
}

fn ids(entries: &[Value]) -> Vec<String> {
    entries.iter().map(|entry| text(&entry["id"])).collect()
}

fn create(client: &Client) -> String {
    text(&client.call("batches.create", &[]).json(&new_batch(1)).read(200)["id"])
}

#[test]
fn batches_are_listed_newest_first_each_once() {
    let tenant = Tenant::new();
    let mut created: Vec<String> = (0..5).map(|_| create(&tenant.client)).collect();
    created.reverse();
    for limit in [1, 2, 5, 100] {
        assert_eq!(ids(&walk(limit, || tenant.client.call("batches.list", &[]))), created, "limit {limit}");
    }
}

#[test]
fn a_walk_is_not_disturbed_by_what_is_created_meanwhile() {
    let tenant = Tenant::new();
    let created: Vec<String> = (0..3).map(|_| create(&tenant.client)).collect();
    let first = tenant.client.call("batches.list", &[]).query("limit", "2").read(200);
    create(&tenant.client);
    let cursor = text(&first["nextCursor"]);
    let second = tenant.client.call("batches.list", &[]).query("limit", "2").query("cursor", &cursor).read(200);
    assert_eq!(ids(second["items"].as_array().unwrap()), [created[0].clone()]);
}

#[test]
fn batches_are_filtered_by_state_and_by_when_they_were_created() {
    let tenant = Tenant::new();
    let created: Vec<String> = (0..4)
        .map(|_| {
            std::thread::sleep(std::time::Duration::from_millis(5));
            create(&tenant.client)
        })
        .collect();
    tenant.client.call("batches.cancel", &[("batchId", &created[1])]).expect(204);
    let list = |filters: &[(&str, &str)]| {
        ids(&walk(2, || {
            filters.iter().fold(tenant.client.call("batches.list", &[]), |call, (name, value)| call.query(name, value))
        }))
    };
    let newest_first = |wanted: &[usize]| wanted.iter().map(|&index| created[index].clone()).collect::<Vec<_>>();
    assert_eq!(list(&[("state", "canceled")]), newest_first(&[1]));
    assert_eq!(list(&[("state", "notReady")]), newest_first(&[3, 2, 0]));
    assert_eq!(list(&[("state", "mailed")]), newest_first(&[]));
    let moment = text(&tenant.get(&created[2])["createdAt"]);
    assert_eq!(list(&[("createdFrom", &moment)]), newest_first(&[3, 2]));
    assert_eq!(list(&[("createdBefore", &moment)]), newest_first(&[1, 0]));
    assert_eq!(list(&[("createdBefore", &moment), ("state", "notReady")]), newest_first(&[0]));
    assert_eq!(
        list(&[("createdFrom", "2001-01-01T00:00:00Z"), ("createdBefore", "2001-01-02T00:00:00Z")]),
        newest_first(&[])
    );
}

#[test]
fn a_parameter_that_cannot_be_is_400() {
    let tenant = Tenant::new();
    for (name, value, code) in [
        ("limit", "0", "limit.invalid"),
        ("limit", "101", "limit.invalid"),
        ("limit", "many", "limit.invalid"),
        ("state", "Ready", "state.unknown"),
        ("createdFrom", "yesterday", "moment.invalid"),
        ("createdBefore", "2026-05-10", "moment.invalid"),
        ("cursor", "nonsense", "cursor.invalid"),
    ] {
        let answer = tenant.client.call("batches.list", &[]).query(name, value).read(400);
        assert_eq!(answer["code"], code, "{name}={value}");
    }
}

#[test]
fn a_cursor_is_good_for_its_own_list_and_its_owner_alone() {
    let tenant = Tenant::new();
    let (_, test) = tenant.with_key(&json!({ "mode": "test" }));
    for _ in 0..2 {
        create(&tenant.client);
    }
    let cursor = text(&tenant.client.call("batches.list", &[]).query("limit", "1").read(200)["nextCursor"]);
    let operator = &tenant.stack.operator;
    for call in [
        tenant.stack.other.call("batches.list", &[]),
        test.call("batches.list", &[]),
        operator.call("operator.queue", &[]),
        operator.call("operator.jobs.list", &[]),
        operator.call("operator.accounts.list", &[]),
    ] {
        assert_eq!(call.query("cursor", &cursor).read(400)["code"], "cursor.invalid");
    }
}

#[test]
fn the_letters_of_a_batch_are_listed_each_once_and_by_state() {
    let tenant = Tenant::new();
    let path = tenant.upload("typst-2.0.pdf");
    let missing = tenant.path("missing.pdf");
    let mut letters: Vec<Value> = (0..7).map(|number| letter(&format!("L{number:07}"), &path, 1)).collect();
    letters[3] = letter("L0000003", &missing, 1);
    // With more than 500 expected, the letters are spread over several partitions.
    let body = crate::support::batch_with(2_000, &letters);
    let id = text(&tenant.client.call("batches.create", &[]).json(&body).read(202)["id"]);
    let batch = tenant.wait_for(&id, "notReady");
    assert_eq!(batch["letterCount"], 7, "{batch}");
    let references = |limit: usize, state: Option<&str>| {
        let entries = walk(limit, || {
            let call = tenant.client.call("letters.list", &[("batchId", &id)]);
            state.map_or_else(
                || tenant.client.call("letters.list", &[("batchId", &id)]),
                |state| call.query("state", state),
            )
        });
        let set: BTreeSet<String> = entries.iter().map(|letter| text(&letter["letterRefId"])).collect();
        assert_eq!(set.len(), entries.len(), "a letter was listed twice");
        set
    };
    let all: BTreeSet<String> = (0..7).map(|number| format!("L{number:07}")).collect();
    for limit in [1, 2, 7, 1_000] {
        assert_eq!(references(limit, None), all, "limit {limit}");
    }
    assert_eq!(references(2, Some("issue")), ["L0000003".to_owned()].into());
    assert_eq!(references(2, Some("ready")).len(), 6);
    assert_eq!(references(2, Some("queued")).len(), 0);
    let list =
        |name: &str, value: &str| tenant.client.call("letters.list", &[("batchId", &id)]).query(name, value).read(400);
    assert_eq!(list("state", "mailed")["code"], "state.unknown");
    assert_eq!(list("limit", "1001")["code"], "limit.invalid");
}

#[test]
fn accounts_are_listed_each_once() {
    let tenant = Tenant::new();
    let accounts = walk(100, || tenant.stack.operator.call("operator.accounts.list", &[]));
    let listed = ids(&accounts);
    assert_eq!(listed.iter().collect::<BTreeSet<_>>().len(), listed.len());
    assert!(listed.contains(&tenant.account));
}
