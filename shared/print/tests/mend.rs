//! Each mend, by documents that need it, documents that cannot have it, and the looks of both before and after.
#![expect(clippy::unwrap_used, reason = "helpers of tests unwrap as tests do")]

mod support;

use lopdf::{Dictionary, Document, Object, ObjectId, Stream, dictionary};
use print::inspect::{Limits, Paper, Report, inspect};
use print::layout::Rect;
use print::mend::{Mend, MendError, Mended, Note, mend};
use print::raster::{Raster, png};
use support::Letter;

const ALL: [Mend; 3] = [Mend::Flatten, Mend::Centre, Mend::Portrait];

fn mended(bytes: &[u8], mends: &[Mend]) -> Mended {
    mend(bytes, mends, &Limits::default()).unwrap()
}

fn rules(bytes: &[u8]) -> Vec<String> {
    let report: Report = inspect(bytes, &Limits::default());
    report.findings.iter().map(|finding| finding.rule.to_string()).collect()
}

fn has_rule(bytes: &[u8], rule: &str) -> bool {
    rules(bytes).iter().any(|found| found == rule)
}

/// What a page looks like.
fn picture(bytes: &[u8], page: usize) -> Vec<u8> {
    png(bytes, page, 600).unwrap()
}

fn same_looks(before: &[u8], after: &[u8]) {
    assert!(picture(before, 0) == picture(after, 0), "the page looks different");
}

/// Where the ink of the first page is, inches from the top left.
fn ink(bytes: &[u8]) -> Rect {
    let everywhere = Rect { left: 0.0, top: 0.0, width: 1e3, height: 1e3 };
    Raster::open(bytes).unwrap().ink(0).unwrap().within(&everywhere).unwrap()
}

fn is_about(found: &Rect, left: f64, top: f64, width: f64, height: f64) {
    let near = |a: f64, b: f64| (a - b).abs() < 0.03;
    let is_near =
        near(found.left, left) && near(found.top, top) && near(found.width, width) && near(found.height, height);
    assert!(is_near, "{found:?} instead of {left} {top} {width} {height}");
}

fn numbers(values: [i64; 4]) -> Vec<Object> {
    values.map(Object::Integer).to_vec()
}

/// A red rectangle as an appearance.
fn red(letter: &mut Letter) -> ObjectId {
    let form = dictionary! { "Type" => "XObject", "Subtype" => "Form", "BBox" => numbers([0, 0, 10, 10]) };
    letter.document.add_object(Stream::new(form, b"1 0 0 rg 1 1 8 8 re f".to_vec()))
}

/// A comment with an appearance that is printed.
fn comment(letter: &mut Letter) -> Dictionary {
    dictionary! {
        "Type" => "Annot", "Subtype" => "FreeText", "F" => 4, "Rect" => numbers([300, 500, 400, 540]),
        "AP" => dictionary! { "N" => red(letter) },
    }
}

/// A text field with an appearance that is printed.
fn field(letter: &mut Letter) -> Dictionary {
    let mut field = comment(letter);
    field.set("Subtype", "Widget");
    field.set("FT", "Tx");
    field.set("V", Object::string_literal("filled in"));
    field
}

/// A letter of one page with these annotations on it, the widgets among them fields of a form.
fn letter_with(annotations: impl FnOnce(&mut Letter) -> Vec<Dictionary>) -> Letter {
    let mut letter = Letter::of(1);
    let annotations: Vec<Dictionary> = annotations(&mut letter);
    let is_field = |annotation: &Dictionary| annotation.get(b"Subtype").unwrap().as_name().unwrap() == b"Widget";
    let places: Vec<(bool, Object)> = annotations
        .into_iter()
        .map(|annotation| (is_field(&annotation), letter.document.add_object(annotation).into()))
        .collect();
    let fields: Vec<Object> = places.iter().filter(|(field, _)| *field).map(|(_, place)| place.clone()).collect();
    letter.set(letter.pages[0], "Annots", places.into_iter().map(|(_, place)| place).collect::<Vec<_>>());
    if !fields.is_empty() {
        letter.close().set("AcroForm", dictionary! { "Fields" => fields });
    }
    letter
}

