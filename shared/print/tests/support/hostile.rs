//! Families of hostile files, each made by code and as large as it is asked to be: for tests, which ask for the size that
//! hurts, and for fuzzing, which starts from small ones.

use std::io::Write as _;

use super::bombs::deflated;
use super::hoards::{
    annotations_shared_by_pages, content_joined_by_pages, forms_that_borrow, forms_that_borrow_each_other,
    objects_at_one_place, references_of_a_font, resources_inherited_by_pages, streams_within_streams,
    strings_at_one_place, values_beside_a_page, values_in_an_object_stream, values_of_a_page,
};
use super::{endless_cross_reference, file, length_chain, zeros};

/// A way to harm a reader.
pub(crate) struct Family {
    pub(crate) name: &'static str,
    /// A file of a size; what it counts differs.
    pub(crate) make: fn(usize) -> Vec<u8>,
    /// The size at which it hurts.
    pub(crate) size: usize,
    /// Whether a file of that size must be refused. Else any verdict is honest, and what is accepted must assemble.
    pub(crate) refused: bool,
}

macro_rules! families {
    ($($size:literal $verdict:ident $name:ident),* $(,)?) => {
        &[$(Family { name: stringify!($name), make: $name, size: $size, refused: $verdict }),*]
    };
}

#[expect(non_upper_case_globals, reason = "they stand in a table, where they are read as words")]
mod verdict {
    pub(super) const refused: bool = true;
    pub(super) const honest: bool = false;
}
use verdict::{honest, refused};

/// All families with the size at which they hurt.
pub(crate) const FAMILIES: &[Family] = families![
    20_000 refused lengths_of_lengths,
    60_000 refused lengths_of_lengths_escaped,
    3_000_000 refused arrays_in_object_streams,
    20_000_000 refused cross_reference_declared,
    5_500_000 refused cross_reference_escaped,
    2_000_000_000 honest table_declared,
    60 refused many_object_streams,
    50 refused large_object_streams,
    512 refused object_stream_bomb,
    10_000_000 refused objects_in_an_object_stream_declared,
    40_000 refused object_streams_in_object_streams,
    1 refused object_stream_that_extends_itself,
    1_024 refused content_bomb,
    1_024 refused content_bomb_twice_packed,
    100 refused content_bombs_in_one_page,
    2_000 refused content_shared_by_pages,
    100_000 refused nested_arrays,
    50_000 refused nested_dictionaries,
    200_000 honest nested_arrays_in_content,
    200_000 honest nested_states_in_content,
    200_000 honest nested_marks_in_content,
    200_000 refused kids_repeated,
    1 refused kids_cycle,
    40 refused kids_doubling,
    100_000 refused page_tree_deep,
    1_000_000 refused page_count_declared,
    1 honest size_zero,
    300_000 refused parentheses_unclosed,
    300_000 refused objects_unclosed,
    100_000 honest reference_chain,
    1 honest reference_cycle,
    1 honest form_that_draws_itself,
    40 honest forms_doubling,
    10_000 honest forms_nested,
    1 honest pattern_that_paints_itself,
    40 honest patterns_doubling,
    1 honest glyph_that_shows_itself,
    1 refused glyph_that_shows_itself_by_the_page,
    1 honest appearance_that_draws_itself,
    1 honest mask_that_masks_itself,
    100_000 honest image_declared,
    100_000 honest inline_image_declared,
    20_000 honest image_in_a_filter_declared,
    500 honest images_many,
    200 honest filters_chained,
    100_000 honest filters_named,
    1 refused encrypted_unknown,
    7 refused offsets_wrong,
    1 refused cross_reference_that_precedes_itself,
    20_000 refused cross_references_chained,
    5_000_000 honest name_endless,
    5_000_000 honest number_endless,
    5_000_000 honest string_endless,
    400 honest number_huge,
    1 honest lengths_negative,
    9 refused box_huge,
    400 refused box_not_a_number,
    9 refused user_unit_huge,
    45 refused turn_odd,
    100 honest turn_many_times,
    400 honest turn_huge,
    2_000 honest function_of_many_samples,
    100_000 honest function_of_nested_procedures,
    10_000 honest function_of_functions,
    10_000 honest colours_of_colours,
    1 honest colours_of_themselves,
    100_000 honest annotations_many,
    1 honest field_above_itself,
    1 refused names_of_names,
    1 honest outlines_of_themselves,
    1 honest resources_of_themselves,
    250_000 honest fonts_many,
    1_000_000 honest font_widths_declared,
    100_000 honest dashes_many,
    300_000 honest paths_long,
    2_000 honest text_of_every_size,
    100_000 honest same_number_twice,
    1_000 honest revisions_many,
    1_000_000 honest values_in_an_object_stream,
    8_000_000 honest values_beside_a_page,
    8_000_000 honest values_of_a_page,
    7_000_000 honest references_of_a_font,
    100_000 honest objects_at_one_place,
    2_000 honest strings_at_one_place,
    400 honest streams_within_streams,
    1_000 honest annotations_shared_by_pages,
    400 refused content_joined_by_pages,
    500 honest forms_that_borrow,
    20_000 honest forms_that_borrow_each_other,
    4_000 honest resources_inherited_by_pages,
];

