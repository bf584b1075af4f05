//! The same document with what inspection found drawn on it in red, so that a person sees what is wrong: findings outlined
//! and named, windows and zones dashed, and what has no place on a page listed at its foot.
//!
//! Documents that are refused are drawn on as well, as far as they can be read: a page without a usable size becomes a
//! Letter page, and content that cannot be read is left out. What is drawn is in the page's own coordinates, so the page
//! keeps its boxes, rotation and user unit.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use lopdf::{Document, Object, ObjectId};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::address_block::{self, POINTS};
use crate::document::{self, Geometry};
use crate::drawing::{decimals, draw_rectangle};
use crate::font::{self, FONT};
use crate::inspect::{self, Finding, Limits, PageSize, Paper, Report};
use crate::layout::{Layout, Rect};
use crate::redraw::{self, Budget, Redraw, number};
use crate::stationery::Placement;
use crate::stream::Output;
use crate::{prescan, sheet_mark};

/// Why a document cannot be drawn on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum OverlayError {
    /// It is no PDF, has no pages that can be found, or has more in it than a letter can need.
    #[error("the file cannot be read, so it cannot be drawn on; its findings say why")]
    Unreadable,
    /// It needs a password.
    #[error("the file needs a password, so it cannot be drawn on; save it without one")]
    Encrypted,
    /// Drawing on it took too long or ended the child: only [`crate::isolate`] says so.
    #[error("the file cannot be drawn on safely; print the document to a new PDF and send that file")]
    Hostile,
}

/// Sides that a page may have to be drawn on, points. Others get a page of the size of a Letter sheet.
const SIDES: std::ops::RangeInclusive<f64> = 10.0..=1e6;

/// The type size of labels and lists on a Letter page, points. On larger and smaller pages it grows and shrinks with them.
const TYPE: f64 = 7.0;

/// From baseline to baseline, type sizes.
const LEADING: f64 = 1.25;

/// The part of a page that the list at its foot may take.
const FOOT: f64 = 0.6;

/// The longest label, characters.
const MAX_LABEL: usize = 90;

const LEGEND: &str =
    "Solid: what inspection found. Dashed: windows, zones that must stay free, and the printable area.";

/// Draws the findings of a report on the document it is about.
///
/// A hostile file can end this process (see [`crate::isolate`]).
///
/// # Errors
/// The document cannot be drawn on.
pub fn overlay(bytes: &[u8], report: &Report, limits: &Limits) -> Result<Vec<u8>, OverlayError> {
    of(bytes.into(), report, limits)
}

/// The same, of a document that may be let go when it has been read.
pub(crate) fn of(bytes: Cow<'_, [u8]>, report: &Report, limits: &Limits) -> Result<Vec<u8>, OverlayError> {
    if prescan::scan(&bytes, limits).is_some() {
        return Err(OverlayError::Unreadable);
    }
    document::on_large_stack(|| overlay_parsed(bytes, report, limits)).unwrap_or(Err(OverlayError::Unreadable))
}

