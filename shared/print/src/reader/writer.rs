//! Writes the syntax of objects that are only copied, straight from the syntax they are read in.

use std::ops::Range;

use super::lexer::{Lexer, Token, bytes_of};
use crate::source::{Syntax, is_left_out};
use crate::stream::{serialize_integer, serialize_name, serialize_real, serialize_string, stands_for_itself};
use crate::weight;

/// Writes the syntax of objects that are only copied.
#[derive(Default)]
pub(super) struct Writer {
    pub(super) syntax: Syntax,
    /// Where in the text the keys of dictionaries are that are being written, those of one within another last.
    pub(super) keys: Vec<Range<usize>>,
}

impl Writer {
    /// A writer with room for the syntax of most documents.
    pub(super) fn with_room() -> Self {
        const TEXT: usize = 8 << 10;
        const PLACES: usize = 64;
        let syntax = Syntax { text: Vec::with_capacity(TEXT), gaps: Vec::with_capacity(PLACES) };
        Writer { syntax, keys: Vec::with_capacity(PLACES) }
    }

    /// Writes a value whose first token was taken.
    pub(super) fn value(&mut self, lexer: &mut Lexer<'_>, first: Token<'_>, depth: usize) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        let Syntax { text, gaps } = &mut self.syntax;
        match first {
            Token::Null => text.extend_from_slice(b"null"),
            Token::Boolean(value) => text.extend_from_slice(if value { b"true" } else { b"false" }),
            Token::Integer(value) => serialize_integer(text, value),
            Token::Real(value) => serialize_real(text, value),
            Token::Reference(id) => {
                lexer.take(weight::REFERENCE)?;
                gaps.push((text.len(), id));
            }
            Token::Name(name) => put_name(text, name),
            Token::Literal(bytes) => serialize_string(text, bytes),
            Token::Hexadecimal(digits) => serialize_string(text, &bytes_of(digits)?),
            Token::Array => {
                text.push(b'[');
                let mut is_first = true;
                while !lexer.closes(b"]") {
                    if !is_first {
                        self.syntax.text.push(b' ');
                    }
                    is_first = false;
                    let item = lexer.token()?;
                    self.value(lexer, item, depth)?;
                }
                self.syntax.text.push(b']');
            }
            Token::Dictionary => {
                let outer = self.keys.len();
                self.dictionary(lexer, depth, |_, _| {})?;
                self.keys.truncate(outer);
            }
        }
        Some(())
    }

    /// Writes the rest of a dictionary that has started, and shows each key with the first token of its value. The places of
    /// the keys are kept.
    pub(super) fn dictionary<'a>(
        &mut self,
        lexer: &mut Lexer<'a>,
        depth: usize,
        mut show: impl FnMut(&'a [u8], Token<'a>),
    ) -> Option<()> {
        let first = self.keys.len();
        self.syntax.text.extend_from_slice(b"<<");
        while !lexer.closes(b">>") {
            let key = lexer.name()?;
            let start = self.syntax.text.len();
            put_name(&mut self.syntax.text, key);
            self.keys.push(start..self.syntax.text.len());
            self.syntax.text.push(b' ');
            lexer.blanks();
            let value = lexer.token()?;
            show(key, value);
            self.value(lexer, value, depth)?;
        }
        self.syntax.text.extend_from_slice(b">>");
        self.are_distinct(first).then_some(())
    }

    /// Whether no two entries have the same key of the dictionary whose keys start there.
    fn are_distinct(&self, first: usize) -> bool {
        // To compare each with each is faster as long as they are few.
        const FEW: usize = 16;
        let mut keys = self.keys[first..].iter().map(|key| &self.syntax.text[key.clone()]);
        if keys.len() <= FEW {
            return std::iter::from_fn(|| keys.next().map(|key| keys.clone().all(|other| other != key)))
                .all(|alone| alone);
        }
        let mut keys: Vec<&[u8]> = keys.collect();
        keys.sort_unstable();
        keys.windows(2).all(|pair| pair[0] != pair[1])
    }

    /// Takes from the dictionary of a stream, which was written last and whose gaps start there, what its copy does not have,
    /// and its end.
    pub(super) fn leave_out(&mut self, first_gap: usize) {
        let Syntax { text, gaps } = &mut self.syntax;
        text.truncate(text.len() - b">>".len());
        let mut end = text.len();
        for key in self.keys.iter().rev() {
            if is_left_out(&text[key.start + 1..key.end]) {
                text.drain(key.start..end);
                // A gap at the start belongs to what is before, and one at the end to this.
                let before = |place: usize| first_gap + gaps[first_gap..].partition_point(|(gap, _)| *gap <= place);
                let (from, to) = (before(key.start), before(end));
                gaps.drain(from..to);
                gaps[from..].iter_mut().for_each(|(gap, _)| *gap -= end - key.start);
            }
            end = key.start;
        }
    }
}

/// Writes a name that the lexer gave. Where it has escapes it is written as it is read, for there is one way to write those.
fn put_name(text: &mut Vec<u8>, name: &[u8]) {
    if name.iter().all(|byte| stands_for_itself(*byte) || *byte == b'#') {
        text.push(b'/');
        text.extend_from_slice(name);
    } else {
        serialize_name(text, name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::unescaped;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_name_is_written_as_its_bytes_are_and_taken_with_escapes_only_if_it_is_written_so(
            name in prop::collection::vec(prop::sample::select(b"#0123478AFaf!~z\x01\x7f\xe9".to_vec()), 0..9)
        ) {
            let mut written = Vec::new();
            serialize_name(&mut written, &unescaped(&name));
            let source = [b"/", name.as_slice(), b" "].concat();
            match Lexer::new(&source, 0).name() {
                Some(taken) => {
                    let mut text = Vec::new();
                    put_name(&mut text, taken);
                    prop_assert_eq!(text, written);
                }
                None => prop_assert!(name.contains(&b'#') && written[1..] != name),
            }
        }
    }
}
