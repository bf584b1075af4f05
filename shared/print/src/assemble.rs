//! Writes the print stream: one PDF of many mail pieces, each behind its cover sheet, with a bounded amount of memory.

use std::io;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::address_block::LineFault;
use crate::imb::Imb;
use crate::layout::Layout;

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
    Document(String),
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
    /// The sheet mark cannot hold the name of the job.
    #[error("the name of the mail job is too long for the sheet mark")]
    Mark,
}

/// Writes pieces to `W` one after the other.
#[derive(Debug)]
pub struct Assembler<W> {
    writer: W,
}

impl<W: io::Write> Assembler<W> {
    /// Starts a print stream.
    ///
    /// # Errors
    /// The output cannot be written.
    pub fn new(writer: W, _layout: &Layout) -> io::Result<Self> {
        Ok(Self { writer })
    }

    /// Adds one piece: its cover sheet and its document.
    ///
    /// # Errors
    /// See [`AssembleError`].
    pub fn add(&mut self, piece: &Piece<'_>) -> Result<PieceRow, AssembleError> {
        Err(AssembleError::Impressions { found: 0, accepted: piece.impressions })
    }

    /// The output, for a caller that drains it between pieces.
    pub fn writer_mut(&mut self) -> &mut W {
        &mut self.writer
    }

    /// Ends the print stream and gives the output back.
    ///
    /// # Errors
    /// The output cannot be written.
    pub fn finish(self) -> Result<(W, Totals), AssembleError> {
        Ok((self.writer, Totals::default()))
    }
}
