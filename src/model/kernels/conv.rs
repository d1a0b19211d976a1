//! Convolution with stride 1 that keeps the size, for any odd kernel: forward, gradient of the
//! input, gradient of the weights. The input may lie in several tensors, as if concatenated.
//! Kernels 3×3 of many channels go to [`winograd`]; here is what is left.
//!
//! A task takes some rows of an image (or several small images), copies them with a rim of zeros
//! into its own scratch, and multiplies: no matrix of unrolled windows is ever built.
#![expect(unsafe_code, reason = "tasks write to separate places of one output")]

use std::ops::Range;

use rayon::prelude::*;

use super::Path;
use super::band::{Band, Layout, Size, Source, View, pack_dense, pack_weights};
use super::memory::{Output, Shared, with_scratch};
use super::norm;
use super::sums::long_sum;
use super::tile::{Correlation, Product, correlate, product};
use super::winograd::{self, Bank};

/// Bytes of packed input that a task may have: half of a common second-level cache.
const CACHE: usize = 448 << 10;
/// Packed weights that are read over and over for every tile, rather than once per task.
const WEIGHTS_IN_CACHE: usize = 256 << 10;

/// Tasks that give every thread something to do even when one of them is held up.
pub fn wanted_tasks() -> usize {
    3 * rayon::current_num_threads()
}

/// Cuts a batch into groups of bands of which `planes` planes fit the cache, at least `least`
/// pixels each where that leaves enough groups.
pub fn cut(size: Size, pad: usize, planes: usize, groups: usize, least: usize) -> Vec<Layout> {
    let row = planes * (size.width + 2 * pad) * size_of::<f32>();
    let fitting = (CACHE / row.max(1)).saturating_sub(2 * pad).max(1);
    let rows_wanted = (size.images * size.height)
        .div_ceil(groups.max(1))
        .max(least.div_ceil(size.width.max(1)))
        .max(1);
    let rows = fitting.min(rows_wanted);
    let layout = |bands| Layout { size, pad, bands };
    if rows >= size.height {
        let together = (rows / size.height.max(1)).max(1);
        let images: Vec<usize> = (0..size.images).collect();
        let whole = |&image: &usize| Band {
            image,
            rows: 0..size.height,
        };
        return images
            .chunks(together)
            .map(|images| layout(images.iter().map(whole).collect()))
            .collect();
    }
    // Equal shares, rather than full ones and a small rest.
    let shares = size.height.div_ceil(rows);
    (0..size.images * shares)
        .map(|index| {
            let (image, share) = (index / shares, index % shares);
            let from = size.height * share / shares;
            let to = size.height * (share + 1) / shares;
            layout(vec![Band {
                image,
                rows: from..to,
            }])
        })
        .collect()
}

/// Cuts `0..len` into `parts` ranges of equal length, or nearly so.
fn ranges(len: usize, parts: usize) -> Vec<Range<usize>> {
    let parts = parts.clamp(1, len.max(1));
    (0..parts)
        .map(|part| len * part / parts..len * (part + 1) / parts)
        .collect()
}

/// One output of [`multiply`].
pub struct Pass<'a> {
    /// Packed.
    pub weights: &'a [f32],
    /// See [`pad_bias`].
    pub bias: Option<&'a [f32]>,
    /// Channels of the output.
    pub rows: usize,
}

