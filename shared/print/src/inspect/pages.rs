//! The pages: how many, how large, and whether their content is there. `document.page_count_untrustworthy`,
//! `impressions_differ`, `page_size`, `mixed_sizes`, `too_many_sheets`, `too_many_sides`, `card_upright`.

use std::collections::BTreeSet;

use lopdf::Document;

use super::painted::{Painted, Painter};
use super::{Finding, Limits, PageSize, Paper, Report, hidden, structure};
use crate::document::{self, Geometry, Page};
use crate::press_sheet::{BLEED, CardSize};
use crate::stationery::{Ounces, PaperSize};

/// Sheet sizes as short and long side, inches: Letter, Legal, A4.
const SHEETS: [(f64, f64); 3] = [(8.5, 11.0), (8.5, 14.0), (8.268, 11.693)];

/// A card has a front and a back.
const SIDES_OF_A_CARD: u32 = 2;

/// How far a side may be off, inches: room for the rounding of A4-minded tools, and invisible on paper.
const TOLERANCE: f64 = 0.05;

/// How much the content of all pages may decompress to, in units of what one page may.
const CONTENT_BUDGET: u64 = 16;

/// Checks the pages, and says what each of them paints. If that is not known of all, the report has why.
pub(super) fn check<'a>(
    document: &'a Document,
    pages: &[Page<'a>],
    limits: &Limits,
    report: &mut Report,
) -> Vec<Painted> {
    report.pages = pages.len() as u32;
    check_count(document, pages, limits, report);
    let geometries = check_sizes(document, pages, limits, report);
    check_weight(limits, report);
    let mut budget = limits.max_decompressed.saturating_mul(CONTENT_BUDGET);
    let mut painter = Painter::new(document);
    let mut all = Vec::new();
    for ((page, geometry), number) in pages.iter().zip(geometries).zip(1u32..) {
        hidden::check_annotations(document, page, number, report);
        let content = match content(document, page, limits.max_decompressed.min(budget)) {
            Ok(content) => content,
            Err(finding) => {
                report.add(finding.on(number));
                continue;
            }
        };
        budget = budget.saturating_sub(content.len() as u64);
        let Some(geometry) = geometry else {
            all.push(Painted::default());
            continue;
        };
        let Ok(painted) = painter.page(page, number, &geometry, &content) else {
            report.add(structure::too_complex().on(number));
            break;
        };
        hidden::check_text(&painted, number, report);
        if painted.strays {
            let message = "A part of the page takes its fonts or images from what it is in, and not every press finds them there. \
                           Print the document to a new PDF and send that file.";
            report.add(Finding::refuse("document.resources_missing", message).on(number));
        }
        report.transparency |= painted.transparency;
        report.coloured |= painted.coloured;
        all.push(painted);
    }
    painter.fonts.report(report);
    painter.images.report(limits, report);
    all
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
    if limits.paper.card().is_some() && walked > SIDES_OF_A_CARD {
        let message = format!("A card has a front and a back, and the file has {walked} pages. Leave the others out.");
        let (found, allowed) = (format!("{walked} pages"), format!("{SIDES_OF_A_CARD} pages"));
        report.add(Finding::refuse("document.too_many_sides", message).measured(found, allowed));
    }
}

/// Whether the letter is too heavy for its mail class. What has another size than paper has weighs nobody knows how much, and is
/// refused for that.
fn check_weight(limits: &Limits, report: &mut Report) {
    let sheets = limits.sheets(report.pages);
    let Some((paper, envelope, _)) = limits.envelope(report).filter(|_| limits.paper.card().is_none()) else { return };
    let weight = limits.stationery.weight(sheets, paper, envelope, limits.return_envelope);
    if weight.0 > limits.max_weight {
        let most = Ounces(limits.max_weight);
        let (envelopes, or_without) = match limits.return_envelope {
            false => ("its envelope", ""),
            true => ("its envelope and one for the answer", ", or put none in for the answer"),
        };
        let message = format!(
            "The letter needs {sheets} sheets and weighs {weight} oz with {envelopes}, and its mail class takes {most} oz. \
             Split the document or leave pages out{or_without}."
        );
        let found = format!("{sheets} sheets, {weight} oz");
        report.add(Finding::refuse("document.too_many_sheets", message).measured(found, format!("{most} oz")));
    }
}