/// The objects of a document of one page without content.
fn blank_page() -> Vec<Vec<u8>> {
    vec![
        b"<</Type/Catalog/Pages 2 0 R>>".to_vec(),
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>".to_vec(),
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Resources<<>>>>".to_vec(),
    ]
}

/// A document of one page with entries of its own and more objects, numbered from 4.
fn page(entries: &str, more: Vec<Vec<u8>>) -> Vec<u8> {
    let mut objects = blank_page();
    objects[2] = format!("<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]{entries}>>").into_bytes();
    objects.extend(more);
    file(&objects)
}

/// A document of one page whose content is object 4.
fn page_of(content: &[u8], resources: &str, more: Vec<Vec<u8>>) -> Vec<u8> {
    let mut objects = vec![stream("", content)];
    objects.extend(more);
    page(&format!("/Contents 4 0 R/Resources<<{resources}>>"), objects)
}

fn stream(head: &str, content: &[u8]) -> Vec<u8> {
    let mut object = format!("<<{head}/Length {}>>stream\n", content.len()).into_bytes();
    object.extend(content);
    object.extend(b"\nendstream");
    object
}

fn form(resources: &str, content: &[u8]) -> Vec<u8> {
    stream(&format!("/Type/XObject/Subtype/Form/BBox[0 0 612 792]/Resources<<{resources}>>"), content)
}

fn packed(head: &str, content: &[u8]) -> Vec<u8> {
    stream(&format!("{head}/Filter/FlateDecode"), &pack(content))
}

fn pack(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::new(9));
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// So many mebibytes of blanks, packed.
fn bomb(mebibytes: usize) -> Vec<u8> {
    deflated(&[b' '; 1 << 20], mebibytes)
}

fn lengths_of_lengths(links: usize) -> Vec<u8> {
    length_chain(links, "/Length")
}

fn lengths_of_lengths_escaped(links: usize) -> Vec<u8> {
    length_chain(links, "/L#65ngth")
}

fn arrays_in_object_streams(entries: usize) -> Vec<u8> {
    zeros(10, entries)
}

fn cross_reference_declared(entries: usize) -> Vec<u8> {
    endless_cross_reference(entries, "/Size", "/Index")
}

fn cross_reference_escaped(entries: usize) -> Vec<u8> {
    endless_cross_reference(entries, "/S#69ze", "/I#6Edex")
}

/// A cross-reference table whose only section claims so many entries.
fn table_declared(entries: usize) -> Vec<u8> {
    let text = String::from_utf8(file(&blank_page())).unwrap();
    text.replace("\n0 4\n", &format!("\n0 {entries}\n")).into_bytes()
}

/// Object streams of eight mebibytes each, which no limit on one of them stops.
fn many_object_streams(streams: usize) -> Vec<u8> {
    object_streams(streams, 8)
}

/// Object streams each of which is more than is read of one.
fn large_object_streams(streams: usize) -> Vec<u8> {
    object_streams(streams, 60)
}

fn object_stream_bomb(mebibytes: usize) -> Vec<u8> {
    object_streams(1, mebibytes)
}

fn object_streams(streams: usize, mebibytes: usize) -> Vec<u8> {
    let bomb = bomb(mebibytes);
    let head = "/Type/ObjStm/N 1/First 8/Filter/FlateDecode";
    page("", (0..streams).map(|_| stream(head, &bomb)).collect())
}

fn objects_in_an_object_stream_declared(objects: usize) -> Vec<u8> {
    let head = format!("/Type/ObjStm/N {objects}/First 2000000000");
    page("/Contents 4 0 R", vec![stream(&head, b"1 0 2 0 3 0"), stream("/Type/ObjStm/N -1/First -1", b"7 0 null")])
}

