//! Reads well-formed files several times faster than the parser for all files, and only what their pages reach.
//!
//! What is written exactly as ISO 32000-2 7.3 and 7.5 say, which is nearly every letter, needs none of what a parser does
//! for those that are not. [`read`] gives what lopdf would, or nothing: at the least oddity, such as an escape in a string, a
//! key that is there twice or a length that is off, the caller asks lopdf. So there is one opinion on what a
//! document says, and tests hold this one to it. Objects that no page reaches, such as the structure of a tagged document,
//! which can be most of its objects, are never looked at. What pages have as their resources is only copied, and no object is
//! made of it, but for what may be drawn with the resources of its page.

mod lexer;
#[cfg(test)]
mod tests;
mod writer;

use std::cell::Cell;
use std::collections::HashMap;
use std::ops::Range;

use lexer::{Lexer, MAX_DEPTH, Token};
use lopdf::{Dictionary, Document, Object, ObjectId, Stream};
use writer::Writer;

use crate::document;
use crate::page_content::Packer;
use crate::source::{Plain, Source};
use crate::weight::room_beside;

/// The highest object number that is read here.
const MAX_NUMBER: u32 = 1 << 20;

/// How many cross-reference sections a file may have that is read here.
const MAX_SECTIONS: usize = 16;

/// The pages of a document and all they reach, or nothing if something about the file is out of the ordinary. The content of
/// streams stays in the file, where [`document::bytes_of`] finds it. Neither a cross-reference stream nor all object streams
/// together may be larger than `limit` bytes without their filters: these are in memory at once.
pub(crate) fn read(bytes: &[u8], limit: u64, packer: &mut Packer) -> Option<Source> {
    if !bytes.starts_with(b"%PDF-") {
        return None;
    }
    let left = Cell::new(room_beside(bytes.len()));
    let mut file = File { bytes, limit, room: limit, entries: Vec::new(), packs: HashMap::new(), packer, left };
    let root = file.cross_reference()?;
    let catalog = file.object(root)?;
    let tree = catalog.as_dict().ok()?.get(b"Pages").ok()?.as_reference().ok()?;

    let mut document = Document::new();
    document.trailer.set("Root", root);
    // Room for what nearly every letter has, so that it need not grow.
    const OBJECTS: usize = 32;
    let mut objects = Vec::with_capacity(OBJECTS);
    objects.push((root, catalog));
    let (mut plain, mut writer) = (Vec::with_capacity(OBJECTS), Writer::with_room());
    // What each object was read for, by its number.
    let mut read = vec![None; file.entries.len()];
    *read.get_mut(root.0 as usize)? = Some(Use::Seen);
    let mut found = References { seen: vec![tree], ..References::default() };
    while let Some((id, purpose)) = found.pop() {
        let before = read.get_mut(id.0 as usize)?;
        if before.is_some_and(|before| before >= purpose) {
            continue;
        }
        *before = Some(purpose);
        if purpose == Use::Copied {
            match file.copied(id, &mut writer)? {
                Some(copied) => {
                    found.copied.extend(writer.syntax.gaps[copied.gaps.clone()].iter().map(|(_, id)| *id));
                    plain.push((id, copied));
                }
                None => found.seen.push(id),
            }
            continue;
        }
        let object = file.object(id)?;
        // They hold what the file is made of, and no page has a reason to refer to one.
        if let Object::Stream(stream) = &object
            && (document::has_type(&stream.dict, b"ObjStm") || document::has_type(&stream.dict, b"XRef"))
        {
            return None;
        }
        // Something else is called as resources are, such as the state of a field, and would have to be looked into.
        if purpose == Use::Lent && !may_be_resources(&object) {
            return None;
        }
        found.note(&object, purpose);
        objects.push((id, object));
    }
    document.objects = objects.into_iter().collect();
    Some(Source::new(document, plain, writer.syntax))
}

/// The dictionary that is written at that byte after blanks, if it is as plain as what is read here.
pub(crate) fn dictionary_at(bytes: &[u8], at: usize) -> Option<Dictionary> {
    let mut lexer = Lexer::new(bytes, at);
    lexer.blanks();
    lexer.dictionary(MAX_DEPTH)
}

/// Whether an object is nothing but the resources of something, or stands for it.
fn may_be_resources(object: &Object) -> bool {
    match object {
        Object::Dictionary(resources) => [&b"Subtype"[..], b"Resources"].iter().all(|key| !resources.has(key)),
        Object::Reference(_) => true,
        _ => false,
    }
}

