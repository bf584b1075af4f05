//! What it costs to draw a page, told without drawing it: in nanoseconds, from measurements of what draws it.
//!
//! The figures are what ordinary content takes at the worst, at 72 pixels per inch, and are stated where they are used. What
//! is made to be costlier is stopped by the limits of [`crate::isolate`] and refused; they keep what is honest within those.

/// Pixels of a Letter page at 72 per inch, and so its area in square points.
const PAGE: f64 = 612.0 * 792.0;

/// What drawing a page has cost so far.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cost(f64);

impl Default for Cost {
    /// What an empty page costs.
    fn default() -> Self {
        Self(5e6)
    }
}

impl Cost {
    /// The sum, nanoseconds.
    pub(super) fn nanoseconds(self) -> u64 {
        // What is too much for the type is the most it has.
        self.0 as u64
    }

    /// So many bytes of content were read.
    pub(super) fn content(&mut self, bytes: usize) {
        self.0 += 100.0 * bytes as f64;
    }

    /// A string of so many bytes is shown.
    pub(super) fn text(&mut self, bytes: usize) {
        self.0 += 4e3 * bytes as f64;
    }

    /// A path is painted or clipped to.
    pub(super) fn path(&mut self, path: &Path, paints: u32) {
        self.0 += f64::from(paints) * (3e3 + 2e3 * path.segments + 30.0 * path.length + 2.0 * path.area());
    }

    /// A path is stroked in dashes of `period` points.
    pub(super) fn dashes(&mut self, path: &Path, period: f64) {
        if period > 0.0 {
            self.0 += 1e3 * (path.length / period);
        }
    }

    /// An image of so many samples is drawn: JPEG 2000 takes by far the longest.
    pub(super) fn image(&mut self, samples: u64, components: u32, is_jpeg_2000: bool) {
        let each = if is_jpeg_2000 { 100.0 } else { 8.0 };
        self.0 += each * samples as f64 * f64::from(components.max(1));
    }

    /// A layer of its own is made as large as the page, and put on the page: for a group or a soft mask.
    pub(super) fn layer(&mut self) {
        self.0 += 20e6;
    }

    /// The whole page is shaded along a line or between circles.
    pub(super) fn gradient(&mut self) {
        self.0 += 4.0 * PAGE;
    }

    /// A shading of so many bytes: each patch of a mesh has some fifty and may cover the page.
    pub(super) fn mesh(&mut self, bytes: usize) {
        self.0 += 5e5 * bytes as f64;
    }

    /// The page is filled with tiles.
    pub(super) fn tiles(&mut self) {
        self.0 += 50e6;
    }

    /// The page is filled by evaluating a function of so many bytes for each pixel.
    pub(super) fn function(&mut self, bytes: usize) {
        self.0 += 5.0 * PAGE * bytes as f64;
    }
}

/// The size of a path, points.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Path {
    segments: f64,
    length: f64,
    last: (f64, f64),
    /// Left, bottom, right, top.
    bounds: Option<[f64; 4]>,
}

impl Path {
    /// Begins a part of it.
    pub(super) fn move_to(&mut self, x: f64, y: f64) {
        let [left, bottom, right, top] = self.bounds.unwrap_or([x, y, x, y]);
        self.bounds = Some([left.min(x), bottom.min(y), right.max(x), top.max(y)]);
        self.last = (x, y);
        self.segments += 1.0;
    }

    /// Goes on to a point, straight or by way of points that are gone on to as well.
    pub(super) fn line_to(&mut self, x: f64, y: f64) {
        // What is far out of sight is cut off before it is drawn.
        self.length += (x - self.last.0).hypot(y - self.last.1).min(1e4);
        self.move_to(x, y);
    }

    /// The area of the box around it, at most that of the page.
    fn area(&self) -> f64 {
        let size = |low: f64, high: f64| (high - low).max(1.0);
        self.bounds.map_or(0.0, |[left, bottom, right, top]| (size(left, right) * size(bottom, top)).min(PAGE))
    }
}
