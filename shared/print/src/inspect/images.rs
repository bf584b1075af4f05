//! The images as they are placed: `document.image_resolution`.

use std::collections::BTreeMap;

use lopdf::ObjectId;

use super::{Finding, Image, Limits, MAX_FACTS, Report};
use crate::layout::Rect;

/// Images with fewer samples than this in a direction are rules and gradients, which nobody sees the samples of.
const LEAST_SAMPLES: u32 = 16;

/// Images that are smaller than this in a direction are spots, inches.
const LEAST_SIDE: f64 = 0.25;

/// The images met so far.
#[derive(Debug, Default)]
pub(super) struct Images {
    /// Those that are objects, each where it has the lowest resolution.
    shared: BTreeMap<ObjectId, Image>,
    /// Those within content.
    inline: Vec<Image>,
}

impl Images {
    pub(super) fn note(&mut self, id: Option<ObjectId>, image: Image) {
        match id {
            None => self.inline.push(image),
            Some(id) => {
                let known = self.shared.entry(id).or_insert_with(|| image.clone());
                if image.dpi < known.dpi {
                    *known = image;
                }
            }
        }
    }

    /// Says what was found.
    pub(super) fn report(self, limits: &Limits, report: &mut Report) {
        let mut images: Vec<Image> = self.shared.into_values().chain(self.inline).collect();
        let place = |image: &Image| (image.page, image.area.top, image.area.left);
        images.sort_by(|a, b| {
            let (a, b) = (place(a), place(b));
            a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.total_cmp(&b.2))
        });
        for image in &images {
            let matters =
                image.width.min(image.height) >= LEAST_SAMPLES && image.area.width.min(image.area.height) >= LEAST_SIDE;
            // A resolution that is right but for rounding is right.
            if matters && image.dpi < limits.image_dpi - 0.5 {
                let message = format!(
                    "An image has {:.0} dots per inch where it is placed and will look coarse. Use one of {:.0} or more.",
                    image.dpi, limits.image_dpi
                );
                let (found, allowed) = (format!("{:.0} dpi", image.dpi), format!("{:.0} dpi", limits.image_dpi));
                let finding = Finding::warn("document.image_resolution", message);
                report.add(finding.on(image.page).at(image.area).measured(found, allowed));
            }
        }
        images.truncate(MAX_FACTS);
        report.images = images;
    }
}

/// An image of `width` by `height` samples whose unit square `matrix` maps to points of an upright page; nothing if it is not
/// on the page. The page's size is in points.
pub(super) fn place(page: u32, size: (f64, f64), matrix: &[f64; 6], width: u32, height: u32) -> Option<Image> {
    let [a, b, c, d, e, f] = *matrix;
    let (xs, ys) = ([e, e + a, e + c, e + a + c], [f, f + b, f + d, f + b + d]);
    let low = |values: [f64; 4]| values.into_iter().fold(f64::INFINITY, f64::min).max(0.0);
    let high = |values: [f64; 4], most: f64| values.into_iter().fold(f64::NEG_INFINITY, f64::max).min(most);
    let (left, right, bottom, top) = (low(xs), high(xs, size.0), low(ys), high(ys, size.1));
    let dpi = (f64::from(width) / a.hypot(b)).min(f64::from(height) / c.hypot(d)) * 72.0;
    if !(left < right && bottom < top && dpi.is_finite()) {
        return None;
    }
    let area = Rect {
        left: left / 72.0,
        top: (size.1 - top) / 72.0,
        width: (right - left) / 72.0,
        height: (top - bottom) / 72.0,
    };
    Some(Image { page, area, width, height, dpi })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LETTER: (f64, f64) = (612.0, 792.0);

    #[test]
    fn the_resolution_is_the_lower_of_both_directions_however_it_is_turned() {
        let upright = place(1, LETTER, &[144.0, 0.0, 0.0, 72.0, 72.0, 648.0], 600, 100).unwrap();
        assert!((upright.dpi - 100.0).abs() < 1e-9, "{upright:?}");
        assert_eq!(upright.area, Rect { left: 1.0, top: 1.0, width: 2.0, height: 1.0 });
        let turned = place(1, LETTER, &[0.0, 144.0, -72.0, 0.0, 144.0, 576.0], 600, 100).unwrap();
        assert!((turned.dpi - 100.0).abs() < 1e-9, "{turned:?}");
        assert_eq!(turned.area, Rect { left: 1.0, top: 1.0, width: 1.0, height: 2.0 });
    }

    #[test]
    fn an_image_is_cut_at_the_edge_of_the_page_and_gone_beyond_it() {
        let over = place(1, LETTER, &[720.0, 0.0, 0.0, 72.0, -36.0, 760.0], 600, 100).unwrap();
        assert_eq!((over.area.left, over.area.top, over.area.width), (0.0, 0.0, 8.5));
        for matrix in [[72.0, 0.0, 0.0, 72.0, 700.0, 0.0], [0.0; 6], [f64::NAN; 6], [f64::INFINITY; 6]] {
            assert_eq!(place(1, LETTER, &matrix, 10, 10), None);
        }
    }
}
