//! Reads a PDF for both sides of this crate: loads it, walks its page tree, and says how each page lies on its sheet.

use std::collections::HashSet;

use lopdf::{Dictionary, Document, LoadOptions, Object, ObjectId, Stream};

/// Stack for the parser, bytes. Indirect lengths recurse in it; 64 MiB is some ten thousand links deep.
const STACK: usize = 64 << 20;

/// How deep a page tree may be. Real ones are under ten.
const MAX_TREE_DEPTH: usize = 200;

/// How many references are followed from one object to the next before it is taken as missing.
const MAX_HOPS: usize = 32;

/// Runs what reads documents that passed inspection where the parser has room to recurse: in a thread with twice the stack
/// that inspection had, so that what was parsed there is parsed here too. `None` if it panicked, where
/// panics unwind, or there is no such thread.
pub fn on_large_stack<R: Send>(work: impl FnOnce() -> R + Send) -> Option<R> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(2 * STACK).spawn_scoped(scope, work).ok()?;
        thread.join().ok()
    })
}

/// Runs what reads a document that nobody has looked at yet, in a thread with a stack of 64 MiB. `None` if it panicked
/// where panics unwind; where they abort, it does not return.
pub(crate) fn on_parser_stack<R: Send>(work: impl FnOnce() -> R + Send) -> Option<R> {
    let mut work = Some(work);
    let outcome = std::thread::scope(|scope| {
        let run = || work.take().map(|work| work());
        let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, run).ok()?;
        Some(thread.join().ok().flatten())
    });
    match outcome {
        Some(result) => result,
        // No thread could be started, which is no fault of the document: ordinary ones need little stack.
        None => work.take().map(|work| work()),
    }
}

/// Loads a document as inspection and assembly both do. Call it on a large stack.
pub(crate) fn load(bytes: &[u8], max_decompressed: u64) -> lopdf::Result<Document> {
    let limit = usize::try_from(max_decompressed).unwrap_or(usize::MAX);
    Document::load_mem_with_options(bytes, LoadOptions::with_max_decompressed_size(limit))
}

/// The object at the end of a chain of references; null if there is none.
pub(crate) fn resolve<'a>(document: &'a Document, object: &'a Object) -> &'a Object {
    let mut object = object;
    for _ in 0..MAX_HOPS {
        let Object::Reference(id) = object else { return object };
        match document.objects.get(id) {
            Some(next) => object = next,
            None => return &Object::Null,
        }
    }
    &Object::Null
}

/// The value of a key. Where there is none, lopdf would write an error, which takes longer than to look, and to compare a few
/// keys takes less than to hash one.
pub(crate) fn entry<'a>(dictionary: &'a Dictionary, key: &[u8]) -> Option<&'a Object> {
    const FEW: usize = 16;
    if dictionary.len() > FEW {
        return dictionary.as_hashmap().get(key);
    }
    dictionary.iter().find(|(other, _)| other.as_slice() == key).map(|(_, value)| value)
}

/// Whether a dictionary says that it is of a type.
pub(crate) fn has_type(dictionary: &Dictionary, kind: &[u8]) -> bool {
    matches!(entry(dictionary, b"Type"), Some(Object::Name(name)) if name == kind)
}

/// The value of a key with references followed; `None` if it is absent or null.
pub(crate) fn lookup<'a>(document: &'a Document, dictionary: &'a Dictionary, key: &[u8]) -> Option<&'a Object> {
    match resolve(document, entry(dictionary, key)?) {
        Object::Null => None,
        object => Some(object),
    }
}

/// The dictionary of a dictionary or a stream.
pub(crate) fn dictionary_of(object: &Object) -> Option<&Dictionary> {
    match object {
        Object::Dictionary(dictionary) => Some(dictionary),
        Object::Stream(stream) => Some(&stream.dict),
        _ => None,
    }
}

