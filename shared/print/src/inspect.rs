//! May this document be printed? Everything that can be said about a PDF before paper is spent on it.
//!
//! Rules, all `document.…`: `not_a_pdf`, `damaged`, `encrypted`, `page_count_untrustworthy`, `impressions_differ`,
//! `page_size`, `mixed_sizes`, `active_content`, `hidden_layer`, `annotation_not_printed`, `too_large`, `too_complex`, and
//! from [`crate::isolate`] `hostile`. Checks go on after a finding as far as they can, so that the sender hears all at once.

use std::borrow::Cow;
use std::collections::BTreeSet;

use lopdf::{Dictionary, Document, Object};
use serde::{Deserialize, Serialize};

use crate::document::{self, Page, TreeFault};
use crate::prescan::{self, Suspicion};

/// Bounds on what is looked at. All are inclusive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Largest file, bytes.
    pub max_bytes: u64,
    /// Most objects a file may have or declare.
    pub max_objects: u32,
    /// Most pages.
    pub max_pages: u32,
    /// Largest decompressed size of one object stream, cross-reference stream, or one page's content, bytes.
    pub max_decompressed: u64,
    /// Whether A4 is printed as well as Letter and Legal.
    pub a4: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_bytes: 50_000_000, max_objects: 250_000, max_pages: 5_000, max_decompressed: 16 << 20, a4: true }
    }
}

/// Whether a finding keeps the document from being printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Severity {
    /// Not printed.
    Refuse,
    /// Printed, but worth a look.
    Warn,
}

/// One thing that is wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// A stable identifier, such as `document.encrypted`.
    pub rule: Cow<'static, str>,
    /// Whether this keeps the document from being printed.
    pub severity: Severity,
    /// The page it is about, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// A sentence for the sender that tells how to mend it. It never repeats the document's text.
    pub message: String,
}

/// The size of a page as it will be seen: after its crop, rotation and user unit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PageSize {
    /// Width, inches.
    pub width: f64,
    /// Height, inches.
    pub height: f64,
}

/// What an inspection found.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Report {
    /// How many pages a walk of the page tree meets. One page is one impression.
    pub pages: u32,
    /// The distinct page sizes in order of appearance.
    pub sizes: Vec<PageSize>,
    /// All that was found, in the order of the checks.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Whether the document may be printed: nothing found refuses it.
    pub fn is_ok(&self) -> bool {
        self.findings.iter().all(|finding| finding.severity != Severity::Refuse)
    }
}

/// Sheet sizes as short and long side, inches: Letter and Legal.
const SIZES: [(f64, f64); 2] = [(8.5, 11.0), (8.5, 14.0)];

/// A4 in inches.
const A4: (f64, f64) = (8.268, 11.693);

/// How far a side may be off, inches: room for the rounding of A4-minded tools, and invisible on paper.
const TOLERANCE: f64 = 0.05;

/// How many findings are reported at most.
const MAX_FINDINGS: usize = 200;

/// How much the compressed streams of a document may hold, bytes: a score of scanned pages without further compression.
const STREAM_BUDGET: u64 = 1 << 30;

/// How much the content of all pages may decompress to, in units of what one page may.
const CONTENT_BUDGET: u64 = 16;

/// Inspects a document that is declared to have `declared_impressions` pages.
///
/// A hostile file can end this process (see [`crate::isolate`]); call this only on files that are trusted or in a process
/// that may be lost.
pub fn inspect(bytes: &[u8], declared_impressions: u32, limits: &Limits) -> Report {
    let mut report = Report::default();
    if let Some(suspicion) = prescan::scan(bytes, limits) {
        report.findings.push(suspicion_finding(suspicion, limits));
        return report;
    }
    // The report is made where the parser runs: a document that was read there need not be moved.
    document::on_large_stack(|| parse_and_check(bytes, declared_impressions, limits)).unwrap_or_else(|| {
        report.refuse("damaged", None, DAMAGED);
        report
    })
}

