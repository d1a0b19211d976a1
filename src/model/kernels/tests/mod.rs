//! Every kernel on every instruction set the processor offers, against burn's own operation and
//! its gradients, for odd sizes and all kinds of channel counts.

mod fused;
mod losses;
mod misfits;
mod others;
mod reading;
mod winograd;

use burn::prelude::*;
use burn::tensor::module;
use burn::tensor::ops::ConvOptions;

use super::band::{Size, View};
use super::conv::After;
use super::reading::Reading;
use super::{Path, conv, extension};

/// Largest difference from burn's result, as a share of the largest number in it. Sums of up to
/// some thousand products in single precision, added in another order.
const TOLERANCE: f32 = 1e-5;

/// Numbers in -0.5..0.5 that look random.
fn numbers(len: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(12_345);
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1u32 << 24) as f32 - 0.5
    };
    (0..len).map(|_| next()).collect()
}

fn tensor<const D: usize>(values: &[f32], dims: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values.to_vec(), dims), device)
}

fn values<const D: usize>(x: Tensor<D>) -> Vec<f32> {
    x.into_data().try_to_vec().unwrap()
}

#[track_caller]
fn assert_close(found: &[f32], expected: &[f32], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let scale = expected.iter().fold(1e-3f32, |most, x| most.max(x.abs()));
    for (index, (a, b)) in found.iter().zip(expected).enumerate() {
        assert!(
            (a - b).abs() <= TOLERANCE * scale,
            "{what}: {a} instead of {b} at {index}"
        );
    }
}

/// Images, height, width.
const SIZES: [[usize; 3]; 8] = [
    [1, 5, 7],
    [3, 5, 7],
    [1, 1, 1],
    [2, 8, 8],
    [3, 3, 8],
    [1, 4, 16],
    [2, 13, 33],
    [1, 40, 48],
];

/// Input and output channels.
const CHANNELS: [[usize; 2]; 7] = [
    [1, 1],
    [3, 16],
    [5, 3],
    [16, 5],
    [17, 17],
    [16, 16],
    [33, 9],
];

struct Case {
    size: Size,
    x: Vec<f32>,
    weight: Vec<f32>,
    bias: Vec<f32>,
    grad: Vec<f32>,
    /// Output, gradients of input, weight and bias, as burn computes them.
    expected: [Vec<f32>; 4],
}

fn case([images, height, width]: [usize; 3], [i, o]: [usize; 2], kernel: usize) -> Case {
    let size = size([images, height, width]);
    let x = numbers(size.pixels() * i, 1);
    let weight = numbers(i * o * kernel * kernel, 2);
    let bias = numbers(o, 3);
    let grad = numbers(size.pixels() * o, 4);
    let device = Device::flex().autodiff();
    let tx = tensor(&x, [images, i, height, width], &device).require_grad();
    let tw = tensor(&weight, [o, i, kernel, kernel], &device).require_grad();
    let tb = tensor(&bias, [o], &device).require_grad();
    let padding = kernel / 2;
    let options = ConvOptions::new([1, 1], [padding, padding], [1, 1], 1);
    let y = module::conv2d(tx.clone(), tw.clone(), Some(tb.clone()), options);
    let weighted = y.clone() * tensor(&grad, [images, o, height, width], &device);
    let grads = weighted.sum().backward();
    let expected = [
        values(y.inner()),
        values(tx.grad(&grads).unwrap()),
        values(tw.grad(&grads).unwrap()),
        values(tb.grad(&grads).unwrap()),
    ];
    Case {
        size,
        x,
        weight,
        bias,
        grad,
        expected,
    }
}

fn size([images, height, width]: [usize; 3]) -> Size {
    Size {
        images,
        height,
        width,
    }
}

fn view(data: &[f32], channels: usize, size: Size) -> View<'_> {
    View {
        data,
        channels,
        image_stride: channels * size.plane(),
        readings: &[],
    }
}

/// The same, but read otherwise than it stands.
fn read<'a>(view: View<'a>, readings: &'a [Reading]) -> View<'a> {
    View { readings, ..view }
}

#[test]
fn convolutions_equal_burns_on_every_path() {
    for dims in SIZES {
        for [i, o] in CHANNELS {
            for kernel in [1, 3] {
                let case = case(dims, [i, o], kernel);
                let x = view(&case.x, i, case.size);
                let grad = view(&case.grad, o, case.size);
                for path in Path::available() {
                    let what = format!("{path:?} {dims:?} {i}→{o} {kernel}×{kernel}");
                    let bias = After::bias(&case.bias);
                    let y = conv::forward(path, &[x], &case.weight, bias, [o, kernel], case.size);
                    assert_close(&y, &case.expected[0], &what);
                    let all = 0..i;
                    let dx = conv::data_gradient(
                        path,
                        grad,
                        &case.weight,
                        [i, kernel],
                        std::slice::from_ref(&all),
                        case.size,
                    );
                    assert_close(&dx[0], &case.expected[1], &format!("dx {what}"));
                    let dw = conv::weight_gradient(path, &[x], grad, kernel, case.size);
                    assert_close(&dw, &case.expected[2], &format!("dw {what}"));
                    let db = conv::channel_sums(grad, case.size);
                    assert_close(&db, &case.expected[3], &format!("db {what}"));
                }
            }
        }
    }
}

