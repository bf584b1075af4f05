//! Copies what a document's pages reach into the print stream: renumbered, compressed as it is, and once per account.

use std::collections::BTreeMap;
use std::io;

use lopdf::{Dictionary, Document, Object, ObjectId, Stream};

use super::Assembler;
use super::page::{Plan, resources_of};
use super::shared::Hash;
use crate::document;
use crate::drawing::Digits;
use crate::source::{Found, Source};
use crate::stream::{Output, serialize};

impl<W: io::Write> Assembler<W> {
    /// The syntax of a value with all it refers to copied.
    pub(super) fn copy_value(&mut self, copy: &mut Copy<'_>, value: &Object) -> io::Result<Vec<u8>> {
        let mut found = Vec::new();
        document::references(value, &mut found);
        for id in found {
            self.copy(copy, id)?;
        }
        let mut out = Vec::with_capacity(HEAD);
        serialize(&mut out, value, &mut |id| copy.number(id, &mut self.output));
        Ok(out)
    }

    /// Copies an object and all it reaches, those it refers to first, and gives its number in the print stream. Nothing if
    /// there is no such object, or it is a part of the page tree, which no content has a reason to refer to.
    pub(super) fn copy(&mut self, copy: &mut Copy<'_>, root: ObjectId) -> io::Result<Option<u64>> {
        enum Step<'a> {
            Visit(ObjectId),
            Put(ObjectId, Found<'a>),
        }
        // A chain of references can be as long as the file, so the path is here and not on the stack.
        let mut steps = vec![Step::Visit(root)];
        let mut references = Vec::new();
        while let Some(step) = steps.pop() {
            match step {
                Step::Visit(id) => {
                    let Some((id, found)) = copy.find(id).filter(|(id, _)| !copy.places.contains_key(id)) else {
                        continue;
                    };
                    copy.places.insert(id, Place::Open(None));
                    steps.push(Step::Put(id, found));
                    copy.source.references(found, &mut references);
                    if let Some(resources) = copy.lend(found) {
                        document::references(resources, &mut references);
                    }
                    // What comes first is on top.
                    steps.extend(references.drain(..).rev().map(Step::Visit));
                }
                Step::Put(id, found) => self.put_copy(copy, id, found)?,
            }
        }
        Ok(copy.number(root, &mut self.output))
    }

