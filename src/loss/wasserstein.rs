//! Generalised Wasserstein Dice (Fidon et al. 2017): confusing near classes costs less than
//! confusing far ones, by a matrix of distances between classes.

use burn::prelude::*;

use super::activation::InputActivation;
use super::case::{Elsewhere, Given};
use super::{LossContext, LossError, LossFn, LossInfo, Prediction, Target, constant, product_sums};
use crate::param::Param;

pub(super) const INFO: LossInfo = LossInfo {
    kind: "wasserstein",
    family: "Overlap",
    title: "Generalised Wasserstein Dice",
    purpose: "Dice where confusing near classes costs less than confusing far ones.",
    formula: "1 − 2·Σ a(1 − d) / (2·Σ a(1 − d) + Σ d),  d = Σ M[y, c]·p_c",
    reference: "Fidon et al. 2017; monai.GeneralizedWassersteinDiceLoss; niftynet.generalised_wasserstein_dice_loss",
    when_to_use: "Classes with a hierarchy: subtypes, parts of a whole.",
    watch_for: "The matrix is a choice; by default every confusion costs the same.",
};

crate::choices! {
    /// What a pixel counts for as a true positive.
    pub enum Mode {
        Foreground = "foreground": "1 on every class but the background (MONAI, default).",
        BackgroundDistance = "background_distance": "Its class's distance to the background (NiftyNet).",
        InverseVolume = "inverse_volume": "1 / (1 + volume of its class in the image) (MONAI, GDL).",
    }
}

/// Parameters of generalised Wasserstein Dice.
#[derive(Debug, Clone, PartialEq)]
pub struct Wasserstein {
    pub input_activation: InputActivation,
    pub mode: Mode,
    /// C × C distances, row by row; empty = every confusion costs 1.
    pub distances: Vec<f64>,
    pub smooth_numerator: f64,
    pub smooth_denominator: f64,
}

impl Default for Wasserstein {
    fn default() -> Self {
        Self {
            input_activation: InputActivation::None,
            mode: Mode::Foreground,
            distances: Vec::new(),
            smooth_numerator: 1e-5,
            smooth_denominator: 1e-5,
        }
    }
}

impl Wasserstein {
    pub fn params(&mut self) -> Vec<Param<'_>> {
        vec![
            self.input_activation.param(),
            Param::choice(
                "mode",
                &mut self.mode,
                "What a pixel counts for as a true positive.",
            ),
            Param::floats(
                "distances",
                &mut self.distances,
                0.0..=1e6,
                "Distance of each true class (row) to each predicted one (column), row by row; empty = 1 off the diagonal.",
            ),
            Param::log_float(
                "smooth_numerator",
                &mut self.smooth_numerator,
                0.0..=1e6,
                "Added above the line, in pixels.",
            ),
            Param::log_float(
                "smooth_denominator",
                &mut self.smooth_denominator,
                0.0..=1e6,
                "Added below the line, in pixels.",
            ),
        ]
    }

    /// # Errors
    /// When the matrix is not one row of numbers per class, or a class is far from itself.
    pub fn build(&self, context: &LossContext) -> Result<Box<dyn LossFn>, LossError> {
        let classes = context.num_classes;
        let matrix = if self.distances.is_empty() {
            let off = |at: usize| f64::from(at / classes != at % classes);
            (0..classes * classes).map(off).collect()
        } else {
            self.distances.clone()
        };
        if matrix.len() != classes * classes {
            return Err(LossError::Invalid(format!(
                "`distances` has {} numbers for {classes} classes: expected {classes} × {classes}",
                matrix.len()
            )));
        }
        if let Some(class) = (0..classes).find(|c| matrix[c * classes + c] != 0.0) {
            return Err(LossError::Invalid(format!(
                "`distances` puts class {class} at {} from itself: expected 0",
                matrix[class * classes + class]
            )));
        }
        Ok(Box::new(Ready {
            config: self.clone(),
            matrix,
        }))
    }
}

impl Elsewhere for Wasserstein {
    fn claims(given: &Given) -> bool {
        given.family == "wasserstein"
    }

    fn from_case(given: &mut Given) -> Result<Self, String> {
        let mut config = Self {
            input_activation: given.input,
            smooth_numerator: 0.0,
            smooth_denominator: 0.0,
            ..Self::default()
        };
        given.set("mode", &mut config.mode)?;
        given.set("smooth_nr", &mut config.smooth_numerator)?;
        given.set("smooth_dr", &mut config.smooth_denominator)?;
        if let Some(rows) = given.take::<Vec<Vec<f64>>>("distance_matrix")? {
            config.distances = rows.concat();
        }
        Ok(config)
    }
}

struct Ready {
    config: Wasserstein,
    matrix: Vec<f64>,
}

impl LossFn for Ready {
    fn forward(&self, prediction: &Prediction, target: &Target) -> Tensor<1> {
        let c = &self.config;
        let [n, classes, h, w] = prediction.logits.dims();
        let probs = prediction.probs(c.input_activation);
        let truth = target.one_hot.clone();
        let weights = target.weights();
        // Row k of M · p is what the prediction costs where k is true.
        let matrix: Tensor<3> = constant(&self.matrix, [1, classes, classes], &prediction.logits);
        let costs = matrix
            .expand([n, classes, classes])
            .matmul(probs.reshape([n, classes, h * w]))
            .reshape([n, classes, h, w]);
        let distance = (costs * truth.clone()).sum_dim(1);
        let value = match c.mode {
            Mode::Foreground => {
                let mut values = vec![1.0; classes];
                values[0] = 0.0;
                target.per_pixel(&values)
            }
            Mode::BackgroundDistance => target.per_pixel(&self.matrix[..classes]),
            Mode::InverseVolume => {
                let volume = product_sums(truth.clone(), [target.valid.clone()]);
                let share = (volume + 1.0).recip().reshape([n, classes, 1, 1]);
                (truth * share).sum_dim(1)
            }
        };
        let per_image = |x: Tensor<4>| product_sums(x, [weights.clone()]);
        let hits = per_image(value.clone() * (-distance.clone() + 1.0)) * 2.0;
        let union = match c.mode {
            Mode::InverseVolume => per_image(value * (-distance + 2.0)),
            Mode::Foreground | Mode::BackgroundDistance => hits.clone() + per_image(distance),
        };
        let union = union + c.smooth_denominator;
        // Without smoothing an image of background alone is 0 / 0 at perfection: score 0.
        let zero = union.clone().equal_elem(0.0);
        let score = (hits + c.smooth_numerator) / union.mask_fill(zero.clone(), 1.0);
        (-score.mask_fill(zero, 0.0) + 1.0).mean()
    }
}
