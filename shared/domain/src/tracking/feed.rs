//! Reads what the postal service sends: files and pushes of scans, in the shapes in which they are met.
//!
//! Three shapes: a JSON document with an `events` array (the push envelope) or that is an array; JSON lines, one scan each;
//! and delimited text with a heading. Field names are compared without case, blanks and punctuation, and each field has
//! the names that feeds are known to use. A scan that cannot be read is a [`Reject`] with its place in the file, and
//! costs no other scan anything. Nothing but one scan is in memory at a time, whatever the size of the file.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, BufRead, Read};

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned, civil};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::serial::Serial;
use super::{Feed, MAX_SCANS, Place, Scan, Signature};
use crate::tracking_code::MailerId;

/// The longest line of a file of lines, bytes. A scan takes some hundreds.
const MAX_LINE: u64 = 64 << 10;

/// The longest value of a field that is kept, characters; the longest of the feed's own is 50.
const MAX_VALUE: usize = 60;

/// The same for where an image lies: cut off, it would lead nowhere.
const MAX_IMAGE: usize = 200;

/// What some programs put before UTF-8 text.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Where a record is: the line in a file of lines, else which of the events it is. Both count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum At {
    /// The line.
    Line(u64),
    /// The number of the event.
    Event(u64),
}

/// Which piece a scan is about, as its feed names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PieceNumber {
    /// The 20 digits of a tracking code.
    TrackingCode(String),
    /// The 20 to 34 digits of an article number (PIC) without the postal code before it.
    Article(String),
}

impl PieceNumber {
    /// Reads what a person keyed in or a scanner typed: the barcode of the address, or the one of a certified label.
    pub fn parse(digits: &str) -> Option<Self> {
        let digits: String = digits.chars().filter(|letter| !matches!(letter, ' ' | '-')).collect();
        // An article number of 20 digits is not ours; one of 22 has a length that no barcode of an address has.
        tracking_code(&digits).or_else(|| article_number(&digits))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        match self {
            PieceNumber::TrackingCode(digits) | PieceNumber::Article(digits) => digits,
        }
    }
}

/// The tracking code, alone or before the routing digits of a whole barcode.
fn tracking_code(digits: &str) -> Option<PieceNumber> {
    let whole = digits.bytes().all(|byte| byte.is_ascii_digit()) && matches!(digits.len(), 20 | 25 | 29 | 31);
    whole.then(|| PieceNumber::TrackingCode(digits[..20].to_owned()))
}

/// The article number, alone or behind the postal code of its barcode.
fn article_number(digits: &str) -> Option<PieceNumber> {
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // A postal code of five or nine digits, then an article number of 22, or of 26 where the length allows no other.
    let bare = match digits.strip_prefix("420") {
        Some(rest) if matches!(rest.len(), 27 | 31) => &rest[rest.len() - 22..],
        Some(rest) if rest.len() == 35 => &rest[9..],
        _ => digits,
    };
    matches!(bare.len(), 20 | 22 | 26).then(|| PieceNumber::Article(bare.to_owned()))
}

/// A scan as it stands in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Where in the file.
    pub at: At,
    /// The piece.
    pub piece: PieceNumber,
    /// The scan.
    pub scan: Scan,
    /// Whether the time had no offset and was taken as New York's.
    pub zone_assumed: bool,
}

/// A record that is no scan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reject {
    /// Where in the file.
    pub at: At,
    /// Why.
    pub reason: RejectReason,
}

/// Why a record is no scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "camelCase")]
pub enum RejectReason {
    /// Not JSON, or not an object.
    #[error("the record is not a JSON object")]
    NotAnObject,
    /// A line of another number of fields than the heading, or not text.
    #[error("the line does not have the fields of the heading")]
    Fields,
    /// Longer than any scan.
    #[error("the line is longer than {MAX_LINE} bytes")]
    TooLong,
    /// Neither a tracking code nor an article number.
    #[error("there is no tracking code of 20 digits and no article number")]
    NoPiece,
    /// No time, or one that cannot be read.
    #[error("there is no time of the scan that can be read")]
    NoTime,
    /// No event code.
    #[error("there is no event code")]
    NoCode,
    /// What only the mailhouse itself can tell, in a file of somebody else's.
    #[error(
        "only the mailhouse tells this: key the piece in as returned, or set its letter's state, through the operator's \
         endpoints"
    )]
    NotTheirs,
    /// The piece has more scans than any piece has.
    #[error("the piece has {MAX_SCANS} scans already")]
    TooMany,
}

