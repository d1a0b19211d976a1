//! What a network in evaluation mode says: scores over the validation set, and one image's labels.

use burn::prelude::*;
use burn::tensor::Transaction;
use rayon::prelude::*;

use super::feed::each_val_batch;
use super::late::Reading;
use super::learner::Broken;
use crate::data::Batch;
use crate::data::loader::Loader;
use crate::doctor::rules::Probe;
use crate::loss::{LossFn, OutputActivation, Prediction, Target};
use crate::model::UNet;
use crate::model::kernels::extension;
use crate::run::RunEvent;
use crate::run::calibration::{BINS, Calibration};
use crate::run::metrics::{Confusion, mean};
use crate::run::pictures::Kept;

/// Scores over a whole validation set.
pub struct Scores {
    /// Mean over the images.
    pub loss: f64,
    pub mean_dice: Option<f64>,
    pub dice: Vec<Option<f64>>,
    pub confusion: Confusion,
    pub per_image: Vec<Confusion>,
    pub calibration: Calibration,
    /// The images that were asked for.
    pub kept: Vec<Kept>,
}

impl Scores {
    #[must_use]
    pub fn into_event(self, step: u64, secs: f64) -> RunEvent {
        RunEvent::Validated {
            step,
            loss: self.loss,
            dice: self.dice,
            mean_dice: self.mean_dice,
            confusion: self.confusion,
            per_image: self.per_image,
            calibration: self.calibration,
            secs,
        }
    }
}

/// Scores `model` (in evaluation mode, without autodiff, as is `device`), and keeps what it says
/// about the images at the places `keep` (ascending) of the split.
///
/// # Errors
/// When images can't be read, the device fails, or the loss is not finite.
pub fn validate(
    model: &UNet,
    loader: &Loader,
    classes: usize,
    activation: OutputActivation,
    loss: &dyn LossFn,
    device: &Device,
    keep: &[usize],
) -> Result<Scores, Broken> {
    let mut kept: Vec<Kept> = Vec::new();
    // Images in windows take several rows: the first stands for the image.
    let rows: Vec<usize> = (keep.iter())
        .filter_map(|&place| loader.val_row(place))
        .collect();
    let mut confusion = Confusion::new(classes);
    let mut per_image: Vec<Confusion> = Vec::new();
    let mut calibration = Calibration::new(BINS);
    let (mut sum, mut images) = (0.0, 0usize);
    let mut last_item = None;
    each_val_batch(loader, Broken::Data, |index, batch| {
        let [n, _, h, w] = batch.shape;
        let logits = forward_padded(model, &batch, loader.batch(), device);
        let target = Target::of_batch(&batch, 0..n, classes, device);
        let labels = logits.clone().argmax(1);
        let confidence = confidence(logits.clone(), activation);
        // Doubt needs all logits read back: only where a picture is kept.
        let wanted = rows.iter().any(|at| (images..images + n).contains(at));
        let raw = wanted.then(|| logits.clone());
        let prediction = Prediction { logits, activation };
        let value = loss.forward(&prediction, &target);
        let mut transaction = Transaction::default()
            .register(value)
            .register(labels)
            .register(confidence);
        if let Some(raw) = raw {
            transaction = transaction.register(raw);
        }
        let read = Reading::start(transaction)
            .wait()
            .map_err(|error| Broken::Device(error.to_string()))?;
        let [value, labels, confidence, raw @ ..] = &read[..] else {
            return Err(Broken::Device("a read-back is missing".to_owned()));
        };
        let value = value.iter::<f32>().next().map_or(f64::NAN, f64::from);
        if !value.is_finite() {
            let message = format!("the loss of validation batch {index} is {value}");
            return Err(Broken::NotFinite(message));
        }
        sum += value * n as f64;
        let labels: Vec<u8> = labels.iter::<u8>().collect();
        let answers = batch.labels.iter().zip(&labels);
        for ((truth, answer), confidence) in answers.zip(confidence.iter::<f32>()) {
            if usize::from(*truth) < classes {
                calibration.add(f64::from(confidence), truth == answer);
            }
        }
        let planes = batch.labels.chunks(h * w).zip(labels.chunks(h * w));
        for ((truth, predicted), &item) in planes.zip(&batch.items) {
            let mut one = Confusion::new(classes);
            one.add(truth, predicted);
            confusion.merge(&one);
            // Windows of one image follow one another: together they are that image.
            match per_image.last_mut() {
                Some(image) if last_item == Some(item) => Confusion::merge(image, &one),
                _ => per_image.push(one),
            }
            last_item = Some(item);
        }
        if let Some(raw) = raw.first() {
            let raw: Vec<f32> = raw.iter::<f32>().collect();
            let size = [h, w];
            kept.extend(pictures(
                &raw,
                &labels,
                &batch.labels,
                size,
                classes,
                activation,
                images,
                &rows,
            ));
        }
        images += n;
        Ok(())
    })?;
    for one in &mut kept {
        let row = rows.iter().position(|row| *row == one.position);
        if let Some(place) = row.and_then(|at| keep.get(at)) {
            one.position = *place;
        }
    }
    let dice = confusion.dice();
    Ok(Scores {
        loss: sum / images.max(1) as f64,
        mean_dice: mean(&dice),
        dice,
        confusion,
        per_image,
        calibration,
        kept,
    })
}

