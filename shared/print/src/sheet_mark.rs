//! The mark on the front of every sheet, by which a camera tells that a mail piece is complete and in order.
//!
//! It is a square Data Matrix (ISO/IEC 16022, ECC 200) of the text [`payload`] gives.

use crate::data_matrix;
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

/// Where a mark is on an upright sheet so many inches high, with its clear space, for the longest name a job is likely to
/// have; in inches from the top left.
pub(crate) fn zone(layout: &Layout, height: f64) -> Option<Rect> {
    const LIKELY: &str = "job_00000000000000000000000000";
    let side = modules(&payload(LIKELY, 999_999, 99, 99))?.side as f64 + 2.0;
    let module = layout.mark_module;
    let top = height - layout.mark_bottom - (side - 1.0) * module;
    Some(Rect { left: layout.mark_left - module, top, width: side * module, height: side * module })
}

/// The dark modules of a mark as horizontal runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Modules {
    /// Modules on a side.
    pub(crate) side: usize,
    /// Row from the top, first column, and number of modules of each run.
    pub(crate) runs: Vec<(usize, usize, usize)>,
}

/// Encodes a payload; nothing if it is too long.
pub(crate) fn modules(payload: &str) -> Option<Modules> {
    let data_matrix::DataMatrix { side, modules } = data_matrix::encode(payload)?;
    // Every other module is dark in the finder pattern and about half of the runs are one module long.
    let mut runs = Vec::with_capacity(side * side / 3);
    for (row, bits) in modules.chunks(side).enumerate() {
        let mut column = 0;
        for same in bits.chunk_by(|a, b| a == b) {
            if same[0] {
                runs.push((row, column, same.len()));
            }
            column += same.len();
        }
    }
    Some(Modules { side, runs })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_modules_read_back_as_the_payload() {
        let text = payload("job_01HZX3", 1234, 2, 3);
        let modules = modules(&text).unwrap();
        let mut pixels = vec![false; modules.side * modules.side];
        for (row, column, count) in modules.runs {
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
