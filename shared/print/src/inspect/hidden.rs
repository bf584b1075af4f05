//! Does paper show what a screen shows? `document.hidden_layer`, `annotation_not_printed`, `form_field_without_appearance`,
//! `invisible_text`.

use lopdf::{Dictionary, Document, Object};

use super::painted::Painted;
use super::{Finding, Report};
use crate::document::{self, HIDDEN, NO_VIEW, PRINT, Page};
use crate::layout::Rect;

/// Layers that are switched off, or not to be printed, would be printed, because the print stream has no layers.
pub(super) fn check_layers(document: &Document, report: &mut Report) {
    let settings = document.catalog().ok().and_then(|catalog| document::lookup(document, catalog, b"OCProperties"));
    let Some(settings) = settings.and_then(document::dictionary_of) else { return };
    let usual = document::lookup(document, settings, b"D").and_then(document::dictionary_of);
    let in_usual = |key: &[u8]| usual.and_then(|usual| document::lookup(document, usual, key));
    let some_off = in_usual(b"OFF").and_then(|off| off.as_array().ok()).is_some_and(|off| !off.is_empty());
    let all_off = in_usual(b"BaseState").is_some_and(|state| state.as_name().is_ok_and(|state| state == b"OFF"));
    // A layer says how it is used (ISO 32000-2 8.11.4.4).
    let not_printed = |layer: &Object| {
        let within = |outer: &'_ Dictionary, key: &[u8]| {
            document::lookup(document, outer, key).and_then(document::dictionary_of).cloned()
        };
        let layer = document::dictionary_of(document::resolve(document, layer));
        let print = layer.and_then(|layer| within(layer, b"Usage")).and_then(|usage| within(&usage, b"Print"));
        print.is_some_and(|print| {
            document::lookup(document, &print, b"PrintState")
                .is_some_and(|state| state.as_name().is_ok_and(|state| state == b"OFF"))
        })
    };
    let layers = document::lookup(document, settings, b"OCGs").and_then(|layers| layers.as_array().ok());
    if some_off || all_off || layers.is_some_and(|layers| layers.iter().any(not_printed)) {
        let message = "The file has layers that are switched off or not to be printed, and paper has no layers. \
                       Flatten the layers or take these out.";
        report.add(Finding::refuse("document.hidden_layer", message));
    }
}

/// Annotations that a screen shows and paper would not.
pub(super) fn check_annotations(document: &Document, page: &Page<'_>, number: u32, report: &mut Report) {
    let Some(Object::Array(items)) = document::lookup(document, page.dictionary, b"Annots") else { return };
    let (mut comment, mut field) = (None, None);
    for item in items {
        let Object::Dictionary(annotation) = document::resolve(document, item) else { continue };
        let get = |key: &[u8]| document::lookup(document, annotation, key);
        let flags = get(b"F").and_then(|flags| flags.as_i64().ok()).unwrap_or(0);
        let kind = get(b"Subtype").and_then(|kind| kind.as_name().ok()).unwrap_or_default();
        // A link has no looks of its own.
        if flags & HIDDEN != 0 || matches!(kind, b"Popup" | b"Link") {
            continue;
        }
        let area = get(b"Rect").and_then(|area| document::rectangle(document, area));
        let has_size = area.is_some_and(|[left, bottom, right, top]| left < right && bottom < top);
        let has_appearance = get(b"AP").is_some();
        let filled = kind == b"Widget" && has_size && is_filled(document, annotation);
        if filled && !has_appearance {
            field = field.or(Some(area));
        } else if kind == b"Widget" {
            // A field that is not printed, such as a button, is part of the screen and not of the letter.
            if filled && flags & (PRINT | NO_VIEW) == 0 {
                comment = comment.or(Some(area));
            }
        } else if flags & NO_VIEW == 0 && (flags & PRINT == 0 || !has_appearance) {
            comment = comment.or(Some(area));
        }
    }
    let upright =
        |area: Option<[f64; 4]>| document::geometry(document, page).and_then(|geometry| Some(seen(&geometry, area?)));
    let place = |finding: Finding, area: Option<[f64; 4]>| match upright(area) {
        Some(area) => finding.on(number).at(area),
        None => finding.on(number),
    };
    if let Some(area) = field {
        let message = "The page has a form field that is filled in but has no appearance, so its value would not be \
                       printed. Flatten the form.";
        report.add(place(Finding::refuse("document.form_field_without_appearance", message), area));
    }
    if let Some(area) = comment {
        let message = "The page has a comment or form field that a screen shows and paper does not. Flatten it to have it \
                       printed, or take it out.";
        report.add(place(Finding::warn("document.annotation_not_printed", message), area));
    }
}

/// How far a field's value may be above it in the tree of fields.
const MAX_FIELD_DEPTH: usize = 32;

/// Whether a widget belongs to a field that has a value (ISO 32000-2 12.7.4).
fn is_filled(document: &Document, widget: &Dictionary) -> bool {
    let mut field = widget;
    for _ in 0..MAX_FIELD_DEPTH {
        match document::lookup(document, field, b"V") {
            Some(Object::String(text, _)) => return text.iter().any(|byte| !matches!(byte, 0xfe | 0xff | 0 | b' ')),
            Some(Object::Name(state)) => return state != b"Off",
            Some(Object::Array(values)) => return !values.is_empty(),
            Some(_) => return false,
            None => {}
        }
        match document::lookup(document, field, b"Parent").and_then(document::dictionary_of) {
            Some(parent) => field = parent,
            None => return false,
        }
    }
    false
}

/// A rectangle of a page in inches from the top left of the page as it is seen.
fn seen(geometry: &document::Geometry, [left, bottom, right, top]: [f64; 4]) -> Rect {
    let [a, b, c, d, e, f] = geometry.matrix;
    let x = [left, right].map(|x| [bottom, top].map(|y| a * x + c * y + e));
    let y = [left, right].map(|x| [bottom, top].map(|y| b * x + d * y + f));
    let bounds = |values: [[f64; 2]; 2]| {
        let values = values.as_flattened();
        (values.iter().copied().fold(f64::INFINITY, f64::min), values.iter().copied().fold(f64::NEG_INFINITY, f64::max))
    };
    let ((left, right), (low, high)) = (bounds(x), bounds(y));
    Rect {
        left: left / 72.0,
        top: (geometry.height - high) / 72.0,
        width: (right - left) / 72.0,
        height: (high - low) / 72.0,
    }
}

/// Text that is not seen, on a page that is no scan: over a scan it is what was read from it.
pub(super) fn check_text(painted: &Painted, number: u32, report: &mut Report) {
    if painted.invisible_text && !painted.image {
        let message =
            "The page has invisible text and no scan that it could belong to. Make the text visible or take it out.";
        report.add(Finding::warn("document.invisible_text", message).on(number));
    }
}
