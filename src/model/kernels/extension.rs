//! What burn sees of the kernels: a backend extension of its CPU backend. The gradients are in
//! [`super::gradients`].
//!
//! Call these only with `f32` tensors on the CPU ([`fits`]); other devices have burn's own
//! operations.

use burn::backend::flex::{FlexTensor, Layout};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, DispatchDevice, Flex, TensorMetadata, backend_extension};
use burn::prelude::*;
use burn::tensor::{Bytes, DType, Shape};

use super::Path;
use super::band::{Size, View};
use super::conv::After;
use super::norm::{self, Normalised};
use super::{conv, pool, upconv};

/// Whether the kernels can be used for `x`.
#[must_use]
pub fn fits<const D: usize>(x: &Tensor<D>) -> bool {
    runs_on(&x.device().without_autodiff()) && x.dtype() == DType::F32
}

/// Whether `device` (without autodiff) is the CPU of the kernels.
#[must_use]
pub fn runs_on(device: &Device) -> bool {
    matches!(device.as_dispatch(), DispatchDevice::Flex(_))
}

/// The operations.
#[backend_extension(Autodiff, Flex)]
pub trait Kernels: Backend {
    /// `x` `[N, I, H, W]`, `weight` `[O, I, k, k]`, `bias` `[O]` → `[N, O, H, W]`.
    fn conv(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self>;

    /// As [`Kernels::conv`] of the channels of `a`, then those of `b`.
    fn conv_cat(
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self>;

    /// Transposed convolution with stride 2: `x` `[N, I, H, W]`, `weight` `[I, O, 2, 2]`, `bias`
    /// `[O]` → `[N, O, 2H, 2W]`.
    fn up_conv(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self>;

    /// Largest of each 2×2 square.
    fn max_pool(x: FloatTensor<Self>) -> FloatTensor<Self>;

    /// Each pixel 2×2 times.
    fn repeat(x: FloatTensor<Self>) -> FloatTensor<Self>;

    /// Batch normalisation, and max(0, x) if `rectify`: output, mean and biased variance.
    fn norm(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
        rectify: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);
}

/// See [`Kernels::conv`].
#[must_use]
pub fn conv(x: Tensor<4>, weight: Tensor<4>, bias: Option<Tensor<1>>) -> Tensor<4> {
    let bias = bias.unwrap_or_else(|| Tensor::zeros([weight.dims()[0]], &x.device()));
    Tensor::from_dispatch(<Dispatch as Kernels>::conv(
        x.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
    ))
}

/// See [`Kernels::conv_cat`].
#[must_use]
pub fn conv_cat(
    a: Tensor<4>,
    b: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
) -> Tensor<4> {
    let bias = bias.unwrap_or_else(|| Tensor::zeros([weight.dims()[0]], &a.device()));
    Tensor::from_dispatch(<Dispatch as Kernels>::conv_cat(
        a.into_dispatch(),
        b.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
    ))
}

/// See [`Kernels::up_conv`].
#[must_use]
pub fn up_conv(x: Tensor<4>, weight: Tensor<4>, bias: Option<Tensor<1>>) -> Tensor<4> {
    let bias = bias.unwrap_or_else(|| Tensor::zeros([weight.dims()[1]], &x.device()));
    Tensor::from_dispatch(<Dispatch as Kernels>::up_conv(
        x.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
    ))
}

/// See [`Kernels::max_pool`].
#[must_use]
pub fn max_pool(x: Tensor<4>) -> Tensor<4> {
    Tensor::from_dispatch(<Dispatch as Kernels>::max_pool(x.into_dispatch()))
}

/// See [`Kernels::repeat`].
#[must_use]
pub fn repeat(x: Tensor<4>) -> Tensor<4> {
    Tensor::from_dispatch(<Dispatch as Kernels>::repeat(x.into_dispatch()))
}

/// See [`Kernels::norm`].
#[must_use]
pub fn norm(
    x: Tensor<4>,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    epsilon: f64,
    rectify: bool,
) -> (Tensor<4>, Tensor<1>, Tensor<1>) {
    let (output, mean, variance) = <Dispatch as Kernels>::norm(
        x.into_dispatch(),
        gamma.into_dispatch(),
        beta.into_dispatch(),
        epsilon,
        rectify,
    );
    (
        Tensor::from_dispatch(output),
        Tensor::from_dispatch(mean),
        Tensor::from_dispatch(variance),
    )
}

/// A tensor whose planes can be read in place.
pub(super) struct Planar {
    tensor: FlexTensor,
    pub(super) dims: [usize; 4],
    start: usize,
    image_stride: usize,
}

impl Planar {
    /// Copies only what is no batch of whole planes; a slice of channels is one.
    pub(super) fn new(tensor: FlexTensor) -> Self {
        let dims: [usize; 4] = tensor.shape().dims();
        let [_, c, h, w] = dims;
        let packed = [(c, h * w), (h, w), (w, 1)];
        let strides = tensor.layout().strides();
        let planar = packed
            .iter()
            .zip(&strides[1..])
            .all(|(&(len, stride), &is)| len == 1 || is == stride as isize);
        let image_stride = usize::try_from(strides[0]);
        if let (true, Ok(image_stride)) = (planar, image_stride) {
            let start = tensor.layout().start_offset();
            return Self {
                tensor,
                dims,
                start,
                image_stride,
            };
        }
        Self {
            tensor: tensor.to_contiguous(),
            dims,
            start: 0,
            image_stride: c * h * w,
        }
    }

    pub(super) fn view(&self) -> View<'_> {
        View {
            data: &self.tensor.storage::<f32>()[self.start..],
            channels: self.dims[1],
            image_stride: self.image_stride,
        }
    }

    pub(super) fn size(&self) -> Size {
        let [images, _, height, width] = self.dims;
        Size {
            images,
            height,
            width,
        }
    }
}

/// The numbers of a tensor that is read as a whole.
pub(super) struct Flat(FlexTensor);

impl Flat {
    pub(super) fn new(tensor: FlexTensor) -> Self {
        Self(tensor.to_contiguous())
    }

    pub(super) fn values(&self) -> &[f32] {
        let len = self.0.shape().num_elements();
        &self.0.storage::<f32>()[self.0.layout().start_offset()..][..len]
    }
}

/// A tensor that fills its buffer.
pub(super) fn whole(flat: FlexTensor) -> FlexTensor {
    let shape = flat.shape();
    let len = shape.num_elements();
    let fills = flat.is_contiguous()
        && flat.layout().start_offset() == 0
        && flat.storage::<f32>().len() == len;
    if fills {
        return flat;
    }
    let flat = Flat::new(flat);
    tensor(flat.values().to_vec(), [len]).reshape(shape)
}

pub(super) fn tensor<const D: usize>(values: Vec<f32>, dims: [usize; D]) -> FlexTensor {
    let layout = Layout::contiguous(Shape::new(dims));
    FlexTensor::new(Bytes::from_elems(values), layout, DType::F32)
}

/// Forward pass of all convolutions.
pub(super) fn convolve(
    inputs: Vec<FlexTensor>,
    weight: FlexTensor,
    after: After<'_>,
) -> FlexTensor {
    let [outputs, _, kernel, _] = weight.shape().dims();
    let inputs: Vec<Planar> = inputs.into_iter().map(Planar::new).collect();
    let size = inputs[0].size();
    let views: Vec<View<'_>> = inputs.iter().map(Planar::view).collect();
    let weight = Flat::new(weight);
    let values = conv::forward(
        Path::best(),
        &views,
        weight.values(),
        after,
        [outputs, kernel],
        size,
    );
    output(values, outputs, size)
}

/// `[N, channels, H, W]`.
pub(super) fn output(values: Vec<f32>, channels: usize, size: Size) -> FlexTensor {
    tensor(values, [size.images, channels, size.height, size.width])
}

/// The pooled image and which of each four was taken.
pub(super) fn max_pool_with_choice(x: FlexTensor) -> (FlexTensor, Vec<u8>) {
    let x = Planar::new(x);
    let size = x.size();
    let (values, choice) = pool::max_forward(Path::best(), x.view(), size);
    (output(values, x.dims[1], size.halved()), choice)
}

pub(super) fn normalise(
    x: FlexTensor,
    parameters: [&[f32]; 2],
    epsilon: f64,
    rectify: bool,
) -> (Planar, Normalised) {
    let x = Planar::new(x);
    let size = x.size();
    let result = norm::forward(Path::best(), x.view(), parameters, epsilon, rectify, size);
    (x, result)
}

impl Kernels for Flex {
    fn conv(x: FlexTensor, weight: FlexTensor, bias: FlexTensor) -> FlexTensor {
        convolve(vec![x], weight, After::bias(Flat::new(bias).values()))
    }

    fn conv_cat(a: FlexTensor, b: FlexTensor, weight: FlexTensor, bias: FlexTensor) -> FlexTensor {
        convolve(vec![a, b], weight, After::bias(Flat::new(bias).values()))
    }

    fn up_conv(x: FlexTensor, weight: FlexTensor, bias: FlexTensor) -> FlexTensor {
        let [_, outputs, _, _] = weight.shape().dims();
        let (x, weight, bias) = (Planar::new(x), Flat::new(weight), Flat::new(bias));
        let size = x.size();
        let path = Path::best();
        let values = upconv::forward(path, x.view(), weight.values(), bias.values(), size);
        output(values, outputs, size.doubled())
    }

    fn max_pool(x: FlexTensor) -> FlexTensor {
        max_pool_with_choice(x).0
    }

    fn repeat(x: FlexTensor) -> FlexTensor {
        let x = Planar::new(x);
        let size = x.size();
        output(
            pool::repeat_forward(x.view(), size),
            x.dims[1],
            size.doubled(),
        )
    }

    fn norm(
        x: FlexTensor,
        gamma: FlexTensor,
        beta: FlexTensor,
        epsilon: f64,
        rectify: bool,
    ) -> (FlexTensor, FlexTensor, FlexTensor) {
        let (gamma, beta) = (Flat::new(gamma), Flat::new(beta));
        let (x, result) = normalise(x, [gamma.values(), beta.values()], epsilon, rectify);
        let [_, channels, _, _] = x.dims;
        (
            output(result.output, channels, x.size()),
            tensor(result.mean, [channels]),
            tensor(result.variance, [channels]),
        )
    }
}
