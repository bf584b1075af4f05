//! May this document be printed? Everything that can be said about a PDF before paper is spent on it.
//!
//! [`inspect`] gives facts and findings. A finding has a rule, `document.…`, whose name is stable; the files of this module
//! list theirs. Checks go on after a finding as far as they can, so that the sender hears all at once, and what is costly
//! comes last: the bytes, the structure of the file, what in it can act, its pages, what they paint.

mod activity;
mod colour;
mod cost;
mod fonts;
mod hidden;
mod images;
mod ink;
mod pages;
mod painted;
mod structure;

use std::borrow::Cow;
use std::fmt::Display;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use painted::Painted;

pub use ink::clear_zones;
pub(crate) use ink::{card_zone, on_card_page, on_page};

use crate::assemble;
use crate::document::{self, TreeFault};
use crate::layout::{Layout, Rect};
use crate::page_content::Packer;
use crate::prescan;
use crate::reader;
use crate::source::Source;
use crate::stationery::{Envelope, PaperSize, Placement, Sides, Stationery};
use crate::weight;

/// What is expected of a document, and bounds on what is looked at. All bounds are inclusive.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// How many pages the document is declared to have; `None` if nobody said.
    pub impressions: Option<u32>,
    /// What it is to be printed on.
    pub paper: Paper,
    /// Whether the address goes on a cover sheet, or on the first page, which must leave room for it.
    pub placement: Placement,
    /// What says in which envelope a letter will be, and so where on its sheets things are.
    pub stationery: Stationery,
    /// Whether both sides of a sheet are printed.
    pub duplex: bool,
    /// Whether an envelope for the answer is put in.
    pub return_envelope: bool,
    /// The most that all sheets, a cover sheet among them, and their envelopes may weigh in their mail class, thousandths of an
    /// ounce. First-Class Mail, which certified mail is too, takes flats up to 13 ounces.
    pub max_weight: u32,
    /// Width of the edge of a sheet that cannot be printed on, inches.
    pub margin: f64,
    /// The lowest resolution an image should have as it is placed, dots per inch.
    pub image_dpi: f64,
    /// Largest file, bytes.
    pub max_bytes: u64,
    /// Most objects a file may have or declare.
    pub max_objects: u32,
    /// Most pages.
    pub max_pages: u32,
    /// Largest decompressed size of one object stream, cross-reference stream, or one page's content, bytes.
    pub max_decompressed: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            impressions: None,
            paper: Paper::default(),
            placement: Placement::Cover,
            stationery: Stationery::default(),
            duplex: true,
            return_envelope: false,
            max_weight: 13_000,
            margin: 0.17,
            image_dpi: 150.0,
            max_bytes: 100_000_000,
            max_objects: 250_000,
            max_pages: 5_000,
            max_decompressed: 16 << 20,
        }
    }
}

impl Limits {
    /// How many sheets so many pages take.
    fn sheets(&self, pages: u32) -> u32 {
        let sides = if self.duplex { Sides::Duplex } else { Sides::FrontOnly };
        sides.sheets(pages).saturating_add(u32::from(self.placement == Placement::Cover))
    }

    /// Whether a page is on the front of its sheet, where the sheet mark goes.
    pub(crate) fn is_front(&self, number: u32) -> bool {
        !self.duplex || number % 2 == 1
    }

    /// The paper of a letter, and the first envelope that will do for it, with where things are on the sheets in it.
    fn envelope(&self, report: &Report) -> Option<(PaperSize, Envelope, Layout)> {
        let upright = |size: &PageSize| PaperSize::of(size.width.min(size.height), size.width.max(size.height));
        let paper = report.sizes.first().and_then(upright)?;
        let (envelope, layout) = self.stationery.envelopes(self.sheets(report.pages), paper).into_iter().next()?;
        Some((paper, envelope, layout))
    }

    /// Where things are on the sheets of a letter: as in the first envelope that will do. Of what fits none, as in the
    /// folding envelope.
    pub(crate) fn layout(&self, report: &Report) -> Layout {
        self.envelope(report).map_or_else(|| self.stationery.letter.clone(), |(_, _, layout)| layout)
    }
}

/// What a document is printed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Paper {
    /// Letter and Legal, and A4 where it is offered.
    Sheets {
        /// Whether A4 is printed.
        a4: bool,
    },
    /// A card of 4 by 6 inches.
    Card4x6,
    /// A card of 6 by 9 inches.
    Card6x9,
    /// A card of 6 by 11 inches.
    Card6x11,
}

