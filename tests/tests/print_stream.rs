//! Holds print streams to what other programs make of them: qpdf, mutool, and a camera that reads the codes.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use std::path::PathBuf;

use lopdf::{Dictionary, Document, Object, ObjectId};
use print::assemble::{Assembler, Card, Certified, Piece};
use print::code128::ArticleDigits;
use print::imb::Imb;
use print::layout::Rect;
use print::press_sheet::{CardSize, PressSheet};
use print::stationery::{Placement, Sides, Stationery};
use tests::mail::pdf::{Pdf, Structure};
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

/// A document of so many pages with these boxes, none of which looks like another.
fn document(pages: u32, boxes: &str) -> Vec<u8> {
    let mut pdf = Pdf::default();
    let (catalog, tree) = (pdf.reserve(), pdf.reserve());
    let mut kids = String::new();
    for page in 0..pages {
        let shape =
            format!("0.1 0.4 0.7 rg 100 150 {} 60 re f 3 w 80 130 m 280 {} l S", 40 + 30 * page, 140 + 9 * page);
        let content = pdf.packed("", shape.as_bytes()).unwrap();
        let page = pdf.add(format!("<</Type/Page/Parent {tree} 0 R{boxes}/Resources<<>>/Contents {content} 0 R>>"));
        kids.push_str(&format!("{page} 0 R "));
    }
    pdf.set(tree, format!("<</Type/Pages/Kids[{kids}]/Count {pages}>>"));
    pdf.set(catalog, format!("<</Type/Catalog/Pages {tree} 0 R>>"));
    pdf.finish(&format!("/Root {catalog} 0 R"), Structure::Table).unwrap()
}

