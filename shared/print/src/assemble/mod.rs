//! Writes the print stream: one PDF of many mail pieces, each behind its cover sheet, with a bounded amount of memory.
//!
//! One document at a time is in memory. Of what is written there remain an offset for each object and, for each object that
//! a later piece of the same account might share, a hash. Of a document only what its pages reach is copied; streams are
//! copied as they are, compressed, with one exception: a page whose content is in several streams, which are
//! joined into one. Each page becomes a form XObject, so that nothing it does to the graphics state reaches our marks, and
//! is drawn upright whatever its rotation, boxes and user unit. Annotations flagged for print are drawn by their normal
//! appearance. The same pieces in the same order always make the same bytes.

mod copy;
mod cover;
mod page;

use std::collections::HashMap;
use std::io;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::address_block::LineFault;
use crate::document;
use crate::drawing::decimal;
use crate::font::{self, FONT};
use crate::imb::Imb;
use crate::inspect::Limits;
use crate::layout::Layout;
use crate::sheet_mark;
use crate::stream::Output;
use copy::Copy;
use page::{Plan, plan};

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
    /// The mail job, as printed and as in the sheet mark.
    pub job: &'a str,
    /// The number of the piece in its mail job, from 1.
    pub number: u32,
    /// The inspected document.
    pub document: &'a [u8],
    /// How many impressions the document was accepted with.
    pub impressions: u32,
    /// Whether the first sheet of the document is perforated stock.
    pub perforated: bool,
}

/// Where a piece is in its print stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PieceRow {
    /// The number of the piece in its mail job.
    pub piece: u32,
    /// The page its cover sheet starts on, from 1.
    pub first_page: u64,
    /// Pages, with the cover sheet and blank sides; twice the sheets.
    pub pages: u32,
    /// Sheets of paper, with the cover sheet.
    pub sheets: u32,
    /// Whether the first sheet of the document is perforated stock.
    pub perforated: bool,
    /// The byte where the piece's first object starts.
    pub offset: u64,
    /// Bytes from there to the end of its last object.
    pub length: u64,
}

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
    /// The document has another number of pages than it was accepted with.
    #[error("the document has {found} pages and was accepted with {accepted}; inspect it again")]
    Impressions {
        /// Pages in the document.
        found: u32,
        /// Impressions it was accepted with.
        accepted: u32,
    },
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
}

/// Writes pieces to `W` one after the other.
#[derive(Debug)]
pub struct Assembler<W> {
    output: Output<W>,
    layout: Layout,
    /// The number of the embedded font, the only object of ours that pages share.
    font: u64,
    /// Objects that an equal one can stand for: hash of account and bytes to number.
    shared: HashMap<Hash, u64>,
    totals: Totals,
}

/// The first half of a BLAKE3 hash: no two objects of all the mail there will ever be have the same by accident.
type Hash = [u8; 16];

impl<W: io::Write> Assembler<W> {
    /// Starts a print stream.
    ///
    /// # Errors
    /// The output cannot be written.
    pub fn new(writer: W, layout: &Layout) -> io::Result<Self> {
        let mut output = Output::new(writer)?;
        let ids: Vec<u64> = (0..font::OBJECTS).map(|_| output.allocate()).collect();
        for (id, body) in ids.iter().zip(FONT.objects(ids[0])) {
            output.put(*id, &body)?;
        }
        Ok(Self { output, layout: layout.clone(), font: ids[0], shared: HashMap::new(), totals: Totals::default() })
    }

    /// Adds one piece: its cover sheet and its document. The document must have passed inspection: it is parsed here with the
    /// same limits, but in this process.
    ///
    /// # Errors
    /// See [`AssembleError`].
    pub fn add(&mut self, piece: &Piece<'_>) -> Result<PieceRow, AssembleError> {
        // Everything that can fail is done before the first byte is written.
        let limits = Limits::default();
        let document = document::on_large_stack(|| document::load(piece.document, limits.max_decompressed))
            .and_then(Result::ok)
            // What the parser says could quote the document.
            .ok_or(AssembleError::Document("it does not parse"))?;
        let pages = document::pages(&document, limits.max_pages)
            .map_err(|_| AssembleError::Document("its page tree is unusable"))?;
        let found = pages.len() as u32;
        if found != piece.impressions || found == 0 {
            return Err(AssembleError::Impressions { found, accepted: piece.impressions });
        }
        let pages: Vec<Plan<'_>> =
            pages.iter().map(|page| plan(&document, page, limits.max_decompressed)).collect::<Result<_, _>>()?;
        let sheets = 1 + found.div_ceil(2);
        if !sheet_mark::can_mark(piece.job) {
            return Err(AssembleError::Mark);
        }
        let marks: Vec<sheet_mark::Modules> = (1..=sheets)
            .map(|sheet| sheet_mark::modules(&sheet_mark::payload(piece.job, piece.number, sheet, sheets)))
            .collect::<Option<_>>()
            .ok_or(AssembleError::Mark)?;
        // The cover is of the paper that follows, upright whichever way the document lies on it.
        let first = pages[0].geometry;
        let cover_size = (first.width.min(first.height), first.width.max(first.height));
        let mut cover = self.cover(piece, cover_size.1, sheets, marks[0].side)?;
        self.draw_mark(&mut cover, &marks[0], cover_size.1);

        let offset = self.output.position;
        let row = PieceRow {
            piece: piece.number,
            first_page: self.totals.pages + 1,
            pages: 2 * sheets,
            sheets,
            perforated: piece.perforated,
            offset,
            length: 0,
        };
        let resources = format!("/Font<</F {} 0 R>>", self.font);
        self.put_page(cover_size, &resources, None, cover.as_bytes())?;
        self.put_page(cover_size, "", None, b"")?;
        let mut copy = Copy::new(&document, piece.account);
        for (place, page) in pages.iter().enumerate() {
            // The fronts are the even places; the cover has the first mark.
            let mark = (place % 2 == 0).then(|| &marks[1 + place / 2]);
            self.put_document_page(&mut copy, page, mark)?;
        }
        if let (1, Some(last)) = (pages.len() % 2, pages.last()) {
            self.put_page((last.geometry.width, last.geometry.height), "", None, b"")?;
        }
        self.totals.pages += u64::from(row.pages);
        self.totals.sheets += u64::from(sheets);
        self.totals.pieces += 1;
        Ok(PieceRow { length: self.output.position - offset, ..row })
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

    /// Writes a page of the print stream. `resources` are the entries of its resource dictionary.
    fn put_page(&mut self, size: (f64, f64), resources: &str, group: Option<&[u8]>, content: &[u8]) -> io::Result<()> {
        let mut contents = String::new();
        if !content.is_empty() {
            let id = self.output.allocate();
            self.output.put_stream(id, format!("<</Length {}>>", content.len()).as_bytes(), content)?;
            contents = format!("/Contents {id} 0 R");
        }
        let parent = self.output.parent();
        let page = self.output.allocate();
        let mut body = format!(
            "<</Type/Page/Parent {parent} 0 R/MediaBox[0 0 {} {}]/Resources<<{resources}>>{contents}",
            decimal(size.0),
            decimal(size.1)
        )
        .into_bytes();
        if let Some(group) = group {
            body.extend_from_slice(b"/Group ");
            body.extend_from_slice(group);
        }
        body.extend_from_slice(b">>");
        self.output.put(page, &body)?;
        self.output.add_page(page)
    }
}
