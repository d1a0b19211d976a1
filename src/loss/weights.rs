//! Class weights: from pixel counts to one number per class.

use serde::{Deserialize, Serialize};

use super::LossError;
use crate::param::Param;

crate::choices! {
    /// How class weights are found.
    pub enum WeightScheme {
        Uniform = "uniform": "Every class weighs 1.",
        Manual = "manual": "One number per class, by hand.",
        Inverse = "inverse": "1 / pixel share: each class weighs alike in total.",
        InverseSqrt = "inverse_sqrt": "1 / √(pixel share): between uniform and inverse.",
        InverseSquare = "inverse_square": "1 / volume², as in generalised Dice.",
        MedianFrequency = "median_frequency": "Median frequency / frequency (SegNet).",
        LogFrequency = "log_frequency": "1 / ln(1.02 + pixel share) (ENet).",
        EffectiveNumber = "effective_number": "(1 − β) / (1 − β^n) (Cui et al. 2019).",
    }
}

/// `[class_weights]` of a preset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClassWeightsConfig {
    pub scheme: WeightScheme,
    /// Weights by hand, one per class (scheme `manual`).
    pub manual: Vec<f64>,
    /// β of the effective number of samples.
    pub beta: f64,
    /// Scale the weights so that those above 0 have a mean of 1 (not weights by hand).
    pub normalize: bool,
}

impl Default for ClassWeightsConfig {
    fn default() -> Self {
        Self {
            scheme: WeightScheme::Uniform,
            manual: Vec::new(),
            beta: 0.9999,
            normalize: true,
        }
    }
}

impl ClassWeightsConfig {
    /// One weight per class.
    ///
    /// `counts` are the training pixels of each class, `presence_pixels` the pixels of the training
    /// images in which it occurs. A class without pixels weighs 0 where its formula would divide by
    /// zero: it can't be learned anyway.
    ///
    /// # Errors
    /// When weights by hand are not one per class, or all of them are 0.
    pub fn weights(&self, counts: &[u64], presence_pixels: &[u64]) -> Result<Vec<f64>, LossError> {
        let total: f64 = counts.iter().map(|n| *n as f64).sum();
        let classes = counts.len() as f64;
        let of_present = |formula: &dyn Fn(f64) -> f64| -> Vec<f64> {
            let weight = |&n: &u64| if n == 0 { 0.0 } else { formula(n as f64) };
            counts.iter().map(weight).collect()
        };
        let weights = match self.scheme {
            WeightScheme::Uniform => return Ok(vec![1.0; counts.len()]),
            WeightScheme::Manual if self.manual.len() != counts.len() => {
                return Err(LossError::Invalid(format!(
                    "`class_weights.manual` has {} numbers for {} classes: expected one per class",
                    self.manual.len(),
                    counts.len()
                )));
            }
            WeightScheme::Manual => self.manual.clone(),
            WeightScheme::Inverse => of_present(&|n| total / (classes * n)),
            WeightScheme::InverseSqrt => of_present(&|n| (total / n).sqrt()),
            WeightScheme::InverseSquare => of_present(&|n| (total / (classes * n)).powi(2)),
            WeightScheme::MedianFrequency => median_frequency(counts, presence_pixels),
            WeightScheme::EffectiveNumber => {
                of_present(&|n| (1.0 - self.beta) / (1.0 - self.beta.powf(n)))
            }
            WeightScheme::LogFrequency => counts
                .iter()
                .map(|n| 1.0 / (1.02 + *n as f64 / total.max(1.0)).ln())
                .collect(),
        };
        let present: Vec<f64> = weights.iter().copied().filter(|w| *w > 0.0).collect();
        if present.is_empty() {
            return Err(LossError::Invalid(
                "every class weight is 0: expected at least one above 0".to_owned(),
            ));
        }
        let mean = present.iter().sum::<f64>() / present.len() as f64;
        let by_hand = self.scheme == WeightScheme::Manual;
        Ok(if self.normalize && !by_hand {
            weights.iter().map(|w| w / mean).collect()
        } else {
            weights
        })
    }

    pub fn params(&mut self) -> Vec<Param<'_>> {
        vec![
            Param::choice(
                "scheme",
                &mut self.scheme,
                "How the weight of each class is found from its share of the training pixels.",
            ),
            Param::floats(
                "manual",
                &mut self.manual,
                0.0..=1e6,
                "Weights by hand, one per class (scheme `manual`).",
            ),
            Param::float(
                "beta",
                &mut self.beta,
                0.0..=0.999_999_999,
                "β of the effective number of samples; nearer to 1 is nearer to inverse frequency.",
            ),
            Param::flag(
                "normalize",
                &mut self.normalize,
                "Scale the weights so that those above 0 have a mean of 1 (weights by hand stay).",
            ),
        ]
    }
}

/// Median frequency / frequency, the frequency of a class counted over the images that have it
/// (Badrinarayanan et al. 2017).
fn median_frequency(counts: &[u64], presence_pixels: &[u64]) -> Vec<f64> {
    let frequency = |(&n, &pixels): (&u64, &u64)| n as f64 / pixels.max(1) as f64;
    let all: Vec<f64> = counts.iter().zip(presence_pixels).map(frequency).collect();
    let mut present: Vec<f64> = all.iter().copied().filter(|f| *f > 0.0).collect();
    present.sort_by(f64::total_cmp);
    let middle = present.len() / 2;
    let median = match present.len() {
        0 => return vec![0.0; counts.len()],
        n if n % 2 == 0 => f64::midpoint(present[middle - 1], present[middle]),
        _ => present[middle],
    };
    let weight = |f: &f64| if *f > 0.0 { median / f } else { 0.0 };
    all.iter().map(weight).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights(scheme: WeightScheme, normalize: bool, counts: &[u64]) -> Vec<f64> {
        let config = ClassWeightsConfig {
            scheme,
            normalize,
            ..ClassWeightsConfig::default()
        };
        config.weights(counts, &[counts.iter().sum(); 3]).unwrap()
    }

    /// scikit-learn 1.9.1, `compute_class_weight("balanced")`.
    #[test]
    fn inverse_frequency_is_what_scikit_learn_calls_balanced() {
        let found = weights(WeightScheme::Inverse, false, &[59, 5, 8]);
        for (a, b) in found.iter().zip([0.406_779_661_016_949, 4.8, 3.0]) {
            assert!((a - b).abs() < 1e-12, "{found:?}");
        }
    }

    #[test]
    fn an_absent_class_weighs_nothing_and_the_others_have_mean_one() {
        for scheme in [
            WeightScheme::Inverse,
            WeightScheme::InverseSqrt,
            WeightScheme::InverseSquare,
            WeightScheme::MedianFrequency,
            WeightScheme::EffectiveNumber,
        ] {
            let found = weights(scheme, true, &[90, 0, 10]);
            assert_eq!(found[1], 0.0, "{scheme}");
            assert!(
                (found[0] + found[2] - 2.0).abs() < 1e-12,
                "{scheme}: {found:?}"
            );
            assert!(found[2] > found[0], "{scheme}: {found:?}");
        }
    }

    #[test]
    fn weights_by_hand_must_be_one_per_class() {
        let config = ClassWeightsConfig {
            scheme: WeightScheme::Manual,
            manual: vec![1.0, 2.0],
            ..ClassWeightsConfig::default()
        };
        let message = config
            .weights(&[1, 1, 1], &[3, 3, 3])
            .unwrap_err()
            .to_string();
        assert!(message.contains('2') && message.contains('3'), "{message}");
    }
}
