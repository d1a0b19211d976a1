//! Gradient of the weights.
#![expect(
    clippy::needless_range_loop,
    reason = "tiles in registers: constant bounds that the compiler unrolls"
)]
#![expect(
    unsafe_code,
    reason = "tasks write to separate places of shared buffers"
)]

use std::ops::Range;

use rayon::prelude::*;

use super::super::Path;
use super::super::band::{Size, View};
use super::super::memory::{Output, Shared, with_scratch};
use super::super::simd::{Vector, with_vector};
use super::pieces::{Piece, Points, cut, enter_all, enter_gradients, packed_most, shares, tiles};
use super::product::{Matrices, multiply};
use super::transform::{POINTS, SQUARE, weights};
use super::{blocks_at_once, tiles_in_cache};

/// Everything that the tasks share.
struct Job<'a> {
    inputs: &'a [View<'a>],
    /// Of all inputs together.
    channels: usize,
    grad: View<'a>,
    size: Size,
}

/// Numbers of a kernel.
const TAPS: usize = 9;
/// Bytes of sums up to which every thread has its own.
const OWN_SUMS: usize = 1 << 20;

/// `grad` `[N, O, H, W]` and `inputs` (`[N, I, H, W]` together) → `[O, I, 3, 3]`.
pub fn weight_gradient(path: Path, inputs: &[View<'_>], grad: View<'_>, size: Size) -> Vec<f32> {
    let channels: usize = inputs.iter().map(|view| view.channels).sum();
    let total = grad.channels * channels * TAPS;
    if size.images == 0 {
        return vec![0.0; total];
    }
    let mut output = Output::new(total);
    let job = Job {
        inputs,
        channels,
        grad,
        size,
    };
    let blocks = grad.channels.div_ceil(path.lanes());
    let at_once = blocks_at_once(channels, path.lanes(), 2);
    for first in (0..blocks).step_by(at_once) {
        let chosen = first..blocks.min(first + at_once);
        gradient_of_blocks(path, &job, &chosen, output.pointer());
    }
    // SAFETY: every block has written all pairs of its channels.
    unsafe { output.finish() }
}

/// The weights that lead to these blocks of the gradient's channels.
fn gradient_of_blocks(path: Path, job: &Job<'_>, chosen: &Range<usize>, to: Shared<f32>) {
    let &Job {
        channels,
        grad,
        size,
        ..
    } = job;
    let lanes = path.lanes();
    let rows = channels.next_multiple_of(lanes);
    let columns = chosen.len() * lanes;
    let threads = rayon::current_num_threads();
    let sums = SQUARE * rows * columns * size_of::<f32>();
    // Large sums: every task has some of the columns and all of the pixels. Small ones: every task
    // has all columns and some of the pixels, and what they found is added up.
    let parts = if sums > OWN_SUMS { threads } else { 1 };
    let parts = shares(chosen.len(), parts);
    let widest = parts.iter().map(Range::len).max().unwrap_or(0) * lanes;
    let groups = cut(size, tiles_in_cache(rows + widest), threads);
    let wanted = if threads > 1 { 2 * threads } else { 1 };
    let runs = if parts.len() > 1 { 1 } else { wanted };
    let runs = shares(groups.len(), runs);
    let point_step = rows * columns + 16;
    let len = SQUARE * point_step;
    let mut sums = Output::new(runs.len() * len);
    let out = sums.pointer();
    (0..runs.len() * parts.len())
        .into_par_iter()
        .for_each(|task| {
            let (run, part) = (task / parts.len(), &parts[task % parts.len()]);
            for index in runs[run].clone() {
                let blocks = chosen.start + part.start..chosen.start + part.end;
                let plan = Plan::new(channels, &groups[index], blocks, lanes);
                with_scratch(plan.len(), |scratch| {
                    with_vector!(path, V => {
                        // SAFETY: these columns of this run's sums belong to this task.
                        unsafe {
                            let sums = Points {
                                start: out.at(run * len + part.start * V::LANES),
                                point_step,
                                tile_step: columns,
                            };
                            let add = index > runs[run].start;
                            correlate::<V>(job, &groups[index], &plan, sums, add, scratch);
                        }
                    });
                });
            }
        });
    let row_parts = shares(channels, channels.div_ceil(16));
    (0..row_parts.len()).into_par_iter().for_each(|index| {
        for row in row_parts[index].clone() {
            for block in 0..chosen.len() {
                with_vector!(path, V => {
                    let mut numbers = [[0f32; 16]; 16];
                    // SAFETY: `with_vector` gives what the processor has; every run has written
                    // all rows and columns of all points.
                    unsafe {
                        let at = |point: usize| {
                            let place = point * point_step + row * columns + block * V::LANES;
                            let mut sum = V::load(out.at(place));
                            for run in 1..runs.len() {
                                sum = sum.plus(V::load(out.at(run * len + place)));
                            }
                            sum
                        };
                        let mut turned = [[V::zero(); 3]; POINTS];
                        for (x, turned) in turned.iter_mut().enumerate() {
                            *turned = weights(std::array::from_fn(|y| at(y * POINTS + x)));
                        }
                        for y in 0..3 {
                            let taps = weights(std::array::from_fn(|x| turned[x][y]));
                            for (x, tap) in taps.into_iter().enumerate() {
                                tap.store(numbers[3 * y + x].as_mut_ptr());
                            }
                        }
                    }
                    // A lane's numbers side by side.
                    let mut turned = [[0f32; 16]; 16];
                    for first in (0..TAPS).step_by(V::LANES) {
                        let to = turned.as_mut_ptr().cast::<f32>();
                        // SAFETY: both are squares of sixteen, as wide as any vector at least.
                        unsafe {
                            V::transpose(
                                |tap| numbers[(first + tap).min(15)].as_ptr(),
                                |lane| to.add(lane * 16 + first),
                            );
                        }
                    }
                    let first = (chosen.start + block) * V::LANES;
                    for lane in 0..V::LANES.min(grad.channels - first) {
                        let place = ((first + lane) * channels + row) * TAPS;
                        // SAFETY: the weights of this pair belong to this task.
                        let to = unsafe { to.slice(place, TAPS) };
                        to.copy_from_slice(&turned[lane][..TAPS]);
                    }
                });
            }
        }
    });
}

/// What a task has in its scratch.
struct Plan {
    /// Blocks of the gradient's channels.
    blocks: Range<usize>,
    tiles: usize,
    packed: usize,
    /// From a tile to the next, and from a point to the next: of the input and of the gradient.
    tile_steps: [usize; 2],
    point_steps: [usize; 2],
}

impl Plan {
    fn new(channels: usize, pieces: &[Piece], blocks: Range<usize>, lanes: usize) -> Self {
        let tiles = tiles(pieces);
        let tile_steps = [channels.next_multiple_of(lanes), blocks.len() * lanes];
        Self {
            blocks,
            tiles,
            packed: packed_most(pieces, 1, lanes),
            tile_steps,
            point_steps: tile_steps.map(|step| tiles * step + 16),
        }
    }

    fn len(&self) -> usize {
        self.packed + SQUARE * (self.point_steps[0] + self.point_steps[1])
    }
}

/// Sums over the tiles of `pieces`.
///
/// # Safety
/// The processor has the instructions of `V`; `plan` is for these pieces and `scratch` as long as
/// it says; `sums` has the plan's blocks of all rows of all points, and belongs to this call.
#[inline(always)]
unsafe fn correlate<V: Vector>(
    job: &Job<'_>,
    pieces: &[Piece],
    plan: &Plan,
    sums: Points,
    add: bool,
    scratch: &mut [f32],
) {
    let (packed, rest) = scratch.split_at_mut(plan.packed);
    let (x, y) = rest.split_at_mut(SQUARE * plan.point_steps[0]);
    let at = |start: &mut [f32], of: usize| Points {
        start: start.as_mut_ptr(),
        point_step: plan.point_steps[of],
        tile_step: plan.tile_steps[of],
    };
    let (x, y) = (at(x, 0), at(y, 1));
    let blocks = &plan.blocks;
    let channels = blocks.start * V::LANES..job.grad.channels.min(blocks.end * V::LANES);
    // SAFETY: as promised; both have room for all tiles and channels.
    unsafe {
        enter_all::<V>(job.inputs, pieces, job.size, x, packed);
        enter_gradients::<V>(job.grad, channels, pieces, job.size, y, packed);
    }
    for point in 0..SQUARE {
        for block in (0..blocks.len()).step_by(2) {
            // SAFETY: the matrices are as large as said where they were made.
            unsafe {
                let matrices = Matrices {
                    a: x.start.add(point * x.point_step),
                    a_steps: [1, x.tile_step],
                    b: y.start.add(point * y.point_step + block * V::LANES),
                    b_step: y.tile_step,
                    c: sums.start.add(point * sums.point_step + block * V::LANES),
                    c_step: sums.tile_step,
                    depth: plan.tiles,
                    add,
                };
                if block + 1 < blocks.len() {
                    multiply::<V, 2>(x.tile_step, matrices);
                } else {
                    multiply::<V, 1>(x.tile_step, matrices);
                }
            }
        }
    }
}
