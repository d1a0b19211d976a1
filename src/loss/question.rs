//! The loss of the original question, exactly as it was asked: class ids used as if they were an
//! indicator, one ratio over everything, and a sigmoid on top of the network's own.

use burn::prelude::*;

use super::activation::InputActivation;
use super::case::{Elsewhere, Given};
use super::{LossContext, LossError, LossFn, LossInfo, Prediction, Target, product_sums, sum_all};
use crate::param::Param;

pub(super) const INFO: LossInfo = LossInfo {
    kind: "question_dice",
    family: "As asked",
    title: "The question's dice_loss",
    purpose: "The loss of the original question: class ids as if they were a mask.",
    formula: "1 − (2·Σ id·σ(p) + s) / (Σ (id + σ(p)) + s)",
    reference: "the original question, word for word",
    when_to_use: "To see why it goes up: never for training.",
    watch_for: "It prefers high numbers at high ids, whatever is in the image.",
};

/// `1 − (2·Σ t·p + s) / (Σ (t + p) + s)` with t the class **index**, repeated over the channels.
#[derive(Debug, Clone, PartialEq)]
pub struct QuestionDice {
    pub input_activation: InputActivation,
    pub smooth: f64,
}

impl Default for QuestionDice {
    fn default() -> Self {
        Self {
            input_activation: InputActivation::Sigmoid,
            smooth: 1e-6,
        }
    }
}

impl QuestionDice {
    pub fn params(&mut self) -> Vec<Param<'_>> {
        vec![
            Param::choice(
                "input_activation",
                &mut self.input_activation,
                "Activation that the loss applies itself; in the question, a second sigmoid.",
            ),
            Param::log_float(
                "smooth",
                &mut self.smooth,
                0.0..=1e6,
                "Added above and below the line.",
            ),
        ]
    }

    /// # Errors
    /// Never; the signature is that of every loss.
    pub fn build(&self, _context: &LossContext) -> Result<Box<dyn LossFn>, LossError> {
        Ok(Box::new(self.clone()))
    }
}

impl Elsewhere for QuestionDice {
    fn claims(given: &Given) -> bool {
        given.family == "integer_label_dice"
    }

    fn from_case(given: &mut Given) -> Result<Self, String> {
        let mut config = Self {
            input_activation: given.input,
            ..Self::default()
        };
        given.set("smooth", &mut config.smooth)?;
        Ok(config)
    }
}

impl LossFn for QuestionDice {
    fn forward(&self, prediction: &Prediction, target: &Target) -> Tensor<1> {
        let p = prediction.probs(self.input_activation);
        let classes = p.dims()[1] as f64;
        // Ids where ones belong: 0 at ignored pixels, which have no id.
        let overlap = product_sums(p.clone(), [target.index.clone()]).sum();
        let predicted = product_sums(p, [target.valid.clone()]).sum();
        let union = sum_all(target.index.clone()) * classes + predicted;
        -(overlap * 2.0 + self.smooth) / (union + self.smooth) + 1.0
    }
}
