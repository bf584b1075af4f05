//! Holds what is read here to what lopdf reads: on files of many programs, on hostile ones, and on changes of both.

use std::collections::BTreeSet;

use lopdf::Object;
use proptest::prelude::*;

use super::*;
use crate::assemble::{Assembler, Piece};
use crate::imb::Imb;
use crate::inspect::Limits;
use crate::prescan;
use crate::source::{Added, Found};
use crate::stationery::{Placement, Sides, Stationery};

#[path = "../../tests/support/mod.rs"]
mod support;

const LIMIT: u64 = 1 << 20;

fn read(bytes: &[u8]) -> Option<Source> {
    super::read(bytes, LIMIT, &mut Packer::new())
}

/// Whether the file is read here; fails if lopdf reads anything else in it.
fn agrees(bytes: &[u8]) -> bool {
    let Some(read) = read(bytes) else { return false };
    // lopdf is never shown such a file, for it might take minutes.
    if prescan::scan(bytes, &Limits::default()).is_some() {
        return true;
    }
    let whole = document::on_parser_stack(|| document::load(bytes, LIMIT)).unwrap();
    // Something that no page reaches is damaged or too large: inspection refuses the file, whatever is read of the rest.
    let Some(whole) = whole.ok().filter(|whole| whole.xref_recovery.is_none()) else { return true };
    assert_eq!(read.document.trailer.get(b"Root").unwrap(), whole.trailer.get(b"Root").unwrap());
    let whole = Source::from(whole);
    for id in identifiers(&read) {
        match (read.find(id).unwrap(), whole.find(id).unwrap_or(Found::Object(&Object::Null))) {
            (Found::Object(Object::Stream(read)), Found::Object(Object::Stream(whole))) => {
                let content = document::bytes_of(bytes, read);
                assert_eq!((&read.dict, content), (&whole.dict, whole.content.as_slice()), "{id:?}");
            }
            (Found::Object(read), Found::Object(whole)) => assert_eq!(read, whole, "{id:?}"),
            (plain, object) => {
                assert_eq!(written(&read, plain), written(&whole, object), "{id:?}");
                assert_eq!(read.content(bytes, plain), whole.content(bytes, object), "{id:?}");
            }
        }
    }
    assert_eq!(assembled(bytes, &read), assembled(bytes, &whole));
    true
}

/// The print stream of a document that was read, or why there is none.
fn assembled(bytes: &[u8], source: &Source) -> Result<Vec<u8>, String> {
    let imb = Imb::encode("00270902345678000001", "70113123400").unwrap();
    let lines = ["PARISH ASSESSOR".to_owned(), "NEW ORLEANS LA 70112".to_owned()];
    let piece = Piece {
        account: "acct_1",
        sender: &lines,
        recipient: &lines,
        imb: &imb,
        endorsement: None,
        certified: None,
        job: "job_1",
        number: 1,
        document: bytes,
        impressions: None,
        placement: Placement::Cover,
        sides: Sides::Duplex,
        perforated: false,
        return_envelope: false,
    };
    let mut assembler = Assembler::new(Vec::new(), &Stationery::default()).unwrap();
    let limits = Limits { max_decompressed: LIMIT, ..Limits::default() };
    assembler.add_read(&piece, source, &limits).map_err(|error| error.to_string())?;
    Ok(assembler.finish().unwrap().0)
}

/// What was read, by its identifiers.
fn identifiers(read: &Source) -> BTreeSet<ObjectId> {
    let mut identifiers = BTreeSet::new();
    let mut references = vec![read.document.trailer.get(b"Root").unwrap().as_reference().unwrap()];
    while let Some(id) = references.pop() {
        if let Some(found) = read.find(id)
            && identifiers.insert(id)
        {
            read.references(found, &mut references);
        }
    }
    identifiers
}

