//! What in the file can act: `document.active_content`.

use std::collections::BTreeSet;

use lopdf::{Dictionary, Document, Object};

use super::{Finding, Report};
use crate::document;

/// What in a document can act, by the words a sender may know it under. Paper cannot act, so the page may not be what it
/// seems, and whoever opens the print stream should not set anything off.
pub(super) fn check(document: &Document, report: &mut Report) {
    let mut kinds = BTreeSet::new();
    for object in document.objects.values() {
        find_activity(document, object, &mut kinds);
    }
    find_open_action(document, &mut kinds);
    if !kinds.is_empty() {
        let kinds = kinds.into_iter().collect::<Vec<_>>().join(", ");
        let message = format!("The file can do more than be read: {kinds}. Print the document to a new PDF.");
        report.add(Finding::refuse("document.active_content", message));
    }
}

/// Objects nest at most as deep as the parser lets them, about a hundred levels, so this recursion ends.
fn find_activity(document: &Document, object: &Object, kinds: &mut BTreeSet<&'static str>) {
    match object {
        Object::Array(items) => items.iter().for_each(|item| find_activity(document, item, kinds)),
        Object::Dictionary(dictionary) => find_in_dictionary(document, dictionary, kinds),
        Object::Stream(stream) => {
            if stream.dict.has(b"F") {
                kinds.insert("content in other files");
            }
            find_in_dictionary(document, &stream.dict, kinds);
        }
        _ => {}
    }
}

fn find_in_dictionary(document: &Document, dictionary: &Dictionary, kinds: &mut BTreeSet<&'static str>) {
    let name = |key: &[u8]| document::lookup(document, dictionary, key).and_then(|object| object.as_name().ok());
    // A structure element has an /S of any name as well, but then it is no action by its type.
    if name(b"Type").is_none_or(|kind| kind == b"Action") {
        let action = match name(b"S") {
            Some(b"JavaScript" | b"Rendition") => Some("JavaScript"),
            Some(b"Launch") => Some("starting programs"),
            Some(b"SubmitForm" | b"ImportData") => Some("sending forms"),
            Some(b"Movie" | b"Sound" | b"RichMediaExecute" | b"GoTo3DView") => Some("sound or video"),
            Some(b"GoToE") => Some("attached files"),
            _ => None,
        };
        kinds.extend(action);
    }
    let annotation = match name(b"Subtype") {
        Some(b"RichMedia" | b"Movie" | b"Sound" | b"Screen" | b"3D") => Some("sound or video"),
        Some(b"FileAttachment") => Some("attached files"),
        _ => None,
    };
    kinds.extend(annotation);
    let keys: [(&[u8], &str); 6] = [
        (b"JS", "JavaScript"),
        (b"JavaScript", "JavaScript"),
        (b"AA", "actions on events"),
        (b"XFA", "XFA forms"),
        (b"EF", "attached files"),
        (b"EmbeddedFiles", "attached files"),
    ];
    for (key, kind) in keys {
        // An empty value is what some tools leave behind when they take the content out.
        let present = match document::lookup(document, dictionary, key) {
            Some(Object::Dictionary(value)) => !value.is_empty(),
            Some(Object::Array(items)) => !items.is_empty(),
            Some(Object::String(_, _) | Object::Stream(_)) => true,
            _ => false,
        };
        if present {
            kinds.insert(kind);
        }
    }
    for (_, value) in dictionary.iter() {
        find_activity(document, value, kinds);
    }
}

/// An action on opening that is more than going to a page.
fn find_open_action(document: &Document, kinds: &mut BTreeSet<&'static str>) {
    let Ok(catalog) = document.catalog() else { return };
    let Some(Object::Dictionary(action)) = document::lookup(document, catalog, b"OpenAction") else { return };
    let goes_to_page =
        document::lookup(document, action, b"S").is_some_and(|kind| kind.as_name().is_ok_and(|kind| kind == b"GoTo"));
    if !goes_to_page {
        kinds.insert("actions on opening");
    }
}
