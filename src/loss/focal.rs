//! Focal loss (Lin et al. 2017) on softmax or independent sigmoids.

use burn::prelude::*;

use super::activation::{InputActivation, OutputActivation};
use super::arithmetic::{clipped, log_softmax, sigmoid, softplus, true_cost};
use super::case::{Elsewhere, Given};
use super::cross_entropy::at_least_one;
use super::{
    LossContext, LossError, LossFn, LossInfo, Prediction, Target, foreground, minus_log, per_class,
    product_sums, sum_all,
};
use crate::param::Param;

pub(super) const INFO: LossInfo = LossInfo {
    kind: "focal",
    family: "Pixel-wise",
    title: "Focal",
    purpose: "Cross-entropy with easy pixels turned down.",
    formula: "−mean (1 − p)^γ log p",
    reference: "Lin et al. 2017; torchvision.sigmoid_focal_loss; monai.FocalLoss",
    when_to_use: "Huge easy backgrounds.",
    watch_for: "Starts small and slow; its values can't be compared with cross-entropy's.",
};

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

impl Elsewhere for Focal {
    fn claims(given: &Given) -> bool {
        given.family == "focal"
    }

    fn from_case(given: &mut Given) -> Result<Self, String> {
        let sigmoid =
            given.head == OutputActivation::Sigmoid || given.input == InputActivation::Sigmoid;
        let mut config = Self {
            input_activation: given.input,
            form: if sigmoid {
                Form::Binary
            } else {
                Form::Categorical
            },
            ..Self::default()
        };
        given.set("gamma", &mut config.gamma)?;
        given.set("alpha", &mut config.alpha)?;
        given.set("clip_prob", &mut config.clip)?;
        given.set("include_background", &mut config.include_background)?;
        given.set(
            "drop_logits_before_activation",
            &mut config.drop_background_logit,
        )?;
        given.set("normalizer", &mut config.normalizer)?;
        if let Some(alphas) = given.take("alpha_per_class")? {
            config.alpha_per_class = alphas;
        }
        Ok(config)
    }
}

struct Ready {
    config: Focal,
    background: bool,
    weights: Option<Vec<f64>>,
}

impl Ready {
    /// The channels that count.
    fn keep(&self, x: Tensor<4>) -> Tensor<4> {
        foreground(x, self.background)
    }

    /// For each pixel and class that counts, of the side that is true (the class, or any other):
    /// −log of its probability, and the probability of the wrong side.
    fn costs(&self, prediction: &Prediction, truth: &Tensor<4>) -> [Tensor<4>; 2] {
        let c = &self.config;
        // 1 − 2t and t: what turns p into the wrong side's probability.
        let turn = -truth.clone() * 2.0 + 1.0;
        let wrong = |p: Tensor<4>| p * turn.clone() + truth.clone();
        if c.clip == 0.0 {
            if let Some(z) = prediction.logits_of(c.input_activation, OutputActivation::Sigmoid) {
                let z = self.keep(z) * turn;
                return [softplus(z.clone()), sigmoid(z)];
            }
            if let Some(z) = prediction.logits_of(c.input_activation, OutputActivation::Softmax) {
                let log_p = match c.drop_background_logit {
                    true => log_softmax(self.keep(z)),
                    false => self.keep(log_softmax(z)),
                };
                let p = log_p.clone().exp();
                let off = truth.clone().equal_elem(0.0);
                let cost = match c.form {
                    // The side off the class does not count.
                    Form::Categorical => -log_p,
                    Form::Binary => (-log_p).mask_where(off, minus_log(-p.clone() + 1.0)),
                };
                return [cost, wrong(p)];
            }
        }
        let p = clipped(self.keep(prediction.probs(c.input_activation)), c.clip);
        // 1 − wrong, but with all digits of a small p.
        let right = (-truth.clone() + 1.0) - p.clone() * turn.clone();
        [minus_log(right), wrong(p)]
    }