fn annotations(bytes: &[u8]) -> usize {
    let document = Document::load_mem(bytes).unwrap();
    let page = document.get_dictionary(document.get_pages()[&1]).unwrap();
    page.get(b"Annots").map_or(0, |annotations| annotations.as_array().unwrap().len())
}

fn has_form(bytes: &[u8]) -> bool {
    Document::load_mem(bytes).unwrap().catalog().unwrap().has(b"AcroForm")
}

/// A document of one page with a black square inch whose lower left corner is at 1, 2 inches from the lower left of what is
/// seen. `scale` is the user unit.
fn small(width: i64, height: i64, scale: i64, change: impl FnOnce(&mut Letter)) -> Vec<u8> {
    let mut letter = Letter::new();
    let side = 72 / scale;
    let (left, bottom) = (100, -50);
    letter.page_of(format!("{} {} {side} {side} re f", left + side, bottom + 2 * side).as_bytes());
    let page = letter.pages[0];
    letter.set(page, "MediaBox", numbers([left, bottom, left + width / scale, bottom + height / scale]));
    letter.set(page, "UserUnit", scale);
    change(&mut letter);
    letter.bytes()
}

#[test]
fn a_comment_whose_looks_do_not_say_that_they_are_a_form_becomes_part_of_its_page() {
    let file = letter_with(|letter| {
        let looks = dictionary! { "BBox" => numbers([0, 0, 10, 10]) };
        let looks = letter.document.add_object(Stream::new(looks, b"0 0 10 10 re f".to_vec()));
        let mut comment = comment(letter);
        comment.set("AP", dictionary! { "N" => looks });
        vec![comment]
    })
    .bytes();
    let mended = mended(&file, &[Mend::Flatten]);
    assert_eq!(annotations(&mended.bytes), 0);
    let document = Document::load_mem(&mended.bytes).unwrap();
    let is_form = |object: &Object| {
        object.as_stream().is_ok_and(|form| {
            form.dict.has(b"BBox")
                && form.dict.get(b"Subtype").is_ok_and(|kind| kind.as_name().is_ok_and(|kind| kind == b"Form"))
        })
    };
    assert!(document.objects.values().any(is_form));
    same_looks(&file, &mended.bytes);
}

#[test]
fn a_comment_becomes_part_of_its_page_and_looks_the_same() {
    let file = letter_with(|letter| vec![comment(letter)]).bytes();
    let after = mended(&file, &[Mend::Flatten]);
    assert_eq!((annotations(&file), annotations(&after.bytes)), (1, 0));
    assert_eq!((after.done.len(), after.done[0].page, after.left), (1, Some(1), vec![]));
    same_looks(&file, &after.bytes);
    assert_eq!(rules(&after.bytes), rules(&file));
}

#[test]
fn a_form_whose_fields_act_is_refused_and_when_flattened_is_not() {
    let file = letter_with(|letter| {
        let mut field = field(letter);
        let script = dictionary! { "S" => "JavaScript", "JS" => Object::string_literal("app.beep()") };
        field.set("AA", dictionary! { "K" => script });
        vec![field]
    })
    .bytes();
    assert!(!inspect(&file, &Limits::default()).is_ok());
    let after = mended(&file, &[Mend::Flatten]);
    let report = inspect(&after.bytes, &Limits::default());
    assert!(report.is_ok(), "{report:?}");
    assert!(!has_form(&after.bytes));
    same_looks(&file, &after.bytes);
}

#[test]
fn what_is_hidden_or_not_for_print_is_never_flattened() {
    for flags in [0, 2, 6] {
        let file = letter_with(|letter| {
            let mut hidden = field(letter);
            hidden.set("F", flags);
            vec![hidden]
        })
        .bytes();
        let after = mended(&file, &[Mend::Flatten]);
        assert_eq!(after.bytes, file, "{flags}");
        assert_eq!((after.done, after.left.len()), (vec![], 1), "{flags}");
    }
}

