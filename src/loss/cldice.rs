//! Soft clDice (Shit et al. 2021): overlap of skeletons, for thin connected structures.

use burn::prelude::*;
use burn::tensor::activation::relu;
use burn::tensor::module::max_pool2d;
use burn::tensor::ops::MaxPoolOptions;
use dicebench_kernels::{fused, losses};

use super::activation::InputActivation;
use super::case::{Elsewhere, Given};
use super::{
    LossContext, LossError, LossFn, LossInfo, Prediction, Target, fits, foreground, gpu,
    needs_foreground, plane_sums, product_sums,
};
use crate::param::Param;

pub(super) const INFO: LossInfo = LossInfo {
    kind: "cldice",
    family: "Shape",
    title: "Soft clDice",
    purpose: "Overlap of skeletons: keeps thin structures connected.",
    formula: "1 − 2·Tp·Ts / (Tp + Ts)",
    reference: "Shit et al. 2021; monai.SoftclDiceLoss",
    when_to_use: "Vessels, roads, cracks; beside a Dice term.",
    watch_for: "Skeletons are soft: iterations must reach half the thickest width.",
};

/// Parameters of soft clDice.
#[derive(Debug, Clone, PartialEq)]
pub struct ClDice {
    pub input_activation: InputActivation,
    pub include_background: bool,
    pub iterations: u64,
    pub smooth_numerator: f64,
    pub smooth_denominator: f64,
    /// Added below the line of the harmonic mean.
    pub smooth_mean: f64,
}

impl Default for ClDice {
    fn default() -> Self {
        Self {
            input_activation: InputActivation::None,
            include_background: false,
            iterations: 3,
            smooth_numerator: 1.0,
            smooth_denominator: 1.0,
            smooth_mean: 1e-4,
        }
    }
}

