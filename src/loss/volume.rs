//! Volume enforcement (NiftyNet): true and predicted volume of each class should agree, wherever
//! they lie.

use burn::prelude::*;

use super::activation::InputActivation;
use super::case::{Elsewhere, Given};
use super::{LossContext, LossError, LossFn, LossInfo, Prediction, Target, product_sums};
use crate::param::Param;

pub(super) const INFO: LossInfo = LossInfo {
    kind: "volume_enforcement",
    family: "Shape",
    title: "Volume enforcement",
    purpose: "Predicted volume of each class as the true one, wherever it lies.",
    formula: "mean |V/P − P/V|",
    reference: "niftynet.volume_enforcement",
    when_to_use: "As a small term beside a region loss.",
    watch_for: "A missing class costs hundreds; nothing says where pixels belong.",
};

/// Parameters of volume enforcement.
#[derive(Debug, Clone, PartialEq)]
pub struct VolumeEnforcement {
    pub input_activation: InputActivation,
    pub epsilon: f64,
    pub hard: bool,
}

impl Default for VolumeEnforcement {
    fn default() -> Self {
        Self {
            input_activation: InputActivation::None,
            epsilon: 1e-3,
            hard: false,
        }
    }
}

impl VolumeEnforcement {
    pub fn params(&mut self) -> Vec<Param<'_>> {
        vec![
            self.input_activation.param(),
            Param::log_float(
                "epsilon",
                &mut self.epsilon,
                1e-12..=1e6,
                "Added to both volumes, in pixels: a missing class costs about volume / ε.",
            ),
            Param::flag(
                "hard",
                &mut self.hard,
                "Count most probable classes instead of probabilities; then nothing can be learned from it.",
            ),
        ]
    }

    /// # Errors
    /// Never; the signature is that of every loss.
    pub fn build(&self, _context: &LossContext) -> Result<Box<dyn LossFn>, LossError> {
        Ok(Box::new(self.clone()))
    }
}

impl Elsewhere for VolumeEnforcement {
    fn claims(given: &Given) -> bool {
        given.family == "volume_enforcement"
    }

    fn from_case(given: &mut Given) -> Result<Self, String> {
        let mut config = Self {
            input_activation: given.input,
            ..Self::default()
        };
        given.set("eps", &mut config.epsilon)?;
        given.set("hard", &mut config.hard)?;
        Ok(config)
    }
}

impl LossFn for VolumeEnforcement {
    fn forward(&self, prediction: &Prediction, target: &Target) -> Tensor<1> {
        let probs = prediction.probs(self.input_activation);
        let counted = if self.hard {
            // Times 0 keeps the (empty) gradient defined.
            most_probable(&probs) + probs * 0.0
        } else {
            probs
        };
        let weights = target.weights();
        let truth = product_sums(target.one_hot.clone(), [weights.clone()]) + self.epsilon;
        let predicted = product_sums(counted, [weights]) + self.epsilon;
        let ratio = truth.clone() / predicted.clone() - predicted / truth;
        ratio.abs().mean()
    }
}

/// `[N, C, H, W]`: 1 at the most probable class.
fn most_probable(probs: &Tensor<4>) -> Tensor<4> {
    let dims @ [n, classes, h, w] = probs.dims();
    let best = probs.clone().detach().argmax(1).expand([n, classes, h, w]);
    let ids: Vec<i32> = (0..classes as i32).collect();
    let ids = TensorData::new(ids, [1, classes, 1, 1]);
    let ids: Tensor<4, Int> = Tensor::from_data(ids, (&probs.device(), best.dtype()));
    best.equal(ids.expand(dims)).float().cast(probs.dtype())
}
