//! Draws the label of a certified piece: the banner between its rules, the GS1-128 barcode, the article number below it.
//!
//! The label lies on the part of the page that the layout's window for it always shows. Its parts, from the top: a rule, the
//! banner, the bars, the digits in groups of four, a line for each extra service, a rule (USPS Publication 199; least sizes
//! from Postal Bulletin 22272). The bars take the height that is left.

use super::AssembleError;
use crate::address_block::{LineFault, POINTS, TextBlock};
use crate::code128::{self, ArticleDigits, Code128, GROUP_SEPARATOR};
use crate::drawing::{draw_rectangle, draw_text};
use crate::font::FONT;
use crate::layout::{Layout, Rect};

/// What is on the label of a certified piece besides the routing code, which is that of its Intelligent Mail barcode.
#[derive(Debug, Clone, Copy)]
pub struct Certified<'a> {
    /// The article number.
    pub number: &'a ArticleDigits,
    /// The extra services as they are printed, as in `RETURN RECEIPT ELECTRONIC`; a line for each.
    pub services: &'a [&'a str],
}

/// Width of the narrowest bar, inches: eight dots at 600 to the inch, so that no bar is a dot wider than another; at least
/// 0.013 and at most 0.021 in.
const MODULE: f64 = 8.0 / 600.0;
/// Blank space left and right of the bars, inches: ten modules, and at least 0.125 in.
const QUIET: f64 = 10.0 * MODULE;
/// Height of the bars, inches: on letters at least this, and on parcels the other, which is as high as they need to be.
const BARS: (f64, f64) = (0.5, 0.75);
/// Thickness of a rule, inches; at least 0.031.
const RULE: f64 = 0.04;
/// Blank space between the parts, inches; at least 0.031.
const GAP: f64 = 0.04;
/// The banner.
const BANNER: &str = "USPS CERTIFIED MAIL";
/// Type sizes of banner, digits and extra services, points. Of the first two, letters are at least 0.09 in high.
const SIZES: [f64; 3] = [12.0, 10.0, 8.0];
/// The name of the label in errors.
const LABEL: &str = "certified label";
/// Digits of the routing code that are in the barcode: with the four that follow in a ZIP+4 it would be too long for a letter.
const ZIP: usize = 5;

/// The label on a page `height` points high; `routing` is the routing code of the piece's Intelligent Mail barcode.
pub(super) fn label(
    certified: &Certified<'_>,
    routing: &str,
    layout: &Layout,
    height: f64,
) -> Result<String, AssembleError> {
    let zip = routing.get(..ZIP).unwrap_or_default();
    let symbol = Code128::article(zip, certified.number).map_err(|_| AssembleError::Layout(LABEL))?;
    let visible = layout.always_visible(&layout.certified_window);
    let width = symbol.modules() as f64 * MODULE + 2.0 * QUIET;
    let [banner, digits, service] = SIZES.map(|points| FONT.cap_height * points / POINTS);
    let others = 2.0 * RULE + 4.0 * GAP + banner + digits + certified.services.len() as f64 * (service + GAP);
    let bars = (visible.height - others).min(BARS.1);
    if width > visible.width || bars < BARS.0 {
        return Err(AssembleError::Layout(LABEL));
    }
    let left = visible.left + (visible.width - width) / 2.0;
    let top = visible.top + (visible.height - others - bars) / 2.0;

    let mut content = String::from("0 g\n");
    let rule = |content: &mut String, top: f64| {
        draw_rectangle(content, &Rect { left, top, width, height: RULE }, height);
        content.push_str("f\n");
    };
    // Draws a line of text about the middle of the label and gives where its letters end.
    let line = |content: &mut String, text: &str, points: f64, top: f64| {
        let inches = FONT.width(text).map_err(LineFault::NoGlyph)? * points / POINTS;
        if inches > width {
            return Err(LineFault::TooWide { inches, limit: width });
        }
        let baseline = top + FONT.cap_height * points / POINTS;
        let extent = Rect { left: left + (width - inches) / 2.0, top, width: inches, height: baseline - top };
        let block = TextBlock { points, left: extent.left, last_baseline: baseline, pitch: 0.0, extent };
        draw_text(content, &block, &[text.to_owned()], height);
        Ok(baseline)
    };
    let fault = |fault| AssembleError::Line { block: LABEL, line: 1, fault };

    rule(&mut content, top);
    let mut below = line(&mut content, BANNER, SIZES[0], top + RULE + GAP).map_err(fault)?;
    let place = Rect { left: left + QUIET, top: below + GAP, width: width - 2.0 * QUIET, height: bars };
    let drawn = draw_bars(&symbol, &place, height);
    // The last chance to notice that the bars on the paper are not those of the piece.
    if read_bars(&drawn, &place).as_deref() != Some(elements(zip, certified.number).as_str()) {
        return Err(AssembleError::Barcode);
    }
    content.push_str(&drawn);
    below = line(&mut content, &in_groups(certified.number.as_str()), SIZES[1], place.bottom() + GAP).map_err(fault)?;
    for (number, service) in certified.services.iter().enumerate() {
        below = line(&mut content, service, SIZES[2], below + GAP).map_err(|fault| AssembleError::Line {
            block: LABEL,
            line: number + 1,
            fault,
        })?;
    }
    rule(&mut content, below + GAP);
    Ok(content)
}

