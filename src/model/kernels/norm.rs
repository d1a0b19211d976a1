//! Batch normalisation with the statistics of the batch and the activation max(0, x) after it:
//! one pass for the statistics, one for the output; in the backward pass the same.
//!
//! One channel is one task, so that its planes are still in the cache at the second pass. Sums are
//! in sixteen single-precision lanes over a kilopixel and in double precision beyond, of
//! differences from a value of the channel, so that a large mean costs no digits.
#![expect(unsafe_code, reason = "tasks write to separate places of one output")]

use rayon::prelude::*;

use super::Path;
use super::band::{Size, View};
use super::memory::Output;

const LANES: usize = 16;
/// Numbers summed in single precision.
const CHUNK: usize = 1024;

/// Mean, 1/√(variance + ε) and what the output is computed with.
#[derive(Debug, Clone, Copy)]
pub struct Channel {
    pub mean: f32,
    pub inverse: f32,
    pub gamma: f32,
    pub beta: f32,
}

impl Channel {
    /// The same arithmetic in both passes, so that both agree on which outputs are positive.
    #[inline(always)]
    fn normalised(self, scale: f32, x: f32) -> f32 {
        (x - self.mean) * scale + self.beta
    }
}

/// `max(0, x)` that lets NaN through: a broken run must be seen to be broken.
#[inline(always)]
fn relu(x: f32) -> f32 {
    if x < 0.0 { 0.0 } else { x }
}

/// What [`forward`] gives.
pub struct Normalised {
    /// `[N, C, H, W]`.
    pub output: Vec<f32>,
    pub mean: Vec<f32>,
    /// Biased.
    pub variance: Vec<f32>,
    /// What each channel was normalised with, for the backward pass.
    pub channels: Vec<Channel>,
}

/// `x` `[N, C, H, W]`, `gamma` and `beta` `[C]`.
pub fn forward(
    path: Path,
    x: View<'_>,
    [gamma, beta]: [&[f32]; 2],
    epsilon: f64,
    rectify: bool,
    size: Size,
) -> Normalised {
    let mut output = Output::new(size.pixels() * x.channels);
    let out = output.pointer();
    let statistics: Vec<(Channel, f32)> = (0..x.channels)
        .into_par_iter()
        .map(|channel| {
            let [mean, variance] = statistics(path, x, channel, size);
            let it = Channel {
                mean: mean as f32,
                inverse: (1.0 / (variance + epsilon).sqrt()) as f32,
                gamma: gamma[channel],
                beta: beta[channel],
            };
            for image in 0..size.images {
                let from = x.plane(image, channel, size);
                let start = (image * x.channels + channel) * size.plane();
                // SAFETY: within the output; this plane belongs to this task.
                let to = unsafe { out.slice(start, size.plane()) };
                path.compiled(|| apply(it, rectify, from, to));
            }
            (it, variance as f32)
        })
        .collect();
    Normalised {
        // SAFETY: every plane has been written.
        output: unsafe { output.finish() },
        mean: statistics.iter().map(|of| of.0.mean).collect(),
        variance: statistics.iter().map(|of| of.1).collect(),
        channels: statistics.iter().map(|of| of.0).collect(),
    }
}

/// The output of [`forward`] again, from what it found.
pub fn apply_all(
    path: Path,
    x: View<'_>,
    channels: &[Channel],
    rectify: bool,
    size: Size,
) -> Vec<f32> {
    let mut output = Output::new(size.pixels() * x.channels);
    let out = output.pointer();
    (0..x.channels).into_par_iter().for_each(|channel| {
        for image in 0..size.images {
            let from = x.plane(image, channel, size);
            let start = (image * x.channels + channel) * size.plane();
            // SAFETY: within the output; this plane belongs to this task.
            let to = unsafe { out.slice(start, size.plane()) };
            path.compiled(|| apply(channels[channel], rectify, from, to));
        }
    });
    // SAFETY: every plane has been written.
    unsafe { output.finish() }
}

/// Mean and variance of a channel.
fn statistics(path: Path, x: View<'_>, channel: usize, size: Size) -> [f64; 2] {
    let shift = x.plane(0, channel, size)[0];
    let mut sums = [0f64; 2];
    for image in 0..size.images {
        for chunk in x.plane(image, channel, size).chunks(CHUNK) {
            let part = path.compiled(|| moments(shift, chunk));
            sums[0] += part[0];
            sums[1] += part[1];
        }
    }
    let count = size.pixels() as f64;
    let mean = sums[0] / count;
    let variance = (sums[1] / count - mean * mean).max(0.0);
    // `max` would turn NaN into zero.
    let variance = if mean.is_finite() { variance } else { f64::NAN };
    [mean + f64::from(shift), variance]
}

/// Sums of the differences from `shift`, and of their squares.
#[inline(always)]
fn moments(shift: f32, values: &[f32]) -> [f64; 2] {
    let mut sum = [0f32; LANES];
    let mut square = [0f32; LANES];
    let (whole, rest) = values.as_chunks::<LANES>();
    for values in whole {
        for lane in 0..LANES {
            let difference = values[lane] - shift;
            sum[lane] += difference;
            square[lane] += difference * difference;
        }
    }
    for (lane, value) in rest.iter().enumerate() {
        let difference = value - shift;
        sum[lane] += difference;
        square[lane] += difference * difference;
    }
    [total(&sum), total(&square)]
}

