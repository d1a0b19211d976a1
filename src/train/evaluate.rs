//! What a network in evaluation mode is worth: scores over the validation set.

use std::collections::BTreeMap;

use burn::prelude::*;
use burn::tensor::Transaction;
use rayon::prelude::*;

use super::answers::{doubt, each_answer, forward};
use super::late::Reading;
use super::learner::Broken;
use crate::data::loader::Loader;
use crate::data::{Batch, IGNORE};
use crate::doctor::rules::Probe;
use crate::loss::{LossFn, OutputActivation, Prediction, Target};
use crate::model::UNet;
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
    // Rows of the batches, with the place of their image; an image in windows takes several.
    let places: BTreeMap<usize, usize> = (keep.iter())
        .flat_map(|&place| loader.val_rows(place).map(move |row| (row, place)))
        .collect();
    let mut confusion = Confusion::new(classes);
    let mut per_image: Vec<Confusion> = Vec::new();
    let mut calibration = Calibration::new(BINS);
    let (mut sum, mut images) = (0.0, 0usize);
    let mut last_item = None;
    let broken = |broken| broken;
    each_answer(
        model,
        loader,
        classes,
        device,
        broken,
        |index, batch, logits| {
            let [n, _, h, w] = batch.shape;
            let target = Target::of_batch(&batch, 0..n, classes, device);
            let labels = logits.clone().argmax(1);
            let confidence = confidence(logits.clone(), activation);
            // Doubt needs all logits read back: only where a picture is kept.
            let wanted: Vec<usize> = places
                .range(images..images + n)
                .map(|(row, _)| *row)
                .collect();
            let raw = (!wanted.is_empty()).then(|| logits.clone());
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
                let truth = &batch.labels;
                let found = pictures(
                    &raw, &labels, truth, size, classes, activation, images, &wanted,
                );
                for one in found {
                    keep_part(&mut kept, loader, places[&one.position], one);
                }
            }
            images += n;
            Ok(())
        },
    )?;
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

/// Adds what was answered about a row of the batches, which is the image at `place` of the split or a
/// window of it.
fn keep_part(kept: &mut Vec<Kept>, loader: &Loader, place: usize, part: Kept) {
    let Some((item, window)) = loader.val_window(part.position) else {
        kept.push(Kept {
            position: place,
            ..part
        });
        return;
    };
    // Windows of one image follow one another.
    if kept.last().is_none_or(|last| last.position != place) {
        let [width, height] = loader.own_size(item);
        kept.push(Kept {
            position: place,
            width,
            height,
            truth: vec![IGNORE; width * height],
            labels: vec![0; width * height],
            doubt: vec![0; width * height],
        });
    }
    let Some(image) = kept.last_mut() else { return };
    let [[from_x, to_x], [from_y, to_y]] = window.owned;
    for y in from_y..to_y {
        for x in from_x..to_x {
            let (left, top) = (window.left + x as isize, window.top + y as isize);
            let inside = (0..image.width as isize).contains(&left)
                && (0..image.height as isize).contains(&top);
            if inside {
                let (to, from) = (
                    top as usize * image.width + left as usize,
                    y * part.width + x,
                );
                image.truth[to] = part.truth[from];
                image.labels[to] = part.labels[from];
                image.doubt[to] = part.doubt[from];
            }
        }
    }
}

/// The wanted rows (ascending) of a batch whose first is the `first` of all.
#[expect(clippy::too_many_arguments, reason = "a batch is this many arrays")]
fn pictures(
    logits: &[f32],
    labels: &[u8],
    truth: &[u8],
    [height, width]: [usize; 2],
    classes: usize,
    activation: OutputActivation,
    first: usize,
    wanted: &[usize],
) -> Vec<Kept> {
    let plane = height * width;
    (wanted.par_iter())
        .map(|&position| {
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
