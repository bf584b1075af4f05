//! The operator's accounts, keys and locations.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::{Tenant, fault, faults, text, unique};

#[test]
fn an_account_is_created_and_found_again() {
    let tenant = Tenant::new();
    let operator = &tenant.stack.operator;
    let (key, body) = (unique(), json!({ "name": "  Orleans Parish  " }));
    let create = || operator.call("operator.accounts.create", &[]).idempotent(&key).json(&body).expect(201);
    let answer = create();
    let account: Value = serde_json::from_slice(&answer.body).unwrap();
    let id = text(&account["id"]);
    assert_eq!(account["name"], "Orleans Parish");
    assert_eq!(answer.header("location"), Some(format!("/v2/operator/accounts/{id}").as_str()));
    assert_eq!(operator.call("operator.accounts.get", &[("accountId", &id)]).read(200), account);
    assert_eq!(create().body, answer.body);
}

#[test]
fn a_key_is_created_once_for_its_idempotency_key_and_shown_again_to_who_has_that() {
    let tenant = Tenant::new();
    let operator = &tenant.stack.operator;
    let account = operator.call("operator.accounts.create", &[]).json(&json!({ "name": "Keys" })).read(201);
    let (id, once) = (text(&account["id"]), unique());
    let path = [("accountId", id.as_str())];
    let create =
        || operator.call("operator.keys.create", &path).idempotent(&once).json(&json!({ "mode": "test" })).expect(201);
    let (first, again) = (create(), create());
    assert_eq!(first.body, again.body);
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    let keys = operator.call("operator.keys.list", &path).read(200);
    assert_eq!(keys["items"].as_array().unwrap().len(), 1);
}

#[test]
fn an_account_needs_a_name_of_a_hundred_characters_at_most() {
    let tenant = Tenant::new();
    for (name, rule) in [
        (Value::Null, "required"),
        (json!(""), "length"),
        (json!("  "), "length"),
        (json!("x".repeat(101)), "length"),
        (json!(7), "type"),
    ] {
        let answer =
            tenant.stack.operator.call("operator.accounts.create", &[]).json(&json!({ "name": name })).read(422);
        assert_eq!(faults(&answer), [fault("/name", rule)], "{name}");
    }
    assert_eq!(tenant.stack.operator.call("operator.accounts.create", &[]).bytes("").read(400)["code"], "body.blank");
}

#[test]
fn what_belongs_to_an_unknown_account_is_not_found() {
    let tenant = Tenant::new();
    let operator = &tenant.stack.operator;
    for account in ["acct_00000000", "nonsense"] {
        let path = [("accountId", account), ("keyId", "key_0"), ("locationId", "loc_0")];
        operator.call("operator.accounts.get", &path).expect(404);
        operator.call("operator.keys.list", &path).expect(404);
        operator.call("operator.keys.create", &path).json(&json!({ "mode": "test" })).expect(404);
        operator.call("operator.keys.revoke", &path).expect(404);
        operator.call("operator.locations.list", &path).expect(404);
        operator.call("operator.locations.create", &path).json(&json!({})).expect(404);
        operator.call("operator.locations.delete", &path).expect(404);
    }
    let path = [("accountId", tenant.account.as_str()), ("keyId", "key_0"), ("locationId", "loc_0")];
    operator.call("operator.keys.revoke", &path).expect(404);
    operator.call("operator.locations.delete", &path).expect(404);
}

#[test]
fn a_key_is_shown_once_and_listed_without_its_secret() {
    let tenant = Tenant::new();
    let path = [("accountId", tenant.account.as_str())];
    let made = tenant.stack.operator.call("operator.keys.create", &path).json(&json!({ "mode": "test" })).read(201);
    let secret = text(&made["key"]);
    assert!(secret.starts_with("mh_test_"));
    assert_eq!(made["scopes"], json!(["mail:read", "mail:write"]));
    let list = tenant.stack.operator.call("operator.keys.list", &path).expect(200);
    assert!(!list.text().contains(&secret));
    let keys: Value = serde_json::from_slice(&list.body).unwrap();
    let listed = keys["items"].as_array().unwrap().iter().find(|key| key["id"] == made["id"]).unwrap();
    assert!(secret.ends_with(listed["ending"].as_str().unwrap()));
}

