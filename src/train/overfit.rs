//! One batch, learned by heart: what any working combination of network, loss and rate can do in a
//! few steps. Knows no run and no record.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use burn::prelude::*;

use super::learner::{Broken, Learner};
use super::session::TrainError;
use crate::data::loader::Loader;
use crate::data::{Batch, Dataset};
use crate::doctor::gates::{OVERFIT_STEPS, Overfit};
use crate::experiment::{ExperimentConfig, train_config::Schedule};
use crate::loss::{LossContext, Target};
use crate::model::UNet;
use crate::run::metrics::Confusion;

/// Images in the batch: few, so that it is about the loss and not about the network's size.
const IMAGES: usize = 2;

/// Trains `config` on one batch of its first images, without variation, for
/// [`OVERFIT_STEPS`] steps; `stop` ends it early.
///
/// # Errors
/// When configuration and dataset don't fit, or the device fails. A loss that breaks is a result.
pub fn overfit_one_batch(
    config: &ExperimentConfig,
    dataset: &Arc<Dataset>,
    device: &Device,
    stop: &AtomicBool,
) -> Result<Overfit, TrainError> {
    let images = IMAGES.min(dataset.split.train.len()).max(1);
    let loader = Loader::new(Arc::clone(dataset), &config.data, images, config.train.seed)?;
    let batch = joined(&loader, &richest(dataset, images))?;
    let classes = dataset.classes.len();
    let device = device.clone().without_autodiff().autodiff();
    let census = &dataset.census;
    let context = LossContext {
        num_classes: classes,
        class_weights: config
            .class_weights
            .weights(&census.train_pixels, &census.train_presence_pixels)?,
        device: device.clone(),
    };
    let loss = config.build_loss(&context)?;
    let channels = config.data.inputs(dataset.channels);
    let model = UNet::new(&config.model, channels, classes, config.train.seed, &device);
    let mut train = config.train.clone();
    (train.schedule, train.warmup_steps) = (Schedule::Constant, 0);
    let mut learner = Learner::new(model, &train);
    learner.keep_logits = true;
    let [n, _, h, w] = batch.shape;
    let input = Tensor::<4>::from_data(TensorData::new(batch.images.clone(), batch.shape), &device);
    let target = Target::from_labels(&batch.labels, [n, h, w], classes, &device);
    let mut result = Overfit {
        losses: Vec::new(),
        dice: None,
        broken: None,
    };
    for step in 0..OVERFIT_STEPS {
        if stop.load(Ordering::Relaxed) {
            result.broken = Some("it was stopped".to_owned());
            return Ok(result);
        }
        let rate = train.rate_at(step, OVERFIT_STEPS);
        let activation = config.activation;
        match learner.step(input.clone(), None, activation, &target, &*loss, rate) {
            Ok(measured) => result.losses.push(measured.loss),
            Err(Broken::NotFinite(message)) => {
                result.broken = Some(message);
                return Ok(result);
            }
            Err(Broken::Device(message)) => return Err(TrainError::Device(message)),
            Err(Broken::Data(error)) => return Err(error.into()),
        }
    }
    // What the last step saw: without the remembered statistics, which are a matter of their own.
    if let Some(logits) = learner.logits.take() {
        let labels = logits
            .argmax(1)
            .try_into_data()
            .map_err(|error| TrainError::Device(error.to_string()))?;
        let labels: Vec<u8> = labels.iter::<u8>().collect();
        let mut confusion = Confusion::new(classes);
        confusion.add(&batch.labels, &labels);
        // Pooled, because a speck of twelve pixels is not learned in fifty steps by any loss.
        let pooled = confusion.dice_pooled(usize::from(classes > 1));
        result.dice = pooled.is_finite().then_some(pooled);
    }
    Ok(result)
}

/// These items as one batch.
fn joined(loader: &Loader, items: &[usize]) -> Result<Batch, TrainError> {
    let mut all: Option<Batch> = None;
    for &item in items {
        let (_, one) = loader.sample(item)?;
        match &mut all {
            None => all = Some(one),
            // Images whose own size is kept may differ: the first decides.
            Some(all) if all.shape[1..] == one.shape[1..] => {
                all.images.extend(one.images);
                all.labels.extend(one.labels);
                all.items.extend(one.items);
                all.shape[0] += one.shape[0];
            }
            Some(_) => {}
        }
    }
    all.ok_or_else(|| TrainError::Invalid("the split leaves no training image".to_owned()))
}

/// The training images that bring the most classes, so that the batch has something to show.
fn richest(dataset: &Dataset, images: usize) -> Vec<usize> {
    const LOOKED_AT: usize = 24;
    let mut found: Vec<(usize, usize)> = dataset
        .split
        .train
        .iter()
        .take(LOOKED_AT)
        .filter_map(|&item| {
            let classes = dataset.with(item, |sample| {
                let mut seen = [false; 256];
                for &label in &sample.labels.labels {
                    seen[usize::from(label)] = true;
                }
                seen.iter().filter(|s| **s).count()
            });
            // An unreadable image is the dataset's finding already.
            Some((classes.ok()?, item))
        })
        .collect();
    found.sort_by_key(|(classes, item)| (std::cmp::Reverse(*classes), *item));
    found
        .into_iter()
        .take(images)
        .map(|(_, item)| item)
        .collect()
}
