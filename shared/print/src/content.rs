//! Reads the operators of page content one at a time (ISO 32000-2 7.8.2), in memory that does not grow with the content.
//!
//! Only what inspection asks for is kept of the operands: numbers, names, how long strings are, and what the numbers of an
//! array add up to.

use std::borrow::Cow;

/// How many operands are kept. The longest that means anything is a colour of 32 components and a name.
const MAX_OPERANDS: usize = 40;

/// One operand.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Operand<'a> {
    Number(f64),
    /// A name without its slash, its escapes resolved.
    Name(Cow<'a, [u8]>),
    /// A string, or an array with what strings and numbers it has.
    Text {
        /// Bytes in the strings.
        bytes: usize,
        /// Whether any of these is no space.
        letters: bool,
        /// The sum of the numbers without their signs.
        sum: f64,
    },
    /// A dictionary, or a word such as `true`.
    Other,
}

/// What is left to read.
#[derive(Debug)]
pub(crate) struct Operators<'a> {
    rest: &'a [u8],
    operands: Vec<Operand<'a>>,
}

impl<'a> Operators<'a> {
    pub(crate) fn new(content: &'a [u8]) -> Self {
        Self { rest: content, operands: Vec::new() }
    }

    /// The operands of the operator that was read last.
    pub(crate) fn operands(&self) -> &[Operand<'a>] {
        &self.operands
    }

    /// `N` numbers, if the operands are just these.
    pub(crate) fn numbers<const N: usize>(&self) -> Option<[f64; N]> {
        let mut numbers = [0.0; N];
        if self.operands.len() != N {
            return None;
        }
        for (number, operand) in numbers.iter_mut().zip(&self.operands) {
            let Operand::Number(value) = operand else { return None };
            *number = *value;
        }
        Some(numbers)
    }

    /// The name that is the last operand.
    pub(crate) fn name(&self) -> Option<&[u8]> {
        match self.operands.last()? {
            Operand::Name(name) => Some(name),
            _ => None,
        }
    }

    /// The bytes of the string, or of the strings in the array, that is the last operand.
    pub(crate) fn text(&self) -> usize {
        match self.operands.last() {
            Some(Operand::Text { bytes, .. }) => *bytes,
            _ => 0,
        }
    }

    /// Whether what [`Operators::text`] measures has anything else than spaces in it.
    pub(crate) fn has_letters(&self) -> bool {
        matches!(self.operands.last(), Some(Operand::Text { letters: true, .. }))
    }

    /// The sum of the numbers in the array that is the first operand, if there are any.
    pub(crate) fn sum(&self) -> Option<f64> {
        match self.operands.first()? {
            Operand::Text { sum, .. } => Some(*sum).filter(|sum| *sum > 0.0),
            _ => None,
        }
    }

