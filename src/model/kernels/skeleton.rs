//! The soft skeleton of clDice (Shit et al. 2021): what openings take away at each of a number of
//! erosions. With its gradient.
//!
//! ```text
//! e₀ = x          eᵢ₊₁ = erode(eᵢ), the least of a pixel and its four neighbours
//! dᵢ = relu(eᵢ − dilate(eᵢ₊₁))    dilate: the largest of the 3 × 3 around a pixel
//! s₀ = d₀         sᵢ = sᵢ₋₁ + relu(dᵢ − sᵢ₋₁ dᵢ)
//! ```
//!
//! A strip of a plane is one task and passes all of it within the cache; the backward pass computes
//! the forward one again rather than keep it. Outside of the image there is nothing.
#![expect(unsafe_code, reason = "tasks write to separate places of one output")]

use std::ops::Range;

use rayon::prelude::*;

use super::Path;
use super::band::{Size, View};
use super::memory::{Output, with_scratch};

/// Neighbours of the cross, in the order in which the first of equals is taken: above, the pixel
/// itself, below, left, right.
const CROSS: [[isize; 2]; 5] = [[-1, 0], [0, 0], [1, 0], [0, -1], [0, 1]];
/// The 3 × 3 around a pixel is taken in two steps, the rows first: of equals the first, row by row, is
/// the first row's first.
const ROW: [[isize; 2]; 3] = [[0, -1], [0, 0], [0, 1]];
const COLUMN: [[isize; 2]; 3] = [[-1, 0], [0, 0], [1, 0]];
/// In place of a neighbour's number: none was chosen.
const NOBODY: f32 = -1.0;

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

    /// All rows from the first pixel to the last: what lies between two rows is passed along, so that
    /// one loop does for a plane. What it makes of the rim means nothing.
    fn all(self) -> Range<usize> {
        self.row(0)..self.row(self.height - 1) + self.width
    }

    /// All rows of `plane`, moved by `[down, right]`.
    fn moved(self, plane: &[f32], [down, right]: [isize; 2]) -> &[f32] {
        let by = down * self.pitch() as isize + right;
        let Range { start, end } = self.all();
        &plane[start.wrapping_add_signed(by)..end.wrapping_add_signed(by)]
    }
}

/// The planes of one forward pass, all framed: `e` one more than `d` and `s`.
struct Passes<'a> {
    eroded: Vec<&'a mut [f32]>,
    taken: Vec<&'a mut [f32]>,
    skeleton: Vec<&'a mut [f32]>,
    opened: &'a mut [f32],
    /// The largest of three in a row, half of a dilation.
    rows: &'a mut [f32],
}

/// Planes of scratch that [`Passes`] takes.
fn planes(iterations: usize) -> usize {
    3 * iterations + 6
}

impl<'a> Passes<'a> {
    fn new(scratch: &'a mut [f32], iterations: usize, frame: Frame) -> Self {
        let mut parts = scratch.chunks_exact_mut(frame.len());
        let mut take = |count: usize| parts.by_ref().take(count).collect::<Vec<_>>();
        let eroded = take(iterations + 2);
        let taken = take(iterations + 1);
        let skeleton = take(iterations + 1);
        // One plane each was counted for them.
        let (opened, rows) = (take(1).remove(0), take(1).remove(0));
        Self {
            eroded,
            taken,
            skeleton,
            opened,
            rows,
        }
    }

