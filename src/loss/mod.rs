//! Logits and targets → one number that training makes smaller.
//!
//! Conventions: `logits` and `probs` are `[N, C, H, W]`; `target` holds the truth of the same
//! pixels; a pixel labelled ignore takes no part in any sum.

pub mod activation;
pub mod weights;

pub use activation::OutputActivation;
pub use weights::ClassWeightsConfig;

use burn::prelude::*;

/// The truth of one batch, on the device.
#[derive(Clone, Debug)]
pub struct Target {
    /// `[N, C, H, W]`, 1 at the true class, 0 elsewhere and at ignored pixels.
    pub one_hot: Tensor<4>,
    /// `[N, 1, H, W]`, the class index as a number; 0 at ignored pixels.
    pub index: Tensor<4>,
    /// `[N, 1, H, W]`, 1 where the pixel counts, 0 where it is ignored.
    pub valid: Tensor<4>,
}

/// What a loss is given besides the target: the network's raw output and the activation that the
/// network puts on it. Losses ask for probabilities or log-probabilities and get the stable form.
#[derive(Clone, Debug)]
pub struct Prediction {
    /// `[N, C, H, W]`.
    pub logits: Tensor<4>,
    pub activation: OutputActivation,
}

/// What is known when a loss is made ready.
#[derive(Clone, Debug)]
pub struct LossContext {
    pub num_classes: usize,
    /// One weight per class; empty means all 1.
    pub class_weights: Vec<f64>,
    pub device: Device,
}

/// A loss that is ready to run.
pub trait LossFn {
    /// Returns a one-element tensor; differentiable with respect to `prediction.logits`.
    fn forward(&self, prediction: &Prediction, target: &Target) -> Tensor<1>;
}

/// Why a loss can't be made from its configuration.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum LossError {
    #[error("{0}")]
    Invalid(String),
}

/// `[loss]` of a preset: which loss, with all its parameters.
#[derive(Debug, Clone, PartialEq, Default, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LossConfig {}

/// One line of the list of losses, for pickers and tables.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LossInfo {
    /// The value of `loss.kind`.
    pub kind: &'static str,
    pub family: &'static str,
    pub title: &'static str,
    /// One line: what it is for.
    pub purpose: &'static str,
    pub formula: &'static str,
    pub reference: &'static str,
    pub when_to_use: &'static str,
    pub watch_for: &'static str,
}

/// Every loss, in the order they are shown.
pub const LOSSES: &[LossInfo] = &[];

impl LossConfig {
    #[must_use]
    pub fn kind(&self) -> &'static str {
        todo!()
    }

    /// Changes the kind; values under keys that both kinds have carry over.
    ///
    /// # Errors
    /// When no loss is called `kind`; the message lists those there are.
    pub fn set_kind(&mut self, _kind: &str) -> Result<(), LossError> {
        todo!()
    }

    /// Every parameter of the present kind, keys relative to `loss`. `kind` itself is not in the list.
    pub fn params(&mut self) -> Vec<crate::param::Param<'_>> {
        Vec::new()
    }

    /// # Errors
    /// When parameters contradict each other or the number of classes.
    pub fn build(&self, _context: &LossContext) -> Result<Box<dyn LossFn>, LossError> {
        todo!()
    }
}

impl Target {
    /// Uploads labels (`[N, H, W]`, class index or `IGNORE`) once and expands them on the device.
    #[must_use]
    pub fn from_labels(
        _labels: &[u8],
        _shape: [usize; 3],
        _num_classes: usize,
        _device: &Device,
    ) -> Self {
        todo!()
    }
}

impl Prediction {
    /// What the network puts out, and what the loss is given: the activation applied to the logits.
    #[must_use]
    pub fn output(&self) -> Tensor<4> {
        todo!()
    }
}
