//! What in the file can act: `document.javascript`, `launch_action`, `form_submission`, `multimedia`, `embedded_file`, `xfa`,
//! `automatic_action`, `external_content`.
//!
//! Paper cannot act, so the page may not be what it seems, and whoever opens the print stream should not set anything off.

use std::collections::BTreeSet;

use lopdf::{Dictionary, Document, Object};

use super::{Finding, Report};
use crate::document;

/// What can act, in the order it is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Activity {
    JavaScript,
    Launch,
    Submission,
    Multimedia,
    EmbeddedFile,
    Xfa,
    Automatic,
    External,
}

impl Activity {
    fn finding(self) -> Finding {
        let (rule, what, mend) = match self {
            Self::JavaScript => ("document.javascript", "has JavaScript in it", "Print it to a new PDF"),
            Self::Launch => ("document.launch_action", "can start other programs", "Print it to a new PDF"),
            Self::Submission => ("document.form_submission", "can send a form or read one in", "Flatten the form"),
            Self::Multimedia => ("document.multimedia", "has sound, video or 3D in it", "Print it to a new PDF"),
            Self::EmbeddedFile => ("document.embedded_file", "has other files attached", "Take the attachments out"),
            Self::Xfa => {
                ("document.xfa", "is an XFA form, whose pages are made when it is opened", "Print it to a new PDF")
            }
            Self::Automatic => {
                ("document.automatic_action", "does something when it is opened or looked at", "Print it to a new PDF")
            }
            Self::External => ("document.external_content", "takes content from other files", "Print it to a new PDF"),
        };
        Finding::refuse(rule, format!("The file {what}. {mend} and send that file."))
    }
}

pub(super) fn check(document: &Document, report: &mut Report) {
    let mut found = BTreeSet::new();
    for object in document.objects.values() {
        find(document, object, &mut found);
    }
    find_open_action(document, &mut found);
    found.into_iter().for_each(|activity| report.add(activity.finding()));
}

/// Objects nest at most as deep as the parser lets them, about a hundred levels, so this recursion ends.
fn find(document: &Document, object: &Object, found: &mut BTreeSet<Activity>) {
    match object {
        Object::Array(items) => items.iter().for_each(|item| find(document, item, found)),
        Object::Dictionary(dictionary) => find_in_dictionary(document, dictionary, found),
        Object::Stream(stream) => {
            if stream.dict.has(b"F") {
                found.insert(Activity::External);
            }
            find_in_dictionary(document, &stream.dict, found);
        }
        _ => {}
    }
}

fn find_in_dictionary(document: &Document, dictionary: &Dictionary, found: &mut BTreeSet<Activity>) {
    let name = |key: &[u8]| document::lookup(document, dictionary, key).and_then(|object| object.as_name().ok());
    // A structure element has an /S of any name as well, but then it is no action by its type.
    if name(b"Type").is_none_or(|kind| kind == b"Action") {
        found.extend(match name(b"S") {
            Some(b"JavaScript") => Some(Activity::JavaScript),
            Some(b"Launch") => Some(Activity::Launch),
            Some(b"SubmitForm" | b"ImportData") => Some(Activity::Submission),
            Some(b"Movie" | b"Sound" | b"Rendition" | b"RichMediaExecute" | b"GoTo3DView") => {
                Some(Activity::Multimedia)
            }
            Some(b"GoToE") => Some(Activity::EmbeddedFile),
            _ => None,
        });
    }
    found.extend(match name(b"Subtype") {
        Some(b"RichMedia" | b"Movie" | b"Sound" | b"Screen" | b"3D") => Some(Activity::Multimedia),
        Some(b"FileAttachment") => Some(Activity::EmbeddedFile),
        _ => None,
    });
    let keys: [(&[u8], Activity); 6] = [
        (b"JS", Activity::JavaScript),
        (b"JavaScript", Activity::JavaScript),
        (b"AA", Activity::Automatic),
        (b"XFA", Activity::Xfa),
        (b"EF", Activity::EmbeddedFile),
        (b"EmbeddedFiles", Activity::EmbeddedFile),
    ];
    for (key, activity) in keys {
        // An empty value is what some tools leave behind when they take the content out.
        let present = match document::lookup(document, dictionary, key) {
            Some(Object::Dictionary(value)) => !value.is_empty(),
            Some(Object::Array(items)) => !items.is_empty(),
            Some(Object::String(_, _) | Object::Stream(_)) => true,
            _ => false,
        };
        if present {
            found.insert(activity);
        }
    }
    for (_, value) in dictionary.iter() {
        find(document, value, found);
    }
}

/// An action on opening that is more than going to a page.
fn find_open_action(document: &Document, found: &mut BTreeSet<Activity>) {
    let Ok(catalog) = document.catalog() else { return };
    let Some(Object::Dictionary(action)) = document::lookup(document, catalog, b"OpenAction") else { return };
    let kind = document::lookup(document, action, b"S").and_then(|kind| kind.as_name().ok());
    // What is reported by its own name need not be reported twice.
    if !matches!(kind, Some(b"GoTo" | b"JavaScript" | b"Launch" | b"SubmitForm" | b"ImportData")) {
        found.insert(Activity::Automatic);
    }
}
