//! What a page looks like: where there is ink on it, and a picture of it for people.
//!
//! Pages are drawn by `hayro`, which has no limit on what a stream decompresses to and none on its own time. So everything
//! here runs in the child that may die (see [`crate::isolate`]) and nowhere else, except on files that are trusted.
//!
//! A page is drawn upright, as [`crate::inspect::PageSize`] measures it: what the crop box shows of the media box, turned by
//! the page's rotation, in the page's own unit (ISO 32000-2 7.7.3.3 and 14.11.2). On it is what is printed: of annotations those
//! that are flagged for print and have an appearance.

mod printed;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hayro::hayro_interpret::{InterpreterSettings, InterpreterWarning, TransformExt};
use hayro::hayro_syntax::Pdf;
use hayro::hayro_syntax::object::{Array, Dict, Name, ObjRef, Object, Stream};
use hayro::hayro_syntax::page::{Page, Rotation};
use hayro::kurbo::Affine;
use hayro::vello_cpu::color::palette::css::WHITE;
use hayro::vello_cpu::{Pixmap, RasterizerSettings, RenderContext, Resources, TargetInit};
use hayro::{RenderCache, RenderSettings, render_into};
use serde::{Deserialize, Serialize};

use crate::content::Operators;
use crate::layout::Rect;

/// Pixels per inch at which ink is looked for. A pixel is then as large as the widest line that is invisible, and one page
/// takes a few milliseconds.
const INK_DPI: f64 = 72.0;

/// Pixels of the largest map of ink: a page that is larger than any sheet is looked at more coarsely.
const MAX_INK_PIXELS: f64 = 2e6;

/// How much darker than white a pixel is that counts as ink, of 255. An eighth: less is the haze about a letter's edge, or a
/// tint of the paper.
const INK: u8 = 32;

/// How far the channels of a coloured pixel lie apart, of 255. Less is the noise of a scanner or the warmth of a black.
const CHROMA: u8 = 32;

/// The pixels of the images on a page that is drawn: a colour scan of a Legal page at 600 dpi has 43 million, and more than
/// this would not fit the memory of the child. A pixel of four colours or more counts twice, for it is held in those and in
/// three.
pub const MAX_IMAGE_PIXELS: u64 = 50_000_000;

/// The widest picture, pixels.
pub const MAX_WIDTH: u32 = 2_000;

/// The longest side of any picture, pixels.
const MAX_SIDE: f64 = 8_000.0;

/// A document that can be drawn.
pub struct Raster {
    pdf: Pdf,
}

impl std::fmt::Debug for Raster {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Raster").field("pages", &self.pages()).finish_non_exhaustive()
    }
}

/// Why there is no picture of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ProofError {
    /// It is no PDF, or is damaged or encrypted.
    #[error("the file cannot be read; inspect it to learn why")]
    Unreadable,
    /// The document has fewer pages.
    #[error("the file has no such page; ask for one it has")]
    NoSuchPage,
    /// The page has no size, or a width of nothing was asked for.
    #[error("the page or the picture asked for has no size; inspect the file to learn which")]
    NoSize,
    /// The images of the page have more pixels than [`MAX_IMAGE_PIXELS`].
    #[error("the images of the page have too many pixels; reduce their resolution")]
    TooManyPixels,
    /// No piece can be made of it.
    #[error("no piece can be made of the file; inspect it to learn why")]
    NoPiece,
    /// Drawing it took too long or ended the child: only [`crate::isolate`] says so.
    #[error("the page cannot be drawn safely; print the document to a new PDF")]
    Hostile,
}

impl Raster {
    /// Opens a document; `None` if it cannot be read or needs a password.
    pub fn open(bytes: &[u8]) -> Option<Self> {
        Self::of(&Arc::new(bytes.to_vec()))
    }

    /// The same, of a document that it shares.
    pub(crate) fn of(bytes: &Arc<Vec<u8>>) -> Option<Self> {
        let pdf = Pdf::new(Arc::clone(bytes)).ok()?;
        let printed = printed::as_printed(&pdf).and_then(|changed| Pdf::new(changed).ok());
        // An update of a file that is damaged may lose some of it.
        let printed = printed.filter(|printed| printed.pages().len() == pdf.pages().len());
        Some(Self { pdf: printed.unwrap_or(pdf) })
    }

