//! Binary cross-entropy: every channel is a question of its own.

use burn::prelude::*;

use super::activation::{InputActivation, OutputActivation};
use super::arithmetic::{clipped, softplus};
use super::case::{Elsewhere, Given};
use super::cross_entropy::at_least_one;
use super::{
    LossContext, LossError, LossFn, LossInfo, Prediction, Target, minus_log, per_class,
    product_sums, sum_all,
};
use crate::param::Param;

pub(super) const INFO: LossInfo = LossInfo {
    kind: "binary_cross_entropy",
    family: "Pixel-wise",
    title: "Binary cross-entropy",
    purpose: "Each class as a yes/no question of its own.",
    formula: "−mean [y log p + (1 − y) log(1 − p)]",
    reference: "torch.nn.BCEWithLogitsLoss; keras binary_crossentropy",
    when_to_use: "Sigmoid heads, classes that may overlap.",
    watch_for: "With many classes most terms are easy negatives.",
};

crate::choices! {
    /// What the sum over pixels and channels is divided by.
    pub enum Normalizer {
        Valid = "count_valid_times_classes": "Pixels that are not ignored × classes.",
        All = "count_all_times_classes": "All pixels × classes (PyTorch).",
        One = "none": "Nothing: the sum.",
    }
}

/// Parameters of binary cross-entropy on the one-hot target. Class weights multiply the positive
/// term (PyTorch's `pos_weight`).
#[derive(Debug, Clone, PartialEq)]
pub struct BinaryCrossEntropy {
    pub input_activation: InputActivation,
    /// What reaches the loss is logits, whatever the network's activation says.
    pub from_logits: bool,
    pub label_flip: f64,
    pub clip: f64,
    pub normalizer: Normalizer,
}

impl Default for BinaryCrossEntropy {
    fn default() -> Self {
        Self {
            input_activation: InputActivation::None,
            from_logits: false,
            label_flip: 0.0,
            clip: 0.0,
            normalizer: Normalizer::Valid,
        }
    }
}

impl BinaryCrossEntropy {
    pub fn params(&mut self) -> Vec<Param<'_>> {
        vec![
            Param::choice(
                "input_activation",
                &mut self.input_activation,
                "Activation that the loss applies to the network's output before anything else.",
            ),
            Param::flag(
                "from_logits",
                &mut self.from_logits,
                "Take what reaches the loss for logits and apply a sigmoid to it (Keras's `from_logits`).",
            ),
            Param::float(
                "label_flip",
                &mut self.label_flip,
                0.0..=0.5,
                "Smoothing: the target becomes y(1 − f) + (1 − y)f.",
            ),
            Param::log_float(
                "clip",
                &mut self.clip,
                0.0..=0.1,
                "Keeps probabilities this far from 0 and 1, as Keras does (1e-7); 0 = exact logarithms.",
            ),
            Param::choice(
                "normalizer",
                &mut self.normalizer,
                "What the sum over pixels and channels is divided by.",
            ),
        ]
    }

    /// # Errors
    /// When class weights don't fit the number of classes.
    pub fn build(&self, context: &LossContext) -> Result<Box<dyn LossFn>, LossError> {
        Ok(Box::new(Ready {
            config: self.clone(),
            weights: context.weights()?,
        }))
    }
}

impl Elsewhere for BinaryCrossEntropy {
    fn claims(given: &Given) -> bool {
        given.family == "cross_entropy" && given.says("form", "binary")
    }

    fn from_case(given: &mut Given) -> Result<Self, String> {
        given.only("form", "binary")?;
        let mut config = Self {
            input_activation: given.input,
            ..Self::default()
        };
        given.set("label_flip", &mut config.label_flip)?;
        given.set("clip_prob", &mut config.clip)?;
        given.set("normalizer", &mut config.normalizer)?;
        Ok(config)
    }
}

struct Ready {
    config: BinaryCrossEntropy,
    weights: Option<Vec<f64>>,
}

impl LossFn for Ready {
    fn forward(&self, prediction: &Prediction, target: &Target) -> Tensor<1> {
        let c = &self.config;
        let [n, classes, h, w] = prediction.logits.dims();
        let (prediction, input) =
            prediction.read_as(c.input_activation, c.from_logits, OutputActivation::Sigmoid);
        let truth = target.one_hot.clone();
        // 1 where the class is not, −1 where it is: turns logits and probabilities of the class into
        // those of the wrong side.
        let turn = -truth.clone() * 2.0 + 1.0;
        let (wrong, from_logits) = match prediction.logits_of(input, OutputActivation::Sigmoid) {
            Some(z) if c.clip == 0.0 => (z * turn, true),
            _ => {
                let p = clipped(prediction.probs(input), c.clip);
                (p * turn + truth.clone(), false)
            }
        };
        // −log of the probability of the side that is true, or that is not.
        let cost = |true_side: bool| match (from_logits, true_side) {
            (true, true) => softplus(wrong.clone()),
            (true, false) => softplus(-wrong.clone()),
            (false, true) => minus_log(-wrong.clone() + 1.0),
            (false, false) => minus_log(wrong.clone()),
        };
        // Class weights are for log p, not for log(1 − p).
        let weigh = |cost: Tensor<4>, side: Tensor<4>| match &self.weights {
            Some(weights) => {
                let extra = per_class(weights, &prediction.logits) - 1.0;
                cost * (side * extra + 1.0)
            }
            None => cost,
        };
        let mut value = weigh(cost(true), truth.clone());
        if c.label_flip > 0.0 {
            let other = weigh(cost(false), -truth + 1.0);
            value = value * (1.0 - c.label_flip) + other * c.label_flip;
        }
        let total = product_sums(value, [target.weights()]).sum();
        match c.normalizer {
            Normalizer::One => total,
            Normalizer::All => total * ((n * classes * h * w) as f64).recip(),
            Normalizer::Valid => {
                total / (at_least_one(sum_all(target.valid.clone())) * classes as f64)
            }
        }
    }
}
