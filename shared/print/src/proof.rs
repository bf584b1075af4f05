//! What a piece will look like when it is printed, for its sender to see before: a letter's cover sheet beside its first page,
//! a card's back below its front, with address and barcode where the press puts them.
//!
//! The piece is assembled as the press gets it, so that the picture cannot say anything else than the print. Only what is known
//! no earlier than then is a specimen: the numbers of its barcode and of its mail job.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::assemble::{Assembler, Card, Certified, Piece};
use crate::code128::ArticleDigits;
use crate::imb::Imb;
use crate::inspect::Paper;
use crate::press_sheet::PressSheet;
use crate::raster::{Drawn, ProofError, Raster, draw};
use crate::stationery::{Placement, Sides, Stationery};

/// Dots to the inch: what is printed in 8 point can be read.
const DPI: f64 = 110.0;

/// Between two sides, and what is there, pixels and grey.
const GAP: (usize, u8) = (16, 208);

/// What the mail job is called on a piece that is in none.
const JOB: &str = "proof";

/// A piece as it would be printed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Specimen {
    /// The return address, two to five lines. A card has none.
    pub sender: Vec<String>,
    /// The address block, two to six lines.
    pub recipient: Vec<String>,
    /// The 20 digits of the barcode.
    pub tracking: String,
    /// The ZIP Code and delivery point in the barcode: 0, 5, 9 or 11 digits.
    pub routing: String,
    /// What is asked of the Postal Service below the return address.
    pub endorsement: Option<String>,
    /// The 22 digits of the label, if it is certified.
    pub article: Option<String>,
    /// What else is on the label.
    pub services: Vec<String>,
    /// What it is printed on.
    pub paper: Paper,
    /// The envelopes there are for it.
    pub stationery: Stationery,
    /// Where the addresses are.
    pub placement: Placement,
    /// Which sides are printed.
    pub sides: Sides,
    /// Whether the first sheet of the document is perforated.
    pub perforated: bool,
}

/// A picture, as PNG, of what a piece with this document will look like. The document must have passed inspection.
///
/// A hostile file can end this process (see [`crate::isolate`]).
///
/// # Errors
/// No piece can be made of the document, or its pages cannot be drawn.
pub fn proof(document: &[u8], specimen: &Specimen) -> Result<Vec<u8>, ProofError> {
    of(document.into(), specimen)
}

/// The same, of a document that may be let go when the piece is assembled.
pub(crate) fn of(document: Cow<'_, [u8]>, specimen: &Specimen) -> Result<Vec<u8>, ProofError> {
    let stream = assemble(&document, specimen).ok_or(ProofError::NoPiece)?;
    drop(document);
    let raster = Raster::of(&Arc::new(stream)).ok_or(ProofError::NoPiece)?;
    let page = |page: usize| draw(&raster, page, DPI);
    let drawn = match (specimen.paper, specimen.placement) {
        // Press sheets lie upright, and the top of a card that lies on one is to the right on its front, to the left on its
        // back.
        (Paper::Card4x6 | Paper::Card6x9 | Paper::Card6x11, _) => below(page(0)?.turned(3), &page(1)?.turned(1)),
        // The back of the cover sheet is blank.
        (Paper::Sheets { .. }, Placement::Cover) => beside(&page(0)?, &page(2)?),
        (Paper::Sheets { .. }, Placement::FirstPage) => page(0)?,
    };
    drawn.png().ok_or(ProofError::NoSize)
}

/// The print stream of one piece.
fn assemble(document: &[u8], specimen: &Specimen) -> Option<Vec<u8>> {
    let imb = Imb::encode(&specimen.tracking, &specimen.routing).ok()?;
    // What comes to the document is little, and what grows may take twice its memory.
    let stream = Vec::with_capacity(document.len() + document.len() / 16 + (1 << 18));
    let mut assembler = Assembler::new(stream, &specimen.stationery).ok()?;
    if let Some(card) = specimen.paper.card() {
        let imposition = PressSheet::cut(card).impose(card)?;
        let card = Card { account: "", recipient: &specimen.recipient, imb: &imb, job: JOB, number: 1, document };
        assembler.add_cards(&imposition, &[card]).ok()?;
    } else {
        let number = specimen.article.as_deref().map(ArticleDigits::parse).transpose().ok()?;
        let services: Vec<&str> = specimen.services.iter().map(String::as_str).collect();
        let piece = Piece {
            account: "",
            sender: &specimen.sender,
            recipient: &specimen.recipient,
            imb: &imb,
            endorsement: specimen.endorsement.as_deref(),
            certified: number.as_ref().map(|number| Certified { number, services: &services }),
            job: JOB,
            number: 1,
            document,
            impressions: None,
            placement: specimen.placement,
            sides: specimen.sides,
            perforated: specimen.perforated,
            // It is not in the picture.
            return_envelope: false,
        };
        assembler.add(&piece).ok()?;
    }
    assembler.finish().ok().map(|(stream, _)| stream)
}

const GREY: [u8; 4] = [GAP.1, GAP.1, GAP.1, u8::MAX];

/// Two pages side by side, their tops at one height.
fn beside(left: &Drawn, right: &Drawn) -> Drawn {
    let width = left.width + GAP.0 + right.width;
    let mut pixels = Vec::with_capacity(width * left.height().max(right.height()));
    for row in 0..left.height().max(right.height()) {
        for (drawn, gap) in [(left, GAP.0), (right, 0)] {
            match drawn.pixels.get(row * drawn.width..(row + 1) * drawn.width) {
                Some(line) => pixels.extend_from_slice(line),
                None => pixels.extend(std::iter::repeat_n(GREY, drawn.width)),
            }
            pixels.extend(std::iter::repeat_n(GREY, gap));
        }
    }
    Drawn { width, pixels }
}

/// Two sides of one card, one above the other.
fn below(mut above: Drawn, under: &Drawn) -> Drawn {
    above.pixels.extend(std::iter::repeat_n(GREY, GAP.0 * above.width));
    above.pixels.extend_from_slice(&under.pixels);
    above
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_that_is_turned_by_a_quarter_has_its_left_column_on_top() {
        let pixel = |value: u8| [value, 0, 0, 255];
        let drawn = || Drawn { width: 2, pixels: [1, 2, 3, 4, 5, 6].map(pixel).to_vec() };
        let of = |drawn: Drawn| (drawn.width, drawn.pixels.iter().map(|pixel| pixel[0]).collect::<Vec<_>>());
        assert_eq!(of(drawn().turned(1)), (3, vec![5, 3, 1, 6, 4, 2]));
        assert_eq!(of(drawn().turned(3)), (3, vec![2, 4, 6, 1, 3, 5]));
        assert_eq!(of(drawn().turned(2)), (2, vec![6, 5, 4, 3, 2, 1]));
    }

    #[test]
    fn pages_of_two_heights_stand_side_by_side() {
        let page = |width: usize, height: usize| Drawn { width, pixels: vec![[0, 0, 0, 255]; width * height] };
        let drawn = beside(&page(2, 3), &page(4, 5));
        assert_eq!((drawn.width, drawn.height()), (2 + GAP.0 + 4, 5));
        assert_eq!((drawn.pixels[4 * drawn.width], drawn.pixels[5 * drawn.width - 1]), (GREY, [0, 0, 0, 255]));
        let card = below(page(3, 2), &page(3, 2));
        assert_eq!((card.width, card.height()), (3, 4 + GAP.0));
    }
}
