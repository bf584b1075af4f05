//! Mends, on request, what can be mended without changing what a document says: each mend is reported, and what cannot be
//! mended safely is left as it is and reported as well.
//!
//! A file that had to be repaired to be read, or is encrypted, is not mended: a mended copy would hide that.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use lopdf::{Dictionary, Document, Object, ObjectId};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::document::{self, Annotation, Appearance, Geometry, Page};
use crate::drawing::decimals;
use crate::inspect::{Limits, PageSize, Paper};
use crate::prescan;
use crate::redraw::{self, Budget, Redraw, number};
use crate::stationery::PaperSize;

/// What may be asked for. Several are done in this order, whatever order they are asked for in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Mend {
    /// Draw printed annotations and form fields into the page, so that they are part of it and can do nothing else.
    Flatten,
    /// Put a page that is of no size that is offered, and smaller than one that is, in the middle of a sheet: that of the pages
    /// that are of such a size, for a letter is printed on one, else the smallest that holds all. Nothing is scaled.
    Centre,
    /// Turn a page that is wider than high, so that it lies on an upright sheet with its top to the right.
    Portrait,
}

/// What was done with a page, or why nothing was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// The mend.
    pub mend: Mend,
    /// The page, from 1; `None` if it is about the whole document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// A sentence for the sender. It never repeats the document's text.
    pub message: String,
}

/// A document after mending.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mended {
    /// The file: the very one that was given if nothing was done.
    #[serde(skip)]
    pub bytes: Vec<u8>,
    /// What was done, by mend and page.
    pub done: Vec<Note>,
    /// What was asked for and could not be done safely, by mend and page.
    pub left: Vec<Note>,
}

/// Why a document cannot be mended at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum MendError {
    /// It is no PDF, is damaged, or has more in it than a letter can need.
    #[error("the file is damaged or no PDF and cannot be mended; export the document to PDF again and send that file")]
    Unreadable,
    /// It is encrypted.
    #[error("the file is encrypted and cannot be mended; save it without a password and without restrictions")]
    Encrypted,
    /// Mending it took too long or ended the child: only [`crate::isolate`] says so.
    #[error("the file cannot be mended safely; print the document to a new PDF and send that file")]
    Hostile,
}

/// Mends a document. The same document and mends give the same bytes, and a mended document is not changed by the same
/// mends again.
///
/// A hostile file can end this process (see [`crate::isolate`]).
///
/// # Errors
/// The document cannot be mended at all.
pub fn mend(bytes: &[u8], mends: &[Mend], limits: &Limits) -> Result<Mended, MendError> {
    of(bytes.into(), mends, limits)
}

/// The same, of a document that may be let go when it is not what comes of it.
pub(crate) fn of(bytes: Cow<'_, [u8]>, mends: &[Mend], limits: &Limits) -> Result<Mended, MendError> {
    if prescan::scan(&bytes, limits).is_some() {
        return Err(MendError::Unreadable);
    }
    document::on_large_stack(|| mend_parsed(bytes, mends, limits)).unwrap_or(Err(MendError::Unreadable))
}

fn mend_parsed(bytes: Cow<'_, [u8]>, mends: &[Mend], limits: &Limits) -> Result<Mended, MendError> {
    let mut document = document::load(&bytes, limits.max_decompressed).map_err(|_| MendError::Unreadable)?;
    if document.is_encrypted() || document.was_encrypted() || document.trailer.has(b"Encrypt") {
        return Err(MendError::Encrypted);
    }
    let count = document::pages(&document, limits.max_pages).map_err(|_| MendError::Unreadable)?.len();
    let trusted = document.xref_recovery.is_none()
        && !document::has_lost_objects(&document)
        && document::declared_count(&document) == Some(count as i64)
        && redraw::make_room(&mut document);
    if !trusted {
        return Err(MendError::Unreadable);
    }
    let mut notes = Notes { done: Vec::new(), left: Vec::new() };
    for mend in mends.iter().copied().collect::<BTreeSet<_>>() {
        match mend {
            Mend::Flatten => flatten(&mut document, limits, &mut notes),
            Mend::Centre => centre(&mut document, limits, &mut notes),
            Mend::Portrait => portrait(&mut document, limits, &mut notes),
        }
    }
    let Notes { done, left } = notes;
    let bytes = if done.is_empty() {
        drop(document);
        bytes.into_owned()
    } else {
        drop(bytes);
        redraw::save(document).map_err(|_| MendError::Unreadable)?
    };
    Ok(Mended { bytes, done, left })
}

