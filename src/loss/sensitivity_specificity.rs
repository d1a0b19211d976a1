//! Sensitivity–specificity (Brosch et al. 2015): squared errors on and off each class, weighed
//! against each other whatever their pixel counts.

use burn::prelude::*;

use super::activation::InputActivation;
use super::case::{Code, Elsewhere, Given};
use super::{LossContext, LossError, LossFn, LossInfo, Prediction, Target, product_sums};
use crate::param::Param;

pub(super) const INFO: LossInfo = LossInfo {
    kind: "sensitivity_specificity",
    family: "Overlap",
    title: "Sensitivity–specificity",
    purpose: "Squared error on and off each class, whatever their pixel counts.",
    formula: "Σ_c r · Σy(y−p)²/Σy + (1 − r) · Σ(1−y)(y−p)²/Σ(1−y)",
    reference: "Brosch et al. 2015; niftynet.sensitivity_specificity_loss",
    when_to_use: "Lesions of a few pixels.",
    watch_for: "Summed over classes: its range grows with their number.",
};

/// Parameters of the sensitivity–specificity loss.
#[derive(Debug, Clone, PartialEq)]
pub struct SensitivitySpecificity {
    pub input_activation: InputActivation,
    pub r: f64,
    pub smooth_denominator: f64,
}

impl Default for SensitivitySpecificity {
    fn default() -> Self {
        Self {
            input_activation: InputActivation::None,
            r: 0.05,
            smooth_denominator: 1e-5,
        }
    }
}

impl SensitivitySpecificity {
    pub fn params(&mut self) -> Vec<Param<'_>> {
        vec![
            self.input_activation.param(),
            Param::float(
                "r",
                &mut self.r,
                0.0..=1.0,
                "Weight of the errors on the class; 1 − r goes to those off it.",
            ),
            Param::log_float(
                "smooth_denominator",
                &mut self.smooth_denominator,
                1e-12..=1e6,
                "Added below both lines, in pixels.",
            ),
        ]
    }

    /// # Errors
    /// Never; the signature is that of every loss.
    pub fn build(&self, _context: &LossContext) -> Result<Box<dyn LossFn>, LossError> {
        Ok(Box::new(self.clone()))
    }
}

impl Elsewhere for SensitivitySpecificity {
    fn claims(given: &Given) -> bool {
        given.family == "sensitivity_specificity"
    }

    fn from_case(given: &mut Given) -> Result<Self, String> {
        let mut config = Self {
            input_activation: given.input,
            ..Self::default()
        };
        given.set("r", &mut config.r)?;
        given.set("smooth_dr", &mut config.smooth_denominator)?;
        Ok(config)
    }

    fn code(&self) -> Option<Code> {
        let (r, smooth) = (self.r, self.smooth_denominator);
        Some(Code {
            input: self.input_activation,
            lines: vec![
                "error = (p - y) ** 2 * valid".to_owned(),
                "off = (1.0 - y) * valid".to_owned(),
                format!(
                    "on_class = xp.sum(error * y, axis=(2, 3)) / (xp.sum(y, axis=(2, 3)) + {smooth:?})"
                ),
                format!(
                    "off_class = xp.sum(error * off, axis=(2, 3)) / (xp.sum(off, axis=(2, 3)) + {smooth:?})"
                ),
                format!(
                    "return xp.mean(xp.sum({r:?} * on_class + (1.0 - {r:?}) * off_class, axis=1))"
                ),
            ],
        })
    }
}

impl LossFn for SensitivitySpecificity {
    fn forward(&self, prediction: &Prediction, target: &Target) -> Tensor<1> {
        let weights = target.weights();
        let on = target.one_hot.clone();
        let off = -on.clone() + 1.0;
        let error = prediction.probs(self.input_activation) - on.clone();
        let error = error.clone() * error;
        let share = |side: Tensor<4>| {
            let pixels = product_sums(side.clone(), [weights.clone()]);
            let errors = product_sums(error.clone(), [side, weights.clone()]);
            errors / (pixels + self.smooth_denominator)
        };
        let loss = share(on) * self.r + share(off) * (1.0 - self.r);
        loss.sum_dim(1).mean()
    }
}