const DAMAGED: &str = "The file is damaged. Export the document to PDF again and send that file.";

fn suspicion_finding(suspicion: Suspicion, limits: &Limits) -> Finding {
    let (rule, message) = match suspicion {
        Suspicion::NoHeader => {
            ("document.not_a_pdf", "The file is not a PDF. Export the document to PDF and send that file.".to_owned())
        }
        Suspicion::TooLarge => (
            "document.too_large",
            format!("The file has more than {} bytes. Reduce the resolution of its images.", limits.max_bytes),
        ),
        Suspicion::TooManyObjects | Suspicion::NestedLengths => ("document.too_complex", TOO_COMPLEX.to_owned()),
    };
    Finding { rule: rule.into(), severity: Severity::Refuse, page: None, message }
}

const TOO_COMPLEX: &str =
    "The file has more in it than a letter can need. Print the document to a new PDF and send that file.";

impl Report {
    fn add(&mut self, rule: &str, severity: Severity, page: Option<u32>, message: impl Into<String>) {
        // A thousand pages of the wrong size are one mistake, and nobody reads a thousand findings.
        if self.findings.len() >= MAX_FINDINGS {
            return;
        }
        let rule = Cow::Owned(format!("document.{rule}"));
        self.findings.push(Finding { rule, severity, page, message: message.into() });
    }

    fn has(&self, rule: &str) -> bool {
        self.findings.iter().any(|finding| finding.rule.strip_prefix("document.") == Some(rule))
    }

    fn refuse(&mut self, rule: &str, page: Option<u32>, message: impl Into<String>) {
        self.add(rule, Severity::Refuse, page, message);
    }
}

fn parse_and_check(bytes: &[u8], declared_impressions: u32, limits: &Limits) -> Report {
    let mut report = Report::default();
    let document = match document::load(bytes, limits.max_decompressed) {
        Ok(document) => document,
        Err(lopdf::Error::Decompress(lopdf::DecompressError::MemoryLimitExceeded { .. })) => {
            report.refuse("too_complex", None, TOO_COMPLEX);
            return report;
        }
        Err(_) => {
            report.refuse("damaged", None, DAMAGED);
            return report;
        }
    };
    // A file with an empty password is decrypted by loading it and then only says that it was.
    if document.is_encrypted() || document.was_encrypted() || document.trailer.has(b"Encrypt") {
        let message = "The file is encrypted. Save it without a password and without restrictions.";
        report.refuse("encrypted", None, message);
    }
    if document.is_encrypted() {
        // Nothing in it can be read.
        return report;
    }
    // The parser repairs what it can and drops what it cannot read; what is printed then is a guess.
    if document.xref_recovery.is_some() || document::has_lost_objects(&document) {
        report.refuse("damaged", None, DAMAGED);
    }
    if document.objects.len() as u64 > u64::from(limits.max_objects) {
        report.refuse("too_complex", None, TOO_COMPLEX);
        return report;
    }
    check_streams(&document, &mut report);
    check_activity(&document, &mut report);
    check_layers(&document, &mut report);
    match document::pages(&document, limits.max_pages) {
        Ok(pages) => check_pages(&document, &pages, declared_impressions, limits, &mut report),
        Err(TreeFault::TooMany) => {
            report.refuse("too_complex", None, format!("The file has more than {} pages.", limits.max_pages));
        }
        Err(TreeFault::Damaged) => {
            if !report.has("damaged") {
                report.refuse("damaged", None, DAMAGED);
            }
        }
    }
    report
}

