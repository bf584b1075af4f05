//! What a barcode reader that is not ours makes of a drawn cover sheet.
#![expect(clippy::unwrap_used, reason = "helpers of tests unwrap as tests do")]

mod support;

use print::assemble::{Assembler, Certified, Piece};
use print::code128::ArticleDigits;
use print::imb::Imb;
use print::layout::Rect;
use print::raster::{MAX_WIDTH, png};
use print::stationery::{Placement, Sides, Stationery};
use rxing::{BarcodeFormat, DecodeHints, helpers};
use support::Letter;

const NUMBER: &str = "9214890234567800000013";

fn stream() -> Vec<u8> {
    let lines = |text: &str| text.split('/').map(str::to_owned).collect::<Vec<_>>();
    let number = ArticleDigits::parse(NUMBER).unwrap();
    let piece = Piece {
        account: "acct_1",
        sender: &lines("Parish Assessor/1300 Perdido St/New Orleans LA 70112"),
        recipient: &lines("JOSÉ ÅKESSON/1600 S ELM ST/NEW ORLEANS LA 70113-1234"),
        imb: &Imb::encode("00270902345678000001", "70113123400").unwrap(),
        endorsement: None,
        certified: Some(Certified { number: &number, services: &["RETURN RECEIPT ELECTRONIC"] }),
        job: "job_7",
        number: 42,
        document: &Letter::of(1).bytes(),
        impressions: None,
        placement: Placement::Cover,
        sides: Sides::Duplex,
        perforated: false,
        return_envelope: false,
    };
    let mut assembler = Assembler::new(Vec::new(), &Stationery::default()).unwrap();
    assembler.add(&piece).unwrap();
    assembler.finish().unwrap().0
}

/// What is read in a part of the first page.
fn read(format: BarcodeFormat, area: Rect) -> String {
    let picture = png(&stream(), 0, MAX_WIDTH).unwrap();
    let mut picture = png::Decoder::new(std::io::Cursor::new(picture)).read_info().unwrap();
    let mut pixels = vec![0; picture.output_buffer_size().unwrap()];
    let info = picture.next_frame(&mut pixels).unwrap();
    assert_eq!(info.color_type, png::ColorType::Grayscale);
    let dpi = f64::from(info.width) / 8.5;
    let [left, top, width, height] = [area.left, area.top, area.width, area.height].map(|side| (side * dpi) as usize);
    let rows = pixels.chunks(info.line_size).skip(top).take(height);
    let luma: Vec<u8> = rows.flat_map(|row| row[left..left + width].to_vec()).collect();
    let mut hints = DecodeHints { TryHarder: Some(true), ..DecodeHints::default() };
    let read = helpers::detect_in_luma_with_hints(luma, width as u32, height as u32, Some(format), &mut hints).unwrap();
    read.getText().to_owned()
}

#[test]
fn the_certified_label_reads_as_routing_code_and_article_number() {
    let window = Rect { left: 4.0625, top: 0.25, width: 3.25, height: 1.25 };
    let text = read(BarcodeFormat::CODE_128, window);
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    assert_eq!(digits, format!("42070113{NUMBER}"));
}

#[test]
fn the_sheet_mark_reads_as_job_piece_and_sheet() {
    let corner = Rect { left: 0.0, top: 10.0, width: 1.0, height: 1.0 };
    assert_eq!(read(BarcodeFormat::DATA_MATRIX, corner), "job_7 42 1/2");
}
