//! Scores from one integer confusion matrix. A class that occurs in neither truth nor prediction
//! has no score (`None`), never 1 or 0 by accident.

use serde::{Deserialize, Serialize};

/// Counts of pixels: `counts[truth * classes + prediction]`; ignored pixels are not counted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Confusion {
    pub classes: usize,
    pub counts: Vec<u64>,
}

impl Confusion {
    #[must_use]
    pub fn new(classes: usize) -> Self {
        Self {
            classes,
            counts: vec![0; classes * classes],
        }
    }

    /// Counts one image; pixels whose truth is not a class (ignored) are passed over.
    pub fn add(&mut self, truth: &[u8], prediction: &[u8]) {
        for (&t, &p) in truth.iter().zip(prediction) {
            let (t, p) = (usize::from(t), usize::from(p));
            if t < self.classes && p < self.classes {
                self.counts[t * self.classes + p] += 1;
            }
        }
    }

    pub fn merge(&mut self, other: &Self) {
        for (a, b) in self.counts.iter_mut().zip(&other.counts) {
            *a += b;
        }
    }

    /// `(true positives, false positives, false negatives)` of a class.
    #[must_use]
    pub fn tp_fp_fn(&self, class: usize) -> (u64, u64, u64) {
        let n = self.classes;
        let tp = self.counts[class * n + class];
        let truth: u64 = self.counts[class * n..(class + 1) * n].iter().sum();
        let predicted: u64 = (0..n).map(|t| self.counts[t * n + class]).sum();
        (tp, predicted - tp, truth - tp)
    }

    /// 2·TP / (2·TP + FP + FN) per class; `None` where the class is in neither truth nor prediction.
    #[must_use]
    pub fn dice(&self) -> Vec<Option<f64>> {
        (0..self.classes)
            .map(|class| {
                let (tp, fp, fn_) = self.tp_fp_fn(class);
                let denominator = 2 * tp + fp + fn_;
                (denominator > 0).then(|| 2.0 * tp as f64 / denominator as f64)
            })
            .collect()
    }

    /// TP / (TP + FP + FN) per class; `None` where the class is in neither truth nor prediction.
    #[must_use]
    pub fn iou(&self) -> Vec<Option<f64>> {
        (0..self.classes)
            .map(|class| {
                let (tp, fp, fn_) = self.tp_fp_fn(class);
                let union = tp + fp + fn_;
                (union > 0).then(|| tp as f64 / union as f64)
            })
            .collect()
    }
}

/// Mean over the classes that have a score.
#[must_use]
pub fn mean(scores: &[Option<f64>]) -> Option<f64> {
    let present: Vec<f64> = scores.iter().copied().flatten().collect();
    (!present.is_empty()).then(|| present.iter().sum::<f64>() / present.len() as f64)
}
