//! A run that steps: one call, one optimiser update (and a validation when it is due).
//!
//! A session knows no thread, no channel and no run folder: it turns batches into events.

mod step;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use burn::prelude::*;

use super::answers;
use super::checkpoint::{self, Progress};
use super::device::traffic::Traffic;
use super::early::EarlyStop;
use super::feed::Feed;
use super::glance::Glance;
use super::learner::{Broken, Learner};
use super::memory;
use crate::data::loader::Loader;
use crate::data::{Batch, DataError, Dataset, LabelMap, Sample, for_screen, map_for_screen};
use crate::doctor::live::Watch;
use crate::experiment::ExperimentConfig;
use crate::loss::{LossContext, LossError, LossFn};
use crate::model::UNet;
use crate::model::config::Normalization;
use crate::model::kernels::extension;
use crate::run::pictures::Kept;
use crate::run::{Outcome, RunEvent};
use step::Waiting;

#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    #[error(transparent)]
    Data(#[from] DataError),
    #[error(transparent)]
    Loss(#[from] LossError),
    #[error("{0}")]
    Invalid(String),
    #[error("the device failed: {0}")]
    Device(String),
}

/// What the network says about one image.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    pub item: usize,
    pub step: u64,
    pub width: usize,
    pub height: usize,
    /// `[H, W]`, most probable class.
    pub labels: Vec<u8>,
    /// `[H, W]`, entropy of the probabilities in 0..=255 of its maximum.
    pub entropy: Vec<u8>,
}

/// Model, optimiser, loss and loader of one run. N sessions stepped in turn are a race.
pub struct Session {
    config: ExperimentConfig,
    dataset: Arc<Dataset>,
    feed: Arc<Feed>,
    learner: Learner,
    /// The loss on the device with autodiff, and on the plain one for validation.
    loss: Box<dyn LossFn>,
    plain_loss: Box<dyn LossFn>,
    class_weights: Vec<f64>,
    /// With autodiff.
    device: Device,
    device_name: String,
    total_steps: u64,
    validate_every: u64,
    progress: Progress,
    /// Whether numbers are read a step late: where the device computes while the host goes on.
    late: bool,
    /// The step whose numbers are on their way; counted in `progress` already.
    waiting: Option<Waiting>,
    /// What the last step asked of the device, where it was nothing but a step.
    traffic: Option<Traffic>,
    /// The update is made, and its scores are not there yet.
    validating: bool,
    watch: Watch,
    early: EarlyStop,
    /// Why it is not computed where it was asked to be, until that is told.
    pub(super) elsewhere: Option<String>,
    /// The last validation was the best so far.
    improved: bool,
    /// Places of the validation split whose predictions are kept, ascending.
    keep: Vec<usize>,
    kept: Vec<Kept>,
    /// Whether the next step leaves a [`Glance`], and the one that the last left.
    glancing: bool,
    glance: Option<Glance>,
    finished: bool,
}

impl Session {
    /// # Errors
    /// When configuration and dataset don't fit.
    pub fn new(
        config: &ExperimentConfig,
        dataset: Arc<Dataset>,
        device: &Device,
        device_name: &str,
    ) -> Result<Self, TrainError> {
        let feed = Self::feed(config, &dataset, device, 0)?;
        Self::with_feed(config, dataset, feed, device, device_name)
    }

    /// The batches that `config` asks for from `first` on, for `device`; lanes of a race may share
    /// them.
    ///
    /// # Errors
    /// When the split leaves nothing to train on or the batch is larger than the training set.
    pub fn feed(
        config: &ExperimentConfig,
        dataset: &Arc<Dataset>,
        device: &Device,
        first: u64,
    ) -> Result<Arc<Feed>, TrainError> {
        let (batch, seed) = (config.train.batch as usize, config.train.seed);
        // A GPU makes its own.
        let on_cpu = extension::runs_on(&device.clone().without_autodiff());
        let loader = Loader::new(Arc::clone(dataset), &config.data, batch, seed)?
            .with_borders(on_cpu && config.loss.wants_borders());
        let total = config.train.total_steps(loader.steps_per_epoch());
        Ok(Arc::new(Feed::start(Arc::new(loader), first, total)?))
    }