/// What an object is read for, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Use {
    /// To be copied with what it refers to.
    Copied,
    /// To be looked into as the resources of something, and what it refers to is copied.
    Lent,
    /// To be looked into with what it refers to.
    Seen,
}

/// References that were found and not yet followed, by what for.
#[derive(Default)]
struct References {
    seen: Vec<ObjectId>,
    lent: Vec<ObjectId>,
    copied: Vec<ObjectId>,
}

impl References {
    /// Takes one of those for the most first, so that few objects are read twice.
    fn pop(&mut self) -> Option<(ObjectId, Use)> {
        let References { seen, lent, copied } = self;
        (seen.pop().map(|id| (id, Use::Seen)))
            .or_else(|| lent.pop().map(|id| (id, Use::Lent)))
            .or_else(|| copied.pop().map(|id| (id, Use::Copied)))
    }

    /// Notes the references in an object.
    fn note(&mut self, object: &Object, purpose: Use) {
        match object {
            // A reference in place of an object stands for it.
            Object::Reference(id) if purpose == Use::Lent => self.lent.push(*id),
            _ if purpose == Use::Lent => document::references(object, &mut self.copied),
            Object::Reference(id) => self.seen.push(*id),
            Object::Array(items) => items.iter().for_each(|item| self.note(item, purpose)),
            Object::Dictionary(dictionary) | Object::Stream(Stream { dict: dictionary, .. }) => {
                for (key, value) in dictionary {
                    self.note(value, if key == b"Resources" { Use::Lent } else { purpose });
                }
            }
            _ => {}
        }
    }
}

/// Where an object is.
#[derive(Clone, Copy)]
enum Entry {
    /// No section has said.
    Unknown,
    /// Nowhere.
    Free,
    /// At this byte of the file, with this generation.
    At(usize, u16),
    /// In the object stream of this number, at this place.
    In(u32, usize),
}

/// An object stream without its filters.
struct Pack {
    content: Vec<u8>,
    /// The number of each object, and where it starts.
    index: Vec<(u32, usize)>,
}

struct File<'a> {
    bytes: &'a [u8],
    limit: u64,
    /// How much more object streams may hold.
    room: u64,
    packer: &'a mut Packer,
    /// How much more memory may be taken for what is read, see [`crate::weight`].
    left: Cell<usize>,
    /// By object number.
    entries: Vec<Entry>,
    /// The object streams that were needed so far, by their numbers.
    packs: HashMap<u32, Pack>,
}

impl<'a> File<'a> {
    /// Reads all cross-reference sections, newest first (ISO 32000-2 7.5.4 to 7.5.8), and gives the catalog's reference.
    fn cross_reference(&mut self) -> Option<ObjectId> {
        const TAIL: usize = 1024;
        let tail = self.bytes.len().saturating_sub(TAIL);
        let last = find_last(&self.bytes[tail..], b"startxref")? + tail;
        let mut end = Lexer::new(self.bytes, last + b"startxref".len());
        end.blanks();
        let mut next = Some(end.unsigned()?);
        if !end.rest().trim_ascii_start().starts_with(b"%%EOF") {
            return None;
        }
        let mut root = None;
        for _ in 0..MAX_SECTIONS {
            let Some(at) = next else { return root };
            let at = usize::try_from(at).ok().filter(|at| *at < self.bytes.len())?;
            let trailer =
                if self.bytes[at..].starts_with(b"xref") { self.hybrid(at)? } else { self.reference_stream(at)? };
            if trailer.has(b"Encrypt") {
                return None;
            }
            if root.is_none() {
                root = Some(trailer.get(b"Root").ok()?.as_reference().ok()?);
            }
            next = match trailer.get(b"Prev") {
                Ok(place) => Some(u64::try_from(place.as_i64().ok()?).ok()?),
                Err(_) => None,
            };
        }
        // It goes on, or round and round.
        None
    }

    /// Notes where an object is, unless a newer section has said, and gives whether none has.
    fn note(&mut self, number: u64, entry: Entry) -> Option<bool> {
        let number = u32::try_from(number).ok().filter(|number| *number <= MAX_NUMBER)? as usize;
        if number >= self.entries.len() {
            self.entries.resize(number + 1, Entry::Unknown);
        }
        let is_new = matches!(self.entries[number], Entry::Unknown);
        if is_new {
            self.entries[number] = entry;
        }
        Some(is_new)
    }

