//! What pixels cost whose probabilities are near 1 / C (NiftyNet), with the slopes of it.
#![expect(unsafe_code, reason = "tasks write to separate places of one output")]

use rayon::prelude::*;

use super::Path;
use super::band::{Size, View};
use super::memory::Output;
use super::softmax::{CHUNK, Part, part_of, parts, read};
use super::sums::sum;

/// Probabilities `[N, C, H, W]`, weights `[N, 1, H, W]` → `[N]`, sums over the pixels of
/// w / (mean |p − 1/C| + ε), and the slopes of these, `[N, C, H, W]`.
pub fn forward(
    path: Path,
    p: View<'_>,
    weights: View<'_>,
    epsilon: f32,
    size: Size,
) -> [Vec<f32>; 2] {
    let mut output = Output::new(size.pixels() * p.channels);
    let out = output.pointer();
    let share = 1.0 / p.channels as f32;
    let of_part = |part: Part| {
        path.compiled(
            #[inline(always)]
            || {
                let mut cost = [0f32; CHUNK];
                for channel in 0..p.channels {
                    for (cost, &p) in cost.iter_mut().zip(read(p, channel, part, size)) {
                        *cost += (p - share).abs();
                    }
                }
                let mut slope = [0f32; CHUNK];
                let pixels = cost.iter_mut().zip(&mut slope);
                for ((cost, slope), &weight) in pixels.zip(read(weights, 0, part, size)) {
                    let by = 1.0 / (*cost * share + epsilon);
                    *cost = by * weight;
                    *slope = -by * *cost * share;
                }
                for channel in 0..p.channels {
                    // SAFETY: every task has its own pixels.
                    let to = unsafe { part_of(out, p.channels, channel, part, size) };
                    let given = read(p, channel, part, size).iter().zip(&slope);
                    for (to, (&p, &slope)) in to.iter_mut().zip(given) {
                        let above = if p > share { slope } else { 0.0 };
                        *to = if p < share { -slope } else { above };
                    }
                }
                sum(&cost[..part.len])
            },
        )
    };
    let of_task = |task: &Vec<Part>| {
        let costs = task.iter().map(|part| of_part(*part));
        (task[0].image, costs.sum::<f64>())
    };
    let found: Vec<(usize, f64)> = parts(size).par_iter().map(of_task).collect();
    let mut sums = vec![0f64; size.images];
    for (image, found) in found {
        sums[image] += found;
    }
    let sums = sums.into_iter().map(|sum| sum as f32).collect();
    // SAFETY: every pixel of every channel has been written.
    [sums, unsafe { output.finish() }]
}
