//! How cards lie on the sheets that are printed and then cut: side by side, fronts and backs on each other, trim marks
//! outside.
//!
//! A press sheet lies upright and is turned over its long edge, as the page of a book is. What is left on its front is right on
//! its back, and a card that is turned on the front is turned the other way on the back.

use serde::{Deserialize, Serialize};

use crate::layout::{Layout, Rect};

/// How much larger than the card its document is on each side, or may be, inches: what a cut that is a little off goes into.
pub const BLEED: f64 = 0.125;

/// Space between the cut edges of neighbours, inches: the bleed of both.
const GUTTER: f64 = 2.0 * BLEED;

/// How long a trim mark is, inches, if there is room.
const MARK: f64 = 0.1875;
/// The shortest trim mark that can be cut by, inches.
const SHORTEST_MARK: f64 = 0.0625;
/// How thick a trim mark is, inches: a quarter of a point.
const MARK_WIDTH: f64 = 0.25 / 72.0;

/// A card when it is cut, inches: its address side, which is wider than high.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CardSize {
    /// Width, inches.
    pub width: f64,
    /// Height, inches.
    pub height: f64,
}

impl CardSize {
    /// Four by six inches.
    pub const CARD_4X6: Self = Self { width: 6.0, height: 4.0 };
    /// Six by nine inches.
    pub const CARD_6X9: Self = Self { width: 9.0, height: 6.0 };
    /// Six by eleven inches.
    pub const CARD_6X11: Self = Self { width: 11.0, height: 6.0 };

    /// What must be free of ink on the address side, inches from the top left of the cut card: the lower right 4 by 2.25
    /// inches.
    pub fn clear_zone(&self) -> Rect {
        Rect { left: self.width - 4.0, top: self.height - 2.25, width: 4.0, height: 2.25 }
    }

    /// Where things are on the address side. There is no envelope and so no slack. The address block is half an inch from the
    /// right edge and 0.625 in from the bottom, where the Postal Service reads it (DMM 202.2.1), and leaves the barcode clear
    /// zone below it blank, for it has its barcode with it; the sheet mark is above it.
    pub fn layout(&self) -> Layout {
        const MARK_BAND: f64 = 0.6;
        // Accents of the first line reach into it.
        const MARK_GAP: f64 = 0.08;
        let zone = self.clear_zone();
        let top = zone.top + MARK_BAND;
        let left = zone.left + 0.25;
        let (right, bottom) = (self.width - 0.5, self.height - 0.625);
        Layout {
            envelope_width: self.width,
            envelope_height: self.height,
            panel_width: self.width,
            panel_height: self.height,
            recipient_window: Rect { left, top, width: right - left, height: bottom - top },
            mark_left: left + 0.05,
            mark_bottom: self.height - top + MARK_GAP,
            ..Layout::default()
        }
    }
}

/// The paper that cards are printed on, inches.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PressSheet {
    /// The short edge, inches.
    pub width: f64,
    /// The long edge, inches.
    pub height: f64,
    /// What the press does not print at each edge, inches. No cut card reaches into it; bleed and trim marks may.
    pub margin: f64,
}

impl Default for PressSheet {
    fn default() -> Self {
        Self::LETTER
    }
}

impl PressSheet {
    /// 8.5 by 11 inches.
    pub const LETTER: Self = Self { width: 8.5, height: 11.0, margin: 0.125 };
    /// 12 by 18 inches.
    pub const PRESS_12X18: Self = Self { width: 12.0, height: 18.0, margin: 0.125 };

    /// A sheet for one card, already cut.
    pub fn cut(card: CardSize) -> Self {
        Self { width: card.height, height: card.width, margin: 0.0 }
    }

    /// As many cards as there is room for, upright unless more fit turned; nothing if not even one does.
    pub fn impose(&self, card: CardSize) -> Option<Imposition> {
        let fits = |room: f64, size: f64| ((room - 2.0 * self.margin + GUTTER + 1e-6) / (size + GUTTER)).floor();
        let imposition = |turned: bool| {
            let (width, height) = if turned { (card.height, card.width) } else { (card.width, card.height) };
            let (columns, rows) = (fits(self.width, width), fits(self.height, height));
            let usable = self.width <= self.height && columns >= 1.0 && rows >= 1.0;
            usable.then_some(Imposition { sheet: *self, card, columns: columns as u32, rows: rows as u32, turned })
        };
        let [upright, turned] = [false, true].map(imposition);
        match (upright, turned) {
            (Some(upright), Some(turned)) if turned.places() > upright.places() => Some(turned),
            (upright, turned) => upright.or(turned),
        }
    }
}