fn overlay_parsed(bytes: Cow<'_, [u8]>, report: &Report, limits: &Limits) -> Result<Vec<u8>, OverlayError> {
    const UNREADABLE: OverlayError = OverlayError::Unreadable;
    let mut document = document::load(&bytes, limits.max_decompressed).map_err(|_| UNREADABLE)?;
    drop(bytes);
    if document.is_encrypted() {
        return Err(OverlayError::Encrypted);
    }
    if !redraw::make_room(&mut document) {
        return Err(UNREADABLE);
    }
    let pages = document::pages(&document, limits.max_pages).map_err(|_| UNREADABLE)?;
    if pages.is_empty() {
        return Err(UNREADABLE);
    }
    // A page that the tree names more than once is drawn on once, with the findings of all its places.
    let mut places = BTreeMap::<ObjectId, Vec<u32>>::new();
    for (page, page_number) in pages.iter().zip(1..) {
        places.entry(page.id).or_default().push(page_number);
    }
    let mut budget = Budget::new(limits);
    let layout = limits.layout(report);
    let mut taken = BTreeSet::new();
    let mut changes = Vec::new();
    for page in pages.iter().filter(|page| taken.insert(page.id)) {
        let numbers = places.get(&page.id).map(Vec::as_slice).unwrap_or_default();
        let usable = document::geometry(&document, page)
            .filter(|geometry| SIDES.contains(&geometry.width) && SIDES.contains(&geometry.height));
        let change = match usable {
            Some(geometry) => {
                let redraw = Redraw::new(&document, page, &geometry, &mut budget)
                    .unwrap_or_else(|_| Redraw::without_content(&document, page));
                (redraw, Sheet::new(&geometry, numbers, limits, &layout))
            }
            None => {
                let mut redraw = Redraw::without_content(&document, page);
                redraw.set("MediaBox", STAND_IN.seen.map(number).to_vec());
                redraw.set("CropBox", STAND_IN.seen.map(number).to_vec());
                redraw.set("Rotate", 0);
                redraw.remove("UserUnit");
                (redraw, Sheet::new(&STAND_IN, numbers, limits, &layout))
            }
        };
        changes.push(change);
    }
    let font = add_font(&mut document).ok_or(UNREADABLE)?;
    for (mut redraw, sheet) in changes {
        let font = redraw.name("Font", font);
        let drawing = sheet.draw(report, &font);
        redraw.finish(&mut document, &drawing);
    }
    redraw::save(document).map_err(|_| UNREADABLE)
}

/// What a page without a usable size becomes.
const STAND_IN: Geometry =
    Geometry { width: 612.0, height: 792.0, seen: [0.0, 0.0, 612.0, 792.0], matrix: [1.0, 0.0, 0.0, 1.0, 0.0, 0.0] };

/// Adds the objects of the labels' font and gives the number of the font.
fn add_font(document: &mut Document) -> Option<ObjectId> {
    let mut output = Output::new(Vec::new()).ok()?;
    let numbers: Vec<u64> = (0..font::OBJECTS).map(|_| output.allocate()).collect();
    let first = *numbers.first()?;
    for (id, body) in numbers.iter().zip(FONT.objects(first)) {
        output.put(*id, &body).ok()?;
    }
    output.finish().ok()?;
    let mut font = Document::load_mem(&output.writer).ok()?;
    // Only what the trailer leads to gets new numbers.
    font.trailer.set("Font", (u32::try_from(first).ok()?, 0));
    font.renumber_objects_with(document.max_id + 1);
    document.max_id = font.max_id;
    document.objects.extend(font.objects);
    font.trailer.get(b"Font").and_then(Object::as_reference).ok()
}

/// A page as it is drawn on: upright, in points.
struct Sheet {
    geometry: Geometry,
    /// The places it has in the document, from 1.
    numbers: Vec<u32>,
    zones: Vec<(Rect, &'static str)>,
}

impl Sheet {
    fn new(geometry: &Geometry, numbers: &[u32], limits: &Limits, layout: &Layout) -> Self {
        let page = Rect { left: 0.0, top: 0.0, width: geometry.width / POINTS, height: geometry.height / POINTS };
        let zones = zones(&page, numbers, limits, layout);
        Self { geometry: *geometry, numbers: numbers.to_vec(), zones }
    }

