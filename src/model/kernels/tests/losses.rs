//! What losses are made of, on every instruction set, against burn's own operations and gradients.

use std::sync::Arc;

use burn::prelude::*;
use burn::tensor::activation;
use burn::tensor::module::{avg_pool2d, max_pool2d};
use burn::tensor::ops::{AvgPoolOptions, MaxPoolOptions};

use super::super::losses::{self, Form, Unary};
use super::super::{Path, cost, skeleton, softmax, sums, unary, window};
use super::{SIZES, assert_close, numbers, size, tensor, values, view};

/// Value and gradient of `x` under a gradient that looks random.
pub(super) fn both<const D: usize>(x: &Tensor<4>, y: Tensor<D>) -> [Vec<f32>; 2] {
    let dims = y.dims();
    let grad = numbers(dims.iter().product(), 9);
    let grads = (y.clone() * tensor(&grad, dims, &x.device()))
        .sum()
        .backward();
    [values(y.inner()), values(x.grad(&grads).unwrap())]
}

#[track_caller]
pub(super) fn assert_both(found: &[Vec<f32>; 2], expected: &[Vec<f32>; 2], what: &str) {
    assert_close(&found[0], &expected[0], what);
    assert_close(&found[1], &expected[1], &format!("gradient, {what}"));
}

/// The gradient of a softmax is a difference of numbers as large as the gradient it is given, which
/// is up to ½: where all but one class is out of the question, nothing but their rounding is left.
const ROUNDING: f32 = 1e-6;

#[track_caller]
fn assert_near(found: &[Vec<f32>; 2], expected: &[Vec<f32>; 2], what: &str) {
    assert_close(&found[0], &expected[0], what);
    for (a, b) in found[1].iter().zip(&expected[1]) {
        assert!(
            (a - b).abs() <= ROUNDING,
            "gradient, {what}: {a} instead of {b}"
        );
    }
}

#[test]
fn softmaxes_equal_burns_on_every_path() {
    let device = Device::flex().autodiff();
    for [n, h, w] in SIZES.into_iter().chain([[1, 70, 80]]) {
        for c in [1, 2, 5, 19] {
            // Differences of up to 30 between the classes of a pixel.
            let logits: Vec<f32> = numbers(n * c * h * w, 1).iter().map(|x| x * 30.0).collect();
            let x = tensor(&logits, [n, c, h, w], &device).require_grad();
            let grad = numbers(n * c * h * w, 9);
            for form in [Form::Probabilities, Form::Logarithms] {
                let what = format!("{form:?} {n} × {c} × {h} × {w}");
                let expected = both(
                    &x,
                    match form {
                        Form::Probabilities => activation::softmax(x.clone(), 1),
                        Form::Logarithms => activation::log_softmax(x.clone(), 1),
                    },
                );
                assert_near(
                    &both(&x, losses::softmax(x.clone(), form)),
                    &expected,
                    &what,
                );
                let size = size([n, h, w]);
                for path in Path::available() {
                    let y = softmax::forward(path, view(&logits, c, size), form, size);
                    let views = (view(&y, c, size), view(&grad, c, size));
                    let dx = softmax::backward(path, views.0, views.1, form, size);
                    assert_near(&[y, dx], &expected, &format!("{path:?} {what}"));
                }
            }
        }
    }
}

#[test]
fn softmaxes_hold_for_logits_that_overflow_and_pass_nan_on() {
    let device = Device::flex();
    let run = |logits: [f32; 3], form| {
        let x = tensor(&logits, [1, 3, 1, 1], &device);
        values(losses::softmax(x, form))
    };
    assert_eq!(run([1e4, -1e4, 0.0], Form::Probabilities), [1.0, 0.0, 0.0]);
    assert_eq!(run([1e4, -1e4, 0.0], Form::Logarithms), [0.0, -2e4, -1e4]);
    for form in [Form::Probabilities, Form::Logarithms] {
        assert!(run([0.0, f32::NAN, 0.0], form).iter().all(|y| y.is_nan()));
    }
}

