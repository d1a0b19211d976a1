//! Boundary loss (Kervadec et al. 2019): probabilities weighted by their signed distance to the
//! true border. Linear in the probabilities, so it needs a region loss beside it at first.
//!
//! The maps depend on the labels alone; they are computed on the CPU, in parallel.

use burn::prelude::*;
use rayon::prelude::*;

use super::activation::InputActivation;
use super::cross_entropy::at_least_one;
use super::distance::squared_distance;
use super::{
    LossContext, LossError, LossFn, Prediction, Target, constant, foreground, needs_foreground,
    sum_all,
};
use crate::param::Param;

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

impl LossFn for Boundary {
    fn forward(&self, prediction: &Prediction, target: &Target) -> Tensor<1> {
        let probs = foreground(
            prediction.probs(self.input_activation),
            self.include_background,
        );
        let truth = foreground(target.one_hot.clone(), self.include_background);
        let dims @ [_, classes, h, w] = probs.dims();
        let map = map_planes(truth, |mask| signed_distance(mask, h, w, self.full_mask));
        let map = constant(&map, dims, &prediction.logits);
        let valid = at_least_one(sum_all(target.valid.clone())) * classes as f64;
        sum_all(probs * map * target.weights()) / valid
    }
}

/// Reads `[N, C, H, W]` back, takes it for a mask where it is above ½, and maps each plane.
pub(super) fn map_planes(
    x: Tensor<4>,
    map: impl Fn(&[bool]) -> Vec<f64> + Send + Sync,
) -> Vec<f64> {
    let [n, c, h, w] = x.dims();
    let Ok(data) = x.try_into_data() else {
        // A device that can't be read has failed; the step reports it as not finite.
        return vec![f64::NAN; n * c * h * w];
    };
    let mask: Vec<bool> = data.iter::<f64>().map(|v| v > 0.5).collect();
    mask.par_chunks((h * w).max(1)).flat_map_iter(map).collect()
}

/// Distance to the class outside of it, minus the distance to the outside, less 1, inside.
fn signed_distance(mask: &[bool], h: usize, w: usize, full: FullMask) -> Vec<f64> {
    if !mask.contains(&true) {
        return vec![0.0; h * w];
    }
    if !mask.contains(&false) {
        let corner = |at: usize| {
            let (y, x) = ((at / w + 1) as f64, (at % w) as f64);
            1.0 - (y * y + x * x).sqrt()
        };
        return match full {
            FullMask::Zero => vec![0.0; h * w],
            FullMask::Keep => (0..h * w).map(corner).collect(),
        };
    }
    let outside: Vec<bool> = mask.iter().map(|on| !on).collect();
    let to_class = squared_distance(mask, h, w);
    let to_outside = squared_distance(&outside, h, w);
    let signed = |at: usize| {
        if mask[at] {
            1.0 - to_outside[at].sqrt()
        } else {
            to_class[at].sqrt()
        }
    };
    (0..h * w).map(signed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inner_border_is_zero_and_signs_differ_across_it() {
        let mask = [false, true, true, true, false, false];
        let map = signed_distance(&mask, 1, 6, FullMask::Zero);
        assert_eq!(map, [1.0, 0.0, -1.0, 0.0, 1.0, 2.0]);
    }

    #[test]
    fn a_full_mask_has_no_border_unless_scipys_answer_is_asked_for() {
        assert_eq!(signed_distance(&[true; 2], 1, 2, FullMask::Zero), [0.0; 2]);
        let kept = signed_distance(&[true; 2], 1, 2, FullMask::Keep);
        assert_eq!(kept, [0.0, 1.0 - 2f64.sqrt()]);
    }
}
