//! A run that steps: one call, one optimiser update (and a validation when it is due).

use std::sync::Arc;

use burn::prelude::Device;

use crate::data::{Batch, Dataset};
use crate::experiment::ExperimentConfig;
use crate::run::RunEvent;

#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    #[error(transparent)]
    Data(#[from] crate::data::DataError),
    #[error("{0}")]
    Invalid(String),
    #[error("the device failed: {0}")]
    Device(String),
}

/// What the network says about one image.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    pub item: usize,
    pub step: u64,
    pub width: usize,
    pub height: usize,
    /// `[H, W]`, most probable class.
    pub labels: Vec<u8>,
    /// `[H, W]`, entropy of the probabilities in 0..=255 of its maximum.
    pub entropy: Vec<u8>,
}

/// Model, optimiser, loss and loader of one run. N sessions stepped in turn are a race.
pub struct Session {}

impl Session {
    /// # Errors
    /// When configuration and dataset don't fit.
    pub fn new(
        _config: &ExperimentConfig,
        _dataset: Arc<Dataset>,
        _device: &Device,
        _device_name: &str,
    ) -> Result<Self, TrainError> {
        todo!()
    }

    /// The `Started` event.
    #[must_use]
    pub fn started(&self) -> RunEvent {
        todo!()
    }

    /// The batch that the next [`Session::step`] will train on.
    pub fn next_batch(&self) -> Result<Arc<Batch>, TrainError> {
        todo!()
    }

    /// One update; returns `Step`, and `Validated` when due, and `Finished` at the end.
    pub fn step(&mut self) -> Result<Vec<RunEvent>, TrainError> {
        todo!()
    }

    #[must_use]
    pub fn is_finished(&self) -> bool {
        todo!()
    }

    /// Predicts one item with the present weights (evaluation mode).
    pub fn predict(&mut self, _item: usize) -> Result<Prediction, TrainError> {
        todo!()
    }

    /// Safetensors weights.
    pub fn save_weights(&self, _path: &std::path::Path) -> Result<(), TrainError> {
        todo!()
    }
}
