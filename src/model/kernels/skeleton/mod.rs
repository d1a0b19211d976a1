//! The soft skeleton of clDice (Shit et al. 2021): what openings take away at each of a number of
//! erosions. With its gradient.
//!
//! ```text
//! e₀ = x          eᵢ₊₁ = erode(eᵢ), the least of a pixel and its four neighbours
//! dᵢ = relu(eᵢ − dilate(eᵢ₊₁))    dilate: the largest of the 3 × 3 around a pixel
//! s₀ = d₀         sᵢ = sᵢ₋₁ + relu(dᵢ − sᵢ₋₁ dᵢ)
//! ```
//!
//! A row of each of these depends on few rows of the one before. So one sweep over the rows of `x`
//! computes all of them, each a row or two behind the last, and the gradient behind them all: of no
//! plane more than a few rows are kept, which stay in the cache. Outside of the image there is
//! nothing.
//!
//! [`rows`] the loops over one row, [`ring`] the rows that are kept, [`sweep`] which comes when.
#![expect(unsafe_code, reason = "tasks write to separate places of one output")]

mod ring;
mod rows;
mod sweep;

use std::ops::Range;

use rayon::prelude::*;

use super::Path;
use super::band::{Size, View};
use super::memory::Output;

/// Tasks that are worth having, and rows of a task by how many beyond its own it has to look at.
const TASKS: usize = 32;
const ROWS_BY_REACH: usize = 8;

/// Some rows of a plane that are worked on by themselves, with as many around them as their results
/// depend on.
struct Strip {
    /// Rows of the plane whose results are right.
    rows: Range<usize>,
    /// All rows that are worked on.
    all: Range<usize>,
}

/// Strips that cover a plane; results depend on `reach` rows to each side. Many planes are tasks
/// enough.
fn strips(size: Size, planes: usize, reach: usize) -> Vec<Strip> {
    let wanted = TASKS.div_ceil(2 * planes.max(1));
    let rows = (size.height.div_ceil(wanted)).max(ROWS_BY_REACH * reach);
    (0..size.height)
        .step_by(rows)
        .map(|start| {
            let end = (start + rows).min(size.height);
            Strip {
                rows: start..end,
                all: start.saturating_sub(reach)..(end + reach).min(size.height),
            }
        })
        .collect()
}

impl Strip {
    /// The rows of this strip in a plane.
    fn of<'a>(&self, plane: &'a [f32], size: Size) -> &'a [f32] {
        &plane[self.all.start * size.width..self.all.end * size.width]
    }

    /// Those of them that are right.
    fn right(&self) -> Range<usize> {
        self.rows.start - self.all.start..self.rows.end - self.all.start
    }
}

/// Calls `work` for every strip of every plane of the output, with the strip, the index of image
/// and channel, and room for its rows.
fn for_strips(
    channels: usize,
    size: Size,
    reach: usize,
    work: impl Fn(&Strip, [usize; 2], &mut [f32]) + Sync,
) -> Vec<f32> {
    let planes = size.images * channels;
    let strips = strips(size, planes, reach);
    let mut output = Output::new(size.pixels() * channels);
    let out = output.pointer();
    (0..planes * strips.len()).into_par_iter().for_each(|task| {
        let (plane, strip) = (task / strips.len(), &strips[task % strips.len()]);
        let start = plane * size.plane() + strip.rows.start * size.width;
        // SAFETY: within the output; these rows belong to this task.
        let to = unsafe { out.slice(start, strip.rows.len() * size.width) };
        work(strip, [plane / channels, plane % channels], to);
    });
    // SAFETY: the strips cover every row of every plane.
    unsafe { output.finish() }
}

/// `[N, C, H, W]` → the skeleton of every plane.
pub fn forward(path: Path, x: View<'_>, iterations: usize, size: Size) -> Vec<f32> {
    // One row for each erosion, one for the last opening's dilation.
    for_strips(
        x.channels,
        size,
        iterations + 2,
        |strip, [image, channel], to| {
            let x = strip.of(x.plane(image, channel, size), size);
            sweep::forward(path, x, size.width, iterations, strip.right(), to);
        },
    )
}

/// Gradient of the input of [`forward`].
pub fn backward(
    path: Path,
    x: View<'_>,
    grad: View<'_>,
    iterations: usize,
    size: Size,
) -> Vec<f32> {
    // There and back again.
    let reach = 2 * (iterations + 2);
    for_strips(x.channels, size, reach, |strip, [image, channel], to| {
        let [x, grad] = [x, grad].map(|of| strip.of(of.plane(image, channel, size), size));
        sweep::backward(path, [x, grad], size.width, iterations, strip.right(), to);
    })
}
