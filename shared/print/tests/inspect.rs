//! Each rule of the inspection, by a document that breaks it and one that does not.
#![expect(clippy::unwrap_used, reason = "helpers of tests unwrap as tests do")]

mod support;

use lopdf::{Object, ObjectId, Stream, dictionary};
use print::inspect::{Finding, Limits, PageSize, Paper, Report, Severity, inspect};
use print::layout::Rect;
use print::stationery::{PaperSize, Placement, Stationery};
use support::Letter;

fn report(file: &[u8], declared: u32) -> Report {
    inspect(file, &Limits { impressions: Some(declared), ..Limits::default() })
}

/// A document of so many pages with a bar on each: ink, and no font to find fault with.
fn letter(pages: u32) -> Letter {
    let mut letter = Letter::new();
    for _ in 0..pages {
        letter.page_of(b"72 300 200 12 re f");
    }
    letter
}

fn rules(report: &Report) -> Vec<&str> {
    report.findings.iter().map(|finding| finding.rule.as_ref()).collect()
}

/// The rules that a one-page document breaks after a change to it.
fn rules_after(change: impl FnOnce(&mut Letter)) -> Vec<String> {
    let mut letter = letter(1);
    change(&mut letter);
    rules(&report(&letter.bytes(), 1)).into_iter().map(str::to_owned).collect()
}

#[test]
fn an_ordinary_letter_has_no_findings() {
    let report = report(&letter(3).bytes(), 3);
    assert_eq!(report.findings, vec![]);
    assert_eq!((report.pages, report.sizes), (3, vec![PageSize { width: 8.5, height: 11.0 }; 3]));
}

#[test]
fn what_is_no_pdf_is_refused() {
    assert_eq!(rules(&report(b"<html>", 1)), ["document.not_a_pdf"]);
}

#[test]
fn half_a_file_is_damaged() {
    let file = letter(2).bytes();
    assert_eq!(rules(&report(&file[..file.len() / 2], 2)), ["document.damaged"]);
}

#[test]
fn a_file_whose_cross_reference_had_to_be_rebuilt_is_damaged() {
    let mut file = letter(1).bytes();
    // One byte more before the first object, and every offset is off.
    file.insert(9, b'\n');
    file.insert(9, b'\n');
    assert!(rules(&report(&file, 1)).contains(&"document.damaged"));
}

#[test]
fn a_file_in_which_a_needed_object_cannot_be_read_is_damaged() {
    let mut objects = support::one_page();
    objects[2] = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources 5 0 R>>".to_vec();
    objects.push(b"<</Font ".to_vec());
    assert!(rules(&report(&support::file(&objects), 1)).contains(&"document.damaged"));
}

#[test]
fn a_reference_to_nothing_is_no_damage() {
    let mut objects = support::one_page();
    objects[2] =
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<<>>/Metadata 77 0 R>>".to_vec();
    assert_eq!(rules(&report(&support::file(&objects), 1)), Vec::<&str>::new());
}

#[test]
fn a_page_whose_content_is_missing_is_damaged() {
    let rules = rules_after(|letter| letter.set(letter.pages[0], "Contents", Object::Reference((999, 0))));
    assert_eq!(rules, ["document.damaged"]);
}

/// Bytes as the filters of that name take them (ISO 32000-2 7.4.2 and 7.4.3).
fn encoded(filter: &str, bytes: &[u8]) -> Vec<u8> {
    match filter {
        "ASCIIHexDecode" => {
            bytes.iter().map(|byte| format!("{byte:02x}")).chain(["> ".to_owned()]).collect::<String>().into()
        }
        "ASCII85Decode" => {
            let mut text = Vec::new();
            for chunk in bytes.chunks(4) {
                let mut padded = [0; 4];
                padded[..chunk.len()].copy_from_slice(chunk);
                let value = u32::from_be_bytes(padded);
                match (value, chunk.len()) {
                    (0, 4) => text.push(b'z'),
                    (_, length) => {
                        let digits =
                            [85u32.pow(4), 85u32.pow(3), 85 * 85, 85, 1].map(|power| b'!' + (value / power % 85) as u8);
                        text.extend(&digits[..=length]);
                    }
                }
            }
            text.extend(b"~>");
            text
        }
        _ => packed(bytes),
    }
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut stream = Stream::new(dictionary! {}, bytes.to_vec());
    stream.compress().unwrap();
    stream.content
}

#[test]
fn content_that_does_not_decompress_to_its_end_is_damaged() {
    let text: String = (0..4_000).map(|number| format!("{number} {} m ", number * 7_919 % 612)).collect();
    let after = |filters: &[&str], content: Vec<u8>| {
        rules_after(|letter| {
            let filters: Vec<_> = filters.iter().map(|name| Object::Name(name.as_bytes().to_vec())).collect();
            let content = letter.document.add_object(Stream::new(dictionary! { "Filter" => filters }, content));
            letter.set(letter.pages[0], "Contents", content);
        })
    };
    let whole = packed(text.as_bytes());
    let mut flipped = whole.clone();
    flipped[200] ^= 0xff;
    flipped[201] ^= 0xff;
    let cut = &whole[..whole.len() - 40];
    let blank = after(&["FlateDecode"], whole.clone());
    assert!(!blank.contains(&"document.damaged".to_owned()), "{blank:?}");
    for wrapping in ["ASCIIHexDecode", "ASCII85Decode", "FlateDecode"] {
        let filters = [wrapping, "FlateDecode"];
        assert_eq!(after(&filters, encoded(wrapping, &whole)), blank, "{wrapping}");
        for damaged in [&flipped, cut] {
            assert_eq!(after(&["FlateDecode"], damaged.to_vec()), ["document.damaged"]);
            assert_eq!(after(&filters, encoded(wrapping, damaged)), ["document.damaged"], "{wrapping}");
        }
        if wrapping.starts_with("ASCII") {
            let mut wrapped = encoded(wrapping, &whole);
            wrapped[301] = b'\x7f';
            // Of the file, and perhaps of the page, which has no content then.
            let found = after(&filters, wrapped);
            assert!(!found.is_empty() && found.iter().all(|rule| rule == "document.damaged"), "{wrapping}: {found:?}");
        }
        // What is outermost breaks off.
        let wrapped = encoded(wrapping, &whole);
        assert_eq!(after(&filters, wrapped[..wrapped.len() / 2].to_vec()), ["document.damaged"], "{wrapping}");
    }
}

#[test]
fn an_encrypted_file_is_refused_also_when_its_password_is_empty() {
    for password in ["", "secret"] {
        let mut letter = letter(1);
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
        objects[1] = b"<</Type/Pages/Kids[5 0 R]/Count 1>>".to_vec();
        for level in 5..40 {
            objects.push(format!("<</Type/Pages/Count 1/Kids[{0} 0 R {0} 0 R]>>", level + 1).into_bytes());
        }
        objects.push(format!("<</Type/Pages/Count 1/Kids[{}]>>", "3 0 R ".repeat(kids)).into_bytes());
        assert_eq!(rules(&report(&support::file(&objects), 1)), ["document.too_complex"]);
    }
}

#[test]
fn another_number_of_impressions_than_declared_is_refused() {
    let report = report(&letter(2).bytes(), 3);
    assert_eq!(rules(&report), ["document.impressions_differ"]);
    assert!(report.findings[0].message.contains("2 pages") && report.findings[0].message.contains("3 impressions"));
}

#[test]
fn only_letter_and_legal_are_printed_and_a4_where_it_is_offered() {
    let sized = |width: i64, height: i64, a4: bool| {
        let mut letter = letter(1);
        letter.set(letter.pages[0], "MediaBox", vec![0.into(), 0.into(), width.into(), height.into()]);
        inspect(&letter.bytes(), &Limits { paper: Paper::Sheets { a4 }, ..Limits::default() }).is_ok()
    };
    assert!(sized(612, 792, false) && sized(792, 612, false) && sized(612, 1008, false) && sized(614, 790, false));
    assert!(!sized(617, 792, false) && !sized(360, 504, false) && !sized(0, 0, false));
    assert!(!sized(595, 842, false) && sized(595, 842, true) && Limits::default().paper == Paper::Sheets { a4: true });
}