/// `[N, 1, H, W]`: what the most probable class of each pixel is given, as the network means it.
fn confidence(logits: Tensor<4>, activation: OutputActivation) -> Tensor<4> {
    let highest = logits.clone().max_dim(1);
    match activation {
        OutputActivation::Sigmoid => burn::tensor::activation::sigmoid(highest),
        OutputActivation::Softmax | OutputActivation::None => {
            (logits - highest).exp().sum_dim(1).recip()
        }
    }
}

/// The wanted images of a batch whose first is the `first` of the split.
#[expect(clippy::too_many_arguments, reason = "a batch is this many arrays")]
fn pictures(
    logits: &[f32],
    labels: &[u8],
    truth: &[u8],
    [height, width]: [usize; 2],
    classes: usize,
    activation: OutputActivation,
    first: usize,
    keep: &[usize],
) -> Vec<Kept> {
    let plane = height * width;
    let count = labels.len() / plane.max(1);
    let wanted = keep.iter().filter(|at| (first..first + count).contains(at));
    let wanted: Vec<usize> = wanted.copied().collect();
    (wanted.into_par_iter())
        .map(|position| {
            let at = position - first;
            let own = &logits[at * classes * plane..(at + 1) * classes * plane];
            let mut scores = vec![0f32; classes];
            let doubt = |pixel: usize| {
                for (class, score) in scores.iter_mut().enumerate() {
                    *score = own[class * plane + pixel];
                }
                doubt(&mut scores, activation)
            };
            Kept {
                position,
                width,
                height,
                truth: truth[at * plane..(at + 1) * plane].to_vec(),
                labels: labels[at * plane..(at + 1) * plane].to_vec(),
                doubt: (0..plane).map(doubt).collect(),
            }
        })
        .collect()
}