    /// Writes the copy of an object whose references are copied, or finds an equal one.
    fn put_copy<'a>(&mut self, copy: &mut Copy<'a>, id: ObjectId, found: Found<'a>) -> io::Result<()> {
        let output = &mut self.output;
        let source = copy.source;
        let mut head = Vec::with_capacity(HEAD);
        match (copy.lend(found), found) {
            (Some(resources), Found::Object(object)) => {
                let mut object = object.clone();
                if let Object::Dictionary(dictionary) | Object::Stream(Stream { dict: dictionary, .. }) = &mut object {
                    dictionary.set("Resources", resources_of(resources).into_owned());
                }
                source.serialize(&mut head, Found::Object(&object), &mut |id| copy.number(id, output));
            }
            _ => source.serialize(&mut head, found, &mut |id| copy.number(id, output)),
        }
        let content = source.content(copy.file, found);
        if let Some(content) = content {
            put_length(&mut head, content.len());
        }
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
    pub(super) fn put_shared(&mut self, copy: &Copy<'_>, head: &[u8], content: Option<&[u8]>) -> io::Result<u64> {
        // A stream is its dictionary and the hash of its content: what is no stream cannot be the same bytes, for nothing
        // follows a dictionary.
        let content_hash = content.map(|content| match self.familiar.hash(&copy.key, content) {
            Some(hash) => (hash, true),
            None => (blake3::keyed_hash(&copy.key, content), false),
        });
        let whole = match &content_hash {
            Some((hash, _)) => blake3::keyed_hash(&copy.key, &[head, hash.as_bytes()].concat()),
            None => blake3::keyed_hash(&copy.key, head),
        };
        let mut hash = Hash::default();
        hash.copy_from_slice(&whole.as_bytes()[..size_of::<Hash>()]);
        if let Some(number) = self.shared.find(&hash) {
            if let (Some(content), Some((hash, false))) = (content, content_hash) {
                self.familiar.keep(&copy.key, content, hash);
            }
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

/// Room for the syntax of most objects, so that it need not grow.
pub(super) const HEAD: usize = 512;

/// Ends the dictionary of a stream of so many bytes.
pub(super) fn put_length(head: &mut Vec<u8>, length: usize) {
    head.extend_from_slice(b"/Length ");
    head.extend_from_slice(Digits::integer(length as u64).as_bytes());
    head.extend_from_slice(b">>");
}

/// The copying of one document: what of it has been copied, and to where.
pub(super) struct Copy<'a> {
    source: &'a Source,
    /// What the document was read from.
    pub(super) file: &'a [u8],
    places: BTreeMap<ObjectId, Place>,
    /// The account as the key of hashes, so that its objects are equal to no other account's.
    key: [u8; 32],
    /// The resources of the page that is being copied, and whether something was copied with them as its own.
    page: Option<&'a Object>,
    has_lent: bool,
}

/// Whether an object is drawn with the resources of its page, for it has none of its own: a form (ISO 32000-2 8.10.2) or a
/// Type 3 font (9.6.4).
fn borrows(document: &Document, object: &Object) -> bool {
    let is = |dictionary: &Dictionary, kind: &[u8]| {
        document::lookup(document, dictionary, b"Subtype").and_then(|name| name.as_name().ok()) == Some(kind)
    };
    let dictionary = match object {
        Object::Stream(stream) if is(&stream.dict, b"Form") => &stream.dict,
        Object::Dictionary(font) if is(font, b"Type3") => font,
        _ => return false,
    };
    document::lookup(document, dictionary, b"Resources").is_none()
}

/// Whether a dictionary is a part of the page tree or what leads to it.
fn is_of_the_tree(dictionary: &Dictionary) -> bool {
    [&b"Page"[..], b"Pages", b"Catalog"].iter().any(|kind| document::has_type(dictionary, kind))
}

/// Whether a document would be copied too often. What has no resources of its own is copied anew for each page whose are
/// others, with all that leads to it. That is never the content of a stream which refers to nothing, as most of a letter is.
pub(super) fn is_copied_too_often(source: &Source, file: &[u8], pages: &[Plan<'_>]) -> bool {
    const MOST: usize = 256_000_000;
    let document = &source.document;
    let changes = pages.windows(2).filter(|pair| pair[0].resources != pair[1].resources).count();
    let is_much = |bytes: usize| changes.saturating_mul(bytes) > MOST;
    is_much(file.len())
        && document.objects.values().any(|object| borrows(document, object))
        && is_much(file.len().saturating_sub(source.ends(file, |object| !borrows(document, object))))
}

/// How far the copying of an object is.
enum Place {
    /// What it refers to is being copied. A number is given as soon as one of those refers back to it.
    Open(Option<u64>),
    /// It has this number in the print stream.
    Done(u64),
}

impl<'a> Copy<'a> {
    pub(super) fn new(source: &'a Source, file: &'a [u8], account: &str) -> Self {
        let key = *blake3::hash(account.as_bytes()).as_bytes();
        Self { source, file, places: BTreeMap::new(), key, page: None, has_lent: false }
    }

    /// Goes on to a page with these resources.
    pub(super) fn turn_to(&mut self, resources: Option<&'a Object>) {
        if self.has_lent && self.page != resources {
            self.places.clear();
            self.has_lent = false;
        }
        self.page = resources;
    }

    /// The resources that an object takes from the page.
    fn lend(&mut self, found: Found<'_>) -> Option<&'a Object> {
        let Found::Object(object) = found else { return None };
        let borrows = borrows(&self.source.document, object);
        // What finds a page without any is another thing on a page with some.
        self.has_lent |= borrows;
        self.page.filter(|_| borrows)
    }

    /// The object to copy for a reference, past those that are only references themselves.
    fn find(&self, id: ObjectId) -> Option<(ObjectId, Found<'a>)> {
        const MAX_HOPS: usize = 32;
        let mut id = id;
        for _ in 0..MAX_HOPS {
            match self.source.find(id)? {
                Found::Object(Object::Reference(next)) => id = *next,
                Found::Object(Object::Null) => return None,
                Found::Object(Object::Dictionary(node)) if is_of_the_tree(node) => return None,
                found => return Some((id, found)),
            }
        }
        None
    }

    /// The number a reference has in the print stream.
    fn number<W: io::Write>(&mut self, id: ObjectId, output: &mut Output<W>) -> Option<u64> {
        // Nearly always it is at its end, and copied.
        if let Some(Place::Done(number)) = self.places.get(&id) {
            return Some(*number);
        }
        let (id, _) = self.find(id)?;
        match self.places.get_mut(&id)? {
            Place::Done(number) => Some(*number),
            Place::Open(number) => Some(*number.get_or_insert_with(|| output.allocate())),
        }
    }
}
