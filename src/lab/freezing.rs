//! What-if: a run's answers are frozen once, and the settings' loss is asked about them whenever the
//! settings move.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Lab;
use crate::doctor::look::Slope;
use crate::experiment::ExperimentConfig;
use crate::train::frozen::{Checkpoint, Frozen, Reading};

/// What is frozen, and what is asked about it.
#[derive(Default)]
pub enum WhatIf {
    #[default]
    Nothing,
    /// The network of this run is answering.
    Freezing {
        run: String,
    },
    Failed(String),
    Frozen(Box<Asked>),
}

/// Frozen answers of a run, with what two losses say of them.
pub struct Asked {
    pub run: String,
    pub frozen: Arc<Frozen>,
    /// What the run's own loss says.
    pub own: Reading,
    /// What the present settings' loss says, and where it pushes; the last known while new ones
    /// are looked at.
    pub now: Option<Result<(Reading, Slope), String>>,
    /// Tells one answer from the next.
    pub count: u64,
    asked: Option<ExperimentConfig>,
    stop: Arc<AtomicBool>,
}

impl Lab {
    /// Lets the network of a stored run answer its validation images, in the background.
    pub fn freeze(&mut self, id: &str, checkpoint: Checkpoint) {
        let Some(run) = self.runs.iter().find(|run| run.id == id) else {
            return;
        };
        self.jobs.freeze(&self.store, run, checkpoint);
        self.what_if = WhatIf::Freezing {
            run: run.name.clone(),
        };
    }

    /// Forgets what is frozen.
    pub fn thaw(&mut self) {
        self.what_if = WhatIf::Nothing;
    }

    pub(super) fn froze(&mut self, name: String, result: Result<(Frozen, Reading), String>) {
        // Given up, or begun anew with another run.
        if !matches!(&self.what_if, WhatIf::Freezing { run } if *run == name) {
            return;
        }
        self.what_if = match result {
            Err(message) => WhatIf::Failed(message),
            Ok((frozen, own)) => WhatIf::Frozen(Box::new(Asked {
                run: name,
                frozen: Arc::new(frozen),
                own,
                now: None,
                count: 0,
                asked: None,
                stop: Arc::default(),
            })),
        };
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
        config: &ExperimentConfig,
        result: Result<(Reading, Slope), String>,
    ) {
        if let WhatIf::Frozen(asked) = &mut self.what_if
            && asked.asked.as_ref() == Some(config)
        {
            asked.now = Some(result);
            asked.count += 1;
        }
    }
}
