//! Scans to send, what they must come to, and an audit of what they came to: pieces, summaries and events.
//!
//! What scans must come to is written here once more, from the words of the contract and not from the code that is tested.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::Result;
use super::audit::{letter_of, number, text};
use super::floor::{Floor, Request};
use super::house::{House, Item};
use super::letters::{create, letter, merge, of_job};

/// A scan of a piece.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Scan {
    /// Seconds after the house's first.
    pub second: i64,
    /// Who made it: one of `I` (Informed Visibility), `P` (Product Tracking), `A` (address change) and `M` (the mailhouse).
    pub feed: char,
    /// The code.
    pub code: String,
    /// The ZIP Code of the place.
    pub zip: String,
}

/// A scan.
pub fn scan(second: i64, feed: char, code: &str) -> Scan {
    Scan { second, feed, code: code.to_owned(), zip: "70113".to_owned() }
}

/// When the first scan is, in seconds of the epoch: 2027-01-15.
const FIRST: i64 = 1_800_000_000;

/// This moment, in seconds after the first scan.
pub fn now() -> i64 {
    jiff::Timestamp::now().as_second() - FIRST
}

impl Scan {
    /// Its time.
    pub fn at(&self) -> String {
        jiff::Timestamp::from_second(FIRST + self.second).map(|at| at.to_string()).unwrap_or_default()
    }

    /// It as an event of a push, of the piece with those digits.
    pub fn event(&self, digits: &str) -> Value {
        let mut event = json!({ "scanDatetime": self.at(), "scanEventCode": self.code, "scanFacilityZip": self.zip });
        event[if digits.len() == 20 { "imbTrackingCode" } else { "pic" }] = Value::from(digits);
        match self.feed {
            'A' => event["feed"] = Value::from("ACS"),
            'M' => event["feed"] = Value::from("mailhouse"),
            _ => {}
        }
        event
    }
}

/// Events as a push has them.
pub fn envelope(events: &[Value]) -> Vec<u8> {
    json!({ "msgGrpId": "1", "events": events }).to_string().into_bytes()
}

/// Events as JSON lines.
pub fn lines(events: &[Value]) -> Vec<u8> {
    events.iter().map(|event| format!("{event}\n")).collect::<String>().into_bytes()
}

/// Events as delimited text.
pub fn delimited(events: &[Value]) -> Vec<u8> {
    let columns = ["imbTrackingCode", "pic", "scanDatetime", "scanEventCode", "scanFacilityZip", "feed"];
    let mut text = "IMb Tracking Code|PIC|Scan Date Time|Scan Event Code|Scan Facility ZIP|Feed\n".to_owned();
    for event in events {
        let values: Vec<&str> = columns.iter().map(|column| event[*column].as_str().unwrap_or_default()).collect();
        text += &(values.join("|") + "\n");
    }
    text.into_bytes()
}

/// The state that scans make, by the contract's words: the first terminal one counts, delivery after a return is a return,
/// without one a return counts before all else, and then whatever is farthest along. A person's word ends what was before.
pub fn state(scans: &BTreeSet<Scan>) -> &'static str {
    let mut ordered: Vec<&Scan> = scans.iter().collect();
    let feeds = ['I', 'P', 'A', 'M'];
    let rank = |scan: &Scan| feeds.iter().position(|feed| *feed == scan.feed);
    ordered.sort_by_key(|scan| (scan.second, rank(scan), scan.code.clone(), scan.zip.clone()));
    let (mut told, mut start): (Vec<&'static str>, &'static str) = (Vec::new(), "Dropped");
    for scan in ordered {
        if let Some(set) = scan.code.strip_prefix("SET:").filter(|_| scan.feed == 'M') {
            start = match set {
                "INTRANSIT" => "InTransit",
                "AWAITINGRETURN" => "AwaitingReturn",
                "DELIVERED" => "Delivered",
                "NOTMAILABLE" => "NotMailable",
                _ => "Returned",
            };
            told.clear();
            continue;
        }
        match (scan.feed, scan.code.as_str()) {
            ('P', "01") | ('I', "LOGICALDELIVERY") => told.push("Delivered"),
            ('P', "03") | ('I', "891") => told.push("Accepted"),
            ('P', "07" | "10" | "OF") | ('I', "918") => told.push("InTransit"),
            ('P', "09" | "23") | ('A', "Q") => told.push("AwaitingReturn"),
            ('P', "11") => told.push("CannotReturnToSender"),
            ('M', "REJECTED") => told.push("NotMailable"),
            ('M', "RETURNED") => told.push("Returned"),
            ('P', "GC") => {}
            _ => told.push("Other"),
        }
    }
    let terminal = |state: &str| matches!(state, "Delivered" | "Returned" | "CannotReturnToSender" | "NotMailable");
    if terminal(start) {
        return start;
    }
    let end = told.iter().position(|state| terminal(state));
    let before = &told[..end.unwrap_or(told.len())];
    let returning = start == "AwaitingReturn" || before.contains(&"AwaitingReturn");
    match end.map(|end| told[end]) {
        Some("Delivered") if returning => "Returned",
        Some(state) => state,
        None if returning => "AwaitingReturn",
        None => {
            let far = ["Dropped", "Other", "Accepted", "InTransit"];
            let far = |state: &str| far.iter().position(|known| *known == state).unwrap_or(0);
            before.iter().copied().chain([start]).max_by_key(|state| far(state)).unwrap_or("Dropped")
        }
    }
}

