//! Writes the print stream: one PDF of many mail pieces, each behind its cover sheet, with a bounded amount of memory.
//!
//! One document at a time is in memory. Of what is written there remain an offset for each object, a number for each piece,
//! a bounded number of hashes, of objects that a later piece of the same account might share, and a few large contents that
//! pieces do share. Of a document only what
//! its pages reach is copied; streams are copied as they are, compressed, with one exception: a page whose content is in
//! several streams, which are joined into one. Each page becomes a form XObject, so that nothing it does to the graphics
//! state reaches our marks, and is drawn upright whatever its rotation, boxes and user unit. Annotations flagged for print
//! are drawn by their normal appearance. The same pieces in the same order always make the same bytes.
//!
//! Every sheet is upright: a page that is wider than high is turned clockwise by a quarter, so that a camera finds the mark
//! of each sheet at the same place. Output intents are not copied, for they say how a document looked to who made it: all
//! letters of a stream are printed in the colours of one press.

mod card;
mod certified;
mod copy;
mod cover;
mod familiar;
mod page;
mod parts;
mod piece;
mod shared;

use std::io;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::address_block::{LineFault, POINTS};
use crate::data_matrix::DataMatrix;
use crate::document;
use crate::drawing::Digits;
use crate::font::{self, FONT};
use crate::inspect::Limits;
use crate::layout::Layout;
use crate::page_content::Packer;
use crate::prescan::{self, Suspicion};
use crate::reader;
use crate::sheet_mark;
use crate::source::Source;
use crate::stationery::{Envelope, Fold, PaperSize, Placement, Sides, Stationery, Stock};
use crate::stream::{Output, put_reference};
use crate::weight;
pub use card::{Card, CardRow};
pub use certified::Certified;
use copy::{Copy, HEAD};
use cover::{draw_mark, face};
use familiar::Familiar;
use page::Plan;
pub(crate) use page::plans;
pub use piece::{Piece, PieceRow};
use shared::Shared;

/// What a finished print stream holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Totals {
    /// Pages, with cover sheets and blank sides.
    pub pages: u64,
    /// Sheets of paper.
    pub sheets: u64,
    /// Mail pieces.
    pub pieces: u32,
    /// Length of the file, bytes.
    pub bytes: u64,
}

