//! What a page paints, as far as it can be told without painting it: in which fonts, which images, in colour or not, and
//! what is transparent or invisible.
//!
//! Forms, patterns and appearances are followed where they are used. What that may cost is bounded in all: see [`WORK`].

use std::cell::Cell;
use std::collections::BTreeMap;

use lopdf::{Dictionary, Document, Object, ObjectId, Stream};

use super::colour::Space;
use super::cost::{Cost, Path};
use super::fonts::Fonts;
use super::images::{self, Images};
use crate::content::{InlineImage, Operand, Operators};
use crate::document::{self, Geometry, Page};

/// Bytes of content that are looked at in one document, again for each time they are used.
const WORK: u64 = 256 << 20;

/// What using a form costs on top of its bytes, in bytes.
const FORM_WORK: u64 = 4 << 10;

/// Bytes of content that are held at once, while forms lie in each other.
const HELD: u64 = 64 << 20;

/// How deep forms may lie in each other. Real ones are under ten.
const MAX_DEPTH: usize = 32;

/// How many graphics states may be saved at once. Some writers save one for each line and restore none.
const MAX_SAVED: usize = 10_000;

/// More is drawn than a document may.
#[derive(Debug)]
pub(super) struct TooComplex;

/// What one page paints.
#[derive(Debug, Default)]
pub(super) struct Painted {
    /// Anything at all, perhaps in white.
    pub(super) marks: bool,
    /// Something in a colour that may be neither black nor grey.
    pub(super) coloured: bool,
    /// Something that lets through what is below.
    pub(super) transparency: bool,
    /// Text that is there to be seen.
    pub(super) text: bool,
    /// Text that is there to be searched and not to be seen.
    pub(super) invisible_text: bool,
    /// An image that covers most of the page.
    pub(super) scan: bool,
    /// Something that takes what it is drawn with from where it is used, and would be printed without.
    pub(super) strays: bool,
    /// A form that does not say how large it is: some readers draw it, and some do not.
    pub(super) unbounded: bool,
    /// What it costs to draw.
    pub(super) cost: Cost,
}

/// What is painted with.
#[derive(Debug, Clone, Copy)]
struct Colour {
    space: Space,
    coloured: bool,
}

const BLACK: Colour = Colour { space: Space::Gray, coloured: false };

/// The font that text is in.
#[derive(Debug, Clone, Copy)]
enum Face<'a> {
    /// None was chosen, so that nobody shows the text.
    None,
    /// One that the resources do not have, so that each reader shows the text in one of its own.
    Missing,
    Known(Font<'a>),
}

/// A font, and where its glyphs take what they are drawn with.
#[derive(Debug, Clone, Copy)]
struct Font<'a> {
    dictionary: &'a Dictionary,
    lender: Lender,
}

/// Who gives something its resources that has none of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lender {
    /// The page, as ISO 32000-2 7.8.3 says.
    Page,
    /// Something on the page, as readers do it who are kind. What is printed is then not drawn with the same.
    Other,
}

/// The part of the graphics state that matters here (ISO 32000-2 8.4).
#[derive(Debug, Clone, Copy)]
struct State<'a> {
    /// To points of the upright page.
    matrix: [f64; 6],
    /// That of the content stream this is in, which patterns start from.
    base: [f64; 6],
    fill: Colour,
    stroke: Colour,
    mode: i64,
    font: Face<'a>,
    /// How long a dash and the gap after it are, points of the page.
    dashes: Option<f64>,
}

impl State<'_> {
    fn at(matrix: [f64; 6]) -> Self {
        Self { matrix, base: matrix, fill: BLACK, stroke: BLACK, mode: 0, font: Face::None, dashes: None }
    }
}

/// Looks at the pages of one document.
#[derive(Debug)]
pub(super) struct Painter<'a> {
    document: &'a Document,
    pub(super) fonts: Fonts,
    pub(super) images: Images,
    left: u64,
    held: u64,
    /// The forms and patterns that are being looked at, one in the other.
    open: Vec<ObjectId>,
    /// Whether the patterns that were looked at are coloured.
    patterns: BTreeMap<ObjectId, bool>,
    /// Whether the content is that of glyphs, which are not placed as they will be.
    in_glyphs: bool,
    /// The resources of the page, and who gives what is drawn its own.
    resources: Option<&'a Dictionary>,
    lender: Lender,
    strays: Cell<bool>,
    number: u32,
    size: (f64, f64),
    page: Painted,
}