/// A file that holds no scans.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// It could not be read.
    #[error("the file cannot be read")]
    Io(#[from] io::Error),
    /// It broke off or is no JSON.
    #[error("the file is not whole: it is no JSON after event {0}")]
    Json(u64),
    /// An event, or what stands between two, is longer than any scan.
    #[error("what follows event {0} is longer than {MAX_LINE} bytes")]
    TooLong(u64),
    /// A heading without the fields that a scan needs.
    #[error("the heading names no tracking code, no time of scan or no event code")]
    Heading,
}

/// Who wrote a file, and so whose words may be in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writer {
    /// The postal service, or whoever says so: it tells what was scanned.
    PostalService,
    /// The mailhouse itself, of test letters: it also tells what the mailhouse would do with them.
    TestDoor,
}

impl Writer {
    /// Whether it may tell of a piece what the mailhouse itself does and knows.
    fn may_speak_for_the_house(self, piece: &PieceNumber) -> bool {
        self == Writer::TestDoor && Serial::of(piece).is_some_and(|serial| serial.mailer == MailerId::test())
    }
}

/// Reads a file or a pushed body of scans and hands out each record in turn. Events of the address change service and of
/// the mailhouse name themselves in a `feed` field; otherwise a tracking code means Informed Visibility and an article
/// number Product Tracking.
///
/// # Errors
/// See [`FeedError`]; what was handed out before stands.
pub fn read(
    input: &mut impl BufRead,
    writer: Writer,
    each: &mut impl FnMut(Result<Record, Reject>),
) -> Result<(), FeedError> {
    let each = &mut |read: Result<Record, Reject>| {
        each(read.and_then(|record| match record.scan.feed {
            Feed::Mailhouse if !writer.may_speak_for_the_house(&record.piece) => {
                Err(Reject { at: record.at, reason: RejectReason::NotTheirs })
            }
            _ => Ok(record),
        }));
    };
    let mut first = Vec::new();
    let mut number = 0;
    while first.trim_ascii().is_empty() {
        number += 1;
        match line(input, &mut first)? {
            Line::End => return Ok(()),
            Line::TooLong => break,
            Line::Whole => {}
        }
    }
    let start = first.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&first).trim_ascii();
    match start.first() {
        Some(b'{') if is_one_scan(start) => read_json_lines(&first, number, input, each),
        Some(b'{' | b'[') => read_json(start.chain(input), each),
        _ => read_delimited(start, number, input, each),
    }
}

enum Line {
    Whole,
    TooLong,
    End,
}

/// Reads the next line; what is too long is not taken out of the input.
fn line(input: &mut impl BufRead, into: &mut Vec<u8>) -> io::Result<Line> {
    into.clear();
    let read = input.by_ref().take(MAX_LINE).read_until(b'\n', into)?;
    Ok(match read {
        0 => Line::End,
        _ if into.ends_with(b"\n") || (read as u64) < MAX_LINE => Line::Whole,
        _ => Line::TooLong,
    })
}

/// Takes the rest of a line that was too long out of the input.
fn skip_line(input: &mut impl BufRead) -> io::Result<()> {
    loop {
        let held = input.fill_buf()?;
        let (used, ended) = match held.iter().position(|&byte| byte == b'\n') {
            Some(at) => (at + 1, true),
            None => (held.len(), held.is_empty()),
        };
        input.consume(used);
        if ended {
            return Ok(());
        }
    }
}

/// Whether a line is a whole object and has no list of events in it.
fn is_one_scan(line: &[u8]) -> bool {
    let mut fields = Fields::default();
    let mut deserializer = serde_json::Deserializer::from_slice(line);
    let document = Document { fields: &mut fields, each: &mut |_: &Value| {} };
    document.deserialize(&mut deserializer).is_ok_and(|found| !found) && deserializer.end().is_ok()
}