/// The geometry of each page that has one.
fn check_sizes(document: &Document, pages: &[Page<'_>], limits: &Limits, report: &mut Report) -> Vec<Option<Geometry>> {
    let geometries: Vec<_> = pages.iter().map(|page| document::geometry(document, page)).collect();
    let offered = limits.paper.sizes();
    // The size that is used first, and the first page of another.
    let (mut used, mut other): (Option<(usize, PageSize)>, _) = (None, None);
    for (geometry, number) in geometries.iter().zip(1u32..) {
        let Some(geometry) = geometry else {
            report.sizes.push(PageSize::default());
            let message = "The page has no usable size. Print it to a new PDF.";
            report.add(Finding::refuse("document.page_size", message).on(number));
            continue;
        };
        let size = PageSize { width: geometry.width / 72.0, height: geometry.height / 72.0 };
        report.sizes.push(size);
        match offered.iter().position(|offered| is_size(size, *offered)) {
            Some(place) => {
                let (first, _) = *used.get_or_insert((place, size));
                if first != place {
                    other = other.or(Some((number, size)));
                }
                if limits.paper.card().is_some() && size.height > size.width {
                    let message = "The page is higher than wide, and a card is printed wider than high. Turn the page by a \
                                   quarter.";
                    report.add(Finding::refuse("document.card_upright", message).on(number));
                }
            }
            None => {
                let found = format!("{:.2} x {:.2} in", size.width, size.height);
                let wanted = limits.paper.name();
                let message = format!("The page is {found}. Make it {wanted}.");
                report.add(Finding::refuse("document.page_size", message).on(number).measured(found, wanted));
            }
        }
    }
    if let (Some((_, first)), Some((number, size))) = (used, other) {
        let message = "The pages are of more than one sheet size, and a piece is printed on one. Make them equal.";
        let text = |size: PageSize| format!("{:.2} x {:.2} in", size.width, size.height);
        let finding = Finding::refuse("document.mixed_sizes", message).on(number);
        report.add(finding.measured(text(size), text(first)));
    }
    geometries
}

/// Whether a page is of a size, either way up.
fn is_size(size: PageSize, (short, long): (f64, f64)) -> bool {
    let (width, height) = (size.width.min(size.height), size.width.max(size.height));
    (width - short).abs() <= TOLERANCE && (height - long).abs() <= TOLERANCE
}

impl Paper {
    /// What a page of a size can be printed on: the card of its size, else sheets.
    pub fn of(size: PageSize) -> Self {
        let cards = [Self::Card4x6, Self::Card6x9, Self::Card6x11];
        cards.into_iter().find(|card| card.offers(size)).unwrap_or_default()
    }

    /// Whether a page is of the size of a card with its bleed.
    pub(super) fn has_bleed(self, size: PageSize) -> bool {
        self.sizes().first().is_some_and(|offered| is_size(size, *offered))
    }

    /// Whether a page of a size can be printed on this, either way up.
    pub(crate) fn offers(self, size: PageSize) -> bool {
        self.sizes().into_iter().any(|offered| is_size(size, offered))
    }

    /// The card that is left when it is cut; none if it is sheets.
    pub fn card(self) -> Option<CardSize> {
        match self {
            Self::Sheets { .. } => None,
            Self::Card4x6 => Some(CardSize::CARD_4X6),
            Self::Card6x9 => Some(CardSize::CARD_6X9),
            Self::Card6x11 => Some(CardSize::CARD_6X11),
        }
    }

    /// The sheets that there are, the smallest first; none for a card.
    pub(crate) fn sheets(self) -> &'static [PaperSize] {
        match self {
            Self::Sheets { a4: true } => &[PaperSize::Letter, PaperSize::A4, PaperSize::Legal],
            Self::Sheets { a4: false } => &[PaperSize::Letter, PaperSize::Legal],
            Self::Card4x6 | Self::Card6x9 | Self::Card6x11 => &[],
        }
    }

    /// The sizes a page may have, short and long side, inches. A card may come with its bleed or cut.
    fn sizes(self) -> Vec<(f64, f64)> {
        match (self, self.card()) {
            (_, Some(card)) => {
                vec![(card.height + 2.0 * BLEED, card.width + 2.0 * BLEED), (card.height, card.width)]
            }
            (Self::Sheets { a4: false }, None) => SHEETS[..2].to_vec(),
            (_, None) => SHEETS.to_vec(),
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

/// A page's content without filters, at most `limit` bytes, or what is wrong with it.
fn content(document: &Document, page: &Page<'_>, limit: u64) -> Result<Vec<u8>, Finding> {
    let mut joined = Vec::new();
    for stream in document::contents(document, page).ok_or_else(structure::damaged)? {
        let left = limit.saturating_sub(joined.len() as u64);
        match document::decode(document, stream, left) {
            Ok(content) => joined.extend(content),
            Err(lopdf::Error::Decompress(lopdf::DecompressError::MemoryLimitExceeded { .. })) => {
                return Err(structure::too_complex());
            }
            Err(_) => return Err(structure::damaged()),
        }
        // Streams are cut between tokens.
        joined.push(b'\n');
    }
    Ok(joined)
}
