//! Asymmetric unified focal loss (Yeung et al. 2022): focal loss that spares the foreground, plus a
//! focal Tversky that sharpens it.

use burn::prelude::*;
use dicebench_kernels::fused::Regions;

use super::activation::InputActivation;
use super::case::{Elsewhere, Given};
use super::cross_entropy::at_least_one;
use super::overlap::power;
use super::{
    LossContext, LossError, LossFn, LossInfo, Prediction, Target, minus_log, product_sums,
    region_sums, sum_all,
};
use crate::param::Param;

pub(super) const INFO: LossInfo = LossInfo {
    kind: "unified_focal",
    family: "Pixel-wise",
    title: "Asymmetric unified focal",
    purpose: "Focal loss that spares the foreground, plus a focal Tversky that sharpens it.",
    formula: "λ · Σ δ-weighted focal + (1 − λ) · mean (1 − T)^(1 − γ)",
    reference: "Yeung et al. 2022; monai.AsymmetricUnifiedFocalLoss",
    when_to_use: "Small foreground in a large background, two classes above all.",
    watch_for: "MONAI's reads only channels 0 and 1; here every class above 0 is foreground.",
};

/// Parameters of the asymmetric unified focal loss.
#[derive(Debug, Clone, PartialEq)]
pub struct UnifiedFocal {
    pub input_activation: InputActivation,
    pub weight: f64,
    pub delta: f64,
    pub gamma: f64,
    pub clip: f64,
}

impl Default for UnifiedFocal {
    fn default() -> Self {
        Self {
            input_activation: InputActivation::None,
            weight: 0.5,
            delta: 0.7,
            gamma: 0.5,
            clip: 1e-7,
        }
    }
}

impl UnifiedFocal {
    pub fn params(&mut self) -> Vec<Param<'_>> {
        vec![
            self.input_activation.param(),
            Param::float(
                "weight",
                &mut self.weight,
                0.0..=1.0,
                "Share of the focal part; the rest is focal Tversky.",
            ),
            Param::float(
                "delta",
                &mut self.delta,
                0.0..=1.0,
                "Weight of the foreground and of misses; 1 − δ goes to background and false positives.",
            ),
            Param::float(
                "gamma",
                &mut self.gamma,
                0.0..=0.99,
                "How strongly easy background is turned down and hard foreground is turned up.",
            ),
            Param::log_float(
                "clip",
                &mut self.clip,
                1e-12..=0.1,
                "Keeps probabilities this far from 0 and 1; also the Tversky smoothing.",
            ),
        ]
    }

    /// # Errors
    /// When there is no foreground class.
    pub fn build(&self, context: &LossContext) -> Result<Box<dyn LossFn>, LossError> {
        if context.num_classes < 2 {
            return Err(LossError::Invalid(
                "unified_focal needs a background and at least one other class, found 1 class"
                    .to_owned(),
            ));
        }
        Ok(Box::new(self.clone()))
    }
}

impl Elsewhere for UnifiedFocal {
    fn claims(given: &Given) -> bool {
        given.family == "unified_focal"
    }

    fn from_case(given: &mut Given) -> Result<Self, String> {
        let mut config = Self {
            input_activation: given.input,
            ..Self::default()
        };
        given.set("weight", &mut config.weight)?;
        given.set("delta", &mut config.delta)?;
        given.set("gamma", &mut config.gamma)?;
        given.set("eps", &mut config.clip)?;
        Ok(config)
    }
}

impl LossFn for UnifiedFocal {
    fn forward(&self, prediction: &Prediction, target: &Target) -> Tensor<1> {
        let classes = prediction.logits.dims()[1];
        let p = prediction.probs(self.input_activation);
        let [hit, missed, invented, cost] = match target.told_by_labels(&p) {
            true => {
                let of = Regions::UnifiedFocal {
                    clip: self.clip as f32,
                    gamma: self.gamma as f32,
                };
                region_sums(p, target.weights(), target.labels_from(0), of)
            }
            false => self.sums(p, target),
        };

        // Background is focal, every other class plain: their cost is never turned down.
        let rest = |x: Tensor<2>| x.narrow(1, 1, classes - 1);
        let background = cost.clone().narrow(1, 0, 1).sum() * (1.0 - self.delta);
        let valid = at_least_one(sum_all(target.valid.clone()));
        let focal = (background + rest(cost).sum() * self.delta) / (valid * classes as f64);

        let score = (hit.clone() + self.clip)
            / (hit + missed * self.delta + invented * (1.0 - self.delta) + self.clip);
        let loss = -score + 1.0;
        let sharpened = power(rest(loss.clone()), 1.0 - self.gamma);
        let tversky = Tensor::cat(vec![loss.narrow(1, 0, 1), sharpened], 1).mean();
        focal * self.weight + tversky * (1.0 - self.weight)
    }
}

impl UnifiedFocal {
    /// As [`Regions::UnifiedFocal`]: `[N, C]` sums over the pixels of p and of 1 − p where the class
    /// is true, of p where it is not, and the cost of the true class.
    fn sums(&self, p: Tensor<4>, target: &Target) -> [Tensor<2>; 4] {
        let p = p.clamp(self.clip, 1.0 - self.clip);
        let (y, weights) = (target.one_hot.clone(), target.weights());
        let classes = p.dims()[1];
        let cost = minus_log(p.clone());
        let parts = |x: &Tensor<4>| {
            let rest = x.clone().narrow(1, 1, classes - 1);
            (x.clone().narrow(1, 0, 1), rest)
        };
        let (easy, _) = parts(&(-p.clone() + 1.0));
        let (background, rest) = parts(&cost);
        let cost = Tensor::cat(vec![background * power(easy, self.gamma), rest], 1);
        let sums = |x: Tensor<4>, y: Tensor<4>| product_sums(x, [y, weights.clone()]);
        [
            sums(p.clone(), y.clone()),
            sums(-p.clone() + 1.0, y.clone()),
            sums(p, -y.clone() + 1.0),
            sums(cost, y),
        ]
    }
}
