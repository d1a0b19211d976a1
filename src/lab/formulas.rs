//! The formulas of recorded runs, with numbers: taken apart in the background, once a run.

use std::collections::HashMap;

use super::Lab;
use crate::doctor::formula::Told;

/// By run and number of validations; `None` while it is being taken apart.
pub type Formulas = HashMap<(String, usize), Option<Result<Option<Told>, String>>>;

impl Lab {
    /// Has the formulas of these runs, whose curves are here, taken apart.
    pub fn take_formulas(&mut self, ids: &[String]) {
        for run in self.runs.iter().filter(|run| ids.contains(&run.id)) {
            let key = (run.id.clone(), run.validations.len());
            if !self.formulas.contains_key(&key) {
                self.formulas.retain(|(id, _), _| *id != run.id);
                self.formulas.insert(key.clone(), None);
                let light = crate::run::Run {
                    config: run.config.clone(),
                    classes: run.classes.clone(),
                    class_weights: run.class_weights.clone(),
                    ..crate::run::Run::default()
                };
                self.jobs.formula(&self.store, key, light);
            }
        }
    }
}