/// A document of a page with these boxes, on which is all that can be painted with: patterns, shadings, a soft mask, a blend of
/// colours, glyphs that are content, forms in forms and without resources of their own, an image in the content, and a comment
/// whose appearance does not say that it is a form. The page has its resources from the tree.
fn gallery(boxes: &str) -> Vec<u8> {
    const SQUARE: &str = "/BBox[0 0 100 100]";
    let mut pdf = Pdf::default();
    let mut form = |entries: &str, content: &str| {
        pdf.packed(&format!("/Type/XObject/Subtype/Form{SQUARE}{entries}"), content.as_bytes()).unwrap()
    };
    let square = form("/Resources<<>>/Matrix[.5 .2 -.2 .5 20 10]", "0.8 0.1 0.3 rg 0 0 100 100 re f");
    let nested =
        form(&format!("/Resources<</XObject<</S {square} 0 R>>>>/Matrix[0 1 -1 0 100 0]"), "/S Do 2 w 9 9 80 40 re S");
    let borrowed = form("", "/Square Do q /Half gs 0 0 1 rg 40 0 60 30 re f Q");
    let grey = "/Group<</S/Transparency/CS/DeviceGray>>";
    let mask = form(&format!("{grey}/Resources<<>>"), "0.2 g 0 0 50 100 re f 0.9 g 50 0 50 100 re f");
    let layer =
        form("/Group<</S/Transparency/I true>>/Resources<<>>", "1 1 0 rg 0 0 70 70 re f 0 1 1 rg 30 30 70 70 re f");
    let tile = "/Type/Pattern/PatternType 1/PaintType 1/TilingType 1/BBox[0 0 20 20]/XStep 20/YStep 25/Matrix[.9 .3 -.3 .9 7 3]";
    let tile = pdf.packed(&format!("{tile}/Resources<<>>"), b"1 0 0 rg 0 0 9 9 re f 0 0.5 0 rg 9 9 8 8 re f").unwrap();
    let stencil =
        "/Type/Pattern/PatternType 1/PaintType 2/TilingType 1/BBox[0 0 12 12]/XStep 12/YStep 12/Resources<<>>";
    let stencil = pdf.packed(stencil, b"2 2 6 6 re f").unwrap();
    let ramp = "/Function<</FunctionType 2/Domain[0 1]/C0[1 0 0]/C1[0 0.2 1]/N 1>>";
    let axis = format!("<</ShadingType 2/ColorSpace/DeviceRGB/Coords[400 0 520 40]/Extend[true true]{ramp}>>");
    let circles =
        format!("<</ShadingType 3/ColorSpace/DeviceRGB/Coords[330 330 5 340 340 60]/Extend[false false]{ramp}>>");
    let font = "/Type/Font/Subtype/Type3/FontBBox[0 0 1000 1000]/FontMatrix[.001 0 0 .001 0 0]/FirstChar 97/LastChar 97/Widths[1000]";
    let encoding = "/Encoding<</Type/Encoding/Differences[97/a]>>";
    let glyph = pdf.packed("", b"1000 0 d0 0 0.6 0.2 rg 100 0 800 700 re f").unwrap();
    let own = pdf.add(format!("<<{font}{encoding}/CharProcs<</a {glyph} 0 R>>/Resources<<>>>>"));
    let glyph = pdf.packed("", b"1000 0 d0 q 8 0 0 8 0 0 cm /Square Do Q").unwrap();
    let borrowing = pdf.add(format!("<<{font}{encoding}/CharProcs<</a {glyph} 0 R>>>>"));
    let resources = format!(
        "<</XObject<</Square {square} 0 R/Nested {nested} 0 R/Borrowed {borrowed} 0 R/Layer {layer} 0 R>>\
         /ExtGState<</Half<</ca .5/CA .5>>/Multiply<</BM/Multiply>>/Masked<</SMask<</S/Luminosity/G {mask} 0 R>>>>/Clear<</SMask/None>>>>\
         /Pattern<</Tile {tile} 0 R/Stencil {stencil} 0 R/Axis<</PatternType 2/Matrix[1 .1 0 1 0 0]/Shading {axis}>>>>\
         /Shading<</Circles {circles}>>/ColorSpace<</Inked[/Pattern/DeviceRGB]>>/Font<</Own {own} 0 R/Borrowing {borrowing} 0 R>>>>"
    );
    let content = "/Pattern cs /Tile scn 40 420 150 120 re f /Inked cs 0.1 0.2 0.8 /Stencil scn 220 420 120 120 re f \
                   /Pattern cs /Axis scn 380 420 160 120 re f q 290 290 100 100 re W n /Circles sh Q \
                   q 1 0 0 1 40 290 cm /Nested Do Q q 1 0 0 1 160 290 cm /Borrowed Do Q \
                   q /Multiply gs 0.9 0.8 0.2 rg 420 290 80 80 re f 0.3 0.6 0.9 rg 460 310 80 80 re f Q \
                   q 1 0 0 1 40 160 cm /Masked gs 0 0.4 0 rg 0 0 100 100 re f Q q 1 0 0 1 170 160 cm /Half gs /Layer Do Q \
                   BT /Own 60 Tf 300 170 Td (aa) Tj /Borrowing 60 Tf 150 0 Td (a) Tj ET \
                   q 60 0 0 60 530 160 cm BI /W 2 /H 2 /CS /RGB /BPC 8 /F /AHx ID ff000000ff000000ff808080> EI Q \
                   q 0.5 0.5 0.5 RG 6 w [12 6] 3 d 1 J 60 100 m 250 140 350 60 540 120 c S Q";
    let content = pdf.packed("", content.as_bytes()).unwrap();
    let looks = format!("{SQUARE}/Matrix[0 1 -1 0 0 0]/Resources<</XObject<</Square {square} 0 R>>>>");
    let looks = pdf.packed(&looks, b"/Square Do 0 0 1 rg 0 0 100 9 re 0 91 100 9 re f").unwrap();
    let comment = format!("<</Type/Annot/Subtype/Stamp/F 4/Rect[380 20 480 70]/AP<</N {looks} 0 R>>>>");
    let (tree, catalog) = (pdf.reserve(), pdf.reserve());
    let group = "/Group<</S/Transparency/CS/DeviceRGB>>";
    let page =
        pdf.add(format!("<</Type/Page/Parent {tree} 0 R{boxes}{group}/Annots[{comment}]/Contents {content} 0 R>>"));
    pdf.set(tree, format!("<</Type/Pages/Kids[{page} 0 R]/Count 1/Resources {resources}>>"));
    pdf.set(catalog, format!("<</Type/Catalog/Pages {tree} 0 R>>"));
    pdf.finish(&format!("/Root {catalog} 0 R"), Structure::Table).unwrap()
}

