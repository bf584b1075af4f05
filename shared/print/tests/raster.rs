//! Where ink is on a page, and pictures of pages. Every place is known because the page was made here.

#![expect(clippy::unwrap_used, reason = "helpers of tests unwrap as tests do")]

mod support;

use lopdf::{Dictionary, Object, Stream, dictionary};
use print::inspect::{Limits, inspect};
use print::layout::Rect;
use print::raster::{Ink, MAX_IMAGE_PIXELS, MAX_WIDTH, ProofError, Raster, png};
use support::Letter;

const EVERYWHERE: Rect = Rect { left: 0.0, top: 0.0, width: 1000.0, height: 1000.0 };

fn letter(content: &str) -> Letter {
    let mut letter = Letter::new();
    letter.page_of(content.as_bytes());
    letter
}

fn ink_of(letter: Letter) -> Ink {
    Raster::open(&letter.bytes()).unwrap().ink(0).unwrap()
}

fn ink(content: &str) -> Ink {
    ink_of(letter(content))
}

/// A page with keys of its own.
fn page_with(content: &str, keys: &[(&str, Object)]) -> Letter {
    let mut letter = letter(content);
    let page = letter.pages[0];
    for (key, value) in keys {
        letter.set(page, key, value.clone());
    }
    letter
}

fn numbers(numbers: &[i64]) -> Object {
    numbers.iter().map(|number| Object::from(*number)).collect::<Vec<_>>().into()
}

/// That the ink is where it should be, to a pixel.
#[track_caller]
fn is_at(found: Option<Rect>, left: f64, top: f64, width: f64, height: f64) {
    let found = found.unwrap();
    let close = |a: f64, b: f64| (a - b).abs() <= 1.01 / 72.0;
    let edges = [(found.left, left), (found.top, top), (found.right(), left + width), (found.bottom(), top + height)];
    assert!(edges.into_iter().all(|(a, b)| close(a, b)), "{found:?}, not {left}, {top}, {width} x {height}");
}

#[test]
fn a_page_without_ink_is_blank() {
    for content in ["", "q Q", "BT /F1 12 Tf 72 700 Td ( ) Tj ET", "BT /F1 12 Tf 3 Tr 72 700 Td (unseen) Tj ET"] {
        let ink = ink(content);
        assert!(ink.is_blank() && !ink.coloured && ink.within(&EVERYWHERE).is_none(), "{content}");
    }
}

#[test]
fn what_is_white_or_nearly_so_is_no_ink() {
    for colour in ["1 g", "0.92 g", "1 0.97 0.91 rg", "0 0 0.1 0 k"] {
        let ink = ink(&format!("{colour} 0 0 612 792 re f"));
        assert!(ink.is_blank() && !ink.coloured, "{colour}");
    }
}

#[test]
fn what_white_covers_is_no_ink() {
    assert!(ink("0 g 100 100 50 50 re f 1 g 99 99 52 52 re f").is_blank());
}

#[test]
fn what_is_clipped_away_is_no_ink() {
    assert!(ink("0 0 100 100 re W n 0 g 200 200 50 50 re f").is_blank());
    is_at(
        ink("0 0 210 210 re W n 200 200 50 50 re f").within(&EVERYWHERE),
        200.0 / 72.0,
        8.0 + 6.0 / 72.0,
        10.0 / 72.0,
        10.0 / 72.0,
    );
}

#[test]
fn what_is_off_the_page_is_no_ink() {
    assert!(ink("-50 -50 49 49 re f 613 0 50 50 re f").is_blank());
}

#[test]
fn a_line_too_thin_to_be_drawn_fully_is_ink() {
    for line in [
        "72 400 300 0.25 re f",
        "0.1 w 72 400 m 372 400 l S",
        "72.9 400.9 0.3 300 re f",
        "0.5 G 0.2 w 72 9 m 372 9 l S",
    ] {
        assert!(!ink(line).is_blank(), "{line}");
    }
}

#[test]
fn ink_is_found_where_it_is() {
    let ink = ink("144 648 36 72 re f");
    is_at(ink.within(&EVERYWHERE), 2.0, 1.0, 0.5, 1.0);
    is_at(ink.outside(&Rect { left: 5.0, top: 5.0, width: 1.0, height: 1.0 }), 2.0, 1.0, 0.5, 1.0);
}

