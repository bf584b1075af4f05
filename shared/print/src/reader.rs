//! Reads well-formed files several times faster than the parser for all files, and only what their pages reach.
//!
//! What is written exactly as ISO 32000-2 7.3 and 7.5 say, which is nearly every letter, needs none of what a parser does
//! for those that are not. [`read`] gives what lopdf would, or nothing: at the least oddity, such as an escape in a string, a
//! key that is there twice or a length that is off, the caller asks lopdf. So there is one opinion on what a
//! document says, and tests hold this one to it. Objects that no page reaches, such as the structure of a tagged document,
//! which can be most of its objects, are never looked at.

#[cfg(test)]
mod tests;

use lopdf::{Dictionary, Document, Object, ObjectId, Stream, StringFormat};

use crate::document;

/// How deep arrays and dictionaries nest that are read here, and parentheses in a string.
const MAX_DEPTH: usize = 50;

/// The highest object number that is read here.
const MAX_NUMBER: u32 = 1 << 20;

/// How many cross-reference sections a file may have that is read here.
const MAX_SECTIONS: usize = 16;

/// The pages of a document and all they reach, or nothing if something about the file is out of the ordinary. The content of
/// streams stays in the file, where [`document::bytes_of`] finds it. No object stream or cross-reference stream may be larger
/// than `limit` bytes without its filters.
pub(crate) fn read(bytes: &[u8], limit: u64) -> Option<Document> {
    if !bytes.starts_with(b"%PDF-") {
        return None;
    }
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut file = File { bytes, limit, entries: Vec::new(), packs: Vec::new(), unfinished: Unfinished::default() };
    let root = file.cross_reference()?;
    let catalog = file.object(root)?;
    let tree = catalog.as_dict().ok()?.get(b"Pages").ok()?.as_reference().ok()?;

    let mut document = Document::new();
    document.trailer.set("Root", root);
    let mut objects = vec![(root, catalog)];
    let mut seen = vec![false; file.entries.len()];
    *seen.get_mut(root.0 as usize)? = true;
    let mut found = vec![tree];
    while let Some(id) = found.pop() {
        if std::mem::replace(seen.get_mut(id.0 as usize)?, true) {
            continue;
        }
        let object = file.object(id)?;
        // They hold what the file is made of, and no page has a reason to refer to one.
        if let Object::Stream(stream) = &object
            && (document::has_type(&stream.dict, b"ObjStm") || document::has_type(&stream.dict, b"XRef"))
        {
            return None;
        }
        document::references(&object, &mut found);
        objects.push((id, object));
    }
    document.objects = objects.into_iter().collect();
    Some(document)
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
    number: u32,
    content: Vec<u8>,
    /// The number of each object, and where it starts.
    index: Vec<(u32, usize)>,
}

