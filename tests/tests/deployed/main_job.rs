//! The main job: documents and addresses go in, a print file with its manifest comes out, and every letter is mailed.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::{Tenant, assembled, documents, letter, with};

/// Fetches a file and holds it to its hash.
fn fetch(tenant: &Tenant, file: &Value) -> Vec<u8> {
    let bytes = tenant.stack.nobody.download(file["url"].as_str().unwrap());
    let hash: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(file["sha256"], hash);
    bytes
}

/// The rows of a manifest, each by its columns.
fn rows(manifest: &[u8]) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_reader(manifest);
    reader.deserialize().collect::<Result<_, _>>().unwrap()
}

#[test]
fn documents_of_many_producers_become_one_print_file_and_are_mailed() {
    let tenant = Tenant::new();
    let printable: Vec<Value> =
        documents().into_iter().filter(|document| !document["pages"].is_null()).take(14).collect();
    let places = [("New Orleans", "LA", "70112"), ("Houston", "TX", "77002"), ("Boston", "MA", "02201-2013")];
    let mut letters = Vec::new();
    for (number, document) in printable.iter().enumerate() {
        let path = tenant.upload(document["file"].as_str().unwrap());
        let (city, state, zip) = places[number % places.len()];
        let letter = letter(&format!("L{number:07}"), &path, document["pages"].as_u64().unwrap());
        letters.push(with(with(with(letter, "city", city), "state", state), "postalCode", zip));
    }
    let count = letters.len();
    let sides = |reference: &str| {
        let letter = letters.iter().find(|letter| letter["letterRefId"] == reference).unwrap();
        letter["impressionCount"].as_u64().unwrap()
    };
    let sheets = |sides: u64| 1 + sides.div_ceil(2);
    let all_sheets: u64 = letters.iter().map(|letter| sheets(letter["impressionCount"].as_u64().unwrap())).sum();

    let id = tenant.batch_in("ready", &json!({}), &letters);
    let job = assembled(&tenant, &[&id]);
    assert_eq!((&job["letters"], &job["sheets"]), (&json!(count), &json!(all_sheets)));
    assert_eq!((&job["batchIds"], &job["partCount"]), (&json!([id]), &job["partsAssembled"]));

    let (mut references, mut codes, mut order) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
    for part in job["parts"].as_array().unwrap() {
        let file = fetch(&tenant, &part["printFile"]);
        assert_eq!(part["printFile"]["bytes"], file.len());
        let pdf = lopdf::Document::load_mem(&file).unwrap();
        let pages = pdf.get_pages().len() as u64;
        assert_eq!(part["pages"], pages);
        assert_eq!(part["sheets"].as_u64().unwrap() * 2, pages, "every sheet has two sides in the file");
        let rows = rows(&fetch(&tenant, &part["manifest"]));
        assert_eq!(part["letters"], rows.len());
        let mut next_page = 1;
        for (row, piece) in rows.iter().zip(part["firstPiece"].as_u64().unwrap()..) {
            let number = |column: &str| row[column].parse::<u64>().unwrap();
            assert_eq!(number("piece"), piece);
            assert_eq!(row["batchId"], id);
            assert_eq!(number("sheets"), sheets(sides(&row["letterRefId"])));
            assert_eq!(number("pages"), 2 * number("sheets"));
            assert_eq!(number("firstPage"), next_page);
            assert!(number("offset") + number("length") <= file.len() as u64);
            next_page += number("pages");
            assert!(references.insert(row["letterRefId"].clone()), "{} is in it twice", row["letterRefId"]);
            assert!(codes.insert(row["trackingCode"].clone()), "{} is in it twice", row["trackingCode"]);
            order.push((number("sheets"), row["postalCode"].clone()));
        }
        assert_eq!(next_page - 1, pages);
    }
    assert_eq!(references.len(), count);
    assert!(order.is_sorted(), "pieces go by sheets, then by ZIP: {order:?}");
    for letter in tenant.letters(&id) {
        assert!(codes.contains(letter["trackingCode"].as_str().unwrap()));
        assert_eq!(letter["productionState"], "inProduction");
    }

    let path = [("jobId", job["id"].as_str().unwrap())];
    for operation in ["operator.jobs.printed", "operator.jobs.mailed"] {
        tenant.stack.operator.call(operation, &path).expect(200);
    }
    let tracking = tenant.tracking(&id);
    assert_eq!((&tracking["status"], &tracking["state"]), (&json!("Mailed"), &json!("mailed")));
    let summary = tracking["letterSummary"].as_object().unwrap();
    assert_eq!(summary["dropped"], count);
    assert_eq!(summary.values().map(|count| count.as_u64().unwrap()).sum::<u64>(), count as u64);
    for reference in &references {
        let path = [("batchId", id.as_str()), ("letterId", reference.as_str())];
        let answer = tenant.client.call("letters.get", &path).expect(200);
        assert_eq!(answer.text(), "\"Dropped\"");
    }
    assert!(tenant.letters(&id).iter().all(|letter| letter["postalState"] == "Dropped"));
}