/// Large enough that bands are cut, weights overflow the cache and partial sums are added.
#[test]
fn large_convolutions_equal_burns() {
    for (dims, channels) in [
        ([2, 96, 64], [20, 12]),
        ([5, 8, 8], [96, 120]),
        ([1, 20, 20], [64, 128]),
    ] {
        let case = case(dims, channels, 3);
        let [i, o] = channels;
        let x = view(&case.x, i, case.size);
        let grad = view(&case.grad, o, case.size);
        for path in Path::available() {
            let what = format!("{path:?} {dims:?} {channels:?}");
            let bias = After::bias(&case.bias);
            let y = conv::forward(path, &[x], &case.weight, bias, [o, 3], case.size);
            assert_close(&y, &case.expected[0], &what);
            let ranges = [0..i / 3, i / 3..i];
            let dx = conv::data_gradient(path, grad, &case.weight, [i, 3], &ranges, case.size);
            let mut both = Vec::new();
            for image in 0..dims[0] {
                for (range, dx) in ranges.iter().zip(&dx) {
                    let len = range.len() * case.size.plane();
                    both.extend_from_slice(&dx[image * len..(image + 1) * len]);
                }
            }
            assert_close(&both, &case.expected[1], &format!("dx {what}"));
            let dw = conv::weight_gradient(path, &[x], grad, 3, case.size);
            assert_close(&dw, &case.expected[2], &format!("dw {what}"));
        }
    }
}

/// What follows a convolution in evaluation, in the same pass or after it.
#[test]
fn scale_shift_and_rectifying_follow_on_every_path() {
    for (dims, channels) in [([1, 5, 7], [3, 5]), ([2, 13, 33], [17, 18])] {
        let case = case(dims, channels, 3);
        let [i, o] = channels;
        let (x, plane) = (view(&case.x, i, case.size), case.size.plane());
        let scale = numbers(o, 5);
        let expected = |rectify| -> Vec<f32> {
            let each = case.expected[0].iter().enumerate();
            each.map(|(at, y)| {
                let channel = at / plane % o;
                let y = (y - case.bias[channel]) * scale[channel] + case.bias[channel];
                if rectify { y.max(0.0) } else { y }
            })
            .collect()
        };
        for path in Path::available() {
            for rectify in [false, true] {
                let after = After {
                    scale: &scale,
                    shift: &case.bias,
                    rectify,
                };
                let y = conv::forward(path, &[x], &case.weight, after, [o, 3], case.size);
                let what = format!("{path:?} {dims:?} {rectify}");
                assert_close(&y, &expected(rectify), &what);
            }
        }
    }
}

/// The extension's plumbing: parents in the right order, slices read in place, and the second
/// input of a concatenation.
#[test]
fn the_extension_equals_burn_through_autodiff() {
    let device = Device::flex().autodiff();
    let [n, a, b, o, h, w] = [3, 5, 3, 4, 5, 7];
    let ta = tensor(&numbers(n * a * h * w, 1), [n, a, h, w], &device).require_grad();
    // A slice of the channels of something larger.
    let wide = tensor(&numbers(n * 9 * h * w, 2), [n, 9, h, w], &device).require_grad();
    let weight = tensor(&numbers(o * (a + b) * 9, 3), [o, a + b, 3, 3], &device).require_grad();
    let bias = tensor(&numbers(o, 4), [o], &device).require_grad();
    let grad = tensor(&numbers(n * o * h * w, 5), [n, o, h, w], &device);
    let slice = || wide.clone().slice([0..n, 4..4 + b]);
    let run = |y: Tensor<4>| {
        let grads = (y.clone() * grad.clone()).sum().backward();
        [
            values(y.inner()),
            values(ta.grad(&grads).unwrap()),
            values(wide.grad(&grads).unwrap()),
            values(weight.grad(&grads).unwrap()),
            values(bias.grad(&grads).unwrap()),
        ]
    };
    let options = ConvOptions::new([1, 1], [1, 1], [1, 1], 1);
    let joined = || Tensor::cat(vec![ta.clone(), slice()], 1);
    let expected = run(module::conv2d(
        joined(),
        weight.clone(),
        Some(bias.clone()),
        options,
    ));
    let found = [
        run(extension::conv(
            joined(),
            weight.clone(),
            Some(bias.clone()),
            false,
        )),
        run(extension::conv(
            joined(),
            weight.clone(),
            Some(bias.clone()),
            true,
        )),
        run(extension::conv_cat(
            ta.clone(),
            slice(),
            weight.clone(),
            Some(bias.clone()),
        )),
    ];
    for found in found {
        for (found, expected) in found.iter().zip(&expected) {
            assert_close(found, expected, "");
        }
    }
}

#[test]
fn only_single_precision_on_the_cpu_is_taken() {
    let device = Device::flex();
    assert!(extension::fits(&Tensor::<1>::zeros([1], &device)));
    let traced = device.autodiff();
    assert!(extension::fits(&Tensor::<1>::zeros([1], &traced)));
    let double = Tensor::<1>::zeros([1], &traced).cast(burn::tensor::DType::F64);
    assert!(!extension::fits(&double));
}
