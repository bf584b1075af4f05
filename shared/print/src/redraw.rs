//! Draws on pages that somebody else made, and writes the document anew.
//!
//! What a page showed becomes a form (ISO 32000-2 8.10), so that its graphics state ends where the form ends and cannot
//! reach what is drawn over it. The page keeps its resources, for forms and fonts that have none of their own.

use std::collections::HashSet;
use std::io;

use lopdf::{Dictionary, Document, Object, ObjectId, Stream, dictionary};

use crate::document::{self, Geometry, Page};
use crate::inspect::Limits;
use crate::page_content::{self, Content, Packer};

/// The highest number an object may have (ISO 32000-1 annex C.2). Above it readers differ.
const MAX_NUMBER: u32 = 8_388_607;

/// Makes room for new objects: sets the number after which they are counted beyond all that are used or only referred to,
/// for a reference to nothing must not become one to something. False if the numbers are used up, or are such that no
/// cross-reference can list them: object 0 is always free, and of two objects with one number only one can be found.
pub(crate) fn make_room(document: &mut Document) -> bool {
    let mut before = 0;
    for &(number, _) in document.objects.keys() {
        if number == before {
            return false;
        }
        before = number;
    }
    let mut found = Vec::new();
    document.objects.values().for_each(|object| document::references(object, &mut found));
    document.trailer.iter().for_each(|(_, value)| document::references(value, &mut found));
    let numbers = document.objects.keys().chain(&found).map(|(number, _)| *number);
    document.max_id = numbers.max().unwrap_or(0);
    // A page needs a few; a million is room for all pages that are ever allowed.
    document.max_id < MAX_NUMBER - 1_000_000
}

/// The file of a changed document, without what nothing in it refers to any more.
///
/// # Errors
/// It cannot be written to memory.
pub(crate) fn save(mut document: Document) -> io::Result<Vec<u8>> {
    // What else a trailer has is about the file as it was, such as the filters of its cross-reference.
    let mut trailer = Dictionary::new();
    for key in [&b"Root"[..], b"Info", b"ID"] {
        if let Ok(value) = document.trailer.get(key) {
            trailer.set(key, value.clone());
        }
    }
    document.trailer = trailer;
    let mut reached = HashSet::new();
    let mut left = Vec::new();
    document.trailer.iter().for_each(|(_, value)| document::references(value, &mut left));
    while let Some(id) = left.pop() {
        if reached.insert(id)
            && let Some(object) = document.objects.get(&id)
        {
            document::references(object, &mut left);
        }
    }
    document.objects.retain(|id, _| reached.contains(id));
    for object in document.objects.values_mut() {
        if let Object::Stream(Stream { dict, .. }) | Object::Dictionary(dict) = object
            && ["ObjStm", "XRef", "Linearized"].iter().any(|kind| dict.has_type(kind.as_bytes()))
        {
            // The file has none of these any more, and the writer leaves out what calls itself so. But something can refer
            // to one, and then it is a part of the document.
            dict.remove(b"Type");
        }
        // A length may have been wrong, or an object of its own that is read before the stream.
        if let Object::Stream(stream) = object {
            stream.dict.set("Length", stream.content.len() as i64);
        }
    }
    // About what it takes, because what grows may take twice that.
    let streams = |object: &Object| object.as_stream().map_or(0, |stream| stream.content.len());
    let content: usize = document.objects.values().map(streams).sum();
    let mut bytes = Vec::with_capacity(content + 256 * document.objects.len() + (1 << 20));
    document.save_to(&mut bytes)?;
    Ok(bytes)
}

/// A number as an object: whole where it is whole.
pub(crate) fn number(value: f64) -> Object {
    if value.fract() == 0.0 && value.abs() < 1e9 { Object::Integer(value as i64) } else { Object::Real(value as f32) }
}

/// How much content is still taken up. Pages can share theirs, and each page taken up has its own.
#[derive(Debug)]
pub(crate) struct Budget {
    /// For one page, bytes.
    page: u64,
    /// For all that are to come, bytes.
    document: u64,
}

impl Budget {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self { page: limits.max_decompressed, document: limits.max_decompressed.saturating_mul(PAGES) }
    }
}