impl<'a> Painter<'a> {
    pub(super) fn new(document: &'a Document) -> Self {
        Self {
            document,
            fonts: Fonts::default(),
            images: Images::default(),
            left: WORK,
            held: 0,
            open: Vec::new(),
            patterns: BTreeMap::new(),
            in_glyphs: false,
            resources: None,
            lender: Lender::Page,
            strays: Cell::new(false),
            number: 0,
            size: (0.0, 0.0),
            page: Painted::default(),
        }
    }

    /// Looks at a page with its number, its content and the annotations that are printed.
    pub(super) fn page(
        &mut self,
        page: &Page<'a>,
        number: u32,
        geometry: &Geometry,
        content: &[u8],
    ) -> Result<Painted, TooComplex> {
        (self.number, self.size, self.page) = (number, (geometry.width, geometry.height), Painted::default());
        self.open.clear();
        self.held = 0;
        let resources = page.resources.and_then(document::dictionary_of);
        (self.resources, self.lender) = (resources, Lender::Page);
        self.strays.set(false);
        self.run(content, resources, State::at(geometry.matrix))?;
        for annotation in document::annotations(self.document, page) {
            let placed = document::place_appearance(self.document, &annotation);
            if let (Some(placed), Some((id, form))) = (placed, annotation.appearance) {
                let state = State::at(multiply(&placed.matrix, &geometry.matrix));
                self.form(id, form, (resources, Lender::Page), state)?;
            }
        }
        self.page.strays = self.strays.get();
        Ok(std::mem::take(&mut self.page))
    }

    /// Who lends to what is used in content with these resources.
    fn lender(&self, resources: Option<&Dictionary>) -> Lender {
        match resources.map(std::ptr::from_ref) == self.resources.map(std::ptr::from_ref) {
            true => Lender::Page,
            false => Lender::Other,
        }
    }

