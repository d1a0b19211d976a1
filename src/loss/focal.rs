//! Focal loss (Lin et al. 2017) on softmax or independent sigmoids.

use burn::prelude::*;
use burn::tensor::activation::log_softmax;

use super::activation::{InputActivation, OutputActivation, softplus};
use super::cross_entropy::at_least_one;
use super::{LossContext, LossError, LossFn, Prediction, Target, minus_log, per_class, sum_all};
use crate::param::Param;

crate::choices! {
    /// Which probability is focused on.
    pub enum Form {
        Categorical = "categorical": "The true class of each pixel.",
        Binary = "binary": "Every channel as a question of its own.",
    }
}

crate::choices! {
    /// What the sum is divided by.
    pub enum Normalizer {
        Valid = "count_valid": "Pixels that are not ignored.",
        TimesClasses = "count_valid_times_classes": "Pixels that are not ignored × classes.",
        SpatialMean = "spatial_mean_then_sum": "Mean over pixels of each image and class, then the sum.",
        ClassMean = "weighted_class_mean": "Means per class, averaged with the class weights.",
        FocalMass = "focal_mass_per_class_then_mean": "Per class by its focal mass; the mass is differentiated too.",
    }
}

/// Parameters of focal loss.
#[derive(Debug, Clone, PartialEq)]
pub struct Focal {
    pub input_activation: InputActivation,
    pub form: Form,
    pub gamma: f64,
    /// Weight of positives against negatives (binary form); −1 = off.
    pub alpha: f64,
    /// Factor per class.
    pub alpha_per_class: Vec<f64>,
    pub include_background: bool,
    pub drop_background_logit: bool,
    pub clip: f64,
    pub normalizer: Normalizer,
}

impl Default for Focal {
    fn default() -> Self {
        Self {
            input_activation: InputActivation::None,
            form: Form::Categorical,
            gamma: 2.0,
            alpha: -1.0,
            alpha_per_class: Vec::new(),
            include_background: true,
            drop_background_logit: false,
            clip: 0.0,
            normalizer: Normalizer::Valid,
        }
    }
}

impl Focal {
    pub fn params(&mut self) -> Vec<Param<'_>> {
        vec![
            Param::choice(
                "input_activation",
                &mut self.input_activation,
                "Activation that the loss applies to the network's output before anything else.",
            ),
            Param::choice(
                "form",
                &mut self.form,
                "Which probabilities are focused on: the true class, or every channel.",
            ),
            Param::float(
                "gamma",
                &mut self.gamma,
                0.0..=10.0,
                "Exponent of (1 − p): how strongly easy pixels are turned down; 0 = cross-entropy.",
            ),
            Param::float(
                "alpha",
                &mut self.alpha,
                -1.0..=1.0,
                "Weight of positives, 1 − α of negatives (binary form); −1 = off.",
            ),
            Param::floats(
                "alpha_per_class",
                &mut self.alpha_per_class,
                0.0..=1e6,
                "Factor per class; empty = none.",
            ),
            Param::flag(
                "include_background",
                &mut self.include_background,
                "Whether class 0 counts.",
            ),
            Param::flag(
                "drop_background_logit",
                &mut self.drop_background_logit,
                "Remove the background's logit before the softmax (MONAI with include_background off).",
            ),
            Param::log_float(
                "clip",
                &mut self.clip,
                0.0..=0.1,
                "Keeps probabilities this far from 0 and 1, as Keras does (1e-7); 0 = exact logarithms.",
            ),
            Param::choice(
                "normalizer",
                &mut self.normalizer,
                "What the sum is divided by.",
            ),
        ]
    }

    /// # Errors
    /// When weights don't fit the number of classes, or no class is left.
    pub fn build(&self, context: &LossContext) -> Result<Box<dyn LossFn>, LossError> {
        let classes = context.num_classes;
        let alphas = &self.alpha_per_class;
        if !alphas.is_empty() && alphas.len() != classes {
            return Err(LossError::Invalid(format!(
                "`alpha_per_class` has {} numbers for {classes} classes: expected one per class",
                alphas.len()
            )));
        }
        let background = self.include_background && !self.drop_background_logit;
        if classes == 1 && !background {
            return Err(LossError::Invalid(
                "no class is left without the background: expected at least one".to_owned(),
            ));
        }
        Ok(Box::new(Ready {
            config: self.clone(),
            background,
            weights: context.weights()?,
        }))
    }
}

struct Ready {
    config: Focal,
    background: bool,
    weights: Option<Vec<f64>>,
}

