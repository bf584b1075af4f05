//! How much memory the objects of a document may take where they are made in the process that assembles, which no limit ends.
//!
//! Two bytes of a file can become an object of a hundred, and two kilobytes that are packed a gigabyte. [`crate::reader`] weighs
//! what it makes while it makes it. lopdf cannot be told to stop, so what it would make is weighed before, by [`is_too_heavy`],
//! which goes through all that may be an object as lopdf does and makes nothing. Where it cannot know it takes the larger weight.
//! Inspection asks the same, so that what it lets through can be assembled.

use std::collections::HashMap;

use lopdf::{Dictionary, Object, Stream};

use crate::page_content::Packer;
use crate::prescan::{Tokens, name};
use crate::reader::dictionary_at;

/// How much a document may take, bytes, itself among it, unless it is so large that nothing would be left for its objects.
pub(crate) const ROOM: usize = 200_000_000;

/// How much its objects may take, bytes, however large it is itself.
const LEAST: usize = 100_000_000;

/// How much the objects of a document may take, bytes, of which so much is in memory.
pub(crate) fn room_beside(bytes: usize) -> usize {
    ROOM.saturating_sub(bytes).max(LEAST)
}

/// What an object takes, and what it does in addition if it is an array, which has room for four from the start, a dictionary,
/// which has a table, an entry of one, or an object of the document.
pub(crate) const VALUE: usize = size_of::<Object>();
pub(crate) const ARRAY: usize = 4 * VALUE;
pub(crate) const DICTIONARY: usize = 640;
pub(crate) const ENTRY: usize = 128;
const OBJECT: usize = 512;

/// What a reference takes until what it leads to is copied: it is noted by the reader and twice by the copy.
pub(crate) const REFERENCE: usize = 64;

/// Whether lopdf would take too much for what is in a file. `limit` is how much an object stream may hold.
pub(crate) fn is_too_heavy(bytes: &[u8], limit: u64, packer: &mut Packer) -> bool {
    // The streams are copied.
    let left = room_beside(2 * bytes.len());
    let work = 4 * bytes.len() + (64 << 20);
    let mut scale = Scale { left, work, limit, packer, lengths: HashMap::new(), waiting: Vec::new(), copied: 0 };
    scale.file(bytes).is_none()
}

struct Scale<'a> {
    /// How much more the objects may take.
    left: usize,
    /// How many more bytes are looked at. Objects may begin within others, each of which is looked at.
    work: usize,
    limit: u64,
    packer: &'a mut Packer,
    /// The largest number that an object of the file is, by its own number.
    lengths: HashMap<u64, usize>,
    /// The lengths that streams have elsewhere.
    waiting: Vec<u64>,
    /// How many bytes the contents of streams have.
    copied: usize,
}

/// What is known of an object.
#[derive(Default)]
struct Seen {
    end: usize,
    /// The number it is.
    number: Option<usize>,
    is_dictionary: bool,
    /// Whether it has a key that only object streams have among the streams.
    may_be_pack: bool,
    length: Option<Length>,
}

#[derive(Clone, Copy)]
enum Length {
    Direct(usize),
    Of(u64),
    Unclear,
}