    fn draw(&self, report: &Report, font: &str) -> String {
        let (width, height) = (self.geometry.width, self.geometry.height);
        let scale = width.min(height) / 612.0;
        let mut pen = Pen { content: String::new(), font, points: TYPE * scale, width, height, labels: Vec::new() };
        // Writing to a String cannot fail.
        let _ = writeln!(pen.content, "q {} cm 1 0 0 RG 1 0 0 rg", decimals(&inverse(&self.geometry.matrix)));
        let _ = writeln!(pen.content, "{} w [{}] 0 d", decimals(&[0.5 * scale]), decimals(&[3.0 * scale]));
        for (zone, _) in &self.zones {
            draw_rectangle(&mut pen.content, zone, height);
        }
        let _ = writeln!(pen.content, "S\n{} w [] 0 d", decimals(&[1.5 * scale]));
        let (placed, unplaced): (Vec<&Finding>, Vec<&Finding>) =
            report.findings.iter().filter(|finding| self.shows(finding)).partition(|finding| finding.area.is_some());
        for area in placed.iter().filter_map(|finding| finding.area) {
            draw_rectangle(&mut pen.content, &area, height);
        }
        pen.content.push_str("S\n");
        for (zone, label) in &self.zones {
            pen.label(zone, label);
        }
        for finding in placed {
            if let Some(area) = finding.area {
                pen.label(&area, &with_measures(finding));
            }
        }
        pen.list(&unplaced);
        pen.content.push_str("Q\n");
        pen.content
    }

    /// Whether a finding is shown on this page: those of a page on it, those of the document on the first.
    fn shows(&self, finding: &Finding) -> bool {
        self.numbers.contains(&finding.page.unwrap_or(1))
    }
}

/// The inverse of a matrix that turns, scales and moves.
fn inverse(matrix: &[f64; 6]) -> [f64; 6] {
    let [a, b, c, d, e, f] = *matrix;
    let determinant = a * d - b * c;
    [d, -b, -c, a, c * f - d * e, b * e - a * f].map(|part| part / determinant)
}

/// What must stay free on a page, and what is seen of it, with a name for each: inches from the top left.
fn zones(page: &Rect, numbers: &[u32], limits: &Limits, layout: &Layout) -> Vec<(Rect, &'static str)> {
    let size = PageSize { width: page.width, height: page.height };
    let mut zones = Vec::new();
    if let Paper::Sheets { .. } = limits.paper {
        let margin = limits.margin;
        let printable =
            Rect { left: margin, top: margin, width: page.width - 2.0 * margin, height: page.height - 2.0 * margin };
        zones.push((printable, "printable area"));
        if numbers.iter().any(|number| limits.is_front(*number)) {
            let marked = sheet_mark::zones(layout, page.width.max(page.height)).into_iter().flatten();
            zones.extend(
                marked.zip(["sheet mark", "its line"]).map(|(zone, name)| (inspect::on_page(zone, size), name)),
            );
        }
    }
    if let Some(card) = limits.paper.card().filter(|_| limits.paper.offers(size) && size.width > size.height) {
        let on_card = |area: Rect| inspect::on_card_page(area, card, size);
        let cut = Rect { left: 0.0, top: 0.0, width: card.width, height: card.height };
        zones.push((on_card(cut), "cut"));
        if numbers.contains(&2) {
            zones.push((inspect::card_zone(card, size), "keep free for the address"));
            if let Ok(bars) = address_block::place_bars(&card.layout()) {
                zones.push((on_card(address_block::with_clear_zone(&bars)), "barcode"));
            }
        }
    }
    if limits.placement == Placement::FirstPage && numbers.contains(&1) {
        // A sheet lies on the bottom of its envelope and, as far as anyone knows, in the middle.
        let at_rest = |window: &Rect| layout.seen_at(window, 0.5, 1.0);
        let [return_zone, address_zone] = inspect::clear_zones(layout);
        let mut first = vec![
            (return_zone, "keep free for the return address"),
            (address_zone, "keep free for the address"),
            (at_rest(&layout.return_window), "return address window"),
            (at_rest(&layout.recipient_window), "address window"),
            (layout.always_visible(&layout.recipient_window), "always visible"),
        ];
        if let Ok(bars) = address_block::place_bars(layout) {
            first.push((address_block::with_clear_zone(&bars), "barcode"));
        }
        zones.extend(first.into_iter().map(|(zone, name)| (inspect::on_page(zone, size), name)));
    }
    zones
}

/// The rule of a finding, with what was measured and what is allowed.
fn with_measures(finding: &Finding) -> String {
    let mut text = finding.rule.to_string();
    if let Some(measured) = &finding.measured {
        let _ = write!(text, ": {measured}");
    }
    if let Some(allowed) = &finding.allowed {
        let _ = write!(text, " (allowed: {allowed})");
    }
    text
}

/// What the font surely has a glyph for.
fn plain(text: &str) -> String {
    let plain = |character: char| if character == ' ' || character.is_ascii_graphic() { character } else { '?' };
    text.chars().map(plain).collect()
}

/// Writes on an upright page, points from the bottom left.
struct Pen<'a> {
    content: String,
    font: &'a str,
    points: f64,
    width: f64,
    height: f64,
    /// Where labels are: left, bottom, right, top.
    labels: Vec<[f64; 4]>,
}

