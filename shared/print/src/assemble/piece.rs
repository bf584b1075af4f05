//! What goes into a print stream piece by piece, and what comes out of it as a row.

use serde::Serialize;

use super::Certified;
use crate::imb::Imb;
use crate::stationery::{Envelope, Fold, Ounces, PaperSize, Placement, Sides, Stock, Stocks};

/// One mail piece to be added to a print stream.
#[derive(Debug, Clone, Copy)]
pub struct Piece<'a> {
    /// Whose piece this is. Equal objects are shared within one account only.
    pub account: &'a str,
    /// The return address, two to five lines.
    pub sender: &'a [String],
    /// The address block, two to six lines.
    pub recipient: &'a [String],
    /// The barcode under the address block.
    pub imb: &'a Imb,
    /// What is asked of the Postal Service below the return address, as in `Return Service Requested`.
    pub endorsement: Option<&'a str>,
    /// What is on its label if it is mailed certified.
    pub certified: Option<Certified<'a>>,
    /// The mail job, as printed and as in the sheet mark.
    pub job: &'a str,
    /// The number of the piece in its mail job, from 1.
    pub number: u32,
    /// The inspected document.
    pub document: &'a [u8],
    /// How many impressions the document was accepted with; nothing if nobody counted, and it is printed as it is.
    pub impressions: Option<u32>,
    /// Where the addresses and the barcode are.
    pub placement: Placement,
    /// Which sides of the sheets the document is printed on.
    pub sides: Sides,
    /// Whether the first sheet of the document is perforated stock.
    pub perforated: bool,
    /// Whether an envelope for the answer is put in.
    pub return_envelope: bool,
}

impl Piece<'_> {
    /// Sheets before those of the document.
    pub(super) fn covers(&self) -> u32 {
        match self.placement {
            Placement::Cover => 1,
            Placement::FirstPage => 0,
        }
    }

    /// What each sheet is printed on.
    pub(super) fn stocks(&self, cover: Stock, sheets: u32) -> Stocks {
        let mut stocks = Stocks::default();
        stocks.push(cover, self.covers());
        let document = sheets - self.covers();
        let perforated = u32::from(self.perforated).min(document);
        stocks.push(Stock::Perforated, perforated);
        stocks.push(Stock::Plain, document - perforated);
        stocks
    }
}

/// Where a piece is in its print stream, and what it is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PieceRow {
    /// The number of the piece in its mail job.
    pub piece: u32,
    /// The page its first sheet starts on, from 1.
    pub first_page: u64,
    /// The page its last sheet ends on.
    pub last_page: u64,
    /// Pages, with the cover sheet and blank sides; twice the sheets.
    pub pages: u32,
    /// Sheets of paper, with the cover sheet.
    pub sheets: u32,
    /// Which sides the document is printed on.
    pub sides: Sides,
    /// What each sheet is printed on.
    pub stock: Stocks,
    /// The size of the sheets.
    pub paper: PaperSize,
    /// How the sheets are folded.
    pub fold: Fold,
    /// The envelope.
    pub envelope: Envelope,
    /// Whether an envelope for the answer is put in.
    pub return_envelope: bool,
    /// The weight of sheets and envelopes.
    pub weight: Ounces,
    /// The byte where the piece's first object starts.
    pub offset: u64,
    /// Bytes from there to the end of its last object.
    pub length: u64,
}
