//! The print stream, read back: what is on which page, what is shared, and what a piece may not do.
#![expect(clippy::unwrap_used, reason = "helpers of tests unwrap as tests do")]

mod support;

use std::collections::BTreeMap;

use lopdf::content::Content;
use lopdf::{Dictionary, Document, Object, ObjectId, Stream, dictionary};
use print::address_block::LineFault;
use print::assemble::{AssembleError, Assembler, Certified, Piece, PieceRow, Totals};
use print::code128::ArticleDigits;
use print::imb::Imb;
use print::layout::Layout;
use print::stationery::{Envelope, Fold, PaperSize, Placement, Sides, Stationery, Stock};
use proptest::prelude::*;
use support::Letter;

fn lines(text: &str) -> Vec<String> {
    text.split('/').map(str::to_owned).collect()
}

/// A piece to be changed by a test.
struct Parts {
    account: &'static str,
    sender: Vec<String>,
    recipient: Vec<String>,
    imb: Imb,
    job: String,
    document: Vec<u8>,
    impressions: u32,
}

fn parts(letter: Letter) -> Parts {
    let impressions = letter.pages.len() as u32;
    Parts {
        account: "acct_1",
        sender: lines("Parish Assessor/1300 Perdido St/New Orleans LA 70112"),
        recipient: lines("JOSÉ ÅKESSON/1600 S ELM ST/NEW ORLEANS LA 70113-1234"),
        imb: Imb::encode("00270902345678000001", "70113123400").unwrap(),
        job: "job_7".to_owned(),
        document: letter.bytes(),
        impressions,
    }
}

impl Parts {
    fn piece(&self, number: u32) -> Piece<'_> {
        Piece {
            account: self.account,
            sender: &self.sender,
            recipient: &self.recipient,
            imb: &self.imb,
            endorsement: None,
            certified: None,
            job: &self.job,
            number,
            document: &self.document,
            impressions: Some(self.impressions),
            placement: Placement::Cover,
            sides: Sides::Duplex,
            perforated: false,
            return_envelope: false,
        }
    }
}

/// A finished print stream.
struct Printed {
    bytes: Vec<u8>,
    rows: Vec<PieceRow>,
    totals: Totals,
    document: Document,
    pages: Vec<ObjectId>,
}

fn print(pieces: &[Parts]) -> Printed {
    let mut assembler = Assembler::new(Vec::new(), &Stationery::default()).unwrap();
    let rows = pieces.iter().zip(1..).map(|(parts, number)| assembler.add(&parts.piece(number)).unwrap()).collect();
    Printed::read(assembler.finish().unwrap(), rows)
}

fn refusal(parts: &Parts) -> AssembleError {
    Assembler::new(Vec::new(), &Stationery::default()).unwrap().add(&parts.piece(1)).unwrap_err()
}

impl Printed {
    fn read((bytes, totals): (Vec<u8>, Totals), rows: Vec<PieceRow>) -> Self {
        let document = Document::load_mem(&bytes).unwrap();
        assert!(document.xref_recovery.is_none());
        let pages = document.get_pages().into_values().collect();
        Self { bytes, rows, totals, document, pages }
    }

    /// The lines of text on a page, read back through the font's own map.
    fn text(&self, page: usize) -> Vec<String> {
        let font = self.page(page).get(b"Resources").unwrap().as_dict().unwrap().get(b"Font").unwrap();
        let font = font.as_dict().unwrap().get(b"F").unwrap().as_reference().unwrap();
        let map = self.document.get_dictionary(font).unwrap().get(b"ToUnicode").unwrap().as_reference().unwrap();
        let map = self.document.get_object(map).unwrap().as_stream().unwrap().content.clone();
        let map = String::from_utf8(map).unwrap();
        let letters: BTreeMap<&str, char> = map
            .lines()
            .filter_map(|line| {
                let (glyph, letter) = line.strip_prefix('<')?.strip_suffix('>')?.split_once("><")?;
                Some((glyph, char::from_u32(u32::from_str_radix(letter, 16).ok()?)?))
            })
            .collect();
        self.content(page)
            .lines()
            .filter_map(|line| line.split_once('<')?.1.strip_suffix("> Tj"))
            .map(|hex| (0..hex.len()).step_by(4).map(|at| letters[&hex[at..at + 4]]).collect())
            .collect()
    }

    fn page(&self, page: usize) -> &Dictionary {
        self.document.get_dictionary(self.pages[page - 1]).unwrap()
    }

    /// The operators of a page itself, not of the forms it draws.
    fn content(&self, page: usize) -> String {
        let content = self.document.get_page_content_with_limit(self.pages[page - 1], 1 << 20).unwrap();
        String::from_utf8(content).unwrap()
    }

    fn size(&self, page: usize) -> Vec<f32> {
        let media = self.page(page).get(b"MediaBox").unwrap().as_array().unwrap();
        media.iter().map(|side| side.as_float().unwrap()).collect()
    }

    fn form(&self, page: usize, name: &str) -> (ObjectId, &Stream) {
        let resources = self.page(page).get(b"Resources").unwrap().as_dict().unwrap();
        let forms = resources.get(b"XObject").unwrap().as_dict().unwrap();
        let id = forms.get(name.as_bytes()).unwrap().as_reference().unwrap();
        (id, self.document.get_object(id).unwrap().as_stream().unwrap())
    }

    /// The sheet mark of a page, read from its drawing, which is in units of a module.
    fn mark(&self, page: usize) -> Option<String> {
        let content = self.content(page);
        let (before, mark) = content.rsplit_once(" cm 1 g 0 0 ")?;
        let place: Vec<f64> = before.rsplit_once("q ")?.1.split(' ').map(|number| number.parse().unwrap()).collect();
        assert_eq!(place, [0.96, 0.0, 0.0, 0.96, 13.44, 13.44], "a module is 8/600 inches, and one is clear space");
        let side = mark.split_once(' ')?.0.parse::<usize>().ok()? - 2;
        let mut pixels = vec![false; side * side];
        for [left, bottom, width, _] in rectangles(mark).into_iter().map(|run| run.map(|number| number as usize)) {
            // Rows count from the top.
            pixels[(side - bottom) * side + left - 1..][..width].fill(true);
        }
        String::from_utf8(datamatrix::DataMatrix::decode(&pixels, side).ok()?).ok()
    }

