//! Hausdorff loss by distance transforms (Karimi & Salcudean 2019): errors weigh by how far they
//! are from the border, true and predicted.
//!
//! The predicted border is that of p > ½ and moves with every step: its map needs one read-back.

use burn::prelude::*;

use super::activation::InputActivation;
use super::boundary::map_planes;
use super::cross_entropy::at_least_one;
use super::distance::squared_distance;
use super::{
    LossContext, LossError, LossFn, Prediction, Target, constant, foreground, needs_foreground,
    sum_all,
};
use crate::param::Param;

/// Parameters of the Hausdorff distance-transform loss.
#[derive(Debug, Clone, PartialEq)]
pub struct Hausdorff {
    pub input_activation: InputActivation,
    pub include_background: bool,
    pub alpha: f64,
    pub log: bool,
}

impl Default for Hausdorff {
    fn default() -> Self {
        Self {
            input_activation: InputActivation::None,
            include_background: false,
            alpha: 2.0,
            log: false,
        }
    }
}

impl Hausdorff {
    pub fn params(&mut self) -> Vec<Param<'_>> {
        vec![
            self.input_activation.param(),
            Param::flag(
                "include_background",
                &mut self.include_background,
                "Whether class 0 counts.",
            ),
            Param::float(
                "alpha",
                &mut self.alpha,
                0.5..=4.0,
                "Exponent of the distances: the larger, the more the farthest error rules.",
            ),
            Param::flag(
                "log",
                &mut self.log,
                "Take log(1 + loss): far errors no longer drown everything else.",
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

impl LossFn for Hausdorff {
    fn forward(&self, prediction: &Prediction, target: &Target) -> Tensor<1> {
        let probs = foreground(
            prediction.probs(self.input_activation),
            self.include_background,
        );
        let truth = foreground(target.one_hot.clone(), self.include_background);
        let dims @ [_, classes, h, w] = probs.dims();
        let field = |mask: &[bool]| border_distance(mask, h, w, self.alpha);
        let mut weights = map_planes(probs.clone(), field);
        for (weight, own) in weights.iter_mut().zip(map_planes(truth.clone(), field)) {
            *weight += own;
        }
        let weights = constant(&weights, dims, &prediction.logits);
        let error = probs - truth;
        let valid = at_least_one(sum_all(target.valid.clone())) * classes as f64;
        let loss = sum_all(error.clone() * error * weights * target.weights()) / valid;
        if self.log { (loss + 1.0).log() } else { loss }
    }
}

/// Distance to the other side of the border, to the power of `alpha`; 0 where there is no border.
fn border_distance(mask: &[bool], h: usize, w: usize, alpha: f64) -> Vec<f64> {
    if !mask.contains(&true) || !mask.contains(&false) {
        return vec![0.0; h * w];
    }
    let outside: Vec<bool> = mask.iter().map(|on| !on).collect();
    let to_class = squared_distance(mask, h, w);
    let to_outside = squared_distance(&outside, h, w);
    let both = to_class.iter().zip(to_outside);
    both.map(|(a, b)| a.max(b).powf(alpha / 2.0)).collect()
}
