//! Writes the print stream: one PDF of many mail pieces, each behind its cover sheet, with a bounded amount of memory.
//!
//! One document at a time is in memory. Of what is written there remain an offset for each object and, for each object that
//! a later piece of the same account might share, a hash. Of a document only what its pages reach is copied; streams are
//! copied as they are, compressed, with one exception: a page whose content is in several streams, which are
//! joined into one. Each page becomes a form XObject, so that nothing it does to the graphics state reaches our marks, and
//! is drawn upright whatever its rotation, boxes and user unit. Annotations flagged for print are drawn by their normal
//! appearance. The same pieces in the same order always make the same bytes.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io;

use lopdf::{Dictionary, Document, Object, ObjectId, Stream};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::address_block::{self, LineFault, MAX_LINES, MAX_SENDER_LINES, NoPlace, POINTS, TextBlock, bar};
use crate::document::{self, Annotation, Geometry, Page};
use crate::font::{self, FONT};
use crate::imb::{BARS, Imb};
use crate::inspect::Limits;
use crate::layout::{Layout, Rect};
use crate::sheet_mark;
use crate::stream::{Output, serialize, serialize_entry};

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

    /// What is on the front of a cover sheet, but for its mark: `height` is the page's, points; `side` the mark's, modules.
    fn cover(&self, piece: &Piece<'_>, height: f64, sheets: u32, side: usize) -> Result<String, AssembleError> {
        const RETURN: &str = "return address";
        const BLOCK: &str = "address block";
        check_lines(RETURN, piece.sender.len(), MAX_SENDER_LINES)?;
        check_lines(BLOCK, piece.recipient.len(), MAX_LINES)?;
        let sender =
            address_block::place_sender(piece.sender, &self.layout).map_err(|fault| no_place(RETURN, fault))?;
        let recipient =
            address_block::place_recipient(piece.recipient, &self.layout).map_err(|fault| no_place(BLOCK, fault))?;
        let place = address_block::place_bars(&self.layout).map_err(|fault| no_place(BLOCK, fault))?;

        let mut content = String::from("0 g\n");
        draw_text(&mut content, &sender, piece.sender, height);
        draw_text(&mut content, &recipient, piece.recipient, height);
        let bars = draw_bars(piece.imb, &place, height);
        // The last chance to notice that the bars on the paper are not those of the piece.
        let letters = read_bars(&bars, &place, height).ok_or(AssembleError::Barcode)?;
        match Imb::decode(&letters) {
            Ok((tracking, routing)) if tracking == piece.imb.tracking() && routing == piece.imb.routing() => {}
            _ => return Err(AssembleError::Barcode),
        }
        content.push_str(&bars);

        let stock = if piece.perforated { " PERF" } else { "" };
        let line = format!("{} {} sheet 1/{sheets}{stock}", piece.job, piece.number);
        let beside = TextBlock {
            points: 6.0,
            // Two modules of clear space, and as much again.
            left: self.layout.mark_left + (side as f64 + 4.0) * self.layout.mark_module,
            last_baseline: height / POINTS - self.layout.mark_bottom,
            pitch: 0.0,
            extent: Rect { left: 0.0, top: 0.0, width: 0.0, height: 0.0 },
        };
        draw_text(&mut content, &beside, &[line], height);
        Ok(content)
    }

    /// Draws a sheet mark on white, with the one module of clear space that a Data Matrix needs.
    fn draw_mark(&self, content: &mut String, mark: &sheet_mark::Modules, height: f64) {
        let module = self.layout.mark_module;
        let side = mark.side as f64 * module;
        let top = height / POINTS - self.layout.mark_bottom - side;
        let clear = Rect {
            left: self.layout.mark_left - module,
            top: top - module,
            width: side + 2.0 * module,
            height: side + 2.0 * module,
        };
        content.push_str("1 g\n");
        draw_rectangle(content, &clear, height);
        content.push_str("f\n0 g\n");
        for &(row, column, count) in &mark.runs {
            let run = Rect {
                left: self.layout.mark_left + column as f64 * module,
                top: top + row as f64 * module,
                width: count as f64 * module,
                height: module,
            };
            draw_rectangle(content, &run, height);
        }
        content.push_str("f\n");
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

    /// Writes a page of a document: its content as a form, its annotations over it, and the mark if it is a front.
    fn put_document_page(
        &mut self,
        copy: &mut Copy<'_>,
        page: &Plan<'_>,
        mark: Option<&sheet_mark::Modules>,
    ) -> io::Result<()> {
        let geometry = &page.geometry;
        let mut content = String::new();
        let mut forms = String::new();
        if let Some(form) = self.put_page_form(copy, page)? {
            let _ = write!(forms, "/P {form} 0 R");
            let _ = writeln!(content, "q {} cm /P Do Q", decimals(&geometry.matrix));
        }
        for (place, appearance) in page.appearances.iter().enumerate() {
            let Some(form) = self.copy(copy, appearance.form)? else { continue };
            let _ = write!(forms, "/A{place} {form} 0 R");
            let [left, bottom, right, top] = geometry.seen;
            let _ = writeln!(
                content,
                "q {} cm {} re W n {} cm /A{place} Do Q",
                decimals(&geometry.matrix),
                decimals(&[left, bottom, right - left, top - bottom]),
                decimals(&appearance.matrix)
            );
        }
        if let Some(mark) = mark {
            self.draw_mark(&mut content, mark, geometry.height);
        }
        let resources = if forms.is_empty() { forms } else { format!("/XObject<<{forms}>>") };
        // The page's blending space applies to the whole sheet; on the form it would make a group where there was none.
        let group = match page.group {
            Some(group) => Some(self.copy_value(copy, group)?),
            None => None,
        };
        self.put_page((geometry.width, geometry.height), &resources, group.as_deref(), content.as_bytes())
    }

    /// Writes a page's content as a form XObject (ISO 32000-2 8.10), or finds one that is equal; nothing for a blank page.
    fn put_page_form(&mut self, copy: &mut Copy<'_>, page: &Plan<'_>) -> io::Result<Option<u64>> {
        let mut head = b"<</Type/XObject/Subtype/Form/BBox[".to_vec();
        head.extend_from_slice(decimals(&page.geometry.seen).as_bytes());
        head.extend_from_slice(b"]/Resources ");
        match page.resources {
            Some(resources) => head.extend(self.copy_value(copy, resources)?),
            None => head.extend_from_slice(b"<<>>"),
        }
        let packed: Vec<u8>;
        let content: &[u8] = match &page.content {
            Content::Blank => return Ok(None),
            Content::Raw(stream) => {
                for key in [&b"Filter"[..], b"DecodeParms"] {
                    if let Ok(value) = stream.dict.get(key) {
                        let value = self.copy_value(copy, value)?;
                        head.push(b'/');
                        head.extend_from_slice(key);
                        head.push(b' ');
                        head.extend(value);
                    }
                }
                &stream.content
            }
            Content::Joined(bytes) => {
                head.extend_from_slice(b"/Filter/FlateDecode");
                packed = pack(bytes)?;
                &packed
            }
        };
        head.extend_from_slice(format!("/Length {}>>", content.len()).as_bytes());
        self.put_shared(copy, &head, Some(content)).map(Some)
    }

    /// The syntax of a value with all it refers to copied.
    fn copy_value(&mut self, copy: &mut Copy<'_>, value: &Object) -> io::Result<Vec<u8>> {
        let mut found = Vec::new();
        document::references(value, &mut found);
        for id in found {
            self.copy(copy, id)?;
        }
        let mut out = Vec::new();
        serialize(&mut out, value, &mut |id| copy.number(id, &mut self.output));
        Ok(out)
    }

    /// Copies an object and all it reaches, those it refers to first, and gives its number in the print stream. Nothing if
    /// there is no such object, or it is a part of the page tree, which no content has a reason to refer to.
    fn copy(&mut self, copy: &mut Copy<'_>, root: ObjectId) -> io::Result<Option<u64>> {
        struct Visit {
            id: ObjectId,
            references: Vec<ObjectId>,
            next: usize,
        }
        let open = |copy: &mut Copy<'_>, id: ObjectId| {
            let (id, object) = copy.find(id)?;
            if copy.places.contains_key(&id) {
                return None;
            }
            copy.places.insert(id, Place::Open(None));
            let mut references = Vec::new();
            document::references(object, &mut references);
            Some(Visit { id, references, next: 0 })
        };
        // A chain of references can be as long as the file, so the path is here and not on the stack.
        let mut path: Vec<Visit> = open(copy, root).into_iter().collect();
        while let Some(visit) = path.last_mut() {
            match visit.references.get(visit.next).copied() {
                Some(id) => {
                    visit.next += 1;
                    path.extend(open(copy, id));
                }
                None => {
                    let id = visit.id;
                    path.pop();
                    self.put_copy(copy, id)?;
                }
            }
        }
        Ok(copy.number(root, &mut self.output))
    }

    /// Writes the copy of an object whose references are copied, or finds an equal one.
    fn put_copy(&mut self, copy: &mut Copy<'_>, id: ObjectId) -> io::Result<()> {
        let Some((_, object)) = copy.find(id) else { return Ok(()) };
        let output = &mut self.output;
        let mut head = Vec::new();
        let content = match object {
            Object::Stream(stream) => {
                head.extend_from_slice(b"<<");
                for (key, value) in
                    stream.dict.iter().filter(|(key, _)| !STREAM_KEYS_LEFT_OUT.contains(&key.as_slice()))
                {
                    serialize_entry(&mut head, key, value, &mut |id| copy.number(id, output));
                }
                head.extend_from_slice(format!("/Length {}>>", stream.content.len()).as_bytes());
                Some(stream.content.as_slice())
            }
            object => {
                serialize(&mut head, object, &mut |id| copy.number(id, output));
                None
            }
        };
        let number = match copy.places.get(&id) {
            // Something it refers to refers back to it and has its number by now, so no other can stand for it.
            Some(Place::Open(Some(number))) => {
                let number = *number;
                self.put_object(number, &head, content)?;
                number
            }
            _ => self.put_shared(copy, &head, content)?,
        };
        copy.places.insert(id, Place::Done(number));
        Ok(())
    }

    /// Writes an object unless the account has one with the same bytes; either way gives its number.
    fn put_shared(&mut self, copy: &Copy<'_>, head: &[u8], content: Option<&[u8]>) -> io::Result<u64> {
        let mut hasher = copy.hasher.clone();
        // The length keeps dictionary and content apart, whatever bytes they are made of.
        hasher.update(&(head.len() as u64).to_le_bytes());
        hasher.update(head);
        hasher.update(content.unwrap_or_default());
        let mut hash = Hash::default();
        hash.copy_from_slice(&hasher.finalize().as_bytes()[..size_of::<Hash>()]);
        if let Some(&number) = self.shared.get(&hash) {
            return Ok(number);
        }
        let number = self.output.allocate();
        self.put_object(number, head, content)?;
        self.shared.insert(hash, number);
        Ok(number)
    }

    fn put_object(&mut self, number: u64, head: &[u8], content: Option<&[u8]>) -> io::Result<()> {
        match content {
            Some(content) => self.output.put_stream(number, head, content),
            None => self.output.put(number, head),
        }
    }
}

