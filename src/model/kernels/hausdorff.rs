//! Squared errors weighted by how far they are from the true and the predicted border (Karimi &
//! Salcudean 2019), with their slopes.
#![expect(unsafe_code, reason = "tasks write to separate places of one output")]

use rayon::prelude::*;

use super::Path;
use super::band::{Size, View};
use super::distance::{self, Scratch};
use super::memory::Output;
use super::sums::{CHUNK, sum};

/// The truth, and what is made of distances to it.
#[derive(Debug, Clone, Copy)]
pub struct Truth<'a> {
    /// `[N, H, W]`.
    pub labels: &'a [u8],
    /// `[N, 1, H, W]`, what each pixel counts for.
    pub weights: View<'a>,
    /// `[N, C, H, W]`, squared distances to the true border.
    pub squares: &'a [f32],
    /// Classes before this count for nothing.
    pub first: usize,
    /// Exponent of distances.
    pub alpha: f32,
}

/// Probabilities `[N, C, H, W]` → `[N, C]`, sums over the pixels of (p − y)² (D(y)^α + D(p)^α), and
/// the slopes of these, `[N, C, H, W]`. D(p), from the border of p > ½, has no slope.
pub fn forward(path: Path, p: View<'_>, truth: Truth<'_>, size: Size) -> [Vec<f32>; 2] {
    let (plane, channels) = (size.plane(), p.channels);
    let mut output = Output::new(size.images * channels * plane);
    let out = output.pointer();
    let of_plane = |scratch: &mut (Scratch, Vec<f32>), index: usize| {
        let (image, class) = (index / channels, index % channels);
        // SAFETY: within the output; this plane belongs to this task.
        let slopes = unsafe { out.slice(index * plane, plane) };
        if class < truth.first {
            slopes.fill(0.0);
            return 0.0;
        }
        let (scratch, error) = scratch;
        let p = p.plane(image, class, size);
        distance::squares_on(path, p, |p| *p > 0.5, size.width, slopes, scratch);
        let truth_squares = &truth.squares[index * plane..][..plane];
        let weights = truth.weights.plane(image, 0, size);
        let labels = &truth.labels[image * plane..][..plane];
        let mut total = 0f64;
        error.resize(CHUNK, 0.0);
        for start in (0..plane).step_by(CHUNK) {
            let chunk = start..(start + CHUNK).min(plane);
            let slopes = &mut slopes[chunk.clone()];
            let squares = &truth_squares[chunk.clone()];
            far(path, slopes, squares, truth.alpha);
            let costs = &mut error[..chunk.len()];
            let (p, weights) = (&p[chunk.clone()], &weights[chunk.clone()]);
            let labels = &labels[chunk];
            total += path.compiled(
                #[inline(always)]
                || {
                    let given = p.iter().zip(weights).zip(labels);
                    let to = slopes.iter_mut().zip(&mut *costs);
                    for ((slope, cost), ((&p, &weight), &label)) in to.zip(given) {
                        let error = if usize::from(label) == class {
                            p - 1.0
                        } else {
                            p
                        };
                        let weighted = error * (*slope * weight);
                        *cost = error * weighted;
                        *slope = 2.0 * weighted;
                    }
                    sum(costs)
                },
            );
        }
        total as f32
    };
    let sums = (0..size.images * channels)
        .into_par_iter()
        .map_init(Default::default, |scratch, index| of_plane(scratch, index))
        .collect();
    // SAFETY: every plane has been written.
    [sums, unsafe { output.finish() }]
}

/// Distances to both borders to the power α, from their squares.
fn far(path: Path, own: &mut [f32], other: &[f32], alpha: f32) {
    let pairs = own.iter_mut().zip(other);
    if alpha == 2.0 {
        path.compiled(
            #[inline(always)]
            || pairs.for_each(|(own, other)| *own += other),
        );
    } else {
        let power = |square: f32| square.powf(alpha / 2.0);
        pairs.for_each(|(own, other)| *own = power(*own) + power(*other));
    }
}
