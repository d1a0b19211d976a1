//! What the network answered for the batch that it was just trained on: the loss's formula is shown
//! with these numbers in it. Made only while somebody looks.

use std::sync::Arc;

use crate::data::Dataset;
use crate::doctor::xray::{Bench, Subject};
use crate::experiment::ExperimentConfig;
use crate::loss::breakdown::TermPart;

/// One batch, as the network answered it before the step that learned from it.
#[derive(Debug, Clone)]
pub struct Glance {
    /// The step that learned from it, counted from 1.
    pub step: u64,
    /// The loss that the step recorded.
    pub loss: f64,
    /// Share of training that was done, 0..=1.
    pub progress: f64,
    /// `[N, C, H, W]`.
    pub logits: Vec<f32>,
    /// `[N, H, W]`.
    pub labels: Vec<u8>,
    pub shape: [usize; 3],
    pub dataset: Arc<Dataset>,
}

impl Glance {
    /// The loss of `config`, the run's own or another, taken apart on this batch.
    ///
    /// # Errors
    /// When the loss can't be made for these classes or gives no number.
    pub fn formula(&self, config: &ExperimentConfig) -> Result<Vec<TermPart>, String> {
        let bench = bench(
            config,
            &self.dataset,
            (&self.labels, self.shape),
            self.progress,
        )?;
        (bench.formula(&config.loss, &self.logits)).map_err(|error| error.to_string())
    }
}

/// The loss of `config` made ready for these labels (`[N, H, W]`) of a dataset, when the share
/// `progress` of training is done.
pub(super) fn bench(
    config: &ExperimentConfig,
    dataset: &Dataset,
    (labels, shape): (&[u8], [usize; 3]),
    progress: f64,
) -> Result<Bench, String> {
    let census = &dataset.census;
    let class_weights = (config.class_weights)
        .weights(&census.train_pixels, &census.train_presence_pixels)
        .map_err(|error| error.to_string())?;
    let classes = dataset.classes.classes.iter();
    let subject = Subject {
        labels: labels.to_vec(),
        shape,
        class_names: classes.map(|class| class.name.clone()).collect(),
        class_weights,
    };
    let mut bench = Bench::new(config, &subject).map_err(|error| error.to_string())?;
    bench.at(progress);
    Ok(bench)
}