#[test]
fn all_that_can_be_painted_with_is_printed_as_it_looks_however_the_page_lies() {
    const DPI: usize = 72;
    const ROUNDING: u8 = 4;
    let folder = Folder::new("gallery");
    let documents = [
        "/MediaBox[0 0 612 792]",
        "/MediaBox[0 0 792 612]/Rotate 90",
        "/MediaBox[0 0 612 792]/Rotate 180",
        "/MediaBox[0 0 792 612]/Rotate 270",
        "/MediaBox[-20 -30 620 800]/CropBox[-10 -20 602 772]",
        "/MediaBox[0 0 306 396]/UserUnit 2",
    ]
    .map(gallery);
    let lines = ["ANN POE", "1 ELM ST", "RENO NV 89501"].map(str::to_owned);
    let imb = Imb::encode("00270902345678000001", "89501").unwrap();
    let path = folder.0.join("gallery.pdf");
    let mut assembler = Assembler::new(std::fs::File::create(&path).unwrap(), &Stationery::default()).unwrap();
    for (document, number) in documents.iter().zip(1..) {
        let report = print::inspect::inspect(document, &print::inspect::Limits::default());
        assert!(report.is_ok(), "{:?}", report.findings);
        // What is shared would be drawn from what mutool keeps of an earlier page, which lay elsewhere.
        let account = format!("acct_{number}");
        let piece = Piece {
            account: &account,
            sender: &lines,
            recipient: &lines,
            imb: &imb,
            endorsement: None,
            certified: None,
            job: "job_gallery",
            number,
            document,
            impressions: None,
            placement: Placement::Cover,
            sides: Sides::FrontOnly,
            perforated: false,
            return_envelope: false,
        };
        assembler.add(&piece).unwrap();
    }
    assembler.finish().unwrap();
    oracle::check(&path).unwrap();

    let alone = folder.0.join("alone.pdf");
    let mut printed = oracle::draw(&path, None, DPI).unwrap();
    for (document, number) in documents.iter().zip(1..) {
        std::fs::write(&alone, document).unwrap();
        let own = oracle::draw(&alone, None, DPI).unwrap().page().unwrap();
        // The cover sheet and its back come first, and after the page its back.
        let (_, _, drawn, _) =
            (printed.page().unwrap(), printed.page().unwrap(), printed.page().unwrap(), printed.page().unwrap());
        let mark = Rect { left: 0.0, top: 11.0 - 0.75, width: 8.5, height: 0.75 };
        // What is put together of several matrices is rounded at other places.
        assert_eq!(drawn.difference_over(ROUNDING, &own, DPI, &[mark]), None, "document {number}");
        assert!(!own.is_blank(), "document {number}");
    }
}

