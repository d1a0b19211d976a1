//! Softmax over the channels of each pixel and its logarithm, with their gradients; and the parts of
//! pixels and the exponential that other losses' kernels work with.
//!
//! Some hundred pixels of all channels are worked on at a time; the exponential is a polynomial that
//! the compiler turns into vector instructions, within two units in the last place of the exact one.
#![expect(unsafe_code, reason = "tasks write to separate places of one output")]

use rayon::prelude::*;

use super::Path;
use super::band::{Size, View};
use super::memory::{Output, Shared};

/// Pixels to a task's inner loop: a chunk of every channel stays in the first-level cache.
pub const CHUNK: usize = 256;
/// Pixels to a task.
const TASK: usize = 16 * CHUNK;

/// What a softmax gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Probabilities,
    Logarithms,
}

/// Below this the exponential is no normal number any more; 0 is closer than a `f32` can tell.
const LOWEST: f32 = -87.336_54;

/// eˣ for `x` up to 88; 0 below about −87, NaN for NaN.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    const LOG2_E: f32 = std::f32::consts::LOG2_E;
    // ln 2 in two parts, the first of few digits: n · LN2_HIGH is exact (Cody and Waite 1980).
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    // Adding and taking away 1.5 · 2²³ rounds to a whole number, which stands in the last bits.
    const ROUND: f32 = 12_582_912.0;
    // Comparisons, not `max`, which would make a number of NaN.
    let clamped = if x < LOWEST { LOWEST } else { x };
    let shifted = clamped * LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = (clamped - n * LN2_HIGH) - n * LN2_LOW;
    // Coefficients of Cephes' `expf` (Moshier 1989), right to 2 units in the last place.
    let mut p = 1.987_569_1e-4;
    p = p * r + 1.398_199_9e-3;
    p = p * r + 8.333_452e-3;
    p = p * r + 4.166_579_6e-2;
    p = p * r + 0.166_666_66;
    p = p * r + 0.5;
    let p = p * r * r + r + 1.0;
    let power = shifted.to_bits().wrapping_sub(ROUND.to_bits());
    let scale = f32::from_bits(power.wrapping_add(127) << 23);
    if x < LOWEST { 0.0 } else { p * scale }
}

/// One task's share of the pixels of one image.
#[derive(Debug, Clone, Copy)]
pub struct Part {
    pub image: usize,
    pub from: usize,
    pub len: usize,
}

/// Chunks that cover every pixel once, task by task; each task's are of one image.
pub fn parts(size: Size) -> Vec<Vec<Part>> {
    let plane = size.plane();
    let tasks = plane.div_ceil(TASK);
    let of_task = |task: usize| {
        let (image, start) = (task / tasks, task % tasks * TASK);
        let end = (start + TASK).min(plane);
        let chunk = |from| Part {
            image,
            from,
            len: CHUNK.min(end - from),
        };
        (start..end).step_by(CHUNK).map(chunk).collect()
    };
    (0..size.images * tasks).map(of_task).collect()
}

/// Calls `work` for chunks that cover every pixel once.
pub fn for_parts(size: Size, work: impl Fn(Part) + Sync) {
    (parts(size).par_iter()).for_each(|task| task.iter().for_each(|part| work(*part)));
}

/// The part of one channel of an input.
#[inline(always)]
pub fn read<'a>(of: View<'a>, channel: usize, part: Part, size: Size) -> &'a [f32] {
    &of.plane(part.image, channel, size)[part.from..][..part.len]
}

/// The part of one channel of an output.
///
/// # Safety
/// The output has `channels` planes to an image, and no other task works on these pixels.
pub unsafe fn part_of<'a>(
    out: Shared<f32>,
    channels: usize,
    channel: usize,
    part: Part,
    size: Size,
) -> &'a mut [f32] {
    let start = (part.image * channels + channel) * size.plane() + part.from;
    // SAFETY: within the output, as promised.
    unsafe { out.slice(start, part.len) }
}

/// The largest channel of each pixel of `part`; NaN is passed over.
#[inline(always)]
pub fn largest(x: View<'_>, part: Part, size: Size) -> [f32; CHUNK] {
    let mut most = [f32::NEG_INFINITY; CHUNK];
    for channel in 0..x.channels {
        for (most, &x) in most.iter_mut().zip(read(x, channel, part, size)) {
            *most = if x > *most { x } else { *most };
        }
    }
    most
}

