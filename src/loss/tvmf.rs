//! t-vMF Dice (Kato & Hotta 2022): Dice is the cosine of truth and prediction as two long vectors; a
//! t-distribution on the sphere in its place asks for a small angle.

use burn::prelude::*;

use super::activation::InputActivation;
use super::case::{Code, Elsewhere};
use super::{
    LossContext, LossError, LossFn, LossInfo, Prediction, Target, foreground, needs_foreground,
    product_sums,
};
use crate::param::Param;

pub(super) const INFO: LossInfo = LossInfo {
    kind: "tvmf_dice",
    family: "Overlap",
    title: "t-vMF Dice",
    purpose: "Angle between truth and prediction, the sharper the larger κ is.",
    formula: "mean (1 − t)²,  t = (1 + cos) / (1 + κ (1 − cos)) − 1,  cos = Σpy / (‖p‖ ‖y‖)",
    reference: "Kato & Hotta 2022, tvMF_DiceLoss of Adaptive_t-vMF_Dice_loss",
    when_to_use: "Dice has levelled off and small rests of error should still count.",
    watch_for: "An absent class costs the most whatever is predicted. The larger κ, the flatter far from the truth.",
};

/// The least norm, where F.normalize stops dividing.
const LEAST: f64 = 1e-12;

/// Parameters of t-vMF Dice.
#[derive(Debug, Clone, PartialEq)]
pub struct TvmfDice {
    pub input_activation: InputActivation,
    pub include_background: bool,
    pub kappa: f64,
}

impl Default for TvmfDice {
    fn default() -> Self {
        Self {
            input_activation: InputActivation::None,
            include_background: true,
            kappa: 1.0,
        }
    }
}

impl TvmfDice {
    pub fn params(&mut self) -> Vec<Param<'_>> {
        vec![
            self.input_activation.param(),
            Param::flag(
                "include_background",
                &mut self.include_background,
                "Whether class 0 counts.",
            ),
            Param::float(
                "kappa",
                &mut self.kappa,
                0.0..=256.0,
                "Concentration: 0 is the cosine itself; the larger, the smaller the angle has to be.",
            ),
        ]
    }

    /// # Errors
    /// When no class is left.
    pub fn build(&self, context: &LossContext) -> Result<Box<dyn LossFn>, LossError> {
        needs_foreground(self.include_background, context)?;
        Ok(Box::new(self.clone()))
    }
}

impl Elsewhere for TvmfDice {
    fn code(&self) -> Option<Code> {
        let mut lines = vec!["p = p * valid".to_owned()];
        if !self.include_background {
            lines.push("p, y = p[:, 1:], y[:, 1:]".to_owned());
        }
        let norm = |of| format!("xp.sqrt(xp.at_least(xp.sum({of} * {of}, axis=(0, 2, 3)), 1e-24))");
        lines.extend([
            format!("norms = {} * {}", norm("p"), norm("y")),
            "cosine = xp.sum(p * y, axis=(0, 2, 3)) / norms".to_owned(),
            format!(
                "t = (1.0 + cosine) / (1.0 + {:?} * (1.0 - cosine)) - 1.0",
                self.kappa
            ),
            "return xp.mean((1.0 - t) ** 2)".to_owned(),
        ]);
        Some(Code {
            input: self.input_activation,
            lines,
        })
    }
}

impl LossFn for TvmfDice {
    fn forward(&self, prediction: &Prediction, target: &Target) -> Tensor<1> {
        let p = foreground(
            prediction.probs(self.input_activation),
            self.include_background,
        );
        let y = foreground(target.one_hot.clone(), self.include_background);
        let weights = target.weights();
        // Of a class in the whole batch; products of two norms would be no normal number in f32.
        let norm = |squares: Tensor<2>| squares.sum_dim(0).clamp_min(LEAST * LEAST).sqrt();
        let truth = norm(product_sums(y.clone(), [weights.clone()]));
        let length = norm(product_sums(p.clone(), [p.clone(), weights.clone()]));
        let overlap = product_sums(p, [y, weights]).sum_dim(0);
        let cosine = overlap / truth / length;
        let t = (cosine.clone() + 1.0) / ((-cosine + 1.0) * self.kappa + 1.0) - 1.0;
        let far = -t + 1.0;
        (far.clone() * far).mean()
    }
}
