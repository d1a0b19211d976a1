//! A run's predictions, frozen: its network answers the validation images once, and any loss may
//! then be asked about these answers without training.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use super::answers::each_answer;
use super::checkpoint as weights;
use super::device;
use super::glance;
use crate::data::Dataset;
use crate::data::loader::Loader;
use crate::doctor::look::{Frame, Slope};
use crate::doctor::oracle::Truth;
use crate::doctor::xray::Bench;
use crate::experiment::ExperimentConfig;
use crate::loss::breakdown::TermPart;
use crate::model::UNet;
use crate::run::Run;
use crate::run::checkpoints::{self, Checkpoint};

/// Logits that are kept at most, as numbers: 1 GiB.
const MOST: usize = 1 << 28;

/// One validation batch as the network answered it.
struct Chunk {
    /// `[N, C, H, W]`.
    logits: Vec<f32>,
    /// `[N, H, W]`.
    labels: Vec<u8>,
    shape: [usize; 3],
}

/// The answers of one checkpoint to all validation images.
pub struct Frozen {
    pub checkpoint: Checkpoint,
    /// Updates behind the weights.
    pub step: u64,
    /// All weights that the run had stored when these answered, each with its step.
    pub stored: Vec<(Checkpoint, u64)>,
    /// What the run recorded for these weights, where it validated them.
    pub recorded: Option<f64>,
    /// The run's own configuration.
    pub config: ExperimentConfig,
    pub class_names: Vec<String>,
    pub images: usize,
    /// The mask with the most classes: of this one gradients are shown.
    pub frame: Frame,
    frame_chunk: usize,
    chunks: Vec<Chunk>,
    /// Where training was when the recorded loss was taken, 0..=1.
    progress: f64,
    pub dataset: Arc<Dataset>,
}

/// What a loss says of frozen answers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reading {
    /// Mean over the images, as a validation gives it.
    pub loss: f64,
    /// Σ|∂loss/∂logit|, the mean over the images' batches.
    pub gradient: f64,
    pub classes: Vec<ClassPush>,
}

/// A class's part in it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassPush {
    pub class: String,
    /// Share of the masks' pixels, 0..=1.
    pub pixels: f64,
    /// Share of Σ|∂loss/∂logit| over the class's channel, 0..=1.
    pub gradient: f64,
}

impl Frozen {
    /// Loads the weights in `dir`, the run's folder, and lets them answer. `dataset` was opened with
    /// the run's configuration. Blocking: takes as long as a validation.
    ///
    /// # Errors
    /// Naming the file that is missing or of another network, or what can't be read.
    pub fn take(
        run: &Run,
        dir: &Path,
        checkpoint: Checkpoint,
        dataset: Arc<Dataset>,
    ) -> Result<Self, String> {
        let config = run.config.clone();
        let class_names: Vec<String> = (dataset.classes.classes.iter())
            .map(|class| class.name.clone())
            .collect();
        if !run.classes.is_empty() && run.classes != class_names {
            let mut message = "the dataset has other classes than the run".to_owned();
            let (then, now) = (run.classes.join(", "), class_names.join(", "));
            let _ = write!(message, ": expected {then}, found {now}");
            return Err(message);
        }
        let stored = checkpoints::stored(run, dir);
        let step = checkpoint.step(run);
        let step = step.ok_or("the run has not been validated yet, so nothing is stored")?;
        let file = checkpoint.file(dir);
        if !file.is_file() {
            return Err(missing(&file, &stored));
        }
        let (device, _) = device::open("cpu")?;
        let device = device.without_autodiff();
        let channels = config.data.inputs(dataset.channels);
        let classes = class_names.len();
        let seed = config.train.seed;
        let mut model = UNet::new(&config.model, channels, classes, seed, &device);
        // Of a run that trains the best and the last weights may change meanwhile.
        let mut written = weights::step_of(&file);
        loop {
            weights::load_model(&mut model, &file)?;
            let now = weights::step_of(&file);
            if now == written {
                break;
            }
            written = now;
        }
        let step = written.unwrap_or(step);
        let batch = config.train.batch as usize;
        let loader = Loader::new(Arc::clone(&dataset), &config.data, batch, seed)
            .map_err(|error| error.to_string())?;
        let mut chunks: Vec<Chunk> = Vec::new();
        let mut kept = 0;
        each_answer(
            &model,
            &loader,
            classes,
            &device,
            |broken| broken.to_string(),
            |_, batch, logits| {
                let [n, _, h, w] = batch.shape;
                kept += n * classes * h * w;
                if kept > MOST {
                    return Err(format!(
                        "the answers to all validation images take more than {} MiB",
                        MOST >> 18
                    ));
                }
                let logits = (logits.try_into_data())
                    .map_err(|error| error.to_string())?
                    .iter::<f32>()
                    .collect();
                chunks.push(Chunk {
                    logits,
                    labels: batch.labels,
                    shape: [n, h, w],
                });
                Ok(())
            },
        )?;
        let frames = chunks.iter().enumerate().map(|(at, chunk)| {
            let truth = Truth {
                labels: &chunk.labels,
                shape: chunk.shape,
                class_names: &class_names,
            };
            let frame = Frame::fullest(truth);
            let mut seen = [false; 256];
            frame
                .labels(truth)
                .iter()
                .for_each(|l| seen[usize::from(*l)] = true);
            (
                seen[..classes].iter().filter(|seen| **seen).count(),
                at,
                frame,
            )
        });
        // The first of equals.
        let fullest = frames.rev().max_by_key(|(count, ..)| *count);
        let (_, frame_chunk, frame) = fullest.ok_or("the run has no validation images")?;
        let recorded = run.validations.iter().find(|v| v.step == step);
        Ok(Self {
            checkpoint,
            step,
            stored,
            recorded: recorded.map(|validation| validation.loss),
            images: chunks.iter().map(|chunk| chunk.shape[0]).sum(),
            // A validation is made with the weights of the terms as the step before it saw them.
            progress: step.saturating_sub(1) as f64 / run.total_steps.max(1) as f64,
            config,
            class_names,
            frame,
            frame_chunk,
            chunks,
            dataset,
        })
    }