#[test]
fn the_size_is_that_of_the_page_as_it_is_seen() {
    let mut letter = letter(1);
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
fn pages_of_two_sizes_are_refused() {
    let mut letter = letter(2);
    letter.set(letter.pages[1], "MediaBox", vec![0.into(), 0.into(), 612.into(), 1008.into()]);
    let report = report(&letter.bytes(), 2);
    assert_eq!(rules(&report), ["document.mixed_sizes"]);
    let Finding { page, measured, allowed, .. } = &report.findings[0];
    assert_eq!(
        (*page, measured.as_deref(), allowed.as_deref()),
        (Some(2), Some("8.50 x 14.00 in"), Some("8.50 x 11.00 in"))
    );
    assert!(!report.is_ok());
}

#[test]
fn what_acts_is_refused_by_what_it_does() {
    let action = |kind: &str| dictionary! { "Type" => "Action", "S" => kind };
    for (kind, rule) in [
        ("JavaScript", "document.javascript"),
        ("Launch", "document.launch_action"),
        ("SubmitForm", "document.form_submission"),
        ("ImportData", "document.form_submission"),
        ("URI", "document.automatic_action"),
    ] {
        assert_eq!(rules_after(|letter| letter.close().set("OpenAction", action(kind))), [rule], "{kind}");
    }
    let on_open = dictionary! { "O" => action("Named") };
    assert_eq!(rules_after(|letter| letter.set(letter.pages[0], "AA", on_open)), ["document.automatic_action"]);
    let names = dictionary! { "EmbeddedFiles" => dictionary! { "Names" => vec![Object::Null] } };
    assert_eq!(rules_after(|letter| letter.close().set("Names", names)), ["document.embedded_file"]);
    let form = dictionary! { "XFA" => Object::string_literal("x"), "Fields" => Vec::<Object>::new() };
    assert_eq!(rules_after(|letter| letter.close().set("AcroForm", form)), ["document.xfa"]);
    for (kind, rule) in [
        ("RichMedia", "document.multimedia"),
        ("Movie", "document.multimedia"),
        ("Sound", "document.multimedia"),
        ("FileAttachment", "document.embedded_file"),
    ] {
        let annotation = dictionary! { "Type" => "Annot", "Subtype" => kind, "F" => 2 };
        assert_eq!(
            rules_after(|letter| letter.set(letter.pages[0], "Annots", vec![annotation.into()])),
            [rule],
            "{kind}"
        );
    }
    let elsewhere = Stream::new(dictionary! { "F" => Object::string_literal("other.bin") }, Vec::new());
    let rules = rules_after(|letter| {
        letter.document.add_object(elsewhere);
    });
    assert_eq!(rules, ["document.external_content"]);
}

#[test]
fn going_to_a_page_and_links_to_the_web_are_allowed() {
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
    let layer = |off: bool, used: &str| {
        rules_after(|letter| {
            let group =
                letter.document.add_object(dictionary! { "Type" => "OCG", "Name" => Object::string_literal("x") });
            let members = dictionary! { "Type" => "OCMD", "OCGs" => group };
            let properties = match used {
                "layer" => dictionary! { "L" => group },
                "members" => dictionary! { "L" => members },
                _ => dictionary! {},
            };
            letter.set(letter.pages[0], "Resources", dictionary! { "Properties" => properties });
            let usual = dictionary! { "OFF" => if off { vec![group.into()] } else { Vec::<Object>::new() } };
            letter.close().set("OCProperties", dictionary! { "OCGs" => vec![group.into()], "D" => usual });
        })
    };
    assert_eq!(layer(true, "layer"), ["document.hidden_layer"]);
    assert_eq!(layer(true, "members"), ["document.hidden_layer"]);
    for (off, used) in [(true, ""), (false, "layer"), (false, "members")] {
        assert_eq!(layer(off, used), Vec::<String>::new(), "{off} {used}");
    }
}

#[test]
fn an_annotation_that_would_not_be_printed_is_a_warning_with_its_page() {
    let mut letter = letter(2);
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
    let mut letter = letter(2);
    letter.set(letter.pages[1], "MediaBox", vec![0.into(), 0.into(), 360.into(), 504.into()]);
    letter.close().set("OpenAction", dictionary! { "S" => "JavaScript" });
    let report = report(&letter.bytes(), 5);
    let all = ["document.javascript", "document.impressions_differ", "document.page_size"];
    assert_eq!(rules(&report), all);
    let json = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<Report>(&json).unwrap(), report);
}

/// The findings of a one-page document with this content, and these resources.
fn findings_of(content: &[u8], resources: lopdf::Dictionary) -> Vec<Finding> {
    let mut letter = Letter::new();
    let page = letter.page_of(content);
    letter.set(page, "Resources", resources);
    report(&letter.bytes(), 1).findings
}

#[test]
fn a_font_that_is_seen_and_not_embedded_is_refused_unless_every_reader_has_it() {
    let text = |name: &str, mode: u32| {
        let content = format!("90 90 9 9 re f BT {mode} Tr /F1 12 Tf 72 700 Td (x) Tj ET");
        let font = dictionary! { "Type" => "Font", "Subtype" => "TrueType", "BaseFont" => name };
        findings_of(content.as_bytes(), dictionary! { "Font" => dictionary! { "F1" => font } })
    };
    let [Finding { rule, severity: Severity::Refuse, page: Some(1), measured: Some(name), .. }] =
        &text("Inter-Bold", 0)[..]
    else {
        panic!()
    };
    assert_eq!((rule.as_ref(), name.as_str()), ("document.font_not_embedded", "Inter-Bold"));
    let [Finding { rule, severity: Severity::Warn, .. }] = &text("Times-Roman", 0)[..] else { panic!() };
    assert_eq!(rule, "document.standard_font_not_embedded");
    assert_eq!(text("Inter-Bold", 3)[0].rule, "document.invisible_text");
}

#[test]
fn a_font_that_no_text_is_in_is_no_finding() {
    let mut letter = letter(1);
    let page = letter.page_of(b"BT /F1 12 Tf () Tj [] TJ ET 90 90 50 50 re f");
    letter.set(page, "UserUnit", 1);
    let report = report(&letter.bytes(), 2);
    assert_eq!((rules(&report), &report.fonts), (vec![], &vec![]));
}

/// An image of gray samples.
fn image(width: i64, height: i64) -> Stream {
    let dictionary = dictionary! {
        "Type" => "XObject", "Subtype" => "Image", "Width" => width, "Height" => height,
        "ColorSpace" => "DeviceGray", "BitsPerComponent" => 8,
    };
    Stream::new(dictionary, vec![0x40; (width * height) as usize])
}

#[test]
fn an_image_of_few_dots_per_inch_is_a_warning_where_it_is() {
    // In a form that is turned and doubled, two by one inches to the right of the middle.
    let mut letter = Letter::new();
    let id = letter.document.add_object(image(200, 300));
    let form = dictionary! {
        "Type" => "XObject", "Subtype" => "Form", "BBox" => vec![0.into(), 0.into(), 200.into(), 200.into()],
        "Matrix" => vec![2.into(), 0.into(), 0.into(), 2.into(), 0.into(), 0.into()],
        "Resources" => dictionary! { "XObject" => dictionary! { "I" => id } },
    };
    let form = letter.document.add_object(Stream::new(form, b"q 72 0 0 36 0 0 cm /I Do Q".to_vec()));
    let page = letter.page_of(b"q 1 0 0 1 360 576 cm /F Do Q");
    letter.set(page, "Resources", dictionary! { "XObject" => dictionary! { "F" => form } });
    let report = report(&letter.bytes(), 1);
    let [finding] = &report.findings[..] else { panic!("{report:?}") };
    assert_eq!((finding.rule.as_ref(), finding.severity), ("document.image_resolution", Severity::Warn));
    assert_eq!((finding.measured.as_deref(), finding.allowed.as_deref()), (Some("100 dpi"), Some("150 dpi")));
    assert_eq!((finding.page, finding.area), (Some(1), Some(Rect { left: 5.0, top: 2.0, width: 2.0, height: 1.0 })));
    assert!(!report.coloured);
}