fn check_pages(document: &Document, pages: &[Page<'_>], declared: u32, limits: &Limits, report: &mut Report) {
    let walked = pages.len() as u32;
    report.pages = walked;
    // Some readers show a page that is named twice only once.
    let distinct: BTreeSet<_> = pages.iter().map(|page| page.id).collect();
    let agreed = document::declared_count(document) == Some(i64::from(walked)) && distinct.len() == pages.len();
    if walked == 0 || !agreed {
        let message = "Readers do not agree on how many pages the file has. Print the document to a new PDF.";
        report.refuse("page_count_untrustworthy", None, message);
    }
    if walked != declared {
        let message = format!(
            "The file has {walked} {}, and {declared} {} declared. Correct whichever is wrong.",
            if walked == 1 { "page" } else { "pages" },
            if declared == 1 { "impression was" } else { "impressions were" },
        );
        report.refuse("impressions_differ", None, message);
    }

    let mut budget = limits.max_decompressed.saturating_mul(CONTENT_BUDGET);
    let mut sheets = BTreeSet::new();
    for (page, number) in pages.iter().zip(1u32..) {
        match document::geometry(document, page) {
            Some(geometry) => {
                let size = PageSize { width: geometry.width / 72.0, height: geometry.height / 72.0 };
                if !report.sizes.contains(&size) {
                    report.sizes.push(size);
                }
                match sheet_size(size, limits) {
                    Some(sheet) => drop(sheets.insert(sheet)),
                    None => report.refuse("page_size", Some(number), page_size_message(size, limits)),
                }
            }
            None => report.refuse("page_size", Some(number), "The page has no usable size. Print it to a new PDF."),
        }
        check_content(document, page, number, limits, &mut budget, report);
        let unseen = |annotation: &document::Annotation<'_>| {
            let kind = annotation.dictionary.get(b"Subtype").and_then(Object::as_name).unwrap_or_default();
            // A link has no looks of its own, and an empty form field nothing to show.
            let blank_field = kind == b"Widget" && document::lookup(document, annotation.dictionary, b"V").is_none();
            annotation.appearance.is_none() && kind != b"Link" && !blank_field
        };
        if document::annotations(document, page).iter().any(unseen) {
            let message =
                "The page has a comment or form field without an appearance, which is not printed. Flatten it.";
            report.add("annotation_not_printed", Severity::Warn, Some(number), message);
        }
    }
    if sheets.len() > 1 {
        let message = "The pages are of more than one sheet size. Each piece is printed on one size where possible.";
        report.add("mixed_sizes", Severity::Warn, None, message);
    }
}

/// Which of the sheet sizes a page has, either way up.
fn sheet_size(size: PageSize, limits: &Limits) -> Option<usize> {
    let (short, long) = (size.width.min(size.height), size.width.max(size.height));
    let sizes = SIZES.into_iter().chain(limits.a4.then_some(A4));
    sizes.into_iter().position(|(a, b)| (short - a).abs() <= TOLERANCE && (long - b).abs() <= TOLERANCE)
}

fn page_size_message(size: PageSize, limits: &Limits) -> String {
    format!(
        "The page is {:.2} x {:.2} in. Make it Letter (8.5 x 11) or Legal (8.5 x 14){}.",
        size.width,
        size.height,
        if limits.a4 { " or A4" } else { "" },
    )
}

/// That a page's content is there, can be decompressed, and stays within bounds.
fn check_content(
    document: &Document,
    page: &Page<'_>,
    number: u32,
    limits: &Limits,
    budget: &mut u64,
    report: &mut Report,
) {
    let Some(streams) = document::contents(document, page) else {
        report.refuse("damaged", Some(number), DAMAGED);
        return;
    };
    let mut left = limits.max_decompressed.min(*budget);
    for stream in streams {
        match document::decode(document, stream, left) {
            Ok(content) => {
                left -= content.len() as u64;
                *budget -= content.len() as u64;
            }
            Err(lopdf::Error::Decompress(lopdf::DecompressError::MemoryLimitExceeded { .. })) => {
                report.refuse("too_complex", Some(number), TOO_COMPLEX);
                return;
            }
            Err(_) => {
                report.refuse("damaged", Some(number), DAMAGED);
                return;
            }
        }
    }
}