    /// How many pages can be drawn. A page that is named twice is drawn once, so this is fewer than what
    /// [`crate::inspect`] counts in a document whose page count it refuses.
    pub fn pages(&self) -> usize {
        self.pdf.pages().len()
    }

    /// The pixels that the images of a page declare, each counted once: those its content draws, by way of forms, and those
    /// its annotations, patterns, masks and fonts lead to. It bounds what drawing costs, but for images within the content
    /// itself. Zero if there is no such page.
    pub fn image_pixels(&self, page: usize) -> u64 {
        let Some(page) = self.pdf.pages().get(page) else { return 0 };
        let resources = page.resources();
        let mut pixels = Pixels::default();
        for kind in [&resources.patterns, &resources.ext_g_states, &resources.fonts] {
            pixels.left.push(kind.clone());
        }
        let annotations = page.raw().get::<Array<'_>>(b"Annots");
        let annotations = annotations.iter().flat_map(|array| array.iter::<Dict<'_>>());
        pixels.left.extend(annotations.filter_map(|annotation| annotation.get(b"AP")));
        pixels.drawn(page.page_stream().unwrap_or_default(), &resources.x_objects);
        pixels.count()
    }

    /// Where there is ink on a page, counted from 0. `None` if there is no such page, it has no size, or its images have more
    /// than [`MAX_IMAGE_PIXELS`].
    pub fn ink(&self, page: usize) -> Option<Ink> {
        let sheet = Sheet::of(self.pdf.pages().get(page)?)?;
        if self.image_pixels(page) > MAX_IMAGE_PIXELS {
            return None;
        }
        let dpi = sheet.dpi_within(INK_DPI, MAX_INK_PIXELS);
        let (pixmap, partial) = sheet.draw(dpi);
        Some(Ink::of(&pixmap, partial, dpi))
    }

    /// A picture of a page, as [`png()`] makes it.
    pub(crate) fn png(&self, page: usize, width: u32) -> Result<Vec<u8>, ProofError> {
        let pages = self.pdf.pages();
        let sheet = Sheet::of(pages.get(page).ok_or(ProofError::NoSuchPage)?).ok_or(ProofError::NoSize)?;
        if width == 0 {
            return Err(ProofError::NoSize);
        }
        draw(self, page, f64::from(width.min(MAX_WIDTH)) / sheet.width)?.png().ok_or(ProofError::NoSize)
    }
}

/// Adds up the pixels of images.
#[derive(Default)]
struct Pixels<'a> {
    sum: u64,
    seen: HashSet<ObjRef>,
    /// What may lead to images by any of its entries.
    left: Vec<Dict<'a>>,
    /// Forms, which lead to those that their content draws, and the XObjects of where each is drawn.
    forms: Vec<(Stream<'a>, Dict<'a>)>,
}

impl<'a> Pixels<'a> {
    /// Takes note of what content draws by name. Some writers give all pages one dictionary with the images of all of them.
    fn drawn(&mut self, content: &[u8], x_objects: &Dict<'a>) {
        let mut operators = Operators::new(content);
        while let Some(operator) = operators.next() {
            if let (b"Do", Some(name)) = (operator, operators.name()) {
                self.entry(x_objects, name, x_objects);
            }
        }
    }