#[test]
fn a_key_needs_a_mode_and_scopes_that_exist() {
    let tenant = Tenant::new();
    let path = [("accountId", tenant.account.as_str())];
    for (body, pointer, rule) in [
        (json!({}), "/mode", "required"),
        (json!({ "mode": "real" }), "/mode", "enum"),
        (json!({ "mode": "live", "scopes": ["mail:read", "everything"] }), "/scopes/1", "enum"),
        (json!({ "mode": "live", "scopes": [] }), "/scopes", "required"),
    ] {
        let answer = tenant.stack.operator.call("operator.keys.create", &path).json(&body).read(422);
        assert_eq!(faults(&answer), [fault(pointer, rule)], "{body}");
    }
}

#[test]
fn a_location_is_registered_listed_and_removed() {
    let tenant = Tenant::new();
    let path = [("accountId", tenant.account.as_str())];
    let body = json!({ "bucket": "bucket-name", "owner": "123456789012" });
    let made = tenant.stack.operator.call("operator.locations.create", &path).json(&body).read(201);
    assert_eq!((&made["bucket"], &made["prefix"]), (&json!("bucket-name"), &json!("")));
    let listed = || {
        let list = tenant.stack.operator.call("operator.locations.list", &path).read(200);
        list["items"].as_array().unwrap().iter().map(|location| text(&location["id"])).collect::<BTreeSet<_>>()
    };
    let id = text(&made["id"]);
    assert_eq!(listed().len(), 2);
    assert!(listed().contains(&id));
    let one = [("accountId", tenant.account.as_str()), ("locationId", id.as_str())];
    tenant.stack.operator.call("operator.locations.delete", &one).expect(204);
    assert!(!listed().contains(&id));
    tenant.stack.operator.call("operator.locations.delete", &one).expect(404);
}

#[test]
fn a_location_that_cannot_be_one_is_refused() {
    let tenant = Tenant::new();
    let path = [("accountId", tenant.account.as_str())];
    let owner = "123456789012";
    for (body, pointer, rule) in [
        (json!({ "owner": owner }), "/bucket", "required"),
        (json!({ "bucket": "Not A Bucket", "owner": owner }), "/bucket", "bucket"),
        (json!({ "bucket": "bucket-name" }), "/owner", "required"),
        (json!({ "bucket": "bucket-name", "owner": "12" }), "/owner", "aws_account"),
        (json!({ "bucket": "bucket-name", "owner": owner, "prefix": "/letters" }), "/prefix", "prefix"),
    ] {
        let answer = tenant.stack.operator.call("operator.locations.create", &path).json(&body).read(422);
        assert_eq!(faults(&answer), [fault(pointer, rule)], "{body}");
    }
}

#[test]
fn the_houses_own_buckets_cannot_be_registered() {
    let tenant = Tenant::new();
    // The bucket that the print files are in is in their URLs.
    let id = tenant.ready_batch(&json!({}));
    let part = crate::support::assembled(&tenant, &[&id])["parts"][0].clone();
    let url = text(&part["printFile"]["url"]);
    let bucket = url
        .split(['/', '.', '?'])
        .find(|word| word.contains("printbucket"))
        .unwrap_or_else(|| panic!("the name of the print bucket is not in its URL: {url}"));
    let path = [("accountId", tenant.account.as_str())];
    let body = json!({ "bucket": bucket, "owner": "123456789012" });
    let answer = tenant.stack.operator.call("operator.locations.create", &path).json(&body).read(422);
    assert_eq!(faults(&answer), [fault("/bucket", "bucket.ours")]);
}