    /// A font by its dictionary, used in content with these resources.
    fn face(&self, resources: Option<&'a Dictionary>, font: Option<&'a Object>) -> Face<'a> {
        let Some(Object::Dictionary(dictionary)) = font.map(|font| document::resolve(self.document, font)) else {
            return Face::Missing;
        };
        // To one that is no object nothing is lent.
        let is_object = matches!(font, Some(Object::Reference(_)));
        let lender = if is_object { self.lender(resources) } else { Lender::Other };
        Face::Known(Font { dictionary, lender })
    }

    fn run(
        &mut self,
        content: &[u8],
        resources: Option<&'a Dictionary>,
        mut state: State<'a>,
    ) -> Result<(), TooComplex> {
        self.left = self.left.checked_sub(content.len() as u64).ok_or(TooComplex)?;
        self.page.cost.content(content.len());
        let mut path = Path::default();
        let mut saved = Vec::new();
        let mut operators = Operators::new(content);
        while let Some(operator) = operators.next() {
            match operator {
                b"q" if saved.len() == MAX_SAVED => return Err(TooComplex),
                b"q" => saved.push(state),
                b"Q" => state = saved.pop().unwrap_or(state),
                b"cm" => {
                    if let Some(matrix) = operators.numbers() {
                        state.matrix = multiply(&matrix, &state.matrix);
                    }
                }
                b"gs" => {
                    if let Some(Object::Dictionary(settings)) = self.resource(resources, b"ExtGState", operators.name())
                    {
                        self.settings(settings, resources, &mut state);
                    }
                }
                b"Tf" => {
                    let name = operators.operands().iter().rev().nth(1).and_then(|operand| match operand {
                        Operand::Name(name) => Some(&**name),
                        _ => None,
                    });
                    state.font = self.face(resources, self.named(resources, b"Font", name));
                }
                b"Tr" => state.mode = operators.numbers().map_or(state.mode, |[mode]| mode as i64),
                b"Tj" | b"TJ" | b"'" | b"\"" => {
                    let bytes = operators.text();
                    if bytes > 0 {
                        self.page.cost.text(bytes);
                        self.text(&state, operators.has_letters())?;
                    }
                }
                b"m" | b"l" | b"c" | b"v" | b"y" | b"re" => extend(&mut path, operator, &operators, &state.matrix),
                b"W" | b"W*" => self.page.cost.path(&path, 1),
                b"n" => path = Path::default(),
                b"f" | b"F" | b"f*" => {
                    self.fill(&std::mem::take(&mut path), &state);
                    self.paint(state.fill.coloured);
                }
                b"S" | b"s" => {
                    self.stroke(&std::mem::take(&mut path), &state);
                    self.paint(state.stroke.coloured);
                }
                b"B" | b"B*" | b"b" | b"b*" => {
                    self.fill(&path, &state);
                    self.stroke(&std::mem::take(&mut path), &state);
                    self.paint(state.fill.coloured || state.stroke.coloured);
                }
                b"d" => {
                    // The array is kept as what it adds up to.
                    state.dashes = operators.sum().map(|period| period * scale(&state.matrix));
                }
                b"sh" => {
                    let shading = self.resource(resources, b"Shading", operators.name());
                    let coloured = self.shading(shading);
                    self.paint(coloured);
                }
                b"BI" => {
                    let image = InlineImage::of(operators.operands());
                    let space = match image.space {
                        Some(name) => self.space(resources, name),
                        None => Space::Other,
                    };
                    let coloured = if image.mask { state.fill.coloured } else { space != Space::Gray };
                    self.image(None, image.width, image.height, coloured, &state);
                }
                b"Do" => self.external(resources, operators.name(), &state)?,
                _ => self.set_colour(operator, &operators, resources, &mut state)?,
            }
        }
        Ok(())
    }

    /// A named resource of a kind, with references followed.
    fn resource(&self, resources: Option<&'a Dictionary>, kind: &[u8], name: Option<&[u8]>) -> Option<&'a Object> {
        Some(document::resolve(self.document, self.named(resources, kind, name)?))
    }

    /// A named resource of a kind as it is in the dictionary.
    fn named(&self, resources: Option<&'a Dictionary>, kind: &[u8], name: Option<&[u8]>) -> Option<&'a Object> {
        let resources = document::dictionary_of(document::lookup(self.document, resources?, kind)?)?;
        let named = resources.get(name?).ok()?;
        self.strays.set(self.strays.get() || self.lender == Lender::Other);
        Some(named)
    }

    fn space(&self, resources: Option<&'a Dictionary>, name: &[u8]) -> Space {
        Space::by_name(name).unwrap_or_else(|| {
            let object = self.named(resources, b"ColorSpace", Some(name));
            object.map_or(Space::Other, |object| Space::of(self.document, object))
        })
    }

    fn paint(&mut self, coloured: bool) {
        self.page.marks = true;
        self.page.coloured |= coloured;
    }

    /// Text is shown, which has something else than spaces in it or not.
    fn text(&mut self, state: &State<'a>, letters: bool) -> Result<(), TooComplex> {
        let (fills, strokes) = (matches!(state.mode, 0 | 2 | 4 | 6), matches!(state.mode, 1 | 2 | 5 | 6));
        if !fills && !strokes {
            // Text that only clips what is painted after it is seen by that.
            self.page.invisible_text |= state.mode != 7 && letters;
            return Ok(());
        }
        self.page.text |= letters;
        self.paint(fills && state.fill.coloured || strokes && state.stroke.coloured);
        match state.font {
            // Nobody sees which font blanks are in. Of those with codes of several bytes it is not known that they are blanks.
            Face::Known(font) if !letters && !is_composite(self.document, font.dictionary) => {}
            Face::Known(font) if self.fonts.note(self.document, font.dictionary, self.number) => {
                self.glyphs(font, state)?
            }
            Face::Missing if letters => self.fonts.note_missing(self.number),
            Face::Known(_) | Face::Missing | Face::None => {}
        }
        Ok(())
    }

    /// Looks at the glyphs of a font whose glyphs are content (ISO 32000-2 9.6.4).
    fn glyphs(&mut self, font: Font<'a>, state: &State<'a>) -> Result<(), TooComplex> {
        let within =
            |key: &[u8]| document::lookup(self.document, font.dictionary, key).and_then(document::dictionary_of);
        let Some(glyphs) = within(b"CharProcs") else { return Ok(()) };
        let lent = match within(b"Resources") {
            // They are given them with the font.
            Some(resources) => (Some(resources), Lender::Page),
            None => (self.resources, font.lender),
        };
        let outer = std::mem::replace(&mut self.in_glyphs, true);
        for (_, named) in glyphs.iter() {
            if let (Ok(id), Object::Stream(glyph)) = (named.as_reference(), document::resolve(self.document, named)) {
                let state = State { mode: 0, font: Face::None, ..*state };
                self.form(id, glyph, lent, state)?;
            }
        }
        self.in_glyphs = outer;
        Ok(())
    }

    /// What a dictionary of graphics state parameters sets (ISO 32000-2 8.4.5).
    fn settings(&mut self, settings: &'a Dictionary, resources: Option<&'a Dictionary>, state: &mut State<'a>) {
        let get = |key: &[u8]| document::lookup(self.document, settings, key);
        let see_through = |key: &[u8]| get(key).and_then(document::number).is_some_and(|opacity| opacity < 1.0);
        let mode = match get(b"BM") {
            Some(Object::Array(modes)) => modes.first().map(|mode| document::resolve(self.document, mode)),
            mode => mode,
        };
        let blends =
            mode.and_then(|mode| mode.as_name().ok()).is_some_and(|mode| !matches!(mode, b"Normal" | b"Compatible"));
        let masked = matches!(get(b"SMask"), Some(Object::Dictionary(_)));
        self.page.transparency |= see_through(b"ca") || see_through(b"CA") || blends || masked;
        if masked {
            self.page.cost.layer();
        }
        if let Some(Object::Array(font)) = get(b"Font") {
            state.font = self.face(resources, font.first());
        }
    }

    fn set_colour(
        &mut self,
        operator: &[u8],
        operators: &Operators<'_>,
        resources: Option<&'a Dictionary>,
        state: &mut State<'a>,
    ) -> Result<(), TooComplex> {
        let fills = operator.first().is_some_and(u8::is_ascii_lowercase);
        let colour = if fills { &mut state.fill } else { &mut state.stroke };
        let device = match operator {
            b"g" | b"G" => Space::Gray,
            b"rg" | b"RG" => Space::Rgb,
            b"k" | b"K" => Space::Cmyk,
            b"cs" | b"CS" => {
                let space = operators.name().map_or(Space::Other, |name| self.space(resources, name));
                // The first colour of a space is black, but in one of inks it is all of them.
                *colour = Colour { space, coloured: space == Space::Inks };
                return Ok(());
            }
            b"sc" | b"SC" | b"scn" | b"SCN" => colour.space,
            _ => return Ok(()),
        };
        if let (Space::Pattern, Some(name)) = (device, operators.name()) {
            let components = operators.operands().len() > 1;
            let base = state.base;
            let coloured = self.pattern(resources, name, base)? || components;
            let colour = if fills { &mut state.fill } else { &mut state.stroke };
            colour.coloured = coloured;
            return Ok(());
        }
        let mut components = [0.0; 32];
        let mut count = 0;
        for (component, operand) in components.iter_mut().zip(operators.operands()) {
            if let Operand::Number(value) = operand {
                *component = *value;
                count += 1;
            }
        }
        *colour = Colour { space: device, coloured: device.is_coloured(&components[..count]) };
        Ok(())
    }

    /// Whether a pattern has colour of its own.
    fn pattern(&mut self, resources: Option<&'a Dictionary>, name: &[u8], base: [f64; 6]) -> Result<bool, TooComplex> {
        let Some(named) = self.named(resources, b"Pattern", Some(name)) else { return Ok(false) };
        match document::resolve(self.document, named) {
            Object::Stream(tile) => {
                let id = named.as_reference().unwrap_or_default();
                if let Some(coloured) = self.patterns.get(&id) {
                    return Ok(*coloured);
                }
                // What it paints counts as painted on the page, so what the page had of colour is put aside.
                let before = std::mem::take(&mut self.page.coloured);
                self.form(id, tile, (resources, Lender::Other), State::at(base))?;
                let coloured = std::mem::replace(&mut self.page.coloured, before);
                self.patterns.insert(id, coloured);
                Ok(coloured)
            }
            Object::Dictionary(pattern) => {
                let shading = document::lookup(self.document, pattern, b"Shading");
                Ok(self.shading(shading))
            }
            _ => Ok(false),
        }
    }

    /// Counts what a shading costs over the whole page, and says whether it is coloured (ISO 32000-2 8.7.4.5).
    fn shading(&mut self, shading: Option<&Object>) -> bool {
        let Some(shading) = shading else { return false };
        let length = |object: &Object| object.as_stream().map_or(0, |stream| stream.content.len());
        let Some(dictionary) = document::dictionary_of(shading) else { return false };
        let functions: usize = match document::lookup(self.document, dictionary, b"Function") {
            Some(Object::Array(functions)) => {
                functions.iter().map(|function| length(document::resolve(self.document, function))).sum()
            }
            Some(function) => length(function),
            None => 0,
        };
        match document::lookup(self.document, dictionary, b"ShadingType").and_then(|kind| kind.as_i64().ok()) {
            Some(1) => self.page.cost.function(functions + 20),
            Some(2 | 3) => self.page.cost.gradient(),
            _ => self.page.cost.mesh(length(shading)),
        }
        dictionary.get(b"ColorSpace").is_ok_and(|space| Space::of(self.document, space) != Space::Gray)
    }

    fn fill(&mut self, path: &Path, state: &State<'_>) {
        self.page.cost.path(path, 1);
        if state.fill.space == Space::Pattern {
            self.page.cost.tiles();
        }
    }

    fn stroke(&mut self, path: &Path, state: &State<'_>) {
        // Both sides of a stroke are drawn.
        self.page.cost.path(path, 2);
        if let Some(period) = state.dashes {
            self.page.cost.dashes(path, period);
        }
    }

    /// An image or a form by its name.
    fn external(
        &mut self,
        resources: Option<&'a Dictionary>,
        name: Option<&[u8]>,
        state: &State<'a>,
    ) -> Result<(), TooComplex> {
        let Some(named) = self.named(resources, b"XObject", name) else { return Ok(()) };
        let Object::Stream(stream) = document::resolve(self.document, named) else { return Ok(()) };
        let id = named.as_reference().unwrap_or_default();
        let get = |key: &[u8]| document::lookup(self.document, &stream.dict, key);
        match get(b"Subtype").and_then(|subtype| subtype.as_name().ok()) {
            Some(b"Form") => {
                self.page.unbounded |= get(b"BBox").is_none();
                self.form(id, stream, (resources, self.lender(resources)), *state)?;
            }
            Some(b"Image") => {
                let side = |key: &[u8]| {
                    get(key).and_then(|side| side.as_i64().ok()).and_then(|side| u32::try_from(side).ok()).unwrap_or(0)
                };
                let is_mask = matches!(get(b"ImageMask"), Some(Object::Boolean(true)));
                let coloured = match stream.dict.get(b"ColorSpace") {
                    _ if is_mask => state.fill.coloured,
                    Ok(Object::Name(space)) => self.space(resources, space) != Space::Gray,
                    Ok(space) => Space::of(self.document, space) != Space::Gray,
                    Err(_) => true,
                };
                self.page.transparency |= get(b"SMask").is_some();
                let filters = stream.filters().unwrap_or_default();
                let components = match get(b"ColorSpace") {
                    _ if is_mask || !coloured => 1,
                    Some(Object::Name(space)) if space == b"DeviceRGB" => 3,
                    Some(Object::Array(_)) => 3,
                    _ => 4,
                };
                let samples = u64::from(side(b"Width")).saturating_mul(u64::from(side(b"Height")));
                self.page.cost.image(samples, components, filters.contains(&&b"JPXDecode"[..]));
                self.image(Some(id), side(b"Width"), side(b"Height"), coloured, state);
            }
            _ => {}
        }
        Ok(())
    }

    fn image(&mut self, id: Option<ObjectId>, width: u32, height: u32, coloured: bool, state: &State<'_>) {
        self.paint(coloured);
        if self.in_glyphs {
            return;
        }
        if let Some(image) = images::place(self.number, self.size, &state.matrix, width, height) {
            let covered = 72.0 * 72.0 * image.area.width * image.area.height;
            self.page.scan |= covered > self.size.0 * self.size.1 / 2.0;
            self.images.note(id, image);
        }
    }

    /// A form, a tile of a pattern or a glyph, whose resources are those it is lent if it has none (ISO 32000-2 8.10).
    fn form(
        &mut self,
        id: ObjectId,
        form: &'a Stream,
        (lent, lender): (Option<&'a Dictionary>, Lender),
        mut state: State<'a>,
    ) -> Result<(), TooComplex> {
        if self.open.contains(&id) || self.open.len() == MAX_DEPTH {
            return Err(TooComplex);
        }
        self.left = self.left.checked_sub(FORM_WORK).ok_or(TooComplex)?;
        let content = match document::decode(self.document, form, self.left.min(HELD - self.held)) {
            Ok(content) => content,
            Err(lopdf::Error::Decompress(lopdf::DecompressError::MemoryLimitExceeded { .. })) => {
                return Err(TooComplex);
            }
            // That it is damaged is found where all streams are read.
            Err(_) => return Ok(()),
        };
        if let Some(matrix) = document::lookup(self.document, &form.dict, b"Matrix")
            && let Some(matrix) = document::numbers(self.document, matrix)
        {
            state.matrix = multiply(&matrix, &state.matrix);
        }
        state.base = state.matrix;
        let own = document::lookup(self.document, &form.dict, b"Resources").and_then(document::dictionary_of);
        if form.dict.has(b"Group") {
            self.page.cost.layer();
        }
        self.open.push(id);
        self.held += content.len() as u64;
        let outer = std::mem::replace(&mut self.lender, if own.is_some() { Lender::Page } else { lender });
        self.run(&content, own.or(lent), state)?;
        self.lender = outer;
        self.held -= content.len() as u64;
        self.open.pop();
        Ok(())
    }
}

/// Whether the codes of a font's text may have several bytes (ISO 32000-2 9.7).
fn is_composite(document: &Document, font: &Dictionary) -> bool {
    document::lookup(document, font, b"Subtype").is_none_or(|kind| kind.as_name().is_ok_and(|kind| kind == b"Type0"))
}

/// First `first`, then `then` (ISO 32000-2 8.3.4).
fn multiply(first: &[f64; 6], then: &[f64; 6]) -> [f64; 6] {
    let [a, b, c, d, e, f] = *first;
    let [g, h, i, j, k, l] = *then;
    [a * g + b * i, a * h + b * j, c * g + d * i, c * h + d * j, e * g + f * i + k, e * h + f * j + l]
}

/// Goes on with a path by an operator that constructs one (ISO 32000-2 8.5.2).
fn extend(path: &mut Path, operator: &[u8], operators: &Operators<'_>, matrix: &[f64; 6]) {
    let [a, b, c, d, e, f] = *matrix;
    let at = |x: f64, y: f64| (a * x + c * y + e, b * x + d * y + f);
    let mut line = |x: f64, y: f64| {
        let (x, y) = at(x, y);
        path.line_to(x, y);
    };
    match operator {
        b"re" => {
            if let Some([x, y, width, height]) = operators.numbers() {
                let (start_x, start_y) = at(x, y);
                path.move_to(start_x, start_y);
                let mut line = |x: f64, y: f64| {
                    let (x, y) = at(x, y);
                    path.line_to(x, y);
                };
                line(x + width, y);
                line(x + width, y + height);
                line(x, y + height);
                line(x, y);
            }
        }
        b"m" => {
            if let Some([x, y]) = operators.numbers() {
                let (x, y) = at(x, y);
                path.move_to(x, y);
            }
        }
        b"l" => {
            if let Some([x, y]) = operators.numbers() {
                line(x, y);
            }
        }
        b"c" => {
            if let Some([x1, y1, x2, y2, x3, y3]) = operators.numbers() {
                line(x1, y1);
                line(x2, y2);
                line(x3, y3);
            }
        }
        _ => {
            if let Some([x1, y1, x2, y2]) = operators.numbers() {
                line(x1, y1);
                line(x2, y2);
            }
        }
    }
}

/// How much longer a matrix makes what is drawn, at the least.
fn scale(matrix: &[f64; 6]) -> f64 {
    let [a, b, c, d, ..] = *matrix;
    a.hypot(b).min(c.hypot(d))
}
