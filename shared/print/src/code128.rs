//! Code 128 in subset C as GS1-128 uses it: the routing code and article number of a certified piece to bars, and back
//! (ISO/IEC 15417; GS1 General Specifications §5.4; USPS Publication 199).
//!
//! Subset C packs two digits into a symbol character, which is what lets the barcode fit a letter: all that goes into it here
//! has an even number of digits.

use thiserror::Error;

/// The bars and spaces of each symbol character in modules, a bar first; the value of a character is its place
/// (ISO/IEC 15417 table 1). 0 to 99 are pairs of digits in subset C.
const PATTERNS: [&[u8]; 107] = [
    b"212222", b"222122", b"222221", b"121223", b"121322", b"131222", b"122213", b"122312", b"132212",
    b"221213", // 0
    b"221312", b"231212", b"112232", b"122132", b"122231", b"113222", b"123122", b"123221", b"223211",
    b"221132", // 10
    b"221231", b"213212", b"223112", b"312131", b"311222", b"321122", b"321221", b"312212", b"322112",
    b"322211", // 20
    b"212123", b"212321", b"232121", b"111323", b"131123", b"131321", b"112313", b"132113", b"132311",
    b"211313", // 30
    b"231113", b"231311", b"112133", b"112331", b"132131", b"113123", b"113321", b"133121", b"313121",
    b"211331", // 40
    b"231131", b"213113", b"213311", b"213131", b"311123", b"311321", b"331121", b"312113", b"312311",
    b"332111", // 50
    b"314111", b"221411", b"431111", b"111224", b"111422", b"121124", b"121421", b"141122", b"141221",
    b"112214", // 60
    b"112412", b"122114", b"122411", b"142112", b"142211", b"241211", b"221114", b"413111", b"241112",
    b"134111", // 70
    b"111242", b"121142", b"121241", b"114212", b"124112", b"124211", b"411212", b"421112", b"421211",
    b"212141", // 80
    b"214121", b"412121", b"111143", b"111341", b"131141", b"114113", b"114311", b"411113", b"411311",
    b"113141", // 90
    b"114131", b"311141", b"411131", b"211412", b"211214", b"211232", b"2331112", // 100
];

/// Function 1: first in a symbol it says that this is GS1-128, later that an element of variable length ends.
const FNC1: usize = 102;
/// Starts a symbol in subset C.
const START_C: usize = 105;
/// Ends a symbol. It alone has seven bars and spaces, and 13 modules.
const STOP: usize = 106;
/// Bars and spaces of every other character.
const CHARACTER: usize = 6;
/// The check character is a remainder of this.
const CHECK_MODULUS: usize = 103;

/// GS1 application identifier of a ship-to postal code.
const SHIP_TO: &str = "420";

/// What a reader gives for an `FNC1` that ends an element: the ASCII group separator.
pub const GROUP_SEPARATOR: char = '\u{1d}';

/// Why digits cannot become a symbol, or bars cannot become digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
pub enum Code128Error {
    /// The article number is not 22 or 26 digits.
    #[error("an article number is 22 or 26 digits")]
    ArticleNumber,
    /// The routing code is not 0, 5 or 9 digits.
    #[error("the ZIP Code of a certified label is 5 or 9 digits, or left out")]
    Zip,
    /// The bars are not a whole symbol of digits in subset C. Only from [`decode`].
    #[error("these bars carry no digits: a character is unknown or the check character differs")]
    Unreadable,
}

/// The digits of an article number. Whether they make sense to the Postal Service is the business of who gives them out: what
/// matters here is that they can be bars.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ArticleDigits(String);

