//! Does paper show what a screen shows? `document.hidden_layer`, `annotation_not_printed`.

use lopdf::{Document, Object};

use super::{Finding, Report};
use crate::document::{self, Page};

/// Layers that are switched off would be printed, because the print stream has no layers.
pub(super) fn check_layers(document: &Document, report: &mut Report) {
    let settings = document.catalog().ok().and_then(|catalog| document::lookup(document, catalog, b"OCProperties"));
    let Some(settings) = settings.and_then(document::dictionary_of) else { return };
    let Some(usual) = document::lookup(document, settings, b"D").and_then(document::dictionary_of) else { return };
    let some_off = document::lookup(document, usual, b"OFF")
        .and_then(|off| off.as_array().ok())
        .is_some_and(|off| !off.is_empty());
    let all_off = document::lookup(document, usual, b"BaseState")
        .is_some_and(|state| state.as_name().is_ok_and(|state| state == b"OFF"));
    if some_off || all_off {
        let message = "The file has layers that are switched off and would be printed. Flatten the layers.";
        report.add(Finding::refuse("document.hidden_layer", message));
    }
}

/// Annotations that would be on paper if they had an appearance.
pub(super) fn check_annotations(document: &Document, page: &Page<'_>, number: u32, report: &mut Report) {
    let unseen = |annotation: &document::Annotation<'_>| {
        let kind = annotation.dictionary.get(b"Subtype").and_then(Object::as_name).unwrap_or_default();
        // A link has no looks of its own, and an empty form field nothing to show.
        let blank_field = kind == b"Widget" && document::lookup(document, annotation.dictionary, b"V").is_none();
        annotation.appearance.is_none() && kind != b"Link" && !blank_field
    };
    if document::annotations(document, page).iter().any(unseen) {
        let message = "The page has a comment or form field without an appearance, which is not printed. Flatten it.";
        report.add(Finding::warn("document.annotation_not_printed", message).on(number));
    }
}
