//! Distances between the surfaces of a true and a predicted region: Hausdorff, average surface
//! distance, surface Dice. A surface is the set of pixels of a region that touch, by one of their
//! four sides, something outside of it or the edge of the image (as in MONAI and SciPy).

use crate::data::distance::squared_distance;

/// For each surface pixel of one region, the distance to the surface of the other.
#[derive(Debug, Clone, PartialEq)]
pub struct Surfaces {
    /// From the predicted surface to the true one, in pixels.
    pub to_truth: Vec<f64>,
    /// From the true surface to the predicted one, in pixels.
    pub to_prediction: Vec<f64>,
}

impl Surfaces {
    /// Both masks are `[H, W]`. Where one region is empty, the distances of the other are infinite.
    #[must_use]
    pub fn between(truth: &[bool], prediction: &[bool], h: usize, w: usize) -> Self {
        let field = |to: &[bool]| squared_distance(to, h, w);
        Self::from_edges(&edge(truth, h, w), &edge(prediction, h, w), field)
    }

    /// As torchmetrics 1.9.0 has them: it pads the image by a pixel and writes the map of distances
    /// with rows as long as the image is **high**. In square images that is the same; in others its
    /// Hausdorff distance is not the distance of anything.
    #[must_use]
    pub fn as_torchmetrics(truth: &[bool], prediction: &[bool], h: usize, w: usize) -> Self {
        let (high, wide) = (h + 2, w + 2);
        let padded = |mask: &[bool]| -> Vec<bool> {
            let inner = edge(mask, h, w);
            let mut out = vec![false; high * wide];
            for y in 0..h {
                out[(y + 1) * wide + 1..][..w].copy_from_slice(&inner[y * w..][..w]);
            }
            out
        };
        let field = |to: &[bool]| {
            let right = squared_distance(to, high, wide);
            let mut written = vec![
                if to.contains(&true) {
                    0.0
                } else {
                    f64::INFINITY
                };
                high * wide
            ];
            for at in (0..high * wide).filter(|at| !to[*at]) {
                if let Some(value) = written.get_mut(at / wide * high + at % wide) {
                    *value = right[at];
                }
            }
            written
        };
        Self::from_edges(&padded(truth), &padded(prediction), field)
    }

    /// `field` gives the squared distance of every pixel to a surface.
    fn from_edges(
        truth: &[bool],
        prediction: &[bool],
        field: impl Fn(&[bool]) -> Vec<f64>,
    ) -> Self {
        let distances = |from: &[bool], to: &[bool]| -> Vec<f64> {
            let on = from.iter().zip(field(to)).filter(|(on, _)| **on);
            on.map(|(_, squared)| squared.sqrt()).collect()
        };
        Self {
            to_truth: distances(prediction, truth),
            to_prediction: distances(truth, prediction),
        }
    }

    /// Hausdorff distance at a percentile (100 = the largest), the larger of both directions. NaN
    /// when both regions are empty; with one empty, infinite at 100 and NaN below, as in MONAI.
    #[must_use]
    pub fn hausdorff(&self, percentile: f64) -> f64 {
        let (a, b) = self.both_directions();
        let (a, b) = (quantile(a, percentile), quantile(b, percentile));
        if a.is_nan() || b.is_nan() {
            f64::NAN
        } else {
            a.max(b)
        }
    }

    /// Mean over both surfaces together; NaN when both regions are empty.
    #[must_use]
    pub fn average(&self) -> f64 {
        let (a, b) = self.both_directions();
        (a.iter().sum::<f64>() + b.iter().sum::<f64>()) / (a.len() + b.len()) as f64
    }

    /// Share of both surfaces that is within `threshold` of the other; NaN when both are empty.
    #[must_use]
    pub fn dice(&self, threshold: f64) -> f64 {
        let all = || self.to_truth.iter().chain(&self.to_prediction);
        all().filter(|d| **d <= threshold).count() as f64 / all().count() as f64
    }

    /// A region that is missing is infinitely far from either side.
    fn both_directions(&self) -> (&[f64], &[f64]) {
        match (self.to_truth.is_empty(), self.to_prediction.is_empty()) {
            (true, false) => (&self.to_prediction, &self.to_prediction),
            (false, true) => (&self.to_truth, &self.to_truth),
            _ => (&self.to_truth, &self.to_prediction),
        }
    }
}

/// The pixels of `mask` that are not wholly inside it.
fn edge(mask: &[bool], h: usize, w: usize) -> Vec<bool> {
    let inside = |y: usize, x: usize| {
        let at = y * w + x;
        y > 0
            && x > 0
            && y + 1 < h
            && x + 1 < w
            && mask[at - 1]
            && mask[at + 1]
            && mask[at - w]
            && mask[at + w]
    };
    (0..h * w)
        .map(|at| mask[at] && !inside(at / w, at % w))
        .collect()
}

/// Linear between the two nearest ranks; NaN of nothing.
fn quantile(values: &[f64], percentile: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else {
        return f64::NAN;
    };
    if percentile >= 100.0 {
        return sorted[last];
    }
    let rank = percentile / 100.0 * last as f64;
    let (low, high) = (sorted[rank.floor() as usize], sorted[rank.ceil() as usize]);
    low + (high - low) * rank.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shifted_square_is_as_far_as_it_was_shifted() {
        let square = |from: usize| -> Vec<bool> {
            let at = |i: usize| (from..from + 3).contains(&(i % 8)) && (2..5).contains(&(i / 8));
            (0..64).map(at).collect()
        };
        let surfaces = Surfaces::between(&square(1), &square(3), 8, 8);
        assert_eq!(surfaces.hausdorff(100.0), 2.0);
        // Eight pixels each: the middle is not on the surface.
        assert_eq!(surfaces.to_truth.len(), 8);
        assert_eq!(
            Surfaces::between(&square(1), &square(1), 8, 8).average(),
            0.0
        );
    }

    #[test]
    fn a_missing_region_is_infinitely_far_and_two_are_nothing() {
        let (none, one) = ([false; 4], [true, false, false, false]);
        let missing = Surfaces::between(&one, &none, 2, 2);
        assert_eq!(
            (missing.hausdorff(100.0), missing.dice(1.0)),
            (f64::INFINITY, 0.0)
        );
        assert!(
            Surfaces::between(&none, &none, 2, 2)
                .hausdorff(100.0)
                .is_nan()
        );
    }
}