/// Streams within streams: each is claimed to be in the next by a cross-reference stream.
fn object_streams_in_object_streams(streams: usize) -> Vec<u8> {
    let mut bytes = b"%PDF-1.5\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n".to_vec();
    let start = bytes.len();
    let mut table = vec![0, 0, 0, 0, 0, 1, 0, 0, 9, 0];
    for number in 2..streams + 2 {
        table.push(2);
        table.extend((number as u32 + 1).to_be_bytes()[1..].iter());
        table.push(0);
    }
    let head = format!("/Type/XRef/W[1 3 1]/Size {}/Root 1 0 R", streams + 2);
    bytes.extend(format!("{} 0 obj\n", streams + 2).into_bytes());
    bytes.extend(packed(&head, &table));
    bytes.extend(format!("\nendobj\nstartxref\n{start}\n%%EOF\n").into_bytes());
    bytes
}

fn object_stream_that_extends_itself(_: usize) -> Vec<u8> {
    let mut bytes = b"%PDF-1.5\n".to_vec();
    bytes.extend(b"1 0 obj\n");
    bytes.extend(stream("/Type/ObjStm/N 2/First 10/Extends 1 0 R", b"1 0 2 30  <</Type/Catalog/Pages 2 0 R>> <<>>"));
    bytes.extend(b"\nendobj\n");
    let start = bytes.len();
    let table = [0, 0, 0, 2, 1, 0, 2, 1, 1, 1, start as u8, 0];
    bytes.extend(b"3 0 obj\n");
    bytes.extend(stream("/Type/XRef/W[1 1 1]/Size 4/Root 2 0 R", &table));
    bytes.extend(format!("\nendobj\nstartxref\n{start}\n%%EOF\n").into_bytes());
    bytes
}

fn content_bomb(mebibytes: usize) -> Vec<u8> {
    page("/Contents 4 0 R/Resources<<>>", vec![stream("/Filter/FlateDecode", &bomb(mebibytes))])
}

fn content_bomb_twice_packed(mebibytes: usize) -> Vec<u8> {
    let content = stream("/Filter[/FlateDecode/FlateDecode]", &pack(&bomb(mebibytes)));
    page("/Contents 4 0 R/Resources<<>>", vec![content])
}

fn content_bombs_in_one_page(bombs: usize) -> Vec<u8> {
    let parts = "4 0 R ".repeat(bombs);
    page(&format!("/Contents[{parts}]/Resources<<>>"), vec![stream("/Filter/FlateDecode", &bomb(8))])
}

fn content_shared_by_pages(pages: usize) -> Vec<u8> {
    let mut objects = blank_page();
    let kids: String = (0..pages).map(|page| format!("{} 0 R ", page + 4)).collect();
    objects[1] = format!("<</Type/Pages/Kids[{kids}]/Count {pages}/MediaBox[0 0 612 792]>>").into_bytes();
    objects[2] = stream("/Filter/FlateDecode", &bomb(4));
    let page = b"<</Type/Page/Parent 2 0 R/Contents[3 0 R 3 0 R]/Resources<<>>>>";
    objects.extend((0..pages).map(|_| page.to_vec()));
    file(&objects)
}

fn nested_arrays(depth: usize) -> Vec<u8> {
    page(&format!("/Resources<</Deep {}{}>>", "[".repeat(depth), "]".repeat(depth)), vec![])
}

fn nested_dictionaries(depth: usize) -> Vec<u8> {
    page(&format!("/Resources {}{}", "<</Deep ".repeat(depth), ">>".repeat(depth)), vec![])
}

fn nested_arrays_in_content(depth: usize) -> Vec<u8> {
    page_of(format!("{}{} TJ", "[".repeat(depth), "]".repeat(depth)).as_bytes(), "", vec![])
}

fn nested_states_in_content(depth: usize) -> Vec<u8> {
    page_of(format!("{}0 0 9 9 re f", "q 1 0 0 1 1 1 cm ".repeat(depth)).as_bytes(), "", vec![])
}

fn nested_marks_in_content(depth: usize) -> Vec<u8> {
    page_of("/OC/Layer BDC BT /Span<</Lang[(en)]>>BDC ".repeat(depth).as_bytes(), "", vec![])
}

fn kids_repeated(times: usize) -> Vec<u8> {
    let mut objects = blank_page();
    objects[1] = format!("<</Type/Pages/Kids[{}]/Count {times}>>", "3 0 R ".repeat(times)).into_bytes();
    file(&objects)
}

