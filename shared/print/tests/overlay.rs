//! What is drawn over a document: every finding where it is, on the page as it is seen, whatever the page does.
#![expect(clippy::unwrap_used, reason = "helpers of tests unwrap as tests do")]

mod support;

use lopdf::{Dictionary, Document, Object, Stream, dictionary};
use print::inspect::{Finding, Limits, Paper, Report, inspect};
use print::layout::Rect;
use print::overlay::{OverlayError, overlay};
use print::raster::Raster;
use print::stationery::Placement;
use support::Letter;

fn drawn(bytes: &[u8], findings: Vec<Finding>) -> Vec<u8> {
    let report = Report { findings, ..Report::default() };
    // No zones, so that whatever ink there is belongs to a finding.
    let limits = Limits { paper: Paper::Card6x11, ..Limits::default() };
    overlay(bytes, &report, &limits).unwrap()
}

fn finding(page: u32, area: Rect) -> Finding {
    Finding::warn("document.low_resolution", "Use a larger image.").on(page).at(area)
}

fn ink_within(bytes: &[u8], page: usize, area: &Rect) -> Option<Rect> {
    Raster::open(bytes).unwrap().ink(page).unwrap().within(area)
}

fn numbers(values: [i64; 4]) -> Vec<Object> {
    values.map(Object::Integer).to_vec()
}

/// A blank page that is turned, has its origin elsewhere, a crop box and a unit of its own; upright it is 8.5 by 11 inches.
fn odd_page(turn: i64, unit: i64) -> Vec<u8> {
    let mut letter = Letter::new();
    let page = letter.page_of(b"");
    let (wide, high) = if turn % 180 == 0 { (612 / unit, 792 / unit) } else { (792 / unit, 612 / unit) };
    letter.set(page, "MediaBox", numbers([-50, -70, wide + 90, high + 90]));
    letter.set(page, "CropBox", numbers([30, 40, 30 + wide, 40 + high]));
    letter.set(page, "Rotate", turn);
    letter.set(page, "UserUnit", unit);
    letter.bytes()
}

#[test]
fn a_finding_is_outlined_where_it_is_on_the_page_as_it_is_seen() {
    for (turn, unit) in [(0, 1), (90, 1), (180, 2), (270, 3), (-90, 1)] {
        let area = Rect { left: 2.0, top: 3.0, width: 4.0, height: 1.5 };
        let file = drawn(&odd_page(turn, unit), vec![finding(1, area)]);
        // The foot of the page has the legend.
        let above = Rect { left: 0.0, top: 0.0, width: 8.5, height: 10.0 };
        let ink = ink_within(&file, 0, &above).unwrap();
        let near = |a: f64, b: f64| (a - b).abs() < 0.04;
        let is_near = near(ink.left, 2.0) && near(ink.top, 3.0) && near(ink.right(), 6.0) && near(ink.bottom(), 4.5);
        assert!(is_near, "turned {turn}: {ink:?}");
    }
}

#[test]
fn on_the_back_of_a_card_what_must_stay_free_is_outlined_and_on_the_front_only_the_cut() {
    let mut letter = Letter::new();
    for _ in 0..2 {
        let page = letter.page_of(b"");
        letter.set(page, "MediaBox", numbers([0, 0, 450, 306]));
    }
    let limits = Limits { paper: Paper::Card4x6, ..Limits::default() };
    let file = overlay(&letter.bytes(), &Report::default(), &limits).unwrap();
    // Where the left edge of the zone is, below the name of the cut and above the legend.
    let edge = Rect { left: 2.08, top: 2.2, width: 0.09, height: 1.4 };
    assert_eq!([0, 1].map(|page| ink_within(&file, page, &edge).is_some()), [false, true]);
    let cut = Rect { left: 0.08, top: 1.0, width: 0.09, height: 1.0 };
    assert_eq!([0, 1].map(|page| ink_within(&file, page, &cut).is_some()), [true, true]);
}

#[test]
fn what_the_content_leaves_behind_does_not_disturb_the_drawing() {
    let area = Rect { left: 2.0, top: 3.0, width: 4.0, height: 1.5 };
    for content in ["Q Q Q", "q 0.1 0 0 0.1 0 0 cm", "0 0 1 1 re W n", "BT 3 Tr", "1 1 1 RG 1 1 1 rg", "/Gone gs q q"] {
        let mut letter = Letter::new();
        letter.page_of(content.as_bytes());
        let file = drawn(&letter.bytes(), vec![finding(1, area)]);
        let ink = ink_within(&file, 0, &Rect { left: 0.0, top: 0.0, width: 8.5, height: 10.0 });
        assert!(ink.is_some_and(|ink| (ink.right() - 6.0).abs() < 0.04 && (ink.top - 3.0).abs() < 0.04), "{content}");
    }
}

