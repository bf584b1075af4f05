//! Each rule of the inspection, by a document that breaks it and one that does not.

mod support;

use lopdf::{Object, Stream, dictionary};
use print::inspect::{Finding, Limits, PageSize, Paper, Report, Severity, inspect};
use support::Letter;

fn report(file: &[u8], declared: u32) -> Report {
    inspect(file, &Limits { impressions: Some(declared), ..Limits::default() })
}

fn rules(report: &Report) -> Vec<&str> {
    report.findings.iter().map(|finding| finding.rule.as_ref()).collect()
}

/// The rules that a one-page document breaks after a change to it.
fn rules_after(change: impl FnOnce(&mut Letter)) -> Vec<String> {
    let mut letter = Letter::of(1);
    change(&mut letter);
    rules(&report(&letter.bytes(), 1)).into_iter().map(str::to_owned).collect()
}

#[test]
fn an_ordinary_letter_has_no_findings() {
    let report = report(&Letter::of(3).bytes(), 3);
    assert_eq!(report.findings, vec![]);
    assert_eq!((report.pages, report.sizes), (3, vec![PageSize { width: 8.5, height: 11.0 }; 3]));
}

#[test]
fn what_is_no_pdf_is_refused() {
    assert_eq!(rules(&report(b"<html>", 1)), ["document.not_a_pdf"]);
}

#[test]
fn half_a_file_is_damaged() {
    let file = Letter::of(2).bytes();
    assert_eq!(rules(&report(&file[..file.len() / 2], 2)), ["document.damaged"]);
}

#[test]
fn a_file_whose_cross_reference_had_to_be_rebuilt_is_damaged() {
    let mut file = Letter::of(1).bytes();
    // One byte more before the first object, and every offset is off.
    file.insert(9, b'\n');
    file.insert(9, b'\n');
    assert!(rules(&report(&file, 1)).contains(&"document.damaged"));
}

#[test]
fn a_file_in_which_a_needed_object_cannot_be_read_is_damaged() {
    let mut objects = support::one_page();
    objects[2] = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Resources 4 0 R>>".to_vec();
    objects.push(b"<</Font ".to_vec());
    assert!(rules(&report(&support::file(&objects), 1)).contains(&"document.damaged"));
}

#[test]
fn a_reference_to_nothing_is_no_damage() {
    let mut objects = support::one_page();
    objects[2] = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Resources<<>>/Metadata 77 0 R>>".to_vec();
    assert_eq!(rules(&report(&support::file(&objects), 1)), Vec::<&str>::new());
}

#[test]
fn a_page_whose_content_is_missing_is_damaged() {
    let rules = rules_after(|letter| letter.set(letter.pages[0], "Contents", Object::Reference((999, 0))));
    assert_eq!(rules, ["document.damaged"]);
}

#[test]
fn content_that_does_not_decompress_to_its_end_is_damaged() {
    for cut in [0, 40] {
        let rules = rules_after(|letter| {
            let text: String = (0..400).map(|number| format!("{number} 0 m ")).collect();
            let mut content = Stream::new(dictionary! {}, text.into_bytes());
            content.compress().unwrap();
            let mut packed = content.content.clone();
            if cut == 0 {
                packed[200] ^= 0xff;
                packed[201] ^= 0xff;
            } else {
                packed.truncate(packed.len() - cut);
            }
            content.set_content(packed);
            let content = letter.document.add_object(content);
            letter.set(letter.pages[0], "Contents", content);
        });
        assert_eq!(rules, ["document.damaged"], "{cut}");
    }
}

#[test]
fn an_encrypted_file_is_refused_also_when_its_password_is_empty() {
    for password in ["", "secret"] {
        let mut letter = Letter::of(1);
        letter.close();
        let id = Object::string_literal("0123456789abcdef");
        letter.document.trailer.set("ID", vec![id.clone(), id]);
        let version = lopdf::EncryptionVersion::V2 {
            document: &letter.document,
            owner_password: "owner",
            user_password: password,
            key_length: 128,
            permissions: lopdf::Permissions::all(),
        };
        let state = lopdf::EncryptionState::try_from(version).unwrap();
        letter.document.encrypt(&state).unwrap();
        let report = report(&letter.bytes(), 1);
        assert!(rules(&report).contains(&"document.encrypted"), "{report:?}");
    }
}