fn kids_cycle(_: usize) -> Vec<u8> {
    let mut objects = blank_page();
    objects[1] = b"<</Type/Pages/Kids[3 0 R 4 0 R]/Count 2>>".to_vec();
    objects.push(b"<</Type/Pages/Parent 2 0 R/Kids[2 0 R]/Count 1>>".to_vec());
    file(&objects)
}

/// A tree of which each node names the next one twice.
fn kids_doubling(levels: usize) -> Vec<u8> {
    let mut objects = blank_page();
    objects[1] = b"<</Type/Pages/Kids[4 0 R 4 0 R]/Count 2>>".to_vec();
    for level in 0..levels {
        let next = if level + 1 == levels { 3 } else { level + 5 };
        objects.push(format!("<</Type/Pages/Kids[{next} 0 R {next} 0 R]/Count 2>>").into_bytes());
    }
    file(&objects)
}

fn page_tree_deep(levels: usize) -> Vec<u8> {
    let mut objects = blank_page();
    objects[1] = b"<</Type/Pages/Kids[4 0 R]/Count 1>>".to_vec();
    for level in 0..levels {
        let next = if level + 1 == levels { 3 } else { level + 5 };
        objects.push(format!("<</Type/Pages/Kids[{next} 0 R]/Count 1>>").into_bytes());
    }
    file(&objects)
}

fn page_count_declared(pages: usize) -> Vec<u8> {
    let mut objects = blank_page();
    objects[1] = format!("<</Type/Pages/Kids[3 0 R]/Count {pages}>>").into_bytes();
    file(&objects)
}

fn size_zero(_: usize) -> Vec<u8> {
    let text = String::from_utf8(file(&blank_page())).unwrap();
    text.replace("/Size 4", "/Size 0").into_bytes()
}

fn parentheses_unclosed(count: usize) -> Vec<u8> {
    page(&format!("/Resources<<>>/Note {}", "(".repeat(count)), vec![])
}

fn objects_unclosed(count: usize) -> Vec<u8> {
    let mut bytes = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n".to_vec();
    for number in 2..count + 2 {
        bytes.extend(format!("{number} 0 obj<</Kids[\n").into_bytes());
    }
    bytes.extend(b"trailer<</Root 1 0 R>>");
    bytes
}

fn reference_chain(links: usize) -> Vec<u8> {
    let mut links: Vec<Vec<u8>> = (0..links).map(|link| format!("{} 0 R", link + 5).into_bytes()).collect();
    links.push(b"<<>>".to_vec());
    page("/Resources 4 0 R", links)
}

fn reference_cycle(_: usize) -> Vec<u8> {
    page("/Resources 4 0 R/Contents 5 0 R", vec![b"5 0 R".to_vec(), b"4 0 R".to_vec()])
}

fn form_that_draws_itself(_: usize) -> Vec<u8> {
    let own = form("/XObject<</F 5 0 R>>", b"0 0 9 9 re f /F Do /F Do");
    page_of(b"/F Do", "/XObject<</F 5 0 R>>", vec![own])
}

/// Forms each of which draws the next one twice.
fn forms_doubling(levels: usize) -> Vec<u8> {
    let forms = (0..levels).map(|level| match level + 1 == levels {
        true => form("", b"0 0 1 1 re f"),
        false => form(&format!("/XObject<</F {} 0 R>>", level + 6), b"/F Do 1 0 0 1 1 1 cm /F Do"),
    });
    page_of(b"/F Do", "/XObject<</F 5 0 R>>", forms.collect())
}

fn forms_nested(levels: usize) -> Vec<u8> {
    let forms = (0..levels).map(|level| match level + 1 == levels {
        true => form("", b"0 0 1 1 re f"),
        false => form(&format!("/XObject<</F {} 0 R>>", level + 6), b"/F Do"),
    });
    page_of(b"/F Do", "/XObject<</F 5 0 R>>", forms.collect())
}

fn tile(resources: &str, content: &[u8]) -> Vec<u8> {
    let head = "/PatternType 1/PaintType 1/TilingType 1/BBox[0 0 1 1]/XStep 0.001/YStep 0.001";
    stream(&format!("/Type/Pattern{head}/Resources<<{resources}>>"), content)
}

const PAINT: &[u8] = b"/Pattern cs /P scn 0 0 600 700 re f";

