//! Whether probabilities are to be believed: confidence of the chosen class beside how often it is
//! right. Plain counting; it knows no tensors.

use serde::{Deserialize, Serialize};

/// Intervals of confidence, as torchmetrics has by default.
pub const BINS: usize = 15;

/// The pixels of one interval of confidence.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Bin {
    pub pixels: u64,
    pub right: u64,
    /// Sum of the confidences, each 0..=1.
    pub confidence: f64,
}

/// Equal intervals of confidence from 0 to 1; empty where nothing was counted.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Calibration {
    pub bins: Vec<Bin>,
}

impl Calibration {
    /// # Panics
    /// Never: no interval at all is taken for one.
    #[must_use]
    pub fn new(bins: usize) -> Self {
        Self {
            bins: vec![Bin::default(); bins.max(1)],
        }
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bins.iter().all(|bin| bin.pixels == 0)
    }

    /// Counts one pixel; a confidence that is no number is passed over.
    pub fn add(&mut self, confidence: f64, right: bool) {
        let last = self.bins.len().saturating_sub(1);
        let at = (confidence * self.bins.len() as f64) as usize;
        if let Some(bin) = self.bins.get_mut(at.min(last))
            && !confidence.is_nan()
        {
            bin.pixels += 1;
            bin.right += u64::from(right);
            bin.confidence += confidence;
        }
    }

    /// Expected calibration error: the gap between confidence and share of right pixels, averaged
    /// over pixels, 0..=1; NaN without pixels.
    #[must_use]
    pub fn expected_error(&self) -> f64 {
        let pixels: u64 = self.bins.iter().map(|bin| bin.pixels).sum();
        let gap = |bin: &Bin| (bin.confidence - bin.right as f64).abs();
        self.bins.iter().map(gap).sum::<f64>() / pixels as f64
    }

    /// The largest gap of any interval that has pixels; NaN without.
    #[must_use]
    pub fn largest_error(&self) -> f64 {
        let filled = self.bins.iter().filter(|bin| bin.pixels > 0);
        let gap = |bin: &Bin| (bin.confidence - bin.right as f64).abs() / bin.pixels as f64;
        filled.map(gap).fold(f64::NAN, f64::max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand, four intervals: two pixels at 0.9, one right; one at 0.3, right.
    #[test]
    fn the_gap_is_weighed_by_pixels() {
        let mut found = Calibration::new(4);
        assert!(found.is_empty() && found.expected_error().is_nan());
        found.add(0.9, true);
        found.add(0.9, false);
        found.add(0.3, true);
        found.add(f64::NAN, true);
        let expected = (2.0 * (0.9 - 0.5) + (1.0 - 0.3)) / 3.0;
        assert!((found.expected_error() - expected).abs() < 1e-12);
        assert!((found.largest_error() - 0.7).abs() < 1e-12);
    }

    #[test]
    fn certain_and_right_is_perfect() {
        let mut found = Calibration::new(BINS);
        found.add(1.0, true);
        assert_eq!(found.expected_error(), 0.0);
        assert_eq!(found.bins[BINS - 1].pixels, 1);
    }
}