/// Keys of a stream that have no part in how it prints and may lead to much that does not either. The length is written
/// anew.
const STREAM_KEYS_LEFT_OUT: [&[u8]; 6] =
    [b"Length", b"Metadata", b"PieceInfo", b"StructParent", b"StructParents", b"OPI"];

/// The copying of one document: what of it has been copied, and to where.
struct Copy<'a> {
    document: &'a Document,
    places: HashMap<ObjectId, Place>,
    /// A hasher that has seen the account, so that its objects are equal to no other account's.
    hasher: blake3::Hasher,
}

/// How far the copying of an object is.
enum Place {
    /// What it refers to is being copied. A number is given as soon as one of those refers back to it.
    Open(Option<u64>),
    /// It has this number in the print stream.
    Done(u64),
}

impl<'a> Copy<'a> {
    fn new(document: &'a Document, account: &str) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&(account.len() as u64).to_le_bytes());
        hasher.update(account.as_bytes());
        Self { document, places: HashMap::new(), hasher }
    }

    /// The object to copy for a reference, past those that are only references themselves.
    fn find(&self, id: ObjectId) -> Option<(ObjectId, &'a Object)> {
        const MAX_HOPS: usize = 32;
        let mut id = id;
        for _ in 0..MAX_HOPS {
            match self.document.objects.get(&id)? {
                Object::Reference(next) => id = *next,
                Object::Null => return None,
                Object::Dictionary(node)
                    if ["Page", "Pages", "Catalog"].iter().any(|kind| node.has_type(kind.as_bytes())) =>
                {
                    return None;
                }
                object => return Some((id, object)),
            }
        }
        None
    }

