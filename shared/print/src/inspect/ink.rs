//! Where ink is on the pages, by drawing them: `document.page_blank`, `all_pages_blank`, `ink_outside_margin`,
//! `ink_in_address_zone`, `ink_in_return_zone`, `ink_under_mark`, `ink_unchecked`.

use std::sync::Arc;

use super::painted::Painted;
use super::{Finding, Limits, PageSize, Paper, Report};
use crate::layout::{Layout, Rect};
use crate::press_sheet::CardSize;
use crate::raster::{Ink, Raster};
use crate::sheet_mark;
use crate::stationery::Placement;

/// What drawing the pages of one document may cost, nanoseconds by [`super::cost`]: ten scans at 300 dpi in four colours, or
/// hundreds of ordinary pages. It is well under the time limit of [`crate::isolate`], which refuses what takes longer.
const BUDGET: u64 = 3_000_000_000;

/// Findings after which a document is not drawn: it is refused, and what is drawn of it is a guess or costs too much.
const NOT_DRAWN: [&str; 5] = [
    "document.damaged",
    "document.encrypted",
    "document.page_count_untrustworthy",
    "document.too_complex",
    "document.too_many_sheets",
];

/// The zones of a first page that a layout's windows may show, whatever way the sheet slides: that of the return address and
/// that of the recipient's address and barcode. In inches from the top left of the upright sheet.
pub fn clear_zones(layout: &Layout) -> [Rect; 2] {
    [&layout.return_window, &layout.recipient_window].map(|window| {
        let (first, last) = (layout.seen_at(window, 0.0, 0.0), layout.seen_at(window, 1.0, 1.0));
        let (left, top) = (first.left.min(last.left).max(0.0), first.top.min(last.top).max(0.0));
        let (right, bottom) = (first.right().max(last.right()), first.bottom().max(last.bottom()));
        Rect { left, top, width: right - left, height: bottom - top }
    })
}

/// What must be free of ink on the back of a card, on a page of any size that it may come in: the middle of the page is that
/// of the card.
pub(crate) fn card_zone(card: CardSize, size: PageSize) -> Rect {
    on_card_page(card.clear_zone(), card, size)
}

/// A rectangle of the cut card on a page that may have its bleed.
pub(crate) fn on_card_page(area: Rect, card: CardSize, size: PageSize) -> Rect {
    let (right, down) = ((size.width - card.width) / 2.0, (size.height - card.height) / 2.0);
    Rect { left: area.left + right, top: area.top + down, ..area }
}

/// The page on which the address is printed over what is there, of those that the document has.
fn addressed_page(limits: &Limits, pages: u32) -> Option<u32> {
    let page = match (limits.paper.card(), limits.placement) {
        (Some(_), _) => 2,
        (None, Placement::FirstPage) => 1,
        (None, Placement::Cover) => return None,
    };
    (page <= pages).then_some(page)
}

/// Whether a document is to be drawn.
pub(super) fn is_drawn(report: &Report) -> bool {
    !NOT_DRAWN.iter().any(|rule| report.has(rule))
}

/// Why it is not known where there is ink on a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unchecked {
    /// What draws pages cannot read the file, or met something in it that it does not know.
    NotDrawn,
    /// The images of the page have too many pixels.
    Images,
    /// What draws the page leaves out something on it.
    Part,
    /// The pages before it took the time there is, or it would by itself.
    Costly,
}

impl Unchecked {
    /// What to say when none of so many pages was looked at.
    pub(super) fn of_all(self, pages: u32, limits: &Limits) -> Finding {
        self.finding(addressed_page(limits, pages).unwrap_or(1), pages, limits)
    }

    /// What to say of such a page. One that has the address printed on it may have ink there.
    fn finding(self, page: u32, pages: u32, limits: &Limits) -> Finding {
        if addressed_page(limits, pages) == Some(page) {
            let message = match limits.paper.card() {
                Some(_) => {
                    "The back could not be drawn to see that the zone for the address is free. Print the document to a new \
                     PDF."
                }
                None => {
                    "The first page could not be drawn to see that the zone for the address is free. Print the document to \
                     a new PDF, or use a cover sheet."
                }
            };
            return Finding::refuse("document.ink_unchecked", message).on(page);
        }
        let message = match self {
            Self::NotDrawn => {
                "The file cannot be drawn here to see where there is ink on its pages. Print the document to a new PDF, or \
                 check its margins."
            }
            Self::Images => {
                "The images of the page have too many pixels to see where there is ink. Look at its margins, or reduce the \
                 resolution of the images."
            }
            Self::Part => {
                "Something on the page, perhaps a damaged image, cannot be drawn here, and other printers may leave it out too. Look \
                 whether the page is as it should be, and print the document to a new PDF if it is not."
            }
            Self::Costly => {
                "The pages from this one on were not searched for ink: it would take too long. Look at their margins."
            }
        };
        Finding::warn("document.ink_unchecked", message).on(page)
    }
}

