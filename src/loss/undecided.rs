//! NiftyNet's undecided-pixel term: punishes probabilities near 1 / C, whatever the truth is.

use burn::prelude::*;

use super::activation::InputActivation;
use super::cross_entropy::at_least_one;
use super::{LossContext, LossError, LossFn, Prediction, Target, sum_all};
use crate::param::Param;

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

impl LossFn for Undecided {
    fn forward(&self, prediction: &Prediction, target: &Target) -> Tensor<1> {
        let probs = prediction.probs(self.input_activation);
        let classes = probs.dims()[1] as f64;
        let decided = (probs - classes.recip()).abs().mean_dim(1);
        let cost = (decided + self.epsilon).recip() * target.weights();
        sum_all(cost) / at_least_one(sum_all(target.valid.clone()))
    }
}
