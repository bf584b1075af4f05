//! Hostile files that make a reader hoard: each is small beside what is made of it in memory, or in the file that is written.
//!
//! What is an array here may stay in a file as two bytes an entry. `ODD` is a name with an escape, which only the parser for
//! all files reads.

use std::io::Write as _;

use super::file;

const ODD: &str = "/#4fdd 1";

/// A document of one page with entries of its own, whose objects from 4 on are these.
fn page(entries: &str, more: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    let page = format!("<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]{entries}>>");
    let mut objects = vec![
        b"<</Type/Catalog/Pages 2 0 R>>".to_vec(),
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>".to_vec(),
        page.into_bytes(),
    ];
    objects.extend(more);
    file(&objects)
}

/// A document of so many pages with the same entries, or with those that their number makes. Object 3 is free to be used, and
/// others are numbered after the pages.
fn pages(count: usize, inherited: &str, entries: impl Fn(usize) -> String, third: Vec<u8>) -> Vec<u8> {
    let kids: String = (0..count).map(|page| format!("{} 0 R ", page + 4)).collect();
    let tree = format!("<</Type/Pages/Kids[{kids}]/Count {count}/MediaBox[0 0 612 792]{inherited}>>");
    let mut objects = vec![b"<</Type/Catalog/Pages 2 0 R>>".to_vec(), tree.into_bytes(), third];
    objects.extend((0..count).map(|page| format!("<</Type/Page/Parent 2 0 R{}>>", entries(page)).into_bytes()));
    file(&objects)
}

fn stream(head: &str, content: &[u8]) -> Vec<u8> {
    let mut object = format!("<<{head}/Length {}>>stream\n", content.len()).into_bytes();
    object.extend(content);
    object.extend(b"\nendstream");
    object
}

/// Bytes that do not pack.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..length).map(|_| next()).collect()
}

/// An object stream of objects at these places of a body.
fn object_stream(places: impl IntoIterator<Item = (usize, usize)>, body: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    let mut count = 0;
    for (number, place) in places {
        content.extend(format!("{number} {place} ").into_bytes());
        count += 1;
    }
    let first = content.len();
    content.extend(body);
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::new(9));
    encoder.write_all(&content).unwrap();
    let packed = encoder.finish().unwrap();
    stream(&format!("/Type/ObjStm/N {count}/First {first}/Filter/FlateDecode"), &packed)
}

/// A document for the parser for all files, and an object stream that no cross-reference speaks of: it is unpacked all the same.
pub(crate) fn values_in_an_object_stream(values: usize) -> Vec<u8> {
    let body = format!("[{}]", "0 ".repeat(values));
    page(&format!("/Resources<<>>{ODD}"), [object_stream([(1000, 0)], body.as_bytes())])
}

pub(crate) fn values_beside_a_page(values: usize) -> Vec<u8> {
    page(&format!("/Resources<<>>{ODD}"), [format!("[{}]", "0 ".repeat(values)).into_bytes()])
}

pub(crate) fn values_of_a_page(values: usize) -> Vec<u8> {
    page(&format!("/Resources<<>>/Own[{}]", "0 ".repeat(values)), [])
}

pub(crate) fn references_of_a_font(references: usize) -> Vec<u8> {
    let font = format!("<</Type/Font/Own[{}]>>", "5 0 R ".repeat(references));
    page("/Resources<</Font<</F 4 0 R>>>>", [font.into_bytes(), b"1".to_vec()])
}

/// So many objects, all of which are the same array.
pub(crate) fn objects_at_one_place(objects: usize) -> Vec<u8> {
    let body = format!("[{}]", "0 ".repeat(100));
    page(
        &format!("/Resources<<>>{ODD}"),
        [object_stream((1000..1000 + objects).map(|number| (number, 0)), body.as_bytes())],
    )
}

/// So many objects of a font, all of which are the same string of 100 kB, found by a cross-reference stream.
pub(crate) fn strings_at_one_place(objects: usize) -> Vec<u8> {
    let references: String = (0..objects).map(|object| format!("{} 0 R ", object + 6)).collect();
    let parts = [
        b"<</Type/Catalog/Pages 2 0 R>>".to_vec(),
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>".to_vec(),
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Resources<</Font<</F 4 0 R>>>>>>".to_vec(),
        format!("<</Type/Font/Own[{references}]>>").into_bytes(),
        object_stream((6..6 + objects).map(|number| (number, 0)), format!("({})", "x".repeat(100_000)).as_bytes()),
    ];
    let mut bytes = b"%PDF-1.5\n".to_vec();
    let mut table = vec![0; 6];
    for (number, body) in (1..).zip(parts) {
        table.push(1);
        table.extend((bytes.len() as u32).to_be_bytes()[1..].iter());
        table.extend([0, 0]);
        bytes.extend(format!("{number} 0 obj\n").into_bytes());
        bytes.extend(body);
        bytes.extend(b"\nendobj\n");
    }
    for place in 0..objects as u16 {
        table.extend([2, 0, 0, 5]);
        table.extend(place.to_be_bytes());
    }
    let start = bytes.len();
    table.push(1);
    table.extend((start as u32).to_be_bytes()[1..].iter());
    table.extend([0, 0]);
    let own = objects + 6;
    let size = own + 1;
    bytes.extend(format!("{own} 0 obj\n").into_bytes());
    bytes.extend(stream(&format!("/Type/XRef/W[1 3 2]/Size {size}/Root 1 0 R"), &table));
    bytes.extend(format!("\nendobj\nstartxref\n{start}\n%%EOF\n").into_bytes());
    bytes
}

