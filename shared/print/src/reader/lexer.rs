//! Takes the syntax of PDF from bytes where it is the plainest there is (ISO 32000-2 7.2 and 7.3), and nothing where it is not.

use lopdf::{Dictionary, Object, ObjectId, StringFormat};

use crate::content::unescaped;
use crate::stream::stands_for_itself;
use crate::weight;

/// How deep arrays and dictionaries nest that are read here, and parentheses in a string.
pub(super) const MAX_DEPTH: usize = 50;

/// Takes syntax from the front of bytes; nothing where it is not the plainest.
pub(super) struct Lexer<'a> {
    bytes: &'a [u8],
    pub(super) at: usize,
    /// How much more memory may be taken for what is read, see [`weight`].
    pub(super) left: usize,
}

/// An object that is neither array nor dictionary, or the start of one of these.
#[derive(Debug, Clone, Copy)]
pub(super) enum Token<'a> {
    Null,
    Boolean(bool),
    Integer(i64),
    Real(f32),
    Reference(ObjectId),
    /// Without its slash, and with the escapes that it cannot be written without; see [`unescaped`].
    Name(&'a [u8]),
    /// Without its parentheses.
    Literal(&'a [u8]),
    /// The digits, two for each byte.
    Hexadecimal(&'a [u8]),
    Array,
    Dictionary,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(bytes: &'a [u8], at: usize) -> Self {
        Lexer { bytes, at, left: weight::ROOM }
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// Skips white space, and comments with the ends of their lines (ISO 32000-2 7.2.4).
    pub(super) fn blanks(&mut self) {
        while let Some(byte) = self.peek() {
            if is_blank(byte) {
                self.at += 1;
            } else if byte == b'%' {
                match self.rest().iter().position(|byte| matches!(byte, b'\r' | b'\n')) {
                    Some(end) => self.at += end + 1,
                    None => return,
                }
            } else {
                return;
            }
        }
    }

    /// Takes the end of a line that follows a keyword: a line feed, with or without a carriage return before it.
    pub(super) fn end_of_line(&mut self) -> Option<()> {
        self.at += match self.rest() {
            [b'\n', ..] => 1,
            [b'\r', b'\n', ..] => 2,
            _ => return None,
        };
        Some(())
    }

    /// Takes a word that ends there.
    pub(super) fn keyword(&mut self, word: &[u8]) -> Option<()> {
        let after = self.rest().strip_prefix(word)?;
        if after.first().copied().is_some_and(is_regular) {
            return None;
        }
        self.at += word.len();
        Some(())
    }

    /// Takes digits.
    pub(super) fn unsigned(&mut self) -> Option<u64> {
        // So many never make more than an integer holds.
        const FEW: usize = 19;
        let (mut value, mut length) = (0, 0);
        while let Some(digit @ b'0'..=b'9') = self.bytes.get(self.at + length) {
            if length == FEW {
                return None;
            }
            value = value * 10 + u64::from(digit - b'0');
            length += 1;
        }
        self.at += length;
        (length > 0).then_some(value)
    }

    /// Takes a token.
    pub(super) fn token(&mut self) -> Option<Token<'a>> {
        match self.peek()? {
            b'/' => self.name().map(Token::Name),
            b'0'..=b'9' | b'+' | b'-' | b'.' => self.number(),
            b'[' => {
                self.at += 1;
                Some(Token::Array)
            }
            b'<' if self.rest().starts_with(b"<<") => {
                self.at += 2;
                Some(Token::Dictionary)
            }
            b'<' => self.hexadecimal(),
            b'(' => self.literal(),
            b't' => self.keyword(b"true").map(|()| Token::Boolean(true)),
            b'f' => self.keyword(b"false").map(|()| Token::Boolean(false)),
            b'n' => self.keyword(b"null").map(|()| Token::Null),
            _ => None,
        }
    }

    /// Takes an object that is no stream.
    pub(super) fn value(&mut self, depth: usize) -> Option<Object> {
        let depth = depth.checked_sub(1)?;
        self.take(weight::VALUE)?;
        Some(match self.token()? {
            Token::Null => Object::Null,
            Token::Boolean(value) => Object::Boolean(value),
            Token::Integer(value) => Object::Integer(value),
            Token::Real(value) => Object::Real(value),
            Token::Reference(id) => Object::Reference(id),
            Token::Name(name) => Object::Name(unescaped(name).into_owned()),
            Token::Literal(bytes) => Object::String(bytes.to_vec(), StringFormat::Literal),
            Token::Hexadecimal(digits) => Object::String(bytes_of(digits)?, StringFormat::Hexadecimal),
            Token::Array => {
                self.take(weight::ARRAY)?;
                let mut items = Vec::new();
                while !self.closes(b"]") {
                    items.push(self.value(depth)?);
                }
                Object::Array(items)
            }
            Token::Dictionary => Object::Dictionary(self.entries(depth)?),
        })
    }

    /// Takes from the memory that is left.
    pub(super) fn take(&mut self, weight: usize) -> Option<()> {
        self.left = self.left.checked_sub(weight)?;
        Some(())
    }

    /// Takes a dictionary.
    pub(super) fn dictionary(&mut self, depth: usize) -> Option<Dictionary> {
        self.at += self.rest().starts_with(b"<<").then_some(2)?;
        self.entries(depth)
    }

    /// Takes the rest of a dictionary that has started.
    fn entries(&mut self, depth: usize) -> Option<Dictionary> {
        let mut entries = Vec::new();
        self.take(weight::DICTIONARY)?;
        while !self.closes(b">>") {
            self.take(weight::VALUE + weight::ENTRY)?;
            let key = unescaped(self.name()?).into_owned();
            self.blanks();
            entries.push((key, self.value(depth)?));
        }
        let count = entries.len();
        let mut dictionary = Dictionary::new();
        let table = dictionary.as_hashmap_mut();
        table.reserve_exact(count);
        table.extend(entries);
        (dictionary.len() == count).then_some(dictionary)
    }

    /// Takes the end of an array or a dictionary, if it is there.
    pub(super) fn closes(&mut self, end: &[u8]) -> bool {
        self.blanks();
        let closes = self.rest().starts_with(end);
        if closes {
            self.at += end.len();
        }
        closes
    }

    pub(super) fn name(&mut self) -> Option<&'a [u8]> {
        let name = self.rest().strip_prefix(b"/")?;
        let ends = |from: usize, is_end: fn(u8) -> bool| {
            name[from..].iter().position(|byte| is_end(*byte)).map_or(name.len(), |length| from + length)
        };
        let mut length = ends(0, |byte| class(byte) != Class::Regular);
        let is_escaped = name.get(length) == Some(&b'#');
        if is_escaped {
            length = ends(length, |byte| !is_regular(byte));
        }
        self.at += 1 + length;
        let name = &name[..length];
        (!is_escaped || is_escaped_once(name)).then_some(name)
    }

    fn number(&mut self) -> Option<Token<'a>> {
        let start = self.at;
        let value = self.unsigned().filter(|_| !self.peek().is_some_and(is_regular));
        let Some(value) = value else {
            let rest = self.bytes.get(start..)?;
            let text = &rest[..rest.iter().take_while(|byte| is_regular(**byte)).count()];
            self.at = start + text.len();
            return signed_or_decimal(text);
        };
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
                return Some(Token::Reference(id));
            }
        }
        i64::try_from(value).ok().map(Token::Integer)
    }

    fn literal(&mut self) -> Option<Token<'a>> {
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
                    return Some(Token::Literal(&rest[1..place]));
                }
                b')' => open -= 1,
                _ => {}
            }
        }
        None
    }

    fn hexadecimal(&mut self) -> Option<Token<'a>> {
        let rest = &self.rest()[1..];
        let digits = &rest[..rest.iter().position(|byte| *byte == b'>')?];
        self.at += digits.len() + 2;
        Some(Token::Hexadecimal(digits))
    }
}

