//! The one embedded font: its metrics, and its objects in a PDF (ISO 32000-2 9.7, a Type 0 font with Identity-H).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization;

/// The font file, a subset of Liberation Sans (see `fonts/README.md`).
const FILE: &[u8] = include_bytes!("../fonts/MailhouseSans.ttf");

/// How many objects [`Font::objects`] makes.
pub(crate) const OBJECTS: u64 = 5;

/// Up to here, Latin-1 and Latin Extended-A, glyphs are found by position.
const FIRST_GLYPHS: char = '\u{180}';

/// Metrics in fractions of the type size.
pub(crate) struct Font {
    glyphs: BTreeMap<char, u16>,
    /// The glyphs of the first characters there are, those of nearly every line.
    first_glyphs: Vec<Option<u16>>,
    advances: Vec<f64>,
    /// Height of a capital letter above the baseline.
    pub(crate) cap_height: f64,
    /// Depth of a descender below the baseline, positive.
    pub(crate) descent: f64,
    ascent: f64,
    bounds: [f64; 4],
}

/// The font, read once.
pub(crate) static FONT: LazyLock<Font> = LazyLock::new(read);

#[expect(clippy::expect_used, reason = "the font is part of the program, and every test reads it")]
fn read() -> Font {
    let face = ttf_parser::Face::parse(FILE, 0).expect("the embedded font parses");
    let em = f64::from(face.units_per_em());
    let subtables = face.tables().cmap.expect("the embedded font maps characters").subtables;
    let mut glyphs = BTreeMap::new();
    for subtable in subtables.into_iter().filter(|subtable| subtable.is_unicode()) {
        subtable.codepoints(|code| {
            if let (Some(character), Some(glyph)) = (char::from_u32(code), subtable.glyph_index(code)) {
                glyphs.insert(character, glyph.0);
            }
        });
    }
    let advance = |glyph| f64::from(face.glyph_hor_advance(ttf_parser::GlyphId(glyph)).unwrap_or(0)) / em;
    let bounds = face.global_bounding_box();
    Font {
        first_glyphs: ('\0'..FIRST_GLYPHS).map(|character| glyphs.get(&character).copied()).collect(),
        glyphs,
        advances: (0..face.number_of_glyphs()).map(advance).collect(),
        cap_height: f64::from(face.capital_height().unwrap_or_else(|| face.ascender())) / em,
        descent: -f64::from(face.descender()) / em,
        ascent: f64::from(face.ascender()) / em,
        bounds: [bounds.x_min, bounds.y_min, bounds.x_max, bounds.y_max].map(|side| f64::from(side) / em),
    }
}

impl Font {
    /// The width of a line in fractions of the type size, or the first character without a glyph. Letters and accents that
    /// follow them are taken together (Unicode NFC), here and in [`Self::hex`], for the font has them as one glyph.
    pub(crate) fn width(&self, line: &str) -> Result<f64, char> {
        composed(line).chars().try_fold(0.0, |width, character| {
            let glyph = self.glyph(character).ok_or(character)?;
            Ok(width + self.advances[usize::from(glyph)])
        })
    }

    /// A line as a PDF hexadecimal string of glyph numbers. Characters without a glyph are left out: callers have measured
    /// the line first.
    pub(crate) fn hex(&self, line: &str) -> String {
        const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
        let mut hex = Vec::with_capacity(2 + 4 * line.len());
        hex.push(b'<');
        for glyph in composed(line).chars().filter_map(|character| self.glyph(character)) {
            hex.extend_from_slice(&[12, 8, 4, 0].map(|shift| DIGITS[usize::from(glyph >> shift & 15)]));
        }
        hex.push(b'>');
        String::from_utf8(hex).unwrap_or_default()
    }

    fn glyph(&self, character: char) -> Option<u16> {
        match self.first_glyphs.get(character as usize) {
            Some(glyph) => *glyph,
            None => self.glyphs.get(&character).copied(),
        }
    }