/// The syntax of an object, with its references as they are in the file, and those references.
fn written(source: &Source, found: Found<'_>) -> (String, Vec<ObjectId>) {
    let (mut syntax, mut references) = (Vec::new(), Vec::new());
    source.serialize(&mut syntax, found, Added::default(), &mut |id| Some(u64::from(id.0)));
    source.references(found, &mut references);
    (String::from_utf8_lossy(&syntax).into_owned(), references)
}

fn files(folder: &str) -> Vec<(String, Vec<u8>)> {
    let folder = format!("{}/{folder}", env!("CARGO_MANIFEST_DIR"));
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.is_file());
    files.sort();
    files.into_iter().map(|path| (path.display().to_string(), std::fs::read(path).unwrap())).collect()
}

const FIXTURES: &str = "../../tests/fixtures/documents";

#[test]
fn files_of_many_programs_are_read_as_lopdf_reads_them() {
    let files: Vec<_> = files(FIXTURES).into_iter().filter(|(name, _)| name.ends_with(".pdf")).collect();
    let left: Vec<_> = files.iter().filter(|(_, bytes)| !agrees(bytes)).map(|(name, _)| name).collect();
    assert!(left.len() * 10 <= files.len(), "{} of {} are left to lopdf: {left:?}", left.len(), files.len());
}

#[test]
fn hostile_files_are_read_as_lopdf_reads_them_or_not_at_all() {
    for folder in
        ["fuzz/corpus/bytes", "../../tests/fixtures/documents/refused", "../../tests/fixtures/documents/hostile"]
    {
        for (_, bytes) in files(folder) {
            agrees(&bytes);
        }
    }
}

#[test]
fn only_what_pages_reach_is_read() {
    let mut objects = support::one_page();
    objects[0] = b"<</Type/Catalog/Pages 2 0 R/StructTreeRoot 5 0 R>>".to_vec();
    objects.push(b"<</Type/StructTreeRoot/K 6 0 R>>".to_vec());
    objects.push(b"<</Type/StructElem/P 5 0 R>>".to_vec());
    let source = read(&support::file(&objects)).unwrap();
    let is_read = |number: &u32| source.find((*number, 0)).is_some();
    assert_eq!((0..10).filter(is_read).collect::<Vec<_>>(), [1, 2, 3, 4]);
}

#[test]
fn what_is_out_of_the_ordinary_is_left_to_lopdf() {
    let odd: [(&str, &str, &str); 12] = [
        ("a file that breaks off", "%%EOF\n", ""),
        ("a key twice", "/Resources<<>>", "/Resources<<>>/Resources<<>>"),
        ("a name with an escape", "/Resources<<>>", "/Resources<</#41 1>>"),
        ("a string with an escape", "/Resources<<>>", "/Resources<</A(\\n)>>"),
        ("a hexadecimal string of odd length", "/Resources<<>>", "/Resources<</A<abc>>>"),
        ("a number with an exponent", "/Resources<<>>", "/Resources<</A 1e3>>"),
        ("a reference to nothing", "/Resources<<>>", "/Resources<</A 99 0 R>>"),
        ("a reference to another generation", "/Contents 4 0 R", "/Contents 4 1 R"),
        ("a length that is too short", "/Length 18", "/Length 17"),
        ("a length that is too long", "/Length 18", "/Length 20"),
        ("an encrypted file", "/Size 5", "/Size 5/Encrypt 4 0 R"),
        ("a cross-reference stream beside a table that is none", "/Size 5", "/Size 5/XRefStm 9"),
    ];
    assert!(agrees(&support::file(&support::one_page())));
    for (what, from, to) in odd {
        let plain = support::file(&support::one_page());
        let mut objects = support::one_page();
        for object in &mut objects {
            *object = replaced(object, from, to);
        }
        // What is in no object is in the trailer.
        let file = replaced(&support::file(&objects), if objects == support::one_page() { from } else { to }, to);
        assert_ne!(file, plain, "{what}");
        assert!(!agrees(&file), "{what}");
    }
}