    /// A cross-reference table, and the stream that its trailer may name for who can read one: that has what the table says is
    /// free (ISO 32000-2 7.5.8.4).
    fn hybrid(&mut self, at: usize) -> Option<Dictionary> {
        let mut freed = Vec::new();
        let trailer = self.table(at, &mut freed)?;
        if let Ok(stream) = trailer.get(b"XRefStm") {
            let stream = usize::try_from(stream.as_i64().ok()?).ok().filter(|stream| *stream < self.bytes.len())?;
            freed.iter().for_each(|number| self.entries[*number] = Entry::Unknown);
            self.reference_stream(stream)?;
            for number in freed {
                self.note(number as u64, Entry::Free)?;
            }
        }
        Some(trailer)
    }

    /// A cross-reference table, of whose entries each is twenty bytes, and its trailer. Adds to `freed` what it is the first to
    /// say is free.
    fn table(&mut self, at: usize, freed: &mut Vec<usize>) -> Option<Dictionary> {
        const LINE: usize = 20;
        let mut lexer = Lexer::new(self.bytes, at + b"xref".len());
        lexer.blanks();
        while lexer.peek()?.is_ascii_digit() {
            let first = lexer.unsigned()?;
            lexer.blanks();
            let count = usize::try_from(lexer.unsigned()?).ok()?;
            lexer.blanks();
            let lines = lexer.rest().get(..count.checked_mul(LINE)?)?;
            for (line, number) in lines.chunks(LINE).zip(first..) {
                let (offset, generation) = (digits(&line[..10])?, digits(&line[11..16])?);
                let entry = match line[17] {
                    b'n' => Entry::At(usize::try_from(offset).ok()?, u16::try_from(generation).ok()?),
                    b'f' => Entry::Free,
                    _ => return None,
                };
                let framed = line[10] == b' ' && line[16] == b' ' && matches!(&line[18..], b" \n" | b" \r" | b"\r\n");
                // Some writers give the first free object the place of one that is in use.
                if !framed || matches!(entry, Entry::At(0, _)) {
                    return None;
                }
                if self.note(number, entry)? && matches!(entry, Entry::Free) {
                    freed.push(number as usize);
                }
            }
            lexer.at += lines.len();
            lexer.blanks();
        }
        lexer.keyword(b"trailer")?;
        lexer.blanks();
        lexer.dictionary(MAX_DEPTH)
    }

    /// A cross-reference stream (ISO 32000-2 7.5.8), whose dictionary is the trailer too.
    fn reference_stream(&mut self, at: usize) -> Option<Dictionary> {
        let object = self.whole(self.indirect(at)?.1)?;
        let Object::Stream(stream) = object else { return None };
        if !document::has_type(&stream.dict, b"XRef") {
            return None;
        }
        let integer = |object: &Object| object.as_i64().ok().and_then(|value| usize::try_from(value).ok());
        let all = |object: &Object| object.as_array().ok()?.iter().map(integer).collect::<Option<Vec<usize>>>();
        let widths: [usize; 3] = all(stream.dict.get(b"W").ok()?)?.try_into().ok()?;
        let width: usize = widths.iter().copied().map(|width| width.min(9)).sum();
        if widths[0] != 1 || widths.iter().any(|width| *width > 8) {
            return None;
        }
        let ranges = match stream.dict.get(b"Index") {
            Ok(index) => all(index)?,
            Err(_) => vec![0, integer(stream.dict.get(b"Size").ok()?)?],
        };
        let content = self.unfiltered(&stream)?;
        let mut lines = content.chunks_exact(width);
        for range in ranges.chunks(2) {
            let [first, count] = *range else { return None };
            for number in first..first.checked_add(count)? {
                let (kind, rest) = lines.next()?.split_at(1);
                let (second, third) = rest.split_at(widths[1]);
                let value = |bytes: &[u8]| bytes.iter().fold(0u64, |value, byte| value << 8 | u64::from(*byte));
                let (second, third) = (value(second), value(third));
                let entry = match kind[0] {
                    0 => Entry::Free,
                    1 if second != 0 => Entry::At(usize::try_from(second).ok()?, u16::try_from(third).ok()?),
                    2 => Entry::In(u32::try_from(second).ok()?, usize::try_from(third).ok()?),
                    _ => return None,
                };
                self.note(number as u64, entry)?;
            }
        }
        lines.next().is_none().then_some(stream.dict)
    }