/// What a reader must give for the barcode.
fn elements(zip: &str, number: &ArticleDigits) -> String {
    let routing = if zip.is_empty() { String::new() } else { format!("420{zip}{GROUP_SEPARATOR}") };
    routing + number.as_str()
}

fn in_groups(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() * 5 / 4);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && place % 4 == 0 {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// Draws a barcode as filled rectangles, which no font or image scaling can blur.
fn draw_bars(symbol: &Code128, place: &Rect, height: f64) -> String {
    let mut content = String::new();
    let mut module = 0;
    for (number, &width) in symbol.widths().iter().enumerate() {
        if number % 2 == 0 {
            let bar = Rect {
                left: place.left + f64::from(module) * MODULE,
                top: place.top,
                width: f64::from(width) * MODULE,
                height: place.height,
            };
            draw_rectangle(&mut content, &bar, height);
        }
        module += u32::from(width);
    }
    content.push_str("f\n");
    content
}

/// Reads drawn bars back into element strings from nothing but the drawing: nothing if they are no barcode at the place.
fn read_bars(content: &str, place: &Rect) -> Option<String> {
    // A width in modules, if it is a whole number of them but for rounding.
    let modules = |inches: f64| {
        let modules = inches / MODULE;
        let whole = modules.round();
        ((modules - whole).abs() < 0.05 && (1.0..=4.0).contains(&whole)).then_some(whole as u8)
    };
    let mut widths = Vec::new();
    let mut end = place.left;
    for line in content.lines().filter(|line| line.ends_with(" re")) {
        let numbers: Vec<f64> =
            line.trim_end_matches(" re").split(' ').map(str::parse).collect::<Result<_, _>>().ok()?;
        let [left, _, width, _]: [f64; 4] = numbers.try_into().ok()?;
        if !widths.is_empty() {
            widths.push(modules(left / POINTS - end)?);
        } else if (left / POINTS - end).abs() > MODULE / 2.0 {
            return None;
        }
        widths.push(modules(width / POINTS)?);
        end = (left + width) / POINTS;
    }
    code128::decode(&widths).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::Limits;
    use crate::layout::UNPRINTABLE;
    use crate::stationery::{PaperSize, Stationery};
    use proptest::prelude::*;

    const NUMBER: &str = "9214890234567800000013";
    const RECEIPT: &str = "RETURN RECEIPT ELECTRONIC";
    const RESTRICTED: &str = "RESTRICTED DELIVERY";
    /// Height of a Letter page, points.
    const PAGE: f64 = 792.0;

    fn draw(number: &str, routing: &str, services: &[&str], layout: &Layout) -> Result<String, AssembleError> {
        let number = ArticleDigits::parse(number).unwrap();
        label(&Certified { number: &number, services }, routing, layout, PAGE)
    }

    /// The rectangles of a drawing in inches from the top left of the page.
    fn rectangles(content: &str) -> Vec<Rect> {
        content
            .lines()
            .filter_map(|line| line.strip_suffix(" re"))
            .map(|line| {
                let numbers: Vec<f64> = line.split(' ').map(|number| number.parse().unwrap()).collect();
                let [left, bottom, width, height] = numbers.try_into().unwrap();
                let top = (PAGE - bottom - height) / POINTS;
                Rect { left: left / POINTS, top, width: width / POINTS, height: height / POINTS }
            })
            .collect()
    }

    /// Everything the rectangles cover: the rules are as wide as the label and first and last.
    fn extent(content: &str) -> Rect {
        let all = rectangles(content);
        let (first, last) = (all[0], all[all.len() - 1]);
        Rect { height: last.bottom() - first.top, ..first }
    }

    fn apart(a: &Rect, b: &Rect) -> bool {
        a.right() <= b.left || b.right() <= a.left || a.bottom() <= b.top || b.bottom() <= a.top
    }

    /// What certified pieces of every paper are put into, with all of the services.
    fn layouts() -> Vec<Layout> {
        let stationery = Stationery::default();
        let choices = PaperSize::ALL.into_iter().flat_map(|paper| [(paper, 2), (paper, 9)]);
        let layouts = choices.map(|(paper, sheets)| {
            let shown = |layout: &Layout| draw(NUMBER, "70113", &[RECEIPT, RESTRICTED], layout).is_ok();
            stationery.envelopes(sheets, paper).into_iter().map(|(_, layout)| layout).find(shown).unwrap()
        });
        layouts.collect()
    }

    #[test]
    fn all_of_a_label_is_seen_in_its_window_wherever_the_sheet_has_slid() {
        for layout in layouts() {
            for services in [&[][..], &[RECEIPT], &[RECEIPT, RESTRICTED]] {
                let label = extent(&draw(NUMBER, "70113123400", services, &layout).unwrap());
                for (right, down) in [(0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0)] {
                    let seen = layout.seen_at(&layout.certified_window, right, down);
                    assert!(seen.contains(&label), "{label:?} {seen:?}");
                }
            }
        }
    }

    #[test]
    fn nothing_of_a_label_is_ever_seen_in_another_window() {
        for layout in layouts() {
            let label = extent(&draw(NUMBER, "70113", &[RECEIPT, RESTRICTED], &layout).unwrap());
            for window in [&layout.return_window, &layout.recipient_window] {
                for (right, down) in [(0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0)] {
                    assert!(apart(&label, &layout.seen_at(window, right, down)), "{label:?} {window:?}");
                }
            }
        }
    }

    #[test]
    fn no_fold_crosses_a_label_and_the_page_has_room_for_it() {
        for layout in layouts() {
            let label = extent(&draw(NUMBER, "70113", &[RECEIPT, RESTRICTED], &layout).unwrap());
            let panel = Rect {
                left: UNPRINTABLE,
                top: UNPRINTABLE,
                width: layout.panel_width - 2.0 * UNPRINTABLE,
                height: layout.panel_height - UNPRINTABLE,
            };
            assert!(panel.contains(&label), "{label:?}");
        }
    }

    #[test]
    fn inspection_and_layout_agree_on_what_cannot_be_printed_on() {
        assert_eq!(Limits::default().margin, UNPRINTABLE);
    }

    #[test]
    fn a_legal_sheet_with_one_service_is_folded_and_with_two_goes_flat() {
        let folded = Layout::number_10().holding(PaperSize::Legal);
        assert!(draw(NUMBER, "70113", &[RECEIPT], &folded).is_ok());
        assert!(draw(NUMBER, "70113", &[RECEIPT, RESTRICTED], &folded).is_err());
    }

    #[test]
    fn windows_do_not_overlap_and_leave_paper_between_them() {
        for layout in layouts() {
            let certified = layout.certified_window;
            let around = Rect {
                left: certified.left - 0.125,
                top: certified.top - 0.125,
                width: certified.width + 0.25,
                height: certified.height + 0.25,
            };
            assert!(apart(&around, &layout.return_window) && apart(&around, &layout.recipient_window));
            // A permit imprint is at least half an inch wide and stands in the upper right corner.
            assert!(certified.right() <= layout.envelope_width - 1.0 || certified.top >= 1.375, "{certified:?}");
        }
    }

    #[test]
    fn the_parts_of_a_label_are_as_large_as_they_have_to_be() {
        assert!((0.013..=0.021).contains(&MODULE) && QUIET >= 0.125 && QUIET >= 10.0 * MODULE);
        let content = draw(NUMBER, "70113", &[RECEIPT, RESTRICTED], &Layout::number_10()).unwrap();
        let all = rectangles(&content);
        let [first, bars @ .., last] = &all[..] else { panic!("a label") };
        assert!(first.height >= 0.031 && last.height >= 0.031);
        assert!(bars.iter().all(|bar| bar.height >= 0.5 && bar.height <= 0.75));
        assert!(bars[0].left - first.left >= 0.125 && first.right() - bars[bars.len() - 1].right() >= 0.125);
        assert!(SIZES[..2].iter().all(|points| FONT.cap_height * points / POINTS >= 0.09));
    }

    #[test]
    fn the_bars_have_the_routing_code_s_first_five_digits_and_the_number() {
        for (routing, modules) in [("70113123400", 222.0), ("70113", 222.0), ("", 167.0)] {
            let all = rectangles(&draw(NUMBER, routing, &[], &Layout::number_10()).unwrap());
            let bars = &all[1..all.len() - 1];
            let length = bars[bars.len() - 1].right() - bars[0].left;
            assert!((length / MODULE - modules).abs() < 0.01, "{routing}: {length}");
        }
    }

    #[test]
    fn the_lines_of_text_are_banner_number_and_services() {
        let content = draw(NUMBER, "70113", &[RECEIPT], &Layout::number_10()).unwrap();
        let shown: Vec<&str> = content.lines().filter(|line| line.ends_with(" Tj")).collect();
        let lines = [BANNER, "9214 8902 3456 7800 0000 13", RECEIPT];
        assert_eq!(shown.len(), lines.len());
        for (shown, line) in shown.iter().zip(lines) {
            assert!(shown.contains(&FONT.hex(line)), "{line}");
        }
    }

    #[test]
    fn bars_that_were_drawn_wrong_are_noticed() {
        let number = ArticleDigits::parse(NUMBER).unwrap();
        let symbol = Code128::article("70113", &number).unwrap();
        let place = Rect { left: 4.2, top: 0.5, width: 3.0, height: 0.5 };
        let drawn = draw_bars(&symbol, &place, PAGE);
        assert_eq!(read_bars(&drawn, &place), Some(elements("70113", &number)));
        let lines: Vec<&str> = drawn.lines().collect();
        for missing in 0..lines.len() - 1 {
            let mut fewer = lines.clone();
            fewer.remove(missing);
            assert_eq!(read_bars(&fewer.join("\n"), &place), None, "{missing}");
        }
        assert_eq!(read_bars(&drawn, &Rect { left: 4.3, ..place }), None);
    }

    #[test]
    fn a_window_that_is_too_small_is_refused() {
        let narrow = Layout {
            certified_window: Rect { width: 4.0, ..Layout::number_10().certified_window },
            ..Layout::number_10()
        };
        let low = Layout {
            certified_window: Rect { height: 1.3, ..Layout::number_10().certified_window },
            ..Layout::number_10()
        };
        for layout in [narrow, low] {
            let refused = draw(NUMBER, "70113", &[RECEIPT], &layout);
            assert!(matches!(refused, Err(AssembleError::Layout(LABEL))), "{refused:?}");
        }
    }

    #[test]
    fn a_service_that_cannot_be_printed_is_refused() {
        let layout = Layout::number_10();
        let wide = "W".repeat(60);
        let refused = draw(NUMBER, "70113", &[RECEIPT, &wide], &layout);
        assert!(matches!(refused, Err(AssembleError::Line { line: 2, fault: LineFault::TooWide { .. }, .. })));
        let refused = draw(NUMBER, "70113", &["受付"], &layout);
        assert!(matches!(refused, Err(AssembleError::Line { line: 1, fault: LineFault::NoGlyph('受'), .. })));
    }

    proptest! {
        #[test]
        fn every_number_reads_back_from_its_drawing(number in "[0-9]{22}", zip in prop_oneof!["", "[0-9]{5}"]) {
            prop_assert!(draw(&number, &zip, &[RECEIPT], &Layout::number_10()).is_ok());
        }
    }
}
