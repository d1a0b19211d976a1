//! From items to batches: decode, resize, augment, in parallel, deterministic by (seed, step).

use std::sync::Arc;

use super::{Batch, DataConfig, DataError, Dataset, Sample};

/// Feeds one dataset at one input size; keeps decoded, resized samples in memory.
pub struct Loader {
    _dataset: Arc<Dataset>,
}

impl Loader {
    /// `batch` samples a step, order and augmentation from `seed`.
    ///
    /// # Errors
    /// When the split leaves no training item, or `batch` is larger than the training set.
    pub fn new(
        _dataset: Arc<Dataset>,
        _config: &DataConfig,
        _batch: usize,
        _seed: u64,
    ) -> Result<Self, DataError> {
        todo!()
    }

    /// Steps that make one pass over the training items (the last incomplete batch is dropped).
    #[must_use]
    pub fn steps_per_epoch(&self) -> u64 {
        todo!()
    }

    /// The batch of `step` (0-based): the same for the same seed, whatever was asked before.
    pub fn train_batch(&self, _step: u64) -> Result<Batch, DataError> {
        todo!()
    }

    /// Validation items in batches of at most the batch size, in order, without augmentation.
    #[must_use]
    pub fn val_batches(&self) -> usize {
        todo!()
    }

    pub fn val_batch(&self, _index: usize) -> Result<Batch, DataError> {
        todo!()
    }

    /// One item at input size, without augmentation: what the preview shows and predicts on.
    pub fn sample(&self, _item: usize) -> Result<(Sample, Batch), DataError> {
        todo!()
    }
}
