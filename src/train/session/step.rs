//! How a session makes a step: on the CPU at once, on a GPU without waiting for what the last one
//! found.

use std::sync::Arc;
use std::time::Instant;

use burn::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::Session;
use crate::data::Batch;
use crate::loss::Target;
use crate::run::RunEvent;
use crate::train::evaluate;
use crate::train::glance::Glance;
use crate::train::learner::{Broken, Launched, Measured, Part};

/// A step that was launched and not looked at.
pub(super) struct Waiting {
    launched: Launched,
    /// Updates made before it.
    step: u64,
    rate: f64,
}

impl Session {
    pub(super) fn update(
        &mut self,
        events: &mut Vec<RunEvent>,
        start: Instant,
        before: f64,
    ) -> Result<(), Broken> {
        let secs = || before + start.elapsed().as_secs_f64();
        let next = self.progress.step + 1;
        let due = next.is_multiple_of(self.validate_every) || next == self.total_steps;
        self.improved = false;
        if self.late && !due && !self.glancing {
            // The device is given the next step before anyone waits for the last.
            let waiting = self.launch()?;
            let last = self.waiting.replace(waiting);
            return self.settle(last, events, secs);
        }
        let last = self.waiting.take();
        self.settle(last, events, secs)?;
        self.make(due, events, secs)
    }

    /// Waits for what a launched step found. One in which something was not a number is made again
    /// where it can be looked into, from the weights before it.
    pub(super) fn settle(
        &mut self,
        waiting: Option<Waiting>,
        events: &mut Vec<RunEvent>,
        secs: impl Fn() -> f64,
    ) -> Result<(), Broken> {
        let Some(Waiting {
            launched,
            step,
            rate,
        }) = waiting
        else {
            return Ok(());
        };
        let Some(measured) = self.learner.settle(launched)? else {
            self.waiting = None;
            self.progress.step = step;
            return self.make(false, events, secs);
        };
        events.push(step_event(step, measured, rate, secs()));
        Ok(())
    }

    /// Starts the next step without waiting for it.
    fn launch(&mut self) -> Result<Waiting, Broken> {
        let step = self.progress.step;
        let batch = self.feed.batch(step).map_err(Broken::Data)?;
        let keep = self.begin(&batch);
        let rate = self.config.train.rate_at(step, self.total_steps);
        let at_once = self.config.train.images_at_once() as usize;
        let (classes, device) = (self.dataset.classes.len(), &self.device);
        let parts = parts(&batch, keep.as_deref(), at_once, classes, device);
        let activation = self.config.activation;
        let launched = (self.learner).launch(parts, activation, &*self.loss, rate)?;
        self.progress.step = step + 1;
        Ok(Waiting {
            launched,
            step,
            rate,
        })
    }

    /// Sets the losses to the moment; what the step drops of `batch`.
    fn begin(&mut self, batch: &Batch) -> Option<Vec<f32>> {
        let progress = self.progress.step as f64 / self.total_steps.max(1) as f64;
        self.loss.at(progress);
        self.plain_loss.at(progress);
        self.dropout(batch.shape[0])
    }

    /// Makes the next step, and the validation that is `due` after it.
    fn make(
        &mut self,
        due: bool,
        events: &mut Vec<RunEvent>,
        secs: impl Fn() -> f64,
    ) -> Result<(), Broken> {
        let step = self.progress.step;
        let batch = self.feed.batch(step).map_err(Broken::Data)?;
        let classes = self.dataset.classes.len();
        let rate = self.config.train.rate_at(step, self.total_steps);
        let keep = self.begin(&batch);
        let activation = self.config.activation;
        let probing = due && self.watch.wants_probe(step + 1);
        self.learner.keep_logits = probing || self.glancing;
        let at_once = self.config.train.images_at_once() as usize;
        let device = &self.device;
        let parts = parts(&batch, keep.as_deref(), at_once, classes, device);
        let measured = self
            .learner
            .step_in_parts(parts, activation, &*self.loss, rate)?;
        self.progress.step = step + 1;
        events.push(step_event(step, measured, rate, secs()));
        if std::mem::take(&mut self.glancing) {
            let progress = step as f64 / self.total_steps.max(1) as f64;
            self.glance = self.glance_at(&batch, measured.loss, progress)?;
        }
        if !probing {
            self.learner.logits = None;
        }
        if due {
            self.validating = true;
            self.probe(&batch)?;
            let mut found = evaluate::validate(
                &self.learner.model().valid(),
                self.feed.loader(),
                classes,
                self.config.activation,
                &*self.plain_loss,
                &self.device.clone().without_autodiff(),
                &self.keep,
            )?;
            self.kept = std::mem::take(&mut found.kept);
            if let (Some(new), best) = (found.mean_dice, self.progress.best)
                && best.is_none_or(|best| new > best)
            {
                self.progress.best = Some(new);
                self.improved = true;
            }
            events.push(found.into_event(self.progress.step, secs()));
            self.validating = false;
        }
        Ok(())
    }