/// A page whose only resource is an object, number 5, with this syntax, and what else follows from number 6.
fn with_resource(syntax: &str, others: &[&str]) -> Vec<u8> {
    let mut objects = support::one_page();
    objects[2] = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</Some 5 0 R>>>>".to_vec();
    objects.extend([syntax].iter().chain(others).map(|syntax| syntax.as_bytes().to_vec()));
    support::file(&objects)
}

#[test]
fn what_is_only_called_resources_is_left_to_lopdf() {
    let page = |resources: &str, sixth: &str| {
        let mut objects = support::one_page();
        objects[2] =
            format!("<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R{resources}>>").into_bytes();
        objects.extend([&b"<</Type/Font>>"[..], sixth.as_bytes()].map(<[u8]>::to_vec));
        support::file(&objects)
    };
    let (plain, form) = ("<</Font<</F 5 0 R>>>>", "<</Subtype/Form/Length 1>>stream\nq\nendstream");
    let state = "/Resources<<>>/Annots[<</Subtype/Widget/AS/Resources/AP<</N<</Resources 6 0 R>>>>>>]";
    assert!(agrees(&page("/Resources 6 0 R", plain)));
    for (resources, sixth) in [
        (state, form),
        ("/Resources 6 0 R", "<</Length 0>>stream\n\nendstream"),
        ("/Resources 6 0 R", "<</Subtype/Type3/CharProcs<</a 5 0 R>>>>"),
        ("/Resources 6 0 R", "[5 0 R]"),
    ] {
        assert!(!agrees(&page(resources, sixth)), "{resources} {sixth}");
    }
}

fn is_plain(source: &Source, number: u32) -> bool {
    matches!(source.find((number, 0)), Some(Found::Plain(_)))
}

#[test]
fn of_what_is_only_copied_no_objects_are_made() {
    let file = with_resource("<</Type/Font/Widths 6 0 R/File 7 0 R>>", &["[1 2]", "<</Length 1>>stream\nx\nendstream"]);
    assert!(agrees(&file));
    let source = read(&file).unwrap();
    assert!([5, 6, 7].iter().all(|number| is_plain(&source, *number)));
    assert!([1, 2, 3, 4].iter().all(|number| !is_plain(&source, *number)));
}

#[test]
fn what_is_drawn_with_the_resources_of_its_page_and_what_is_no_object_to_copy_are_looked_into() {
    let stream = "/Length 1>>stream\nx\nendstream";
    let seen = [
        format!("<</Subtype/Form{stream}"),
        format!("<</Subtype 6 0 R{stream}"),
        "<</Subtype/Type3>>".to_owned(),
        "<</Type/Page>>".to_owned(),
        "6 0 R".to_owned(),
        "null".to_owned(),
    ];
    for syntax in seen {
        let file = with_resource(&syntax, &["/Form"]);
        assert!(agrees(&file), "{syntax}");
        assert!(!is_plain(&read(&file).unwrap(), 5), "{syntax}");
    }
    // What those refer to as their resources is seen too, also if it was first read to be copied.
    let file = with_resource("[6 0 R 7 0 R]", &["<</Subtype/Type3/Resources 7 0 R>>", "<</Font 8 0 R>>", "[]"]);
    assert!(agrees(&file));
    let source = read(&file).unwrap();
    assert_eq!([5, 6, 7, 8].map(|number| is_plain(&source, number)), [true, false, false, true]);
}

/// A file for old readers and new ones, whose page has its resources in the object stream.
fn hybrid(is_update: bool) -> Vec<u8> {
    let mut objects = support::one_page();
    objects[2] = replaced(&objects[2], "/Resources<<>>", "/Resources 5 0 R");
    let packed = [&b"<</Font<</F1 6 0 R>>>>"[..], b"<</Type/Font/Subtype/Type1/BaseFont/Times#20New#20Roman>>"];
    support::hybrid_file(&objects, &packed.map(<[u8]>::to_vec), is_update)
}

