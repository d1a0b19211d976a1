//! What is done to plain tensors, without gradients: an optimiser's step, in one pass over memory,
//! and batch normalisation in evaluation, also as the end of a convolution.

use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::prelude::*;
use rayon::prelude::*;

use super::Path;
use super::band::Size;
use super::conv::After;
use super::extension::{Flat, Planar, convolve, tensor, whole};
use super::norm;

/// Weights to a task.
const CHUNK: usize = 1 << 14;

/// The numbers of one step of Adam; see `train::optim::adam` for the formula.
#[derive(Debug, Clone, Copy)]
pub struct Adam {
    /// Share of the old in both means, and of the new.
    pub old: [f32; 2],
    pub new: [f32; 2],
    /// `rate / (1 − β₁ᵗ)`.
    pub size: f32,
    /// `1 / √(1 − β₂ᵗ)`.
    pub correction: f32,
    pub epsilon: f32,
    /// What is left of the weight after its decay.
    pub keep: f32,
}

/// Changes weights and both means.
pub fn adam(path: Path, with: Adam, grad: &[f32], [value, first, second]: [&mut [f32]; 3]) {
    let tasks = value
        .par_chunks_mut(CHUNK)
        .zip(first.par_chunks_mut(CHUNK))
        .zip(second.par_chunks_mut(CHUNK))
        .zip(grad.par_chunks(CHUNK));
    tasks.for_each(|(((value, first), second), grad)| {
        path.compiled(|| adam_chunk(with, grad, [value, first, second]));
    });
}

#[inline(always)]
fn adam_chunk(with: Adam, grad: &[f32], [value, first, second]: [&mut [f32]; 3]) {
    let all = value.iter_mut().zip(first).zip(second).zip(grad);
    for (((value, first), second), &grad) in all {
        *first = *first * with.old[0] + grad * with.new[0];
        *second = *second * with.old[1] + grad * grad * with.new[1];
        let denominator = second.sqrt() * with.correction + with.epsilon;
        *value = *value * with.keep - *first / denominator * with.size;
    }
}

/// Sum of the squares, in single precision over a kilopixel and double beyond.
pub fn square_sum(path: Path, values: &[f32]) -> f32 {
    let task = |values: &[f32]| -> f64 {
        let chunks = values.chunks(1024);
        chunks
            .map(|chunk| f64::from(path.compiled(|| squares(chunk))))
            .sum()
    };
    // Added up in order, so that the same run gives the same number.
    let parts: Vec<f64> = values.par_chunks(CHUNK).map(task).collect();
    parts.iter().sum::<f64>() as f32
}

#[inline(always)]
fn squares(values: &[f32]) -> f32 {
    let mut lanes = [0f32; 16];
    let (whole, rest) = values.as_chunks::<16>();
    for values in whole {
        for lane in 0..16 {
            lanes[lane] += values[lane] * values[lane];
        }
    }
    lanes.iter().sum::<f32>() + rest.iter().map(|value| value * value).sum::<f32>()
}

/// The operations, for plain tensors only: nothing here has a gradient.
#[backend_extension(Flex)]
pub trait Updates: Backend {
    /// Weights and both means after one step, all flat.
    fn adam(
        value: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        first: FloatTensor<Self>,
        second: FloatTensor<Self>,
        with: Adam,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);

    /// `x · scale + shift` of each channel of `[N, C, H, W]`, and max(0, x) if `rectify`.
    fn rescale(
        x: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        rectify: bool,
    ) -> FloatTensor<Self>;

    /// A convolution, see [`super::extension::Kernels::conv`], and [`Updates::rescale`] of it.
    fn conv_rescale(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        rectify: bool,
    ) -> FloatTensor<Self>;

    /// As [`Updates::conv_rescale`] of the channels of `a`, then those of `b`.
    fn conv_cat_rescale(
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        rectify: bool,
    ) -> FloatTensor<Self>;

    /// `[1]`.
    fn square_sum(x: FloatTensor<Self>) -> FloatTensor<Self>;
}

