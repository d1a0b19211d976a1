//! What burn sees of the kernels that take all that a loss asks of its pixels in one pass, with their
//! gradients.
//!
//! As with [`super::extension`]: only for `f32` on the CPU ([`super::extension::fits`]).

use std::sync::Arc;

use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, backend_extension};
use burn::prelude::*;

use super::extension::{Flat, Planar, output, tensor};
use super::skeleton::{overlap, truth};
use super::{Path, hausdorff, lovasz, regions, sums, undecided};

pub use super::lovasz::Form as Lovasz;
pub use super::regions::Regions;

/// The class of every pixel, `[N, H, W]`, of images whose channels stand for the classes from `first`
/// on; a label that is no class is nobody's.
#[derive(Debug, Clone)]
pub struct Labels {
    pub of: Arc<Vec<u8>>,
    pub first: usize,
}

/// How far errors are.
#[derive(Debug, Clone)]
pub struct Far {
    /// `[N, C, H, W]`, squared distances to the true border.
    pub squares: Arc<Vec<f32>>,
    /// Exponent of distances.
    pub alpha: f32,
}

/// The operations.
#[backend_extension(Autodiff, Flex)]
pub trait FusedKernels: Backend {
    /// See [`regions`].
    fn regions(
        p: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        labels: Labels,
        of: Regions,
    ) -> FloatTensor<Self>;

    /// See [`lovasz`].
    fn lovasz(p: FloatTensor<Self>, labels: Labels, form: Lovasz) -> FloatTensor<Self>;

    /// See [`hausdorff`].
    fn hausdorff(
        p: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        labels: Labels,
        far: Far,
    ) -> FloatTensor<Self>;

    /// See [`overlap`].
    fn skeleton_overlap(
        p: FloatTensor<Self>,
        labels: Labels,
        iterations: usize,
    ) -> FloatTensor<Self>;

    /// See [`undecided`].
    fn undecided(
        p: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        epsilon: f32,
    ) -> FloatTensor<Self>;
}

/// `[N, C, K]`: sums over the pixels of each plane of `p` `[N, C, H, W]`, each pixel counting as
/// `weights` `[N, 1, H, W]` say; constants.
///
/// # Panics
/// When there is not a label for every pixel.
#[must_use]
pub fn regions(p: Tensor<4>, weights: Tensor<4>, labels: Labels, of: Regions) -> Tensor<3> {
    one_each(&p, &labels);
    Tensor::from_dispatch(<Dispatch as FusedKernels>::regions(
        p.into_dispatch(),
        weights.into_dispatch(),
        labels,
        of,
    ))
}

/// Lovász-softmax of `p` `[N, C, H, W]`, one number.
///
/// # Panics
/// When there is not a label for every pixel, or channels do not stand for all classes.
#[must_use]
pub fn lovasz(p: Tensor<4>, labels: Labels, form: Lovasz) -> Tensor<1> {
    one_each(&p, &labels);
    assert_eq!(labels.first, 0, "a channel for every class");
    let p = p.into_dispatch();
    Tensor::from_dispatch(<Dispatch as FusedKernels>::lovasz(p, labels, form))
}

/// `[N, C]`: sums over the pixels of each plane of `p` `[N, C, H, W]` of squared errors by how far they
/// are from the true border and that of p > ½; pixels count as `weights` `[N, 1, H, W]` say, classes
/// before `labels.first` for nothing.
///
/// # Panics
/// When there is not a label for every pixel and a distance for every probability.
#[must_use]
pub fn hausdorff(p: Tensor<4>, weights: Tensor<4>, labels: Labels, far: Far) -> Tensor<2> {
    one_each(&p, &labels);
    let all: usize = p.dims().iter().product();
    assert_eq!(far.squares.len(), all, "a distance for every probability");
    Tensor::from_dispatch(<Dispatch as FusedKernels>::hausdorff(
        p.into_dispatch(),
        weights.into_dispatch(),
        labels,
        far,
    ))
}