    /// What the side on the class weighs: α, unless it is off.
    fn on(&self) -> f64 {
        if self.config.alpha >= 0.0 {
            self.config.alpha
        } else {
            1.0
        }
    }

    /// What the true class of each kind of pixel weighs, all classes.
    fn class_factors(&self, classes: usize) -> Vec<f64> {
        let c = &self.config;
        let weights = match c.normalizer {
            Normalizer::ClassMean => None,
            _ => self.weights.as_ref(),
        };
        let factor = |class: usize| {
            let alpha = c.alpha_per_class.get(class).unwrap_or(&1.0);
            let weight = weights.map_or(1.0, |weights| weights[class]);
            alpha * weight
        };
        (0..classes).map(factor).collect()
    }

    /// The sum over all pixels where only the true class's probability counts: one number a pixel.
    fn pixel_sum(&self, logits: Tensor<4>, target: &Target) -> Tensor<1> {
        let c = &self.config;
        let mut factors = self.class_factors(logits.dims()[1]);
        if !self.background {
            factors[0] = 0.0;
        }
        factors.iter_mut().for_each(|factor| *factor *= self.on());
        let cost = true_cost(logits, target);
        let wrong = -(-cost.clone()).exp() + 1.0;
        let value = cost * power(wrong, c.gamma) * target.per_pixel(&factors);
        sum_all(value * target.weights())
    }

    /// The sum over all pixels and classes, divided; of the forms that take classes together.
    fn normalised(
        &self,
        sum: Tensor<1>,
        valid: Tensor<1>,
        classes: usize,
        plane: usize,
    ) -> Tensor<1> {
        match self.config.normalizer {
            Normalizer::TimesClasses => sum / (valid * classes as f64),
            Normalizer::SpatialMean => sum * (plane as f64).recip(),
            _ => sum / valid,
        }
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
        let [_, all, h, w] = prediction.logits.dims();
        let valid = at_least_one(sum_all(target.valid.clone()));
        let classes = all - usize::from(!self.background);
        let logits = prediction.logits_of(c.input_activation, OutputActivation::Softmax);
        let pooled = !matches!(c.normalizer, Normalizer::ClassMean | Normalizer::FocalMass);
        let plain = c.form == Form::Categorical && c.clip == 0.0 && !c.drop_background_logit;
        if let (Some(logits), true) = (logits, plain && pooled) {
            return self.normalised(self.pixel_sum(logits, target), valid, classes, h * w);
        }
        let truth = self.keep(target.one_hot.clone());
        let [cost, wrong] = self.costs(prediction, &truth);
        let mass = power(wrong, c.gamma);
        let on = self.on();
        let (value, mass) = match c.form {
            // The side off the class does not count, and may cost infinitely much.
            Form::Categorical => {
                let off = truth.equal_elem(0.0);
                let value = (cost * mass.clone()).mask_fill(off.clone(), 0.0) * on;
                (value, mass.mask_fill(off, 0.0))
            }
            Form::Binary if c.alpha >= 0.0 => {
                let factor = truth * (2.0 * on - 1.0) + (1.0 - on);
                (cost * mass.clone() * factor, mass)
            }
            Form::Binary => (cost * mass.clone(), mass),
        };
        let weights = self.weights.as_deref();
        let skip = all - classes;
        let tail = |values: &[f64]| per_class(&values[skip..], &prediction.logits);
        let factors = self.class_factors(all);
        let value = match factors.iter().all(|factor| *factor == 1.0) {
            true => value,
            false => value * tail(&factors),
        };
        let planes = product_sums(value, [target.weights()]);
        match c.normalizer {
            Normalizer::ClassMean => {
                let means = planes.sum_dim(0) / valid.reshape([1, 1]);
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
                let mass = product_sums(mass, [target.valid.clone()]).sum_dim(0);
                (planes.sum_dim(0) / mass.clamp_min(1e-6) / valid.reshape([1, 1])).mean()
            }
            _ => self.normalised(planes.sum(), valid, classes, h * w),
        }
    }
}
