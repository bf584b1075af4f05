//! Plans and writes the pages of a document: the content of each as a form, its annotations over it, the sheet mark last.

use std::fmt::Write as _;
use std::io;

use lopdf::{Dictionary, Document, Object, ObjectId, Stream};

use super::copy::Copy;
use super::{AssembleError, Assembler};
use crate::document::{self, Annotation, Geometry, Page};
use crate::drawing::decimals;
use crate::sheet_mark;

impl<W: io::Write> Assembler<W> {
    /// Writes a page of a document: its content as a form, its annotations over it, and the mark if it is a front.
    pub(super) fn put_document_page(
        &mut self,
        copy: &mut Copy<'_>,
        page: &Plan<'_>,
        mark: Option<&sheet_mark::Modules>,
    ) -> io::Result<()> {
        let geometry = &page.geometry;
        let mut content = String::new();
        let mut forms = String::new();
        if let Some(form) = self.put_page_form(copy, page)? {
            let _ = write!(forms, "/P {form} 0 R");
            let _ = writeln!(content, "q {} cm /P Do Q", decimals(&geometry.matrix));
        }
        for (place, appearance) in page.appearances.iter().enumerate() {
            let Some(form) = self.copy(copy, appearance.form)? else { continue };
            let _ = write!(forms, "/A{place} {form} 0 R");
            let [left, bottom, right, top] = geometry.seen;
            let _ = writeln!(
                content,
                "q {} cm {} re W n {} cm /A{place} Do Q",
                decimals(&geometry.matrix),
                decimals(&[left, bottom, right - left, top - bottom]),
                decimals(&appearance.matrix)
            );
        }
        if let Some(mark) = mark {
            self.draw_mark(&mut content, mark, geometry.height);
        }
        let resources = if forms.is_empty() { forms } else { format!("/XObject<<{forms}>>") };
        // The page's blending space applies to the whole sheet; on the form it would make a group where there was none.
        let group = match page.group {
            Some(group) => Some(self.copy_value(copy, group)?),
            None => None,
        };
        self.put_page((geometry.width, geometry.height), &resources, group.as_deref(), content.as_bytes())
    }

    /// Writes a page's content as a form XObject (ISO 32000-2 8.10), or finds one that is equal; nothing for a blank page.
    fn put_page_form(&mut self, copy: &mut Copy<'_>, page: &Plan<'_>) -> io::Result<Option<u64>> {
        let mut head = b"<</Type/XObject/Subtype/Form/BBox[".to_vec();
        head.extend_from_slice(decimals(&page.geometry.seen).as_bytes());
        head.extend_from_slice(b"]/Resources ");
        match page.resources {
            Some(resources) => head.extend(self.copy_value(copy, resources)?),
            None => head.extend_from_slice(b"<<>>"),
        }
        let packed: Vec<u8>;
        let content: &[u8] = match &page.content {
            Content::Blank => return Ok(None),
            Content::Raw(stream) => {
                for key in [&b"Filter"[..], b"DecodeParms"] {
                    if let Ok(value) = stream.dict.get(key) {
                        let value = self.copy_value(copy, value)?;
                        head.push(b'/');
                        head.extend_from_slice(key);
                        head.push(b' ');
                        head.extend(value);
                    }
                }
                &stream.content
            }
            Content::Joined(bytes) => {
                head.extend_from_slice(b"/Filter/FlateDecode");
                packed = pack(bytes)?;
                &packed
            }
        };
        head.extend_from_slice(format!("/Length {}>>", content.len()).as_bytes());
        self.put_shared(copy, &head, Some(content)).map(Some)
    }
}

/// What is to be drawn of one page of a document.
pub(super) struct Plan<'a> {
    pub(super) geometry: Geometry,
    resources: Option<&'a Object>,
    group: Option<&'a Object>,
    content: Content<'a>,
    appearances: Vec<Appearance>,
}

enum Content<'a> {
    Blank,
    /// One stream, to be copied as it is.
    Raw(&'a Stream),
    /// The content of several streams, without filters.
    Joined(Vec<u8>),
}

/// Packs content that had to be unpacked to be joined: else a small document could make a large print file.
fn pack(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    io::Write::write_all(&mut encoder, bytes)?;
    encoder.finish()
}

/// An annotation's appearance and where it is drawn.
struct Appearance {
    form: ObjectId,
    matrix: [f64; 6],
}

/// What is to be drawn of a page, or why it cannot be.
pub(super) fn plan<'a>(
    document: &'a Document,
    page: &Page<'a>,
    max_decompressed: u64,
) -> Result<Plan<'a>, AssembleError> {
    let fault = AssembleError::Document;
    let geometry = document::geometry(document, page).ok_or_else(|| fault("a page has no usable size"))?;
    let streams = document::contents(document, page).ok_or_else(|| fault("the content of a page is missing"))?;
    let content = match streams[..] {
        [] => Content::Blank,
        [only] => Content::Raw(only),
        _ => {
            // The pieces are one content that may be cut at any token, so they cannot be forms of their own.
            let mut joined = Vec::new();
            for stream in streams {
                let left = max_decompressed.saturating_sub(joined.len() as u64);
                joined.extend(
                    document::decode(document, stream, left)
                        .map_err(|_| fault("the content of a page cannot be decompressed"))?,
                );
                joined.push(b'\n');
            }
            Content::Joined(joined)
        }
    };
    let appearances = document::annotations(document, page)
        .iter()
        .filter_map(|annotation| place_appearance(document, annotation))
        .collect();
    let group = page.dictionary.get(b"Group").ok();
    Ok(Plan { geometry, resources: page.resources, group, content, appearances })
}

/// Where an annotation's appearance is drawn: its bounding box, transformed by its matrix, is fitted to the annotation's
/// rectangle (ISO 32000-2 12.5.5, algorithm 8).
fn place_appearance(document: &Document, annotation: &Annotation<'_>) -> Option<Appearance> {
    let (form, stream) = annotation.appearance?;
    let get = |dictionary: &'_ Dictionary, key: &[u8]| document::lookup(document, dictionary, key).cloned();
    let bounds = document::rectangle(document, &get(&stream.dict, b"BBox")?)?;
    let matrix: [f64; 6] = match get(&stream.dict, b"Matrix") {
        Some(matrix) => document::numbers(document, &matrix)?,
        None => [1.0, 0.0, 0.0, 1.0, 0.0, 0.0],
    };
    let target = document::rectangle(document, &get(annotation.dictionary, b"Rect")?)?;
    let corners = [(0, 1), (2, 1), (2, 3), (0, 3)].map(|(x, y)| {
        let (x, y) = (bounds[x], bounds[y]);
        (matrix[0] * x + matrix[2] * y + matrix[4], matrix[1] * x + matrix[3] * y + matrix[5])
    });
    let (mut low, mut high) = (corners[0], corners[0]);
    for (x, y) in corners {
        low = (low.0.min(x), low.1.min(y));
        high = (high.0.max(x), high.1.max(y));
    }
    let scale = ((target[2] - target[0]) / (high.0 - low.0), (target[3] - target[1]) / (high.1 - low.1));
    (scale.0.is_finite() && scale.1.is_finite()).then(|| Appearance {
        form,
        matrix: [scale.0, 0.0, 0.0, scale.1, target[0] - low.0 * scale.0, target[1] - low.1 * scale.1],
    })
}