#[test]
fn an_image_is_judged_where_it_is_largest_and_small_ones_are_not_judged() {
    let placed = |content: &str, width, height| {
        let mut letter = Letter::new();
        let id = letter.document.add_object(image(width, height));
        let page = letter.page_of(content.as_bytes());
        letter.set(page, "Resources", dictionary! { "XObject" => dictionary! { "I" => id } });
        let report = report(&letter.bytes(), 1);
        (report.findings.len(), report.images.iter().map(|image| image.dpi.round()).collect::<Vec<_>>())
    };
    let twice = "q 72 0 0 72 72 72 cm /I Do Q q 144 0 0 144 72 300 cm /I Do Q";
    assert_eq!(placed(twice, 200, 200), (1, vec![100.0]));
    assert_eq!(placed(twice, 300, 300), (0, vec![150.0]));
    assert_eq!(placed("q 500 0 0 1 50 72 cm /I Do Q", 500, 1), (0, vec![72.0]));
    assert_eq!(placed("q 8 0 0 8 72 72 cm /I Do Q", 16, 16), (0, vec![144.0]));
    assert_eq!(placed("q 100 0 0 100 700 72 cm /I Do Q 90 90 9 9 re f", 16, 16), (0, vec![]));
}

#[test]
fn colour_and_transparency_are_facts() {
    let facts = |content: &str| {
        let mut letter = Letter::new();
        let page = letter.page_of(content.as_bytes());
        let gs = dictionary! { "T" => dictionary! { "ca" => 0.5 }, "N" => dictionary! { "ca" => 1, "BM" => "Normal" } };
        letter.set(page, "Resources", dictionary! { "ExtGState" => gs });
        let report = report(&letter.bytes(), 1);
        (report.coloured, report.transparency)
    };
    assert_eq!(facts("1 0 0 rg 100 100 200 200 re f"), (true, false));
    assert_eq!(facts("1 0 0 rg 0.2 0.2 0.2 rg 100 100 200 200 re f"), (false, false));
    assert_eq!(facts("1 0 0 RG /N gs 100 100 200 200 re f"), (false, false));
    assert_eq!(facts("q 1 0 0 rg Q /T gs 100 100 200 200 re f"), (false, true));
}

#[test]
fn forms_and_patterns_that_draw_themselves_are_too_complex() {
    let mut letter = Letter::new();
    let form = letter.document.new_object_id();
    let resources = dictionary! { "XObject" => dictionary! { "X" => form }, "Pattern" => dictionary! { "X" => form } };
    let dictionary = |kind: &str| {
        dictionary! {
            "Subtype" => kind, "PatternType" => 1, "PaintType" => 1, "Resources" => resources.clone(),
            "BBox" => vec![0.into(), 0.into(), 9.into(), 9.into()],
        }
    };
    for content in ["/X Do", "/Pattern cs /X scn 0 0 9 9 re f"] {
        letter.document.objects.insert(form, Stream::new(dictionary("Form"), content.as_bytes().to_vec()).into());
        letter.pages.clear();
        let page = letter.page_of(content.as_bytes());
        letter.set(page, "Resources", resources.clone());
        let mut file = Letter { document: letter.document.clone(), pages: letter.pages.clone(), ..Letter::new() };
        file.root = letter.root;
        assert_eq!(rules(&report(&file.bytes(), 1)), ["document.too_complex"], "{content}");
    }
}

#[test]
fn forms_that_double_at_every_level_are_too_complex_before_they_take_long() {
    let mut letter = Letter::new();
    let mut inner =
        letter.document.add_object(Stream::new(dictionary! { "Subtype" => "Form" }, b"0 0 9 9 re f".to_vec()));
    for _ in 0..30 {
        let resources = dictionary! { "XObject" => dictionary! { "X" => inner } };
        let form = dictionary! { "Subtype" => "Form", "Resources" => resources };
        inner = letter.document.add_object(Stream::new(form, b"/X Do /X Do".to_vec()));
    }
    let page = letter.page_of(b"/X Do");
    letter.set(page, "Resources", dictionary! { "XObject" => dictionary! { "X" => inner } });
    let start = std::time::Instant::now();
    assert_eq!(rules(&report(&letter.bytes(), 1)), ["document.too_complex"]);
    assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
}

#[test]
fn more_saved_states_than_anyone_needs_are_too_complex() {
    let findings = findings_of(&b"q ".repeat(1_000_000), lopdf::Dictionary::new());
    assert_eq!(findings[0].rule, "document.too_complex");
}

#[test]
fn object_streams_that_are_small_each_and_large_together_are_too_complex() {
    let packed = support::bombs::deflated(&[b' '; 1 << 20], 1);
    let mut stream =
        format!("<</Type/ObjStm/N 0/First 0/Filter/FlateDecode/Length {}>>stream\n", packed.len()).into_bytes();
    stream.extend(packed);
    stream.extend(b"\nendstream");
    let with = |streams: usize| {
        let mut objects = support::one_page();
        objects.extend(std::iter::repeat_n(stream.clone(), streams));
        let limits = Limits { max_decompressed: 1 << 20, ..Limits::default() };
        rules(&inspect(&support::file(&objects), &limits)).join(" ")
    };
    assert_eq!((with(4), with(5)), (String::new(), "document.too_complex".to_owned()));
}

#[test]
fn object_streams_are_as_large_as_all_their_filters_make_them() {
    let twice = support::bombs::deflated(&support::bombs::deflated(&[b' '; 1 << 20], 1), 1);
    let digits: String =
        support::bombs::deflated(&[b' '; 1 << 20], 1).iter().map(|byte| format!("{byte:02x}")).collect();
    for (filters, packed) in [("/FlateDecode/FlateDecode", twice), ("/ASCIIHexDecode/FlateDecode", digits.into_bytes())]
    {
        let mut stream =
            format!("<</Type/ObjStm/N 0/First 0/Filter[{filters}]/Length {}>>stream\n", packed.len()).into_bytes();
        stream.extend(packed);
        stream.extend(b"\nendstream");
        let mut objects = support::one_page();
        objects.extend(std::iter::repeat_n(stream, 5));
        let limits = Limits { max_decompressed: 1 << 20, ..Limits::default() };
        let report = inspect(&support::file(&objects), &limits);
        assert_eq!(rules(&report), ["document.too_complex"], "{filters}");
    }
}

#[test]
fn a_letter_that_is_heavier_than_its_mail_class_takes_is_refused() {
    let sheets = |pages: u32, limits: Limits| {
        let report = inspect(&letter(pages).bytes(), &limits);
        report
            .findings
            .iter()
            .find(|finding| finding.rule == "document.too_many_sheets")
            .map(|finding| finding.measured.clone().unwrap())
    };
    // Three sheets and their envelope weigh 0.68 oz.
    let limits = Limits { max_weight: 700, ..Limits::default() };
    assert_eq!(sheets(4, limits.clone()), None);
    assert_eq!(sheets(5, limits.clone()).as_deref(), Some("4 sheets, 0.840 oz"));
    assert_eq!(sheets(6, Limits { placement: Placement::FirstPage, ..limits.clone() }), None);
    assert_eq!(sheets(3, Limits { duplex: false, ..limits.clone() }).as_deref(), Some("4 sheets, 0.840 oz"));
    // An envelope for the answer takes 0.17 oz of what there is.
    let limits = Limits { return_envelope: true, ..limits };
    assert_eq!(sheets(2, limits.clone()), None);
    assert_eq!(sheets(4, limits.clone()).as_deref(), Some("3 sheets, 0.850 oz"));
    let report = inspect(&letter(4).bytes(), &limits);
    assert!(report.findings[0].message.contains("or put none in for the answer"), "{report:?}");
}

