//! Lovász-softmax (Berman et al. 2018): the convex extension of the Jaccard loss to probabilities.
//!
//! The extension needs the errors of a class in order. burn's GPU backends have no sort of their own
//! (its `argsort` reads the tensor back as well), so errors are read back once, whatever the number
//! of classes, and each pixel's share of the loss comes back as one constant tensor: the gradient
//! stays on the device, and value and gradient are exact.

use burn::prelude::*;
use rayon::prelude::*;

use super::activation::InputActivation;
use super::case::{FromCase, Given};
use super::{LossContext, LossError, LossFn, LossInfo, Prediction, Target, readback};
use crate::param::Param;

pub(super) const INFO: LossInfo = LossInfo {
    kind: "lovasz",
    family: "Overlap",
    title: "Lovász-softmax",
    purpose: "The Jaccard index itself, extended to probabilities.",
    formula: "mean over classes of ΔJ · sorted |y − p|",
    reference: "Berman et al. 2018; smp.LovaszLoss",
    when_to_use: "Fine-tuning for IoU after cross-entropy.",
    watch_for: "Slow from a cold start; errors are sorted on the CPU, which costs one read-back a step.",
    read_backs: 1,
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

impl FromCase for Lovasz {
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
        let dims = probs.dims();
        // |y − p| is p where y = 0 and 1 − p where y = 1: written without a kink at equality.
        let sign = -target.one_hot.clone() * 2.0 + 1.0;
        let errors = probs * sign + target.one_hot.clone();
        let shares = match readback::read(errors.clone()) {
            Some(errors) => match errors.as_slice::<f32>() {
                Ok(errors) => TensorData::new(self.shares(errors, target.labels(), dims), dims),
                Err(_) => {
                    let errors: Vec<f64> = errors.iter().collect();
                    TensorData::new(self.shares(&errors, target.labels(), dims), dims)
                }
            },
            // A device that can't be read has failed; the step reports it as not finite.
            None => TensorData::new(vec![f32::NAN; dims.iter().product()], dims),
        };
        let like = (&prediction.logits.device(), prediction.logits.dtype());
        super::product_sums(errors, [Tensor::from_data(shares, like)]).sum()
    }
}

impl Lovasz {
    /// d loss / d error for each `[N, C, H, W]`: the loss is linear in the errors while their order
    /// stays the same. `labels` is `[N, H, W]`; a label that is no class takes no part.
    fn shares<E: Error>(
        &self,
        errors: &[E],
        labels: &[u8],
        [n, classes, h, w]: [usize; 4],
    ) -> Vec<E> {
        let plane = (h * w).max(1);
        // Images that are sorted together.
        let together = if self.per_image { 1 } else { n };
        let groups: Vec<Group<'_>> = labels
            .chunks((together * plane).max(1))
            .map(|labels| Group::new(labels, classes))
            .collect();
        let counts = |pixels: &usize| *pixels > 0 || self.classes == Classes::All;
        let tasks: Vec<[usize; 2]> = (0..groups.len())
            .flat_map(|group| (0..classes).map(move |class| [group, class]))
            .collect();
        // The group's pixels, one image after the other.
        let found: Vec<Option<Vec<E>>> = tasks
            .par_iter()
            .map(|&[at, class]| {
                let group = &groups[at];
                if group.valid == 0 || !counts(&group.pixels[class]) {
                    return None;
                }
                let present = group.pixels.iter().filter(|pixels| counts(pixels)).count();
                let first = at * together;
                let error = |spot: usize| {
                    let image = first + spot / plane;
                    errors[(image * classes + class) * plane + spot % plane]
                };
                let weight = ((present * groups.len()) as f64).recip();
                Some(group.steps(class, error, weight))
            })
            .collect();
        let mut shares = vec![E::of(0.0); errors.len()];
        for ([at, class], found) in tasks.iter().zip(found) {
            for (image, found) in found.iter().flat_map(|of| of.chunks(plane)).enumerate() {
                let start = ((at * together + image) * classes + class) * plane;
                shares[start..start + plane].copy_from_slice(found);
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

    /// By how much the Jaccard loss grows when each pixel joins the wrong ones, times `weight`.
    fn steps<E: Error>(&self, class: usize, error: impl Fn(usize) -> E, weight: f64) -> Vec<E> {
        let classes = self.pixels.len();
        // Any order of equal errors is right; the later first is PyTorch's on the CPU.
        let spots = (0..self.labels.len()).rev();
        let order = E::falling(
            spots
                .filter(|spot| usize::from(self.labels[*spot]) < classes)
                .map(|spot| (error(spot), spot)),
        );
        let mut steps = vec![E::of(0.0); self.labels.len()];
        let positives = self.pixels[class] as f64;
        let (mut missed, mut invented, mut before) = (0.0, 0.0, 0.0);
        for spot in order {
            match usize::from(self.labels[spot]) == class {
                true => missed += 1.0,
                false => invented += 1.0,
            }
            let loss = 1.0 - (positives - missed) / (positives + invented);
            steps[spot] = E::of((loss - before) * weight);
            before = loss;
        }
        steps
    }
}

/// The number type that errors come in.
trait Error: Copy + Send + Sync {
    fn of(value: f64) -> Self;

    /// Places by falling error; equal errors keep their order.
    fn falling(errors: impl Iterator<Item = (Self, usize)>) -> Vec<usize>;
}

impl Error for f32 {
    fn of(value: f64) -> Self {
        value as Self
    }

    /// Error and place are one whole number, sorted by its upper half digit by digit: several times
    /// faster than by comparing floats.
    fn falling(errors: impl Iterator<Item = (Self, usize)>) -> Vec<usize> {
        let key = |(error, place): (Self, usize)| {
            let bits = error.to_bits();
            // The order of floats as that of whole numbers, turned round.
            let rising = bits ^ if bits >> 31 == 1 { u32::MAX } else { 1 << 31 };
            // Batches of more than 2³² pixels don't fit any memory.
            (u64::from(!rising) << 32) | (place as u64 & 0xFFFF_FFFF)
        };
        let mut keys: Vec<u64> = errors.map(key).collect();
        radsort::sort_by_key(&mut keys, |key| (key >> 32) as u32);
        let place = |key: &u64| (key & 0xFFFF_FFFF) as usize;
        keys.iter().map(place).collect()
    }
}

impl Error for f64 {
    fn of(value: f64) -> Self {
        value
    }

    fn falling(errors: impl Iterator<Item = (Self, usize)>) -> Vec<usize> {
        let mut errors: Vec<(Self, usize)> = errors.collect();
        errors.sort_by(|a, b| b.0.total_cmp(&a.0));
        errors.into_iter().map(|(_, place)| place).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fast_order_is_that_of_comparing() {
        let errors: [f32; 8] = [0.5, -0.0, 0.25, 0.5, 0.0, -1.0, 1e-30, 1.0];
        let places = || (0..errors.len()).rev().filter(|at| *at != 2);
        let fast = f32::falling(places().map(|at| (errors[at], at)));
        let slow = f64::falling(places().map(|at| (f64::from(errors[at]), at)));
        assert_eq!(fast, slow);
        assert_eq!(fast, [7, 3, 0, 6, 4, 1, 5]);
    }
}
