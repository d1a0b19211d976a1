//! The overlap family: Dice, Jaccard, Tversky and generalised Dice are one formula with settings.
//!
//! Per group of pixels and classes, with p the probabilities, y the one-hot truth and w the weight
//! of each pixel:
//!
//! ```text
//! I = Σ w p y     P = Σ w p^power     Y = Σ w y
//! num = κ I       den = κ (I (1 − α − β) + α P + β Y)
//! S = (num + smooth_numerator) / (den + smooth_denominator)        L = 1 − S
//! ```
//!
//! α multiplies false positives, β false negatives: Dice is κ = 2, α = β = ½; Jaccard α = β = 1;
//! Tversky κ = 1 (Salehi et al. 2017). With volume weights ω = Y^−e, numerators and denominators
//! are summed over classes first (Sudre et al. 2017). ω, class weights and Y carry no gradient.

mod case;
mod engine;
pub(super) mod kinds;

pub(super) use engine::{grouped, power};

use super::activation::InputActivation;
use crate::param::Param;

crate::choices! {
    /// What one ratio is taken over.
    pub enum Group {
        ImageClass = "image_class": "One ratio per image and class, then the mean.",
        Class = "class": "One ratio per class over the whole batch, then the mean.",
        Image = "image": "One ratio per image over all classes together.",
        All = "all": "One ratio for everything: large classes drown small ones.",
    }
}

crate::choices! {
    /// How the ratio becomes a loss.
    pub enum Transform {
        OneMinus = "one_minus": "1 − S.",
        NegLog = "neg_log": "−log S.",
        Neg = "neg": "−S, as nnU-Net does.",
        Score = "score": "S itself (for a score that is turned round at the end).",
    }
}

crate::choices! {
    /// What to do with a group whose class is not in the truth.
    pub enum Absent {
        Keep = "keep": "It counts: predicting the class there costs.",
        Zero = "zero": "Its loss is 0 but it counts in the mean.",
        Drop = "drop": "It takes no part in the mean.",
    }
}

crate::choices! {
    /// Weights of classes inside one ratio, from their volume in the truth.
    pub enum VolumeWeights {
        None = "none": "Each class has its own ratio.",
        Uniform = "uniform": "One ratio, classes as they are.",
        Simple = "simple": "One ratio, classes weigh 1 / volume.",
        Square = "square": "One ratio, classes weigh 1 / volume².",
    }
}

crate::choices! {
    /// Volume weight of a class that is not in the truth.
    pub enum EmptyVolume {
        Largest = "largest": "The largest weight of the classes that are there.",
        Natural = "natural": "What the formula gives (needs a volume offset).",
    }
}

crate::choices! {
    /// What weighted losses are divided by.
    pub enum Divisor {
        Count = "count": "The number of groups.",
        SumWeights = "sum_weights": "The sum of their class weights.",
        One = "one": "Nothing: the sum.",
    }
}

/// Parameters of the overlap engine; keys as in presets.
#[derive(Debug, Clone, PartialEq)]
pub struct Overlap {
    pub input_activation: InputActivation,
    pub kappa: f64,
    pub alpha: f64,
    pub beta: f64,
    pub power: f64,
    pub smooth_numerator: f64,
    pub smooth_denominator: f64,
    pub denominator_floor: f64,
    pub class_denominator_floor: f64,
    pub include_background: bool,
    /// Indices of the classes that count; empty = all.
    pub classes: Vec<f64>,
    pub group: Group,
    pub volume_weights: VolumeWeights,
    pub empty_volume: EmptyVolume,
    pub volume_offset: f64,
    pub absent: Absent,
    pub transform: Transform,
    pub log_floor: f64,
    pub group_exponent: f64,
    pub final_exponent: f64,
    pub one_minus_final: bool,
    pub log_cosh: bool,
    pub zero_ratio_is_one: bool,
    pub divisor: Divisor,
}

impl Default for Overlap {
    /// Soft Dice over the batch.
    fn default() -> Self {
        Self {
            input_activation: InputActivation::None,
            kappa: 2.0,
            alpha: 0.5,
            beta: 0.5,
            power: 1.0,
            smooth_numerator: 1.0,
            smooth_denominator: 1.0,
            denominator_floor: 0.0,
            class_denominator_floor: 0.0,
            include_background: true,
            classes: Vec::new(),
            group: Group::Class,
            volume_weights: VolumeWeights::None,
            empty_volume: EmptyVolume::Largest,
            volume_offset: 0.0,
            absent: Absent::Keep,
            transform: Transform::OneMinus,
            log_floor: 1e-7,
            group_exponent: 1.0,
            final_exponent: 1.0,
            one_minus_final: false,
            log_cosh: false,
            zero_ratio_is_one: false,
            divisor: Divisor::Count,
        }
    }
}