#[test]
fn a_certified_letter_has_its_label_and_its_article_number() {
    let tenant = Tenant::new();
    let certified = json!({ "mailClass": "Certified", "electronicReturnReceipt": true });
    let (plain, labelled) = (tenant.ready_batch(&json!({})), tenant.ready_batch(&certified));
    // How many rectangles are drawn on the cover, of which bars are made, and the two manifests. Those of the sheet mark do not
    // count, which comes last and of which each piece has as many as its number makes.
    let printed = |batch: &str| {
        let part = &assembled(&tenant, &[batch])["parts"][0];
        let pdf = lopdf::Document::load_mem(&fetch(&tenant, &part["printFile"])).unwrap();
        let content = pdf.get_page_content(pdf.get_pages()[&1]);
        let content = String::from_utf8_lossy(&content);
        let (bars, _mark) = content.rsplit_once(" cm 1 g 0 0 ").unwrap();
        let rectangles = bars.matches("re\n").count();
        (rectangles, rows(&fetch(&tenant, &part["manifest"])), fetch(&tenant, &part["manifestLines"]))
    };
    let (without, unnumbered, _) = printed(&plain);
    assert_eq!(unnumbered[0]["articleNumber"], "");

    let (with, numbered, lines) = printed(&labelled);
    let letter = tenant.letters(&labelled).remove(0);
    let number = letter["articleNumber"].as_str().unwrap();
    assert!(number.starts_with("92148902345678") && number.len() == 22, "{number}");
    assert_eq!(numbered[0]["articleNumber"], number);
    assert!(with > without + 50, "the label's bars are missing: {with} rectangles, and {without} without it");
    let lines: Vec<Value> =
        String::from_utf8(lines).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((lines.len(), &lines[0]["articleNumber"], &lines[1]["file"]["pieces"]), (2, &json!(number), &json!(1)));
}

#[test]
fn batches_of_two_accounts_are_printed_in_one_job_and_keep_apart() {
    let (one, two) = (Tenant::new(), Tenant::new());
    let (first, second) = (one.ready_batch(&json!({})), two.ready_batch(&json!({})));
    let job = assembled(&one, &[&first, &second]);
    assert_eq!(job["letters"], 2);
    let rows: Vec<_> =
        job["parts"].as_array().unwrap().iter().flat_map(|part| rows(&fetch(&one, &part["manifest"]))).collect();
    let batches: BTreeSet<&str> = rows.iter().map(|row| row["batchId"].as_str()).collect();
    assert_eq!(batches, BTreeSet::from([first.as_str(), second.as_str()]), "each has a letter L0000001");
    one.client.call("batches.get", &[("batchId", &second)]).expect(404);
    two.client.call("batches.get", &[("batchId", &first)]).expect(404);
}

#[test]
fn a_withdrawn_letter_is_not_printed_and_not_counted() {
    let tenant = Tenant::new();
    let path = tenant.upload("typst-2.0.pdf");
    let id = tenant.batch_in("ready", &json!({}), &[letter("L0000001", &path, 1), letter("L0000002", &path, 1)]);
    let withdrawn = [("batchId", id.as_str()), ("letterId", "L0000001")];
    tenant.client.call("letters.withdraw", &withdrawn).expect(204);
    let job = assembled(&tenant, &[&id]);
    let rows = rows(&fetch(&tenant, &job["parts"][0]["manifest"]));
    assert_eq!(rows.iter().map(|row| row["letterRefId"].as_str()).collect::<Vec<_>>(), ["L0000002"]);
    let path = [("jobId", job["id"].as_str().unwrap())];
    for operation in ["operator.jobs.printed", "operator.jobs.mailed"] {
        tenant.stack.operator.call(operation, &path).expect(200);
    }
    assert_eq!(tenant.tracking(&id)["letterSummary"]["dropped"], 1);
    assert_eq!(tenant.client.call("letters.get", &withdrawn).read(404)["code"], "not_mailed");
}