    /// The next operator. An inline image is one operator, `BI`, whose operands are the keys and values before its data.
    pub(crate) fn next(&mut self) -> Option<&'a [u8]> {
        self.operands.clear();
        let mut in_image = false;
        loop {
            match self.token()? {
                Token::Operand(operand) => self.keep(operand),
                Token::Word(b"true" | b"false" | b"null") => self.keep(Operand::Other),
                Token::Word(b"BI") if !in_image => {
                    self.operands.clear();
                    in_image = true;
                }
                Token::Word(b"ID") if in_image => {
                    self.skip_image_data();
                    return Some(b"BI");
                }
                Token::Word(word) => return Some(word),
                Token::Stray => {}
            }
        }
    }

    fn keep(&mut self, operand: Operand<'a>) {
        if self.operands.len() < MAX_OPERANDS {
            self.operands.push(operand);
        }
    }

    fn token(&mut self) -> Option<Token<'a>> {
        self.skip_space();
        let first = *self.rest.first()?;
        Some(match first {
            b'0'..=b'9' | b'+' | b'-' | b'.' => match self.number() {
                Some(number) => Token::Operand(Operand::Number(number)),
                None => Token::Word(self.word()),
            },
            b'/' => {
                self.rest = &self.rest[1..];
                Token::Operand(Operand::Name(unescaped(self.word())))
            }
            b'(' => {
                let (bytes, letters) = self.string();
                Token::Operand(Operand::Text { bytes, letters, sum: 0.0 })
            }
            b'<' if self.rest.get(1) != Some(&b'<') => {
                let (bytes, letters) = self.hexadecimal();
                Token::Operand(Operand::Text { bytes, letters, sum: 0.0 })
            }
            b'<' | b'[' => Token::Operand(self.composite()),
            b')' | b'>' | b']' | b'{' | b'}' => {
                self.rest = &self.rest[1..];
                Token::Stray
            }
            _ => Token::Word(self.word()),
        })
    }

    fn skip_space(&mut self) {
        loop {
            let blank = self.rest.iter().take_while(|byte| is_space(**byte)).count();
            self.rest = &self.rest[blank..];
            if self.rest.first() != Some(&b'%') {
                return;
            }
            let comment = self.rest.iter().take_while(|byte| !matches!(byte, b'\r' | b'\n')).count();
            self.rest = &self.rest[comment..];
        }
    }

    /// A run of regular characters, perhaps none.
    fn word(&mut self) -> &'a [u8] {
        let count = self.rest.iter().take_while(|byte| is_regular(**byte)).count();
        let (word, rest) = self.rest.split_at(count);
        self.rest = rest;
        word
    }

    /// A number that ends where its word ends; nothing is read if there is none.
    fn number(&mut self) -> Option<f64> {
        let mut digits = self.rest.iter().copied().enumerate().peekable();
        let negative = digits.peek().is_some_and(|(_, byte)| *byte == b'-');
        digits.next_if(|(_, byte)| matches!(byte, b'+' | b'-'));
        let (mut value, mut scale) = (0.0, None);
        let end = loop {
            let Some((at, byte)) = digits.next() else { break self.rest.len() };
            match byte {
                b'0'..=b'9' => {
                    value = value * 10.0 + f64::from(byte - b'0');
                    scale = scale.map(|scale: f64| scale * 10.0);
                }
                b'.' if scale.is_none() => scale = Some(1.0),
                // Some writers put a second sign within a number, and readers end it there.
                b'-' => {}
                _ if is_regular(byte) => return None,
                _ => break at,
            }
        };
        self.rest = &self.rest[end..];
        let value = value / scale.unwrap_or(1.0);
        Some(if negative { -value } else { value })
    }

    /// The bytes of a string in parentheses, its escapes not resolved, and whether any is no space.
    fn string(&mut self) -> (usize, bool) {
        let mut depth = 0usize;
        let mut escaped = false;
        let mut end = self.rest.len();
        for (at, byte) in self.rest.iter().enumerate() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'(' => depth += 1,
                b')' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                end = at + 1;
                break;
            }
        }
        let letters = self.rest[..end].iter().skip(1).take(end.saturating_sub(2)).any(|byte| *byte != b' ');
        self.rest = &self.rest[end..];
        (end.saturating_sub(2), letters)
    }

    /// The bytes of a string in angle brackets, and whether any is no space.
    fn hexadecimal(&mut self) -> (usize, bool) {
        let count = self.rest.iter().take_while(|byte| **byte != b'>').count();
        let (mut digits, mut letters) = (0usize, false);
        for digit in self.rest[1..count].iter().filter(|byte| byte.is_ascii_hexdigit()) {
            letters |= *digit != b"20"[digits % 2];
            digits += 1;
        }
        self.rest = &self.rest[self.rest.len().min(count + 1)..];
        (digits.div_ceil(2), letters)
    }

    /// An array or a dictionary with all that is in it. What nests is counted, so that no depth of it takes any stack.
    fn composite(&mut self) -> Operand<'a> {
        let is_array = self.rest.first() == Some(&b'[');
        let (mut depth, mut bytes, mut letters, mut sum) = (0usize, 0, false, 0.0);
        loop {
            self.skip_space();
            let width = match self.rest {
                [b'<', b'<', ..] | [b'>', b'>', ..] => 2,
                [b'[' | b']', ..] => 1,
                [] => break,
                _ => 0,
            };
            if width == 0 {
                // Neither of these can be a bracket, so this ends one level down.
                match self.token() {
                    Some(Token::Operand(Operand::Text { bytes: more, letters: some, .. })) => {
                        bytes += more;
                        letters |= some;
                    }
                    Some(Token::Operand(Operand::Number(number))) => sum += number.abs(),
                    _ => {}
                }
                continue;
            }
            let opens = matches!(self.rest[0], b'<' | b'[');
            self.rest = &self.rest[width..];
            depth = if opens { depth + 1 } else { depth.saturating_sub(1) };
            if depth == 0 {
                break;
            }
        }
        if is_array { Operand::Text { bytes, letters, sum } } else { Operand::Other }
    }

    /// Skips the data of an inline image: by its size where that can be told, else to an `EI` that content follows.
    fn skip_image_data(&mut self) {
        // One blank ends `ID`.
        self.rest = self.rest.get(1..).unwrap_or_default();
        if let Some(after) = self.plain_image_size().and_then(|size| self.rest.get(size..)) {
            let blank = after.iter().take_while(|byte| is_space(**byte)).count();
            if let Some(after) = after[blank..].strip_prefix(b"EI") {
                self.rest = after;
                return;
            }
        }
        let ends = |at: &usize| {
            let (before, after) = (&self.rest[..*at], &self.rest[at + 2..]);
            let looks_like_content = |byte: &u8| byte.is_ascii_graphic() || is_space(*byte);
            before.last().is_none_or(|byte| is_space(*byte))
                && after.first().is_none_or(|byte| is_space(*byte))
                && after.iter().take(16).all(looks_like_content)
        };
        let mut found = self.rest.windows(2).enumerate().filter(|(_, pair)| *pair == b"EI").map(|(at, _)| at);
        let end = found.find(ends).map_or(self.rest.len(), |at| at + 2);
        self.rest = &self.rest[end..];
    }

    /// The number of bytes of an inline image without a filter whose samples are of a known size.
    fn plain_image_size(&self) -> Option<usize> {
        let image = InlineImage::of(&self.operands);
        if image.filtered {
            return None;
        }
        let components = match image.space {
            Some(b"G" | b"DeviceGray" | b"I" | b"Indexed") => 1,
            Some(b"RGB" | b"DeviceRGB") => 3,
            Some(b"CMYK" | b"DeviceCMYK") => 4,
            None if image.mask => 1,
            _ => return None,
        };
        let bits = if image.mask { 1 } else { image.bits };
        let row = (image.width as usize).checked_mul(components)?.checked_mul(bits as usize)?.div_ceil(8);
        row.checked_mul(image.height as usize)
    }
}

