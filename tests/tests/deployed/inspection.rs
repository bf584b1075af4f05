//! What becomes of documents that cannot be printed, and how a client mends them.

use serde_json::{Value, json};

use crate::support::{Tenant, document, documents, letter, text};

/// The issues of a batch as (reference, code), in order.
fn issues(batch: &Value) -> Vec<(String, String)> {
    let mut issues: Vec<_> = batch["issues"]
        .as_array()
        .unwrap()
        .iter()
        .map(|issue| (text(&issue["letterRefId"]), text(&issue["code"])))
        .collect();
    issues.sort();
    issues
}

fn pair(reference: &str, code: &str) -> (String, String) {
    (reference.to_owned(), code.to_owned())
}

#[test]
fn every_document_that_must_be_refused_costs_its_own_letter_and_no_other() {
    let tenant = Tenant::new();
    let rules: Vec<Value> = documents().into_iter().filter(|document| !document["rules"].is_null()).collect();
    let mut letters = Vec::new();
    for refused in &rules {
        let path = tenant.upload(refused["file"].as_str().unwrap());
        letters.push(letter(&format!("R{:07}", letters.len()), &path, 1));
    }
    let good = tenant.upload("typst-2.0.pdf");
    for number in 0..5 {
        letters.insert(number * 4, letter(&format!("G{number:07}"), &good, 1));
    }
    let id = tenant.batch_in("notReady", &json!({}), &letters);
    let batch = tenant.get(&id);
    assert_eq!((&batch["readyCount"], &batch["issueCount"]), (&json!(5), &json!(rules.len())));
    assert_eq!(batch["issues"].as_array().unwrap().len(), rules.len().min(20));
    for letter in tenant.letters(&id) {
        let reference = text(&letter["letterRefId"]);
        if reference.starts_with('G') {
            assert_eq!(letter["productionState"], "ready", "{letter}");
            continue;
        }
        let refused = &rules[reference[1..].parse::<usize>().unwrap()];
        assert_eq!(letter["productionState"], "issue", "{letter}");
        let code = &letter["issue"]["code"];
        assert!(
            refused["rules"].as_array().unwrap().contains(code),
            "{}: {code}, not {}",
            refused["file"],
            refused["rules"]
        );
    }
}

#[test]
fn an_issue_names_the_code_the_page_and_what_to_do() {
    let tenant = Tenant::new();
    let odd_size = tenant.upload("refused/page-5x7.pdf");
    let two_pages = tenant.upload("libreoffice.pdf");
    let letters = [
        letter("L0000001", &odd_size, 1),
        letter("L0000002", &two_pages, 1),
        letter("L0000003", &tenant.path("missing.pdf"), 1),
        letter("L0000004", &two_pages, 2),
    ];
    let id = tenant.batch_in("notReady", &json!({}), &letters);
    let batch = tenant.get(&id);
    let expected = [
        pair("L0000001", "document.page_size"),
        pair("L0000002", "document.impressions_differ"),
        pair("L0000003", "document.not_found"),
    ];
    assert_eq!(issues(&batch), expected);
    let of = |reference: &str| {
        let issues = batch["issues"].as_array().unwrap();
        issues.iter().find(|issue| issue["letterRefId"] == reference).unwrap().clone()
    };
    assert_eq!(of("L0000001")["page"], 1);
    assert!(of("L0000003")["page"].is_null());
    for reference in ["L0000001", "L0000002", "L0000003"] {
        let message = text(&of(reference)["message"]);
        assert!(message.ends_with('.') && message.contains(' '), "{message}");
    }
    assert_eq!(tenant.tracking(&id)["status"], "NotReady");
}

#[test]
fn a_letter_is_mended_by_uploading_its_document_and_retrying() {
    let tenant = Tenant::new();
    let good = tenant.upload("typst-2.0.pdf");
    let missing = tenant.path("later.pdf");
    let id = tenant.batch_in("notReady", &json!({}), &[letter("L0000001", &good, 1), letter("L0000002", &missing, 1)]);
    assert_eq!(issues(&tenant.get(&id)), [pair("L0000002", "document.not_found")]);

    tenant.stack.upload(&missing, document("refused/encrypted-user-password.pdf"));
    let retry = || tenant.client.call("letters.retry", &[("batchId", &id), ("letterId", "L0000002")]);
    assert_eq!(retry().read(202), json!({ "state": "queued" }));
    assert_eq!(issues(&tenant.wait_for(&id, "notReady")), [pair("L0000002", "document.encrypted")]);

    tenant.stack.upload(&missing, document("typst-2.0.pdf"));
    retry().expect(202);
    let ready = tenant.wait_for(&id, "ready");
    assert_eq!((&ready["readyCount"], &ready["issueCount"]), (&json!(2), &json!(0)));
    assert!(ready["issues"].is_null());
    assert_eq!(retry().read(409)["code"], "letter.state");
}

#[test]
fn a_letter_is_mended_by_replacing_it() {
    let tenant = Tenant::new();
    let refused = tenant.upload("refused/truncated.pdf");
    let good = tenant.upload("reportlab-odd.pdf");
    let id = tenant.batch_in("notReady", &json!({}), &[letter("L0000001", &refused, 1)]);
    let path = [("batchId", id.as_str()), ("letterId", "L0000001")];
    tenant.client.call("letters.replace", &path).gzip(&letter("L0000001", &good, 3)).expect(204);
    let ready = tenant.wait_for(&id, "ready");
    assert_eq!((&ready["readyCount"], &ready["issueCount"]), (&json!(1), &json!(0)));
    let letters = tenant.letters(&id);
    assert_eq!(letters[0]["originalDocumentPath"], good.as_str());
    assert_eq!(letters[0]["impressionCount"], 3);
    assert!(letters[0]["documentSha256"].is_string());
}

#[test]
fn what_was_inspected_stays_when_the_clients_file_changes() {
    let tenant = Tenant::new();
    let path = tenant.upload("typst-2.0.pdf");
    let id = tenant.batch_in("ready", &json!({}), &[letter("L0000001", &path, 1)]);
    let before = tenant.letters(&id)[0]["documentSha256"].clone();
    tenant.stack.upload(&path, document("refused/not-a-pdf.pdf"));
    assert_eq!(tenant.get(&id)["state"], "ready");
    assert_eq!(tenant.letters(&id)[0]["documentSha256"], before);
}

#[test]
fn a_location_that_is_taken_away_is_an_issue_of_the_letters_not_yet_inspected() {
    let tenant = Tenant::new();
    let missing = tenant.path("missing.pdf");
    let id = tenant.batch_in("notReady", &json!({}), &[letter("L0000001", &missing, 1)]);
    let path = [("accountId", tenant.account.as_str())];
    let locations = tenant.stack.operator.call("operator.locations.list", &path).read(200);
    let location = text(&locations["items"][0]["id"]);
    let path = [("accountId", tenant.account.as_str()), ("locationId", location.as_str())];
    tenant.stack.operator.call("operator.locations.delete", &path).expect(204);
    tenant.stack.operator.call("operator.locations.delete", &path).expect(404);
    tenant.client.call("letters.retry", &[("batchId", &id), ("letterId", "L0000001")]).expect(202);
    assert_eq!(issues(&tenant.wait_for(&id, "notReady")), [pair("L0000001", "location.unregistered")]);
}