    /// The document parts: the pages each starts and ends on, from 1, and its metadata.
    fn parts(&self) -> Vec<(u64, u64, &Dictionary)> {
        let catalog = self.document.catalog().unwrap();
        let follow =
            |dictionary: &Dictionary, key: &str| dictionary.get(key.as_bytes()).unwrap().as_reference().unwrap();
        let at = |id: ObjectId| self.document.get_dictionary(id).unwrap();
        let root = follow(catalog, "DPartRoot");
        let node = follow(at(root), "DPartRootNode");
        assert_eq!(follow(at(node), "Parent"), root);
        let parts = at(node).get(b"DParts").unwrap().as_array().unwrap()[0].as_array().unwrap();
        let mut pages = self.pages.iter().zip(1u64..);
        parts
            .iter()
            .map(|part| {
                let id = part.as_reference().unwrap();
                assert_eq!(follow(at(id), "Parent"), node);
                let (start, end) = (follow(at(id), "Start"), follow(at(id), "End"));
                let (first, number) = pages.next().unwrap();
                assert_eq!((*first, follow(at(start), "DPart")), (start, id));
                let mut last = (*first, number);
                while last.0 != end {
                    let (page, number) = pages.next().unwrap();
                    assert_eq!(follow(at(*page), "DPart"), id);
                    last = (*page, number);
                }
                (number, last.1, at(id).get(b"DPM").unwrap().as_dict().unwrap())
            })
            .collect()
    }
}

fn rectangles(content: &str) -> Vec<[f64; 4]> {
    content
        .lines()
        .filter_map(|line| line.strip_suffix(" re"))
        .map(|numbers| {
            let numbers: Vec<f64> = numbers.split(' ').map(|number| number.parse().unwrap()).collect();
            numbers.try_into().unwrap()
        })
        .collect()
}

#[test]
fn a_piece_is_its_cover_sheet_and_its_document_on_whole_sheets() {
    let printed = print(&[parts(Letter::of(1)), parts(Letter::of(2)), parts(Letter::of(3))]);
    let places: Vec<_> = printed.rows.iter().map(|row| (row.piece, row.first_page, row.pages, row.sheets)).collect();
    assert_eq!(places, [(1, 1, 4, 2), (2, 5, 4, 2), (3, 9, 6, 3)]);
    assert_eq!(printed.pages.len(), 14);
    let Totals { pages, sheets, pieces, bytes } = printed.totals;
    assert_eq!((pages, sheets, pieces, bytes), (14, 7, 3, printed.bytes.len() as u64));
}

#[test]
fn backs_of_covers_and_fillers_are_blank() {
    let printed = print(&[parts(Letter::of(1))]);
    let blank: Vec<bool> = (1..=4).map(|page| printed.content(page).is_empty()).collect();
    assert_eq!(blank, [false, true, false, true]);
}

#[test]
fn rows_cover_the_bytes_between_the_font_and_the_end_without_a_gap() {
    let printed = print(&[parts(Letter::of(1)), parts(Letter::of(2))]);
    let [first, second] = &printed.rows[..] else { panic!("two rows") };
    assert_eq!(first.offset + first.length, second.offset);
    for row in &printed.rows {
        let start = &printed.bytes[row.offset as usize..][..20];
        assert!(String::from_utf8_lossy(start).contains(" 0 obj\n"), "{start:?}");
        assert!(printed.bytes[..(row.offset + row.length) as usize].ends_with(b"endobj\n"));
    }
}

#[test]
fn the_front_of_every_sheet_has_its_mark_and_no_back_has_one() {
    let printed = print(&[parts(Letter::of(1)), parts(Letter::of(3))]);
    let marks: Vec<_> = (5..=10).map(|page| printed.mark(page)).collect();
    let mark = |text: &str| Some(text.to_owned());
    assert_eq!(marks, [mark("job_7 2 1/3"), None, mark("job_7 2 2/3"), None, mark("job_7 2 3/3"), None]);
}

#[test]
fn the_bars_on_the_cover_read_back_as_the_digits_of_the_piece() {
    let piece = parts(Letter::of(1));
    let printed = print(std::slice::from_ref(&piece));
    let bars = &rectangles(&printed.content(1))[..65];
    let lowest = bars.iter().map(|bar| bar[1]).fold(f64::INFINITY, f64::min);
    let highest = bars.iter().map(|bar| bar[1] + bar[3]).fold(0.0, f64::max);
    let letters: String = bars
        .iter()
        .map(|[_, bottom, _, height]| match (bottom - lowest < 0.1, highest - (bottom + height) < 0.1) {
            (false, false) => 'T',
            (true, false) => 'D',
            (false, true) => 'A',
            (true, true) => 'F',
        })
        .collect();
    assert_eq!(Imb::decode(&letters).unwrap(), (piece.imb.tracking().to_owned(), piece.imb.routing().to_owned()));
}

#[test]
fn the_bars_have_the_dimensions_of_the_specification_and_are_always_visible() {
    let printed = print(&[parts(Letter::of(1))]);
    let bars = &rectangles(&printed.content(1))[..65];
    for pair in bars.windows(2) {
        let pitch = 72.0 / (pair[1][0] - pair[0][0]);
        assert!((20.0..=24.01).contains(&pitch), "{pitch}");
    }
    for [_, _, width, height] in bars {
        assert!((0.015..=0.025).contains(&(width / 72.0)));
        let inches = height / 72.0;
        let tracker = (0.039..=0.057).contains(&inches);
        let half = (0.082..=0.111).contains(&inches);
        let full = (0.125..=0.165).contains(&inches);
        assert!(tracker || half || full, "{inches}");
    }
    let inches = |points: f64| points / 72.0;
    let (left, right) = (inches(bars[0][0]), inches(bars[64][0] + bars[64][2]));
    assert!(left >= 0.625 + 0.125 && right <= 3.625 - 0.125, "{left} {right}");
    let top = bars.iter().map(|bar| inches(792.0 - bar[1] - bar[3])).fold(f64::INFINITY, f64::min);
    let bottom = bars.iter().map(|bar| inches(792.0 - bar[1])).fold(0.0, f64::max);
    assert!(top >= 2.125 + 0.028 && bottom <= 2.667 - 0.028 + 0.001, "{top} {bottom}");
}

#[test]
fn the_text_of_the_cover_can_be_read_back_through_the_embedded_font() {
    let piece = parts(Letter::of(1));
    let printed = print(std::slice::from_ref(&piece));
    assert_eq!(printed.text(1), [piece.sender, piece.recipient, vec!["job_7 1 sheet 1/2".to_owned()]].concat());
}

/// Prints one piece as a test changes it.
fn print_one(parts: &Parts, stationery: &Stationery, change: impl for<'a> FnOnce(Piece<'a>) -> Piece<'a>) -> Printed {
    let mut assembler = Assembler::new(Vec::new(), stationery).unwrap();
    let row = assembler.add(&change(parts.piece(1))).unwrap();
    Printed::read(assembler.finish().unwrap(), vec![row])
}

