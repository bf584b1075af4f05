//! Draws what is ours on a sheet: the face with addresses and barcode, and the mark on every front.

use super::{AssembleError, Piece, certified};
use crate::address_block::{self, MAX_LINES, MAX_SENDER_LINES, NoPlace, POINTS, bar, usps_style};
use crate::data_matrix::DataMatrix;
use crate::drawing::{Digits, decimals, draw_rectangle, draw_text, push_decimals, read_decimal};
use crate::imb::{BARS, Imb};
use crate::layout::{Layout, Rect};
use crate::sheet_mark;
use crate::stationery::Stationery;

/// How many bytes of room nearly every face leaves some of, with the mark of its sheet.
const FACE: usize = 8 << 10;

/// The return address, the endorsement, the address block, the barcode and the certified label of a piece on a page `height`
/// points high.
pub(super) fn face(
    piece: &Piece<'_>,
    layout: &Layout,
    stationery: &Stationery,
    height: f64,
) -> Result<String, AssembleError> {
    const RETURN: &str = "return address";
    check_lines(RETURN, piece.sender.len(), MAX_SENDER_LINES)?;
    let (sender, endorsement) = address_block::place_sender(piece.sender, piece.endorsement, layout)
        .map_err(|fault| no_place(RETURN, fault))?;
    let mut content = String::with_capacity(FACE);
    content.push_str("0 g\n");
    draw_text(&mut content, &sender, piece.sender, height);
    if let (Some(block), Some(line)) = (&endorsement, piece.endorsement) {
        draw_text(&mut content, block, &[line], height);
    }
    draw_address(&mut content, piece.recipient, piece.imb, layout, stationery, height)?;
    if let Some(certified) = &piece.certified {
        content.push_str(&certified::label(certified, piece.imb.routing(), layout, height)?);
    }
    Ok(content)
}

/// Draws the address block and the barcode on a page `height` points high, in the colour that is set.
pub(super) fn draw_address(
    content: &mut String,
    recipient: &[String],
    imb: &Imb,
    layout: &Layout,
    stationery: &Stationery,
    height: f64,
) -> Result<(), AssembleError> {
    const BLOCK: &str = "address block";
    check_lines(BLOCK, recipient.len(), MAX_LINES)?;
    let styled: Vec<String>;
    let lines = if stationery.usps_style {
        styled = recipient.iter().map(|line| usps_style(line)).collect();
        &styled
    } else {
        recipient
    };
    let block = address_block::place_recipient(lines, layout).map_err(|fault| no_place(BLOCK, fault))?;
    let place = address_block::place_bars(layout).map_err(|fault| no_place(BLOCK, fault))?;
    draw_text(content, &block, lines, height);
    let bars = draw_bars(imb, &place, height);
    // The last chance to notice that the bars on the paper are not those of the piece.
    let letters = read_bars(&bars, &place, height).ok_or(AssembleError::Barcode)?;
    match Imb::decode(&letters) {
        Ok((tracking, routing)) if tracking == imb.tracking() && routing == imb.routing() => {}
        _ => return Err(AssembleError::Barcode),
    }
    content.push_str(&bars);
    Ok(())
}

/// Draws a sheet mark on white, with the one module of clear space that a Data Matrix needs, and beside it `line`, which
/// says the same to people.
pub(super) fn draw_mark(content: &mut String, layout: &Layout, mark: &DataMatrix, line: &str, height: f64) {
    let module = layout.mark_module;
    let (beside, behind) = sheet_mark::beside(layout, mark.side, line, height / POINTS);
    content.push_str("1 g\n");
    draw_rectangle(content, &behind, height);
    content.push_str("f 0 g\n");
    draw_text(content, &beside, &[line], height);
    // In units of a module, rows upwards from the clear space, so that its rectangles are whole numbers.
    let unit = module * POINTS;
    let corner = |inches: f64| (inches - module) * POINTS;
    content.push_str("q ");
    push_decimals(content, &[unit, 0.0, 0.0, unit, corner(layout.mark_left), corner(layout.mark_bottom)]);
    let clear = Digits::integer(mark.side as u64 + 2);
    for text in [" cm 1 g 0 0 ", clear.as_str(), " ", clear.as_str(), " re f 0 g\n"] {
        content.push_str(text);
    }
    push_runs(content, mark);
    content.push_str("f Q\n");
}

