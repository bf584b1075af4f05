//! Plans and writes the pages of a document: the content of each as a form, its annotations over it, what is ours last.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io;

use lopdf::{Document, Object};

use super::copy::{Copy, HEAD, is_copied_too_often, put_length};
use super::{AssembleError, Assembler};
use crate::document::{self, Appearance, Geometry, Page};
use crate::drawing::decimals;
use crate::inspect::Limits;
use crate::page_content::{self, Content, Packer};
use crate::source::Source;
use crate::stream::put_reference;

impl<W: io::Write> Assembler<W> {
    /// Writes a page of a document: its content as a form, its annotations over it, and over both what is ours.
    pub(super) fn put_document_page<'a>(
        &mut self,
        part: u64,
        copy: &mut Copy<'a>,
        page: &Plan<'a>,
        over: &str,
    ) -> io::Result<u64> {
        let geometry = &page.geometry;
        let mut content = String::with_capacity(HEAD + over.len());
        let mut forms = String::with_capacity(HEAD);
        self.draw_page(copy, page, "", false, &mut forms, &mut content)?;
        content.push_str(over);
        let resources = if forms.is_empty() { forms } else { format!("/XObject<<{forms}>>") };
        // The page's blending space applies to the whole sheet; on the form it would make a group where there was none.
        let group = match page.group {
            Some(group) => Some(self.copy_value(copy, group)?),
            None => None,
        };
        self.put_page(part, (geometry.width, geometry.height), &resources, group.as_deref(), content.as_bytes())
    }

    /// Draws a page of a document upright, its lower left corner at the origin: appends to `content`, and to `forms` the forms
    /// it needs, whose names have `infix` in them. `grouped` is for a page that is not alone on its sheet: its blending space
    /// then applies to its form and not to the sheet.
    pub(super) fn draw_page<'a>(
        &mut self,
        copy: &mut Copy<'a>,
        page: &Plan<'a>,
        infix: &str,
        grouped: bool,
        forms: &mut String,
        content: &mut String,
    ) -> io::Result<()> {
        let geometry = &page.geometry;
        copy.turn_to(page.resources);
        page.appearances.iter().for_each(|appearance| copy.take_as_form(appearance.form));
        if let Some(form) = self.put_page_form(copy, page, grouped)? {
            let _ = write!(forms, "/P{infix} {form} 0 R");
            let _ = writeln!(content, "q {} cm /P{infix} Do Q", decimals(&geometry.matrix));
        }
        for (place, appearance) in page.appearances.iter().enumerate() {
            let Some(form) = self.copy(copy, appearance.form)? else { continue };
            let _ = write!(forms, "/A{infix}{place} {form} 0 R");
            let [left, bottom, right, top] = geometry.seen;
            let _ = writeln!(
                content,
                "q {} cm {} re W n {} cm /A{infix}{place} Do Q",
                decimals(&geometry.matrix),
                decimals(&[left, bottom, right - left, top - bottom]),
                decimals(&appearance.matrix)
            );
        }
        Ok(())
    }

    /// Writes a page's content as a form XObject (ISO 32000-2 8.10), or finds one that is equal; nothing for a blank page.
    fn put_page_form<'a>(&mut self, copy: &mut Copy<'a>, page: &Plan<'a>, grouped: bool) -> io::Result<Option<u64>> {
        let mut head = Vec::with_capacity(HEAD);
        head.extend_from_slice(b"<</Type/XObject/Subtype/Form/BBox[");
        head.extend_from_slice(decimals(&page.geometry.seen).as_bytes());
        head.extend_from_slice(b"]/Resources ");
        match page.resources {
            Some(resources) => self.put_resources(copy, resources, &mut head)?,
            None => head.extend_from_slice(b"<<>>"),
        }
        if let (true, Some(group)) = (grouped, page.group) {
            head.extend_from_slice(b"/Group ");
            head.extend(self.copy_value(copy, group)?);
        }
        let content: &[u8] = match &page.content {
            Content::Blank => return Ok(None),
            Content::Raw(stream) => {
                for key in [&b"Filter"[..], b"DecodeParms"] {
                    if let Some(value) = document::entry(&stream.dict, key) {
                        let value = self.copy_value(copy, value)?;
                        head.push(b'/');
                        head.extend_from_slice(key);
                        head.push(b' ');
                        head.extend(value);
                    }
                }
                document::bytes_of(copy.file, stream)
            }
            Content::Joined { packed, .. } => {
                head.extend_from_slice(b"/Filter/FlateDecode");
                packed
            }
        };
        put_length(&mut head, content.len());
        self.put_shared(copy, &head, Some(content)).map(Some)
    }

    /// Appends the resources of a page to `head`. Those that are lent, and large ones, are an object that all pages which have
    /// them refer to.
    fn put_resources<'a>(&mut self, copy: &mut Copy<'a>, resources: &'a Object, head: &mut Vec<u8>) -> io::Result<()> {
        const LARGE: usize = 16 << 10;
        if let Some(number) = copy.number_of_resources(resources) {
            put_reference(head, number);
            return Ok(());
        }
        let syntax = self.copy_value(copy, &resources_of(resources))?;
        // Something may have taken them while they were copied.
        let number = match copy.number_of_resources(resources) {
            None if syntax.len() > LARGE => Some(self.put_shared(copy, &syntax, None)?),
            number => number,
        };
        match number {
            Some(number) => {
                copy.note_resources(resources, number);
                put_reference(head, number);
            }
            None => head.extend(syntax),
        }
        Ok(())
    }
}

