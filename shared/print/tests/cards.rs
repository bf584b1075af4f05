//! Cards on press sheets, drawn and looked at: every card lies in its place, backs behind their fronts, marks outside.
#![expect(clippy::unwrap_used, reason = "helpers of tests unwrap as tests do")]

mod support;

use lopdf::{Document, Object};
use print::assemble::{AssembleError, Assembler, Card, CardRow, Totals};
use print::imb::Imb;
use print::layout::Rect;
use print::press_sheet::{BLEED, CardSize, Imposition, PressSheet};
use print::raster::Raster;
use print::stationery::Stationery;
use support::Letter;

/// A page of a document: its size in inches and its content.
type Page<'a> = (f64, f64, &'a str);

/// A card of 4 by 6 inches with its bleed, and a square of half an inch in the upper left corner of the cut card.
const SQUARE: Page<'_> = (6.25, 4.25, "0 g 9 261 36 36 re f");
const ALL_BLACK: Page<'_> = (6.25, 4.25, "0 g 0 0 450 306 re f");
const BLANK: Page<'_> = (6.25, 4.25, " ");

fn document(pages: &[Page<'_>]) -> Vec<u8> {
    let mut letter = Letter::new();
    for (width, height, content) in pages {
        let page = letter.page_of(content.as_bytes());
        let media: Vec<Object> = [0.0, 0.0, width * 72.0, height * 72.0].map(|side| Object::Real(side as f32)).into();
        letter.set(page, "MediaBox", media);
    }
    letter.bytes()
}

fn recipient() -> Vec<String> {
    ["JOSÉ ÅKESSON", "1600 S ELM ST", "NEW ORLEANS LA 70113-1234"].map(str::to_owned).to_vec()
}

/// Press sheets of so many cards each, of the same document.
fn print(imposition: &Imposition, sheets: &[u32], document: &[u8]) -> (Vec<u8>, Vec<CardRow>, Totals) {
    let recipient = recipient();
    let imb = Imb::encode("00270902345678000001", "70113123400").unwrap();
    let mut assembler = Assembler::new(Vec::new(), &Stationery::default()).unwrap();
    let mut rows = Vec::new();
    let mut numbers = 1..;
    for &count in sheets {
        let cards: Vec<Card<'_>> = numbers
            .by_ref()
            .take(count as usize)
            .map(|number| Card { account: "acct_1", recipient: &recipient, imb: &imb, job: "job_7", number, document })
            .collect();
        rows.extend(assembler.add_cards(imposition, &cards).unwrap());
    }
    let (bytes, totals) = assembler.finish().unwrap();
    (bytes, rows, totals)
}

fn refusal(imposition: &Imposition, documents: &[&[u8]]) -> AssembleError {
    let recipient = recipient();
    let imb = Imb::encode("00270902345678000001", "70113123400").unwrap();
    let mut assembler = Assembler::new(Vec::new(), &Stationery::default()).unwrap();
    let before = assembler.writer_mut().len();
    let cards: Vec<Card<'_>> = documents
        .iter()
        .zip(1..)
        .map(|(document, number)| Card {
            account: "acct_1",
            recipient: &recipient,
            imb: &imb,
            job: "job_7",
            number,
            document,
        })
        .collect();
    let refused = assembler.add_cards(imposition, &cards).unwrap_err();
    assert_eq!(assembler.writer_mut().len(), before);
    refused
}

fn impose(sheet: PressSheet, card: CardSize) -> Imposition {
    sheet.impose(card).unwrap()
}

/// A rectangle that is this much larger on every side, inches.
fn grown(rect: Rect, by: f64) -> Rect {
    Rect { left: rect.left - by, top: rect.top - by, width: rect.width + 2.0 * by, height: rect.height + 2.0 * by }
}

/// Whether two rectangles are the same but for a pixel.
fn near(a: &Rect, b: &Rect) -> bool {
    grown(*a, 0.015).contains(b) && grown(*b, 0.015).contains(a)
}

#[test]
fn rows_say_on_which_sheet_and_at_which_place_a_card_is() {
    let imposition = impose(PressSheet::PRESS_12X18, CardSize::CARD_4X6);
    let (bytes, rows, totals) = print(&imposition, &[4, 3], &document(&[SQUARE, BLANK]));
    let places: Vec<_> = rows.iter().map(|row| (row.piece, row.first_page, row.last_page, row.place)).collect();
    assert_eq!(
        places,
        [(1, 1, 2, 1), (2, 1, 2, 2), (3, 1, 2, 3), (4, 1, 2, 4), (5, 3, 4, 1), (6, 3, 4, 2), (7, 3, 4, 3)]
    );
    assert_eq!(totals, Totals { pages: 4, sheets: 2, pieces: 7, bytes: bytes.len() as u64 });
    assert_eq!(rows[0].offset + rows[0].length, rows[4].offset);
    let read = Document::load_mem(&bytes).unwrap();
    assert!(read.xref_recovery.is_none());
    assert_eq!(read.get_pages().len(), 4);
}

#[test]
fn a_card_is_weighed_by_its_size_in_its_row_and_in_the_part_of_its_press_sheet() {
    let blank = (9.0, 6.0, " ");
    let imposition = impose(PressSheet::PRESS_12X18, CardSize::CARD_6X9);
    let (bytes, rows, _) = print(&imposition, &[2], &document(&[blank]));
    let weight = Stationery::default().weight_of_card(CardSize::CARD_6X9);
    assert_eq!([rows[0].weight, rows[1].weight], [weight; 2]);
    let said = format!("/WeightOunces {weight}>>");
    let text = String::from_utf8_lossy(&bytes);
    assert_eq!((said.as_str(), text.matches(&said).count()), ("/WeightOunces 0.333>>", 2));
}

#[test]
fn the_content_of_every_card_is_in_its_place() {
    let sheets = [PressSheet::LETTER, PressSheet::PRESS_12X18, PressSheet::cut(CardSize::CARD_4X6)];
    for sheet in sheets {
        let imposition = impose(sheet, CardSize::CARD_4X6);
        let (bytes, ..) = print(&imposition, &[imposition.places()], &document(&[SQUARE, SQUARE]));
        let raster = Raster::open(&bytes).unwrap();
        let [front, back] = [0, 1].map(|page| raster.ink(page).unwrap());
        for place in 0..imposition.places() {
            let cell = imposition.front(place);
            let turned = cell.width < cell.height;
            // The upper left corner of a card; that of one with its top to the right is the upper right.
            let left = if turned { cell.right() - 0.5 } else { cell.left };
            let square = Rect { left, top: cell.top, width: 0.5, height: 0.5 };
            assert!(near(&front.within(&cell).unwrap(), &square), "{imposition:?} {place}");
            // On the back a turned card has its top to the left.
            let cell = imposition.back(place);
            let top = if turned { cell.bottom() - 0.5 } else { cell.top };
            let square = Rect { left: cell.left, top, width: 0.5, height: 0.5 };
            assert!(near(&back.within(&grown(square, 0.1)).unwrap(), &square), "{imposition:?} {place}");
        }
    }
}

#[test]
fn what_is_stamped_lies_in_the_clear_zone_of_the_address_side() {
    for (sheet, card) in [
        (PressSheet::LETTER, CardSize::CARD_4X6),
        (PressSheet::PRESS_12X18, CardSize::CARD_6X9),
        (PressSheet::PRESS_12X18, CardSize::CARD_6X11),
    ] {
        let imposition = impose(sheet, card);
        let blank = (card.width, card.height, " ");
        let (bytes, ..) = print(&imposition, &[imposition.places()], &document(&[blank]));
        let ink = Raster::open(&bytes).unwrap().ink(1).unwrap();
        for place in 0..imposition.places() {
            let cell = imposition.back(place);
            let zone = card.clear_zone();
            let zone = Rect { left: cell.left + zone.left, top: cell.top + zone.top, ..zone };
            let stamped = ink.within(&cell).unwrap();
            assert!(zone.contains(&stamped), "{stamped:?} {zone:?}");
            // Nothing is in the barcode clear zone but what an address block with its own barcode leaves there: nothing.
            assert!(cell.bottom() - stamped.bottom() >= 0.62, "{stamped:?}");
        }
    }
}

#[test]
fn a_bleed_is_cut_off_before_it_meets_another_card() {
    let imposition = impose(PressSheet::LETTER, CardSize::CARD_4X6);
    // Twice as much as a bleed is, which inspection would not let pass: nothing of it is seen outside the place.
    let large = (6.25, 4.25, "0 g -100 -100 700 600 re f");
    let (bytes, ..) = print(&imposition, &[1], &document(&[large, BLANK]));
    let ink = Raster::open(&bytes).unwrap().ink(0).unwrap();
    let bleed = grown(imposition.front(0), BLEED);
    let area = Rect { left: 0.0, top: 0.0, width: 8.5, height: bleed.bottom() + 0.1 };
    let block = Rect { left: bleed.left, width: bleed.width, ..area };
    assert!(near(&ink.within(&Rect { top: bleed.top, height: bleed.height, ..block }).unwrap(), &bleed));
    assert_eq!(ink.within(&grown(imposition.front(1), -0.01)), None);
}

#[test]
fn trim_marks_are_outside_of_what_is_cut_and_on_both_sides() {
    let imposition = impose(PressSheet::LETTER, CardSize::CARD_4X6);
    let (bytes, ..) = print(&imposition, &[2], &document(&[BLANK, BLANK]));
    let raster = Raster::open(&bytes).unwrap();
    let front = raster.ink(0).unwrap();
    for place in 0..2 {
        assert_eq!(front.within(&grown(imposition.front(place), BLEED - 0.01)), None);
    }
    let marked = front.within(&Rect { left: 0.0, top: 0.0, width: 8.5, height: 11.0 });
    assert!(marked.is_some());
    let outside = Rect { left: 0.0, top: 0.0, width: 1.1, height: 11.0 };
    assert_eq!(front.within(&outside), raster.ink(1).unwrap().within(&outside));
}

#[test]
fn the_places_of_missing_cards_are_blank() {
    let imposition = impose(PressSheet::PRESS_12X18, CardSize::CARD_4X6);
    let (bytes, ..) = print(&imposition, &[4, 1], &document(&[ALL_BLACK, BLANK]));
    let raster = Raster::open(&bytes).unwrap();
    let [front, back] = [2, 3].map(|page| raster.ink(page).unwrap());
    assert!(front.within(&imposition.front(0)).is_some() && back.within(&imposition.back(0)).is_some());
    for place in 1..4 {
        assert_eq!(front.within(&grown(imposition.front(place), -0.01)), None);
        assert_eq!(back.within(&grown(imposition.back(place), -0.01)), None);
    }
}

#[test]
fn the_same_cards_make_the_same_bytes_and_equal_fronts_are_written_once() {
    let imposition = impose(PressSheet::PRESS_12X18, CardSize::CARD_4X6);
    let noise: String = (0..2000).map(|n| format!("{} {} 1 1 re f\n", n * 7919 % 450, n * 104_729 % 306)).collect();
    let document = document(&[(6.25, 4.25, &noise), BLANK]);
    let one = print(&imposition, &[1], &document).0;
    let first = print(&imposition, &[4, 4], &document).0;
    assert_eq!(first, print(&imposition, &[4, 4], &document).0);
    assert!(first.len() < one.len() + 7 * noise.len() / 2, "{} {}", one.len(), first.len());
}

#[test]
fn a_fault_names_the_card_and_nothing_is_written() {
    let imposition = impose(PressSheet::LETTER, CardSize::CARD_4X6);
    let good = document(&[SQUARE, BLANK]);
    let upright = document(&[(4.25, 6.25, " ")]);
    let refused = refusal(&imposition, &[&good, &upright]);
    assert!(
        matches!(&refused, AssembleError::Card { piece: 2, fault } if matches!(**fault, AssembleError::CardSize { .. })),
        "{refused:?}"
    );
    let long = document(&[BLANK, BLANK, BLANK]);
    assert!(matches!(refusal(&imposition, &[&long]), AssembleError::Card { piece: 1, .. }));
    assert!(matches!(refusal(&imposition, &[b"no PDF"]), AssembleError::Card { piece: 1, .. }));
}

#[test]
fn more_cards_than_places_and_none_at_all_are_refused() {
    let imposition = impose(PressSheet::LETTER, CardSize::CARD_4X6);
    let good = document(&[SQUARE, BLANK]);
    assert!(matches!(refusal(&imposition, &[good.as_slice(); 3]), AssembleError::Cards { given: 3, most: 2 }));
    assert!(matches!(refusal(&imposition, &[]), AssembleError::Cards { given: 0, most: 2 }));
}