/// A page and what it inherits from the nodes above it (ISO 32000-2 7.7.3.4).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Page<'a> {
    pub(crate) id: ObjectId,
    pub(crate) dictionary: &'a Dictionary,
    pub(crate) resources: Option<&'a Object>,
    media_box: Option<&'a Object>,
    crop_box: Option<&'a Object>,
    rotate: Option<&'a Object>,
}

/// Why a page tree cannot be walked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TreeFault {
    /// A node is missing, is not a dictionary, or contains itself.
    Damaged,
    /// More pages or nodes than are allowed.
    TooMany,
}

/// What the root of the page tree declares as the number of pages.
pub(crate) fn declared_count(document: &Document) -> Option<i64> {
    let root = dictionary_of(lookup(document, document.catalog().ok()?, b"Pages")?)?;
    lookup(document, root, b"Count")?.as_i64().ok()
}

/// All pages in order, by walking the tree and not by what it declares (ISO 32000-2 7.7.3). A page that is referenced
/// twice is two pages.
pub(crate) fn pages(document: &Document, most: u32) -> Result<Vec<Page<'_>>, TreeFault> {
    struct Node<'a> {
        id: ObjectId,
        kids: std::slice::Iter<'a, Object>,
        inherited: Page<'a>,
    }
    let most = most as usize;
    let catalog = document.catalog().map_err(|_| TreeFault::Damaged)?;
    let mut pages = Vec::new();
    let mut path: Vec<Node<'_>> = Vec::new();
    let mut on_path = HashSet::new();
    // A tree can be small and its walk endless, if a node without pages is referenced again and again.
    let mut visits = 0usize;
    let mut next = Some((catalog.get(b"Pages").map_err(|_| TreeFault::Damaged)?, None));

    loop {
        let (object, parent): (&Object, Option<Page<'_>>) = match next.take() {
            Some(root) => root,
            None => match path.last_mut() {
                None => return Ok(pages),
                Some(node) => match node.kids.next() {
                    Some(kid) => (kid, Some(node.inherited)),
                    None => {
                        on_path.remove(&node.id);
                        path.pop();
                        continue;
                    }
                },
            },
        };
        visits += 1;
        if visits > 2 * most + 1000 {
            return Err(TreeFault::TooMany);
        }
        let Object::Reference(id) = object else { return Err(TreeFault::Damaged) };
        let Object::Dictionary(dictionary) = resolve(document, object) else { return Err(TreeFault::Damaged) };
        let page = Page {
            id: *id,
            dictionary,
            resources: lookup(document, dictionary, b"Resources").or(parent.and_then(|parent| parent.resources)),
            media_box: lookup(document, dictionary, b"MediaBox").or(parent.and_then(|parent| parent.media_box)),
            crop_box: lookup(document, dictionary, b"CropBox").or(parent.and_then(|parent| parent.crop_box)),
            rotate: lookup(document, dictionary, b"Rotate").or(parent.and_then(|parent| parent.rotate)),
        };
        match lookup(document, dictionary, b"Kids") {
            Some(Object::Array(kids)) => {
                if !on_path.insert(*id) || path.len() >= MAX_TREE_DEPTH {
                    return Err(TreeFault::Damaged);
                }
                path.push(Node { id: *id, kids: kids.iter(), inherited: page });
            }
            Some(_) => return Err(TreeFault::Damaged),
            None if has_type(dictionary, b"Pages") => return Err(TreeFault::Damaged),
            None if pages.len() == most => return Err(TreeFault::TooMany),
            None => pages.push(page),
        }
    }
}

/// How a page lies on its sheet when it is seen upright.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Geometry {
    /// Width after rotation, points.
    pub(crate) width: f64,
    /// Height after rotation, points.
    pub(crate) height: f64,
    /// What is seen, in the page's own units: left, bottom, right, top.
    pub(crate) seen: [f64; 4],
    /// From the page's own units to points of the upright page.
    pub(crate) matrix: [f64; 6],
}

