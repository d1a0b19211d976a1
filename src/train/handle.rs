//! The trainer thread, seen from outside: commands in, events and pictures out.
//!
//! Facts queue, pictures replace: events go through a channel in order; pictures through a slot
//! where the newest wins.

use std::sync::{Arc, Mutex};

use crate::data::{Dataset, Sample};
use crate::experiment::ExperimentConfig;
use crate::run::RunEvent;
use crate::run::store::Store;

use super::session::Prediction;

/// What the outside may ask of a training run.
#[derive(Debug, Clone, PartialEq)]
pub enum Control {
    Pause,
    Resume,
    Stop,
    /// Show this item (index into `Dataset::items`) from now on.
    Preview(usize),
}

/// One lane to train: its name and configuration.
#[derive(Debug, Clone)]
pub struct Job {
    pub name: String,
    pub config: ExperimentConfig,
    pub dataset: Arc<Dataset>,
}

/// What comes out, in order. `lane` is the index of the job.
#[derive(Debug, Clone)]
pub enum TrainerEvent {
    /// The run's folder exists; `id` names it.
    Opened {
        lane: usize,
        id: String,
    },
    Run {
        lane: usize,
        event: RunEvent,
    },
    Paused,
    Resumed,
    /// Every lane has finished.
    Idle,
}

/// The newest picture of a lane.
#[derive(Debug, Clone)]
pub struct Preview {
    pub lane: usize,
    pub sample: Sample,
    pub prediction: Prediction,
}

/// Handle on the one long-lived trainer thread of the process.
pub struct TrainerHandle {
    /// Newest picture per lane; taken by whoever shows it.
    pub previews: Arc<Mutex<Vec<Option<Preview>>>>,
}

impl TrainerHandle {
    /// Starts the thread; `wake` is called after each event (the window repaints then).
    #[must_use]
    pub fn spawn(_wake: Arc<dyn Fn() + Send + Sync>) -> Self {
        todo!()
    }

    /// Trains one lane, or races several, recording into `store`. Refused while busy.
    pub fn start(&self, _jobs: Vec<Job>, _store: Store) -> Result<(), String> {
        todo!()
    }

    pub fn control(&self, _control: Control) {
        todo!()
    }

    /// Everything that has happened since the last call; never blocks.
    pub fn poll(&self) -> Vec<TrainerEvent> {
        todo!()
    }

    /// Waits up to `timeout` for the next event (the command line's loop).
    pub fn wait(&self, _timeout: std::time::Duration) -> Option<TrainerEvent> {
        todo!()
    }
}