/// Draws the pages, of which it is known what they paint, and says whether something on them is coloured.
pub(super) fn check(bytes: &Arc<Vec<u8>>, pages: &[Painted], limits: &Limits, report: &mut Report) {
    let raster = Raster::of(bytes);
    if let Some(raster) = raster.as_ref().filter(|raster| raster.pages() != pages.len()) {
        // Two readers that differ on the pages differ on what is on which.
        report.add(disagree(raster.pages(), pages.len()));
        return;
    }
    let mut left = BUDGET;
    let layout = limits.layout(report);
    let (mut blank, mut coloured, mut unchecked) = (0, false, Vec::new());
    for ((painted, size), number) in pages.iter().zip(report.sizes.clone()).zip(1u32..) {
        if size == PageSize::default() {
            // It has a finding of its own, and what is on it is not known.
            continue;
        }
        if !painted.marks {
            blank += 1;
            report.add(blank_page(number));
            continue;
        }
        let drawn = match (&raster, left.checked_sub(painted.cost.nanoseconds())) {
            (None, _) => Err(Unchecked::NotDrawn),
            (_, None) => Err(Unchecked::Costly),
            (Some(raster), Some(rest)) => {
                left = rest;
                raster.ink(number as usize - 1).ok_or(Unchecked::Images)
            }
        };
        let ink = match drawn {
            Ok(ink) => ink,
            Err(reason) => {
                unchecked.push((number, reason));
                coloured |= painted.coloured;
                continue;
            }
        };
        coloured |= ink.coloured;
        if ink.partial || painted.unbounded {
            unchecked.push((number, Unchecked::Part));
            coloured |= painted.coloured;
            blank += usize::from(ink.is_blank() && !painted.text);
            continue;
        }
        if ink.is_blank() {
            // Text that is not seen may be white, or in a font that what draws it here cannot read.
            blank += usize::from(!painted.text);
            report.add(blank_page(number));
            continue;
        }
        check_margin(&ink, size, number, limits, report);
        if matches!(limits.paper, Paper::Sheets { .. }) {
            if limits.is_front(number) {
                check_mark(&ink, size, number, &layout, report);
            }
            if number == 1 && limits.placement == Placement::FirstPage {
                check_zones(&ink, size, &layout, report);
            }
        }
        if let Some(card) = limits.paper.card().filter(|_| number == 2) {
            check_back(&ink, card, size, report);
        }
    }
    report.coloured = coloured;
    if blank == pages.len() {
        let message = match unchecked.is_empty() {
            true => "Nothing is on any page. Export the document again and look at it before it is sent.",
            false => {
                "Nothing that is on the pages can be drawn here, and it may be printed as blank. Print the document to a new PDF and \
                 look at it before it is sent."
            }
        };
        report.add(Finding::refuse("document.all_pages_blank", message));
    }
    // Of them the one that gets the address, or else the first.
    let addressed = addressed_page(limits, report.pages);
    let told = unchecked.iter().find(|(number, _)| Some(*number) == addressed).or(unchecked.first());
    if let Some((number, reason)) = told {
        report.add(reason.finding(*number, report.pages, limits));
    }
}

/// That another reader finds another number of pages than the walk of the page tree.
fn disagree(drawn: usize, walked: usize) -> Finding {
    let message = "Readers do not agree on how many pages the file has. Print the document to a new PDF.";
    let (found, said) = (format!("{drawn} pages"), format!("{walked} pages"));
    Finding::refuse("document.page_count_untrustworthy", message).measured(found, said)
}

fn blank_page(number: u32) -> Finding {
    let message = "Nothing is on the page. Leave it out if it is not meant to be blank.";
    Finding::warn("document.page_blank", message).on(number)
}

/// Ink where a press does not print. A card that comes with its bleed is cut out of a larger sheet.
fn check_margin(ink: &Ink, size: PageSize, number: u32, limits: &Limits, report: &mut Report) {
    if !matches!(limits.paper, Paper::Sheets { .. }) && limits.paper.has_bleed(size) {
        return;
    }
    let margin = limits.margin;
    let printable =
        Rect { left: margin, top: margin, width: size.width - 2.0 * margin, height: size.height - 2.0 * margin };
    let Some(area) = ink.outside(&printable) else { return };
    let distances = [area.left, area.top, size.width - area.right(), size.height - area.bottom()];
    let nearest = distances.into_iter().fold(f64::INFINITY, f64::min).max(0.0);
    let message = format!(
        "There is ink within {margin} in of an edge, where it may not be printed. Move it in or make the page smaller."
    );
    let (found, allowed) = (format!("{nearest:.2} in from the edge"), format!("{margin} in"));
    report.add(Finding::warn("document.ink_outside_margin", message).on(number).at(area).measured(found, allowed));
}