impl ClDice {
    pub fn params(&mut self) -> Vec<Param<'_>> {
        vec![
            self.input_activation.param(),
            Param::flag(
                "include_background",
                &mut self.include_background,
                "Whether class 0 counts.",
            ),
            Param::int(
                "iterations",
                &mut self.iterations,
                0..=64,
                "Erosions of the skeleton: at least half the width of the thickest structure, in pixels.",
            ),
            Param::log_float(
                "smooth_numerator",
                &mut self.smooth_numerator,
                0.0..=1e6,
                "Added above the line of precision and sensitivity, in pixels of skeleton.",
            ),
            Param::log_float(
                "smooth_denominator",
                &mut self.smooth_denominator,
                1e-12..=1e6,
                "Added below the line of precision and sensitivity, in pixels of skeleton.",
            ),
            Param::log_float(
                "smooth_mean",
                &mut self.smooth_mean,
                1e-12..=1.0,
                "Added below the line of their harmonic mean.",
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

impl Elsewhere for ClDice {
    fn claims(given: &Given) -> bool {
        given.family == "cldice"
    }

    fn from_case(given: &mut Given) -> Result<Self, String> {
        let mut config = Self {
            input_activation: given.input,
            ..Self::default()
        };
        given.set("iterations", &mut config.iterations)?;
        given.set("smooth_nr", &mut config.smooth_numerator)?;
        given.set("smooth_dr", &mut config.smooth_denominator)?;
        given.set("smooth_f1", &mut config.smooth_mean)?;
        given.set("include_background", &mut config.include_background)?;
        Ok(config)
    }
}

impl LossFn for ClDice {
    fn forward(&self, prediction: &Prediction, target: &Target) -> Tensor<1> {
        let probs = prediction.probs(self.input_activation);
        // Precision and sensitivity of an image, its classes together.
        let share = |[inside, all]: [Tensor<2>; 2]| {
            (inside + self.smooth_numerator) / (all + self.smooth_denominator)
        };
        let [precision, sensitivity] = self.overlaps(probs, target).map(share);
        let product = precision.clone() * sensitivity.clone() * 2.0;
        (-product / (precision + sensitivity + self.smooth_mean) + 1.0).mean()
    }
}

impl ClDice {
    /// `[N, 1]` each: how much of the skeletons is where the class is true, and all of them; how much of
    /// the probabilities is on the true skeletons, and all of those.
    fn overlaps(&self, probs: Tensor<4>, target: &Target) -> [[Tensor<2>; 2]; 2] {
        if target.told_by_labels(&probs) {
            let labels = target.labels_from(usize::from(!self.include_background));
            let sums = fused::skeleton_overlap(probs, labels, self.iterations as usize);
            let sum = |at| sums.clone().narrow(1, at, 1);
            return [[sum(0), sum(1)], [sum(2), sum(3)]];
        }
        let p = foreground(probs, self.include_background);
        let p = match target.ignores() {
            true => p * target.valid.clone(),
            false => p,
        };
        let skeleton = skeleton(p.clone(), self.iterations);
        let mask = foreground(target.one_hot.clone(), self.include_background);
        let truth = self.true_skeleton(target);
        let precision = [product_sums(skeleton.clone(), [mask]), plane_sums(skeleton)];
        let sensitivity = [product_sums(p, [truth.clone()]), plane_sums(truth)];
        [precision, sensitivity].map(|sums| sums.map(|sums| sums.sum_dim(1)))
    }

    /// Skeletons of the true masks of the classes that count, made where the masks are.
    fn true_skeleton(&self, target: &Target) -> Tensor<4> {
        if gpu::holds(&target.one_hot) {
            let one_hot = target.one_hot.clone().without_autodiff();
            let dtype = one_hot.dtype();
            let mask = one_hot.greater_elem(0.5).float().cast(dtype);
            return skeleton(foreground(mask, self.include_background), self.iterations);
        }
        let [n, classes, h, w] = target.one_hot.dims();
        let first = usize::from(!self.include_background);
        let of = [first, classes];
        let numbers = fused::true_skeletons(target.labels(), of, [h, w], self.iterations as usize);
        let data = TensorData::new(numbers, [n, classes - first, h, w]);
        let like = (&target.one_hot.device(), target.one_hot.dtype());
        Tensor::from_data(data, like)
    }
}

/// What openings take away at each of `iterations` erosions.
fn skeleton(x: Tensor<4>, iterations: u64) -> Tensor<4> {
    if fits(&x) {
        return losses::skeleton(x, iterations as usize);
    }
    let mut x = x;
    let mut skeleton = relu(x.clone() - open(x.clone()));
    for _ in 0..iterations {
        x = erode(x);
        let delta = relu(x.clone() - open(x.clone()));
        skeleton = skeleton.clone() + relu(delta.clone() - skeleton * delta);
    }
    skeleton
}

fn open(x: Tensor<4>) -> Tensor<4> {
    pool(erode(x), [3, 3])
}

/// Minimum over the cross of each pixel and its four neighbours.
fn erode(x: Tensor<4>) -> Tensor<4> {
    let tall = -pool(-x.clone(), [3, 1]);
    let wide = -pool(-x, [1, 3]);
    tall.min_pair(wide)
}

/// Maximum over a window around each pixel; outside of the image there is nothing.
fn pool(x: Tensor<4>, kernel: [usize; 2]) -> Tensor<4> {
    let padding = kernel.map(|k| k / 2);
    let window = MaxPoolOptions::new(kernel)
        .with_stride([1, 1])
        .with_padding(padding);
    max_pool2d(x, window)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Blobs of several classes, in images narrower and wider than a word, and labels to be ignored.
    #[test]
    fn a_true_mask_has_the_skeleton_of_certain_probabilities() {
        let device = Device::flex();
        let mut on = 0;
        for (h, w) in [(9, 7), (20, 64), (33, 150), (1, 70), (5, 1)] {
            for seed in 0..3 {
                let label = |at: usize| {
                    let (y, x) = (at % (h * w) / w, at % w);
                    match (y + seed) * (x + 3 * seed) % 97 {
                        5 => 255,
                        _ => ((y / 5 + x / 9 + seed + at / (h * w)) % 3) as u8,
                    }
                };
                let labels: Vec<u8> = (0..2 * h * w).map(label).collect();
                let target = Target::from_labels(&labels, [2, h, w], 3, &device);
                for (iterations, include_background) in [(0, true), (2, false), (6, true)] {
                    let config = ClDice {
                        iterations,
                        include_background,
                        ..ClDice::default()
                    };
                    let read = |x: Tensor<4>| -> Vec<f32> { x.into_data().iter().collect() };
                    let y = foreground(target.one_hot.clone(), include_background);
                    let soft = read(skeleton(y, iterations));
                    assert_eq!(read(config.true_skeleton(&target)), soft, "{h} × {w}");
                    on += soft.iter().filter(|value| **value == 1.0).count();
                }
            }
        }
        assert!(on > 1000, "{on} pixels in all skeletons");
    }
}