/// Where the true class has all but a millionth, or less than a `f32` can take from 1.
#[test]
fn a_sure_pixels_gradient_keeps_its_digits() {
    for ahead in [10.0f32, 14.0, 20.0, 30.0] {
        let logits = [0.5, ahead, -1.0, 0.25];
        let size = size([1, 1, 1]);
        let exact: Vec<f64> = logits.iter().map(|&z| f64::from(z - ahead).exp()).collect();
        let others = exact[0] + exact[2] + exact[3];
        let p: Vec<f64> = exact.iter().map(|e| e / (1.0 + others)).collect();
        let given = [0.3f32, -0.7, 0.1, 0.6];
        // Σ pⱼ (gₖ − gⱼ), without a difference of sums.
        let wanted = |k: usize| -> f64 {
            let apart = |j: usize| p[j] * (f64::from(given[k]) - f64::from(given[j]));
            p[k] * (0..4).map(apart).sum::<f64>()
        };
        for path in Path::available() {
            let near = |found: f32, exact: f64, what: &str| {
                let off = (f64::from(found) / exact - 1.0).abs();
                assert!(off < 2e-6, "{path:?} {what}: {found} instead of {exact}");
            };
            let y = softmax::forward(path, view(&logits, 4, size), Form::Probabilities, size);
            let views = (view(&y, 4, size), view(&given, 4, size));
            let dx = softmax::backward(path, views.0, views.1, Form::Probabilities, size);
            let x = view(&logits, 4, size);
            let cost = cost::forward(path, x, &[1], size);
            near(cost[0], others.ln_1p(), "cost");
            let slope = cost::backward(path, x, &[1], &[1.0], size);
            for k in 0..4 {
                near(dx[k], wanted(k), "softmax");
                let exact = if k == 1 {
                    -others / (1.0 + others)
                } else {
                    p[k]
                };
                near(slope[k], exact, "slope of the cost");
            }
        }
    }
}

#[test]
fn a_pixels_cost_is_minus_the_logarithm_of_its_class() {
    let device = Device::flex().autodiff();
    for [n, h, w] in SIZES.into_iter().chain([[1, 70, 80]]) {
        for c in [1, 2, 5] {
            let logits: Vec<f32> = numbers(n * c * h * w, 1).iter().map(|x| x * 30.0).collect();
            let x = tensor(&logits, [n, c, h, w], &device).require_grad();
            // One label more than there are classes: ignored.
            let labels: Vec<u8> = (0..n * h * w).map(|i| (i * 7 % (c + 1)) as u8).collect();
            let one_hot: Vec<f32> = (0..n * c * h * w)
                .map(|at| {
                    let (plane, pixel) = (at / (h * w), at % (h * w));
                    let label = labels[plane / c * h * w + pixel];
                    f32::from(u8::from(usize::from(label) == plane % c))
                })
                .collect();
            let truth = tensor(&one_hot, [n, c, h, w], &device);
            let log_p = activation::log_softmax(x.clone(), 1);
            let expected = both(&x, -(log_p * truth).sum_dim(1));
            let what = format!("{n} × {c} × {h} × {w}");
            let found = losses::cost(x.clone(), Arc::new(labels.clone()));
            assert_near(&both(&x, found), &expected, &what);
            let (size, grad) = (size([n, h, w]), numbers(n * h * w, 9));
            for path in Path::available() {
                let x = view(&logits, c, size);
                let y = cost::forward(path, x, &labels, size);
                let dx = cost::backward(path, x, &labels, &grad, size);
                assert_near(&[y, dx], &expected, &format!("{path:?} {what}"));
            }
        }
    }
}