    /// As [`Session::new`], with batches that may be shared with other sessions.
    ///
    /// # Errors
    /// When configuration and dataset don't fit.
    pub fn with_feed(
        config: &ExperimentConfig,
        dataset: Arc<Dataset>,
        feed: Arc<Feed>,
        device: &Device,
        device_name: &str,
    ) -> Result<Self, TrainError> {
        check(config, &dataset)?;
        let steps_per_epoch = feed.loader().steps_per_epoch();
        let num_classes = dataset.classes.len();
        let census = &dataset.census;
        let class_weights = config
            .class_weights
            .weights(&census.train_pixels, &census.train_presence_pixels)?;
        let plain = device.clone().without_autodiff();
        let device = super::device::for_training(plain.clone(), config.train.checkpointing);
        let on_cpu = extension::runs_on(&plain);
        // Only the CPU's memory is known.
        if on_cpu && let Some(message) = memory::obstacle_here(config, num_classes, on_cpu) {
            return Err(TrainError::Invalid(message));
        }
        let context = |device: &Device| LossContext {
            num_classes,
            class_weights: class_weights.clone(),
            device: device.clone(),
        };
        let loss = config.build_loss(&context(&device))?;
        let plain_loss = config.build_loss(&context(&plain))?;
        let channels = config.data.inputs(dataset.channels);
        let seed = config.train.seed;
        let model = UNet::new(&config.model, channels, num_classes, seed, &device);
        let validate_every = match config.train.validate_every {
            0 => steps_per_epoch.max(1),
            steps => steps,
        };
        let names = (dataset.classes.classes.iter()).map(|class| class.name.clone());
        let total_steps = config.train.total_steps(steps_per_epoch);
        let watch = Watch::new(config, names.collect(), total_steps);
        Ok(Self {
            learner: Learner::new(model, &config.train),
            config: config.clone(),
            dataset,
            feed,
            loss,
            plain_loss,
            class_weights,
            device,
            device_name: device_name.to_owned(),
            total_steps,
            validate_every,
            progress: Progress::default(),
            late: !on_cpu,
            waiting: None,
            traffic: None,
            validating: false,
            watch,
            early: EarlyStop::new(&config.train),
            elsewhere: None,
            improved: false,
            keep: Vec::new(),
            kept: Vec::new(),
            glancing: false,
            glance: None,
            finished: false,
        })
    }

    /// The `Started` event.
    #[must_use]
    pub fn started(&self) -> RunEvent {
        let classes = &self.dataset.classes.classes;
        RunEvent::Started {
            device: self.device_name.clone(),
            total_steps: self.total_steps,
            steps_per_epoch: self.feed.loader().steps_per_epoch(),
            parameters: self.learner.model().parameters(),
            classes: classes.iter().map(|class| class.name.clone()).collect(),
            class_colors: classes.iter().map(|class| class.color).collect(),
            class_weights: self.class_weights.clone(),
            dataset: self.dataset.fingerprint.clone(),
            unix_secs: now(),
            memory_estimate: self.memory_estimate().total(),
        }
    }

    /// What this training was expected to take of the device's memory.
    #[must_use]
    pub fn memory_estimate(&self) -> memory::Estimate {
        let on_cpu = extension::runs_on(&self.device.clone().without_autodiff());
        memory::estimate(&self.config, self.dataset.classes.len(), on_cpu)
    }

    /// The batch that the next [`Session::step`] will train on.
    ///
    /// # Errors
    /// When its images can't be read.
    pub fn next_batch(&self) -> Result<Arc<Batch>, TrainError> {
        Ok(self.feed.batch(self.progress.step)?)
    }

