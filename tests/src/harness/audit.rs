//! Holds what is in the table and the buckets to the promises of the design: no letter lost and none printed twice,
//! additions all or nothing, counts that equal the letters, and one event for each change.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::Result;
use super::house::{House, Item};

/// What there must be of a batch.
#[derive(Clone, Debug, Default)]
pub struct Expected {
    /// The letters that were accepted and not withdrawn, and how many pages each has.
    pub letters: BTreeMap<String, u64>,
    /// Those that were withdrawn.
    pub withdrawn: BTreeSet<String>,
    /// How many more the batch takes.
    pub room: u64,
    /// Its state.
    pub state: &'static str,
    /// How many events of each kind it has.
    pub events: BTreeMap<&'static str, usize>,
}

macro_rules! violation {
    ($($text:tt)*) => { return Err(format!($($text)*).into()) };
}

macro_rules! same {
    ($what:expr, $found:expr, $wanted:expr) => {{
        let (found, wanted) = (&$found, &$wanted);
        if found != wanted {
            violation!("{}: found {found:?}, but it must be {wanted:?}", $what);
        }
    }};
}

/// Checks a batch, and once it is in a job also what is printed of it.
///
/// # Errors
/// The first promise that is not kept.
pub async fn audit(house: &House, batch: &str, expected: &Expected) -> Result<()> {
    let pk = format!("BATCH#{batch}");
    let item = house.item(&pk, "BATCH").await?.ok_or_else(|| format!("batch {batch} is gone"))?;
    same!("the state", text(&item, "state"), expected.state);

    let letters = letters(house, batch, &item).await?;
    let mut states = BTreeMap::<&str, BTreeSet<String>>::new();
    let mut sheets = 0;
    for letter in &letters {
        let reference = text(letter, "reference").to_owned();
        if text(letter, "state") == "ready" {
            sheets += 1 + number(letter, "impressions").div_ceil(2);
        }
        if !states.entry(text(letter, "state")).or_default().insert(reference.clone()) {
            violation!("letter {reference} is there twice");
        }
    }
    let of = |state: &str| states.get(state).cloned().unwrap_or_default();
    same!("the withdrawn letters", of("canceled"), expected.withdrawn);
    let kept: BTreeSet<String> = letters
        .iter()
        .filter(|letter| text(letter, "state") != "canceled")
        .map(|letter| text(letter, "reference").to_owned())
        .collect();
    same!("the accepted letters", kept, expected.letters.keys().cloned().collect::<BTreeSet<_>>());

    if expected.state != "canceled" {
        same!("the open additions", item["open"].to_string(), "{}");
    }
    same!("received", number(&item, "received"), kept.len() as u64);
    same!("room", number(&item, "room"), expected.room);
    same!("expected", number(&item, "expected"), kept.len() as u64 + expected.room);
    same!("passed", number(&item, "passed"), of("ready").len() as u64);
    same!("issues", number(&item, "issues"), of("issue").len() as u64);
    same!("sheets", number(&item, "sheets"), sheets);

    let mut events = BTreeMap::<String, usize>::new();
    // How often each letter was found ready or with an issue, less how often it was to be inspected once more.
    let mut found = BTreeMap::<String, i32>::new();
    for item in house.partition(&pk).await? {
        if !text(&item, "sk").starts_with("EVENT#") && !text(&item, "sk").starts_with("INSPECTED#") {
            continue;
        }
        let counts = match text(&item, "kind") {
            "letter.ready" | "letter.issue" => 1,
            "letter.replaced" | "letter.retried" => -1,
            _ => 0,
        };
        for entry in item.get("entries").and_then(Value::as_array).into_iter().flatten() {
            if entry["data"]["code"].as_str().is_some_and(|code| code.starts_with("assembly.")) {
                // It had been found ready: that is what was wrong.
                continue;
            }
            *found.entry(letter_of(entry).to_owned()).or_default() += counts;
        }
        *events.entry(text(&item, "kind").to_owned()).or_default() += 1;
    }
    for letter in &letters {
        let reference = text(letter, "reference");
        let times = found.remove(reference).unwrap_or(0);
        let inspected = text(letter, "state") != "queued";
        // A batch that was canceled may have gone while its letters were being inspected.
        if times != i32::from(inspected) && !(expected.state == "canceled" && times == 0) {
            violation!("letter {reference} is {}, but was found so {times} times", text(letter, "state"));
        }
    }
    same!("letters with events that are not in the batch", found, BTreeMap::new());
    let wanted: BTreeMap<String, usize> = expected
        .events
        .iter()
        .filter(|(_, count)| **count > 0)
        .map(|(kind, count)| ((*kind).to_owned(), *count))
        .collect();
    same!("the events of the batch", events, wanted);

    let jobs = house.all("JOB").await?;
    // A job that was given up holds nothing any more.
    let with_batch = |job: &&Item| {
        text(job, "state") != "canceled"
            && job["batches"].as_array().is_some_and(|batches| batches.iter().any(|id| id == batch))
    };
    let jobs: Vec<&Item> = jobs.iter().filter(with_batch).collect();
    match item.get("job").and_then(Value::as_str) {
        None => same!("the jobs that hold the batch", jobs.len(), 0),
        Some(job) => {
            same!("the jobs that hold the batch", jobs.len(), 1);
            let found = jobs.first().ok_or("no job")?;
            same!("the batch's job", text(found, "id"), job);
            same!("the job's batches", found["batches"].as_array().map(Vec::len), Some(1));
            if matches!(text(found, "state"), "assembled" | "printed" | "mailed") {
                printed(house, found, &letters, expected).await?;
            }
        }
    }
    Ok(())
}