#[test]
fn no_letter_that_is_accepted_weighs_more_than_first_class_mail_takes() {
    let stationery = Stationery::default();
    for (paper, box_, most) in [
        (PaperSize::Letter, [0.0, 0.0, 612.0, 792.0], 77),
        (PaperSize::A4, [0.0, 0.0, 595.28, 841.89], 74),
        (PaperSize::Legal, [0.0, 0.0, 612.0, 1008.0], 59),
    ] {
        let weight = |sheets: u32, return_envelope: bool| {
            stationery.weight(sheets, paper, stationery.envelopes(sheets, paper)[0].0, return_envelope).0
        };
        assert!(weight(most, false) <= 13_000 && weight(most + 1, false) > 13_000, "{paper:?}");
        let is_refused = |sheets: u32, return_envelope: bool| {
            let pages = 2 * (sheets - 1);
            let mut letter = letter(pages);
            for page in letter.pages.clone() {
                letter.set(page, "MediaBox", box_.map(|side: f64| Object::Real(side as f32)).to_vec());
            }
            let paper = Paper::Sheets { a4: true };
            let limits = Limits { paper, impressions: Some(pages), return_envelope, ..Limits::default() };
            rules(&inspect(&letter.bytes(), &limits)).contains(&"document.too_many_sheets")
        };
        assert!(!is_refused(most, false) && is_refused(most + 1, false), "{paper:?}");
        for sheets in [most - 1, most] {
            assert_eq!(is_refused(sheets, true), weight(sheets, true) > 13_000, "{paper:?} {sheets}");
        }
    }
}

#[test]
fn a_card_has_its_own_sizes_with_its_bleed_or_cut() {
    let sized = |width: f64, height: f64, paper: Paper| {
        let mut letter = letter(1);
        let [width, height] = [width, height].map(|inches| Object::Real((inches * 72.0) as f32));
        letter.set(letter.pages[0], "MediaBox", vec![0.into(), 0.into(), width, height]);
        let report = inspect(&letter.bytes(), &Limits { paper, ..Limits::default() });
        !rules(&report).contains(&"document.page_size")
    };
    assert!(sized(6.25, 4.25, Paper::Card4x6) && sized(4.0, 6.0, Paper::Card4x6) && !sized(8.5, 11.0, Paper::Card4x6));
    assert!(
        sized(9.25, 6.25, Paper::Card6x9) && !sized(9.25, 6.25, Paper::Card6x11) && sized(11.25, 6.25, Paper::Card6x11)
    );
    assert!(!sized(6.25, 4.25, Paper::default()));
}

/// The rules that a page breaks by one annotation.
fn rules_of_annotation(annotation: lopdf::Dictionary) -> Vec<String> {
    rules_after(|letter| letter.set(letter.pages[0], "Annots", vec![annotation.into()]))
}

#[test]
fn a_comment_that_a_screen_shows_and_paper_does_not_is_a_warning() {
    let corners: Vec<Object> = vec![72.into(), 72.into(), 144.into(), 144.into()];
    let found = |flags: i64, kind: &str| {
        rules_after(|letter| {
            let form = dictionary! { "Subtype" => "Form", "BBox" => corners.clone() };
            let form = letter.document.add_object(Stream::new(form, b"72 72 9 9 re f".to_vec()));
            let looks = dictionary! { "N" => form };
            let note = dictionary! { "Subtype" => kind, "F" => flags, "Rect" => corners.clone(), "AP" => looks };
            letter.set(letter.pages[0], "Annots", vec![note.into()]);
        })
    };
    assert_eq!(found(0, "Stamp"), ["document.annotation_not_printed"]);
    assert_eq!(found(4 | 32, "Stamp"), ["document.annotation_not_seen"]);
    for (flags, kind) in [(4, "Stamp"), (2, "Stamp"), (32, "Stamp"), (0, "Popup"), (0, "Link")] {
        assert_eq!(found(flags, kind), Vec::<String>::new(), "{kind} {flags}");
    }
}

#[test]
fn a_comment_that_is_to_be_printed_and_has_no_appearance_is_refused_unless_it_shows_nothing() {
    let comment = |kind: &str| {
        rules_of_annotation(dictionary! {
            "Type" => "Annot", "Subtype" => kind, "F" => 4, "Contents" => Object::string_literal("typed on the form"),
            "Rect" => vec![100.into(), 200.into(), 140.into(), 230.into()],
        })
    };
    for kind in ["FreeText", "Ink", "Highlight", "Stamp"] {
        assert_eq!(comment(kind), ["document.annotation_without_appearance"], "{kind}");
    }
    assert_eq!(comment("Text"), ["document.annotation_not_printed"]);
    assert_eq!(comment("Link"), Vec::<String>::new());
}

#[test]
fn a_signature_that_a_screen_shows_and_paper_does_not_is_a_warning() {
    let rules = |flags: i64, has_looks: bool| {
        rules_after(|letter| {
            let looks = dictionary! { "BBox" => vec![0.into(), 0.into(), 10.into(), 20.into()] };
            let looks = letter.document.add_object(Stream::new(looks, b"0 0 9 9 re f".to_vec()));
            let mut signature = dictionary! {
                "Type" => "Annot", "Subtype" => "Widget", "FT" => "Sig", "F" => flags,
                "V" => dictionary! { "Type" => "Sig" },
                "Rect" => vec![100.into(), 200.into(), 140.into(), 230.into()],
            };
            if has_looks {
                signature.set("AP", dictionary! { "N" => looks });
            }
            letter.set(letter.pages[0], "Annots", vec![signature.into()]);
        })
    };
    assert_eq!(rules(0, true), ["document.annotation_not_printed"]);
    assert_eq!(rules(4, true), Vec::<String>::new());
    assert_eq!(rules(4, false), Vec::<String>::new(), "one that is not meant to be seen");
}

#[test]
fn what_takes_its_fonts_from_a_form_that_it_is_in_is_refused() {
    // The form takes what it needs from the one it is in, from the page, or from nowhere.
    let rules = |page_has_it: bool, own: bool, content: &str| {
        rules_after(|letter| {
            let bounds = || vec![0.into(), 0.into(), 400.into(), 400.into()];
            let state = dictionary! { "ExtGState" => dictionary! { "G" => dictionary! { "LW" => 2 } } };
            let mut inner = dictionary! { "Type" => "XObject", "Subtype" => "Form", "BBox" => bounds() };
            if own {
                inner.set("Resources", state.clone());
            }
            let inner = letter.document.add_object(Stream::new(inner, content.as_bytes().to_vec()));
            let mut resources = state.clone();
            resources.set("XObject", dictionary! { "Inner" => inner });
            let drawn = if page_has_it {
                inner
            } else {
                let outer = dictionary! {
                    "Type" => "XObject", "Subtype" => "Form", "BBox" => bounds(), "Resources" => resources.clone(),
                };
                letter.document.add_object(Stream::new(outer, b"/Inner Do".to_vec()))
            };
            resources.set("XObject", dictionary! { "Drawn" => drawn });
            let content =
                letter.document.add_object(Stream::new(dictionary! {}, b"72 300 200 12 re f /Drawn Do".to_vec()));
            letter.set(letter.pages[0], "Contents", content);
            letter.set(letter.pages[0], "Resources", resources);
        })
    };
    assert_eq!(rules(false, false, "/G gs 40 300 9 9 re f"), ["document.resources_missing"]);
    assert_eq!(rules(false, false, "40 300 9 9 re f"), Vec::<String>::new(), "it needs none");
    assert_eq!(rules(false, true, "/G gs 40 300 9 9 re f"), Vec::<String>::new());
    assert_eq!(rules(true, false, "/G gs 40 300 9 9 re f"), Vec::<String>::new());
}

#[test]
fn a_font_that_borrows_from_its_page_is_refused_if_it_is_no_object() {
    let rules = |is_object: bool, glyph: &str| {
        rules_after(|letter| {
            let glyph = letter.document.add_object(Stream::new(dictionary! {}, glyph.as_bytes().to_vec()));
            let font = Object::from(dictionary! {
                "Type" => "Font", "Subtype" => "Type3", "FontMatrix" => vec![0.001.into(), 0.into(), 0.into(), 0.001.into(), 0.into(), 0.into()],
                "FontBBox" => vec![0.into(), 0.into(), 1000.into(), 1000.into()],
                "CharProcs" => dictionary! { "a" => glyph },
                "Encoding" => dictionary! { "Differences" => vec![97.into(), "a".into()] },
                "FirstChar" => 97, "LastChar" => 97, "Widths" => vec![1000.into()],
            });
            let font = if is_object { letter.document.add_object(font).into() } else { font };
            let state = dictionary! { "G" => dictionary! { "LW" => 2 } };
            letter.set(
                letter.pages[0],
                "Resources",
                dictionary! { "Font" => dictionary! { "F" => font }, "ExtGState" => state },
            );
            let content = Stream::new(dictionary! {}, b"BT /F 20 Tf 100 300 Td (a) Tj ET".to_vec());
            let content = letter.document.add_object(content);
            letter.set(letter.pages[0], "Contents", content);
        })
    };
    let (needs, plain) = ("1000 0 d0 /G gs 0 0 700 700 re f", "1000 0 d0 0 0 700 700 re f");
    assert_eq!(rules(false, needs), ["document.resources_missing"]);
    assert_eq!(rules(false, plain), Vec::<String>::new());
    assert_eq!(rules(true, needs), Vec::<String>::new());
}