/// The bytes of hexadecimal digits.
pub(super) fn bytes_of(digits: &[u8]) -> Option<Vec<u8>> {
    let value = |byte: u8| char::from(byte).to_digit(16).map(|value| value as u8);
    let pair = |pair: &[u8]| match *pair {
        [first, second] => Some(value(first)? << 4 | value(second)?),
        _ => None,
    };
    digits.chunks(2).map(pair).collect()
}

/// Whether a name is written in the one way in which each byte is escaped that has to be, and no other (ISO 32000-2 7.3.5).
/// So no name with an escape is equal to one without.
fn is_escaped_once(name: &[u8]) -> bool {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    };
    let mut rest = name;
    loop {
        rest = match rest {
            [] => return true,
            [b'#', high, low, after @ ..] => match digit(*high).zip(digit(*low)) {
                Some((high, low)) if !stands_for_itself(high << 4 | low) => after,
                _ => return false,
            },
            [byte, after @ ..] if stands_for_itself(*byte) => after,
            _ => return false,
        };
    }
}

/// White space (ISO 32000-2 table 1).
fn is_blank(byte: u8) -> bool {
    class(byte) == Class::Blank
}

/// What is neither white space nor a delimiter (ISO 32000-2 7.2.3).
fn is_regular(byte: u8) -> bool {
    matches!(class(byte), Class::Regular | Class::Escape)
}

fn class(byte: u8) -> Class {
    CLASSES[usize::from(byte)]
}

/// What a byte is to the syntax.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Regular,
    /// Regular too, and in a name the start of an escape.
    Escape,
    Blank,
    Delimiter,
}

/// The class of each byte.
static CLASSES: [Class; 256] = {
    let mut classes = [Class::Regular; 256];
    let mut byte = 0;
    while byte < classes.len() {
        classes[byte] = match byte as u8 {
            b' ' | b'\n' | b'\r' | b'\t' | b'\x0c' | b'\0' => Class::Blank,
            b'(' | b')' | b'<' | b'>' | b'[' | b']' | b'{' | b'}' | b'/' | b'%' => Class::Delimiter,
            b'#' => Class::Escape,
            _ => Class::Regular,
        };
        byte += 1;
    }
    classes
};

/// A number that is not digits alone: it has a sign, or a point among its digits or beside them.
fn signed_or_decimal<'a>(text: &[u8]) -> Option<Token<'a>> {
    let text = str::from_utf8(text).ok()?;
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, decimals) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    if !whole.bytes().chain(decimals.bytes()).all(|byte| byte.is_ascii_digit()) || whole.len() + decimals.len() == 0 {
        return None;
    }
    match unsigned.len() == whole.len() {
        true => text.parse().ok().map(Token::Integer),
        false => text.parse().ok().map(Token::Real),
    }
}