    /// One update; returns `Step`, and `Validated` when due, and `Finished` at the end. On a GPU
    /// what a step found is told one call later, or with the next validation.
    ///
    /// # Errors
    /// When images can't be read or the device fails; the session is not to be stepped again.
    pub fn step(&mut self) -> Result<Vec<RunEvent>, TrainError> {
        if self.finished {
            return Ok(Vec::new());
        }
        let start = Instant::now();
        let before = self.progress.secs;
        let mut events = Vec::new();
        let traffic = Traffic::so_far();
        let result = self.update(&mut events, start, before);
        let only_a_step = matches!(events[..], [RunEvent::Step { .. }])
            && result.is_ok()
            && self.glance.is_none();
        self.traffic = only_a_step.then(|| Traffic::so_far() - traffic);
        self.progress.secs = before + start.elapsed().as_secs_f64();
        match result {
            Ok(()) => {
                if self.progress.step >= self.total_steps && !self.finished {
                    events.push(self.finish(Outcome::Completed));
                }
            }
            Err(Broken::NotFinite(message)) => {
                let message = self.with_culprit(message);
                // Without an update the counter stands at the step before the one that failed.
                let at_step = self.progress.step + u64::from(!self.validating);
                events.push(self.finish(Outcome::Diverged { at_step, message }));
            }
            Err(Broken::Device(message)) => {
                self.finished = true;
                return Err(TrainError::Device(message));
            }
            Err(Broken::Data(error)) => {
                self.finished = true;
                return Err(error.into());
            }
        }
        self.watch.review(&mut events);
        if let Some(why) = self.early.review(&events)
            && !self.finished
        {
            let step = self.progress.step;
            events.push(RunEvent::Finding { step, finding: why });
            events.extend(self.stop());
        }
        Ok(events)
    }

    fn finish(&mut self, outcome: Outcome) -> RunEvent {
        self.finished = true;
        RunEvent::Finished {
            outcome,
            step: self.progress.step,
            secs: self.progress.secs,
        }
    }

    /// Ends the run before its time; what was learned stays. Tells what was on its way first.
    pub fn stop(&mut self) -> Vec<RunEvent> {
        let (mut events, secs) = (Vec::new(), self.progress.secs);
        let waiting = self.waiting.take();
        if let Err(broken) = self.settle(waiting, &mut events, || secs) {
            log::warn!("the last step is lost: {broken:?}");
        }
        events.push(self.finish(Outcome::Stopped));
        events
    }

    /// What the last step asked of the device; `None` where more than a step was made.
    #[must_use]
    pub fn traffic(&self) -> Option<Traffic> {
        self.traffic
    }

    /// For people.
    #[must_use]
    pub fn device_name(&self) -> &str {
        &self.device_name
    }

    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// Keeps predictions of the images at these places of the validation split (ascending) at the
    /// validations to come; [`Session::take_kept`] fetches them.
    pub fn keep(&mut self, places: Vec<usize>) {
        self.keep = places;
    }

    /// Has the next step leave a [`Glance`].
    pub fn glance_next(&mut self) {
        self.glancing = true;
    }

    /// What the last step left, once.
    pub fn take_glance(&mut self) -> Option<Glance> {
        self.glance.take()
    }

    /// Pixels of the largest image that [`Session::keep`] may keep.
    #[must_use]
    pub fn pixels_kept(&self) -> usize {
        let (data, loader) = (&self.config.data, self.feed.loader());
        let of = |item: &usize| loader.own_size(*item).iter().product();
        match loader.crops() {
            true => self.dataset.split.val.iter().map(of).max().unwrap_or(0),
            false => (data.width * data.height) as usize,
        }
    }

    /// What was kept at the last validation, once.
    pub fn take_kept(&mut self) -> Vec<Kept> {
        std::mem::take(&mut self.kept)
    }

    /// Validations of the whole run.
    #[must_use]
    pub fn validations(&self) -> u64 {
        self.validation(self.total_steps)
    }

