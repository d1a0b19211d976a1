//! Batch normalisation with the statistics of the batch and the activation max(0, x) after it: one
//! pass for the statistics, and none for the output, which its readers compute ([`super::reading`]);
//! in the backward pass two.
//!
//! One channel is one task, so that its planes are still in the cache at the second pass. Sums are
//! in single-precision lanes over a kilopixel and in double precision beyond, of differences from a
//! value of the channel, so that a large mean costs no digits.
#![expect(
    clippy::needless_range_loop,
    reason = "sums side by side: constant bounds that the compiler unrolls, two arrays per index"
)]
#![expect(
    unsafe_code,
    reason = "tasks write to separate places of one output, in vector instructions"
)]

use rayon::prelude::*;

use super::Path;
use super::band::{Size, View};
use super::memory::{Output, Shared};
use super::reading::{Lanes, Reading, part, read, write};
use super::simd::{Vector, with_vector};

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
    /// How its output is read from the input.
    pub fn reading(self, rectify: bool) -> Reading {
        let floor = if rectify { 0.0 } else { f32::NEG_INFINITY };
        [self.mean, self.gamma * self.inverse, self.beta, floor]
    }
}

/// Vectors that are added up side by side, so that no sum waits for another.
const CHAINS: usize = 4;

/// Sums of both numbers that `of` gives for each vector of `0..len`; for the last, which may stick
/// out, it must give zeros beyond the end.
///
/// # Safety
/// The processor has the instructions of `V`.
#[inline(always)]
unsafe fn sums<V: Vector>(len: usize, of: impl Fn(usize) -> [V; 2]) -> [f64; 2] {
    // SAFETY: as promised.
    unsafe {
        let mut all = [[V::zero(); CHAINS]; 2];
        let whole = len / (CHAINS * V::LANES) * (CHAINS * V::LANES);
        for at in (0..whole).step_by(CHAINS * V::LANES) {
            for chain in 0..CHAINS {
                let [first, second] = of(at + chain * V::LANES);
                all[0][chain] = all[0][chain].plus(first);
                all[1][chain] = all[1][chain].plus(second);
            }
        }
        for at in (whole..len).step_by(V::LANES) {
            let [first, second] = of(at);
            all[0][0] = all[0][0].plus(first);
            all[1][0] = all[1][0].plus(second);
        }
        // Not by `map`, inside which nothing would be compiled for these instructions.
        let lanes = [V::sum4(all[0]), V::sum4(all[1])];
        lanes.map(|lanes| lanes.into_iter().map(f64::from).sum())
    }
}

/// `max(0, x)` that lets NaN through: a broken run must be seen to be broken.
#[inline(always)]
fn relu(x: f32) -> f32 {
    if x < 0.0 { 0.0 } else { x }
}

/// What a batch is normalised with.
pub struct Statistics {
    pub mean: Vec<f32>,
    /// Biased.
    pub variance: Vec<f32>,
    pub channels: Vec<Channel>,
}

impl Statistics {
    /// How the normalised map is to be read.
    pub fn readings(&self, rectify: bool) -> Vec<Reading> {
        let each = self.channels.iter();
        each.map(|channel| channel.reading(rectify)).collect()
    }
}

/// Of `x` `[N, C, H, W]`; `gamma` and `beta` are `[C]`.
pub fn statistics(
    path: Path,
    x: View<'_>,
    [gamma, beta]: [&[f32]; 2],
    epsilon: f64,
    size: Size,
) -> Statistics {
    let found: Vec<(Channel, f32)> = (0..x.channels)
        .into_par_iter()
        .map(|channel| {
            let [mean, variance] = mean_and_variance(path, x, channel, size);
            let it = Channel {
                mean: mean as f32,
                inverse: (1.0 / (variance + epsilon).sqrt()) as f32,
                gamma: gamma[channel],
                beta: beta[channel],
            };
            (it, variance as f32)
        })
        .collect();
    Statistics {
        mean: found.iter().map(|of| of.0.mean).collect(),
        variance: found.iter().map(|of| of.1).collect(),
        channels: found.iter().map(|of| of.0).collect(),
    }
}

/// `x` as its readers see it, `[N, C, H, W]`.
pub fn finished(path: Path, x: View<'_>, size: Size) -> Vec<f32> {
    let mut output = Output::new(size.pixels() * x.channels);
    let out = output.pointer();
    (0..size.images * x.channels)
        .into_par_iter()
        .for_each(|plane| {
            let (image, channel) = (plane / x.channels, plane % x.channels);
            // SAFETY: within the output; this plane belongs to this task.
            let to = unsafe { out.slice(plane * size.plane(), size.plane()) };
            let from = x.plane(image, channel, size);
            match x.reading(channel) {
                Some(reading) => read(path, reading, from, to),
                None => to.copy_from_slice(from),
            }
        });
    // SAFETY: every plane has been written.
    unsafe { output.finish() }
}