impl ArticleDigits {
    /// Takes 22 or 26 digits, which is what the bars have room for.
    ///
    /// # Errors
    /// [`Code128Error::ArticleNumber`] for anything else.
    pub fn parse(text: &str) -> Result<Self, Code128Error> {
        if matches!(text.len(), 22 | 26) && is_digits(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Code128Error::ArticleNumber)
        }
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A symbol: the widths of its bars and spaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code128 {
    widths: Vec<u8>,
}

impl Code128 {
    /// The barcode of an article: `420` and the ZIP Code (none, 5 or 9 digits) unless it is empty, then the article number.
    ///
    /// # Errors
    /// [`Code128Error::Zip`].
    pub fn article(zip: &str, number: &ArticleDigits) -> Result<Self, Code128Error> {
        if !matches!(zip.len(), 0 | 5 | 9) || !is_digits(zip) {
            return Err(Code128Error::Zip);
        }
        let mut values = vec![START_C, FNC1];
        if !zip.is_empty() {
            push_pairs(&mut values, &format!("{SHIP_TO}{zip}"));
            values.push(FNC1);
        }
        push_pairs(&mut values, number.as_str());
        values.push(check(&values));
        values.push(STOP);
        let widths = values.iter().flat_map(|&value| PATTERNS[value]).map(|width| width - b'0').collect();
        Ok(Self { widths })
    }

    /// Widths in modules, bar and space by turns; a bar is first and last. Without quiet zones.
    pub fn widths(&self) -> &[u8] {
        &self.widths
    }