#[test]
fn a_hidden_field_keeps_its_form_while_others_are_flattened() {
    let file = letter_with(|letter| {
        let mut hidden = field(letter);
        hidden.set("F", 2);
        vec![hidden, field(letter)]
    })
    .bytes();
    let after = mended(&file, &[Mend::Flatten]);
    assert_eq!((annotations(&after.bytes), has_form(&after.bytes)), (1, true));
    assert_eq!((after.done.len(), after.left.len()), (1, 1));
    same_looks(&file, &after.bytes);
}

#[test]
fn a_filled_field_without_an_appearance_is_left() {
    let file = letter_with(|letter| {
        let mut field = field(letter);
        field.remove(b"AP");
        vec![field]
    })
    .bytes();
    let after = mended(&file, &[Mend::Flatten]);
    assert_eq!((after.bytes, after.left.len()), (file, 1));
}

#[test]
fn a_field_that_has_its_value_from_the_field_above_it_is_not_empty() {
    let letter = letter_with(|letter| {
        let mut field = field(letter);
        field.remove(b"AP");
        field.remove(b"V");
        let above =
            letter.document.add_object(dictionary! { "FT" => "Tx", "V" => Object::string_literal("filled in") });
        field.set("Parent", above);
        vec![field]
    });
    let file = letter.bytes();
    assert_eq!(mended(&file, &[Mend::Flatten]).bytes, file);
}

#[test]
fn a_field_that_shows_nothing_is_removed() {
    let file = letter_with(|letter| {
        let mut empty = field(letter);
        empty.remove(b"AP");
        empty.remove(b"V");
        let mut box_not_ticked = field(letter);
        box_not_ticked.set("AP", dictionary! { "N" => dictionary! { "Yes" => red(letter) } });
        box_not_ticked.set("AS", "Off");
        box_not_ticked.set("V", "Off");
        let mut signature = field(letter);
        signature.set("Rect", numbers([0, 0, 0, 0]));
        vec![empty, box_not_ticked, signature]
    })
    .bytes();
    let after = mended(&file, &[Mend::Flatten]);
    assert_eq!((annotations(&after.bytes), has_form(&after.bytes)), (0, false));
    assert_eq!(after.left, vec![]);
    same_looks(&file, &after.bytes);
}

#[test]
fn a_link_stays() {
    let link = || dictionary! { "Type" => "Annot", "Subtype" => "Link", "Rect" => numbers([0, 0, 9, 9]), "F" => 4 };
    let file = letter_with(|letter| vec![link(), comment(letter)]).bytes();
    let after = mended(&file, &[Mend::Flatten]);
    assert_eq!((annotations(&after.bytes), after.left), (1, vec![]));
}

#[test]
fn the_window_of_a_comment_goes_with_it() {
    let mut letter = letter_with(|letter| vec![comment(letter)]);
    let page = letter.pages[0];
    let mut places = letter.document.get_dictionary(page).unwrap().get(b"Annots").unwrap().as_array().unwrap().clone();
    let window = dictionary! { "Type" => "Annot", "Subtype" => "Popup", "Parent" => places[0].clone(),
    "Rect" => numbers([0, 0, 9, 9]) };
    places.push(letter.document.add_object(window).into());
    letter.set(page, "Annots", places);
    assert_eq!(annotations(&mended(&letter.bytes(), &[Mend::Flatten]).bytes), 0);
}

