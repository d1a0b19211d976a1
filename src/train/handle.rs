//! The trainer thread, seen from outside: commands in, events and pictures out.
//!
//! Facts queue, pictures replace: events go through a channel in order; pictures through a slot
//! where the newest wins.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, unbounded};

use super::device::traffic::Traffic;
use super::glance::Glance;
use super::priority;
use super::session::Prediction;
use super::trainer::{Message, Trainer};
use crate::data::{Dataset, Sample};
use crate::experiment::ExperimentConfig;
use crate::model::kernels::threads::Workers;
use crate::run::RunEvent;
use crate::run::store::Store;

/// What the outside may ask of a training run.
#[derive(Debug, Clone, PartialEq)]
pub enum Control {
    Pause,
    Resume,
    Stop,
    /// End this lane alone; what it learned is kept.
    StopLane(usize),
    /// Let this lane alone wait, or, with `false`, go on from where it stood.
    HoldLane(usize, bool),
    /// Show this item (index into `Dataset::items`) from now on.
    Preview(usize),
    /// Tell now and then what this lane answers for the batch that it trains on; with `None` no
    /// longer.
    Glance(Option<usize>),
}

/// Where the newest pictures lie until somebody takes them.
#[derive(Debug, Default)]
pub struct Slots {
    /// Per lane.
    pub previews: Vec<Option<Preview>>,
    /// Of the lane that was asked for, with its index.
    pub glance: Option<(usize, Glance)>,
}

/// One lane to train: its name and configuration.
#[derive(Debug, Clone)]
pub struct Job {
    pub name: String,
    pub config: ExperimentConfig,
    pub dataset: Arc<Dataset>,
    /// The run of this lane that was cut off, to go on with.
    pub resume: Option<String>,
}

/// What comes out, in order. `lane` is the index of the job.
#[derive(Debug, Clone)]
pub enum TrainerEvent {
    /// The run's folder exists; `id` names it.
    Opened {
        lane: usize,
        id: String,
        /// What was recorded before, where it goes on.
        past: Vec<RunEvent>,
    },
    /// A lane that was to go on begins from its first step: why.
    Anew {
        lane: usize,
        why: String,
    },
    Run {
        lane: usize,
        event: RunEvent,
    },
    /// A GPU was given faster kernels for this many shapes since the start: it has not hung.
    Tuned {
        kernels: usize,
    },
    /// What a step of this lane asks of its GPU, from now on.
    Traffic {
        lane: usize,
        traffic: Traffic,
    },
    Paused,
    Resumed,
    /// This lane alone waits from now on, or goes on.
    Held {
        lane: usize,
        held: bool,
    },
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

/// Handle on the one long-lived trainer thread of the process. When it is dropped, what is being
/// trained is stopped and kept, and the thread ends.
pub struct TrainerHandle {
    /// Newest pictures; taken by whoever shows them.
    pub slots: Arc<Mutex<Slots>>,
    messages: Sender<Message>,
    events: Receiver<TrainerEvent>,
    busy: Arc<AtomicBool>,
}

impl TrainerHandle {
    /// Starts the thread; `wake` is called after each event (the window repaints then).
    ///
    /// # Panics
    /// When the system can't start a thread.
    #[must_use]
    pub fn spawn(wake: Arc<dyn Fn() + Send + Sync>) -> Self {
        let (messages, inbox) = unbounded();
        // Unbounded: training never waits for a window that is minimised; an event is small.
        let (outbox, events) = unbounded();
        let slots: Arc<Mutex<Slots>> = Arc::default();
        let busy = Arc::new(AtomicBool::new(false));
        let (filled, working) = (Arc::clone(&slots), Arc::clone(&busy));
        std::thread::Builder::new()
            .name("trainer".to_owned())
            .spawn(move || {
                priority::give_way();
                let _workers = Workers::join();
                Trainer::new(inbox, outbox, filled, working, wake).run();
            })
            .expect("a thread can be started");
        Self {
            slots,
            messages,
            events,
            busy,
        }
    }

    /// Trains one lane, or races several, recording into `store`. Refused while busy.
    ///
    /// # Errors
    /// When there is no job or others are still running.
    pub fn start(&self, jobs: Vec<Job>, store: Store) -> Result<(), String> {
        if jobs.is_empty() {
            return Err("there is nothing to train".to_owned());
        }
        if self.busy.swap(true, Ordering::SeqCst) {
            return Err("a training is running already: stop it first".to_owned());
        }
        let sent = self.messages.send(Message::Start(jobs, store));
        sent.map_err(|_| "the trainer has ended".to_owned())
    }

    /// Whether something trains (or is paused).
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.busy.load(Ordering::SeqCst)
    }

    /// One more lane beside those that train. It starts from its first step, and sees the same
    /// batches as the others saw at theirs.
    ///
    /// # Errors
    /// When nothing trains.
    pub fn add(&self, job: Job) -> Result<(), String> {
        if !self.is_busy() {
            return Err("nothing trains that a lane could be added to".to_owned());
        }
        let sent = self.messages.send(Message::Add(Box::new(job)));
        sent.map_err(|_| "the trainer has ended".to_owned())
    }

    pub fn control(&self, control: Control) {
        if self.messages.send(Message::Control(control)).is_err() {
            log::error!("the trainer has ended");
        }
    }

    /// Everything that has happened since the last call; never blocks.
    pub fn poll(&self) -> Vec<TrainerEvent> {
        self.events.try_iter().collect()
    }

    /// Waits up to `timeout` for the next event (the command line's loop).
    pub fn wait(&self, timeout: Duration) -> Option<TrainerEvent> {
        self.events.recv_timeout(timeout).ok()
    }
}
