//! Hausdorff loss by distance transforms (Karimi & Salcudean 2019): errors weigh by how far they
//! are from the border, true and predicted.
//!
//! The predicted border is that of p > ½ and moves with every step: its map is made by a kernel where
//! the probabilities are. On the CPU the true border's map comes with the batch; a GPU makes it too.

use burn::prelude::*;
use dicebench_kernels::distance::{Scratch, squares};
use dicebench_kernels::fused::{self, Far};
use rayon::prelude::*;

use super::activation::InputActivation;
use super::case::{Elsewhere, Given};
use super::cross_entropy::at_least_one;
use super::{
    LossContext, LossError, LossFn, LossInfo, Prediction, Target, foreground, gpu, host,
    needs_foreground, product_sums, sum_all,
};
use crate::param::Param;

pub(super) const INFO: LossInfo = LossInfo {
    kind: "hausdorff",
    family: "Shape",
    title: "Hausdorff distance transform",
    purpose: "Squared errors weighted by their distance to the true and the predicted border.",
    formula: "mean (p − y)² · (D(p)^α + D(y)^α)",
    reference: "Karimi & Salcudean 2019; monai.HausdorffDTLoss",
    when_to_use: "Outliers far from the object matter.",
    watch_for: "Makes distance maps every step; large values early on.",
};

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

impl Elsewhere for Hausdorff {
    fn claims(given: &Given) -> bool {
        given.family == "boundary" && given.says("kind", "hausdorff_dt")
    }

    fn from_case(given: &mut Given) -> Result<Self, String> {
        given.only("kind", "hausdorff_dt")?;
        let mut config = Self {
            input_activation: given.input,
            ..Self::default()
        };
        given.set("include_background", &mut config.include_background)?;
        given.set("log", &mut config.log)?;
        given.set("alpha", &mut config.alpha)?;
        Ok(config)
    }
}

impl LossFn for Hausdorff {
    fn forward(&self, prediction: &Prediction, target: &Target) -> Tensor<1> {
        let probs = prediction.probs(self.input_activation);
        let first = usize::from(!self.include_background);
        let classes = probs.dims()[1] - first;
        let total = match target.told_by_labels(&probs) {
            true => {
                let far = Far {
                    squares: target.shared_border_squares(),
                    alpha: self.alpha as f32,
                };
                let labels = target.labels_from(first);
                fused::hausdorff(probs, target.weights(), labels, far).sum()
            }
            false => self.total(foreground(probs, self.include_background), target),
        };
        let valid = at_least_one(sum_all(target.valid.clone())) * classes as f64;
        let loss = total / valid;
        if self.log { (loss + 1.0).log() } else { loss }
    }
}

impl Hausdorff {
    /// Squared errors by distance, all together.
    fn total(&self, probs: Tensor<4>, target: &Target) -> Tensor<1> {
        let truth = foreground(target.one_hot.clone(), self.include_background);
        let own = foreground(target.border_squares(), self.include_background);
        // From squares of distances.
        let far = |squares: Tensor<4>| match self.alpha == 2.0 {
            true => squares,
            // The power's slope is never asked for: distances have no gradient.
            false => squares.powf_scalar(self.alpha / 2.0),
        };
        let weights = far(own) + far(predicted_squares(&probs));
        let error = probs - truth;
        let square = error.clone() * error;
        product_sums(square, [weights, target.weights()]).sum()
    }
}

/// Squared distance of each pixel to the other side of the border of p > ½, 0 where there is none.
fn predicted_squares(probs: &Tensor<4>) -> Tensor<4> {
    if gpu::holds(probs) {
        return gpu::border_squares(probs.clone());
    }
    let dims @ [_, _, h, w] = probs.dims();
    let mut maps = vec![0.0; dims.iter().product()];
    let numbers = host::numbers(probs.clone());
    match numbers.as_slice::<f32>() {
        Ok(probs) => write_maps(probs, [h, w], &mut maps, |p| *p > 0.5),
        Err(_) => {
            let probs: Vec<f64> = numbers.iter().collect();
            write_maps(&probs, [h, w], &mut maps, |p| *p > 0.5);
        }
    }
    // Whole numbers: exact in any float type.
    let data = TensorData::new(maps, dims);
    Tensor::from_data(data, (&probs.device(), probs.dtype()))
}

/// The map of every plane, one after the other.
fn write_maps<T: Sync>(
    probs: &[T],
    [h, w]: [usize; 2],
    maps: &mut [f32],
    is_on: impl Fn(&T) -> bool + Sync,
) {
    let plane = (h * w).max(1);
    let planes = probs.par_chunks(plane).zip(maps.par_chunks_mut(plane));
    planes.for_each_init(Scratch::default, |scratch, (probs, map)| {
        squares(probs, &is_on, w, map, scratch);
    });
}
