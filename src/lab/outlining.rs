//! How well runs meet outlines: measured in the background, once for each validation asked about.

use std::collections::HashMap;

use super::Lab;
use crate::run::outlines::Outlines;

/// By run and step; `None` while it is being measured or where no picture was kept.
pub type Measured = HashMap<(String, u64), Option<Outlines>>;

impl Lab {
    /// Has the best and the last validation of these runs, whose curves are here, measured.
    pub fn measure_outlines(&mut self, ids: &[String]) {
        for run in self.runs.iter().filter(|run| ids.contains(&run.id)) {
            let best = run.best.and_then(|at| run.validations.get(at));
            for validation in best.into_iter().chain(run.validations.last()) {
                let key = (run.id.clone(), validation.step);
                // A run under way would be measured at each of its validations.
                if run.outcome.is_some() && !self.outlines.contains_key(&key) {
                    self.outlines.insert(key.clone(), None);
                    self.jobs.outlines(&self.store, key, run.classes.len());
                }
            }
        }
    }
}