/// A letter that was printed.
#[derive(Clone, Debug)]
pub struct Printed {
    /// Its reference.
    pub reference: String,
    /// Its tracking code.
    pub code: String,
    /// Its article number, if it is certified.
    pub article: Option<String>,
}

/// A batch that is printed, and perhaps mailed.
#[derive(Clone, Debug)]
pub struct PrintedBatch {
    /// Its id.
    pub id: String,
    /// Its job.
    pub job: String,
    /// Its letters, by their references.
    pub letters: Vec<Printed>,
}

/// Makes a batch of so many letters and has it printed.
///
/// # Errors
/// When a step fails.
pub async fn print(floor: &mut Floor, letters: u32, certified: bool) -> Result<PrintedBatch> {
    let content: Vec<_> = (0..letters).map(|number| letter(&format!("L{number:07}"), "reportlab.pdf", 1)).collect();
    let mut request = create(&floor.house, letters, &content, None);
    if certified && let Some(body) = &mut request.body {
        body["mailClass"] = Value::from("Certified");
        body["electronicReturnReceipt"] = Value::from(true);
    }
    let id = done(floor, &request, 202).await?.0;
    floor.follow(&id);
    floor.drain(None).await?;
    let job = done(floor, &merge(&[&id], None), 202).await?.0;
    floor.drain(None).await?;
    done(floor, &of_job("operator.jobs.printed", &job, None), 200).await?;
    let item = floor.house.item(&format!("BATCH#{id}"), "BATCH").await?.ok_or("the batch is gone")?;
    let mut letters: Vec<Printed> = super::audit::letters(&floor.house, &id, &item)
        .await?
        .iter()
        .map(|letter| Printed {
            reference: text(letter, "reference").to_owned(),
            code: letter["piece"]["code"].as_str().unwrap_or_default().to_owned(),
            article: letter["piece"]["article"].as_str().map(str::to_owned),
        })
        .collect();
    letters.sort_by(|a, b| a.reference.cmp(&b.reference));
    Ok(PrintedBatch { id, job, letters })
}

/// Has a printed batch mailed.
///
/// # Errors
/// When a step fails.
pub async fn mail(floor: &mut Floor, batch: &PrintedBatch) -> Result<()> {
    done(floor, &of_job("operator.jobs.mailed", &batch.job, None), 200).await?;
    floor.drain(None).await
}

/// Makes a request that must be answered with that status. Answers the id in the answer, and the whole answer.
///
/// # Errors
/// When it is answered otherwise.
pub async fn done(floor: &mut Floor, request: &Request, status: u64) -> Result<(String, Value)> {
    let answer = floor.request(request).await?;
    if answer.status != status {
        return Err(format!("{} answered {}: {}", request.operation, answer.status, answer.body).into());
    }
    Ok((answer.text("id"), serde_json::from_str(&answer.body).unwrap_or_default()))
}