    /// The number a reference has in the print stream.
    fn number<W: io::Write>(&mut self, id: ObjectId, output: &mut Output<W>) -> Option<u64> {
        let (id, _) = self.find(id)?;
        match self.places.get_mut(&id)? {
            Place::Done(number) => Some(*number),
            Place::Open(number) => Some(*number.get_or_insert_with(|| output.allocate())),
        }
    }
}

/// What is to be drawn of one page of a document.
struct Plan<'a> {
    geometry: Geometry,
    resources: Option<&'a Object>,
    group: Option<&'a Object>,
    content: Content<'a>,
    appearances: Vec<Appearance>,
}

enum Content<'a> {
    Blank,
    /// One stream, to be copied as it is.
    Raw(&'a Stream),
    /// The content of several streams, without filters.
    Joined(Vec<u8>),
}

/// Packs content that had to be unpacked to be joined: else a small document could make a large print file.
fn pack(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    io::Write::write_all(&mut encoder, bytes)?;
    encoder.finish()
}

/// An annotation's appearance and where it is drawn.
struct Appearance {
    form: ObjectId,
    matrix: [f64; 6],
}

fn plan<'a>(document: &'a Document, page: &Page<'a>, max_decompressed: u64) -> Result<Plan<'a>, AssembleError> {
    let fault = AssembleError::Document;
    let geometry = document::geometry(document, page).ok_or_else(|| fault("a page has no usable size"))?;
    let streams = document::contents(document, page).ok_or_else(|| fault("the content of a page is missing"))?;
    let content = match streams[..] {
        [] => Content::Blank,
        [only] => Content::Raw(only),
        _ => {
            // The pieces are one content that may be cut at any token, so they cannot be forms of their own.
            let mut joined = Vec::new();
            for stream in streams {
                let left = max_decompressed.saturating_sub(joined.len() as u64);
                joined.extend(
                    document::decode(document, stream, left)
                        .map_err(|_| fault("the content of a page cannot be decompressed"))?,
                );
                joined.push(b'\n');
            }
            Content::Joined(joined)
        }
    };
    let appearances = document::annotations(document, page)
        .iter()
        .filter_map(|annotation| place_appearance(document, annotation))
        .collect();
    let group = page.dictionary.get(b"Group").ok();
    Ok(Plan { geometry, resources: page.resources, group, content, appearances })
}