fn total(lanes: &[f32; LANES]) -> f64 {
    lanes.iter().map(|&lane| f64::from(lane)).sum()
}

#[inline(always)]
fn apply(it: Channel, rectify: bool, from: &[f32], to: &mut [f32]) {
    let scale = it.gamma * it.inverse;
    if rectify {
        for (to, &x) in to.iter_mut().zip(from) {
            *to = relu(it.normalised(scale, x));
        }
    } else {
        for (to, &x) in to.iter_mut().zip(from) {
            *to = it.normalised(scale, x);
        }
    }
}

/// `max(0, x · scale + shift)` (or without `max`) of each channel of `[N, C, H, W]`, in place.
pub fn rescale(path: Path, x: &mut [f32], [scale, shift]: [&[f32]; 2], rectify: bool, size: Size) {
    let planes = x.par_chunks_exact_mut(size.plane().max(1)).enumerate();
    planes
        .with_min_len((8192 / size.plane().max(1)).max(1))
        .for_each(|(plane, x)| {
            let channel = plane % scale.len();
            let (scale, shift) = (scale[channel], shift[channel]);
            path.compiled(|| {
                if rectify {
                    x.iter_mut().for_each(|x| *x = relu(*x * scale + shift));
                } else {
                    x.iter_mut().for_each(|x| *x = *x * scale + shift);
                }
            });
        });
}

/// What [`backward`] gives.
pub struct Gradients {
    /// `[N, C, H, W]`.
    pub x: Vec<f32>,
    pub gamma: Vec<f32>,
    pub beta: Vec<f32>,
}

/// Gradients from that of the output; `channels` is what the forward pass found.
pub fn backward(
    path: Path,
    x: View<'_>,
    grad: View<'_>,
    channels: &[Channel],
    rectify: bool,
    size: Size,
) -> Gradients {
    let mut output = Output::new(size.pixels() * x.channels);
    let out = output.pointer();
    let count = size.pixels() as f64;
    let sums: Vec<[f32; 2]> = (0..x.channels)
        .into_par_iter()
        .map(|channel| {
            let it = channels[channel];
            let mut sums = [0f64; 2];
            for image in 0..size.images {
                let x = x.plane(image, channel, size).chunks(CHUNK);
                let grad = grad.plane(image, channel, size).chunks(CHUNK);
                for (x, grad) in x.zip(grad) {
                    let part = path.compiled(|| products(it, rectify, x, grad));
                    sums[0] += part[0];
                    sums[1] += part[1];
                }
            }
            let scale = f64::from(it.gamma * it.inverse) / count;
            let constant = (scale * sums[0]) as f32;
            let slope = (scale * f64::from(it.inverse).powi(2) * sums[1]) as f32;
            for image in 0..size.images {
                let start = (image * x.channels + channel) * size.plane();
                let x = x.plane(image, channel, size);
                let grad = grad.plane(image, channel, size);
                // SAFETY: within the output; this plane belongs to this task.
                let to = unsafe { out.slice(start, size.plane()) };
                path.compiled(|| differentiate(it, rectify, [constant, slope], [x, grad], to));
            }
            [(sums[1] * f64::from(it.inverse)) as f32, sums[0] as f32]
        })
        .collect();
    Gradients {
        // SAFETY: every plane has been written.
        x: unsafe { output.finish() },
        gamma: sums.iter().map(|of| of[0]).collect(),
        beta: sums.iter().map(|of| of[1]).collect(),
    }
}

/// The gradient where the output was positive, else zero.
#[inline(always)]
fn passed(it: Channel, scale: f32, rectify: bool, x: f32, grad: f32) -> f32 {
    if rectify && it.normalised(scale, x) <= 0.0 {
        0.0
    } else {
        grad
    }
}

/// Sums of the gradient and of its product with the difference from the mean.
#[inline(always)]
fn products(it: Channel, rectify: bool, x: &[f32], grad: &[f32]) -> [f64; 2] {
    let scale = it.gamma * it.inverse;
    let mut sum = [0f32; LANES];
    let mut product = [0f32; LANES];
    let (whole, rest) = x.as_chunks::<LANES>();
    let (whole_grad, rest_grad) = grad.as_chunks::<LANES>();
    for (x, grad) in whole.iter().zip(whole_grad) {
        for lane in 0..LANES {
            let grad = passed(it, scale, rectify, x[lane], grad[lane]);
            sum[lane] += grad;
            product[lane] += grad * (x[lane] - it.mean);
        }
    }
    for (lane, (&x, &grad)) in rest.iter().zip(rest_grad).enumerate() {
        let grad = passed(it, scale, rectify, x, grad);
        sum[lane] += grad;
        product[lane] += grad * (x - it.mean);
    }
    [total(&sum), total(&product)]
}

#[inline(always)]
fn differentiate(
    it: Channel,
    rectify: bool,
    [constant, slope]: [f32; 2],
    [x, grad]: [&[f32]; 2],
    to: &mut [f32],
) {
    let scale = it.gamma * it.inverse;
    for ((to, &x), &grad) in to.iter_mut().zip(x).zip(grad) {
        let grad = passed(it, scale, rectify, x, grad);
        *to = scale * grad - constant - slope * (x - it.mean);
    }
}