#[test]
fn only_ink_inside_an_area_is_within_and_only_ink_outside_it_without() {
    let ink = ink("144 648 36 72 re f");
    is_at(ink.within(&Rect { left: 2.25, top: 1.5, width: 3.0, height: 3.0 }), 2.25, 1.5, 0.25, 0.5);
    is_at(ink.outside(&Rect { left: 1.0, top: 1.0, width: 3.0, height: 0.5 }), 2.0, 1.5, 0.5, 0.5);
    is_at(ink.outside(&Rect { left: 2.25, top: 0.0, width: 9.0, height: 9.0 }), 2.0, 1.0, 0.25, 1.0);
    assert_eq!(ink.outside(&Rect { left: 2.0, top: 1.0, width: 0.5, height: 1.0 }), None);
    assert_eq!(ink.within(&Rect { left: 2.5, top: 1.0, width: 9.0, height: 9.0 }), None);
    assert_eq!(ink.within(&Rect { left: -5.0, top: -5.0, width: 6.0, height: 50.0 }), None);
    assert_eq!(ink.within(&Rect { left: 900.0, top: -5.0, width: 1e300, height: f64::NAN }), None);
}

#[test]
fn a_turned_page_is_seen_upright() {
    // The same place on the upright page, in the units of the page as it was turned.
    let turns = [
        (0, "144 648 36 72"),
        (90, "72 144 72 36"),
        (180, "432 72 36 72"),
        (270, "468 612 72 36"),
        (-90, "468 612 72 36"),
    ];
    for (turn, place) in turns {
        let letter = page_with(&format!("{place} re f"), &[("Rotate", turn.into())]);
        is_at(ink_of(letter).within(&EVERYWHERE), 2.0, 1.0, 0.5, 1.0);
    }
}

#[test]
fn a_page_begins_where_its_boxes_meet() {
    let boxes = [
        ("244 848 36 72", vec![("MediaBox", numbers(&[100, 200, 712, 992]))]),
        ("180 612 36 72", vec![("CropBox", numbers(&[36, 36, 576, 756]))]),
        ("144 648 36 72", vec![("CropBox", numbers(&[-100, -100, 1000, 1000]))]),
        (
            "44 848 36 72",
            vec![("MediaBox", numbers(&[712, 992, -100, -1000])), ("CropBox", numbers(&[-100, 500, 300, 992]))],
        ),
    ];
    for (place, keys) in boxes {
        let letter = page_with(&format!("{place} re f"), &keys);
        is_at(ink_of(letter).within(&EVERYWHERE), 2.0, 1.0, 0.5, 1.0);
    }
    let cropped = page_with("0 0 1000 1000 re f", &[("CropBox", numbers(&[36, 36, 576, 756])), ("Rotate", 90.into())]);
    is_at(ink_of(cropped).within(&EVERYWHERE), 0.0, 0.0, 10.0, 7.5);
}

#[test]
fn a_page_may_have_a_unit_of_its_own() {
    let letter = page_with("72 324 18 36 re f", &[("MediaBox", numbers(&[0, 0, 306, 396])), ("UserUnit", 2.into())]);
    is_at(ink_of(letter).within(&EVERYWHERE), 2.0, 1.0, 0.5, 1.0);
}

#[test]
fn a_page_is_as_large_as_inspection_says() {
    for (turn, unit, crop) in
        [(0, 1.0, [0, 0, 612, 792]), (90, 1.5, [10, 20, 400, 777]), (270, 0.25, [-9, 3, 600, 1000])]
    {
        let keys = [("Rotate", turn.into()), ("UserUnit", Object::Real(unit)), ("CropBox", numbers(&crop))];
        let file = page_with("-999 -999 9999 9999 re f", &keys).bytes();
        let size = inspect(&file, &Limits::default()).sizes[0];
        let ink = Raster::open(&file).unwrap().ink(0).unwrap();
        is_at(ink.within(&EVERYWHERE), 0.0, 0.0, size.width, size.height);
    }
}

#[test]
fn a_page_larger_than_any_sheet_is_looked_at_coarsely() {
    let ink = ink_of(page_with("0 0 306 396 re f", &[("UserUnit", 100.into())]));
    assert!(ink.dpi < 3.0);
    let found = ink.within(&Rect { width: 1e6, height: 1e6, ..EVERYWHERE }).unwrap();
    assert!((found.top - 550.0).abs() < 1.0 && (found.right() - 425.0).abs() < 1.0, "{found:?}");
}