#[test]
fn a_comment_that_two_pages_share_stays_on_the_one_that_cannot_be_drawn_on() {
    let mut letter = Letter::of(2);
    let shared = comment(&mut letter);
    let shared = letter.document.add_object(shared);
    for page in letter.pages.clone() {
        letter.set(page, "Annots", vec![Object::from(shared)]);
    }
    let odd = Stream::new(dictionary! { "Filter" => "Unknown" }, b"x".to_vec());
    let contents = [letter.document.add_object(odd.clone()), letter.document.add_object(odd)];
    letter.set(letter.pages[1], "Contents", contents.map(Object::from).to_vec());
    let after = mended(&letter.bytes(), &[Mend::Flatten]);
    let pages = |notes: &[Note]| notes.iter().map(|note| note.page).collect::<Vec<_>>();
    assert_eq!((pages(&after.done), pages(&after.left)), (vec![Some(1)], vec![Some(2)]));
    let document = Document::load_mem(&after.bytes).unwrap();
    let kept = document.get_dictionary(document.get_pages()[&2]).unwrap().get(b"Annots").unwrap().as_array().unwrap();
    assert!(document.get_dictionary(kept[0].as_reference().unwrap()).is_ok(), "the comment is gone");
}

#[test]
fn an_xfa_form_is_left() {
    let mut letter = letter_with(|letter| vec![field(letter)]);
    let catalog = letter.document.trailer.get(b"Root").unwrap().as_reference().unwrap();
    let form = letter.document.get_dictionary_mut(catalog).unwrap().get_mut(b"AcroForm").unwrap();
    form.as_dict_mut().unwrap().set("XFA", Object::string_literal("<xdp/>"));
    let file = letter.bytes();
    let after = mended(&file, &[Mend::Flatten]);
    assert_eq!((after.bytes, after.left.len()), (file, 1));
}

#[test]
fn flattening_does_not_depend_on_how_the_page_lies_or_what_state_its_content_leaves() {
    for (turn, content) in [(0, "Q Q Q 0 0 1 rg"), (90, "q 0.5 0 0 0.5 20 20 cm 3 Tr"), (180, "BT /F1 9 Tf"), (270, "")]
    {
        let mut letter = letter_with(|letter| vec![comment(letter)]);
        let page = letter.pages[0];
        let parts = ["q 0 0 1 rg 90 90 100 50 re f ", content]
            .map(|part| Object::Reference(letter.document.add_object(Stream::new(Dictionary::new(), part.into()))));
        letter.set(page, "Contents", parts.to_vec());
        letter.set(page, "Rotate", turn);
        letter.set(page, "MediaBox", numbers([-20, -30, 592, 762]));
        letter.set(page, "CropBox", numbers([0, 0, 350, 600]));
        let file = letter.bytes();
        let after = mended(&file, &[Mend::Flatten]);
        same_looks(&file, &after.bytes);
        assert_eq!(annotations(&after.bytes), 0);
    }
}

#[test]
fn resources_are_kept_when_they_are_inherited_and_when_their_names_are_taken() {
    let mut letter = letter_with(|letter| vec![comment(letter)]);
    let page = letter.pages[0];
    let blue = dictionary! { "Type" => "XObject", "Subtype" => "Form", "BBox" => numbers([0, 0, 612, 792]) };
    let blue = letter.document.add_object(Stream::new(blue, b"0 0 1 rg 100 100 50 50 re f".to_vec()));
    let taken: Dictionary = (0..3).map(|n| (format!("Over{n}").into_bytes(), blue.into())).collect();
    let taken = letter.document.add_object(taken);
    let content = letter.document.add_object(Stream::new(Dictionary::new(), b"/Over1 Do".to_vec()));
    letter.set(page, "Contents", content);
    letter.document.get_dictionary_mut(page).unwrap().remove(b"Resources");
    letter.close();
    let root = letter.document.get_dictionary_mut(letter.root).unwrap();
    root.set("Resources", dictionary! { "XObject" => taken });
    let file = letter.bytes();
    same_looks(&file, &mended(&file, &[Mend::Flatten]).bytes);
}

#[test]
fn a_small_page_is_put_in_the_middle_of_a_letter_sheet() {
    for scale in [1, 2] {
        let file = small(360, 504, scale, |_| {});
        assert!(has_rule(&file, "document.page_size"));
        is_about(&ink(&file), 1.0, 4.0, 1.0, 1.0);
        let after = mended(&file, &[Mend::Centre]);
        assert!(!has_rule(&after.bytes, "document.page_size"));
        is_about(&ink(&after.bytes), 1.0 + 1.75, 4.0 + 2.0, 1.0, 1.0);
        assert_eq!((after.done.len(), after.left.len()), (1, 0));
    }
}