/// Multiplies the windows of `input` by the weights of each pass; an output `[N, rows, H, W]` for
/// each.
pub fn multiply(
    path: Path,
    input: Source<'_>,
    pad: usize,
    passes: &[Pass<'_>],
    size: Size,
) -> Vec<Vec<f32>> {
    let planes = input.planes();
    let taps = (2 * pad + 1).pow(2);
    for pass in passes {
        let rows = pass.rows.next_multiple_of(path.rows());
        assert_eq!(pass.weights.len(), rows * planes * taps, "all weights");
        assert!(
            pass.bias.is_none_or(|bias| bias.len() == rows),
            "a bias for every row"
        );
    }
    let mut outputs: Vec<Output<f32>> = passes
        .iter()
        .map(|pass| Output::new(size.pixels() * pass.rows))
        .collect();
    let outs: Vec<Shared<f32>> = outputs.iter_mut().map(Output::pointer).collect();
    let weights: usize = passes.iter().map(|pass| size_of_val(pass.weights)).sum();
    let large = weights > WEIGHTS_IN_CACHE;
    let layouts = cut(size, pad, planes, wanted_tasks(), 256);
    let blocks = |pass: &Pass<'_>| pass.rows.div_ceil(path.rows());
    let most = passes.iter().map(blocks).max().unwrap_or(0);
    // Too few groups for the threads: the rows of the output are shared out too.
    let parts = wanted_tasks()
        .div_ceil(layouts.len().max(1))
        .min(most.div_ceil(4))
        .max(1);
    (0..layouts.len() * parts).into_par_iter().for_each(|task| {
        let (layout, part) = (&layouts[task / parts], task % parts);
        with_scratch(layout.scratch(planes), |scratch| {
            layout.pack(path, input, 0..planes, scratch);
            let taps = layout.taps();
            for (pass, out) in passes.iter().zip(&outs) {
                let (spans, split) = layout.spans(path, pass.rows * size.plane());
                let all = blocks(pass);
                let job = Product {
                    weights: pass.weights.as_ptr(),
                    bias: pass.bias.map_or(std::ptr::null(), <[f32]>::as_ptr),
                    x: scratch.as_ptr(),
                    planes,
                    plane_stride: layout.plane_stride(),
                    taps: &taps,
                    spans: &spans,
                    split,
                    blocks: all * part / parts..all * (part + 1) / parts,
                    block_by_block: large,
                    rows: pass.rows,
                    // SAFETY: the start of the buffer.
                    out: unsafe { out.at(0) },
                    out_stride: size.plane(),
                };
                // SAFETY: the scratch has room for a vector beyond the last pixel; weights and
                // bias are as long as said, see above; each pixel of each row of the output
                // belongs to one task.
                unsafe { product(path, &job) };
            }
        });
    });
    // SAFETY: the layouts cover all pixels, and the parts all rows.
    let finish = |output: Output<f32>| unsafe { output.finish() };
    outputs.into_iter().map(finish).collect()
}

/// What becomes of each number of an output.
#[derive(Debug, Clone, Copy, Default)]
pub struct After<'a> {
    /// For each channel what it is multiplied with; 1 if empty.
    pub scale: &'a [f32],
    /// For each channel what is added then; nothing if empty.
    pub shift: &'a [f32],
    /// Whether max(0, x) is taken at last.
    pub rectify: bool,
}

impl<'a> After<'a> {
    /// Only something added.
    pub fn bias(shift: &'a [f32]) -> Self {
        Self {
            shift,
            ..Self::default()
        }
    }

    /// What becomes of these channels.
    pub fn of(self, channels: Range<usize>) -> Self {
        let some = |given: &'a [f32]| given.get(channels.clone()).unwrap_or_default();
        Self {
            scale: some(self.scale),
            shift: some(self.shift),
            ..self
        }
    }
}

/// Zeros added to the end, for the rows of the last block of weights that are not there.
pub fn pad_bias(path: Path, bias: &[f32]) -> Vec<f32> {
    let mut padded = bias.to_vec();
    padded.resize(bias.len().next_multiple_of(path.rows()), 0.0);
    padded
}

