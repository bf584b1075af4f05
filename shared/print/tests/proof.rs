//! Proofs, looked at: what is on them, where, and that it is what the press gets.
#![expect(clippy::unwrap_used, reason = "helpers of tests unwrap as tests do")]

mod support;

use print::inspect::{Limits, Paper, inspect};
use print::press_sheet::CardSize;
use print::proof::{Specimen, proof};
use print::raster::ProofError;
use print::stationery::{Placement, Sides, Stationery};
use support::Letter;

fn specimen(paper: Paper) -> Specimen {
    Specimen {
        sender: ["ACME INC", "PO BOX 52138", "NEW ORLEANS LA 70153"].map(str::to_owned).to_vec(),
        recipient: ["JANE DOE", "1300 PERDIDO ST", "NEW ORLEANS LA 70112"].map(str::to_owned).to_vec(),
        tracking: "00340000000000000000".to_owned(),
        routing: "70112".to_owned(),
        endorsement: None,
        article: None,
        services: Vec::new(),
        paper,
        stationery: Stationery::default(),
        placement: Placement::Cover,
        sides: Sides::Duplex,
        perforated: false,
    }
}

/// A picture as grey: its width and its pixels.
struct Picture {
    width: usize,
    grey: Vec<u8>,
}

impl Picture {
    fn of(png: &[u8]) -> Self {
        let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
        let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
        let frame = reader.next_frame(&mut bytes).unwrap();
        let samples = frame.color_type.samples();
        let grey = bytes[..frame.buffer_size()].chunks(samples).map(|pixel| *pixel.iter().min().unwrap()).collect();
        Self { width: frame.width as usize, grey }
    }

    fn height(&self) -> usize {
        self.grey.len() / self.width
    }

    /// Whether anything in this rectangle, in fractions of the picture, is dark.
    fn is_dark(&self, [left, top, right, bottom]: [f64; 4]) -> bool {
        let (width, height) = (self.width as f64, self.height() as f64);
        let columns = (left * width) as usize..(right * width) as usize;
        let rows = (top * height) as usize..(bottom * height) as usize;
        rows.into_iter().any(|row| self.grey[row * self.width..][columns.clone()].iter().any(|grey| *grey < 64))
    }
}

fn card(pages: &[&str]) -> Vec<u8> {
    let mut letter = Letter::new();
    for content in pages {
        let page = letter.page_of(content.as_bytes());
        letter.set(page, "MediaBox", vec![0.into(), 0.into(), 450.into(), 306.into()]);
    }
    letter.bytes()
}

#[test]
fn a_letter_is_seen_as_its_cover_sheet_beside_its_first_page() {
    let mut letter = Letter::new();
    letter.page_of(b"72 72 144 144 re f");
    letter.page_of(b"0 0 612 792 re f");
    let picture = Picture::of(&proof(&letter.bytes(), &specimen(Paper::default())).unwrap());
    assert_eq!((picture.width, picture.height()), (935 + 16 + 935, 1210));
    assert!(picture.is_dark([0.03, 0.05, 0.25, 0.25]), "the addresses");
    assert!(!picture.is_dark([0.1, 0.4, 0.49, 0.9]), "nothing else is on the cover sheet");
    assert!(picture.is_dark([0.56, 0.73, 0.67, 0.90]), "the square of the first page");
    assert!(!picture.is_dark([0.7, 0.1, 0.99, 0.9]), "not the second page");
}

#[test]
fn a_letter_without_a_cover_sheet_is_seen_as_its_first_page_with_the_addresses() {
    let mut letter = Letter::new();
    letter.page_of(b"72 72 144 144 re f");
    let on_page = Specimen { placement: Placement::FirstPage, ..specimen(Paper::default()) };
    let picture = Picture::of(&proof(&letter.bytes(), &on_page).unwrap());
    assert_eq!((picture.width, picture.height()), (935, 1210));
    assert!(picture.is_dark([0.05, 0.05, 0.5, 0.25]) && picture.is_dark([0.12, 0.73, 0.35, 0.9]));
}