    /// Everything up to the skeleton of `x`, which is the last of `skeleton`.
    fn run(&mut self, path: Path, x: &[f32], frame: Frame) {
        for (y, row) in x.chunks_exact(frame.width).enumerate() {
            self.eroded[0][frame.row(y)..][..frame.width].copy_from_slice(row);
        }
        for pass in 0..self.taken.len() {
            let (before, after) = self.eroded.split_at_mut(pass + 1);
            let (before, after) = (&mut *before[pass], &mut *after[0]);
            frame.rim(before, f32::INFINITY);
            erode(path, before, after, frame);
            frame.rim(after, f32::NEG_INFINITY);
            dilate(path, after, [&mut *self.rows, &mut *self.opened], frame);
            let (old, new) = self.skeleton.split_at_mut(pass);
            let at = frame.all();
            let [e, o] = [&before[at.clone()], &self.opened[at.clone()]];
            let d = &mut self.taken[pass][at.clone()];
            let new = &mut new[0][at.clone()];
            match old.last() {
                None => path.compiled(
                    #[inline(always)]
                    || {
                        take(e, o, d);
                        new.copy_from_slice(d);
                    },
                ),
                Some(old) => path.compiled(
                    #[inline(always)]
                    || {
                        take(e, o, d);
                        join(&old[at], d, new);
                    },
                ),
            }
        }
    }
}

/// What an opening takes away.
#[inline(always)]
fn take(e: &[f32], o: &[f32], d: &mut [f32]) {
    for ((d, &e), &o) in d.iter_mut().zip(e).zip(o) {
        *d = relu(e - o);
    }
}

/// The skeleton with what was taken away.
#[inline(always)]
fn join(old: &[f32], d: &[f32], new: &mut [f32]) {
    for ((new, &old), &d) in new.iter_mut().zip(old).zip(d) {
        *new = old + relu(d - old * d);
    }
}

/// `max(0, x)` that lets NaN through.
#[inline(always)]
fn relu(x: f32) -> f32 {
    if x < 0.0 { 0.0 } else { x }
}

/// `x` has a rim of +∞.
fn erode(path: Path, x: &[f32], to: &mut [f32], frame: Frame) {
    let neighbours = CROSS.map(|by| frame.moved(x, by));
    let to = &mut to[frame.all()];
    path.compiled(
        #[inline(always)]
        || least_of_five(neighbours, to),
    );
}

/// `x` has a rim of −∞, and so has `rows` afterwards.
fn dilate(path: Path, x: &[f32], [rows, to]: [&mut [f32]; 2], frame: Frame) {
    largest_in_rows(path, x, rows, frame);
    largest(path, rows, COLUMN, to, frame);
}

/// The first half of [`dilate`].
fn largest_in_rows(path: Path, x: &[f32], rows: &mut [f32], frame: Frame) {
    largest(path, x, ROW, rows, frame);
    frame.rim(rows, f32::NEG_INFINITY);
}

/// The largest of three neighbours.
fn largest(path: Path, x: &[f32], by: [[isize; 2]; 3], to: &mut [f32], frame: Frame) {
    let neighbours = by.map(|by| frame.moved(x, by));
    let to = &mut to[frame.all()];
    path.compiled(
        #[inline(always)]
        || largest_of_three(neighbours, to),
    );
}

/// Which of three neighbours [`largest`] takes, as a number: the first of equals. The rim takes none.
fn choose_largest(path: Path, x: &[f32], by: [[isize; 2]; 3], choice: &mut [f32], frame: Frame) {
    let neighbours = by.map(|by| frame.moved(x, by));
    let chosen = &mut choice[frame.all()];
    path.compiled(
        #[inline(always)]
        || choose_of_three(neighbours, chosen),
    );
    frame.rim(choice, NOBODY);
}

/// Which neighbour [`erode`] takes, as a number: the first of equals. The rim takes none.
fn choose_least(path: Path, x: &[f32], choice: &mut [f32], frame: Frame) {
    let neighbours = CROSS.map(|by| frame.moved(x, by));
    let chosen = &mut choice[frame.all()];
    path.compiled(
        #[inline(always)]
        || choose_of_five(neighbours, chosen),
    );
    frame.rim(choice, NOBODY);
}

// Written out, one loop over rows side by side: an array of rows would be looked up for every pixel.