/// The sizes of the pages after centring, hundredths of an inch.
fn centred(file: &[u8], paper: Paper) -> Vec<(u32, u32)> {
    let limits = Limits { paper, ..Limits::default() };
    let after = mend(file, &[Mend::Centre], &limits).unwrap();
    assert!(!has_rule(&after.bytes, "document.page_size") && !has_rule(&after.bytes, "document.mixed_sizes"));
    let hundredths = |inches: f64| (inches * 100.0).round() as u32;
    let sizes = inspect(&after.bytes, &limits).sizes;
    sizes.iter().map(|size| (hundredths(size.width), hundredths(size.height))).collect()
}

const SHEETS: Paper = Paper::Sheets { a4: true };

#[test]
fn a_page_goes_on_the_smallest_sheet_that_holds_it() {
    for ((width, height), sheet) in [
        ((360, 504), (850, 1100)),
        // Longer than Letter and no wider than A4.
        ((590, 830), (827, 1169)),
        ((590, 850), (850, 1400)),
        ((605, 830), (850, 1400)),
        // Lying.
        ((830, 590), (1169, 827)),
        ((1000, 600), (1400, 850)),
    ] {
        let file = small(width, height, 1, |_| {});
        let before = ink(&file);
        assert_eq!(centred(&file, SHEETS), [sheet], "{width} x {height}");
        let right = (f64::from(sheet.0) / 100.0 - width as f64 / 72.0) / 2.0;
        let down = (f64::from(sheet.1) / 100.0 - height as f64 / 72.0) / 2.0;
        is_about(&ink(&mended(&file, &[Mend::Centre]).bytes), before.left + right, before.top + down, 1.0, 1.0);
    }
    // Where A4 is not printed there is none to be put on.
    assert_eq!(centred(&small(590, 830, 1, |_| {}), Paper::Sheets { a4: false }), [(850, 1400)]);
}

#[test]
fn all_pages_of_a_letter_go_on_sheets_of_one_size() {
    let of = |sizes: &[[i64; 2]]| {
        let mut letter = Letter::of(sizes.len() as u32);
        for (page, [width, height]) in letter.pages.clone().into_iter().zip(sizes) {
            letter.set(page, "MediaBox", numbers([0, 0, *width, *height]));
        }
        letter.bytes()
    };
    assert_eq!(centred(&of(&[[360, 504], [595, 842], [500, 600]]), SHEETS), [(827, 1169), (826, 1169), (827, 1169)]);
    assert_eq!(centred(&of(&[[360, 504], [590, 900]]), SHEETS), [(850, 1400); 2]);
    assert_eq!(centred(&of(&[[600, 780], [590, 830]]), SHEETS), [(850, 1400); 2]);
    // Of the pages that are of a size that is offered, none is put on a larger sheet.
    let file = of(&[[612, 792], [590, 900]]);
    let after = mended(&file, &[Mend::Centre]);
    assert_eq!((after.bytes, after.left.len()), (file, 1));
}

#[test]
fn a_small_page_stays_turned_when_it_is_put_in_the_middle() {
    for (turn, left, top) in [(90, 2.0, 1.0), (180, 3.0, 2.0), (270, 4.0, 3.0)] {
        let file = small(360, 504, 2, |letter| letter.set(letter.pages[0], "Rotate", turn));
        let before = ink(&file);
        is_about(&before, left, top, 1.0, 1.0);
        let after = mended(&file, &[Mend::Centre]);
        let (right, down) = if turn == 180 { (1.75, 2.0) } else { (0.75, 3.0) };
        is_about(&ink(&after.bytes), left + right, top + down, 1.0, 1.0);
    }
}

