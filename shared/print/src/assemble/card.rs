//! Writes cards: the fronts of several on one side of a press sheet, their address sides on the other.
//!
//! The first page of a card's document is its front and the second its address side, on which the address block, the barcode
//! and the sheet mark are stamped in the zone that inspection has kept clear. A card without a second page has nothing else
//! there.

use std::fmt::Write as _;
use std::io;

use serde::Serialize;

use super::copy::Copy;
use super::cover::{draw_address, draw_mark};
use super::page::{Plan, plans};
use super::{AssembleError, Assembler, load};
use crate::address_block::POINTS;
use crate::drawing::{decimals, draw_rectangle};
use crate::imb::Imb;
use crate::inspect::Limits;
use crate::layout::Rect;
use crate::page_content::Packer;
use crate::press_sheet::{BLEED, CardSize, Imposition, PressSheet, Side};
use crate::sheet_mark;
use crate::source::Source;
use crate::stationery::{Ounces, Stationery};
use crate::stream::{put_reference, serialize_name};

/// One card to be added to a print stream.
#[derive(Debug, Clone, Copy)]
pub struct Card<'a> {
    /// Whose card this is. Equal objects are shared within one account only.
    pub account: &'a str,
    /// The address block, two to six lines.
    pub recipient: &'a [String],
    /// The barcode under the address block.
    pub imb: &'a Imb,
    /// The mail job, as printed and as in the sheet mark.
    pub job: &'a str,
    /// The number of the piece in its mail job, from 1.
    pub number: u32,
    /// The inspected document: the front, and the address side if it has a second page. Both have the size of the card, or
    /// that and its bleed, wider than high.
    pub document: &'a [u8],
}

/// Where a card is in its print stream.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CardRow {
    /// The number of the piece in its mail job.
    pub piece: u32,
    /// The page with the front of its press sheet, from 1.
    pub first_page: u64,
    /// The page with the back of its press sheet.
    pub last_page: u64,
    /// The place of the card on its press sheet, from 1 at the top left of the front along the rows.
    pub place: u32,
    /// Its press sheet.
    pub sheet: PressSheet,
    /// The weight of the cut card.
    pub weight: Ounces,
    /// The byte where the first object of the press sheet starts.
    pub offset: u64,
    /// Bytes from there to the end of its last object.
    pub length: u64,
}

/// How far a side of a page may be off, inches: as much as inspection allows.
const TOLERANCE: f64 = 0.05;

/// A side of a press sheet while cards are put on it.
#[derive(Default)]
struct Face {
    content: String,
    /// The forms that the content draws.
    forms: String,
}

impl<W: io::Write> Assembler<W> {
    /// Adds one press sheet of cards: at most as many as there are places, and those that are missing are left blank. All
    /// documents must have passed inspection.
    ///
    /// # Errors
    /// See [`AssembleError`]; a fault of one card is in [`AssembleError::Card`], and then none of them is added.
    pub fn add_cards(&mut self, imposition: &Imposition, cards: &[Card<'_>]) -> Result<Vec<CardRow>, AssembleError> {
        // Everything that can fail is done before the first byte is written.
        let most = imposition.places();
        let given = cards.len();
        let places: Vec<u32> = (0..most).take(given).collect();
        if cards.is_empty() || places.len() < given {
            return Err(AssembleError::Cards { given, most });
        }
        let limits = Limits::default();
        let of = |card: &Card<'_>, fault| AssembleError::Card { piece: card.number, fault: Box::new(fault) };
        // One document at a time is held as objects, so each is read to see whether it can be written, and to be written.
        let stamps: Vec<String> = cards
            .iter()
            .map(|card| self.check_card(imposition, card, &limits).map_err(|fault| of(card, fault)))
            .collect::<Result<_, _>>()?;

        let offset = self.output.position;
        let part = self.output.allocate();
        let (mut front, mut back) = (Face::default(), Face::default());
        for ((card, stamp), place) in cards.iter().zip(&stamps).zip(0..) {
            let source = load(card.document, &limits, &mut self.packer)?;
            let pages = pages(&source, card, imposition.card(), &limits, &mut self.packer)?;
            let mut copy = Copy::new(&source, card.document, card.account);
            self.put_on_side(&mut front, imposition, (place, Side::Front), &mut copy, pages.first(), "")?;
            self.put_on_side(&mut back, imposition, (place, Side::Back), &mut copy, pages.get(1), stamp)?;
        }
        let front = self.put_side(part, imposition, front)?;
        let back = self.put_side(part, imposition, back)?;
        let weight = self.stationery.weight_of_card(imposition.card());
        let body = part_body(cards, weight, self.output.parts_root(), front, back);
        self.output.put_part(part, &body, "PressSheet")?;

        let first_page = self.totals.pages + 1;
        self.totals.pages += 2;
        self.totals.sheets += 1;
        self.totals.pieces += places.len() as u32;
        let length = self.output.position - offset;
        let row = |(card, place): (&Card<'_>, u32)| CardRow {
            piece: card.number,
            first_page,
            last_page: first_page + 1,
            place: place + 1,
            sheet: imposition.sheet(),
            weight,
            offset,
            length,
        };
        Ok(cards.iter().zip(places).map(row).collect())
    }

    /// What is ours on the address side of a card that can be written.
    fn check_card(
        &mut self,
        imposition: &Imposition,
        card: &Card<'_>,
        limits: &Limits,
    ) -> Result<String, AssembleError> {
        let source = load(card.document, limits, &mut self.packer)?;
        pages(&source, card, imposition.card(), limits, &mut self.packer)?;
        stamp(card, imposition.card(), &self.stationery)
    }

    /// Puts one side of a card on one of its press sheet: its page, if it has one, and over that what is ours.
    fn put_on_side<'a>(
        &mut self,
        face: &mut Face,
        imposition: &Imposition,
        (place, side): (u32, Side),
        copy: &mut Copy<'a>,
        page: Option<&Plan<'a>>,
        stamp: &str,
    ) -> io::Result<()> {
        let Face { content, forms } = face;
        let cell = imposition.cell(place, side);
        let bleed = Rect {
            left: cell.left - BLEED,
            top: cell.top - BLEED,
            width: cell.width + 2.0 * BLEED,
            height: cell.height + 2.0 * BLEED,
        };
        content.push_str("q\n");
        draw_rectangle(content, &bleed, imposition.sheet().height * POINTS);
        content.push_str("W n\n");
        if let Some(page) = page {
            let matrix = imposition.matrix(place, side, page.geometry.width, page.geometry.height);
            let _ = writeln!(content, "q {} cm", decimals(&matrix));
            // Names of one card's forms do not meet those of another's.
            self.draw_page(copy, page, &format!("{place}-"), true, forms, content)?;
            content.push_str("Q\n");
        }
        if !stamp.is_empty() {
            let card = imposition.card();
            let matrix = imposition.matrix(place, side, card.width * POINTS, card.height * POINTS);
            let _ = writeln!(content, "{} cm", decimals(&matrix));
            content.push_str(stamp);
        }
        content.push_str("Q\n");
        Ok(())
    }

