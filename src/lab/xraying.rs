//! Keeps the X-ray up to date with the draft, one examination at a time.

use std::sync::Arc;

use super::Lab;
use super::jobs::Examined;
use super::notices::Level;
use crate::data::{DataConfig, Dataset};
use crate::doctor::look::Slope;
use crate::doctor::{Diagnosis, Masks};
use crate::experiment::{ExperimentConfig, TrainConfig};

/// What was examined, or is being examined now.
#[derive(Default)]
pub(super) struct Examiner {
    dataset: Option<Arc<Dataset>>,
    masks: Option<Arc<Masks>>,
    asked: Option<ExperimentConfig>,
    /// The answer at which the gradient was asked for.
    sloped: String,
    working: bool,
}

impl Examiner {
    /// Of the open dataset, as soon as they were read.
    pub(super) fn masks(&self) -> Option<Arc<Masks>> {
        self.masks.clone()
    }
}

/// The part of a configuration that the X-ray depends on.
pub(super) fn relevant(config: &ExperimentConfig) -> ExperimentConfig {
    ExperimentConfig {
        data: DataConfig {
            path: String::new(),
            classes: None,
            ..config.data.clone()
        },
        // Smoothing is compared with the pixels of a batch.
        train: TrainConfig {
            batch: config.train.batch,
            ..TrainConfig::default()
        },
        ..config.clone()
    }
}

impl Lab {
    /// Starts an examination when the draft or the dataset changed since the last one.
    pub(super) fn examine(&mut self) {
        let Some(dataset) = self.dataset().cloned() else {
            return;
        };
        if self.examiner.working {
            return;
        }
        let other = (self.examiner.dataset.as_ref()).is_none_or(|old| !Arc::ptr_eq(old, &dataset));
        let wanted = relevant(&self.draft);
        if !other && self.examiner.asked.as_ref() == Some(&wanted) {
            self.take_slope();
            return;
        }
        if other {
            self.examiner.masks = None;
            self.examiner.dataset = Some(Arc::clone(&dataset));
        }
        self.examiner.working = true;
        self.examiner.asked = Some(wanted);
        self.examiner.sloped.clone_from(&self.slope_at);
        self.jobs.examine(
            &dataset,
            self.examiner.masks.clone(),
            &self.draft,
            &self.slope_at,
        );
    }

    /// Another answer to take the gradient at does not change the X-ray.
    fn take_slope(&mut self) {
        if self.examiner.sloped == self.slope_at || self.xray.is_none() {
            return;
        }
        let Some(masks) = self.examiner.masks.clone() else {
            return;
        };
        self.examiner.working = true;
        self.examiner.sloped.clone_from(&self.slope_at);
        self.jobs.slope(masks, &self.draft, &self.slope_at);
    }

    pub(super) fn sloped(&mut self, config: &ExperimentConfig, result: Result<Slope, String>) {
        self.examiner.working = false;
        match result {
            // An answer for settings that are gone is not shown: the next X-ray brings its own.
            Ok(slope) if relevant(config) == relevant(&self.draft) => self.slope = Some(slope),
            Ok(_) => {}
            Err(message) => self.notices.push(Level::Warning, message),
        }
    }

    pub(super) fn examined(
        &mut self,
        config: &ExperimentConfig,
        result: Result<Box<Examined>, String>,
        diagnoses: Result<Vec<Diagnosis>, String>,
    ) {
        self.examiner.working = false;
        match result {
            Ok(examined) => {
                let Examined { masks, xray, slope } = *examined;
                self.examiner.masks = Some(masks);
                self.xray = Some(xray);
                self.slope = slope;
                self.xrays += 1;
                self.xray_error = None;
            }
            Err(message) => {
                self.xray = None;
                self.slope = None;
                self.xray_error = Some(message);
            }
        }
        self.diagnoses = diagnoses.unwrap_or_else(|message| {
            self.notices.push(Level::Warning, message);
            Vec::new()
        });
        self.check_gates(config);
    }

    /// Whether what is known is about the present settings.
    pub(super) fn is_examined(&self) -> bool {
        let same_data = match (&self.examiner.dataset, self.dataset()) {
            (Some(old), Some(now)) => Arc::ptr_eq(old, now),
            _ => false,
        };
        let asked = self.examiner.asked.as_ref();
        !self.examiner.working
            && same_data
            && asked.is_some_and(|config| *config == relevant(&self.draft))
    }
}
