//! NiftyNet's undecided-pixel term: punishes probabilities near 1 / C, whatever the truth is.

use burn::prelude::*;
use dicebench_kernels::fused;

use super::activation::InputActivation;
use super::case::{Elsewhere, Given};
use super::cross_entropy::at_least_one;
use super::{LossContext, LossError, LossFn, LossInfo, Prediction, Target, fits, sum_all};
use crate::param::Param;

pub(super) const INFO: LossInfo = LossInfo {
    kind: "undecided",
    family: "Shape",
    title: "Undecided pixels",
    purpose: "Punishes probabilities near 1/C.",
    formula: "mean 1 / (mean |p − 1/C| + ε)",
    reference: "niftynet.undecided_loss",
    when_to_use: "As a small term once the classes are learned.",
    watch_for: "Ignores the labels; starts near 1/ε.",
};

/// Parameters of the undecided-pixel term.
#[derive(Debug, Clone, PartialEq)]
pub struct Undecided {
    pub input_activation: InputActivation,
    pub epsilon: f64,
}

impl Default for Undecided {
    fn default() -> Self {
        Self {
            input_activation: InputActivation::None,
            epsilon: 1e-4,
        }
    }
}

impl Undecided {
    pub fn params(&mut self) -> Vec<Param<'_>> {
        vec![
            self.input_activation.param(),
            Param::log_float(
                "epsilon",
                &mut self.epsilon,
                1e-12..=1.0,
                "Added below the line: a wholly undecided pixel costs 1 / ε.",
            ),
        ]
    }

    /// # Errors
    /// Never; the signature is that of every loss.
    pub fn build(&self, _context: &LossContext) -> Result<Box<dyn LossFn>, LossError> {
        Ok(Box::new(self.clone()))
    }
}

impl Elsewhere for Undecided {
    fn claims(given: &Given) -> bool {
        given.family == "undecided"
    }

    fn from_case(given: &mut Given) -> Result<Self, String> {
        let mut config = Self {
            input_activation: given.input,
            ..Self::default()
        };
        given.set("eps", &mut config.epsilon)?;
        Ok(config)
    }
}

impl LossFn for Undecided {
    fn forward(&self, prediction: &Prediction, target: &Target) -> Tensor<1> {
        let probs = prediction.probs(self.input_activation);
        let valid = at_least_one(sum_all(target.valid.clone()));
        if fits(&probs) {
            let costs = fused::undecided(probs, target.weights(), self.epsilon as f32);
            return costs.sum() / valid;
        }
        let classes = probs.dims()[1] as f64;
        let decided = (probs - classes.recip()).abs().mean_dim(1);
        let cost = (decided + self.epsilon).recip() * target.weights();
        sum_all(cost) / valid
    }
}