/// Appends a rectangle for each run of a mark. There are some hundreds, of numbers below 100, so the bytes of each are put
/// together apart from the content, which would make sure of its room for every digit.
fn push_runs(content: &mut String, mark: &DataMatrix) {
    const LONGEST: usize = 3 * 3 + 5;
    // About half of the runs are one module long.
    let mut runs = Vec::with_capacity(mark.side * mark.side / 3 * LONGEST);
    for (row, column, count) in mark.runs() {
        let mut run = [0; LONGEST];
        let mut length = 0;
        let mut put = |byte: u8| {
            run[length] = byte;
            length += 1;
        };
        for value in [column + 1, mark.side - row, count] {
            if value >= 10 {
                put(b'0' + (value / 10) as u8);
            }
            put(b'0' + (value % 10) as u8);
            put(b' ');
        }
        b"1 re\n".iter().for_each(|byte| put(*byte));
        // To copy as many bytes every time is a few instructions, and as many as there are is a call.
        runs.extend_from_slice(&run);
        runs.truncate(runs.len() - LONGEST + length);
    }
    content.push_str(str::from_utf8(&runs).unwrap_or_default());
}

fn check_lines(block: &'static str, lines: usize, most: usize) -> Result<(), AssembleError> {
    const LEAST: usize = 2;
    if (LEAST..=most).contains(&lines) {
        Ok(())
    } else {
        Err(AssembleError::Lines { block, lines, least: LEAST, most })
    }
}

fn no_place(block: &'static str, fault: NoPlace) -> AssembleError {
    match fault {
        NoPlace::Line(line, fault) => AssembleError::Line { block, line, fault },
        NoPlace::Endorsement(fault) => AssembleError::Endorsement(fault),
        NoPlace::Height => AssembleError::Layout(block),
        NoPlace::Barcode => AssembleError::Layout("barcode"),
    }
}

/// Draws a barcode as 65 filled rectangles, which no font or image scaling can blur.
fn draw_bars(imb: &Imb, place: &Rect, height: f64) -> String {
    // Of four kinds of bars only the left edge differs from one to the next.
    let rest = ['T', 'D', 'A', 'F'].map(|letter| {
        let above = if matches!(letter, 'A' | 'F') { bar::REACH } else { 0.0 };
        let below = if matches!(letter, 'D' | 'F') { bar::REACH } else { 0.0 };
        let tall = bar::TRACKER + above + below;
        let bottom = height - (place.top + bar::REACH - above + tall) * POINTS;
        (letter, format!(" {} re\n", decimals(&[bottom, bar::WIDTH * POINTS, tall * POINTS])))
    });
    let mut content = Vec::with_capacity(BARS * 40);
    for (number, letter) in imb.letters().chars().enumerate() {
        let left = Digits::decimal((place.left + number as f64 * bar::PITCH) * POINTS);
        content.extend_from_slice(left.as_bytes());
        if let Some((_, rest)) = rest.iter().find(|(kind, _)| *kind == letter) {
            content.extend_from_slice(rest.as_bytes());
        }
    }
    content.extend_from_slice(b"f\n");
    String::from_utf8(content).unwrap_or_default()
}

