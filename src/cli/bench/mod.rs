//! `dicebench bench`: how fast everything that takes time is on this machine.

mod doctor;
mod frame;
mod loader;
mod losses;
mod room;
mod runs;
mod step;
mod xray;
mod yardstick;

use std::process::ExitCode;

use serde::Serialize;

use crate::model::kernels::threads::Workers;
use crate::train::device;

/// Classes of the yardstick.
const CLASSES: usize = 5;

/// Measure how fast this machine trains.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum Bench {
    /// A full training step: forward, loss (softmax cross-entropy + soft Dice), backward, Adam, on
    /// a U-Net with transposed convolutions and batch normalisation, 3 channels in, 5 classes.
    Step(step::Args),
    /// Forward alone, in evaluation mode.
    Infer(step::Args),
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

/// Runs the measurement and prints it.
#[must_use]
pub fn run(bench: &Bench) -> ExitCode {
    let device = match bench {
        Bench::Loss(args) => &args.device,
        Bench::Step(args) | Bench::Infer(args) => &args.device,
        _ => "cpu",
    };
    if let Err(message) = device::exists(device) {
        return super::usage(&message);
    }
    // The window's thread computes nothing.
    let computes = !matches!(bench, Bench::Frame(_) | Bench::Room(_) | Bench::Runs(_));
    let _workers = computes.then(Workers::join);
    match bench {
        Bench::Loss(args) => losses::run(args),
        Bench::Loader(args) => loader::run(args),
        Bench::Frame(args) => frame::run(args),
        Bench::Room(args) => room::run(args),
        Bench::Runs(args) => runs::run(args),
        Bench::Xray(args) => xray::run(args),
        Bench::Doctor(args) => doctor::run(args),
        Bench::Step(args) => step::run(args, true),
        Bench::Infer(args) => step::run(args, false),
    }
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

/// Middle of sorted values, or the mean of the two in the middle.
fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => 0.0,
        n if n.is_multiple_of(2) => f64::midpoint(sorted[middle - 1], sorted[middle]),
        _ => sorted[middle],
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

/// `[N, S, S]` labels as masks have them: tiles of all classes, moved from image to image.
fn blobs(n: usize, s: usize) -> Vec<u8> {
    let tile = (s / 6).max(1);
    let label = |at: usize| {
        let (image, y, x) = (at / (s * s), at / s % s, at % s);
        (((y + 5 * image) / tile + (x + 3 * image) / tile) % CLASSES) as u8
    };
    (0..n * s * s).map(label).collect()
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn median_of_even_and_odd_counts() {
        assert_eq!(median(&[1.0, 2.0, 10.0]), 2.0);
        assert_eq!(median(&[1.0, 2.0, 4.0, 10.0]), 3.0);
    }
}
