//! What a mail piece is made of: its paper, its envelope, how it is folded, and what all of it weighs.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

use crate::address_block::place_bars;
use crate::layout::Layout;
use crate::press_sheet::CardSize;

/// The paper and the envelopes of a mail job. The default is 20 lb paper in a #10 envelope up to six sheets and in a flat
/// above; A4, which slides too far in a #10, always goes into a flat.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Stationery {
    /// The folding envelope.
    pub letter: Layout,
    /// The envelope for what is not folded.
    pub flat: Layout,
    /// The envelope for what is not folded and is longer than that.
    pub long_flat: Layout,
    /// The most sheets that are folded.
    pub fold_limit: u32,
    /// The weight of a Letter sheet, thousandths of an ounce: 160 for 20 lb paper, 192 for 24 lb. Other sizes weigh by area.
    pub sheet_weight: u32,
    /// The weight of the folding envelope, thousandths of an ounce.
    pub letter_weight: u32,
    /// The weight of the flat envelope, thousandths of an ounce.
    pub flat_weight: u32,
    /// The weight of the longer flat envelope, thousandths of an ounce.
    pub long_flat_weight: u32,
    /// The weight of the envelope for the answer, thousandths of an ounce: a #9, which goes into each of the others unfolded.
    pub return_envelope_weight: u32,
    /// The weight of a card of 4 by 6 inches, thousandths of an ounce: 148 for 100 lb cover. Other sizes weigh by area.
    pub card_weight: u32,
    /// What cover sheets are printed on.
    pub cover_stock: Stock,
    /// Whether the address block is printed as USPS Publication 28 prefers it, see
    /// [`address_block::usps_style`](crate::address_block::usps_style).
    pub usps_style: bool,
}

impl Default for Stationery {
    fn default() -> Self {
        Self {
            letter: Layout::number_10(),
            flat: Layout::flat_9x12(),
            long_flat: Layout::flat_10x15(),
            fold_limit: 6,
            sheet_weight: 160,
            letter_weight: 200,
            flat_weight: 650,
            long_flat_weight: 950,
            return_envelope_weight: 170,
            card_weight: 148,
            cover_stock: Stock::Plain,
            usps_style: false,
        }
    }
}

impl Stationery {
    /// The envelopes for so many sheets of a size, first choice first, and where things are on the sheets in each. Of an
    /// envelope that is not among them a window would not show the whole barcode at every shift, or the sheets do not go in.
    pub fn envelopes(&self, sheets: u32, paper: PaperSize) -> Vec<(Envelope, Layout)> {
        [Envelope::Number10, Envelope::Flat9x12, Envelope::Flat10x15]
            .into_iter()
            .map(|envelope| (envelope, self.layout(envelope).holding(paper)))
            .filter(|(envelope, layout)| {
                let folded = layout.panel_height < paper.inches().1;
                let goes_in =
                    layout.panel_width <= layout.envelope_width && layout.panel_height <= layout.envelope_height;
                let folds = match envelope {
                    Envelope::Number10 => sheets <= self.fold_limit,
                    // A sheet that is folded in it slides by as much as it is shorter: no window follows it.
                    Envelope::Flat9x12 | Envelope::Flat10x15 => !folded,
                };
                folds && goes_in && place_bars(layout).is_ok()
            })
            .collect()
    }

    /// Where things are on the sheets that an envelope is made for.
    pub fn layout(&self, envelope: Envelope) -> &Layout {
        match envelope {
            Envelope::Number10 => &self.letter,
            Envelope::Flat9x12 => &self.flat,
            Envelope::Flat10x15 => &self.long_flat,
        }
    }

    /// The weight of a piece of so many sheets in its envelope, with one for the answer if that is put in, rounded up to a
    /// thousandth.
    pub fn weight(&self, sheets: u32, paper: PaperSize, envelope: Envelope, return_envelope: bool) -> Ounces {
        let (width, height) = paper.inches();
        let paper = by_area(f64::from(sheets) * f64::from(self.sheet_weight), width * height, 8.5 * 11.0);
        let envelope = match envelope {
            Envelope::Number10 => self.letter_weight,
            Envelope::Flat9x12 => self.flat_weight,
            Envelope::Flat10x15 => self.long_flat_weight,
        };
        Ounces(paper + envelope + if return_envelope { self.return_envelope_weight } else { 0 })
    }

    /// The weight of a cut card, rounded up to a thousandth.
    pub fn weight_of_card(&self, card: CardSize) -> Ounces {
        Ounces(by_area(f64::from(self.card_weight), card.width * card.height, 4.0 * 6.0))
    }
}

/// The weight of an area of what weighs `weight` where it has the area `of`, rounded up.
fn by_area(weight: f64, area: f64, of: f64) -> u32 {
    // Less a millionth, so that what is a whole number but for rounding stays one.
    (weight * (area / of) - 1e-6).ceil() as u32
}