/// Where an annotation's appearance is drawn: its bounding box, transformed by its matrix, is fitted to the annotation's
/// rectangle (ISO 32000-2 12.5.5, algorithm 8).
fn place_appearance(document: &Document, annotation: &Annotation<'_>) -> Option<Appearance> {
    let (form, stream) = annotation.appearance?;
    let get = |dictionary: &'_ Dictionary, key: &[u8]| document::lookup(document, dictionary, key).cloned();
    let bounds = document::rectangle(document, &get(&stream.dict, b"BBox")?)?;
    let matrix: [f64; 6] = match get(&stream.dict, b"Matrix") {
        Some(matrix) => document::numbers(document, &matrix)?,
        None => [1.0, 0.0, 0.0, 1.0, 0.0, 0.0],
    };
    let target = document::rectangle(document, &get(annotation.dictionary, b"Rect")?)?;
    let corners = [(0, 1), (2, 1), (2, 3), (0, 3)].map(|(x, y)| {
        let (x, y) = (bounds[x], bounds[y]);
        (matrix[0] * x + matrix[2] * y + matrix[4], matrix[1] * x + matrix[3] * y + matrix[5])
    });
    let (mut low, mut high) = (corners[0], corners[0]);
    for (x, y) in corners {
        low = (low.0.min(x), low.1.min(y));
        high = (high.0.max(x), high.1.max(y));
    }
    let scale = ((target[2] - target[0]) / (high.0 - low.0), (target[3] - target[1]) / (high.1 - low.1));
    (scale.0.is_finite() && scale.1.is_finite()).then(|| Appearance {
        form,
        matrix: [scale.0, 0.0, 0.0, scale.1, target[0] - low.0 * scale.0, target[1] - low.1 * scale.1],
    })
}

