//! A look at the bytes of a PDF before it is parsed, for what would cost the parser its stack, its memory or its time.

use std::collections::HashMap;

use crate::inspect::Limits;

/// How many stream lengths may refer to something that is no number. One is enough to be wrong, but a later revision of a
/// file may have given the object another use.
const MAX_LENGTHS_OF_LENGTHS: usize = 64;

/// What the bytes give away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Suspicion {
    /// There is no header where readers look for it.
    NoHeader,
    /// More bytes than allowed.
    TooLarge {
        /// As many it has.
        bytes: u64,
    },
    /// More objects than allowed, or a cross-reference that declares more.
    TooManyObjects,
    /// Stream lengths that refer to other streams, each of which the parser would read within the other.
    NestedLengths,
}

/// Looks at the bytes once, without parsing.
pub(crate) fn scan(bytes: &[u8], limits: &Limits) -> Option<Suspicion> {
    if bytes.len() as u64 > limits.max_bytes {
        return Some(Suspicion::TooLarge { bytes: bytes.len() as u64 });
    }
    // Readers accept some bytes before the header (ISO 32000-2 annex I.2, note).
    if !bytes[..bytes.len().min(1024)].windows(5).any(|window| window == b"%PDF-") {
        return Some(Suspicion::NoHeader);
    }
    let most = u64::from(limits.max_objects);
    let mut objects = 0u64;
    // By object number: whether what follows its header is a number.
    let mut is_number = HashMap::new();
    let mut lengths = Vec::new();
    // Headers that the parser finds and this does not, as when there is a comment in them. No program writes such.
    let mut odd_headers = 0usize;
    for (at, &byte) in bytes.iter().enumerate() {
        match byte {
            b'o' if bytes[at..].starts_with(b"obj") => {
                let Some(number) = header_before(&bytes[..at]) else {
                    let alone = |byte: Option<&u8>| byte.is_none_or(|byte| !byte.is_ascii_alphanumeric());
                    odd_headers += usize::from(alone(bytes[..at].last()) && alone(bytes.get(at + 3)));
                    continue;
                };
                objects += 1;
                if objects > most {
                    return Some(Suspicion::TooManyObjects);
                }
                let body = bytes[at + 3..].iter().find(|byte| !byte.is_ascii_whitespace());
                // What looks like a header may be in a comment, and the header before it.
                let near = trim_end(&bytes[at.saturating_sub(64)..at]);
                let line = near.rsplit(|byte| matches!(byte, b'\n' | b'\r')).next().unwrap_or_default();
                odd_headers += usize::from(line.contains(&b'%'));
                let number_follows = body.is_some_and(u8::is_ascii_digit);
                *is_number.entry(number).or_insert(true) &= number_follows;
            }
            b'/' if let Some(rest) = name(&bytes[at..], b"/Length") => {
                let mut rest = Tokens(rest);
                if let (Some(number), Some(_), true) = (rest.integer(), rest.integer(), rest.starts_with(b'R')) {
                    lengths.push(number);
                }
            }
            b'/' if let Some(rest) = name(&bytes[at..], b"/Size")
                && in_cross_reference(bytes, at)
                && Tokens(rest).integer().is_some_and(|size| size > most) =>
            {
                return Some(Suspicion::TooManyObjects);
            }
            b'/' if let Some(rest) = name(&bytes[at..], b"/Index")
                && in_cross_reference(bytes, at) =>
            {
                let mut rest = Tokens(rest);
                if rest.starts_with(b'[') {
                    rest.0 = &rest.0[1..];
                    while let Some(entry) = rest.integer() {
                        if entry > most {
                            return Some(Suspicion::TooManyObjects);
                        }
                    }
                }
            }
            _ => {}
        }
    }
    let nested = lengths.iter().filter(|number| is_number.get(number) == Some(&false)).count();
    (nested.max(odd_headers) > MAX_LENGTHS_OF_LENGTHS).then_some(Suspicion::NestedLengths)
}

/// What follows a name, if it is this one, however it is written: any character may stand as `#` and two digits
/// (ISO 32000-2 7.3.5).
pub(crate) fn name<'a>(bytes: &'a [u8], wanted: &[u8]) -> Option<&'a [u8]> {
    let mut rest = bytes;
    for &letter in wanted {
        rest = match rest {
            [b'#', high, low, after @ ..] if hexadecimal(*high, *low) == Some(letter) => after,
            [first, after @ ..] if *first == letter => after,
            _ => return None,
        };
    }
    Some(rest)
}

fn hexadecimal(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(high)? << 4 | digit(low)?)
}

/// Whether a key is near enough to `/Root` or `/XRef` to be part of a trailer: `/Size` and `/Index` have other meanings.
fn in_cross_reference(bytes: &[u8], at: usize) -> bool {
    const NEAR: usize = 300;
    let around = &bytes[at.saturating_sub(NEAR)..bytes.len().min(at + NEAR)];
    around.windows(5).any(|window| window == b"/Root" || window == b"/XRef")
}