/// Cards of one size on a press sheet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Imposition {
    sheet: PressSheet,
    card: CardSize,
    columns: u32,
    rows: u32,
    turned: bool,
}

/// A side of a press sheet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Front,
    Back,
}

impl Imposition {
    /// How many cards there are on a sheet.
    pub fn places(&self) -> u32 {
        self.columns * self.rows
    }

    /// The sheet.
    pub fn sheet(&self) -> PressSheet {
        self.sheet
    }

    /// The card.
    pub fn card(&self) -> CardSize {
        self.card
    }

    /// Where the cut card of a place is on the front, inches from the top left of the sheet. Places count from 0 at the top
    /// left, along the rows.
    pub fn front(&self, place: u32) -> Rect {
        self.cell(place, Side::Front)
    }

    /// Where the cut card of a place is on the back.
    pub fn back(&self, place: u32) -> Rect {
        self.cell(place, Side::Back)
    }

    pub(crate) fn cell(&self, place: u32, side: Side) -> Rect {
        let (width, height) = self.cell_size();
        let block = self.block();
        let (row, column) = (place / self.columns, place % self.columns);
        let column = match side {
            Side::Front => column,
            Side::Back => self.columns - 1 - column,
        };
        Rect {
            left: block.left + f64::from(column) * (width + GUTTER),
            top: block.top + f64::from(row) * (height + GUTTER),
            width,
            height,
        }
    }

    /// The matrix that puts a page of `width` by `height` points, its origin at its lower left corner, on a place with the
    /// middle of both at the same point of the sheet.
    pub(crate) fn matrix(&self, place: u32, side: Side, width: f64, height: f64) -> [f64; 6] {
        const POINTS: f64 = 72.0;
        let cell = self.cell(place, side);
        let x = (cell.left + cell.width / 2.0) * POINTS;
        let y = (self.sheet.height - cell.top - cell.height / 2.0) * POINTS;
        // A turned card has its top at the right edge of its cell on the front, and so at the left edge on the back.
        let [a, b, c, d] = match (self.turned, side) {
            (false, _) => [1.0, 0.0, 0.0, 1.0],
            (true, Side::Front) => [0.0, -1.0, 1.0, 0.0],
            (true, Side::Back) => [0.0, 1.0, -1.0, 0.0],
        };
        let (right, up) = (width / 2.0, height / 2.0);
        [a, b, c, d, x - a * right - c * up, y - b * right - d * up]
    }

    /// The trim marks, the same on either side: where the cuts are, beyond the bleed of the outermost cards. None where the
    /// sheet has no room for them.
    pub fn marks(&self) -> Vec<Rect> {
        let (width, height) = self.cell_size();
        let block = self.block();
        let cuts = |first: f64, size: f64, count: u32| {
            (0..count).flat_map(move |place| {
                let edge = first + f64::from(place) * (size + GUTTER);
                [edge, edge + size]
            })
        };
        // From the edge of the sheet to the bleed, as long as a mark at most.
        let reach = |edge: f64| (edge - BLEED).min(MARK);
        let mut marks = Vec::new();
        let long = reach(block.top);
        if long >= SHORTEST_MARK {
            for cut in cuts(block.left, width, self.columns) {
                for top in [block.top - BLEED - long, block.bottom() + BLEED] {
                    marks.push(Rect { left: cut - MARK_WIDTH / 2.0, top, width: MARK_WIDTH, height: long });
                }
            }
        }
        let long = reach(block.left);
        if long >= SHORTEST_MARK {
            for cut in cuts(block.top, height, self.rows) {
                for left in [block.left - BLEED - long, block.right() + BLEED] {
                    marks.push(Rect { left, top: cut - MARK_WIDTH / 2.0, width: long, height: MARK_WIDTH });
                }
            }
        }
        marks
    }