/// `[N, 4]`: of the classes of `p` `[N, C, H, W]` from `labels.first` on together, sums over the pixels
/// of their soft skeletons where the class is true, of their soft skeletons, of `p` on the true skeletons,
/// and of the true skeletons. A pixel whose label is no class counts for nothing.
///
/// # Panics
/// When there is not a label for every pixel.
#[must_use]
pub fn skeleton_overlap(p: Tensor<4>, labels: Labels, iterations: usize) -> Tensor<2> {
    one_each(&p, &labels);
    let p = p.into_dispatch();
    Tensor::from_dispatch(<Dispatch as FusedKernels>::skeleton_overlap(
        p, labels, iterations,
    ))
}

/// `[N, C, H, W]` as zeros and ones, of the classes from `first` to before `classes`: the skeletons of
/// labels `[N, H, W]` after `iterations` erosions.
#[must_use]
pub fn true_skeletons(
    labels: &[u8],
    [first, classes]: [usize; 2],
    [height, width]: [usize; 2],
    iterations: usize,
) -> Vec<f32> {
    let bits = truth::of_labels(labels, [first, classes], [height, width], iterations);
    let plane = (height * width).max(1);
    let mut numbers = vec![0.0; bits.len() * plane];
    let planes = numbers.chunks_mut(plane).zip(&bits);
    planes.for_each(|(to, bits)| bits.write(to));
    numbers
}

/// `[N]`: sums over the pixels of each image of w / (mean |p − 1/C| + ε).
#[must_use]
pub fn undecided(p: Tensor<4>, weights: Tensor<4>, epsilon: f32) -> Tensor<1> {
    let (p, weights) = (p.into_dispatch(), weights.into_dispatch());
    Tensor::from_dispatch(<Dispatch as FusedKernels>::undecided(p, weights, epsilon))
}

/// Lovász-softmax of probabilities `[N, C, H, W]` that are no tensor: how the
/// loss grows with each error |y − p|.
///
/// # Panics
/// When there is not a number for every place and a label for every pixel.
#[must_use]
pub fn lovasz_shares(p: &[f32], dims: [usize; 4], labels: &[u8], form: Lovasz) -> Vec<f32> {
    let [images, channels, height, width] = dims;
    assert_eq!(p.len(), images * channels * height * width);
    assert_eq!(labels.len(), images * height * width);
    let view = super::band::View {
        data: p,
        channels,
        image_stride: channels * height * width,
        readings: &[],
    };
    let size = super::band::Size {
        images,
        height,
        width,
    };
    let (_, mut slopes) = lovasz::forward(Path::best(), view, labels, form, size);
    slopes.iter_mut().for_each(|slope| *slope = slope.abs());
    slopes
}

#[track_caller]
fn one_each(p: &Tensor<4>, labels: &Labels) {
    let [n, _, h, w] = p.dims();
    assert_eq!(labels.of.len(), n * h * w, "a label for every pixel");
}

/// Numbers of a loss and their slopes.
struct Found {
    values: FlexTensor,
    /// `[N, C, H, W]`; of one number, or of one for every plane or image.
    slopes: FlexTensor,
}

fn found_lovasz(p: FlexTensor, labels: &Labels, form: Lovasz) -> Found {
    let p = Planar::new(p);
    let (value, slopes) = lovasz::forward(Path::best(), p.view(), &labels.of, form, p.size());
    Found {
        values: tensor(vec![value as f32], [1]),
        slopes: output(slopes, p.dims[1], p.size()),
    }
}

fn found_hausdorff(p: FlexTensor, weights: FlexTensor, labels: &Labels, far: &Far) -> Found {
    let (p, weights) = (Planar::new(p), Planar::new(weights));
    let truth = hausdorff::Truth {
        labels: &labels.of,
        weights: weights.view(),
        squares: &far.squares,
        first: labels.first,
        alpha: far.alpha,
    };
    let [values, slopes] = hausdorff::forward(Path::best(), p.view(), truth, p.size());
    Found {
        values: tensor(values, [p.dims[0], p.dims[1]]),
        slopes: output(slopes, p.dims[1], p.size()),
    }
}