impl Updates for Flex {
    fn adam(
        value: FlexTensor,
        grad: FlexTensor,
        first: FlexTensor,
        second: FlexTensor,
        with: Adam,
    ) -> (FlexTensor, FlexTensor, FlexTensor) {
        let grad = Flat::new(grad);
        let [mut value, mut first, mut second] = [value, first, second].map(whole);
        // In place, unless somebody else still looks at the old numbers.
        let places = [
            value.storage_mut::<f32>(),
            first.storage_mut::<f32>(),
            second.storage_mut::<f32>(),
        ];
        adam(Path::best(), with, grad.values(), places);
        (value, first, second)
    }

    fn rescale(x: FlexTensor, scale: FlexTensor, shift: FlexTensor, rectify: bool) -> FlexTensor {
        let [images, _, height, width] = x.shape().dims();
        let size = Size {
            images,
            height,
            width,
        };
        let (scale, shift) = (Flat::new(scale), Flat::new(shift));
        let mut x = whole(x);
        let numbers = [scale.values(), shift.values()];
        norm::rescale(Path::best(), x.storage_mut::<f32>(), numbers, rectify, size);
        x
    }

    fn conv_rescale(
        x: FlexTensor,
        weight: FlexTensor,
        scale: FlexTensor,
        shift: FlexTensor,
        rectify: bool,
    ) -> FlexTensor {
        rescaled([x], weight, [scale, shift], rectify)
    }

    fn conv_cat_rescale(
        a: FlexTensor,
        b: FlexTensor,
        weight: FlexTensor,
        scale: FlexTensor,
        shift: FlexTensor,
        rectify: bool,
    ) -> FlexTensor {
        rescaled([a, b], weight, [scale, shift], rectify)
    }

    fn square_sum(x: FlexTensor) -> FlexTensor {
        let x = Flat::new(x);
        tensor(vec![square_sum(Path::best(), x.values())], [1])
    }
}

fn rescaled<const N: usize>(
    inputs: [FlexTensor; N],
    weight: FlexTensor,
    [scale, shift]: [FlexTensor; 2],
    rectify: bool,
) -> FlexTensor {
    let (scale, shift) = (Flat::new(scale), Flat::new(shift));
    let after = After {
        scale: scale.values(),
        shift: shift.values(),
        rectify,
    };
    convolve(&inputs.map(Planar::new), weight, after)
}

/// One step of Adam over flat tensors on the CPU: weights and both means.
#[must_use]
pub fn adam_step(
    [value, grad, first, second]: [Tensor<1>; 4],
    with: Adam,
) -> (Tensor<1>, [Tensor<1>; 2]) {
    let (value, first, second) = <Dispatch as Updates>::adam(
        value.into_dispatch(),
        grad.into_dispatch(),
        first.into_dispatch(),
        second.into_dispatch(),
        with,
    );
    let [first, second] = [first, second].map(Tensor::from_dispatch);
    (Tensor::from_dispatch(value), [first, second])
}

/// See [`Updates::rescale`]; `scale` and `shift` are `[C]`.
#[must_use]
pub fn rescale(x: Tensor<4>, scale: Tensor<1>, shift: Tensor<1>, rectify: bool) -> Tensor<4> {
    Tensor::from_dispatch(<Dispatch as Updates>::rescale(
        x.into_dispatch(),
        scale.into_dispatch(),
        shift.into_dispatch(),
        rectify,
    ))
}

/// A convolution of the channels of all `inputs` (one or two), and [`rescale`] of it in the same
/// pass over memory.
#[must_use]
pub fn conv_rescale(
    inputs: (Tensor<4>, Option<Tensor<4>>),
    weight: Tensor<4>,
    [scale, shift]: [Tensor<1>; 2],
    rectify: bool,
) -> Tensor<4> {
    let (a, weight) = (inputs.0.into_dispatch(), weight.into_dispatch());
    let (scale, shift) = (scale.into_dispatch(), shift.into_dispatch());
    Tensor::from_dispatch(match inputs.1 {
        None => <Dispatch as Updates>::conv_rescale(a, weight, scale, shift, rectify),
        Some(b) => {
            let b = b.into_dispatch();
            <Dispatch as Updates>::conv_cat_rescale(a, b, weight, scale, shift, rectify)
        }
    })
}

/// Sum of the squares of a tensor on the CPU, `[1]`.
#[must_use]
pub fn sum_of_squares<const D: usize>(x: Tensor<D>) -> Tensor<1> {
    Tensor::from_dispatch(<Dispatch as Updates>::square_sum(x.into_dispatch()))
}