fn pattern_that_paints_itself(_: usize) -> Vec<u8> {
    page_of(PAINT, "/Pattern<</P 5 0 R>>", vec![tile("/Pattern<</P 5 0 R>>", PAINT)])
}

fn patterns_doubling(levels: usize) -> Vec<u8> {
    let both = [PAINT, b" ", PAINT].concat();
    let tiles = (0..levels).map(|level| tile(&format!("/Pattern<</P {} 0 R>>", level + 6), &both));
    page_of(PAINT, "/Pattern<</P 5 0 R>>", tiles.collect())
}

fn glyph_that_shows_itself(_: usize) -> Vec<u8> {
    glyph("/Resources<</Font<</F 5 0 R>>>>")
}

/// The same by the resources of the page, which a font without its own uses. What draws pages does not notice.
fn glyph_that_shows_itself_by_the_page(_: usize) -> Vec<u8> {
    glyph("")
}

fn glyph(resources: &str) -> Vec<u8> {
    let font = format!(
        "<</Type/Font/Subtype/Type3/FontBBox[0 0 1 1]/FontMatrix[1 0 0 1 0 0]/FirstChar 97/LastChar 97/Widths[1]\
         /Encoding<</Differences[97/a]>>/CharProcs<</a 6 0 R>>{resources}>>"
    );
    let show = b"BT /F 9 Tf (aa) Tj ET";
    page_of(show, "/Font<</F 5 0 R>>", vec![font.into_bytes(), stream("", &[b"9 0 d0 ", &show[..]].concat())])
}

fn appearance_that_draws_itself(_: usize) -> Vec<u8> {
    let annotation = b"<</Type/Annot/Subtype/Stamp/F 4/Rect[9 9 99 99]/AP<</N 5 0 R>>>>".to_vec();
    let own = form("/XObject<</F 5 0 R>>", b"/F Do");
    page("/Annots[4 0 R]/Resources<<>>", vec![annotation, own])
}

fn mask_that_masks_itself(_: usize) -> Vec<u8> {
    let state = b"<</SMask<</S/Luminosity/G 6 0 R>>>>".to_vec();
    let group = stream(
        "/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Group<</S/Transparency/CS/DeviceGray>>/Resources<</ExtGState<</G 5 0 R>>>>",
        b"/G gs 0 0 9 9 re f",
    );
    page_of(b"/G gs 0 0 9 9 re f", "/ExtGState<</G 5 0 R>>", vec![state, group])
}

fn image(side: usize, more: &str, content: &[u8]) -> Vec<u8> {
    let head =
        format!("/Type/XObject/Subtype/Image/Width {side}/Height {side}/ColorSpace/DeviceRGB/BitsPerComponent 8");
    stream(&format!("{head}{more}"), content)
}

const SHOW: &[u8] = b"600 0 0 700 0 0 cm /I Do";

fn image_declared(side: usize) -> Vec<u8> {
    page_of(SHOW, "/XObject<</I 5 0 R>>", vec![image(side, "", b"abc")])
}

fn inline_image_declared(side: usize) -> Vec<u8> {
    page_of(format!("BI/W {side}/H {side}/CS/RGB/BPC 8 ID abc EI").as_bytes(), "", vec![])
}

