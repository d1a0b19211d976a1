//! Categorical cross-entropy in the forms of PyTorch, MONAI, Keras and nnU-Net, with the poly and
//! generalised variants.

use burn::prelude::*;

use super::activation::{InputActivation, OutputActivation};
use super::arithmetic::{clipped, of_true_class, true_cost};
use super::case::{Elsewhere, Given};
use super::{
    LossContext, LossError, LossFn, LossInfo, Prediction, Target, minus_log, per_class, sum_all,
};
use crate::param::Param;

pub(super) const INFO: LossInfo = LossInfo {
    kind: "cross_entropy",
    family: "Pixel-wise",
    title: "Cross-entropy",
    purpose: "Every pixel's log-probability of its class.",
    formula: "−mean log p(true class)",
    reference: "torch.nn.CrossEntropyLoss; keras categorical_crossentropy",
    when_to_use: "The baseline: smooth, well scaled, calibrated.",
    watch_for: "Large classes dominate: look at class weights, or add a Dice term.",
};

crate::choices! {
    /// What the sum over pixels is divided by.
    pub enum Normalizer {
        CountValid = "count_valid": "Pixels that are not ignored (PyTorch without weights).",
        CountAll = "count_all": "All pixels, ignored ones too (segmentation_models.pytorch).",
        SumWeights = "sum_weights": "Sum of the true classes' weights (PyTorch with weights).",
        PerImage = "per_image_weight_sum": "Per image by the sum of its pixel weights, then the mean (NiftyNet).",
        TimesClasses = "count_all_times_classes": "Pixels × classes (Keras snippets with class weights).",
        One = "none": "Nothing: the sum.",
    }
}

crate::choices! {
    /// Scaling of what the loss is given, so that it sums to 1 over the classes.
    pub enum Renormalize {
        None = "none": "As given.",
        BeforeClip = "before_clip": "Divide by the sum, then clip (Keras categorical cross-entropy).",
        AfterClip = "after_clip": "Clip, then divide by the sum (Keras sparse cross-entropy, through logs).",
    }
}

/// Parameters of categorical cross-entropy.
#[derive(Debug, Clone, PartialEq)]
pub struct CrossEntropy {
    pub input_activation: InputActivation,
    /// What reaches the loss is logits, whatever the network's activation says.
    pub from_logits: bool,
    pub label_smoothing: f64,
    pub normalizer: Normalizer,
    /// Probabilities are kept this far from 0 and 1; 0 = off.
    pub clip: f64,
    pub renormalize: Renormalize,
    pub log_epsilon: f64,
    /// Share of the pixels that count, those with the largest loss; 1 = all.
    pub top_k: f64,
    /// Only pixels whose true class has less than this count (OHEM); 0 = off.
    pub ohem_threshold: f64,
    /// Pixels that count at least with a threshold, the hardest.
    pub ohem_least: u64,
    pub poly_epsilon: f64,
    /// q of generalised cross-entropy; 0 = off.
    pub generalized_q: f64,
}

impl Default for CrossEntropy {
    fn default() -> Self {
        Self {
            input_activation: InputActivation::None,
            from_logits: false,
            label_smoothing: 0.0,
            normalizer: Normalizer::CountValid,
            clip: 0.0,
            renormalize: Renormalize::None,
            log_epsilon: 0.0,
            top_k: 1.0,
            ohem_threshold: 0.0,
            ohem_least: 100_000,
            poly_epsilon: 0.0,
            generalized_q: 0.0,
        }
    }
}