// All of these give nothing if it is too much.
impl Scale<'_> {
    fn take(&mut self, weight: usize) -> Option<()> {
        self.left = self.left.checked_sub(weight)?;
        Some(())
    }

    fn file(&mut self, bytes: &[u8]) -> Option<()> {
        let (mut packs, mut trailers) = (Vec::new(), 0usize);
        for (at, &byte) in bytes.iter().enumerate() {
            let rest = &bytes[at..];
            if byte == b't' && rest.starts_with(b"trailer") {
                trailers += 1;
                self.object(bytes, at + b"trailer".len())?;
            } else if byte == b'o' && rest.starts_with(b"obj") && !bytes[..at].ends_with(b"end") {
                self.take(OBJECT)?;
                let start = at + b"obj".len();
                let seen = self.object(bytes, start)?;
                if let (Some(number), Some(id)) = (seen.number, crate::prescan::header_before(&bytes[..at])) {
                    let known = self.lengths.entry(id).or_default();
                    *known = number.max(*known);
                }
                if seen.is_dictionary
                    && let Some(content) = stream_at(bytes, seen.end)
                {
                    self.stream(bytes, content, &seen)?;
                    if seen.may_be_pack {
                        packs.push((start, content, seen.length));
                    }
                }
            }
        }
        // Lengths that are in object streams make lopdf unpack these twice.
        let mut times = 1;
        for id in std::mem::take(&mut self.waiting) {
            match self.lengths.get(&id) {
                Some(length) => self.copied += (*length).min(bytes.len()),
                None => times = 2,
            }
        }
        // Contents that are not within others are no more than the file.
        if self.copied > bytes.len() {
            return None;
        }
        for (start, content, length) in packs {
            for _ in 0..times {
                self.pack(bytes, start, content, length)?;
            }
        }
        self.take(trailers)
    }

    /// Weighs the content of a stream that is copied.
    fn stream(&mut self, bytes: &[u8], content: usize, seen: &Seen) -> Option<()> {
        let rest = bytes.len() - content;
        match seen.length {
            Some(Length::Direct(length)) if length <= rest => self.copied += length,
            Some(Length::Of(id)) => self.waiting.push(id),
            // Its end is looked for.
            Some(_) => {
                let end = find(&bytes[content..], b"endstream").unwrap_or(rest);
                self.work = self.work.checked_sub(end)?;
                self.copied += end;
            }
            None => {}
        }
        Some(())
    }

    /// Weighs what is in an object stream, if it is one.
    fn pack(&mut self, bytes: &[u8], start: usize, content: usize, length: Option<Length>) -> Option<()> {
        // Nothing that writes object streams writes their dictionaries in an odd way.
        let dictionary = dictionary_at(bytes, start)?;
        let integer = |key: &[u8]| dictionary.get(key).ok().and_then(|value| value.as_i64().ok());
        let (Some(first), Some(_)) = (integer(b"First").and_then(|first| usize::try_from(first).ok()), integer(b"N"))
        else {
            return Some(());
        };
        let rest = &bytes[content..];
        let exact = match length {
            Some(Length::Direct(length)) => rest.get(..length).filter(|_| {
                let after = &rest[length..];
                [&b""[..], b"\n", b"\r\n", b"\r"]
                    .iter()
                    .any(|end| after.strip_prefix(*end).is_some_and(|after| after.starts_with(b"endstream")))
            }),
            _ => None,
        };
        // What is packed in the usual way ends where it says itself.
        let packed = exact.unwrap_or(rest);
        self.work = self.work.checked_sub(packed.len())?;
        let unpacked = self.unpack(&dictionary, packed)?;
        self.work = self.work.checked_sub(unpacked.len())?;
        let Some(index) = unpacked.get(..first).and_then(|index| str::from_utf8(index).ok()) else { return Some(()) };
        let numbers = || {
            let lines = index.split(['\r', '\n']).map(|line| line.split('%').next().unwrap_or_default());
            lines.flat_map(str::split_whitespace).map(|number| number.parse::<u32>().ok())
        };
        // They are gathered in a list first.
        self.left.checked_sub(size_of::<Option<u32>>() * numbers().count())?;
        let mut numbers = numbers();
        while let (Some(id), Some(place)) = (numbers.next(), numbers.next()) {
            if let (Some(_), Some(place)) = (id, place) {
                self.take(OBJECT)?;
                self.object(&unpacked, first.saturating_add(place as usize))?;
            }
        }
        Some(())
    }

    /// The content of a stream without its filters; empty if there is none that is read.
    fn unpack(&mut self, dictionary: &Dictionary, packed: &[u8]) -> Option<Vec<u8>> {
        if let Some(unpacked) = self.packer.unpack(dictionary, packed, self.limit) {
            return Some(unpacked.to_vec());
        }
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        // One that holds more keeps the file from being read at all.
        Stream::new(dictionary.clone(), packed.to_vec()).get_plain_content_with_limit(limit).ok()
    }

    /// Weighs an object with all in it.
    fn object(&mut self, bytes: &[u8], start: usize) -> Option<Seen> {
        let mut seen = Seen::default();
        let (mut at, mut depth, mut numbers) = (start, 0usize, 0usize);
        while let Some(&byte) = bytes.get(at) {
            let before = at;
            let rest = &bytes[at..];
            let mut is_number = false;
            match byte {
                b' ' | b'\n' | b'\r' | b'\t' | b'\x0c' | b'\0' => {
                    at += 1;
                    self.work = self.work.checked_sub(1)?;
                    continue;
                }
                b'%' => {
                    at += rest.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap_or(rest.len());
                    self.work = self.work.checked_sub(at - before)?;
                    continue;
                }
                b'[' => {
                    self.take(VALUE + ARRAY)?;
                    (at, depth) = (at + 1, depth + 1);
                }
                b'<' if rest.starts_with(b"<<") => {
                    self.take(VALUE + DICTIONARY)?;
                    seen.is_dictionary |= depth == 0;
                    (at, depth) = (at + 2, depth + 1);
                }
                b']' => (at, depth) = (at + 1, depth.saturating_sub(1)),
                b'>' if rest.starts_with(b">>") => (at, depth) = (at + 2, depth.saturating_sub(1)),
                b'<' => {
                    let length = rest.iter().position(|byte| *byte == b'>').map_or(rest.len(), |end| end + 1);
                    self.take(VALUE + 32 + length)?;
                    at += length;
                }
                b'(' => {
                    let length = literal(rest);
                    // It is made again for each pair of parentheses that it is in.
                    self.take(VALUE + 32 + 4 * length)?;
                    at += length;
                }
                b'/' => {
                    let length = 1 + rest[1..].iter().take_while(|byte| is_regular(**byte)).count();
                    self.take(VALUE + ENTRY + 2 * length)?;
                    at += length;
                    seen.may_be_pack |= name(rest, b"/First").is_some();
                    if let Some(after) =
                        name(rest, b"/Length").filter(|after| after.first().is_none_or(|b| !is_regular(*b)))
                    {
                        seen.length = Some(seen.length.map_or_else(|| length_in(after), |_| Length::Unclear));
                    }
                }
                b'0'..=b'9' | b'+' | b'-' | b'.' => {
                    let run = &rest[..rest.iter().take_while(|byte| is_regular(**byte)).count()];
                    // After a sign or a point another number may begin without a blank.
                    let more = run[1..].iter().filter(|byte| !byte.is_ascii_digit()).count();
                    self.take((1 + more) * VALUE)?;
                    if depth == 0 {
                        seen.number = str::from_utf8(run).ok().and_then(|run| run.parse().ok());
                    }
                    is_number = more == 0;
                    at += run.len();
                }
                b'R' if numbers >= 2 => {
                    self.left += 2 * VALUE;
                    self.take(VALUE + REFERENCE)?;
                    at += 1;
                }
                b't' | b'f' | b'n' => {
                    let word = [&b"true"[..], b"false", b"null"].into_iter().find(|word| rest.starts_with(word));
                    let Some(word) = word else { break };
                    self.take(VALUE)?;
                    at += word.len();
                }
                _ => break,
            }
            self.work = self.work.checked_sub(at - before)?;
            numbers = if is_number { numbers + 1 } else { 0 };
            if depth == 0 {
                break;
            }
        }
        seen.end = at;
        Some(seen)
    }
}

