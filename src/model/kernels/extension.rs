//! What burn sees of the kernels: a backend extension of its CPU backend. The gradients are in
//! [`super::traced`].
//!
//! Call these only with `f32` tensors on the CPU ([`fits`]); other devices have burn's own
//! operations.

use burn::backend::flex::{FlexTensor, Layout};
use burn::backend::tensor::FloatTensor;
use burn::backend::{
    Backend, Dispatch, DispatchDevice, DispatchTensor, Flex, TensorMetadata, backend_extension,
};
use burn::prelude::*;
use burn::tensor::{Bytes, DType, Shape};

use super::Path;
use super::band::{Size, View};
use super::conv::After;
use super::norm::{self, Statistics};
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

/// A map `[N, C, H, W]`, and how each channel of it is to be read ([`super::reading`]): a normalisation and
/// its activation are left to whoever reads the map, so that their result never stands in memory.
///
/// The gradient that a reader gives is that of what it has read.
#[derive(Debug, Clone)]
pub struct Map {
    stored: Tensor<4>,
    /// `[C, 4]`, or `[0, 4]`: as it stands.
    readings: Tensor<2>,
}

impl From<Tensor<4>> for Map {
    fn from(stored: Tensor<4>) -> Self {
        let readings = TensorData::new(Vec::<f32>::new(), [0, 4]);
        let readings = Tensor::from_data(readings, &stored.device());
        Self { stored, readings }
    }
}

impl Map {
    #[must_use]
    pub fn device(&self) -> Device {
        self.stored.device()
    }

    /// Whether the kernels can be used; see [`fits`].
    #[must_use]
    pub fn fits(&self) -> bool {
        fits(&self.stored)
    }

    /// What is read, as a tensor for other operations than these.
    #[must_use]
    pub fn finish(self) -> Tensor<4> {
        if self.readings.dims()[0] == 0 {
            return self.stored;
        }
        let [stored, readings] = self.parts();
        Tensor::from_dispatch(<Dispatch as Kernels>::finish(stored, readings))
    }

    fn parts(self) -> [DispatchTensor; 2] {
        [self.stored.into_dispatch(), self.readings.into_dispatch()]
    }
}

/// Bytes of a map that is rather computed again than kept, where there is the choice
/// ([`Kernels::conv`]). Trainings with smaller ones have memory enough, and keep their speed.
/// Tests have both kinds.
pub const LARGE: usize = if cfg!(test) { 32 << 10 } else { 16 << 20 };

/// The operations. `readings` says how the tensor before it is to be read; see [`Map`].
#[backend_extension(Autodiff, Flex)]
pub trait Kernels: Backend {
    /// `x` `[N, I, H, W]`, `weight` `[O, I, k, k]`, `bias` `[O]` → `[N, O, H, W]`. If `again`, the
    /// backward pass computes a [`LARGE`] output once more instead of keeping it.
    fn conv(
        x: FloatTensor<Self>,
        readings: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        again: bool,
    ) -> FloatTensor<Self>;

