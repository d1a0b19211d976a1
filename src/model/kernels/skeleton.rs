//! The soft skeleton of clDice (Shit et al. 2021): what openings take away at each of a number of
//! erosions. With its gradient.
//!
//! ```text
//! e₀ = x          eᵢ₊₁ = erode(eᵢ), the least of a pixel and its four neighbours
//! dᵢ = relu(eᵢ − dilate(eᵢ₊₁))    dilate: the largest of the 3 × 3 around a pixel
//! s₀ = d₀         sᵢ = sᵢ₋₁ + relu(dᵢ − sᵢ₋₁ dᵢ)
//! ```
//!
//! One plane is one task and passes all of it within the cache; the backward pass computes the
//! forward one again rather than keep it. Outside of the image there is nothing.
#![expect(unsafe_code, reason = "tasks write to separate places of one output")]

use rayon::prelude::*;

use super::Path;
use super::band::{Size, View};
use super::memory::{Output, with_scratch};

/// Neighbours of the cross, in the order in which the first of equals is taken: above, the pixel
/// itself, below, left, right.
const CROSS: [[isize; 2]; 5] = [[-1, 0], [0, 0], [1, 0], [0, -1], [0, 1]];
/// The square, row by row.
const SQUARE: [[isize; 2]; 9] = [
    [-1, -1],
    [-1, 0],
    [-1, 1],
    [0, -1],
    [0, 0],
    [0, 1],
    [1, -1],
    [1, 0],
    [1, 1],
];

/// A plane's height and width, and how it lies in scratch: with a rim of one pixel.
#[derive(Debug, Clone, Copy)]
struct Frame {
    height: usize,
    width: usize,
}

impl Frame {
    fn pitch(self) -> usize {
        self.width + 2
    }

    fn len(self) -> usize {
        (self.height + 2) * self.pitch()
    }

    /// Where row `y` of the image starts.
    fn row(self, y: usize) -> usize {
        (y + 1) * self.pitch() + 1
    }

    /// Sets the rim to what never wins.
    fn rim(self, plane: &mut [f32], value: f32) {
        let pitch = self.pitch();
        plane[..pitch].fill(value);
        plane[(self.height + 1) * pitch..][..pitch].fill(value);
        for y in 1..=self.height {
            plane[y * pitch] = value;
            plane[y * pitch + pitch - 1] = value;
        }
    }

    /// The row `y` of `plane`, moved by `[down, right]`.
    #[inline(always)]
    fn moved(self, plane: &[f32], y: usize, [down, right]: [isize; 2]) -> &[f32] {
        let start = self
            .row(y)
            .wrapping_add_signed(down * self.pitch() as isize + right);
        &plane[start..start + self.width]
    }
}

/// The planes of one forward pass, all framed: `e` one more than `d` and `s`.
struct Passes<'a> {
    eroded: Vec<&'a mut [f32]>,
    taken: Vec<&'a mut [f32]>,
    skeleton: Vec<&'a mut [f32]>,
    opened: &'a mut [f32],
}

/// Planes of scratch that [`Passes`] takes.
fn planes(iterations: usize) -> usize {
    3 * iterations + 5
}

impl<'a> Passes<'a> {
    fn new(scratch: &'a mut [f32], iterations: usize, frame: Frame) -> Self {
        let mut parts = scratch.chunks_exact_mut(frame.len());
        let mut take = |count: usize| parts.by_ref().take(count).collect::<Vec<_>>();
        let eroded = take(iterations + 2);
        let taken = take(iterations + 1);
        let skeleton = take(iterations + 1);
        // One plane was counted for it.
        let opened = take(1).remove(0);
        Self {
            eroded,
            taken,
            skeleton,
            opened,
        }
    }