/// The object number of an `N G obj` header that ends where `bytes` end.
pub(crate) fn header_before(bytes: &[u8]) -> Option<u64> {
    let (bytes, _) = digits_before(trim_end(bytes))?;
    let (_, number) = digits_before(trim_end(bytes))?;
    Some(number)
}

fn trim_end(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|byte| !byte.is_ascii_whitespace()).map_or(0, |last| last + 1);
    &bytes[..end]
}

/// The number at the end of `bytes` and what is before it.
fn digits_before(bytes: &[u8]) -> Option<(&[u8], u64)> {
    // An object number has at most ten digits, so a long run of digits is something else.
    let window = &bytes[bytes.len().saturating_sub(11)..];
    let count = window.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let (rest, digits) = bytes.split_at(bytes.len() - count);
    Some((rest, std::str::from_utf8(digits).ok()?.parse().ok()?))
}

/// What is left to read of a few tokens.
pub(crate) struct Tokens<'a>(pub(crate) &'a [u8]);

impl Tokens<'_> {
    fn skip_space(&mut self) {
        self.0 = self.0.trim_ascii_start();
    }

    pub(crate) fn integer(&mut self) -> Option<u64> {
        self.skip_space();
        let count = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, rest) = self.0.split_at(count);
        // More digits than a number can have are more than any limit.
        let value = if count > 18 { u64::MAX } else { std::str::from_utf8(digits).ok()?.parse().ok()? };
        self.0 = rest;
        Some(value)
    }

    pub(crate) fn starts_with(&mut self, byte: u8) -> bool {
        self.skip_space();
        self.0.first() == Some(&byte)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan_default(bytes: &[u8]) -> Option<Suspicion> {
        scan(bytes, &Limits::default())
    }

    #[test]
    fn names_in_disguise_and_headers_with_comments_are_seen_through() {
        let chain = |length: &str, header: &str| {
            let objects =
                (1..200).map(|n| format!("{n} 0 {header}obj <</{length} {} 0 R>> stream\nendstream endobj\n", n + 1));
            format!("%PDF-1.4\n{}", objects.collect::<String>())
        };
        for (length, header) in
            [("Length", ""), ("Lengt#68", ""), ("#4cength", ""), ("Length", "%\n"), ("Length", "%1 0 \r")]
        {
            let found = scan_default(chain(length, header).as_bytes());
            assert_eq!(found, Some(Suspicion::NestedLengths), "{length} {header:?}");
        }
        let size = "%PDF-1.5\n1 0 obj <</Type/XRef/Si#7Ae 20000000/Root 1 0 R>>";
        assert_eq!(scan_default(size.as_bytes()), Some(Suspicion::TooManyObjects));
    }

    #[test]
    fn an_ordinary_file_raises_no_suspicion() {
        let mut file = String::from("%PDF-1.4\n");
        for object in 0..500 {
            file += &format!("{} 0 obj <</Length {} 0 R>> stream\nendstream endobj\n", 2 * object + 1, 2 * object + 2);
            file += &format!("{} 0 obj\n 0 endobj\n", 2 * object + 2);
        }
        file += "trailer <</Size 1001/Root 1 0 R>>";
        assert_eq!(scan_default(file.as_bytes()), None);
    }

    #[test]
    fn a_file_without_a_header_is_no_pdf() {
        assert_eq!(scan_default(b"PK\x03\x04"), Some(Suspicion::NoHeader));
        assert_eq!(scan_default(b""), Some(Suspicion::NoHeader));
    }

    #[test]
    fn a_chain_of_stream_lengths_is_noticed() {
        let chain: String =
            (1..100).map(|n| format!("{n} 0 obj<</Length {} 0 R>>stream\nendstream endobj\n", n + 1)).collect();
        assert_eq!(scan_default(format!("%PDF-1.4\n{chain}").as_bytes()), Some(Suspicion::NestedLengths));
    }

    #[test]
    fn a_cross_reference_that_declares_millions_of_objects_is_noticed() {
        for trailer in
            ["/Size 20000000/Root 1 0 R", "/Root 1 0 R /Size 99999999999999999999999", "/XRef/Index[0 20000000]"]
        {
            let file = format!("%PDF-1.5\n1 0 obj <<{trailer}>>");
            assert_eq!(scan_default(file.as_bytes()), Some(Suspicion::TooManyObjects), "{trailer}");
        }
    }

    #[test]
    fn a_size_that_is_not_of_a_cross_reference_is_left_alone() {
        assert_eq!(scan_default(b"%PDF-1.4\n1 0 obj <</Params<</Size 20000000>>>>"), None);
    }

    #[test]
    fn a_file_over_the_limit_is_too_large() {
        let limits = Limits { max_bytes: 9, ..Limits::default() };
        assert_eq!(scan(b"%PDF-1.4\n", &limits), None);
        assert_eq!(scan(b"%PDF-1.4\n\n", &limits), Some(Suspicion::TooLarge { bytes: 10 }));
    }
}