#[test]
fn without_a_cover_sheet_addresses_and_barcode_are_on_the_first_page_and_on_no_other() {
    let piece = parts(Letter::of(3));
    let printed = print_one(&piece, &Stationery::default(), |piece| Piece { placement: Placement::FirstPage, ..piece });
    let row = &printed.rows[0];
    assert_eq!((row.sheets, row.pages, row.first_page, row.last_page), (2, 4, 1, 4));
    let own = |line: &str| vec![line.to_owned()];
    assert_eq!(printed.text(1), [piece.sender, piece.recipient, own("job_7 1 sheet 1/2")].concat());
    assert_eq!(rectangles(&printed.content(1)).iter().filter(|bar| (bar[2] - 1.44).abs() < 0.01).count(), 65);
    assert!(printed.content(1).find(" cm /P Do Q").unwrap() < printed.content(1).find("BT").unwrap(), "over the page");
    assert_eq!(printed.text(3), own("job_7 1 sheet 2/2"));
    assert!(printed.content(2).trim_end().ends_with("/P Do Q") && printed.content(4).is_empty());
}

#[test]
fn printed_on_fronts_only_every_back_is_blank() {
    let piece = parts(Letter::of(3));
    for (placement, sheets) in [(Placement::Cover, 4), (Placement::FirstPage, 3)] {
        let printed =
            print_one(&piece, &Stationery::default(), |piece| Piece { sides: Sides::FrontOnly, placement, ..piece });
        assert_eq!((printed.rows[0].sheets, printed.pages.len()), (sheets, 2 * sheets as usize));
        for page in 1..=printed.pages.len() {
            assert_eq!(printed.content(page).is_empty(), page % 2 == 0, "{page}");
            assert_eq!(printed.mark(page).is_some(), page % 2 == 1, "{page}");
        }
    }
}

#[test]
fn an_endorsement_is_printed_below_the_return_address() {
    let piece = parts(Letter::of(1));
    let printed = print_one(&piece, &Stationery::default(), |piece| Piece {
        endorsement: Some("Return Service Requested"),
        ..piece
    });
    assert_eq!(printed.text(1)[3], "Return Service Requested");
    let mut assembler = Assembler::new(Vec::new(), &Stationery::default()).unwrap();
    let error = assembler.add(&Piece { endorsement: Some("陳"), ..piece.piece(1) }).unwrap_err();
    assert!(matches!(error, AssembleError::Endorsement(LineFault::NoGlyph('陳'))), "{error:?}");
}

#[test]
fn the_postal_style_changes_the_address_block_and_nothing_else() {
    let mut piece = parts(Letter::of(1));
    piece.sender[0] = "Parish Assessor, No. 1".to_owned();
    piece.recipient[0] = "José O'Brien, Jr.".to_owned();
    let stationery = Stationery { usps_style: true, ..Stationery::default() };
    let text = print_one(&piece, &stationery, |piece| piece).text(1);
    assert_eq!((text[0].as_str(), text[3].as_str()), ("Parish Assessor, No. 1", "JOSÉ OBRIEN JR"));
    assert_eq!(print(&[piece]).text(1)[3], "José O'Brien, Jr.");
}

#[test]
fn a_letter_with_a_combining_accent_is_printed_as_one_glyph() {
    let mut piece = parts(Letter::of(1));
    piece.recipient[0] = "JOSE\u{301}".to_owned();
    assert_eq!(print(&[piece]).text(1)[3], "JOSÉ");
}

#[test]
fn above_the_fold_limit_a_piece_goes_flat_and_its_cover_is_laid_out_for_that() {
    let printed = print(&[parts(Letter::of(10)), parts(Letter::of(11))]);
    let made: Vec<_> = printed.rows.iter().map(|row| (row.sheets, row.envelope, row.fold, row.weight.0)).collect();
    assert_eq!(made, [(6, Envelope::Number10, Fold::Third, 1160), (7, Envelope::Flat9x12, Fold::None, 1770)]);
    let top = |page| {
        let bars = &rectangles(&printed.content(page))[..65];
        bars.iter().map(|bar| (792.0 - bar[1] - bar[3]) / 72.0).fold(f64::INFINITY, f64::min)
    };
    let flat = Layout::flat_9x12();
    let visible = flat.always_visible(&flat.recipient_window);
    assert!(top(1) < 2.667 && top(13) > visible.top && top(13) < visible.bottom(), "{} {}", top(1), top(13));
}

/// A letter whose pages are of these sizes, points.
fn of_sizes(sizes: &[(i64, i64)]) -> Letter {
    let mut letter = Letter::of(sizes.len() as u32);
    for (place, &(width, height)) in sizes.iter().enumerate() {
        let page = letter.pages[place];
        letter.set(page, "MediaBox", vec![0.into(), 0.into(), width.into(), height.into()]);
    }
    letter
}