impl Default for Paper {
    fn default() -> Self {
        Self::Sheets { a4: true }
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// A stable identifier, such as `document.encrypted`.
    pub rule: Cow<'static, str>,
    /// Whether this keeps the document from being printed.
    pub severity: Severity,
    /// The page it is about, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// Where on that page, in inches from the top left of the page as it is seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub area: Option<Rect>,
    /// What was found, with its unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measured: Option<String>,
    /// What would have been right, with its unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed: Option<String>,
    /// A sentence for the sender that tells how to mend it. It never repeats the document's text.
    pub message: String,
}

impl Finding {
    /// A finding that keeps the document from being printed.
    pub fn refuse(rule: &'static str, message: impl Into<String>) -> Self {
        Self::new(rule, Severity::Refuse, message)
    }

    /// A finding that is worth a look.
    pub fn warn(rule: &'static str, message: impl Into<String>) -> Self {
        Self::new(rule, Severity::Warn, message)
    }

    fn new(rule: &'static str, severity: Severity, message: impl Into<String>) -> Self {
        let (rule, message) = (Cow::Borrowed(rule), message.into());
        Self { rule, severity, page: None, area: None, measured: None, allowed: None, message }
    }

    /// The same, about a page, from 1.
    #[must_use]
    pub fn on(self, page: u32) -> Self {
        Self { page: Some(page), ..self }
    }

    /// The same, about a part of its page.
    #[must_use]
    pub fn at(self, area: Rect) -> Self {
        Self { area: Some(area), ..self }
    }

    /// The same, with what was found and what would have been right.
    #[must_use]
    pub fn measured(self, found: impl Display, allowed: impl Display) -> Self {
        Self { measured: Some(found.to_string()), allowed: Some(allowed.to_string()), ..self }
    }
}

/// The size of a page as it will be seen: after its crop, rotation and user unit.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct PageSize {
    /// Width, inches.
    pub width: f64,
    /// Height, inches.
    pub height: f64,
}

/// A font that a document names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Font {
    /// Its name without the tag of a subset, printable and at most 100 characters.
    pub name: String,
    /// Its type as the file says it, such as `TrueType`; of a composite font, that of its descendant.
    pub kind: String,
    /// Whether the file holds it.
    pub embedded: bool,
}

/// An image as it is placed where it is largest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Image {
    /// The page, from 1.
    pub page: u32,
    /// Where, in inches from the top left of the page as it is seen.
    pub area: Rect,
    /// Samples across.
    pub width: u32,
    /// Samples down.
    pub height: u32,
    /// Its resolution there, dots per inch: the lower of both directions.
    pub dpi: f64,
}

/// What an inspection found.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Report {
    /// How many pages a walk of the page tree meets. One page is one impression.
    pub pages: u32,
    /// The size of each page; zero by zero if it has none that makes sense.
    pub sizes: Vec<PageSize>,
    /// The version of PDF, such as `1.7`; empty if nothing could be read.
    pub version: String,
    /// The program that made the file, as it says itself: printable and at most 100 characters; empty if it does not say.
    pub producer: String,
    /// Whether the file is encrypted.
    pub encrypted: bool,
    /// Whether the file had to be repaired to be read.
    pub recovered: bool,
    /// Whether something on a page is transparent.
    pub transparency: bool,
    /// Whether something on a page is neither black nor gray: to the eye if the page was drawn, else by what its colours are
    /// made of.
    pub coloured: bool,
    /// The fonts that text is seen in, each once, by name; the first 200.
    pub fonts: Vec<Font>,
    /// The images, each once; the first 200.
    pub images: Vec<Image>,
    /// All that was found, in the order of the checks.
    pub findings: Vec<Finding>,
}

/// How often the same rule is reported. A thousand pages of the wrong size are one mistake, and nobody reads a thousand
/// findings.
const MAX_FINDINGS_OF_A_RULE: usize = 25;

/// How many fonts and how many images a report has at most.
const MAX_FACTS: usize = 200;

/// The longest text that a report takes from a document, characters.
const MAX_TEXT: usize = 100;

/// What a document says of itself, cut to what can be printed and read.
fn printable(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    text.chars().filter(|character| !character.is_control()).take(MAX_TEXT).collect()
}