enum Token<'a> {
    Operand(Operand<'a>),
    Word(&'a [u8]),
    /// A bracket that closes nothing.
    Stray,
}

/// What an inline image says of itself, by its full or its short keys (ISO 32000-2 8.9.7).
#[derive(Debug, Default)]
pub(crate) struct InlineImage<'o> {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) mask: bool,
    /// The name of its colour space.
    pub(crate) space: Option<&'o [u8]>,
    bits: u32,
    filtered: bool,
}

impl<'o> InlineImage<'o> {
    /// From the operands of `BI`.
    pub(crate) fn of(operands: &'o [Operand<'_>]) -> Self {
        let mut image = Self { bits: 8, ..Self::default() };
        for pair in operands.chunks_exact(2) {
            let Operand::Name(key) = &pair[0] else { continue };
            match (&**key, &pair[1]) {
                // Conversion cuts off what is out of range.
                (b"W" | b"Width", Operand::Number(value)) => image.width = *value as u32,
                (b"H" | b"Height", Operand::Number(value)) => image.height = *value as u32,
                (b"BPC" | b"BitsPerComponent", Operand::Number(value)) => image.bits = *value as u32,
                (b"CS" | b"ColorSpace", Operand::Name(space)) => image.space = Some(space),
                // Nobody says that an image is no mask.
                (b"IM" | b"ImageMask", Operand::Other) => image.mask = true,
                (b"F" | b"Filter", _) => image.filtered = true,
                _ => {}
            }
        }
        image
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b'\0' | b'\t' | b'\n' | b'\x0c' | b'\r' | b' ')
}

fn is_regular(byte: u8) -> bool {
    !is_space(byte) && !matches!(byte, b'(' | b')' | b'<' | b'>' | b'[' | b']' | b'{' | b'}' | b'/' | b'%')
}

