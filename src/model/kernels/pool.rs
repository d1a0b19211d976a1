//! Largest of each 2×2 square, and repeating each pixel 2×2; with their gradients.
#![expect(unsafe_code, reason = "tasks write to separate places of one output")]

use rayon::prelude::*;

use super::Path;
use super::band::{Size, View};
use super::memory::Output;
use super::reading::{AS_IT_STANDS, Lanes, read};
use super::simd::{Vector, with_vector};

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
            let reading = x.reading(plane % x.channels).unwrap_or(AS_IT_STANDS);
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
                with_vector!(path, V => {
                    // SAFETY: `with_vector` gives what the processor has.
                    unsafe { largest_of_rows(Lanes::<V>::of(reading), rows, out, chosen) }
                });
            }
        });
    // SAFETY: every plane has been written.
    unsafe { (output.finish(), choice.finish()) }
}

/// The largest of each square of two rows, and which it was.
///
/// # Safety
/// The processor has the instructions of `V`.
#[inline(always)]
unsafe fn largest_of_rows<V: Vector>(
    lanes: Lanes<V>,
    rows: [&[f32]; 2],
    out: &mut [f32],
    chosen: &mut [u8],
) {
    for start in (0..out.len()).step_by(V::LANES) {
        let there = V::LANES.min(out.len() - start);
        let [mut numbers, mut indices] = [[0f32; 16]; 2];
        // SAFETY: as promised; both arrays are as long as any vector.
        unsafe {
            let [a, b] = columns::<V>(&rows[0][2 * start..][..2 * there]);
            let [c, d] = columns::<V>(&rows[1][2 * start..][..2 * there]);
            let (upper, lower) = (
                [lanes.read(a), lanes.read(b)],
                [lanes.read(c), lanes.read(d)],
            );
            let (mut best, mut index) = (upper[0], V::zero());
            for (other, at) in [(upper[1], 1.0), (lower[0], 2.0), (lower[1], 3.0)] {
                index = V::where_larger(other, best, V::fill(at), index);
                best = V::where_larger(other, best, other, best);
            }
            best.store(numbers.as_mut_ptr());
            index.store(indices.as_mut_ptr());
        }
        out[start..start + there].copy_from_slice(&numbers[..there]);
        let chosen = &mut chosen[start..start + there];
        for (chosen, index) in chosen.iter_mut().zip(indices) {
            *chosen = index as i32 as u8;
        }
    }
}

/// The even and the odd columns of a row of at most two vectors.
///
/// # Safety
/// The processor has the instructions of `V`.
#[inline(always)]
unsafe fn columns<V: Vector>(row: &[f32]) -> [V; 2] {
    let mut padded = [0f32; 32];
    padded[..row.len()].copy_from_slice(row);
    // SAFETY: as promised; the padded row is as long as two of any vector.
    unsafe {
        V::unzip(
            V::load(padded.as_ptr()),
            V::load(padded.as_ptr().add(V::LANES)),
        )
    }
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
pub fn repeat_forward(path: Path, x: View<'_>, size: Size) -> Vec<f32> {
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
                // What is read stands in the lower row until the upper one is done.
                let once = &mut lower[..size.width];
                match x.reading(plane % x.channels) {
                    Some(reading) => read(path, reading, from, once),
                    None => once.copy_from_slice(from),
                }
                for (to, &mut x) in upper.as_chunks_mut::<2>().0.iter_mut().zip(once) {
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