fn check_lines(block: &'static str, lines: usize, most: usize) -> Result<(), AssembleError> {
    const LEAST: usize = 2;
    if (LEAST..=most).contains(&lines) {
        Ok(())
    } else {
        Err(AssembleError::Lines { block, lines, least: LEAST, most })
    }
}

fn no_place(block: &'static str, fault: NoPlace) -> AssembleError {
    match fault {
        NoPlace::Line(line, fault) => AssembleError::Line { block, line, fault },
        NoPlace::Height => AssembleError::Layout(block),
        NoPlace::Barcode => AssembleError::Layout("barcode"),
    }
}

/// A number in PDF syntax: at most six decimals, no exponent, no trailing zeros.
fn decimal(value: f64) -> String {
    let text = format!("{value:.6}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

fn decimals(values: &[f64]) -> String {
    values.iter().map(|&value| decimal(value)).collect::<Vec<_>>().join(" ")
}

/// Appends a rectangle to the current path; inches from the top left become points from the bottom left.
fn draw_rectangle(content: &mut String, rect: &Rect, height: f64) {
    let points = [rect.left, height / POINTS - rect.bottom(), rect.width, rect.height].map(|inches| inches * POINTS);
    // Writing to a String cannot fail.
    let _ = writeln!(content, "{} re", decimals(&points));
}

/// Draws the lines of a block.
fn draw_text(content: &mut String, block: &TextBlock, lines: &[String], height: f64) {
    let _ = writeln!(content, "BT /F {} Tf", decimal(block.points));
    for (line, above) in lines.iter().zip((0..lines.len()).rev()) {
        let baseline = block.last_baseline - above as f64 * block.pitch;
        let at = decimals(&[block.left * POINTS, height - baseline * POINTS]);
        let _ = writeln!(content, "1 0 0 1 {at} Tm {} Tj", FONT.hex(line));
    }
    content.push_str("ET\n");
}

/// Draws a barcode as 65 filled rectangles, which no font or image scaling can blur.
fn draw_bars(imb: &Imb, place: &Rect, height: f64) -> String {
    let mut content = String::new();
    for (number, letter) in imb.letters().chars().enumerate() {
        let above = if matches!(letter, 'A' | 'F') { bar::REACH } else { 0.0 };
        let below = if matches!(letter, 'D' | 'F') { bar::REACH } else { 0.0 };
        let rect = Rect {
            left: place.left + number as f64 * bar::PITCH,
            top: place.top + bar::REACH - above,
            width: bar::WIDTH,
            height: bar::TRACKER + above + below,
        };
        draw_rectangle(&mut content, &rect, height);
    }
    content.push_str("f\n");
    content
}

/// Reads drawn bars back into letters from nothing but the drawing: nothing if it is not 65 bars side by side.
fn read_bars(content: &str, place: &Rect, height: f64) -> Option<String> {
    // Half of what tells a long bar from a short one.
    let threshold = bar::REACH / 2.0;
    let middle = place.top + bar::FULL / 2.0;
    let mut letters = String::with_capacity(BARS);
    for line in content.lines().filter(|line| line.ends_with(" re")) {
        let numbers: Vec<f64> =
            line.trim_end_matches(" re").split(' ').map(str::parse).collect::<Result<_, _>>().ok()?;
        let [left, bottom, _, tall] = numbers.try_into().ok()?;
        let expected = place.left + letters.len() as f64 * bar::PITCH;
        if (left / POINTS - expected).abs() > bar::WIDTH / 2.0 {
            return None;
        }
        let low = (height - bottom) / POINTS - middle;
        let high = middle - (height - bottom - tall) / POINTS;
        let long = |reach: f64| reach > bar::TRACKER / 2.0 + threshold;
        letters.push(match (long(low), long(high)) {
            (false, false) => 'T',
            (true, false) => 'D',
            (false, true) => 'A',
            (true, true) => 'F',
        });
    }
    (letters.len() == BARS).then_some(letters)
}