    /// As [`Kernels::conv`] of the channels of `a`, then those of `b`.
    fn conv_cat(
        a: FloatTensor<Self>,
        a_readings: FloatTensor<Self>,
        b: FloatTensor<Self>,
        b_readings: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self>;

    /// Transposed convolution with stride 2: `x` `[N, I, H, W]`, `weight` `[I, O, 2, 2]`, `bias`
    /// `[O]` → `[N, O, 2H, 2W]`.
    fn up_conv(
        x: FloatTensor<Self>,
        readings: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self>;

    /// Largest of each 2×2 square.
    fn max_pool(x: FloatTensor<Self>, readings: FloatTensor<Self>) -> FloatTensor<Self>;

    /// Each pixel 2×2 times.
    fn repeat(x: FloatTensor<Self>, readings: FloatTensor<Self>) -> FloatTensor<Self>;

    /// Batch normalisation, and max(0, x) if `rectify`: the stored numbers, which are those of `x`,
    /// how they are to be read, mean and biased variance.
    fn norm(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
        rectify: bool,
    ) -> (
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
    );

    /// What is read, in memory of its own.
    fn finish(x: FloatTensor<Self>, readings: FloatTensor<Self>) -> FloatTensor<Self>;
}

/// See [`Kernels::conv`].
#[must_use]
pub fn conv(
    x: impl Into<Map>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    again: bool,
) -> Tensor<4> {
    let x = x.into();
    let bias = bias.unwrap_or_else(|| Tensor::zeros([weight.dims()[0]], &x.device()));
    let [x, readings] = x.parts();
    Tensor::from_dispatch(<Dispatch as Kernels>::conv(
        x,
        readings,
        weight.into_dispatch(),
        bias.into_dispatch(),
        again,
    ))
}

/// See [`Kernels::conv_cat`].
#[must_use]
pub fn conv_cat(
    a: impl Into<Map>,
    b: impl Into<Map>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
) -> Tensor<4> {
    let a = a.into();
    let bias = bias.unwrap_or_else(|| Tensor::zeros([weight.dims()[0]], &a.device()));
    let ([a, a_readings], [b, b_readings]) = (a.parts(), b.into().parts());
    Tensor::from_dispatch(<Dispatch as Kernels>::conv_cat(
        a,
        a_readings,
        b,
        b_readings,
        weight.into_dispatch(),
        bias.into_dispatch(),
    ))
}

/// See [`Kernels::up_conv`].
#[must_use]
pub fn up_conv(x: impl Into<Map>, weight: Tensor<4>, bias: Option<Tensor<1>>) -> Tensor<4> {
    let x = x.into();
    let bias = bias.unwrap_or_else(|| Tensor::zeros([weight.dims()[1]], &x.device()));
    let [x, readings] = x.parts();
    Tensor::from_dispatch(<Dispatch as Kernels>::up_conv(
        x,
        readings,
        weight.into_dispatch(),
        bias.into_dispatch(),
    ))
}

/// See [`Kernels::max_pool`].
#[must_use]
pub fn max_pool(x: impl Into<Map>) -> Tensor<4> {
    let [x, readings] = x.into().parts();
    Tensor::from_dispatch(<Dispatch as Kernels>::max_pool(x, readings))
}

/// See [`Kernels::repeat`].
#[must_use]
pub fn repeat(x: impl Into<Map>) -> Tensor<4> {
    let [x, readings] = x.into().parts();
    Tensor::from_dispatch(<Dispatch as Kernels>::repeat(x, readings))
}

/// See [`Kernels::norm`]: the normalised map, mean and biased variance.
#[must_use]
pub fn norm(
    x: Tensor<4>,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    epsilon: f64,
    rectify: bool,
) -> (Map, Tensor<1>, Tensor<1>) {
    let (stored, readings, mean, variance) = <Dispatch as Kernels>::norm(
        x.into_dispatch(),
        gamma.into_dispatch(),
        beta.into_dispatch(),
        epsilon,
        rectify,
    );
    let map = Map {
        stored: Tensor::from_dispatch(stored),
        readings: Tensor::from_dispatch(readings),
    };
    (
        map,
        Tensor::from_dispatch(mean),
        Tensor::from_dispatch(variance),
    )
}

/// A tensor whose planes can be read in place.
pub(super) struct Planar {
    tensor: FlexTensor,
    /// See [`Map`].
    readings: Option<Flat>,
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
                readings: None,
                dims,
                start,
                image_stride,
            };
        }
        Self {
            tensor: tensor.to_contiguous(),
            readings: None,
            dims,
            start: 0,
            image_stride: c * h * w,
        }
    }

    /// To be read as `readings` say.
    pub(super) fn read(tensor: FlexTensor, readings: FlexTensor) -> Self {
        Self {
            readings: Some(Flat::new(readings)),
            ..Self::new(tensor)
        }
    }

    pub(super) fn view(&self) -> View<'_> {
        let readings = self.readings.as_ref().map_or(&[][..], Flat::values);
        View {
            data: &self.tensor.storage::<f32>()[self.start..],
            channels: self.dims[1],
            image_stride: self.image_stride,
            readings: readings.as_chunks::<4>().0,
        }
    }

    /// What is read, in memory of its own unless it stands so.
    pub(super) fn finished(self) -> FlexTensor {
        if self.view().readings.is_empty() {
            return self.tensor;
        }
        let values = norm::finished(Path::best(), self.view(), self.size());
        output(values, self.dims[1], self.size())
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
pub(super) fn convolve(inputs: &[Planar], weight: FlexTensor, after: After<'_>) -> FlexTensor {
    let [outputs, _, kernel, _] = weight.shape().dims();
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
pub(super) fn max_pool_with_choice(x: &Planar) -> (FlexTensor, Vec<u8>) {
    let size = x.size();
    let (values, choice) = pool::max_forward(Path::best(), x.view(), size);
    (output(values, x.dims[1], size.halved()), choice)
}

impl Kernels for Flex {
    fn conv(
        x: FlexTensor,
        readings: FlexTensor,
        weight: FlexTensor,
        bias: FlexTensor,
        _again: bool,
    ) -> FlexTensor {
        let inputs = [Planar::read(x, readings)];
        convolve(&inputs, weight, After::bias(Flat::new(bias).values()))
    }

    fn conv_cat(
        a: FlexTensor,
        a_readings: FlexTensor,
        b: FlexTensor,
        b_readings: FlexTensor,
        weight: FlexTensor,
        bias: FlexTensor,
    ) -> FlexTensor {
        let inputs = [Planar::read(a, a_readings), Planar::read(b, b_readings)];
        convolve(&inputs, weight, After::bias(Flat::new(bias).values()))
    }

    fn up_conv(
        x: FlexTensor,
        readings: FlexTensor,
        weight: FlexTensor,
        bias: FlexTensor,
    ) -> FlexTensor {
        let [_, outputs, _, _] = weight.shape().dims();
        let (x, weight, bias) = (
            Planar::read(x, readings),
            Flat::new(weight),
            Flat::new(bias),
        );
        let size = x.size();
        let path = Path::best();
        let values = upconv::forward(path, x.view(), weight.values(), bias.values(), size);
        output(values, outputs, size.doubled())
    }

    fn max_pool(x: FlexTensor, readings: FlexTensor) -> FlexTensor {
        max_pool_with_choice(&Planar::read(x, readings)).0
    }

    fn repeat(x: FlexTensor, readings: FlexTensor) -> FlexTensor {
        let x = Planar::read(x, readings);
        let size = x.size();
        let values = pool::repeat_forward(Path::best(), x.view(), size);
        output(values, x.dims[1], size.doubled())
    }

    fn norm(
        x: FlexTensor,
        gamma: FlexTensor,
        beta: FlexTensor,
        epsilon: f64,
        rectify: bool,
    ) -> (FlexTensor, FlexTensor, FlexTensor, FlexTensor) {
        let found = statistics(x.clone(), [gamma, beta], epsilon);
        let channels = found.channels.len();
        (
            x,
            readings(&found, rectify),
            tensor(found.mean, [channels]),
            tensor(found.variance, [channels]),
        )
    }

    fn finish(x: FlexTensor, readings: FlexTensor) -> FlexTensor {
        Planar::read(x, readings).finished()
    }
}

/// What a batch is normalised with.
pub(super) fn statistics(x: FlexTensor, parameters: [FlexTensor; 2], epsilon: f64) -> Statistics {
    let x = Planar::new(x);
    let [gamma, beta] = parameters.map(Flat::new);
    let parameters = [gamma.values(), beta.values()];
    norm::statistics(Path::best(), x.view(), parameters, epsilon, x.size())
}

/// How a normalised map is to be read: `[C, 4]`.
pub(super) fn readings(of: &Statistics, rectify: bool) -> FlexTensor {
    let readings = of.readings(rectify);
    tensor(readings.concat(), [readings.len(), 4])
}
