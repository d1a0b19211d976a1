//! The formula itself, on tensors.

use burn::prelude::*;
use dicebench_kernels::fused::Regions;

use super::{Absent, Divisor, EmptyVolume, Group, Overlap, Transform, VolumeWeights};
use crate::loss::{
    LossContext, LossError, LossFn, Prediction, Target, constant, product_sums, region_sums,
};

impl Overlap {
    /// # Errors
    /// When no class is left, or a listed class does not exist.
    pub fn build(&self, context: &LossContext) -> Result<Box<dyn LossFn>, LossError> {
        Ok(Box::new(self.ready(context)?))
    }

    fn ready(&self, context: &LossContext) -> Result<Ready, LossError> {
        let classes = context.num_classes;
        let mut kept: Vec<usize> = if self.classes.is_empty() {
            (0..classes).collect()
        } else {
            self.classes.iter().map(|c| *c as usize).collect()
        };
        if let Some(unknown) = kept.iter().find(|c| **c >= classes) {
            return Err(LossError::Invalid(format!(
                "`classes` names class {unknown}: expected 0 to {}",
                classes.max(1) - 1
            )));
        }
        if !self.include_background {
            kept.retain(|c| *c != 0);
        }
        if kept.is_empty() {
            return Err(LossError::Invalid(
                "no class is left without the background: expected at least one".to_owned(),
            ));
        }
        let weights = context.weights()?;
        let weights = weights.map(|all| kept.iter().map(|c| all[*c]).collect());
        let all = kept.len() == classes;
        Ok(Ready {
            config: self.clone(),
            kept: (!all).then_some(kept),
            weights,
        })
    }

    /// The sums behind the ratio, class by class: what [`crate::loss::breakdown`] shows.
    ///
    /// # Errors
    /// As [`Overlap::build`].
    pub(in crate::loss) fn sums(
        &self,
        context: &LossContext,
        prediction: &Prediction,
        target: &Target,
    ) -> Result<ClassSums, LossError> {
        let ready = self.ready(context)?;
        let [overlap, predicted, truth] = ready.volumes(prediction, target);
        let (loss, divisor) = ready.groups(prediction, target);
        let adds = match divisor {
            None => loss,
            Some(divisor) => loss / divisor.reshape([1, 1]),
        };
        Ok(ClassSums {
            adds,
            classes: ready
                .kept
                .unwrap_or_else(|| (0..context.num_classes).collect()),
            weights: ready.weights,
            overlap,
            predicted,
            truth,
        })
    }
}

/// Sums over the pixels, one row per group of images and one column per kept class; one column
/// alone where the group pools all classes.
pub(in crate::loss) struct ClassSums {
    pub classes: Vec<usize>,
    /// Of the kept classes; `None` = all 1.
    pub weights: Option<Vec<f64>>,
    pub overlap: Tensor<2>,
    pub predicted: Tensor<2>,
    pub truth: Tensor<2>,
    /// What each adds to the loss, before final powers and signs; one column with volume weights.
    pub adds: Tensor<2>,
}

struct Ready {
    config: Overlap,
    /// Channels that count; `None` = all.
    kept: Option<Vec<usize>>,
    weights: Option<Vec<f64>>,
}