/// The smaller; the first where neither is, so that NaN there stays.
#[inline(always)]
fn less(a: f32, b: f32) -> f32 {
    if b < a { b } else { a }
}

/// The larger; the first where neither is.
#[inline(always)]
fn more(a: f32, b: f32) -> f32 {
    if b > a { b } else { a }
}

#[inline(always)]
fn least_of_five([up, own, down, left, right]: [&[f32]; 5], to: &mut [f32]) {
    let tall = own.iter().zip(up).zip(down);
    let wide = left.iter().zip(right);
    for ((to, ((&own, &up), &down)), (&left, &right)) in to.iter_mut().zip(tall).zip(wide) {
        *to = less(less(own, up), less(down, less(left, right)));
    }
}

#[inline(always)]
fn largest_of_three([a, own, b]: [&[f32]; 3], to: &mut [f32]) {
    for (((to, &a), &own), &b) in to.iter_mut().zip(a).zip(own).zip(b) {
        *to = more(more(own, a), b);
    }
}

#[inline(always)]
fn choose_of_three([a, b, c]: [&[f32]; 3], choice: &mut [f32]) {
    for (((choice, &a), &b), &c) in choice.iter_mut().zip(a).zip(b).zip(c) {
        let second = if b > a { 1.0 } else { 0.0 };
        *choice = if c > more(a, b) { 2.0 } else { second };
    }
}

#[inline(always)]
fn choose_of_five([up, own, down, left, right]: [&[f32]; 5], choice: &mut [f32]) {
    let tall = up.iter().zip(own).zip(down);
    let wide = left.iter().zip(right);
    for ((choice, ((&up, &own), &down)), (&left, &right)) in choice.iter_mut().zip(tall).zip(wide) {
        let two = less(up, own);
        let three = less(two, down);
        let four = less(three, left);
        let mut which = if own < up { 1.0 } else { 0.0 };
        which = if down < two { 2.0 } else { which };
        which = if left < three { 3.0 } else { which };
        *choice = if right < four { 4.0 } else { which };
    }
}

/// Adds to `to` what each pixel gets from those that chose it; the rim chose [`NOBODY`].
fn scatter(
    path: Path,
    grad: &[f32],
    choice: &[f32],
    by: &[[isize; 2]],
    to: &mut [f32],
    frame: Frame,
) {
    // A neighbour, and how the choice of it is written.
    let from = |index: usize| {
        let [down, right] = by[index];
        let away = [-down, -right];
        let (grad, choice) = (frame.moved(grad, away), frame.moved(choice, away));
        (grad, choice, index as f32)
    };
    let to = &mut to[frame.all()];
    let mut index = 0;
    while index + 3 <= by.len() {
        let three = [index, index + 1, index + 2].map(from);
        path.compiled(
            #[inline(always)]
            || gather_three(to, three),
        );
        index += 3;
    }
    for index in index..by.len() {
        let one = from(index);
        path.compiled(
            #[inline(always)]
            || gather(to, one),
        );
    }
}

/// Gradients of neighbours, what they chose, and the number of the choice that counts.
type Neighbour<'a> = (&'a [f32], &'a [f32], f32);

#[inline(always)]
fn gather(to: &mut [f32], (grad, choice, index): Neighbour<'_>) {
    for ((to, &grad), &choice) in to.iter_mut().zip(grad).zip(choice) {
        *to += if choice == index { grad } else { 0.0 };
    }
}