/// The size of the sheets of a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum PaperSize {
    /// 8.5 by 11 inches.
    Letter,
    /// 8.5 by 14 inches.
    Legal,
    /// 210 by 297 millimetres.
    A4,
}

impl PaperSize {
    /// Every size there is.
    pub const ALL: [Self; 3] = [Self::Letter, Self::Legal, Self::A4];

    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Letter => "Letter",
            Self::Legal => "Legal",
            Self::A4 => "A4",
        }
    }

    /// Width and height of the upright sheet, inches.
    pub fn inches(self) -> (f64, f64) {
        match self {
            Self::Letter => (8.5, 11.0),
            Self::Legal => (8.5, 14.0),
            Self::A4 => (210.0 / 25.4, 297.0 / 25.4),
        }
    }

    /// The size that an upright page is printed on, whose sides may be off by a twentieth of an inch as inspection allows;
    /// nothing if there is none.
    pub fn of(width: f64, height: f64) -> Option<Self> {
        // A little more, for inspection measures with other roundings.
        const TOLERANCE: f64 = 0.051;
        Self::ALL.into_iter().find(|size| {
            let inches = size.inches();
            (width - inches.0).abs() <= TOLERANCE && (height - inches.1).abs() <= TOLERANCE
        })
    }
}

/// What a sheet is printed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stock {
    /// White paper.
    Plain,
    /// Coloured paper, for covers that are found in a stack.
    Coloured,
    /// White paper with a perforation, for a part that is sent back.
    Perforated,
}

impl Stock {
    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Coloured => "coloured",
            Self::Perforated => "perforated",
        }
    }
}

/// Which sides of the sheets the document is printed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Sides {
    /// Both: two pages of the document to a sheet.
    #[default]
    Duplex,
    /// The front: one page of the document to a sheet, its back blank.
    FrontOnly,
}

impl Sides {
    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Duplex => "duplex",
            Self::FrontOnly => "frontOnly",
        }
    }

    /// How many sheets so many pages of a document take.
    pub fn sheets(self, pages: u32) -> u32 {
        match self {
            Self::Duplex => pages.div_ceil(2),
            Self::FrontOnly => pages,
        }
    }
}

/// Where the addresses and the barcode of a piece are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Placement {
    /// On a cover sheet before the document.
    #[default]
    Cover,
    /// On the first page of the document, over what is printed there. Inspection has made sure that there is room.
    FirstPage,
}

/// The envelope of a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Envelope {
    /// A #10 envelope, for folded sheets.
    #[serde(rename = "#10")]
    Number10,
    /// A 9 x 12 inch flat.
    #[serde(rename = "9x12")]
    Flat9x12,
    /// A 10 x 15 inch flat, for Legal.
    #[serde(rename = "10x15")]
    Flat10x15,
}

impl Envelope {
    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Number10 => "#10",
            Self::Flat9x12 => "9x12",
            Self::Flat10x15 => "10x15",
        }
    }
}

/// How the sheets of a piece are folded: into how many panels, of equal height.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fold {
    /// Not at all.
    None,
    /// Once, into two panels.
    Half,
    /// Twice, into three panels.
    Third,
    /// Three times, into four panels.
    Quarter,
}

impl Fold {
    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Half => "half",
            Self::Third => "third",
            Self::Quarter => "quarter",
        }
    }

    /// How many panels it makes.
    pub fn panels(self) -> u32 {
        match self {
            Self::None => 1,
            Self::Half => 2,
            Self::Third => 3,
            Self::Quarter => 4,
        }
    }

    /// The fewest panels that let a sheet `height` inches high into an envelope.
    pub fn of(height: f64, layout: &Layout) -> Self {
        const SLOP: f64 = 1e-6;
        match height / layout.envelope_height - SLOP {
            panels if panels <= 1.0 => Self::None,
            panels if panels <= 2.0 => Self::Half,
            panels if panels <= 3.0 => Self::Third,
            _ => Self::Quarter,
        }
    }
}

/// What each sheet of a piece is printed on, as runs of sheets on the same stock.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stocks {
    runs: Vec<(Stock, u32)>,
}

impl Stocks {
    /// Adds sheets after those there are.
    pub fn push(&mut self, stock: Stock, sheets: u32) {
        match self.runs.last_mut() {
            _ if sheets == 0 => {}
            Some((last, count)) if *last == stock => *count += sheets,
            _ => self.runs.push((stock, sheets)),
        }
    }

    /// The runs from the first sheet on: the stock and how many sheets.
    pub fn runs(&self) -> &[(Stock, u32)] {
        &self.runs
    }

