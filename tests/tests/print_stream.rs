//! Holds print streams to what other programs make of them: qpdf, mutool, and a camera that reads the codes.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use std::path::PathBuf;

use lopdf::{Dictionary, Document, Object, ObjectId};
use tests::oracle::{self, Readings, Stream};

/// Enough to have every kind of page in it many times over.
const LETTERS: u32 = 200;

/// A folder of this test alone, which goes with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("mailhouse-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn stream(&self, letters: u32) -> Stream {
        oracle::assemble(self.0.join("stream.pdf"), letters).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn qpdf_finds_nothing_to_say_about_a_print_stream() {
    let folder = Folder::new("qpdf");
    oracle::check(&folder.stream(LETTERS).path).unwrap();
}

#[test]
fn qpdf_does_say_when_a_print_stream_is_damaged() {
    let folder = Folder::new("damaged");
    let stream = folder.stream(3);
    let mut bytes = std::fs::read(&stream.path).unwrap();
    let place = bytes.windows(9).position(|window| window == b"endstream").unwrap();
    bytes[place] = b'x';
    std::fs::write(&stream.path, bytes).unwrap();
    assert!(oracle::check(&stream.path).is_err());
}

#[test]
fn mutool_draws_every_page_and_each_letter_as_it_is_alone() {
    let folder = Folder::new("mutool");
    let stream = folder.stream(LETTERS);
    let compared = oracle::compare(&stream, 48, |number| number % 2 == 0).unwrap();
    let pages: u32 = stream.pieces.iter().step_by(2).map(|(_, letter)| letter.pages).sum();
    assert_eq!(compared, pages);
}

#[test]
fn a_letter_that_is_printed_otherwise_is_noticed() {
    let folder = Folder::new("otherwise");
    let mut stream = folder.stream(2);
    let document = stream.pieces[1].1.document.clone();
    stream.pieces[0].1.document = document;
    assert!(oracle::compare(&stream, 48, |_| true).is_err());
}

#[test]
fn the_barcode_and_the_sheet_marks_read_back_from_the_paper() {
    let folder = Folder::new("camera");
    let stream = folder.stream(12);
    for (row, letter) in &stream.pieces {
        assert_eq!(oracle::read(&stream.path, row).unwrap(), Readings::meant(row, letter));
    }
}

#[test]
fn the_document_parts_are_the_pieces() {
    let folder = Folder::new("parts");
    let stream = folder.stream(LETTERS);
    let document = Document::load(&stream.path).unwrap();
    let pages: Vec<ObjectId> = document.get_pages().into_values().collect();
    assert_eq!(pages.len() as u64, stream.totals.pages);
    let number = |id: ObjectId| pages.iter().position(|page| *page == id).unwrap() as u64 + 1;

    let root = follow(&document, document.catalog().unwrap().get(b"DPartRoot").unwrap());
    let mut parts = Vec::new();
    leaves(&document, follow(&document, root.get(b"DPartRootNode").unwrap()), &mut parts);
    let ranges: Vec<(u64, u64)> = parts
        .iter()
        .map(|part| {
            let page = |key: &[u8]| part.get(key).and_then(Object::as_reference).map(number);
            (page(b"Start").unwrap(), page(b"End").unwrap())
        })
        .collect();
    let rows: Vec<(u64, u64)> = stream.pieces.iter().map(|(row, _)| (row.first_page, row.last_page)).collect();
    assert_eq!(ranges, rows);
}

fn follow<'a>(document: &'a Document, object: &'a Object) -> &'a Dictionary {
    document.dereference(object).unwrap().1.as_dict().unwrap()
}

/// The document parts without parts, in their order (ISO 32000-2 14.12).
fn leaves<'a>(document: &'a Document, node: &'a Dictionary, found: &mut Vec<&'a Dictionary>) {
    match node.get(b"DParts") {
        Ok(parts) => {
            for list in document.dereference(parts).unwrap().1.as_array().unwrap() {
                for part in document.dereference(list).unwrap().1.as_array().unwrap() {
                    leaves(document, follow(document, part), found);
                }
            }
        }
        Err(_) => found.push(node),
    }
}
