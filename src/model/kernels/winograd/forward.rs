//! Forward pass and gradient of the input.
#![expect(
    clippy::needless_range_loop,
    reason = "rows in registers: constant bounds that the compiler unrolls"
)]
#![expect(
    unsafe_code,
    reason = "tasks write to separate places of shared buffers"
)]

use std::ops::Range;

use rayon::prelude::*;

use super::super::Path;
use super::super::band::{Size, View};
use super::super::conv::After;
use super::super::memory::{Output, Shared, with_scratch};
use super::super::simd::{Vector, with_vector};
use super::pieces::{Piece, Points, cut, enter_all, leave, packed_most, shares, tiles};
use super::product::{Matrices, multiply};
use super::transform::{POINTS, SQUARE, kernel};
use super::{blocks_at_once, tiles_in_cache};

/// Numbers of a kernel.
const TAPS: usize = 9;
/// Blocks of channels (a vector each) that the product has side by side.
const PANEL: usize = 2;
/// Blocks whose numbers at the points a task holds before it takes them back to pixels.
const BLOCKS: usize = 4;

/// Kernels as they are in the network.
pub struct Bank<'a, F> {
    pub weights: &'a [f32],
    /// Channels of the output, and of the input.
    pub rows: usize,
    pub planes: usize,
    /// The nine numbers of a pair are read backwards.
    pub flip: bool,
    /// `of(row, plane)` says where the nine numbers of that pair start in `weights`.
    pub of: F,
}

/// Kernels at the points: `[points][panels][planes][up to PANEL vectors of rows]`.
struct Kernels {
    values: Vec<f32>,
    point_step: usize,
    planes: usize,
    rows: usize,
}

/// `G g Gᵀ` of the kernels of these rows.
fn transformed(
    path: Path,
    bank: &Bank<'_, impl Fn(usize, usize) -> usize + Sync>,
    chosen: Range<usize>,
) -> Kernels {
    let &Bank {
        weights,
        planes,
        flip,
        ..
    } = bank;
    let rows = chosen.len();
    let of = |row, plane| (bank.of)(chosen.start + row, plane);
    let lanes = path.lanes();
    let blocks = rows.div_ceil(lanes);
    // A line more, so that the points of a pair don't all fall into the same set of the cache.
    let point_step = planes * blocks * lanes + 16;
    let mut output = Output::new(SQUARE * point_step);
    let out = output.pointer();
    let parts = shares(planes, planes.div_ceil(16));
    (0..blocks * parts.len()).into_par_iter().for_each(|task| {
        let (block, part) = (task / parts.len(), &parts[task % parts.len()]);
        let width = PANEL.min(blocks - block / PANEL * PANEL) * lanes;
        let panel = block / PANEL * PANEL * lanes * planes + block % PANEL * lanes;
        with_vector!(path, V => {
            for plane in part.clone() {
                let mut numbers = [[0f32; 16]; 16];
                let place = |lane: usize| of(block * lanes + lane, plane);
                let there = V::LANES.min(rows - block * lanes);
                let within = |lane| place(lane) + V::LANES.max(TAPS) <= weights.len();
                if there == V::LANES && (0..there).all(within) {
                    // SAFETY: as much can be read from every lane's place.
                    unsafe { turn::<V>(|lane| weights.as_ptr().add(place(lane)), &mut numbers) };
                } else {
                    for lane in 0..there {
                        let taps = &weights[place(lane)..][..TAPS];
                        for (to, &tap) in numbers.iter_mut().zip(taps) {
                            to[lane] = tap;
                        }
                    }
                }
                // SAFETY: `with_vector` gives what the processor has; every row of `numbers` is as
                // long as any vector; this plane of this block belongs to this task.
                unsafe {
                    let at = |y: usize, x: usize| {
                        let tap = 3 * y + x;
                        V::load(numbers[if flip { TAPS - 1 - tap } else { tap }].as_ptr())
                    };
                    let mut turned = [[V::zero(); POINTS]; 3];
                    for (x, turned) in turned.iter_mut().enumerate() {
                        *turned = kernel([at(0, x), at(1, x), at(2, x)]);
                    }
                    for y in 0..POINTS {
                        let row = kernel(std::array::from_fn(|x| turned[x][y]));
                        for (x, number) in row.into_iter().enumerate() {
                            let point = (y * POINTS + x) * point_step;
                            number.store(out.at(point + panel + plane * width));
                        }
                    }
                }
            }
        });
    });
    // What is between the points is never read.
    for point in 1..=SQUARE {
        // SAFETY: the sixteen numbers at the end of a point, within the buffer.
        unsafe { out.slice(point * point_step - 16, 16) }.fill(0.0);
    }
    Kernels {
        // SAFETY: every plane of every block has been written, and the gaps.
        values: unsafe { output.finish() },
        point_step,
        planes,
        rows,
    }
}