#[test]
fn the_page_still_shows_what_it_showed() {
    let mut letter = Letter::new();
    let blue = dictionary! { "Type" => "XObject", "Subtype" => "Form", "BBox" => numbers([0, 0, 612, 792]) };
    let blue = letter.document.add_object(Stream::new(blue, b"0 0 1 rg 100 400 72 72 re f".to_vec()));
    let page = letter.page_of(b"/Over0 Do");
    letter.document.get_dictionary_mut(page).unwrap().remove(b"Resources");
    letter.close();
    let root = letter.document.get_dictionary_mut(letter.root).unwrap();
    root.set("Resources", dictionary! { "XObject" => dictionary! { "Over0" => blue } });
    let file = drawn(&letter.bytes(), vec![]);
    let ink = ink_within(&file, 0, &Rect { left: 0.0, top: 0.0, width: 8.5, height: 10.0 }).unwrap();
    assert!((ink.width - 1.0).abs() < 0.03 && (ink.height - 1.0).abs() < 0.03, "{ink:?}");
}

/// The text that a page's own content writes, read back through the font's map.
fn text(bytes: &[u8], page: u32) -> String {
    let document = Document::load_mem(bytes).unwrap();
    let id = document.get_pages()[&page];
    let resources = document.get_dictionary(id).unwrap().get(b"Resources").unwrap().as_dict().unwrap();
    let fonts = resources.get(b"Font").unwrap().as_dict().unwrap();
    let font = fonts.iter().rfind(|(name, _)| name.starts_with(b"Over")).unwrap().1;
    let font = document.get_dictionary(font.as_reference().unwrap()).unwrap();
    let map = document.get_object(font.get(b"ToUnicode").unwrap().as_reference().unwrap()).unwrap();
    let map = String::from_utf8(map.as_stream().unwrap().content.clone()).unwrap();
    let letter = |glyph: &str| {
        let entry = map.lines().find_map(|line| line.strip_prefix(&format!("<{glyph}><"))?.strip_suffix('>'));
        char::from_u32(u32::from_str_radix(entry.unwrap(), 16).unwrap()).unwrap()
    };
    let content = String::from_utf8(document.get_page_content_with_limit(id, 1 << 20).unwrap()).unwrap();
    let lines = content.lines().filter_map(|line| line.strip_suffix("> Tj ET")?.rsplit_once('<'));
    lines
        .map(|(_, hex)| (0..hex.len()).step_by(4).map(|at| letter(&hex[at..at + 4])).collect::<String>() + "\n")
        .collect()
}

#[test]
fn findings_are_named_with_their_measures_and_those_without_an_area_are_listed_on_their_page() {
    let area = Rect { left: 2.0, top: 3.0, width: 4.0, height: 1.5 };
    let findings = vec![
        finding(2, area).measured("72 dpi", "150 dpi"),
        Finding::refuse("document.page_blank", "Leave the page out.").on(2),
        Finding::refuse("document.impressions_differ", "Correct it.").measured("2", "3"),
        Finding::warn("document.odd", "A sign that is not in ASCII: é."),
    ];
    let file = drawn(&Letter::of(3).bytes(), findings);
    let [first, second, third] = [1, 2, 3].map(|page| text(&file, page));
    assert!(second.contains("document.low_resolution: 72 dpi (allowed: 150 dpi)"), "{second}");
    assert!(second.contains("document.page_blank. Leave the page out."), "{second}");
    assert!(first.contains("document.impressions_differ: 2 (allowed: 3). Correct it."), "{first}");
    assert!(first.contains("not in ASCII: ?."), "{first}");
    assert!([&first, &second, &third].iter().all(|page| page.contains("Solid: what inspection found.")));
    assert!(!third.contains("document."), "{third}");
}

#[test]
fn more_findings_than_have_room_are_counted() {
    let findings = (0..300).map(|_| Finding::warn("document.odd", "Mend it.")).collect();
    let text = text(&drawn(&Letter::of(1).bytes(), findings), 1);
    let listed = text.matches("document.odd").count();
    assert!((20..300).contains(&listed) && text.contains(&format!("... and {} more", 300 - listed)), "{text}");
}

