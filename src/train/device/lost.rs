//! A device that is lost in mid-run, on purpose: what a driver that is reset, or a GPU that goes away,
//! does to a training. For tests and for those who bring up a new driver.

use std::path::Path;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use burn::prelude::Device;
use serde::Serialize;

use super::Adapter;
use crate::data::{Dataset, Progress};
use crate::experiment::ExperimentConfig;
use crate::run::store::Store;
use crate::run::{Outcome, RunEvent};
use crate::train::handle::Job;
use crate::train::lane::Lane;
use crate::train::session::Session;

/// Steps before the device goes.
const STEPS: u64 = 4;
/// A training that does not notice its loss within this time never will.
const PATIENCE: Duration = Duration::from_secs(600);

/// How the run ended.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Lost {
    pub run: String,
    pub outcome: Option<Outcome>,
    /// Steps that were told of before the device went.
    pub told: u64,
    /// How a second run on the same device ended, in the same process.
    pub again: Option<Outcome>,
}

/// Trains on an adapter that no other tensor of this process is on, destroys the device behind the
/// training's back, goes on until the run ends, and tries a second run. They are recorded in `folder`.
///
/// # Errors
/// When the run can't start, or does not end.
pub fn lose(adapter: &Adapter, folder: &Path) -> Result<Lost, String> {
    let (tell, told) = mpsc::channel();
    let (kind, name) = (adapter.device_kind(), adapter.name.clone());
    let store = Store::new(folder.to_owned());
    // A thread of its own: one that waits for a lost device for ever is left behind.
    std::thread::spawn(move || {
        let lost = || {
            let options = Device::wgpu_options().device_kind(kind);
            let (device, setup) = options.init_with_setup().map_err(|e| e.to_string())?;
            let job = job()?;
            let open = || {
                Lane::open(&job, &store, |job| {
                    let dataset = Arc::clone(&job.dataset);
                    Session::new(&job.config, dataset, &device, &name).map_err(|e| e.to_string())
                })
            };
            let mut lane = open()?;
            let (told, _) = step(&mut lane, STEPS);
            setup.device.destroy();
            let (_, outcome) = step(&mut lane, u64::MAX);
            let again = match open() {
                Ok(mut lane) => step(&mut lane, u64::MAX).1,
                Err(message) => Some(Outcome::Failed { message }),
            };
            Ok(Lost {
                run: lane.id().to_owned(),
                outcome,
                told,
                again,
            })
        };
        let _ = tell.send(lost());
    });
    told.recv_timeout(PATIENCE)
        .map_err(|_| format!("a lost device was not noticed within {PATIENCE:?}"))?
}

/// A small run that would be longer than it will live.
fn job() -> Result<Job, String> {
    let mut config = ExperimentConfig::default();
    (config.data.width, config.data.height) = (16, 16);
    (config.model.depth, config.model.base) = (1, 4);
    (config.train.epochs, config.train.steps) = (0, 10 * STEPS);
    (config.train.batch, config.train.validate_every) = (2, 10 * STEPS);
    let dataset = Dataset::open(&config.data, &Progress::default()).map_err(|e| e.to_string())?;
    Ok(Job {
        name: "lost".to_owned(),
        config,
        dataset: Arc::new(dataset),
        resume: None,
    })
}

/// Steps until this step was told of, or the run ended: the last step told of, and the end.
fn step(lane: &mut Lane, until: u64) -> (u64, Option<Outcome>) {
    let (mut told, mut outcome) = (0, None);
    let mut events = lane.start();
    loop {
        for event in events {
            match event {
                RunEvent::Step { step, .. } => told = step,
                RunEvent::Finished { outcome: end, .. } => outcome = Some(end),
                _ => {}
            }
        }
        if lane.is_done() || told >= until {
            return (told, outcome);
        }
        events = lane.step();
    }
}
