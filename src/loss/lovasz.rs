//! Lovász-softmax (Berman et al. 2018): the convex extension of the Jaccard loss to probabilities.
//!
//! The extension needs the errors of a class in order. burn's GPU backends have no sort, so errors
//! are read back once and each pixel's share of the loss comes back as one constant tensor: the
//! gradient stays on the device, and value and gradient are exact.

use burn::prelude::*;
use rayon::prelude::*;

use super::activation::InputActivation;
use super::{LossContext, LossError, LossFn, Prediction, Target, constant};
use crate::param::Param;

crate::choices! {
    /// Which classes are averaged.
    pub enum Classes {
        Present = "present": "Classes that occur in the truth.",
        All = "all": "Every class; an absent one costs its largest false probability.",
    }
}

/// Parameters of Lovász-softmax.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Lovasz {
    pub input_activation: InputActivation,
    pub per_image: bool,
    pub classes: Classes,
}

impl Lovasz {
    pub fn params(&mut self) -> Vec<Param<'_>> {
        vec![
            self.input_activation.param(),
            Param::flag(
                "per_image",
                &mut self.per_image,
                "Sort the pixels of each image by themselves and average the images; otherwise the batch is one image.",
            ),
            Param::choice("classes", &mut self.classes, "Which classes are averaged."),
        ]
    }

    /// # Errors
    /// Never; the signature is that of every loss.
    pub fn build(&self, _context: &LossContext) -> Result<Box<dyn LossFn>, LossError> {
        Ok(Box::new(self.clone()))
    }
}

impl LossFn for Lovasz {
    fn forward(&self, prediction: &Prediction, target: &Target) -> Tensor<1> {
        let probs = prediction.probs(self.input_activation);
        let dims = probs.dims();
        // |y − p| is p where y = 0 and 1 − p where y = 1: written without a kink at equality.
        let sign = -target.one_hot.clone() * 2.0 + 1.0;
        let errors = probs * sign + target.one_hot.clone();
        let read = |x: Tensor<4>| -> Option<Vec<f64>> {
            Some(x.try_into_data().ok()?.iter::<f64>().collect())
        };
        let shares = match (
            read(errors.clone()),
            read(target.one_hot.clone()),
            read(target.valid.clone()),
        ) {
            (Some(errors), Some(truth), Some(valid)) => self.shares(&errors, &truth, &valid, dims),
            // A device that can't be read has failed; the step reports it as not finite.
            _ => vec![f64::NAN; dims.iter().product()],
        };
        let shares = constant(&shares, dims, &prediction.logits);
        super::sum_all(errors * shares)
    }
}

impl Lovasz {
    /// d loss / d error for each `[N, C, H, W]`: the loss is linear in the errors while their order
    /// stays the same.
    fn shares(&self, errors: &[f64], truth: &[f64], valid: &[f64], dims: [usize; 4]) -> Vec<f64> {
        let [n, classes, h, w] = dims;
        let plane = h * w;
        let groups: Vec<Vec<usize>> = if self.per_image {
            (0..n).map(|image| vec![image]).collect()
        } else {
            vec![(0..n).collect()]
        };
        let mut shares = vec![0.0; errors.len()];
        for images in &groups {
            let sorted: Vec<Option<Vec<(usize, f64)>>> = (0..classes)
                .into_par_iter()
                .map(|class| {
                    let mut pixels: Vec<usize> = images
                        .iter()
                        .flat_map(|image| {
                            let start = (image * classes + class) * plane;
                            let pixels = valid[image * plane..][..plane].iter().enumerate();
                            pixels
                                .filter(|(_, valid)| **valid > 0.0)
                                .map(move |(at, _)| start + at)
                        })
                        .collect();
                    let positives: f64 = pixels.iter().map(|at| truth[*at]).sum();
                    if pixels.is_empty() || (positives == 0.0 && self.classes == Classes::Present) {
                        return None;
                    }
                    // Any order of equal errors is right; the later first is PyTorch's on the CPU.
                    pixels.sort_by(|a, b| errors[*b].total_cmp(&errors[*a]).then(b.cmp(a)));
                    Some(jaccard_steps(&pixels, truth, positives))
                })
                .collect();
            let present = sorted.iter().flatten().count().max(1) * groups.len();
            for (at, share) in sorted.into_iter().flatten().flatten() {
                shares[at] = share / present as f64;
            }
        }
        shares
    }
}

/// By how much the Jaccard loss grows when each pixel of `order` joins the wrong ones.
fn jaccard_steps(order: &[usize], truth: &[f64], positives: f64) -> Vec<(usize, f64)> {
    let (mut missed, mut invented, mut before) = (0.0, 0.0, 0.0);
    order
        .iter()
        .map(|&at| {
            missed += truth[at];
            invented += 1.0 - truth[at];
            let loss = 1.0 - (positives - missed) / (positives + invented);
            let step = loss - before;
            before = loss;
            (at, step)
        })
        .collect()
}