impl CrossEntropy {
    pub fn params(&mut self) -> Vec<Param<'_>> {
        vec![
            Param::choice(
                "input_activation",
                &mut self.input_activation,
                "Activation that the loss applies to the network's output before anything else.",
            ),
            Param::flag(
                "from_logits",
                &mut self.from_logits,
                "Take what reaches the loss for logits and apply a softmax to it (Keras's `from_logits`).",
            ),
            Param::float(
                "label_smoothing",
                &mut self.label_smoothing,
                0.0..=0.99,
                "Share of the target that is spread evenly over all classes.",
            ),
            Param::choice(
                "normalizer",
                &mut self.normalizer,
                "What the sum over pixels is divided by.",
            ),
            Param::log_float(
                "clip",
                &mut self.clip,
                0.0..=0.1,
                "Keeps probabilities this far from 0 and 1, as Keras does (1e-7); 0 = exact logarithms.",
            ),
            Param::choice(
                "renormalize",
                &mut self.renormalize,
                "Makes what the loss is given sum to 1 over the classes.",
            ),
            Param::log_float(
                "log_epsilon",
                &mut self.log_epsilon,
                0.0..=0.1,
                "Added to probabilities inside the logarithm.",
            ),
            Param::float(
                "top_k",
                &mut self.top_k,
                0.01..=1.0,
                "Share of the pixels that count, those with the largest loss (nnU-Net's top-k); 1 = all.",
            ),
            Param::float(
                "ohem_threshold",
                &mut self.ohem_threshold,
                0.0..=1.0,
                "Online hard example mining: only pixels whose true class has a lower probability count (0.7 is usual); 0 = off.",
            ),
            Param::int(
                "ohem_least",
                &mut self.ohem_least,
                1..=1_000_000_000,
                "With `ohem_threshold`: so many pixels of the batch count at least, the hardest.",
            ),
            Param::float(
                "poly_epsilon",
                &mut self.poly_epsilon,
                -1.0..=10.0,
                "ε of PolyLoss: adds ε·(1 − p) of the true class.",
            ),
            Param::float(
                "generalized_q",
                &mut self.generalized_q,
                0.0..=1.0,
                "q of generalised cross-entropy, (1 − p^q)/q: robust to wrong labels; 0 = off.",
            ),
        ]
    }

    /// # Errors
    /// When class weights don't fit the number of classes, or pixels are chosen in two ways.
    pub fn build(&self, context: &LossContext) -> Result<Box<dyn LossFn>, LossError> {
        if self.top_k < 1.0 && self.ohem_threshold > 0.0 {
            return Err(LossError::Invalid(format!(
                "`top_k` = {} and `ohem_threshold` = {} both choose the pixels that count: expected \
                 one of them, the other at its default (1 and 0)",
                self.top_k, self.ohem_threshold
            )));
        }
        Ok(Box::new(Ready {
            config: self.clone(),
            weights: context.weights()?,
            classes: context.num_classes,
        }))
    }
}

impl Elsewhere for CrossEntropy {
    fn claims(given: &Given) -> bool {
        given.family == "cross_entropy" && !given.says("form", "binary")
    }

    fn from_case(given: &mut Given) -> Result<Self, String> {
        given.only("form", "categorical")?;
        let mut config = Self {
            input_activation: given.input,
            ..Self::default()
        };
        given.set("label_smoothing", &mut config.label_smoothing)?;
        given.set("clip_prob", &mut config.clip)?;
        given.set("log_eps", &mut config.log_epsilon)?;
        given.set("poly_eps", &mut config.poly_epsilon)?;
        given.set("gce_q", &mut config.generalized_q)?;
        given.set("renormalize", &mut config.renormalize)?;
        given.set("normalizer", &mut config.normalizer)?;
        if let Some(percent) = given.take::<f64>("topk_percent")? {
            config.top_k = percent / 100.0;
        }
        Ok(config)
    }
}

struct Ready {
    config: CrossEntropy,
    weights: Option<Vec<f64>>,
    classes: usize,
}

impl Ready {
    /// What the loss reads, and whether it takes it as it is.
    fn read(&self, prediction: &Prediction) -> (Prediction, InputActivation, bool) {
        let c = &self.config;
        let (prediction, input) =
            prediction.read_as(c.input_activation, c.from_logits, OutputActivation::Softmax);
        let plain = c.clip == 0.0 && c.renormalize == Renormalize::None && c.log_epsilon == 0.0;
        (prediction, input, plain)
    }

    /// `[N, 1, H, W]`: log p of the true class, 0 at ignored pixels.
    fn true_log_probs(&self, prediction: &Prediction, target: &Target) -> Tensor<4> {
        let (read, input, plain) = self.read(prediction);
        match read.logits_of(input, OutputActivation::Softmax) {
            Some(logits) if plain => -true_cost(logits, target),
            _ => of_true_class(self.log_probs(prediction), target),
        }
    }