/// As [`gather`], three at once: sums are loaded and stored a third as often.
#[inline(always)]
fn gather_three(to: &mut [f32], [a, b, c]: [Neighbour<'_>; 3]) {
    let from = |(grad, choice, index): (f32, f32, f32)| if choice == index { grad } else { 0.0 };
    let (first, second, third) = (
        a.0.iter().zip(a.1),
        b.0.iter().zip(b.1),
        c.0.iter().zip(c.1),
    );
    let all = to.iter_mut().zip(first).zip(second).zip(third);
    for (((to, first), second), third) in all {
        *to += from((*first.0, *first.1, a.2))
            + from((*second.0, *second.1, b.2))
            + from((*third.0, *third.1, c.2));
    }
}

/// Numbers of scratch that a task works on at a time. Measured where a core has 1 MiB of second-level
/// cache: half and twice as many are slower.
const CACHED: usize = 1 << 19;

/// Some rows of a plane that are worked on by themselves, with as many around them as their results
/// depend on.
struct Strip {
    /// Rows of the plane whose results are right.
    rows: Range<usize>,
    /// All rows that are worked on.
    all: Range<usize>,
}

/// Strips that cover a plane; results depend on `reach` rows to each side, and `count` planes of
/// scratch are used.
fn strips(size: Size, reach: usize, count: usize) -> Vec<Strip> {
    let fitting = CACHED / (count * (size.width + 2)).max(1);
    let rows = fitting.saturating_sub(2 * reach).max(2 * reach).max(1);
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

/// Calls `work` for every strip of every plane of the output, with the strip, the index of image
/// and channel, and room for its rows.
fn for_strips(
    channels: usize,
    size: Size,
    strips: &[Strip],
    work: impl Fn(&Strip, [usize; 2], &mut [f32]) + Sync,
) -> Vec<f32> {
    let mut output = Output::new(size.pixels() * channels);
    let out = output.pointer();
    (0..size.images * channels * strips.len())
        .into_par_iter()
        .for_each(|task| {
            let (plane, strip) = (task / strips.len(), &strips[task % strips.len()]);
            let start = plane * size.plane() + strip.rows.start * size.width;
            // SAFETY: within the output; these rows belong to this task.
            let to = unsafe { out.slice(start, strip.rows.len() * size.width) };
            work(strip, [plane / channels, plane % channels], to);
        });
    // SAFETY: the strips cover every row of every plane.
    unsafe { output.finish() }
}

impl Strip {
    fn frame(&self, size: Size) -> Frame {
        Frame {
            height: self.all.len(),
            width: size.width,
        }
    }

    /// The rows of this strip in a plane.
    fn of<'a>(&self, plane: &'a [f32], size: Size) -> &'a [f32] {
        &plane[self.all.start * size.width..self.all.end * size.width]
    }

    /// Copies the rows that are right.
    fn take(&self, from: &[f32], to: &mut [f32], frame: Frame) {
        let skip = self.rows.start - self.all.start;
        for (y, row) in to.chunks_exact_mut(frame.width).enumerate() {
            row.copy_from_slice(&from[frame.row(y + skip)..][..frame.width]);
        }
    }
}

/// `[N, C, H, W]` → the skeleton of every plane.
pub fn forward(path: Path, x: View<'_>, iterations: usize, size: Size) -> Vec<f32> {
    let count = planes(iterations);
    // One row for each erosion, one for the last opening's dilation.
    let strips = strips(size, iterations + 2, count);
    for_strips(x.channels, size, &strips, |strip, [image, channel], to| {
        let frame = strip.frame(size);
        let from = strip.of(x.plane(image, channel, size), size);
        with_scratch(count * frame.len(), |scratch| {
            let mut passes = Passes::new(scratch, iterations, frame);
            passes.run(path, from, frame);
            strip.take(passes.skeleton[iterations], to, frame);
        });
    })
}

/// Gradient of the input of [`forward`].
pub fn backward(
    path: Path,
    x: View<'_>,
    grad: View<'_>,
    iterations: usize,
    size: Size,
) -> Vec<f32> {
    let count = planes(iterations) + 4;
    // There and back again.
    let strips = strips(size, 2 * (iterations + 2), count);
    for_strips(x.channels, size, &strips, |strip, [image, channel], to| {
        let frame = strip.frame(size);
        let from = strip.of(x.plane(image, channel, size), size);
        let grad = strip.of(grad.plane(image, channel, size), size);
        with_scratch(count * frame.len(), |scratch| {
            let (own, scratch) = scratch.split_at_mut(4 * frame.len());
            let mut passes = Passes::new(scratch, iterations, frame);
            passes.run(path, from, frame);
            let found = backward_strip(path, &mut passes, grad, own, frame);
            strip.take(found, to, frame);
        });
    })
}

