//! Letters that are sent by themselves: the requests about them, how their send date comes, and what must be so of all of them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

use super::Result;
use super::audit::{number, text};
use super::floor::{Answer, Floor, Request};
use super::house::{House, Item};

/// So many recipients that nobody was before. The same document to the same one would be a duplicate.
fn unknown(recipients: u32) -> std::ops::Range<u32> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let first = NEXT.fetch_add(recipients, Ordering::Relaxed);
    first..first + recipients
}

/// The body of a letter with a document of the client's bucket, to a recipient whom no other has.
pub fn body(house: &House, document: &str) -> Value {
    json!({
        "sender": {
            "organization": "Acme Inc.",
            "address": { "address1": "PO Box 52138", "city": "New Orleans", "state": "LA", "postalCode": "70153" },
        },
        "recipient": recipient(unknown(1).start),
        "content": { "path": format!("s3://{}/{document}", house.client) },
        "useType": "transactional",
    })
}

/// One of many recipients.
pub fn recipient(number: u32) -> Value {
    json!({
        "individual": { "firstName": "Jane", "lastName": format!("Doe {number}") },
        "address": { "address1": "1300 Perdido St", "city": "New Orleans", "state": "LA", "postalCode": "70112" },
    })
}

/// The body of letters to so many recipients, whom no other has.
pub fn many(house: &House, document: &str, recipients: u32) -> Value {
    let mut body = body(house, document);
    if let Some(fields) = body.as_object_mut() {
        fields.remove("recipient");
        fields.insert("recipients".to_owned(), unknown(recipients).map(recipient).collect());
    }
    body
}

/// Creates what a body says.
pub fn create(body: Value, key: Option<String>) -> Request {
    let (operation, method, path) = ("singles.create", "POST", "/v2/letters");
    Request { operation, method, path, parameters: Vec::new(), body: Some(body), key }
}

/// The body of a postcard of that size with a document of the client's bucket.
pub fn card_body(house: &House, document: &str, size: &str) -> Value {
    let mut body = body(house, document);
    body["options"] = json!({ "size": size });
    body
}

/// Creates the postcard that a body says.
pub fn create_card(body: Value, key: Option<String>) -> Request {
    let (operation, method, path) = ("postcards.create", "POST", "/v2/postcards");
    Request { operation, method, path, parameters: Vec::new(), body: Some(body), key }
}

/// An operation on a postcard.
pub fn of_card(operation: &'static str, id: &str, body: Option<Value>) -> Request {
    let (method, path) = match operation {
        "postcards.update" => ("PATCH", "/v2/postcards/{postcardId}"),
        "postcards.cancel" => ("DELETE", "/v2/postcards/{postcardId}"),
        "postcards.download" => ("GET", "/v2/postcards/{postcardId}/download"),
        "postcards.events" => ("GET", "/v2/postcards/{postcardId}/events"),
        "postcards.proof" => ("GET", "/v2/postcards/{postcardId}/proof"),
        _ => ("GET", "/v2/postcards/{postcardId}"),
    };
    Request { operation, method, path, parameters: vec![("postcardId", id.to_owned())], body, key: None }
}

