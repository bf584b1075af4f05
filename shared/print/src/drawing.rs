//! Content stream syntax for what this program draws itself: numbers, rectangles, text.

use crate::address_block::{POINTS, TextBlock};
use crate::font::FONT;
use crate::layout::Rect;

/// A number in PDF syntax, made without an allocation: a print stream is numbers for the most part of what is ours in it.
pub(crate) struct Digits {
    bytes: [u8; Self::MOST],
    first: usize,
    end: usize,
}

impl Digits {
    /// A sign, the digits of the largest integer, a point and six decimals.
    const MOST: usize = 28;

    /// A whole number.
    pub(crate) fn integer(value: u64) -> Self {
        let mut digits = Self { bytes: [0; Self::MOST], first: Self::MOST, end: Self::MOST };
        digits.prepend_integer(value);
        digits
    }

    /// A number with at most six decimals, no exponent, no trailing zeros. What no page is large enough for, more than a
    /// million million either way, is taken as that.
    pub(crate) fn decimal(value: f64) -> Self {
        const SCALE: u64 = 1_000_000;
        const LARGEST: f64 = 1e12;
        const PLACES: usize = 6;
        // A number that is none becomes 0.
        let scaled = value.clamp(-LARGEST, LARGEST) * SCALE as f64;
        // Rounding in the standard library is a call on processors without an instruction for it.
        let whole = scaled as i64;
        let is_more = (scaled - whole as f64).abs() >= 0.5;
        let millionths = whole.unsigned_abs() + u64::from(is_more);
        let (first, mut rest) = (Self::MOST - PLACES - 1, (millionths % SCALE) as u32);
        let mut digits = Self { bytes: [b'.'; Self::MOST], first, end: first };
        if rest != 0 {
            for digit in digits.bytes[first + 1..].iter_mut().rev() {
                *digit = b'0' + (rest % 10) as u8;
                rest /= 10;
            }
            digits.end = Self::MOST;
            while digits.bytes[digits.end - 1] == b'0' {
                digits.end -= 1;
            }
        }
        digits.prepend_integer(millionths / SCALE);
        if value < 0.0 && millionths > 0 {
            digits.prepend(b'-');
        }
        digits
    }

    fn prepend(&mut self, byte: u8) {
        self.first -= 1;
        self.bytes[self.first] = byte;
    }

    fn prepend_integer(&mut self, mut value: u64) {
        loop {
            self.prepend(b'0' + (value % 10) as u8);
            value /= 10;
            if value == 0 {
                return;
            }
        }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[self.first..self.end]
    }

    pub(crate) fn as_str(&self) -> &str {
        str::from_utf8(self.as_bytes()).unwrap_or_default()
    }
}

/// How many bytes of room nearly every number leaves some of.
const MANY: usize = 12;

/// Numbers with a blank between any two.
pub(crate) fn decimals(values: &[f64]) -> String {
    let mut text = String::with_capacity(MANY * values.len());
    push_decimals(&mut text, values);
    text
}

/// Appends [`decimals`].
pub(crate) fn push_decimals(content: &mut String, values: &[f64]) {
    for (place, &value) in values.iter().enumerate() {
        if place > 0 {
            content.push(' ');
        }
        content.push_str(Digits::decimal(value).as_str());
    }
}

/// Takes a number that [`Digits::decimal`] wrote from the front of syntax. Faster than the standard library, which reads much
/// that is never written here.
pub(crate) fn read_decimal(syntax: &mut &[u8]) -> Option<f64> {
    let (mut rest, sign) = syntax.strip_prefix(b"-").map_or((*syntax, 1.0), |rest| (rest, -1.0));
    let mut value = 0u64;
    let mut take = |rest: &mut &[u8]| {
        let before = rest.len();
        while let [digit @ b'0'..=b'9', after @ ..] = *rest {
            value = value.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
            *rest = after;
        }
        before - rest.len()
    };
    let whole = take(&mut rest);
    let decimals = match rest {
        [b'.', after @ ..] if whole > 0 => {
            rest = after;
            take(&mut rest)
        }
        _ => 0,
    };
    *syntax = rest;
    let scale = POWERS.get(decimals)?;
    (1..=MOST_DIGITS).contains(&(whole + decimals)).then(|| sign * value as f64 / scale)
}