    /// Modules from the first bar to the last.
    pub fn modules(&self) -> usize {
        self.widths.iter().map(|&width| usize::from(width)).sum()
    }
}

fn push_pairs(values: &mut Vec<usize>, digits: &str) {
    let digit = |byte: u8| usize::from(byte - b'0');
    values.extend(digits.as_bytes().chunks_exact(2).map(|pair| digit(pair[0]) * 10 + digit(pair[1])));
}

/// The check character of a symbol from its start character on: the start counts once, each that follows as often as its
/// place.
fn check(values: &[usize]) -> usize {
    let weighted = values.iter().enumerate().map(|(place, value)| place.max(1) * value);
    weighted.sum::<usize>() % CHECK_MODULUS
}

/// Reads widths in modules, bar first, as a symbol in subset C that starts with FNC1. Gives its element strings without that
/// FNC1, a [`GROUP_SEPARATOR`] for each later one.
///
/// # Errors
/// [`Code128Error::Unreadable`]; the check character must match.
pub fn decode(widths: &[u8]) -> Result<String, Code128Error> {
    let unreadable = Code128Error::Unreadable;
    let digits: Vec<u8> = widths.iter().map(|width| width.saturating_add(b'0')).collect();
    let body = digits.strip_suffix(PATTERNS[STOP]).ok_or(unreadable)?;
    let values: Vec<usize> = body
        .chunks(CHARACTER)
        .map(|pattern| PATTERNS.iter().position(|known| *known == pattern))
        .collect::<Option<_>>()
        .ok_or(unreadable)?;
    let (&last, checked) = values.split_last().ok_or(unreadable)?;
    let [START_C, FNC1, elements @ ..] = checked else { return Err(unreadable) };
    if check(checked) != last {
        return Err(unreadable);
    }
    let mut text = String::with_capacity(elements.len() * 2);
    for &value in elements {
        match value {
            FNC1 => text.push(GROUP_SEPARATOR),
            0..100 => text.push_str(&format!("{value:02}")),
            // Shifts into other subsets, which no symbol of ours has.
            _ => return Err(unreadable),
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NUMBER: &str = "9214890234567800000013";

    fn symbol(zip: &str, number: &str) -> Code128 {
        Code128::article(zip, &ArticleDigits::parse(number).unwrap()).unwrap()
    }

    fn modules(symbol: &Code128) -> Vec<u8> {
        let bars = [1, 0].into_iter().cycle();
        symbol.widths().iter().zip(bars).flat_map(|(&width, bar)| vec![bar; usize::from(width)]).collect()
    }

    /// The modules by the crate `barcoders`: `Ć` asks it for subset C, `Ź` for FNC1.
    fn by_barcoders(zip: &str, number: &str) -> Vec<u8> {
        let routing = if zip.is_empty() { String::new() } else { format!("420{zip}\u{179}") };
        let text = format!("\u{106}\u{179}{routing}{number}");
        barcoders::sym::code128::Code128::new(text).unwrap().encode()
    }

    fn zips() -> impl Strategy<Value = String> {
        prop_oneof!["", "[0-9]{5}", "[0-9]{9}"]
    }

    fn numbers() -> impl Strategy<Value = String> {
        prop_oneof!["[0-9]{22}", "[0-9]{26}"]
    }

    #[test]
    fn every_pattern_is_of_eleven_modules_and_its_bars_of_an_even_number() {
        for pattern in &PATTERNS[..STOP] {
            let widths: Vec<u8> = pattern.iter().map(|width| width - b'0').collect();
            assert_eq!(widths.iter().sum::<u8>(), 11, "{pattern:?}");
            assert_eq!(widths.iter().step_by(2).sum::<u8>() % 2, 0, "{pattern:?}");
        }
        assert_eq!(PATTERNS.iter().collect::<std::collections::BTreeSet<_>>().len(), PATTERNS.len());
    }

    #[test]
    fn a_symbol_is_as_long_as_its_characters() {
        assert_eq!(symbol("70112", NUMBER).modules(), 222);
        assert_eq!(symbol("", NUMBER).modules(), 167);
        assert_eq!(symbol("701121234", NUMBER).modules(), 244);
    }

    #[test]
    fn what_is_read_has_a_separator_after_the_zip_code() {
        assert_eq!(decode(symbol("70112", NUMBER).widths()), Ok(format!("42070112\u{1d}{NUMBER}")));
        assert_eq!(decode(symbol("", NUMBER).widths()), Ok(NUMBER.to_owned()));
    }

    #[test]
    fn every_pair_of_digits_has_the_bars_an_independent_encoder_gives_it() {
        for pair in 0..100 {
            let number = format!("{pair:02}").repeat(11);
            assert_eq!(modules(&symbol("", &number)), by_barcoders("", &number), "{pair}");
        }
    }

    #[test]
    fn digits_that_cannot_be_a_symbol_are_refused() {
        for number in ["", "921489023456780000001", "92148902345678000000133", "921489023456780000001A", "٩٢١٤٨٩٠٢٣٤٥"]
        {
            assert_eq!(ArticleDigits::parse(number), Err(Code128Error::ArticleNumber), "{number}");
        }
        let number = ArticleDigits::parse(NUMBER).unwrap();
        for zip in ["7011", "701123", "7011A", "70112-123", "70112123400"] {
            assert_eq!(Code128::article(zip, &number), Err(Code128Error::Zip), "{zip}");
        }
    }

    #[test]
    fn bars_that_are_no_symbol_are_refused() {
        let whole = symbol("70112", NUMBER);
        for widths in [&[][..], &[2, 3, 3, 1, 1, 1, 2], &whole.widths()[..60], &whole.widths()[6..], &[255; 40]] {
            assert_eq!(decode(widths), Err(Code128Error::Unreadable), "{widths:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_encoded_decodes_to_the_same_digits(zip in zips(), number in numbers()) {
            let read = decode(symbol(&zip, &number).widths()).unwrap();
            let routing = if zip.is_empty() { String::new() } else { format!("420{zip}\u{1d}") };
            prop_assert_eq!(read, routing + &number);
        }

        #[test]
        fn an_independent_encoder_makes_the_same_bars(zip in zips(), number in numbers()) {
            prop_assert_eq!(modules(&symbol(&zip, &number)), by_barcoders(&zip, &number));
        }

        #[test]
        fn one_character_misread_is_noticed(zip in zips(), number in numbers(), place: usize, other in 1..103usize) {
            let mut widths = symbol(&zip, &number).widths().to_vec();
            let place = place % (widths.len() / CHARACTER - 1);
            let character = &mut widths[place * CHARACTER..][..CHARACTER];
            let value = PATTERNS.iter().position(|known| known.iter().zip(&*character).all(|(a, b)| a - b'0' == *b));
            let misread = PATTERNS[(value.unwrap() + other) % 106];
            for (width, read) in character.iter_mut().zip(misread) {
                *width = read - b'0';
            }
            prop_assert_eq!(decode(&widths), Err(Code128Error::Unreadable));
        }

        #[test]
        fn no_widths_make_decode_panic(widths in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = decode(&widths);
        }
    }
}