impl Ready {
    /// The channels that count; they are the second dimension.
    fn keep<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        let Some(kept) = &self.kept else { return x };
        let first = kept[0];
        if kept.iter().enumerate().all(|(i, c)| *c == first + i) {
            return x.narrow(1, first, kept.len());
        }
        let parts = kept.iter().map(|c| x.clone().narrow(1, *c, 1)).collect();
        Tensor::cat(parts, 1)
    }

    /// Intersection, predicted and true volume of every group.
    fn volumes(&self, prediction: &Prediction, target: &Target) -> [Tensor<2>; 3] {
        let c = &self.config;
        let probs = prediction.probs(c.input_activation);
        let weights = target.weights();
        let at_once = match c.power {
            1.0 => Some(Regions::Overlap),
            2.0 => Some(Regions::SquaredOverlap),
            _ => None,
        };
        if let Some(of) = at_once.filter(|_| target.told_by_labels(&probs)) {
            // What is divided by an empty volume has an infinite slope, and 0 · ∞ is not 0.
            let labels = target.labels_from(0);
            let [overlap, predicted, truth] = region_sums(probs, weights, labels, of);
            let sums = [overlap, predicted, truth.detach()];
            return sums.map(|planes| grouped(self.keep(planes), c.group));
        }
        let probs = self.keep(probs);
        let truth = self.keep(target.one_hot.clone());
        let overlap = product_sums(probs.clone(), [truth.clone(), weights.clone()]);
        let predicted = match c.power {
            1.0 => product_sums(probs, [weights.clone()]),
            2.0 => product_sums(probs.clone(), [probs, weights.clone()]),
            power => product_sums(probs.powf_scalar(power), [weights.clone()]),
        };
        let truth = product_sums(truth, [weights]);
        [overlap, predicted, truth].map(|planes| grouped(planes, c.group))
    }

    /// ω per class (`[G, C]`) from true volumes; no gradient.
    fn volume_weights(&self, truth: &Tensor<2>) -> Option<Tensor<2>> {
        let exponent = match self.config.volume_weights {
            VolumeWeights::None => return None,
            VolumeWeights::Uniform => 0.0,
            VolumeWeights::Simple => 1.0,
            VolumeWeights::Square => 2.0,
        };
        let volume = truth.clone() + self.config.volume_offset;
        let empty = volume.clone().equal_elem(0.0);
        let safe = volume.mask_fill(empty.clone(), 1.0);
        let omega = match exponent {
            0.0 => safe.ones_like(),
            1.0 => safe.recip(),
            _ => (safe.clone() * safe).recip(),
        };
        if self.config.empty_volume == EmptyVolume::Natural {
            return Some(omega.mask_fill(empty, 0.0));
        }
        // An absent class takes the largest weight of those that are there.
        let absent = truth.clone().equal_elem(0.0);
        let present = omega.clone().mask_fill(absent.clone(), 0.0);
        let largest = present.clone().max_dim(1).expand(omega.dims());
        Some(present.mask_where(absent, largest))
    }

    fn ratio(&self, num: Tensor<2>, den: Tensor<2>) -> Tensor<2> {
        let c = &self.config;
        let num = num + c.smooth_numerator;
        let den = den + c.smooth_denominator;
        let den = if c.denominator_floor > 0.0 {
            den.clamp_min(c.denominator_floor)
        } else {
            den
        };
        if c.smooth_denominator > 0.0 || c.denominator_floor > 0.0 {
            return num / den;
        }
        // 0 / 0 would be NaN in value and gradient.
        let zero = den.clone().equal_elem(0.0);
        let score = if c.zero_ratio_is_one { 1.0 } else { 0.0 };
        (num / den.mask_fill(zero.clone(), 1.0)).mask_fill(zero, score)
    }

    /// The loss of every group and class, weighted, and what their sum is divided by.
    fn groups(&self, prediction: &Prediction, target: &Target) -> (Tensor<2>, Option<Tensor<1>>) {
        let c = &self.config;
        let [overlap, predicted, truth] = self.volumes(prediction, target);
        let num = overlap.clone() * c.kappa;
        let den =
            (overlap * (1.0 - c.alpha - c.beta) + predicted * c.alpha + truth.clone() * c.beta)
                * c.kappa;
        let den = if c.class_denominator_floor > 0.0 {
            den.clamp_min(c.class_denominator_floor)
        } else {
            den
        };
        let (num, den, truth) = match self.volume_weights(&truth) {
            Some(omega) => (
                (num * omega.clone()).sum_dim(1),
                (den * omega).sum_dim(1),
                truth.sum_dim(1),
            ),
            None => (num, den, truth),
        };
        let score = self.ratio(num, den);
        let mut loss = match c.transform {
            Transform::OneMinus => -score + 1.0,
            Transform::Score => score,
            Transform::Neg => -score,
            Transform::NegLog => -score.clamp_min(c.log_floor).log(),
        };
        if c.group_exponent != 1.0 {
            loss = power(loss, c.group_exponent);
        }
        let mut counted = loss.ones_like();
        if c.absent != Absent::Keep {
            let present = truth.greater_elem(0.0).float().cast(loss.dtype());
            loss = loss * present.clone();
            if c.absent == Absent::Drop {
                counted = present;
            }
        }
        let [_, columns] = loss.dims();
        let mut divisor = counted.clone();
        if let Some(weights) = self
            .weights
            .as_ref()
            .filter(|w| w.len() == columns && c.volume_weights == VolumeWeights::None)
        {
            let weights: Tensor<2> = constant(weights, [1, columns], &prediction.logits);
            loss = loss * weights.clone();
            if c.divisor == Divisor::SumWeights {
                divisor = counted * weights;
            }
        }
        let divisor = match c.divisor {
            Divisor::One => None,
            // All groups dropped: the sum is 0 and stays 0.
            Divisor::Count | Divisor::SumWeights => {
                let sum = divisor.sum();
                let none = sum.clone().equal_elem(0.0);
                Some(sum.mask_fill(none, 1.0))
            }
        };
        (loss, divisor)
    }
}

impl LossFn for Ready {
    fn forward(&self, prediction: &Prediction, target: &Target) -> Tensor<1> {
        let c = &self.config;
        let (loss, divisor) = self.groups(prediction, target);
        let total = loss.sum();
        let mut out = match divisor {
            None => total,
            Some(divisor) => total / divisor,
        };
        if c.one_minus_final {
            out = -out + 1.0;
        }
        if c.final_exponent != 1.0 {
            out = power(out, c.final_exponent);
        }
        if c.log_cosh {
            out = ((out.clone().exp() + (-out).exp()) * 0.5).log();
        }
        out
    }
}

/// Sums of planes, `[N, C]`, over images or classes as the group says.
pub(in crate::loss) fn grouped(planes: Tensor<2>, group: Group) -> Tensor<2> {
    match group {
        Group::ImageClass => planes,
        Group::Class => planes.sum_dim(0),
        Group::Image => planes.sum_dim(1),
        Group::All => planes.sum_dim(0).sum_dim(1),
    }
}

/// x^e for x ≥ 0. The slope at 0 is infinite for e < 1 and rounding can put x below 0: from there
/// on the value is 0 with no gradient.
pub(in crate::loss) fn power<const D: usize>(x: Tensor<D>, exponent: f64) -> Tensor<D> {
    x.clamp_min(1e-30).powf_scalar(exponent)
}
