//! What the doctor says about the settings and about the run that is looked at: fixes, the gate before
//! Train, and the test that one batch can be learned by heart.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Lab;
use super::notices::Level;
use crate::doctor::gates::Overfit;
use crate::doctor::rules::Fix;
use crate::doctor::{self, Diagnosis, Evidence, Gate, gates};
use crate::experiment::ExperimentConfig;
use crate::finding::Severity;

/// The test that one batch can be learned by heart.
#[derive(Default)]
pub enum Heart {
    #[default]
    Untried,
    Trying {
        config: Box<ExperimentConfig>,
        stop: Arc<AtomicBool>,
    },
    Tried {
        /// What was tried; other settings need another test.
        config: Box<ExperimentConfig>,
        result: Result<Overfit, String>,
    },
}

/// What the doctor knows beyond the findings of the present settings.
#[derive(Default)]
pub struct Consultation {
    /// What must hold whatever is trained.
    pub gates: Vec<Gate>,
    pub heart: Heart,
    /// What the curves of the run that is looked at say.
    pub of_run: Vec<Diagnosis>,
    /// Which run, how many validations of it, and whether it had ended.
    reviewed: (Option<String>, usize, bool),
}

impl Lab {
    /// Whether the doctor calls something about the present settings an error; `None` while it is
    /// still looking.
    #[must_use]
    pub fn has_errors(&self) -> Option<bool> {
        let error = |d: &Diagnosis| d.finding.severity == Severity::Error;
        self.is_examined().then(|| self.diagnoses.iter().any(error))
    }

    /// Puts a fix into the settings; undo takes it back. `run`: begin from this run's configuration.
    pub fn clone_with_fix(&mut self, run: Option<&str>, fix: &Fix) {
        let from = run.and_then(|id| self.runs.iter().find(|run| run.id == id));
        let mut config = from.map_or_else(|| self.draft.clone(), |run| run.config.clone());
        for (key, value) in &fix.settings {
            if let Err(error) = config.set(key, value) {
                self.notices.push(Level::Error, error.to_string());
                return;
            }
        }
        if let Some(classes) = &fix.classes {
            config.data.classes = Some(classes.clone());
        }
        self.replace_draft(config);
        let text = format!("{}: done in the settings (undo: Ctrl+Z)", fix.label);
        self.notices.push(Level::Info, text);
    }

    /// Puts every fix for the present settings into them, worst finding first. A fix that another one
    /// has made pointless is left out, and that is said.
    pub fn clone_with_all_fixes(&mut self) {
        let fixes: Vec<Fix> = (self.diagnoses.iter())
            .filter(|d| d.finding.severity > Severity::Hint)
            .filter_map(|d| d.fix.clone())
            .collect();
        let mut config = self.draft.clone();
        let (mut done, mut left) = (Vec::new(), Vec::new());
        for fix in fixes {
            let mut next = config.clone();
            let fits = (fix.settings.iter()).all(|(key, value)| next.set(key, value).is_ok());
            if fits {
                config = next;
                if let Some(classes) = fix.classes {
                    config.data.classes = Some(classes);
                }
                done.push(fix.label);
            } else {
                left.push(fix.label);
            }
        }
        if done.is_empty() {
            return;
        }
        self.replace_draft(config);
        let mut text = format!("Done in the settings (undo: Ctrl+Z): {}", done.join("; "));
        if !left.is_empty() {
            text = format!("{text}. No longer needed: {}", left.join("; "));
        }
        self.notices.push(Level::Info, text);
    }

    /// Trains the present settings on one batch alone, on a thread of its own.
    pub fn try_by_heart(&mut self) {
        let Some(dataset) = self.dataset().cloned() else {
            return;
        };
        self.stop_by_heart();
        let stop = Arc::new(AtomicBool::new(false));
        self.jobs.overfit(&dataset, &self.draft, &stop);
        self.consultation.heart = Heart::Trying {
            config: Box::new(self.draft.clone()),
            stop,
        };
    }

    /// Ends that test.
    pub fn stop_by_heart(&mut self) {
        if let Heart::Trying { stop, .. } = &self.consultation.heart {
            stop.store(true, Ordering::Relaxed);
            self.consultation.heart = Heart::Untried;
        }
    }

    pub(super) fn tried_by_heart(
        &mut self,
        config: Box<ExperimentConfig>,
        result: Result<Overfit, String>,
    ) {
        // Stopped, or begun anew with other settings.
        let wanted =
            matches!(&self.consultation.heart, Heart::Trying { config: now, .. } if *now == config);
        if wanted {
            self.consultation.heart = Heart::Tried { config, result };
        }
    }

    /// What must hold before the first epoch, from what is known about the present settings.
    pub(super) fn check_gates(&mut self, config: &ExperimentConfig) {
        let dataset = self.dataset().cloned();
        self.consultation.gates = gates::before(Evidence {
            config,
            dataset: dataset.as_deref(),
            xray: self.xray.as_ref(),
            run: None,
        });
    }

    /// Reads the curves of the run that is looked at again, when there is something new.
    pub(super) fn review(&mut self) {
        let run = self.active_run();
        let now = (
            run.map(|run| run.id.clone()),
            run.map_or(0, |run| run.validations.len()),
            run.is_some_and(|run| run.outcome.is_some()),
        );
        if now == self.consultation.reviewed {
            return;
        }
        let found = run.map_or_else(Vec::new, |run| {
            doctor::rules::review(Evidence {
                config: &run.config,
                dataset: None,
                xray: None,
                run: Some(run),
            })
        });
        self.consultation.of_run = found;
        self.consultation.reviewed = now;
    }
}