struct Notes {
    done: Vec<Note>,
    left: Vec<Note>,
}

impl Notes {
    fn done(&mut self, mend: Mend, page: u32, message: impl Into<String>) {
        self.done.push(Note { mend, page: Some(page), message: message.into() });
    }

    fn left(&mut self, mend: Mend, page: u32, message: impl Into<String>) {
        self.left.push(Note { mend, page: Some(page), message: message.into() });
    }
}

/// The pages by number, each once, though a page tree may name one twice.
fn distinct_pages<'a>(document: &'a Document, limits: &Limits) -> Vec<(u32, Page<'a>)> {
    let mut seen = BTreeSet::new();
    // They were walked before; a mend replaces pages and leaves the tree alone.
    let pages = document::pages(document, limits.max_pages).unwrap_or_default();
    (1u32..).zip(pages).filter(|(_, page)| seen.insert(page.id)).collect()
}

const UNUSABLE_SIZE: &str = "the page has no usable size; print the document to a new PDF";

/// What is to become of an annotation.
enum Fate {
    /// It is drawn into the page.
    Drawn(Appearance),
    /// It shows nothing and goes.
    Gone,
    /// It stays, and nobody needs to know.
    Stays,
    /// It stays, for this reason.
    Left(&'static str),
}

const NOT_PRINTED: &str = "they are hidden or not marked for print; delete them or mark them";
const NO_LOOKS: &str = "they have no usable appearance; print the document to a new PDF where they are seen";
const LAYERED: &str = "they are on a layer that may be switched off; flatten the layers first";
const XFA: &str = "they are part of an XFA form; print the document to a new PDF";

fn fate(document: &Document, annotation: &Dictionary, has_xfa: bool) -> Fate {
    let kind = document::subtype(annotation);
    let is_field = kind == b"Widget";
    // A link has no looks of its own; the window of a comment goes where the comment goes.
    if kind == b"Link" || kind == b"Popup" {
        return Fate::Stays;
    }
    if is_field && has_xfa {
        return Fate::Left(XFA);
    }
    if !document::is_printed(document, annotation) {
        return Fate::Left(NOT_PRINTED);
    }
    if annotation.has(b"OC") {
        return Fate::Left(LAYERED);
    }
    let appearance = document::appearance(document, annotation);
    let shown = Annotation { dictionary: annotation, appearance };
    if let Some(placed) = document::place_appearance(document, &shown) {
        return Fate::Drawn(placed);
    }
    // Fields that sign a document without a trace on the page have a rectangle without an inside.
    let flat = document::lookup(document, annotation, b"Rect")
        .and_then(|rectangle| document::rectangle(document, rectangle))
        .is_some_and(|[left, bottom, right, top]| left == right || bottom == top);
    if flat || (is_field && appearance.is_none() && shows_nothing(document, annotation)) {
        return Fate::Gone;
    }
    Fate::Left(NO_LOOKS)
}

/// Whether a field without an appearance shows nothing: it is empty, or it is a box that is not ticked, whose state has no
/// appearance (ISO 32000-2 12.7.5.2.3).
fn shows_nothing(document: &Document, widget: &Dictionary) -> bool {
    let is_off = document::lookup(document, widget, b"AS")
        .is_some_and(|state| state.as_name().is_ok_and(|state| state == b"Off"));
    is_off || document::field_value(document, widget).is_none()
}

/// What flattening makes of one page.
#[derive(Default)]
struct Flattening {
    drawn: Vec<Appearance>,
    /// Fields that show nothing and go.
    empty: u32,
    /// Annotations that go.
    gone: Vec<ObjectId>,
    kept: Vec<Object>,
    /// Why annotations are kept, and how many.
    reasons: BTreeMap<&'static str, u32>,
    keeps_field: bool,
}

impl Flattening {
    fn of(document: &Document, annotations: &[Object], has_xfa: bool) -> Self {
        let mut plan = Self::default();
        for item in annotations {
            let Object::Dictionary(annotation) = document::resolve(document, item) else { continue };
            match fate(document, annotation, has_xfa) {
                Fate::Drawn(appearance) => {
                    plan.drawn.push(appearance);
                    plan.gone.extend(item.as_reference());
                }
                Fate::Gone => {
                    plan.empty += 1;
                    plan.gone.extend(item.as_reference());
                }
                Fate::Stays => plan.kept.push(item.clone()),
                Fate::Left(reason) => {
                    *plan.reasons.entry(reason).or_default() += 1;
                    plan.keeps_field |= document::subtype(annotation) == b"Widget";
                    plan.kept.push(item.clone());
                }
            }
        }
        let mut windows = Vec::new();
        plan.kept.retain(|item| {
            let Object::Dictionary(annotation) = document::resolve(document, item) else { return true };
            let parent = annotation.get(b"Parent").and_then(Object::as_reference);
            let goes =
                document::subtype(annotation) == b"Popup" && parent.is_ok_and(|parent| plan.gone.contains(&parent));
            if goes {
                windows.extend(item.as_reference());
            }
            !goes
        });
        plan.gone.extend(windows);
        plan
    }