    /// The content of a stream without its filters.
    fn unfiltered(&mut self, stream: &Stream) -> Option<Vec<u8>> {
        let content = document::bytes_of(self.bytes, stream);
        if let Some(unpacked) = self.packer.unpack(&stream.dict, content, self.limit) {
            return Some(unpacked.to_vec());
        }
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        Stream::new(stream.dict.clone(), content.to_vec()).get_plain_content_with_limit(limit).ok()
    }

    /// The object of a reference.
    fn object(&mut self, id: ObjectId) -> Option<Object> {
        self.open(id)?;
        self.whole(self.value_of(id)?)
    }

    /// Unpacks the object stream that an object is in.
    fn open(&mut self, id: ObjectId) -> Option<()> {
        if let Entry::In(pack, _) = *self.entries.get(id.0 as usize)?
            && !self.packs.contains_key(&pack)
        {
            let opened = self.unpack(pack)?;
            self.room = self.room.checked_sub(opened.content.len() as u64)?;
            self.packs.insert(pack, opened);
        }
        Some(())
    }

    /// The start of an object whose object stream is open. A reference that leads nowhere is out of the ordinary too.
    fn value_of(&self, id: ObjectId) -> Option<Value<'_>> {
        match *self.entries.get(id.0 as usize)? {
            Entry::Unknown | Entry::Free => None,
            Entry::At(at, generation) => {
                let (found, value) = self.indirect(at)?;
                (found == id && generation == id.1).then_some(value)
            }
            Entry::In(pack, place) => {
                let Pack { content, index, .. } = self.packs.get(&pack)?;
                let &(found, start) = index.get(place)?;
                let mut lexer = Lexer::new(content, start);
                lexer.blanks();
                (found == id.0 && id.1 == 0).then_some(Value { lexer, is_packed: true })
            }
        }
    }

    /// The start of the indirect object at a byte of the file (ISO 32000-2 7.3.10), and what it is called.
    fn indirect(&self, at: usize) -> Option<(ObjectId, Value<'a>)> {
        let mut lexer = Lexer::new(self.bytes, at);
        let number = u32::try_from(lexer.unsigned()?).ok()?;
        lexer.blanks();
        let generation = u16::try_from(lexer.unsigned()?).ok()?;
        lexer.blanks();
        lexer.keyword(b"obj")?;
        lexer.blanks();
        Some(((number, generation), Value { lexer, is_packed: false }))
    }

    /// An object from its start.
    fn whole(&self, value: Value<'_>) -> Option<Object> {
        let Value { mut lexer, is_packed } = value;
        lexer.left = self.left.get();
        let object = lexer.value(MAX_DEPTH)?;
        self.left.set(lexer.left);
        if is_packed {
            return Some(object);
        }
        let length = object.as_dict().ok().and_then(|dictionary| document::entry(dictionary, b"Length"));
        let length = match length {
            Some(Object::Integer(length)) => Some(Token::Integer(*length)),
            Some(Object::Reference(id)) => Some(Token::Reference(*id)),
            _ => None,
        };
        match (self.end(&mut lexer, length)?, object) {
            (None, object) => Some(object),
            (Some(content), Object::Dictionary(dictionary)) => {
                let mut stream = Stream::with_position(dictionary, content.start);
                stream.dict.set("Length", content.len() as i64);
                Some(Object::Stream(stream))
            }
            (Some(_), _) => None,
        }
    }

    /// Takes what follows the value of an indirect object. If that is the content of a stream, which has this length by its
    /// dictionary, gives its place.
    fn end(&self, lexer: &mut Lexer<'_>, length: Option<Token<'_>>) -> Option<Option<Range<usize>>> {
        lexer.blanks();
        let mut content = None;
        if lexer.rest().starts_with(b"stream") {
            lexer.at += b"stream".len();
            let length = match length? {
                Token::Integer(length) => usize::try_from(length).ok()?,
                Token::Reference(id) => self.length(id)?,
                _ => return None,
            };
            lexer.end_of_line()?;
            let start = lexer.at;
            lexer.rest().get(..length)?;
            lexer.at += length;
            content = Some(start..lexer.at);
            // Before the keyword may be the end of a line, which is no part of the content.
            let _ = lexer.end_of_line();
            lexer.keyword(b"endstream")?;
            lexer.blanks();
        }
        lexer.keyword(b"endobj")?;
        Some(content)
    }

    /// Writes the syntax of an object that is only copied. No object where it has to be looked into: it may be drawn
    /// with the resources of its page, it is what the file or the page tree is made of, or only a reference or null.
    fn copied(&mut self, id: ObjectId, writer: &mut Writer) -> Option<Option<Plain>> {
        self.open(id)?;
        let Value { mut lexer, is_packed } = self.value_of(id)?;
        lexer.left = self.left.get();
        let (text, gaps) = (writer.syntax.text.len(), writer.syntax.gaps.len());
        let (mut is_seen, mut length, mut content) = (false, None, None);
        let first = lexer.token()?;
        match first {
            Token::Null | Token::Reference(_) => is_seen = true,
            Token::Dictionary => writer.dictionary(&mut lexer, MAX_DEPTH - 1, |key, value| match (key, value) {
                (b"Length", _) => length = Some(value),
                (b"Type", Token::Name(b"Page" | b"Pages" | b"Catalog" | b"ObjStm" | b"XRef"))
                | (b"Subtype", Token::Name(b"Form" | b"Type3") | Token::Reference(_)) => is_seen = true,
                _ => {}
            })?,
            _ => writer.value(&mut lexer, first, MAX_DEPTH)?,
        }
        if !is_packed {
            content = self.end(&mut lexer, length)?;
        }
        if content.is_some() {
            writer.leave_out(gaps);
        }
        writer.keys.clear();
        // It is written from there to where it is put together with others, and to the file.
        lexer.take(3 * (writer.syntax.text.len() - text))?;
        self.left.set(lexer.left);
        if is_seen {
            writer.syntax.text.truncate(text);
            writer.syntax.gaps.truncate(gaps);
            return Some(None);
        }
        let (text, gaps) = (text..writer.syntax.text.len(), gaps..writer.syntax.gaps.len());
        Some(Some(Plain { text, gaps, content }))
    }

    /// A length that is an object of its own.
    fn length(&self, id: ObjectId) -> Option<usize> {
        // A stream would have a length too, and so on.
        let Entry::At(at, _) = *self.entries.get(id.0 as usize)? else { return None };
        let mut lexer = Lexer::new(self.bytes, at);
        let found = (u32::try_from(lexer.unsigned()?).ok()?, {
            lexer.blanks();
            u16::try_from(lexer.unsigned()?).ok()?
        });
        lexer.blanks();
        lexer.keyword(b"obj")?;
        lexer.blanks();
        let length = lexer.unsigned()?;
        lexer.blanks();
        lexer.keyword(b"endobj")?;
        if found == id { usize::try_from(length).ok() } else { None }
    }

    /// An object stream (ISO 32000-2 7.5.7).
    fn unpack(&mut self, number: u32) -> Option<Pack> {
        let Some(Entry::At(at, 0)) = self.entries.get(number as usize).copied() else { return None };
        let (found, value) = self.indirect(at)?;
        let Object::Stream(stream) = self.whole(value)? else { return None };
        if found != (number, 0) || !document::has_type(&stream.dict, b"ObjStm") {
            return None;
        }
        let integer = |key: &[u8]| usize::try_from(stream.dict.get(key).ok()?.as_i64().ok()?).ok();
        let (count, first) = (integer(b"N")?, integer(b"First")?);
        let content = self.unfiltered(&stream)?;
        let head = content.get(..first)?;
        // A blank to some readers, and none to others.
        if head.contains(&0) {
            return None;
        }
        let mut lexer = Lexer::new(head, 0);
        let mut index = Vec::new();
        for _ in 0..count {
            lexer.blanks();
            let number = u32::try_from(lexer.unsigned()?).ok()?;
            lexer.blanks();
            let start = first.checked_add(usize::try_from(lexer.unsigned()?).ok()?)?;
            if start >= content.len() {
                return None;
            }
            index.push((number, start));
        }
        lexer.blanks();
        let mut numbers: Vec<u32> = index.iter().map(|(number, _)| *number).collect();
        numbers.sort_unstable();
        let once = numbers.windows(2).all(|pair| pair[0] != pair[1]);
        (once && lexer.rest().is_empty()).then_some(Pack { content, index })
    }
}

/// The start of an object.
struct Value<'a> {
    lexer: Lexer<'a>,
    /// Whether it is in an object stream, where nothing follows it.
    is_packed: bool,
}

/// The value of digits, of which there is at least one.
fn digits(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |value, digit| {
        let digit = digit.checked_sub(b'0').filter(|digit| *digit < 10)?;
        value.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

fn find_last(bytes: &[u8], word: &[u8]) -> Option<usize> {
    (0..bytes.len()).rev().find(|at| bytes[*at] == word[0] && bytes[*at..].starts_with(word))
}
