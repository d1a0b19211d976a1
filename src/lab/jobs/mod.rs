//! Work that reads disks or computes: each on a thread, each answering once.

mod images;
mod losses;
mod presets;
mod runs;

use std::path::PathBuf;
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, unbounded};

use super::formulas::{BatchTold, Terms};
use super::freezing::{Answered, Which};
use super::responding::Laid;
use crate::data::forensics::Report;
use crate::data::{DataConfig, DataError, Dataset};
use crate::doctor::formula::Told;
use crate::doctor::gates::Overfit;
use crate::doctor::look::Slope;
use crate::doctor::{Diagnosis, Masks, Xray};
use crate::experiment::{ExperimentConfig, Preset};
use crate::run::Run;
use crate::run::outlines::Outlines;
use crate::train::device::{self, DeviceInfo};
use crate::train::frozen::{Frozen, Reading};
use crate::train::handle::Preview;

pub enum Answer {
    Dataset {
        path: String,
        result: Result<Box<Dataset>, DataError>,
    },
    /// The open dataset under another split.
    Resplit {
        config: Box<DataConfig>,
        result: Result<Box<Dataset>, DataError>,
    },
    /// The close look at every pixel of a dataset.
    Looked {
        dataset: Arc<Dataset>,
        result: Result<Report, DataError>,
    },
    /// Runs were renamed, thrown away or brought back, or could not be.
    RunsChanged(Result<(), String>),
    /// Whether runs differ by more than luck.
    Judged {
        key: Vec<(String, usize)>,
        sentences: Vec<String>,
    },
    /// A run's loss, taken apart.
    Formula {
        key: (String, usize),
        result: Result<Option<Told>, String>,
    },
    /// The draft's loss, taken apart on the X-ray's masks.
    DraftFormula(Terms),
    /// The losses of the batch in training, taken apart.
    BatchFormula(Box<BatchTold>),
    /// How well a run met outlines at a step.
    Outlined {
        key: (String, u64),
        result: Result<Option<Outlines>, String>,
    },
    /// A run with its curves.
    Curves {
        id: String,
        result: Result<Box<Run>, String>,
    },
    Presets {
        presets: Vec<Preset>,
        problems: Vec<String>,
    },
    Devices(Vec<DeviceInfo>),
    /// A picture without a prediction that means anything yet.
    Sample {
        item: usize,
        result: Result<Preview, String>,
    },
    Examined {
        key: Box<ExperimentConfig>,
        result: Result<Box<Examined>, String>,
        diagnoses: Result<Vec<Diagnosis>, String>,
    },
    /// One batch, learned by heart or not.
    Overfit {
        config: Box<ExperimentConfig>,
        result: Result<Overfit, String>,
    },
    /// The gradient at another answer than the X-ray's.
    Sloped {
        key: Box<ExperimentConfig>,
        result: Result<Slope, String>,
    },
    /// Response curves; nothing comes of those that were stopped.
    Responded {
        number: u64,
        laid: Vec<Laid>,
    },
    /// A run's network has answered its validation images, and its own loss was asked.
    Froze {
        key: Which,
        result: Result<Box<(Frozen, Reading)>, String>,
    },
    /// What another loss says of frozen answers.
    WhatIf {
        of: Arc<Frozen>,
        key: Box<ExperimentConfig>,
        result: Result<Box<Answered>, String>,
    },
    /// Something small was done: what to say about it.
    Done(Result<String, String>),
}

/// What an examination brings.
pub struct Examined {
    /// Read once, and handed back for the next.
    pub masks: Arc<Masks>,
    pub xray: Xray,
    /// `None` where the loss has no gradient to show.
    pub slope: Option<Slope>,
}

pub struct Jobs {
    home: PathBuf,
    wake: Arc<dyn Fn() + Send + Sync>,
    sender: Sender<Answer>,
    answers: Receiver<Answer>,
}

impl Jobs {
    pub fn new(home: PathBuf, wake: Arc<dyn Fn() + Send + Sync>) -> Self {
        let (sender, answers) = unbounded();
        Self {
            home,
            wake,
            sender,
            answers,
        }
    }

    pub fn poll(&self) -> Vec<Answer> {
        self.answers.try_iter().collect()
    }

    fn spawn(&self, name: &str, work: impl FnOnce(&dyn Fn(Answer)) + Send + 'static) {
        let (sender, wake) = (self.sender.clone(), Arc::clone(&self.wake));
        let answer = move |answer| {
            // The receiver is gone only when the program ends.
            let _ = sender.send(answer);
            wake();
        };
        let job = name.to_owned();
        let guarded = move || {
            let result = crate::train::lane::guarded(|| {
                work(&answer);
                Ok(())
            });
            if let Err(message) = result {
                answer(Answer::Done(Err(format!("{job}: {message}"))));
            }
        };
        let spawned = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(guarded);
        if let Err(error) = spawned {
            let _ = self
                .sender
                .send(Answer::Done(Err(format!("{name}: no thread: {error}"))));
            (self.wake)();
        }
    }

    pub fn probe_devices(&self) {
        self.spawn("probe devices", move |answer| {
            answer(Answer::Devices(device::probe()))
        });
    }
}