/// The gradient, framed.
fn backward_strip<'a>(
    path: Path,
    passes: &mut Passes<'_>,
    grad: &[f32],
    own: &'a mut [f32],
    frame: Frame,
) -> &'a [f32] {
    let width = frame.width;
    let (of_skeleton, own) = own.split_at_mut(frame.len());
    let (of_eroded, own) = own.split_at_mut(frame.len());
    let (of_opened, choice) = own.split_at_mut(frame.len());
    for (y, row) in grad.chunks_exact(width).enumerate() {
        of_skeleton[frame.row(y)..][..width].copy_from_slice(row);
    }
    // Gradient of the deepest erosion: nothing yet.
    of_eroded.fill(0.0);
    for pass in (0..passes.taken.len()).rev() {
        // dᵢ and sᵢ₋₁ from sᵢ; −dᵢ's goes on to the opening.
        let at = frame.all();
        let d = &passes.taken[pass][at.clone()];
        let grad = &mut of_skeleton[at.clone()];
        let to = &mut of_opened[at.clone()];
        match pass {
            0 => path.compiled(
                #[inline(always)]
                || untake(d, grad, to),
            ),
            _ => path.compiled(
                #[inline(always)]
                || unjoin(&passes.skeleton[pass - 1][at], d, grad, to),
            ),
        }
        let (before, after) = passes.eroded.split_at_mut(pass + 1);
        let (before, after) = (&mut *before[pass], &mut *after[0]);
        frame.rim(after, f32::NEG_INFINITY);
        // Through the dilation, columns first; what is on the way is where the opening was.
        let (rows, way) = (&mut *passes.rows, &mut *passes.opened);
        largest_in_rows(path, after, rows, frame);
        choose_largest(path, rows, COLUMN, choice, frame);
        way.fill(0.0);
        scatter(path, of_opened, choice, &COLUMN, way, frame);
        choose_largest(path, after, ROW, choice, frame);
        scatter(path, way, choice, &ROW, of_eroded, frame);
        frame.rim(before, f32::INFINITY);
        choose_least(path, before, choice, frame);
        // What reaches the shallower erosion: as minuend of dᵢ, and through the deeper one.
        let moved = &mut *passes.opened;
        let (to, from) = (&mut moved[frame.all()], &of_opened[frame.all()]);
        path.compiled(
            #[inline(always)]
            || to.iter_mut().zip(from).for_each(|(to, grad)| *to = -grad),
        );
        scatter(path, of_eroded, choice, &CROSS, moved, frame);
        of_eroded.copy_from_slice(moved);
    }
    of_eroded
}

/// Minus the gradient of what was taken away, where anything was.
#[inline(always)]
fn untake(d: &[f32], grad: &[f32], to: &mut [f32]) {
    for ((to, &grad), &d) in to.iter_mut().zip(grad).zip(d) {
        *to = if d > 0.0 { -grad } else { 0.0 };
    }
}

/// As [`untake`], of the skeleton that `s` was before `d` joined it; `grad` becomes the gradient of
/// `s`.
#[inline(always)]
fn unjoin(s: &[f32], d: &[f32], grad: &mut [f32], to: &mut [f32]) {
    for (((to, grad), &d), &s) in to.iter_mut().zip(grad).zip(d).zip(s) {
        let through = if d - s * d > 0.0 { *grad } else { 0.0 };
        let of_d = through * (1.0 - s);
        *grad -= through * d;
        *to = if d > 0.0 { -of_d } else { 0.0 };
    }
}