#[test]
fn a_font_that_only_blanks_are_in_is_no_finding() {
    let font = || dictionary! { "Type" => "Font", "Subtype" => "TrueType", "BaseFont" => "Arial" };
    let resources = || dictionary! { "Font" => dictionary! { "F2" => font() } };
    let ink = "72 300 200 12 re f BT /F2 12 Tf 72 200 Td";
    assert_eq!(findings_of(format!("{ink} (  ) Tj ET").as_bytes(), resources()), vec![]);
    assert_eq!(findings_of(format!("{ink} ( a) Tj ET").as_bytes(), resources()).len(), 1);
}

#[test]
fn what_assembly_would_not_take_is_too_complex() {
    // Pages share content in two streams, of which each page would be written with its own.
    let file = support::hoards::content_joined_by_pages(80);
    assert_eq!(rules(&report(&file, 80)), ["document.too_complex"]);
}

#[test]
fn a_filled_form_field_without_an_appearance_is_refused() {
    let corners: Vec<Object> = vec![72.into(), 72.into(), 144.into(), 144.into()];
    let field =
        |value: Object| dictionary! { "Subtype" => "Widget", "F" => 4, "Rect" => corners.clone(), "V" => value };
    let rule = ["document.form_field_without_appearance"];
    assert_eq!(rules_of_annotation(field(Object::string_literal("x"))), rule);
    assert_eq!(rules_of_annotation(field("Yes".into())), rule);
    let long = rules_after(|letter| {
        let text = letter.document.add_object(Stream::new(dictionary! {}, b"a long answer".to_vec()));
        letter.set(letter.pages[0], "Annots", vec![field(text.into()).into()]);
    });
    assert_eq!(long, rule);
    let parent = dictionary! { "V" => Object::string_literal("x") };
    let kid = dictionary! { "Subtype" => "Widget", "F" => 4, "Rect" => corners.clone(), "Parent" => parent };
    assert_eq!(rules_of_annotation(kid), rule);
    for empty in [Object::Null, Object::string_literal(""), Object::string_literal(b"\xfe\xff".to_vec()), "Off".into()]
    {
        assert_eq!(rules_of_annotation(field(empty.clone())), Vec::<String>::new(), "{empty:?}");
    }
}

#[test]
fn a_layer_that_is_not_to_be_printed_is_refused() {
    let layer = |state: &str| {
        rules_after(|letter| {
            let usage = dictionary! { "Print" => dictionary! { "PrintState" => state } };
            let group = letter.document.add_object(dictionary! { "Type" => "OCG", "Usage" => usage });
            let used = dictionary! { "Properties" => dictionary! { "L" => group } };
            letter.set(letter.pages[0], "Resources", used);
            let properties = dictionary! { "OCGs" => vec![group.into()], "D" => dictionary! {} };
            letter.close().set("OCProperties", properties);
        })
    };
    assert_eq!(layer("OFF"), ["document.hidden_layer"]);
    assert_eq!(layer("ON"), Vec::<String>::new());
}

#[test]
fn a_layer_that_a_screen_switches_off_is_refused() {
    let layer = |state: &str, event: &str, printed: bool| {
        rules_after(|letter| {
            let mut usage = dictionary! { "View" => dictionary! { "ViewState" => state } };
            if printed {
                usage.set("Print", dictionary! { "PrintState" => "ON" });
            }
            let group = letter.document.add_object(dictionary! { "Type" => "OCG", "Usage" => usage });
            letter.set(letter.pages[0], "Resources", dictionary! { "Properties" => dictionary! { "L" => group } });
            let groups: Vec<Object> = vec![group.into()];
            let switch = dictionary! { "Event" => event, "Category" => vec!["View".into()], "OCGs" => groups.clone() };
            let usual = dictionary! { "AS" => vec![switch.into()] };
            letter.close().set("OCProperties", dictionary! { "OCGs" => groups, "D" => usual });
        })
    };
    assert_eq!(layer("OFF", "View", false), ["document.hidden_layer"]);
    assert_eq!(layer("ON", "View", false), Vec::<String>::new());
    // Nothing says that a screen is to heed it.
    assert_eq!(layer("OFF", "Export", false), Vec::<String>::new());
    // A watermark that is meant for paper alone.
    assert_eq!(layer("OFF", "View", true), Vec::<String>::new());
}

#[test]
fn invisible_text_belongs_to_a_scan() {
    let text = b"BT 3 Tr /F1 12 Tf (x) Tj ET 72 72 99 99 re f".to_vec();
    assert_eq!(findings_of(&text, dictionary! {})[0].rule, "document.invisible_text");
    let scan = [&text[..], b" q 500 0 0 600 50 90 cm BI /W 1 /H 1 /CS /G /BPC 8 ID \x40 EI Q"].concat();
    assert_eq!(findings_of(&scan, dictionary! {}), vec![]);
}

#[test]
fn a_rule_that_every_page_breaks_leaves_room_for_the_others() {
    let mut letter = letter(400);
    for page in letter.pages.clone() {
        letter.set(page, "MediaBox", vec![0.into(), 0.into(), 360.into(), 504.into()]);
    }
    letter.page("x");
    let report = report(&letter.bytes(), 401);
    assert!(rules(&report).contains(&"document.standard_font_not_embedded"), "{:?}", rules(&report));
    assert!(report.findings.len() < 60 && report.sizes.len() == 401);
}

#[test]
fn what_a_document_says_of_itself_is_kept_short_and_printable() {
    let mut letter = letter(1);
    letter.close();
    let producer = Object::string_literal(format!("Tool\u{7} 1.0 {}", "x".repeat(1000)));
    let info = letter.document.add_object(dictionary! { "Producer" => producer });
    letter.document.trailer.set("Info", info);
    let report = report(&letter.bytes(), 1);
    assert!(report.producer.starts_with("Tool 1.0 xx") && report.producer.len() == 100, "{}", report.producer);
    assert_eq!((report.version.as_str(), report.encrypted, report.recovered), ("1.5", false, false));
}

#[test]
fn the_sample_documents_have_the_verdicts_their_index_says() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/documents");
    let index = std::fs::read(folder.join("documents.json")).unwrap();
    let rows: Vec<serde_json::Value> = serde_json::from_slice(&index).unwrap();
    let texts = |row: &serde_json::Value, key: &str| -> Vec<String> {
        row[key].as_array().into_iter().flatten().map(|text| text.as_str().unwrap().to_owned()).collect()
    };
    let mut looked_at = 0;
    // The hostile ones are for the child, which may die of them.
    for row in rows.iter().filter(|row| !row["file"].as_str().unwrap().starts_with("hostile/")) {
        let file = row["file"].as_str().unwrap();
        let report = inspect(&std::fs::read(folder.join(file)).unwrap(), &Limits::default());
        let found = rules(&report);
        if row["rules"].is_array() {
            let expected = texts(row, "rules");
            assert!(!report.is_ok() && expected.iter().any(|rule| found.contains(&rule.as_str())), "{file}: {found:?}");
        } else {
            assert_eq!(found, texts(row, "warnings"), "{file}");
            assert!(report.is_ok() && u64::from(report.pages) == row["pages"].as_u64().unwrap(), "{file}: {report:?}");
        }
        looked_at += 1;
    }
    assert!(looked_at > 40, "{looked_at}");
}

#[test]
fn a_page_without_ink_is_a_warning_and_a_document_without_any_is_refused() {
    let mut some = letter(1);
    some.page_of(b"");
    some.page_of(b"1 g 0 0 612 792 re f");
    let report = report(&some.bytes(), 3);
    assert_eq!(rules(&report), ["document.page_blank", "document.page_blank"]);
    assert_eq!(report.findings.iter().map(|finding| finding.page).collect::<Vec<_>>(), [Some(2), Some(3)]);
    assert!(report.is_ok());

    let none = inspect(
        &{
            let mut none = Letter::new();
            none.page_of(b"q Q");
            none.bytes()
        },
        &Limits::default(),
    );
    assert_eq!(rules(&none), ["document.page_blank", "document.all_pages_blank"]);
    assert!(!none.is_ok());
}

