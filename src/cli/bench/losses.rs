//! `dicebench bench loss`: what each family of losses costs, as a share of the training step that it
//! is part of, measured in the same run.

use std::process::ExitCode;
use std::time::Instant;

use burn::prelude::*;
use serde::Serialize;

use super::{CLASSES, blobs, median, numbers, step, yardstick};
use crate::loss::config::KINDS;
use crate::loss::{LOSSES, LossConfig, LossContext, LossFn, OutputActivation, Prediction, Target};
use crate::train::device;

/// Per cent of a training step that a loss should stay under.
const GOAL: f64 = 5.0;

#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Width and height of the images in pixels; a multiple of 16.
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u64).range(16..=2048))]
    pub size: u64,
    /// Images per step.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=512))]
    pub batch: u64,
    /// Channels of the network's first level.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u64).range(1..=128))]
    pub base: u64,
    /// Passes of each loss, and training steps, that are timed; the median counts.
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub steps: u64,
    /// Only these kinds of loss, as `dicebench losses` names them; may be given several times.
    #[arg(long = "kind", value_name = "KIND", value_parser = clap::builder::PossibleValuesParser::new(KINDS))]
    pub kinds: Vec<String>,
    /// `cpu`, or a name that `dicebench devices` lists.
    #[arg(long, default_value = "cpu")]
    pub device: String,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Serialize)]
struct Report {
    bench: &'static str,
    device: String,
    batch: u64,
    size: u64,
    classes: usize,
    /// A training step without its loss, milliseconds.
    step_ms: f64,
    goal_percent: f64,
    losses: Vec<Cost>,
}

#[derive(Debug, Serialize)]
struct Cost {
    kind: &'static str,
    family: &'static str,
    /// Forward and backward, milliseconds.
    ms: f64,
    /// Of the step that has this loss.
    percent: f64,
}

pub fn run(args: &Args) -> ExitCode {
    super::tell(report(args), args.json, print)
}

fn report(args: &Args) -> Result<Report, String> {
    let args_of_step = step::Args {
        batch: args.batch,
        size: args.size,
        base: args.base,
        depth: 4,
        steps: args.steps,
        warmup: 2,
        checkpointing: false,
        threads: None,
        scaling: false,
        device: args.device.clone(),
        loss: None,
        json: false,
    };
    let whole = step::measure(&args_of_step, true)?;
    let (plain, info) = device::open(&args.device)?;
    let device = plain.autodiff();
    let (n, s) = (args.batch as usize, args.size as usize);
    let logits: Vec<f32> = numbers(n * CLASSES * s * s, 3)
        .map(|unit| (unit - 0.5) * 6.0)
        .collect();
    let logits = TensorData::new(logits, [n, CLASSES, s, s]);
    let target = Target::from_labels(&blobs(n, s), [n, s, s], CLASSES, &device);
    // The loader makes these beside the images.
    let _ = target.border_distances();
    let time = |loss: &dyn LossFn| -> Result<f64, String> {
        let mut millis = Vec::new();
        for index in 0..=args.steps {
            let prediction = Prediction {
                logits: Tensor::from_data(logits.clone(), &device).require_grad(),
                activation: OutputActivation::Softmax,
            };
            // The upload is not the loss's.
            let _ = prediction
                .logits
                .clone()
                .narrow(0, 0, 1)
                .sum()
                .try_into_data();
            let start = Instant::now();
            pass(loss, &prediction, &target)?;
            if index > 0 {
                millis.push(start.elapsed().as_secs_f64() * 1e3);
            }
        }
        millis.sort_by(f64::total_cmp);
        Ok(median(&millis))
    };
    let own = time(&*yardstick::build_loss(None, &device)?)?;
    let step_ms = (whole.median_ms - own).max(0.0);
    let context = LossContext {
        num_classes: CLASSES,
        class_weights: Vec::new(),
        device: device.clone(),
    };
    let mut losses = Vec::new();
    let asked = |kind: &&&str| args.kinds.is_empty() || args.kinds.iter().any(|k| k == **kind);
    for kind in KINDS.iter().filter(asked) {
        let config = LossConfig::of_kind(kind).map_err(|error| error.to_string())?;
        let loss = config.build(&context).map_err(|error| error.to_string())?;
        let ms = time(&*loss)?;
        losses.push(Cost {
            kind,
            family: LOSSES
                .iter()
                .find(|info| info.kind == *kind)
                .map_or("", |info| info.family),
            ms,
            percent: 100.0 * (ms / (step_ms + ms)),
        });
    }
    Ok(Report {
        bench: "loss",
        device: info.name,
        batch: args.batch,
        size: args.size,
        classes: CLASSES,
        step_ms,
        goal_percent: GOAL,
        losses,
    })
}

/// Forward and backward; one number of the gradient is read, so that the work is done.
fn pass(loss: &dyn LossFn, prediction: &Prediction, target: &Target) -> Result<(), String> {
    let grads = loss.forward(prediction, target).backward();
    let Some(grad) = prediction.logits.grad(&grads) else {
        return Ok(());
    };
    let one = grad.reshape([-1]).narrow(0, 0, 1).try_into_data();
    one.map(|_| ()).map_err(|error| error.to_string())
}

fn print(report: &Report) {
    println!(
        "{} × {} classes × {}×{} on {}; a training step without its loss takes {:.1} ms",
        report.batch, report.classes, report.size, report.size, report.device, report.step_ms
    );
    println!("{:<24} {:<12} {:>9} {:>8}", "loss", "family", "ms", "share");
    for cost in &report.losses {
        let over = match cost.percent > report.goal_percent {
            true => format!("  over {} %", report.goal_percent),
            false => String::new(),
        };
        println!(
            "{:<24} {:<12} {:>9.2} {:>6.1} %{over}",
            cost.kind, cost.family, cost.ms, cost.percent
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_loss_has_a_cost_and_a_share() {
        let report = report(&Args {
            size: 16,
            batch: 1,
            base: 2,
            steps: 1,
            kinds: Vec::new(),
            device: "cpu".to_owned(),
            json: false,
        })
        .unwrap();
        let kinds: Vec<&str> = report.losses.iter().map(|cost| cost.kind).collect();
        assert_eq!(kinds, KINDS);
        for cost in &report.losses {
            assert!(cost.ms > 0.0 && cost.percent <= 100.0, "{cost:?}");
        }
    }
}