/// A name with its escapes resolved (ISO 32000-2 7.3.5).
pub(crate) fn unescaped(name: &[u8]) -> Cow<'_, [u8]> {
    if !name.contains(&b'#') {
        return Cow::Borrowed(name);
    }
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name;
    while let Some((first, after)) = rest.split_first() {
        let digit = |byte: u8| char::from(byte).to_digit(16);
        let escape = match after {
            [high, low, ..] if *first == b'#' => {
                digit(*high).zip(digit(*low)).map(|(high, low)| (high << 4 | low) as u8)
            }
            _ => None,
        };
        match escape {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    Cow::Owned(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(content: &str) -> Vec<(String, Vec<Operand<'_>>)> {
        let mut operators = Operators::new(content.as_bytes());
        let mut read = Vec::new();
        while let Some(operator) = operators.next() {
            read.push((String::from_utf8_lossy(operator).into_owned(), operators.operands().to_vec()));
        }
        read
    }

    fn names(content: &str) -> String {
        read(content).into_iter().map(|(operator, _)| operator).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn only_two_digits_are_an_escape_in_a_name() {
        assert_eq!(unescaped(b"Times#20New#2bRoman"), &b"Times New+Roman"[..]);
        for name in [&b"F#+1"[..], b"F#1", b"F#", b"F#g0"] {
            assert_eq!(unescaped(name), name);
        }
    }

    #[test]
    fn operands_come_with_their_operator() {
        let read = read("q 1 -.5 +2. 0 1e 3 cm/F#31 12 Tf");
        assert_eq!(read[1].0, "1e");
        assert_eq!(
            read[1].1,
            [Operand::Number(1.0), Operand::Number(-0.5), Operand::Number(2.0), Operand::Number(0.0)]
        );
        assert_eq!(read[3], ("Tf".into(), vec![Operand::Name(b"F1".to_vec().into()), Operand::Number(12.0)]));
    }

    #[test]
    fn strings_are_skipped_whole_and_measured() {
        let text = |content: &str| {
            assert_eq!(names(content).len(), 2, "{content}");
            let mut operators = Operators::new(content.as_bytes());
            operators.next();
            operators.text()
        };
        for (content, bytes) in [
            ("(a) Tj", 1),
            ("(a(b)c\\)) Tj", 7),
            ("(\\() Tj", 2),
            ("<4142> Tj", 2),
            ("<4> Tj", 1),
            ("[-10 (a) 5 (bc)] TJ", 3),
            ("[[<4>]] TJ", 1),
            ("() Tj", 0),
            ("<> Tj", 0),
            ("< > Tj", 0),
            ("[] TJ", 0),
            ("[() 3 <>] TJ", 0),
        ] {
            assert_eq!(text(content), bytes, "{content}");
        }
    }

    #[test]
    fn the_numbers_of_an_array_are_added_up() {
        for (content, sum) in [("[3 -2.5] 0 d", Some(5.5)), ("[] 0 d", None), ("0 0 d", None)] {
            let mut operators = Operators::new(content.as_bytes());
            operators.next();
            assert_eq!(operators.sum(), sum);
        }
    }

    #[test]
    fn comments_dictionaries_and_stray_brackets_are_no_operators() {
        assert_eq!(names("q % Q\n/P <</MCID 0/X[<</Y (Q)>>]>> BDC >> ] ) f"), "q BDC f");
    }

    #[test]
    fn an_inline_image_is_one_operator() {
        assert_eq!(names("q BI /W 2 /H 1 /CS /RGB /BPC 8 ID \nEI Q\nEI Q"), "q BI Q");
        assert_eq!(names("BI /W 2 /H 1 /F /AHx ID 4142> EI Q"), "BI Q");
        assert_eq!(names("BI /W 9 /H 9 /F /Fl ID x\n EI \u{1}\u{2} y EI\nq f"), "BI q f");
        assert_eq!(names("BI /W 9 /H 9 /F /Fl ID no end"), "BI");
        assert_eq!(names("BI /W 999999999 /H 999999999 ID x EI Q"), "BI Q");
        let images = read("BI /Width 2 /H 3 /IM true ID x EI");
        let image = InlineImage::of(&images[0].1);
        assert!(image.width == 2 && image.height == 3 && image.mask);
    }

    #[test]
    fn what_nests_without_end_takes_no_stack() {
        assert_eq!(names(&"[".repeat(1_000_000)), "");
        assert_eq!(names(&"<<".repeat(1_000_000)), "");
        assert_eq!(names(&"(".repeat(1_000_000)), "");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_to_their_end(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let mut operators = Operators::new(&bytes);
            let mut count = 0;
            while operators.next().is_some() {
                count += 1;
                prop_assert!(count <= bytes.len() + 1);
            }
            prop_assert!(operators.rest.is_empty());
        }

        #[test]
        fn content_made_of_pieces_is_read_to_its_end(pieces in prop::collection::vec(
            prop::sample::select(vec!["BI", "ID", "EI", "[", "]", "<<", ">>", "(", ")", "<", ">", " ", "/W 3", "\\", "%", "\n", "q", "-1.5"]),
            0..60,
        )) {
            let content = pieces.concat();
            let mut operators = Operators::new(content.as_bytes());
            let mut count = 0;
            while operators.next().is_some() {
                count += 1;
                prop_assert!(count <= content.len() + 1);
            }
        }
    }
}