#[test]
fn a_page_that_fits_only_lying_gets_a_lying_sheet_and_can_be_turned_upright_as_well() {
    let file = small(720, 504, 1, |_| {});
    let lying = mended(&file, &[Mend::Centre]);
    let size = inspect(&lying.bytes, &Limits::default()).sizes[0];
    assert_eq!((size.width, size.height), (11.0, 8.5));
    let upright = mended(&file, &[Mend::Portrait, Mend::Centre]);
    let size = inspect(&upright.bytes, &Limits::default()).sizes[0];
    assert_eq!((size.width, size.height), (8.5, 11.0));
}

#[test]
fn what_the_crop_cut_off_is_not_seen_beside_the_page() {
    let file = small(360, 504, 1, |letter| {
        let content = Stream::new(Dictionary::new(), b"0 -200 1000 1000 re f".to_vec());
        let content = letter.document.add_object(content);
        letter.set(letter.pages[0], "Contents", content);
        letter.set(letter.pages[0], "CropBox", numbers([136, -14, 280, 130]));
    });
    let after = mended(&file, &[Mend::Centre]);
    is_about(&ink(&after.bytes), 3.25, 4.5, 2.0, 2.0);
}

#[test]
fn a_comment_that_reaches_beyond_a_small_page_is_cut_off_by_flattening_or_keeps_the_page_as_it_is() {
    let file = small(360, 504, 1, |letter| {
        let mut comment = comment(letter);
        comment.set("Rect", numbers([400, 0, 500, 100]));
        let comment = letter.document.add_object(comment);
        letter.set(letter.pages[0], "Annots", vec![comment.into()]);
    });
    let alone = mended(&file, &[Mend::Centre]);
    assert_eq!((alone.bytes, alone.left.len()), (file.clone(), 1));
    let both = mended(&file, &[Mend::Centre, Mend::Flatten]);
    assert_eq!((both.done.len(), both.left.len()), (2, 0));
    assert!(ink(&both.bytes).right() <= 1.75 + 5.0 + 0.02);
}

#[test]
fn pages_of_a_size_that_is_offered_and_larger_ones_are_not_centred() {
    let file = Letter::of(1).bytes();
    assert_eq!(mended(&file, &[Mend::Centre]), Mended { bytes: file, done: vec![], left: vec![] });
    let file = small(800, 1224, 1, |_| {});
    let after = mended(&file, &[Mend::Centre]);
    assert_eq!((after.bytes, after.left.len()), (file, 1));
}

#[test]
fn cards_are_not_put_on_letter_sheets() {
    let file = small(360, 504, 1, |_| {});
    let limits = Limits { paper: Paper::Card6x9, ..Limits::default() };
    let after = mend(&file, &[Mend::Centre], &limits).unwrap();
    assert_eq!((after.bytes, after.left.len()), (file, 1));
}

#[test]
fn a_lying_page_is_turned_upright_with_its_top_to_the_right() {
    for turn in [0, 180] {
        let file = small(792, 612, 1, |letter| letter.set(letter.pages[0], "Rotate", turn));
        let before = ink(&file);
        let after = mended(&file, &[Mend::Portrait]);
        let size = inspect(&after.bytes, &Limits::default()).sizes[0];
        assert_eq!((size.width, size.height), (8.5, 11.0));
        is_about(&ink(&after.bytes), 8.5 - before.bottom(), before.left, 1.0, 1.0);
        assert_eq!(after.done.len(), 1);
    }
}

#[test]
fn an_upright_page_is_not_turned() {
    let file = Letter::of(2).bytes();
    assert_eq!(mended(&file, &[Mend::Portrait]).bytes, file);
}

#[test]
fn a_card_is_not_turned() {
    let mut letter = Letter::of(1);
    letter.set(letter.pages[0], "MediaBox", numbers([0, 0, 450, 306]));
    let file = letter.bytes();
    let limits = Limits { paper: Paper::Card4x6, ..Limits::default() };
    let after = mend(&file, &[Mend::Portrait], &limits).unwrap();
    assert_eq!((after.bytes, after.done.len(), after.left.len()), (file, 0, 1));
}

