//! What a mail piece is made of: its paper, its envelope, how it is folded, and what all of it weighs.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

use crate::layout::Layout;

/// The paper and the envelopes of a mail job. The default is 20 lb paper in a #10 envelope up to six sheets and in a 9 x 12
/// flat above.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Stationery {
    /// The folding envelope.
    pub letter: Layout,
    /// The envelope for what is too thick to fold.
    pub flat: Layout,
    /// The most sheets that are folded.
    pub fold_limit: u32,
    /// The weight of a Letter sheet, thousandths of an ounce: 160 for 20 lb paper, 192 for 24 lb. Other sizes weigh by area.
    pub sheet_weight: u32,
    /// The weight of the folding envelope, thousandths of an ounce.
    pub letter_weight: u32,
    /// The weight of the flat envelope, thousandths of an ounce.
    pub flat_weight: u32,
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
            fold_limit: 6,
            sheet_weight: 160,
            letter_weight: 200,
            flat_weight: 650,
            cover_stock: Stock::Plain,
            usps_style: false,
        }
    }
}

impl Stationery {
    /// The envelope for so many sheets.
    pub fn envelope(&self, sheets: u32) -> Envelope {
        if sheets <= self.fold_limit { Envelope::Number10 } else { Envelope::Flat9x12 }
    }

    /// Where things are on a sheet that goes into an envelope.
    pub fn layout(&self, envelope: Envelope) -> &Layout {
        match envelope {
            Envelope::Number10 => &self.letter,
            Envelope::Flat9x12 => &self.flat,
        }
    }

    /// The weight of a piece of so many sheets of `width` by `height` inches in its envelope, rounded up to a thousandth.
    pub fn weight(&self, sheets: u32, width: f64, height: f64) -> Ounces {
        const LETTER: f64 = 8.5 * 11.0;
        let paper = f64::from(sheets) * f64::from(self.sheet_weight) * (width * height / LETTER);
        let envelope = match self.envelope(sheets) {
            Envelope::Number10 => self.letter_weight,
            Envelope::Flat9x12 => self.flat_weight,
        };
        // Less a millionth, so that what is a whole number but for rounding stays one.
        Ounces((paper - 1e-6).ceil() as u32 + envelope)
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
}

impl Envelope {
    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Number10 => "#10",
            Self::Flat9x12 => "9x12",
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
    /// Three times, into four panels or more.
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

    #[test]
    fn six_sheets_are_folded_and_seven_lie_flat() {
        let stationery = Stationery::default();
        assert_eq!(stationery.envelope(6), Envelope::Number10);
        assert_eq!(stationery.envelope(7), Envelope::Flat9x12);
    }

    #[test]
    fn a_piece_weighs_its_paper_and_its_envelope() {
        let stationery = Stationery::default();
        assert_eq!(stationery.weight(2, 8.5, 11.0), Ounces(520));
        assert_eq!(stationery.weight(7, 8.5, 11.0), Ounces(1770));
        assert_eq!(Stationery { sheet_weight: 192, ..stationery }.weight(4, 8.5, 11.0).to_string(), "0.968");
    }

    #[test]
    fn larger_paper_weighs_by_its_area() {
        // 14/11 of 0.16 oz, rounded up.
        assert_eq!(Stationery::default().weight(1, 8.5, 14.0), Ounces(204 + 200));
    }

    #[test]
    fn paper_is_folded_as_often_as_the_envelope_asks() {
        let stationery = Stationery::default();
        let folds = [11.0, 11.69, 14.0].map(|height| Fold::of(height, &stationery.letter));
        assert_eq!(folds, [Fold::Third, Fold::Third, Fold::Quarter]);
        let folds = [11.0, 11.69, 14.0].map(|height| Fold::of(height, &stationery.flat));
        assert_eq!(folds, [Fold::None, Fold::None, Fold::Half]);
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
        for envelope in [Envelope::Number10, Envelope::Flat9x12] {
            assert_eq!(json(serde_json::json!(envelope)), envelope.name());
        }
    }
}
