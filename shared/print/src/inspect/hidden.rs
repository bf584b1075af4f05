//! Does paper show what a screen shows? `document.hidden_layer`, `annotation_not_printed`, `annotation_not_seen`,
//! `form_field_without_appearance`, `invisible_text`.

use lopdf::{Dictionary, Document, Object, ObjectId};

use super::painted::Painted;
use super::{Finding, Report};
use crate::document::{self, HIDDEN, NO_VIEW, PRINT, Page};
use crate::layout::Rect;

/// Layers that are switched off, that no screen shows or that are not to be printed, would be printed, because the print
/// stream has no layers. One that nothing on the pages is in hides nothing.
pub(super) fn check_layers(document: &Document, report: &mut Report) {
    let settings = document.catalog().ok().and_then(|catalog| document::lookup(document, catalog, b"OCProperties"));
    let Some(settings) = settings.and_then(document::dictionary_of) else { return };
    let layers = Layers::of(document, settings);
    if document.objects.values().any(|object| layers.hide_in(object)) {
        let message = "The file has layers that are switched off, hidden from screens or not to be printed, and paper has no \
                       layers. Flatten the layers or take these out.";
        report.add(Finding::refuse("document.hidden_layer", message));
    }
}

/// How deep a condition for being seen may nest; what nests deeper counts as hidden.
const MAX_CONDITIONS: u32 = 32;

/// Which layers are on as the file is opened (ISO 32000-2 8.11).
struct Layers<'a> {
    document: &'a Document,
    /// Whether a layer that is not in `others` is on.
    usually_on: bool,
    /// The layers that are not as usual.
    others: Vec<ObjectId>,
    /// The layers that a screen switches by what they say of being viewed (ISO 32000-2 8.11.4.4).
    viewed: Vec<ObjectId>,
}

impl<'a> Layers<'a> {
    fn of(document: &'a Document, settings: &Dictionary) -> Self {
        let usual = document::lookup(document, settings, b"D").and_then(document::dictionary_of);
        let in_usual = |key: &[u8]| usual.and_then(|usual| document::lookup(document, usual, key));
        let usually_on = !in_usual(b"BaseState").is_some_and(is_off);
        let others = in_usual(if usually_on { b"OFF" } else { b"ON" }).and_then(|layers| layers.as_array().ok());
        let others = others.into_iter().flatten().filter_map(|layer| layer.as_reference().ok()).collect();
        let mut viewed = Vec::new();
        let switches = in_usual(b"AS").and_then(|switches| switches.as_array().ok());
        for switch in switches.into_iter().flatten() {
            let Some(switch) = document::dictionary_of(document::resolve(document, switch)) else { continue };
            let event = document::lookup(document, switch, b"Event").and_then(|event| event.as_name().ok());
            let layers = document::lookup(document, switch, b"OCGs").and_then(|layers| layers.as_array().ok());
            if event == Some(b"View") {
                viewed.extend(layers.into_iter().flatten().filter_map(|layer| layer.as_reference().ok()));
            }
        }
        Self { document, usually_on, others, viewed }
    }

    /// Whether something in an object, such as a form or the properties of a page's content, is hidden by its layer. Objects
    /// nest at most as deep as the parser lets them.
    fn hide_in(&self, object: &Object) -> bool {
        let dictionary = match object {
            Object::Array(items) => return items.iter().any(|item| self.hide_in(item)),
            Object::Dictionary(dictionary) => dictionary,
            Object::Stream(stream) => &stream.dict,
            _ => return false,
        };
        let properties = document::lookup(self.document, dictionary, b"Properties").and_then(document::dictionary_of);
        let named = properties.into_iter().flat_map(|properties| properties.iter().map(|(_, layer)| layer));
        let own = dictionary.get(b"OC").ok();
        own.into_iter().chain(named).any(|layer| !self.shows(layer, 0))
            || dictionary.iter().any(|(_, value)| self.hide_in(value))
    }

    /// Whether what is in a layer, or in a group of them, is printed. What is neither hides nothing.
    fn shows(&self, layer: &Object, depth: u32) -> bool {
        let Some(dictionary) = document::dictionary_of(document::resolve(self.document, layer)) else { return true };
        let get = |key: &[u8]| document::lookup(self.document, dictionary, key);
        match get(b"Type").and_then(|kind| kind.as_name().ok()) {
            Some(b"OCG") => {
                let usage = get(b"Usage").and_then(document::dictionary_of);
                let is_off = |event: &[u8], state: &[u8]| {
                    let event = usage.and_then(|usage| document::lookup(self.document, usage, event));
                    let state = document::lookup(self.document, document::dictionary_of(event?)?, state);
                    state.map(is_off)
                };
                let is_in = |layers: &[ObjectId]| layer.as_reference().is_ok_and(|id| layers.contains(&id));
                self.usually_on != is_in(&self.others)
                    && match is_off(b"Print", b"PrintState") {
                        Some(print_is_off) => !print_is_off,
                        // What says nothing of being printed looks on paper as on a screen.
                        None => !(is_in(&self.viewed) && is_off(b"View", b"ViewState") == Some(true)),
                    }
            }
            Some(b"OCMD") if depth < MAX_CONDITIONS => {
                if let Some(Object::Array(condition)) = get(b"VE") {
                    return self.holds(condition, depth + 1);
                }
                let layers = match get(b"OCGs") {
                    Some(Object::Array(layers)) => layers.as_slice(),
                    _ => dictionary.get(b"OCGs").map_or(&[][..], std::slice::from_ref),
                };
                let shown = |layer: &Object| self.shows(layer, depth + 1);
                match get(b"P").and_then(|policy| policy.as_name().ok()) {
                    _ if layers.is_empty() => true,
                    Some(b"AllOn") => layers.iter().all(shown),
                    Some(b"AnyOff") => !layers.iter().all(shown),
                    Some(b"AllOff") => !layers.iter().any(shown),
                    _ => layers.iter().any(shown),
                }
            }
            Some(b"OCMD") => false,
            _ => true,
        }
    }
}

