//! What fits the windows: the address block with its barcode, and the return address.
//!
//! # The choice
//! With a tri-folded sheet in a #10 envelope the recipient window always shows only 3.0 x 0.542 inches of the page, for the
//! sheet slides by 0.458 inches up and down and 1.0 inch sideways. Six lines of 8-point type and a barcode are about 0.9
//! inches high. So not all of it can be seen at every shift, and something has to come first:
//!
//! * The barcode, with its clear zone, lies wholly in the area that is always visible, at its bottom edge. At 24 bars to the
//!   inch it is 2.687 inches long and fits the 3.0 inches with 0.125 inches clear on either side; at 22 it would not.
//! * The text stands on the barcode and grows upwards. The lines that matter to delivery are the last ones, and at 8 point
//!   the last three are always visible with the barcode, at 10 point the last two.
//! * Up to four lines at 10 point and five at 8 point lie in the window when the sheet is in the middle of its play. A
//!   sixth line (a country under two lines of name and two of street) does not: its block lies in the window when the
//!   sheet rests on the bottom of the envelope, where gravity puts it, and up to 0.1 inches above that. What is cut off
//!   beyond that is the first line of the name.
//! * Every line is at most as wide as what is always visible, less a margin on either side, in type of 10 to 8 point.
//!
//! Envelopes with taller windows, or an address panel folded longer, need only another [`Layout`].

use thiserror::Error;
use unicode_normalization::UnicodeNormalization;

use crate::font::FONT;
use crate::imb::BARS;
use crate::layout::{Layout, Rect};

/// The most lines an address block can have: two of name, two of street, the city line and the country.
pub const MAX_LINES: usize = 6;

/// The most lines a return address can have.
pub const MAX_SENDER_LINES: usize = 5;

/// Points to the inch.
pub(crate) const POINTS: f64 = 72.0;

/// Type sizes for an address block in points, first choice first. 8 is the least the Postal Service asks for (DMM 202.1.2).
const RECIPIENT_SIZES: [f64; 5] = [10.0, 9.5, 9.0, 8.5, 8.0];

/// Type sizes for a return address in points. No machine reads it, so it may be smaller.
const SENDER_SIZES: [f64; 7] = [9.0, 8.5, 8.0, 7.5, 7.0, 6.5, 6.0];

/// The type size of an endorsement, points: the least allowed (DMM 102.4.4).
const ENDORSEMENT_SIZE: f64 = 8.0;

/// Space between the return address and an endorsement, inches: what DMM 102.4.4 asks for, and what a window too small for
/// that gives it.
const ENDORSEMENT_GAPS: [f64; 2] = [0.25, 0.125];

/// Distance from baseline to baseline, in type sizes: as much as there is room for within these.
const LEADING: (f64, f64) = (1.05, 1.2);

/// The dimensions of the bars, inches (USPS-B-3200 §2.3).
pub(crate) mod bar {
    /// From bar to bar: 24 to the inch.
    pub(crate) const PITCH: f64 = 1.0 / 24.0;
    /// Width of one bar.
    pub(crate) const WIDTH: f64 = 0.020;
    /// Height of the tracker, the part that every bar has.
    pub(crate) const TRACKER: f64 = 0.048;
    /// How far an ascender or a descender goes beyond the tracker.
    pub(crate) const REACH: f64 = 0.0485;
    /// Height of a full bar.
    pub(crate) const FULL: f64 = TRACKER + 2.0 * REACH;
    /// Clear space left and right of the barcode.
    pub(crate) const CLEAR_SIDE: f64 = 0.125;
    /// Clear space above and below the barcode.
    pub(crate) const CLEAR_ABOVE: f64 = 0.028;
}

/// Why a line cannot be printed in a window. The messages never repeat the line.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
pub enum LineFault {
    /// The font has no glyph for this character.
    #[error("the line has a character that cannot be printed (U+{:04X}); replace it", *.0 as u32)]
    NoGlyph(char),
    /// At the smallest type the line is wider than what the window always shows.
    #[error("the line is {inches:.2} in wide and the window shows {limit:.2} in; shorten it or split it in two")]
    TooWide {
        /// Width of the line at the smallest type, inches.
        inches: f64,
        /// The widest a line may be, inches.
        limit: f64,
    },
}

