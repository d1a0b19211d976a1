//! Boundary loss (Kervadec et al. 2019): probabilities weighted by their signed distance to the
//! true border. Linear in the probabilities, so it needs a region loss beside it at first.
//!
//! The maps depend on the labels alone: for the CPU the loader makes them beside the images, a GPU makes
//! its own.

use burn::prelude::*;

use super::activation::InputActivation;
use super::case::{Elsewhere, Given};
use super::cross_entropy::at_least_one;
use super::{
    LossContext, LossError, LossFn, LossInfo, Prediction, Target, foreground, needs_foreground,
    product_sums, sum_all,
};
use crate::param::Param;

pub(super) const INFO: LossInfo = LossInfo {
    kind: "boundary",
    family: "Shape",
    title: "Boundary",
    purpose: "Probability weighted by its signed distance to the true border.",
    formula: "mean p · D(y)",
    reference: "Kervadec et al. 2019; monai.BoundaryLoss",
    when_to_use: "Beside a region loss, its weight raised slowly, for strong imbalance.",
    watch_for: "Alone it collapses to nothing; it can be below 0.",
};

crate::choices! {
    /// The map of a class that fills the whole image and so has no border.
    pub enum FullMask {
        Zero = "zero": "No distance at all (MONAI).",
        Keep = "keep": "As SciPy's transform leaves it: distance to just above the top left corner.",
    }
}

/// Parameters of the boundary loss.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Boundary {
    pub input_activation: InputActivation,
    pub include_background: bool,
    pub full_mask: FullMask,
}

impl Boundary {
    pub fn params(&mut self) -> Vec<Param<'_>> {
        vec![
            self.input_activation.param(),
            Param::flag(
                "include_background",
                &mut self.include_background,
                "Whether class 0 counts.",
            ),
            Param::choice(
                "full_mask",
                &mut self.full_mask,
                "The map of a class that fills the whole image.",
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

impl Elsewhere for Boundary {
    fn claims(given: &Given) -> bool {
        given.family == "boundary" && !given.says("kind", "hausdorff_dt")
    }

    fn from_case(given: &mut Given) -> Result<Self, String> {
        if !given.says("kind", "signed_distance") {
            return Err("`params.kind`: expected signed_distance or hausdorff_dt".to_owned());
        }
        given.only("kind", "signed_distance")?;
        let mut config = Self {
            input_activation: given.input,
            ..Self::default()
        };
        given.set("include_background", &mut config.include_background)?;
        given.set("full_mask", &mut config.full_mask)?;
        Ok(config)
    }
}

impl LossFn for Boundary {
    fn forward(&self, prediction: &Prediction, target: &Target) -> Tensor<1> {
        let probs = foreground(
            prediction.probs(self.input_activation),
            self.include_background,
        );
        let classes = probs.dims()[1];
        let map = foreground(self.map(target), self.include_background);
        let valid = at_least_one(sum_all(target.valid.clone())) * classes as f64;
        product_sums(probs, [map, target.weights()]).sum() / valid
    }
}

impl Boundary {
    /// `[N, C, H, W]`: distance to the class outside of it; minus the distance to the outside, less
    /// 1, inside.
    fn map(&self, target: &Target) -> Tensor<4> {
        let distance = target.border_distances();
        let dtype = distance.dtype();
        let inside = target.one_hot.clone().greater_elem(0.5).float().cast(dtype);
        let border = distance.clone().greater_elem(0.5).float().cast(dtype);
        let map = distance * (-inside.clone() * 2.0 + 1.0) + inside.clone() * border.clone();
        if self.full_mask == FullMask::Zero {
            return map;
        }
        let ([_, _, h, w], device) = (map.dims(), map.device());
        let squares = |first: usize, len: usize| {
            let steps = first as i64..(first + len) as i64;
            let away = Tensor::<1, Int>::arange(steps, &device).float().cast(dtype);
            away.clone() * away
        };
        let rows = squares(1, h).reshape([1, 1, h, 1]);
        let columns = squares(0, w).reshape([1, 1, 1, w]);
        let corners = -(rows + columns).sqrt() + 1.0;
        map + inside * (-border + 1.0) * corners
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(labels: &[u8], full_mask: FullMask) -> Vec<f64> {
        let device = Device::flex();
        let target = Target::from_labels(labels, [1, 1, labels.len()], 2, &device);
        let config = Boundary {
            full_mask,
            ..Boundary::default()
        };
        let map = config.map(&target).narrow(1, 1, 1);
        map.into_data().iter::<f64>().collect()
    }

    #[test]
    fn the_inner_border_is_zero_and_signs_differ_across_it() {
        let found = map(&[0, 1, 1, 1, 0, 255], FullMask::Zero);
        assert_eq!(found, [1.0, 0.0, -1.0, 0.0, 1.0, 2.0]);
    }

    #[test]
    fn a_full_mask_has_no_border_unless_scipys_answer_is_asked_for() {
        assert_eq!(map(&[1; 2], FullMask::Zero), [0.0; 2]);
        let kept = map(&[1; 2], FullMask::Keep);
        assert!(kept[0].abs() < 1e-7 && (kept[1] - (1.0 - 2f64.sqrt())).abs() < 1e-7);
        assert_eq!(map(&[0; 2], FullMask::Keep), [0.0; 2]);
    }
}