/// So many digits never make more than an integer holds.
const MOST_DIGITS: usize = 19;

/// Powers of ten, all of which are numbers without an error.
const POWERS: [f64; MOST_DIGITS + 1] = {
    let mut powers = [1.0; MOST_DIGITS + 1];
    let mut exponent = 1;
    while exponent < powers.len() {
        powers[exponent] = powers[exponent - 1] * 10.0;
        exponent += 1;
    }
    powers
};

/// Appends a rectangle to the current path; inches from the top left become points from the bottom left.
pub(crate) fn draw_rectangle(content: &mut String, rect: &Rect, height: f64) {
    let points = [rect.left, height / POINTS - rect.bottom(), rect.width, rect.height].map(|inches| inches * POINTS);
    push_decimals(content, &points);
    content.push_str(" re\n");
}

/// Draws the lines of a block.
pub(crate) fn draw_text(content: &mut String, block: &TextBlock, lines: &[impl AsRef<str>], height: f64) {
    content.push_str("BT /F ");
    content.push_str(Digits::decimal(block.points).as_str());
    content.push_str(" Tf\n");
    for (line, above) in lines.iter().zip((0..lines.len()).rev()) {
        let baseline = block.last_baseline - above as f64 * block.pitch;
        content.push_str("1 0 0 1 ");
        push_decimals(content, &[block.left * POINTS, height - baseline * POINTS]);
        content.push_str(" Tm ");
        content.push_str(&FONT.hex(line.as_ref()));
        content.push_str(" Tj\n");
    }
    content.push_str("ET\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decimal(value: f64) -> String {
        decimals(&[value])
    }

    #[test]
    fn numbers_have_no_zeros_to_spare() {
        let pairs = [(0.0, "0"), (-0.0, "0"), (1.5, "1.5"), (-0.000001, "-0.000001"), (612.0, "612"), (0.05, "0.05")];
        for (value, text) in pairs {
            assert_eq!(decimal(value), text);
        }
        let odd = [-1e-9, 1e300, -1e300, f64::NAN].map(decimal);
        assert_eq!(odd, ["0", "1000000000000", "-1000000000000", "0"]);
    }

    /// The number at the front and what follows it.
    fn read(text: &str) -> Option<(f64, &[u8])> {
        let mut rest = text.as_bytes();
        Some((read_decimal(&mut rest)?, rest))
    }

    #[test]
    fn what_is_no_number_is_not_read() {
        for text in ["", "-", ".5", "+1", "inf", "99999999999999999999"] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(read("1e3"), Some((1.0, &b"e3"[..])));
        assert_eq!(read("1.2.3"), Some((1.2, &b".3"[..])));
        assert_eq!(read("-7 0"), Some((-7.0, &b" 0"[..])));
    }

    proptest! {
        #[test]
        fn a_number_reads_back_to_the_millionth(value in -1e6f64..1e6) {
            let text = decimal(value);
            prop_assert!((text.parse::<f64>().unwrap() - value).abs() <= 0.501e-6, "{} {}", value, text);
            prop_assert_eq!(read(&text), Some((text.parse().unwrap(), &b""[..])));
            prop_assert!(!text.contains('e'));
            prop_assert!(!text.contains('.') || !text.ends_with('0'), "{}", text);
        }

        #[test]
        fn half_a_millionth_is_rounded_away_from_zero(halves in -10_000_000i64..10_000_000) {
            let value = halves as f64 / 2e6;
            prop_assert_eq!(decimal(value).parse(), Ok((value * 1e6).round() / 1e6));
        }

        #[test]
        fn a_whole_number_reads_back(value: u64) {
            prop_assert_eq!(Digits::integer(value).as_str().parse(), Ok(value));
        }
    }
}