/// `[N, C, H, W]` → softmax over `C`, or its logarithm.
pub fn forward(path: Path, x: View<'_>, form: Form, size: Size) -> Vec<f32> {
    let mut output = Output::new(size.pixels() * x.channels);
    let out = output.pointer();
    for_parts(size, |part| {
        path.compiled(
            #[inline(always)]
            || {
                let read = |channel| read(x, channel, part, size);
                // SAFETY: every task has its own pixels.
                let write = |channel| unsafe { part_of(out, x.channels, channel, part, size) };
                let (most, mut sum) = (largest(x, part, size), [0f32; CHUNK]);
                for channel in 0..x.channels {
                    let all = write(channel).iter_mut().zip(read(channel));
                    for (((to, &x), &most), sum) in all.zip(&most).zip(&mut sum) {
                        let share = exp(x - most);
                        *sum += share;
                        *to = match form {
                            Form::Probabilities => share,
                            Form::Logarithms => x - most,
                        };
                    }
                }
                let last = &mut sum[..part.len];
                match form {
                    Form::Probabilities => last.iter_mut().for_each(|sum| *sum = 1.0 / *sum),
                    Form::Logarithms => last.iter_mut().for_each(|sum| *sum = sum.ln()),
                }
                for channel in 0..x.channels {
                    for (to, &last) in write(channel).iter_mut().zip(&sum) {
                        *to = match form {
                            Form::Probabilities => *to * last,
                            Form::Logarithms => *to - last,
                        };
                    }
                }
            },
        );
    });
    // SAFETY: every pixel of every channel has been written.
    unsafe { output.finish() }
}

/// What is taken off every gradient of a pixel before [`backward`] weighs them: of probabilities that
/// of the surest class, of logarithms nothing.
#[inline(always)]
fn anchor(y: View<'_>, grad: View<'_>, form: Form, part: Part, size: Size) -> [f32; CHUNK] {
    let (mut most, mut anchor) = ([f32::NEG_INFINITY; CHUNK], [0f32; CHUNK]);
    if form == Form::Logarithms {
        return anchor;
    }
    for channel in 0..y.channels {
        let pixels = most.iter_mut().zip(&mut anchor);
        let given = read(y, channel, part, size)
            .iter()
            .zip(read(grad, channel, part, size));
        for ((most, anchor), (&y, &grad)) in pixels.zip(given) {
            // Read by themselves: a number that is only written where `y` is larger is no vector's work.
            let (old, before) = (*most, *anchor);
            let surer = y > old;
            *anchor = if surer { grad } else { before };
            *most = if surer { y } else { old };
        }
    }
    anchor
}

/// Gradient of the input of [`forward`] from its output `y` and that one's gradient.
///
/// Of probabilities it is y (g − Σ y g), and a constant added to every g of a pixel changes nothing.
/// Where one class has nearly all of it, that sum is nearly its g and the difference loses its digits
/// (at y = 1 − 1e-6, all but four bits); with this class's g taken off all of them it adds small
/// things only.
pub fn backward(path: Path, y: View<'_>, grad: View<'_>, form: Form, size: Size) -> Vec<f32> {
    let mut output = Output::new(size.pixels() * y.channels);
    let out = output.pointer();
    for_parts(size, |part| {
        path.compiled(
            #[inline(always)]
            || {
                let both = |channel| {
                    let y = read(y, channel, part, size);
                    y.iter().zip(read(grad, channel, part, size))
                };
                let anchor = anchor(y, grad, form, part, size);
                let mut sum = [0f32; CHUNK];
                for channel in 0..y.channels {
                    let pixels = sum.iter_mut().zip(&anchor).zip(both(channel));
                    for ((sum, &anchor), (&y, &grad)) in pixels {
                        *sum += match form {
                            Form::Probabilities => (grad - anchor) * y,
                            Form::Logarithms => grad,
                        };
                    }
                }
                for channel in 0..y.channels {
                    // SAFETY: every task has its own pixels.
                    let to = unsafe { part_of(out, y.channels, channel, part, size) };
                    let pixels = to.iter_mut().zip(both(channel));
                    for ((to, (&y, &grad)), (&sum, &anchor)) in pixels.zip(sum.iter().zip(&anchor))
                    {
                        *to = match form {
                            Form::Probabilities => y * ((grad - anchor) - sum),
                            Form::Logarithms => grad - exp(y) * sum,
                        };
                    }
                }
            },
        );
    });
    // SAFETY: every pixel of every channel has been written.
    unsafe { output.finish() }
}