#[test]
fn a_page_count_that_does_not_match_the_pages_is_not_trusted() {
    let mut objects = support::one_page();
    objects[1] = b"<</Type/Pages/Kids[3 0 R]/Count 99>>".to_vec();
    assert_eq!(rules(&report(&support::file(&objects), 1)), ["document.page_count_untrustworthy"]);
}

#[test]
fn a_page_that_is_named_twice_is_not_trusted() {
    let mut objects = support::one_page();
    objects[1] = b"<</Type/Pages/Kids[3 0 R 3 0 R]/Count 2>>".to_vec();
    assert_eq!(rules(&report(&support::file(&objects), 2)), ["document.page_count_untrustworthy"]);
}

#[test]
fn a_file_without_pages_is_not_trusted() {
    let mut objects = support::one_page();
    objects[1] = b"<</Type/Pages/Kids[]/Count 0>>".to_vec();
    let report = report(&support::file(&objects), 0);
    assert_eq!(rules(&report), ["document.page_count_untrustworthy"]);
}

#[test]
fn a_page_tree_that_contains_itself_is_damaged() {
    let mut objects = support::one_page();
    objects[1] = b"<</Type/Pages/Kids[3 0 R 2 0 R]/Count 1>>".to_vec();
    assert_eq!(rules(&report(&support::file(&objects), 1)), ["document.damaged"]);
}

#[test]
fn a_page_tree_that_doubles_at_every_level_is_too_complex() {
    for kids in [1, 0] {
        let mut objects = support::one_page();
        objects[1] = b"<</Type/Pages/Kids[4 0 R]/Count 1>>".to_vec();
        for level in 4..40 {
            objects.push(format!("<</Type/Pages/Count 1/Kids[{0} 0 R {0} 0 R]>>", level + 1).into_bytes());
        }
        objects.push(format!("<</Type/Pages/Count 1/Kids[{}]>>", "3 0 R ".repeat(kids)).into_bytes());
        assert_eq!(rules(&report(&support::file(&objects), 1)), ["document.too_complex"]);
    }
}

#[test]
fn another_number_of_impressions_than_declared_is_refused() {
    let report = report(&Letter::of(2).bytes(), 3);
    assert_eq!(rules(&report), ["document.impressions_differ"]);
    assert!(report.findings[0].message.contains("2 pages") && report.findings[0].message.contains("3 impressions"));
}

#[test]
fn only_letter_and_legal_are_printed_and_a4_where_it_is_offered() {
    let sized = |width: i64, height: i64, a4: bool| {
        let mut letter = Letter::of(1);
        letter.set(letter.pages[0], "MediaBox", vec![0.into(), 0.into(), width.into(), height.into()]);
        inspect(&letter.bytes(), &Limits { paper: Paper::Sheets { a4 }, ..Limits::default() }).is_ok()
    };
    assert!(sized(612, 792, false) && sized(792, 612, false) && sized(612, 1008, false) && sized(614, 790, false));
    assert!(!sized(617, 792, false) && !sized(360, 504, false) && !sized(0, 0, false));
    assert!(!sized(595, 842, false) && sized(595, 842, true) && Limits::default().paper == Paper::Sheets { a4: true });
}

#[test]
fn the_size_is_that_of_the_page_as_it_is_seen() {
    let mut letter = Letter::of(1);
    let page = letter.pages[0];
    // Legal at half the unit, turned, and cropped out of something larger.
    letter.set(page, "MediaBox", vec![(-50).into(), 0.into(), 1000.into(), 1000.into()]);
    letter.set(page, "CropBox", vec![10.into(), 20.into(), 514.into(), 326.into()]);
    letter.set(page, "UserUnit", 2);
    letter.set(page, "Rotate", -270);
    let report = report(&letter.bytes(), 1);
    assert_eq!(rules(&report), Vec::<&str>::new());
    assert_eq!(report.sizes, [PageSize { width: 8.5, height: 14.0 }]);
}

#[test]
fn pages_of_two_sizes_are_a_warning() {
    let mut letter = Letter::of(2);
    letter.set(letter.pages[1], "MediaBox", vec![0.into(), 0.into(), 612.into(), 1008.into()]);
    let report = report(&letter.bytes(), 2);
    assert_eq!(rules(&report), ["document.mixed_sizes"]);
    assert!(report.is_ok());
}