fn read_json_lines(
    first: &[u8],
    number: u64,
    input: &mut impl BufRead,
    each: &mut impl FnMut(Result<Record, Reject>),
) -> Result<(), FeedError> {
    let mut number = number;
    let mut held = first.to_vec();
    let mut state = Line::Whole;
    loop {
        let at = At::Line(number);
        match state {
            Line::End => return Ok(()),
            Line::TooLong => {
                skip_line(input)?;
                each(Err(Reject { at, reason: RejectReason::TooLong }));
            }
            Line::Whole if held.trim_ascii().is_empty() => {}
            Line::Whole => {
                let text = held.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&held);
                each(record(at, &serde_json::from_slice(text).unwrap_or_default()));
            }
        }
        number += 1;
        state = line(input, &mut held)?;
    }
}

/// Reads no more than what is left, which is set anew with each event: so an event cannot fill the memory.
struct Metered<'l, R> {
    inner: R,
    left: &'l Cell<u64>,
}

impl<R: Read> Read for Metered<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(into)?;
        let left = self.left.get().checked_sub(read as u64);
        self.left.set(left.unwrap_or(0));
        left.map(|_| read).ok_or_else(|| io::ErrorKind::FileTooLarge.into())
    }
}

fn read_json(input: impl Read, each: &mut impl FnMut(Result<Record, Reject>)) -> Result<(), FeedError> {
    let left = Cell::new(MAX_LINE);
    let mut deserializer = serde_json::Deserializer::from_reader(Metered { inner: input, left: &left });
    let mut events = 0;
    let mut fields = Fields::default();
    let mut hand_out = |event: &Value| {
        events += 1;
        left.set(MAX_LINE);
        each(record(At::Event(events), event));
    };
    let document = Document { fields: &mut fields, each: &mut hand_out };
    let found = document.deserialize(&mut deserializer).and_then(|found| deserializer.end().map(|()| found));
    match found {
        Ok(true) => Ok(()),
        // One object that is spread over several lines.
        Ok(false) => {
            each(fields.record(At::Event(1)));
            Ok(())
        }
        Err(error) => Err(match error.io_error_kind() {
            Some(io::ErrorKind::FileTooLarge) => FeedError::TooLong(events),
            Some(_) => FeedError::Io(error.into()),
            None => FeedError::Json(events),
        }),
    }
}

fn read_delimited(
    heading: &[u8],
    number: u64,
    input: &mut impl BufRead,
    each: &mut impl FnMut(Result<Record, Reject>),
) -> Result<(), FeedError> {
    let heading = String::from_utf8_lossy(heading).into_owned();
    let count = |mark: char| heading.matches(mark).count();
    let mark = ['|', '\t', ';', ','].into_iter().max_by_key(|&mark| count(mark)).unwrap_or(',');
    let split = |line: &[u8]| -> Option<csv::StringRecord> {
        let mut reader =
            csv::ReaderBuilder::new().delimiter(mark as u8).has_headers(false).trim(csv::Trim::All).from_reader(line);
        reader.records().next()?.ok()
    };
    let names: Vec<String> = split(heading.as_bytes()).ok_or(FeedError::Heading)?.iter().map(plain_name).collect();
    let has = |known: &[&str]| names.iter().any(|name| known.contains(&name.as_str()));
    if !((has(TRACKING_CODE) || has(ARTICLE)) && has(TIME) && (has(CODE) || has(DESCRIPTION))) {
        return Err(FeedError::Heading);
    }
    let mut number = number;
    let mut held = Vec::new();
    loop {
        number += 1;
        let at = At::Line(number);
        match line(input, &mut held)? {
            Line::End => return Ok(()),
            Line::TooLong => {
                skip_line(input)?;
                each(Err(Reject { at, reason: RejectReason::TooLong }));
            }
            Line::Whole if held.trim_ascii().is_empty() => {}
            Line::Whole => {
                let values = split(&held).filter(|values| values.len() == names.len());
                each(match values {
                    None => Err(Reject { at, reason: RejectReason::Fields }),
                    Some(values) => {
                        let mut fields = Fields::default();
                        for (name, value) in names.iter().zip(values.iter()) {
                            fields.keep(name, value);
                        }
                        fields.record(at)
                    }
                });
            }
        }
    }
}