/// The log of the client's live mail: the first number of each event, and the event, in order.
///
/// # Errors
/// When numbers have gaps, an event is in it twice, or is no longer there.
pub async fn logged(house: &House) -> Result<Vec<(u64, Item)>> {
    let pk = format!("LOG#{}#live", house.account);
    let mut logged = Vec::new();
    let mut keys = BTreeSet::new();
    let mut last = 0;
    for item in house.partition(&pk).await? {
        if text(&item, "sk") == "COUNTER" {
            continue;
        }
        same!("the first number of a stretch", number(&item, "first"), last + 1);
        if number(&item, "ttl") == 0 {
            violation!("the stretch that begins at {} is kept for ever", last + 1);
        }
        for place in item["events"].as_array().filter(|places| !places.is_empty()).ok_or("a stretch without events")? {
            let [pk, sk] = [0, 1].map(|part| place[part].as_str().unwrap_or_default());
            let event = house.item(pk, sk).await?.ok_or_else(|| format!("{pk} {sk} is in the log and nowhere else"))?;
            let changes = (event.get("entries").and_then(Value::as_array).map_or(0, Vec::len) as u64).max(1);
            same!(format!("how many numbers {pk} {sk} has"), place[2].as_u64(), Some(changes));
            same!(format!("the number noted on {pk} {sk}"), number(&event, "number"), last + 1);
            if !keys.insert((pk.to_owned(), sk.to_owned())) {
                violation!("event {} is in the log twice", last + 1);
            }
            logged.push((last + 1, event));
            last += changes;
        }
        same!("the key of a stretch", text(&item, "sk"), format!("NUMBER#{last:020}"));
    }
    let counter = house.item(&pk, "COUNTER").await?.unwrap_or_default();
    same!("the last number", number(&counter, "last"), last);
    Ok(logged)
}

/// Checks the log of the client's live mail: numbers without gaps, each event once and still there, and the batch's events
/// all in it.
///
/// # Errors
/// The first promise that is not kept.
pub async fn log(house: &House, batch: &str) -> Result<()> {
    let logged: BTreeSet<String> = logged(house).await?.iter().map(|(_, event)| text(event, "sk").to_owned()).collect();
    for event in house.partition(&format!("BATCH#{batch}")).await? {
        let sk = text(&event, "sk");
        let is_event = sk.starts_with("EVENT#") || sk.starts_with("INSPECTED#");
        // Of what is nobody's, nobody is told.
        if !is_event || !event.contains_key("account") {
            continue;
        }
        if event.contains_key("gsi1pk") {
            violation!("{sk} is still listed as not numbered");
        }
        if !logged.contains(sk) {
            violation!("{sk} is not in the log");
        }
    }
    Ok(())
}

/// The letter of an entry of an event: what has no data of its own is kept as the reference alone.
pub fn letter_of(entry: &Value) -> &str {
    entry.as_str().or_else(|| entry["letter"].as_str()).unwrap_or_default()
}

/// The letters of a batch, whether or not they are to be seen.
///
/// # Errors
/// When the table does not answer.
pub async fn letters(house: &House, batch: &str, item: &Item) -> Result<Vec<Item>> {
    let mut letters = Vec::new();
    for shard in 0..number(item, "shards") {
        let items = house.partition(&format!("BATCH#{batch}#{shard:02}")).await?;
        letters.extend(items.into_iter().filter(|item| text(item, "sk").starts_with("LETTER#")));
    }
    Ok(letters)
}