#[test]
fn the_bars_are_seen_at_every_shift_whatever_the_paper_and_the_envelope() {
    let number = ArticleDigits::parse("9214890234567800000013").unwrap();
    let certified = Some(Certified { number: &number, services: &["RETURN RECEIPT ELECTRONIC"] });
    let legal = [(Envelope::Number10, Fold::Quarter), (Envelope::Flat10x15, Fold::None)];
    let sizes = [
        ((612, 792), PaperSize::Letter, [(Envelope::Number10, Fold::Third), (Envelope::Flat9x12, Fold::None)]),
        ((612, 1008), PaperSize::Legal, legal),
        ((595, 842), PaperSize::A4, [(Envelope::Flat9x12, Fold::None); 2]),
    ];
    for (size, paper, made) in sizes {
        for (pages, (envelope, fold)) in [1, 12].into_iter().zip(made) {
            let piece = parts(of_sizes(&vec![size; pages]));
            for certified in [None, certified] {
                let stationery = Stationery::default();
                let mut assembler = Assembler::new(Vec::new(), &stationery).unwrap();
                let row = assembler.add(&Piece { certified, ..piece.piece(1) }).unwrap();
                let printed = Printed::read(assembler.finish().unwrap(), vec![row]);
                let row = &printed.rows[0];
                assert_eq!((row.paper, row.envelope, row.fold), (paper, envelope, fold));
                assert_eq!(row.weight, stationery.weight(row.sheets, paper, envelope, false));
                let layout = stationery.layout(envelope).holding(paper);
                let bars: Vec<_> =
                    rectangles(&printed.content(1)).into_iter().filter(|bar| (bar[2] - 1.44).abs() < 1e-6).collect();
                assert!(bars.len() >= 65);
                let height = size.1 as f64;
                for (right, down) in [(0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0)] {
                    let seen = layout.seen_at(&layout.recipient_window, right, down);
                    for [left, bottom, width, tall] in &bars[..65] {
                        let (left, right) = (left / 72.0 - 0.125, (left + width) / 72.0 + 0.125);
                        assert!(left >= seen.left - 1e-5 && right <= seen.right() + 1e-5, "{paper:?} {seen:?}");
                        let (top, bottom) = ((height - bottom - tall) / 72.0 - 0.028, (height - bottom) / 72.0 + 0.028);
                        assert!(top >= seen.top - 1e-5 && bottom <= seen.bottom() + 1e-5, "{paper:?} {seen:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn pages_of_two_sizes_and_of_no_size_are_refused() {
    let refused = |sizes: &[(i64, i64)]| refusal(&parts(of_sizes(sizes)));
    let mixed = refused(&[(612, 792), (612, 1008)]);
    assert!(matches!(mixed, AssembleError::MixedSizes(PaperSize::Letter, PaperSize::Legal)), "{mixed:?}");
    let odd = refused(&[(300, 300)]);
    assert!(matches!(odd, AssembleError::PageSize { .. }), "{odd:?}");
    // Turned pages and such as are off by a point are of the same paper.
    print(&[parts(of_sizes(&[(612, 792), (792, 612), (611, 791)]))]);
}

#[test]
fn a_certified_piece_without_a_cover_sheet_is_refused() {
    let piece = parts(Letter::of(1));
    let number = ArticleDigits::parse("9214890234567800000013").unwrap();
    let certified = Some(Certified { number: &number, services: &[] });
    let mut assembler = Assembler::new(Vec::new(), &Stationery::default()).unwrap();
    let refused = assembler.add(&Piece { certified, placement: Placement::FirstPage, ..piece.piece(1) });
    assert!(matches!(refused, Err(AssembleError::CertifiedFirstPage)), "{refused:?}");
}

#[test]
fn the_part_of_a_piece_has_two_sides_for_its_backs_are_in_the_file() {
    let piece = parts(Letter::of(2));
    for sides in [Sides::Duplex, Sides::FrontOnly] {
        let printed = print_one(&piece, &Stationery::default(), |piece| Piece { sides, ..piece });
        let mut node = printed.parts()[0].2;
        for key in ["CIP4_Root", "CIP4_Intent", "CIP4_LayoutIntent"] {
            node = node.get(key.as_bytes()).unwrap().as_dict().unwrap();
        }
        assert_eq!(node.get(b"CIP4_Sides").unwrap().as_name().unwrap(), b"TwoSidedHeadToHead", "{sides:?}");
    }
}

#[test]
fn the_stock_of_every_sheet_is_in_the_row() {
    let piece = parts(Letter::of(5));
    let coloured = Stationery { cover_stock: Stock::Coloured, ..Stationery::default() };
    let stock = |perforated, placement| {
        let printed = print_one(&piece, &coloured, |piece| Piece { perforated, placement, ..piece });
        printed.rows[0].stock.to_string()
    };
    assert_eq!(stock(false, Placement::Cover), "coloured:1 plain:2-4");
    assert_eq!(stock(true, Placement::Cover), "coloured:1 perforated:2 plain:3-4");
    assert_eq!(stock(true, Placement::FirstPage), "perforated:1 plain:2-3");
}

#[test]
fn every_sheet_says_in_words_what_its_mark_says() {
    let printed = print(&[parts(Letter::of(3))]);
    let lines: Vec<_> = [1, 3, 5].map(|page| printed.text(page).pop().unwrap()).to_vec();
    assert_eq!(lines, ["job_7 1 sheet 1/3", "job_7 1 sheet 2/3", "job_7 1 sheet 3/3"]);
}

#[test]
fn perforated_stock_is_in_the_row_and_beside_the_mark_of_its_sheet_and_the_cover_says_which_it_is() {
    let piece = parts(Letter::of(1));
    let mut assembler = Assembler::new(Vec::new(), &Stationery::default()).unwrap();
    let row = assembler.add(&Piece { perforated: true, ..piece.piece(1) }).unwrap();
    assert_eq!(row.stock.to_string(), "plain:1 perforated:2");
    let printed = Printed::read(assembler.finish().unwrap(), vec![row]);
    assert_eq!(printed.text(1).last().unwrap(), "job_7 1 sheet 1/2 PERF 2");
    assert_eq!(printed.text(3).last().unwrap(), "job_7 1 sheet 2/2 PERF");
}

#[test]
fn the_part_of_a_piece_says_what_it_is_made_of_and_not_who_it_is_for() {
    let piece = parts(Letter::of(3));
    let printed = print_one(&piece, &Stationery::default(), |piece| Piece { perforated: true, ..piece });
    let (_, _, metadata) = printed.parts()[0];
    let ours = metadata.get(b"Mailhouse").unwrap().as_dict().unwrap();
    let name = |dictionary: &Dictionary, key: &str| {
        String::from_utf8(dictionary.get(key.as_bytes()).unwrap().as_name().unwrap().to_vec()).unwrap()
    };
    assert_eq!(
        (name(ours, "Job"), name(ours, "Sides"), name(ours, "Fold")),
        ("job_7".into(), "duplex".into(), "third".into())
    );
    assert_eq!(ours.get(b"TrackingCode").unwrap().as_str().unwrap(), piece.imb.tracking().as_bytes());
    assert_eq!(ours.get(b"Envelope").unwrap().as_str().unwrap(), b"#10");
    assert!(!ours.get(b"ReturnEnvelope").unwrap().as_bool().unwrap());
    let media: Vec<_> = ours
        .get(b"Media")
        .unwrap()
        .as_array()
        .unwrap()
        .iter()
        .map(|run| {
            let run = run.as_dict().unwrap();
            let number = |key: &str| run.get(key.as_bytes()).unwrap().as_i64().unwrap();
            assert_eq!(name(run, "Size"), "Letter");
            (name(run, "Stock"), number("FirstSheet"), number("LastSheet"))
        })
        .collect();
    assert_eq!(media, [("plain".into(), 1, 1), ("perforated".into(), 2, 2), ("plain".into(), 3, 3)]);
    let root = metadata.get(b"CIP4_Root").unwrap().as_dict().unwrap();
    assert_eq!(name(root, "CIP4_ExternalID"), "job_7.1");
    let text = format!("{metadata:?}").to_uppercase();
    assert!(!text.contains("KESSON") && !text.contains("ELM") && !text.contains("70113"), "{text}");
}

#[test]
fn an_envelope_for_the_answer_is_weighed_and_the_inserter_told_of_it() {
    let piece = parts(Letter::of(3));
    let stationery = Stationery { return_envelope_weight: 123, ..Stationery::default() };
    let [without, with] =
        [false, true].map(|return_envelope| print_one(&piece, &stationery, |piece| Piece { return_envelope, ..piece }));
    assert_eq!([&without, &with].map(|printed| printed.rows[0].return_envelope), [false, true]);
    assert_eq!(with.rows[0].weight.0, without.rows[0].weight.0 + 123);
    let (_, _, metadata) = with.parts()[0];
    let ours = metadata.get(b"Mailhouse").unwrap().as_dict().unwrap();
    assert!(ours.get(b"ReturnEnvelope").unwrap().as_bool().unwrap());
    let weight = f64::from(ours.get(b"WeightOunces").unwrap().as_float().unwrap());
    assert!((weight - f64::from(with.rows[0].weight.0) / 1000.0).abs() < 1e-6, "{weight}");
}

#[test]
fn the_same_pieces_make_the_same_bytes() {
    let pieces = || [parts(Letter::of(2)), parts(Letter::of(1))];
    assert!(print(&pieces()).bytes == print(&pieces()).bytes);
}

#[test]
fn a_page_that_leaves_the_graphics_state_a_mess_does_not_move_the_mark() {
    let mut letter = Letter::new();
    letter.page_of(b"q q 3 0 0 3 50 50 cm BT /F1 12 Tf 1 0 0 rg (x) Tj");
    letter.page_of(b"Q Q Q 0.1 0 0 0.1 0 0 cm");
    let printed = print(&[parts(letter)]);
    assert_eq!(printed.mark(3).as_deref(), Some("job_7 1 2/2"));
    // Our own saves and restores balance, and nothing of the page's is among them.
    let operations = Content::decode(printed.content(3).as_bytes()).unwrap().operations;
    let count = |operator: &str| operations.iter().filter(|operation| operation.operator == operator).count();
    // The form and the mark each have theirs; the one line of text is ours, beside the mark.
    assert_eq!((count("q"), count("Q"), count("Tj")), (2, 2, 1));
}

#[test]
fn content_streams_are_copied_without_being_decompressed() {
    let mut letter = Letter::of(1);
    let packed = b"not a deflated stream at all".to_vec();
    let stream = Stream::new(dictionary! { "Filter" => "FlateDecode" }, packed.clone());
    let stream = letter.document.add_object(stream);
    letter.set(letter.pages[0], "Contents", stream);
    let printed = print(&[parts(letter)]);
    assert_eq!(printed.form(3, "P").1.content, packed);
}

#[test]
fn content_in_several_streams_is_joined_with_a_gap_and_packed_again() {
    let mut letter = Letter::of(1);
    let first = letter.document.add_object(Stream::new(dictionary! {}, b"1 0 0".to_vec()));
    let mut second = Stream::new(dictionary! {}, [b"rg ".repeat(30)].concat());
    second.compress().unwrap();
    let second = letter.document.add_object(second);
    letter.set(letter.pages[0], "Contents", vec![first.into(), second.into()]);
    let printed = print(&[parts(letter)]);
    let joined = &printed.form(3, "P").1;
    assert!(joined.decompressed_content().unwrap().starts_with(b"1 0 0\nrg rg "));
    assert!(joined.content.len() < 60, "{} bytes", joined.content.len());
}

/// Where a corner of what is seen of a page lands on its sheet.
fn land(matrix: &[f64], (x, y): (f64, f64)) -> (f64, f64) {
    (matrix[0] * x + matrix[2] * y + matrix[4], matrix[1] * x + matrix[3] * y + matrix[5])
}

#[test]
fn every_rotation_puts_the_seen_part_of_the_page_on_an_upright_sheet() {
    // The corner that is at the bottom left of the sheet when the page has been turned clockwise.
    let corners = [(0, (10.0, 20.0)), (90, (316.0, 20.0)), (180, (316.0, 524.0)), (270, (10.0, 524.0))];
    for (turn, corner) in corners {
        let mut letter = Letter::of(1);
        let page = letter.pages[0];
        letter.set(page, "MediaBox", vec![0.into(), 0.into(), 400.into(), 600.into()]);
        letter.set(page, "CropBox", vec![10.into(), 20.into(), 316.into(), 524.into()]);
        letter.set(page, "UserUnit", 2);
        letter.set(page, "Rotate", turn);
        let printed = print(&[parts(letter)]);
        assert_eq!(printed.size(3), [0.0, 0.0, 612.0, 1008.0], "{turn}");
        assert_eq!(printed.size(1), [0.0, 0.0, 612.0, 1008.0], "the cover is upright");
        let content = printed.content(3);
        let matrix = content.strip_prefix("q ").unwrap().split_once(" cm").unwrap().0;
        let matrix: Vec<f64> = matrix.split(' ').map(|number| number.parse().unwrap()).collect();
        // A page that is wider than high is turned clockwise, so that what is its left bottom corner is at the left top.
        let expected = if turn % 180 == 0 { (0.0, 0.0) } else { (0.0, 1008.0) };
        assert_eq!(land(&matrix, corner), expected, "{turn}");
    }
}

#[test]
fn an_annotation_is_drawn_where_its_rectangle_is_and_hidden_ones_are_not() {
    let mut letter = Letter::of(1);
    let form = dictionary! {
        "Type" => "XObject", "Subtype" => "Form",
        "BBox" => vec![0.into(), 0.into(), 10.into(), 20.into()],
        "Matrix" => vec![0.into(), 1.into(), (-1).into(), 0.into(), 0.into(), 0.into()],
    };
    let form = letter.document.add_object(Stream::new(form, b"0 0 10 20 re f".to_vec()));
    let annotation = |flags: i64| {
        Object::from(dictionary! {
            "Type" => "Annot", "Subtype" => "Stamp", "F" => flags,
            "Rect" => vec![100.into(), 200.into(), 140.into(), 230.into()],
            "AP" => dictionary! { "N" => form },
        })
    };
    letter.set(letter.pages[0], "Annots", vec![annotation(2), annotation(0), annotation(4), annotation(6)]);
    let printed = print(&[parts(letter)]);
    let content = printed.content(3);
    // The box turned by its matrix is -20..0 by 0..10; it becomes 100..140 by 200..230.
    assert!(content.contains("2 0 0 3 140 200 cm /A0 Do Q"), "{content}");
    assert!(!content.contains("/A1"), "{content}");
    assert_eq!(printed.form(3, "A0").1.content, b"0 0 10 20 re f");
}

#[test]
fn an_appearance_that_does_not_say_that_it_is_a_form_is_drawn_as_one_with_the_resources_of_its_page() {
    let mut letter = Letter::of(1);
    let looks = dictionary! { "BBox" => vec![0.into(), 0.into(), 10.into(), 20.into()] };
    let looks = letter.document.add_object(Stream::new(looks, b"BT /F1 9 Tf (x) Tj ET".to_vec()));
    let annotation = Object::from(dictionary! {
        "Type" => "Annot", "Subtype" => "Stamp", "F" => 4,
        "Rect" => vec![100.into(), 200.into(), 140.into(), 230.into()],
        "AP" => dictionary! { "N" => looks },
    });
    letter.set(letter.pages[0], "Annots", vec![annotation]);
    let printed = print(&[parts(letter)]);
    let form = printed.form(3, "A0").1;
    assert_eq!(form.dict.get(b"Subtype").unwrap().as_name().unwrap(), b"Form");
    let resources = form.dict.get(b"Resources").unwrap().as_reference().unwrap();
    assert!(printed.document.get_dictionary(resources).unwrap().has(b"Font"));
}

#[test]
fn resources_that_are_lent_are_written_once_for_all_that_take_them() {
    let mut letter = Letter::of(1);
    let forms = lopdf::Dictionary::from_iter((0..50).map(|number| {
        let form = dictionary! {
            "Type" => "XObject", "Subtype" => "Form",
            "BBox" => vec![0.into(), 0.into(), 10.into(), 20.into()],
        };
        let form = letter.document.add_object(Stream::new(form, format!("0 0 {number} 9 re f").into_bytes()));
        (format!("Form{number}"), Object::from(form))
    }));
    letter.set(letter.pages[0], "Resources", dictionary! { "XObject" => forms });
    let printed = print(&[parts(letter)]);
    let page = printed.form(3, "P").1.dict.get(b"Resources").unwrap().as_reference().unwrap();
    let drawn = printed.document.get_dictionary(page).unwrap().get(b"XObject").unwrap().as_dict().unwrap();
    assert_eq!(drawn.len(), 50);
    for (_, form) in drawn {
        let form = printed.document.get_object(form.as_reference().unwrap()).unwrap().as_stream().unwrap();
        assert_eq!(form.dict.get(b"Resources").unwrap().as_reference().unwrap(), page);
    }
}

#[test]
fn large_resources_that_pages_inherit_are_written_once() {
    let written = |pages: usize| {
        let document = support::hoards::resources_inherited_by_pages(pages);
        let mut letter = parts(Letter::of(1));
        letter.document = document;
        letter.impressions = pages as u32;
        print(&[letter]).bytes.len()
    };
    let (one, many) = (written(1), written(40));
    assert!(many < one + 100_000, "{one} bytes for one page, {many} for 40");
}

#[test]
fn what_has_no_resources_has_those_of_its_page() {
    let mut letter = Letter::of(2);
    let other =
        letter.document.add_object(dictionary! { "Type" => "Font", "Subtype" => "Type1", "BaseFont" => "Courier" });
    let form = dictionary! {
        "Type" => "XObject", "Subtype" => "Form",
        "BBox" => vec![0.into(), 0.into(), 10.into(), 20.into()],
    };
    let form = letter.document.add_object(Stream::new(form, b"BT /F1 9 Tf (x) Tj ET".to_vec()));
    let letters = dictionary! { "Type" => "Font", "Subtype" => "Type3", "CharProcs" => dictionary! {} };
    let letters = letter.document.add_object(letters);
    let annotation = Object::from(dictionary! {
        "Type" => "Annot", "Subtype" => "Stamp", "F" => 4,
        "Rect" => vec![100.into(), 200.into(), 140.into(), 230.into()],
        "AP" => dictionary! { "N" => form },
    });
    for (place, font) in [letter.font, other].into_iter().enumerate() {
        let page = letter.pages[place];
        letter.set(page, "Annots", vec![annotation.clone()]);
        let fonts = dictionary! { "F1" => font, "F3" => letters };
        // The form is in the resources that it takes, too.
        letter.set(page, "Resources", dictionary! { "Font" => fonts, "XObject" => dictionary! { "Fm" => form } });
    }
    let printed = print(&[parts(letter)]);
    let fonts = |dictionary: &Dictionary| {
        let resources = dictionary.get(b"Resources").unwrap().as_reference().unwrap();
        printed.document.get_dictionary(resources).unwrap().get(b"Font").unwrap().as_dict().unwrap().clone()
    };
    let base = |fonts: &Dictionary| {
        let font = printed.document.get_dictionary(fonts.get(b"F1").unwrap().as_reference().unwrap()).unwrap();
        String::from_utf8(font.get(b"BaseFont").unwrap().as_name().unwrap().to_vec()).unwrap()
    };
    for (page, name) in [(3, "Helvetica"), (4, "Courier")] {
        let stamp = fonts(&printed.form(page, "A0").1.dict);
        assert_eq!(base(&stamp), name);
        let type3 = stamp.get(b"F3").unwrap().as_reference().unwrap();
        assert_eq!(base(&fonts(printed.document.get_dictionary(type3).unwrap())), name);
    }
}

#[test]
fn what_was_drawn_on_a_page_without_resources_has_those_of_the_next() {
    let mut letter = Letter::of(2);
    let form = dictionary! {
        "Type" => "XObject", "Subtype" => "Form",
        "BBox" => vec![0.into(), 0.into(), 10.into(), 20.into()],
    };
    let form = letter.document.add_object(Stream::new(form, b"BT /F1 9 Tf (x) Tj ET".to_vec()));
    let annotation = Object::from(dictionary! {
        "Type" => "Annot", "Subtype" => "Stamp", "F" => 4,
        "Rect" => vec![100.into(), 200.into(), 140.into(), 230.into()],
        "AP" => dictionary! { "N" => form },
    });
    for page in letter.pages.clone() {
        letter.set(page, "Annots", vec![annotation.clone()]);
    }
    let first = letter.pages[0];
    letter.document.get_dictionary_mut(first).unwrap().remove(b"Resources");
    let printed = print(&[parts(letter)]);
    let has_resources = |page| printed.form(page, "A0").1.dict.has(b"Resources");
    assert_eq!([3, 4].map(has_resources), [false, true]);
}

#[test]
fn a_large_picture_keeps_no_form_from_being_copied_for_each_page() {
    let mut letter = Letter::of(40);
    let picture = dictionary! {
        "Type" => "XObject", "Subtype" => "Image", "Width" => 2000, "Height" => 4000, "BitsPerComponent" => 8,
        "ColorSpace" => "DeviceGray",
    };
    let picture = letter.document.add_object(Stream::new(picture, vec![7; 8_000_000]));
    let form = dictionary! {
        "Type" => "XObject", "Subtype" => "Form",
        "BBox" => vec![0.into(), 0.into(), 10.into(), 20.into()],
    };
    let form = letter.document.add_object(Stream::new(form, b"0 0 9 9 re f".to_vec()));
    for (number, page) in (1..).zip(letter.pages.clone()) {
        let drawn = dictionary! { "Picture" => picture, "Form" => form };
        letter.set(page, "Resources", dictionary! { "XObject" => drawn, "Own" => number });
    }
    let printed = print(&[parts(letter)]);
    assert!(printed.bytes.len() < 9_000_000, "{} bytes", printed.bytes.len());
}

#[test]
fn print_streams_of_other_pieces_have_other_identifiers() {
    let id = |tracking: &str| {
        let imb = Imb::encode(tracking, "70113123400").unwrap();
        let printed = print(&[Parts { imb, ..parts(Letter::of(1)) }]);
        (
            printed.bytes.len(),
            printed.document.trailer.get(b"ID").unwrap().as_array().unwrap()[0].as_str().unwrap().to_vec(),
        )
    };
    let (first, second) = (id("00270902345678000001"), id("00270902345678000010"));
    assert_ne!(first.1, second.1);
    assert_eq!(first.1, id("00270902345678000001").1);
}

#[test]
fn only_what_the_pages_reach_is_copied() {
    let mut letter = Letter::of(1);
    letter.document.add_object(Stream::new(dictionary! {}, b"unreachable".to_vec()));
    letter.close().set("Secret", Object::string_literal("of the catalog"));
    let page = letter.pages[0];
    letter.set(page, "PieceInfo", Object::string_literal("of the page"));
    let printed = print(&[parts(letter)]);
    let text = String::from_utf8_lossy(&printed.bytes);
    assert!(!text.contains("unreachable") && !text.contains("of the catalog") && !text.contains("of the page"));
}

#[test]
fn references_to_the_page_tree_become_null() {
    let mut letter = Letter::of(2);
    let odd = dictionary! { "Up" => letter.pages[1], "Root" => letter.root };
    let resources = dictionary! { "Properties" => dictionary! { "P1" => odd } };
    letter.set(letter.pages[0], "Resources", resources);
    let printed = print(&[parts(letter)]);
    let resources = printed.form(3, "P").1.dict.get(b"Resources").unwrap().as_dict().unwrap();
    let odd = resources.get(b"Properties").unwrap().as_dict().unwrap().get(b"P1").unwrap().as_dict().unwrap();
    assert_eq!((odd.get(b"Up").unwrap(), odd.get(b"Root").unwrap()), (&Object::Null, &Object::Null));
}

#[test]
fn objects_that_refer_to_each_other_keep_doing_so() {
    let mut letter = Letter::of(1);
    let (a, b) = (letter.document.new_object_id(), letter.document.new_object_id());
    letter.document.objects.insert(a, dictionary! { "Name" => "a", "Other" => b }.into());
    letter.document.objects.insert(b, dictionary! { "Name" => "b", "Other" => a, "Self" => b }.into());
    letter.set(letter.pages[0], "Resources", dictionary! { "Properties" => dictionary! { "P1" => a } });
    let printed = print(&[parts(letter)]);
    let follow = |node: &Dictionary, key: &str| node.get(key.as_bytes()).unwrap().as_reference().unwrap();
    let resources = printed.form(3, "P").1.dict.get(b"Resources").unwrap().as_dict().unwrap();
    let a = follow(resources.get(b"Properties").unwrap().as_dict().unwrap(), "P1");
    let b = follow(printed.document.get_dictionary(a).unwrap(), "Other");
    let node = printed.document.get_dictionary(b).unwrap();
    assert_eq!((follow(node, "Other"), follow(node, "Self")), (a, b));
}

#[test]
fn a_chain_of_a_hundred_thousand_references_is_copied() {
    let mut letter = Letter::of(1);
    let mut last = letter.document.add_object(dictionary! { "End" => true });
    for _ in 0..100_000 {
        last = letter.document.add_object(dictionary! { "Next" => last });
    }
    letter.set(letter.pages[0], "Resources", dictionary! { "Properties" => dictionary! { "P1" => last } });
    assert!(print(&[parts(letter)]).document.objects.len() > 100_000);
}

fn with_logo(account: &'static str, text: &str) -> Parts {
    let mut letter = Letter::new();
    let page = letter.page(text);
    let logo = dictionary! { "Type" => "XObject", "Subtype" => "Image", "Width" => 1, "Height" => 1 };
    let logo = letter.document.add_object(Stream::new(logo, b"the logo".repeat(10)));
    letter.set(page, "Resources", dictionary! { "XObject" => dictionary! { "Logo" => logo } });
    Parts { account, ..parts(letter) }
}

fn logos(printed: &Printed) -> usize {
    let logo = |object: &&Object| object.as_stream().is_ok_and(|stream| stream.content.starts_with(b"the logo"));
    printed.document.objects.values().filter(logo).count()
}

#[test]
fn equal_objects_are_shared_within_an_account_and_never_between_two() {
    assert_eq!(logos(&print(&[with_logo("acct_1", "a"), with_logo("acct_1", "b")])), 1);
    assert_eq!(logos(&print(&[with_logo("acct_1", "a"), with_logo("acct_2", "b")])), 2);
}

#[test]
fn equal_pages_of_an_account_are_one_form() {
    let printed = print(&[with_logo("acct_1", "a"), with_logo("acct_1", "a"), with_logo("acct_1", "b")]);
    assert_eq!(printed.form(3, "P").0, printed.form(7, "P").0);
    assert_ne!(printed.form(3, "P").0, printed.form(11, "P").0);
}

#[test]
fn a_document_with_another_number_of_pages_than_accepted_is_not_added() {
    let piece = Parts { impressions: 3, ..parts(Letter::of(2)) };
    assert!(matches!(refusal(&piece), AssembleError::Impressions { found: 2, accepted: 3 }));
}

#[test]
fn lines_that_do_not_fit_are_refused_by_their_number() {
    let mut piece = parts(Letter::of(1));
    piece.recipient[1] = "W".repeat(40);
    let error = refusal(&piece);
    assert!(
        matches!(error, AssembleError::Line { block: "address block", line: 2, fault: LineFault::TooWide { .. } }),
        "{error:?}"
    );
    assert!(!error.to_string().contains("WW"));
    let piece = Parts { sender: lines("a/b/c/d/e/f"), ..parts(Letter::of(1)) };
    assert!(matches!(refusal(&piece), AssembleError::Lines { block: "return address", lines: 6, .. }));
    let piece = Parts { job: "a b".to_owned(), ..parts(Letter::of(1)) };
    assert!(matches!(refusal(&piece), AssembleError::Mark));
}

#[test]
fn a_piece_that_is_refused_leaves_the_print_stream_as_it_was() {
    let good = parts(Letter::of(1));
    let bad = Parts { impressions: 9, ..parts(Letter::of(1)) };
    let broken = Parts { document: b"%PDF-1.4 no more".to_vec(), ..parts(Letter::of(1)) };
    let mut assembler = Assembler::new(Vec::new(), &Stationery::default()).unwrap();
    assembler.add(&good.piece(1)).unwrap();
    assembler.add(&bad.piece(2)).unwrap_err();
    assembler.add(&broken.piece(2)).unwrap_err();
    assembler.add(&good.piece(2)).unwrap();
    let (bytes, _) = assembler.finish().unwrap();
    assert!(bytes == print(&[parts(Letter::of(1)), parts(Letter::of(1))]).bytes);
}

#[test]
fn the_output_can_be_drained_after_each_piece() {
    let pieces = [parts(Letter::of(1)), parts(Letter::of(3))];
    let mut assembler = Assembler::new(Vec::new(), &Stationery::default()).unwrap();
    let mut drained = Vec::new();
    for (piece, number) in pieces.iter().zip(1..) {
        assembler.add(&piece.piece(number)).unwrap();
        drained.append(assembler.writer_mut());
    }
    drained.extend(assembler.finish().unwrap().0);
    assert!(drained == print(&pieces).bytes);
}

#[test]
fn an_output_that_fails_is_an_io_error() {
    struct Full;
    impl std::io::Write for Full {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            if bytes.len() > 20_000 { Err(std::io::ErrorKind::StorageFull.into()) } else { Ok(bytes.len()) }
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut assembler = Assembler::new(Full, &Stationery::default()).unwrap();
    let piece = parts(Letter::of(1));
    let outcome = (1..100).try_for_each(|number| assembler.add(&piece.piece(number)).map(drop));
    assert!(matches!(outcome, Err(AssembleError::Io(_))), "{outcome:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn whatever_the_pieces_are_their_pages_and_bytes_tile_the_file(
        kinds in prop::collection::vec((1u32..9, any::<bool>(), any::<bool>(), any::<bool>(), 0usize..3), 1..10)
    ) {
        const ACCOUNTS: [&str; 3] = ["acct_1", "acct_2", "acct_3"];
        let print = || {
            let mut assembler = Assembler::new(Vec::new(), &Stationery::default()).unwrap();
            let rows: Vec<PieceRow> = kinds
                .iter()
                .zip(1..)
                .map(|(&(pages, cover, duplex, perforated, account), number)| {
                    let parts = Parts { account: ACCOUNTS[account], ..parts(Letter::of(pages)) };
                    let piece = Piece {
                        placement: if cover { Placement::Cover } else { Placement::FirstPage },
                        sides: if duplex { Sides::Duplex } else { Sides::FrontOnly },
                        perforated,
                        ..parts.piece(number)
                    };
                    assembler.add(&piece).unwrap()
                })
                .collect();
            Printed::read(assembler.finish().unwrap(), rows)
        };
        let printed = print();
        let (mut page, mut byte) = (1, printed.rows[0].offset);
        for (row, &(pages, cover, duplex, perforated, _)) in printed.rows.iter().zip(&kinds) {
            prop_assert_eq!(row.sheets, u32::from(cover) + if duplex { pages.div_ceil(2) } else { pages });
            prop_assert_eq!((row.first_page, row.pages), (page, 2 * row.sheets));
            prop_assert_eq!(row.last_page + 1 - row.first_page, u64::from(row.pages));
            prop_assert_eq!(row.stock.runs().iter().map(|(_, sheets)| sheets).sum::<u32>(), row.sheets);
            prop_assert_eq!((1..=row.sheets).any(|sheet| row.stock.of(sheet) == Some(Stock::Perforated)), perforated);
            prop_assert_eq!(row.envelope == Envelope::Number10, row.sheets <= 6);
            prop_assert_eq!(row.offset, byte);
            page += u64::from(row.pages);
            byte += row.length;
        }
        prop_assert_eq!(printed.totals.pages, printed.pages.len() as u64);
        prop_assert_eq!(printed.totals.pages, 2 * printed.totals.sheets);
        for (place, sheet) in printed.rows.iter().flat_map(|row| (1..=row.sheets).map(move |sheet| (row, sheet))) {
            let page = place.first_page as usize + 2 * (sheet as usize - 1);
            let mark = format!("job_7 {} {sheet}/{}", place.piece, place.sheets);
            prop_assert_eq!(printed.mark(page), Some(mark));
        }
        let parts: Vec<_> = printed.parts().iter().map(|(first, last, _)| (*first, *last)).collect();
        prop_assert_eq!(parts, printed.rows.iter().map(|row| (row.first_page, row.last_page)).collect::<Vec<_>>());
        prop_assert!(printed.bytes == print().bytes);
    }
}

#[test]
fn a_certified_piece_has_its_label_on_the_cover_and_another_has_none() {
    let piece = parts(Letter::of(1));
    let number = ArticleDigits::parse("9214890234567800000013").unwrap();
    let certified = Some(Certified { number: &number, services: &["RETURN RECEIPT ELECTRONIC"] });
    let mut assembler = Assembler::new(Vec::new(), &Stationery::default()).unwrap();
    let rows =
        vec![assembler.add(&Piece { certified, ..piece.piece(1) }).unwrap(), assembler.add(&piece.piece(2)).unwrap()];
    let printed = Printed::read(assembler.finish().unwrap(), rows);
    let label = ["USPS CERTIFIED MAIL", "9214 8902 3456 7800 0000 13", "RETURN RECEIPT ELECTRONIC"];
    let (first, second) = (printed.text(1), printed.text(5));
    assert!(label.iter().all(|line| first.iter().any(|shown| shown == line)), "{first:?}");
    assert!(!label.iter().any(|line| second.iter().any(|shown| shown == line)), "{second:?}");
}

#[test]
fn a_certified_label_that_has_no_room_is_refused_and_nothing_is_written() {
    let piece = parts(Letter::of(1));
    let number = ArticleDigits::parse("9214890234567800000013").unwrap();
    let certified = Some(Certified { number: &number, services: &["ONE"; 9] });
    let mut assembler = Assembler::new(Vec::new(), &Stationery::default()).unwrap();
    let before = assembler.writer_mut().len();
    let refused = assembler.add(&Piece { certified, ..piece.piece(1) });
    assert!(matches!(refused, Err(AssembleError::Layout("certified label"))), "{refused:?}");
    assert_eq!(assembler.writer_mut().len(), before);
}

#[test]
fn resources_that_are_a_stream_are_lent_to_its_page_all_the_same() {
    let mut objects = support::one_page();
    objects[2] = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources 5 0 R>>".to_vec();
    objects.push(b"<</XObject<</X 6 0 R>>/Length 0>>stream\n\nendstream".to_vec());
    objects.push(b"<</Subtype/Form/BBox[0 0 9 9]/Length 12>>stream\n0 0 9 9 re f\nendstream".to_vec());
    let document = support::file(&objects);
    let printed = print(&[Parts { document, impressions: 1, ..parts(Letter::of(1)) }]);
    let (_, form) = printed.form(3, "P");
    let lent = form.dict.get(b"Resources").unwrap().as_reference().unwrap();
    let lent = printed.document.get_dictionary(lent).unwrap().get(b"XObject").unwrap().as_dict().unwrap();
    let drawn = printed.document.get_object(lent.get(b"X").unwrap().as_reference().unwrap()).unwrap();
    assert_eq!(drawn.as_stream().unwrap().content, b"0 0 9 9 re f");
}