fn is_regular(byte: u8) -> bool {
    !matches!(
        byte,
        b' ' | b'\n'
            | b'\r'
            | b'\t'
            | b'\x0c'
            | b'\0'
            | b'('
            | b')'
            | b'<'
            | b'>'
            | b'['
            | b']'
            | b'{'
            | b'}'
            | b'/'
            | b'%'
    )
}

/// How long a string in parentheses is.
fn literal(bytes: &[u8]) -> usize {
    let (mut open, mut at) = (0usize, 0);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 1,
            b'(' => open += 1,
            b')' if open == 1 => return at + 1,
            b')' => open -= 1,
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

/// The length that follows its key.
fn length_in(after: &[u8]) -> Length {
    let mut tokens = Tokens(after);
    let Some(length) = tokens.integer() else { return Length::Unclear };
    if tokens.integer().is_some() && tokens.starts_with(b'R') {
        return Length::Of(length);
    }
    usize::try_from(length).map_or(Length::Unclear, Length::Direct)
}

/// Where the content of a stream starts whose dictionary ends there, if that is one.
fn stream_at(bytes: &[u8], end: usize) -> Option<usize> {
    let mut at = end;
    loop {
        let rest = &bytes[at..];
        match rest.first()? {
            b'%' => at += rest.iter().position(|byte| matches!(byte, b'\r' | b'\n'))?,
            byte if is_regular(*byte) => {
                let after = rest.strip_prefix(b"stream")?;
                let blanks = after.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
                let line = &after[blanks..];
                let ending = if line.starts_with(b"\r\n") {
                    2
                } else {
                    usize::from(matches!(line.first(), Some(b'\r' | b'\n')))
                };
                return Some(bytes.len() - line.len() + ending);
            }
            b' ' | b'\n' | b'\r' | b'\t' | b'\x0c' | b'\0' => at += 1,
            _ => return None,
        }
    }
}

fn find(bytes: &[u8], word: &[u8]) -> Option<usize> {
    bytes.windows(word.len()).position(|window| window == word)
}
