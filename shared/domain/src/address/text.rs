//! Text as people type it: cleaning a field for print, and folding a name so that its spellings compare equal.

use std::borrow::Cow;

/// Why a text cannot be printed on an envelope at all, whatever the field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// A control character, a line break or an invisible mark that reorders text.
    Control,
    /// More characters than the field may have.
    TooLong,
}

/// The text without white space at its ends and with each run of white space inside as one space.
///
/// Nothing is copied unless something changes: almost every field of a large batch is clean already.
pub(crate) fn clean(raw: &str, most: usize) -> Result<Cow<'_, str>, Unfit> {
    let text = raw.trim();
    if text.len() <= most && is_plain(text.as_bytes()) {
        return Ok(Cow::Borrowed(text));
    }
    let mut cleaned = String::new();
    let mut length = 0;
    let mut gap = false;
    for c in text.chars() {
        if is_control(c) {
            return Err(Unfit::Control);
        }
        if c.is_whitespace() {
            gap = true;
            continue;
        }
        length += 1 + usize::from(gap);
        if length > most {
            return Err(Unfit::TooLong);
        }
        if gap {
            cleaned.push(' ');
            gap = false;
        }
        cleaned.push(c);
    }
    Ok(Cow::Owned(cleaned))
}

/// Printable ASCII without two spaces in a row: what needs no further look.
fn is_plain(bytes: &[u8]) -> bool {
    let mut previous = 0;
    bytes.iter().all(|&byte| {
        let plain = matches!(byte, b' '..=b'~') && !(byte == b' ' && previous == b' ');
        previous = byte;
        plain
    })
}

/// Characters that have no glyph but change what is printed: controls, the two Unicode line breaks, bidirectional
/// overrides and isolates, and the zero-width space and byte order mark that exports leave behind. The joiners that
/// some scripts need (U+200C, U+200D) are not among them.
fn is_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{200B}' | '\u{FEFF}')
}

/// A name reduced to its letters, so that `U.S.A.`, `usa` and `Usa` are one.
pub(super) struct Folded {
    letters: [u8; Self::MOST],
    length: usize,
}

impl Folded {
    /// The longest name in any table here has fewer letters.
    const MOST: usize = 64;

    /// Upper-case ASCII letters only: accents are taken off, spaces and punctuation dropped, `&` is `AND`. None for
    /// a text with anything else in it, or too long to be in any table.
    pub(super) fn new(text: &str) -> Option<Folded> {
        let mut folded = Folded { letters: [0; Self::MOST], length: 0 };
        for c in text.chars() {
            match c {
                'A'..='Z' | 'a'..='z' => folded.push(&[c as u8])?,
                '.' | ',' | '\'' | '’' | '-' | '(' | ')' | '/' | '\u{300}'..='\u{36F}' => {}
                '&' => folded.push(b"AND")?,
                _ if c.is_whitespace() => {}
                _ => folded.push(without_accent(c)?.as_bytes())?,
            }
        }
        Some(folded)
    }

    fn push(&mut self, letters: &[u8]) -> Option<()> {
        let end = self.length + letters.len();
        let room = self.letters.get_mut(self.length..end)?;
        room.copy_from_slice(letters);
        room.make_ascii_uppercase();
        self.length = end;
        Some(())
    }

    /// The letters.
    pub(super) fn letters(&self) -> &[u8] {
        &self.letters[..self.length]
    }
}