#[test]
fn sums_of_products_equal_burns() {
    let device = Device::flex().autodiff();
    for [n, h, w] in SIZES.into_iter().chain([[1, 70, 80]]) {
        for c in [1, 3] {
            let random = |channels: usize, seed| {
                let values = numbers(n * channels * h * w, seed);
                tensor(&values, [n, channels, h, w], &device).require_grad()
            };
            let (a, b, one) = (random(c, 1), random(c, 2), random(1, 3));
            let all: [&[&Tensor<4>]; 5] =
                [&[&a], &[&a, &b], &[&a, &one], &[&a, &b, &one], &[&a, &a]];
            for factors in all {
                let written = || {
                    let others = factors[1..].iter();
                    let product = others.fold(a.clone(), |product, &by| product * by.clone());
                    product.sum_dim(2).sum_dim(3).reshape([n, c])
                };
                let found = || {
                    let others = factors[1..].iter().map(|&factor| factor.clone());
                    losses::plane_sums(a.clone(), others.collect())
                };
                for of in factors {
                    let what = format!("{} factors, {n} × {c} × {h} × {w}", factors.len());
                    let expected = both(of, written());
                    assert_both(&both(of, found()), &expected, &what);
                }
            }
            for path in Path::available() {
                let size = size([n, h, w]);
                let (a, b) = (numbers(n * c * h * w, 1), numbers(n * c * h * w, 2));
                let (a, b) = (view(&a, c, size), view(&b, c, size));
                let found = sums::forward(path, [a, b], c, size);
                let grad = numbers(n * c, 4);
                let back = sums::backward(path, &grad, [b], c, size);
                for plane in 0..n * c {
                    let of = |view: super::super::band::View<'_>| -> Vec<f64> {
                        let plane = view.plane(plane / c, plane % c, size);
                        plane.iter().map(|x| f64::from(*x)).collect()
                    };
                    let (a, b) = (of(a), of(b));
                    let sum: f64 = a.iter().zip(&b).map(|(a, b)| a * b).sum();
                    assert!((f64::from(found[plane]) - sum).abs() < 1e-5, "{path:?}");
                    let own = &back[plane * h * w..][..h * w];
                    for (found, b) in own.iter().zip(b) {
                        assert!((f64::from(*found) - f64::from(grad[plane]) * b).abs() < 1e-7);
                    }
                }
            }
        }
    }
}

#[test]
fn a_small_class_is_not_lost_in_a_large_sum() {
    // A thousand ones behind sixteen million hundredths, in one plane.
    let (h, w) = (4096, 4096);
    let mut numbers = vec![0.01f32; h * w];
    numbers[h * w - 1000..].fill(1.0);
    let exact = f64::from(0.01f32) * (h * w - 1000) as f64 + 1000.0;
    for path in Path::available() {
        let size = size([1, h, w]);
        let sum = sums::forward(path, [view(&numbers, 1, size)], 1, size);
        let error = (f64::from(sum[0]) - exact).abs() / exact;
        assert!(error < 1e-6, "{path:?}: {error}");
    }
}

#[test]
fn functions_of_one_number_are_as_exact_as_the_type() {
    let exact = |of: Unary, x: f64| match of {
        Unary::Sigmoid => 1.0 / (1.0 + (-x).exp()),
        Unary::Softplus => x.max(0.0) + (-x.abs()).exp().ln_1p(),
        Unary::MinusLog => -x.ln(),
    };
    let slope = |of: Unary, x: f64| match of {
        Unary::Sigmoid => (-x.abs()).exp() / (1.0 + (-x.abs()).exp()).powi(2),
        Unary::Softplus => 1.0 / (1.0 + (-x).exp()),
        Unary::MinusLog => -1.0 / x,
    };
    let mut wide: Vec<f32> = (-8000..8000).map(|i| i as f32 * 0.011).collect();
    wide.extend([-1e4, 1e4, 0.0]);
    let mut small: Vec<f32> = (1..4000).map(|i| i as f32 * 2.7e-4).collect();
    small.extend((0..98).map(|i| 10f32.powi(-(i / 4)) * (1.0 + 0.2 * (i % 4) as f32)));
    small.retain(|x| *x > 1e-29);
    let of = [
        (Unary::Sigmoid, &wide),
        (Unary::Softplus, &wide),
        (Unary::MinusLog, &small),
    ];
    for (of, x) in of {
        for path in Path::available() {
            let y = unary::forward(path, of, x);
            let dx = unary::backward(path, of, x, &vec![1.0; x.len()]);
            for ((&x, &y), &dx) in x.iter().zip(&y).zip(&dx) {
                let wide = f64::from(x);
                for (found, exact) in [(y, exact(of, wide)), (dx, slope(of, wide))] {
                    // Relative, until results are no normal numbers; near 0 the logarithm of a
                    // number close to 1, and 1 + e⁻ˣ, have no more digits than the sum.
                    let error = (f64::from(found) - exact).abs();
                    let bound = 6e-7 * exact.abs() + 1.3e-7 * f64::from(of != Unary::Sigmoid);
                    assert!(
                        error <= bound.max(1e-37),
                        "{of:?}({x}) {path:?}: {found} {exact}"
                    );
                }
            }
        }
    }
    for of in [Unary::Sigmoid, Unary::Softplus, Unary::MinusLog] {
        for path in Path::available() {
            assert!(unary::forward(path, of, &[f32::NAN])[0].is_nan(), "{of:?}");
        }
    }
    // Below its floor the logarithm is constant.
    let found = unary::forward(Path::best(), Unary::MinusLog, &[0.0, -1.0, 1e-30]);
    assert_close(&found, &[69.077_55; 3], "floor");
    let slopes = unary::backward(Path::best(), Unary::MinusLog, &[0.0, -1.0], &[1.0; 2]);
    assert_eq!(slopes, [0.0; 2]);
}

