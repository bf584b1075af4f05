//! A document as assembly needs it: what is looked into as objects, and the rest as the syntax it is copied in.
//!
//! Most of what a letter is made of, such as its fonts, is only copied. To make objects of that, with memory for each name and
//! a table for each dictionary, and syntax of these again, takes longer than all else that assembly does with them. So it is
//! kept as it will be written, with gaps where its references get their new numbers.

use std::ops::Range;

use lopdf::{Document, Object, ObjectId};

use crate::document;
use crate::stream::{put_reference, serialize, serialize_entry};

/// Keys of a stream that have no part in how it prints and may lead to much that does not either. The length is written
/// anew.
const STREAM_KEYS_LEFT_OUT: [&[u8]; 6] =
    [b"Length", b"Metadata", b"PieceInfo", b"StructParent", b"StructParents", b"OPI"];

/// Whether an entry of a stream's dictionary is left out of the copy.
pub(crate) fn is_left_out(key: &[u8]) -> bool {
    STREAM_KEYS_LEFT_OUT.contains(&key)
}

/// What is read of a document.
#[derive(Debug, Default)]
pub(crate) struct Source {
    /// What is looked into. The content of a stream may still be in the file, see [`document::bytes_of`].
    pub(crate) document: Document,
    /// What is only copied, by its identifier. What is among the objects too is no longer meant.
    plain: Vec<(ObjectId, Plain)>,
    syntax: Syntax,
}

/// The syntax of objects one after the other, without their references.
#[derive(Debug, Default)]
pub(crate) struct Syntax {
    pub(crate) text: Vec<u8>,
    /// The place in the text where a reference belongs, in order.
    pub(crate) gaps: Vec<(usize, ObjectId)>,
}

/// An object that is only copied: its place in the syntax, and if it is a stream that of its content in the file. The
/// dictionary of a stream has no end, for its length comes before that.
#[derive(Debug, Clone)]
pub(crate) struct Plain {
    pub(crate) text: Range<usize>,
    pub(crate) gaps: Range<usize>,
    pub(crate) content: Option<Range<usize>>,
}

/// An object of a document in either form.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Found<'a> {
    Object(&'a Object),
    Plain(&'a Plain),
}

/// What the copy of an object has and it has not.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Added {
    /// The number of the resources it is drawn with, which are not its own.
    pub(crate) resources: Option<u64>,
    /// Whether it is a form and does not say so.
    pub(crate) is_form: bool,
}

impl From<Document> for Source {
    fn from(document: Document) -> Self {
        Source { document, ..Self::default() }
    }
}

impl Source {
    pub(crate) fn new(document: Document, mut plain: Vec<(ObjectId, Plain)>, syntax: Syntax) -> Self {
        plain.sort_unstable_by_key(|(id, _)| *id);
        Source { document, plain, syntax }
    }

    /// The object of a reference.
    pub(crate) fn find(&self, id: ObjectId) -> Option<Found<'_>> {
        if let Some(object) = self.document.objects.get(&id) {
            return Some(Found::Object(object));
        }
        let place = self.plain.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        self.plain.get(place).map(|(_, plain)| Found::Plain(plain))
    }

    /// The references in an object that its copy has too, in order.
    pub(crate) fn references(&self, found: Found<'_>, references: &mut Vec<ObjectId>) {
        match found {
            Found::Object(Object::Stream(stream)) => {
                for (_, value) in stream.dict.iter().filter(|(key, _)| !is_left_out(key)) {
                    document::references(value, references);
                }
            }
            Found::Object(object) => document::references(object, references),
            Found::Plain(plain) => {
                references.extend(self.syntax.gaps[plain.gaps.clone()].iter().map(|(_, id)| *id));
            }
        }
    }

    /// Writes an object with its references renumbered, and with what is added to it; of a stream the dictionary, but for its
    /// length and its end.
    pub(crate) fn serialize(
        &self,
        out: &mut Vec<u8>,
        found: Found<'_>,
        added: Added,
        number: &mut impl FnMut(ObjectId) -> Option<u64>,
    ) {
        let (dictionary, is_stream) = match found {
            Found::Object(Object::Stream(stream)) => (&stream.dict, true),
            Found::Object(Object::Dictionary(dictionary)) => (dictionary, false),
            Found::Object(object) => return serialize(out, object, number),
            Found::Plain(plain) => return self.serialize_plain(out, plain, number),
        };
        let Added { resources, is_form } = added;
        let is_replaced = |key: &[u8]| match key {
            b"Resources" => resources.is_some(),
            b"Type" | b"Subtype" => is_form,
            _ => is_stream && is_left_out(key),
        };
        out.extend_from_slice(b"<<");
        for (key, value) in dictionary.iter().filter(|(key, _)| !is_replaced(key)) {
            serialize_entry(out, key, value, number);
        }
        if is_form {
            out.extend_from_slice(b"/Type/XObject/Subtype/Form");
        }
        if let Some(resources) = resources {
            out.extend_from_slice(b"/Resources ");
            put_reference(out, resources);
        }
        if !is_stream {
            out.extend_from_slice(b">>");
        }
    }

    /// Writes what is only copied.
    fn serialize_plain(&self, out: &mut Vec<u8>, plain: &Plain, number: &mut impl FnMut(ObjectId) -> Option<u64>) {
        let mut written = plain.text.start;
        for &(place, id) in &self.syntax.gaps[plain.gaps.clone()] {
            out.extend_from_slice(&self.syntax.text[written..place]);
            match number(id) {
                Some(id) => put_reference(out, id),
                None => out.extend_from_slice(b"null"),
            }
            written = place;
        }
        out.extend_from_slice(&self.syntax.text[written..plain.text.end]);
    }

    /// How many bytes the contents of streams have that refer to nothing, each byte counted once however many have it. Of
    /// those that are objects, only the ones that `counts` names are taken.
    pub(crate) fn ends(&self, file: &[u8], counts: impl Fn(&Object) -> bool) -> usize {
        let mut references = Vec::new();
        let mut places = Vec::new();
        let objects = self.document.objects.values().filter(|object| counts(object)).map(Found::Object);
        for found in objects.chain(self.plain.iter().map(|(_, plain)| Found::Plain(plain))) {
            let Some(content) = self.content(file, found) else { continue };
            self.references(found, &mut references);
            if references.is_empty() {
                places.push(content.as_ptr_range());
            }
            references.clear();
        }
        places.sort_unstable_by_key(|place| place.start);
        let (mut ends, mut counted) = (0, 0);
        for place in places {
            let (start, end) = (place.start as usize, place.end as usize);
            ends += end.saturating_sub(start.max(counted));
            counted = counted.max(end);
        }
        ends
    }

    /// The content of an object that is a stream; `file` is what the document was read from.
    pub(crate) fn content<'a>(&'a self, file: &'a [u8], found: Found<'a>) -> Option<&'a [u8]> {
        match found {
            Found::Object(Object::Stream(stream)) => Some(document::bytes_of(file, stream)),
            Found::Object(_) => None,
            Found::Plain(plain) => plain.content.clone().map(|content| file.get(content).unwrap_or_default()),
        }
    }
}
