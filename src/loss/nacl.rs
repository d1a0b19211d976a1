//! NACL (Murugesan et al. 2023): cross-entropy with logits held near the share of each class among a
//! pixel's neighbours, for calibrated probabilities.

use burn::prelude::*;

use super::activation::InputActivation;
use super::arithmetic::window_means;
use super::case::{Elsewhere, Given};
use super::cross_entropy::{CrossEntropy, at_least_one};
use super::{LossContext, LossError, LossFn, LossInfo, Prediction, Target, product_sums, sum_all};
use crate::param::Param;

pub(super) const INFO: LossInfo = LossInfo {
    kind: "nacl",
    family: "Pixel-wise",
    title: "Neighbour-aware calibration",
    purpose: "Cross-entropy with logits held near the neighbours' class shares.",
    formula: "CE + α · mean |U(y) − z|",
    reference: "Murugesan et al. 2023; monai.NACLLoss",
    when_to_use: "Probabilities that are to be believed.",
    watch_for: "It holds raw logits, not probabilities, near numbers between 0 and 1.",
};

crate::choices! {
    /// How far logits are from the shares.
    pub enum Distance {
        L1 = "l1": "Absolute difference.",
        L2 = "l2": "Squared difference.",
    }
}

/// Parameters of NACL.
#[derive(Debug, Clone, PartialEq)]
pub struct Nacl {
    pub input_activation: InputActivation,
    /// Side of the neighbourhood, odd, in pixels.
    pub kernel_size: u64,
    pub distance: Distance,
    pub alpha: f64,
}

impl Default for Nacl {
    fn default() -> Self {
        Self {
            input_activation: InputActivation::None,
            kernel_size: 3,
            distance: Distance::L1,
            alpha: 0.1,
        }
    }
}

impl Nacl {
    pub fn params(&mut self) -> Vec<Param<'_>> {
        vec![
            self.input_activation.param(),
            Param::int(
                "kernel_size",
                &mut self.kernel_size,
                1..=31,
                "Side of the neighbourhood, an odd number of pixels.",
            ),
            Param::choice(
                "distance",
                &mut self.distance,
                "How far logits are from the neighbours' shares.",
            ),
            Param::float(
                "alpha",
                &mut self.alpha,
                0.0..=10.0,
                "Weight of that distance beside cross-entropy.",
            ),
        ]
    }

    /// # Errors
    /// When the neighbourhood has no centre, or class weights don't fit.
    pub fn build(&self, context: &LossContext) -> Result<Box<dyn LossFn>, LossError> {
        if self.kernel_size.is_multiple_of(2) {
            return Err(LossError::Invalid(format!(
                "`kernel_size` = {}: expected an odd number",
                self.kernel_size
            )));
        }
        let cross_entropy = CrossEntropy {
            input_activation: self.input_activation,
            ..CrossEntropy::default()
        };
        Ok(Box::new(Ready {
            config: self.clone(),
            cross_entropy: cross_entropy.build(context)?,
        }))
    }
}

impl Elsewhere for Nacl {
    fn claims(given: &Given) -> bool {
        given.family == "nacl"
    }

    fn from_case(given: &mut Given) -> Result<Self, String> {
        let mut config = Self {
            input_activation: given.input,
            ..Self::default()
        };
        given.set("kernel_size", &mut config.kernel_size)?;
        given.set("distance", &mut config.distance)?;
        given.set("alpha", &mut config.alpha)?;
        given.only("padding", "zero")?;
        Ok(config)
    }
}

struct Ready {
    config: Nacl,
    cross_entropy: Box<dyn LossFn>,
}

impl LossFn for Ready {
    fn forward(&self, prediction: &Prediction, target: &Target) -> Tensor<1> {
        let c = &self.config;
        let [_, classes, _, _] = prediction.logits.dims();
        let side = c.kernel_size as usize;
        let shares = window_means(target.one_hot.clone(), side);
        let away = shares - prediction.logits.clone();
        let away = match c.distance {
            Distance::L1 => away.abs(),
            Distance::L2 => away.clone() * away,
        };
        let valid = at_least_one(sum_all(target.valid.clone()));
        let total = product_sums(away, [target.weights()]).sum();
        let mean = total / (valid * classes as f64);
        self.cross_entropy.forward(prediction, target) + mean * c.alpha
    }
}