fn pool(x: Tensor<4>, kernel: [usize; 2]) -> Tensor<4> {
    let window = MaxPoolOptions::new(kernel)
        .with_stride([1, 1])
        .with_padding(kernel.map(|k| k / 2));
    max_pool2d(x, window)
}

/// The soft skeleton in burn's operations.
pub(super) fn skeleton_of(x: Tensor<4>, iterations: usize) -> Tensor<4> {
    let erode = |x: Tensor<4>| {
        let tall = -pool(-x.clone(), [3, 1]);
        tall.min_pair(-pool(-x, [1, 3]))
    };
    let taken = |x: Tensor<4>| activation::relu(x.clone() - pool(erode(x), [3, 3]));
    let mut x = x;
    let mut skeleton = taken(x.clone());
    for _ in 0..iterations {
        x = erode(x);
        let delta = taken(x.clone());
        skeleton = skeleton.clone() + activation::relu(delta.clone() - skeleton * delta);
    }
    skeleton
}

#[test]
fn skeletons_equal_those_of_burns_poolings() {
    let device = Device::flex().autodiff();
    // The last is worked on in several strips.
    for [n, h, w] in SIZES.into_iter().chain([[1, 301, 300]]) {
        for iterations in [0, 1, 3, 10] {
            let c = 2;
            // Half of them with many equal neighbours, as saturated probabilities have.
            for steps in [None, Some(4.0)] {
                let x: Vec<f32> = numbers(n * c * h * w, 3)
                    .iter()
                    .map(|x| match steps {
                        None => x + 0.5,
                        Some(steps) => ((x + 0.5) * steps).round() / steps,
                    })
                    .collect();
                let tx = tensor(&x, [n, c, h, w], &device).require_grad();
                let expected = both(&tx, skeleton_of(tx.clone(), iterations));
                let what = format!("{n} × {h} × {w}, {iterations} iterations, {steps:?}");
                let found = both(&tx, losses::skeleton(tx.clone(), iterations));
                assert_both(&found, &expected, &what);
                let (size, grad) = (size([n, h, w]), numbers(n * c * h * w, 9));
                for path in Path::available() {
                    let views = (view(&x, c, size), view(&grad, c, size));
                    let y = skeleton::forward(path, views.0, iterations, size);
                    let dx = skeleton::backward(path, views.0, views.1, iterations, size);
                    assert_both(&[y, dx], &expected, &format!("{path:?} {what}"));
                }
            }
        }
    }
}

#[test]
fn window_means_equal_burns() {
    let device = Device::flex();
    for [n, h, w] in SIZES {
        for side in [1, 3, 7, 51] {
            let x = numbers(n * 2 * h * w, 3);
            let tx = tensor(&x, [n, 2, h, w], &device);
            let window = AvgPoolOptions::new([side, side])
                .with_stride([1, 1])
                .with_padding([side / 2, side / 2]);
            let expected = values(avg_pool2d(tx.clone(), window));
            let what = format!("{side} in {n} × {h} × {w}");
            assert_close(&values(losses::window_means(tx, side)), &expected, &what);
            for path in Path::available() {
                let size = size([n, h, w]);
                let found = window::means(path, view(&x, 2, size), side, size);
                assert_close(&found, &expected, &format!("{path:?} {what}"));
            }
        }
    }
}
