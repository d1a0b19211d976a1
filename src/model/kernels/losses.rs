//! What burn sees of the kernels that losses are made of, with their gradients.
//!
//! As with [`super::extension`]: only for `f32` on the CPU ([`super::extension::fits`]).

use std::sync::Arc;

use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::ops::FloatTensorOps;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::prelude::*;

use super::band::View;
use super::extension::{Flat, Planar, output, tensor};
use super::{Path, cost, skeleton, softmax, sums, unary, window};

pub use super::softmax::Form;
pub use super::unary::Unary;

/// The operations.
#[backend_extension(Autodiff, Flex)]
pub trait LossKernels: Backend {
    /// `[N, C, H, W]` → softmax over `C`, or its logarithm.
    fn softmax(x: FloatTensor<Self>, form: Form) -> FloatTensor<Self>;

    /// Logits `[N, C, H, W]` → −log p of the class in `labels` (`[N, H, W]`), `[N, 1, H, W]`.
    fn cost(x: FloatTensor<Self>, labels: Arc<Vec<u8>>) -> FloatTensor<Self>;

    /// `[N, C, H, W]` → `[N, C]`, sums over the pixels.
    fn sum1(a: FloatTensor<Self>) -> FloatTensor<Self>;

    /// As [`LossKernels::sum1`] of a product; `b` has `C` channels or one.
    fn sum2(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self>;

    /// As [`LossKernels::sum1`] of a product; `b` and `c` have `C` channels or one.
    fn sum3(a: FloatTensor<Self>, b: FloatTensor<Self>, c: FloatTensor<Self>) -> FloatTensor<Self>;

    /// A function of every number of `[N, C, H, W]`.
    fn unary(x: FloatTensor<Self>, of: Unary) -> FloatTensor<Self>;

    /// The soft skeleton of every plane of `[N, C, H, W]`.
    fn skeleton(x: FloatTensor<Self>, iterations: usize) -> FloatTensor<Self>;

    /// Means over a window of `side` × `side` pixels; a constant, without gradient.
    fn window_means(x: FloatTensor<Self>, side: usize) -> FloatTensor<Self>;
}

/// Softmax over the classes of `[N, C, H, W]`, or its logarithm.
#[must_use]
pub fn softmax(x: Tensor<4>, form: Form) -> Tensor<4> {
    Tensor::from_dispatch(<Dispatch as LossKernels>::softmax(x.into_dispatch(), form))
}

/// Logits `[N, C, H, W]`, labels `[N, H, W]` → −log p of the true class, `[N, 1, H, W]`; 0 where the
/// label is no class.
///
/// # Panics
/// When there is not a label for every pixel.
#[must_use]
pub fn cost(x: Tensor<4>, labels: Arc<Vec<u8>>) -> Tensor<4> {
    let [n, _, h, w] = x.dims();
    assert_eq!(labels.len(), n * h * w, "a label for every pixel");
    Tensor::from_dispatch(<Dispatch as LossKernels>::cost(x.into_dispatch(), labels))
}

/// `[N, C]`: sums over the pixels of each plane of the product of `a` `[N, C, H, W]` and up to two
/// more, of as many channels or of one.
///
/// # Panics
/// When there are more than two others.
#[must_use]
pub fn plane_sums(a: Tensor<4>, others: Vec<Tensor<4>>) -> Tensor<2> {
    let a = a.into_dispatch();
    let mut others = others.into_iter().map(Tensor::into_dispatch);
    let sums = match (others.next(), others.next()) {
        (None, _) => <Dispatch as LossKernels>::sum1(a),
        (Some(b), None) => <Dispatch as LossKernels>::sum2(a, b),
        (Some(b), Some(c)) => <Dispatch as LossKernels>::sum3(a, b, c),
    };
    assert!(others.next().is_none(), "at most three factors");
    Tensor::from_dispatch(sums)
}

/// A function of every number.
#[must_use]
pub fn unary(x: Tensor<4>, of: Unary) -> Tensor<4> {
    Tensor::from_dispatch(<Dispatch as LossKernels>::unary(x.into_dispatch(), of))
}

/// The soft skeleton of every plane of `[N, C, H, W]`, see [`super::skeleton`].
#[must_use]
pub fn skeleton(x: Tensor<4>, iterations: usize) -> Tensor<4> {
    let x = x.into_dispatch();
    Tensor::from_dispatch(<Dispatch as LossKernels>::skeleton(x, iterations))
}

/// Means over `side` × `side` pixels (an odd number) around each of `[N, C, H, W]`, zeros beyond the
/// edge counted in. Of constants: no gradient passes.
#[must_use]
pub fn window_means(x: Tensor<4>, side: usize) -> Tensor<4> {
    let x = x.into_dispatch();
    Tensor::from_dispatch(<Dispatch as LossKernels>::window_means(x, side))
}

/// Sums of the products of tensors that can be read in place.
fn product_sums<const N: usize>(factors: [FlexTensor; N]) -> FlexTensor {
    let factors = factors.map(Planar::new);
    let (channels, size) = (factors[0].dims[1], factors[0].size());
    let views = factors.each_ref().map(Planar::view);
    let values = sums::forward(Path::best(), views, channels, size);
    tensor(values, [size.images, channels])
}

impl LossKernels for Flex {
    fn softmax(x: FlexTensor, form: Form) -> FlexTensor {
        let x = Planar::new(x);
        let values = softmax::forward(Path::best(), x.view(), form, x.size());
        output(values, x.dims[1], x.size())
    }