#[test]
fn a_page_that_is_named_twice_is_mended_once() {
    let mut letter = Letter::new();
    letter.page("Page");
    letter.set(letter.pages[0], "MediaBox", numbers([0, 0, 792, 612]));
    letter.pages.push(letter.pages[0]);
    assert_eq!(mended(&letter.bytes(), &[Mend::Portrait]).done.len(), 1);
}

#[test]
fn a_reference_to_nothing_leads_to_nothing_after_mending() {
    let mut letter = letter_with(|letter| vec![comment(letter)]);
    letter.set(letter.pages[0], "Thumb", Object::Reference((letter.document.max_id + 3, 0)));
    let after = mended(&letter.bytes(), &[Mend::Flatten]);
    let document = Document::load_mem(&after.bytes).unwrap();
    let page = document.get_dictionary(document.get_pages()[&1]).unwrap();
    let thumb = page.get(b"Thumb").unwrap().as_reference().unwrap();
    assert!(document.get_object(thumb).is_err());
}

#[test]
fn content_that_calls_itself_a_part_of_the_file_structure_is_kept() {
    for kind in ["ObjStm/N 0/First 0", "XRef/W[1 1 1]/Size 0", "Linearized"] {
        let mut objects = support::one_page();
        objects[2] = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 792 612]/Resources<<>>/Contents 4 0 R>>".to_vec();
        objects[3] = format!("<</Type/{kind}/Length 18>>stream\n72 72 144 144 re f\nendstream").into_bytes();
        let after = mended(&support::file(&objects), &[Mend::Portrait]);
        is_about(&ink(&after.bytes), 1.0, 1.0, 2.0, 2.0);
    }
}

#[test]
fn what_is_damaged_or_encrypted_is_not_mended() {
    let unmendable = |name: &str, error: MendError| {
        let file = std::fs::read(format!("{FIXTURES}/refused/{name}.pdf")).unwrap();
        assert_eq!(mend(&file, &ALL, &Limits::default()), Err(error), "{name}");
    };
    for name in ["damaged-xref", "truncated", "not-a-pdf", "zero-bytes", "wrong-count"] {
        unmendable(name, MendError::Unreadable);
    }
    for name in ["encrypted-empty-password", "encrypted-user-password"] {
        unmendable(name, MendError::Encrypted);
    }
}

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/documents");

/// Documents of many programs.
fn fixtures() -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = ["", "/refused"]
        .iter()
        .flat_map(|folder| std::fs::read_dir(format!("{FIXTURES}{folder}")).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "pdf"))
        .collect();
    files.sort();
    files.into_iter().map(|path| (path.display().to_string(), std::fs::read(path).unwrap())).collect()
}

#[test]
fn mending_is_the_same_each_time_and_mending_twice_changes_nothing_more() {
    for (name, file) in fixtures() {
        let Ok(once) = mend(&file, &ALL, &Limits::default()) else { continue };
        assert_eq!(mend(&file, &ALL, &Limits::default()).as_ref(), Ok(&once), "{name}");
        let twice = mend(&once.bytes, &ALL, &Limits::default()).unwrap();
        assert_eq!((twice.bytes == once.bytes, &twice.done, &twice.left), (true, &vec![], &once.left), "{name}");
    }
}

#[test]
fn mending_finds_no_fault_that_was_not_there_and_changes_no_upright_page() {
    let mut changed = 0;
    for (name, file) in fixtures() {
        let Ok(after) = mend(&file, &ALL, &Limits::default()) else { continue };
        let before = rules(&file);
        assert!(rules(&after.bytes).iter().all(|rule| before.contains(rule)), "{name}");
        if after.bytes == file {
            continue;
        }
        changed += 1;
        let moved = after.done.iter().any(|note| note.mend != Mend::Flatten);
        let pages = Raster::open(&file).unwrap().pages();
        assert_eq!(Raster::open(&after.bytes).unwrap().pages(), pages, "{name}");
        for page in (0..pages).filter(|_| !moved) {
            assert!(picture(&file, page) == picture(&after.bytes, page), "{name}: page {}", page + 1);
        }
    }
    assert!(changed >= 3, "only {changed} were mended");
}
