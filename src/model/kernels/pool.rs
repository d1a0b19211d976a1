//! Largest of each 2×2 square, and repeating each pixel 2×2; with their gradients.
#![expect(unsafe_code, reason = "tasks write to separate places of one output")]

use rayon::prelude::*;

use super::Path;
use super::band::{Size, View};
use super::memory::Output;

/// Planes to a task, so that small ones are not handed out one by one.
fn planes_per_task(size: Size) -> usize {
    (8192 / size.plane().max(1)).max(1)
}

/// `[N, C, H, W]` → `[N, C, H/2, W/2]`, rounded down, and which of the four (0 to 3, row by row)
/// was largest: the first of equals, or NaN where there is one.
pub fn max_forward(path: Path, x: View<'_>, size: Size) -> (Vec<f32>, Vec<u8>) {
    let [height, width] = [size.height / 2, size.width / 2];
    let small = height * width;
    let planes = size.images * x.channels;
    let (mut output, mut choice) = (Output::new(planes * small), Output::new(planes * small));
    let (out, chosen) = (output.pointer(), choice.pointer());
    (0..planes)
        .into_par_iter()
        .with_min_len(planes_per_task(size))
        .for_each(|plane| {
            let from = x.plane(plane / x.channels, plane % x.channels, size);
            // SAFETY: within the outputs; these planes belong to this task.
            let (out, chosen) = unsafe {
                (
                    out.slice(plane * small, small),
                    chosen.slice(plane * small, small),
                )
            };
            for y in 0..height {
                let rows = [2 * y, 2 * y + 1].map(|y| &from[y * size.width..][..2 * width]);
                let out = &mut out[y * width..][..width];
                let chosen = &mut chosen[y * width..][..width];
                path.compiled(
                    #[inline(always)]
                    || {
                        // In pieces of a length that the compiler makes vectors of.
                        let done = largest_of_row::<8>(rows, 0, out, chosen);
                        let done = largest_of_row::<4>(rows, done, out, chosen);
                        largest_of_row::<1>(rows, done, out, chosen);
                    },
                );
            }
        });
    // SAFETY: every plane has been written.
    unsafe { (output.finish(), choice.finish()) }
}

/// As many pieces of `N` numbers as there are from `start` on; where they end.
#[inline(always)]
fn largest_of_row<const N: usize>(
    rows: [&[f32]; 2],
    start: usize,
    out: &mut [f32],
    chosen: &mut [u8],
) -> usize {
    let pieces = out[start..].as_chunks_mut::<N>().0;
    let choices = chosen[start..].as_chunks_mut::<N>().0;
    let done = start + pieces.len() * N;
    let [upper, lower] = rows.map(|row| row[2 * start..].as_chunks::<2>().0.as_chunks::<N>().0);
    let rows = upper.iter().zip(lower);
    for ((out, chosen), (upper, lower)) in pieces.iter_mut().zip(choices).zip(rows) {
        let mut indices = [0u32; N];
        for x in 0..N {
            let (mut best, mut index) = (upper[x][0], 0);
            let others = [upper[x][1], lower[x][0], lower[x][1]];
            for (other, at) in others.into_iter().zip(1..) {
                let better = other > best || other.is_nan();
                best = if better { other } else { best };
                index = if better { at } else { index };
            }
            out[x] = best;
            indices[x] = index;
        }
        *chosen = indices.map(|index| index as u8);
    }
    done
}

/// Gradient of the input, `[N, C, H, W]`; `size` is that of the input.
pub fn max_backward(grad: View<'_>, choice: &[u8], size: Size) -> Vec<f32> {
    let small = size.halved();
    let planes = size.images * grad.channels;
    let mut output = Output::new(planes * size.plane());
    let out = output.pointer();
    (0..planes)
        .into_par_iter()
        .with_min_len(planes_per_task(size))
        .for_each(|plane| {
            let grad = grad.plane(plane / grad.channels, plane % grad.channels, small);
            let choice = &choice[plane * small.plane()..][..small.plane()];
            // SAFETY: within the output; this plane belongs to this task.
            let to = unsafe { out.slice(plane * size.plane(), size.plane()) };
            for (y, row) in to.chunks_exact_mut(size.width).enumerate() {
                if y / 2 >= small.height {
                    row.fill(0.0);
                    continue;
                }
                let grad = &grad[y / 2 * small.width..][..small.width];
                let choice = &choice[y / 2 * small.width..][..small.width];
                let odd = if y % 2 == 0 { 0 } else { 2 };
                let (pairs, rest) = row.as_chunks_mut::<2>();
                rest.fill(0.0);
                for ((to, &grad), &choice) in pairs.iter_mut().zip(grad).zip(choice) {
                    let left = if choice == odd { grad } else { 0.0 };
                    let right = if choice == odd + 1 { grad } else { 0.0 };
                    *to = [left, right];
                }
            }
        });
    // SAFETY: every plane has been written.
    unsafe { output.finish() }
}

/// `[N, C, H, W]` → `[N, C, 2H, 2W]`.
pub fn repeat_forward(x: View<'_>, size: Size) -> Vec<f32> {
    let double = size.doubled();
    let planes = size.images * x.channels;
    let mut output = Output::new(planes * double.plane());
    let out = output.pointer();
    (0..planes)
        .into_par_iter()
        .with_min_len(planes_per_task(double))
        .for_each(|plane| {
            let from = x.plane(plane / x.channels, plane % x.channels, size);
            // SAFETY: within the output; this plane belongs to this task.
            let to = unsafe { out.slice(plane * double.plane(), double.plane()) };
            let rows = to.chunks_exact_mut(2 * double.width);
            for (from, rows) in from.chunks_exact(size.width).zip(rows) {
                let (upper, lower) = rows.split_at_mut(double.width);
                for (to, &x) in upper.as_chunks_mut::<2>().0.iter_mut().zip(from) {
                    *to = [x, x];
                }
                lower.copy_from_slice(upper);
            }
        });
    // SAFETY: every plane has been written.
    unsafe { output.finish() }
}

/// Gradient of the input, `[N, C, H, W]`, from `[N, C, 2H, 2W]`; `size` is that of the input.
pub fn repeat_backward(grad: View<'_>, size: Size) -> Vec<f32> {
    let double = size.doubled();
    let planes = size.images * grad.channels;
    let mut output = Output::new(planes * size.plane());
    let out = output.pointer();
    (0..planes)
        .into_par_iter()
        .with_min_len(planes_per_task(double))
        .for_each(|plane| {
            let from = grad.plane(plane / grad.channels, plane % grad.channels, double);
            // SAFETY: within the output; this plane belongs to this task.
            let to = unsafe { out.slice(plane * size.plane(), size.plane()) };
            let rows = from.chunks_exact(2 * double.width);
            for (to, rows) in to.chunks_exact_mut(size.width).zip(rows) {
                let (upper, lower) = rows.split_at(double.width);
                let upper = upper.as_chunks::<2>().0;
                let lower = lower.as_chunks::<2>().0;
                for ((to, upper), lower) in to.iter_mut().zip(upper).zip(lower) {
                    *to = (upper[0] + upper[1]) + (lower[0] + lower[1]);
                }
            }
        });
    // SAFETY: every plane has been written.
    unsafe { output.finish() }
}
