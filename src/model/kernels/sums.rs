//! Sums over the pixels of each plane of products of up to three tensors: what overlaps, volumes and
//! weighted means are made of, without ever writing the products down.
//!
//! Sums are in sixteen single-precision lanes over a kilopixel and in double precision beyond.
#![expect(unsafe_code, reason = "tasks write to separate places of one output")]

use rayon::prelude::*;

use super::Path;
use super::band::{Size, View};
use super::memory::Output;

/// Sums that are kept side by side.
pub const LANES: usize = 16;
/// Numbers summed in single precision.
pub const CHUNK: usize = 1024;

/// The plane of a factor; a factor of one channel counts for every channel.
fn plane_of<'a>(factor: View<'a>, image: usize, channel: usize, size: Size) -> &'a [f32] {
    factor.plane(image, channel.min(factor.channels - 1), size)
}

/// `[N, C]`: per plane Σ of the product of all factors, each of `C` channels or of one.
pub fn forward<const N: usize>(
    path: Path,
    factors: [View<'_>; N],
    channels: usize,
    size: Size,
) -> Vec<f32> {
    let plane = |index: usize| {
        let (image, channel) = (index / channels, index % channels);
        let planes = factors.map(|factor| plane_of(factor, image, channel, size));
        path.compiled(
            #[inline(always)]
            || long_sum(planes),
        ) as f32
    };
    (0..size.images * channels)
        .into_par_iter()
        .map(plane)
        .collect()
}

/// Sum of at most [`CHUNK`] numbers.
#[inline(always)]
pub fn sum(numbers: &[f32]) -> f64 {
    product_sum([numbers])
}

/// Sum of products, of any number of them.
#[inline(always)]
pub fn long_sum<const N: usize>(factors: [&[f32]; N]) -> f64 {
    let len = factors[0].len();
    let mut sum = 0f64;
    for start in (0..len).step_by(CHUNK) {
        let end = (start + CHUNK).min(len);
        sum += product_sum(factors.map(|factor| &factor[start..end]));
    }
    sum
}

#[inline(always)]
fn product_sum<const N: usize>(chunks: [&[f32]; N]) -> f64 {
    let mut lanes = [0f32; LANES];
    let len = chunks[0].len();
    let whole = len / LANES * LANES;
    // Equal lengths, known to the compiler: no checks inside the loop.
    let chunks = chunks.map(|chunk| &chunk[..len]);
    for start in (0..whole).step_by(LANES) {
        for (lane, sum) in lanes.iter_mut().enumerate() {
            let mut product = chunks[0][start + lane];
            for chunk in &chunks[1..] {
                product *= chunk[start + lane];
            }
            *sum += product;
        }
    }
    for at in whole..len {
        let product: f32 = chunks.iter().map(|chunk| chunk[at]).product();
        lanes[at - whole] += product;
    }
    lanes.iter().map(|&lane| f64::from(lane)).sum()
}

/// Gradient of a factor of `C` channels: that of its plane's sum times all `others`.
pub fn backward<const M: usize>(
    path: Path,
    grad: &[f32],
    others: [View<'_>; M],
    channels: usize,
    size: Size,
) -> Vec<f32> {
    let mut output = Output::new(size.pixels() * channels);
    let out = output.pointer();
    let planes = size.images * channels;
    (0..planes)
        .into_par_iter()
        .with_min_len((8192 / size.plane().max(1)).max(1))
        .for_each(|index| {
            let (image, channel) = (index / channels, index % channels);
            // SAFETY: within the output; this plane belongs to this task.
            let to = unsafe { out.slice(index * size.plane(), size.plane()) };
            let others = others.map(|other| plane_of(other, image, channel, size));
            path.compiled(
                #[inline(always)]
                || scaled_product(grad[index], others, to),
            );
        });
    // SAFETY: every plane has been written.
    unsafe { output.finish() }
}

#[inline(always)]
fn scaled_product<const M: usize>(grad: f32, others: [&[f32]; M], to: &mut [f32]) {
    let others = others.map(|other| &other[..to.len()]);
    for (at, to) in to.iter_mut().enumerate() {
        let mut product = grad;
        for other in &others {
            product *= other[at];
        }
        *to = product;
    }
}