/// Why a piece was not added.
///
/// All but [`AssembleError::Io`] leave the print stream as it was: the next piece can be added. After an I/O error the
/// output is not a PDF and must be thrown away.
#[derive(Debug, Error)]
pub enum AssembleError {
    /// The output could not be written.
    #[error("the print stream cannot be written")]
    Io(#[from] io::Error),
    /// The document cannot be read as it was at inspection.
    #[error("the document cannot be read: {0}; inspect it again")]
    Document(&'static str),
    /// The document becomes more than may be held or written for one piece, which inspection refuses.
    #[error("the document has more in it than a letter can need; print it to a new PDF and send that")]
    TooComplex,
    /// The document has another number of pages than it was accepted with.
    #[error("the document has {found} pages and was accepted with {accepted}; inspect it again")]
    Impressions {
        /// Pages in the document.
        found: u32,
        /// Impressions it was accepted with.
        accepted: u32,
    },
    /// A page that no paper has the size of.
    #[error("a page is {width:.2} x {height:.2} in; make every page Letter, Legal or A4")]
    PageSize {
        /// Width of the page upright, inches.
        width: f64,
        /// Height of the page upright, inches.
        height: f64,
    },
    /// The pages are not of one size: sheets of two sizes are not folded together.
    #[error("the document has pages of {} and of {}; make all pages one size", .0.name(), .1.name())]
    MixedSizes(PaperSize, PaperSize),
    /// A certified piece without a cover sheet: inspection has not seen to it that there is room for its label.
    #[error("the label of a certified piece goes on a cover sheet; give it one")]
    CertifiedFirstPage,
    /// The endorsement cannot be printed.
    #[error("the endorsement: {0}")]
    Endorsement(LineFault),
    /// A line of the address block or the return address cannot be printed.
    #[error("line {line} of the {block}: {fault}")]
    Line {
        /// `address block` or `return address`.
        block: &'static str,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        fault: LineFault,
    },
    /// Too few or too many lines for the window.
    #[error("the {block} has {lines} lines; give {least} to {most}")]
    Lines {
        /// `address block` or `return address`.
        block: &'static str,
        /// How many lines were given.
        lines: usize,
        /// The fewest allowed.
        least: usize,
        /// The most allowed.
        most: usize,
    },
    /// The layout leaves no room for something that must be seen.
    #[error("the layout has no room for the {0}; correct the window geometry")]
    Layout(&'static str),
    /// The drawn bars read back as other digits: a fault of this program, never of the piece.
    #[error("the drawn barcode does not read back as the digits of the piece")]
    Barcode,
    /// The name of the job cannot be in a sheet mark.
    #[error("the name of the mail job must be 1 to 64 printable ASCII characters without blanks")]
    Mark,
    /// A card of a press sheet cannot be printed.
    #[error("piece {piece}: {fault}")]
    Card {
        /// The number of the piece in its mail job.
        piece: u32,
        /// What is wrong with it.
        fault: Box<AssembleError>,
    },
    /// A page of a card has the size of another.
    #[error(
        "a page is {width:.2} x {height:.2} in; a card is as large as it is ordered, with a bleed of 0.125 in or without"
    )]
    CardSize {
        /// Width of the page, inches.
        width: f64,
        /// Height of the page, inches.
        height: f64,
    },
    /// No cards for a press sheet, or more than it has places.
    #[error("{given} cards were given for a press sheet; give 1 to {most}")]
    Cards {
        /// How many were given.
        given: usize,
        /// How many places there are.
        most: u32,
    },
}

/// Parses a document that has passed inspection, on this stack.
fn load(bytes: &[u8], limits: &Limits, packer: &mut Packer) -> Result<Source, AssembleError> {
    if let Some(source) = reader::read(bytes, limits.max_decompressed, packer) {
        return Ok(source);
    }
    // Inspection refuses all of them.
    match prescan::scan(bytes, limits) {
        Some(Suspicion::NoHeader) => return Err(AssembleError::Document("it is no PDF")),
        Some(_) => return Err(AssembleError::TooComplex),
        None => {}
    }
    if weight::is_too_heavy(bytes, limits.max_decompressed, packer) {
        return Err(AssembleError::TooComplex);
    }
    // What the parser says could quote the document.
    let document = document::load(bytes, limits.max_decompressed);
    document.map(Source::from).map_err(|_| AssembleError::Document("it does not parse"))
}

/// What the pages of a document are printed on.
fn paper(pages: &[Plan<'_>]) -> Result<PaperSize, AssembleError> {
    let mut only = None;
    for Plan { geometry, .. } in pages {
        let (width, height) = (geometry.width / POINTS, geometry.height / POINTS);
        let paper = PaperSize::of(width, height).ok_or(AssembleError::PageSize { width, height })?;
        match only {
            Some(only) if only != paper => return Err(AssembleError::MixedSizes(only, paper)),
            _ => only = Some(paper),
        }
    }
    only.ok_or(AssembleError::Document("it has no pages"))
}

/// Writes pieces to `W` one after the other.
#[derive(Debug)]
pub struct Assembler<W> {
    output: Output<W>,
    stationery: Stationery,
    /// The number of the embedded font, the only object of ours that pages share.
    font: u64,
    shared: Shared,
    familiar: Familiar,
    packer: Packer,
    totals: Totals,
}

impl<W: io::Write> Assembler<W> {
    /// Starts a print stream.
    ///
    /// # Errors
    /// The output cannot be written.
    pub fn new(writer: W, stationery: &Stationery) -> io::Result<Self> {
        let mut output = Output::new(writer)?;
        let ids: Vec<u64> = (0..font::OBJECTS).map(|_| output.allocate()).collect();
        for (id, body) in ids.iter().zip(FONT.objects(ids[0])) {
            output.put(*id, &body)?;
        }
        Ok(Self {
            output,
            stationery: stationery.clone(),
            font: ids[0],
            shared: Shared::default(),
            familiar: Familiar::default(),
            packer: Packer::new(),
            totals: Totals::default(),
        })
    }

    /// Adds one piece: its cover sheet and its document.
    ///
    /// The document must have passed inspection: it is parsed here with the same limits, but in this process and on this
    /// stack. What inspection lets through needs little of it. Who assembles what was not inspected does so within
    /// [`on_large_stack`](crate::on_large_stack), as often as can be within one call, for each makes a thread.
    ///
    /// # Errors
    /// See [`AssembleError`].
    pub fn add(&mut self, piece: &Piece<'_>) -> Result<PieceRow, AssembleError> {
        let limits = Limits::default();
        let source = load(piece.document, &limits, &mut self.packer)?;
        self.add_read(piece, &source, &limits)
    }

    /// Adds one piece, whose document has been read.
    pub(crate) fn add_read(
        &mut self,
        piece: &Piece<'_>,
        source: &Source,
        limits: &Limits,
    ) -> Result<PieceRow, AssembleError> {
        // Everything that can fail is done before the first byte is written.
        if piece.certified.is_some() && piece.placement == Placement::FirstPage {
            return Err(AssembleError::CertifiedFirstPage);
        }
        let pages = plans(source, piece.document, limits, &mut self.packer)?;
        let found = pages.len() as u32;
        if found == 0 {
            return Err(AssembleError::Document("it has no pages"));
        }
        if let Some(accepted) = piece.impressions.filter(|&accepted| accepted != found) {
            return Err(AssembleError::Impressions { found, accepted });
        }
        let pages: Vec<Plan<'_>> = pages.into_iter().map(Plan::on_portrait).collect();
        let sheets = piece.covers() + piece.sides.sheets(found);
        if !sheet_mark::can_mark(piece.job) {
            return Err(AssembleError::Mark);
        }
        let marks: Vec<DataMatrix> = (1..=sheets)
            .map(|sheet| sheet_mark::modules(&sheet_mark::payload(piece.job, piece.number, sheet, sheets)))
            .collect::<Option<_>>()
            .ok_or(AssembleError::Mark)?;
        let paper = paper(&pages)?;
        // The cover is of the paper that follows.
        let (width, height) = (pages[0].geometry.width, pages[0].geometry.height);
        let (envelope, layout) = self.envelope(piece, sheets, paper)?;
        let face = face(piece, &layout, &self.stationery, height)?;
        let stock = piece.stocks(self.stationery.cover_stock, sheets);

        let offset = self.output.position;
        let row = PieceRow {
            piece: piece.number,
            first_page: self.totals.pages + 1,
            last_page: self.totals.pages + u64::from(2 * sheets),
            pages: 2 * sheets,
            sheets,
            sides: piece.sides,
            paper,
            fold: Fold::of(paper.inches().1, &layout),
            envelope,
            return_envelope: piece.return_envelope,
            weight: self.stationery.weight(sheets, paper, envelope, piece.return_envelope),
            stock,
            offset,
            length: 0,
        };
        let front = |content: &mut String, sheet: u32, height: f64| {
            let mut line = sheet_mark::line(piece.job, piece.number, sheet, sheets);
            if row.stock.of(sheet) == Some(Stock::Perforated) {
                line.push_str(sheet_mark::PERFORATED);
            } else if piece.perforated && sheet == 1 {
                // The cover says which sheet of the piece it is.
                line.push_str(sheet_mark::NEXT_PERFORATED);
            }
            draw_mark(content, &layout, &marks[sheet as usize - 1], &line, height);
        };
        let mut copy = Copy::new(source, piece.document, piece.account);
        let part = self.output.allocate();
        let (mut sheet, mut ends) = (0, None);
        // The first page and the last.
        let mut turn = |page: u64| ends = Some((ends.map_or(page, |(first, _)| first), page));
        let mut over = face;
        if piece.placement == Placement::Cover {
            sheet += 1;
            front(&mut over, sheet, height);
            turn(self.put_page(part, (width, height), "", None, over.as_bytes())?);
            turn(self.put_page(part, (width, height), "", None, b"")?);
            over.clear();
        }
        for (place, page) in pages.iter().enumerate() {
            let is_front = piece.sides == Sides::FrontOnly || place % 2 == 0;
            if is_front {
                sheet += 1;
                front(&mut over, sheet, page.geometry.height);
            }
            turn(self.put_document_page(part, &mut copy, page, &over)?);
            over.clear();
            if is_front && (piece.sides == Sides::FrontOnly || place + 1 == pages.len()) {
                turn(self.put_page(part, (page.geometry.width, page.geometry.height), "", None, b"")?);
            }
        }
        if let Some((first, last)) = ends {
            let body = parts::body(piece, &row, self.output.parts_root(), first, last);
            self.output.put_part(part, &body, "MailPiece")?;
        }
        self.totals.pages += u64::from(row.pages);
        self.totals.sheets += u64::from(sheets);
        self.totals.pieces += 1;
        Ok(PieceRow { length: self.output.position - offset, ..row })
    }

    /// The envelope of a piece: the first that holds it and whose windows show all of it that must always be seen.
    fn envelope(&self, piece: &Piece<'_>, sheets: u32, paper: PaperSize) -> Result<(Envelope, Layout), AssembleError> {
        let mut without = AssembleError::Layout("barcode");
        for (envelope, layout) in self.stationery.envelopes(sheets, paper) {
            match &piece.certified {
                Some(certified) => match certified::label(certified, piece.imb.routing(), &layout, 0.0) {
                    Err(fault @ AssembleError::Layout(_)) => without = fault,
                    // What else is wrong is said when it is drawn.
                    _ => return Ok((envelope, layout)),
                },
                None => return Ok((envelope, layout)),
            }
        }
        Err(without)
    }

    /// The output, for a caller that drains it between pieces.
    pub fn writer_mut(&mut self) -> &mut W {
        &mut self.output.writer
    }

    /// Ends the print stream and gives the output back.
    ///
    /// # Errors
    /// The output cannot be written.
    pub fn finish(mut self) -> Result<(W, Totals), AssembleError> {
        self.output.finish()?;
        let totals = Totals { bytes: self.output.position, ..self.totals };
        Ok((self.output.writer, totals))
    }

    /// Writes a page of the print stream and gives its number. `part` is the document part it belongs to; `resources` are
    /// the entries of its resource dictionary, but for our font.
    fn put_page(
        &mut self,
        part: u64,
        size: (f64, f64),
        resources: &str,
        group: Option<&[u8]>,
        content: &[u8],
    ) -> io::Result<u64> {
        let mut body = Vec::with_capacity(HEAD);
        body.extend_from_slice(b"<</Type/Page/Parent ");
        put_reference(&mut body, self.output.parent());
        body.extend_from_slice(b"/DPart ");
        put_reference(&mut body, part);
        body.extend_from_slice(b"/MediaBox[0 0 ");
        body.extend_from_slice(Digits::decimal(size.0).as_bytes());
        body.push(b' ');
        body.extend_from_slice(Digits::decimal(size.1).as_bytes());
        body.extend_from_slice(b"]/Resources<<");
        if !content.is_empty() {
            body.extend_from_slice(b"/Font<</F ");
            put_reference(&mut body, self.font);
            body.extend_from_slice(b">>");
        }
        body.extend_from_slice(resources.as_bytes());
        body.extend_from_slice(b">>");
        if !content.is_empty() {
            let id = self.output.allocate();
            let length = Digits::integer(content.len() as u64);
            self.output.put_stream(id, &[b"<</Length ", length.as_bytes(), b">>"].concat(), content)?;
            body.extend_from_slice(b"/Contents ");
            put_reference(&mut body, id);
        }
        if let Some(group) = group {
            body.extend_from_slice(b"/Group ");
            body.extend_from_slice(group);
        }
        body.extend_from_slice(b">>");
        let page = self.output.allocate();
        self.output.put(page, &body)?;
        self.output.add_page(page)?;
        Ok(page)
    }
}
