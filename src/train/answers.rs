//! What a network in evaluation mode answers: logits about the validation batches, labels and doubt of
//! one image.

use burn::prelude::*;

use super::feed::each_val_batch;
use super::learner::Broken;
use super::mosaic::Mosaic;
use crate::data::Batch;
use crate::data::loader::{Loader, Whole};
use crate::loss::OutputActivation;
use crate::model::UNet;
use crate::model::kernels::extension;

pub(super) fn forward(model: &UNet, batch: &Batch, device: &Device) -> Tensor<4> {
    let images = TensorData::new(batch.images.clone(), batch.shape);
    model.forward(Tensor::from_data(images, device))
}

/// As [`forward`]; on a GPU with the shape of a batch of `full` images, whose kernels are there.
fn forward_padded(model: &UNet, batch: &Batch, full: usize, device: &Device) -> Tensor<4> {
    let [n, channels, height, width] = batch.shape;
    if n >= full || extension::runs_on(device) {
        return forward(model, batch, device);
    }
    let mut images = batch.images.clone();
    images.resize(full * channels * height * width, 0.0);
    let images = TensorData::new(images, [full, channels, height, width]);
    let logits = model.forward(Tensor::from_data(images, device));
    logits.narrow(0, 0, n)
}

pub(super) fn read(logits: Tensor<4>) -> Result<Vec<f32>, Broken> {
    let data = (logits.try_into_data()).map_err(|error| Broken::Device(error.to_string()))?;
    Ok(data.iter::<f32>().collect())
}

/// Hands out the validation batches in order, each with `model`'s logits about it, `[N, C, H, W]`
/// (model and device as for [`super::evaluate::validate`]). Where samples are windows of larger images,
/// logits are those of the whole image, blended from overlapping windows.
///
/// # Errors
/// The first that `with` returns, or `fail` of what went wrong.
pub fn each_answer<E>(
    model: &UNet,
    loader: &Loader,
    classes: usize,
    device: &Device,
    fail: impl Fn(Broken) -> E,
    mut with: impl FnMut(usize, Batch, Tensor<4>) -> Result<(), E>,
) -> Result<(), E> {
    let full = loader.batch();
    let answer = |batch: &Batch| read(forward_padded(model, batch, full, device));
    let mut mosaic: Option<Mosaic> = None;
    let mut done = 0;
    let unread = |error| fail(Broken::Data(error));
    each_val_batch(loader, unread, |index, batch| {
        let [n, _, h, w] = batch.shape;
        let logits = if loader.crops() {
            let mut logits = Vec::with_capacity(n * classes * h * w);
            for row in done..done + n {
                let Some((item, window)) = loader.val_window(row) else {
                    continue;
                };
                let mosaic = match &mut mosaic {
                    Some(mosaic) if mosaic.whole().item() == item => mosaic,
                    other => {
                        other.insert(Mosaic::new(loader.whole(item).map_err(unread)?, classes))
                    }
                };
                logits.extend(mosaic.window(window, &answer).map_err(&fail)?);
            }
            Tensor::from_data(TensorData::new(logits, [n, classes, h, w]), device)
        } else {
            forward_padded(model, &batch, full, device)
        };
        done += n;
        with(index, batch, logits)
    })
}

/// Labels and doubt for each pixel of one image.
#[derive(Debug, Default)]
pub struct Seen {
    /// `[H, W]`, most probable class.
    pub labels: Vec<u8>,
    /// `[H, W]`, entropy in 0..=255 of its maximum.
    pub entropy: Vec<u8>,
}

impl Seen {
    /// The next pixels; `logits` are `[C, pixels]`.
    fn add(&mut self, logits: &[f32], classes: usize, activation: OutputActivation) {
        let pixels = logits.len() / classes.max(1);
        let mut scores = vec![0f32; classes];
        for pixel in 0..pixels {
            for (class, score) in scores.iter_mut().enumerate() {
                *score = logits[class * pixels + pixel];
            }
            self.labels.push(largest(&scores));
            self.entropy.push(doubt(&mut scores, activation));
        }
    }
}

/// Looks at the first image of `batch` (model and device as for [`super::evaluate::validate`]).
///
/// # Errors
/// When the device fails.
pub fn predict(
    model: &UNet,
    batch: &Batch,
    activation: OutputActivation,
    device: &Device,
) -> Result<Seen, Broken> {
    let [n, _, h, w] = batch.shape;
    let logits = read(forward(model, batch, device))?;
    let classes = logits.len() / (n * h * w).max(1);
    let mut seen = Seen::default();
    seen.add(&logits[..classes * h * w], classes, activation);
    Ok(seen)
}

/// Looks at an image at its own size, through overlapping windows.
///
/// # Errors
/// When the image can't be read or the device fails.
pub fn predict_whole(
    model: &UNet,
    whole: Whole,
    classes: usize,
    activation: OutputActivation,
    device: &Device,
) -> Result<Seen, Broken> {
    let answer = |batch: &Batch| read(forward(model, batch, device));
    let height = whole.size()[1];
    let mut mosaic = Mosaic::new(whole, classes);
    let mut seen = Seen::default();
    for y in 0..height {
        seen.add(&mosaic.row(y, &answer)?, classes, activation);
    }
    Ok(seen)
}

/// Index of the largest value; the first of equals.
fn largest(scores: &[f32]) -> u8 {
    let mut best = 0;
    for (class, score) in scores.iter().enumerate() {
        if *score > scores[best] {
            best = class;
        }
    }
    best as u8
}

/// Entropy of what the logits mean as probabilities, in 0..=255 of ln C. Independent sigmoids are
/// scaled to sum to 1 first.
pub(super) fn doubt(scores: &mut [f32], activation: OutputActivation) -> u8 {
    if scores.len() < 2 {
        return 0;
    }
    let highest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    for score in scores.iter_mut() {
        *score = match activation {
            OutputActivation::Sigmoid => 1.0 / (1.0 + (-*score).exp()),
            OutputActivation::Softmax | OutputActivation::None => (*score - highest).exp(),
        };
    }
    let sum: f32 = scores.iter().sum();
    let entropy: f32 = scores
        .iter()
        .map(|score| score / sum)
        .filter(|p| *p > 0.0)
        .map(|p| -p * p.ln())
        .sum();
    let share = entropy / (scores.len() as f32).ln();
    (share.clamp(0.0, 1.0) * 255.0).round() as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_logits_are_full_doubt_and_a_clear_winner_is_none() {
        for activation in [OutputActivation::Softmax, OutputActivation::Sigmoid] {
            assert_eq!(doubt(&mut [2.0; 4], activation), 255);
        }
        assert_eq!(doubt(&mut [100.0, 0.0, 0.0], OutputActivation::Softmax), 0);
        // One of two at probability 1/2 each out of four: ln 2 / ln 4 is half.
        let mut scores = [0.0, 0.0, -100.0, -100.0];
        assert_eq!(doubt(&mut scores, OutputActivation::Softmax), 128);
        assert_eq!(doubt(&mut [3.0], OutputActivation::Softmax), 0);
    }

    #[test]
    fn the_first_of_equals_is_the_label() {
        assert_eq!(largest(&[1.0, 3.0, 3.0]), 1);
    }
}