fn found_undecided(p: FlexTensor, weights: FlexTensor, epsilon: f32) -> Found {
    let (p, weights) = (Planar::new(p), Planar::new(weights));
    let found = undecided::forward(Path::best(), p.view(), weights.view(), epsilon, p.size());
    let [values, slopes] = found;
    Found {
        values: tensor(values, [p.dims[0]]),
        slopes: output(slopes, p.dims[1], p.size()),
    }
}

/// The sums, and the true skeletons.
fn found_overlap(p: &Planar, labels: &Labels, iterations: usize) -> (FlexTensor, Vec<truth::Bits>) {
    let truth = overlap::Truth {
        labels: &labels.of,
        first: labels.first,
    };
    let (sums, bits) = overlap::forward(Path::best(), p.view(), truth, iterations, p.size());
    (tensor(sums, [p.dims[0], overlap::SUMS]), bits)
}

fn sums_of_regions(p: &Planar, weights: &Planar, labels: &Labels, of: Regions) -> FlexTensor {
    let truth = regions::Truth {
        labels: &labels.of,
        weights: weights.view(),
        first: labels.first,
    };
    let sums = regions::forward(Path::best(), p.view(), truth, of, p.size());
    tensor(sums, [p.dims[0], p.dims[1], of.count()])
}

impl FusedKernels for Flex {
    fn regions(p: FlexTensor, weights: FlexTensor, labels: Labels, of: Regions) -> FlexTensor {
        sums_of_regions(&Planar::new(p), &Planar::new(weights), &labels, of)
    }

    fn lovasz(p: FlexTensor, labels: Labels, form: Lovasz) -> FlexTensor {
        found_lovasz(p, &labels, form).values
    }

    fn hausdorff(p: FlexTensor, weights: FlexTensor, labels: Labels, far: Far) -> FlexTensor {
        found_hausdorff(p, weights, &labels, &far).values
    }

    fn skeleton_overlap(p: FlexTensor, labels: Labels, iterations: usize) -> FlexTensor {
        found_overlap(&Planar::new(p), &labels, iterations).0
    }

    fn undecided(p: FlexTensor, weights: FlexTensor, epsilon: f32) -> FlexTensor {
        found_undecided(p, weights, epsilon).values
    }
}

/// Backward pass of sums over regions.
#[derive(Debug)]
struct OfRegions {
    labels: Labels,
    of: Regions,
}

impl Backward<Flex, 1> for OfRegions {
    /// Where the probabilities are, and the weights.
    type State = (NodeId, FlexTensor);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, kept: &mut Checkpointer) {
        let [node] = ops.parents;
        let grad = Flat::new(grads.consume::<Flex>(&ops.node));
        let (id, weights) = ops.state;
        let p = Planar::new(kept.retrieve_node_output::<FlexTensor>(id));
        let Some(node) = node else { return };
        let weights = Planar::new(weights);
        let truth = regions::Truth {
            labels: &self.labels.of,
            weights: weights.view(),
            first: self.labels.first,
        };
        let (path, grad) = (Path::best(), grad.values());
        let values = regions::backward(path, p.view(), truth, grad, self.of, p.size());
        grads.register::<Flex>(node.id, output(values, p.dims[1], p.size()));
    }
}

/// Backward pass of the overlap of skeletons.
#[derive(Debug)]
struct SkeletonOverlap {
    labels: Labels,
    iterations: usize,
}

impl Backward<Flex, 1> for SkeletonOverlap {
    /// Where the probabilities are, and the true skeletons.
    type State = (NodeId, Arc<Vec<truth::Bits>>);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, kept: &mut Checkpointer) {
        let [node] = ops.parents;
        let grad = Flat::new(grads.consume::<Flex>(&ops.node));
        let (id, bits) = ops.state;
        let p = Planar::new(kept.retrieve_node_output::<FlexTensor>(id));
        let Some(node) = node else { return };
        let truth = overlap::Truth {
            labels: &self.labels.of,
            first: self.labels.first,
        };
        let known = (grad.values(), &bits[..]);
        let path = Path::best();
        let values = overlap::backward(path, p.view(), truth, known, self.iterations, p.size());
        grads.register::<Flex>(node.id, output(values, p.dims[1], p.size()));
    }
}

