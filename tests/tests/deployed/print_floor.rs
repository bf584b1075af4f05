//! The operator's floor: the queue, merging batches into jobs, and confirming what was printed and mailed.

use serde_json::{Value, json};

use crate::support::{Tenant, assembled, fault, faults, letter, new_batch, text, unique};

/// The whole queue.
fn queue(tenant: &Tenant) -> Vec<Value> {
    let mut entries = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let call = tenant.stack.operator.call("operator.queue", &[]).query("limit", "100");
        let page = match &cursor {
            Some(cursor) => call.query("cursor", cursor).read(200),
            None => call.read(200),
        };
        entries.extend(page["items"].as_array().unwrap().iter().cloned());
        match page["nextCursor"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => return entries,
        }
    }
}

/// The reasons for which the batches are not merged, each with its batch.
fn refused(tenant: &Tenant, batches: &[&str]) -> Vec<(String, String)> {
    let body = json!({ "batchIds": batches });
    let answer = tenant.stack.operator.call("operator.jobs.create", &[]).json(&body).read(409);
    assert_eq!(answer["code"], "batches.not_mergeable");
    let reasons = answer["reasons"].as_array().unwrap().iter();
    reasons.map(|reason| (text(&reason["batchId"]), text(&reason["message"]))).collect()
}

#[test]
fn the_queue_shows_what_is_ready_with_the_overdue_first() {
    let tenant = Tenant::new();
    let path = tenant.upload("libreoffice.pdf");
    let letters = [letter("L0000001", &path, 2), letter("L0000002", &path, 2)];
    let later =
        tenant.batch_in("ready", &json!({ "targetMailDate": "2099-01-01", "usePerforatedPaper": true }), &letters);
    let overdue = tenant.batch_in("ready", &json!({ "targetMailDate": "2019-05-10" }), &letters[..1]);
    let waiting = text(&tenant.client.call("batches.create", &[]).json(&new_batch(1)).read(200)["id"]);
    let queue = queue(&tenant);
    let place = |id: &str| queue.iter().position(|batch| batch["id"] == id);
    assert!(place(&overdue).unwrap() < place(&later).unwrap());
    assert_eq!(place(&waiting), None);
    let dates: Vec<String> = queue.iter().map(|batch| text(&batch["targetMailDate"])).collect();
    assert!(dates.is_sorted(), "{dates:?}");
    let (later, overdue) = (&queue[place(&later).unwrap()], &queue[place(&overdue).unwrap()]);
    assert_eq!(
        (&later["letters"], &later["sheets"]),
        (&json!(2), &json!(4)),
        "a cover sheet and a sheet of two sides each"
    );
    assert_eq!((&later["overdue"], &later["usePerforatedPaper"]), (&json!(false), &json!(true)));
    assert_eq!((&overdue["overdue"], &overdue["letters"]), (&json!(true), &json!(1)));
    assert_eq!(later["accountId"], tenant.account.as_str());
    assert_eq!(later["mailClass"], "FirstClass");
}

#[test]
fn what_is_canceled_or_merged_leaves_the_queue() {
    let tenant = Tenant::new();
    let (canceled, merged) = (tenant.ready_batch(&json!({})), tenant.ready_batch(&json!({})));
    tenant.client.call("batches.cancel", &[("batchId", &canceled)]).expect(204);
    assembled(&tenant, &[&merged]);
    assert!(queue(&tenant).iter().all(|batch| batch["id"] != canceled.as_str() && batch["id"] != merged.as_str()));
    let batch = tenant.get(&merged);
    assert_eq!(batch["state"], "printing");
    assert!(batch["jobId"].is_string());
}

#[test]
fn batches_that_do_not_go_together_are_409_each_with_its_reason() {
    let tenant = Tenant::new();
    let first = tenant.ready_batch(&json!({}));
    let certified = tenant.ready_batch(&json!({ "mailClass": "Certified", "electronicReturnReceipt": true }));
    let perforated = tenant.ready_batch(&json!({ "usePerforatedPaper": true }));
    let waiting = text(&tenant.client.call("batches.create", &[]).json(&new_batch(1)).read(200)["id"]);
    let unknown = "00000000";
    let mut reasons = refused(&tenant, &[&first, &certified, &perforated, &waiting, unknown]);
    reasons.sort();
    let mut expected = [&certified, &perforated, &waiting, unknown].map(str::to_owned);
    expected.sort();
    assert_eq!(reasons.iter().map(|(id, _)| id.clone()).collect::<Vec<_>>(), expected);
    let reason = |id: &str| &reasons.iter().find(|(named, _)| named == id).unwrap().1;
    assert!(reason(&certified).contains("Certified"), "{reasons:?}");
    assert!(reason(&perforated).contains("perforated"), "{reasons:?}");
    assert!(reason(&waiting).contains("notReady"), "{reasons:?}");
    assert_eq!(tenant.get(&first)["state"], "ready", "nothing was merged");
    assert_eq!(refused(&tenant, &[&certified, &first]).len(), 1);
}