const TRACKING_CODE: &[&str] = &["imbtrackingcode", "trackingcode", "imb", "imbcode", "imbbarcode", "imb20"];
const ARTICLE: &[&str] =
    &["pic", "impb", "articlenumber", "trackingnumber", "packageidentificationcode", "labelnumber"];
const TIME: &[&str] =
    &["scandatetime", "scantime", "eventtimestamp", "eventdatetime", "scantimestamp", "gmttimestamp", "eventtime"];
const CODE: &[&str] = &["scaneventcode", "eventcode", "operationcode", "opcode", "scancode", "nixiecode"];
const DESCRIPTION: &[&str] = &["handlingeventtypedescription"];
const FEED: &[&str] = &["feed"];
const FACILITY: &[&str] = &["scanfacilityname", "facilityname"];
const CITY: &[&str] = &["scanfacilitycity", "eventcity", "facilitycity"];
const STATE: &[&str] = &["scanfacilitystate", "eventstate", "facilitystate"];
const ZIP: &[&str] = &["scanfacilityzip", "eventzipcode", "eventzip", "facilityzip", "scanfacilityzipcode"];
const SIGNER: &[&str] = &["signedby", "signername", "recipientname"];
const SIGNATURE_IMAGE: &[&str] = &["signatureimage", "signatureimagelocation", "signaturefilename"];
const EXPECTED: &[&str] = &["predicteddeliverydate", "expecteddeliverydate"];
const KNOWN: [&[&str]; 13] = [
    TRACKING_CODE,
    ARTICLE,
    TIME,
    CODE,
    DESCRIPTION,
    FEED,
    FACILITY,
    CITY,
    STATE,
    ZIP,
    SIGNER,
    SIGNATURE_IMAGE,
    EXPECTED,
];

/// A field's name without what differs between feeds.
fn plain_name(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
}

/// The scan in a JSON value.
fn record(at: At, event: &Value) -> Result<Record, Reject> {
    let Value::Object(event) = event else { return Err(Reject { at, reason: RejectReason::NotAnObject }) };
    let mut fields = Fields::default();
    for (name, value) in event {
        fields.keep_value(name, value);
    }
    fields.record(at)
}

/// The fields of one record that mean something here, by their plain names.
#[derive(Default)]
struct Fields(BTreeMap<String, String>);

impl Fields {
    fn keep(&mut self, plain: &str, value: &str) {
        let value = value.trim();
        if !value.is_empty() && KNOWN.iter().any(|names| names.contains(&plain)) {
            let most = if SIGNATURE_IMAGE.contains(&plain) { MAX_IMAGE } else { MAX_VALUE };
            self.0.entry(plain.to_owned()).or_insert_with(|| value.chars().take(most).collect());
        }
    }

    fn keep_value(&mut self, name: &str, value: &Value) {
        match value {
            Value::String(text) => self.keep(&plain_name(name), text),
            // A tracking code that was written as a number with a fraction has lost digits by now.
            Value::Number(number) if !number.is_f64() => self.keep(&plain_name(name), &number.to_string()),
            _ => {}
        }
    }