/// Resources as they may stand in a dictionary: a stream, which only some writer of odd files makes of them, as that of its own.
pub(super) fn resources_of(resources: &Object) -> Cow<'_, Object> {
    match resources {
        Object::Stream(stream) => Cow::Owned(Object::Dictionary(stream.dict.clone())),
        _ => Cow::Borrowed(resources),
    }
}

/// What is to be drawn of one page of a document.
pub(crate) struct Plan<'a> {
    pub(super) geometry: Geometry,
    pub(super) resources: Option<&'a Object>,
    group: Option<&'a Object>,
    content: Content<'a>,
    appearances: Vec<Appearance>,
}

impl Plan<'_> {
    /// The same page, if it is wider than high turned clockwise by a quarter, its top to the right edge of the sheet: so every
    /// sheet of letters is upright, and a camera finds the mark of each at the same place.
    pub(super) fn on_portrait(mut self) -> Self {
        let Geometry { width, height, seen, matrix: [a, b, c, d, e, f] } = self.geometry;
        if width > height {
            self.geometry = Geometry { width: height, height: width, seen, matrix: [b, -a, d, -c, f, width - e] };
        }
        self
    }
}

/// What is to be drawn of the pages of a document, or why it cannot be. Inspection asks it too, so that what it lets through
/// can be assembled.
pub(crate) fn plans<'a>(
    source: &'a Source,
    file: &[u8],
    limits: &Limits,
    packer: &mut Packer,
) -> Result<Vec<Plan<'a>>, AssembleError> {
    // Pages can share annotations and content, of which each has what is made of them.
    const APPEARANCES: usize = 250_000;
    const JOINED: usize = 64 << 20;
    let (mut appearances, mut joined) = (0, 0);
    let pages = document::pages(&source.document, limits.max_pages)
        .map_err(|_| AssembleError::Document("its page tree is unusable"))?;
    let mut plans = Vec::with_capacity(pages.len());
    for page in &pages {
        let plan = plan(&source.document, file, page, limits.max_decompressed, packer)?;
        appearances += plan.appearances.len();
        if let Content::Joined { packed, .. } = &plan.content {
            joined += packed.len();
        }
        if appearances > APPEARANCES || joined > JOINED {
            return Err(AssembleError::TooComplex);
        }
        plans.push(plan);
    }
    match is_copied_too_often(source, file, &plans) {
        true => Err(AssembleError::TooComplex),
        false => Ok(plans),
    }
}

/// What is to be drawn of a page, or why it cannot be.
fn plan<'a>(
    document: &'a Document,
    file: &[u8],
    page: &Page<'a>,
    max_decompressed: u64,
    packer: &mut Packer,
) -> Result<Plan<'a>, AssembleError> {
    let fault = AssembleError::Document;
    let geometry = document::geometry(document, page).ok_or_else(|| fault("a page has no usable size"))?;
    let content = page_content::content(document, file, page, max_decompressed, packer).map_err(fault)?;
    let appearances = document::annotations(document, page)
        .iter()
        .filter_map(|annotation| document::place_appearance(document, annotation))
        .collect();
    let group = document::entry(page.dictionary, b"Group");
    Ok(Plan { geometry, resources: page.resources, group, content, appearances })
}