/// Whether a line of a recipient's address fits the default window at the smallest type, 8 point.
///
/// # Errors
/// A character without a glyph, or too wide a line.
pub fn check_line(line: &str) -> Result<(), LineFault> {
    check_line_in(line, &Layout::default())
}

/// [`check_line`] for another layout.
///
/// # Errors
/// As [`check_line`].
pub fn check_line_in(line: &str, layout: &Layout) -> Result<(), LineFault> {
    check(line, smallest(&RECIPIENT_SIZES), text_width(layout, &layout.recipient_window))
}

/// Whether a line of a return address fits the default window at the smallest type, 6 point.
///
/// # Errors
/// A character without a glyph, or too wide a line.
pub fn check_sender_line(line: &str) -> Result<(), LineFault> {
    let layout = Layout::default();
    check(line, smallest(&SENDER_SIZES), text_width(&layout, &layout.return_window))
}

/// A line as USPS Publication 28 prefers it: capitals, and no punctuation but what tells numbers apart: the hyphen of a
/// ZIP+4 or of a range (`112-10`), the point of a decimal (`39.2`) and the slash (`1/2`, `C/O`).
pub fn usps_style(line: &str) -> String {
    let capitals: Vec<char> = line.nfc().flat_map(char::to_uppercase).collect();
    let mut styled = String::with_capacity(line.len());
    let gap = |styled: &mut String| {
        if !styled.ends_with(' ') {
            styled.push(' ');
        }
    };
    for (place, &character) in capitals.iter().enumerate() {
        let beside = |is: fn(char) -> bool| {
            let before = place.checked_sub(1).and_then(|before| capitals.get(before));
            before.is_some_and(|&c| is(c)) && capitals.get(place + 1).is_some_and(|&c| is(c))
        };
        match character {
            '-' | '.' if beside(|c| c.is_ascii_digit()) => styled.push(character),
            '/' if beside(char::is_alphanumeric) => styled.push(character),
            // Within a word these leave no gap.
            '.' | ':' | '!' | '?' | '"' | '\'' | '`' | '\u{b4}' | '\u{2bc}' | '‘' | '’' | '“' | '”' | '*' | '…'
            | '•' => {}
            '-' | '/' | ',' | ';' | '(' | ')' | '[' | ']' | '{' | '}' | '–' | '—' | '_' => gap(&mut styled),
            character if character.is_whitespace() => gap(&mut styled),
            character => styled.push(character),
        }
    }
    styled.trim().nfc().collect()
}

fn smallest(sizes: &[f64]) -> f64 {
    sizes.iter().copied().fold(f64::INFINITY, f64::min)
}

/// The widest a line may be in a window, inches.
fn text_width(layout: &Layout, window: &Rect) -> f64 {
    layout.always_visible(window).width - 2.0 * layout.margin
}

fn check(line: &str, points: f64, limit: f64) -> Result<(), LineFault> {
    let inches = FONT.width(line).map_err(LineFault::NoGlyph)? * points / POINTS;
    if inches > limit { Err(LineFault::TooWide { inches, limit }) } else { Ok(()) }
}

/// Lines of text in their place. Lengths are inches from the page's top left corner.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TextBlock {
    /// Type size, points.
    pub(crate) points: f64,
    /// Where every line starts.
    pub(crate) left: f64,
    /// The baseline of the last line.
    pub(crate) last_baseline: f64,
    /// From baseline to baseline.
    pub(crate) pitch: f64,
    /// What the text covers, from the top of the capitals to the end of the descenders.
    pub(crate) extent: Rect,
}

/// Why a block has no place: a line (counted from 1), the endorsement, or the layout itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum NoPlace {
    Line(usize, LineFault),
    Endorsement(LineFault),
    Height,
    Barcode,
}

/// The barcode's rectangle at the height of full bars, without its clear zone.
pub(crate) fn place_bars(layout: &Layout) -> Result<Rect, NoPlace> {
    let visible = layout.always_visible(&layout.recipient_window);
    let width = (BARS - 1) as f64 * bar::PITCH + bar::WIDTH;
    let bars = Rect {
        left: visible.left + (visible.width - width) / 2.0,
        top: visible.bottom() - bar::CLEAR_ABOVE - bar::FULL,
        width,
        height: bar::FULL,
    };
    if visible.contains(&with_clear_zone(&bars)) { Ok(bars) } else { Err(NoPlace::Barcode) }
}

