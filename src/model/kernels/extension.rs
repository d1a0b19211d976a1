//! What burn sees of the kernels: a backend extension of its CPU backend, with gradients.
//!
//! Call these only with `f32` tensors on the CPU ([`fits`]); other devices have burn's own
//! operations.

use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::{FlexTensor, Layout};
use burn::backend::tensor::FloatTensor;
use burn::backend::{
    Autodiff, Backend, Dispatch, DispatchDevice, Flex, TensorMetadata, backend_extension,
};
use burn::prelude::*;
use burn::tensor::{Bytes, DType, Shape};

use super::Path;
use super::band::{Size, View};
use super::conv;

/// Whether the kernels can be used for `x`.
#[must_use]
pub fn fits<const D: usize>(x: &Tensor<D>) -> bool {
    let device = x.device().without_autodiff();
    matches!(device.as_dispatch(), DispatchDevice::Flex(_)) && x.dtype() == DType::F32
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

/// A tensor whose planes can be read in place.
struct Planar {
    tensor: FlexTensor,
    dims: [usize; 4],
    start: usize,
    image_stride: usize,
}

impl Planar {
    /// Copies only what is no batch of whole planes; a slice of channels is one.
    fn new(tensor: FlexTensor) -> Self {
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

    fn view(&self) -> View<'_> {
        View {
            data: &self.tensor.storage::<f32>()[self.start..],
            channels: self.dims[1],
            image_stride: self.image_stride,
        }
    }

    fn size(&self) -> Size {
        let [images, _, height, width] = self.dims;
        Size {
            images,
            height,
            width,
        }
    }
}

/// The numbers of a tensor that is read as a whole.
struct Flat(FlexTensor);

impl Flat {
    fn new(tensor: FlexTensor) -> Self {
        Self(tensor.to_contiguous())
    }

    fn values(&self) -> &[f32] {
        let len = self.0.shape().num_elements();
        &self.0.storage::<f32>()[self.0.layout().start_offset()..][..len]
    }
}

fn tensor<const D: usize>(values: Vec<f32>, dims: [usize; D]) -> FlexTensor {
    let layout = Layout::contiguous(Shape::new(dims));
    FlexTensor::new(Bytes::from_elems(values), layout, DType::F32)
}

/// Forward pass of both convolutions.
fn convolve(inputs: Vec<FlexTensor>, weight: FlexTensor, bias: FlexTensor) -> FlexTensor {
    let [outputs, _, kernel, _] = weight.shape().dims();
    let inputs: Vec<Planar> = inputs.into_iter().map(Planar::new).collect();
    let size = inputs[0].size();
    let views: Vec<View<'_>> = inputs.iter().map(Planar::view).collect();
    let (weight, bias) = (Flat::new(weight), Flat::new(bias));
    let values = conv::forward(
        Path::best(),
        &views,
        weight.values(),
        Some(bias.values()),
        [outputs, kernel],
        size,
    );
    tensor(values, [size.images, outputs, size.height, size.width])
}

impl Kernels for Flex {
    fn conv(x: FlexTensor, weight: FlexTensor, bias: FlexTensor) -> FlexTensor {
        convolve(vec![x], weight, bias)
    }

    fn conv_cat(a: FlexTensor, b: FlexTensor, weight: FlexTensor, bias: FlexTensor) -> FlexTensor {
        convolve(vec![a, b], weight, bias)
    }
}

/// Backward pass of both convolutions.
#[derive(Debug)]
struct Convolution;

/// Gradients of a convolution, registered for those parents that want one.
fn convolution_backward(
    grads: &mut Gradients,
    grad: FlexTensor,
    inputs: Vec<(Option<NodeId>, FlexTensor)>,
    (weight_node, weight): (Option<NodeId>, FlexTensor),
    bias_node: Option<NodeId>,
) {
    let path = Path::best();
    let [outputs, all, kernel, _] = weight.shape().dims();
    let grad = Planar::new(grad);
    let size = grad.size();
    let mut wanted = Vec::new();
    let mut start = 0;
    for (node, input) in &inputs {
        let [_, channels, _, _] = input.shape().dims();
        if let Some(node) = node {
            wanted.push((*node, start..start + channels));
        }
        start += channels;
    }
    if !wanted.is_empty() {
        let weight = Flat::new(weight);
        let ranges: Vec<_> = wanted.iter().map(|(_, range)| range.clone()).collect();
        let found = conv::data_gradient(
            path,
            grad.view(),
            weight.values(),
            [all, kernel],
            &ranges,
            size,
        );
        for ((id, range), values) in wanted.into_iter().zip(found) {
            let dims = [size.images, range.len(), size.height, size.width];
            grads.register::<Flex>(id, tensor(values, dims));
        }
    }
    if let Some(node) = weight_node {
        let inputs: Vec<Planar> = inputs
            .into_iter()
            .map(|(_, input)| Planar::new(input))
            .collect();
        let views: Vec<View<'_>> = inputs.iter().map(Planar::view).collect();
        let values = conv::weight_gradient(path, &views, grad.view(), kernel, size);
        grads.register::<Flex>(node, tensor(values, [outputs, all, kernel, kernel]));
    }
    if let Some(node) = bias_node {
        let values = conv::channel_sums(grad.view(), size);
        grads.register::<Flex>(node, tensor(values, [outputs]));
    }
}

impl Backward<Flex, 3> for Convolution {
    type State = [NodeId; 2];

    fn backward(
        self,
        ops: Ops<Self::State, 3>,
        grads: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let [x_node, weight_node, bias_node] = ops.parents.map(|node| node.map(|node| node.id));
        let grad = grads.consume::<Flex>(&ops.node);
        let [x, weight] = ops
            .state
            .map(|id| checkpointer.retrieve_node_output::<FlexTensor>(id));
        let inputs = vec![(x_node, x)];
        convolution_backward(grads, grad, inputs, (weight_node, weight), bias_node);
    }
}

impl Backward<Flex, 4> for Convolution {
    type State = [NodeId; 3];

    fn backward(
        self,
        ops: Ops<Self::State, 4>,
        grads: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let [a_node, b_node, weight_node, bias_node] =
            ops.parents.map(|node| node.map(|node| node.id));
        let grad = grads.consume::<Flex>(&ops.node);
        let [a, b, weight] = ops
            .state
            .map(|id| checkpointer.retrieve_node_output::<FlexTensor>(id));
        let inputs = vec![(a_node, a), (b_node, b)];
        convolution_backward(grads, grad, inputs, (weight_node, weight), bias_node);
    }
}

impl<C: CheckpointStrategy> Kernels for Autodiff<Flex, C> {
    fn conv(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let prepared =
            Backward::<Flex, 3>::prepare::<C>(Convolution, [x.node(), weight.node(), bias.node()]);
        let run = |x: &FloatTensor<Self>, weight: &FloatTensor<Self>| {
            Flex::conv(
                x.primitive().clone(),
                weight.primitive().clone(),
                bias.primitive().clone(),
            )
        };
        match prepared.compute_bound().stateful() {
            OpsKind::Tracked(mut prepared) => {
                let state = [prepared.checkpoint(&x), prepared.checkpoint(&weight)];
                prepared.finish(state, run(&x, &weight))
            }
            OpsKind::UnTracked(prepared) => prepared.finish(run(&x, &weight)),
        }
    }

    fn conv_cat(
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let prepared = Backward::<Flex, 4>::prepare::<C>(
            Convolution,
            [a.node(), b.node(), weight.node(), bias.node()],
        );
        let output = Flex::conv_cat(
            a.primitive().clone(),
            b.primitive().clone(),
            weight.primitive().clone(),
            bias.primitive().clone(),
        );
        match prepared.compute_bound().stateful() {
            OpsKind::Tracked(mut prepared) => {
                let state = [&a, &b, &weight].map(|tensor| prepared.checkpoint(tensor));
                prepared.finish(state, output)
            }
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        }
    }
}