    /// What the loss of `config` says; `None` when `stop` said so on the way.
    ///
    /// # Errors
    /// When the loss can't be made for these classes or gives no number.
    pub fn ask(
        &self,
        config: &ExperimentConfig,
        stop: &dyn Fn() -> bool,
    ) -> Result<Option<Reading>, String> {
        let classes = self.class_names.len();
        let (mut loss, mut mass) = (0.0, vec![0.0; classes]);
        let mut counts = vec![0u64; classes];
        for chunk in &self.chunks {
            if stop() {
                return Ok(None);
            }
            let (value, gradient) = (self.bench(config, chunk)?.loss_and_gradient(&chunk.logits))
                .map_err(|error| error.to_string())?;
            let [n, h, w] = chunk.shape;
            loss += value * n as f64;
            for (at, g) in gradient.iter().enumerate() {
                mass[at / (h * w) % classes] += f64::from(g.abs()) * n as f64;
            }
            for label in &chunk.labels {
                if let Some(count) = counts.get_mut(usize::from(*label)) {
                    *count += 1;
                }
            }
        }
        let images = self.images.max(1) as f64;
        let total: f64 = mass.iter().sum();
        let pixels = counts.iter().sum::<u64>().max(1) as f64;
        let class = |at: usize| ClassPush {
            class: self.class_names[at].clone(),
            pixels: counts[at] as f64 / pixels,
            gradient: mass[at] / total.max(f64::MIN_POSITIVE),
        };
        Ok(Some(Reading {
            loss: loss / images,
            gradient: total / images,
            classes: (0..classes).map(class).collect(),
        }))
    }

    /// d loss / d logit of `config`'s loss on the mask of [`Frozen::frame`].
    ///
    /// # Errors
    /// As [`Frozen::ask`].
    pub fn slope(&self, config: &ExperimentConfig) -> Result<Slope, String> {
        let chunk = &self.chunks[self.frame_chunk];
        let (_, gradient) = (self.bench(config, chunk)?.loss_and_gradient(&chunk.logits))
            .map_err(|error| error.to_string())?;
        let planes = self.frame.planes(&gradient, self.class_names.len());
        Ok(Slope::new("present", self.frame, planes.to_vec()))
    }

    /// The loss of `config` taken apart on the batch that [`Frozen::frame`] is of.
    ///
    /// # Errors
    /// As [`Frozen::ask`].
    pub fn formula(&self, config: &ExperimentConfig) -> Result<Vec<TermPart>, String> {
        let chunk = &self.chunks[self.frame_chunk];
        (self
            .bench(config, chunk)?
            .formula(&config.loss, &chunk.logits))
        .map_err(|error| error.to_string())
    }

    /// Images of that batch.
    #[must_use]
    pub fn formula_images(&self) -> usize {
        self.chunks[self.frame_chunk].shape[0]
    }

    /// The truth of [`Frozen::frame`], `[H, W]`.
    #[must_use]
    pub fn truth(&self) -> &[u8] {
        let chunk = &self.chunks[self.frame_chunk];
        let area = self.frame.width * self.frame.height;
        &chunk.labels[self.frame.image * area..(self.frame.image + 1) * area]
    }

    /// What is answered in [`Frozen::frame`], `[H, W]`.
    #[must_use]
    pub fn answer(&self) -> Vec<u8> {
        let classes = self.class_names.len();
        let chunk = &self.chunks[self.frame_chunk];
        let planes = self.frame.planes(&chunk.logits, classes);
        let area = self.frame.width * self.frame.height;
        let best = |pixel: usize| {
            // The first of equals, as argmax.
            (0..classes)
                .rev()
                .max_by(|a, b| planes[a * area + pixel].total_cmp(&planes[b * area + pixel]))
                .map_or(0, |class| class as u8)
        };
        (0..area).map(best).collect()
    }

    fn bench(&self, config: &ExperimentConfig, chunk: &Chunk) -> Result<Bench, String> {
        let labels = (&chunk.labels[..], chunk.shape);
        glance::bench(config, &self.dataset, labels, self.progress)
    }
}

/// Says which weights there are in place of those asked for.
fn missing(file: &Path, stored: &[(Checkpoint, u64)]) -> String {
    let names: Vec<String> = stored.iter().map(|(it, _)| it.to_string()).collect();
    let there = match names.is_empty() {
        true => "the run has stored none".to_owned(),
        false => format!("stored are {}", names.join(", ")),
    };
    format!("{}: there is no such file; {there}", file.display())
}