#[test]
fn what_acts_is_refused() {
    let active = ["document.active_content"];
    let action = |kind: &str| dictionary! { "Type" => "Action", "S" => kind };
    for kind in ["JavaScript", "Launch", "SubmitForm", "ImportData", "URI"] {
        assert_eq!(rules_after(|letter| letter.close().set("OpenAction", action(kind))), active, "{kind}");
    }
    assert_eq!(rules_after(|letter| letter.set(letter.pages[0], "AA", dictionary! { "O" => action("Named") })), active);
    let names = dictionary! { "EmbeddedFiles" => dictionary! { "Names" => vec![Object::Null] } };
    assert_eq!(rules_after(|letter| letter.close().set("Names", names)), active);
    let form = dictionary! { "XFA" => Object::string_literal("x"), "Fields" => Vec::<Object>::new() };
    assert_eq!(rules_after(|letter| letter.close().set("AcroForm", form)), active);
    for kind in ["RichMedia", "Movie", "Sound", "FileAttachment"] {
        let annotation = dictionary! { "Type" => "Annot", "Subtype" => kind };
        let rules = rules_after(|letter| letter.set(letter.pages[0], "Annots", vec![annotation.into()]));
        assert_eq!(rules, active, "{kind}");
    }
}

#[test]
fn going_to_a_page_and_links_to_the_web_are_no_active_content() {
    let rules = rules_after(|letter| {
        letter.close().set("OpenAction", dictionary! { "S" => "GoTo", "D" => vec![Object::Null] });
        let link = dictionary! {
            "Type" => "Annot", "Subtype" => "Link", "F" => 4, "Rect" => vec![0.into(), 0.into(), 9.into(), 9.into()],
            "A" => dictionary! { "S" => "URI", "URI" => Object::string_literal("https://example.com") },
        };
        letter.set(letter.pages[0], "Annots", vec![link.into()]);
    });
    assert_eq!(rules, Vec::<String>::new());
}

#[test]
fn a_layer_that_is_switched_off_is_refused() {
    let layer = |off: Vec<Object>| {
        rules_after(move |letter| {
            let group =
                letter.document.add_object(dictionary! { "Type" => "OCG", "Name" => Object::string_literal("x") });
            let usual = dictionary! { "OFF" => off };
            letter.close().set("OCProperties", dictionary! { "OCGs" => vec![group.into()], "D" => usual });
        })
    };
    assert_eq!(layer(vec![Object::Reference((1, 0))]), ["document.hidden_layer"]);
    assert_eq!(layer(vec![]), Vec::<String>::new());
}

#[test]
fn an_annotation_that_would_not_be_printed_is_a_warning_with_its_page() {
    let mut letter = Letter::of(2);
    let note = dictionary! { "Type" => "Annot", "Subtype" => "Text", "F" => 4 };
    letter.set(letter.pages[1], "Annots", vec![note.into()]);
    let report = report(&letter.bytes(), 2);
    let [Finding { rule, severity: Severity::Warn, page: Some(2), .. }] = &report.findings[..] else {
        panic!("{report:?}")
    };
    assert_eq!(rule, "document.annotation_not_printed");
}

#[test]
fn content_that_decompresses_without_measure_is_too_complex() {
    let rules = rules_after(|letter| {
        let mut bomb = Stream::new(dictionary! {}, vec![b' '; 17 << 20]);
        bomb.compress().unwrap();
        let bomb = letter.document.add_object(bomb);
        letter.set(letter.pages[0], "Contents", bomb);
    });
    assert_eq!(rules, ["document.too_complex"]);
}

#[test]
fn all_findings_are_reported_at_once_and_survive_the_pipe() {
    let mut letter = Letter::of(2);
    letter.set(letter.pages[1], "MediaBox", vec![0.into(), 0.into(), 360.into(), 504.into()]);
    letter.close().set("OpenAction", dictionary! { "S" => "JavaScript" });
    let report = report(&letter.bytes(), 5);
    let all = ["document.active_content", "document.impressions_differ", "document.page_size"];
    assert_eq!(rules(&report), all);
    let json = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<Report>(&json).unwrap(), report);
}