impl Report {
    /// Whether the document may be printed: nothing found refuses it.
    pub fn is_ok(&self) -> bool {
        self.findings.iter().all(|finding| finding.severity != Severity::Refuse)
    }

    fn add(&mut self, finding: Finding) {
        if self.findings.iter().filter(|other| other.rule == finding.rule).count() < MAX_FINDINGS_OF_A_RULE {
            self.findings.push(finding);
        }
    }

    fn has(&self, rule: &str) -> bool {
        self.findings.iter().any(|finding| finding.rule == rule)
    }
}

/// Inspects a document.
///
/// A hostile file can end this process (see [`crate::isolate`]); call this only on files that are trusted or in a process
/// that may be lost.
pub fn inspect(bytes: &[u8], limits: &Limits) -> Report {
    inspect_telling(&Arc::new(bytes.to_vec()), limits, |_| {})
}

/// Inspects a document and tells what is known of it before its pages are drawn, if they are: what draws them is the part
/// that is likeliest to fail on a document that has nothing wrong with it.
pub(crate) fn inspect_telling(
    bytes: &Arc<Vec<u8>>,
    limits: &Limits,
    before_drawing: impl FnOnce(&Report) + Send,
) -> Report {
    if let Some(suspicion) = prescan::scan(bytes, limits) {
        let findings = vec![structure::suspicion(suspicion, limits)];
        return Report { findings, ..Report::default() };
    }
    // The report is made where the parser runs: a document that was read there need not be moved.
    document::on_parser_stack(|| parse_and_check(bytes, limits, before_drawing))
        .unwrap_or_else(|| Report { findings: vec![structure::damaged()], ..Report::default() })
}

/// A report on a document, of which what draws its pages met something it does not know.
pub(crate) fn without_drawing(mut report: Report, limits: &Limits) -> Report {
    report.add(ink::Unchecked::NotDrawn.of_all(report.pages, limits));
    report
}

/// A report on a document that is larger than it may be, and so is not looked at.
pub(crate) fn too_large(bytes: &[u8], limits: &Limits) -> Report {
    let suspicion = prescan::Suspicion::TooLarge { bytes: bytes.len() as u64 };
    Report { findings: vec![structure::suspicion(suspicion, limits)], ..Report::default() }
}

fn parse_and_check(bytes: &Arc<Vec<u8>>, limits: &Limits, before_drawing: impl FnOnce(&Report)) -> Report {
    let mut report = Report::default();
    // What was parsed is let go before what draws the pages reads the file for itself.
    if let Some(painted) = check_parsed(bytes, limits, &mut report)
        && ink::is_drawn(&report)
    {
        before_drawing(&report);
        ink::check(bytes, &painted, limits, &mut report);
    }
    report
}

/// Checks all that can be said of a document without drawing it; what its pages paint, if that could be found out.
fn check_parsed(bytes: &[u8], limits: &Limits, report: &mut Report) -> Option<Vec<Painted>> {
    let mut packer = Packer::new();
    // What assembly reads is let go before the parser makes as much of it again.
    let assembled = reader::read(bytes, limits.max_decompressed, &mut packer)
        .map(|source| assemble::plans(&source, bytes, limits, &mut packer).map(drop));
    if assembled.is_none() && weight::is_too_heavy(bytes, limits.max_decompressed, &mut packer) {
        report.add(structure::too_complex());
        return None;
    }
    let source = match document::load(bytes, limits.max_decompressed) {
        Ok(document) => Source::from(document),
        Err(error) => {
            report.add(structure::not_loaded(&error));
            return None;
        }
    };
    let document = &source.document;
    if structure::check(document, limits, report).is_break() {
        return None;
    }
    activity::check(document, report);
    hidden::check_layers(document, report);
    match document::pages(document, limits.max_pages) {
        Ok(pages) => {
            let painted = pages::check(document, &pages, limits, report);
            if report.is_ok() {
                // What its own reader leaves to the parser is assembled from that.
                let assembled =
                    assembled.unwrap_or_else(|| assemble::plans(&source, bytes, limits, &mut packer).map(drop));
                if let Err(fault) = assembled {
                    report.add(structure::not_assembled(&fault));
                }
            }
            return Some(painted);
        }
        Err(TreeFault::TooMany) => {
            let message = format!("The file has more than {} pages.", limits.max_pages);
            report.add(Finding::refuse("document.too_complex", message));
        }
        Err(TreeFault::Damaged) => structure::add_damaged(report),
    }
    None
}
