//! `dicebench bench`: how fast a training step is here, beside the same step elsewhere.

mod doctor;
mod frame;
mod loader;
mod losses;
mod room;
mod runs;
mod xray;

use std::process::ExitCode;
use std::time::Instant;

use burn::prelude::*;
use burn::tensor::activation::{log_softmax, softmax};
use serde::Serialize;

use crate::experiment::TrainConfig;
use crate::experiment::train_config::Optimizer;
use crate::loss::{LossFn, OutputActivation, Prediction, Target};
use crate::model::UNet;
use crate::model::config::{ModelConfig, Upsampling};
use crate::model::kernels::threads::Workers;
use crate::train::device;
use crate::train::learner::{Broken, Learner};

/// Classes of the yardstick.
const CLASSES: usize = 5;
/// Image channels of the yardstick.
const CHANNELS: usize = 3;

/// Measure how fast this machine trains.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum Bench {
    /// A full training step: forward, loss (softmax cross-entropy + soft Dice), backward, Adam, on
    /// a U-Net with transposed convolutions and batch normalisation, 3 channels in, 5 classes.
    Step(BenchArgs),
    /// Forward alone, in evaluation mode.
    Infer(BenchArgs),
    /// Forward and backward of every kind of loss, as a share of a training step.
    Loss(losses::Args),
    /// Feeding: decoding, resizing, varying; next to how much a trainer eats.
    Loader(loader::Args),
    /// The real window beside a training: how long frames take, and what it costs the training.
    Frame(frame::Args),
    /// The window: opening a large folder, and scrolling through its images.
    Room(room::Args),
    /// The window: listing very many recorded runs, and drawing their curves.
    Runs(runs::Args),
    /// The X-ray and the response curves of a loss on a dataset.
    Xray(xray::Args),
    /// How often the doctor speaks about healthy configurations: its false alarms.
    Doctor(doctor::Args),
}

#[derive(Debug, Clone, clap::Args)]
pub struct BenchArgs {
    /// Images per step.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=512))]
    pub batch: u64,
    /// Width and height of the images in pixels; a multiple of 2^depth.
    #[arg(long, default_value_t = 128, value_parser = clap::value_parser!(u64).range(2..=2048))]
    pub size: u64,
    /// Channels of the first level.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u64).range(1..=128))]
    pub base: u64,
    /// Poolings between the top and the bottom.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=6))]
    pub depth: u64,
    /// Steps that are timed.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub steps: u64,
    /// Steps before them, not counted.
    #[arg(long, default_value_t = 2)]
    pub warmup: u64,
    /// `auto`, `cpu`, or a name that `dicebench devices` lists.
    #[arg(long, default_value = "cpu")]
    pub device: String,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub json: bool,
}

/// What a measurement found; times are milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BenchReport {
    pub bench: &'static str,
    pub device: String,
    pub parameters: u64,
    pub batch: u64,
    pub size: u64,
    pub base: u64,
    pub depth: u64,
    pub steps: u64,
    pub median_ms: f64,
    pub min_ms: f64,
    pub max_ms: f64,
    /// Loss of the first and of the last step; absent where nothing is trained.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_loss: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_loss: Option<f64>,
}

/// Runs the measurement and prints it.
#[must_use]
pub fn run(bench: &Bench) -> ExitCode {
    let _workers = Workers::join();
    let (args, result) = match bench {
        Bench::Loss(args) => return losses::run(args),
        Bench::Loader(args) => return loader::run(args),
        Bench::Frame(args) => return frame::run(args),
        Bench::Room(args) => return room::run(args),
        Bench::Runs(args) => return runs::run(args),
        Bench::Xray(args) => return xray::run(args),
        Bench::Doctor(args) => return doctor::run(args),
        Bench::Step(args) => (args, measure(args, true)),
        Bench::Infer(args) => (args, measure(args, false)),
    };
    tell(result, args.json, print)
}

/// Prints what was measured, as JSON or by `print`.
fn tell<R: Serialize>(result: Result<R, String>, as_json: bool, print: impl Fn(&R)) -> ExitCode {
    match result {
        Ok(report) if as_json => super::print_json(&report),
        Ok(report) => {
            print(&report);
            ExitCode::SUCCESS
        }
        Err(message) => super::failed(&message),
    }
}