    /// Everything up to the skeleton of `x`, which is the last of `skeleton`.
    #[inline(always)]
    fn run(&mut self, x: &[f32], frame: Frame) {
        for (y, row) in x.chunks_exact(frame.width).enumerate() {
            self.eroded[0][frame.row(y)..][..frame.width].copy_from_slice(row);
        }
        for pass in 0..self.taken.len() {
            let (before, after) = self.eroded.split_at_mut(pass + 1);
            let (before, after) = (&mut *before[pass], &mut *after[0]);
            frame.rim(before, f32::INFINITY);
            erode(before, after, frame);
            frame.rim(after, f32::NEG_INFINITY);
            dilate(after, self.opened, frame);
            for y in 0..frame.height {
                let at = frame.row(y)..frame.row(y) + frame.width;
                let (e, o) = (&before[at.clone()], &self.opened[at.clone()]);
                let d = &mut self.taken[pass][at.clone()];
                for ((d, &e), &o) in d.iter_mut().zip(e).zip(o) {
                    *d = relu(e - o);
                }
                if pass == 0 {
                    self.skeleton[0][at.clone()].copy_from_slice(&self.taken[0][at]);
                    continue;
                }
                let (old, new) = self.skeleton.split_at_mut(pass);
                let (old, new) = (&old[pass - 1][at.clone()], &mut new[0][at.clone()]);
                let d = &self.taken[pass][at];
                for ((new, &old), &d) in new.iter_mut().zip(old).zip(d) {
                    *new = old + relu(d - old * d);
                }
            }
        }
    }
}

/// `max(0, x)` that lets NaN through.
#[inline(always)]
fn relu(x: f32) -> f32 {
    if x < 0.0 { 0.0 } else { x }
}

/// `x` has a rim of +∞.
#[inline(always)]
fn erode(x: &[f32], to: &mut [f32], frame: Frame) {
    for y in 0..frame.height {
        let [up, own, down, left, right] = CROSS.map(|by| frame.moved(x, y, by));
        let to = &mut to[frame.row(y)..][..frame.width];
        for at in 0..to.len() {
            let mut least = own[at];
            for other in [up[at], down[at], left[at], right[at]] {
                least = if other < least { other } else { least };
            }
            to[at] = least;
        }
    }
}

/// `x` has a rim of −∞.
#[inline(always)]
fn dilate(x: &[f32], to: &mut [f32], frame: Frame) {
    for y in 0..frame.height {
        let rows = SQUARE.map(|by| frame.moved(x, y, by));
        let to = &mut to[frame.row(y)..][..frame.width];
        for at in 0..to.len() {
            let mut most = rows[4][at];
            for row in &rows {
                most = if row[at] > most { row[at] } else { most };
            }
            to[at] = most;
        }
    }
}

/// Which neighbour of `by` [`erode`] (`LEAST`) or [`dilate`] took: the first of equals.
#[inline(always)]
fn choose<const N: usize, const LEAST: bool>(
    x: &[f32],
    by: [[isize; 2]; N],
    choice: &mut [f32],
    frame: Frame,
) {
    for y in 0..frame.height {
        let rows = by.map(|by| frame.moved(x, y, by));
        let choice = &mut choice[frame.row(y)..][..frame.width];
        for at in 0..choice.len() {
            let (mut best, mut which) = (rows[0][at], 0.0);
            for (index, row) in rows.iter().enumerate().skip(1) {
                let better = if LEAST {
                    row[at] < best
                } else {
                    row[at] > best
                };
                best = if better { row[at] } else { best };
                which = if better { index as f32 } else { which };
            }
            choice[at] = which;
        }
    }
}

/// Adds to `to` what each pixel gets from those that chose it; `grad` and `choice` have a rim that
/// chose nobody.
#[inline(always)]
fn scatter<const N: usize>(
    grad: &[f32],
    choice: &[f32],
    by: [[isize; 2]; N],
    to: &mut [f32],
    frame: Frame,
) {
    for y in 0..frame.height {
        let away = by.map(|[down, right]| [-down, -right]);
        let grads = away.map(|by| frame.moved(grad, y, by));
        let choices = away.map(|by| frame.moved(choice, y, by));
        let to = &mut to[frame.row(y)..][..frame.width];
        for at in 0..to.len() {
            let mut sum = to[at];
            for index in 0..N {
                let own = choices[index][at] == index as f32;
                sum += if own { grads[index][at] } else { 0.0 };
            }
            to[at] = sum;
        }
    }
}