/// Reads drawn bars back into letters from nothing but the drawing: nothing if it is not 65 bars side by side.
fn read_bars(content: &str, place: &Rect, height: f64) -> Option<String> {
    // Half of what tells a long bar from a short one.
    let threshold = bar::REACH / 2.0;
    let middle = place.top + bar::FULL / 2.0;
    // What follows the left edge, as far as it was read, and the letter it makes.
    let mut known: Vec<(&[u8], char)> = Vec::with_capacity(4);
    let mut letters = String::with_capacity(BARS);
    let mut rest = content.as_bytes();
    while rest != b"f\n" {
        let left = read_decimal(&mut rest)?;
        let expected = place.left + letters.len() as f64 * bar::PITCH;
        if (left / POINTS - expected).abs() > bar::WIDTH / 2.0 {
            return None;
        }
        if let Some((same, letter)) = known.iter().find(|(same, _)| rest.starts_with(same)) {
            letters.push(*letter);
            rest = &rest[same.len()..];
            continue;
        }
        let start = rest;
        let mut others = [0.0; 3];
        for number in &mut others {
            rest = rest.strip_prefix(b" ")?;
            *number = read_decimal(&mut rest)?;
        }
        rest = rest.strip_prefix(b" re\n")?;
        let [bottom, _, tall] = others;
        let low = (height - bottom) / POINTS - middle;
        let high = middle - (height - bottom - tall) / POINTS;
        let long = |reach: f64| reach > bar::TRACKER / 2.0 + threshold;
        let letter = match (long(low), long(high)) {
            (false, false) => 'T',
            (true, false) => 'D',
            (false, true) => 'A',
            (true, true) => 'F',
        };
        letters.push(letter);
        known.push((&start[..start.len() - rest.len()], letter));
    }
    (letters.len() == BARS).then_some(letters)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::font::FONT;

    #[test]
    fn bars_that_were_drawn_wrong_are_noticed() {
        let imb = Imb::encode("00270902345678000001", "70113123400").unwrap();
        let place = address_block::place_bars(&Layout::default()).unwrap();
        let drawn = draw_bars(&imb, &place, 792.0);
        assert_eq!(read_bars(&drawn, &place, 792.0).as_deref(), Some(imb.letters()));
        let lines: Vec<&str> = drawn.lines().collect();
        let read = |lines: &[&str]| read_bars(&(lines.join("\n") + "\n"), &place, 792.0);
        for number in 0..BARS {
            let (left, rest) = lines[number].split_once(' ').unwrap();
            for other in &lines[..BARS] {
                let other = other.split_once(' ').unwrap().1;
                let changed = format!("{left} {other}");
                let mut wrong = lines.clone();
                wrong[number] = &changed;
                assert_eq!(read(&wrong).as_deref() == Some(imb.letters()), other == rest, "{number}");
            }
            for changed in [String::new(), format!("{left} {rest} "), format!("9{left} {rest}"), left.to_owned()] {
                let mut wrong = lines.clone();
                wrong[number] = &changed;
                assert_eq!(read(&wrong), None, "{number} {changed}");
            }
        }
    }

    #[test]
    fn the_line_beside_the_mark_is_on_white_as_wide_as_it_is() {
        let layout = Layout::default();
        let mark = sheet_mark::modules("job_7 42 1/3").unwrap();
        let mut content = String::new();
        let line = "job_7 42 sheet 1/3";
        draw_mark(&mut content, &layout, &mark, line, 792.0);
        let behind = content.strip_prefix("1 g\n").unwrap().split_once(" re\nf 0 g\nBT").unwrap().0;
        let [left, bottom, width, tall]: [f64; 4] =
            behind.split(' ').map(|number| number.parse().unwrap()).collect::<Vec<_>>().try_into().unwrap();
        let text = content.split_once("1 0 0 1 ").unwrap().1.split_once(' ').unwrap().0.parse::<f64>().unwrap();
        assert!(left < text - 0.9 && left + width > text + FONT.width(line).unwrap() * 6.0 + 0.9);
        let baseline = layout.mark_bottom * POINTS;
        assert!(bottom < baseline - 1.0 && bottom + tall > baseline + 5.0);
    }
}
