//! The backward passes of the kernels, as steps of burn's autodiff; [`super::traced`] says when each
//! is taken.

use std::sync::Arc;

use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn::backend::flex::FlexTensor;
use burn::backend::{Flex, TensorMetadata};

use super::Path;
use super::band::Size;
use super::extension::{Flat, Planar, output, tensor, whole};
use super::norm::{self, Channel};
use super::{conv, pool, upconv};

/// What a backward pass needs of an input: its node, and how it is to be read.
#[derive(Debug, Clone)]
pub(super) struct Input {
    pub(super) node: NodeId,
    pub(super) readings: FlexTensor,
}

impl Input {
    fn retrieve(self, checkpointer: &mut Checkpointer) -> Planar {
        let x = checkpointer.retrieve_node_output::<FlexTensor>(self.node);
        Planar::read(x, self.readings)
    }
}

/// Those parents of a convolution that want a gradient.
struct Wanted<const N: usize> {
    inputs: [Option<NodeId>; N],
    weight: Option<NodeId>,
    bias: Option<NodeId>,
}

/// Registers what is wanted. Of the weight's inputs, number `first` and following are those of
/// `inputs`: all, or a part.
fn convolution_backward<const N: usize>(
    grads: &mut Gradients,
    checkpointer: &mut Checkpointer,
    grad: FlexTensor,
    wanted: Wanted<N>,
    (inputs, first, weight): ([Input; N], usize, NodeId),
) {
    let path = Path::best();
    let inputs = inputs.map(|input| input.retrieve(checkpointer));
    let weight = checkpointer.retrieve_node_output::<FlexTensor>(weight);
    let [outputs, all, kernel, _] = weight.shape().dims();
    let grad = Planar::new(grad);
    let size = grad.size();
    register_bias(grads, wanted.bias, &grad);
    let channels: usize = inputs.iter().map(|input| input.dims[1]).sum();
    let mut asked = Vec::new();
    let mut start = first;
    for (node, input) in wanted.inputs.into_iter().zip(&inputs) {
        let range = start..start + input.dims[1];
        start = range.end;
        asked.extend(node.map(|node| (node, range)));
    }
    // Before the gradients of the inputs, which are as large as the inputs: those are no longer
    // needed then.
    if let Some(node) = wanted.weight {
        let views = inputs.each_ref().map(Planar::view);
        let part = conv::weight_gradient(path, &views, grad.view(), kernel, size);
        let values = among(part, [outputs, channels, kernel * kernel], first, all);
        grads.register::<Flex>(node, tensor(values, [outputs, all, kernel, kernel]));
    }
    drop(inputs);
    if !asked.is_empty() {
        let weight = Flat::new(weight);
        let ranges: Vec<_> = asked.iter().map(|(_, range)| range.clone()).collect();
        let found = conv::data_gradient(
            path,
            grad.view(),
            weight.values(),
            [all, kernel],
            &ranges,
            size,
        );
        for ((node, range), values) in asked.into_iter().zip(found) {
            grads.register::<Flex>(node, output(values, range.len(), size));
        }
    }
}

fn register_bias(grads: &mut Gradients, node: Option<NodeId>, grad: &Planar) {
    if let Some(node) = node {
        let values = conv::channel_sums(grad.view(), grad.size());
        grads.register::<Flex>(node, tensor(values, [grad.dims[1]]));
    }
}

/// `[outputs, channels, taps]` as part of `[outputs, all, taps]`, zero elsewhere.
fn among(
    part: Vec<f32>,
    [outputs, channels, taps]: [usize; 3],
    first: usize,
    all: usize,
) -> Vec<f32> {
    if channels == all {
        return part;
    }
    let mut values = vec![0.0; outputs * all * taps];
    let rows = values.chunks_exact_mut(all * taps);
    for (row, part) in rows.zip(part.chunks_exact(channels * taps)) {
        row[first * taps..][..part.len()].copy_from_slice(part);
    }
    values
}

/// Backward pass of a convolution.
#[derive(Debug)]
pub(super) struct Convolution;

impl Backward<Flex, 3> for Convolution {
    /// The input and the weight.
    type State = (Input, NodeId);

    fn backward(
        self,
        ops: Ops<Self::State, 3>,
        grads: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let [x, weight, bias] = ops.parents.map(|node| node.map(|node| node.id));
        let grad = grads.consume::<Flex>(&ops.node);
        let wanted = Wanted {
            inputs: [x],
            weight,
            bias,
        };
        let (input, kept) = ops.state;
        convolution_backward(grads, checkpointer, grad, wanted, ([input], 0, kept));
    }
}

/// Backward pass of a convolution of two inputs.
#[derive(Debug)]
pub(super) struct ConvolutionOfTwo;

impl Backward<Flex, 4> for ConvolutionOfTwo {
    /// The inputs and the weight.
    type State = ([Input; 2], NodeId);

    fn backward(
        self,
        ops: Ops<Self::State, 4>,
        grads: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let [a, b, weight, bias] = ops.parents.map(|node| node.map(|node| node.id));
        let grad = grads.consume::<Flex>(&ops.node);
        let wanted = Wanted {
            inputs: [a, b],
            weight,
            bias,
        };
        let (inputs, kept) = ops.state;
        convolution_backward(grads, checkpointer, grad, wanted, (inputs, 0, kept));
    }
}

/// Backward pass of the second of two inputs; the first is left to [`FirstOfTwo`].
#[derive(Debug)]
pub(super) struct SecondOfTwo;

impl Backward<Flex, 4> for SecondOfTwo {
    /// The second input, how many channels the first has, and the weight.
    type State = (Input, usize, NodeId);