/// For how many pages of the largest content the budget of a document is.
const PAGES: u64 = 16;

/// A page that is being drawn on.
#[derive(Debug)]
pub(crate) struct Redraw {
    id: ObjectId,
    dictionary: Dictionary,
    resources: Dictionary,
    form: Option<Stream>,
}

impl Redraw {
    /// Takes up a page whose content can be read.
    ///
    /// # Errors
    /// What is wrong with the content.
    pub(crate) fn new(
        document: &Document,
        page: &Page<'_>,
        geometry: &Geometry,
        budget: &mut Budget,
    ) -> Result<Self, &'static str> {
        let mut redraw = Self::without_content(document, page);
        let mut head = Dictionary::new();
        let content = page_content::content(document, b"", page, budget.page.min(budget.document), &mut Packer::new())?;
        let size = match &content {
            Content::Blank => 0,
            Content::Raw(stream) => stream.content.len() as u64,
            Content::Joined { length, .. } => *length,
        };
        budget.document = budget.document.checked_sub(size).ok_or("the content of the pages is too large")?;
        let content = match content {
            Content::Blank => return Ok(redraw),
            Content::Raw(stream) => {
                for key in [&b"Filter"[..], b"DecodeParms"] {
                    if let Ok(value) = stream.dict.get(key) {
                        head.set(key, value.clone());
                    }
                }
                stream.content.clone()
            }
            Content::Joined { packed, .. } => {
                head.set("Filter", "FlateDecode");
                packed
            }
        };
        head.set("Type", "XObject");
        head.set("Subtype", "Form");
        head.set("BBox", geometry.seen.map(number).to_vec());
        head.set("Resources", redraw.resources.clone());
        redraw.form = Some(Stream::new(head, content));
        Ok(redraw)
    }

    /// Takes up a page of which only what is drawn on it will be seen.
    pub(crate) fn without_content(document: &Document, page: &Page<'_>) -> Self {
        let resources = page.resources.and_then(document::dictionary_of).cloned().unwrap_or_default();
        let mut redraw = Self { id: page.id, dictionary: page.dictionary.clone(), resources, form: None };
        for kind in KINDS {
            // An entry of the page's own can be a reference, which other pages share.
            let entries =
                document::lookup(document, &redraw.resources, kind).and_then(document::dictionary_of).cloned();
            if let Some(entries) = entries {
                redraw.resources.set(kind, entries);
            }
        }
        redraw
    }

    /// Makes an object usable in the drawing and gives its name with the slash. `kind` is `XObject` or `Font`.
    pub(crate) fn name(&mut self, kind: &str, object: ObjectId) -> String {
        let entries = match self.resources.get_mut(kind.as_bytes()) {
            Ok(Object::Dictionary(entries)) => entries,
            _ => {
                self.resources.set(kind, Dictionary::new());
                return self.name(kind, object);
            }
        };
        let mut place = entries.len();
        while entries.has(format!("Over{place}").as_bytes()) {
            place += 1;
        }
        let name = format!("Over{place}");
        entries.set(name.as_bytes(), object);
        format!("/{name}")
    }

    /// Sets an entry of the page.
    pub(crate) fn set(&mut self, key: &str, value: impl Into<Object>) {
        self.dictionary.set(key, value);
    }

    /// Takes an entry off the page.
    pub(crate) fn remove(&mut self, key: &str) {
        self.dictionary.remove(key.as_bytes());
    }

    /// Puts the page back: what it showed, then `drawing` over it, both in the page's own units.
    pub(crate) fn finish(mut self, document: &mut Document, drawing: &str) {
        let mut content = String::new();
        if let Some(form) = self.form.take() {
            let form = document.add_object(form);
            content = format!("q {} Do Q\n", self.name("XObject", form));
        }
        content.push_str(drawing);
        let content = document.add_object(Stream::new(dictionary! {}, content.into_bytes()));
        self.dictionary.set("Contents", content);
        self.dictionary.set("Resources", self.resources);
        document.objects.insert(self.id, self.dictionary.into());
    }
}

/// The kinds of resources that a drawing adds to.
const KINDS: [&[u8]; 2] = [b"XObject", b"Font"];