#[test]
fn a_job_needs_batches_that_are_named_once() {
    let tenant = Tenant::new();
    let refused = |body: Value| faults(&tenant.stack.operator.call("operator.jobs.create", &[]).json(&body).read(422));
    assert_eq!(refused(json!({})), [fault("/batchIds", "required")]);
    assert_eq!(refused(json!({ "batchIds": [] })), [fault("/batchIds", "required")]);
    assert_eq!(
        refused(json!({ "batchIds": ["ABCD1234", "nonsense", "ABCD1234", 5] })),
        [fault("/batchIds/1", "batch_id"), fault("/batchIds/2", "duplicate"), fault("/batchIds/3", "type")]
    );
    let many: Vec<String> = (0..41).map(|number| format!("{number:08}")).collect();
    assert_eq!(refused(json!({ "batchIds": many })), [fault("/batchIds", "too_many")]);
    let call = tenant.stack.operator.call("operator.jobs.create", &[]).bytes("{\"batchIds\": 5}");
    assert_eq!(call.read(400)["code"], "body.syntax");
}

#[test]
fn a_batch_is_merged_once_whoever_asks_again() {
    let tenant = Tenant::new();
    let id = tenant.ready_batch(&json!({}));
    let key = unique();
    let body = json!({ "batchIds": [id] });
    let merge = || tenant.stack.operator.call("operator.jobs.create", &[]).json(&body);
    let first = merge().idempotent(&key).expect(202);
    let again = merge().idempotent(&key).expect(202);
    assert_eq!(first.body, again.body);
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    let reasons = refused(&tenant, &[&id]);
    assert!(reasons[0].1.contains("printing"), "{reasons:?}");
}

#[test]
fn of_two_operators_who_merge_the_same_batch_one_gets_it() {
    let tenant = Tenant::new();
    let id = tenant.ready_batch(&json!({}));
    let body = json!({ "batchIds": [id] });
    let operator = &tenant.stack.operator;
    let statuses = std::thread::scope(|scope| {
        let merges: Vec<_> = (0..3)
            .map(|_| scope.spawn(|| operator.call("operator.jobs.create", &[]).json(&body).either(&[202, 409]).status))
            .collect();
        merges.into_iter().map(|merge| merge.join().unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 202).count(), 1, "{statuses:?}");
}

#[test]
fn a_job_goes_from_assembled_to_printed_to_mailed_and_no_other_way() {
    let tenant = Tenant::new();
    let id = tenant.ready_batch(&json!({}));
    let job = assembled(&tenant, &[&id]);
    let job = text(&job["id"]);
    let path = [("jobId", job.as_str())];
    let operator = &tenant.stack.operator;
    let refused = |operation: &str| {
        let answer = operator.call(operation, &path).read(409);
        assert_eq!(answer["code"], "job.state");
        text(&answer["state"])
    };
    assert_eq!(refused("operator.jobs.mailed"), "assembled");
    assert_eq!(refused("operator.jobs.retry"), "assembled");
    let key = unique();
    let printed = || operator.call("operator.jobs.printed", &path).idempotent(&key).expect(200);
    let first: Value = serde_json::from_slice(&printed().body).unwrap();
    assert_eq!(first["state"], "printed");
    assert!(first["printedAt"].is_string());
    assert_eq!(printed().header("idempotent-replayed"), Some("true"));
    assert_eq!(refused("operator.jobs.printed"), "printed");
    assert_eq!(tenant.tracking(&id)["status"], "Printing");
    assert_eq!(operator.call("operator.jobs.mailed", &path).read(200)["state"], "mailed");
    for operation in ["operator.jobs.mailed", "operator.jobs.printed", "operator.jobs.retry"] {
        assert_eq!(refused(operation), "mailed");
    }
    let batch = tenant.get(&id);
    assert_eq!((&batch["state"], &batch["jobId"]), (&json!("mailed"), &json!(job)));
    assert!(batch["mailedAt"].is_string());
}

#[test]
fn a_job_is_listed_and_an_unknown_one_is_not_found() {
    let tenant = Tenant::new();
    let operator = &tenant.stack.operator;
    let id = tenant.ready_batch(&json!({}));
    let job = assembled(&tenant, &[&id]);
    let listed = operator.call("operator.jobs.list", &[]).query("limit", "10").read(200);
    let jobs = listed["items"].as_array().unwrap();
    assert!(jobs.iter().any(|listed| listed["id"] == job["id"]));
    let made: Vec<String> = jobs.iter().map(|job| text(&job["createdAt"])).collect();
    assert!(made.is_sorted_by(|a, b| a[..19] >= b[..19]), "{made:?}");
    for job in ["job_00000000", "nonsense"] {
        let path = [("jobId", job)];
        for operation in ["operator.jobs.get", "operator.jobs.printed", "operator.jobs.mailed", "operator.jobs.retry"] {
            operator.call(operation, &path).expect(404);
        }
    }
}

#[test]
fn test_mail_behaves_the_same_and_never_reaches_the_floor() {
    let tenant = Tenant::new();
    let (_, client) = tenant.with_key(&json!({ "mode": "test" }));
    let test = Tenant { client, ..tenant };
    let id = test.ready_batch(&json!({}));
    assert!(queue(&test).iter().all(|batch| batch["id"] != id.as_str()));
    let reasons = refused(&test, &[&id]);
    assert!(reasons[0].1.contains("test"), "{reasons:?}");
    assert_eq!(test.get(&id)["state"], "ready");
}