/// A request without a body to an operation of the API.
pub fn ask(
    operation: &'static str,
    method: &'static str,
    path: &'static str,
    parameters: &[(&'static str, &str)],
) -> Request {
    let parameters = parameters.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    Request { operation, method, path, parameters, body: None, key: None }
}

/// The answers of the API about a batch's summary and a letter's history.
///
/// # Errors
/// When they are not given.
pub async fn summary(floor: &mut Floor, batch: &str) -> Result<Value> {
    let path = "/v2/batches/{batchId}/tracking";
    let asked = ask("batches.tracking", "GET", path, &[("batchId", batch)]);
    Ok(done(floor, &asked, 200).await?.1["letterSummary"].clone())
}

/// The scans of a letter as they are kept.
///
/// # Errors
/// When the table does not answer.
pub async fn scans_of(house: &House, batch: &PrintedBatch, reference: &str) -> Result<BTreeSet<Scan>> {
    let item = house.item(&format!("BATCH#{}", batch.id), "BATCH").await?.ok_or("the batch is gone")?;
    for shard in 0..number(&item, "shards") {
        let pk = format!("BATCH#{}#{shard:02}", batch.id);
        if let Some(item) = house.item(&pk, &format!("TRACKED#{reference}")).await? {
            return item["scans"].as_array().into_iter().flatten().map(kept_scan).collect();
        }
    }
    Ok(BTreeSet::new())
}

/// Holds what is in the table of a mailed batch to the scans of its letters: those that are given and no others, the states
/// that they make, a summary that counts these, and one event for each change of a state.
///
/// # Errors
/// The first that is not so.
pub async fn audit(house: &House, batch: &PrintedBatch, wanted: &BTreeMap<String, BTreeSet<Scan>>) -> Result<()> {
    let item = house.item(&format!("BATCH#{}", batch.id), "BATCH").await?.ok_or("the batch is gone")?;
    let (mut tracked, mut counted) = (BTreeMap::<String, Item>::new(), BTreeMap::<String, i64>::new());
    for shard in 0..number(&item, "shards") {
        for item in house.partition(&format!("BATCH#{}#{shard:02}", batch.id)).await? {
            if let Some(reference) = text(&item, "sk").strip_prefix("TRACKED#") {
                tracked.insert(reference.to_owned(), item);
            } else if text(&item, "sk") == "TRACKING" {
                for (state, count) in item.iter().filter(|(_, count)| count.is_i64()) {
                    *counted.entry(state.clone()).or_default() += count.as_i64().unwrap_or(0);
                }
            }
        }
    }
    counted.retain(|_, count| *count != 0);
    let (mut states, mut should) = (BTreeMap::<String, &str>::new(), BTreeMap::<String, i64>::new());
    for (reference, scans) in wanted.iter().filter(|(_, scans)| !scans.is_empty()) {
        let item = tracked.remove(reference).ok_or_else(|| format!("letter {reference} has no scans"))?;
        let found: Result<BTreeSet<Scan>> = item["scans"].as_array().into_iter().flatten().map(kept_scan).collect();
        if found? != *scans {
            return Err(format!("letter {reference} has {}, not {scans:?}", item["scans"]).into());
        }
        let state = state(scans);
        if text(&item, "state") != state {
            return Err(format!("letter {reference} is {}, not {state}, by {scans:?}", text(&item, "state")).into());
        }
        if state != "Dropped" {
            *should.entry(state.to_owned()).or_default() += 1;
        }
        states.insert(reference.clone(), state);
    }
    if let Some(reference) = tracked.keys().next() {
        return Err(format!("letter {reference} has scans that nobody sent").into());
    }
    if counted != should {
        return Err(format!("the summary counts {counted:?}, but the letters are {should:?}").into());
    }

    // A letter's changes are a way from where it was dropped off to where it is: each state is left as often as it is
    // entered, but for the first and the last.
    let mut balance = BTreeMap::<(String, String), i64>::new();
    for event in house.partition(&format!("BATCH#{}", batch.id)).await? {
        if text(&event, "kind") != "letter.tracked" {
            continue;
        }
        let entries =
            event["entries"].as_array().filter(|entries| !entries.is_empty()).ok_or("an event without entries")?;
        for entry in entries {
            let part = |name: &str| entry["data"][name].as_str().unwrap_or_default().to_owned();
            let reference = letter_of(entry).to_owned();
            if part("was") == part("state") {
                return Err(format!("an event of letter {reference} changes nothing: {entry}").into());
            }
            *balance.entry((reference.clone(), part("was"))).or_default() -= 1;
            *balance.entry((reference, part("state"))).or_default() += 1;
        }
    }
    for (reference, state) in states {
        *balance.entry((reference.clone(), "Dropped".to_owned())).or_default() += 1;
        *balance.entry((reference, state.to_owned())).or_default() -= 1;
    }
    match balance.into_iter().find(|(_, balance)| *balance != 0) {
        Some(((reference, state), balance)) => {
            Err(format!("the events of letter {reference} come to {state} {balance} times too often").into())
        }
        None => Ok(()),
    }
}

fn kept_scan(kept: &Value) -> Result<Scan> {
    let part = |place: usize| kept[place].as_str().unwrap_or_default().to_owned();
    let milliseconds = kept[0].as_i64().ok_or_else(|| format!("no time: {kept}"))?;
    let feed = part(1).chars().next().ok_or("no feed")?;
    Ok(Scan { second: milliseconds.div_euclid(1_000) - FIRST, feed, code: part(2), zip: part(6) })
}

/// The scan file with that key, as the table has it.
///
/// # Errors
/// When there is none.
pub async fn file(house: &House, key: &str) -> Result<Item> {
    let files = house.all("FILE").await?;
    files.into_iter().find(|file| text(file, "key") == key).ok_or_else(|| format!("no file {key} is known").into())
}