    fn cell_size(&self) -> (f64, f64) {
        if self.turned { (self.card.height, self.card.width) } else { (self.card.width, self.card.height) }
    }

    /// From the first cut to the last, in the middle of the sheet.
    fn block(&self) -> Rect {
        let (width, height) = self.cell_size();
        let side = |size: f64, count: u32| f64::from(count) * (size + GUTTER) - GUTTER;
        let (width, height) = (side(width, self.columns), side(height, self.rows));
        Rect { left: (self.sheet.width - width) / 2.0, top: (self.sheet.height - height) / 2.0, width, height }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address_block::{place_bars, with_clear_zone};
    use crate::sheet_mark;
    use proptest::prelude::*;

    const CARDS: [CardSize; 3] = [CardSize::CARD_4X6, CardSize::CARD_6X9, CardSize::CARD_6X11];

    fn impositions() -> Vec<Imposition> {
        let sheets = [PressSheet::LETTER, PressSheet::PRESS_12X18];
        let mut all: Vec<Imposition> =
            CARDS.iter().flat_map(|card| sheets.iter().filter_map(|sheet| sheet.impose(*card))).collect();
        all.extend(CARDS.iter().map(|card| PressSheet::cut(*card).impose(*card).unwrap()));
        all
    }

    fn overlap(a: &Rect, b: &Rect) -> bool {
        const SLOP: f64 = 1e-9;
        a.left < b.right() - SLOP && b.left < a.right() - SLOP && a.top < b.bottom() - SLOP && b.top < a.bottom() - SLOP
    }

    #[test]
    fn as_many_cards_are_on_a_sheet_as_there_is_room_for() {
        let places = |sheet: PressSheet, card| sheet.impose(card).map(|imposition| imposition.places());
        assert_eq!(CARDS.map(|card| places(PressSheet::LETTER, card)), [Some(2), Some(1), None]);
        assert_eq!(CARDS.map(|card| places(PressSheet::PRESS_12X18, card)), [Some(4), Some(2), Some(2)]);
        assert_eq!(CARDS.map(|card| places(PressSheet::cut(card), card)), [Some(1); 3]);
    }

    #[test]
    fn a_sheet_that_does_not_lie_upright_takes_no_card() {
        let lying = PressSheet { width: 18.0, height: 12.0, margin: 0.125 };
        assert_eq!(lying.impose(CardSize::CARD_4X6), None);
    }

    #[test]
    fn cards_lie_within_the_printed_part_of_the_sheet_and_their_bleeds_do_not_overlap() {
        for imposition in impositions() {
            let PressSheet { width, height, margin } = imposition.sheet();
            let printed =
                Rect { left: margin, top: margin, width: width - 2.0 * margin, height: height - 2.0 * margin };
            let bleeds: Vec<Rect> = (0..imposition.places())
                .map(|place| imposition.front(place))
                .inspect(|cell| assert!(printed.contains(cell), "{imposition:?} {cell:?}"))
                .map(|cell| Rect {
                    left: cell.left - BLEED,
                    top: cell.top - BLEED,
                    width: cell.width + 2.0 * BLEED,
                    height: cell.height + 2.0 * BLEED,
                })
                .collect();
            for (place, a) in bleeds.iter().enumerate() {
                assert!(bleeds[place + 1..].iter().all(|b| !overlap(a, b)), "{imposition:?}");
            }
        }
    }

    #[test]
    fn a_back_is_behind_its_front_when_the_sheet_is_turned_over_its_long_edge() {
        for imposition in impositions() {
            for place in 0..imposition.places() {
                let (front, back) = (imposition.front(place), imposition.back(place));
                let mirrored = Rect { left: imposition.sheet().width - front.right(), ..front };
                assert!(mirrored.contains(&back) && back.contains(&mirrored), "{front:?} {back:?}");
                // A point of the card that lies right of its middle on the front lies left of it on the back, as high.
                let middle = (front.left + front.width / 2.0) * 72.0;
                let at = |side, x: f64, y: f64| {
                    let [a, b, c, d, e, f] = imposition.matrix(place, side, 72.0, 36.0);
                    (a * x + c * y + e, b * x + d * y + f)
                };
                let (x, y) = at(Side::Front, 10.0, 5.0);
                // Seen from behind, what was 10 from the left of the card is 10 from its right.
                let behind = at(Side::Back, 62.0, 5.0);
                let width = imposition.sheet().width * 72.0;
                assert!((behind.0 - (width - x)).abs() < 1e-6 && (behind.1 - y).abs() < 1e-6, "{middle}");
            }
        }
    }

    #[test]
    fn trim_marks_are_at_every_cut_and_never_in_a_card_or_its_bleed() {
        for imposition in impositions() {
            let marks = imposition.marks();
            let PressSheet { width, height, .. } = imposition.sheet();
            let sheet = Rect { left: 0.0, top: 0.0, width, height };
            for mark in &marks {
                assert!(sheet.contains(mark), "{mark:?}");
                for place in 0..imposition.places() {
                    let cell = imposition.front(place);
                    let bleed = Rect {
                        left: cell.left - BLEED,
                        top: cell.top - BLEED,
                        width: cell.width + 2.0 * BLEED,
                        height: cell.height + 2.0 * BLEED,
                    };
                    assert!(!overlap(mark, &bleed), "{imposition:?} {mark:?}");
                }
            }
        }
        let two_up = PressSheet::LETTER.impose(CardSize::CARD_4X6).unwrap();
        // Two cuts along the sheet and four across, a mark at either end of each.
        assert_eq!(two_up.marks().len(), 12);
        assert_eq!(PressSheet::cut(CardSize::CARD_4X6).impose(CardSize::CARD_4X6).unwrap().marks(), []);
    }

    #[test]
    fn marks_are_the_same_on_both_sides() {
        for imposition in impositions() {
            let width = imposition.sheet().width;
            for mark in imposition.marks() {
                let mirrored = Rect { left: width - mark.right(), ..mark };
                let there = |other: &Rect| mirrored.contains(other) && other.contains(&mirrored);
                assert!(imposition.marks().iter().any(there), "{mark:?}");
            }
        }
    }

    #[test]
    fn what_is_stamped_on_a_card_is_in_the_clear_zone_and_where_addresses_are_read() {
        for card in CARDS {
            let layout = card.layout();
            let zone = card.clear_zone();
            let window = layout.recipient_window;
            assert!(zone.contains(&window), "{window:?}");
            let read = Rect { left: 0.5, top: card.height - 2.75, width: card.width - 1.0, height: 2.125 };
            assert!(read.contains(&window), "{window:?}");
            let bars = with_clear_zone(&place_bars(&layout).unwrap());
            assert!(window.contains(&bars) && card.height - bars.bottom() >= 0.625 - 1e-6, "{bars:?}");
        }
    }

    #[test]
    fn the_largest_sheet_mark_is_in_the_clear_zone_and_above_the_accents_of_the_first_line() {
        let payload = sheet_mark::payload(&"j".repeat(64), u32::MAX, 1, 1);
        let side = sheet_mark::modules(&payload).unwrap().side as f64;
        for card in CARDS {
            let layout = card.layout();
            let clear = (side + 2.0) * layout.mark_module;
            let bottom = card.height - layout.mark_bottom + layout.mark_module;
            let mark = Rect { left: layout.mark_left, top: bottom - clear, width: clear, height: clear };
            assert!(card.clear_zone().contains(&mark), "{mark:?}");
            // An accent is a quarter of the type size, 10 point at most.
            assert!(layout.recipient_window.top - bottom >= 10.0 / 72.0 / 4.0, "{mark:?}");
        }
    }

    proptest! {
        #[test]
        fn a_point_of_a_page_lies_in_its_place(place in 0..4u32, back: bool, x in 0.0..1.0, y in 0.0..1.0) {
            let side = if back { Side::Back } else { Side::Front };
            for imposition in impositions() {
                let place = place % imposition.places();
                let (width, height) = (imposition.card().width * 72.0, imposition.card().height * 72.0);
                let [a, b, c, d, e, f] = imposition.matrix(place, side, width, height);
                let (x, y) = (x * width, y * height);
                let (left, bottom) = (a * x + c * y + e, b * x + d * y + f);
                let point =
                    Rect { left: left / 72.0, top: imposition.sheet().height - bottom / 72.0, width: 0.0, height: 0.0 };
                prop_assert!(imposition.cell(place, side).contains(&point));
            }
        }
    }
}