#[test]
fn colour_is_noticed_and_the_warmth_of_a_black_is_not() {
    for (colour, coloured) in [
        ("0 g", false),
        ("0.5 g", false),
        ("0 0 0 1 k", false),
        ("0.1 0.08 0.06 rg", false),
        ("1 0 0 rg", true),
        ("1 0 0 0 k", true),
        ("0 0 0.3 rg", true),
    ] {
        assert_eq!(ink(&format!("{colour} 100 100 50 50 re f")).coloured, coloured, "{colour}");
    }
}

fn with_annotation(flags: i64, subtype: &str) -> Letter {
    let mut letter = letter("");
    let mut form = dictionary! { "Type" => "XObject", "Subtype" => "Form" };
    form.set("BBox", numbers(&[0, 0, 10, 10]));
    let form = letter.document.add_object(Stream::new(form, b"0 0 10 10 re f".to_vec()));
    let annotation = letter.document.add_object(dictionary! {
        "Type" => "Annot", "Subtype" => subtype, "Rect" => numbers(&[144, 648, 180, 720]), "F" => flags,
        "AP" => dictionary! { "N" => form },
    });
    let page = letter.pages[0];
    letter.set(page, "Annots", vec![annotation.into()]);
    letter
}

const HIDDEN: i64 = 2;
const PRINT: i64 = 4;
const NO_VIEW: i64 = 32;

#[test]
fn an_annotation_that_is_printed_is_ink() {
    for flags in [PRINT, PRINT | NO_VIEW, PRINT | 64] {
        is_at(ink_of(with_annotation(flags, "Stamp")).within(&EVERYWHERE), 2.0, 1.0, 0.5, 1.0);
    }
}

#[test]
fn an_annotation_that_is_not_printed_is_no_ink() {
    for flags in [0, HIDDEN, PRINT | HIDDEN, NO_VIEW, 64] {
        assert!(ink_of(with_annotation(flags, "Stamp")).is_blank(), "{flags}");
    }
    assert!(ink_of(with_annotation(PRINT, "Popup")).is_blank());
}

#[test]
fn annotations_that_are_not_printed_take_nothing_else_away() {
    // One is written in the page itself, one is not for print, and the page has the last word on neither.
    let mut letter = with_annotation(0, "Text");
    letter.document.objects.values_mut().filter_map(|object| object.as_stream_mut().ok()).for_each(|stream| {
        if stream.content.is_empty() {
            stream.set_content(b"360 72 72 72 re f".to_vec());
        }
    });
    let page = letter.pages[0];
    let annotations = letter.document.get_dictionary(page).unwrap().get(b"Annots").unwrap().as_array().unwrap().clone();
    let mut direct = letter.document.get_dictionary(annotations[0].as_reference().unwrap()).unwrap().clone();
    direct.set("F", PRINT);
    direct.set("Rect", numbers(&[432, 144, 468, 180]));
    letter.set(page, "Annots", vec![annotations[0].clone(), direct.into()]);
    letter.page("the second page");
    for compressed in [false, true] {
        let mut bytes = Vec::new();
        let mut document = letter.document.clone();
        let mut copy = Letter { document, root: letter.root, font: letter.font, pages: letter.pages.clone() };
        copy.close();
        document = copy.document;
        if compressed {
            document.save_modern(&mut bytes).unwrap()
        } else {
            document.save_to(&mut bytes).unwrap()
        }
        let raster = Raster::open(&bytes).unwrap();
        assert_eq!(raster.pages(), 2);
        is_at(raster.ink(0).unwrap().within(&EVERYWHERE), 5.0, 8.5, 1.5, 1.5);
        assert!(!raster.ink(1).unwrap().is_blank());
    }
}

/// An image of so many pixels, as an object of a document.
fn image(letter: &mut Letter, width: i64, height: i64, mask: Option<lopdf::ObjectId>) -> lopdf::ObjectId {
    let mut keys = dictionary! {
        "Type" => "XObject", "Subtype" => "Image", "Width" => width, "Height" => height,
        "ColorSpace" => "DeviceGray", "BitsPerComponent" => 8,
    };
    if let Some(mask) = mask {
        keys.set("SMask", mask);
    }
    letter.document.add_object(Stream::new(keys, vec![0; 4]))
}