impl Layers<'_> {
    /// Whether a condition on layers holds: an operator and what it is about.
    fn holds(&self, condition: &[Object], depth: u32) -> bool {
        let Some((operator, operands)) = condition.split_first() else { return true };
        if depth > MAX_CONDITIONS {
            return false;
        }
        let holds = |operand: &Object| match document::resolve(self.document, operand) {
            Object::Array(inner) => self.holds(inner, depth + 1),
            _ => self.shows(operand, depth),
        };
        match operator.as_name() {
            Ok(b"Not") => !operands.iter().any(holds),
            Ok(b"Or") => operands.iter().any(holds),
            _ => operands.iter().all(holds),
        }
    }
}

fn is_off(state: &Object) -> bool {
    state.as_name().is_ok_and(|state| state == b"OFF")
}

/// Annotations that readers draw by what their dictionaries say if they have no appearance (ISO 32000-2 12.5.6.6 to 12.5.6.13).
const DRAWN: [&[u8]; 13] = [
    b"FreeText",
    b"Line",
    b"Square",
    b"Circle",
    b"Polygon",
    b"PolyLine",
    b"Highlight",
    b"Underline",
    b"Squiggly",
    b"StrikeOut",
    b"Stamp",
    b"Caret",
    b"Ink",
];

/// Annotations that a screen shows and paper would not.
pub(super) fn check_annotations(document: &Document, page: &Page<'_>, number: u32, report: &mut Report) {
    let Some(Object::Array(items)) = document::lookup(document, page.dictionary, b"Annots") else { return };
    let (mut comment, mut blank, mut field, mut stale, mut unseen) = (None, None, None, None, None);
    let form = document.catalog().ok().and_then(|catalog| document::lookup(document, catalog, b"AcroForm"));
    let renewed =
        form.and_then(document::dictionary_of).and_then(|form| document::lookup(document, form, b"NeedAppearances"));
    let renewed = matches!(renewed, Some(Object::Boolean(true)));
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
        let has_appearance = document::appearance(document, annotation).is_some();
        let filled = kind == b"Widget" && has_size && is_filled(document, annotation);
        if filled && !has_appearance {
            field = field.or(Some(area));
        } else if filled && renewed {
            stale = stale.or(Some(area));
        } else if kind == b"Widget" {
            // A field that is not printed, such as a button, is part of the screen and not of the letter.
            if filled && flags & (PRINT | NO_VIEW) == 0 {
                comment = comment.or(Some(area));
            }
        } else if flags & PRINT != 0 && !has_appearance && has_size && DRAWN.contains(&kind) {
            blank = blank.or(Some(area));
        } else if flags & NO_VIEW == 0 && (flags & PRINT == 0 || !has_appearance) {
            comment = comment.or(Some(area));
        } else if flags & NO_VIEW != 0 && flags & PRINT != 0 && has_appearance {
            unseen = unseen.or(Some(area));
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
    if let Some(area) = stale {
        let message = "The page has a filled form field whose appearance is made anew by a screen and not by paper, so \
                       another value may be printed. Flatten the form.";
        report.add(place(Finding::warn("document.form_field_without_appearance", message), area));
    }
    if let Some(area) = blank {
        let message = "The page has a comment that is meant to be printed and has no appearance, so each reader draws it in its \
                       own way and paper does not. Flatten it, or take it out.";
        report.add(place(Finding::refuse("document.annotation_without_appearance", message), area));
    }
    if let Some(area) = comment {
        let message = "The page has a comment or form field that a screen shows and paper does not. Flatten it to have it \
                       printed, or take it out.";
        report.add(place(Finding::warn("document.annotation_not_printed", message), area));
    }
    if let Some(area) = unseen {
        let message = "The page has an annotation that no screen shows and paper does. Take it out if it is not meant to be \
                       printed.";
        report.add(place(Finding::warn("document.annotation_not_seen", message), area));
    }
}

/// Whether a widget shows a value of its field. One button of several shows that of its own state only.
fn is_filled(document: &Document, widget: &Dictionary) -> bool {
    match document::field_value(document, widget) {
        Some(Object::String(text, _)) => text.iter().any(|byte| !matches!(byte, 0xfe | 0xff | 0 | b' ')),
        Some(Object::Name(state)) => {
            let is_off = document::lookup(document, widget, b"AS")
                .is_some_and(|now| now.as_name().is_ok_and(|now| now == b"Off"));
            let looks = document::lookup(document, widget, b"AP").and_then(document::dictionary_of);
            let states = looks.and_then(|looks| document::lookup(document, looks, b"N"));
            let is_other = states.is_some_and(|states| states.as_dict().is_ok_and(|states| !states.has(state)));
            state != b"Off" && !is_off && !is_other
        }
        Some(Object::Array(values)) => !values.is_empty(),
        // Long text may be in a stream.
        Some(Object::Stream(text)) => !text.content.is_empty(),
        // A signature need not be seen.
        Some(Object::Dictionary(_)) => document::appearance(document, widget).is_some(),
        _ => false,
    }
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
    if painted.invisible_text && !painted.scan {
        let message =
            "The page has invisible text and no scan that it could belong to. Make the text visible or take it out.";
        report.add(Finding::warn("document.invisible_text", message).on(number));
    }
}
