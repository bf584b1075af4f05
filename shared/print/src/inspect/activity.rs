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
    Attachment,
    Xfa,
    Automatic,
    External,
}

impl Activity {
    fn finding(self) -> Finding {
        if self == Self::Attachment {
            // An invoice may bring its data along; nothing of it is copied to the print stream.
            let message =
                "The file has other files attached, which are not printed. Send what is to be printed as pages.";
            return Finding::warn("document.embedded_file", message);
        }
        let (rule, what, mend) = match self {
            Self::JavaScript => ("document.javascript", "has JavaScript in it", "Print it to a new PDF"),
            Self::Launch => ("document.launch_action", "can start other programs", "Print it to a new PDF"),
            Self::Submission => ("document.form_submission", "can send a form or read one in", "Flatten the form"),
            Self::Multimedia => ("document.multimedia", "has sound, video or 3D in it", "Print it to a new PDF"),
            Self::EmbeddedFile | Self::Attachment => {
                ("document.embedded_file", "has other files attached to its pages", "Take the attachments out")
            }
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
    find_in_catalog(document, &mut found);
    if found.contains(&Activity::EmbeddedFile) {
        found.remove(&Activity::Attachment);
    }
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
    // A structure element has an /S of any name as well. What stands where actions do is looked at whatever it says it is.
    if name(b"Type") != Some(b"StructElem") {
        found.extend(activity_of(document, dictionary));
    }
    for key in [&b"A"[..], b"Next", b"PA"] {
        let Some(value) = document::lookup(document, dictionary, key) else { continue };
        let several = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        let actions = several.iter().filter_map(|action| document::resolve(document, action).as_dict().ok());
        found.extend(actions.filter_map(|action| activity_of(document, action)));
    }
    found.extend(match name(b"Subtype") {
        Some(b"RichMedia" | b"Movie" | b"Sound" | b"Screen" | b"3D") => Some(Activity::Multimedia),
        Some(b"FileAttachment") => Some(Activity::EmbeddedFile),
        _ => None,
    });
    // A resource or a destination may have any of these names, so what they name is looked at.
    let within = |key: &[u8]| document::lookup(document, dictionary, key).and_then(|value| value.as_dict().ok());
    if let Some(actions) = within(b"AA") {
        let actions = || actions.iter().filter_map(|(_, action)| document::resolve(document, action).as_dict().ok());
        if actions().any(|action| action.has(b"S")) {
            found.insert(Activity::Automatic);
        }
        actions().for_each(|action| found.extend(activity_of(document, action)));
    }
    let is_string = |key: &[u8]| document::lookup(document, dictionary, key).is_some_and(|name| name.as_str().is_ok());
    if within(b"EF").is_some_and(|files| !files.is_empty()) && (is_string(b"F") || is_string(b"UF")) {
        found.insert(Activity::Attachment);
    }
    for (_, value) in dictionary.iter() {
        find(document, value, found);
    }
}

/// What an action does by its type (ISO 32000-2 12.6.4), if it matters.
fn activity_of(document: &Document, action: &Dictionary) -> Option<Activity> {
    match document::lookup(document, action, b"S")?.as_name().ok()? {
        b"JavaScript" => Some(Activity::JavaScript),
        b"Launch" => Some(Activity::Launch),
        b"SubmitForm" | b"ImportData" => Some(Activity::Submission),
        b"Movie" | b"Sound" | b"Rendition" | b"RichMediaExecute" | b"GoTo3DView" => Some(Activity::Multimedia),
        b"GoToE" => Some(Activity::Attachment),
        _ => None,
    }
}

/// What acts by its place in the file: an action on opening that is more than going to a page or printing it, scripts and
/// attachments by name, and an XFA form.
fn find_in_catalog(document: &Document, found: &mut BTreeSet<Activity>) {
    let Ok(catalog) = document.catalog() else { return };
    let within = |outer: &'_ Dictionary, key: &[u8]| {
        document::lookup(document, outer, key).and_then(document::dictionary_of).cloned()
    };
    if let Some(Object::Dictionary(action)) = document::lookup(document, catalog, b"OpenAction") {
        let kind = document::lookup(document, action, b"S").and_then(|kind| kind.as_name().ok());
        match activity_of(document, action) {
            Some(Activity::Attachment | Activity::Multimedia) => drop(found.insert(Activity::Automatic)),
            // What is reported by its own name need not be reported twice.
            Some(activity) => drop(found.insert(activity)),
            None if matches!(kind, Some(b"GoTo" | b"GoToR" | b"Named")) => {}
            None => drop(found.insert(Activity::Automatic)),
        }
    }
    if let Some(names) = within(catalog, b"Names") {
        let trees: [(&[u8], Activity); 2] =
            [(b"JavaScript", Activity::JavaScript), (b"EmbeddedFiles", Activity::Attachment)];
        for (key, activity) in trees {
            // An empty tree is what some tools leave behind when they take the content out.
            let items = |tree: &Dictionary, key: &[u8]| {
                document::lookup(document, tree, key)
                    .is_some_and(|items| items.as_array().is_ok_and(|items| !items.is_empty()))
            };
            if within(&names, key).is_some_and(|tree| items(&tree, b"Names") || items(&tree, b"Kids")) {
                found.insert(activity);
            }
        }
    }
    let form = within(catalog, b"AcroForm");
    let has_pages =
        form.as_ref().and_then(|form| document::lookup(document, form, b"XFA")).is_some_and(|xfa| match xfa {
            Object::Array(packets) => !packets.is_empty(),
            other => matches!(other, Object::String(_, _) | Object::Stream(_)),
        });
    if has_pages {
        found.insert(Activity::Xfa);
    }
}