fn print(report: &BenchReport) {
    println!(
        "{} on {}: {} parameters, {} × {}×{}",
        report.bench, report.device, report.parameters, report.batch, report.size, report.size
    );
    println!(
        "median {:.1} ms, min {:.1} ms, max {:.1} ms over {} steps",
        report.median_ms, report.min_ms, report.max_ms, report.steps
    );
    if let (Some(first), Some(last)) = (report.first_loss, report.last_loss) {
        println!("loss {first:.4} → {last:.4}");
    }
}

/// Times `args.steps` steps on random pixels and labels.
///
/// # Errors
/// When the size does not fit the depth or the device can't be used.
pub fn measure(args: &BenchArgs, train: bool) -> Result<BenchReport, String> {
    let multiple = 1u64 << args.depth;
    if !args.size.is_multiple_of(multiple) {
        return Err(format!(
            "--size {} does not fit --depth {}: expected a multiple of {multiple}",
            args.size, args.depth
        ));
    }
    let (plain, info) = device::open(&args.device)?;
    let device = if train { plain.autodiff() } else { plain };
    let config = ModelConfig {
        depth: args.depth,
        base: args.base,
        upsampling: Upsampling::Transposed,
        ..ModelConfig::default()
    };
    let net = UNet::new(&config, CHANNELS, CLASSES, 1, &device);
    let parameters = net.parameters();
    let images = noise(args, &device);
    let mut losses = Vec::new();
    let mut millis = Vec::new();
    let mut step: Box<dyn FnMut() -> Result<Option<f64>, String>> = if train {
        let mut learner = Learner::new(net, &yardstick_training());
        let target = random_target(args, &device);
        Box::new(move || {
            let softmax = OutputActivation::Softmax;
            learner
                .step(images.clone(), None, softmax, &target, &Yardstick, 1e-3)
                .map(|measured| Some(measured.loss))
                .map_err(|broken| match broken {
                    Broken::NotFinite(message) | Broken::Device(message) => message,
                    Broken::Data(error) => error.to_string(),
                })
        })
    } else {
        Box::new(move || {
            let logits = net.forward(images.clone());
            // One number is read back, so that the work is done when the clock stops.
            let read = logits.max().try_into_data();
            read.map(|_| None).map_err(|error| error.to_string())
        })
    };
    for index in 0..args.warmup + args.steps {
        let start = Instant::now();
        losses.extend(step()?);
        if index >= args.warmup {
            millis.push(start.elapsed().as_secs_f64() * 1e3);
        }
    }
    millis.sort_by(f64::total_cmp);
    Ok(BenchReport {
        bench: if train { "step" } else { "infer" },
        device: info.name,
        parameters,
        batch: args.batch,
        size: args.size,
        base: args.base,
        depth: args.depth,
        steps: args.steps,
        median_ms: median(&millis),
        min_ms: millis.first().copied().unwrap_or(0.0),
        max_ms: millis.last().copied().unwrap_or(0.0),
        first_loss: losses.first().copied(),
        last_loss: losses.last().copied(),
    })
}

/// Middle of sorted values, or the mean of the two in the middle.
fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => 0.0,
        n if n.is_multiple_of(2) => f64::midpoint(sorted[middle - 1], sorted[middle]),
        _ => sorted[middle],
    }
}

fn yardstick_training() -> TrainConfig {
    TrainConfig {
        optimizer: Optimizer::Adam,
        clip_norm: 0.0,
        ..TrainConfig::default()
    }
}

/// Pseudo-random numbers in 0..1: what the pixels are does not matter for the time, only that they
/// are the same each time.
fn numbers(count: usize, seed: u32) -> impl Iterator<Item = f32> {
    let mut state = seed;
    (0..count).map(move |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1u32 << 24) as f32
    })
}

/// `[N, 3, S, S]`, zero mean and unit deviation.
fn noise(args: &BenchArgs, device: &Device) -> Tensor<4> {
    let (n, s) = (args.batch as usize, args.size as usize);
    let values: Vec<f32> = numbers(n * CHANNELS * s * s, 1)
        .map(|unit| (unit - 0.5) * 12f32.sqrt())
        .collect();
    Tensor::from_data(TensorData::new(values, [n, CHANNELS, s, s]), device)
}

