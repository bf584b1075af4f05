//! Where things are on a sheet and in an envelope: geometry that belongs to the stationery and so is configuration.
//!
//! All lengths are inches. A folded sheet is smaller than its envelope and slides in it, so a window shows a different part
//! of the sheet from one moment to the next. [`Layout::seen_at`] is what a window shows at a given shift;
//! [`Layout::always_visible`] is what it shows at every shift.

use serde::{Deserialize, Serialize};

use crate::stationery::{Fold, PaperSize};

/// Width of the edge of a sheet that cannot be printed on, inches.
pub const UNPRINTABLE: f64 = 0.17;

/// A rectangle in inches, measured from the top left corner of an envelope or a page, y downwards.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Rect {
    /// Distance of the left edge from the left, inches.
    pub left: f64,
    /// Distance of the top edge from the top, inches.
    pub top: f64,
    /// Width, inches.
    pub width: f64,
    /// Height, inches.
    pub height: f64,
}

impl Rect {
    /// Distance of the right edge from the left, inches.
    pub fn right(&self) -> f64 {
        self.left + self.width
    }

    /// Distance of the bottom edge from the top, inches.
    pub fn bottom(&self) -> f64 {
        self.top + self.height
    }

    /// Whether `inner` lies wholly within this rectangle.
    pub fn contains(&self, inner: &Rect) -> bool {
        // A millionth of an inch: sums of inches are not exact.
        const SLOP: f64 = 1e-6;
        inner.left >= self.left - SLOP
            && inner.top >= self.top - SLOP
            && inner.right() <= self.right() + SLOP
            && inner.bottom() <= self.bottom() + SLOP
    }
}

/// An envelope and what is put where on the sheets in it, which are of one size. The default is [`Layout::number_10`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Layout {
    /// Envelope width, inches.
    pub envelope_width: f64,
    /// Envelope height, inches.
    pub envelope_height: f64,
    /// Width of the folded sheet, inches.
    pub panel_width: f64,
    /// Height of the folded sheet, inches.
    pub panel_height: f64,
    /// The window for the return address, from the envelope's top left corner.
    pub return_window: Rect,
    /// The window for the recipient's address block, from the envelope's top left corner.
    pub recipient_window: Rect,
    /// The window for the label of a certified piece, from the envelope's top left corner: right of the return address and
    /// above the recipient's. Envelopes of other pieces have none.
    pub certified_window: Rect,
    /// Space kept between text and the edge of what is always visible, inches.
    pub margin: f64,
    /// Distance of the sheet mark's left edge from the left of the page, inches.
    pub mark_left: f64,
    /// Distance of the sheet mark's bottom edge from the bottom of the page, inches.
    pub mark_bottom: f64,
    /// Side of one module of the sheet mark, inches: eight dots of 600 to the inch, so that no module is a dot wider than
    /// another.
    pub mark_module: f64,
}

impl Default for Layout {
    fn default() -> Self {
        Self::number_10()
    }
}

impl Layout {
    /// A Letter sheet folded into three, in a #10 double-window envelope.
    pub fn number_10() -> Self {
        Self {
            envelope_width: 9.5,
            envelope_height: 4.125,
            panel_width: 8.5,
            panel_height: 11.0 / 3.0,
            return_window: Rect { left: 0.625, top: 0.875, width: 3.25, height: 0.875 },
            recipient_window: Rect { left: 0.625, top: 2.125, width: 4.0, height: 1.0 },
            certified_window: Rect { left: 4.0625, top: 0.25, width: 4.25, height: 1.75 },
            margin: 0.05,
            mark_left: 0.2,
            mark_bottom: 0.2,
            mark_module: 8.0 / 600.0,
        }
    }

    /// A Letter sheet as it is, in an upright 9 x 12 inch envelope with two windows. They are as large as the inch that the
    /// sheet slides asks for, and the address is in the upper half, where flats are read.
    pub fn flat_9x12() -> Self {
        Self {
            envelope_width: 9.0,
            envelope_height: 12.0,
            panel_width: 8.5,
            panel_height: 11.0,
            return_window: Rect { left: 0.625, top: 0.75, width: 3.75, height: 1.75 },
            recipient_window: Rect { left: 0.625, top: 2.875, width: 4.0, height: 2.25 },
            certified_window: Rect { left: 4.75, top: 1.5, width: 4.0, height: 2.25 },
            ..Self::number_10()
        }
    }

    /// A Legal sheet as it is, in an upright 10 x 15 inch envelope. The label of a certified piece is above the recipient's
    /// address, for there is no room beside it.
    pub fn flat_10x15() -> Self {
        Self {
            envelope_width: 10.0,
            envelope_height: 15.0,
            panel_width: 8.5,
            panel_height: 14.0,
            return_window: Rect { left: 0.625, top: 1.375, width: 4.25, height: 2.25 },
            recipient_window: Rect { left: 0.625, top: 3.75, width: 4.75, height: 2.25 },
            certified_window: Rect { left: 5.0, top: 1.375, width: 4.75, height: 2.25 },
            ..Self::number_10()
        }
    }

    /// The same envelope with sheets of another size in it, folded as often as it asks.
    pub fn holding(&self, paper: PaperSize) -> Self {
        let (width, height) = paper.inches();
        let panels = Fold::of(height, self).panels();
        Self { panel_width: width, panel_height: height / f64::from(panels), ..self.clone() }
    }

    /// What a window shows of the page, in page inches, when the sheet has slid `right` and `down` as fractions of the
    /// slack: 0 is flush left and flush top, 1 is flush right and resting on the bottom.
    pub fn seen_at(&self, window: &Rect, right: f64, down: f64) -> Rect {
        Rect {
            left: window.left - right * (self.envelope_width - self.panel_width),
            top: window.top - down * (self.envelope_height - self.panel_height),
            ..*window
        }
    }

    /// What a window shows of the page, in page inches, wherever the sheet has slid to.
    pub fn always_visible(&self, window: &Rect) -> Rect {
        let first = self.seen_at(window, 0.0, 0.0);
        let last = self.seen_at(window, 1.0, 1.0);
        // No sheet shows what lies left of or above its own edge.
        let left = first.left.max(0.0);
        let top = first.top.max(0.0);
        Rect { left, top, width: last.right() - left, height: last.bottom() - top }
    }
}