    fn log_probs(&self, prediction: &Prediction) -> Tensor<4> {
        let c = &self.config;
        let (prediction, input, plain) = self.read(prediction);
        if plain {
            return prediction.log_probs(input);
        }
        let mut p = prediction.probs(input);
        if c.renormalize == Renormalize::BeforeClip {
            p = p.clone() / p.sum_dim(1);
        }
        p = clipped(p, c.clip);
        if c.renormalize == Renormalize::AfterClip {
            p = p.clone() / p.sum_dim(1);
        }
        -minus_log(p + c.log_epsilon)
    }
}

impl LossFn for Ready {
    fn forward(&self, prediction: &Prediction, target: &Target) -> Tensor<1> {
        let c = &self.config;
        let [n, _, h, w] = prediction.logits.dims();
        let weights = self.weights.as_ref().map(|w| target.per_pixel(w));
        let weigh = |x: Tensor<4>| match &weights {
            Some(weights) => x * weights.clone(),
            None => x,
        };
        // Of all classes only where the smoothing asks for them.
        let log_probs = (c.label_smoothing > 0.0).then(|| self.log_probs(prediction));
        let log_p = match &log_probs {
            Some(log_probs) => of_true_class(log_probs.clone(), target),
            None => self.true_log_probs(prediction, target),
        };
        // Of the probability that the network gives, whatever it is weighted with.
        let hardness = (c.ohem_threshold > 0.0).then(|| -log_p.clone().detach());
        let mut pixel = if c.generalized_q > 0.0 {
            (-(log_p.clone() * c.generalized_q).exp() + 1.0)
                * c.generalized_q.recip()
                * target.valid.clone()
        } else {
            weigh(-log_p.clone())
        };
        if let Some(log_probs) = log_probs {
            let log_probs = match &self.weights {
                Some(weights) => log_probs * per_class(weights, &prediction.logits),
                None => log_probs,
            };
            let all = log_probs.sum_dim(1) * target.valid.clone();
            let share = c.label_smoothing / self.classes as f64;
            pixel = pixel * (1.0 - c.label_smoothing) - all * share;
        }
        if c.poly_epsilon != 0.0 {
            pixel = pixel + (-log_p.exp() + 1.0) * c.poly_epsilon * target.valid.clone();
        }
        if let Some(map) = &target.pixel_weights {
            pixel = pixel * map.clone();
        }
        if c.top_k < 1.0 {
            let pixels = n * h * w;
            let count = (pixels as f64 * c.top_k).floor().max(1.0);
            let count = Tensor::full([1], count, (&pixel.device(), pixel.dtype()));
            return mean_of_largest(pixel.clone(), pixel.detach(), count);
        }
        if let Some(hardness) = hardness {
            return hard_examples(c, pixel, hardness, target);
        }
        match c.normalizer {
            Normalizer::PerImage => {
                let sum = |x: Tensor<4>| x.reshape([n, h * w]).sum_dim(1);
                let weight = sum(target.weights());
                let none = weight.clone().equal_elem(0.0);
                (sum(pixel) / weight.mask_fill(none, 1.0)).mean()
            }
            Normalizer::One => sum_all(pixel),
            Normalizer::CountAll => sum_all(pixel) * ((n * h * w) as f64).recip(),
            Normalizer::TimesClasses => {
                sum_all(pixel) * ((n * h * w * self.classes) as f64).recip()
            }
            Normalizer::CountValid => sum_all(pixel) / at_least_one(sum_all(target.valid.clone())),
            Normalizer::SumWeights => {
                let mass = sum_all(weigh(target.valid.clone()));
                let none = mass.clone().equal_elem(0.0);
                sum_all(pixel) / mass.mask_fill(none, 1.0)
            }
        }
    }
}

/// Mean over the pixels whose true class has a probability below the threshold, or over the hardest
/// where those are too few. `hardness` is −log of that probability.
fn hard_examples(
    c: &CrossEntropy,
    pixel: Tensor<4>,
    hardness: Tensor<4>,
    target: &Target,
) -> Tensor<1> {
    let valid = target.valid.clone();
    // Ignored pixels are the easiest of all.
    let key = hardness * valid.clone() + (valid.clone() - 1.0);
    let hard = key.clone().greater_elem(-c.ohem_threshold.ln());
    let hard = sum_all(hard.float().cast(key.dtype()) * valid.clone());
    let least = sum_all(valid).clamp_max(c.ohem_least as f64);
    mean_of_largest(pixel, key, at_least_one(hard.max_pair(least)))
}

