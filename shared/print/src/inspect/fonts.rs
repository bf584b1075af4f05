//! The fonts that text is seen in, and whether the file holds them: `document.font_not_embedded`,
//! `standard_font_not_embedded`.

use std::collections::{BTreeMap, HashSet};

use lopdf::{Dictionary, Document, Object, Stream};

use super::{Finding, Font, MAX_FACTS, Report, printable};
use crate::document;

/// The fonts that every reader has or has an equal of (ISO 32000-1 9.6.2.2).
const STANDARD: [&str; 14] = [
    "Courier",
    "Courier-Bold",
    "Courier-BoldOblique",
    "Courier-Oblique",
    "Helvetica",
    "Helvetica-Bold",
    "Helvetica-BoldOblique",
    "Helvetica-Oblique",
    "Symbol",
    "Times-Bold",
    "Times-BoldItalic",
    "Times-Italic",
    "Times-Roman",
    "ZapfDingbats",
];

/// The fonts met so far.
#[derive(Debug, Default)]
pub(super) struct Fonts {
    /// Where the dictionaries are that were looked at: text changes between a few fonts a thousand times.
    seen: HashSet<*const Dictionary>,
    /// With the first page each is on.
    found: BTreeMap<Font, u32>,
    /// The first page with text in a font that its resources do not have.
    missing: Option<u32>,
}

impl Fonts {
    /// Takes note that text is seen in a font on a page, and says whether it is the first text in it.
    pub(super) fn note(&mut self, document: &Document, font: &Dictionary, page: u32) -> bool {
        let is_new = self.seen.insert(font);
        if is_new {
            self.found.entry(describe(document, font)).or_insert(page);
        }
        is_new
    }

    /// Takes note that text is seen in a font that is not there.
    pub(super) fn note_missing(&mut self, page: u32) {
        self.missing = self.missing.or(Some(page));
    }

    /// Says what was found.
    pub(super) fn report(self, report: &mut Report) {
        let standard =
            |font: &Font| matches!(font.kind.as_str(), "Type1" | "TrueType") && STANDARD.contains(&font.name.as_str());
        for (font, page) in self.found.iter().filter(|(font, _)| !font.embedded) {
            let name = named(&font.name);
            let finding = if standard(font) {
                let message = format!(
                    "The font {name} is not embedded and is printed in one of the same widths. Embed it to be sure of its looks."
                );
                Finding::warn("document.standard_font_not_embedded", message)
            } else {
                let message = format!(
                    "The font {name} is not embedded, so nobody knows what would be printed. Export the document with its fonts embedded."
                );
                Finding::refuse("document.font_not_embedded", message)
            };
            report.add(finding.on(*page).measured(name, "embedded"));
        }
        if let Some(page) = self.missing {
            let message = "Text is in a font that its page does not have, so nobody knows what would be printed. Export the \
                           document again with its fonts embedded.";
            let finding = Finding::refuse("document.font_not_embedded", message);
            report.add(finding.on(page).measured("missing", "embedded"));
        }
        report.fonts = self.found.into_keys().take(MAX_FACTS).collect();
    }
}

/// A font's name as it can stand in a sentence: a name in PostScript has at most 63 characters, and what is not ASCII might
/// turn the sentence around.
fn named(name: &str) -> String {
    let name: String = name.chars().filter(char::is_ascii_graphic).take(63).collect();
    if name.is_empty() { "without a name".to_owned() } else { name }
}

/// A font by its dictionary (ISO 32000-2 9.5 to 9.8).
fn describe(document: &Document, font: &Dictionary) -> Font {
    let subtype = |font: &Dictionary| {
        let subtype = document::lookup(document, font, b"Subtype").and_then(|subtype| subtype.as_name().ok());
        subtype.map_or_else(String::new, printable)
    };
    let descendant = match document::lookup(document, font, b"DescendantFonts") {
        Some(Object::Array(fonts)) => fonts.first().and_then(|font| document::resolve(document, font).as_dict().ok()),
        _ => None,
    };
    let kind = subtype(descendant.unwrap_or(font));
    let descriptor = document::lookup(document, descendant.unwrap_or(font), b"FontDescriptor");
    let descriptor = descriptor.and_then(document::dictionary_of);
    let holds = |key: &&[u8]| {
        descriptor
            .and_then(|descriptor| document::lookup(document, descriptor, key))
            .is_some_and(|file| file.as_stream().is_ok_and(|file| is_font(document, key, file)))
    };
    let files: [&[u8]; 3] = [b"FontFile", b"FontFile2", b"FontFile3"];
    let name = document::lookup(document, font, b"BaseFont").and_then(|name| name.as_name().ok()).unwrap_or_default();
    // The glyphs of a Type 3 font are content of its own.
    let embedded = kind == "Type3" || files.iter().any(holds);
    Font { name: printable(without_tag(name)), kind, embedded }
}

/// How much of a font's file is unpacked to see what it is: more than any real one has.
const MAX_FONT: u64 = 64 << 20;

/// Whether a stream has a font in it: for TrueType (ISO 32000-2 table 124) whether its tables can be found; for others
/// that there is something.
fn is_font(document: &Document, key: &[u8], file: &Stream) -> bool {
    if file.content.is_empty() {
        return false;
    }
    key != b"FontFile2"
        || document::decode(document, file, MAX_FONT).is_ok_and(|file| ttf_parser::RawFace::parse(&file, 0).is_ok())
}

/// A font's name without the six capitals and the plus sign that a subset has before it (ISO 32000-2 9.9.2).
fn without_tag(name: &[u8]) -> &[u8] {
    match name.split_at_checked(7) {
        Some((tag, rest)) if tag[6] == b'+' && tag[..6].iter().all(u8::is_ascii_uppercase) => rest,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use lopdf::dictionary;

    use super::*;

    #[test]
    fn a_font_is_embedded_if_its_file_is_there() {
        let mut document = Document::with_version("1.7");
        let file = document
            .add_object(Stream::new(Dictionary::new(), include_bytes!("../../fonts/MailhouseSans.ttf").to_vec()));
        let garbage = document.add_object(Stream::new(Dictionary::new(), b"garbage".to_vec()));
        let with = |file: Object| dictionary! { "Type" => "FontDescriptor", "FontFile2" => file };
        let font = |descriptor: Dictionary| {
            let descendant = dictionary! { "Subtype" => "CIDFontType2", "FontDescriptor" => descriptor };
            let descendants: Vec<Object> = vec![descendant.into()];
            dictionary! { "Subtype" => "Type0", "BaseFont" => "ABCDEF+Inter", "DescendantFonts" => descendants }
        };
        let expected = Font { name: "Inter".into(), kind: "CIDFontType2".into(), embedded: true };
        assert_eq!(describe(&document, &font(with(file.into()))), expected);
        assert!(!describe(&document, &font(with(Object::Reference((99, 0))))).embedded);
        assert!(!describe(&document, &font(with(garbage.into()))).embedded);
        assert!(describe(&document, &dictionary! { "Subtype" => "Type3" }).embedded);
    }

    #[test]
    fn only_the_tag_of_a_subset_is_taken_from_a_name() {
        assert_eq!(without_tag(b"ABCDEF+Arial"), b"Arial");
        for name in [&b"Arial"[..], b"ABCDE1+Arial", b"ABCDEFArial", b""] {
            assert_eq!(without_tag(name), name);
        }
    }
}
