//! What-if: a run's answers are frozen once, and the settings' loss is asked about them whenever the
//! settings move. Other weights of the run may answer in their place.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Lab;
use crate::doctor::look::Slope;
use crate::experiment::ExperimentConfig;
use crate::loss::breakdown::TermPart;
use crate::run::checkpoints::Checkpoint;
use crate::train::frozen::{Frozen, Reading};

/// What is frozen, and what is asked about it.
#[derive(Default)]
pub enum WhatIf {
    #[default]
    Nothing,
    /// The network of this run is answering for the first time.
    Freezing {
        id: String,
        run: String,
        checkpoint: Checkpoint,
    },
    Failed(String),
    Frozen(Box<Asked>),
}

/// Frozen answers of a run, with what two losses say of them.
pub struct Asked {
    pub id: String,
    /// The run's name.
    pub run: String,
    pub frozen: Arc<Frozen>,
    /// What the run's own loss says.
    pub own: Reading,
    /// What the present settings' loss says; the last known while new ones are looked at.
    pub now: Option<Result<Answered, String>>,
    /// Other weights that are answering, to take the place of these.
    pub next: Option<Checkpoint>,
    /// Why the last weights that were asked for could not answer.
    pub problem: Option<String>,
    /// Tells one answer from the next.
    pub count: u64,
    asked: Option<ExperimentConfig>,
    stop: Arc<AtomicBool>,
}

/// What the present settings' loss says of frozen answers.
pub struct Answered {
    pub reading: Reading,
    /// Where it pushes.
    pub slope: Slope,
    /// Its formula with numbers, of the images that [`Slope`] is of.
    pub formula: Vec<TermPart>,
}

/// Which weights of which run answer: the run's id beside them.
pub type Which = (String, Checkpoint);

impl Lab {
    /// Lets the network of a stored run answer its validation images, in the background. Of the run
    /// that is frozen already, what is known stays until other weights have answered.
    pub fn freeze(&mut self, id: &str, checkpoint: Checkpoint) {
        let Some(run) = self.runs.iter().find(|run| run.id == id) else {
            return;
        };
        let (id, name) = (run.id.clone(), run.name.clone());
        let mut dataset = None;
        match &mut self.what_if {
            WhatIf::Frozen(asked) if asked.id == id => {
                dataset = Some(Arc::clone(&asked.frozen.dataset));
                (asked.next, asked.problem) = (Some(checkpoint), None);
            }
            _ => {
                self.what_if = WhatIf::Freezing {
                    id: id.clone(),
                    run: name,
                    checkpoint,
                };
            }
        }
        self.jobs.freeze(&self.store, (id, checkpoint), dataset);
    }

    /// Forgets what is frozen.
    pub fn thaw(&mut self) {
        self.what_if = WhatIf::Nothing;
    }

    pub(super) fn froze(&mut self, key: &Which, result: Result<(Frozen, Reading), String>) {
        let (id, checkpoint) = key;
        match &mut self.what_if {
            WhatIf::Frozen(asked) if asked.id == *id && asked.next == Some(*checkpoint) => {
                asked.next = None;
                match result {
                    Err(message) => asked.problem = Some(message),
                    Ok((frozen, own)) => {
                        asked.frozen = Arc::new(frozen);
                        asked.own = own;
                        asked.stop.store(true, Ordering::Relaxed);
                        asked.asked = None;
                    }
                }
            }
            WhatIf::Freezing {
                id: wanted,
                run,
                checkpoint: weights,
            } if wanted == id && weights == checkpoint => {
                self.what_if = match result {
                    Err(message) => WhatIf::Failed(message),
                    Ok((frozen, own)) => WhatIf::Frozen(Box::new(Asked {
                        id: id.clone(),
                        run: std::mem::take(run),
                        frozen: Arc::new(frozen),
                        own,
                        now: None,
                        next: None,
                        problem: None,
                        count: 0,
                        asked: None,
                        stop: Arc::default(),
                    })),
                };
            }
            // Given up, or begun anew with others.
            _ => {}
        }
    }

    /// Asks anew when the settings moved; what ran before is stopped.
    pub(super) fn ask_what_if(&mut self) {
        let WhatIf::Frozen(asked) = &mut self.what_if else {
            return;
        };
        let wanted = asked.frozen.config.with_loss_of(&self.draft);
        if asked.asked.as_ref() == Some(&wanted) {
            return;
        }
        asked.stop.store(true, Ordering::Relaxed);
        asked.stop = Arc::default();
        asked.asked = Some(wanted.clone());
        (self.jobs).what_if(&asked.frozen, wanted, Arc::clone(&asked.stop));
    }

    pub(super) fn answered_what_if(
        &mut self,
        of: &Arc<Frozen>,
        config: &ExperimentConfig,
        result: Result<Answered, String>,
    ) {
        if let WhatIf::Frozen(asked) = &mut self.what_if
            && asked.asked.as_ref() == Some(config)
            && Arc::ptr_eq(&asked.frozen, of)
        {
            asked.now = Some(result);
            asked.count += 1;
        }
    }
}
