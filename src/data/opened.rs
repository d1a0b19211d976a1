//! Datasets that stay open: configurations that differ in anything but their data share one.

use std::sync::Arc;

use super::{DataConfig, DataError, Dataset, Progress};

/// Datasets by what they were opened with.
#[derive(Default)]
pub struct Opened(Vec<(DataConfig, Arc<Dataset>)>);

impl Opened {
    /// The dataset that `config` names; opened the first time it is asked for.
    ///
    /// # Errors
    /// As [`Dataset::open`].
    pub fn get(&mut self, config: &DataConfig) -> Result<Arc<Dataset>, DataError> {
        let known = self.0.iter().find(|(known, _)| known == config);
        if let Some((_, dataset)) = known {
            return Ok(Arc::clone(dataset));
        }
        let dataset = Arc::new(Dataset::open(config, &Progress::default())?);
        self.0.push((config.clone(), Arc::clone(&dataset)));
        Ok(dataset)
    }
}