/// `[N, C, H, W]` → the skeleton of every plane.
pub fn forward(path: Path, x: View<'_>, iterations: usize, size: Size) -> Vec<f32> {
    let mut output = Output::new(size.pixels() * x.channels);
    let out = output.pointer();
    let frame = Frame {
        height: size.height,
        width: size.width,
    };
    (0..size.images * x.channels)
        .into_par_iter()
        .for_each(|plane| {
            let from = x.plane(plane / x.channels, plane % x.channels, size);
            // SAFETY: within the output; this plane belongs to this task.
            let to = unsafe { out.slice(plane * size.plane(), size.plane()) };
            with_scratch(planes(iterations) * frame.len(), |scratch| {
                let mut passes = Passes::new(scratch, iterations, frame);
                path.compiled(|| passes.run(from, frame));
                for (y, row) in to.chunks_exact_mut(frame.width).enumerate() {
                    let last = &passes.skeleton[iterations][frame.row(y)..];
                    row.copy_from_slice(&last[..frame.width]);
                }
            });
        });
    // SAFETY: every plane has been written.
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
    let frame = Frame {
        height: size.height,
        width: size.width,
    };
    (0..size.images * x.channels)
        .into_par_iter()
        .for_each(|plane| {
            let (image, channel) = (plane / x.channels, plane % x.channels);
            let from = x.plane(image, channel, size);
            let grad = grad.plane(image, channel, size);
            // SAFETY: within the output; this plane belongs to this task.
            let to = unsafe { out.slice(plane * size.plane(), size.plane()) };
            with_scratch((planes(iterations) + 4) * frame.len(), |scratch| {
                let (own, scratch) = scratch.split_at_mut(4 * frame.len());
                let mut passes = Passes::new(scratch, iterations, frame);
                path.compiled(|| {
                    passes.run(from, frame);
                    backward_plane(&mut passes, grad, own, to, frame);
                });
            });
        });
    // SAFETY: every plane has been written.
    unsafe { output.finish() }
}

#[inline(always)]
fn backward_plane(
    passes: &mut Passes<'_>,
    grad: &[f32],
    own: &mut [f32],
    to: &mut [f32],
    frame: Frame,
) {
    let width = frame.width;
    let (of_skeleton, own) = own.split_at_mut(frame.len());
    let (of_eroded, own) = own.split_at_mut(frame.len());
    let (of_opened, choice) = own.split_at_mut(frame.len());
    for (y, row) in grad.chunks_exact(width).enumerate() {
        of_skeleton[frame.row(y)..][..width].copy_from_slice(row);
    }
    // Gradient of the deepest erosion: nothing yet.
    of_eroded.fill(0.0);
    choice.fill(-1.0);
    of_opened.fill(0.0);
    for pass in (0..passes.taken.len()).rev() {
        // dᵢ and sᵢ₋₁ from sᵢ; −dᵢ's goes on to the opening.
        for y in 0..frame.height {
            let at = frame.row(y)..frame.row(y) + width;
            let d = &passes.taken[pass][at.clone()];
            let grad = &mut of_skeleton[at.clone()];
            let of_opened = &mut of_opened[at.clone()];
            if pass == 0 {
                for ((to, &grad), &d) in of_opened.iter_mut().zip(&*grad).zip(d) {
                    *to = if d > 0.0 { -grad } else { 0.0 };
                }
                continue;
            }
            let s = &passes.skeleton[pass - 1][at];
            for (((to, grad), &d), &s) in of_opened.iter_mut().zip(grad).zip(d).zip(s) {
                let through = if d - s * d > 0.0 { *grad } else { 0.0 };
                let of_d = through * (1.0 - s);
                *grad -= through * d;
                *to = if d > 0.0 { -of_d } else { 0.0 };
            }
        }
        let (before, after) = passes.eroded.split_at_mut(pass + 1);
        let (before, after) = (&mut *before[pass], &mut *after[0]);
        frame.rim(after, f32::NEG_INFINITY);
        choose::<9, false>(after, SQUARE, choice, frame);
        scatter(of_opened, choice, SQUARE, of_eroded, frame);
        frame.rim(before, f32::INFINITY);
        choose::<5, true>(before, CROSS, choice, frame);
        // What reaches the shallower erosion: as minuend of dᵢ, and through the deeper one.
        let moved = &mut *passes.opened;
        for y in 0..frame.height {
            let at = frame.row(y)..frame.row(y) + width;
            let of_opened = &of_opened[at.clone()];
            for (to, &grad) in moved[at].iter_mut().zip(of_opened) {
                *to = -grad;
            }
        }
        scatter(of_eroded, choice, CROSS, moved, frame);
        for y in 0..frame.height {
            let at = frame.row(y)..frame.row(y) + width;
            of_eroded[at.clone()].copy_from_slice(&moved[at]);
        }
    }
    for (y, row) in to.chunks_exact_mut(width).enumerate() {
        row.copy_from_slice(&of_eroded[frame.row(y)..][..width]);
    }
}
