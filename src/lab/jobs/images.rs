//! Opening images: a dataset, its split, the close look at it, one of its pictures.

use std::sync::Arc;

use super::{Answer, Jobs};
use crate::data::forensics;
use crate::data::loader::Loader;
use crate::data::{DataConfig, Dataset, Progress};
use crate::train::handle::Preview;
use crate::train::session::Prediction;

impl Jobs {
    pub fn open_dataset(&self, config: &DataConfig, progress: &Arc<Progress>) {
        let (config, progress) = (config.clone(), Arc::clone(progress));
        self.spawn("open dataset", move |answer| {
            let result = Dataset::open(&config, &progress).map(Box::new);
            answer(Answer::Dataset {
                path: config.path,
                result,
            });
        });
    }

    pub fn resplit(&self, dataset: &Arc<Dataset>, config: &DataConfig) {
        let (dataset, config) = (Arc::clone(dataset), config.clone());
        self.spawn("split", move |answer| {
            let result = dataset.resplit(&config).map(Box::new);
            answer(Answer::Resplit {
                config: Box::new(config),
                result,
            });
        });
    }

    pub fn look_closely(&self, dataset: &Arc<Dataset>, progress: &Arc<Progress>) {
        let (dataset, progress) = (Arc::clone(dataset), Arc::clone(progress));
        let cache = self.home.join("looks");
        self.spawn("close look", move |answer| {
            let result = forensics::examine(&dataset, Some(&cache), &progress);
            answer(Answer::Looked { dataset, result });
        });
    }

    /// One item at input size, with an empty prediction.
    pub fn load_sample(&self, dataset: &Arc<Dataset>, config: &DataConfig, item: usize) {
        let (dataset, config) = (Arc::clone(dataset), config.clone());
        self.spawn("load image", move |answer| {
            let result = Loader::new(dataset, &config, 1, 0)
                .and_then(|loader| loader.picture(item))
                .map(|sample| Preview {
                    lane: 0,
                    prediction: Prediction {
                        item,
                        step: 0,
                        width: 0,
                        height: 0,
                        labels: Vec::new(),
                        entropy: Vec::new(),
                    },
                    sample,
                })
                .map_err(|error| error.to_string());
            answer(Answer::Sample { item, result });
        });
    }
}