    /// The stock of a sheet, from 1; nothing if there is no such sheet.
    pub fn of(&self, sheet: u32) -> Option<Stock> {
        let mut before = sheet.checked_sub(1)?;
        for &(stock, sheets) in &self.runs {
            match before.checked_sub(sheets) {
                Some(rest) => before = rest,
                None => return Some(stock),
            }
        }
        None
    }
}

/// As in `plain:1 perforated:2 plain:3-5`: the stock of each sheet by its number in the piece.
impl fmt::Display for Stocks {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut first = 1;
        for (stock, sheets) in &self.runs {
            let last = first + sheets - 1;
            let gap = if first == 1 { "" } else { " " };
            write!(formatter, "{gap}{}:{first}", stock.name())?;
            if last > first {
                write!(formatter, "-{last}")?;
            }
            first = last + 1;
        }
        Ok(())
    }
}

impl Serialize for Stocks {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A weight in thousandths of an ounce; on the wire a decimal number of ounces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Ounces(pub u32);

impl fmt::Display for Ounces {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{:03}", self.0 / 1000, self.0 % 1000)
    }
}

impl Serialize for Ounces {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(f64::from(self.0) / 1000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address_block::{place_recipient, place_sender, with_clear_zone};
    use crate::layout::Rect;

    /// The first choice.
    fn envelope(sheets: u32, paper: PaperSize) -> Envelope {
        Stationery::default().envelopes(sheets, paper)[0].0
    }

    #[test]
    fn six_sheets_are_folded_and_seven_lie_flat() {
        for (paper, flat) in [(PaperSize::Letter, Envelope::Flat9x12), (PaperSize::Legal, Envelope::Flat10x15)] {
            assert_eq!(envelope(6, paper), Envelope::Number10);
            assert_eq!(envelope(7, paper), flat);
        }
    }

    #[test]
    fn a4_slides_too_far_to_be_folded_unless_the_window_is_wider() {
        assert_eq!(envelope(1, PaperSize::A4), Envelope::Flat9x12);
        let mut wider = Stationery::default();
        wider.letter.recipient_window.width = 4.5;
        assert_eq!(wider.envelopes(1, PaperSize::A4)[0].0, Envelope::Number10);
    }

    #[test]
    fn whatever_the_paper_the_barcode_is_always_visible_and_the_address_is_seen_where_the_sheet_rests() {
        let lines: Vec<String> = (0..6).map(|line| format!("{line} MARTIN LUTHER KING BLVD")).collect();
        for (paper, sheets) in PaperSize::ALL.into_iter().flat_map(|paper| [(paper, 2), (paper, 9)]) {
            let choices = Stationery::default().envelopes(sheets, paper);
            assert!(!choices.is_empty(), "{paper:?} {sheets}");
            for (envelope, layout) in choices {
                let (width, height) = paper.inches();
                assert_eq!(layout.panel_width, width);
                assert!((layout.panel_height * f64::from(Fold::of(height, &layout).panels()) - height).abs() < 1e-9);
                let zone = with_clear_zone(&place_bars(&layout).unwrap());
                for (right, down) in [(0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0), (0.5, 0.5)] {
                    let seen = layout.seen_at(&layout.recipient_window, right, down);
                    assert!(seen.contains(&zone), "{paper:?} {envelope:?} {zone:?} {seen:?}");
                }
                for count in 2..=6 {
                    let block = place_recipient(&lines[..count], &layout).unwrap();
                    let resting = layout.seen_at(&layout.recipient_window, 0.5, 1.0);
                    assert!(resting.contains(&block.extent), "{paper:?} {envelope:?} {count} {block:?} {resting:?}");
                    let middle = layout.seen_at(&layout.recipient_window, 0.5, 0.5);
                    assert!(count > 4 || middle.contains(&block.extent), "{paper:?} {envelope:?} {count} {block:?}");
                    place_sender(&lines[..count.min(5)], Some("Return Service Requested"), &layout).unwrap();
                }
            }
        }
    }

    #[test]
    fn what_fits_the_default_window_fits_that_of_every_paper() {
        let width = |layout: &Layout, window: &Rect| layout.always_visible(window).width;
        let least = Layout::default();
        for (paper, sheets) in PaperSize::ALL.into_iter().flat_map(|paper| [(paper, 2), (paper, 9)]) {
            for (_, layout) in Stationery::default().envelopes(sheets, paper) {
                for (window, of) in
                    [(&layout.recipient_window, &least.recipient_window), (&layout.return_window, &least.return_window)]
                {
                    assert!(width(&layout, window) >= width(&least, of), "{paper:?} {layout:?}");
                }
            }
        }
    }

    #[test]
    fn a_page_is_of_a_size_if_it_is_off_by_no_more_than_inspection_allows() {
        assert_eq!(PaperSize::of(8.5, 11.0), Some(PaperSize::Letter));
        assert_eq!(PaperSize::of(8.45, 14.05), Some(PaperSize::Legal));
        assert_eq!(PaperSize::of(595.0 / 72.0, 842.0 / 72.0), Some(PaperSize::A4));
        assert_eq!(
            [(8.5, 12.0), (11.0, 8.5), (8.4, 11.0)].map(|(width, height)| PaperSize::of(width, height)),
            [None; 3]
        );
    }

    #[test]
    fn a_piece_weighs_its_paper_and_its_envelope() {
        let stationery = Stationery::default();
        assert_eq!(stationery.weight(2, PaperSize::Letter, Envelope::Number10, false), Ounces(520));
        assert_eq!(stationery.weight(7, PaperSize::Letter, Envelope::Flat9x12, false), Ounces(1770));
        let heavier = Stationery { sheet_weight: 192, ..stationery };
        assert_eq!(heavier.weight(4, PaperSize::Letter, Envelope::Number10, false).to_string(), "0.968");
    }

    #[test]
    fn an_envelope_for_the_answer_weighs_too() {
        let stationery = Stationery::default();
        for envelope in [Envelope::Number10, Envelope::Flat9x12, Envelope::Flat10x15] {
            let [without, with] = [false, true].map(|put_in| stationery.weight(2, PaperSize::Letter, envelope, put_in));
            assert_eq!(with.0 - without.0, 170, "{envelope:?}");
        }
        let none = Stationery { return_envelope_weight: 0, ..stationery };
        assert_eq!(none.weight(2, PaperSize::Letter, Envelope::Number10, true), Ounces(520));
    }

    #[test]
    fn a_card_weighs_by_its_area() {
        let stationery = Stationery::default();
        let sizes = [CardSize::CARD_4X6, CardSize::CARD_6X9, CardSize::CARD_6X11];
        assert_eq!(sizes.map(|size| stationery.weight_of_card(size)), [Ounces(148), Ounces(333), Ounces(407)]);
        let lighter = Stationery { card_weight: 100, ..stationery };
        assert_eq!(lighter.weight_of_card(CardSize::CARD_6X9), Ounces(225));
    }

    #[test]
    fn larger_paper_weighs_by_its_area() {
        // 14/11 of 0.16 oz, rounded up.
        let weight = |envelope| Stationery::default().weight(1, PaperSize::Legal, envelope, false);
        assert_eq!([Envelope::Number10, Envelope::Flat10x15].map(weight), [Ounces(204 + 200), Ounces(204 + 950)]);
    }

    #[test]
    fn paper_is_folded_as_often_as_the_envelope_asks() {
        let stationery = Stationery::default();
        let folds = [11.0, 11.69, 14.0].map(|height| Fold::of(height, &stationery.letter));
        assert_eq!(folds, [Fold::Third, Fold::Third, Fold::Quarter]);
        let folds = [11.0, 11.69, 14.0].map(|height| Fold::of(height, &stationery.flat));
        assert_eq!(folds, [Fold::None, Fold::None, Fold::Half]);
        assert_eq!(Fold::of(14.0, &stationery.long_flat), Fold::None);
    }

    #[test]
    fn stocks_are_written_by_the_numbers_of_their_sheets() {
        let mut stocks = Stocks::default();
        for (stock, sheets) in [(Stock::Plain, 1), (Stock::Perforated, 1), (Stock::Plain, 2), (Stock::Plain, 1)] {
            stocks.push(stock, sheets);
        }
        assert_eq!(stocks.to_string(), "plain:1 perforated:2 plain:3-5");
        let each: Vec<_> = (0..=6).map(|sheet| stocks.of(sheet).map(Stock::name)).collect();
        let [plain, perforated] = [Some("plain"), Some("perforated")];
        assert_eq!(each, [None, plain, perforated, plain, plain, plain, None]);
    }

    #[test]
    fn names_are_those_of_the_wire() {
        let json = |value: serde_json::Value| value.as_str().unwrap().to_owned();
        for stock in [Stock::Plain, Stock::Coloured, Stock::Perforated] {
            assert_eq!(json(serde_json::json!(stock)), stock.name());
        }
        for fold in [Fold::None, Fold::Half, Fold::Third, Fold::Quarter] {
            assert_eq!(json(serde_json::json!(fold)), fold.name());
        }
        for sides in [Sides::Duplex, Sides::FrontOnly] {
            assert_eq!(json(serde_json::json!(sides)), sides.name());
        }
        for envelope in [Envelope::Number10, Envelope::Flat9x12, Envelope::Flat10x15] {
            assert_eq!(json(serde_json::json!(envelope)), envelope.name());
        }
        for paper in PaperSize::ALL {
            assert_eq!(json(serde_json::json!(paper)), paper.name());
        }
    }
}