#[test]
fn a_page_of_text_that_is_not_seen_is_a_warning_only() {
    let mut letter = Letter::new();
    letter.page_of(b"1 g BT /F1 12 Tf 72 700 Td (x) Tj ET");
    let report = report(&letter.bytes(), 1);
    assert!(report.is_ok() && rules(&report).contains(&"document.page_blank"), "{report:?}");
}

#[test]
fn ink_at_the_edge_of_a_sheet_is_a_warning_that_says_how_near_it_is() {
    let mut letter = letter(1);
    letter.page_of(b"72 72 9 9 re f 602 396 7 36 re f");
    let report = report(&letter.bytes(), 2);
    let [finding] = &report.findings[..] else { panic!("{report:?}") };
    assert_eq!((finding.rule.as_ref(), finding.severity), ("document.ink_outside_margin", Severity::Warn));
    assert_eq!((finding.page, finding.measured.as_deref()), (Some(2), Some("0.04 in from the edge")));
    let area = finding.area.unwrap();
    assert!(area.left > 8.3 && (area.top - 5.0).abs() < 0.02 && (area.height - 0.5).abs() < 0.02, "{area:?}");
}

#[test]
fn a_card_with_its_bleed_may_have_ink_to_the_edge_and_a_cut_one_may_not() {
    let found = |width: i64, height: i64| {
        let mut letter = Letter::new();
        let page = letter.page_of(b"0 0 1000 1000 re f");
        letter.set(page, "MediaBox", vec![0.into(), 0.into(), width.into(), height.into()]);
        let report = inspect(&letter.bytes(), &Limits { paper: Paper::Card4x6, ..Limits::default() });
        rules(&report).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(found(450, 306), Vec::<String>::new());
    assert_eq!(found(432, 288), ["document.ink_outside_margin"]);
}

/// The rules that a card of 4 by 6 inches with its bleed breaks, and the page of each.
fn rules_of_card(pages: &[&str]) -> Vec<(String, Severity, Option<u32>)> {
    let mut letter = Letter::new();
    for content in pages {
        let page = letter.page_of(content.as_bytes());
        letter.set(page, "MediaBox", vec![0.into(), 0.into(), 450.into(), 306.into()]);
    }
    let report = inspect(&letter.bytes(), &Limits { paper: Paper::Card4x6, ..Limits::default() });
    report.findings.iter().map(|finding| (finding.rule.to_string(), finding.severity, finding.page)).collect()
}

#[test]
fn ink_where_the_address_goes_is_refused_on_the_back_of_a_card_and_only_there() {
    // The lower right 4 by 2.25 inches of the cut card begin 2.125 in to the right and 1.875 in down, with the bleed.
    let all = "0 0 450 306 re f";
    let around = "0 171 450 135 re 0 0 153 306 re f";
    assert_eq!(rules_of_card(&[all]), []);
    assert_eq!(rules_of_card(&[all, around]), []);
    let refused = |back: &str| rules_of_card(&[all, back]);
    let expected = [("document.ink_in_address_zone".to_owned(), Severity::Refuse, Some(2))];
    assert_eq!(refused(all), expected);
    for corner in ["155 164 4 4 re f", "434 164 4 4 re f", "155 11 4 4 re f", "434 11 4 4 re f"] {
        assert_eq!(refused(corner), expected, "{corner}");
    }
    for outside in ["147 164 4 4 re f", "155 174 4 4 re f"] {
        assert_eq!(refused(outside), [], "{outside}");
    }
}

#[test]
fn a_card_has_two_sides_at_most_and_lies() {
    let rules = |pages: &[&str]| rules_of_card(pages).into_iter().map(|(rule, ..)| rule).collect::<Vec<_>>();
    assert_eq!(rules(&["9 261 36 36 re f"; 3]), ["document.too_many_sides"]);
    let mut letter = Letter::new();
    let page = letter.page_of(b"9 261 36 36 re f");
    letter.set(page, "MediaBox", vec![0.into(), 0.into(), 306.into(), 450.into()]);
    let report = inspect(&letter.bytes(), &Limits { paper: Paper::Card4x6, ..Limits::default() });
    let [finding] = &report.findings[..] else { panic!("{report:?}") };
    assert_eq!((finding.rule.as_ref(), finding.severity), ("document.card_upright", Severity::Refuse));
    // A page that is turned by its own entry lies.
    let mut letter = Letter::new();
    let page = letter.page_of(b"9 261 36 36 re f");
    letter.set(page, "MediaBox", vec![0.into(), 0.into(), 306.into(), 450.into()]);
    letter.set(page, "Rotate", 90);
    let report = inspect(&letter.bytes(), &Limits { paper: Paper::Card4x6, ..Limits::default() });
    assert_eq!(report.findings, []);
}

#[test]
fn ink_where_the_addresses_go_is_refused_when_there_is_no_cover_sheet() {
    let on_first_page = |content: &str, pages: u32| {
        let mut letter = Letter::new();
        letter.page_of(content.as_bytes());
        for _ in 1..pages {
            letter.page_of(b"72 690 200 12 re f");
        }
        let limits = Limits { placement: Placement::FirstPage, ..Limits::default() };
        inspect(&letter.bytes(), &limits)
    };
    // Both windows are in the upper third of the sheet.
    assert_eq!(rules(&on_first_page("72 72 200 400 re f", 3)), Vec::<&str>::new());
    let report = on_first_page("72 600 36 12 re f", 1);
    let [finding] = &report.findings[..] else { panic!("{report:?}") };
    assert_eq!((finding.rule.as_ref(), finding.severity), ("document.ink_in_address_zone", Severity::Refuse));
    let area = finding.area.unwrap();
    assert!(
        (area.left - 1.0).abs() < 0.02 && (area.top - 2.5).abs() < 0.02 && (area.width - 0.5).abs() < 0.02,
        "{area:?}"
    );
    assert_eq!(rules(&on_first_page("72 700 36 12 re f", 1)), ["document.ink_in_return_zone"]);
    let with_cover = report_of_content(b"72 600 36 12 re f");
    assert_eq!(rules(&with_cover), Vec::<&str>::new());
}

#[test]
fn the_zones_of_a_letter_are_those_of_the_envelope_it_will_be_in() {
    let of = |pages: u32| {
        let mut letter = Letter::new();
        // Four inches down: below the windows of a folded letter, and within those of a flat.
        letter.page_of(b"72 492 36 12 re f");
        for _ in 1..pages {
            letter.page_of(b"72 690 200 12 re f");
        }
        inspect(&letter.bytes(), &Limits { placement: Placement::FirstPage, ..Limits::default() })
    };
    assert_eq!(rules(&of(12)), Vec::<&str>::new());
    assert_eq!(rules(&of(13)), ["document.ink_in_address_zone"]);
}

#[test]
fn ink_under_the_sheet_mark_is_worth_a_warning_on_fronts() {
    let of = |duplex: bool| {
        let mut letter = Letter::new();
        for content in [&b"20 20 10 10 re f"[..], b"20 20 10 10 re f", b"100 60 10 10 re f"] {
            letter.page_of(content);
        }
        inspect(&letter.bytes(), &Limits { duplex, ..Limits::default() })
    };
    let pages = |report: &Report| report.findings.iter().map(|finding| finding.page).collect::<Vec<_>>();
    let report = of(true);
    assert_eq!(rules(&report), ["document.ink_under_mark"]);
    assert_eq!(pages(&report), [Some(1)]);
    assert!(report.is_ok());
    let area = report.findings[0].area.unwrap();
    assert!((area.left - 20.0 / 72.0).abs() < 0.02 && (area.bottom() - 772.0 / 72.0).abs() < 0.02, "{area:?}");
    assert_eq!(pages(&of(false)), [Some(1), Some(2)]);
}

#[test]
fn ink_under_the_line_beside_the_sheet_mark_is_worth_a_warning() {
    let report = report_of_content(b"90 14 60 7 re f");
    assert_eq!(rules(&report), ["document.ink_under_mark"]);
    let area = report.findings[0].area.unwrap();
    assert!((area.left - 90.0 / 72.0).abs() < 0.02 && (area.right() - 150.0 / 72.0).abs() < 0.02, "{area:?}");
    // Above it the paper is the letter's own.
    assert_eq!(rules(&report_of_content(b"90 40 60 7 re f")), [""; 0]);
}

fn report_of_content(content: &[u8]) -> Report {
    let mut letter = Letter::new();
    letter.page_of(content);
    report(&letter.bytes(), 1)
}

#[test]
fn a_page_whose_images_cost_too_much_to_draw_is_not_drawn() {
    let mut letter = Letter::new();
    let mut huge = image(1, 1);
    huge.dict.set("Width", 40_000);
    huge.dict.set("Height", 40_000);
    let id = letter.document.add_object(huge);
    let page = letter.page_of(b"q 612 0 0 792 0 0 cm /I Do Q");
    letter.set(page, "Resources", dictionary! { "XObject" => dictionary! { "I" => id } });
    let report = report(&letter.bytes(), 1);
    assert_eq!(rules(&report), ["document.ink_unchecked"]);
    assert!(report.is_ok() && !report.coloured);
}

#[test]
fn a_colour_that_looks_gray_is_none() {
    let mut letter = Letter::new();
    let mut samples = image(40, 40);
    samples.dict.set("ColorSpace", "DeviceRGB");
    samples.set_content(vec![0x40; 4800]);
    let id = letter.document.add_object(samples);
    let page = letter.page_of(b"q 8 0 0 8 300 300 cm /I Do Q");
    letter.set(page, "Resources", dictionary! { "XObject" => dictionary! { "I" => id } });
    assert!(!report(&letter.bytes(), 1).coloured);
    assert!(report_of_content(b"0.9 0.2 0.2 rg 300 300 80 80 re f").coloured);
}

#[test]
fn a_page_without_a_size_is_not_called_blank() {
    let mut letter = letter(1);
    letter.set(letter.pages[0], "MediaBox", vec![0.into(), 0.into(), 0.into(), 0.into()]);
    assert_eq!(rules(&report(&letter.bytes(), 1)), ["document.page_size"]);
}

#[test]
fn a_page_with_something_that_cannot_be_drawn_is_unchecked_and_refused_where_the_address_is_or_when_that_is_all_there_is()
 {
    type Break = fn(&mut Letter, ObjectId);
    let broken: [(&str, Break); 2] = [
        ("an image", |letter, id| {
            let mut photo = image(100, 100);
            photo.dict.set("Filter", "DCTDecode");
            photo.set_content(b"\xff\xd8\xff\xe0 and then nothing that is a photo".to_vec());
            letter.document.objects.insert(id, Object::Stream(photo));
        }),
        ("a form", |letter, id| {
            let form = dictionary! { "Type" => "XObject", "Subtype" => "Form", "Resources" => dictionary! {} };
            letter.document.objects.insert(id, Object::Stream(Stream::new(form, b"0 0 1 1 re f".to_vec())));
        }),
    ];
    for (what, break_it) in broken {
        let with = |content: &str| {
            let mut letter = Letter::new();
            let id = letter.document.new_object_id();
            break_it(&mut letter, id);
            let page = letter.page_of(content.as_bytes());
            letter.set(page, "Resources", dictionary! { "XObject" => dictionary! { "I" => id } });
            letter.bytes()
        };
        let blank = report(&with("q 40 0 0 40 60 600 cm /I Do Q"), 1);
        assert_eq!(rules(&blank), ["document.all_pages_blank", "document.ink_unchecked"], "{what}");
        assert!(!blank.is_ok() && blank.findings[0].message.contains("drawn"), "{what}");

        let bytes = with("q 40 0 0 40 60 600 cm /I Do Q 100 100 200 20 re f");
        let covered = report(&bytes, 1);
        assert_eq!((rules(&covered), covered.is_ok()), (vec!["document.ink_unchecked"], true), "{what}");
        let addressed = inspect(&bytes, &Limits { placement: Placement::FirstPage, ..Limits::default() });
        assert_eq!((rules(&addressed), addressed.is_ok()), (vec!["document.ink_unchecked"], false), "{what}");
    }
}

#[test]
fn without_a_cover_sheet_a_first_page_that_was_not_drawn_is_refused_and_a_later_one_is_not() {
    let found = |unseen: usize| {
        let mut letter = letter(2);
        let mut huge = image(1, 1);
        huge.dict.set("Width", 40_000);
        huge.dict.set("Height", 40_000);
        let id = letter.document.add_object(huge);
        let content = letter.document.add_object(Stream::new(dictionary! {}, b"q 9 0 0 9 72 72 cm /I Do Q".to_vec()));
        letter.set(letter.pages[unseen], "Contents", content);
        letter.set(letter.pages[unseen], "Resources", dictionary! { "XObject" => dictionary! { "I" => id } });
        let report = inspect(&letter.bytes(), &Limits { placement: Placement::FirstPage, ..Limits::default() });
        assert_eq!(rules(&report), ["document.ink_unchecked"]);
        (report.is_ok(), report.findings[0].page)
    };
    assert_eq!(found(0), (false, Some(1)));
    assert_eq!(found(1), (true, Some(2)));
}

#[test]
fn of_a_dictionary_of_images_that_all_pages_share_only_what_a_page_draws_counts() {
    let mut letter = Letter::new();
    let images: Vec<_> = (0..7)
        .map(|_| {
            let mut large = image(1, 1);
            large.dict.set("Width", 2550);
            large.dict.set("Height", 3300);
            large.dict.set("BitsPerComponent", 1);
            large.set_content(vec![0; 319 * 3300]);
            large.compress().unwrap();
            letter.document.add_object(large)
        })
        .collect();
    let mut shared = lopdf::Dictionary::new();
    for (number, id) in images.iter().enumerate() {
        shared.set(format!("I{number}"), *id);
    }
    for number in 0..7 {
        let page = letter.page_of(format!("q 300 0 0 300 100 100 cm /I{number} Do Q").as_bytes());
        letter.set(page, "Resources", dictionary! { "XObject" => shared.clone() });
    }
    assert_eq!(rules(&report(&letter.bytes(), 7)), Vec::<&str>::new());
}

#[test]
fn resources_and_destinations_may_have_the_names_of_what_acts() {
    let rules = rules_after(|letter| {
        let font = |name: &str| dictionary! { "Type" => "Font", "Subtype" => "Type1", "BaseFont" => name };
        let fonts = dictionary! { "JS" => font("Helvetica"), "AA" => font("Courier"), "EF" => font("Symbol") };
        letter.set(letter.pages[0], "Resources", dictionary! { "Font" => fonts });
        let place = || vec![Object::Null];
        let places = dictionary! { "JS" => place(), "EF" => place(), "AA" => place(), "XFA" => place() };
        let empty = dictionary! { "Names" => Vec::<Object>::new() };
        let catalog = letter.close();
        catalog.set("Dests", places);
        catalog.set("Names", dictionary! { "JavaScript" => empty.clone(), "EmbeddedFiles" => empty });
    });
    assert_eq!(rules, Vec::<String>::new());
}

#[test]
fn an_action_is_known_by_what_it_does_and_not_by_its_type() {
    let after = |kind: &str| {
        let action = dictionary! { "Type" => kind, "S" => "Launch", "F" => Object::string_literal("x") };
        rules_after(|letter| letter.close().set("OpenAction", action))
    };
    assert_eq!(after("Foo"), ["document.launch_action"]);
    assert_eq!(after("StructElem"), ["document.launch_action"]);
    let action = dictionary! { "Type" => "StructElem", "S" => "JavaScript", "JS" => Object::string_literal("x") };
    for action in [Object::from(action.clone()), vec![Object::from(action)].into()] {
        let rules = rules_after(|letter| {
            letter.document.add_object(dictionary! { "Type" => "Annot", "Subtype" => "Link", "A" => action });
        });
        assert_eq!(rules, ["document.javascript"]);
    }
    let element = dictionary! { "Type" => "StructElem", "S" => "Sound" };
    let rules = rules_after(|letter| {
        letter.document.add_object(element);
    });
    assert_eq!(rules, Vec::<String>::new());
}

#[test]
fn printing_on_opening_and_going_to_another_file_are_allowed() {
    for kind in ["Named", "GoToR", "GoTo"] {
        let action = dictionary! { "S" => kind, "N" => "Print" };
        assert_eq!(rules_after(|letter| letter.close().set("OpenAction", action)), Vec::<String>::new(), "{kind}");
    }
}

#[test]
fn attached_data_is_a_warning_and_an_attachment_on_a_page_is_refused() {
    let verdict = |on_page: bool| {
        let mut letter = letter(1);
        let data = letter.document.add_object(Stream::new(dictionary! { "Type" => "EmbeddedFile" }, b"<x/>".to_vec()));
        let file = dictionary! {
            "Type" => "Filespec", "F" => Object::string_literal("factur-x.xml"), "EF" => dictionary! { "F" => data },
            "AFRelationship" => "Alternative",
        };
        let file = letter.document.add_object(file);
        if on_page {
            let annotation = dictionary! { "Subtype" => "FileAttachment", "F" => 2, "FS" => file };
            letter.set(letter.pages[0], "Annots", vec![annotation.into()]);
        } else {
            letter.close().set("AF", vec![file.into()]);
        }
        let report = report(&letter.bytes(), 1);
        assert_eq!(rules(&report), ["document.embedded_file"]);
        report.is_ok()
    };
    assert!(verdict(false) && !verdict(true));
}

#[test]
fn a_check_mark_whose_appearance_is_not_chosen_is_refused_and_a_button_that_is_off_is_not() {
    let verdict = |state: Option<&str>, stale: bool| {
        rules_after(|letter| {
            let corners: Vec<Object> = vec![72.into(), 72.into(), 144.into(), 144.into()];
            let form = dictionary! { "Subtype" => "Form", "BBox" => corners.clone() };
            let form = letter.document.add_object(Stream::new(form, b"72 72 9 9 re f".to_vec()));
            let looks = dictionary! { "N" => dictionary! { "Yes" => form } };
            let mut field =
                dictionary! { "Subtype" => "Widget", "F" => 4, "Rect" => corners, "V" => "Yes", "AP" => looks };
            if let Some(state) = state {
                field.set("AS", state);
            }
            letter.set(letter.pages[0], "Annots", vec![field.into()]);
            letter.close().set("AcroForm", dictionary! { "NeedAppearances" => stale });
        })
    };
    assert_eq!(verdict(None, false), ["document.form_field_without_appearance"]);
    assert_eq!(verdict(Some("Yes"), false), Vec::<String>::new());
    assert_eq!(verdict(Some("Off"), true), Vec::<String>::new());
    assert_eq!(verdict(Some("Yes"), true), ["document.form_field_without_appearance"]);
}

#[test]
fn text_in_a_font_that_is_missing_or_empty_or_in_glyphs_is_found() {
    let rules = |content: &[u8], fonts: lopdf::Dictionary| -> Vec<String> {
        let content = [b"90 90 9 9 re f ", content].concat();
        let findings = findings_of(&content, dictionary! { "Font" => fonts });
        findings.into_iter().map(|finding| finding.rule.into_owned()).collect()
    };
    let font = |name: &str| dictionary! { "Type" => "Font", "Subtype" => "TrueType", "BaseFont" => name };
    let refused = ["document.font_not_embedded"];
    assert_eq!(rules(b"BT /F9 12 Tf 72 700 Td (x) Tj ET", dictionary! {}), refused);
    let two = || dictionary! { "Good" => font("Courier"), "Bad" => font("Inter") };
    assert_eq!(rules(b"BT /Good /Bad 12 Tf 72 700 Td (x) Tj ET", two()), refused);

    let mut letter = Letter::new();
    let glyph = letter.document.add_object(Stream::new(dictionary! {}, b"9 0 d0 BT /In 1 Tf (x) Tj ET".to_vec()));
    let outer = dictionary! {
        "Type" => "Font", "Subtype" => "Type3", "CharProcs" => dictionary! { "x" => glyph },
        "Resources" => dictionary! { "Font" => dictionary! { "In" => font("Inter") } },
    };
    let page = letter.page_of(b"90 90 9 9 re f BT /Out 12 Tf 72 700 Td (x) Tj ET");
    letter.set(page, "Resources", dictionary! { "Font" => dictionary! { "Out" => outer } });
    let report = report(&letter.bytes(), 1);
    assert!(self::rules(&report).contains(&refused[0]), "{report:?}");
}

#[test]
fn a_font_is_judged_also_if_hundreds_are_before_it() {
    let mut letter = Letter::new();
    let mut fonts = lopdf::Dictionary::new();
    let mut content = b"90 90 9 9 re f BT 72 700 Td ".to_vec();
    let file = include_bytes!("../fonts/MailhouseSans.ttf").to_vec();
    let file = letter.document.add_object(Stream::new(dictionary! {}, file));
    for number in 0..=200 {
        let mut descriptor = dictionary! { "Type" => "FontDescriptor" };
        if number < 200 {
            descriptor.set("FontFile2", file);
        }
        let name = format!("Face{number:03}");
        fonts.set(
            name.clone(),
            dictionary! { "Subtype" => "TrueType", "BaseFont" => name.clone(), "FontDescriptor" => descriptor },
        );
        content.extend(format!("/{name} 9 Tf (x) Tj ").into_bytes());
    }
    content.extend(b"ET");
    let page = letter.page_of(&content);
    letter.set(page, "Resources", dictionary! { "Font" => fonts });
    let report = report(&letter.bytes(), 1);
    assert!(rules(&report).contains(&"document.font_not_embedded"), "{:?}", rules(&report));
    assert_eq!(report.fonts.len(), 200);
}

#[test]
fn a_document_of_spaces_is_blank() {
    let report = report_of_content(b"BT /F1 12 Tf 72 700 Td (  ) Tj <2020> Tj ET");
    assert!(rules(&report).contains(&"document.all_pages_blank"), "{report:?}");
}

#[test]
fn a_small_picture_excuses_no_invisible_text_and_text_that_clips_is_none() {
    let text = b"BT 3 Tr /F1 12 Tf (x) Tj ET q 40 0 0 50 90 90 cm BI /W 1 /H 1 /CS /G /BPC 8 ID \x40 EI Q";
    assert_eq!(findings_of(text, dictionary! {})[0].rule, "document.invisible_text");
    let clip = b"72 72 9 9 re f BT 7 Tr /F1 12 Tf (x) Tj ET";
    assert_eq!(findings_of(clip, dictionary! {}), vec![]);
}

#[test]
fn the_name_of_a_font_cannot_turn_a_sentence_around() {
    let font = dictionary! { "Subtype" => "TrueType", "BaseFont" => Object::Name("A\u{202e}B".as_bytes().to_vec()) };
    let content = b"90 90 9 9 re f BT /F1 12 Tf 72 700 Td (x) Tj ET";
    let findings = findings_of(content, dictionary! { "Font" => dictionary! { "F1" => font } });
    assert!(findings[0].message.contains("font AB is"), "{}", findings[0].message);
}

#[test]
fn a_small_bomb_is_an_honest_document() {
    let bomb = support::hostile::FAMILIES.iter().find(|family| family.name == "content_bomb").unwrap();
    let report = inspect(&(bomb.make)(3), &Limits::default());
    let rules = ["document.damaged", "document.too_complex"];
    assert!(!report.findings.iter().any(|finding| rules.contains(&finding.rule.as_ref())), "{report:?}");
}

#[test]
fn a_page_of_the_size_of_a_card_is_one_either_way_up_and_any_other_is_a_sheet() {
    let of = |width, height| Paper::of(PageSize { width, height });
    let cards = [of(6.25, 4.25), of(4.25, 6.25), of(6.0, 4.0), of(9.25, 6.25), of(11.0, 6.0)];
    assert_eq!(cards, [Paper::Card4x6, Paper::Card4x6, Paper::Card4x6, Paper::Card6x9, Paper::Card6x11]);
    assert_eq!([of(8.5, 11.0), of(5.0, 7.0), of(0.0, 0.0)], [Paper::default(); 3]);
}