/// Backward pass of numbers whose slopes are known.
#[derive(Debug)]
struct Slopes;

impl Backward<Flex, 1> for Slopes {
    /// The slopes.
    type State = FlexTensor;

    fn backward(self, ops: Ops<FlexTensor, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [node] = ops.parents;
        let grad = Flat::new(grads.consume::<Flex>(&ops.node));
        let Some(node) = node else { return };
        let grad = grad.values();
        // As where this number is the whole loss.
        if grad.iter().all(|grad| *grad == 1.0) {
            grads.register::<Flex>(node.id, ops.state);
            return;
        }
        let slopes = Planar::new(ops.state);
        let (channels, size) = (slopes.dims[1], slopes.size());
        // One gradient for all planes, for those of an image, or for each.
        let planes_each = size.images * channels / grad.len().max(1);
        let grad: Vec<f32> = grad
            .iter()
            .flat_map(|grad| std::iter::repeat_n(*grad, planes_each))
            .collect();
        let values = sums::backward(Path::best(), &grad, [slopes.view()], channels, size);
        grads.register::<Flex>(node.id, output(values, channels, size));
    }
}

/// The step of autodiff for numbers whose slopes are known.
fn known<C: CheckpointStrategy>(
    p: &FloatTensor<Autodiff<Flex, C>>,
    found: Found,
) -> FloatTensor<Autodiff<Flex, C>> {
    match Slopes.prepare::<C>([p.node()]).compute_bound().stateful() {
        OpsKind::Tracked(prepared) => prepared.finish(found.slopes, found.values),
        OpsKind::UnTracked(prepared) => prepared.finish(found.values),
    }
}

impl<C: CheckpointStrategy> FusedKernels for Autodiff<Flex, C> {
    fn regions(
        p: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        labels: Labels,
        of: Regions,
    ) -> FloatTensor<Self> {
        let weights = weights.primitive().clone();
        let value = Flex::regions(p.primitive().clone(), weights.clone(), labels.clone(), of);
        let step = OfRegions { labels, of };
        match step.prepare::<C>([p.node()]).compute_bound().stateful() {
            OpsKind::Tracked(mut prepared) => {
                let state = (prepared.checkpoint(&p), weights);
                prepared.finish(state, value)
            }
            OpsKind::UnTracked(prepared) => prepared.finish(value),
        }
    }

    fn lovasz(p: FloatTensor<Self>, labels: Labels, form: Lovasz) -> FloatTensor<Self> {
        known::<C>(&p, found_lovasz(p.primitive().clone(), &labels, form))
    }

    fn hausdorff(
        p: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        labels: Labels,
        far: Far,
    ) -> FloatTensor<Self> {
        let (of, weights) = (p.primitive().clone(), weights.primitive().clone());
        known::<C>(&p, found_hausdorff(of, weights, &labels, &far))
    }

    fn skeleton_overlap(
        p: FloatTensor<Self>,
        labels: Labels,
        iterations: usize,
    ) -> FloatTensor<Self> {
        let planar = Planar::new(p.primitive().clone());
        let (value, bits) = found_overlap(&planar, &labels, iterations);
        let step = SkeletonOverlap { labels, iterations };
        match step.prepare::<C>([p.node()]).compute_bound().stateful() {
            OpsKind::Tracked(mut prepared) => {
                let state = (prepared.checkpoint(&p), Arc::new(bits));
                prepared.finish(state, value)
            }
            OpsKind::UnTracked(prepared) => prepared.finish(value),
        }
    }

    fn undecided(
        p: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        epsilon: f32,
    ) -> FloatTensor<Self> {
        let (of, weights) = (p.primitive().clone(), weights.primitive().clone());
        known::<C>(&p, found_undecided(of, weights, epsilon))
    }
}