impl Pen<'_> {
    fn text_width(&self, line: &str) -> f64 {
        FONT.width(line).unwrap_or(0.0) * self.points
    }

    /// Writes a line on white, its baseline's left end at `x`, `y`.
    fn line(&mut self, x: f64, y: f64, line: &str) {
        let deep = FONT.descent * self.points;
        let white = decimals(&[x, y - deep, self.text_width(line), LEADING * self.points]);
        // Writing to a String cannot fail.
        let _ = writeln!(
            self.content,
            "1 g {white} re f 1 0 0 rg BT {} {} Tf {} Td {} Tj ET",
            self.font,
            decimals(&[self.points]),
            decimals(&[x, y]),
            FONT.hex(line)
        );
    }

    /// Names an area: in its upper left corner, or below the names that are there already.
    fn label(&mut self, area: &Rect, text: &str) {
        let line: String = plain(text).chars().take(MAX_LABEL).collect();
        let (wide, high) = (self.text_width(&line), LEADING * self.points);
        let gap = 0.3 * self.points;
        // Within the page, wherever the area is.
        let left = (area.left * POINTS + gap).min(self.width - wide - gap).max(gap);
        let mut bottom = (self.height - area.top * POINTS - gap - high).min(self.height - gap - high).max(gap);
        let taken = |bottom: f64, label: &[f64; 4]| {
            label[0] < left + wide && label[2] > left && label[1] < bottom + high && label[3] > bottom
        };
        while bottom > high && self.labels.iter().any(|label| taken(bottom, label)) {
            bottom -= high;
        }
        self.labels.push([left, bottom, left + wide, bottom + high]);
        self.line(left, bottom + FONT.descent * self.points, &line);
    }

    /// Lists findings at the foot of the page, and below them what the lines of the drawing mean.
    fn list(&mut self, findings: &[&Finding]) {
        let left = 0.4 * self.width / 8.5;
        let room = self.width - 2.0 * left;
        let pitch = LEADING * self.points;
        let most = ((FOOT * self.height / pitch) as usize).max(3);
        let mut lines = Vec::new();
        let mut listed = 0;
        for finding in findings {
            let text = format!("{}. {}", with_measures(finding), finding.message);
            let wrapped = self.wrap(&plain(&text), room);
            if lines.len() + wrapped.len() > most {
                break;
            }
            lines.extend(wrapped);
            listed += 1;
        }
        if listed < findings.len() {
            lines.push(format!("... and {} more", findings.len() - listed));
        }
        lines.extend(self.wrap(LEGEND, room));
        for (line, above) in lines.iter().zip((0..lines.len()).rev()) {
            self.line(left, left + above as f64 * pitch, line);
        }
    }

    /// Breaks a text into lines of at most a width.
    fn wrap(&self, text: &str, width: f64) -> Vec<String> {
        let mut lines = Vec::new();
        let mut line = String::new();
        for word in text.split(' ') {
            let longer = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
            if line.is_empty() || self.text_width(&longer) <= width {
                line = longer;
            } else {
                lines.push(std::mem::replace(&mut line, word.to_owned()));
            }
        }
        lines.push(line);
        lines
    }
}