    fn cost(x: FlexTensor, labels: Arc<Vec<u8>>) -> FlexTensor {
        let x = Planar::new(x);
        let values = cost::forward(Path::best(), x.view(), &labels, x.size());
        output(values, 1, x.size())
    }

    fn sum1(a: FlexTensor) -> FlexTensor {
        product_sums([a])
    }

    fn sum2(a: FlexTensor, b: FlexTensor) -> FlexTensor {
        product_sums([a, b])
    }

    fn sum3(a: FlexTensor, b: FlexTensor, c: FlexTensor) -> FlexTensor {
        product_sums([a, b, c])
    }

    fn unary(x: FlexTensor, of: Unary) -> FlexTensor {
        let dims: [usize; 4] = x.shape().dims();
        let x = Flat::new(x);
        tensor(unary::forward(Path::best(), of, x.values()), dims)
    }

    fn skeleton(x: FlexTensor, iterations: usize) -> FlexTensor {
        let x = Planar::new(x);
        let values = skeleton::forward(Path::best(), x.view(), iterations, x.size());
        output(values, x.dims[1], x.size())
    }

    fn window_means(x: FlexTensor, side: usize) -> FlexTensor {
        let x = Planar::new(x);
        let values = window::means(Path::best(), x.view(), side, x.size());
        output(values, x.dims[1], x.size())
    }
}

/// Backward pass of the softmax and its logarithm.
#[derive(Debug)]
struct Softmax(Form);

impl Backward<Flex, 1> for Softmax {
    /// The output.
    type State = FlexTensor;

    fn backward(self, ops: Ops<FlexTensor, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [node] = ops.parents;
        let grad = Planar::new(grads.consume::<Flex>(&ops.node));
        let y = Planar::new(ops.state);
        if let Some(node) = node {
            let values = softmax::backward(Path::best(), y.view(), grad.view(), self.0, y.size());
            grads.register::<Flex>(node.id, output(values, y.dims[1], y.size()));
        }
    }
}

/// Backward pass of the cost of the true class, which the labels tell.
#[derive(Debug)]
struct Cost(Arc<Vec<u8>>);

impl Backward<Flex, 1> for Cost {
    /// Where the logits are.
    type State = NodeId;

    fn backward(self, ops: Ops<NodeId, 1>, grads: &mut Gradients, kept: &mut Checkpointer) {
        let [node] = ops.parents;
        let grad = Flat::new(grads.consume::<Flex>(&ops.node));
        let x = Planar::new(kept.retrieve_node_output::<FlexTensor>(ops.state));
        if let Some(node) = node {
            let path = Path::best();
            let values = cost::backward(path, x.view(), &self.0, grad.values(), x.size());
            grads.register::<Flex>(node.id, output(values, x.dims[1], x.size()));
        }
    }
}

/// Backward pass of sums of products.
#[derive(Debug)]
struct Products;

impl<const N: usize> Backward<Flex, N> for Products {
    /// Where the factors are.
    type State = [NodeId; N];

    fn backward(self, ops: Ops<Self::State, N>, grads: &mut Gradients, kept: &mut Checkpointer) {
        let grad = Flat::new(grads.consume::<Flex>(&ops.node));
        let factors =
            (ops.state).map(|id| Planar::new(kept.retrieve_node_output::<FlexTensor>(id)));
        let (channels, size) = (factors[0].dims[1], factors[0].size());
        for (index, node) in ops.parents.iter().enumerate() {
            let Some(node) = node else { continue };
            let others: Vec<View<'_>> = (factors.iter().enumerate())
                .filter(|(other, _)| *other != index)
                .map(|(_, factor)| factor.view())
                .collect();
            let (path, grad) = (Path::best(), grad.values());
            let values = match others[..] {
                [] => sums::backward(path, grad, [], channels, size),
                [a] => sums::backward(path, grad, [a], channels, size),
                [a, b, ..] => sums::backward(path, grad, [a, b], channels, size),
            };
            let mut found = output(values, channels, size);
            if factors[index].dims[1] < channels {
                found = Flex::float_sum_dim(found, 1);
            }
            grads.register::<Flex>(node.id, found);
        }
    }
}

/// Backward pass of a function of one number.
#[derive(Debug)]
struct Slope(Unary);

impl Backward<Flex, 1> for Slope {
    /// Where the input is.
    type State = NodeId;

