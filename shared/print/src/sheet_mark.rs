//! The mark on the front of every sheet, by which a camera tells that a mail piece is complete and in order.
//!
//! It is a square Data Matrix (ISO/IEC 16022, ECC 200) of the text [`payload`] gives.

use crate::address_block::{POINTS, TextBlock};
use crate::data_matrix::{self, DataMatrix};
use crate::font::FONT;
use crate::layout::{Layout, Rect};

/// The text of a sheet mark: mail job, number of the piece in it, number of the sheet in the piece from 1, and how many
/// sheets the piece has, as in `job_7 42 1/3`. To read it, split at the last blank and the one before: the name of a job
/// may be anything that is printable ASCII and not blank.
pub fn payload(job: &str, piece: u32, sheet: u32, sheets: u32) -> String {
    format!("{job} {piece} {sheet}/{sheets}")
}

/// The longest name of a job that goes into a mark.
const MAX_JOB: usize = 64;

/// Whether the name of a job can be in a mark and be told from what follows it.
pub(crate) fn can_mark(job: &str) -> bool {
    (1..=MAX_JOB).contains(&job.len()) && job.bytes().all(|byte| byte.is_ascii_graphic())
}

/// What stands beside a mark, for people.
pub(crate) fn line(job: &str, piece: u32, sheet: u32, sheets: u32) -> String {
    format!("{job} {piece} sheet {sheet}/{sheets}")
}

/// What may follow the line: that the sheet is perforated, or on a cover that the next one is.
pub(crate) const PERFORATED: &str = " PERF";
pub(crate) const NEXT_PERFORATED: &str = " PERF 2";

/// Where the line beside a mark goes on an upright sheet so many inches high, and what is white behind it: as much around it as
/// around the mark.
pub(crate) fn beside(layout: &Layout, side: usize, line: &str, height: f64) -> (TextBlock, Rect) {
    let module = layout.mark_module;
    let block = TextBlock {
        points: 6.0,
        // Two modules of clear space, and as much again.
        left: layout.mark_left + (side as f64 + 4.0) * module,
        last_baseline: height - layout.mark_bottom,
        pitch: 0.0,
        extent: Rect { left: 0.0, top: 0.0, width: 0.0, height: 0.0 },
    };
    // Nothing hangs lower or stands higher than this.
    let size = block.points / POINTS;
    let (above, below) = (FONT.cap_height * size + module, FONT.descent * size + module);
    let behind = Rect {
        left: block.left - module,
        top: block.last_baseline - above,
        width: FONT.width(line).unwrap_or(0.0) * size + 2.0 * module,
        height: above + below,
    };
    (block, behind)
}

/// What is printed over on an upright sheet so many inches high: the mark with its clear space, and the line beside it, for the
/// longest name a job is likely to have; in inches from the top left.
pub(crate) fn zones(layout: &Layout, height: f64) -> Option<[Rect; 2]> {
    const LIKELY: &str = "job_00000000000000000000000000";
    let side = modules(&payload(LIKELY, 999_999, 99, 99))?.side;
    let (module, modules) = (layout.mark_module, side as f64 + 2.0);
    let top = height - layout.mark_bottom - (modules - 1.0) * module;
    let mark = Rect { left: layout.mark_left - module, top, width: modules * module, height: modules * module };
    let line = line(LIKELY, 999_999, 99, 99) + NEXT_PERFORATED;
    Some([mark, beside(layout, side, &line, height).1])
}

/// Encodes a payload; nothing if it is too long.
pub(crate) fn modules(payload: &str) -> Option<DataMatrix> {
    data_matrix::encode(payload)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_modules_read_back_as_the_payload() {
        let text = payload("job_01HZX3", 1234, 2, 3);
        let modules = modules(&text).unwrap();
        let mut pixels = vec![false; modules.side * modules.side];
        for (row, column, count) in modules.runs() {
            pixels[row * modules.side + column..][..count].fill(true);
        }
        assert_eq!(datamatrix::DataMatrix::decode(&pixels, modules.side), Ok(text.into_bytes()));
    }

    #[test]
    fn the_payload_splits_from_the_right() {
        assert_eq!(payload("a/b-c", 7, 1, 12), "a/b-c 7 1/12");
    }

    #[test]
    fn a_job_with_a_blank_or_no_name_cannot_be_in_a_mark() {
        assert!(can_mark("job_7"));
        assert!(!can_mark("job 7") && !can_mark("") && !can_mark("jób") && !can_mark(&"j".repeat(65)));
    }

    #[test]
    fn the_longest_job_still_has_a_mark() {
        assert!(modules(&payload(&"j".repeat(MAX_JOB), u32::MAX, u32::MAX, u32::MAX)).is_some());
    }
}