#[test]
fn every_kind_of_piece_passes_qpdf_and_is_drawn_by_mutool_as_its_document_is_alone() {
    const DPI: usize = 48;
    const LETTER: &str = "/MediaBox[0 0 612 792]";
    let folder = Folder::new("kinds");
    let lines = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
    let (sender, recipient) = (
        lines(&["City Hall", "1300 Perdido St", "New Orleans LA 70112"]),
        lines(&["Ann Poe", "1 Elm St", "Reno NV 89501"]),
    );
    let imb = Imb::encode("00270902345678000001", "89501").unwrap();
    let number = ArticleDigits::parse("9214890234567800000013").unwrap();
    let plain = Piece {
        account: "acct",
        sender: &sender,
        recipient: &recipient,
        imb: &imb,
        endorsement: None,
        certified: None,
        job: "job_kinds",
        number: 0,
        document: &[],
        impressions: None,
        placement: Placement::Cover,
        sides: Sides::Duplex,
        perforated: false,
        return_envelope: false,
    };
    let services: &[&str] = &["RETURN RECEIPT ELECTRONIC"];
    let kinds = [
        (document(3, LETTER), Piece { certified: Some(Certified { number: &number, services }), ..plain }),
        (
            document(2, LETTER),
            Piece { placement: Placement::FirstPage, endorsement: Some("Return Service Requested"), ..plain },
        ),
        (document(3, LETTER), Piece { sides: Sides::FrontOnly, perforated: true, ..plain }),
        (document(1, "/MediaBox[0 0 612 1008]"), plain),
        (document(15, "/MediaBox[0 0 595.28 841.89]"), plain),
        (document(2, "/MediaBox[0 0 306 396]/UserUnit 2"), plain),
        (document(2, "/MediaBox[-50 20 562 812]/CropBox[-50 20 562 812]/Rotate 180"), plain),
    ];
    let path = folder.0.join("kinds.pdf");
    let mut assembler = Assembler::new(std::fs::File::create(&path).unwrap(), &Stationery::default()).unwrap();
    let mut rows = Vec::new();
    for ((document, piece), number) in kinds.iter().zip(1..) {
        rows.push(assembler.add(&Piece { document, number, ..*piece }).unwrap());
    }
    let card = document(2, "/MediaBox[0 0 450 306]");
    let imposition = PressSheet::LETTER.impose(CardSize::CARD_4X6).unwrap();
    let cards =
        [Card { account: "acct", recipient: &recipient, imb: &imb, job: "job_kinds", number: 99, document: &card }];
    let cards = assembler.add_cards(&imposition, &cards).unwrap();
    assembler.finish().unwrap();
    oracle::check(&path).unwrap();

    let alone = folder.0.join("alone.pdf");
    let mut printed = oracle::draw(&path, None, DPI).unwrap();
    for (row, (document, piece)) in rows.iter().zip(&kinds) {
        std::fs::write(&alone, document).unwrap();
        let mut own = oracle::draw(&alone, None, DPI).unwrap();
        let covers = u32::from(piece.placement == Placement::Cover) * 2;
        for page in 0..row.pages {
            let drawn = printed.page().unwrap();
            let is_back = page % 2 == 1;
            if page < covers || (is_back && piece.sides == Sides::FrontOnly) {
                assert_eq!(drawn.is_blank(), is_back, "piece {} page {page}", row.piece);
                continue;
            }
            let Some(own) = own.next_page().unwrap() else {
                assert!(drawn.is_blank() && is_back && page + 1 == row.pages, "piece {} page {page}", row.piece);
                continue;
            };
            // On a front there is our mark at the foot, and on a first page without a cover the addresses above.
            let height = drawn.height as f64 / DPI as f64;
            let across = |top: f64, height: f64| Rect { left: 0.0, top, width: 8.5, height };
            let stamped = if page == 0 { across(0.0, 4.0) } else { across(0.0, 0.0) };
            let ours = if is_back { vec![] } else { vec![across(height - 0.75, 0.75), stamped] };
            assert_eq!(drawn.difference(&own, DPI, &ours), None, "piece {} page {page}", row.piece);
        }
        assert!(own.next_page().unwrap().is_none(), "piece {} lacks pages", row.piece);
    }
    for _ in cards[0].first_page..=cards[0].last_page {
        assert!(!printed.page().unwrap().is_blank());
    }
    assert!(printed.next_page().unwrap().is_none());
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