#[test]
fn a_certified_letter_is_seen_with_its_label() {
    let mut letter = Letter::new();
    letter.page_of(b"72 72 144 144 re f");
    let label = [0.25, 0.0, 0.48, 0.13];
    let document = letter.bytes();
    let plain = Picture::of(&proof(&document, &specimen(Paper::default())).unwrap());
    let article = Some("9214890234567800000013".to_owned());
    let services = vec!["RETURN RECEIPT ELECTRONIC".to_owned()];
    let certified = Specimen { article, services, ..specimen(Paper::default()) };
    let labelled = Picture::of(&proof(&document, &certified).unwrap());
    assert!(labelled.is_dark(label) && !plain.is_dark(label));
}

#[test]
fn a_card_is_seen_from_both_sides_upright_and_cut_with_its_address_on_the_back() {
    // A black square at the upper left of either side, a bar at the lower right of the front.
    let document = card(&["9 261 36 36 re 300 9 141 18 re f", "9 261 36 36 re f"]);
    let picture = Picture::of(&proof(&document, &specimen(Paper::Card4x6)).unwrap());
    assert_eq!((picture.width, picture.height()), (660, 440 + 16 + 440));
    let half = 440.0 / 896.0;
    let front = |[left, top, right, bottom]: [f64; 4]| [left, top * half, right, bottom * half];
    let back =
        |[left, top, right, bottom]: [f64; 4]| [left, 1.0 - half + top * half, right, 1.0 - half + bottom * half];
    let (square, bar, zone) = ([0.0, 0.0, 0.08, 0.12], [0.7, 0.94, 1.0, 1.0], [0.34, 0.44, 1.0, 1.0]);
    assert!(picture.is_dark(front(square)) && picture.is_dark(front(bar)));
    assert!(!picture.is_dark(front([0.1, 0.2, 1.0, 0.9])), "no address on the front");
    assert!(picture.is_dark(back(square)) && picture.is_dark(back(zone)), "the back is upright and has an address");
    assert!(!picture.is_dark(back(bar)) && !picture.is_dark(back([0.1, 0.2, 0.33, 1.0])));
}

#[test]
fn a_card_without_a_back_of_its_own_has_the_address_alone_there() {
    for (paper, size) in [
        (Paper::Card4x6, CardSize::CARD_4X6),
        (Paper::Card6x9, CardSize::CARD_6X9),
        (Paper::Card6x11, CardSize::CARD_6X11),
    ] {
        let mut letter = Letter::new();
        let page = letter.page_of(b"0 0 9999 9999 re f");
        let sides = [0, 0, ((size.width + 0.25) * 72.0) as i64, ((size.height + 0.25) * 72.0) as i64];
        letter.set(page, "MediaBox", sides.map(lopdf::Object::Integer).to_vec());
        let document = letter.bytes();
        assert!(inspect(&document, &Limits { paper, ..Limits::default() }).is_ok());
        let picture = Picture::of(&proof(&document, &specimen(paper)).unwrap());
        assert_eq!(picture.width, (size.width * 110.0) as usize);
        assert!(picture.is_dark([0.0, 0.0, 1.0, 0.05]));
        assert!(!picture.is_dark([0.0, 0.52, 1.0, 0.6]) && picture.is_dark([0.4, 0.7, 1.0, 1.0]));
    }
}

#[test]
fn what_makes_no_piece_has_no_proof() {
    assert_eq!(proof(b"%PDF-1.5 nothing", &specimen(Paper::default())), Err(ProofError::NoPiece));
    assert_eq!(proof(&Letter::of(1).bytes(), &specimen(Paper::Card4x6)), Err(ProofError::NoPiece));
    let abroad = Specimen { tracking: "1".to_owned(), ..specimen(Paper::default()) };
    assert_eq!(proof(&Letter::of(1).bytes(), &abroad), Err(ProofError::NoPiece));
}