/// A barcode's rectangle and the space around it that must stay blank.
pub(crate) fn with_clear_zone(bars: &Rect) -> Rect {
    Rect {
        left: bars.left - bar::CLEAR_SIDE,
        top: bars.top - bar::CLEAR_ABOVE,
        width: bars.width + 2.0 * bar::CLEAR_SIDE,
        height: bars.height + 2.0 * bar::CLEAR_ABOVE,
    }
}

/// Where the lines of an address block go: on top of the bars, as large as they fit.
pub(crate) fn place_recipient(lines: &[String], layout: &Layout) -> Result<TextBlock, NoPlace> {
    let window = &layout.recipient_window;
    let bottom = with_clear_zone(&place_bars(layout)?).top;
    let left = layout.always_visible(window).left + layout.margin;
    let limit = text_width(layout, window);
    let em = widest(lines, smallest(&RECIPIENT_SIZES), limit)?;

    let fit = |points: f64, leading: (f64, f64), top: f64| {
        let pitch = pitch(lines.len(), points, leading, bottom - top)?;
        (em * points / POINTS <= limit).then(|| text_block(lines.len(), points, pitch, left, bottom, em))
    };
    let middle = layout.seen_at(window, 0.5, 0.5).top;
    let resting = layout.seen_at(window, 0.5, 1.0).top;
    RECIPIENT_SIZES
        .iter()
        .find_map(|&points| fit(points, LEADING, middle))
        // Set as tight as it goes, so that as little as possible is above the window when the sheet rises.
        .or_else(|| fit(smallest(&RECIPIENT_SIZES), (LEADING.0, LEADING.0), resting))
        .ok_or(NoPlace::Height)
}

/// Where the lines of a return address go: about the middle of its window, the endorsement below them.
pub(crate) fn place_sender(
    lines: &[String],
    endorsement: Option<&str>,
    layout: &Layout,
) -> Result<(TextBlock, Option<TextBlock>), NoPlace> {
    let window = &layout.return_window;
    let visible = layout.always_visible(window);
    let limit = text_width(layout, window);
    let left = visible.left + layout.margin;
    let em = widest(lines, smallest(&SENDER_SIZES), limit)?;
    let height = layout.seen_at(window, 0.5, 0.5).height - 2.0 * layout.margin;
    // The lines with `below` inches under them, as large as they fit.
    let place = |below: f64| {
        SENDER_SIZES.iter().find_map(|&points| {
            let pitch = pitch(lines.len(), points, LEADING, height - below)?;
            let tall = text_block(lines.len(), points, pitch, left, 0.0, em).extent.height + below;
            let bottom = visible.top + (visible.height + tall) / 2.0 - below;
            (em * points / POINTS <= limit).then(|| text_block(lines.len(), points, pitch, left, bottom, em))
        })
    };
    let Some(endorsement) = endorsement else {
        return place(0.0).map(|sender| (sender, None)).ok_or(NoPlace::Height);
    };
    check(endorsement, ENDORSEMENT_SIZE, limit).map_err(NoPlace::Endorsement)?;
    let em = FONT.width(endorsement).unwrap_or(0.0);
    let tall = text_block(1, ENDORSEMENT_SIZE, 0.0, left, 0.0, em).extent.height;
    let (gap, sender) =
        ENDORSEMENT_GAPS.iter().find_map(|gap| Some((gap, place(gap + tall)?))).ok_or(NoPlace::Height)?;
    let bottom = sender.extent.bottom() + gap + tall;
    Ok((sender, Some(text_block(1, ENDORSEMENT_SIZE, 0.0, left, bottom, em))))
}

/// The width of the widest line in type sizes, after every line has been checked at the smallest type.
fn widest(lines: &[String], points: f64, limit: f64) -> Result<f64, NoPlace> {
    let mut widest = 0.0f64;
    for (line, text) in lines.iter().enumerate() {
        check(text, points, limit).map_err(|fault| NoPlace::Line(line + 1, fault))?;
        widest = widest.max(FONT.width(text).unwrap_or(0.0));
    }
    Ok(widest)
}