impl Geometry {
    /// How far the page is turned clockwise, degrees: 0, 90, 180 or 270.
    pub(crate) fn turn(&self) -> i64 {
        let [a, b, ..] = self.matrix;
        if a != 0.0 {
            if a > 0.0 { 0 } else { 180 }
        } else if b < 0.0 {
            90
        } else {
            270
        }
    }
}

/// The geometry of a page from its boxes, rotation and user unit (ISO 32000-2 7.7.3.3 and 14.11.2), or nothing if they make
/// no sense.
pub(crate) fn geometry(document: &Document, page: &Page<'_>) -> Option<Geometry> {
    let media = rectangle(document, page.media_box?)?;
    let crop = page.crop_box.and_then(|object| rectangle(document, object)).unwrap_or(media);
    let [left, bottom, right, top] =
        [crop[0].max(media[0]), crop[1].max(media[1]), crop[2].min(media[2]), crop[3].min(media[3])];
    let unit = match lookup(document, page.dictionary, b"UserUnit") {
        Some(object) => number(object)?,
        None => 1.0,
    };
    let (across, up) = ((right - left) * unit, (top - bottom) * unit);
    if !(across > 0.0 && up > 0.0 && across.is_finite() && up.is_finite()) {
        return None;
    }
    let degrees = match page.rotate {
        Some(object) => object.as_i64().ok().or_else(|| object.as_float().ok().map(|turn| turn as i64))?,
        None => 0,
    };
    // Rotation is clockwise.
    let (matrix, width, height) = match degrees.rem_euclid(360) {
        0 => ([unit, 0.0, 0.0, unit, -left * unit, -bottom * unit], across, up),
        90 => ([0.0, -unit, unit, 0.0, -bottom * unit, right * unit], up, across),
        180 => ([-unit, 0.0, 0.0, -unit, right * unit, top * unit], across, up),
        270 => ([0.0, unit, -unit, 0.0, top * unit, -left * unit], up, across),
        _ => return None,
    };
    Some(Geometry { width, height, seen: [left, bottom, right, top], matrix })
}

/// A number of either kind.
pub(crate) fn number(object: &Object) -> Option<f64> {
    match object {
        Object::Integer(value) => Some(*value as f64),
        // By way of text, so that 0.1 stays 0.1 and does not become the nearest single-precision number to it.
        Object::Real(value) => value.to_string().parse().ok(),
        _ => None,
    }
}

/// `N` numbers in an array.
pub(crate) fn numbers<const N: usize>(document: &Document, object: &Object) -> Option<[f64; N]> {
    let Object::Array(items) = resolve(document, object) else { return None };
    let items: Vec<f64> = items.iter().map(|item| number(resolve(document, item))).collect::<Option<_>>()?;
    items.try_into().ok()
}

/// A rectangle with its corners in order: left, bottom, right, top.
pub(crate) fn rectangle(document: &Document, object: &Object) -> Option<[f64; 4]> {
    let [a, b, c, d] = numbers(document, object)?;
    Some([a.min(c), b.min(d), a.max(c), b.max(d)])
}

/// The content streams of a page in order, or nothing if one of them is missing or no stream.
pub(crate) fn contents<'a>(document: &'a Document, page: &Page<'a>) -> Option<Vec<&'a Stream>> {
    let stream = |object: &'a Object| resolve(document, object).as_stream().ok();
    match lookup(document, page.dictionary, b"Contents") {
        // A key whose value is gone is damage; no key is a blank page.
        None => (!page.dictionary.has(b"Contents")).then(Vec::new),
        Some(Object::Stream(only)) => Some(vec![only]),
        Some(Object::Array(parts)) => parts.iter().map(stream).collect(),
        Some(_) => None,
    }
}