/// Ink where the sheet mark and the line beside it are printed, on white.
fn check_mark(ink: &Ink, size: PageSize, number: u32, layout: &Layout, report: &mut Report) {
    let zones = sheet_mark::zones(layout, size.width.max(size.height));
    for (zone, what) in zones.into_iter().flatten().zip(["sheet mark", "line beside the sheet mark"]) {
        let zone = on_page(zone, size);
        let Some(area) = ink.within(&zone) else { continue };
        let message = format!(
            "There is ink where the {what} will cover it: leave {:.2} x {:.2} in free from {:.2} in to the right and {:.2} in \
             down.",
            zone.width, zone.height, zone.left, zone.top
        );
        let found = format!("{:.2} x {:.2} in of ink", area.width, area.height);
        report.add(Finding::warn("document.ink_under_mark", message).on(number).at(area).measured(found, "none"));
    }
}

/// Ink where the addresses and the barcode are put on the first page.
fn check_zones(ink: &Ink, size: PageSize, layout: &Layout, report: &mut Report) {
    let rules = [
        ("document.ink_in_return_zone", "return address"),
        ("document.ink_in_address_zone", "recipient's address and barcode"),
    ];
    for (zone, (rule, what)) in clear_zones(layout).into_iter().zip(rules) {
        let zone = on_page(zone, size);
        let Some(area) = ink.within(&zone) else { continue };
        let message = format!(
            "There is ink on the first page where the {what} will be printed: leave {:.2} x {:.2} in free from {:.2} in to the \
             right and {:.2} in down, or use a cover sheet.",
            zone.width, zone.height, zone.left, zone.top
        );
        let found = format!("{:.2} x {:.2} in of ink", area.width, area.height);
        report.add(Finding::refuse(rule, message).on(1).at(area).measured(found, "none"));
    }
}

/// Ink where the address and the barcode are put on the back of a card.
fn check_back(ink: &Ink, card: CardSize, size: PageSize, report: &mut Report) {
    let zone = card_zone(card, size);
    let Some(area) = ink.within(&zone) else { return };
    let message = format!(
        "There is ink on the back where the recipient's address and barcode will be printed: leave {:.2} x {:.2} in free from \
         {:.3} in to the right and {:.3} in down.",
        zone.width, zone.height, zone.left, zone.top
    );
    let found = format!("{:.2} x {:.2} in of ink", area.width, area.height);
    let finding = Finding::refuse("document.ink_in_address_zone", message).on(2).at(area);
    report.add(finding.measured(found, "none"));
}

/// A zone of an upright sheet on a page that may be wider than high: that page is turned clockwise by a quarter to be printed.
pub(crate) fn on_page(zone: Rect, size: PageSize) -> Rect {
    if size.width <= size.height {
        return zone;
    }
    Rect { left: zone.top, top: size.height - zone.right(), width: zone.height, height: zone.width }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clear_zone_holds_what_its_window_shows_at_every_shift() {
        let layout = Layout::default();
        for (zone, window) in clear_zones(&layout).iter().zip([&layout.return_window, &layout.recipient_window]) {
            for (right, down) in [(0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (0.5, 0.5), (1.0, 1.0)] {
                let seen = layout.seen_at(window, right, down);
                let on_sheet = Rect { left: seen.left.max(0.0), width: seen.right() - seen.left.max(0.0), ..seen };
                assert!(zone.contains(&on_sheet), "{zone:?} {on_sheet:?}");
            }
            assert!(zone.contains(&layout.always_visible(window)));
        }
    }

    #[test]
    fn a_zone_at_the_top_left_of_the_sheet_is_at_the_bottom_left_of_a_page_that_is_turned_clockwise() {
        let zone = Rect { left: 0.5, top: 1.0, width: 3.0, height: 2.0 };
        let turned = on_page(zone, PageSize { width: 11.0, height: 8.5 });
        assert_eq!(turned, Rect { left: 1.0, top: 5.0, width: 2.0, height: 3.0 });
        assert_eq!(on_page(zone, PageSize { width: 8.5, height: 11.0 }), zone);
    }
}