/// A JPEG without data whose header declares its size, and a fax that goes on for so many rows.
fn image_in_a_filter_declared(side: usize) -> Vec<u8> {
    let side_bytes = (side as u16).to_be_bytes();
    let mut jpeg = vec![0xff, 0xd8, 0xff, 0xc0, 0, 17, 8];
    jpeg.extend([side_bytes, side_bytes].concat());
    jpeg.extend([3, 1, 0x22, 0, 2, 0x11, 0, 3, 0x11, 0, 0xff, 0xda, 0, 12, 3, 1, 0, 2, 0, 3, 0, 0, 63, 0, 0xff, 0xd9]);
    let fax = format!("/Filter/CCITTFaxDecode/DecodeParms<</K -1/Columns {side}/Rows {side}>>");
    let jbig = [0, 0, 0, 0, 48, 0, 1, 0, 0, 0, 19, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let images = vec![
        image(side, "/Filter/DCTDecode", &jpeg),
        image(side, &fax, &[0xff; 64]),
        image(side, "/Filter/JBIG2Decode", &jbig),
        image(side, "/Filter/JPXDecode", b"\xff\x4f\xff\x51\x00\x2f"),
    ];
    let resources = "/XObject<</I 5 0 R/J 6 0 R/K 7 0 R/L 8 0 R>>";
    page_of(b"600 0 0 700 0 0 cm /I Do /J Do /K Do /L Do", resources, images)
}

/// Images of sixteen megapixels that pack well.
fn images_many(count: usize) -> Vec<u8> {
    let body = image(2300, "/Filter/FlateDecode", &bomb(16));
    let names: String = (0..count).map(|place| format!("/I{place} {} 0 R", place + 5)).collect();
    let show: String = (0..count).map(|place| format!("q 99 0 0 99 0 0 cm /I{place} Do Q ")).collect();
    page_of(show.as_bytes(), &format!("/XObject<<{names}>>"), vec![body; count.min(12)])
}

fn filters_chained(count: usize) -> Vec<u8> {
    let mut content = b"0 0 9 9 re f".to_vec();
    for _ in 0..count {
        content = pack(&content);
    }
    page("/Contents 4 0 R/Resources<<>>", vec![stream(&format!("/Filter[{}]", "/FlateDecode".repeat(count)), &content)])
}

fn filters_named(count: usize) -> Vec<u8> {
    let filters = "/ASCIIHexDecode/RunLengthDecode/LZWDecode/ASCII85Decode/Crypt/None".repeat(count / 6 + 1);
    page("/Contents 4 0 R/Resources<<>>", vec![stream(&format!("/Filter[{filters}]"), b"00>")])
}

fn encrypted_unknown(_: usize) -> Vec<u8> {
    let text = String::from_utf8(file(&blank_page())).unwrap();
    let key = "(0123456789abcdef0123456789abcdef)";
    let encryption = format!("/Encrypt<</Filter/Standard/V 2/R 3/Length 128/P -4/O{key}/U{key}>>/ID[(a)(a)]");
    text.replace("/Root", &format!("{encryption}/Root")).into_bytes()
}

fn offsets_wrong(by: usize) -> Vec<u8> {
    let mut bytes = file(&blank_page());
    bytes.splice(9..9, vec![b'\n'; by]);
    bytes
}

fn cross_reference_that_precedes_itself(_: usize) -> Vec<u8> {
    let text = String::from_utf8(file(&blank_page())).unwrap();
    let start = text.rfind("xref\n0").unwrap();
    // Past the end of the table is its own trailer, which leads back to the table.
    text.replace("/Size 4", &format!("/Size 4/Prev {}", start + 1)).into_bytes()
}

/// So many cross-references, each of which names the one before.
fn cross_references_chained(count: usize) -> Vec<u8> {
    let mut bytes = file(&blank_page());
    let mut before = bytes.windows(6).rposition(|window| window == b"xref\n0").unwrap();
    for _ in 0..count {
        let start = bytes.len();
        bytes.extend(format!("xref\n0 0\ntrailer\n<</Size 4/Root 1 0 R/Prev {before}>>\n").into_bytes());
        before = start;
    }
    bytes.extend(format!("startxref\n{}\n%%EOF\n", before + 1).into_bytes());
    bytes
}

fn name_endless(length: usize) -> Vec<u8> {
    page(&format!("/Resources<</{}/x>>", "a#62".repeat(length / 4)), vec![])
}

fn number_endless(length: usize) -> Vec<u8> {
    page(&format!("/Resources<<>>/Tabs {}", "9".repeat(length)), vec![])
}

fn string_endless(length: usize) -> Vec<u8> {
    page(&format!("/Resources<<>>/Note({})/More<{}>", "\\(".repeat(length / 2), "4".repeat(length / 2)), vec![])
}

/// Numbers of so many digits wherever numbers go.
fn number_huge(digits: usize) -> Vec<u8> {
    let huge = format!("{}.{}", "9".repeat(digits), "9".repeat(digits));
    let content = format!("{huge} w -{huge} {huge} m {huge} -{huge} l S 1e{digits} 0 0 1e{digits} 0 0 cm 0 0 1 1 re f");
    page_of(content.as_bytes(), &format!("/ExtGState<</G<</LW {huge}/ca {huge}>>>>"), vec![])
}

fn lengths_negative(_: usize) -> Vec<u8> {
    let negative = b"<</Length -5>>stream\n0 0 9 9 re f\nendstream".to_vec();
    let endless = b"<</Length 999999999999>>stream\n0 0 9 9 re f\nendstream".to_vec();
    page("/Contents[4 0 R 5 0 R]/Resources<<>>", vec![negative, endless])
}

fn box_huge(digits: usize) -> Vec<u8> {
    let side = "9".repeat(digits);
    page(
        &format!("/Resources<<>>/CropBox[-{side} -{side} {side} {side}]/MediaBox[-{side} -{side} {side} {side}]"),
        vec![],
    )
}

fn box_not_a_number(digits: usize) -> Vec<u8> {
    let side = format!("{}.0", "9".repeat(digits));
    page(&format!("/Resources<<>>/MediaBox[-{side} -{side} {side} {side}]"), vec![])
}

fn user_unit_huge(digits: usize) -> Vec<u8> {
    page(&format!("/Resources<<>>/UserUnit {}", "9".repeat(digits)), vec![])
}

fn turn_odd(degrees: usize) -> Vec<u8> {
    page(&format!("/Resources<<>>/Rotate {degrees}"), vec![])
}

fn turn_many_times(times: usize) -> Vec<u8> {
    page(&format!("/Resources<<>>/Rotate -{}.0", times * 90), vec![])
}

fn turn_huge(digits: usize) -> Vec<u8> {
    page(&format!("/Resources<<>>/Rotate {}.0", "9".repeat(digits)), vec![])
}

fn shading(function: &str, more: Vec<Vec<u8>>) -> Vec<u8> {
    let shading = format!("/Shading<</S<</ShadingType 1/ColorSpace/DeviceRGB/Domain[0 1 0 1]/Function {function}>>>>");
    page_of(b"600 0 0 700 0 0 cm /S sh", &shading, more)
}

fn function_of_many_samples(size: usize) -> Vec<u8> {
    let head = format!(
        "/FunctionType 0/Domain[0 1 0 1]/Range[0 1 0 1 0 1]/Size[{size} {size}]/BitsPerSample 32/Filter/FlateDecode"
    );
    shading("5 0 R", vec![stream(&head, &bomb(8))])
}

fn function_of_nested_procedures(depth: usize) -> Vec<u8> {
    let program = format!("{}pop 0 0 0{}", "{".repeat(depth), "}".repeat(depth));
    shading("5 0 R", vec![stream("/FunctionType 4/Domain[0 1 0 1]/Range[0 1 0 1 0 1]", program.as_bytes())])
}

fn function_of_functions(levels: usize) -> Vec<u8> {
    let function = |next: usize| {
        let both = format!("[{next} 0 R {next} 0 R]");
        format!("<</FunctionType 3/Domain[0 1]/Functions{both}/Bounds[0.5]/Encode[0 1 0 1]>>").into_bytes()
    };
    // The last one leads back to the first.
    let functions = (0..levels).map(|level| function(if level + 1 == levels { 5 } else { level + 6 }));
    shading("[5 0 R 5 0 R 5 0 R]", functions.collect())
}

fn colours_of_colours(levels: usize) -> Vec<u8> {
    let mut spaces: Vec<Vec<u8>> =
        (0..levels).map(|level| format!("[/Indexed {} 0 R 1 <0001>]", level + 6).into_bytes()).collect();
    spaces.push(b"/DeviceGray".to_vec());
    page_of(b"/C cs 1 scn 0 0 9 9 re f", "/ColorSpace<</C 5 0 R>>", spaces)
}

fn colours_of_themselves(_: usize) -> Vec<u8> {
    let space = b"[/Separation/Spot 5 0 R<</FunctionType 2/Domain[0 1]/N 1>>]".to_vec();
    page_of(b"/C cs 1 scn 0 0 9 9 re f", "/ColorSpace<</C 5 0 R>>", vec![space])
}

fn annotations_many(count: usize) -> Vec<u8> {
    let annotation = b"<</Type/Annot/Subtype/Stamp/F 4/Rect[9 9 99 99]/AP<</N 5 0 R>>>>".to_vec();
    page(&format!("/Annots[{}]/Resources<<>>", "4 0 R ".repeat(count)), vec![annotation, form("", b"0 0 9 9 re f")])
}

fn field_above_itself(_: usize) -> Vec<u8> {
    let field = b"<</Type/Annot/Subtype/Widget/FT/Tx/F 4/Rect[9 9 99 99]/Parent 4 0 R/Kids[4 0 R]>>".to_vec();
    let mut objects = blank_page();
    objects[0] = b"<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[4 0 R]>>>>".to_vec();
    objects[2] = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Resources<<>>/Annots[4 0 R]>>".to_vec();
    objects.push(field);
    file(&objects)
}

fn names_of_names(_: usize) -> Vec<u8> {
    let mut objects = blank_page();
    objects[0] = b"<</Type/Catalog/Pages 2 0 R/Names<</JavaScript 4 0 R/EmbeddedFiles 4 0 R>>>>".to_vec();
    objects.push(b"<</Kids[4 0 R 4 0 R]>>".to_vec());
    file(&objects)
}

fn outlines_of_themselves(_: usize) -> Vec<u8> {
    let mut objects = blank_page();
    objects[0] = b"<</Type/Catalog/Pages 2 0 R/Outlines 4 0 R>>".to_vec();
    objects.push(b"<</First 4 0 R/Last 4 0 R/Next 4 0 R/Prev 4 0 R/Parent 4 0 R/Count 9>>".to_vec());
    file(&objects)
}

fn resources_of_themselves(_: usize) -> Vec<u8> {
    let own = b"<</XObject 4 0 R/Font 4 0 R/Pattern 4 0 R/ExtGState 4 0 R/ColorSpace 4 0 R/F 4 0 R>>".to_vec();
    page("/Resources 4 0 R/Contents 5 0 R", vec![own, stream("", b"/F Do /XObject gs BT /F 9 Tf (a) Tj ET /F cs")])
}

fn fonts_many(count: usize) -> Vec<u8> {
    let names: String = (0..count).map(|place| format!("/F{place} 5 0 R")).collect();
    let font = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>".to_vec();
    page_of(b"BT /F1 9 Tf (a) Tj ET", &format!("/Font<<{names}>>"), vec![font])
}

fn font_widths_declared(glyphs: usize) -> Vec<u8> {
    let font =
        b"<</Type/Font/Subtype/Type0/BaseFont/A/Encoding/Identity-H/DescendantFonts[6 0 R]/ToUnicode 7 0 R>>".to_vec();
    let descendant = format!(
        "<</Type/Font/Subtype/CIDFontType2/BaseFont/A/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>\
         /W[0 {glyphs} 500]/FontDescriptor<</Type/FontDescriptor/FontName/A/FontFile2 8 0 R>>>>"
    );
    let map = stream("", format!("1 beginbfrange<0000><{glyphs:08X}><0041>endbfrange").as_bytes());
    let program = stream("/Length1 12", b"\x00\x01\x00\x00\xff\xff\x00\x00\x00\x00\x00\x00");
    page_of(b"BT /F 9 Tf <00010002> Tj ET", "/Font<</F 5 0 R>>", vec![font, descendant.into_bytes(), map, program])
}

/// A line of a page's length in dashes that are shorter than anything visible.
fn dashes_many(count: usize) -> Vec<u8> {
    page_of(format!("[{} {0}] 0 d 0 0 m 600 700 l S", 600.0 / count as f64).as_bytes(), "", vec![])
}

fn paths_long(segments: usize) -> Vec<u8> {
    let path: String = (0..segments).map(|at| format!("{} {} l ", at % 611, at % 787)).collect();
    page_of(format!("0 0 m {path} 9 w 1 j S").as_bytes(), "", vec![])
}

fn text_of_every_size(count: usize) -> Vec<u8> {
    let text: String = (1..=count).map(|size| format!("/F {} Tf (Wm) Tj ", size * size)).collect();
    let font = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>".to_vec();
    page_of(format!("BT {text} ET").as_bytes(), "/Font<</F 5 0 R>>", vec![font])
}

/// The same object again and again, of which the cross-reference knows one.
fn same_number_twice(times: usize) -> Vec<u8> {
    let mut bytes = file(&blank_page());
    let again = "3 0 obj\n<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>\nendobj\n".repeat(times);
    bytes.extend(again.into_bytes());
    bytes
}

/// A file that was changed so many times, each time by an update at its end.
fn revisions_many(count: usize) -> Vec<u8> {
    let mut bytes = file(&blank_page());
    let mut before = bytes.windows(6).rposition(|window| window == b"xref\n0").unwrap();
    for revision in 0..count {
        let object = bytes.len();
        bytes.extend(
            format!(
                "3 0 obj\n<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Resources<<>>/Revision {revision}>>\nendobj\n"
            )
            .into_bytes(),
        );
        let start = bytes.len();
        bytes.extend(
            format!(
                "xref\n3 1\n{object:010} 00000 n \ntrailer\n<</Size 4/Root 1 0 R/Prev {before}>>\nstartxref\n{start}\n%%EOF\n"
            )
            .into_bytes(),
        );
        before = start;
    }
    bytes
}
