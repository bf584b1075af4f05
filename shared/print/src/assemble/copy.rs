//! Copies what a document's pages reach into the print stream: renumbered, compressed as it is, and once per account.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::io;

use lopdf::{Dictionary, Document, Object, ObjectId};

use super::Assembler;
use super::page::{Plan, resources_of};
use super::shared::Hash;
use crate::document;
use crate::drawing::Digits;
use crate::source::{Added, Found, Source};
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
            PutResources(&'a Object),
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
                    if let Some(resources) = copy.lend(id, found, &mut self.output) {
                        steps.push(Step::PutResources(resources));
                        document::references(resources, &mut references);
                    }
                    // What comes first is on top.
                    steps.extend(references.drain(..).rev().map(Step::Visit));
                }
                Step::Put(id, found) => self.put_copy(copy, id, found)?,
                Step::PutResources(resources) => {
                    let mut body = Vec::with_capacity(HEAD);
                    serialize(&mut body, &resources_of(resources), &mut |id| copy.number(id, &mut self.output));
                    if let Some(number) = copy.number_of_resources(resources) {
                        self.put_object(number, &body, None)?;
                    }
                }
            }
        }
        Ok(copy.number(root, &mut self.output))
    }

    /// Writes the copy of an object whose references are copied, or finds an equal one.
    fn put_copy<'a>(&mut self, copy: &mut Copy<'a>, id: ObjectId, found: Found<'a>) -> io::Result<()> {
        let output = &mut self.output;
        let source = copy.source;
        let mut head = Vec::with_capacity(HEAD);
        let added = copy.added(id, found);
        source.serialize(&mut head, found, added, &mut |id| copy.number(id, output));
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
    /// The numbers of those resources of pages that are objects in the print stream: what is lent or large is written once.
    resources: BTreeMap<*const Object, u64>,
    /// Appearances that do not say that they are forms.
    unnamed: BTreeSet<ObjectId>,
}

/// Whether a dictionary is a part of the page tree or what leads to it.
fn is_of_the_tree(dictionary: &Dictionary) -> bool {
    [&b"Page"[..], b"Pages", b"Catalog"].iter().any(|kind| document::has_type(dictionary, kind))
}

/// Whether two pages have one object as their resources. To compare what is in them could take as long as there are pages times
/// what a document may hold.
fn is_same(one: Option<&Object>, other: Option<&Object>) -> bool {
    one.map(std::ptr::from_ref) == other.map(std::ptr::from_ref)
}

/// Whether a document would be copied too often. What has no resources of its own is copied anew for each page whose are
/// others, with all that leads to it. That is never the content of a stream which refers to nothing, as most of a letter is.
pub(super) fn is_copied_too_often(source: &Source, file: &[u8], pages: &[Plan<'_>]) -> bool {
    const MOST: usize = 256_000_000;
    let document = &source.document;
    let changes = pages.windows(2).filter(|pair| !is_same(pair[0].resources, pair[1].resources)).count();
    let is_much = |bytes: usize| changes.saturating_mul(bytes) > MOST;
    is_much(file.len())
        && document.objects.values().any(|object| may_borrow(document, object))
        && is_much(file.len().saturating_sub(source.ends(file, |object| !may_borrow(document, object))))
}

/// Whether an object is drawn with the resources of its page, or would be if it was an appearance.
fn may_borrow(document: &Document, object: &Object) -> bool {
    let may_be_form = matches!(object, Object::Stream(stream) if stream.dict.has(b"BBox"));
    document::borrows(document, object) || may_be_form && !document::has_resources(document, object)
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
        Self {
            source,
            file,
            places: BTreeMap::new(),
            key,
            page: None,
            has_lent: false,
            resources: BTreeMap::new(),
            unnamed: BTreeSet::new(),
        }
    }

    /// Goes on to a page with these resources.
    pub(super) fn turn_to(&mut self, resources: Option<&'a Object>) {
        if self.has_lent && !is_same(self.page, resources) {
            self.places.clear();
            self.resources.clear();
            self.has_lent = false;
        }
        self.page = resources;
    }

    /// The resources that are to be written because an object is the first that takes them from the page.
    fn lend<W: io::Write>(&mut self, id: ObjectId, found: Found<'_>, output: &mut Output<W>) -> Option<&'a Object> {
        if !self.borrows(id, found) {
            return None;
        }
        // What finds a page without any is another thing on a page with some.
        self.has_lent = true;
        let resources = self.page?;
        match self.resources.entry(resources) {
            Entry::Occupied(_) => None,
            Entry::Vacant(number) => {
                number.insert(output.allocate());
                Some(resources)
            }
        }
    }

    fn borrows(&self, id: ObjectId, found: Found<'_>) -> bool {
        let Found::Object(object) = found else { return false };
        let document = &self.source.document;
        document::borrows(document, object) || self.unnamed.contains(&id) && !document::has_resources(document, object)
    }

    /// What the copy of an object has and it has not.
    fn added(&self, id: ObjectId, found: Found<'_>) -> Added {
        let lent = self.page.filter(|_| self.borrows(id, found));
        Added {
            resources: lent.and_then(|resources| self.number_of_resources(resources)),
            is_form: self.unnamed.contains(&id),
        }
    }

    /// Takes a stream as a form that may not say that it is one: an appearance need not (ISO 32000-2 12.5.5), but what is drawn
    /// as ours are must.
    pub(super) fn take_as_form(&mut self, form: ObjectId) {
        if let Some((id, Found::Object(object))) = self.find(form)
            && !document::is_form(&self.source.document, object)
            && self.unnamed.insert(id)
        {
            self.places.remove(&id);
        }
    }

    /// The number of the resources of a page, if they are an object.
    pub(super) fn number_of_resources(&self, resources: &Object) -> Option<u64> {
        self.resources.get(&std::ptr::from_ref(resources)).copied()
    }

    /// Notes that the resources of a page are an object.
    pub(super) fn note_resources(&mut self, resources: &'a Object, number: u64) {
        self.resources.insert(resources, number);
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
