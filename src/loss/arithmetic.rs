//! The operations that losses share. Single precision on the CPU has kernels of its own for them,
//! several times faster than burn's; everywhere else, and in double precision, they are made of
//! burn's operations.

use burn::prelude::*;
use burn::tensor::activation;
use burn::tensor::module::avg_pool2d;
use burn::tensor::ops::AvgPoolOptions;
use dicebench_kernels::extension::fits;
use dicebench_kernels::fused::{self, Labels, Regions};
use dicebench_kernels::losses::{self, Form, Unary};

use super::Target;

/// Softmax over the classes of `[N, C, H, W]`.
pub(crate) fn softmax(logits: Tensor<4>) -> Tensor<4> {
    if fits(&logits) {
        return losses::softmax(logits, Form::Probabilities);
    }
    activation::softmax(logits, 1)
}

/// Its logarithm, without forming a probability.
pub(crate) fn log_softmax(logits: Tensor<4>) -> Tensor<4> {
    if fits(&logits) {
        return losses::softmax(logits, Form::Logarithms);
    }
    activation::log_softmax(logits, 1)
}

/// 1 / (1 + e⁻ᶻ).
pub(crate) fn sigmoid(logits: Tensor<4>) -> Tensor<4> {
    if fits(&logits) {
        return losses::unary(logits, Unary::Sigmoid);
    }
    activation::sigmoid(logits)
}

/// log(1 + eᶻ) = max(z, 0) + log(1 + e^−|z|). Its gradient, written so that it is σ(z) at 0 too.
pub(crate) fn softplus(z: Tensor<4>) -> Tensor<4> {
    if fits(&z) {
        return losses::unary(z, Unary::Softplus);
    }
    // max(z, 0) and |z| have no gradient of their own at 0: through one constant mask they have.
    let positive = z.clone().detach().greater_elem(0.0).float().cast(z.dtype());
    let sign = positive.clone() * 2.0 - 1.0;
    let absolute = z.clone() * sign;
    z * positive + ((-absolute).exp() + 1.0).log()
}

/// log σ(z) = min(z, 0) − log(1 + e^−|z|), without overflow on either side.
pub(crate) fn log_sigmoid(z: Tensor<4>) -> Tensor<4> {
    -softplus(-z)
}

/// Probabilities kept `clip` away from 0 and 1; 0 = as they are.
pub(crate) fn clipped(p: Tensor<4>, clip: f64) -> Tensor<4> {
    if clip > 0.0 {
        return p.clamp(clip, 1.0 - clip);
    }
    p
}

/// −log p, at most 69: a probability that has rounded to 0 costs a lot, not infinitely much, and
/// its slope stays finite.
pub(crate) fn minus_log(p: Tensor<4>) -> Tensor<4> {
    if fits(&p) {
        return losses::unary(p, Unary::MinusLog);
    }
    -p.clamp_min(1e-30).log()
}

/// −log p of each pixel's true class, `[N, 1, H, W]`, from logits of a softmax; 0 at ignored pixels.
pub(crate) fn true_cost(logits: Tensor<4>, target: &Target) -> Tensor<4> {
    if fits(&logits) {
        return losses::cost(logits, target.shared_labels());
    }
    -of_true_class(log_softmax(logits), target)
}

/// What `x` `[N, C, H, W]` is at each pixel's true class, `[N, 1, H, W]`; 0 at ignored pixels. Where
/// the truth is 0, `x` may be infinite, and 0 · ∞ is not 0.
pub(crate) fn of_true_class(x: Tensor<4>, target: &Target) -> Tensor<4> {
    let off = target.one_hot.clone().equal_elem(0.0);
    x.mask_fill(off, 0.0).sum_dim(1)
}

/// `[N, C, H, W]` → `[N, C]`: sums over the pixels of each plane, row by row.
pub(crate) fn plane_sums(x: Tensor<4>) -> Tensor<2> {
    if fits(&x) {
        return losses::plane_sums(x, Vec::new());
    }
    let [n, c, h, w] = x.dims();
    x.reshape([n * c * h, w])
        .sum_dim(1)
        .reshape([n * c, h])
        .sum_dim(1)
        .reshape([n, c])
}

/// [`plane_sums`] of `x` times all `factors` (at most two, of as many channels or of one), without
/// writing the product down where that can be avoided.
pub(crate) fn product_sums<const N: usize>(x: Tensor<4>, factors: [Tensor<4>; N]) -> Tensor<2> {
    const { assert!(N <= 2, "at most two factors beside `x`") };
    if fits(&x) {
        return losses::plane_sums(x, factors.into());
    }
    plane_sums(
        factors
            .into_iter()
            .fold(x, |product, factor| product * factor),
    )
}

/// What a kernel sums over the pixels of each plane of `p` `[N, C, H, W]` by labels in one pass, `[N, C]`
/// each; pixels count as `weights` `[N, 1, H, W]` say. For where it [`fits`].
pub(crate) fn region_sums<const K: usize>(
    p: Tensor<4>,
    weights: Tensor<4>,
    labels: Labels,
    of: Regions,
) -> [Tensor<2>; K] {
    let sums = fused::regions(p, weights, labels, of);
    std::array::from_fn(|index| sums.clone().narrow(2, index, 1).squeeze_dim(2))
}

/// Sum of everything as a one-element tensor: first over the pixels of each plane, then over
/// planes, so that a large batch in f32 does not lose its small parts.
pub(crate) fn sum_all(x: Tensor<4>) -> Tensor<1> {
    plane_sums(x).sum()
}

/// Means over `side` × `side` pixels around each of `[N, C, H, W]`, an odd number. Beyond the edge
/// there are no neighbours, yet they are counted: means fall off there. Of constants: no gradient
/// passes.
pub(crate) fn window_means(x: Tensor<4>, side: usize) -> Tensor<4> {
    if fits(&x) {
        return losses::window_means(x, side);
    }
    let window = AvgPoolOptions::new([side, side])
        .with_stride([1, 1])
        .with_padding([side / 2, side / 2]);
    avg_pool2d(x, window)
}