/// From baseline to baseline in inches when `lines` lines are spread over `height` inches, or nothing if they do not fit.
fn pitch(lines: usize, points: f64, (least, most): (f64, f64), height: f64) -> Option<f64> {
    let size = points / POINTS;
    let gaps = lines.saturating_sub(1).max(1) as f64;
    let room = (height - (FONT.cap_height + FONT.descent) * size) / gaps;
    (room >= least * size).then(|| room.min(most * size))
}

fn text_block(lines: usize, points: f64, pitch: f64, left: f64, bottom: f64, em: f64) -> TextBlock {
    let size = points / POINTS;
    let height = lines.saturating_sub(1) as f64 * pitch + (FONT.cap_height + FONT.descent) * size;
    TextBlock {
        points,
        left,
        last_baseline: bottom - FONT.descent * size,
        pitch,
        extent: Rect { left, top: bottom - height, width: em * size, height },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(count: usize) -> Vec<String> {
        (0..count).map(|line| format!("{line} MARTIN LUTHER KING BLVD")).collect()
    }

    #[test]
    fn the_area_always_visible_is_what_the_slack_leaves() {
        let visible = Layout::default().always_visible(&Layout::default().recipient_window);
        let near = |a: f64, b: f64| (a - b).abs() < 0.001;
        assert!(near(visible.left, 0.625) && near(visible.right(), 3.625), "{visible:?}");
        assert!(near(visible.top, 2.125) && near(visible.bottom(), 2.667), "{visible:?}");
    }

    #[test]
    fn the_barcode_and_its_clear_zone_are_always_visible() {
        let layout = Layout::default();
        let zone = with_clear_zone(&place_bars(&layout).unwrap());
        assert!(layout.always_visible(&layout.recipient_window).contains(&zone), "{zone:?}");
    }

    #[test]
    fn a_window_with_too_much_slack_for_the_barcode_is_refused() {
        let layout = Layout { envelope_width: 9.6, ..Layout::default() };
        assert_eq!(place_bars(&layout), Err(NoPlace::Barcode));
    }

    #[test]
    fn up_to_five_lines_are_seen_with_the_sheet_in_the_middle() {
        let layout = Layout::default();
        let seen = layout.seen_at(&layout.recipient_window, 0.5, 0.5);
        for count in 1..=5 {
            let block = place_recipient(&lines(count), &layout).unwrap();
            assert!(seen.contains(&block.extent), "{count} lines: {block:?}");
            assert!(block.points >= 8.0);
        }
    }

    #[test]
    fn four_lines_are_set_in_ten_point() {
        assert_eq!(place_recipient(&lines(4), &Layout::default()).unwrap().points, 10.0);
    }

    #[test]
    fn six_lines_are_seen_with_the_sheet_resting_and_a_tenth_of_an_inch_above() {
        let layout = Layout::default();
        let block = place_recipient(&lines(6), &layout).unwrap();
        let slack = layout.envelope_height - layout.panel_height;
        for rise in [0.0, 0.1] {
            let seen = layout.seen_at(&layout.recipient_window, 0.5, 1.0 - rise / slack);
            assert!(seen.contains(&block.extent), "{rise}: {block:?} {seen:?}");
        }
    }

    #[test]
    fn a_seventh_line_does_not_fit_the_height() {
        // Eight, to be clear of rounding.
        assert_eq!(place_recipient(&lines(8), &Layout::default()), Err(NoPlace::Height));
    }

    #[test]
    fn the_last_three_lines_at_eight_point_are_always_visible() {
        let layout = Layout::default();
        let block = place_recipient(&lines(6), &layout).unwrap();
        let top = block.last_baseline - 2.0 * block.pitch - FONT.cap_height * block.points / POINTS;
        assert!(top >= layout.always_visible(&layout.recipient_window).top, "{top}");
    }

    #[test]
    fn a_wide_line_shrinks_the_type_and_a_wider_one_is_refused() {
        let mut long = lines(3);
        long[1] = "W".repeat(26);
        let block = place_recipient(&long, &Layout::default()).unwrap();
        assert!(block.points < 10.0 && block.points >= 8.0, "{block:?}");
        long[1] = "W".repeat(28);
        let fault = place_recipient(&long, &Layout::default()).unwrap_err();
        assert!(matches!(fault, NoPlace::Line(2, LineFault::TooWide { .. })), "{fault:?}");
        assert_eq!(check_line(&long[1]), Err(LineFault::TooWide { inches: 28.0 * 1933.0 / 2048.0 / 9.0, limit: 2.9 }));
    }

    #[test]
    fn a_line_of_forty_ordinary_capitals_fits() {
        assert_eq!(check_line("1600 SOUTH MARTIN LUTHER KING BLVD APT 7"), Ok(()));
    }

    #[test]
    fn a_line_fault_tells_how_to_mend_and_does_not_repeat_the_line() {
        let message = check_line("SECRET 陳").unwrap_err().to_string();
        assert!(message.contains("U+9673") && message.contains("replace"), "{message}");
        assert!(!message.contains("SECRET") && !message.contains('陳'), "{message}");
    }

    #[test]
    fn a_return_address_of_five_lines_is_seen_with_the_sheet_in_the_middle() {
        let layout = Layout::default();
        let block = place_sender(&lines(5), None, &layout).unwrap().0;
        assert!(layout.seen_at(&layout.return_window, 0.5, 0.5).contains(&block.extent), "{block:?}");
        assert!(layout.seen_at(&layout.return_window, 1.0, 0.5).contains(&block.extent), "{block:?}");
    }

    #[test]
    fn an_endorsement_stands_below_the_return_address_in_the_window() {
        let layout = Layout::default();
        let seen = layout.seen_at(&layout.return_window, 0.5, 0.5);
        for count in 2..=5 {
            let (sender, endorsement) = place_sender(&lines(count), Some("Return Service Requested"), &layout).unwrap();
            let endorsement = endorsement.unwrap();
            assert_eq!(endorsement.points, 8.0);
            let gap = endorsement.extent.top - sender.extent.bottom();
            assert!(gap >= 0.124, "{count} lines: {gap}");
            assert!(count > 3 || gap >= 0.249, "{count} lines: {gap}");
            assert!(seen.contains(&sender.extent) && seen.contains(&endorsement.extent), "{count} lines");
        }
    }

    #[test]
    fn an_endorsement_that_is_too_wide_is_refused() {
        let fault = place_sender(&lines(2), Some(&"W".repeat(40)), &Layout::default()).unwrap_err();
        assert!(matches!(fault, NoPlace::Endorsement(LineFault::TooWide { .. })), "{fault:?}");
    }

    #[test]
    fn in_a_flat_every_line_and_the_barcode_are_always_visible() {
        let layout = Layout::flat_9x12();
        let visible = layout.always_visible(&layout.recipient_window);
        let block = place_recipient(&lines(6), &layout).unwrap();
        assert!(visible.contains(&with_clear_zone(&place_bars(&layout).unwrap())));
        assert!(visible.contains(&block.extent) && block.points == 10.0, "{block:?}");
        let (sender, endorsement) = place_sender(&lines(5), Some("Return Service Requested"), &layout).unwrap();
        let middle = layout.seen_at(&layout.return_window, 0.5, 0.5);
        assert!(middle.contains(&sender.extent) && middle.contains(&endorsement.unwrap().extent));
    }

    #[test]
    fn the_postal_style_is_capitals_without_punctuation() {
        let styled = [
            ("José O'Brien-Núñez, Jr.", "JOSÉ OBRIEN NÚÑEZ JR"),
            ("c/o Smith & Sons", "C/O SMITH & SONS"),
            ("112-10 Bronx Rd., Apt. #7", "112-10 BRONX RD APT #7"),
            ("12 1/2 Road 39.2", "12 1/2 ROAD 39.2"),
            ("St. Louis, MO 63101-1234", "ST LOUIS MO 63101-1234"),
            ("Straße", "STRASSE"),
            ("cafe\u{301}", "CAFÉ"),
        ];
        for (line, expected) in styled {
            assert_eq!(usps_style(line), expected);
        }
    }

    #[test]
    fn a_letter_and_its_combining_accent_are_printed_as_one() {
        assert_eq!(check_line("Jose\u{301}"), Ok(()));
        assert_eq!(check_line("x\u{301}"), Err(LineFault::NoGlyph('\u{301}')));
    }
}