/// The plain letters for an accented Latin one, as far as names of countries and states need them.
fn without_accent(c: char) -> Option<&'static str> {
    Some(match c.to_lowercase().next()? {
        'à'..='å' | 'ā' | 'ă' | 'ą' => "A",
        'æ' => "AE",
        'ç' | 'ć' | 'č' => "C",
        'ď' | 'đ' | 'ð' => "D",
        'è'..='ë' | 'ē' | 'ė' | 'ę' | 'ě' => "E",
        'ğ' => "G",
        'ì'..='ï' | 'ī' | 'ı' | 'i' => "I",
        'ł' => "L",
        'ñ' | 'ń' | 'ň' => "N",
        'ò'..='ö' | 'ø' | 'ō' | 'ő' => "O",
        'œ' => "OE",
        'ř' => "R",
        'ś' | 'š' | 'ş' | 'ș' => "S",
        'ß' => "SS",
        'ţ' | 'ț' | 'ť' => "T",
        'ù'..='ü' | 'ū' | 'ů' | 'ű' => "U",
        'ý' | 'ÿ' => "Y",
        'ź' | 'ż' | 'ž' => "Z",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn folded(text: &str) -> Option<String> {
        Folded::new(text).map(|folded| String::from_utf8(folded.letters().to_vec()).unwrap())
    }

    #[test]
    fn white_space_is_trimmed_at_the_ends_and_collapsed_inside() {
        assert_eq!(clean("\t 12  Main\u{a0}\u{a0}St \r\n", 100).unwrap(), "12 Main St");
        assert_eq!(clean(" \n\t ", 100).unwrap(), "");
    }

    #[test]
    fn a_clean_text_is_not_copied() {
        assert!(matches!(clean("  12 Main St  ", 100), Ok(Cow::Borrowed("12 Main St"))));
    }

    #[test]
    fn a_control_character_inside_is_refused() {
        for hidden in ['\n', '\r', '\t', '\0', '\u{1b}', '\u{7f}', '\u{85}', '\u{2028}', '\u{202e}', '\u{200b}'] {
            assert_eq!(clean(&format!("12 Main{hidden}St"), 100), Err(Unfit::Control), "{hidden:?}");
        }
        assert!(clean("نیم\u{200c}فاصله", 100).is_ok(), "a joiner is part of the spelling");
    }

    #[test]
    fn length_is_counted_in_characters_after_cleaning() {
        assert!(clean(&"é".repeat(100), 100).is_ok());
        assert_eq!(clean(&"é".repeat(101), 100), Err(Unfit::TooLong));
        assert_eq!(clean(&"e".repeat(101), 100), Err(Unfit::TooLong));
        assert_eq!(clean(&format!("a{}b", " ".repeat(500)), 3).unwrap(), "a b");
        assert_eq!(clean("a  bc", 3), Err(Unfit::TooLong));
    }

    #[test]
    fn spellings_of_one_name_fold_to_the_same_letters() {
        assert_eq!(folded("U.S.A.").as_deref(), Some("USA"));
        assert_eq!(folded("Côte d’Ivoire").as_deref(), Some("COTEDIVOIRE"));
        assert_eq!(folded("Co\u{302}te d'Ivoire").as_deref(), Some("COTEDIVOIRE"));
        assert_eq!(folded("Trinidad & Tobago").as_deref(), Some("TRINIDADANDTOBAGO"));
        assert_eq!(folded("TÜRKİYE").as_deref(), Some("TURKIYE"));
    }

    #[test]
    fn a_name_with_other_signs_or_too_many_letters_is_in_no_table() {
        assert_eq!(folded("US1"), None);
        assert_eq!(folded("日本"), None);
        assert_eq!(folded(&"a".repeat(65)), None);
        assert_eq!(folded(&"a".repeat(64)).map(|letters| letters.len()), Some(64));
    }

    proptest! {
        #[test]
        fn cleaning_twice_changes_nothing_more(raw in any::<String>(), most in 1_usize..60) {
            if let Ok(once) = clean(&raw, most) {
                prop_assert!(once.chars().count() <= most);
                prop_assert!(!once.contains("  ") && once.trim() == once);
                prop_assert!(!once.chars().any(char::is_control));
                prop_assert_eq!(clean(&once, most).unwrap(), once.clone());
            }
        }

        #[test]
        fn the_quick_way_and_the_slow_way_agree(raw in "[ -~]{0,20}") {
            // An accented letter in front takes the slow way for the same rest.
            let slow = clean(&format!("é{}", raw.trim()), 100).unwrap().into_owned();
            let quick = clean(raw.trim(), 100).unwrap();
            prop_assert_eq!(slow.trim_start_matches('é'), &*quick);
        }

        #[test]
        fn folding_any_text_gives_only_capital_letters(raw in any::<String>()) {
            if let Some(letters) = folded(&raw) {
                prop_assert!(letters.bytes().all(|letter| letter.is_ascii_uppercase()));
            }
        }
    }
}