fn forward(model: &UNet, batch: &Batch, device: &Device) -> Tensor<4> {
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

/// The batch just trained on, in both modes: `trained` are the logits that training saw, on the
/// weights before the step; `model` and `device` as for [`validate`].
///
/// # Errors
/// When the device fails.
pub fn probe(
    model: &UNet,
    batch: &Batch,
    trained: Tensor<4>,
    classes: usize,
    device: &Device,
    step: u64,
) -> Result<Probe, Broken> {
    let evaluated = forward(model, batch, device).argmax(1);
    let [n, c, h, w] = trained.dims();
    let planes = trained.clone().swap_dims(0, 1).reshape([c, n * h * w]);
    let centred = planes.clone() - planes.mean_dim(1);
    let spread = centred.square().mean_dim(1).max().sqrt();
    let transaction = Transaction::default()
        .register(trained.argmax(1))
        .register(evaluated)
        .register(spread);
    let read = Reading::start(transaction)
        .wait()
        .map_err(|error| Broken::Device(error.to_string()))?;
    let [trained, evaluated, spread] = &read[..] else {
        return Err(Broken::Device("a read-back is missing".to_owned()));
    };
    let dice = |labels: &TensorData| {
        let labels: Vec<u8> = labels.iter::<u8>().collect();
        let mut confusion = Confusion::new(classes);
        confusion.add(&batch.labels, &labels);
        mean(&confusion.dice())
    };
    Ok(Probe {
        step,
        train_dice: dice(trained),
        eval_dice: dice(evaluated),
        spread: spread.iter::<f32>().next().map_or(f64::NAN, f64::from),
    })
}

/// What is not finite first when each image of `batch` is answered alone (input, output or loss), and
/// which images show it; `None` when no image alone does.
pub fn culprits(
    model: &UNet,
    batch: &Batch,
    classes: usize,
    activation: OutputActivation,
    loss: &dyn LossFn,
    device: &Device,
) -> Option<(&'static str, Vec<usize>)> {
    let [n, c, h, w] = batch.shape;
    let (values, pixels) = (c * h * w, h * w);
    let mut found: [Vec<usize>; 3] = Default::default();
    for at in 0..n {
        let image = &batch.images[at * values..(at + 1) * values];
        if image.iter().any(|value| !value.is_finite()) {
            found[0].push(at);
            continue;
        }
        let input = TensorData::new(image.to_vec(), [1, c, h, w]);
        let logits = model.forward(Tensor::from_data(input, device));
        let labels = &batch.labels[at * pixels..(at + 1) * pixels];
        let target = Target::from_labels(labels, [1, h, w], classes, device);
        let finite = |data: &TensorData| data.iter::<f32>().all(f32::is_finite);
        let output = logits.clone().try_into_data().ok()?;
        if !finite(&output) {
            found[1].push(at);
            continue;
        }
        let value = loss.forward(&Prediction { logits, activation }, &target);
        if !finite(&value.try_into_data().ok()?) {
            found[2].push(at);
        }
    }
    let kinds = [
        "the input is not finite",
        "the output is not finite",
        "the loss is not finite",
    ];
    let first = kinds
        .into_iter()
        .zip(found)
        .find(|(_, at)| !at.is_empty())?;
    Some(first)
}

/// Labels and doubt for each pixel of one image.
pub struct Seen {
    /// `[H, W]`, most probable class.
    pub labels: Vec<u8>,
    /// `[H, W]`, entropy in 0..=255 of its maximum.
    pub entropy: Vec<u8>,
}

/// Looks at the first image of `batch` (model and device as for [`validate`]).
///
/// # Errors
/// When the device fails.
pub fn predict(
    model: &UNet,
    batch: &Batch,
    activation: OutputActivation,
    device: &Device,
) -> Result<Seen, String> {
    let [_, _, h, w] = batch.shape;
    let logits = forward(model, batch, device)
        .try_into_data()
        .map_err(|error| error.to_string())?;
    let logits: Vec<f32> = logits.iter::<f32>().collect();
    let classes = logits.len() / (batch.shape[0] * h * w).max(1);
    let plane = h * w;
    let mut scores = vec![0f32; classes];
    let (mut labels, mut entropy) = (Vec::with_capacity(plane), Vec::with_capacity(plane));
    for pixel in 0..plane {
        for (class, score) in scores.iter_mut().enumerate() {
            *score = logits[class * plane + pixel];
        }
        labels.push(largest(&scores));
        entropy.push(doubt(&mut scores, activation));
    }
    Ok(Seen { labels, entropy })
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
fn doubt(scores: &mut [f32], activation: OutputActivation) -> u8 {
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