/// Lists postcards.
pub fn list_cards(parameters: &[(&'static str, String)]) -> Request {
    let (operation, method, path) = ("postcards.list", "GET", "/v2/postcards");
    Request { operation, method, path, parameters: parameters.to_vec(), body: None, key: None }
}

/// Looks what would become of a letter or postcard.
pub fn preflight(body: Value, key: Option<String>) -> Request {
    let (operation, method, path) = ("preflight.create", "POST", "/v2/preflight");
    Request { operation, method, path, parameters: Vec::new(), body: Some(body), key }
}

/// A document whose pages have these sizes in inches and contents.
pub fn document(pages: &[(f64, f64, &str)]) -> Vec<u8> {
    let kids: String = (0..pages.len()).map(|page| format!("{} 0 R ", 3 + 2 * page)).collect();
    let mut bodies =
        vec!["<</Type/Catalog/Pages 2 0 R>>".to_owned(), format!("<</Type/Pages/Kids[{kids}]/Count {}>>", pages.len())];
    for (page, (width, height, content)) in pages.iter().enumerate() {
        let (width, height) = (width * 72.0, height * 72.0);
        bodies.push(format!(
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 {width} {height}]/Contents {} 0 R/Resources<<>>>>",
            4 + 2 * page
        ));
        bodies.push(format!("<</Length {}>>stream\n{content}\nendstream", content.len()));
    }
    let (mut file, mut table) = ("%PDF-1.5\n".to_owned(), "0000000000 65535 f \n".to_owned());
    for (number, body) in (1..).zip(&bodies) {
        table += &format!("{:010} 00000 n \n", file.len());
        file += &format!("{number} 0 obj\n{body}\nendobj\n");
    }
    let (size, start) = (bodies.len() + 1, file.len());
    file += &format!("xref\n0 {size}\n{table}trailer\n<</Size {size}/Root 1 0 R>>\nstartxref\n{start}\n%%EOF\n");
    file.into_bytes()
}

/// A postcard of four by six inches with its bleed: a frame on its front, a bar on its back that leaves room for the address.
pub fn card() -> Vec<u8> {
    let front = "0.8 0.1 0.1 rg 0 0 450 306 re f 1 g 36 36 378 234 re f";
    document(&[(6.25, 4.25, front), (6.25, 4.25, "0 g 27 27 90 250 re f")])
}

/// An operation on a letter.
pub fn of(operation: &'static str, id: &str, body: Option<Value>) -> Request {
    let (method, path) = match operation {
        "singles.proof" => ("GET", "/v2/letters/{letterId}/proof"),
        "singles.update" => ("PATCH", "/v2/letters/{letterId}"),
        "singles.cancel" => ("DELETE", "/v2/letters/{letterId}"),
        "singles.download" => ("GET", "/v2/letters/{letterId}/download"),
        "singles.events" => ("GET", "/v2/letters/{letterId}/events"),
        "test.letters.advance" => ("POST", "/v2/test/letters/{letterId}/advance"),
        _ => ("GET", "/v2/letters/{letterId}"),
    };
    Request { operation, method, path, parameters: vec![("letterId", id.to_owned())], body, key: None }
}

/// Lists letters.
pub fn list(parameters: &[(&'static str, String)]) -> Request {
    let (operation, method, path) = ("singles.list", "GET", "/v2/letters");
    Request { operation, method, path, parameters: parameters.to_vec(), body: None, key: None }
}

/// The body of an answer.
///
/// # Errors
/// When it has another status.
pub fn read(answer: &Answer, status: u64) -> Result<Value> {
    if answer.status != status {
        return Err(format!("answered {} {}, not {status}", answer.status, answer.body).into());
    }
    Ok(serde_json::from_str(&answer.body).unwrap_or_default())
}

/// Makes a request and reads its answer.
///
/// # Errors
/// When it has another status.
pub async fn ask(floor: &mut Floor, request: &Request, status: u64) -> Result<Value> {
    let answer = floor.request(request).await?;
    read(&answer, status).map_err(|error| format!("{}: {error}", request.operation).into())
}

/// The item of a letter.
///
/// # Errors
/// When it is not there.
pub async fn item(house: &House, id: &str) -> Result<Item> {
    house.item(&format!("SINGLE#{id}"), "SINGLE").await?.ok_or_else(|| format!("{id} is gone").into())
}

/// Has the cutoff of a letter be years ago, as when its send date has come.
///
/// # Errors
/// When there is no such letter.
pub async fn come(house: &House, id: &str) -> Result<()> {
    send_on(house, id, "2026-01-05").await
}

/// Gives a letter another send date behind everybody's back.
///
/// # Errors
/// When there is no such letter.
pub async fn send_on(house: &House, id: &str, date: &str) -> Result<()> {
    let pk = format!("SINGLE#{id}");
    let single = item(house, id).await?;
    house.spoil(&pk, "SINGLE", "sendDate", &Value::from(date)).await?;
    if let Some((_, rest)) = text(&single, "gsi2sk").split_once('#') {
        house.spoil(&pk, "SINGLE", "gsi2sk", &Value::from(format!("{date}#{rest}"))).await?;
    }
    Ok(())
}

/// Runs the release once.
///
/// # Errors
/// When it fails.
pub async fn release(floor: &mut Floor) -> Result<u64> {
    let answer = floor.invoke("singles.release", &json!({})).await?;
    answer.as_u64().ok_or_else(|| format!("the release answered {answer}").into())
}

/// All letters of a house, also those of mailings that were not completed.
///
/// # Errors
/// When the table does not answer.
pub async fn all(house: &House) -> Result<Vec<Item>> {
    house.all("SINGLE").await
}

/// The partitions in which events of letters may lie: their own, and those of their batches.
///
/// # Errors
/// When the table does not answer.
pub async fn events_of(house: &House) -> Result<Vec<String>> {
    let mut partitions: Vec<String> = all(house).await?.iter().map(|single| text(single, "pk").to_owned()).collect();
    partitions.extend(house.all("BATCH").await?.iter().map(|batch| text(batch, "pk").to_owned()));
    Ok(partitions)
}

/// The events of all letters: of each, how often each kind.
///
/// # Errors
/// When the table does not answer.
pub async fn events(house: &House) -> Result<BTreeMap<String, BTreeMap<String, u64>>> {
    let mut events: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
    for partition in events_of(house).await? {
        for event in house.partition(&partition).await? {
            if !text(&event, "sk").starts_with("EVENT#") {
                continue;
            }
            for entry in event.get("entries").and_then(Value::as_array).into_iter().flatten() {
                let letter = super::audit::letter_of(entry).to_owned();
                *events.entry(letter).or_default().entry(text(&event, "kind").to_owned()).or_default() += 1;
            }
        }
    }
    Ok(events)
}

/// Checks what must be so of every house: each letter that is released is in exactly one batch, as it was inspected, and each
/// batch counts its letters; each letter has one event for each thing that it remembers.
///
/// # Errors
/// What is not so.
pub async fn audit(house: &House) -> Result<()> {
    let singles = all(house).await?;
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for batch in house.all("BATCH").await? {
        let id = text(&batch, "id").to_owned();
        if batch.get("group").is_none() {
            continue;
        }
        let mut letters = super::audit::letters(house, &id, &batch).await?;
        // Those that could not be assembled were taken out of it again.
        letters.retain(|letter| text(letter, "state") != "canceled");
        for name in ["expected", "received", "passed"] {
            if number(&batch, name) != letters.len() as u64 {
                return Err(format!("{id} says {name} {} of {} letters", number(&batch, name), letters.len()).into());
            }
        }
        if letters.len() > 500 {
            return Err(format!("{id} has {} letters", letters.len()).into());
        }
        for letter in letters {
            found.entry(text(&letter, "reference").to_owned()).or_default().push(id.clone());
            let single = item(house, text(&letter, "reference")).await?;
            if letter.get("copy") != single.get("copy") || text(&letter, "state") != "ready" {
                return Err(format!("{} is not in {id} as it was inspected", text(&single, "id")).into());
            }
        }
    }
    let events = events(house).await?;
    let given_up = house.all("JOB").await?.iter().any(|job| text(job, "state") == "canceled");
    for single in &singles {
        let id = text(single, "id");
        let batches = found.remove(id).unwrap_or_default();
        let noted: Vec<String> = single.get("batch").and_then(Value::as_str).map(str::to_owned).into_iter().collect();
        if batches != noted {
            return Err(format!("{id} is noted to be in {noted:?} and is in {batches:?}").into());
        }
        let mut remembered: BTreeMap<String, u64> = BTreeMap::new();
        for happened in single.get("history").and_then(Value::as_array).into_iter().flatten() {
            *remembered.entry(happened["type"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
        }
        if single.get("mailing").is_some() {
            // Nobody has looked yet whether its mailing is complete.
            continue;
        }
        let mut told = events.get(id).cloned().unwrap_or_default();
        told.retain(|kind, _| !matches!(kind.as_str(), "letter.in_production" | "letter.mailed" | "letter.tracked"));
        if let (true, Some(told), Some(remembered)) =
            (given_up, told.get_mut("letter.released"), remembered.get("letter.released"))
        {
            // It waits again for each job that was given up.
            *told = (*told).min(*remembered);
        }
        if told != remembered {
            return Err(format!("{id} remembers {remembered:?} and has events {told:?}").into());
        }
    }
    if !found.is_empty() {
        return Err(format!("letters without a single: {found:?}").into());
    }
    Ok(())
}
