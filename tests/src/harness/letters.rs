//! The requests that the tests make.

use super::floor::Request;
use super::house::House;
use serde_json::{Value, json};

/// A letter to send: its reference, its document, and how many pages that has.
#[derive(Clone, Debug)]
pub struct Letter {
    reference: String,
    document: String,
    pages: u32,
}

/// A letter.
pub fn letter(reference: &str, document: &str, pages: u32) -> Letter {
    Letter { reference: reference.to_owned(), document: document.to_owned(), pages }
}

fn body(house: &House, letter: &Letter) -> Value {
    json!({
        "letterRefId": letter.reference,
        "name1": "Jane Doe",
        "address1": "1300 Perdido St",
        "city": "New Orleans",
        "state": "LA",
        "postalCode": "70112",
        "country": "US",
        "originalDocumentPath": format!("s3://{}/{}", house.client, letter.document),
        "impressionCount": letter.pages,
    })
}

/// Creates a batch for `count` letters, with some of them or none.
pub fn create(house: &House, count: u32, letters: &[Letter], key: Option<String>) -> Request {
    let mut batch = json!({
        "mailClass": "FirstClass",
        "electronicReturnReceipt": false,
        "usePerforatedPaper": false,
        "targetMailDate": "2026-12-01",
        "letterCount": count,
        "returnAddress": "PO Box 52138\nNew Orleans LA 70153",
    });
    if !letters.is_empty() {
        batch["letters"] = letters.iter().map(|letter| body(house, letter)).collect();
    }
    Request {
        operation: "batches.create",
        method: "POST",
        path: "/v2/batches",
        parameters: Vec::new(),
        body: Some(batch),
        key,
    }
}

/// Adds letters.
pub fn add(house: &House, batch: &str, letters: &[Letter], key: Option<String>) -> Request {
    Request {
        operation: "letters.add",
        method: "POST",
        path: "/v2/batches/{batchId}/letters",
        parameters: vec![("batchId", batch.to_owned())],
        body: Some(letters.iter().map(|letter| body(house, letter)).collect()),
        key,
    }
}

/// An operation on one letter.
pub fn of_letter(
    operation: &'static str,
    method: &'static str,
    batch: &str,
    reference: &str,
    key: Option<String>,
) -> Request {
    let path = match operation {
        "letters.retry" => "/v2/batches/{batchId}/letters/{letterId}/retry",
        _ => "/v2/batches/{batchId}/letters/{letterId}",
    };
    let parameters = vec![("batchId", batch.to_owned()), ("letterId", reference.to_owned())];
    Request { operation, method, path, parameters, body: None, key }
}

/// Replaces a letter.
pub fn replace(house: &House, batch: &str, letter: &Letter) -> Request {
    let request = of_letter("letters.replace", "PUT", batch, &letter.reference, None);
    Request { body: Some(body(house, letter)), ..request }
}

/// Cancels a batch.
pub fn cancel(batch: &str) -> Request {
    Request {
        operation: "batches.cancel",
        method: "DELETE",
        path: "/v2/batches/{batchId}",
        parameters: vec![("batchId", batch.to_owned())],
        body: None,
        key: None,
    }
}

/// Merges batches into a job.
pub fn merge(batches: &[&str], key: Option<String>) -> Request {
    Request {
        operation: "operator.jobs.create",
        method: "POST",
        path: "/v2/operator/jobs",
        parameters: Vec::new(),
        body: Some(json!({ "batchIds": batches })),
        key,
    }
}

/// An operation on a job.
pub fn of_job(operation: &'static str, job: &str, key: Option<String>) -> Request {
    let (method, path) = match operation {
        "operator.jobs.get" => ("GET", "/v2/operator/jobs/{jobId}"),
        "operator.jobs.cancel" => ("DELETE", "/v2/operator/jobs/{jobId}"),
        "operator.jobs.retry" => ("POST", "/v2/operator/jobs/{jobId}/retry"),
        "operator.jobs.printed" => ("POST", "/v2/operator/jobs/{jobId}/printed"),
        _ => ("POST", "/v2/operator/jobs/{jobId}/mailed"),
    };
    Request { operation, method, path, parameters: vec![("jobId", job.to_owned())], body: None, key }
}