    fn entry(&mut self, dictionary: &Dict<'a>, key: &[u8], x_objects: &Dict<'a>) {
        if dictionary
            .get_raw::<Object<'_>>(key)
            .and_then(|value| value.as_obj_ref())
            .is_some_and(|id| !self.seen.insert(id))
        {
            return;
        }
        match dictionary.get::<Object<'_>>(key) {
            Some(Object::Stream(stream)) => {
                let is_form =
                    has_name(stream.dict(), b"Subtype", b"Form") || stream.dict().contains_key(b"PatternType");
                if is_form {
                    self.forms.push((stream, x_objects.clone()));
                } else {
                    self.left.push(stream.dict().clone());
                }
            }
            Some(Object::Dict(inner)) => self.left.push(inner),
            _ => {}
        }
    }

    fn count(mut self) -> u64 {
        let nothing = Dict::empty();
        loop {
            if let Some(dictionary) = self.left.pop() {
                if has_name(&dictionary, b"Subtype", b"Image") {
                    let side = |key: &[u8]| u64::from(dictionary.get::<u32>(key).unwrap_or(0));
                    let pixels = side(b"Width").saturating_mul(side(b"Height"));
                    let times = if has_many_colours(&dictionary) { 2 } else { 1 };
                    self.sum = self.sum.saturating_add(pixels.saturating_mul(times));
                }
                for (key, _) in dictionary.entries() {
                    self.entry(&dictionary, &key, &nothing);
                }
            } else if let Some((form, x_objects)) = self.forms.pop() {
                let own = form.dict().get::<Dict<'_>>(b"Resources");
                let kinds: [&[u8]; 3] = [b"Pattern", b"ExtGState", b"Font"];
                self.left.extend(kinds.iter().filter_map(|kind| own.as_ref()?.get::<Dict<'_>>(*kind)));
                let x_objects = own.map_or(x_objects, |own| own.get(b"XObject").unwrap_or_default());
                self.drawn(&form.decoded().unwrap_or_default(), &x_objects);
            } else {
                return self.sum;
            }
        }
    }
}

/// Whether an image has four colours or more (ISO 32000-2 8.6).
fn has_many_colours(image: &Dict<'_>) -> bool {
    const FEW: u32 = 3;
    if has_name(image, b"ColorSpace", b"DeviceCMYK") {
        return true;
    }
    let Some(space) = image.get::<Array<'_>>(b"ColorSpace") else { return false };
    let mut parts = space.flex_iter();
    match parts.next::<Name<'_>>().as_deref() {
        Some(b"ICCBased") => {
            parts.next::<Stream<'_>>().and_then(|profile| profile.dict().get::<u32>(b"N")).is_some_and(|n| n > FEW)
        }
        Some(b"DeviceN") => {
            parts.next::<Array<'_>>().is_some_and(|names| names.iter::<Name<'_>>().count() > FEW as usize)
        }
        _ => false,
    }
}

fn has_name(dictionary: &Dict<'_>, key: &[u8], expected: &[u8]) -> bool {
    dictionary.get::<Name<'_>>(key).is_some_and(|name| name.as_ref() == expected)
}

/// A page as it lies before the reader.
struct Sheet<'a> {
    page: &'a Page<'a>,
    /// Width of the upright page, inches.
    width: f64,
    /// Height of the upright page, inches.
    height: f64,
    /// The page's own unit, inches.
    unit: f64,
}

impl<'a> Sheet<'a> {
    fn of(page: &'a Page<'a>) -> Option<Self> {
        let seen = page.intersected_crop_box();
        let unit = page.raw().get::<f64>(b"UserUnit").unwrap_or(1.0) / 72.0;
        let (mut width, mut height) = (seen.width() * unit, seen.height() * unit);
        // What draws the page takes sides under one unit for one.
        if !(seen.width() >= 1.0 && seen.height() >= 1.0 && unit > 0.0 && width.is_finite() && height.is_finite()) {
            return None;
        }
        if matches!(page.rotation(), Rotation::Horizontal | Rotation::FlippedHorizontal) {
            (width, height) = (height, width);
        }
        Some(Self { page, width, height, unit })
    }

    /// `dpi`, or less if the picture would have more than `most` pixels or too long a side.
    fn dpi_within(&self, dpi: f64, most: f64) -> f64 {
        dpi.min((most / (self.width * self.height)).sqrt()).min(MAX_SIDE / self.width.max(self.height))
    }