/// Mean and variance of a channel.
fn mean_and_variance(path: Path, x: View<'_>, channel: usize, size: Size) -> [f64; 2] {
    let shift = x.plane(0, channel, size)[0];
    let mut sums = [0f64; 2];
    for image in 0..size.images {
        for chunk in x.plane(image, channel, size).chunks(CHUNK) {
            let part = moments(path, shift, chunk);
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
fn moments(path: Path, shift: f32, values: &[f32]) -> [f64; 2] {
    let rest = values.len() % 16;
    let (whole, last) = values.split_at(values.len() - rest);
    // What sticks out must count as no difference.
    let mut padded = [shift; 16];
    padded[..rest].copy_from_slice(last);
    let mut all = [0f64; 2];
    for values in [whole, &padded[..16 * rest.min(1)]] {
        let part = with_vector!(path, V => {
            // SAFETY: `with_vector` gives what the processor has; there are as many numbers.
            unsafe {
                let shift = V::fill(shift);
                sums::<V>(values.len(), #[inline(always)] |at| {
                    let difference = V::load(values.as_ptr().add(at)).minus(shift);
                    [difference, difference.times(difference)]
                })
            }
        });
        all = [all[0] + part[0], all[1] + part[1]];
    }
    all
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

/// What [`backward`] gives beside the gradient of the input.
pub struct Gradients {
    pub gamma: Vec<f32>,
    pub beta: Vec<f32>,
}

/// `grad` `[N, C, H, W]`, the gradient of the output, becomes that of the input `x`; `channels` is
/// what the forward pass found.
pub fn backward(
    path: Path,
    x: View<'_>,
    grad: &mut [f32],
    channels: &[Channel],
    rectify: bool,
    size: Size,
) -> Gradients {
    assert_eq!(
        grad.len(),
        size.pixels() * x.channels,
        "a gradient for every number"
    );
    let out = Shared::new(grad);
    let count = size.pixels() as f64;
    let sums: Vec<[f32; 2]> = (0..x.channels)
        .into_par_iter()
        .map(|channel| {
            let it = channels[channel];
            let plane = |image: usize| {
                let start = (image * x.channels + channel) * size.plane();
                // SAFETY: within the gradient; this plane belongs to this task.
                unsafe { out.slice(start, size.plane()) }
            };
            let mut sums = [0f64; 2];
            for image in 0..size.images {
                let x = x.plane(image, channel, size).chunks(CHUNK);
                let grad = plane(image).chunks(CHUNK);
                for (x, grad) in x.zip(grad) {
                    let part = products(path, it, rectify, [x, grad]);
                    sums[0] += part[0];
                    sums[1] += part[1];
                }
            }
            let scale = f64::from(it.gamma * it.inverse) / count;
            let constant = (scale * sums[0]) as f32;
            let slope = (scale * f64::from(it.inverse).powi(2) * sums[1]) as f32;
            for image in 0..size.images {
                let x = x.plane(image, channel, size);
                differentiate(path, it, rectify, [constant, slope], x, plane(image));
            }
            [(sums[1] * f64::from(it.inverse)) as f32, sums[0] as f32]
        })
        .collect();
    Gradients {
        gamma: sums.iter().map(|of| of[0]).collect(),
        beta: sums.iter().map(|of| of[1]).collect(),
    }
}

/// Sums of the gradient and of its product with the difference from the mean.
fn products(path: Path, it: Channel, rectify: bool, [x, grad]: [&[f32]; 2]) -> [f64; 2] {
    with_vector!(path, V => {
        // SAFETY: `with_vector` gives what the processor has. Beyond the end the gradient is zero.
        unsafe {
            let it = Lanes::<V>::of(it.reading(rectify));
            sums::<V>(x.len(), #[inline(always)] |at| {
                let [difference, y] = it.normalised(part::<V>(x, at));
                let grad = part::<V>(grad, at);
                let grad = if rectify { grad.passed_by(y) } else { grad };
                [grad, grad.times(difference)]
            })
        }
    })
}

fn differentiate(
    path: Path,
    it: Channel,
    rectify: bool,
    [constant, slope]: [f32; 2],
    x: &[f32],
    grad: &mut [f32],
) {
    with_vector!(path, V => {
        // SAFETY: `with_vector` gives what the processor has.
        unsafe {
            let it = Lanes::<V>::of(it.reading(rectify));
            let (constant, slope) = (V::fill(-constant), V::fill(-slope));
            for at in (0..grad.len()).step_by(V::LANES) {
                let [difference, y] = it.normalised(part::<V>(x, at));
                let of_output = part::<V>(grad, at);
                let of_output = if rectify { of_output.passed_by(y) } else { of_output };
                let sum = constant.fma(slope, difference).fma(it.scale, of_output);
                write(sum, grad, at);
            }
        }
    });
}