/// Streams each of which has all that follow it in its content, and an end of its own, so that each is a copy of nearly the
/// whole file.
pub(crate) fn streams_within_streams(streams: usize) -> Vec<u8> {
    const END: &[u8] = b"\nendstream\nendobj\n";
    const BODY: usize = 5_000_000;
    let head = |number: usize, length: usize| format!("{number} 0 obj\n<</Length {length:08}>>stream\n").into_bytes();
    let each = head(1000, 0).len();
    let mut bytes = format!("%PDF-1.5\n1 0 obj\n<</Type/Catalog/Pages 2 0 R{ODD}>>\nendobj\n").into_bytes();
    let mut places = vec![9];
    for object in [
        "2 0 obj\n<</Type/Pages/Kids[3 0 R]/Count 1>>\nendobj\n",
        "3 0 obj\n<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Resources<<>>>>\nendobj\n",
    ] {
        places.push(bytes.len());
        bytes.extend(object.as_bytes());
    }
    for stream in 0..streams {
        places.push(bytes.len());
        // The last has its end first.
        let within = streams - 1 - stream;
        bytes.extend(head(1000 + stream, within * each + BODY + within * END.len()));
    }
    bytes.extend(vec![b'x'; BODY]);
    (0..streams).for_each(|_| bytes.extend(END));
    let start = bytes.len();
    let lines = |places: &[usize]| places.iter().map(|place| format!("{place:010} 00000 n \n")).collect::<String>();
    bytes.extend(
        format!(
            "xref\n0 4\n0000000000 65535 f \n{}1000 {streams}\n{}trailer\n<</Size {}/Root 1 0 R>>\nstartxref\n{start}\n%%EOF\n",
            lines(&places[..3]),
            lines(&places[3..]),
            1000 + streams
        )
        .into_bytes(),
    );
    bytes
}

pub(crate) fn annotations_shared_by_pages(count: usize) -> Vec<u8> {
    let annotation = "<</Subtype/Stamp/F 4/Rect[9 9 99 99]/AP<</N 4 0 R>>>>".repeat(2_000);
    let form = "/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<<>>";
    let mut kids = String::new();
    let mut objects = vec![b"<</Type/Catalog/Pages 2 0 R>>".to_vec(), Vec::new()];
    objects.push(format!("[{annotation}]").into_bytes());
    objects.push(stream(form, b"0 0 9 9 re f"));
    for page in 0..count {
        kids += &format!("{} 0 R ", page + 5);
        objects.push(b"<</Type/Page/Parent 2 0 R/Resources<<>>/Annots 3 0 R>>".to_vec());
    }
    objects[1] = format!("<</Type/Pages/Kids[{kids}]/Count {count}/MediaBox[0 0 612 792]>>").into_bytes();
    file(&objects)
}

/// Pages whose content is in two streams, which are the same for all and do not pack.
pub(crate) fn content_joined_by_pages(count: usize) -> Vec<u8> {
    pages(count, "/Resources<<>>", |_| "/Contents[3 0 R 3 0 R]".to_owned(), stream("", &noise(1_000_000)))
}

/// Pages that inherit the same large resources.
pub(crate) fn resources_inherited_by_pages(count: usize) -> Vec<u8> {
    let states: String = (0..20_000).map(|state| format!("/S{state}<</LW {state}>>")).collect();
    let resources = format!("/Resources<</ExtGState<<{states}>>>>");
    pages(count, &resources, |_| "/Contents 3 0 R".to_owned(), stream("", b"9 9 99 99 re f"))
}

/// A page of many forms, each of which is drawn with the resources of the page, which are all of them.
pub(crate) fn forms_that_borrow_each_other(count: usize) -> Vec<u8> {
    let (mut names, mut drawn) = (String::new(), String::new());
    let mut objects = vec![b"<</Type/Catalog/Pages 2 0 R>>".to_vec(), b"<</Type/Pages/Kids[3 0 R]/Count 1>>".to_vec()];
    objects.extend([Vec::new(), Vec::new()]);
    for form in 0..count {
        names += &format!("/F{form} {} 0 R", form + 5);
        drawn += &format!("/F{form} Do ");
        objects.push(stream("/Type/XObject/Subtype/Form/BBox[0 0 9 9]", format!("{form} 0 9 9 re f").as_bytes()));
    }
    objects[2] =
        format!("<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Resources<</XObject<<{names}>>>>/Contents 4 0 R>>")
            .into_bytes();
    objects[3] = stream("", drawn.as_bytes());
    file(&objects)
}

/// Pages each of which draws the same large form with resources of its own.
pub(crate) fn forms_that_borrow(count: usize) -> Vec<u8> {
    let form = stream("/Type/XObject/Subtype/Form/BBox[0 0 612 792]", &noise(1_000_000));
    pages(count, "", |page| format!("/Resources<</XObject<</F 3 0 R>>/Own {page}>>/Contents 3 0 R"), form)
}