    /// A picture of it, and whether an image that cannot be read was left out.
    fn draw(&self, dpi: f64) -> (Pixmap, bool) {
        // At most MAX_SIDE.
        let pixels = |inches: f64| ((inches * dpi - 1e-6).ceil() as u16).max(1);
        let mut context = RenderContext::new(pixels(self.width), pixels(self.height));
        let transform = Affine::scale(dpi * self.unit) * self.page.initial_transform(true).to_kurbo();
        // Nothing is kept from one page to the next: what is kept grows with the document and cannot be emptied.
        let cache = RenderCache::new();
        let partial = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&partial);
        let warning_sink = Arc::new(move |warning| {
            if matches!(warning, InterpreterWarning::ImageDecodeFailure) {
                seen.store(true, Ordering::Relaxed);
            }
        });
        let settings = InterpreterSettings { warning_sink, ..InterpreterSettings::default() };
        let rendering = RenderSettings::default();
        render_into(self.page, &cache, &settings, &rendering, &mut context, transform);
        context.flush();
        let mut pixmap = Pixmap::new(context.width(), context.height());
        let paper = RasterizerSettings { target_init: TargetInit::Clear(WHITE), ..RasterizerSettings::default() };
        context.render_with(&mut pixmap, &mut Resources::default(), paper);
        (pixmap, partial.load(Ordering::Relaxed))
    }
}

/// Where there is ink on an upright page: a map in black and white.
#[derive(Debug, Clone, PartialEq)]
pub struct Ink {
    /// Whether anything on the page is neither white, grey nor black.
    pub coloured: bool,
    /// Whether an image of the page could not be read: there is ink where the map shows none.
    pub partial: bool,
    /// Pixels per inch of the map.
    pub dpi: f64,
    width: usize,
    ink: Vec<bool>,
}

impl Ink {
    fn of(pixmap: &Pixmap, partial: bool, dpi: f64) -> Self {
        let mut coloured = false;
        let ink = |pixel: &[u8; 4]| {
            let [red, green, blue, _] = *pixel;
            let (least, most) = (red.min(green).min(blue), red.max(green).max(blue));
            coloured |= most - least > CHROMA;
            255 - least >= INK
        };
        let ink = pixmap.data_as_u8_slice().as_chunks().0.iter().map(ink).collect();
        Self { coloured, partial, dpi, width: usize::from(pixmap.width()), ink }
    }

    /// Whether nothing is on the page.
    pub fn is_blank(&self) -> bool {
        !self.ink.contains(&true)
    }

    /// The least rectangle around the ink inside `area`, inches from the top left of the upright page. Ink is where the middle
    /// of a pixel is, so the result is exact to half a pixel.
    pub fn within(&self, area: &Rect) -> Option<Rect> {
        let (columns, rows) = self.pixels(area);
        let mut bounds = Bounds::default();
        for row in rows {
            bounds.add(row, columns.start, &self.row(row)[columns.clone()]);
        }
        bounds.rectangle(self.dpi)
    }

    /// The least rectangle around the ink outside `area`, as [`Ink::within`] measures.
    pub fn outside(&self, area: &Rect) -> Option<Rect> {
        let (columns, rows) = self.pixels(area);
        let mut bounds = Bounds::default();
        for row in 0..self.ink.len() / self.width {
            let pixels = self.row(row);
            if rows.contains(&row) {
                bounds.add(row, 0, &pixels[..columns.start]);
                bounds.add(row, columns.end, &pixels[columns.end..]);
            } else {
                bounds.add(row, 0, pixels);
            }
        }
        bounds.rectangle(self.dpi)
    }

    fn row(&self, row: usize) -> &[bool] {
        &self.ink[row * self.width..(row + 1) * self.width]
    }

    /// The columns and rows of pixels whose middle is in an area.
    fn pixels(&self, area: &Rect) -> (std::ops::Range<usize>, std::ops::Range<usize>) {
        let range = |from: f64, to: f64, most: usize| {
            // What is out of range for a number of pixels is cut off by the conversion.
            let [from, to] = [from, to].map(|inches| ((inches * self.dpi - 0.5).ceil() as usize).min(most));
            from..to.max(from)
        };
        let rows = self.ink.len() / self.width;
        (range(area.left, area.right(), self.width), range(area.top, area.bottom(), rows))
    }
}