/// The bytes of a stream, which [`crate::reader`] leaves where they are in the file.
pub(crate) fn bytes_of<'a>(file: &'a [u8], stream: &'a Stream) -> &'a [u8] {
    let Some(start) = stream.start_position.filter(|_| stream.content.is_empty()) else { return &stream.content };
    let length =
        stream.dict.get(b"Length").and_then(Object::as_i64).ok().and_then(|length| usize::try_from(length).ok());
    length.and_then(|length| file.get(start..)?.get(..length)).unwrap_or_default()
}

/// A stream's content without its filters, at most `limit` bytes.
///
/// # Errors
/// An unknown filter, damaged data, or more than `limit` bytes.
pub(crate) fn decode(document: &Document, stream: &Stream, limit: u64) -> lopdf::Result<Vec<u8>> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let keys: [&[u8]; 2] = [b"Filter", b"DecodeParms"];
    let indirect = |object: &Object| match object {
        Object::Reference(_) => true,
        Object::Array(items) => items.iter().any(|item| matches!(item, Object::Reference(_))),
        _ => false,
    };
    if !keys.iter().any(|key| entry(&stream.dict, key).is_some_and(indirect)) {
        return stream.get_plain_content_with_limit(limit);
    }
    // The decoder does not follow references, so it gets a stream without any.
    let mut direct = Dictionary::new();
    for key in keys {
        match lookup(document, &stream.dict, key) {
            Some(Object::Array(items)) => {
                direct.set(key, items.iter().map(|item| resolve(document, item).clone()).collect::<Vec<_>>());
            }
            Some(object) => direct.set(key, object.clone()),
            None => {}
        }
    }
    Stream::new(direct, stream.content.clone()).get_plain_content_with_limit(limit)
}

/// The references in an object, in order. Objects nest only as deep as the parser lets them, about a hundred levels.
pub(crate) fn references(object: &Object, found: &mut Vec<ObjectId>) {
    match object {
        Object::Reference(id) => found.push(*id),
        Object::Array(items) => items.iter().for_each(|item| references(item, found)),
        Object::Dictionary(dictionary) => dictionary.iter().for_each(|(_, value)| references(value, found)),
        Object::Stream(stream) => stream.dict.iter().for_each(|(_, value)| references(value, found)),
        _ => {}
    }
}

/// Whether an object that others refer to has a place in the file but could not be read there. The parser leaves such
/// objects out without a word.
pub(crate) fn has_lost_objects(document: &Document) -> bool {
    let lost = |(number, _): ObjectId| {
        let entry = document.reference_table.get(number);
        entry.is_some_and(|entry| entry.is_normal() || entry.is_compressed())
            && document.objects.range((number, 0)..=(number, u16::MAX)).next().is_none()
    };
    let mut found = Vec::new();
    document.objects.values().any(|object| {
        found.clear();
        references(object, &mut found);
        found.iter().copied().any(lost)
    })
}

/// Flags of an annotation (ISO 32000-2 table 167).
pub(crate) const HIDDEN: i64 = 1 << 1;
pub(crate) const PRINT: i64 = 1 << 2;
pub(crate) const NO_VIEW: i64 = 1 << 5;

/// An annotation that is meant to be on paper.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Annotation<'a> {
    pub(crate) dictionary: &'a Dictionary,
    /// Where its normal appearance is, if it has one: the reference and the stream.
    pub(crate) appearance: Option<(ObjectId, &'a Stream)>,
}

/// The annotations of a page that are printed: those flagged for print and not hidden, and no pop-ups.
pub(crate) fn annotations<'a>(document: &'a Document, page: &Page<'a>) -> Vec<Annotation<'a>> {
    let Some(Object::Array(items)) = lookup(document, page.dictionary, b"Annots") else { return Vec::new() };
    items
        .iter()
        .filter_map(|item| {
            let Object::Dictionary(dictionary) = resolve(document, item) else { return None };
            is_printed(document, dictionary)
                .then(|| Annotation { dictionary, appearance: appearance(document, dictionary) })
        })
        .collect()
}

