//! A mistake of the museum put to the proof: X-ray both it and its fixed twin, train both where a
//! claim is about the run, and measure what the preset says will be seen.
//!
//! Unlike the rest of the lab it blocks until all is done: for the command line and for tests.

use std::sync::Arc;
use std::time::Duration;

use crate::data::{DataConfig, Dataset, MaskResize, Opened, blending};
use crate::doctor::symptom::{Seen, Verdict, judge};
use crate::doctor::{Xray, examiner};
use crate::experiment::{ExperimentConfig, Preset};
use crate::run::Run;
use crate::run::store::Store;
use crate::train::handle::{Job, TrainerEvent, TrainerHandle};

/// A trainer that says nothing for so long has died.
const SILENCE: Duration = Duration::from_secs(600);

/// One of the two, as far as it was looked at.
struct Side {
    name: String,
    config: ExperimentConfig,
    dataset: Arc<Dataset>,
    xray: Xray,
    invented: f64,
    run: Option<Run>,
}

impl Side {
    fn seen(&self) -> Seen<'_> {
        Seen {
            xray: Some(&self.xray),
            run: self.run.as_ref(),
            invented: Some(self.invented),
        }
    }

    fn job(&self) -> Job {
        Job {
            name: self.name.clone(),
            config: self.config.clone(),
            dataset: Arc::clone(&self.dataset),
            resume: None,
        }
    }
}

/// Puts one exhibit after the other to the proof; what they share is opened once.
pub struct Prover {
    store: Store,
    opened: Opened,
}

impl Prover {
    /// Runs are recorded into `store`.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self {
            store,
            opened: Opened::default(),
        }
    }

    /// Measures every claim of `exhibit` on `base`: its own configuration, perhaps with other images or
    /// fewer steps.
    ///
    /// # Errors
    /// When there is no twin, the dataset can't be opened, a loss does not fit it, or training fails.
    pub fn prove(
        &mut self,
        exhibit: &Preset,
        base: &ExperimentConfig,
    ) -> Result<Vec<Verdict>, String> {
        let [mistake, twin] = exhibit.pair(base)?;
        let mut sides = [self.side(mistake)?, self.side(twin)?];
        if exhibit.shows.iter().any(|claim| claim.measure.needs_run()) {
            let runs = train(sides.iter().map(Side::job).collect(), &self.store)?;
            for (side, run) in sides.iter_mut().zip(runs) {
                side.run = Some(run);
            }
        }
        let [mistake, twin] = &sides;
        let judged = |claim| judge(claim, mistake.seen(), twin.seen());
        Ok(exhibit.shows.iter().map(judged).collect())
    }

    fn side(&mut self, (name, config): (String, ExperimentConfig)) -> Result<Side, String> {
        let dataset = self.opened.get(&config.data);
        let dataset = dataset.map_err(|error| error.to_string())?;
        let xray = examiner::xray(&dataset, &config).map_err(|error| error.to_string())?;
        Ok(Side {
            invented: invented(&config.data, &dataset),
            name,
            config,
            dataset,
            xray,
            run: None,
        })
    }
}

fn invented(data: &DataConfig, dataset: &Dataset) -> f64 {
    match data.mask_resize {
        MaskResize::Nearest => 0.0,
        MaskResize::Bilinear => {
            let (width, height) = (data.width as usize, data.height as usize);
            blending::invented(dataset, width, height).unwrap_or(0.0)
        }
    }
}

/// Trains all side by side, from the same weights and batches, to the end; the runs in the jobs' order.
///
/// # Errors
/// When they can't be started or the trainer dies.
pub fn train(jobs: Vec<Job>, store: &Store) -> Result<Vec<Run>, String> {
    let mut runs: Vec<Run> = (jobs.iter())
        .map(|job| Run {
            name: job.name.clone(),
            config: job.config.clone(),
            ..Run::default()
        })
        .collect();
    let trainer = TrainerHandle::spawn(Arc::new(|| {}));
    trainer.start(jobs, store.clone())?;
    loop {
        match trainer.wait(SILENCE) {
            Some(TrainerEvent::Run { lane, event }) => {
                if let Some(run) = runs.get_mut(lane) {
                    run.apply(&event);
                }
            }
            Some(TrainerEvent::Idle) => return Ok(runs),
            Some(_) => {}
            None => return Err("the trainer is silent".to_owned()),
        }
    }
}