    /// What is done, as a sentence; nothing if nothing is.
    fn sentence(&self) -> Option<String> {
        let mut parts = Vec::new();
        match self.drawn.len() {
            0 => {}
            1 => parts.push("1 comment or form field was drawn into the page".to_owned()),
            count => parts.push(format!("{count} comments and form fields were drawn into the page")),
        }
        match self.empty {
            0 => {}
            1 => parts.push("1 form field that shows nothing was removed".to_owned()),
            count => parts.push(format!("{count} form fields that show nothing were removed")),
        }
        (!parts.is_empty()).then(|| sentence(&parts.join(" and ")))
    }

    fn draw(self, document: &mut Document, mut page: Redraw, geometry: &Geometry) {
        let [left, bottom, right, top] = geometry.seen;
        let clip = decimals(&[left, bottom, right - left, top - bottom]);
        let mut drawing = String::new();
        for appearance in self.drawn {
            let name = page.name("XObject", appearance.form);
            // An appearance need not say that it is a form, and what a page draws must.
            if let Ok(Object::Stream(form)) = document.get_object_mut(appearance.form) {
                form.dict.set("Type", "XObject");
                form.dict.set("Subtype", "Form");
            }
            // Writing to a String cannot fail.
            let _ = writeln!(drawing, "q {clip} re W n {} cm {name} Do Q", decimals(&appearance.matrix));
        }
        if self.kept.is_empty() {
            page.remove("Annots");
        } else {
            page.set("Annots", self.kept);
        }
        page.finish(document, &drawing);
        for id in self.gone {
            // Taken out, not only left behind: the structure of a tagged document refers to them still.
            document.objects.remove(&id);
        }
    }
}

fn flatten(document: &mut Document, limits: &Limits, notes: &mut Notes) {
    let form = document.catalog().ok().and_then(|catalog| document::lookup(document, catalog, b"AcroForm"));
    let form = form.and_then(document::dictionary_of);
    let has_form = form.is_some();
    let has_xfa = form.is_some_and(|form| document::lookup(document, form, b"XFA").is_some());
    let mut keeps_field = has_xfa;
    let mut budget = Budget::new(limits);
    let mut plans = Vec::new();
    // What a page keeps stays, though another that it is on too has it drawn.
    let mut kept = BTreeSet::new();
    let mut keep = |annotations: &[Object]| kept.extend(annotations.iter().filter_map(|item| item.as_reference().ok()));
    for (page_number, page) in distinct_pages(document, limits) {
        let Some(Object::Array(annotations)) = document::lookup(document, page.dictionary, b"Annots") else { continue };
        let plan = Flattening::of(document, annotations, has_xfa);
        keep(&plan.kept);
        keeps_field |= plan.keeps_field;
        for (reason, count) in &plan.reasons {
            let message = format!("Comments or form fields were left as they are ({count}): {reason}.");
            notes.left(Mend::Flatten, page_number, message);
        }
        let Some(done) = plan.sentence() else { continue };
        match take_up(document, &page, &mut budget) {
            Ok((redraw, geometry)) => {
                notes.done(Mend::Flatten, page_number, done);
                plans.push((plan, redraw, geometry));
            }
            Err(reason) => {
                keeps_field = true;
                keep(annotations);
                notes.left(Mend::Flatten, page_number, sentence(reason));
            }
        }
    }
    for (mut plan, redraw, geometry) in plans {
        plan.gone.retain(|id| !kept.contains(id));
        plan.draw(document, redraw, &geometry);
    }
    if has_form
        && !keeps_field
        && let Ok(catalog) = document.catalog_mut()
    {
        catalog.remove(b"AcroForm");
        let message = "The form behind the fields was removed.".to_owned();
        notes.done.push(Note { mend: Mend::Flatten, page: None, message });
    }
}

/// A page to be drawn on, and how it lies, or why it cannot be.
fn take_up(document: &Document, page: &Page<'_>, budget: &mut Budget) -> Result<(Redraw, Geometry), &'static str> {
    let geometry = document::geometry(document, page).ok_or(UNUSABLE_SIZE)?;
    Ok((Redraw::new(document, page, &geometry, budget)?, geometry))
}

/// How far a page may stick out of a sheet that it is put on, points: as far as its size may be off anyway.
const SLOP: f64 = 3.6;

fn centre(document: &mut Document, limits: &Limits, notes: &mut Notes) {
    if !matches!(limits.paper, Paper::Sheets { .. }) {
        let message = "Cards are not put on larger sheets. Make the pages of the size of the card.".to_owned();
        return notes.left.push(Note { mend: Mend::Centre, page: None, message });
    }
    let mut budget = Budget::new(limits);
    let mut changes = Vec::new();
    let pages = distinct_pages(document, limits);
    let geometries: Vec<_> = pages.iter().map(|(_, page)| document::geometry(document, page)).collect();
    let paper = sheet_of(geometries.iter().flatten(), limits.paper);
    for ((page_number, page), geometry) in pages.into_iter().zip(&geometries) {
        let Some(geometry) = geometry else {
            notes.left(Mend::Centre, page_number, sentence(UNUSABLE_SIZE));
            continue;
        };
        if is_offered(geometry, limits.paper) {
            continue;
        }
        match centre_page(document, &page, geometry, paper, &mut budget) {
            Ok(change) => {
                let message = format!(
                    "The page of {:.2} x {:.2} in was put in the middle of a sheet of {}.",
                    geometry.width / 72.0,
                    geometry.height / 72.0,
                    paper.name()
                );
                notes.done(Mend::Centre, page_number, message);
                changes.push(change);
            }
            Err(reason) => notes.left(Mend::Centre, page_number, sentence(reason)),
        }
    }
    for (mut redraw, seen) in changes {
        for key in ["MediaBox", "CropBox"] {
            redraw.set(key, seen.map(number).to_vec());
        }
        redraw.finish(document, "");
    }
}

fn is_offered(geometry: &Geometry, paper: Paper) -> bool {
    paper.offers(PageSize { width: geometry.width / 72.0, height: geometry.height / 72.0 })
}

/// The sheet that pages are put on: that of the first of them that is of a size that is offered, else the smallest that holds all
/// that go on any.
fn sheet_of<'a>(geometries: impl Iterator<Item = &'a Geometry> + Clone, paper: Paper) -> PaperSize {
    let upright = |geometry: &Geometry| {
        let (width, height) = (geometry.width / 72.0, geometry.height / 72.0);
        (width.min(height), width.max(height))
    };
    let mut used = geometries.clone().filter(|geometry| is_offered(geometry, paper));
    if let Some(used) = used.find_map(|geometry| PaperSize::of(upright(geometry).0, upright(geometry).1)) {
        return used;
    }
    let sheets = paper.sheets();
    let on = |geometry: &Geometry, sheet: &PaperSize| lying(geometry, *sheet).is_some();
    let centred = geometries.filter(|geometry| sheets.iter().any(|sheet| on(geometry, sheet)));
    // The largest holds whatever the others do.
    let holds_all = |sheet: &&PaperSize| centred.clone().all(|geometry| on(geometry, sheet));
    sheets.iter().find(holds_all).copied().unwrap_or(PaperSize::Legal)
}

/// A sheet as a page lies on it, points: upright unless it only fits lying; nothing if it does not fit.
fn lying(geometry: &Geometry, sheet: PaperSize) -> Option<(f64, f64)> {
    let (width, height) = sheet.inches();
    [(width, height), (height, width)]
        .map(|(width, height)| (width * 72.0, height * 72.0))
        .into_iter()
        .find(|sheet| geometry.width <= sheet.0 + SLOP && geometry.height <= sheet.1 + SLOP)
}

/// A page to be put on a sheet and what is seen of it then, or why it cannot be.
fn centre_page(
    document: &Document,
    page: &Page<'_>,
    geometry: &Geometry,
    paper: PaperSize,
    budget: &mut Budget,
) -> Result<(Redraw, [f64; 4]), &'static str> {
    let sheet = lying(geometry, paper)
        .ok_or("the page is larger than the sheet, and nothing is scaled; print it to a size that is offered")?;
    // What the edge of the page cut off would be seen beyond it.
    let within = |annotation: &Annotation<'_>| {
        let area = document::lookup(document, annotation.dictionary, b"Rect")
            .and_then(|rectangle| document::rectangle(document, rectangle));
        let seen = geometry.seen;
        area.is_none_or(|area| area[0] >= seen[0] && area[1] >= seen[1] && area[2] <= seen[2] && area[3] <= seen[3])
    };
    if !document::annotations(document, page).iter().all(within) {
        return Err("a comment or form field reaches beyond the edge of the page; have it flattened as well");
    }
    Ok((Redraw::new(document, page, geometry, budget)?, on_sheet(geometry, sheet)))
}