struct File<'a> {
    bytes: &'a [u8],
    limit: usize,
    /// By object number.
    entries: Vec<Entry>,
    /// The object streams that were needed so far.
    packs: Vec<Pack>,
    unfinished: Unfinished,
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
                if self.bytes[at..].starts_with(b"xref") { self.table(at)? } else { self.reference_stream(at)? };
            if trailer.has(b"Encrypt") || trailer.has(b"XRefStm") {
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

    /// Notes where an object is, unless a newer section has said.
    fn note(&mut self, number: u64, entry: Entry) -> Option<()> {
        let number = u32::try_from(number).ok().filter(|number| *number <= MAX_NUMBER)? as usize;
        if number >= self.entries.len() {
            self.entries.resize(number + 1, Entry::Unknown);
        }
        if matches!(self.entries[number], Entry::Unknown) {
            self.entries[number] = entry;
        }
        Some(())
    }

    /// A cross-reference table, of whose entries each is twenty bytes, and its trailer.
    fn table(&mut self, at: usize) -> Option<Dictionary> {
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
                self.note(number, entry)?;
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
        let (_, object) = self.indirect(at)?;
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
    fn unfiltered(&self, stream: &Stream) -> Option<Vec<u8>> {
        let content = document::bytes_of(self.bytes, stream).to_vec();
        Stream::new(stream.dict.clone(), content).get_plain_content_with_limit(self.limit).ok()
    }

    /// The object of a reference. One that leads nowhere is out of the ordinary too.
    fn object(&mut self, id: ObjectId) -> Option<Object> {
        match *self.entries.get(id.0 as usize)? {
            Entry::Unknown | Entry::Free => None,
            Entry::At(at, generation) => {
                let (found, object) = self.indirect(at)?;
                (found == id && generation == id.1).then_some(object)
            }
            Entry::In(pack, place) => {
                if id.1 == 0 {
                    self.packed(pack, place, id.0)
                } else {
                    None
                }
            }
        }
    }

    /// The indirect object at a byte of the file (ISO 32000-2 7.3.10).
    fn indirect(&mut self, at: usize) -> Option<(ObjectId, Object)> {
        let mut lexer = Lexer { unfinished: std::mem::take(&mut self.unfinished), ..Lexer::new(self.bytes, at) };
        let number = u32::try_from(lexer.unsigned()?).ok()?;
        lexer.blanks();
        let generation = u16::try_from(lexer.unsigned()?).ok()?;
        lexer.blanks();
        lexer.keyword(b"obj")?;
        lexer.blanks();
        let mut object = lexer.value(MAX_DEPTH)?;
        self.unfinished = std::mem::take(&mut lexer.unfinished);
        lexer.blanks();
        if let (true, Object::Dictionary(dictionary)) = (lexer.rest().starts_with(b"stream"), &mut object) {
            lexer.at += b"stream".len();
            let length = match dictionary.get(b"Length").ok()? {
                Object::Integer(length) => usize::try_from(*length).ok()?,
                Object::Reference(id) => self.length(*id)?,
                _ => return None,
            };
            lexer.end_of_line()?;
            let start = lexer.at;
            lexer.rest().get(..length)?;
            lexer.at += length;
            // Before the keyword may be the end of a line, which is no part of the content.
            let _ = lexer.end_of_line();
            lexer.keyword(b"endstream")?;
            lexer.blanks();
            let mut stream = Stream::with_position(std::mem::take(dictionary), start);
            stream.dict.set("Length", length as i64);
            object = Object::Stream(stream);
        }
        lexer.keyword(b"endobj")?;
        Some(((number, generation), object))
    }

    /// A length that is an object of its own.
    fn length(&mut self, id: ObjectId) -> Option<usize> {
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

    /// An object in an object stream (ISO 32000-2 7.5.7).
    fn packed(&mut self, pack: u32, place: usize, number: u32) -> Option<Object> {
        let known = match self.packs.iter().position(|known| known.number == pack) {
            Some(known) => known,
            None => {
                let opened = self.unpack(pack)?;
                self.packs.push(opened);
                self.packs.len() - 1
            }
        };
        let Pack { content, index, .. } = &self.packs[known];
        let &(found, start) = index.get(place)?;
        if found != number {
            return None;
        }
        let mut lexer = Lexer { unfinished: std::mem::take(&mut self.unfinished), ..Lexer::new(content, start) };
        lexer.blanks();
        let object = lexer.value(MAX_DEPTH);
        self.unfinished = lexer.unfinished;
        object
    }

    fn unpack(&mut self, number: u32) -> Option<Pack> {
        let Some(Entry::At(at, 0)) = self.entries.get(number as usize).copied() else { return None };
        let (found, object) = self.indirect(at)?;
        let Object::Stream(stream) = object else { return None };
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
        (once && lexer.rest().is_empty()).then_some(Pack { number, content, index })
    }
}

/// Takes syntax from the front of bytes; nothing where it is not the plainest.
struct Lexer<'a> {
    bytes: &'a [u8],
    at: usize,
    unfinished: Unfinished,
}

/// What is there so far of the dictionaries and arrays that are being read, those within others last: only when all of one is
/// known is memory made for it, and as much as it needs.
#[derive(Default)]
struct Unfinished {
    entries: Vec<(Vec<u8>, Object)>,
    items: Vec<Object>,
}

impl<'a> Lexer<'a> {
    fn new(bytes: &'a [u8], at: usize) -> Self {
        Lexer { bytes, at, unfinished: Unfinished::default() }
    }

    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// Skips white space, and comments with the ends of their lines (ISO 32000-2 7.2.4).
    fn blanks(&mut self) {
        loop {
            let rest = self.rest();
            match rest.first() {
                Some(&byte) if is_blank(byte) => self.at += 1,
                Some(b'%') => match rest.iter().position(|byte| matches!(byte, b'\r' | b'\n')) {
                    Some(end) => self.at += end + 1,
                    None => return,
                },
                _ => return,
            }
        }
    }

    /// Takes the end of a line that follows a keyword: a line feed, with or without a carriage return before it.
    fn end_of_line(&mut self) -> Option<()> {
        self.at += match self.rest() {
            [b'\n', ..] => 1,
            [b'\r', b'\n', ..] => 2,
            _ => return None,
        };
        Some(())
    }

    /// Takes a word that ends there.
    fn keyword(&mut self, word: &[u8]) -> Option<()> {
        let after = self.rest().strip_prefix(word)?;
        if after.first().copied().is_some_and(is_regular) {
            return None;
        }
        self.at += word.len();
        Some(())
    }

    /// Takes digits.
    fn unsigned(&mut self) -> Option<u64> {
        let rest = self.rest();
        let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let value = digits(&rest[..length])?;
        self.at += length;
        Some(value)
    }

    /// Takes an object that is no stream.
    fn value(&mut self, depth: usize) -> Option<Object> {
        let depth = depth.checked_sub(1)?;
        match self.peek()? {
            b'/' => self.name().map(Object::Name),
            b'0'..=b'9' | b'+' | b'-' | b'.' => self.number(),
            b'[' => self.array(depth),
            b'<' if self.rest().starts_with(b"<<") => self.dictionary(depth).map(Object::Dictionary),
            b'<' => self.hexadecimal(),
            b'(' => self.literal(),
            b't' => self.keyword(b"true").map(|()| Object::Boolean(true)),
            b'f' => self.keyword(b"false").map(|()| Object::Boolean(false)),
            b'n' => self.keyword(b"null").map(|()| Object::Null),
            _ => None,
        }
    }

    fn name(&mut self) -> Option<Vec<u8>> {
        let name = self.rest().strip_prefix(b"/")?;
        let name = &name[..name.iter().position(|byte| !is_regular(*byte)).unwrap_or(name.len())];
        self.at += 1 + name.len();
        (!name.contains(&b'#')).then(|| name.to_vec())
    }

    fn array(&mut self, depth: usize) -> Option<Object> {
        self.at += 1;
        let first = self.unfinished.items.len();
        loop {
            self.blanks();
            if self.peek()? == b']' {
                self.at += 1;
                return Some(Object::Array(self.unfinished.items.drain(first..).collect()));
            }
            let item = self.value(depth)?;
            self.unfinished.items.push(item);
        }
    }

    fn dictionary(&mut self, depth: usize) -> Option<Dictionary> {
        self.at += self.rest().starts_with(b"<<").then_some(2)?;
        let first = self.unfinished.entries.len();
        loop {
            self.blanks();
            if self.rest().starts_with(b">>") {
                self.at += 2;
                break;
            }
            let key = self.name()?;
            self.blanks();
            let value = self.value(depth)?;
            self.unfinished.entries.push((key, value));
        }
        let entries = self.unfinished.entries.drain(first..);
        let count = entries.len();
        let mut dictionary = Dictionary::new();
        let table = dictionary.as_hashmap_mut();
        table.reserve_exact(count);
        table.extend(entries);
        (dictionary.len() == count).then_some(dictionary)
    }

    fn number(&mut self) -> Option<Object> {
        let rest = self.rest();
        let length = rest.iter().take_while(|byte| is_regular(**byte)).count();
        let text = &rest[..length];
        let Some(value) = digits(text) else {
            let number = signed_or_decimal(text)?;
            self.at += length;
            return Some(number);
        };
        self.at += length;
        // A number and a generation before an R are a reference.
        let mut ahead = Lexer::new(self.bytes, self.at);
        ahead.blanks();
        if ahead.at > self.at
            && let Some(generation) = ahead.unsigned()
        {
            let end = ahead.at;
            ahead.blanks();
            if ahead.at > end && ahead.keyword(b"R").is_some() {
                self.at = ahead.at;
                let id = (u32::try_from(value).ok()?, u16::try_from(generation).ok()?);
                return Some(Object::Reference(id));
            }
        }
        i64::try_from(value).ok().map(Object::Integer)
    }

    fn literal(&mut self) -> Option<Object> {
        let rest = self.rest();
        let mut open = 0;
        for (place, byte) in rest.iter().enumerate() {
            match byte {
                // What they stand for depends on what follows.
                b'\\' | b'\r' => return None,
                b'(' if open == MAX_DEPTH => return None,
                b'(' => open += 1,
                b')' if open == 1 => {
                    self.at += place + 1;
                    return Some(Object::String(rest[1..place].to_vec(), StringFormat::Literal));
                }
                b')' => open -= 1,
                _ => {}
            }
        }
        None
    }

    fn hexadecimal(&mut self) -> Option<Object> {
        let rest = &self.rest()[1..];
        let digits = &rest[..rest.iter().position(|byte| *byte == b'>')?];
        let value = |byte: u8| char::from(byte).to_digit(16).map(|value| value as u8);
        let pair = |pair: &[u8]| match *pair {
            [first, second] => Some(value(first)? << 4 | value(second)?),
            _ => None,
        };
        let bytes = digits.chunks(2).map(pair).collect::<Option<Vec<u8>>>()?;
        self.at += digits.len() + 2;
        Some(Object::String(bytes, StringFormat::Hexadecimal))
    }
}

/// White space (ISO 32000-2 table 1).
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\r' | b'\t' | b'\x0c' | b'\0')
}

/// What is neither white space nor a delimiter (ISO 32000-2 7.2.3).
fn is_regular(byte: u8) -> bool {
    !is_blank(byte) && !matches!(byte, b'(' | b')' | b'<' | b'>' | b'[' | b']' | b'{' | b'}' | b'/' | b'%')
}

/// A number that is not digits alone: it has a sign, or a point among its digits or beside them.
fn signed_or_decimal(text: &[u8]) -> Option<Object> {
    let text = str::from_utf8(text).ok()?;
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, decimals) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    if !whole.bytes().chain(decimals.bytes()).all(|byte| byte.is_ascii_digit()) || whole.len() + decimals.len() == 0 {
        return None;
    }
    match unsigned.len() == whole.len() {
        true => text.parse().ok().map(Object::Integer),
        false => text.parse().ok().map(Object::Real),
    }
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