/// That compressed streams can be read to their end. The parser takes what it gets of a damaged one, and a printer may draw
/// that or stop.
fn check_streams(document: &Document, report: &mut Report) {
    let mut budget = STREAM_BUDGET;
    let mut sink = vec![0; 64 << 10];
    let streams = document.objects.values().filter_map(|object| object.as_stream().ok());
    for stream in streams {
        let filter = match document::lookup(document, &stream.dict, b"Filter") {
            Some(Object::Array(filters)) => filters.first().map(|filter| document::resolve(document, filter)),
            filter => filter,
        };
        if !filter.is_some_and(|filter| filter.as_name().is_ok_and(|name| name == b"FlateDecode")) {
            continue;
        }
        match inflate(&stream.content, &mut sink, &mut budget) {
            Inflated::Whole => {}
            Inflated::Damaged => return report.refuse("damaged", None, DAMAGED),
            Inflated::TooLarge => {
                let message = "The images of the file are too large to print. Reduce their resolution.";
                return report.refuse("too_complex", None, message);
            }
        }
    }
}

enum Inflated {
    Whole,
    Damaged,
    TooLarge,
}

/// Decompresses a stream to nowhere and takes its size from the budget.
fn inflate(content: &[u8], sink: &mut [u8], budget: &mut u64) -> Inflated {
    if content.is_empty() {
        return Inflated::Whole;
    }
    // Without the two bytes before, which no reader needs, and the checksum after, which some writers leave out.
    let Some(content) = content.get(2..) else { return Inflated::Damaged };
    let mut checksum = (1, 0);
    let mut inflater = flate2::Decompress::new(false);
    loop {
        let (read, wrote) = (inflater.total_in(), inflater.total_out());
        let rest = usize::try_from(read).ok().and_then(|read| content.get(read..)).unwrap_or_default();
        let status = inflater.decompress(rest, sink, flate2::FlushDecompress::None);
        let wrote = inflater.total_out() - wrote;
        checksum = adler32(checksum, &sink[..wrote as usize]);
        match budget.checked_sub(wrote) {
            Some(left) => *budget = left,
            None => return Inflated::TooLarge,
        }
        match status {
            Ok(flate2::Status::StreamEnd) => {
                let after = usize::try_from(inflater.total_in()).ok().and_then(|read| content.get(read..));
                let given = after.and_then(|after| after.first_chunk()).map(|bytes| u32::from_be_bytes(*bytes));
                let differs = given.is_some_and(|given| given != checksum.1 << 16 | checksum.0);
                return if differs { Inflated::Damaged } else { Inflated::Whole };
            }
            Ok(_) if wrote > 0 || inflater.total_in() > read => {}
            // At the end of the input and not at the end of the data.
            Ok(_) | Err(_) => return Inflated::Damaged,
        }
    }
}

/// Carries the two sums of an Adler-32 checksum (RFC 1950 §8.2) on over more bytes.
fn adler32((mut low, mut high): (u32, u32), bytes: &[u8]) -> (u32, u32) {
    // So many bytes can be added up before the sums have to be reduced.
    for chunk in bytes.chunks(5552) {
        for &byte in chunk {
            low += u32::from(byte);
            high += low;
        }
        low %= 65_521;
        high %= 65_521;
    }
    (low, high)
}

/// What in a document can act, by the words a sender may know it under. Paper cannot act, so the page may not be what it
/// seems, and whoever opens the print stream should not set anything off.
fn check_activity(document: &Document, report: &mut Report) {
    let mut kinds = BTreeSet::new();
    for object in document.objects.values() {
        find_activity(document, object, &mut kinds);
    }
    find_open_action(document, &mut kinds);
    if !kinds.is_empty() {
        let kinds = kinds.into_iter().collect::<Vec<_>>().join(", ");
        let message = format!("The file can do more than be read: {kinds}. Print the document to a new PDF.");
        report.refuse("active_content", None, message);
    }
}