/// What has to be seen of a page, in its own units, for it to lie in the middle of a sheet.
fn on_sheet(geometry: &Geometry, sheet: (f64, f64)) -> [f64; 4] {
    let (x, y) = ((sheet.0 - geometry.width).max(0.0) / 2.0, (sheet.1 - geometry.height).max(0.0) / 2.0);
    let (x, y) = if geometry.turn() % 180 == 0 { (x, y) } else { (y, x) };
    let [left, bottom, right, top] = geometry.seen;
    let unit = geometry.width / if geometry.turn() % 180 == 0 { right - left } else { top - bottom };
    [left - x / unit, bottom - y / unit, right + x / unit, top + y / unit]
}

fn portrait(document: &mut Document, limits: &Limits, notes: &mut Notes) {
    if limits.paper.card().is_some() {
        let message = "Cards are printed wider than high, so no page was turned.".to_owned();
        return notes.left.push(Note { mend: Mend::Portrait, page: None, message });
    }
    let mut changes = Vec::new();
    for (page_number, page) in distinct_pages(document, limits) {
        let Some(geometry) = document::geometry(document, &page) else {
            notes.left(Mend::Portrait, page_number, sentence(UNUSABLE_SIZE));
            continue;
        };
        if geometry.width > geometry.height {
            let mut dictionary = page.dictionary.clone();
            dictionary.set("Rotate", (geometry.turn() + 90) % 360);
            notes.done(Mend::Portrait, page_number, "The page was turned onto an upright sheet, its top to the right.");
            changes.push((page.id, dictionary));
        }
    }
    for (id, dictionary) in changes {
        document.objects.insert(id, dictionary.into());
    }
}

/// A reason as a sentence of its own.
fn sentence(reason: &str) -> String {
    let mut characters = reason.chars();
    let first = characters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(characters).chain(['.']).collect()
}
