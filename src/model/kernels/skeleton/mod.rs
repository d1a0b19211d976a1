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
//! [`rows`] the loops over one row, [`ring`] the rows that are kept, [`sweep`] which comes when;
//! [`truth`] the skeleton of a true mask, [`overlap`] what clDice asks of both.
#![expect(unsafe_code, reason = "tasks write to separate places of one output")]

pub mod overlap;
mod ring;
mod rows;
mod sweep;
pub mod truth;

use std::ops::Range;

use rayon::prelude::*;

use super::Path;
use super::band::{Size, View};
use super::memory::{Output, Shared};

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
/// enough. A row of a strip has a first pixel and a last.
fn strips(size: Size, planes: usize, reach: usize) -> Vec<Strip> {
    if size.width == 0 {
        return Vec::new();
    }
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
    /// Row `y` of this strip in a plane.
    #[inline(always)]
    fn row<'a, T>(&self, plane: &'a [T], y: usize, size: Size) -> &'a [T] {
        &plane[(self.all.start + y) * size.width..][..size.width]
    }

    /// Row `y` of this strip in a plane of an output, if it is one of those that are right.
    ///
    /// # Safety
    /// The output has this plane, and the right rows of this strip belong to one task.
    #[inline(always)]
    unsafe fn output<'a>(
        &self,
        out: Shared<f32>,
        plane: usize,
        y: usize,
        size: Size,
    ) -> Option<&'a mut [f32]> {
        let y = Some(self.all.start + y).filter(|y| self.rows.contains(y))?;
        let start = plane * size.plane() + y * size.width;
        // SAFETY: within the plane, as promised.
        Some(unsafe { out.slice(start, size.width) })
    }

    /// Rows and pixels of a row.
    fn dims(&self, size: Size) -> [usize; 2] {
        [self.all.len(), size.width]
    }
}

/// Calls `work` for every strip of each of `planes`; what it gives, in their order.
fn of_strips<R: Send>(
    planes: usize,
    size: Size,
    reach: usize,
    work: impl Fn(usize, &Strip) -> R + Sync,
) -> Vec<R> {
    let strips = strips(size, planes, reach);
    let tasks = (0..planes * strips.len()).into_par_iter();
    tasks
        .map(|task| work(task / strips.len(), &strips[task % strips.len()]))
        .collect()
}

/// Rows to each side that a skeleton depends on: one for each erosion, one for the last opening's
/// dilation.
fn reach(iterations: usize) -> usize {
    iterations + 2
}

/// `[N, C, H, W]` → the skeleton of every plane.
pub fn forward(path: Path, x: View<'_>, iterations: usize, size: Size) -> Vec<f32> {
    let mut output = Output::new(size.pixels() * x.channels);
    let out = output.pointer();
    let planes = size.images * x.channels;
    of_strips(planes, size, reach(iterations), |index, strip| {
        let x = x.plane(index / x.channels, index % x.channels, size);
        sweep::forward(
            path,
            strip.dims(size),
            iterations,
            #[inline(always)]
            |y, to| to.copy_from_slice(strip.row(x, y, size)),
            #[inline(always)]
            |y, row| {
                // SAFETY: a plane of the output; the strip is this task's.
                if let Some(to) = unsafe { strip.output(out, index, y, size) } {
                    to.copy_from_slice(row);
                }
            },
        );
    });
    // SAFETY: the strips cover every row of every plane.
    unsafe { output.finish() }
}

/// Gradient of the input of [`forward`].
pub fn backward(
    path: Path,
    x: View<'_>,
    grad: View<'_>,
    iterations: usize,
    size: Size,
) -> Vec<f32> {
    let mut output = Output::new(size.pixels() * x.channels);
    let out = output.pointer();
    let planes = size.images * x.channels;
    // There and back again.
    of_strips(planes, size, 2 * reach(iterations), |index, strip| {
        let (image, channel) = (index / x.channels, index % x.channels);
        let [x, grad] = [x, grad].map(|of| of.plane(image, channel, size));
        sweep::backward(
            path,
            strip.dims(size),
            iterations,
            #[inline(always)]
            |y, to| to.copy_from_slice(strip.row(x, y, size)),
            #[inline(always)]
            |y, to| to.copy_from_slice(strip.row(grad, y, size)),
            #[inline(always)]
            |y, row| {
                // SAFETY: a plane of the output; the strip is this task's.
                if let Some(to) = unsafe { strip.output(out, index, y, size) } {
                    to.copy_from_slice(row);
                }
            },
        );
    });
    // SAFETY: the strips cover every row of every plane.
    unsafe { output.finish() }
}