    /// Which validation, counted from 1, that after `step` is.
    #[must_use]
    pub fn validation(&self, step: u64) -> u64 {
        step.div_ceil(self.validate_every)
    }

    /// Bytes that [`Session::save_weights`] takes, near enough for a budget.
    #[must_use]
    pub fn weights_size(&self) -> u64 {
        self.learner.model().parameters() * size_of::<f32>() as u64
    }

    /// Whether the step just made validated better than any before.
    #[must_use]
    pub fn improved(&self) -> bool {
        self.improved
    }

    /// Updates made so far, time and best score.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.progress
    }

    #[must_use]
    pub fn dataset(&self) -> &Arc<Dataset> {
        &self.dataset
    }

    #[must_use]
    pub fn config(&self) -> &ExperimentConfig {
        &self.config
    }

    /// Predicts one item with the present weights (evaluation mode).
    ///
    /// # Errors
    /// When the item can't be read or the device fails.
    pub fn predict(&mut self, item: usize) -> Result<Prediction, TrainError> {
        Ok(self.preview(item)?.1)
    }

    /// As [`Session::predict`], with the image and truth at the same size: at input size, or whole where
    /// training sees crops, blended from overlapping windows.
    ///
    /// # Errors
    /// As [`Session::predict`].
    pub fn preview(&mut self, item: usize) -> Result<(Sample, Prediction), TrainError> {
        if item >= self.dataset.items.len() {
            let count = self.dataset.items.len();
            let message = format!(
                "there is no item {item}: expected 0 to {}",
                count.max(1) - 1
            );
            return Err(TrainError::Invalid(message));
        }
        let model = self.learner.model().valid();
        let device = self.device.clone().without_autodiff();
        let (loader, activation) = (self.feed.loader(), self.config.activation);
        let (sample, seen) = if loader.crops() {
            let whole = loader.whole(item)?;
            let (sample, classes) = (whole.sample(), self.dataset.classes.len());
            let seen = answers::predict_whole(&model, whole, classes, activation, &device);
            (sample, seen)
        } else {
            let (sample, batch) = loader.sample(item)?;
            (
                sample,
                answers::predict(&model, &batch, activation, &device),
            )
        };
        let seen = seen.map_err(|broken| match broken {
            Broken::Data(error) => error.into(),
            other => TrainError::Device(other.to_string()),
        })?;
        let (width, height) = (sample.image.width, sample.image.height);
        let map = |labels| {
            map_for_screen(LabelMap {
                width,
                height,
                labels,
            })
        };
        let (labels, entropy) = (map(seen.labels), map(seen.entropy));
        let prediction = Prediction {
            item,
            step: self.progress.step,
            width: labels.width,
            height: labels.height,
            labels: labels.labels,
            entropy: entropy.labels,
        };
        Ok((for_screen(sample), prediction))
    }

    /// Safetensors weights; the header says of which network.
    ///
    /// # Errors
    /// Naming the file, when it can't be written.
    pub fn save_weights(&self, path: &Path) -> Result<(), TrainError> {
        let json = |value: serde_json::Result<String>| value.unwrap_or_default();
        let scale = self.feed.loader().scale()?.channels();
        let classes: Vec<&str> = (self.dataset.classes.classes.iter())
            .map(|class| class.name.as_str())
            .collect();
        let metadata = [
            ("dicebench", env!("CARGO_PKG_VERSION").to_owned()),
            ("model", json(serde_json::to_string(&self.config.model))),
            (
                "channels",
                self.config.data.inputs(self.dataset.channels).to_string(),
            ),
            ("classes", json(serde_json::to_string(&classes))),
            ("activation", self.config.activation.name().to_owned()),
            ("step", self.progress.step.to_string()),
            // Network input = (brightness 0..=1 − offset) · gain, a pair per channel; with
            // `image` these are of each image by itself.
            ("normalize", self.config.data.normalize.name().to_owned()),
            ("normalization", json(serde_json::to_string(scale))),
        ];
        checkpoint::save_model(self.learner.model(), path, &metadata).map_err(TrainError::Invalid)
    }

    /// Everything needed to go on, in the folder `dir`, with copies of the files `also`.
    ///
    /// # Errors
    /// Naming the file that can't be written.
    pub fn save_state(&self, dir: &Path, also: &[PathBuf]) -> Result<(), TrainError> {
        let probes = self.watch.probes();
        checkpoint::save_state(&self.learner, self.progress, probes, also, dir)
            .map_err(TrainError::Invalid)
    }

    /// Goes on from where [`Session::save_state`] was called, in a session of the same
    /// configuration. What was recorded up to there is for [`Session::recall`].
    ///
    /// # Errors
    /// When the folder can't be read or is of another network.
    pub fn load_state(&mut self, dir: &Path) -> Result<(), TrainError> {
        let (progress, probes) = checkpoint::load_state(&mut self.learner, &self.device, dir)
            .map_err(TrainError::Invalid)?;
        self.progress = progress;
        self.watch.recall(&[], probes);
        self.own_feed()?;
        self.finished = self.progress.step >= self.total_steps;
        Ok(())
    }

    /// Shows what was recorded before to those who count and compare along a run, so that they say
    /// what they would have said without the interruption.
    pub fn recall(&mut self, record: &[RunEvent]) {
        let probes = self.watch.probes().to_vec();
        self.watch.recall(record, probes);
        for event in record {
            if matches!(event, RunEvent::Validated { .. }) {
                // It went on after this then; so it does now.
                let _ = self.early.review(std::slice::from_ref(event));
            }
        }
    }

    /// The event that says that it goes on, and the end, where that alone was missing: all steps are
    /// done, or a rule had `stopped` it.
    pub fn resumed(&mut self, stopped: bool) -> Vec<RunEvent> {
        let mut events = vec![RunEvent::Resumed {
            step: self.progress.step,
            device: self.device_name.clone(),
            unix_secs: now(),
        }];
        if stopped {
            events.push(self.finish(Outcome::Stopped));
        } else if self.finished {
            events.push(self.finish(Outcome::Completed));
        }
        events
    }

    /// Has the batches that come next made for this session alone: those of a feed that others share
    /// may be past.
    ///
    /// # Errors
    /// As [`Session::feed`].
    pub fn own_feed(&mut self) -> Result<(), TrainError> {
        let loader = Arc::clone(self.feed.loader());
        let feed = Feed::start(loader, self.progress.step, self.total_steps)?;
        self.feed = Arc::new(feed);
        Ok(())
    }
}

/// Seconds since the Unix epoch.
fn now() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.map_or(0, |since| since.as_secs())
}

/// What would otherwise end in a shape error deep inside.
fn check(config: &ExperimentConfig, dataset: &Dataset) -> Result<(), TrainError> {
    let invalid = |message| Err(TrainError::Invalid(message));
    let classes = dataset.classes.len();
    if classes == 0 || classes >= usize::from(crate::data::IGNORE) {
        return invalid(format!(
            "the dataset has {classes} classes: expected 1 to 254"
        ));
    }
    let multiple = 1u64 << config.model.depth;
    let (width, height) = (config.data.width, config.data.height);
    for (key, side) in [("data.width", width), ("data.height", height)] {
        if side == 0 || !side.is_multiple_of(multiple) {
            let depth = config.model.depth;
            return invalid(format!(
                "`{key}` = {side} does not fit `model.depth` = {depth}: expected a multiple of {multiple}"
            ));
        }
    }
    let single = width == multiple && height == multiple;
    if single && config.model.normalization == Normalization::Instance {
        return invalid(format!(
            "`model.normalization` = instance needs more than one pixel at the bottom of the U, \
             but {width}×{height} pixels are 1×1 after {} poolings",
            config.model.depth
        ));
    }
    Ok(())
}