    fn backward(
        self,
        ops: Ops<Self::State, 4>,
        grads: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let [x, weight, bias, rest] = ops.parents.map(|node| node.map(|node| node.id));
        let grad = grads.consume::<Flex>(&ops.node);
        if let Some(rest) = rest {
            grads.register::<Flex>(rest, grad.clone());
        }
        let wanted = Wanted {
            inputs: [x],
            weight,
            bias,
        };
        let (input, first, kept) = ops.state;
        convolution_backward(grads, checkpointer, grad, wanted, ([input], first, kept));
    }
}

/// Backward pass of the first of two inputs, a skip connection. A node by itself, which depends on
/// nothing but the skip: the backward pass comes to it last of all, and until then there is no gradient
/// of the skip beside that of the convolution, and no need for the skip itself.
#[derive(Debug)]
pub(super) struct FirstOfTwo;

impl Backward<Flex, 2> for FirstOfTwo {
    /// The first input and the weight.
    type State = (Input, NodeId);

    fn backward(
        self,
        ops: Ops<Self::State, 2>,
        grads: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let [x, weight] = ops.parents.map(|node| node.map(|node| node.id));
        let grad = grads.consume::<Flex>(&ops.node);
        let wanted = Wanted {
            inputs: [x],
            weight,
            bias: None,
        };
        let (input, kept) = ops.state;
        convolution_backward(grads, checkpointer, grad, wanted, ([input], 0, kept));
    }
}

/// Backward pass of the transposed convolution.
#[derive(Debug)]
pub(super) struct UpConvolution;

impl Backward<Flex, 3> for UpConvolution {
    /// The input and the weight.
    type State = (Input, NodeId);

    fn backward(
        self,
        ops: Ops<Self::State, 3>,
        grads: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let [x_node, weight_node, bias_node] = ops.parents;
        let grad = Planar::new(grads.consume::<Flex>(&ops.node));
        let (input, kept) = ops.state;
        // Its numbers are multiplied in place.
        let x = Planar::new(input.retrieve(checkpointer).finished());
        let weight = checkpointer.retrieve_node_output::<FlexTensor>(kept);
        let dims: [usize; 4] = weight.shape().dims();
        let [inputs, _, _, _] = dims;
        let (path, size) = (Path::best(), x.size());
        if let Some(node) = weight_node {
            let values = upconv::weight_gradient(path, x.view(), grad.view(), size);
            grads.register::<Flex>(node.id, tensor(values, dims));
        }
        drop(x);
        if let Some(node) = x_node {
            let weight = Flat::new(weight);
            let values = upconv::data_gradient(path, grad.view(), weight.values(), inputs, size);
            grads.register::<Flex>(node.id, output(values, inputs, size));
        }
        register_bias(grads, bias_node.map(|node| node.id), &grad);
    }
}

/// Backward pass of pooling.
#[derive(Debug)]
pub(super) struct MaxPool;

impl Backward<Flex, 1> for MaxPool {
    /// Which of each four was taken, and the size of the input.
    type State = (Arc<Vec<u8>>, Size);

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let [node] = ops.parents;
        let grad = Planar::new(grads.consume::<Flex>(&ops.node));
        let (choice, size) = ops.state;
        if let Some(node) = node {
            let values = pool::max_backward(grad.view(), &choice, size);
            grads.register::<Flex>(node.id, output(values, grad.dims[1], size));
        }
    }
}

/// Backward pass of repeating pixels.
#[derive(Debug)]
pub(super) struct Repeat;

impl Backward<Flex, 1> for Repeat {
    type State = Size;

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let [node] = ops.parents;
        let grad = Planar::new(grads.consume::<Flex>(&ops.node));
        if let Some(node) = node {
            let values = pool::repeat_backward(grad.view(), ops.state);
            grads.register::<Flex>(node.id, output(values, grad.dims[1], ops.state));
        }
    }
}

/// Backward pass of batch normalisation.
#[derive(Debug)]
pub(super) struct Norm {
    pub(super) rectify: bool,
}

impl Backward<Flex, 3> for Norm {
    /// The input, and what each channel was normalised with.
    type State = (NodeId, Arc<Vec<Channel>>);

    fn backward(
        self,
        ops: Ops<Self::State, 3>,
        grads: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let [x_node, gamma_node, beta_node] = ops.parents;
        // The gradient of the output becomes that of the input in its own place, unless somebody
        // else still looks at it.
        let mut grad = whole(grads.consume::<Flex>(&ops.node));
        let (x, channels) = ops.state;
        let x = Planar::new(checkpointer.retrieve_node_output::<FlexTensor>(x));
        let found = norm::backward(
            Path::best(),
            x.view(),
            grad.storage_mut::<f32>(),
            &channels,
            self.rectify,
            x.size(),
        );
        if let Some(node) = x_node {
            grads.register::<Flex>(node.id, grad);
        }
        if let Some(node) = gamma_node {
            grads.register::<Flex>(node.id, tensor(found.gamma, [channels.len()]));
        }
        if let Some(node) = beta_node {
            grads.register::<Flex>(node.id, tensor(found.beta, [channels.len()]));
        }
    }
}

/// Backward pass of [`super::extension::Kernels::finish`]: readers tell the gradient of what they have read.
#[derive(Debug)]
pub(super) struct Finish;

impl Backward<Flex, 1> for Finish {
    type State = ();

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let [node] = ops.parents;
        let grad = grads.consume::<Flex>(&ops.node);
        if let Some(node) = node {
            grads.register::<Flex>(node.id, grad);
        }
    }
}