    /// What was answered for the batch just trained on.
    fn glance_at(&self, batch: &Batch, loss: f64, progress: f64) -> Result<Option<Glance>, Broken> {
        let Some(logits) = self.learner.logits.clone() else {
            return Ok(None);
        };
        let read = (logits.try_into_data()).map_err(|error| Broken::Device(error.to_string()))?;
        let [n, _, h, w] = batch.shape;
        Ok(Some(Glance {
            step: self.progress.step,
            loss,
            progress,
            logits: read.iter::<f32>().collect(),
            labels: batch.labels.clone(),
            shape: [n, h, w],
            dataset: Arc::clone(&self.dataset),
        }))
    }

    /// Answers the batch just trained on in evaluation mode too, where that tells something.
    fn probe(&mut self, batch: &Batch) -> Result<(), Broken> {
        let Some(trained) = self.learner.logits.take() else {
            return Ok(());
        };
        let probe = evaluate::probe(
            &self.learner.model().valid(),
            batch,
            trained,
            self.dataset.classes.len(),
            &self.device.clone().without_autodiff(),
            self.progress.step,
        )?;
        self.watch.probe(probe);
        Ok(())
    }

    /// Says which image of the present batch is to blame, where one alone shows it.
    pub(super) fn with_culprit(&self, message: String) -> String {
        let Ok(batch) = self.feed.batch(self.progress.step) else {
            return message;
        };
        let model = self.learner.model().valid();
        let device = self.device.clone().without_autodiff();
        let culprits = evaluate::culprits(
            &model,
            &batch,
            self.dataset.classes.len(),
            self.config.activation,
            &*self.plain_loss,
            &device,
        );
        let id = |at: &usize| {
            let item = batch.items.get(*at)?;
            Some(self.dataset.items.get(*item)?.id.as_str())
        };
        let named = |kind: &str, at: &[usize]| {
            let ids: Vec<&str> = at.iter().filter_map(id).collect();
            format!("{message}; {kind}: {}", ids.join(", "))
        };
        match culprits {
            Some((kind, at)) if at.len() < batch.items.len() => named(kind, &at),
            Some((kind, at)) => named(&format!("{kind}, in every image of the batch"), &at),
            None => {
                let all: Vec<usize> = (0..batch.items.len()).collect();
                named("only the batch as a whole shows it, of the images", &all)
            }
        }
    }

    /// Which channels of the bottom to keep in this step: from seed and step alone, so that a
    /// resumed run draws the same.
    fn dropout(&self, images: usize) -> Option<Vec<f32>> {
        let p = self.config.model.dropout;
        if p == 0.0 {
            return None;
        }
        let mut rng = ChaCha8Rng::seed_from_u64(self.config.train.seed);
        rng.set_stream(self.progress.step + 1);
        let channels = self.learner.model().bottom_channels();
        let keep = |_| {
            let unit = f64::from(rng.next_u32()) / (f64::from(u32::MAX) + 1.0);
            if unit < p {
                0.0
            } else {
                (1.0 / (1.0 - p)) as f32
            }
        };
        Some((0..images * channels).map(keep).collect())
    }
}

fn step_event(before: u64, measured: Measured, learning_rate: f64, secs: f64) -> RunEvent {
    RunEvent::Step {
        step: before + 1,
        loss: measured.loss,
        learning_rate,
        grad_norm: measured.grad_norm,
        secs,
    }
}

/// A batch in parts of at most `at_once` images, each made when its turn comes. `keep` is the
/// dropout mask of all images.
fn parts<'a>(
    batch: &'a Batch,
    keep: Option<&'a [f32]>,
    at_once: usize,
    classes: usize,
    device: &'a Device,
) -> impl Iterator<Item = Part> + 'a {
    let [n, channels, h, w] = batch.shape;
    let at_once = at_once.max(1);
    (0..n).step_by(at_once).map(move |from| {
        let count = at_once.min(n - from);
        let of = |len: usize| from * len..(from + count) * len;
        let images = batch.images[of(channels * h * w)].to_vec();
        let images = TensorData::new(images, [count, channels, h, w]);
        let keep = keep.map(|keep| {
            let bottom = keep.len() / n;
            let keep = keep[of(bottom)].to_vec();
            Tensor::from_data(TensorData::new(keep, [count, bottom, 1, 1]), device)
        });
        Part {
            share: count as f64 / n as f64,
            images: Tensor::from_data(images, device),
            keep,
            target: Target::of_batch(batch, from..from + count, classes, device),
        }
    })
}