/// Objects nest at most as deep as the parser lets them, about a hundred levels, so this recursion ends.
fn find_activity(document: &Document, object: &Object, kinds: &mut BTreeSet<&'static str>) {
    match object {
        Object::Array(items) => items.iter().for_each(|item| find_activity(document, item, kinds)),
        Object::Dictionary(dictionary) => find_in_dictionary(document, dictionary, kinds),
        Object::Stream(stream) => {
            if stream.dict.has(b"F") {
                kinds.insert("content in other files");
            }
            find_in_dictionary(document, &stream.dict, kinds);
        }
        _ => {}
    }
}

fn find_in_dictionary(document: &Document, dictionary: &Dictionary, kinds: &mut BTreeSet<&'static str>) {
    let name = |key: &[u8]| document::lookup(document, dictionary, key).and_then(|object| object.as_name().ok());
    // A structure element has an /S of any name as well, but then it is no action by its type.
    if name(b"Type").is_none_or(|kind| kind == b"Action") {
        let action = match name(b"S") {
            Some(b"JavaScript" | b"Rendition") => Some("JavaScript"),
            Some(b"Launch") => Some("starting programs"),
            Some(b"SubmitForm" | b"ImportData") => Some("sending forms"),
            Some(b"Movie" | b"Sound" | b"RichMediaExecute" | b"GoTo3DView") => Some("sound or video"),
            Some(b"GoToE") => Some("attached files"),
            _ => None,
        };
        kinds.extend(action);
    }
    let annotation = match name(b"Subtype") {
        Some(b"RichMedia" | b"Movie" | b"Sound" | b"Screen" | b"3D") => Some("sound or video"),
        Some(b"FileAttachment") => Some("attached files"),
        _ => None,
    };
    kinds.extend(annotation);
    let keys: [(&[u8], &str); 6] = [
        (b"JS", "JavaScript"),
        (b"JavaScript", "JavaScript"),
        (b"AA", "actions on events"),
        (b"XFA", "XFA forms"),
        (b"EF", "attached files"),
        (b"EmbeddedFiles", "attached files"),
    ];
    for (key, kind) in keys {
        // An empty value is what some tools leave behind when they take the content out.
        let present = match document::lookup(document, dictionary, key) {
            Some(Object::Dictionary(value)) => !value.is_empty(),
            Some(Object::Array(items)) => !items.is_empty(),
            Some(Object::String(_, _) | Object::Stream(_)) => true,
            _ => false,
        };
        if present {
            kinds.insert(kind);
        }
    }
    for (_, value) in dictionary.iter() {
        find_activity(document, value, kinds);
    }
}

/// An action on opening that is more than going to a page.
fn find_open_action(document: &Document, kinds: &mut BTreeSet<&'static str>) {
    let Ok(catalog) = document.catalog() else { return };
    let Some(Object::Dictionary(action)) = document::lookup(document, catalog, b"OpenAction") else { return };
    let goes_to_page =
        document::lookup(document, action, b"S").is_some_and(|kind| kind.as_name().is_ok_and(|kind| kind == b"GoTo"));
    if !goes_to_page {
        kinds.insert("actions on opening");
    }
}

/// Layers that are switched off would be printed, because the print stream has no layers.
fn check_layers(document: &Document, report: &mut Report) {
    let settings = document.catalog().ok().and_then(|catalog| document::lookup(document, catalog, b"OCProperties"));
    let Some(settings) = settings.and_then(document::dictionary_of) else { return };
    let Some(usual) = document::lookup(document, settings, b"D").and_then(document::dictionary_of) else { return };
    let some_off = document::lookup(document, usual, b"OFF")
        .and_then(|off| off.as_array().ok())
        .is_some_and(|off| !off.is_empty());
    let all_off = document::lookup(document, usual, b"BaseState")
        .is_some_and(|state| state.as_name().is_ok_and(|state| state == b"OFF"));
    if some_off || all_off {
        let message = "The file has layers that are switched off and would be printed. Flatten the layers.";
        report.refuse("hidden_layer", None, message);
    }
}