/// Whether an annotation is meant to be on paper: it is flagged for print, not hidden, and no pop-up.
pub(crate) fn is_printed(document: &Document, annotation: &Dictionary) -> bool {
    let flags = lookup(document, annotation, b"F").and_then(|flags| flags.as_i64().ok()).unwrap_or(0);
    flags & PRINT != 0 && flags & HIDDEN == 0 && subtype(annotation) != b"Popup"
}

/// The subtype of an annotation, such as `Widget`; empty if it has none.
pub(crate) fn subtype(annotation: &Dictionary) -> &[u8] {
    annotation.get(b"Subtype").and_then(Object::as_name).unwrap_or_default()
}

/// The value of the form field that a widget belongs to, which it may have from the fields above it (ISO 32000-2 12.7.4.1).
pub(crate) fn field_value<'a>(document: &'a Document, widget: &'a Dictionary) -> Option<&'a Object> {
    let mut field = widget;
    for _ in 0..MAX_HOPS {
        if let Some(value) = lookup(document, field, b"V") {
            return Some(value);
        }
        field = dictionary_of(lookup(document, field, b"Parent")?)?;
    }
    None
}

/// The normal appearance of an annotation: a stream, or the stream for its state (ISO 32000-2 12.5.5).
pub(crate) fn appearance<'a>(document: &'a Document, annotation: &'a Dictionary) -> Option<(ObjectId, &'a Stream)> {
    let normal = dictionary_of(lookup(document, annotation, b"AP")?)?.get(b"N").ok()?;
    let mut reference = normal;
    if let Object::Dictionary(states) = resolve(document, normal) {
        let state = lookup(document, annotation, b"AS")?.as_name().ok()?;
        reference = states.get(state).ok()?;
    }
    let id = reference.as_reference().ok()?;
    Some((id, resolve(document, reference).as_stream().ok()?))
}

/// An annotation's appearance and where it is drawn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Appearance {
    pub(crate) form: ObjectId,
    /// From the form's matrix's space to the page's own units.
    pub(crate) matrix: [f64; 6],
}

/// Where an annotation's appearance is drawn: its bounding box, transformed by its matrix, is fitted to the annotation's
/// rectangle (ISO 32000-2 12.5.5, algorithm 8).
pub(crate) fn place_appearance(document: &Document, annotation: &Annotation<'_>) -> Option<Appearance> {
    let (form, stream) = annotation.appearance?;
    let bounds = rectangle(document, lookup(document, &stream.dict, b"BBox")?)?;
    let matrix: [f64; 6] = match lookup(document, &stream.dict, b"Matrix") {
        Some(matrix) => numbers(document, matrix)?,
        None => [1.0, 0.0, 0.0, 1.0, 0.0, 0.0],
    };
    let target = rectangle(document, lookup(document, annotation.dictionary, b"Rect")?)?;
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
/// Whether an object is drawn with the resources of its page, for it has none of its own: a form (ISO 32000-2 8.10.2) or a
/// Type 3 font (9.6.4).
pub(crate) fn borrows(document: &Document, object: &Object) -> bool {
    let is_type3 = matches!(object, Object::Dictionary(font) if has_subtype(document, font, b"Type3"));
    (is_type3 || is_form(document, object)) && !has_resources(document, object)
}

/// Whether an object says that it is a form.
pub(crate) fn is_form(document: &Document, object: &Object) -> bool {
    matches!(object, Object::Stream(stream) if has_subtype(document, &stream.dict, b"Form"))
}

/// Whether what is drawn has resources of its own.
pub(crate) fn has_resources(document: &Document, object: &Object) -> bool {
    dictionary_of(object).is_some_and(|dictionary| lookup(document, dictionary, b"Resources").is_some())
}

fn has_subtype(document: &Document, dictionary: &Dictionary, kind: &[u8]) -> bool {
    lookup(document, dictionary, b"Subtype").and_then(|name| name.as_name().ok()) == Some(kind)
}