fn resources(letter: &mut Letter, objects: &[(&str, lopdf::ObjectId)]) -> Dictionary {
    let named: Dictionary = objects.iter().map(|(name, id)| (name.to_string(), Object::from(*id))).collect();
    let page = letter.pages.first().copied();
    let resources = dictionary! { "XObject" => named };
    if let Some(page) = page {
        letter.set(page, "Resources", resources.clone());
    }
    resources
}

#[test]
fn the_pixels_of_images_that_are_drawn_are_counted_once_each_wherever_they_are() {
    let mut letter = Letter::new();
    let (mask, inner) = (image(&mut letter, 10, 10, None), image(&mut letter, 7, 1, None));
    let outer = image(&mut letter, 100, 10, Some(mask));
    let mut form = dictionary! { "Type" => "XObject", "Subtype" => "Form" };
    form.set("BBox", numbers(&[0, 0, 10, 10]));
    form.set("Resources", resources(&mut letter, &[("I", inner), ("O", outer)]));
    let form = letter.document.add_object(Stream::new(form, b"/I Do /O Do".to_vec()));
    letter.page_of(b"/A Do /B Do /F Do");
    let unused = image(&mut letter, 99, 99, None);
    resources(&mut letter, &[("A", outer), ("B", outer), ("F", form), ("U", unused)]);
    let raster = Raster::open(&letter.bytes()).unwrap();
    assert_eq!(raster.image_pixels(0), 1000 + 100 + 7);
    assert_eq!(raster.image_pixels(1), 0);
}

#[test]
fn a_page_whose_images_are_too_large_is_not_drawn() {
    let mut letter = letter("q 612 0 0 792 0 0 cm /I Do Q");
    let monster = image(&mut letter, 100_000, 100_000, None);
    resources(&mut letter, &[("I", monster)]);
    let file = letter.bytes();
    let raster = Raster::open(&file).unwrap();
    assert!(raster.image_pixels(0) > MAX_IMAGE_PIXELS);
    assert_eq!(raster.ink(0), None);
    assert_eq!(png(&file, 0, 100), Err(ProofError::TooManyPixels));
}

#[test]
fn what_is_no_document_or_no_page_has_no_ink() {
    assert!(Raster::open(b"%PDF-1.4 and nothing else").is_none());
    let raster = Raster::open(&Letter::of(2).bytes()).unwrap();
    assert_eq!(raster.pages(), 2);
    assert!(raster.ink(1).is_some_and(|ink| !ink.is_blank()));
    assert_eq!(raster.ink(2), None);
    let sizeless = page_with("", &[("CropBox", numbers(&[700, 0, 800, 792]))]);
    assert_eq!(Raster::open(&sizeless.bytes()).unwrap().ink(0), None);
}

/// Width, height and whether it is coloured, of a PNG.
fn facts(picture: &[u8]) -> (u32, u32, bool) {
    let reader = png::Decoder::new(std::io::Cursor::new(picture)).read_info().unwrap();
    let info = reader.info();
    (info.width, info.height, info.color_type == png::ColorType::Rgb)
}

#[test]
fn a_picture_is_as_wide_as_asked_for_and_grey_if_it_can_be() {
    let (grey, red) = (letter("72 72 100 100 re f").bytes(), letter("1 0 0 rg 72 72 100 100 re f").bytes());
    assert_eq!(facts(&png(&grey, 0, 170).unwrap()), (170, 220, false));
    assert_eq!(facts(&png(&red, 0, 850).unwrap()), (850, 1100, true));
}

#[test]
fn a_picture_has_bounds() {
    let page = letter("").bytes();
    assert_eq!(facts(&png(&page, 0, 9_999_999).unwrap()).0, MAX_WIDTH);
    let ribbon = page_with("", &[("MediaBox", numbers(&[0, 0, 10, 100_000]))]).bytes();
    assert_eq!(facts(&png(&ribbon, 0, 1000).unwrap()), (1, 8000, false));
}

#[test]
fn a_picture_that_cannot_be_made_says_why() {
    let file = Letter::of(1).bytes();
    assert_eq!(png(b"no document", 0, 100), Err(ProofError::Unreadable));
    assert_eq!(png(&file, 1, 100), Err(ProofError::NoSuchPage));
    assert_eq!(png(&file, 0, 0), Err(ProofError::NoSize));
}

#[test]
fn the_same_page_is_the_same_picture() {
    let file = Letter::of(1).bytes();
    assert_eq!(png(&file, 0, 300), png(&file, 0, 300));
}