    /// The value of the first of these names that is there.
    fn get(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| self.0.get(*name)).map(String::as_str)
    }

    fn record(&self, at: At) -> Result<Record, Reject> {
        let reject = |reason| Reject { at, reason };
        let piece = self.piece().ok_or(reject(RejectReason::NoPiece))?;
        let (time, zone_assumed) = self.get(TIME).and_then(time).ok_or(reject(RejectReason::NoTime))?;
        let feed = match (self.get(FEED).map(plain_name).as_deref(), &piece) {
            (Some("addresschange" | "acs"), _) => Feed::AddressChange,
            (Some("mailhouse"), _) => Feed::Mailhouse,
            (_, PieceNumber::TrackingCode(_)) => Feed::InformedVisibility,
            (_, PieceNumber::Article(_)) => Feed::ProductTracking,
        };
        // A logical event has a description where a machine's has an operation number.
        let named = || self.get(DESCRIPTION).map(plain_name).filter(|name| name.starts_with("logical"));
        let code = self.get(CODE).map(str::to_owned).or_else(named).ok_or(reject(RejectReason::NoCode))?;
        let own = |names: &[&str]| self.get(names).map(str::to_owned);
        let place = Place { facility: own(FACILITY), city: own(CITY), state: own(STATE), zip: own(ZIP) };
        let signature = Signature { signer: own(SIGNER), image: own(SIGNATURE_IMAGE) };
        let signature = Some(signature).filter(|told| *told != Signature::default());
        let expected = self.get(EXPECTED).and_then(date);
        let scan = Scan { at: time, feed, code: code.to_ascii_uppercase(), place, note: None, signature, expected };
        Ok(Record { at, piece, scan, zone_assumed })
    }

    /// The tracking code of the first field that has one, else the article number.
    fn piece(&self) -> Option<PieceNumber> {
        let digits = |value: &str| value.chars().filter(|letter| !matches!(letter, ' ' | '-')).collect::<String>();
        let code = TRACKING_CODE.iter().find_map(|name| tracking_code(&digits(self.0.get(*name)?)));
        code.or_else(|| article_number(&digits(self.get(ARTICLE)?)))
    }
}

/// A day, as year, month and day or as Americans write it. One that cannot be read is none: a scan is a scan without it.
fn date(value: &str) -> Option<civil::Date> {
    ["%Y-%m-%d", "%m/%d/%Y", "%Y%m%d"].into_iter().find_map(|form| civil::Date::strptime(form, value).ok())
}

/// A time with its offset, or one without, which is taken as New York's; and whether it was. It is cut to milliseconds, in
/// which it is kept: two scans are one if they are no further apart.
fn time(value: &str) -> Option<(Timestamp, bool)> {
    let (time, assumed) = exact_time(value)?;
    Some((Timestamp::from_millisecond(time.as_millisecond()).ok()?, assumed))
}

fn exact_time(value: &str) -> Option<(Timestamp, bool)> {
    if let Ok(time) = value.parse::<Timestamp>() {
        return Some((time, false));
    }
    if let Ok(time) = value.parse::<Zoned>() {
        return Some((time.timestamp(), false));
    }
    let forms = ["%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M", "%m/%d/%Y %I:%M:%S %p", "%Y%m%d%H%M%S", "%Y-%m-%d %H:%M"];
    let local = value
        .parse::<civil::DateTime>()
        .ok()
        .or_else(|| forms.iter().find_map(|form| civil::DateTime::strptime(form, value).ok()))?;
    let zone = TimeZone::get("America/New_York").ok()?;
    Some((local.to_zoned(zone).ok()?.timestamp(), true))
}

/// Reads a document: hands out each event of its list, and answers whether it has one. The fields of an object without a
/// list are kept.
struct Document<'f, F> {
    fields: &'f mut Fields,
    each: &'f mut F,
}

impl<'de, F: FnMut(&Value)> DeserializeSeed<'de> for Document<'_, F> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, F: FnMut(&Value)> Visitor<'de> for Document<'_, F> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("scans")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        let mut found = false;
        while let Some(name) = map.next_key::<String>()? {
            let plain = plain_name(&name);
            if plain == "events" || plain == "scans" {
                found = true;
                map.next_value_seed(List(self.each))?;
            } else {
                self.fields.keep_value(&name, &map.next_value()?);
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, sequence: A) -> Result<bool, A::Error> {
        List(self.each).visit_seq(sequence).map(|()| true)
    }
}

/// Reads a list of events one by one.
struct List<'f, F>(&'f mut F);

impl<'de, F: FnMut(&Value)> DeserializeSeed<'de> for List<'_, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, F: FnMut(&Value)> Visitor<'de> for List<'_, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of scans")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<(), A::Error> {
        while let Some(event) = sequence.next_element::<Value>()? {
            (self.0)(&event);
        }
        Ok(())
    }
}