/// Mean of the values of `x` at the `count` largest of `fixed`, which has no gradient, by halving the
/// interval that holds the last of them: burn's GPU backends neither sort nor select thousands of
/// values. What lies so near the last one that it can't be told apart shares its place.
fn mean_of_largest(x: Tensor<4>, fixed: Tensor<4>, count: Tensor<1>) -> Tensor<1> {
    let above = |level: &Tensor<4>| {
        let level = level.clone().expand(fixed.dims());
        fixed.clone().greater(level).float().cast(fixed.dtype())
    };
    let scalar = |x: Tensor<1>| x.reshape([1, 1, 1, 1]);
    // More than `count` values are above `low`, fewer above `high`.
    let mut low = scalar(fixed.clone().min()) - 1.0;
    let mut high = scalar(fixed.clone().max());
    for _ in 0..48 {
        let middle = (low.clone() + high.clone()) * 0.5;
        let enough = scalar(sum_all(above(&middle))).greater_equal(scalar(count.clone()));
        low = low.mask_where(enough.clone(), middle.clone());
        high = middle.mask_where(enough, high);
    }
    let certain = above(&high);
    let last = above(&low) - certain.clone();
    let left = -sum_all(certain.clone()) + count.clone();
    let share = left / at_least_one(sum_all(last.clone()));
    let weights = certain + last * scalar(share);
    sum_all(x * weights) / count
}

/// A batch without a valid pixel has loss 0, not 0 / 0.
pub(super) fn at_least_one(count: Tensor<1>) -> Tensor<1> {
    count.clamp_min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One pixel a row: probabilities 0.9, 0.6, 0.5 and 0.2 of the true class, and one ignored.
    fn ohem(threshold: &str, least: &str) -> f64 {
        let device = Device::flex();
        let p: [f32; 5] = [0.9, 0.6, 0.5, 0.2, 0.5];
        let logits: Vec<f32> = p
            .iter()
            .map(|p| (p / (1.0 - p)).ln())
            .chain([0.0; 5])
            .collect();
        let prediction = Prediction {
            logits: Tensor::from_data(TensorData::new(logits, [1, 2, 5, 1]), &device),
            activation: OutputActivation::Softmax,
        };
        let target = Target::from_labels(&[0, 0, 0, 0, 255], [1, 5, 1], 2, &device);
        let mut config = crate::loss::LossConfig::of_kind("cross_entropy").unwrap();
        config.set("ohem_threshold", threshold).unwrap();
        config.set("ohem_least", least).unwrap();
        let context = LossContext {
            num_classes: 2,
            class_weights: Vec::new(),
            device,
        };
        let loss = config
            .build(&context)
            .unwrap()
            .forward(&prediction, &target);
        f64::from(loss.into_scalar::<f32>())
    }

    #[test]
    fn hard_examples_are_those_below_the_threshold_or_the_hardest() {
        let mean = |p: &[f64]| -p.iter().map(|p| p.ln()).sum::<f64>() / p.len() as f64;
        for (threshold, least, expected) in [
            ("0.7", "1", mean(&[0.6, 0.5, 0.2])),
            ("0.3", "1", mean(&[0.2])),
            ("0.3", "2", mean(&[0.5, 0.2])),
            ("0.1", "1", mean(&[0.2])),
            // More than there are: all that count, the ignored one not.
            ("0.7", "100000", mean(&[0.9, 0.6, 0.5, 0.2])),
        ] {
            let found = ohem(threshold, least);
            assert!(
                (found - expected).abs() < 1e-5,
                "{threshold}, {least}: {found}"
            );
        }
    }

    #[test]
    fn two_ways_to_choose_pixels_are_refused() {
        let config = CrossEntropy {
            top_k: 0.1,
            ohem_threshold: 0.7,
            ..CrossEntropy::default()
        };
        let context = LossContext {
            num_classes: 2,
            class_weights: Vec::new(),
            device: Device::flex(),
        };
        let error = config.build(&context).err().unwrap().to_string();
        assert!(
            error.contains("`top_k` = 0.1") && error.contains("0.7"),
            "{error}"
        );
    }
}
