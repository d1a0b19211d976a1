//! Lovász-softmax (Berman et al. 2018): the convex extension of the Jaccard loss to probabilities.
//!
//! The extension needs the errors of a class in order. burn's GPU backends have no sort of their own
//! (its `argsort` reads the tensor back as well), so errors are read back once, whatever the number
//! of classes, and each pixel's share of the loss comes back as one constant tensor: the gradient
//! stays on the device, and value and gradient are exact.

use burn::prelude::*;
use rayon::prelude::*;

use super::activation::InputActivation;
use super::{LossContext, LossError, LossFn, Prediction, Target, constant, readback};
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
        let shares = match readback::read(errors.clone()) {
            Some(errors) => self.shares(&errors, target.labels(), dims),
            // A device that can't be read has failed; the step reports it as not finite.
            None => vec![f64::NAN; dims.iter().product()],
        };
        let shares = constant(&shares, dims, &prediction.logits);
        super::product_sums(errors, [shares]).sum()
    }
}

impl Lovasz {
    /// d loss / d error for each `[N, C, H, W]`: the loss is linear in the errors while their order
    /// stays the same. `labels` is `[N, H, W]`; a label that is no class takes no part.
    fn shares(&self, errors: &TensorData, labels: &[u8], dims: [usize; 4]) -> Vec<f64> {
        let [n, classes, h, w] = dims;
        let plane = h * w;
        let narrow = errors.as_slice::<f32>().ok();
        let wide: Vec<f64> = match narrow {
            Some(_) => Vec::new(),
            None => errors.iter::<f64>().collect(),
        };
        let groups: Vec<std::ops::Range<usize>> = if self.per_image {
            (0..n).map(|image| image..image + 1).collect()
        } else {
            std::iter::once(0..n).collect()
        };
        let label_of = |at: usize| labels[at / (classes * plane) * plane + at % plane];
        let mut shares = vec![0.0; dims.iter().product()];
        for images in &groups {
            let sorted: Vec<Option<Vec<(usize, f64)>>> = (0..classes)
                .into_par_iter()
                .map(|class| {
                    let pixels: Vec<usize> = images
                        .clone()
                        .flat_map(|image| {
                            let start = (image * classes + class) * plane;
                            start..start + plane
                        })
                        .filter(|at| usize::from(label_of(*at)) < classes)
                        .collect();
                    let is = |at: usize| usize::from(label_of(at)) == class;
                    let positives = pixels.iter().filter(|at| is(**at)).count() as f64;
                    if pixels.is_empty() || (positives == 0.0 && self.classes == Classes::Present) {
                        return None;
                    }
                    // Any order of equal errors is right; the later first is PyTorch's on the CPU.
                    let order = match narrow {
                        Some(errors) => by_error(&pixels, errors),
                        None => {
                            let mut order = pixels;
                            order.sort_by(|a, b| wide[*b].total_cmp(&wide[*a]).then(b.cmp(a)));
                            order
                        }
                    };
                    Some(jaccard_steps(&order, is, positives))
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

/// `pixels` by falling error, the later first of equals: error and place are one whole number, which
/// sorts several times faster than comparing floats.
fn by_error(pixels: &[usize], errors: &[f32]) -> Vec<usize> {
    let key = |at: &usize| {
        let bits = errors[*at].to_bits();
        // The order of floats as that of whole numbers.
        let rising = bits ^ if bits >> 31 == 1 { u32::MAX } else { 1 << 31 };
        // Batches of more than 2³² numbers don't fit any memory.
        (u64::from(rising) << 32) | (*at as u64 & 0xFFFF_FFFF)
    };
    let mut keys: Vec<u64> = pixels.iter().map(key).collect();
    keys.sort_unstable_by(|a, b| b.cmp(a));
    let place = |key: &u64| (key & 0xFFFF_FFFF) as usize;
    keys.iter().map(place).collect()
}

/// By how much the Jaccard loss grows when each pixel of `order` joins the wrong ones.
fn jaccard_steps(order: &[usize], is: impl Fn(usize) -> bool, positives: f64) -> Vec<(usize, f64)> {
    let (mut missed, mut invented, mut before) = (0.0, 0.0, 0.0);
    order
        .iter()
        .map(|&at| {
            match is(at) {
                true => missed += 1.0,
                false => invented += 1.0,
            }
            let loss = 1.0 - (positives - missed) / (positives + invented);
            let step = loss - before;
            before = loss;
            (at, step)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fast_order_is_that_of_comparing() {
        let errors: Vec<f32> = vec![0.5, -0.0, 0.25, 0.5, 0.0, -1.0, 1e-30, 1.0];
        let pixels: Vec<usize> = (0..errors.len()).filter(|at| *at != 2).collect();
        let mut expected = pixels.clone();
        expected.sort_by(|a, b| errors[*b].total_cmp(&errors[*a]).then(b.cmp(a)));
        assert_eq!(by_error(&pixels, &errors), expected);
    }
}
