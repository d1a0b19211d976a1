//! Transposed convolution 2×2 with stride 2, and its gradients. No output pixel is reached from
//! two input pixels, so that all three are plain matrix products over pixels; what is left is to
//! put the four quarters of the output (even and odd rows and columns) where they belong.
#![expect(unsafe_code, reason = "tasks write to separate places of one output")]

use rayon::prelude::*;

use super::Path;
use super::band::{Size, Source, View, pack_weights};
use super::conv::{self, Pass, cut, pad_bias, wanted_tasks};
use super::memory::{Output, with_scratch};
use super::tile::{Product, product};

/// `x` `[N, I, H, W]`, `weight` `[I, O, 2, 2]`, `bias` `[O]` → `[N, O, 2H, 2W]`. `size` is that of
/// `x`.
pub fn forward(path: Path, x: View<'_>, weight: &[f32], bias: &[f32], size: Size) -> Vec<f32> {
    let outputs = bias.len();
    let (rows, planes) = (4 * outputs, x.channels);
    let of = |row, plane| plane * rows + row;
    let packed = pack_weights(path, weight, [rows, planes, 1], false, of);
    let repeated: Vec<f32> = bias.iter().flat_map(|&bias| [bias; 4]).collect();
    let bias = pad_bias(path, &repeated);
    let double = size.doubled();
    let mut output = Output::new(double.pixels() * outputs);
    let out = output.pointer();
    let layouts = cut(size, 0, planes + rows, wanted_tasks(), 256);
    layouts.into_par_iter().for_each(|layout| {
        let input_len = layout.scratch(planes).next_multiple_of(16);
        let pixels = layout.pixels();
        with_scratch(input_len + rows * pixels, |scratch| {
            let (input, quarters) = scratch.split_at_mut(input_len);
            let input = &mut input[..layout.scratch(planes)];
            layout.pack(path, Source::Channels(&[x]), 0..planes, input);
            let (spans, split) = layout.local_spans(path);
            let job = Product {
                weights: packed.as_ptr(),
                bias: bias.as_ptr(),
                x: input.as_ptr(),
                planes,
                plane_stride: layout.plane_stride(),
                taps: &[0],
                spans: &spans,
                split,
                blocks: 0..rows.div_ceil(path.rows()),
                block_by_block: false,
                rows,
                out: quarters.as_mut_ptr(),
                out_stride: pixels,
            };
            // SAFETY: both scratches have the room that `Layout` and `pixels` say, and this call
            // alone; weights and bias have been made for this many rows, see above.
            unsafe { product(path, &job) };
            for (row, pair) in quarters.chunks_exact(2 * pixels).enumerate() {
                let (channel, odd) = (row / 2, row % 2);
                let (even_columns, odd_columns) = pair.split_at(pixels);
                let columns = even_columns
                    .chunks_exact(size.width)
                    .zip(odd_columns.chunks_exact(size.width));
                let rows = layout
                    .bands
                    .iter()
                    .flat_map(|band| band.rows.clone().map(|y| (band.image, y)));
                for ((image, y), (even, odd_column)) in rows.zip(columns) {
                    let plane = (image * outputs + channel) * double.plane();
                    let start = plane + (2 * y + odd) * double.width;
                    // SAFETY: within the output; this row belongs to this band alone.
                    let to = unsafe { out.slice(start, double.width) };
                    let pairs = to.as_chunks_mut::<2>().0;
                    for ((to, &even), &odd) in pairs.iter_mut().zip(even).zip(odd_column) {
                        *to = [even, odd];
                    }
                }
            }
        });
    });
    // SAFETY: the bands cover all rows of all images, and each gives two rows of the output.
    unsafe { output.finish() }
}

/// Gradient of the input: `grad` `[N, O, 2H, 2W]` → `[N, inputs, H, W]`.
pub fn data_gradient(
    path: Path,
    grad: View<'_>,
    weight: &[f32],
    inputs: usize,
    size: Size,
) -> Vec<f32> {
    let planes = 4 * grad.channels;
    let of = |row, plane| row * planes + plane;
    let packed = pack_weights(path, weight, [inputs, planes, 1], false, of);
    let pass = Pass {
        weights: &packed,
        bias: None,
        rows: inputs,
    };
    let mut outputs = conv::multiply(path, Source::Quarters(grad), 0, &[pass], size);
    outputs.pop().unwrap_or_default()
}

/// Gradient of the weights, `[I, O, 2, 2]`; `x` has to stand as it is read.
pub fn weight_gradient(path: Path, x: View<'_>, grad: View<'_>, size: Size) -> Vec<f32> {
    conv::correlate_all(path, Source::Quarters(grad), x, 0, size)
}