impl Ready {
    /// −log p, −log(1 − p) and p for the classes that count.
    fn costs(&self, prediction: &Prediction) -> (Tensor<4>, Tensor<4>, Tensor<4>) {
        let c = &self.config;
        let skip = usize::from(!self.background);
        let keep = |x: Tensor<4>| {
            let classes = x.dims()[1];
            if skip == 0 {
                x
            } else {
                x.narrow(1, skip, classes - skip)
            }
        };
        if c.clip == 0.0 {
            if let Some(z) = prediction.logits_of(c.input_activation, OutputActivation::Sigmoid) {
                let z = keep(z);
                let cost = softplus(-z.clone());
                return (cost.clone(), softplus(z), (-cost).exp());
            }
            if let Some(z) = prediction.logits_of(c.input_activation, OutputActivation::Softmax) {
                let log_p = if c.drop_background_logit {
                    log_softmax(keep(z), 1)
                } else {
                    keep(log_softmax(z, 1))
                };
                let p = log_p.clone().exp();
                return (-log_p, minus_log(-p.clone() + 1.0), p);
            }
        }
        let p = keep(prediction.probs(c.input_activation));
        let p = if c.clip > 0.0 {
            p.clamp(c.clip, 1.0 - c.clip)
        } else {
            p
        };
        (minus_log(p.clone()), minus_log(-p.clone() + 1.0), p)
    }
}

/// x^γ with the powers that matter written out: their gradient at 0 is then right.
fn power(x: Tensor<4>, gamma: f64) -> Tensor<4> {
    match gamma {
        0.0 => x.ones_like(),
        1.0 => x,
        2.0 => x.clone() * x,
        _ => x.clamp_min(1e-30).powf_scalar(gamma),
    }
}

impl LossFn for Ready {
    fn forward(&self, prediction: &Prediction, target: &Target) -> Tensor<1> {
        let c = &self.config;
        let (positive, negative, p) = self.costs(prediction);
        let skip = usize::from(!self.background);
        let truth = target.one_hot.clone();
        let all = truth.dims()[1];
        let truth = if skip == 0 {
            truth
        } else {
            truth.narrow(1, skip, all - skip)
        };
        let [n, classes, h, w] = truth.dims();
        let off = truth.clone().equal_elem(0.0);
        let on = truth.clone().equal_elem(1.0);
        let mass_on = power(-p.clone() + 1.0, c.gamma);
        let mut value = (positive * mass_on.clone()).mask_fill(off.clone(), 0.0);
        let mut mass = mass_on.mask_fill(off, 0.0);
        if c.alpha >= 0.0 {
            value = value * c.alpha;
        }
        if c.form == Form::Binary {
            let mass_off = power(p, c.gamma);
            let factor = if c.alpha >= 0.0 { 1.0 - c.alpha } else { 1.0 };
            value = value + (negative * mass_off.clone()).mask_fill(on.clone(), 0.0) * factor;
            mass = mass + mass_off.mask_fill(on, 0.0);
        }
        let tail = |values: &[f64]| per_class(&values[skip..], &prediction.logits);
        if !c.alpha_per_class.is_empty() {
            value = value * tail(&c.alpha_per_class);
        }
        let weights = self.weights.as_deref();
        if let Some(weights) = weights.filter(|_| c.normalizer != Normalizer::ClassMean) {
            value = value * tail(weights);
        }
        let value = value * target.weights();
        let valid = at_least_one(sum_all(target.valid.clone()));
        let by_class = |x: Tensor<4>| -> Tensor<2> {
            let planes: Tensor<2> = x.reshape([n * classes, h * w]).sum_dim(1);
            planes.reshape([n, classes]).sum_dim(0)
        };
        match c.normalizer {
            Normalizer::Valid => sum_all(value) / valid,
            Normalizer::TimesClasses => sum_all(value) / (valid * classes as f64),
            Normalizer::SpatialMean => sum_all(value) * ((h * w) as f64).recip(),
            Normalizer::ClassMean => {
                let means = by_class(value) / valid.reshape([1, 1]);
                match weights {
                    Some(weights) => {
                        let sum: f64 = weights[skip..].iter().sum();
                        let weights = tail(weights).reshape([1, classes]);
                        (means * weights).sum() * sum.recip()
                    }
                    None => means.mean(),
                }
            }
            Normalizer::FocalMass => {
                let mass = by_class(mass * target.valid.clone()).clamp_min(1e-6);
                (by_class(value) / mass / valid.reshape([1, 1])).mean()
            }
        }
    }
}