#[test]
fn windows_are_drawn_on_the_first_page_and_only_if_the_address_goes_there() {
    let file = Letter::of(3).bytes();
    let zones = |limits: &Limits, page| text(&overlay(&file, &Report::default(), limits).unwrap(), page);
    let on_cover = Limits::default();
    let on_page = Limits { placement: Placement::FirstPage, ..Limits::default() };
    for zone in ["address window", "return address window", "always visible", "barcode", "keep free for the address"] {
        assert!(zones(&on_page, 1).lines().any(|line| line == zone), "{zone}");
        assert!(!zones(&on_page, 2).lines().any(|line| line == zone), "{zone}");
        assert!(!zones(&on_cover, 1).lines().any(|line| line == zone), "{zone}");
    }
    let marks = |limits: &Limits| [1, 2, 3].map(|page| zones(limits, page).contains("sheet mark"));
    assert_eq!(marks(&on_cover), [true, false, true]);
    assert_eq!(marks(&Limits { duplex: false, ..on_cover }), [true, true, true]);
}

#[test]
fn a_page_without_a_usable_size_becomes_a_page_that_can_be_read() {
    for media in [numbers([0, 0, 0, 0]), numbers([0, 0, 1, 1]), numbers([0, 0, 9_000_000, 9_000_000]), vec![]] {
        let mut letter = Letter::of(1);
        letter.set(letter.pages[0], "MediaBox", media);
        letter.set(letter.pages[0], "Rotate", 45);
        let file = letter.bytes();
        let report = inspect(&file, &Limits::default());
        let drawn = overlay(&file, &report, &Limits::default()).unwrap();
        assert!(text(&drawn, 1).contains("document.page_size"));
        let size = inspect(&drawn, &Limits::default()).sizes[0];
        assert_eq!((size.width, size.height), (8.5, 11.0));
    }
}

#[test]
fn a_page_that_is_named_twice_has_the_findings_of_both_places() {
    let mut letter = Letter::of(1);
    letter.pages.push(letter.pages[0]);
    let findings =
        vec![Finding::warn("document.first", "Mend it.").on(1), Finding::warn("document.second", "Mend it.").on(2)];
    let text = text(&drawn(&letter.bytes(), findings), 1);
    assert!(text.contains("document.first") && text.contains("document.second"), "{text}");
}

#[test]
fn content_that_cannot_be_read_is_left_out_and_the_findings_are_drawn() {
    let mut letter = Letter::of(1);
    let parts = [&b"not packed"[..], b"at all"].map(|part| {
        let packed = Stream::new(dictionary! { "Filter" => "FlateDecode" }, part.to_vec());
        Object::Reference(letter.document.add_object(packed))
    });
    letter.set(letter.pages[0], "Contents", parts.to_vec());
    let file = letter.bytes();
    let report = inspect(&file, &Limits::default());
    assert!(text(&overlay(&file, &report, &Limits::default()).unwrap(), 1).contains("document.damaged"));
}

#[test]
fn a_document_that_cannot_be_drawn_on_is_an_error_that_says_so() {
    let refused = |name: &str| {
        let file = format!("{}/../../tests/fixtures/documents/refused/{name}.pdf", env!("CARGO_MANIFEST_DIR"));
        overlay(&std::fs::read(file).unwrap(), &Report::default(), &Limits::default())
    };
    for name in ["not-a-pdf", "zero-bytes", "zero-pages"] {
        assert_eq!(refused(name), Err(OverlayError::Unreadable), "{name}");
    }
    assert_eq!(refused("encrypted-user-password"), Err(OverlayError::Encrypted));
    // Its catalog is object 0, which no cross-reference can list.
    let zero = include_bytes!("../fuzz/corpus/bytes/object_zero");
    assert_eq!(overlay(zero, &Report::default(), &Limits::default()), Err(OverlayError::Unreadable));
    for name in ["encrypted-empty-password", "damaged-xref", "javascript-name-tree", "repeated-page", "wrong-count"] {
        let drawn = refused(name).unwrap();
        let document = Document::load_mem(&drawn).unwrap();
        assert!(document.xref_recovery.is_none() && !document.get_pages().is_empty(), "{name}");
    }
}

#[test]
fn the_annotations_of_a_page_stay() {
    let mut letter = Letter::of(1);
    let note = dictionary! { "Type" => "Annot", "Subtype" => "Text", "Rect" => numbers([0, 0, 9, 9]) };
    let note = letter.document.add_object(Dictionary::clone(&note));
    letter.set(letter.pages[0], "Annots", vec![note.into()]);
    let document = Document::load_mem(&drawn(&letter.bytes(), vec![])).unwrap();
    let page = document.get_dictionary(document.get_pages()[&1]).unwrap();
    assert_eq!(page.get(b"Annots").unwrap().as_array().unwrap().len(), 1);
}

#[test]
fn the_same_report_is_drawn_the_same() {
    let file = Letter::of(2).bytes();
    let report = inspect(&file, &Limits::default());
    let draw = || overlay(&file, &report, &Limits::default()).unwrap();
    assert_eq!(draw(), draw());
}
