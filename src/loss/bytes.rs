//! A mistake on purpose: targets of 0 and 255. Every Dice formula expects 0 and 1; a mask file that
//! is used as it lies on disk holds 255 for "here".

use burn::prelude::*;

use super::{LossFn, Prediction, Target};

/// What a mask file of two values holds for "here".
const WHITE: f64 = 255.0;

struct Bytes(Box<dyn LossFn>);

/// `loss`, given a target that is 255 where it should be 1.
#[must_use]
pub fn byte_valued(loss: Box<dyn LossFn>) -> Box<dyn LossFn> {
    Box::new(Bytes(loss))
}

impl LossFn for Bytes {
    fn forward(&self, prediction: &Prediction, target: &Target) -> Tensor<1> {
        let white = target.clone().scaled(WHITE);
        self.0.forward(prediction, &white)
    }

    fn at(&mut self, progress: f64) {
        self.0.at(progress);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loss::{LossConfig, LossContext, OutputActivation};

    /// 1 − 2·255·n / (n + 255·n) per class: −254/256 without smoothing.
    #[test]
    fn the_perfect_answer_scores_far_below_zero() {
        let device = Device::flex();
        let mut config = LossConfig::of_kind("dice").unwrap();
        config.set("smooth_numerator", "0").unwrap();
        config.set("smooth_denominator", "0").unwrap();
        let context = LossContext {
            num_classes: 2,
            class_weights: Vec::new(),
            device: device.clone(),
        };
        let target = Target::from_labels(&[0, 0, 1, 1], [1, 2, 2], 2, &device);
        let prediction = Prediction {
            logits: target.one_hot.clone(),
            activation: OutputActivation::None,
        };
        let loss = byte_valued(config.build(&context).unwrap());
        let value: f32 = loss.forward(&prediction, &target).into_scalar();
        assert!((value + 254.0 / 256.0).abs() < 1e-6, "{value}");
    }
}