    /// Writes one side of a press sheet, with the marks to cut it by, and gives the number of its page.
    fn put_side(&mut self, part: u64, imposition: &Imposition, face: Face) -> io::Result<u64> {
        let sheet = imposition.sheet();
        let (width, height) = (sheet.width * POINTS, sheet.height * POINTS);
        let Face { mut content, forms } = face;
        let marks = imposition.marks();
        if !marks.is_empty() {
            content.push_str("0 g\n");
            for mark in &marks {
                draw_rectangle(&mut content, mark, height);
            }
            content.push_str("f\n");
        }
        let resources = if forms.is_empty() { forms } else { format!("/XObject<<{forms}>>") };
        self.put_page(part, (width, height), &resources, None, content.as_bytes())
    }
}

/// What is to be drawn of a card: its front, and the address side if there is one; or why it cannot be.
fn pages<'a>(
    source: &'a Source,
    card: &Card<'_>,
    size: CardSize,
    limits: &Limits,
    packer: &mut Packer,
) -> Result<Vec<Plan<'a>>, AssembleError> {
    const SIDES: usize = 2;
    let pages = plans(source, card.document, limits, packer)?;
    if pages.is_empty() || pages.len() > SIDES {
        return Err(AssembleError::Document("a card has one page or two"));
    }
    for Plan { geometry, .. } in &pages {
        let (width, height) = (geometry.width / POINTS, geometry.height / POINTS);
        let near = |more: f64| {
            (width - size.width - more).abs() <= TOLERANCE && (height - size.height - more).abs() <= TOLERANCE
        };
        if !near(0.0) && !near(2.0 * BLEED) {
            return Err(AssembleError::CardSize { width, height });
        }
    }
    Ok(pages)
}

/// What is ours on the address side of a card, for a page of its size.
fn stamp(card: &Card<'_>, size: CardSize, stationery: &Stationery) -> Result<String, AssembleError> {
    if !sheet_mark::can_mark(card.job) {
        return Err(AssembleError::Mark);
    }
    let mark = sheet_mark::modules(&sheet_mark::payload(card.job, card.number, 1, 1)).ok_or(AssembleError::Mark)?;
    let layout = size.layout();
    let height = size.height * POINTS;
    let mut stamp = String::from("0 g\n");
    draw_address(&mut stamp, card.recipient, card.imb, &layout, stationery, height)?;
    draw_mark(&mut stamp, &layout, &mark, &format!("{} {}", card.job, card.number), height);
    Ok(stamp)
}

/// The body of the document part of a press sheet, whose pages are `front` and `back` by their object numbers: the cards on it
/// in the order of their places, each of that weight. It does not say who they are for.
fn part_body(cards: &[Card<'_>], weight: Ounces, parent: u64, front: u64, back: u64) -> Vec<u8> {
    let mut out = b"<</Type/DPart/Parent ".to_vec();
    put_reference(&mut out, parent);
    out.extend_from_slice(b"/Start ");
    put_reference(&mut out, front);
    out.extend_from_slice(b"/End ");
    put_reference(&mut out, back);
    out.extend_from_slice(b"/DPM<</Mailhouse<</Cards[");
    for card in cards {
        out.extend_from_slice(b"<</Job");
        serialize_name(&mut out, card.job.as_bytes());
        // Digits only.
        out.extend_from_slice(
            format!("/Piece {}/TrackingCode({})/WeightOunces {weight}>>", card.number, card.imb.tracking()).as_bytes(),
        );
    }
    out.extend_from_slice(b"]>>>>>>");
    out
}