    fn backward(self, ops: Ops<NodeId, 1>, grads: &mut Gradients, kept: &mut Checkpointer) {
        let [node] = ops.parents;
        let grad = Flat::new(grads.consume::<Flex>(&ops.node));
        let x = kept.retrieve_node_output::<FlexTensor>(ops.state);
        let dims: [usize; 4] = x.shape().dims();
        let x = Flat::new(x);
        if let Some(node) = node {
            let values = unary::backward(Path::best(), self.0, x.values(), grad.values());
            grads.register::<Flex>(node.id, tensor(values, dims));
        }
    }
}

/// Backward pass of the soft skeleton.
#[derive(Debug)]
struct Skeleton {
    iterations: usize,
}

impl Backward<Flex, 1> for Skeleton {
    /// Where the input is.
    type State = NodeId;

    fn backward(self, ops: Ops<NodeId, 1>, grads: &mut Gradients, kept: &mut Checkpointer) {
        let [node] = ops.parents;
        let grad = Planar::new(grads.consume::<Flex>(&ops.node));
        let x = Planar::new(kept.retrieve_node_output::<FlexTensor>(ops.state));
        if let Some(node) = node {
            let (path, iterations) = (Path::best(), self.iterations);
            let values = skeleton::backward(path, x.view(), grad.view(), iterations, x.size());
            grads.register::<Flex>(node.id, output(values, x.dims[1], x.size()));
        }
    }
}

/// The step of autodiff for an operation on one tensor whose backward pass needs its input.
fn of_input<C: CheckpointStrategy>(
    backward: impl Backward<Flex, 1, State = NodeId>,
    x: &FloatTensor<Autodiff<Flex, C>>,
    value: FlexTensor,
) -> FloatTensor<Autodiff<Flex, C>> {
    match backward.prepare::<C>([x.node()]).compute_bound().stateful() {
        OpsKind::Tracked(mut prepared) => {
            let state = prepared.checkpoint(x);
            prepared.finish(state, value)
        }
        OpsKind::UnTracked(prepared) => prepared.finish(value),
    }
}

/// The step of autodiff for a sum of products.
fn tracked_sums<C: CheckpointStrategy, const N: usize>(
    factors: [FloatTensor<Autodiff<Flex, C>>; N],
) -> FloatTensor<Autodiff<Flex, C>> {
    let value = product_sums(factors.each_ref().map(|factor| factor.primitive().clone()));
    let nodes = factors.each_ref().map(|factor| factor.node());
    let prepared = Backward::<Flex, N>::prepare::<C>(Products, nodes);
    match prepared.compute_bound().stateful() {
        OpsKind::Tracked(mut prepared) => {
            let state = factors.each_ref().map(|factor| prepared.checkpoint(factor));
            prepared.finish(state, value)
        }
        OpsKind::UnTracked(prepared) => prepared.finish(value),
    }
}

impl<C: CheckpointStrategy> LossKernels for Autodiff<Flex, C> {
    fn softmax(x: FloatTensor<Self>, form: Form) -> FloatTensor<Self> {
        let value = Flex::softmax(x.primitive().clone(), form);
        let prepared = Softmax(form).prepare::<C>([x.node()]);
        match prepared.compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish(value.clone(), value),
            OpsKind::UnTracked(prepared) => prepared.finish(value),
        }
    }

    fn cost(x: FloatTensor<Self>, labels: Arc<Vec<u8>>) -> FloatTensor<Self> {
        let value = Flex::cost(x.primitive().clone(), Arc::clone(&labels));
        of_input::<C>(Cost(labels), &x, value)
    }

    fn sum1(a: FloatTensor<Self>) -> FloatTensor<Self> {
        tracked_sums::<C, 1>([a])
    }

    fn sum2(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self> {
        tracked_sums::<C, 2>([a, b])
    }

    fn sum3(a: FloatTensor<Self>, b: FloatTensor<Self>, c: FloatTensor<Self>) -> FloatTensor<Self> {
        tracked_sums::<C, 3>([a, b, c])
    }

    fn unary(x: FloatTensor<Self>, of: Unary) -> FloatTensor<Self> {
        of_input::<C>(Slope(of), &x, Flex::unary(x.primitive().clone(), of))
    }

    fn skeleton(x: FloatTensor<Self>, iterations: usize) -> FloatTensor<Self> {
        let value = Flex::skeleton(x.primitive().clone(), iterations);
        of_input::<C>(Skeleton { iterations }, &x, value)
    }

    fn window_means(x: FloatTensor<Self>, side: usize) -> FloatTensor<Self> {
        FloatTensor::<Self>::new(Flex::window_means(x.primitive().clone(), side))
    }
}