/// `inputs` (`[N, I, H, W]` together) and `weight` `[O, I, k, k]`, then `after` → `[N, O, H, W]`.
pub fn forward(
    path: Path,
    inputs: &[View<'_>],
    weight: &[f32],
    after: After<'_>,
    [outputs, kernel]: [usize; 2],
    size: Size,
) -> Vec<f32> {
    for given in [after.scale, after.shift] {
        assert!(
            given.is_empty() || given.len() == outputs,
            "{} numbers for {outputs} channels",
            given.len()
        );
    }
    let planes: usize = inputs.iter().map(|view| view.channels).sum();
    let taps = kernel * kernel;
    let of = |row, plane| (row * planes + plane) * taps;
    if kernel == 3 && winograd::pays(planes, outputs, size) {
        let bank = Bank {
            weights: weight,
            rows: outputs,
            planes,
            flip: false,
            of,
        };
        let mut found = winograd::convolve(path, inputs, &bank, after, &[outputs], size);
        return found.pop().unwrap_or_default();
    }
    let packed = pack_weights(path, weight, [outputs, planes, taps], false, of);
    let plain = after.scale.is_empty() && !after.rectify;
    let padded = (plain && !after.shift.is_empty()).then(|| pad_bias(path, after.shift));
    let pass = Pass {
        weights: &packed,
        bias: padded.as_deref(),
        rows: outputs,
    };
    let mut found = multiply(path, Source::Channels(inputs), kernel / 2, &[pass], size);
    let mut found = found.pop().unwrap_or_default();
    if !plain {
        let each = |given: &[f32], otherwise| match given {
            [] => vec![otherwise; outputs],
            given => given.to_vec(),
        };
        let (scale, shift) = (each(after.scale, 1.0), each(after.shift, 0.0));
        norm::rescale(path, &mut found, [&scale, &shift], after.rectify, size);
    }
    found
}

/// Gradient of the input: for each range of its channels in `wanted`, `[N, range, H, W]`.
/// `grad` is `[N, O, H, W]`, `weight` `[O, inputs, k, k]`.
pub fn data_gradient(
    path: Path,
    grad: View<'_>,
    weight: &[f32],
    [inputs, kernel]: [usize; 2],
    wanted: &[Range<usize>],
    size: Size,
) -> Vec<Vec<f32>> {
    let taps = kernel * kernel;
    let rows: usize = wanted.iter().map(Range::len).sum();
    if kernel == 3 && winograd::pays(grad.channels, rows, size) {
        let channels: Vec<usize> = wanted.iter().cloned().flatten().collect();
        let of = |row: usize, plane| (plane * inputs + channels[row]) * taps;
        let bank = Bank {
            weights: weight,
            rows,
            planes: grad.channels,
            flip: true,
            of,
        };
        let rows: Vec<usize> = wanted.iter().map(Range::len).collect();
        return winograd::convolve(path, &[grad], &bank, After::default(), &rows, size);
    }
    let packed: Vec<Vec<f32>> = wanted
        .iter()
        .map(|range| {
            // A correlation with the kernel turned around.
            let of = |row, plane| (plane * inputs + range.start + row) * taps;
            pack_weights(path, weight, [range.len(), grad.channels, taps], true, of)
        })
        .collect();
    let passes: Vec<Pass<'_>> = packed
        .iter()
        .zip(wanted)
        .map(|(weights, range)| Pass {
            weights,
            bias: None,
            rows: range.len(),
        })
        .collect();
    multiply(path, Source::Channels(&[grad]), kernel / 2, &passes, size)
}

/// Gradient of the weights: `grad` `[N, O, H, W]` and `inputs` (`[N, I, H, W]` together) →
/// `[O, I, k, k]`.
pub fn weight_gradient(
    path: Path,
    inputs: &[View<'_>],
    grad: View<'_>,
    kernel: usize,
    size: Size,
) -> Vec<f32> {
    let planes: usize = inputs.iter().map(|view| view.channels).sum();
    if kernel == 3 && winograd::pays(planes, grad.channels, size) {
        return winograd::weight_gradient(path, inputs, grad, size);
    }
    correlate_all(path, Source::Channels(inputs), grad, kernel / 2, size)
}

/// Sum over all pixels of `y` (`[N, rows, H, W]`, read as it stands) times the windows of `x`:
/// `[rows, planes of x, k, k]`.
pub fn correlate_all(path: Path, x: Source<'_>, y: View<'_>, pad: usize, size: Size) -> Vec<f32> {
    let planes = x.planes();
    let taps = (2 * pad + 1).pow(2);
    let total = y.channels * planes * taps;
    if size.images == 0 {
        return vec![0.0; total];
    }
    assert!(y.is_whole(size), "a gradient for every number");
    // Few pixels: each task takes all of them for some planes. Many pixels: they are shared out
    // too, and the partial sums added at the end.
    let shares = (size.pixels() / 4096).clamp(1, wanted_tasks());
    let parts = ranges(
        planes,
        wanted_tasks().div_ceil(shares).max(planes.div_ceil(32)),
    );
    let widest = parts.iter().map(Range::len).max().unwrap_or(0);
    let layouts = cut(size, pad, widest, shares, 4096);
    let shares = ranges(layouts.len(), shares);
    let mut sums = Output::new(shares.len() * total);
    let out = sums.pointer();
    (0..shares.len() * parts.len())
        .into_par_iter()
        .for_each(|task| {
            let (share, part) = (task / parts.len(), &parts[task % parts.len()]);
            for index in shares[share].clone() {
                let first = index == shares[share].start;
                // SAFETY: within the buffer: this task's share of the sums, its first column.
                let out = unsafe { out.at(share * total + part.start * taps) };
                correlate_band(path, &layouts[index], x, part.clone(), y, |job| {
                    Correlation {
                        out,
                        out_stride: planes * taps,
                        add: !first,
                        ..job
                    }
                });
            }
        });
    // SAFETY: every share has at least one layout, and every part has written its columns.
    let sums = unsafe { sums.finish() };
    add_up(sums, total)
}

/// Packs the planes of one task and correlates them with `y`, written where `place` says.
fn correlate_band(
    path: Path,
    layout: &Layout,
    x: Source<'_>,
    planes: Range<usize>,
    y: View<'_>,
    place: impl Fn(Correlation<'_>) -> Correlation<'_>,
) {
    let (mut spans, split) = layout.spans(path, y.image_stride);
    let count = planes.len();
    let packed_len = layout.scratch(count).next_multiple_of(16);
    let dense = !layout.is_even(path);
    let dense_len = if dense {
        y.channels * spans.len() * path.lanes()
    } else {
        0
    };
    with_scratch(packed_len + dense_len, |scratch| {
        let (packed, copy) = scratch.split_at_mut(packed_len);
        layout.pack(path, x, planes, &mut packed[..layout.scratch(count)]);
        let (y_start, y_stride) = if dense {
            pack_dense(path, y, layout.size, &mut spans, copy);
            (copy.as_ptr(), spans.len() * path.lanes())
        } else {
            (y.data.as_ptr(), layout.size.plane())
        };
        let taps = layout.taps();
        let columns: Vec<usize> = (0..count)
            .flat_map(|plane| taps.iter().map(move |tap| (plane, tap)))
            .map(|(plane, tap)| plane * layout.plane_stride() + tap)
            .collect();
        let job = place(Correlation {
            x: packed.as_ptr(),
            columns: &columns,
            y: y_start,
            y_stride,
            rows: y.channels,
            spans: &spans,
            split,
            out: std::ptr::null_mut(),
            out_stride: 0,
            add: false,
        });
        // SAFETY: the scratch has room for a vector beyond the last pixel, and where `y`, which is
        // whole, is read in place every lane is a pixel; no other task writes these columns.
        unsafe { correlate(path, &job) };
    });
}

/// Adds the partial sums, which lie one after the other.
fn add_up(mut sums: Vec<f32>, total: usize) -> Vec<f32> {
    if sums.len() > total {
        let (first, others) = sums.split_at_mut(total);
        for other in others.chunks_exact(total) {
            for (sum, part) in first.iter_mut().zip(other) {
                *sum += part;
            }
        }
        sums.truncate(total);
    }
    sums
}

/// Sum of each channel over images and pixels: the gradient of a bias.
pub fn channel_sums(grad: View<'_>, size: Size) -> Vec<f32> {
    (0..grad.channels)
        .into_par_iter()
        .map(|channel| {
            let planes = (0..size.images).map(|image| grad.plane(image, channel, size));
            planes.map(|plane| long_sum([plane])).sum::<f64>() as f32
        })
        .collect()
}