impl Overlap {
    #[must_use]
    pub fn jaccard() -> Self {
        Self {
            alpha: 1.0,
            beta: 1.0,
            kappa: 1.0,
            ..Self::default()
        }
    }

    #[must_use]
    pub fn tversky() -> Self {
        Self {
            kappa: 1.0,
            alpha: 0.3,
            beta: 0.7,
            ..Self::default()
        }
    }

    /// As Sudre et al. 2017: one ratio, classes weigh 1 / volume².
    #[must_use]
    pub fn generalized() -> Self {
        Self {
            group: Group::ImageClass,
            volume_weights: VolumeWeights::Square,
            smooth_numerator: 1e-5,
            smooth_denominator: 1e-5,
            ..Self::default()
        }
    }

    /// `dice_coef_9cat_loss` of the first answer to the original question: background dropped, one
    /// ratio over everything, smoothing below the line only.
    #[must_use]
    pub fn solution1() -> Self {
        Self {
            include_background: false,
            group: Group::All,
            smooth_numerator: 0.0,
            smooth_denominator: 1e-7,
            ..Self::default()
        }
    }

    pub fn params(&mut self) -> Vec<Param<'_>> {
        vec![
            Param::choice(
                "input_activation",
                &mut self.input_activation,
                "Activation that the loss applies to the network's output before anything else.",
            ),
            Param::log_float(
                "smooth_numerator",
                &mut self.smooth_numerator,
                0.0..=1e6,
                "Added above the line, in pixels: an absent, unpredicted class then scores as present.",
            ),
            Param::log_float(
                "smooth_denominator",
                &mut self.smooth_denominator,
                0.0..=1e6,
                "Added below the line, in pixels: keeps the ratio defined; alone, it makes an absent class score 0.",
            ),
            Param::flag(
                "include_background",
                &mut self.include_background,
                "Whether class 0 counts.",
            ),
            Param::choice("group", &mut self.group, "What one ratio is taken over."),
            Param::float(
                "power",
                &mut self.power,
                1.0..=4.0,
                "Exponent of the probabilities in the denominator: 1 = linear, 2 = squared (V-Net).",
            ),
            Param::float(
                "alpha",
                &mut self.alpha,
                0.0..=10.0,
                "Weight of false positives (Dice ½, Jaccard 1).",
            ),
            Param::float(
                "beta",
                &mut self.beta,
                0.0..=10.0,
                "Weight of false negatives (Dice ½, Jaccard 1).",
            ),
            Param::float(
                "kappa",
                &mut self.kappa,
                0.1..=100.0,
                "Factor on numerator and denominator before smoothing (Dice 2, Tversky 1).",
            ),
            Param::choice(
                "volume_weights",
                &mut self.volume_weights,
                "Weights of the classes inside one ratio, from their true volume.",
            ),
            Param::choice(
                "empty_volume",
                &mut self.empty_volume,
                "Volume weight of a class that is not in the truth.",
            ),
            Param::log_float(
                "volume_offset",
                &mut self.volume_offset,
                0.0..=1e6,
                "Added to each true volume before the volume weight is taken.",
            ),
            Param::choice(
                "absent",
                &mut self.absent,
                "What to do where a class is not in the truth.",
            ),
            Param::choice(
                "transform",
                &mut self.transform,
                "How the ratio becomes a loss.",
            ),
            Param::log_float(
                "log_floor",
                &mut self.log_floor,
                0.0..=1.0,
                "Smallest ratio that a logarithm is taken of.",
            ),
            Param::float(
                "group_exponent",
                &mut self.group_exponent,
                0.05..=10.0,
                "Exponent of each group's loss (focal Tversky: 0.75).",
            ),
            Param::float(
                "final_exponent",
                &mut self.final_exponent,
                0.05..=10.0,
                "Exponent of the mean.",
            ),
            Param::flag(
                "one_minus_final",
                &mut self.one_minus_final,
                "Take 1 − the mean at the end.",
            ),
            Param::flag(
                "log_cosh",
                &mut self.log_cosh,
                "Take log(cosh(loss)) at the end (Jadon 2020).",
            ),
            Param::log_float(
                "denominator_floor",
                &mut self.denominator_floor,
                0.0..=1e6,
                "Smallest denominator, smoothing included.",
            ),
            Param::log_float(
                "class_denominator_floor",
                &mut self.class_denominator_floor,
                0.0..=1e6,
                "Smallest denominator of a class, before volume weights and smoothing.",
            ),
            Param::flag(
                "zero_ratio_is_one",
                &mut self.zero_ratio_is_one,
                "Score 0 / 0 as 1 (perfect) where nothing is smoothed.",
            ),
            Param::choice(
                "divisor",
                &mut self.divisor,
                "What the weighted losses of the groups are divided by.",
            ),
            Param::floats(
                "classes",
                &mut self.classes,
                0.0..=253.0,
                "Indices of the classes that count; empty = all.",
            ),
        ]
    }
}