/// Checks the parts of a job: each letter is one piece, and the files are what the table says they are.
async fn printed(house: &House, job: &Item, letters: &[Item], expected: &Expected) -> Result<()> {
    let id = text(job, "id");
    let mut events = BTreeMap::<String, usize>::new();
    let mut parts = Vec::new();
    for item in house.partition(&format!("JOB#{id}")).await? {
        match text(&item, "sk").split('#').next() {
            Some("EVENT") => *events.entry(text(&item, "kind").to_owned()).or_default() += 1,
            Some("PART") => parts.push(item),
            _ => {}
        }
    }
    let state = text(job, "state");
    let (failed, retried) = (events.remove("job.failed"), events.remove("job.retried"));
    same!("how often the job failed and was retried", retried, failed);
    let mut wanted = BTreeMap::from([("job.created".to_owned(), 1), ("job.assembled".to_owned(), 1)]);
    if state != "assembled" {
        wanted.insert("job.printed".to_owned(), 1);
    }
    if state == "mailed" {
        wanted.insert("job.mailed".to_owned(), 1);
    }
    same!("the events of the job", events, wanted);
    same!("the job's parts", number(job, "parts"), parts.len() as u64);
    same!("the assembled parts", number(job, "assembled"), parts.len() as u64);
    same!("the files of the job", house.keys(&house.print, &format!("jobs/{id}/")).await?.len(), parts.len() * 3);

    let mut pieces = BTreeMap::new();
    let mut codes = BTreeSet::new();
    let mut number_in_job = 0;
    for part in &parts {
        let key = format!("jobs/{id}/part-{:05}", number(part, "number"));
        let print = house.object(&house.print, &format!("{key}.pdf")).await?;
        let manifest = house.object(&house.print, &format!("{key}.csv")).await?;
        let files = part["files"].as_object().ok_or("a part has no files")?;
        same!("the hash of the print file", hash(&print), text(files, "sha256"));
        same!("the hash of the manifest", hash(&manifest), text(files, "manifestSha256"));
        let lines = house.object(&house.print, &format!("{key}.jsonl")).await?;
        same!("the hash of the JSON lines", hash(&lines), text(files, "linesSha256"));
        let pdf = lopdf::Document::load_mem(&print)?;
        let (mut pages, mut sheets) = (0, 0);
        for row in csv::Reader::from_reader(manifest.as_slice()).deserialize::<BTreeMap<String, String>>() {
            let row = row?;
            let field = |name: &str| row.get(name).map_or("", String::as_str);
            let count = |name: &str| field(name).parse::<u64>().unwrap_or(0);
            let reference = field("letterRefId").to_owned();
            number_in_job += 1;
            same!("the number of the piece", count("piece"), number_in_job);
            same!(format!("the first page of {reference}"), count("firstPage"), pages + 1);
            let own = expected.letters.get(&reference).copied().unwrap_or(0);
            same!(format!("the pages of {reference}"), count("pages"), 2 + own.next_multiple_of(2));
            pages += count("pages");
            sheets += count("sheets");
            if !codes.insert(field("trackingCode").to_owned()) {
                violation!("two pieces have the tracking code {}", field("trackingCode"));
            }
            if pieces.insert(reference.clone(), field("trackingCode").to_owned()).is_some() {
                violation!("letter {reference} is printed twice");
            }
        }
        same!("the pages of the print file", pdf.get_pages().len() as u64, pages);
        same!("the pages of the part", number(files, "pages"), pages);
        same!("the sheets of the part", number(files, "sheets"), sheets);
    }
    let printed: BTreeSet<&String> = pieces.keys().collect();
    same!("the printed letters", printed, expected.letters.keys().collect::<BTreeSet<_>>());
    for letter in letters.iter().filter(|letter| text(letter, "state") == "ready") {
        let code = letter["piece"]["code"].as_str();
        same!(
            format!("the tracking code of {}", text(letter, "reference")),
            code,
            pieces.get(text(letter, "reference")).map(String::as_str)
        );
    }
    let all: Vec<Item> = house.partition("SERIALS#902345678").await?;
    let mut ranges: Vec<(u64, u64)> = all
        .iter()
        .filter(|item| text(item, "sk").starts_with("RANGE#"))
        .map(|item| (number(item, "first"), number(item, "letters")))
        .collect();
    ranges.sort_unstable();
    if ranges.windows(2).any(|pair| matches!(pair, [(first, letters), (next, _)] if first + letters > *next)) {
        violation!("serial numbers were given out twice: {ranges:?}");
    }
    Ok(())
}

/// SHA-256 in hexadecimal.
pub fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A text of an item.
pub fn text<'a>(item: &'a Item, name: &str) -> &'a str {
    item.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// A number of an item.
pub fn number(item: &Item, name: &str) -> u64 {
    item.get(name).and_then(Value::as_u64).unwrap_or(0)
}
