//! Content stream syntax for what this program draws itself: numbers, rectangles, text.

use std::fmt::Write as _;

use crate::address_block::{POINTS, TextBlock};
use crate::font::FONT;
use crate::layout::Rect;

/// A number in PDF syntax: at most six decimals, no exponent, no trailing zeros.
pub(crate) fn decimal(value: f64) -> String {
    let text = format!("{value:.6}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

pub(crate) fn decimals(values: &[f64]) -> String {
    values.iter().map(|&value| decimal(value)).collect::<Vec<_>>().join(" ")
}

/// Appends a rectangle to the current path; inches from the top left become points from the bottom left.
pub(crate) fn draw_rectangle(content: &mut String, rect: &Rect, height: f64) {
    let points = [rect.left, height / POINTS - rect.bottom(), rect.width, rect.height].map(|inches| inches * POINTS);
    // Writing to a String cannot fail.
    let _ = writeln!(content, "{} re", decimals(&points));
}

/// Draws the lines of a block.
pub(crate) fn draw_text(content: &mut String, block: &TextBlock, lines: &[impl AsRef<str>], height: f64) {
    let _ = writeln!(content, "BT /F {} Tf", decimal(block.points));
    for (line, above) in lines.iter().zip((0..lines.len()).rev()) {
        let baseline = block.last_baseline - above as f64 * block.pitch;
        let at = decimals(&[block.left * POINTS, height - baseline * POINTS]);
        let _ = writeln!(content, "1 0 0 1 {at} Tm {} Tj", FONT.hex(line.as_ref()));
    }
    content.push_str("ET\n");
}
