//! Which annotations are drawn. What draws a page draws what a screen shows, such as a comment that is not for print, and
//! leaves out what only paper shows. It cannot be told otherwise, so it is given a file whose pages have what is printed.

use hayro::hayro_syntax::Pdf;
use hayro::hayro_syntax::object::{Array, Dict, Name, ObjectIdentifier};
use hayro::hayro_syntax::page::Page;

/// Flags of an annotation (ISO 32000-2 table 167).
const HIDDEN: u32 = 1 << 1;
const PRINT: u32 = 1 << 2;
const NO_VIEW: u32 = 1 << 5;

/// The file with an update (ISO 32000-2 7.5.6) in which pages have only the annotations that are printed. Nothing if what is
/// drawn is what is printed anyway, or if the file cannot be updated: it is encrypted, or has no end.
pub(super) fn as_printed(pdf: &Pdf) -> Option<Vec<u8>> {
    let pages: Vec<(ObjectIdentifier, Vec<u8>)> = pdf.pages().iter().filter_map(changed).collect();
    if pages.is_empty() {
        return None;
    }
    let bytes = AsRef::<[u8]>::as_ref(pdf.data());
    let has = |text: &[u8]| bytes.windows(text.len()).rposition(|window| window == text);
    if has(b"/Encrypt").is_some() {
        return None;
    }
    let end = bytes.get(has(b"startxref")? + 9..)?.trim_ascii_start();
    let digits = end.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let before = String::from_utf8_lossy(&end[..digits]).into_owned();

    // By itself, because a copy of the file that grows may take twice its memory.
    let mut update = Vec::new();
    let mut table = String::from("xref\n");
    for (ObjectIdentifier { obj_number, gen_number }, page) in pages {
        table += &format!("{obj_number} 1\n{:010} {gen_number:05} n \n", bytes.len() + update.len() + 1);
        update.extend(format!("\n{obj_number} {gen_number} obj\n").into_bytes());
        update.extend(page);
        update.extend(b"\nendobj\n");
    }
    let start = bytes.len() + update.len();
    let ObjectIdentifier { obj_number, gen_number } = pdf.xref().root_id();
    let root = format!("{obj_number} {gen_number} R");
    let trailer = format!("trailer\n<</Size 1/Root {root}/Prev {before}>>\nstartxref\n{start}\n%%EOF\n");
    Some([bytes, &update, table.as_bytes(), trailer.as_bytes()].concat())
}

/// A page whose annotations are drawn otherwise than printed, with those that are printed.
fn changed(page: &Page<'_>) -> Option<(ObjectIdentifier, Vec<u8>)> {
    let page_dictionary = page.raw();
    let mut agreed = true;
    let mut printed = b"/Annots[".to_vec();
    for annotation in page_dictionary.get::<Array<'_>>(b"Annots")?.iter::<Dict<'_>>() {
        let flags = annotation.get::<u32>(b"F").unwrap_or(0);
        let popup = annotation.get::<Name<'_>>(b"Subtype").is_some_and(|subtype| subtype.as_ref() == b"Popup");
        let print = flags & PRINT != 0 && flags & HIDDEN == 0 && !popup;
        let drawn = flags & (HIDDEN | NO_VIEW) == 0;
        agreed &= print == drawn || !annotation.contains_key(b"AP");
        if print {
            printed.extend(with(&annotation, format!("/F {PRINT}").as_bytes())?);
        }
    }
    printed.push(b']');
    // A page within its parent has no number of its own. Inspection refuses such a tree.
    let number = page_dictionary.obj_id()?;
    let own = page.xref().get::<Dict<'_>>(number).is_some_and(|dictionary| dictionary == *page_dictionary);
    if agreed || !own { None } else { Some((number, with(page_dictionary, &printed)?)) }
}

/// A dictionary with one more entry, which is read instead of an earlier one of the same name.
fn with(dictionary: &Dict<'_>, entry: &[u8]) -> Option<Vec<u8>> {
    Some([dictionary.data().strip_suffix(b">>")?, b"\n", entry, b">>"].concat())
}