    /// The bodies of the font's objects, numbered from `first` upwards; `first` is the font itself.
    pub(crate) fn objects(&self, first: u64) -> [Vec<u8>; OBJECTS as usize] {
        let thousandths = |part: f64| (part * 1000.0).round() as i64;
        let (descendant, descriptor, file, unicode) = (first + 1, first + 2, first + 3, first + 4);
        let font = format!(
            "<</Type/Font/Subtype/Type0/BaseFont/MailhouseSans/Encoding/Identity-H/DescendantFonts[{descendant} 0 R]\
             /ToUnicode {unicode} 0 R>>"
        );
        let widths: Vec<String> = self.advances.iter().map(|&advance| thousandths(advance).to_string()).collect();
        let descendant = format!(
            "<</Type/Font/Subtype/CIDFontType2/BaseFont/MailhouseSans/CIDSystemInfo<</Registry(Adobe)\
             /Ordering(Identity)/Supplement 0>>/FontDescriptor {descriptor} 0 R/CIDToGIDMap/Identity/DW 1000/W[0[{}]]>>",
            widths.join(" ")
        );
        let [left, bottom, right, top] = self.bounds.map(thousandths);
        // Flags 32: the Latin character set, nothing symbolic. StemV is not in a TrueType file; 80 suits a regular weight.
        let descriptor = format!(
            "<</Type/FontDescriptor/FontName/MailhouseSans/Flags 32/FontBBox[{left} {bottom} {right} {top}]\
             /ItalicAngle 0/Ascent {}/Descent {}/CapHeight {}/StemV 80/FontFile2 {file} 0 R>>",
            thousandths(self.ascent),
            -thousandths(self.descent),
            thousandths(self.cap_height),
        );
        let mut file = format!("<</Length {0}/Length1 {0}>>stream\n", FILE.len()).into_bytes();
        file.extend_from_slice(FILE);
        file.extend_from_slice(b"\nendstream");
        let map = self.unicode_map();
        let unicode = format!("<</Length {}>>stream\n{map}\nendstream", map.len());
        [font.into_bytes(), descendant.into_bytes(), descriptor.into_bytes(), file, unicode.into_bytes()]
    }

    /// The CMap from glyph numbers to text, so that what is printed can be searched and read aloud (ISO 32000-2 9.10.3).
    fn unicode_map(&self) -> String {
        let mut text = BTreeMap::new();
        for (&character, &glyph) in &self.glyphs {
            // Several characters can share a glyph, as space and no-break space do: the first is the plain one.
            text.entry(glyph).or_insert(character);
        }
        let mut map = String::from(
            "/CIDInit/ProcSet findresource begin 12 dict begin begincmap\n\
             /CIDSystemInfo<</Registry(Adobe)/Ordering(UCS)/Supplement 0>>def\n\
             /CMapName/Adobe-Identity-UCS def/CMapType 2 def\n\
             1 begincodespacerange<0000><FFFF>endcodespacerange\n",
        );
        let entries: Vec<String> =
            text.iter().map(|(glyph, character)| format!("<{glyph:04X}><{:04X}>\n", u32::from(*character))).collect();
        // A block may have at most 100 entries.
        for block in entries.chunks(100) {
            let _ = write!(map, "{} beginbfchar\n{}endbfchar\n", block.len(), block.concat());
        }
        map.push_str("endcmap CMapName currentdict/CMap defineresource pop end end");
        map
    }
}

/// A line with letters and the accents that follow them as one character.
fn composed(line: &str) -> Cow<'_, str> {
    // Which leaves nothing to compose, and is nearly every line.
    if line.is_ascii() { Cow::Borrowed(line) } else { Cow::Owned(line.nfc().collect()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_letter_of_latin_1_and_latin_extended_a_has_a_glyph() {
        let printable = ('\u{20}'..='\u{7e}').chain('\u{a0}'..='\u{17f}').chain("–—‘’“”•€…".chars());
        let missing: Vec<char> = printable.filter(|character| !FONT.glyphs.contains_key(character)).collect();
        assert_eq!(missing, vec![]);
    }

    #[test]
    fn a_line_is_as_wide_as_the_sum_of_its_glyphs() {
        let one = FONT.width("W").unwrap();
        assert!((0.9..1.0).contains(&one), "{one}");
        assert!((FONT.width("WWW").unwrap() - 3.0 * one).abs() < 1e-9);
    }

    #[test]
    fn a_character_without_a_glyph_is_named() {
        assert_eq!(FONT.width("Chen 陳"), Err('陳'));
    }

    #[test]
    fn the_glyph_map_leads_back_to_the_text() {
        let hex = FONT.hex("é");
        let map = FONT.unicode_map();
        assert!(map.contains(&format!("{hex}<00E9>")), "{hex}");
    }
}