#[test]
fn what_a_table_leaves_to_a_cross_reference_stream_is_read() {
    for is_update in [false, true] {
        let file = hybrid(is_update);
        assert!(agrees(&file), "{is_update}");
        let source = read(&file).unwrap();
        let font = written(&source, source.find((6, 0)).unwrap()).0;
        assert_eq!(font, "<</Type /Font/Subtype /Type1/BaseFont /Times#20New#20Roman>>");
    }
}

#[test]
fn what_a_stream_leaves_out_is_not_read() {
    for entries in
        ["/A 7 0 R/Metadata 6 0 R/B 8 0 R", "/Metadata 6 0 R/A 7 0 R/B 8 0 R", "/A 7 0 R/B 8 0 R/Metadata 6 0 R"]
    {
        for length in ["1", "9 0 R"] {
            let syntax = format!("<</StructParent 3/Length {length}{entries}>>stream\nx\nendstream");
            let file = with_resource(&syntax, &["(of no use)", "[1]", "[2]", "1"]);
            assert!(agrees(&file), "{syntax}");
            let source = read(&file).unwrap();
            assert_eq!(written(&source, source.find((5, 0)).unwrap()).0, "<</A 7 0 R/B 8 0 R");
            assert!([6, 9].iter().all(|number| source.find((*number, 0)).is_none()), "{syntax}");
        }
    }
}

#[test]
fn a_key_that_is_there_twice_is_found_however_many_there_are() {
    for count in [2, 16, 17, 400] {
        let mut keys: Vec<String> = (0..count).map(|key| format!("/K{key} {key}")).collect();
        let file = |keys: &[String]| with_resource(&format!("<</A<<{}>>>>", keys.concat()), &[]);
        assert!(agrees(&file(&keys)), "{count}");
        keys[count - 1] = "/K0 0".to_owned();
        assert!(!agrees(&file(&keys)), "{count}");
    }
}

fn replaced(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    String::from_utf8(bytes.to_vec()).unwrap().replace(from, to).into_bytes()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn documents_made_at_random_are_read_as_lopdf_reads_them(tape in proptest::collection::vec(any::<u8>(), 0..600)) {
        agrees(&support::tape::document(&tape));
    }

    #[test]
    fn a_changed_byte_changes_what_is_read_for_both(
        which: prop::sample::Index,
        edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        thread_local!(static FILES: Vec<Vec<u8>> = small_files());
        let mut file = FILES.with(|files| files[which.index(files.len())].clone());
        for (place, byte) in edits {
            let place = place.index(file.len());
            file[place] = byte;
        }
        agrees(&file);
    }

    #[test]
    fn values_are_read_as_lopdf_reads_them(value in "[ \\n\\r\\t/<>()\\[\\]%#A-Ra-f0-9.+\\-]{0,24}") {
        let mut objects = support::one_page();
        objects[1] = format!("<</Type/Pages/Kids[3 0 R]/Count 1/A {value}>>").into_bytes();
        agrees(&support::file(&objects));
        agrees(&with_resource(&value, &[]));
        agrees(&with_resource(&format!("<</A {value}/B[{value}]>>"), &[]));
    }
}

/// Files whose syntax is most of them, so that a change is likely to hit it.
fn small_files() -> Vec<Vec<u8>> {
    let tapes = files("fuzz/corpus/tape").into_iter().map(|(_, tape)| support::tape::document(&tape));
    let bytes = files("fuzz/corpus/bytes").into_iter().chain(files(FIXTURES)).map(|(_, bytes)| bytes);
    let readable = |bytes: &Vec<u8>| bytes.len() < 20_000 && read(bytes).is_some();
    let hybrid = [false, true].map(hybrid);
    let files: Vec<_> = tapes.chain(bytes).chain(hybrid).filter(readable).collect();
    assert!(files.len() >= 20, "{} files", files.len());
    files
}