/// The pixels around some others: left, top, right, bottom, the last two exclusive.
#[derive(Default)]
struct Bounds(Option<[usize; 4]>);

impl Bounds {
    fn add(&mut self, row: usize, first_column: usize, pixels: &[bool]) {
        let Some(first) = pixels.iter().position(|ink| *ink) else { return };
        let last = pixels.iter().rposition(|ink| *ink).unwrap_or(first);
        let [left, top, right, bottom] = self.0.unwrap_or([usize::MAX, row, 0, row]);
        let (first, last) = (first_column + first, first_column + last);
        self.0 = Some([left.min(first), top.min(row), right.max(last + 1), bottom.max(row + 1)]);
    }

    fn rectangle(&self, dpi: f64) -> Option<Rect> {
        let [left, top, right, bottom] = self.0?.map(|pixels| pixels as f64 / dpi);
        Some(Rect { left, top, width: right - left, height: bottom - top })
    }
}

/// A picture of a page, counted from 0, as PNG: grey if nothing on the page is coloured, else RGB. It is `width` pixels wide,
/// at most [`MAX_WIDTH`], and less if the page is so long that its height would pass 8,000. A proof is wide, a thumbnail is
/// not; they are otherwise the same.
///
/// # Errors
/// The document or the page cannot be drawn.
pub fn png(bytes: &[u8], page: usize, width: u32) -> Result<Vec<u8>, ProofError> {
    Raster::open(bytes).ok_or(ProofError::Unreadable)?.png(page, width)
}

/// A page as it is drawn: pixels in rows from the top left.
pub(crate) struct Drawn {
    pub(crate) width: usize,
    /// Red, green, blue and one that says nothing.
    pub(crate) pixels: Vec<[u8; 4]>,
}

impl Drawn {
    /// The same turned clockwise by so many quarters.
    pub(crate) fn turned(self, quarters: u32) -> Self {
        (0..quarters % 4).fold(self, |drawn, _| {
            let (width, height) = (drawn.width, drawn.height());
            let at = |row: usize, column: usize| drawn.pixels[row * width + column];
            let pixels = (0..width).flat_map(|row| (0..height).map(move |column| (row, column)));
            let pixels = pixels.map(|(row, column)| at(height - 1 - column, row)).collect();
            Drawn { width: height, pixels }
        })
    }

    pub(crate) fn height(&self) -> usize {
        self.pixels.len() / self.width.max(1)
    }

    /// As PNG.
    pub(crate) fn png(&self) -> Option<Vec<u8>> {
        encode(&self.pixels, u32::try_from(self.width).ok()?, u32::try_from(self.height()).ok()?)
    }
}

/// Draws a page, counted from 0, at so many dots to the inch, or at fewer if its sides are long.
pub(crate) fn draw(raster: &Raster, page: usize, dpi: f64) -> Result<Drawn, ProofError> {
    let pages = raster.pdf.pages();
    let sheet = Sheet::of(pages.get(page).ok_or(ProofError::NoSuchPage)?).ok_or(ProofError::NoSize)?;
    if raster.image_pixels(page) > MAX_IMAGE_PIXELS {
        return Err(ProofError::TooManyPixels);
    }
    let (pixmap, _) = sheet.draw(sheet.dpi_within(dpi, f64::INFINITY));
    let pixels = pixmap.data_as_u8_slice().as_chunks::<4>().0.to_vec();
    Ok(Drawn { width: usize::from(pixmap.width()), pixels })
}

fn encode(pixels: &[[u8; 4]], width: u32, height: u32) -> Option<Vec<u8>> {
    let grey = pixels.iter().all(|[red, green, blue, _]| red == green && green == blue);
    let samples: Vec<u8> = if grey {
        pixels.iter().map(|[grey, ..]| *grey).collect()
    } else {
        pixels.iter().flat_map(|[red, green, blue, _]| [*red, *green, *blue]).collect()
    };
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(if grey { png::ColorType::Grayscale } else { png::ColorType::Rgb });
    let mut writer = encoder.write_header().ok()?;
    writer.write_image_data(&samples).ok()?;
    writer.finish().ok()?;
    Some(bytes)
}