/// The nine numbers from `from(lane)` on: `to[tap][lane]`.
///
/// # Safety
/// The processor has the instructions of `V`; nine numbers, and a vector, can be read from each
/// place.
#[inline(always)]
unsafe fn turn<V: Vector>(from: impl Fn(usize) -> *const f32, to: &mut [[f32; 16]; 16]) {
    let to = to.as_mut_ptr().cast::<f32>();
    let mut done = 0;
    while done < TAPS {
        // The last square reaches back where a vector is shorter.
        let start = done.min(TAPS.saturating_sub(V::LANES));
        // SAFETY: as promised; `to` has room for as many taps as a vector has lanes.
        unsafe {
            V::transpose(
                |lane| from(lane).add(start),
                |tap| to.add((start + tap) * 16),
            );
        }
        done = start + V::LANES;
    }
}

/// Everything that the tasks share.
struct Job<'a> {
    inputs: &'a [View<'a>],
    kernels: &'a Kernels,
    after: After<'a>,
    /// Of each channel the plane of the first image, and how far it is to the next image's.
    outputs: &'a [(Shared<f32>, usize)],
    size: Size,
}

/// The windows of `inputs` (`[N, I, H, W]` together) times the kernels, and `after` of each number:
/// the first `rows[0]` channels as `[N, rows[0], H, W]`, and so on for all kernels.
pub fn convolve(
    path: Path,
    inputs: &[View<'_>],
    bank: &Bank<'_, impl Fn(usize, usize) -> usize + Sync>,
    after: After<'_>,
    rows: &[usize],
    size: Size,
) -> Vec<Vec<f32>> {
    assert_eq!(rows.iter().sum::<usize>(), bank.rows, "all channels");
    let output = |rows: &usize| Output::new(size.pixels() * rows);
    let mut results: Vec<Output<f32>> = rows.iter().map(output).collect();
    let mut outputs = Vec::with_capacity(bank.rows);
    for (result, &rows) in results.iter_mut().zip(rows) {
        let start = result.pointer();
        for row in 0..rows {
            // SAFETY: the start of a plane of the first image.
            let plane = unsafe { start.offset(row * size.plane()) };
            outputs.push((plane, rows * size.plane()));
        }
    }
    let at_once = blocks_at_once(bank.planes, path.lanes(), PANEL) * path.lanes();
    for first in (0..bank.rows).step_by(at_once) {
        let chosen = first..bank.rows.min(first + at_once);
        let job = Job {
            inputs,
            kernels: &transformed(path, bank, chosen.clone()),
            after: after.of(chosen.clone()),
            outputs: &outputs[chosen],
            size,
        };
        convolve_all(path, &job);
    }
    // SAFETY: all pixels of all channels have been written.
    let finish = |result: Output<f32>| unsafe { result.finish() };
    results.into_iter().map(finish).collect()
}

/// Shares the work out; all pixels of all channels are written.
fn convolve_all(path: Path, job: &Job<'_>) {
    let (lanes, kernels) = (path.lanes(), job.kernels);
    let blocks = kernels.rows.div_ceil(lanes);
    let held = kernels.planes.next_multiple_of(lanes) + BLOCKS.min(blocks) * lanes;
    let threads = rayon::current_num_threads();
    let groups = cut(job.size, tiles_in_cache(held), 3 * threads);
    // Too few groups for the threads: the blocks are shared out too, panel by panel.
    let fair = |&parts: &usize| {
        let tasks = groups.len() * parts;
        tasks >= 3 * threads || tasks.is_multiple_of(threads)
    };
    let panels = blocks.div_ceil(PANEL);
    let parts = shares(panels, (1..).find(fair).unwrap_or(1));
    (0..groups.len() * parts.len())
        .into_par_iter()
        .for_each(|task| {
            let (pieces, part) = (&groups[task / parts.len()], &parts[task % parts.len()]);
            let part = part.start * PANEL..blocks.min(part.end * PANEL);
            let plan = Plan::new(kernels.planes, pieces, part, lanes);
            with_scratch(plan.len(), |scratch| {
                with_vector!(path, V => {
                    // SAFETY: `with_vector` gives what the processor has; the pixels of these
                    // pieces and blocks belong to this task.
                    unsafe { convolve_pieces::<V>(job, pieces, &plan, scratch) }
                });
            });
        });
}

/// What a task has in its scratch.
struct Plan {
    /// Blocks of the output to compute.
    blocks: Range<usize>,
    /// Tiles, rounded up to what the product wants.
    rows: usize,
    /// Numbers of packed pixels.
    packed: usize,
    /// From a tile to the next, and from a point to the next: of the input and of the output.
    tile_steps: [usize; 2],
    point_steps: [usize; 2],
}

impl Plan {
    fn new(planes: usize, pieces: &[Piece], blocks: Range<usize>, lanes: usize) -> Self {
        let rows = tiles(pieces).next_multiple_of(2);
        let held = BLOCKS.min(blocks.len());
        let tile_steps = [planes.next_multiple_of(lanes), held * lanes];
        Self {
            blocks,
            rows,
            packed: packed_most(pieces, 1, lanes),
            tile_steps,
            // A line more, so that the points of a tile don't all fall into the same set of the
            // cache.
            point_steps: tile_steps.map(|step| rows * step + 16),
        }
    }

    fn len(&self) -> usize {
        self.packed + SQUARE * (self.point_steps[0] + self.point_steps[1])
    }
}

/// # Safety
/// The processor has the instructions of `V`; `plan` is for these pieces and `scratch` as long as
/// it says; the pixels of the pieces belong to this call in all channels of its blocks.
#[inline(always)]
unsafe fn convolve_pieces<V: Vector>(
    job: &Job<'_>,
    pieces: &[Piece],
    plan: &Plan,
    scratch: &mut [f32],
) {
    let (packed, rest) = scratch.split_at_mut(plan.packed);
    let (from, to) = rest.split_at_mut(SQUARE * plan.point_steps[0]);
    let at = |start: &mut [f32], of: usize| Points {
        start: start.as_mut_ptr(),
        point_step: plan.point_steps[of],
        tile_step: plan.tile_steps[of],
    };
    let (from, to) = (at(from, 0), at(to, 1));
    // SAFETY: as promised; `from` has room for all tiles and planes of the input.
    unsafe { enter_all::<V>(job.inputs, pieces, job.size, from, packed) };
    for start in plan.blocks.clone().step_by(BLOCKS) {
        let blocks = start..plan.blocks.end.min(start + BLOCKS);
        for point in 0..SQUARE {
            // SAFETY: `from` is written, but for what comes after an odd number of tiles: any
            // numbers of the scratch, whose products nobody reads. `to` has room for all of them.
            unsafe { multiply_point::<V>(job.kernels, plan.rows, point, blocks.clone(), from, to) };
        }
        for block in blocks {
            // SAFETY: as the caller promises; these tiles of this block have been computed.
            unsafe {
                let to = to.offset(0, (block - start) * V::LANES);
                leave_all::<V>(job, pieces, block, to);
            }
        }
    }
}

/// # Safety
/// `from` and `to` are as [`convolve_pieces`] makes them.
#[inline(always)]
unsafe fn multiply_point<V: Vector>(
    kernels: &Kernels,
    rows: usize,
    point: usize,
    blocks: Range<usize>,
    from: Points,
    to: Points,
) {
    for block in blocks.clone().step_by(PANEL) {
        let width = PANEL.min(kernels.rows.div_ceil(V::LANES) - block);
        let first = point * kernels.point_step + block * V::LANES * kernels.planes;
        // SAFETY: the matrices are as large as said where they were made; `width` of the blocks
        // from this one on are one panel.
        unsafe {
            let place = point * to.point_step + (block - blocks.start) * V::LANES;
            let matrices = Matrices {
                a: from.start.add(point * from.point_step),
                a_steps: [from.tile_step, 1],
                b: kernels.values.as_ptr().add(first),
                b_step: width * V::LANES,
                c: to.start.add(place),
                c_step: to.tile_step,
                depth: kernels.planes,
                add: false,
            };
            if width == PANEL {
                multiply::<V, PANEL>(rows, matrices);
            } else {
                multiply::<V, 1>(rows, matrices);
            }
        }
    }
}

/// Takes all tiles of `block` back to pixels.
///
/// # Safety
/// `from` starts at this block; its pixels belong to this call.
#[inline(always)]
unsafe fn leave_all<V: Vector>(job: &Job<'_>, pieces: &[Piece], block: usize, from: Points) {
    let channels = block * V::LANES..job.kernels.rows.min((block + 1) * V::LANES);
    let (mut scale, mut shift) = ([1f32; 16], [0f32; 16]);
    for (all, given) in [(&mut scale, job.after.scale), (&mut shift, job.after.shift)] {
        if let Some(given) = given.get(channels.clone()) {
            all[..given.len()].copy_from_slice(given);
        }
    }
    let floor = if job.after.rectify {
        0.0
    } else {
        f32::NEG_INFINITY
    };
    let mut planes = [std::ptr::null_mut(); 16];
    let mut first = 0;
    for piece in pieces {
        let outputs = &job.outputs[channels.clone()];
        // SAFETY: as promised.
        unsafe {
            for (plane, (start, image_step)) in planes.iter_mut().zip(outputs) {
                *plane = start.at(piece.image * image_step);
            }
            let planes = &planes[..outputs.len()];
            let after = [
                V::load(scale.as_ptr()),
                V::load(shift.as_ptr()),
                V::fill(floor),
            ];
            leave::<V>(from.offset(first, 0), piece, job.size, after, planes);
        }
        first += piece.tiles();
    }
}