/// A class at random for every pixel.
fn random_target(args: &BenchArgs, device: &Device) -> Target {
    let (n, s) = (args.batch as usize, args.size as usize);
    let pixels = s * s;
    let labels: Vec<u8> = numbers(n * pixels, 2)
        .map(|unit| (unit * CLASSES as f32) as u8)
        .collect();
    Target::from_labels(&labels, [n, s, s], CLASSES, device)
}

/// `[N, S, S]` labels as masks have them: tiles of all classes, moved from image to image.
fn blobs(n: usize, s: usize) -> Vec<u8> {
    let tile = (s / 6).max(1);
    let label = |at: usize| {
        let (image, y, x) = (at / (s * s), at / s % s, at % s);
        (((y + 5 * image) / tile + (x + 3 * image) / tile) % CLASSES) as u8
    };
    (0..n * s * s).map(label).collect()
}

/// Mean cross-entropy + 1 − mean over the classes of (2·Σpt + 1) / (Σp + Σt + 1), softmax: the
/// loss that the same step in other frameworks is timed with.
struct Yardstick;

impl LossFn for Yardstick {
    fn forward(&self, prediction: &Prediction, target: &Target) -> Tensor<1> {
        let [n, classes, h, w] = prediction.logits.dims();
        let pixels = (n * h * w) as f64;
        let log_probs = log_softmax(prediction.logits.clone(), 1);
        let cross_entropy = (log_probs * target.one_hot.clone()).sum() / -pixels;
        let probs = softmax(prediction.logits.clone(), 1);
        let per_class = |x: Tensor<4>| {
            let x = x.reshape([n, classes, h * w]).sum_dim(2).sum_dim(0);
            x.reshape([classes])
        };
        let overlap = per_class(probs.clone() * target.one_hot.clone());
        let total = per_class(probs) + per_class(target.one_hot.clone());
        let dice = (overlap * 2.0 + 1.0) / (total + 1.0);
        cross_entropy + 1.0 - dice.mean()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tiny() -> BenchArgs {
        BenchArgs {
            batch: 2,
            size: 16,
            base: 4,
            depth: 2,
            steps: 8,
            warmup: 1,
            device: "cpu".to_owned(),
            json: false,
        }
    }

    #[test]
    fn training_steps_lower_the_loss_and_times_are_ordered() {
        let report = measure(&tiny(), true).unwrap();
        assert!(report.min_ms > 0.0);
        assert!(report.min_ms <= report.median_ms && report.median_ms <= report.max_ms);
        assert!(report.last_loss.unwrap() < report.first_loss.unwrap());
    }

    /// With equal logits every class has probability 1/5: cross-entropy ln 5, and Dice of classes
    /// of a fifth of the pixels each is (2·n/25 + 1) / (2·n/5 + 1).
    #[test]
    fn the_loss_of_equal_logits_is_known() {
        let device = Device::flex();
        let labels: Vec<u8> = (0..100).map(|i| (i % CLASSES) as u8).collect();
        let target = Target::from_labels(&labels, [1, 10, 10], CLASSES, &device);
        let prediction = Prediction {
            logits: Tensor::zeros([1, CLASSES, 10, 10], &device),
            activation: OutputActivation::Softmax,
        };
        let loss = Yardstick.forward(&prediction, &target).into_scalar::<f32>();
        let expected = 5f64.ln() + 1.0 - (2.0 * 4.0 + 1.0) / (20.0 + 20.0 + 1.0);
        assert!((f64::from(loss) - expected).abs() < 1e-5, "{loss}");
    }

    #[test]
    fn a_size_that_does_not_halve_often_enough_is_refused() {
        let args = BenchArgs { size: 18, ..tiny() };
        let message = measure(&args, true).unwrap_err();
        assert!(message.contains("18") && message.contains('4'), "{message}");
    }

    #[test]
    fn inference_has_no_loss() {
        let report = measure(&tiny(), false).unwrap();
        assert_eq!(report.last_loss, None);
        assert_eq!(report.bench, "infer");
    }

    #[test]
    fn median_of_even_and_odd_counts() {
        assert_eq!(median(&[1.0, 2.0, 10.0]), 2.0);
        assert_eq!(median(&[1.0, 2.0, 4.0, 10.0]), 3.0);
    }
}
