//! The pages: how many, how large, and whether their content is there. `document.page_count_untrustworthy`,
//! `impressions_differ`, `page_size`, `mixed_sizes`, `too_many_sheets`.

use std::collections::BTreeSet;

use lopdf::Document;

use super::{Finding, Limits, PageSize, Paper, Report, hidden, structure};
use crate::document::{self, Page};

/// Sheet sizes as short and long side, inches: Letter, Legal, A4.
const SHEETS: [(f64, f64); 3] = [(8.5, 11.0), (8.5, 14.0), (8.268, 11.693)];

/// How much a card is larger on each side than what is left when it is cut, inches.
const BLEED: f64 = 0.125;

/// How far a side may be off, inches: room for the rounding of A4-minded tools, and invisible on paper.
const TOLERANCE: f64 = 0.05;

/// How much the content of all pages may decompress to, in units of what one page may.
const CONTENT_BUDGET: u64 = 16;

pub(super) fn check(document: &Document, pages: &[Page<'_>], limits: &Limits, report: &mut Report) {
    report.pages = pages.len() as u32;
    check_count(document, pages, limits, report);
    check_sizes(document, pages, limits, report);
    let mut budget = limits.max_decompressed.saturating_mul(CONTENT_BUDGET);
    for (page, number) in pages.iter().zip(1u32..) {
        check_content(document, page, number, limits, &mut budget, report);
        hidden::check_annotations(document, page, number, report);
    }
}

fn check_count(document: &Document, pages: &[Page<'_>], limits: &Limits, report: &mut Report) {
    let walked = report.pages;
    // Some readers show a page that is named twice only once.
    let distinct: BTreeSet<_> = pages.iter().map(|page| page.id).collect();
    let declared = document::declared_count(document);
    if walked == 0 || declared != Some(i64::from(walked)) || distinct.len() != pages.len() {
        let message = "Readers do not agree on how many pages the file has. Print the document to a new PDF.";
        let said = declared.map_or_else(|| "no count".to_owned(), |count| format!("a count of {count}"));
        let found = format!("{} distinct pages", distinct.len());
        report.add(Finding::refuse("document.page_count_untrustworthy", message).measured(found, said));
    }
    if let Some(expected) = limits.impressions.filter(|expected| *expected != walked) {
        let message = format!(
            "The file has {walked} {}, and {expected} {} declared. Correct whichever is wrong.",
            if walked == 1 { "page" } else { "pages" },
            if expected == 1 { "impression was" } else { "impressions were" },
        );
        report.add(Finding::refuse("document.impressions_differ", message).measured(walked, expected));
    }
    let sides = if limits.duplex { 2 } else { 1 };
    let sheets = walked.div_ceil(sides).saturating_add(u32::from(limits.first_page.is_none()));
    if matches!(limits.paper, Paper::Sheets { .. }) && sheets > limits.max_sheets {
        let message = format!(
            "The letter needs {sheets} sheets, and its mail class takes {}. Split the document or leave pages out.",
            limits.max_sheets
        );
        let allowed = format!("{} sheets", limits.max_sheets);
        report.add(Finding::refuse("document.too_many_sheets", message).measured(format!("{sheets} sheets"), allowed));
    }
}

fn check_sizes(document: &Document, pages: &[Page<'_>], limits: &Limits, report: &mut Report) {
    let offered = limits.paper.sizes();
    let mut used = BTreeSet::new();
    for (page, number) in pages.iter().zip(1u32..) {
        let Some(geometry) = document::geometry(document, page) else {
            report.sizes.push(PageSize::default());
            let message = "The page has no usable size. Print it to a new PDF.";
            report.add(Finding::refuse("document.page_size", message).on(number));
            continue;
        };
        let size = PageSize { width: geometry.width / 72.0, height: geometry.height / 72.0 };
        report.sizes.push(size);
        match offered.iter().position(|offered| is_size(size, *offered)) {
            Some(place) => drop(used.insert(place)),
            None => {
                let found = format!("{:.2} x {:.2} in", size.width, size.height);
                let wanted = limits.paper.name();
                let message = format!("The page is {found}. Make it {wanted}.");
                report.add(Finding::refuse("document.page_size", message).on(number).measured(found, wanted));
            }
        }
    }
    if used.len() > 1 {
        let message = "The pages are of more than one sheet size. Each piece is printed on one size where possible.";
        report.add(Finding::warn("document.mixed_sizes", message));
    }
}

/// Whether a page is of a size, either way up.
fn is_size(size: PageSize, (short, long): (f64, f64)) -> bool {
    let (width, height) = (size.width.min(size.height), size.width.max(size.height));
    (width - short).abs() <= TOLERANCE && (height - long).abs() <= TOLERANCE
}

impl Paper {
    /// The sizes a page may have, short and long side, inches. A card may come with its bleed or cut.
    fn sizes(self) -> Vec<(f64, f64)> {
        let card = |short: f64, long: f64| vec![(short + 2.0 * BLEED, long + 2.0 * BLEED), (short, long)];
        match self {
            Self::Sheets { a4 } => SHEETS[..if a4 { 3 } else { 2 }].to_vec(),
            Self::Card4x6 => card(4.0, 6.0),
            Self::Card6x9 => card(6.0, 9.0),
            Self::Card6x11 => card(6.0, 11.0),
        }
    }

    /// The sizes for a person.
    fn name(self) -> &'static str {
        match self {
            Self::Sheets { a4: true } => "Letter (8.5 x 11 in), Legal (8.5 x 14 in) or A4",
            Self::Sheets { a4: false } => "Letter (8.5 x 11 in) or Legal (8.5 x 14 in)",
            Self::Card4x6 => "4.25 x 6.25 in: 4 x 6 in with a bleed of 0.125 in",
            Self::Card6x9 => "6.25 x 9.25 in: 6 x 9 in with a bleed of 0.125 in",
            Self::Card6x11 => "6.25 x 11.25 in: 6 x 11 in with a bleed of 0.125 in",
        }
    }
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
        report.add(structure::damaged().on(number));
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
                report.add(structure::too_complex().on(number));
                return;
            }
            Err(_) => {
                report.add(structure::damaged().on(number));
                return;
            }
        }
    }
}
