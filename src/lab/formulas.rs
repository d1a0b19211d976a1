//! Formulas with numbers in them, taken apart in the background: of the draft on the masks of the
//! X-ray, of the batch that is being trained on, and of recorded runs.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use super::Lab;
use super::xraying::relevant;
use crate::doctor::Masks;
use crate::doctor::formula::Told;
use crate::experiment::ExperimentConfig;
use crate::loss::breakdown::TermPart;
use crate::run::Run;
use crate::train::glance::Glance;
use crate::train::handle::Control;

/// By run and number of validations; `None` while it is being taken apart.
pub type Recorded = HashMap<(String, usize), Option<Result<Option<Told>, String>>>;

/// A loss taken apart, or why not.
pub type Terms = Result<Vec<TermPart>, String>;

/// The formulas that are known.
#[derive(Default)]
pub struct Formulas {
    /// Of the runs whose formula was looked at.
    pub recorded: Recorded,
    /// Of the draft, for a network that knows nothing yet, on the masks of the X-ray.
    pub draft: Option<Terms>,
    asked: Option<(Arc<Masks>, ExperimentConfig)>,
    working: bool,
    pub batch: Batch,
}

/// The formula of the batch that is being trained on.
#[derive(Default)]
pub struct Batch {
    /// What was told to the trainer.
    lane: Option<usize>,
    /// The newest batch and the run that it is of.
    seen: Option<(String, Arc<Glance>)>,
    pub told: Option<BatchTold>,
    asked: Option<(Arc<Glance>, ExperimentConfig)>,
    working: bool,
}

/// The losses of one batch, taken apart.
pub struct BatchTold {
    /// Id of the run.
    pub run: String,
    pub glance: Arc<Glance>,
    /// By the run's own loss.
    pub own: Terms,
    /// By that of the draft, where it is another.
    pub draft: Option<Terms>,
}

impl Lab {
    /// Has the formulas of these runs, whose curves are here, taken apart.
    pub fn take_formulas(&mut self, ids: &[String]) {
        let recorded = &mut self.formulas.recorded;
        for run in self.runs.iter().filter(|run| ids.contains(&run.id)) {
            let key = (run.id.clone(), run.validations.len());
            if !recorded.contains_key(&key) {
                recorded.retain(|(id, _), _| *id != run.id);
                recorded.insert(key.clone(), None);
                let light = Run {
                    config: run.config.clone(),
                    classes: run.classes.clone(),
                    class_weights: run.class_weights.clone(),
                    ..Run::default()
                };
                self.jobs.formula(&self.store, key, light);
            }
        }
    }

    /// Keeps the draft's formula up to date. It does not wait for the X-ray, so that it follows a
    /// slider.
    pub(super) fn follow_formula(&mut self) {
        let Some(masks) = self.examiner.masks() else {
            return;
        };
        let formulas = &mut self.formulas;
        if formulas.working {
            return;
        }
        let wanted = relevant(&self.draft);
        let known = |(of, config): &(Arc<Masks>, ExperimentConfig)| {
            Arc::ptr_eq(of, &masks) && *config == wanted
        };
        if formulas.asked.as_ref().is_some_and(known) {
            return;
        }
        formulas.working = true;
        formulas.asked = Some((Arc::clone(&masks), wanted));
        self.jobs.draft_formula(masks, self.draft.clone());
    }

    pub(super) fn draft_formula_taken(&mut self, terms: Terms) {
        self.formulas.working = false;
        self.formulas.draft = Some(terms);
    }

    /// Call it every frame: whether the formula of the batch in training is looked at.
    pub fn watch_batch(&mut self, wanted: bool) {
        let lane = self.active.as_ref().filter(|_| wanted && self.is_busy());
        let lane = lane.and_then(|id| self.live.lanes().position(|other| other == Some(id)));
        if lane != self.formulas.batch.lane {
            self.formulas.batch.lane = lane;
            self.trainer.control(Control::Glance(lane));
        }
        if wanted {
            self.ask_batch();
        }
    }

    /// Takes the newest batch that the trainer left.
    pub(super) fn take_glance(&mut self) {
        let slots = self.trainer.slots.lock();
        let glance = slots.unwrap_or_else(PoisonError::into_inner).glance.take();
        if let Some((lane, glance)) = glance
            && let Some(Some(id)) = self.live.lanes().nth(lane)
        {
            self.formulas.batch.seen = Some((id.clone(), Arc::new(glance)));
        }
    }

    /// Takes the newest batch apart, when it or the draft changed.
    fn ask_batch(&mut self) {
        let batch = &mut self.formulas.batch;
        let Some((id, glance)) = batch.seen.clone().filter(|_| !batch.working) else {
            return;
        };
        let Some(run) = self.runs.iter().find(|run| run.id == id) else {
            return;
        };
        let draft = run.config.with_loss_of(&self.draft);
        let known = |(of, config): &(Arc<Glance>, ExperimentConfig)| {
            Arc::ptr_eq(of, &glance) && *config == draft
        };
        if batch.asked.as_ref().is_some_and(known) {
            return;
        }
        batch.working = true;
        batch.asked = Some((Arc::clone(&glance), draft.clone()));
        let draft = (draft != run.config).then_some(draft);
        self.jobs
            .batch_formula(id, glance, run.config.clone(), draft);
    }

    pub(super) fn batch_formula_taken(&mut self, told: BatchTold) {
        self.formulas.batch.working = false;
        self.formulas.batch.told = Some(told);
    }
}
