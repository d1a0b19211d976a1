//! Class weights: from pixel counts to one number per class.

use serde::{Deserialize, Serialize};

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
        EffectiveNumber = "effective_number": "(1 − β) / (1 − βⁿ) (Cui et al. 2019).",
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
    /// Scale the weights to a mean of 1.
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
                "Scale the weights so that their mean is 1.",
            ),
        ]
    }
}
