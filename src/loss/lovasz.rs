//! Lovász-softmax (Berman et al. 2018): the convex extension of the Jaccard loss to probabilities.
//!
//! The extension needs the errors of a class in order. burn's GPU backends have no sort of their own
//! (its `argsort` reads the tensor back), so a kernel of ours sorts them, on the CPU as on a GPU. There
//! it gives each pixel's share of the loss as one constant tensor: value and gradient are exact, and
//! nothing leaves the device.

use burn::prelude::*;
use dicebench_kernels::fused;

use super::activation::InputActivation;
use super::case::{Elsewhere, Given};
use super::{LossContext, LossError, LossFn, LossInfo, Prediction, Target, gpu, host};
use crate::param::Param;

pub(super) const INFO: LossInfo = LossInfo {
    kind: "lovasz",
    family: "Overlap",
    title: "Lovász-softmax",
    purpose: "The Jaccard index itself, extended to probabilities.",
    formula: "mean over classes of ΔJ · sorted |y − p|",
    reference: "Berman et al. 2018; smp.LovaszLoss",
    when_to_use: "Fine-tuning for IoU after cross-entropy.",
    watch_for: "Slow from a cold start; sorting every class's errors makes it one of the dearer losses.",
};

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

impl Elsewhere for Lovasz {
    fn claims(given: &Given) -> bool {
        given.family == "lovasz"
    }

    fn from_case(given: &mut Given) -> Result<Self, String> {
        let mut config = Self {
            input_activation: given.input,
            ..Self::default()
        };
        given.set("per_image", &mut config.per_image)?;
        given.set("classes", &mut config.classes)?;
        Ok(config)
    }
}

impl LossFn for Lovasz {
    fn forward(&self, prediction: &Prediction, target: &Target) -> Tensor<1> {
        let probs = prediction.probs(self.input_activation);
        if target.told_by_labels(&probs) {
            return fused::lovasz(probs, target.labels_from(0), self.form());
        }
        let shares = if gpu::holds(&probs) {
            let (truth, valid) = (target.one_hot.clone(), target.valid.clone());
            gpu::lovasz_shares(probs.clone(), truth, valid, self.form())
        } else {
            self.shares_on_host(&probs, target.labels())
        };
        // |y − p| is p where y = 0 and 1 − p where y = 1: written without a kink at equality.
        let sign = -target.one_hot.clone() * 2.0 + 1.0;
        let errors = probs * sign + target.one_hot.clone();
        super::product_sums(errors, [shares]).sum()
    }
}

impl Lovasz {
    /// See [`Lovasz::shares`].
    fn shares_on_host(&self, probs: &Tensor<4>, labels: &[u8]) -> Tensor<4> {
        let dims = probs.dims();
        let numbers = host::numbers(probs.clone());
        let shares = match numbers.as_slice::<f32>() {
            Ok(probs) => {
                let shares = fused::lovasz_shares(probs, dims, labels, self.form());
                TensorData::new(shares, dims)
            }
            Err(_) => {
                let probs: Vec<f64> = numbers.iter().collect();
                TensorData::new(self.shares(&probs, labels, dims), dims)
            }
        };
        Tensor::from_data(shares, (&probs.device(), probs.dtype()))
    }

    fn form(&self) -> fused::Lovasz {
        fused::Lovasz {
            per_image: self.per_image,
            absent: self.classes == Classes::All,
        }
    }

    /// d loss / d error for each `[N, C, H, W]`: the loss is linear in the errors while their order
    /// stays the same. `labels` is `[N, H, W]`; a label that is no class takes no part. In double
    /// precision, where exactness counts and not time; single precision has a kernel.
    fn shares(&self, probs: &[f64], labels: &[u8], [n, classes, h, w]: [usize; 4]) -> Vec<f64> {
        let plane = (h * w).max(1);
        // Images that are sorted together.
        let together = if self.per_image { 1 } else { n };
        let groups: Vec<Group<'_>> = labels
            .chunks((together * plane).max(1))
            .map(|labels| Group::new(labels, classes))
            .collect();
        let counts = |pixels: &usize| *pixels > 0 || self.classes == Classes::All;
        let mut shares = vec![0.0; probs.len()];
        for (at, group) in groups
            .iter()
            .enumerate()
            .filter(|(_, group)| group.valid > 0)
        {
            let present = group.pixels.iter().filter(|pixels| counts(pixels)).count();
            let weight = ((present * groups.len()) as f64).recip();
            for class in (0..classes).filter(|class| counts(&group.pixels[*class])) {
                let place = |spot: usize| {
                    let image = at * together + spot / plane;
                    (image * classes + class) * plane + spot % plane
                };
                for (spot, step) in group.steps(class, |spot| probs[place(spot)]) {
                    shares[place(spot)] = step * weight;
                }
            }
        }
        shares
    }
}

/// Images whose pixels are sorted together.
struct Group<'a> {
    labels: &'a [u8],
    /// Of each class.
    pixels: Vec<usize>,
    /// Of any class.
    valid: usize,
}

impl<'a> Group<'a> {
    fn new(labels: &'a [u8], classes: usize) -> Self {
        let mut pixels = vec![0; classes];
        for label in labels {
            if let Some(pixels) = pixels.get_mut(usize::from(*label)) {
                *pixels += 1;
            }
        }
        Self {
            labels,
            valid: pixels.iter().sum(),
            pixels,
        }
    }

    /// By how much the Jaccard loss grows when each pixel of any class joins the wrong ones.
    fn steps(&self, class: usize, prob: impl Fn(usize) -> f64) -> Vec<(usize, f64)> {
        let is_own = |spot: usize| usize::from(self.labels[spot]) == class;
        let error = |spot: usize| match is_own(spot) {
            true => 1.0 - prob(spot),
            false => prob(spot),
        };
        // Any order of equal errors is right; the later first is PyTorch's on the CPU.
        let spots = (0..self.labels.len()).rev();
        let mut order: Vec<(usize, f64)> = spots
            .filter(|spot| usize::from(self.labels[*spot]) < self.pixels.len())
            .map(|spot| (spot, error(spot)))
            .collect();
        order.sort_by(|a, b| b.1.total_cmp(&a.1));
        let positives = self.pixels[class] as f64;
        let (mut missed, mut invented, mut before) = (0.0, 0.0, 0.0);
        for (spot, step) in &mut order {
            match is_own(*spot) {
                true => missed += 1.0,
                false => invented += 1.0,
            }
            let loss = 1.0 - (positives - missed) / (positives + invented);
            *step = loss - before;
            before = loss;
        }
        order
    }
}
