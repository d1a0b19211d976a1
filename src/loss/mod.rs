//! Logits and targets → one number that training makes smaller.
//!
//! Conventions: `logits` and `probs` are `[N, C, H, W]`; `target` holds the truth of the same
//! pixels; a pixel labelled ignore takes no part in any sum. Where a tensor is divided by a number,
//! it is multiplied by the reciprocal: burn's division by a scalar has an f32 gradient even at f64.
//!
//! Every loss is a file of its own: a struct of its parameters, what it is in words, how cases of
//! libraries are read, and the arithmetic. The one list that names them is in [`config`]. [`overlap`] is the engine behind everything called Dice, Jaccard or Tversky.

pub mod activation;
mod arithmetic;
pub mod binary;
pub mod boundary;
pub mod breakdown;
mod bytes;
pub mod case;
pub mod changes;
pub mod cldice;
pub mod config;
pub mod cross_entropy;
pub mod focal;
pub mod hausdorff;
mod host;
pub mod info;
pub mod lovasz;
pub mod mcc;
pub mod nacl;
pub mod overlap;
pub mod question;
pub mod references;
pub mod schedule;
pub mod sensitivity_specificity;
pub mod sum;
pub mod target;
pub mod tvmf;
pub mod undecided;
pub mod unified_focal;
pub mod volume;
pub mod wasserstein;
pub mod weights;

pub use activation::{InputActivation, OutputActivation, Prediction};
pub use bytes::byte_valued;
pub use config::{LOSSES, LossConfig};
pub use info::LossInfo;
pub use references::{REFERENCES, Reference};
pub use target::Target;
pub use weights::ClassWeightsConfig;

use burn::prelude::*;

pub(crate) use arithmetic::{minus_log, plane_sums, product_sums, region_sums, sum_all};
pub(crate) use dicebench_kernels::extension::fits;
pub(crate) use dicebench_kernels::gpu;

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

    /// Says how much of training is done, 0..=1: scheduled weights follow it. Never told, a loss
    /// is what it is at the end of training.
    fn at(&mut self, _progress: f64) {}
}

/// Why a loss can't be made from its configuration.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum LossError {
    #[error("{0}")]
    Invalid(String),
}

impl LossContext {
    /// The class weights, or `None` where they are all 1 and change nothing.
    ///
    /// # Errors
    /// When there are weights for another number of classes.
    pub(crate) fn weights(&self) -> Result<Option<Vec<f64>>, LossError> {
        let weights = &self.class_weights;
        if weights.is_empty() || weights.iter().all(|w| *w == 1.0) {
            return Ok(None);
        }
        if weights.len() != self.num_classes {
            return Err(LossError::Invalid(format!(
                "{} class weights for {} classes: expected one per class",
                weights.len(),
                self.num_classes
            )));
        }
        Ok(Some(weights.clone()))
    }
}

/// Numbers as a tensor of the same float type and device as `like`.
pub(crate) fn constant<const D: usize>(
    values: &[f64],
    shape: [usize; D],
    like: &Tensor<4>,
) -> Tensor<D> {
    let data = TensorData::new(values.to_vec(), shape);
    Tensor::from_data(data, (&like.device(), like.dtype()))
}

/// One number per class, to be multiplied into `[N, C, H, W]`.
pub(crate) fn per_class(values: &[f64], like: &Tensor<4>) -> Tensor<4> {
    constant(values, [1, values.len(), 1, 1], like)
}

/// Without channel 0, unless the background counts.
pub(crate) fn foreground(x: Tensor<4>, include_background: bool) -> Tensor<4> {
    if include_background {
        return x;
    }
    let classes = x.dims()[1];
    x.narrow(1, 1, classes - 1)
}

/// Why a loss without background can't do with one class.
pub(crate) fn needs_foreground(
    include_background: bool,
    context: &LossContext,
) -> Result<(), LossError> {
    if include_background || context.num_classes > 1 {
        return Ok(());
    }
    Err(LossError::Invalid(
        "no class is left without the background: expected at least one".to_owned(),
    ))
}
